//! The law of the noise on one leg, and how it is learned.
//!
//! A leg takes its base delay and a queueing time e ≥ 0 on top; the stamps add a little that is Gaussian. The queueing time is a mixture of
//! exponentials, Σ wₖ Exp(sₖ), because then all that a filter needs (the density of a residual and its derivatives) has a closed form for each
//! part, and because few shapes are far from one: a single exponential is a lightly loaded queue, several are heavy tails, and *negative* weights
//! make the sums of exponential times (a chain of queues) whose density rises before it falls.

#![allow(clippy::indexing_slicing)] // Every index is 0 or runs up to PARTS or M.

use super::erfcx::{INV_SQRT_2PI, SQRT_2_OVER_PI, Tail};
use super::state::Evidence;

/// Most parts that a law has.
pub(super) const PARTS: usize = 11;

/// The Gaussian part is never taken for smaller, seconds: no stamp is better than this.
const LEAST_SIGMA: f64 = 1e-8;

/// Density of a residual that nothing explains, per second: it keeps one absurd sample from moving anything.
const UNEXPLAINED: f64 = 1e-9;

/// What is learned is forgotten over so many samples.
const MEMORY: f64 = 300.0;

/// Means that are possible, seconds.
const LEAST_MEAN: f64 = 1e-8;
const GREATEST_MEAN: f64 = 10.0;

/// The parts' means in the scale-free law: 0.25 µs·4ⁱ, up to 0.26 s.
const GRID_START: f64 = 0.25e-6;
const GRID_STEP: f64 = 4.0;

/// Standard deviations of the parts of a Gaussian law: 10 ns·3ⁱ, up to 0.6 ms.
const SIGMA_START: f64 = 1e-8;
const SIGMA_STEP: f64 = 3.0;

/// What is learned of a law, and what stays.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    /// One exponential and a Gaussian whose σ is this share of its mean; the mean is learned.
    Exponential { ratio: f64 },
    /// A chain of three queues: a sum of exponentials with means in fixed proportion; their scale is learned.
    Chain,
    /// Three exponentials; weights and means are learned.
    Tails,
    /// Eleven exponentials of fixed means; the weights are learned.
    Grid,
    /// Eleven zero-mean Gaussians of fixed σ, for one-way references; the weights are learned.
    Gaussians,
    /// One zero-mean Gaussian, whose σ is learned.
    Gaussian,
}

impl Shape {
    /// Both ways from the truth, and not one-sided.
    fn is_symmetric(self) -> bool {
        matches!(self, Self::Gaussians | Self::Gaussian)
    }
}

/// Proportion of the queues in [`Shape::Chain`].
const CHAIN: [f64; 3] = [1.0, 0.6, 0.36];

/// One part of the mixture.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    weight: f64,
    /// Mean of the exponential, or σ of the Gaussian; seconds.
    scale: f64,
    /// Learned: share of the samples that this part explains, and that share times their queueing time.
    share: f64,
    total: f64,
    /// The same of the sample at hand.
    seen_share: f64,
    seen_total: f64,
}

/// A law of noise.
#[derive(Clone, Debug)]
pub(super) struct Noise {
    shape: Shape,
    parts: [Part; PARTS],
    count: usize,
    /// Variance of the Gaussian part, s².
    sigma2: f64,
}

/// Which parts may have made the residuals of several filters, and what their share of them was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Explanation<const M: usize> {
    share: [[f64; M]; PARTS],
    /// Posterior mean of each part's queueing time, seconds, or of its square for a law without queues.
    size: [[f64; M]; PARTS],
}

impl<const M: usize> Explanation<M> {
    pub(super) const NONE: Self = Self { share: [[0.0; M]; PARTS], size: [[0.0; M]; PARTS] };
}

/// The laws that compete for the legs of a path, each starting from a mean queueing time of `scale` seconds.
pub(super) fn competitors(scale: f64) -> [Noise; 7] {
    let exponential = |ratio| Noise::new(Shape::Exponential { ratio }, &[(1.0, scale)]);
    let unit = scale / CHAIN.iter().sum::<f64>();
    let chain = CHAIN.map(|own| {
        let others = CHAIN.iter().filter(|&&other| other != own);
        (others.map(|other| own / (own - other)).product(), own * unit)
    });
    [
        exponential(0.01),
        exponential(0.3),
        exponential(1.0),
        exponential(3.0),
        Noise::new(Shape::Chain, &chain),
        Noise::new(Shape::Tails, &[(0.3, scale * 0.1), (0.5, scale), (0.2, scale * 10.0)]),
        Noise::new(Shape::Grid, &geometric(GRID_START, GRID_STEP)),
    ]
}

/// The laws that compete for a one-way reference; `sigma` to start from in seconds.
pub(super) fn reference(sigma: f64) -> [Noise; 2] {
    [
        Noise::new(Shape::Gaussian, &[(1.0, sigma)]),
        Noise::new(Shape::Gaussians, &geometric(SIGMA_START, SIGMA_STEP)),
    ]
}

fn geometric(start: f64, step: f64) -> [(f64, f64); PARTS] {
    let mut scale = start / step;
    std::array::from_fn(|_| {
        scale *= step;
        (1.0 / PARTS as f64, scale)
    })
}

impl Noise {
    fn new(shape: Shape, parts: &[(f64, f64)]) -> Self {
        let mut noise = Self { shape, parts: [Part::default(); PARTS], count: parts.len(), sigma2: 0.0 };
        for (part, &(weight, scale)) in noise.parts.iter_mut().zip(parts) {
            *part = Part { weight, scale, share: weight, total: weight * scale, ..Part::default() };
        }
        if shape == Shape::Chain {
            noise.parts[0].share = 1.0;
            noise.parts[0].total = parts[0].1 * CHAIN.iter().sum::<f64>();
        }
        if shape == Shape::Gaussian {
            noise.parts[0].total = noise.parts[0].scale.powi(2);
        }
        noise.set_sigma();
        noise
    }

    /// The densities of the residuals of several filters, where the state alone would leave each a variance of its own and the stamps one of
    /// `stamps`, with their derivatives, and by whom they are explained. Several take hardly longer than one.
    pub(super) fn explain<const M: usize>(
        &self,
        residual: [f64; M],
        variance: [f64; M],
        stamps: f64,
        by: &mut Explanation<M>,
    ) -> [Evidence; M] {
        let v = variance.map(|variance| variance.max(0.0) + stamps + self.sigma2);
        let symmetric = self.shape.is_symmetric();
        let leg = Residuals::new(residual, v);
        let mut sums = [Evidence { ln_z: UNEXPLAINED, slope: 0.0, bend: 0.0 }; M];
        let mut most = [0.0_f64; M];
        for (k, part) in self.parts.iter().enumerate().take(self.count) {
            let pieces = if symmetric { leg.gaussians(part.scale) } else { leg.exponentials(part.scale) };
            let own = part.scale * part.scale;
            for (m, (sum, piece)) in sums.iter_mut().zip(&pieces).enumerate() {
                let share = part.weight * piece.density;
                sum.ln_z += share;
                sum.slope += share * piece.slope;
                sum.bend += share * piece.bend;
                most[m] = most[m].max(share);
                by.share[k][m] = share;
                by.size[k][m] = if symmetric {
                    // The posterior mean of its square.
                    (own * piece.slope).powi(2) + own * v[m] / (v[m] + own)
                } else {
                    // Tweedie's formula: the posterior mean of what is not Gaussian.
                    residual[m] - v[m] * piece.slope
                };
            }
        }
        for (m, sum) in sums.iter_mut().enumerate() {
            // Negative weights can cancel to nothing where the density is nothing.
            let density = sum.ln_z.max(most[m] * 1e-12).max(UNEXPLAINED);
            let per = 1.0 / density;
            by.share.iter_mut().take(self.count).for_each(|shares| shares[m] *= per);
            *sum = Evidence { ln_z: density.ln(), slope: sum.slope * per, bend: sum.bend * per };
        }
        sums
    }

    /// Counts the explanations of several filters, with the weights of the beliefs that they come from.
    pub(super) fn count<const M: usize>(&mut self, weights: [f64; M], by: &Explanation<M>) {
        let one_scale = self.shape == Shape::Chain;
        let (mut share, mut total) = (0.0, [0.0; M]);
        for (part, (shares, sizes)) in
            self.parts.iter_mut().zip(by.share.iter().zip(&by.size)).take(self.count)
        {
            for (m, weight) in weights.iter().enumerate() {
                if one_scale {
                    share += weight * shares[m];
                    total[m] += shares[m] * sizes[m];
                } else {
                    part.seen_share += weight * shares[m];
                    part.seen_total += weight * shares[m] * sizes[m].max(0.0);
                }
            }
        }
        if one_scale {
            self.parts[0].seen_share += share;
            self.parts[0].seen_total +=
                weights.iter().zip(total).map(|(weight, total)| weight * total.max(0.0)).sum::<f64>();
        }
    }

    /// Forgets what was counted.
    pub(super) fn discard(&mut self) {
        for part in &mut self.parts {
            (part.seen_share, part.seen_total) = (0.0, 0.0);
        }
    }

    /// Learns from what was counted of the `samples`-th sample: one step of online expectation maximisation.
    pub(super) fn learn(&mut self, samples: u64, weight: f64) {
        let rate = 1.0 / (samples as f64 / 2.0 + 1.0).min(MEMORY);
        if weight > 0.0 {
            for part in self.parts.iter_mut().take(self.count) {
                part.share += rate * (part.seen_share / weight - part.share);
                part.total += rate * (part.seen_total / weight - part.total);
            }
            self.adopt();
        }
        self.discard();
    }

    /// Makes parameters of what was learned.
    fn adopt(&mut self) {
        let mean = |part: &Part| (part.total / part.share.max(1e-9)).clamp(LEAST_MEAN, GREATEST_MEAN);
        match self.shape {
            Shape::Chain => {
                let unit = mean(&self.parts[0]) / CHAIN.iter().sum::<f64>();
                self.parts.iter_mut().zip(CHAIN).for_each(|(part, own)| part.scale = own * unit);
            }
            Shape::Exponential { .. } => self.parts[0].scale = mean(&self.parts[0]),
            Shape::Gaussian => {
                let square = self.parts[0].total / self.parts[0].share.max(1e-9);
                self.parts[0].scale = square.sqrt().clamp(LEAST_MEAN, GREATEST_MEAN);
            }
            Shape::Tails | Shape::Grid | Shape::Gaussians => {
                let all: f64 = self.parts.iter().map(|part| part.share).sum();
                for part in self.parts.iter_mut().take(self.count) {
                    part.weight = (part.share / all).max(1e-6);
                    if self.shape == Shape::Tails {
                        part.scale = mean(part);
                    }
                }
            }
        }
        self.set_sigma();
    }

    fn set_sigma(&mut self) {
        let least = self.parts.iter().take(self.count).map(|part| part.scale).fold(f64::INFINITY, f64::min);
        let sigma = match self.shape {
            Shape::Exponential { ratio } => ratio * least,
            Shape::Chain => 0.02 * self.parts[0].scale,
            Shape::Tails => 0.03 * least,
            Shape::Grid => 0.0,
            // Each part is its own Gaussian.
            Shape::Gaussians | Shape::Gaussian => return,
        };
        self.sigma2 = sigma.max(LEAST_SIGMA).powi(2);
    }

    /// Standard deviation of the noise, seconds.
    pub(super) fn deviation(&self) -> f64 {
        let parts = || self.parts.iter().take(self.count);
        if self.shape.is_symmetric() {
            return parts().map(|part| part.weight * part.scale * part.scale).sum::<f64>().sqrt();
        }
        let mean: f64 = parts().map(|part| part.weight * part.scale).sum();
        let square: f64 = parts().map(|part| 2.0 * part.weight * part.scale * part.scale).sum();
        (square - mean * mean + self.sigma2).max(0.0).sqrt()
    }
}

/// What one part of a law, by itself, says about a residual. As all are densities of something, none needs a logarithm: where they underflow,
/// the residual counts as unexplained.
#[derive(Clone, Copy, Debug, Default)]
struct Piece {
    density: f64,
    slope: f64,
    bend: f64,
}

/// Residuals of several filters, with what is needed of them by every part of a law.
struct Residuals<const M: usize> {
    value: [f64; M],
    v: [f64; M],
    sd: [f64; M],
    per_sd: [f64; M],
    /// exp(−D²/2V).
    far: [f64; M],
}

impl<const M: usize> Residuals<M> {
    fn new(value: [f64; M], v: [f64; M]) -> Self {
        let sd = v.map(f64::sqrt);
        let per_sd = sd.map(|sd| 1.0 / sd);
        let far = std::array::from_fn(|m| (-0.5 * (value[m] * per_sd[m]).powi(2)).exp());
        Self { value, v, sd, per_sd, far }
    }

    /// Gaussian plus exponential with the mean `scale`.
    fn exponentials(&self, scale: f64) -> [Piece; M] {
        let rate = 1.0 / scale.max(LEAST_MEAN);
        let places: [f64; M] = std::array::from_fn(|m| self.value[m] * self.per_sd[m] - self.sd[m] * rate);
        let tails = Tail::at(places);
        std::array::from_fn(|m| {
            let (a, far) = (places[m], self.far[m]);
            // Z·s = exp(V/2s² − D/s) Φ(a), and the first factor is exp(a²/2 − D²/2V).
            let (mass, lambda, curvature) = if a > 0.0 {
                let mass = ((0.5 * self.v[m] * rate - self.value[m]) * rate).exp() - tails[m].scaled * far;
                let lambda = if mass > 0.0 { (INV_SQRT_2PI * far / mass).min(SQRT_2_OVER_PI) } else { 0.0 };
                (mass, lambda, lambda * (lambda + a))
            } else {
                (tails[m].scaled * far, tails[m].lambda, tails[m].curvature)
            };
            let slope = rate - lambda * self.per_sd[m];
            let bend = slope * slope - curvature * self.per_sd[m] * self.per_sd[m];
            Piece { density: mass * rate, slope, bend }
        })
    }

    /// Gaussian plus Gaussian with the σ `scale`.
    fn gaussians(&self, scale: f64) -> [Piece; M] {
        std::array::from_fn(|m| {
            let v = self.v[m] + scale * scale;
            let slope = self.value[m] / v;
            let density = (-0.5 * self.value[m] * slope).exp() / (std::f64::consts::TAU * v).sqrt();
            Piece { density, slope, bend: slope * slope - 1.0 / v }
        })
    }
}
