//! Random variates, ours and simple, so that a seed means the same run for ever.
//!
//! Each part of a world (every oscillator, every link, the attackers, …) draws from a stream of its own, so that
//! adding an attacker or a server does not change the weather for everybody else.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// One stream of random numbers.
#[derive(Clone, Debug)]
pub struct Random {
    core: ChaCha8Rng,
    spare: Option<f64>,
}

impl Random {
    /// Stream number `stream` of the world with this seed.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut core = ChaCha8Rng::from_seed(bytes);
        core.set_stream(stream);
        Self { core, spare: None }
    }

    /// 64 fair bits.
    pub fn bits(&mut self) -> u64 {
        self.core.next_u64()
    }

    /// The stream itself, for those who draw from any.
    pub(crate) fn stream(&mut self) -> &mut ChaCha8Rng {
        &mut self.core
    }

    /// 32 bytes: a seed for an engine.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.core.fill_bytes(&mut seed);
        seed
    }

    /// Fills with fair bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.core.fill_bytes(bytes);
    }

    /// Uniform in (0, 1]: never zero, so a logarithm may be taken of it.
    pub fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform below `n`; 0 if `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.uniform() <= probability
    }

    /// Unit normal (polar method of Marsaglia).
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let x = 2.0 * self.uniform() - 1.0;
            let y = 2.0 * self.uniform() - 1.0;
            let square = x * x + y * y;
            if square < 1.0 && square > 0.0 {
                let scale = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(y * scale);
                return x * scale;
            }
        }
    }

    /// Unit exponential: mean 1.
    pub fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    /// Pareto with minimum 1 and tail index `alpha`: P(x > t) = t^−α. The variance is infinite for α ≤ 2.
    pub fn pareto(&mut self, alpha: f64) -> f64 {
        self.uniform().powf(-1.0 / alpha)
    }

    /// Gamma of this shape (at least 1) and scale 1: mean and variance are `shape` (Marsaglia and Tsang 2000).
    pub fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape.max(1.0) - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.uniform().ln() < x * x / 2.0 + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
}

#[cfg(test)]
mod tests;
