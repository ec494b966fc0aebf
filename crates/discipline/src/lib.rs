//! The mathematics: from samples to a steered clock with a bound on its error.
//!
//! ```text
//!  Sample ──> Estimator (one a source) ──> Candidate ──> select ──> combine ──> servo ──> ClockCommand
//!                └─> interval [lo, hi] ────────┘             └── bound            └── gates (step, panic)
//! ```
//!
//! Everything here is a plain function of its arguments: nothing reads a clock, allocates on the path of a
//! sample, or can panic on any value that comes in.
//!
//! # Scales and signs
//! Estimation happens on the *raw* scale, that of the free-running oscillator ([`timescale`]), so that
//! steering the clock never disturbs a filter. θ is true time minus raw time; a *correction* is true time
//! minus cooked time, positive when the clock is slow; a positive frequency makes the clock faster. To first
//! order, then, the frequency to set is dθ/dt, and the correction at a moment is θ minus (cooked − raw).
//!
//! # A correction from end to end
//! 1. Stamps of an exchange become raw times by [`timescale::Timescale::raw_at`], the exchange a
//!    [`estimate::Sample`].
//! 2. The source's [`estimate::Estimator`] (here [`bank::BankEstimator`]) and its
//!    [`interval::ErrorInterval`] take it in. The first gives the likeliest θ with an honest sigma, the
//!    second an interval that must contain it.
//! 3. [`select::Selector`] finds the majority by the intervals and the survivors by the estimates,
//!    [`combine::combine`] makes one estimate of these, which [`bank::joint::JointEstimator`] refines from their samples.
//! 4. [`gates::Gates`] says whether to slew, step or refuse; [`servo::Servo`] how fast to slew.
//! 5. What the clock made of it ([`clock::ClockResult`]) goes back into the timescale.

#![forbid(unsafe_code)]

pub mod bank;
pub mod clock;
pub mod combine;
pub mod estimate;
mod fixed;
pub mod gates;
pub mod interval;
pub mod leap;
pub mod select;
pub mod servo;
pub mod timescale;
pub mod virtual_clock;
