//! Sums over the bank that neither overflow nor cancel.

use crate::estimate::Estimate;

/// ln Σ exp xᵢ, one x at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogSum {
    most: f64,
    sum: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        Self { most: f64::NEG_INFINITY, sum: 0.0 }
    }
}

impl LogSum {
    pub(super) fn add(&mut self, x: f64) {
        if x > self.most {
            self.sum = self.sum * (self.most - x).exp() + 1.0;
            self.most = x;
        } else {
            self.sum += (x - self.most).exp();
        }
    }

    pub(super) fn value(&self) -> f64 {
        self.most + self.sum.ln()
    }
}

/// What one member believes of θ and f.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    pub(super) mean: [f64; 2],
    /// Variance of θ, covariance, variance of f.
    pub(super) covariance: [f64; 3],
}

/// Moments of θ and f over the bank.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mixture {
    weights: f64,
    /// The first member: moments are taken about its mean, so that nothing cancels.
    about: Option<[f64; 2]>,
    first: [f64; 2],
    second: [f64; 3],
}

impl Mixture {
    pub(super) fn add(&mut self, weight: f64, member: Moments) {
        let about = *self.about.get_or_insert(member.mean);
        let (theta, f) = (member.mean[0] - about[0], member.mean[1] - about[1]);
        let [tt, tf, ff] = member.covariance;
        self.weights += weight;
        self.first[0] += weight * theta;
        self.first[1] += weight * f;
        self.second[0] += weight * (tt + theta * theta);
        self.second[1] += weight * (tf + theta * f);
        self.second[2] += weight * (ff + f * f);
    }

    pub(super) fn estimate(&self) -> Option<Estimate> {
        let about = self.about?;
        let [theta, f] = self.first.map(|sum| sum / self.weights);
        let [tt, tf, ff] = self.second.map(|sum| sum / self.weights);
        Some(Estimate {
            offset: about[0] + theta,
            frequency: about[1] + f,
            offset_variance: tt - theta * theta,
            frequency_variance: ff - f * f,
            covariance: tf - theta * f,
        })
    }
}
