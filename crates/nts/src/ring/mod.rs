//! The keys that seal cookies, and how they change: RFC 8915 §6.
//!
//! A ring always has a *next* key, which opens cookies already, the *current* one, which seals them, and some *old* ones,
//! which open what they sealed. At a rotation each moves one place on. So a cookie is good for as many rotations as old
//! keys are kept, and no longer: who steals a ring can read no more than that.
//!
//! The next key is there for servers that share a ring: whoever is a little late, with a copied file or with its clock, can
//! open the cookies of whoever is a little early.
//!
//! * One server, or several that share a file: [`KeyRing::generate`], [`KeyRing::advance`], [`KeyRing::write`] and
//!   [`KeyRing::parse`].
//! * A fleet that shares a secret and nothing else: [`MasterSecret::ring`].

mod file;
mod master;

use std::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroize;

use crate::aead::{Aead, Algorithm, Key};
use crate::cookie::{self, COOKIE_RANDOM_LEN, CookieError, cookie_len};
use crate::jar::Cookie;
use crate::keys::Keys;

pub use file::{MAX_FILE_LEN, RingFileError};
pub use master::{MAX_SECRETS, MIN_MASTER_LEN, MasterError, MasterSecret};

/// Bytes of the secret of a key.
const SECRET_LEN: usize = Algorithm::AesSivCmac256.key_len();
/// Most old keys that a ring keeps.
pub const MAX_OLD_KEYS: usize = 64;
/// Where the next key is.
const NEXT: usize = 0;
/// Where the current one is; the old ones follow.
const CURRENT: usize = 1;

/// Keys that seal and open cookies.
#[derive(Clone)]
pub struct KeyRing {
    /// Next, current, old ones, the last first. Never fewer than two.
    keys: Vec<RingKey>,
    /// How many old ones may be there.
    keep: usize,
}

/// One of them, expanded.
#[derive(Clone)]
struct RingKey {
    id: u32,
    /// Since when it has been current, or was made if it is the next; seconds since 1970.
    since_s: u64,
    secret: Key,
    aead: Aead,
}

impl RingKey {
    fn new(id: u32, since_s: u64, secret: Key) -> Self {
        let aead = Aead::new(&secret);
        Self { id, since_s, secret, aead }
    }

    fn random(id: u32, since_s: u64, random: &mut impl CryptoRng) -> Option<Self> {
        let mut secret = [0; SECRET_LEN];
        random.fill_bytes(&mut secret);
        let key = Key::new(Algorithm::AesSivCmac256, &secret).ok();
        secret.zeroize();
        Some(Self::new(id, since_s, key?))
    }
}

impl KeyRing {
    /// A new ring with a next and a current key, which keeps up to `keep` old ones (1 to [`MAX_OLD_KEYS`]).
    pub fn generate(now_s: u64, keep: usize, random: &mut impl CryptoRng) -> Self {
        // The identifiers begin anywhere, so that cookies of a ring that was lost are hardly taken for ours.
        let id = random.next_u32();
        let keys = [id.wrapping_add(1), id].into_iter();
        let keys = keys.filter_map(|id| RingKey::random(id, now_s, random)).collect();
        Self::from_keys(keys, keep)
    }

    fn from_keys(keys: Vec<RingKey>, keep: usize) -> Self {
        let mut ring = Self { keys, keep: keep.clamp(1, MAX_OLD_KEYS) };
        ring.keys.truncate(CURRENT + 1 + ring.keep);
        ring
    }

    /// The next key becomes the current one, and the oldest goes if there are too many.
    pub fn rotate(&mut self, now_s: u64, random: &mut impl CryptoRng) {
        let Some(current) = self.keys.get_mut(NEXT) else { return };
        current.since_s = now_s;
        let mut id = current.id.wrapping_add(1);
        // One that is free: a file can have any.
        while self.keys.iter().any(|key| key.id == id) {
            id = id.wrapping_add(1);
        }
        if let Some(next) = RingKey::random(id, now_s, random) {
            self.keys.insert(NEXT, next);
            self.keys.truncate(CURRENT + 1 + self.keep);
        }
    }

    /// Rotates as often as is due when a key is to be current for `interval_s`, and says whether that was at all. After a
    /// long pause the old keys so are as old as they are allowed to be.
    ///
    /// A current key that is from the future by more than an interval was made by a clock that was wrong: it is replaced.
    pub fn advance(&mut self, now_s: u64, interval_s: u64, random: &mut impl CryptoRng) -> bool {
        let since_s = self.current_since_s();
        let due = now_s.abs_diff(since_s) / interval_s.max(1);
        let all = self.keep as u64 + 2;
        let times = if now_s >= since_s { due.min(all) } else { due.min(1) };
        (0..times).for_each(|_| self.rotate(now_s, random));
        times > 0
    }

    /// Corrects since when the current key has been so, seconds since 1970: a wrong clock said it.
    pub fn redate(&mut self, since_s: u64) {
        if let Some(current) = self.keys.get_mut(CURRENT) {
            current.since_s = since_s;
        }
    }

    /// Since when the current key has been so, seconds since 1970.
    pub fn current_since_s(&self) -> u64 {
        self.keys.get(CURRENT).map_or(0, |key| key.since_s)
    }

    /// The identifier of the current key.
    pub fn current_id(&self) -> u32 {
        self.keys.get(CURRENT).map_or(0, |key| key.id)
    }

    /// How many keys open cookies: the next, the current and the old ones.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no cookie can be sealed or opened: never.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// A fresh cookie.
    pub fn seal_cookie(&self, keys: &Keys, random: &mut impl CryptoRng) -> Option<Cookie> {
        let mut bytes = [0; COOKIE_RANDOM_LEN];
        random.fill_bytes(&mut bytes);
        Cookie::write_with(cookie_len(keys.algorithm()), |place| self.seal_cookie_into(keys, &bytes, place))
    }

    /// A cookie over all of `place`, which must have [`cookie_len`] bytes.
    pub(crate) fn seal_cookie_into(
        &self,
        keys: &Keys,
        random: &[u8; COOKIE_RANDOM_LEN],
        place: &mut [u8],
    ) -> Option<()> {
        let key = self.keys.get(CURRENT)?;
        cookie::seal(&key.aead, key.id, random, keys, place)
    }

    /// The keys of the client that sent this cookie.
    ///
    /// # Errors
    /// [`CookieError`].
    pub fn open_cookie(&self, cookie: &[u8]) -> Result<Keys, CookieError> {
        let id = cookie::key_id(cookie).ok_or(CookieError::Length)?;
        let key = self.keys.iter().find(|key| key.id == id).ok_or(CookieError::UnknownKey)?;
        cookie::open(&key.aead, cookie)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<u32> = self.keys.iter().map(|key| key.id).collect();
        f.debug_struct("KeyRing").field("ids", &ids).field("keep", &self.keep).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
