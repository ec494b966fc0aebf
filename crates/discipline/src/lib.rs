//! The mathematics: from samples to a steered clock with a bound on its error.
//!
//! ```text
//!  Sample ──> Estimator (one a source) ──> Candidate ──> select ──> combine ──> servo ──> ClockCommand
//!                └─> interval [lo, hi] ────────┘             └── bound            └── gates (step, panic)
//! ```
//!
//! Everything here is a plain function of its arguments.

#![forbid(unsafe_code)]

pub mod clock;
pub mod estimate;
pub mod gates;
