//! A Kalman filter on (θ, dθ/dt).

use truechimer_time::Raw;

use crate::estimate::{Estimate, Estimator, Oscillator, Sample, Statistics};

/// The filter.
#[derive(Clone, Debug, Default)]
pub struct KalmanEstimator {
    at: Option<Raw>,
    estimate: Option<Estimate>,
    base: f64,
    wander: f64,
    statistics: Statistics,
}

impl KalmanEstimator {
    /// Nothing is known.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Estimator for KalmanEstimator {
    fn update(&mut self, sample: &Sample, oscillator: &Oscillator) {
        if !(sample.offset().is_finite() && sample.delay().is_finite()) {
            return;
        }
        self.wander = oscillator.wander;
        let delay = sample.delay().max(0.0);
        self.base = if self.at.is_none() { delay } else { self.base.min(delay) };
        let floor = sample.precision.max(1e-8).powi(2);
        let excess = delay - self.base;
        let noise = match sample.reference_error {
            Some(error) => error * error / 9.0,
            None => floor + (excess * excess + 1e-4 * self.base * self.base) / 12.0,
        };
        self.statistics.samples += 1;
        self.statistics.base_delay = self.base;
        self.statistics.jitter = noise.sqrt();
        self.statistics.wander = self.wander;
        let next = match self.estimate(sample.at) {
            None => Estimate {
                offset: sample.offset(),
                frequency: oscillator.frequency,
                offset_variance: noise + delay * delay / 4.0,
                frequency_variance: oscillator.frequency_sd * oscillator.frequency_sd,
                covariance: 0.0,
            },
            Some(e) => {
                let total = e.offset_variance + noise;
                let (gain, slope) = (e.offset_variance / total, e.covariance / total);
                let innovation = sample.offset() - e.offset;
                Estimate {
                    offset: e.offset + gain * innovation,
                    frequency: e.frequency + slope * innovation,
                    offset_variance: e.offset_variance * noise / total,
                    frequency_variance: e.frequency_variance - slope * e.covariance,
                    covariance: e.covariance * noise / total,
                }
            }
        };
        self.at = Some(sample.at);
        self.statistics.offset_sd = next.offset_variance.sqrt();
        self.estimate = Some(next);
    }

    fn estimate(&self, at: Raw) -> Option<Estimate> {
        let (e, from) = (self.estimate?, self.at?);
        let dt = (at - from).seconds().max(0.0);
        let w2 = self.wander * self.wander;
        Some(Estimate {
            offset: e.offset + e.frequency * dt,
            frequency: e.frequency,
            offset_variance: e.offset_variance
                + dt * (2.0 * e.covariance + dt * e.frequency_variance)
                + w2 * dt.powi(3) / 3.0,
            frequency_variance: e.frequency_variance + w2 * dt,
            covariance: e.covariance + dt * e.frequency_variance + w2 * dt * dt / 2.0,
        })
    }

    fn statistics(&self) -> Statistics {
        self.statistics
    }

    fn reset(&mut self) {
        *self = Self::new();
    }
}
