//! What the whole-program tests share.
//!
//! There are two layers of tests. `cargo test` passes on a bare machine: a test that needs a package which is not
//! there is listed as ignored, with the reason. With `TRUECHIMER_TESTS=all` (as in CI, after `tests/fetch.sh`) nothing may be
//! left out: what is missing is a failure.

#![forbid(unsafe_code)]

pub mod layer;
pub mod netns;
pub mod process;
pub mod programs;
