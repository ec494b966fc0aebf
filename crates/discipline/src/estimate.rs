//! The narrow interface between the measurement of one source and everything after it. Estimators are
//! replaced and compared behind it.

use truechimer_time::Raw;

use crate::bank::joint::Witness;

/// One completed exchange with a source, or one pulse of a reference clock, on the raw scale.
///
/// θ is the offset of the true time against the raw clock (true − raw), in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When the reply arrived (t4), by the raw clock.
    pub at: Raw,
    /// When the request left (t1), by the raw clock.
    pub sent: Raw,
    /// Forward leg in seconds: t2 − t1 = θ + forward delay. An upper bound of θ, but for the server's error.
    pub forward: f64,
    /// Backward leg in seconds: t4 − t3 = −θ + backward delay. Its negative is a lower bound of θ.
    pub backward: f64,
    /// How wrong the four stamps may be together, in seconds: precisions of both clocks and stamp errors.
    pub precision: f64,
    /// What the server says of itself: root delay in seconds.
    pub root_delay: f64,
    /// What the server says of itself: root dispersion in seconds.
    pub root_dispersion: f64,
    /// `Some` for a one-way reference (PPS, PHC, SHM…): the stated largest error of such a sample in seconds.
    /// Then `forward = −backward = θ`.
    pub reference_error: Option<f64>,
}

impl Sample {
    /// Offset θ if both directions took equally long, RFC 5905 §8 equation for θ.
    pub fn offset(&self) -> f64 {
        (self.forward - self.backward) / 2.0
    }

    /// Round trip in seconds without the server's share, RFC 5905 §8 equation for δ. It can come out slightly
    /// negative when clocks are coarse.
    pub fn delay(&self) -> f64 {
        self.forward + self.backward
    }
}

/// What an estimator believes at one moment. All variances are honest: RMS(error/σ) is about 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// θ = true − raw in seconds.
    pub offset: f64,
    /// dθ/dt in seconds a second: by how much the raw clock runs slow.
    pub frequency: f64,
    /// Variance of `offset`, s².
    pub offset_variance: f64,
    /// Variance of `frequency`.
    pub frequency_variance: f64,
    /// Covariance of both, s.
    pub covariance: f64,
}

/// What is known of the local oscillator: it belongs to the machine and is shared by all sources.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Oscillator {
    /// dθ/dt as last learned (or read from the frequency file).
    pub frequency: f64,
    /// One sigma of `frequency`.
    pub frequency_sd: f64,
    /// Wander: the frequency's random walk, per √s.
    pub wander: f64,
    /// By how much the rate may differ at once from what its statistics tell, seconds a second: warmth and vibration come
    /// in minutes. Not learned, but promised by the configuration; a bound rests on it.
    pub allowance: f64,
}

impl Oscillator {
    /// The same, seen by somebody who has left out the last so many samples: the allowance is for what is not seen between one sample
    /// and the next.
    pub fn unseen_for(self, left_out: u32) -> Self {
        Self { allowance: self.allowance * (1.0 + f64::from(left_out)), ..self }
    }
}

impl Default for Oscillator {
    /// An unknown crystal: within 100 ppm, wandering 1e-9 per √s, steady to 1 ppm.
    fn default() -> Self {
        Self { frequency: 0.0, frequency_sd: 1e-4, wander: 1e-9, allowance: 1e-6 }
    }
}

/// What people are shown of one source's measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Samples taken in since the last reset.
    pub samples: u64,
    /// Samples the estimator chose to leave out (spikes).
    pub held: u64,
    /// Smallest round trip believed possible on this path, seconds.
    pub base_delay: f64,
    /// Standard deviation of the measurement noise of recent samples, seconds.
    pub jitter: f64,
    /// Wander learned from this source, per √s.
    pub wander: f64,
    /// One sigma of the offset estimate at the last sample, seconds.
    pub offset_sd: f64,
}

/// Turns the samples of one source into an estimate of θ.
pub trait Estimator: Send + std::fmt::Debug {
    /// Takes one sample in. Samples come in order of `at`; one that does not is ignored.
    fn update(&mut self, sample: &Sample, oscillator: &Oscillator);

    /// The estimate carried forward to `at`; `None` before the first sample.
    fn estimate(&self, at: Raw) -> Option<Estimate>;

    /// For reports.
    fn statistics(&self) -> Statistics;

    /// How many samples it has left out since the last that it took in: what the oscillator has done since then it does not say.
    fn left_out(&self) -> u32 {
        0
    }

    /// What it makes of the last sample, for an estimate from several sources; `None` if it has nothing to say to that.
    fn witness(&self) -> Option<Witness<'_>> {
        None
    }

    /// Forgets the path (a new address, a clock that was interfered with), not the oscillator.
    fn reset(&mut self);
}
