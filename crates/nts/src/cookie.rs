//! What the server's cookies look like, RFC 8915 §6.
//!
//! A cookie holds the keys of one client, sealed with a key of the server's [ring](crate::KeyRing), so that the server
//! need remember nothing. To everybody else it is random bytes but for the first four, which are the same for all clients:
//!
//! ```text
//!  0        4              16             32                     32 + 2 × key length
//!  +--------+--------------+--------------+----------------------------+
//!  | key id | random       | tag          | C2S key, S2C key, sealed   |
//!  +--------+--------------+--------------+----------------------------+
//! ```
//!
//! Sealed is with AES-SIV-CMAC-256; key id and random bytes together are the nonce, one block. If the random bytes ever
//! repeat, nothing is lost but that two cookies of the same client are then equal. What the keys are for is told by their
//! length, which the tag covers: 96 bytes make a cookie for AES-SIV-CMAC-256, 160 for AES-SIV-CMAC-512 and 64 for
//! AES-128-GCM-SIV. An algorithm with keys as long as one of these would need another format.

use crate::aead::{Aead, Algorithm, MAX_KEY_LEN, TAG_LEN};
use crate::keys::Keys;

/// Bytes of the key's identifier.
const KEY_ID_LEN: usize = 4;
/// Bytes of the random part.
pub(crate) const COOKIE_RANDOM_LEN: usize = 12;
/// Bytes of both together.
const NONCE_LEN: usize = KEY_ID_LEN + COOKIE_RANDOM_LEN;

/// Why a cookie does not give keys. To the client it is all the same: it gets an NTS NAK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CookieError {
    /// No cookie of ours has this length.
    Length,
    /// The key is not or no longer in the ring.
    UnknownKey,
    /// It was not sealed with that key.
    Forged,
}

/// Bytes of a cookie for keys of this algorithm.
pub const fn cookie_len(algorithm: Algorithm) -> usize {
    NONCE_LEN + TAG_LEN + 2 * algorithm.key_len()
}

/// The algorithm whose cookies have this length.
fn algorithm(len: usize) -> Option<Algorithm> {
    Algorithm::ALL.into_iter().find(|algorithm| cookie_len(*algorithm) == len)
}

/// With which key a cookie claims to be sealed.
pub(crate) fn key_id(cookie: &[u8]) -> Option<u32> {
    cookie.first_chunk().map(|id| u32::from_be_bytes(*id))
}

/// Writes a cookie over all of `cookie`; `None` if that has the wrong length.
pub(crate) fn seal(
    aead: &Aead,
    id: u32,
    random: &[u8; COOKIE_RANDOM_LEN],
    keys: &Keys,
    cookie: &mut [u8],
) -> Option<()> {
    if cookie.len() != cookie_len(keys.algorithm()) {
        return None;
    }
    let (nonce, message) = cookie.split_first_chunk_mut::<NONCE_LEN>()?;
    let (nonce_id, nonce_random) = nonce.split_first_chunk_mut()?;
    *nonce_id = id.to_be_bytes();
    nonce_random.copy_from_slice(random);
    let (c2s, s2c) = message.get_mut(TAG_LEN..)?.split_at_mut_checked(keys.algorithm().key_len())?;
    c2s.copy_from_slice(keys.c2s().bytes());
    s2c.copy_from_slice(keys.s2c().bytes());
    aead.seal(nonce, &[], message).ok()
}

/// The keys in a cookie.
pub(crate) fn open(aead: &Aead, cookie: &[u8]) -> Result<Keys, CookieError> {
    let algorithm = algorithm(cookie.len()).ok_or(CookieError::Length)?;
    let (nonce, sealed) = cookie.split_at_checked(NONCE_LEN).ok_or(CookieError::Length)?;
    let mut place = [0; TAG_LEN + 2 * MAX_KEY_LEN];
    let message = place.get_mut(..sealed.len()).ok_or(CookieError::Length)?;
    message.copy_from_slice(sealed);
    // The copy is not wiped: whoever can read our memory finds the ring there.
    let keys = aead.open(nonce, &[], message).map_err(|_| CookieError::Forged)?;
    let (c2s, s2c) = keys.split_at_checked(algorithm.key_len()).ok_or(CookieError::Length)?;
    Keys::new(algorithm, c2s, s2c).map_err(|_| CookieError::Length)
}

#[cfg(test)]
mod tests;
