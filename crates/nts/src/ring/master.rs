//! Rings of a fleet, each made by its server alone from a shared secret and the time.
//!
//! Time is cut into epochs of the same length, counted from 1970. The key of an epoch is
//! HKDF-SHA-256 (RFC 5869) of the secret, with the epoch and its length in the info. So all servers of the fleet have the
//! same keys at the same time without a word between them, a client may be answered by any of them, and a server that
//! starts anew has lost nothing. As the ring opens with the next epoch's key too, clocks may differ by up to an epoch.
//!
//! The price: who has the secret has all keys, of the past too. Change it by and by, as a new secret makes all cookies void.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::{KeyRing, MAX_OLD_KEYS, RingKey, SECRET_LEN};
use crate::aead::{Algorithm, Key};

/// Shortest secret, bytes.
pub const MIN_MASTER_LEN: usize = 32;
/// What the keys are for, and that another way to derive them would be another version.
const PURPOSE: &[u8] = b"truechimer nts cookie key, version 1";

/// The secret is shorter than [`MIN_MASTER_LEN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MasterError;

/// The secret of a fleet. Wiped from memory when dropped, never printed.
#[derive(Clone)]
pub struct MasterSecret {
    secret: Zeroizing<Vec<u8>>,
    epoch_s: u64,
    keep: usize,
}

impl MasterSecret {
    /// From the bytes of a file; white space at its end does not count, so that it does not matter how the file was made.
    /// Epochs have `epoch_s` seconds (at least 1); all servers must agree on them. `keep` is how many old keys a ring has.
    ///
    /// # Errors
    /// [`MasterError`].
    pub fn new(bytes: &[u8], epoch_s: u64, keep: usize) -> Result<Self, MasterError> {
        let secret = bytes.trim_ascii_end();
        if secret.len() < MIN_MASTER_LEN {
            return Err(MasterError);
        }
        let keep = keep.clamp(1, MAX_OLD_KEYS);
        Ok(Self { secret: Zeroizing::new(secret.to_vec()), epoch_s: epoch_s.max(1), keep })
    }

    /// The ring at a time, seconds since 1970: to be made anew from [`next_epoch_s`](Self::next_epoch_s) on, and after a
    /// step of the clock.
    pub fn ring(&self, now_s: u64) -> KeyRing {
        let epoch = now_s / self.epoch_s;
        let first = epoch.saturating_sub(self.keep as u64);
        let epochs = (first..=epoch.saturating_add(1)).rev();
        KeyRing::from_keys(epochs.filter_map(|epoch| self.key(epoch)).collect(), self.keep)
    }

    /// When the epoch after the one of `now_s` begins, seconds since 1970.
    pub fn next_epoch_s(&self, now_s: u64) -> u64 {
        (now_s / self.epoch_s).saturating_add(1).saturating_mul(self.epoch_s)
    }

    /// The key of an epoch. Its identifier is the low half of the epoch's number: a ring has far fewer than 2^32.
    fn key(&self, epoch: u64) -> Option<RingKey> {
        let mut bytes = [0; SECRET_LEN];
        let info = [PURPOSE, &self.epoch_s.to_be_bytes(), &epoch.to_be_bytes()];
        let derived = Hkdf::<Sha256>::new(None, &self.secret).expand_multi_info(&info, &mut bytes);
        let key = derived.ok().and_then(|()| Key::new(Algorithm::AesSivCmac256, &bytes).ok());
        bytes.zeroize();
        Some(RingKey::new(epoch as u32, epoch.saturating_mul(self.epoch_s), key?))
    }
}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterSecret").field("epoch_s", &self.epoch_s).finish_non_exhaustive()
    }
}
