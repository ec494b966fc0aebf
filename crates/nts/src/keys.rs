//! The pair of keys that a key exchange yields, RFC 8915 §5.1.

use crate::aead::{Algorithm, Key, KeyLengthError};

/// The keys of one client: both for the same algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    c2s: Key,
    s2c: Key,
}

impl Keys {
    /// From the bytes of both keys.
    ///
    /// # Errors
    /// [`KeyLengthError`] if one is not a key of the algorithm.
    pub fn new(algorithm: Algorithm, c2s: &[u8], s2c: &[u8]) -> Result<Self, KeyLengthError> {
        Ok(Self { c2s: Key::new(algorithm, c2s)?, s2c: Key::new(algorithm, s2c)? })
    }

    /// What they are for.
    pub const fn algorithm(&self) -> Algorithm {
        self.c2s.algorithm()
    }

    /// Client to server: seals requests.
    pub const fn c2s(&self) -> &Key {
        &self.c2s
    }

    /// Server to client: seals replies.
    pub const fn s2c(&self) -> &Key {
        &self.s2c
    }
}
