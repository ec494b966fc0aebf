//! How a correction is spread over time.
//!
//! A fast slew keeps the time error small and makes the frequency wrong meanwhile. A slew of |correction| /
//! (4 σ of the frequency) seconds disturbs the frequency by no more than it is uncertain anyway; it is kept
//! within the time to the next update, when there will be a new plan, and long enough that noise in the
//! correction does not become noise in the rate.

use truechimer_time::Frequency;

/// A slew is not made shorter than this, if the next update is farther away.
const SHORTEST_S: f64 = 20.0;

/// A correction of more than so many of its own sigmas is no noise.
const SIGNIFICANT: f64 = 3.0;

/// One that may be noise can be spread over so long, however soon the next update is expected.
const PATIENT_S: f64 = 58.0;

/// As a share of the ratio of the sigmas of offset and frequency, which is about how long a filter remembers.
const SHARE_OF_MEMORY: f64 = 0.08;

/// A slew is not made longer than this: 30 000 years.
const LONGEST_S: f64 = 1e12;

/// A thousandth of the clock's resolution needs no correction.
const LEAST_CORRECTION_S: f64 = 1e-13;

/// Share of the interval to the next update in which a slew should end: this of a short one…
const SHARE: f64 = 0.6;
/// …and this of a long one, less so many seconds. Short intervals are where a lagging clock is felt, long ones where an
/// uneven rate is.
const LONG_SHARE: f64 = 0.9;
const LONG_LESS_S: f64 = 19.2;

/// Sigmas of the frequency that a slew may disturb it by.
const SIGMAS: f64 = 4.0;

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
        let interval = if interval_s > 0.0 { share_of(interval_s).min(LONGEST_S) } else { SHORTEST_S };
        let gentle = correction_s.abs() / (SIGMAS * frequency_sd.abs());
        // What may be noise has time: with several sources the next update is often only a moment away. But no
        // more than a part of the time in which the estimate itself becomes another one.
        let patient = (SHARE_OF_MEMORY * correction_sd_s / frequency_sd.abs()).min(PATIENT_S);
        let noise = correction_s.abs() <= SIGNIFICANT * correction_sd_s;
        let longest = if noise { interval.max(patient) } else { interval };
        let shortest = if correction_s.abs() < correction_sd_s { longest } else { SHORTEST_S.min(interval) };
        let spread = if gentle.is_finite() { gentle.clamp(shortest, longest) } else { longest };
        let rate = (correction_s / spread).clamp(-self.max_slew_rate, self.max_slew_rate);
        // The slew acts on raw time, of which the clock sees 1 + rate as much.
        let duration_s = ((correction_s / rate) * (1.0 + base + rate)).min(LONGEST_S);
        Plan { base: Frequency::new(base), slewing: Frequency::new(base + rate), duration_s }
    }
}

/// The longest that a slew may last when the next update is expected in `interval_s` seconds.
fn share_of(interval_s: f64) -> f64 {
    (SHARE * interval_s).max(LONG_SHARE * interval_s - LONG_LESS_S)
}

#[cfg(test)]
mod tests;
