//! One Gaussian belief about the clock and the base delays of all sources.

#![allow(clippy::indexing_slicing)] // Every index is below N.

use super::super::mixture::Moments;
use super::super::pace::{Pace, RELAXATION_S};
use super::super::state::{Direction, Evidence, LONGEST_STEP_S, MOST_STEPS};
use crate::estimate::Estimate;

/// For so many sources at most.
pub(super) const SOURCES: usize = 8;

/// Offset, frequency and drift of the clock…
const CLOCK: usize = 3;
/// …and the base delays of each source, forward and backward.
const N: usize = CLOCK + 2 * SOURCES;

/// What is known of a source's base delays: means, and their covariance.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Delays {
    pub(in super::super) mean: [f64; 2],
    pub(in super::super) covariance: [[f64; 2]; 2],
    /// One sigma of half their difference, apart from that, seconds.
    pub(in super::super) asymmetry_sd: f64,
}

/// What was believed of a source's asymmetry, half the difference of its base delays, at first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anchor {
    mean: f64,
    /// Zero: there is nobody at this place.
    weight: f64,
}

impl Delays {
    /// Covariance with what is not known of their difference.
    fn loose(&self) -> [[f64; 2]; 2] {
        let variance = self.asymmetry_sd * self.asymmetry_sd;
        let [[ff, fb], [bf, bb]] = self.covariance;
        [[ff + variance, fb - variance], [bf - variance, bb + variance]]
    }

    pub(super) fn anchor(&self) -> Anchor {
        let variance = self.asymmetry_sd * self.asymmetry_sd;
        Anchor { mean: (self.mean[0] - self.mean[1]) / 2.0, weight: 1.0 / variance.max(LEAST_VARIANCE) }
    }
}

impl Anchor {
    pub(super) const NONE: Self = Self { mean: 0.0, weight: 0.0 };
}

/// No asymmetry is known better than to a nanosecond, s².
const LEAST_VARIANCE: f64 = 1e-18;

/// Mean and covariance.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    mean: [f64; N],
    covariance: [[f64; N]; N],
    /// Up to which row there is anything.
    used: usize,
}

/// A leg before it is taken in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prediction {
    pub(super) value: f64,
    pub(super) variance: f64,
    gain: [f64; N],
}

impl State {
    pub(super) fn new(estimate: &Estimate, pace: Pace) -> Self {
        let mut state = Self { mean: [0.0; N], covariance: [[0.0; N]; N], used: CLOCK };
        state.mean[..2].copy_from_slice(&[estimate.offset, estimate.frequency]);
        let p = &mut state.covariance;
        p[0][0] = estimate.offset_variance;
        p[0][1] = estimate.covariance;
        p[1][0] = estimate.covariance;
        p[1][1] = estimate.frequency_variance;
        state.adapt(pace);
        state
    }

    /// Whether this can be a belief.
    pub(super) fn is_sound(&self) -> bool {
        let p = &self.covariance;
        self.mean.iter().all(|value| value.is_finite())
            && (0..self.used).all(|i| p[i][i].is_finite() && p[i][i] >= 0.0)
            && p[0][0] > 0.0
            && p[1][1] > 0.0
    }

    /// Of the offset, if nothing is assumed of the asymmetries on the whole.
    pub(super) fn offset_variance(&self) -> f64 {
        self.covariance[0][0]
    }

    /// Offset and frequency, if the anchors are right on the whole: their weighted mean is.
    pub(super) fn anchored(&self, anchors: &[Anchor; SOURCES]) -> Moments {
        let p = &self.covariance;
        let mut moments =
            Moments { mean: [self.mean[0], self.mean[1]], covariance: [p[0][0], p[0][1], p[1][1]] };
        let total: f64 = anchors.iter().map(|anchor| anchor.weight).sum();
        if total <= 0.0 {
            return moments;
        }
        // u, the mean excess of the asymmetries, is a linear form of the state: uᵀx less a constant.
        let mut form = [0.0; N];
        let mut excess = 0.0;
        for (place, anchor) in anchors.iter().enumerate() {
            let first = CLOCK + 2 * place;
            form[first] = anchor.weight / total / 2.0;
            form[first + 1] = -form[first];
            excess += form[first] * 2.0 * (self.asymmetry(place) - anchor.mean);
        }
        let along = |row: &[f64; N]| row.iter().zip(&form).map(|(p, u)| p * u).sum::<f64>();
        let (theta, f) = (along(&p[0]), along(&p[1]));
        let variance: f64 = p.iter().zip(&form).map(|(row, u)| u * along(row)).sum();
        if variance > LEAST_VARIANCE {
            let [tt, tf, ff] = moments.covariance;
            moments.covariance =
                [tt - theta * theta / variance, tf - theta * f / variance, ff - f * f / variance];
            moments.mean[0] -= theta / variance * excess;
            moments.mean[1] -= f / variance * excess;
        }
        // By how much the sources differ says by how much their mean may be wrong.
        for (place, anchor) in anchors.iter().enumerate() {
            let own = self.asymmetry(place) - anchor.mean - excess;
            moments.covariance[0] += (anchor.weight / total * own).powi(2);
        }
        moments.covariance[0] = moments.covariance[0].max(LEAST_VARIANCE);
        moments.covariance[2] = moments.covariance[2].max(f64::MIN_POSITIVE);
        moments
    }

    /// Half the difference of the base delays at a place.
    fn asymmetry(&self, place: usize) -> f64 {
        let first = CLOCK + 2 * place;
        (self.mean[first] - self.mean[first + 1]) / 2.0
    }

    /// What is known of the base delays at this place is what the source says.
    pub(super) fn open(&mut self, place: usize, delays: &Delays) {
        let first = CLOCK + 2 * place;
        self.used = self.used.max(first + 2);
        self.mean[first..first + 2].copy_from_slice(&delays.mean);
        for row in &mut self.covariance {
            row[first..first + 2].fill(0.0);
        }
        for (row, own) in self.covariance[first..first + 2].iter_mut().zip(&delays.loose()) {
            row.fill(0.0);
            row[first..first + 2].copy_from_slice(own);
        }
    }

    pub(super) fn pass(&mut self, dt: f64, pace: Pace) {
        let steps = if pace.drift > 0.0 { (dt / LONGEST_STEP_S).ceil().clamp(1.0, MOST_STEPS) } else { 1.0 };
        (0..steps as u32).for_each(|_| self.step(dt / steps, pace));
    }

    fn step(&mut self, dt: f64, pace: Pace) {
        let keep = (-dt / RELAXATION_S).exp();
        let half = dt * dt / 2.0;
        self.mean[0] += self.mean[1] * dt + half * self.mean[2];
        self.mean[1] += dt * self.mean[2];
        self.mean[2] *= keep;
        let used = self.used;
        let p = &mut self.covariance;
        let [offset, frequency, drifts, ..] = p;
        for ((offset, frequency), drift) in offset.iter_mut().zip(frequency).zip(drifts).take(used) {
            *offset += dt * *frequency + half * *drift;
            *frequency += dt * *drift;
            *drift *= keep;
        }
        for row in p.iter_mut().take(used) {
            row[0] += dt * row[1] + half * row[2];
            row[1] += dt * row[2];
            row[2] *= keep;
        }
        let (v2, w2) = (pace.drift * pace.drift, pace.wander * pace.wander);
        p[0][0] += v2 * half * half * dt / 5.0 + w2 * half * dt * 2.0 / 3.0;
        p[1][1] += v2 * half * dt * 2.0 / 3.0 + w2 * dt;
        p[2][2] += v2 * dt;
        for (i, j, walk) in
            [(0, 1, v2 * half * half / 2.0 + w2 * half), (0, 2, v2 * half * dt / 3.0), (1, 2, v2 * half)]
        {
            p[i][j] += walk;
            p[j][i] = p[i][j];
        }
    }

    pub(super) fn adapt(&mut self, pace: Pace) {
        if pace.drift == 0.0 || self.covariance[2][2] == 0.0 {
            self.mean[2] = 0.0;
            for i in 0..N {
                self.covariance[2][i] = 0.0;
                self.covariance[i][2] = 0.0;
            }
            self.covariance[2][2] = pace.drift * pace.drift * RELAXATION_S / 2.0;
        }
    }

    pub(super) fn predict(&self, place: usize, direction: Direction) -> Prediction {
        let p = &self.covariance;
        let (sign, index) = match direction {
            Direction::Forward => (1.0, CLOCK + 2 * place),
            Direction::Backward => (-1.0, CLOCK + 2 * place + 1),
        };
        // Rows for columns: the covariance is symmetric.
        let (offset, delay) = (&p[0], &p[index]);
        let gain: [f64; N] = std::array::from_fn(|i| sign * offset[i] + delay[i]);
        Prediction {
            value: sign * self.mean[0] + self.mean[index],
            variance: sign * gain[0] + gain[index],
            gain,
        }
    }

    pub(super) fn take(&mut self, prediction: &Prediction, evidence: &Evidence) {
        let Prediction { variance, gain, .. } = *prediction;
        if variance <= 0.0 {
            return;
        }
        let reduction = variance * (evidence.slope * evidence.slope - evidence.bend);
        let shrink = reduction.clamp(-0.5, 1.0 - 1e-7) / variance;
        for i in 0..self.used {
            self.mean[i] += gain[i] * evidence.slope;
            for j in 0..self.used {
                self.covariance[i][j] -= gain[i] * gain[j] * shrink;
            }
        }
    }
}
