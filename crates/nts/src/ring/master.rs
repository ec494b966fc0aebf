//! Rings of a fleet, each made by its server alone from a shared secret and the time.
//!
//! Time is cut into epochs of the same length, counted from 1970. The key of an epoch is
//! HKDF-SHA-256 (RFC 5869) of the secret, with the epoch and its length in the info. So all servers of the fleet have the
//! same keys at the same time without a word between them, a client may be answered by any of them, and a server that
//! starts anew has lost nothing. As the ring opens with the next epoch's key too, clocks may differ by up to an epoch.
//!
//! The price: who has the secret has all keys, of the past too, so it should be replaced now and then. There can be
//! several secrets, one a line: the first seals, all of them open. So no client notices a change: give all servers the new
//! secret as the second line, then, when all have it, put it first, and take the old one away when its last cookies have
//! lapsed. If the old one was stolen, take it away at once: all clients then exchange keys again.

use std::fmt;

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::{KeyRing, MAX_OLD_KEYS, RingKey, SECRET_LEN};
use crate::aead::{Algorithm, Key};

/// Shortest secret, bytes.
pub const MIN_MASTER_LEN: usize = 32;
/// Most secrets in a file.
pub const MAX_SECRETS: usize = 4;
/// Bytes of a key's identifier.
const ID_LEN: usize = 4;
/// What the keys are for, and that another way to derive them would be another version.
const PURPOSE: &[u8] = b"truechimer nts cookie key, version 1";

/// There is no secret, there are more than [`MAX_SECRETS`], or one is shorter than [`MIN_MASTER_LEN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MasterError;

/// The secret of a fleet, or several. Wiped from memory when dropped, never printed.
#[derive(Clone)]
pub struct MasterSecret {
    /// Never empty.
    secrets: Vec<Zeroizing<Vec<u8>>>,
    epoch_s: u64,
    keep: usize,
}

impl MasterSecret {
    /// From the bytes of a file: one secret a line, the first of which seals. White space at the end of a line does not
    /// count, so that it does not matter how the file was made. Epochs have `epoch_s` seconds (at least 1); all servers must
    /// agree on them. `keep` is how many old keys a ring has of each secret.
    ///
    /// # Errors
    /// [`MasterError`].
    pub fn new(bytes: &[u8], epoch_s: u64, keep: usize) -> Result<Self, MasterError> {
        let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let secrets: Vec<_> = lines
            .filter(|line| !line.is_empty())
            .take(MAX_SECRETS + 1)
            .map(|line| Zeroizing::new(line.to_vec()))
            .collect();
        let long_enough = secrets.iter().all(|secret| secret.len() >= MIN_MASTER_LEN);
        if !long_enough || !(1..=MAX_SECRETS).contains(&secrets.len()) {
            return Err(MasterError);
        }
        Ok(Self { secrets, epoch_s: epoch_s.max(1), keep: keep.clamp(1, MAX_OLD_KEYS) })
    }

    /// The ring at a time, seconds since 1970: to be made anew from [`next_epoch_s`](Self::next_epoch_s) on, and after a
    /// step of the clock. It is of no use to write or rotate it.
    pub fn ring(&self, now_s: u64) -> KeyRing {
        let epoch = now_s / self.epoch_s;
        let first = epoch.saturating_sub(self.keep as u64);
        let keys = self.secrets.iter().flat_map(|secret| {
            let epochs = (first..=epoch.saturating_add(1)).rev();
            epochs.filter_map(|epoch| self.key(secret, epoch))
        });
        KeyRing { keys: keys.collect(), keep: self.keep }
    }

    /// When the epoch after the one of `now_s` begins, seconds since 1970.
    pub fn next_epoch_s(&self, now_s: u64) -> u64 {
        (now_s / self.epoch_s).saturating_add(1).saturating_mul(self.epoch_s)
    }

    /// The key of an epoch, and its identifier, which is derived like it, so that keys of different secrets are told apart.
    fn key(&self, secret: &[u8], epoch: u64) -> Option<RingKey> {
        let mut bytes = [0; ID_LEN + SECRET_LEN];
        let info = [PURPOSE, &self.epoch_s.to_be_bytes(), &epoch.to_be_bytes()];
        let derived = Hkdf::<Sha256>::new(None, secret).expand_multi_info(&info, &mut bytes);
        let key = derived.ok().and_then(|()| {
            let (id, key) = bytes.split_first_chunk()?;
            Some((u32::from_be_bytes(*id), Key::new(Algorithm::AesSivCmac256, key).ok()?))
        });
        bytes.zeroize();
        let (id, key) = key?;
        Some(RingKey::new(id, epoch.saturating_mul(self.epoch_s), key))
    }
}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterSecret").field("epoch_s", &self.epoch_s).finish_non_exhaustive()
    }
}
