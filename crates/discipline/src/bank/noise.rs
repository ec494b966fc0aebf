//! The law of the noise on one leg, and how it is learned.
//!
//! A leg takes its base delay and a queueing time e ≥ 0 on top; the stamps add a little that is Gaussian. The queueing time is a mixture of
//! exponentials, Σ wₖ Exp(sₖ), because then all that a filter needs (the density of a residual and its derivatives) has a closed form for each
//! part, and because few shapes are far from one: a single exponential is a lightly loaded queue, several are heavy tails, and *negative* weights
//! make the sums of exponential times (a chain of queues) whose density rises before it falls.

#![allow(clippy::indexing_slicing)] // Every index is 0 or runs up to PARTS.

use super::erfcx::Tail;
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

/// Which parts may have made a residual, and what their share of it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Explanation {
    share: [f64; PARTS],
    /// Posterior mean of each part's queueing time, seconds, or of its square for a law without queues.
    size: [f64; PARTS],
}

impl Explanation {
    pub(super) const NONE: Self = Self { share: [0.0; PARTS], size: [0.0; PARTS] };
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

    /// The density of a residual, where the state alone would leave it a variance of `variance` and the stamps one of `stamps`, with its
    /// derivatives, and by whom it is explained.
    pub(super) fn explain(
        &self,
        residual: f64,
        variance: f64,
        stamps: f64,
        by: &mut Explanation,
    ) -> Evidence {
        let v = variance + stamps + self.sigma2;
        match self.count {
            1 => self.explain_by::<1>(residual, v, by),
            2..=4 => self.explain_by::<4>(residual, v, by),
            _ => self.explain_by::<PARTS>(residual, v, by),
        }
    }

    /// By its parts, of which there are at most L.
    fn explain_by<const L: usize>(&self, residual: f64, v: f64, by: &mut Explanation) -> Evidence {
        let symmetric = self.shape.is_symmetric();
        let pieces: [Piece; L] = if symmetric {
            gaussians(residual, v, &self.parts)
        } else {
            exponentials(residual, v, &self.parts)
        };
        let (mut sum, mut slope, mut bend, mut most) = (UNEXPLAINED, 0.0, 0.0, 0.0_f64);
        for (k, (piece, part)) in pieces.iter().zip(&self.parts).enumerate().take(self.count) {
            let share = part.weight * piece.density;
            sum += share;
            slope += share * piece.slope;
            bend += share * piece.bend;
            most = most.max(share);
            by.share[k] = share;
            by.size[k] = if symmetric {
                // The posterior mean of its square.
                let own = part.scale * part.scale;
                (own * piece.slope).powi(2) + own * v / (v + own)
            } else {
                // Tweedie's formula: the posterior mean of what is not Gaussian.
                residual - v * piece.slope
            };
        }
        // Negative weights can cancel to nothing where the density is nothing.
        let sum = sum.max(most * 1e-12).max(UNEXPLAINED);
        by.share.iter_mut().take(self.count).for_each(|share| *share /= sum);
        Evidence { ln_z: sum.ln(), slope: slope / sum, bend: bend / sum }
    }

    /// Counts an explanation, with the weight of the belief that it comes from.
    pub(super) fn count(&mut self, weight: f64, by: &Explanation) {
        let parts = self.parts.iter_mut().zip(by.share.iter().zip(&by.size)).take(self.count);
        if self.shape == Shape::Chain {
            let (share, total) =
                parts.fold((0.0, 0.0), |(s, t), (_, (share, size))| (s + share, t + share * size));
            self.parts[0].seen_share += weight * share;
            self.parts[0].seen_total += weight * total.max(0.0);
            return;
        }
        for (part, (share, size)) in parts {
            part.seen_share += weight * share;
            part.seen_total += weight * share * size.max(0.0);
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

/// A residual that is Gaussian with variance `v` plus exponential with the mean of the part.
fn exponentials<const L: usize>(residual: f64, v: f64, parts: &[Part; PARTS]) -> [Piece; L] {
    let sd = v.sqrt();
    // Parts that are not there do no harm, but have to be numbers.
    let mut rates = [0.0; L];
    rates.iter_mut().zip(parts).for_each(|(rate, part)| *rate = 1.0 / part.scale.max(LEAST_MEAN));
    let places = rates.map(|rate| residual / sd - sd * rate);
    let far = (-0.5 * residual * residual / v).exp();
    let mut pieces = [Piece::default(); L];
    for (((piece, rate), a), tail) in pieces.iter_mut().zip(rates).zip(places).zip(Tail::at(places)) {
        // ln Z = −D²/2V + a²/2 + ln Φ(a) − ln s; a²/2 − D²/2V = V/2s² − D/s.
        let height = if a > 0.0 { ((0.5 * v * rate - residual) * rate).exp() } else { far };
        let slope = rate - tail.lambda / sd;
        *piece =
            Piece { density: height * tail.scaled * rate, slope, bend: slope * slope - tail.curvature / v };
    }
    pieces
}

/// A residual that is Gaussian with variance `v` plus Gaussian with the σ of the part.
fn gaussians<const L: usize>(residual: f64, v: f64, parts: &[Part; PARTS]) -> [Piece; L] {
    let mut pieces = [Piece::default(); L];
    for (piece, part) in pieces.iter_mut().zip(parts) {
        let v = v + part.scale * part.scale;
        let slope = residual / v;
        let density = (-0.5 * residual * slope).exp() / (std::f64::consts::TAU * v).sqrt();
        *piece = Piece { density, slope, bend: slope * slope - 1.0 / v };
    }
    pieces
}
