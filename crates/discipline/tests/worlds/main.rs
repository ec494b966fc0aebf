//! Whole worlds, seconds for hours: the estimator and the interval against the truth.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod accuracy;
mod bound;
mod steering;
mod world;
