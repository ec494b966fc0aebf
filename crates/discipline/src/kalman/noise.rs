//! What one sample is worth: the laws of noise that the bank chooses from.

use crate::estimate::Sample;

use super::path::{Path, Queues};

/// Stamps are never better than this, seconds.
pub(super) const LEAST_STAMP_ERROR: f64 = 10e-9;

/// How the variance of a measurement depends on the excess delay e and the scale s of the path's noise:
/// (slope·e)² + (floor·s)².
#[derive(Clone, Copy, Debug)]
pub(super) struct NoiseClass {
    slope: f64,
    floor: f64,
    queues: Queues,
    /// In place of all that for a one-way reference, whose noise does not depend on any delay: times the
    /// scale of its noise.
    reference: f64,
}

/// A stated largest error of the stamps is at most so many sigmas.
const STATED_SIGMAS: f64 = 8.0;

/// How many laws there are.
pub(super) const LAWS: usize = 5;

/// The laws.
pub(super) const CLASSES: [NoiseClass; LAWS] = [
    // Exponential queues on both ways.
    NoiseClass { slope: 0.289, floor: 0.0, queues: Queues::BothWays, reference: 0.5 },
    // The same, and noisy stamps.
    NoiseClass { slope: 0.289, floor: 0.4, queues: Queues::BothWays, reference: 0.7 },
    // Noisy stamps, hardly any queues.
    NoiseClass { slope: 0.0, floor: 0.6, queues: Queues::BothWays, reference: 0.9 },
    // Most of the noise on one way.
    NoiseClass { slope: 0.08, floor: 0.05, queues: Queues::OneWay, reference: 1.1 },
    // All of it.
    NoiseClass { slope: 0.01, floor: 0.03, queues: Queues::OneWay, reference: 1.4 },
];

/// What one class makes of a sample: the excess of its round trip, seconds, and the variance of its offset,
/// s².
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) excess: f64,
    pub(super) noise: f64,
}

/// Noise of a one-way reference, from second differences: these are free of offset and frequency.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ReferenceNoise {
    /// The two samples before: seconds since the last one, offset.
    last: [(f64, f64); 2],
    count: u32,
    variance: f64,
}

impl NoiseClass {
    /// `doubt` is a variance that comes on top, s².
    pub(super) fn read(
        &self,
        path: &Path,
        reference: &ReferenceNoise,
        sample: &Sample,
        doubt: f64,
    ) -> Reading {
        // The stated error is the largest there can be; the usual one is learned, but it is not taken for less
        // than this.
        let stamps = (stamp_error(sample) / STATED_SIGMAS).powi(2);
        match sample.reference_error {
            None => {
                let excess = path.excess(sample.delay(), self.queues);
                let queues = (self.slope * excess).powi(2) + (self.floor * path.scale()).powi(2);
                Reading { excess, noise: queues + stamps + doubt }
            }
            Some(error) => {
                let noise = self.reference.powi(2) * reference.variance_or(error) + stamps;
                Reading { excess: 0.0, noise }
            }
        }
    }
}

impl ReferenceNoise {
    pub(super) fn update(&mut self, offset: f64, dt: f64) {
        let [(span, middle), (_, first)] = self.last;
        if self.count >= 2 && dt > 0.0 && span > 0.0 {
            // Distance of the middle sample from the line between its neighbours.
            let share = dt / (span + dt);
            let off = middle - (first * share + offset * (1.0 - share));
            let variance = off * off / (1.0 + share * share + (1.0 - share) * (1.0 - share));
            let n = f64::from(self.count.min(200) - 1);
            // One spike in a hundred must not set the scale.
            let variance = if self.count > 10 { variance.min(20.0 * self.variance) } else { variance };
            self.variance += (variance - self.variance) / n;
        }
        self.last = [(dt, offset), (span, middle)];
        self.count = self.count.saturating_add(1);
    }

    /// Until there are enough samples, what the source states counts: a stated largest error is about three
    /// sigma.
    fn variance_or(&self, stated_error: f64) -> f64 {
        let stated = stated_error * stated_error / 9.0;
        if self.count < 5 { stated } else { self.variance.min(stated) }
    }
}

/// How wrong the stamps of a sample may be together, seconds.
pub(super) fn stamp_error(sample: &Sample) -> f64 {
    sample.precision.max(LEAST_STAMP_ERROR)
}
