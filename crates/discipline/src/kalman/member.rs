//! One filter of the bank: a Gaussian over offset, frequency and the path's asymmetry.

/// Prior sigma of the asymmetry: it lies in ±½, and a uniform variate there has 0.29.
const ASYMMETRY_SD: f64 = 0.25;

/// Random walk of the asymmetry, variance a sample: the shape of a path's noise changes over thousands of
/// samples.
const ASYMMETRY_WALK: f64 = 1e-5;

/// Mean and covariance of (θ, dθ/dt, asymmetry). An exchange measures θ + asymmetry · excess delay.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Member {
    /// Probability of this member in the bank.
    pub(super) weight: f64,
    /// θ, seconds.
    pub(super) offset: f64,
    /// dθ/dt.
    pub(super) frequency: f64,
    /// Share of the excess delay that shows up in the offset: −½ all on the way back, ½ all on the way there.
    pub(super) asymmetry: f64,
    pub(super) oo: f64,
    pub(super) of: f64,
    pub(super) oa: f64,
    pub(super) ff: f64,
    pub(super) fa: f64,
    pub(super) aa: f64,
}

/// What a member expected of a sample.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Innovation {
    /// Measured minus expected, seconds.
    pub(super) value: f64,
    /// Its variance, s².
    pub(super) variance: f64,
    /// Logarithm of the density of the sample.
    pub(super) log_likelihood: f64,
}

impl Member {
    /// At the first sample.
    pub(super) fn start(offset: f64, offset_sd: f64, frequency: f64, frequency_sd: f64) -> Self {
        Self {
            offset,
            frequency,
            oo: offset_sd * offset_sd,
            ff: frequency_sd * frequency_sd,
            aa: ASYMMETRY_SD * ASYMMETRY_SD,
            ..Self::default()
        }
    }

    /// Lets `dt` seconds pass in which the frequency wanders with variance `w2` per second.
    pub(super) fn predict(&mut self, dt: f64, w2: f64) {
        self.offset += self.frequency * dt;
        self.oo += dt * (2.0 * self.of + dt * self.ff) + w2 * dt * dt * dt / 3.0;
        self.of += dt * self.ff + w2 * dt * dt / 2.0;
        self.oa += dt * self.fa;
        self.ff += w2 * dt;
        self.aa = (self.aa + ASYMMETRY_WALK).min(ASYMMETRY_SD * ASYMMETRY_SD);
        self.bound_correlations();
    }

    /// Compares a measured offset with the expectation; `noise` is the variance of the measurement, above
    /// zero.
    pub(super) fn innovation(&self, measured: f64, excess: f64, noise: f64) -> Innovation {
        let value = measured - self.offset - excess * self.asymmetry;
        let variance = self.oo + excess * (2.0 * self.oa + excess * self.aa) + noise;
        Innovation { value, variance, log_likelihood: -0.5 * (value * value / variance + variance.ln()) }
    }

    /// Takes the measurement in.
    pub(super) fn correct(&mut self, innovation: &Innovation, excess: f64) {
        // P·hᵀ with h = (1, 0, excess).
        let (o, f, a) = (self.oo + excess * self.oa, self.of + excess * self.fa, self.oa + excess * self.aa);
        let s = innovation.variance;
        let pull = innovation.value / s;
        self.offset += o * pull;
        self.frequency += f * pull;
        self.asymmetry = (self.asymmetry + a * pull).clamp(-0.5, 0.5);
        self.oo -= o * o / s;
        self.of -= o * f / s;
        self.oa -= o * a / s;
        self.ff -= f * f / s;
        self.fa -= f * a / s;
        self.aa -= a * a / s;
        self.bound_correlations();
    }

    /// The clock jumped, or the filter was badly wrong: believe this offset, and mistrust the frequency by
    /// `frequency_sd`.
    pub(super) fn reopen(&mut self, offset: f64, noise: f64, frequency_sd: f64) {
        self.offset = offset;
        self.oo = noise;
        self.ff += frequency_sd * frequency_sd;
        self.of = 0.0;
        self.oa = 0.0;
        self.fa = 0.0;
    }

    /// The path is another one: its asymmetry is unknown again.
    pub(super) fn forget_asymmetry(&mut self) {
        self.asymmetry = 0.0;
        self.oa = 0.0;
        self.fa = 0.0;
        self.aa = ASYMMETRY_SD * ASYMMETRY_SD;
    }

    /// Adds another member's share to a mixture's mean.
    pub(super) fn add_mean(&mut self, other: &Self, share: f64) {
        self.offset += share * other.offset;
        self.frequency += share * other.frequency;
        self.asymmetry += share * other.asymmetry;
    }

    /// Adds another member's share to a mixture's covariance; `self` holds the mean already. The distances
    /// of the means count as uncertainty, as they should.
    pub(super) fn add_covariance(&mut self, other: &Self, share: f64) {
        let (o, f, a) =
            (other.offset - self.offset, other.frequency - self.frequency, other.asymmetry - self.asymmetry);
        self.oo += share * (other.oo + o * o);
        self.of += share * (other.of + o * f);
        self.oa += share * (other.oa + o * a);
        self.ff += share * (other.ff + f * f);
        self.fa += share * (other.fa + f * a);
        self.aa += share * (other.aa + a * a);
    }

    /// Keeps rounding from making the covariance impossible: variances have floors far below any clock's,
    /// and correlations stay short of one.
    fn bound_correlations(&mut self) {
        self.oo = self.oo.max(1e-24);
        self.ff = self.ff.max(1e-30);
        self.aa = self.aa.max(1e-9);
        let legal = |covariance: f64, a: f64, b: f64| {
            let most = (a * b).sqrt() * (1.0 - 1e-9);
            covariance.clamp(-most, most)
        };
        self.of = legal(self.of, self.oo, self.ff);
        self.oa = legal(self.oa, self.oo, self.aa);
        self.fa = legal(self.fa, self.ff, self.aa);
    }
}
