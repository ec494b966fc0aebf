//! Authenticated encryption with associated data, as NTS uses it: RFC 5116, RFC 5297 (AES-SIV-CMAC), RFC 8452
//! (AES-GCM-SIV).
//!
//! All three algorithms are misuse-resistant: a nonce that repeats, as on a virtual machine restored from a snapshot,
//! tells an observer no more than that the same message was sealed twice. Everything works in place on borrowed bytes and
//! nothing is allocated.

mod gcm_siv;
mod siv;

use std::fmt;

use aes::{Aes128Enc, Aes256Enc};
use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

use gcm_siv::GcmSiv;
use siv::Siv;

/// The bytes of a key and zeros behind, in pieces that can be taken apart without a look at lengths.
type KeyBlocks = [[u8; 16]; MAX_KEY_LEN / 16];

/// By how many bytes a sealed message is longer than its plaintext.
pub const TAG_LEN: usize = 16;
/// Longest key of any algorithm, bytes.
pub const MAX_KEY_LEN: usize = 64;
/// Longest nonce that we send, bytes.
pub const MAX_NONCE_LEN: usize = 16;

/// An algorithm by its number in the IANA registry of AEAD algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum Algorithm {
    /// AEAD_AES_SIV_CMAC_256, 15: the one that every implementation must have (RFC 8915 §5.1).
    AesSivCmac256 = 15,
    /// AEAD_AES_SIV_CMAC_512, 17.
    AesSivCmac512 = 17,
    /// AEAD_AES_128_GCM_SIV, 30: half as long keys, and so shorter cookies and packets.
    Aes128GcmSiv = 30,
}

impl Algorithm {
    /// All of them, by number.
    pub const ALL: [Self; 3] = [Self::AesSivCmac256, Self::AesSivCmac512, Self::Aes128GcmSiv];

    /// The number in the registry.
    pub const fn id(self) -> u16 {
        self as u16
    }

    /// The algorithm of this number, if we have it.
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.id() == id)
    }

    /// The name in the registry without its prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesSivCmac256 => "AES-SIV-CMAC-256",
            Self::AesSivCmac512 => "AES-SIV-CMAC-512",
            Self::Aes128GcmSiv => "AES-128-GCM-SIV",
        }
    }

    /// Bytes of a key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::AesSivCmac256 => 32,
            Self::AesSivCmac512 => 64,
            Self::Aes128GcmSiv => 16,
        }
    }

    /// Bytes of the nonces that we make. AES-GCM-SIV opens no other; AES-SIV-CMAC opens any but the empty one.
    pub const fn nonce_len(self) -> usize {
        match self {
            Self::AesSivCmac256 | Self::AesSivCmac512 => 16,
            Self::Aes128GcmSiv => 12,
        }
    }

    /// Where the plaintext stands in a sealed message: AES-SIV puts the tag first, AES-GCM-SIV puts it last.
    pub const fn plaintext_at(self) -> usize {
        match self {
            Self::AesSivCmac256 | Self::AesSivCmac512 => TAG_LEN,
            Self::Aes128GcmSiv => 0,
        }
    }
}

/// Why a message was not sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AeadError {
    /// The nonce has a length that the algorithm does not take.
    Nonce,
    /// The message is shorter than a tag.
    Short,
    /// It was not sealed with this key, this nonce and these associated data.
    Forged,
}

/// Bytes have the wrong length for a key of the algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLengthError;

/// A key and what it is for. Wiped from memory when dropped, compared in constant time, never printed.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Key {
    #[zeroize(skip)]
    algorithm: Algorithm,
    blocks: KeyBlocks,
}

impl Key {
    /// A key of exactly [`Algorithm::key_len`] bytes.
    ///
    /// # Errors
    /// [`KeyLengthError`].
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyLengthError> {
        let mut key = Self { algorithm, blocks: KeyBlocks::default() };
        let place = key.blocks.as_flattened_mut().get_mut(..algorithm.key_len());
        let place = place.filter(|place| place.len() == bytes.len()).ok_or(KeyLengthError)?;
        place.copy_from_slice(bytes);
        Ok(key)
    }

    /// What it is for.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The secret.
    pub fn bytes(&self) -> &[u8] {
        self.blocks.as_flattened().get(..self.algorithm.key_len()).unwrap_or_default()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm
            && bool::from(self.blocks.as_flattened().ct_eq(other.blocks.as_flattened()))
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// A key made ready: sealing and opening cost no key expansion. Wiped from memory when dropped.
#[derive(Clone)]
pub struct Aead {
    algorithm: Algorithm,
    cipher: Cipher,
}

#[derive(Clone)]
#[allow(clippy::large_enum_variant)] // boxing would allocate on the packet path
enum Cipher {
    Siv128(Siv<Aes128Enc>),
    Siv256(Siv<Aes256Enc>),
    GcmSiv(GcmSiv),
}

impl Cipher {
    fn new(key: &Key) -> Self {
        match key.algorithm {
            Algorithm::AesSivCmac256 => Self::Siv128(Siv::new(&key.blocks)),
            Algorithm::AesSivCmac512 => Self::Siv256(Siv::new(&key.blocks)),
            Algorithm::Aes128GcmSiv => Self::GcmSiv(GcmSiv::new(&key.blocks)),
        }
    }
}

impl Aead {
    /// Expands a key.
    pub fn new(key: &Key) -> Self {
        Self { algorithm: key.algorithm, cipher: Cipher::new(key) }
    }

    /// The algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Seals `message` in place: [`TAG_LEN`] bytes longer than the plaintext, which stands at
    /// [`Algorithm::plaintext_at`].
    ///
    /// # Errors
    /// [`AeadError::Nonce`], [`AeadError::Short`]; `message` is then unchanged.
    pub fn seal(&self, nonce: &[u8], aad: &[u8], message: &mut [u8]) -> Result<(), AeadError> {
        match &self.cipher {
            Cipher::Siv128(siv) => siv.seal(nonce, aad, message),
            Cipher::Siv256(siv) => siv.seal(nonce, aad, message),
            Cipher::GcmSiv(gcm_siv) => gcm_siv.seal(nonce, aad, message),
        }
    }

    /// Opens `message` in place and gives the plaintext.
    ///
    /// # Errors
    /// [`AeadError`]. No byte of a forged message's plaintext is left in `message`.
    pub fn open<'m>(
        &self,
        nonce: &[u8],
        aad: &[u8],
        message: &'m mut [u8],
    ) -> Result<&'m mut [u8], AeadError> {
        match &self.cipher {
            Cipher::Siv128(siv) => siv.open(nonce, aad, message),
            Cipher::Siv256(siv) => siv.open(nonce, aad, message),
            Cipher::GcmSiv(gcm_siv) => gcm_siv.open(nonce, aad, message),
        }
    }
}

/// [`Aead::seal`] with a key that is used for one message.
///
/// The expanded key is not wiped from the stack, which would take longer than its use. It is one that arrived in a cookie,
/// so whoever can read our memory finds the key of all cookies there anyway.
pub(crate) fn seal_once(key: &Key, nonce: &[u8], aad: &[u8], message: &mut [u8]) -> Result<(), AeadError> {
    match key.algorithm {
        Algorithm::AesSivCmac256 => siv::seal_once::<Aes128Enc>(&key.blocks, nonce, aad, message),
        Algorithm::AesSivCmac512 => siv::seal_once::<Aes256Enc>(&key.blocks, nonce, aad, message),
        Algorithm::Aes128GcmSiv => gcm_siv::seal_once(&key.blocks, nonce, aad, message),
    }
}

/// [`Aead::open`] with a key that is used for one message: see [`seal_once`].
pub(crate) fn open_once<'m>(
    key: &Key,
    nonce: &[u8],
    aad: &[u8],
    message: &'m mut [u8],
) -> Result<&'m mut [u8], AeadError> {
    match key.algorithm {
        Algorithm::AesSivCmac256 => siv::open_once::<Aes128Enc>(&key.blocks, nonce, aad, message),
        Algorithm::AesSivCmac512 => siv::open_once::<Aes256Enc>(&key.blocks, nonce, aad, message),
        Algorithm::Aes128GcmSiv => gcm_siv::open_once(&key.blocks, nonce, aad, message),
    }
}

impl fmt::Debug for Aead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aead").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
