//! How a correction is spread over time.
//!
//! A fast slew keeps the time error small and makes the frequency wrong meanwhile. One of δ over D of the T seconds to the
//! next update adds δ²·D/3T to the mean square of the time error and δ²/DT to that of the frequency error; both are
//! independent of the errors of the estimate, which a correction says nothing of. The best D for a given price of the one
//! in terms of the other does not depend on δ, so every correction takes the same share of the interval, at the end of
//! which there will be a new plan: a larger one of a long interval, in which few but large corrections make most of the
//! unevenness of the rate.

use truechimer_time::Frequency;

/// Share of the interval to the next update that a slew takes: this of a short one…
const SHARE: f64 = 0.55;
/// …and this of a long one, less so many seconds.
const LONG_SHARE: f64 = 0.85;
const LONG_LESS_S: f64 = 96.0;

/// A slew lasts so long if nobody knows when the next update is due.
const UNKNOWN_S: f64 = 20.0;

/// A correction of more than so many of its own sigmas is no noise.
const SIGNIFICANT: f64 = 3.0;

/// One that may be noise can be spread over so long, however soon the next update is expected.
const PATIENT_S: f64 = 76.0;

/// As a share of the ratio of the sigmas of offset and frequency, which is about how long a filter remembers.
const SHARE_OF_MEMORY: f64 = 0.1;

/// A slew is not made longer than this: 30 000 years.
const LONGEST_S: f64 = 1e12;

/// A thousandth of the clock's resolution needs no correction.
const LEAST_CORRECTION_S: f64 = 1e-13;

/// What to tell the clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// The rate to return to.
    pub base: Frequency,
    /// The rate to set now: base and slew together.
    pub slewing: Frequency,
    /// After so many seconds, by the clock that is being slewed, set `base`. Zero: there is no slew, `base`
    /// and `slewing` are the same.
    pub duration_s: f64,
}

/// Turns corrections into plans, within limits.
#[derive(Clone, Copy, Debug)]
pub struct Servo {
    max_slew_rate: f64,
    max_frequency: f64,
}

impl Servo {
    /// `max_slew_rate`: fastest slew; `max_frequency`: largest frequency correction without slew; both in
    /// seconds a second.
    pub fn new(max_slew_rate: f64, max_frequency: f64) -> Self {
        let legal = |value: f64| if value.is_finite() { value.clamp(1e-9, 0.1) } else { 500e-6 };
        Self { max_slew_rate: legal(max_slew_rate), max_frequency: legal(max_frequency) }
    }

    /// Plans a correction of `correction_s` (positive: the clock is slow) with its one sigma, at a wanted
    /// base rate `frequency` (dθ/dt) with its one sigma, when the next update is expected in `interval_s`
    /// seconds. A correction larger than the slew limit can do by then takes as long as it takes. Values
    /// that are no numbers correct nothing.
    pub fn plan(
        &self,
        correction_s: f64,
        correction_sd_s: f64,
        frequency: f64,
        frequency_sd: f64,
        interval_s: f64,
    ) -> Plan {
        let wanted = if frequency.is_finite() { frequency } else { 0.0 };
        let base = wanted.clamp(-self.max_frequency, self.max_frequency);
        if !correction_s.is_finite() || correction_s.abs() < LEAST_CORRECTION_S {
            return Plan { base: Frequency::new(base), slewing: Frequency::new(base), duration_s: 0.0 };
        }
        let usual = if interval_s > 0.0 { share_of(interval_s).min(LONGEST_S) } else { UNKNOWN_S };
        // What may be noise has time: with several sources the next update is often only a moment away. But no
        // more than a part of the time in which the estimate itself becomes another one.
        let patient = (SHARE_OF_MEMORY * correction_sd_s / frequency_sd.abs()).min(PATIENT_S);
        let noise = correction_s.abs() <= SIGNIFICANT * correction_sd_s;
        let spread = if noise { usual.max(patient) } else { usual };
        let rate = (correction_s / spread).clamp(-self.max_slew_rate, self.max_slew_rate);
        // The slew acts on raw time, of which the clock sees 1 + rate as much.
        let duration_s = ((correction_s / rate) * (1.0 + base + rate)).min(LONGEST_S);
        Plan { base: Frequency::new(base), slewing: Frequency::new(base + rate), duration_s }
    }
}

/// How long a slew lasts when the next update is expected in `interval_s` seconds.
fn share_of(interval_s: f64) -> f64 {
    (SHARE * interval_s).max(LONG_SHARE * interval_s - LONG_LESS_S)
}

#[cfg(test)]
mod tests;
