//! One Gaussian belief about (θ, f, d_f, d_b), and how time and a leg of an exchange change it.

#![allow(clippy::indexing_slicing)] // Every index is a constant below N, or runs up to it.

/// Dimensions: offset θ, frequency f = dθ/dt, base delay forward, base delay backward.
pub(super) const N: usize = 4;

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

    /// `dt` seconds pass; the frequency walks by `wander` per √s. Base delays stay: moves of the route are hypotheses of their own.
    pub(super) fn pass(&mut self, dt: f64, wander: f64) {
        let w2 = wander * wander;
        let p = &mut self.covariance;
        self.mean[0] += self.mean[1] * dt;
        p[0][0] += dt * (2.0 * p[0][1] + dt * p[1][1]) + w2 * dt * dt * dt / 3.0;
        p[0][1] += dt * p[1][1] + w2 * dt * dt / 2.0;
        p[0][2] += dt * p[1][2];
        p[0][3] += dt * p[1][3];
        p[1][1] += w2 * dt;
        p[1][0] = p[0][1];
        p[2][0] = p[0][2];
        p[3][0] = p[0][3];
    }

    /// What the state expects of a leg.
    pub(super) fn predict(&self, direction: Direction) -> Prediction {
        let p = &self.covariance;
        let [theta, _, forward, backward] = self.mean;
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
