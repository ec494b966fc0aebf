//! A quartz oscillator: how fast it runs, second by second.
//!
//! Its frequency error is a constant, plus a random walk, plus white noise, plus sinusoids (the temperature of a
//! day, a thermostat), plus sudden jumps and slow ramps. Positive means that the oscillator runs fast.

use std::f64::consts::TAU;

use truechimer_time::Frequency;

use crate::random::Random;

/// What an oscillator is like.
#[derive(Clone, Debug, PartialEq)]
pub struct OscillatorConfig {
    /// Constant part of the frequency error, seconds a second.
    pub frequency: f64,
    /// Wander: the random walk of the frequency, per √s.
    pub wander: f64,
    /// White frequency noise, standard deviation of the mean frequency of one second.
    pub white: f64,
    /// Periodic parts.
    pub sines: Vec<Sine>,
    /// Sudden changes.
    pub jumps: Vec<FrequencyJump>,
    /// Slow changes.
    pub ramps: Vec<FrequencyRamp>,
}

/// amplitude · sin(2πt / period), t from the start of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sine {
    /// Amplitude, seconds a second.
    pub amplitude: f64,
    /// Period, seconds.
    pub period_s: f64,
}

/// The frequency error changes at once and stays so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrequencyJump {
    /// When, seconds from the start.
    pub at_s: f64,
    /// By how much, seconds a second.
    pub by: f64,
}

/// The frequency error changes in proportion to time from one moment to another, and stays so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrequencyRamp {
    /// Begin, seconds from the start.
    pub from_s: f64,
    /// End, seconds from the start.
    pub until_s: f64,
    /// By how much in all, seconds a second.
    pub by: f64,
}

impl Default for OscillatorConfig {
    /// 10 ppm fast and wandering 1e-9 per √s.
    fn default() -> Self {
        Self {
            frequency: 1e-5,
            wander: 1e-9,
            white: 0.0,
            sines: Vec::new(),
            jumps: Vec::new(),
            ramps: Vec::new(),
        }
    }
}

/// An oscillator in motion.
#[derive(Clone, Debug)]
pub struct Oscillator {
    config: OscillatorConfig,
    random: Random,
    step_s: f64,
    elapsed_s: f64,
    walk: f64,
}

impl Oscillator {
    /// At the start of a run. Its frequency is constant within steps of `step_s`.
    pub fn new(config: OscillatorConfig, step_s: f64, random: Random) -> Self {
        Self { config, random, step_s, elapsed_s: 0.0, walk: 0.0 }
    }

    /// The mean frequency error of the next step. The mean, not the value at its beginning: so the phase is that of
    /// the exact integral at every boundary of steps.
    pub fn advance(&mut self) -> Frequency {
        let (from, until) = (self.elapsed_s, self.elapsed_s + self.step_s);
        self.elapsed_s = until;
        self.walk += self.config.wander * self.step_s.sqrt() * self.random.normal();
        let mut mean = self.config.frequency + self.walk;
        if self.config.white != 0.0 {
            mean += self.config.white / self.step_s.sqrt() * self.random.normal();
        }
        for sine in &self.config.sines {
            let turn = TAU / sine.period_s;
            mean += sine.amplitude * ((turn * from).cos() - (turn * until).cos()) / (turn * self.step_s);
        }
        for jump in &self.config.jumps {
            mean += jump.by * ((until - jump.at_s) / self.step_s).clamp(0.0, 1.0);
        }
        for ramp in &self.config.ramps {
            mean += (ramp.integral(until) - ramp.integral(from)) / self.step_s;
        }
        Frequency::new(mean)
    }
}

impl FrequencyRamp {
    /// Phase in seconds that this ramp has brought until `t`.
    fn integral(&self, t: f64) -> f64 {
        let length = self.until_s - self.from_s;
        let inside = (t - self.from_s).clamp(0.0, length);
        let after = (t - self.until_s).max(0.0);
        self.by * (inside * inside / (2.0 * length) + after)
    }
}

#[cfg(test)]
mod tests;
