//! The time as somebody types it in: for an island without any source.
//!
//! A typed time is no guarantee. Nothing that rests on one makes the clock count as synchronised, and no bound is made of
//! it: clients are told of it by the local reference, if there is one, with the operator's word for a distance. While
//! sources stand behind the clock, a typed time is compared with it and corrects nothing.

use truechimer_discipline::estimate::Oscillator;
use truechimer_time::{Cooked, NtpDuration, Raw};

/// So many are kept, the latest: as many as chrony's protocol can list.
pub const MOST_TYPED: usize = 16;
/// One sigma of what somebody types to the second, in time with a watch, seconds.
pub(crate) const TYPED_SD_S: f64 = 0.5;
/// Two in one second are one key struck twice.
const LEAST_SPACING_S: f64 = 1.0;
/// A rate that contradicts what is known of the oscillator by so many sigmas comes of a mistake in typing.
const PLAUSIBLE: f64 = 3.0;

/// A time that somebody typed, for lists.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TypedTime {
    /// The time.
    pub time: Cooked,
    /// By how much the clock was slow then, seconds.
    pub offset_s: f64,
    /// The same if the clock had been corrected then as it is now, seconds.
    pub corrected_offset_s: f64,
    /// Its distance from what all of them say together, seconds.
    pub residual_s: f64,
}

/// What came of a time that somebody typed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TypedOutcome {
    /// By how much the clock was slow, seconds.
    pub offset_s: f64,
    /// By how much its rate was changed, seconds a second; positive makes it faster.
    pub frequency_change: f64,
    /// The correction of its rate now, seconds a second.
    pub frequency: f64,
}

/// One of them on the raw scale.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Raw,
    time: Cooked,
    /// True time against the raw clock, seconds.
    theta: f64,
    /// By how much the clock was slow, seconds.
    offset_s: f64,
}

/// A straight line through all of them, with what was known of the rate before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fit {
    centre: Raw,
    theta: f64,
    pub(crate) frequency: f64,
    pub(crate) frequency_sd: f64,
    /// Whether the rate can be right; else it is the one that was known before.
    pub(crate) plausible: bool,
}

impl Fit {
    /// θ by the line.
    pub(crate) fn at(&self, at: Raw) -> f64 {
        self.theta + self.frequency * (at - self.centre).seconds()
    }
}

/// All that were typed.
#[derive(Debug)]
pub(crate) struct Manual {
    enabled: bool,
    samples: Vec<Sample>,
    /// What was known of the oscillator before the first.
    prior: Oscillator,
}

impl Manual {
    pub(crate) fn new(enabled: bool) -> Self {
        Self { enabled, samples: Vec::new(), prior: Oscillator::default() }
    }

    pub(crate) fn enable(&mut self, enabled: bool) {
        self.enabled = enabled;
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Whether another one at this moment is too soon after the last.
    pub(crate) fn is_hasty(&self, at: Raw) -> bool {
        self.samples.last().is_some_and(|last| (at - last.at).seconds().abs() < LEAST_SPACING_S)
    }

    /// One more: when the raw clock showed `at`, it was `time`.
    pub(crate) fn add(&mut self, at: Raw, time: Cooked, theta: f64, offset_s: f64, oscillator: Oscillator) {
        if self.samples.is_empty() {
            self.prior = oscillator;
        }
        if self.samples.len() >= MOST_TYPED {
            self.samples.remove(0);
        }
        self.samples.push(Sample { at, time, theta, offset_s });
    }

    /// The last one is taken back.
    pub(crate) fn withdraw(&mut self) {
        self.samples.pop();
    }

    /// One less; `false` if there is none of that number.
    pub(crate) fn remove(&mut self, index: usize) -> bool {
        let known = index < self.samples.len();
        if known {
            self.samples.remove(index);
        }
        known
    }

    pub(crate) fn clear(&mut self) {
        self.samples.clear();
    }

    /// The raw scale started anew, so many seconds ahead of the old one.
    pub(crate) fn shift(&mut self, by: NtpDuration) {
        for sample in &mut self.samples {
            sample.at = sample.at + by;
            sample.theta -= by.seconds();
        }
    }

    /// What they say together; `None` without any. Each is wrong by half a second, more or less, so it takes hours before
    /// they say more of the rate than was known. A rate that they cannot have seen is left out.
    pub(crate) fn fit(&self) -> Option<Fit> {
        let first = self.samples.first()?;
        let count = self.samples.len() as f64;
        let since = |sample: &Sample| (sample.at - first.at).seconds();
        // Offsets can be decades: what is added up is their differences.
        let above = |sample: &Sample| sample.theta - first.theta;
        let middle = self.samples.iter().map(since).sum::<f64>() / count;
        let mean = self.samples.iter().map(above).sum::<f64>() / count;
        let spread = self.samples.iter().map(|sample| (since(sample) - middle).powi(2)).sum::<f64>();
        let product =
            self.samples.iter().map(|sample| (since(sample) - middle) * (above(sample) - mean)).sum::<f64>();
        let known = if self.prior.frequency.is_finite() { self.prior.frequency } else { 0.0 };
        let known_variance = self.prior.frequency_sd.powi(2).max(f64::MIN_POSITIVE);
        let information = spread / TYPED_SD_S.powi(2);
        let plausible = spread > 0.0 && {
            let apart = (product / spread - known).abs();
            apart <= PLAUSIBLE * (1.0 / information + known_variance).sqrt()
        };
        let (frequency, variance) = if plausible {
            let variance = 1.0 / (information + 1.0 / known_variance);
            ((product / TYPED_SD_S.powi(2) + known / known_variance) * variance, variance)
        } else {
            (known, known_variance)
        };
        Some(Fit {
            centre: first.at + NtpDuration::from_seconds(middle),
            theta: first.theta + mean,
            frequency,
            frequency_sd: variance.sqrt(),
            plausible,
        })
    }

    /// All of them; `corrected_at` is by how much the clock, corrected as it is now, was ahead of the raw one then.
    pub(crate) fn list(&self, corrected_at: impl Fn(Raw) -> f64) -> Vec<TypedTime> {
        let Some(fit) = self.fit() else { return Vec::new() };
        let typed = |sample: &Sample| TypedTime {
            time: sample.time,
            offset_s: sample.offset_s,
            corrected_offset_s: sample.theta - corrected_at(sample.at),
            residual_s: sample.theta - fit.at(sample.at),
        };
        self.samples.iter().map(typed).collect()
    }
}
