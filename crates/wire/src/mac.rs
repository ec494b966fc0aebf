//! Symmetric keys and the digests of a MAC: RFC 5905 §7.3 (MD5 and its successors), RFC 8573 (AES-CMAC).
//!
//! Two constructions are in use. Hashes are made of the key followed by the packet; that is no HMAC, but it is
//! what every implementation does, and for MD5 and SHA-1 it is weak. AES-CMAC (RFC 4493) is what RFC 8573 puts
//! in their place.
//!
//! In NTPv4 a digest is cut to its first 20 bytes, so that a MAC can be told from an extension field by its length
//! (RFC 7822 §7.5.1.4). Below that version chronyd sends all of a longer one and ntpd still 20 bytes, so both are taken.

use std::fmt;

use aes::{Aes128, Aes256};
use cmac::{Cmac, KeyInit as _, Mac as _};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

/// Longest digest of any algorithm, bytes: SHA-512.
pub const MAX_DIGEST_LEN: usize = 64;
/// To how many bytes a longer digest is cut in NTPv4.
pub const TRUNCATED_DIGEST_LEN: usize = 20;
/// Longest key, bytes. No format of key files has a use for more.
pub const MAX_KEY_LEN: usize = 1024;

/// How a digest is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyAlgorithm {
    /// MD5 of key and packet: broken, for old peers only.
    Md5,
    /// SHA-1 of key and packet: for old peers only.
    Sha1,
    /// SHA-256 of key and packet.
    Sha256,
    /// SHA-384 of key and packet.
    Sha384,
    /// SHA-512 of key and packet.
    Sha512,
    /// AES-CMAC with a key of 128 bits (RFC 8573).
    AesCmac128,
    /// AES-CMAC with a key of 256 bits.
    AesCmac256,
}

/// Why bytes are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// There are none.
    Empty,
    /// There are more than [`MAX_KEY_LEN`].
    Long,
    /// The algorithm takes keys of exactly so many bytes.
    Length {
        /// How many.
        wanted: usize,
    },
}

/// A key that is ready for use. It cannot be read back or printed, and is wiped from memory when dropped.
#[derive(Clone)]
pub struct SymmetricKey {
    algorithm: KeyAlgorithm,
    state: State,
}

/// A hash that has taken in the key already, or an expanded AES key.
#[derive(Clone)]
enum State {
    Md5(Md5),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
    AesCmac128(Box<Cmac<Aes128>>),
    AesCmac256(Box<Cmac<Aes256>>),
}

impl KeyAlgorithm {
    /// All of them, weakest first.
    pub const ALL: [Self; 7] =
        [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512, Self::AesCmac128, Self::AesCmac256];

    /// The name in chrony's key files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha384 => "SHA384",
            Self::Sha512 => "SHA512",
            Self::AesCmac128 => "AES128",
            Self::AesCmac256 => "AES256",
        }
    }

    /// Length of the whole digest, bytes.
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Md5 | Self::AesCmac128 | Self::AesCmac256 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Length of the digest in a packet of NTP `version`, bytes.
    pub fn digest_len_in(self, version: u8) -> usize {
        let len = self.digest_len();
        if version >= 4 { len.min(TRUNCATED_DIGEST_LEN) } else { len }
    }

    /// The only length that a key may have, bytes; `None` if any length does.
    pub const fn key_len(self) -> Option<usize> {
        match self {
            Self::AesCmac128 => Some(16),
            Self::AesCmac256 => Some(32),
            _ => None,
        }
    }

    /// Whether nobody should use it any more who has a choice (RFC 8573 §1 for MD5).
    pub const fn is_weak(self) -> bool {
        matches!(self, Self::Md5 | Self::Sha1)
    }
}

impl SymmetricKey {
    /// Makes a key of its bytes, which the caller may want to wipe.
    ///
    /// # Errors
    /// [`KeyError`] if their number does not suit the algorithm.
    pub fn new(algorithm: KeyAlgorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        let wrong = |wanted| KeyError::Length { wanted };
        let state = match algorithm {
            _ if bytes.is_empty() => return Err(KeyError::Empty),
            _ if bytes.len() > MAX_KEY_LEN => return Err(KeyError::Long),
            KeyAlgorithm::Md5 => State::Md5(Md5::new_with_prefix(bytes)),
            KeyAlgorithm::Sha1 => State::Sha1(Sha1::new_with_prefix(bytes)),
            KeyAlgorithm::Sha256 => State::Sha256(Sha256::new_with_prefix(bytes)),
            KeyAlgorithm::Sha384 => State::Sha384(Sha384::new_with_prefix(bytes)),
            KeyAlgorithm::Sha512 => State::Sha512(Sha512::new_with_prefix(bytes)),
            KeyAlgorithm::AesCmac128 => {
                State::AesCmac128(Box::new(Cmac::new_from_slice(bytes).map_err(|_| wrong(16))?))
            }
            KeyAlgorithm::AesCmac256 => {
                State::AesCmac256(Box::new(Cmac::new_from_slice(bytes).map_err(|_| wrong(32))?))
            }
        };
        Ok(Self { algorithm, state })
    }

    /// How digests are made with it.
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// Puts the whole digest of `covered` at the start of `out` and gives its length. What of it belongs into a packet
    /// is [`KeyAlgorithm::digest_len_in`].
    pub fn digest(&self, covered: &[u8], out: &mut [u8; MAX_DIGEST_LEN]) -> usize {
        match &self.state {
            State::Md5(state) => put(&state.clone().chain_update(covered).finalize(), out),
            State::Sha1(state) => put(&state.clone().chain_update(covered).finalize(), out),
            State::Sha256(state) => put(&state.clone().chain_update(covered).finalize(), out),
            State::Sha384(state) => put(&state.clone().chain_update(covered).finalize(), out),
            State::Sha512(state) => put(&state.clone().chain_update(covered).finalize(), out),
            State::AesCmac128(state) => {
                put(&state.clone().chain_update(covered).finalize().into_bytes(), out)
            }
            State::AesCmac256(state) => {
                put(&state.clone().chain_update(covered).finalize().into_bytes(), out)
            }
        }
    }

    /// Whether `digest` was made of `covered` with this key. It must be whole or cut to 20 bytes, and how long the
    /// answer takes does not tell where it is wrong (CVE-2016-1550).
    pub fn verify(&self, covered: &[u8], digest: &[u8]) -> bool {
        let mut expected = [0; MAX_DIGEST_LEN];
        let len = self.digest(covered, &mut expected);
        let legal = digest.len() == len || digest.len() == len.min(TRUNCATED_DIGEST_LEN);
        let expected = expected.get(..digest.len()).unwrap_or_default();
        legal && bool::from(expected.ct_eq(digest))
    }
}

/// Shows the algorithm only.
impl fmt::Debug for SymmetricKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SymmetricKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the key is empty"),
            Self::Long => write!(f, "the key is longer than {MAX_KEY_LEN} bytes"),
            Self::Length { wanted } => write!(f, "the key must have {wanted} bytes"),
        }
    }
}

impl std::error::Error for KeyError {}

fn put(digest: &[u8], out: &mut [u8; MAX_DIGEST_LEN]) -> usize {
    for (to, from) in out.iter_mut().zip(digest) {
        *to = *from;
    }
    digest.len()
}

#[cfg(test)]
mod tests;
