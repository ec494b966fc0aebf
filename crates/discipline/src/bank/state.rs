//! One Gaussian belief about (θ, f, d_f, d_b, g), and how time and a leg of an exchange change it.

#![allow(clippy::indexing_slicing)] // Every index is a constant below N, or runs up to it.

use super::mixture::Moments;
use super::pace::{Pace, RELAXATION_S};

/// Dimensions: offset θ, frequency f = dθ/dt, base delay forward, base delay backward, drift g = df/dt.
pub(super) const N: usize = 5;

/// Which way a leg goes, and so how it sees the state: z_f = θ + d_f + e, z_b = −θ + d_b + e.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    Backward,
}

/// What a leg's law of noise says about a residual D = z − hᵀμ whose Gaussian part has variance V: Z is the density of D, and the derivatives
/// are those of ln Z with respect to hᵀμ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    /// ln Z.
    pub(super) ln_z: f64,
    /// Z'/Z: by how much to move, per unit of hᵀPh.
    pub(super) slope: f64,
    /// Z''/Z.
    pub(super) bend: f64,
}

/// Longer times pass in several steps, in which what moves can be taken for constant, seconds; but no more than so many.
pub(super) const LONGEST_STEP_S: f64 = RELAXATION_S / 16.0;
pub(super) const MOST_STEPS: f64 = 64.0;

/// Mean and covariance.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub(super) mean: [f64; N],
    pub(super) covariance: [[f64; N]; N],
}

/// A leg as the state sees it before taking it in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prediction {
    /// hᵀμ.
    pub(super) value: f64,
    /// hᵀPh.
    pub(super) variance: f64,
    /// Ph.
    gain: [f64; N],
}

impl State {
    /// Offset and frequency.
    pub(super) fn moments(&self) -> Moments {
        let p = &self.covariance;
        Moments { mean: [self.mean[0], self.mean[1]], covariance: [p[0][0], p[0][1], p[1][1]] }
    }

    /// Whether this can be a belief: finite, with a covariance that can be one. Only absurd samples lead elsewhere.
    pub(super) fn is_sound(&self) -> bool {
        let p = &self.covariance;
        let finite = self.mean.iter().chain(p.iter().flatten()).all(|value| value.is_finite());
        let possible =
            |i: usize, j: usize| p[i][j] * p[i][j] <= p[i][i] * p[j][j] * (1.0 + 1e-6) + f64::MIN_POSITIVE;
        finite
            && p[0][0] > 0.0
            && p[1][1] > 0.0
            && (0..N).all(|i| p[i][i] >= 0.0 && (0..i).all(|j| possible(i, j)))
    }

    /// `dt` seconds pass: the frequency walks, and its drift too. Base delays stay: moves of the route are hypotheses of their own.
    pub(super) fn pass(&mut self, dt: f64, pace: Pace) {
        if pace.drift > 0.0 {
            let steps = (dt / LONGEST_STEP_S).ceil().clamp(1.0, MOST_STEPS);
            (0..steps as u32).for_each(|_| self.pass_drifting(dt / steps, pace.drift));
        }
        let w2 = pace.wander * pace.wander;
        let p = &mut self.covariance;
        let (tt, tf, ff) = (w2 * dt * dt * dt / 3.0, w2 * dt * dt / 2.0, w2 * dt);
        if pace.drift == 0.0 {
            self.mean[0] += self.mean[1] * dt;
            p[0][0] += dt * (2.0 * p[0][1] + dt * p[1][1]);
            p[0][1] += dt * p[1][1];
            p[0][2] += dt * p[1][2];
            p[0][3] += dt * p[1][3];
            p[2][0] = p[0][2];
            p[3][0] = p[0][3];
        }
        p[0][0] += tt;
        p[0][1] += tf;
        p[1][0] = p[0][1];
        p[1][1] += ff;
    }

    /// The same with a drift, but for the walk of the frequency.
    fn pass_drifting(&mut self, dt: f64, drift: f64) {
        let keep = (-dt / RELAXATION_S).exp();
        let half = dt * dt / 2.0;
        self.mean[0] += self.mean[1] * dt + half * self.mean[4];
        self.mean[1] += dt * self.mean[4];
        self.mean[4] *= keep;
        let p = &mut self.covariance;
        let [offset, frequency, _, _, drifts] = p;
        for ((offset, frequency), drift) in offset.iter_mut().zip(frequency).zip(drifts) {
            *offset += dt * *frequency + half * *drift;
            *frequency += dt * *drift;
            *drift *= keep;
        }
        for row in p.iter_mut() {
            row[0] += dt * row[1] + half * row[4];
            row[1] += dt * row[4];
            row[4] *= keep;
        }
        let v2 = drift * drift;
        p[0][0] += v2 * half * half * dt / 5.0;
        p[1][1] += v2 * half * dt * 2.0 / 3.0;
        p[4][4] += v2 * dt;
        for (i, j, walk) in [(0, 1, half * half / 2.0), (0, 4, half * dt / 3.0), (1, 4, half)] {
            p[i][j] += v2 * walk;
            p[j][i] = p[i][j];
        }
    }

    /// A filter of another pace takes this state over.
    pub(super) fn adapted(mut self, pace: Pace) -> Self {
        if pace.drift == 0.0 || self.covariance[4][4] == 0.0 {
            self.mean[4] = 0.0;
            for i in 0..N {
                self.covariance[4][i] = 0.0;
                self.covariance[i][4] = 0.0;
            }
            // What the drift has when nothing is known of it.
            self.covariance[4][4] = pace.drift * pace.drift * RELAXATION_S / 2.0;
        }
        self
    }

    /// What the state expects of a leg.
    pub(super) fn predict(&self, direction: Direction) -> Prediction {
        let p = &self.covariance;
        let [theta, _, forward, backward, _] = self.mean;
        match direction {
            Direction::Forward => {
                let gain = std::array::from_fn(|i| p[i][0] + p[i][2]);
                Prediction { value: theta + forward, variance: gain[0] + gain[2], gain }
            }
            Direction::Backward => {
                let gain = std::array::from_fn(|i| p[i][3] - p[i][0]);
                Prediction { value: backward - theta, variance: gain[3] - gain[0], gain }
            }
        }
    }

    /// Takes a leg in: the Gaussian with the first two moments of the exact posterior (assumed-density filtering).
    pub(super) fn take(&mut self, prediction: &Prediction, evidence: &Evidence) {
        let Prediction { variance, gain, .. } = *prediction;
        if variance <= 0.0 {
            return;
        }
        // The posterior variance along h is V(1 − V·B). A law that is not log-concave can make it larger than the prior one, but not by so much
        // that one sample undoes many; and it can never reach zero.
        let reduction = variance * (evidence.slope * evidence.slope - evidence.bend);
        let shrink = reduction.clamp(-0.5, 1.0 - 1e-7) / variance;
        for i in 0..N {
            self.mean[i] += gain[i] * evidence.slope;
            for j in 0..N {
                self.covariance[i][j] -= gain[i] * gain[j] * shrink;
            }
        }
    }
}
