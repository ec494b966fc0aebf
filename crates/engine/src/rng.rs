//! Randomness: one ChaCha20 stream from the seed that the adapter gives, so that a run can be repeated.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng};

/// A cryptographically strong, repeatable stream.
#[derive(Clone, Debug)]
pub(crate) struct Rng {
    stream: ChaCha20Rng,
    /// How many numbers were drawn: part of the state that a refused packet must not change (I8).
    drawn: u64,
}

impl Rng {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { stream: ChaCha20Rng::from_seed(seed), drawn: 0 }
    }

    /// 64 random bits, never zero: zero is "no timestamp" on the wire.
    pub(crate) fn nonzero_u64(&mut self) -> u64 {
        self.drawn += 1;
        // One in 2^64 streams yields a zero here; the replacement keeps the loop bounded.
        self.stream.next_u64().max(1)
    }

    /// As many random bytes as fit.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        self.stream().fill_bytes(bytes);
    }

    /// A seed of a stream beside this one, which stays where it is. Another one only after this one has gone on.
    pub(crate) fn branch(&self) -> [u8; 32] {
        let mut stream = self.stream.clone();
        stream.set_stream(1);
        let mut seed = [0; 32];
        stream.fill_bytes(&mut seed);
        seed
    }

    /// The stream itself, for those who draw from any.
    pub(crate) fn stream(&mut self) -> &mut ChaCha20Rng {
        self.drawn += 1;
        &mut self.stream
    }

    /// Goes on with another stream, which depends on this one and on the fresh randomness: no less is unknown of it than
    /// of the better of both.
    pub(crate) fn mix(&mut self, fresh: [u8; 32]) {
        let mut seed = [0; 32];
        self.stream.fill_bytes(&mut seed);
        for (byte, fresh) in seed.iter_mut().zip(fresh) {
            *byte ^= fresh;
        }
        self.stream = ChaCha20Rng::from_seed(seed);
        self.drawn += 1;
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        self.drawn += 1;
        (self.stream.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
