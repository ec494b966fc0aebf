//! The symmetric keys that this machine holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use truechimer_wire::mac::{KeyAlgorithm, MAX_DIGEST_LEN, SymmetricKey};
use truechimer_wire::{KEY_ID_LEN, Mac, Packet};

/// Keys by their identifiers. Copies share the keys; they are wiped from memory with the last of them.
#[derive(Clone, Debug, Default)]
pub struct KeyTable(Arc<BTreeMap<u32, SymmetricKey>>);

impl KeyTable {
    /// How digests are made with this key; `None` if there is none of that identifier.
    pub fn algorithm(&self, id: u32) -> Option<KeyAlgorithm> {
        self.0.get(&id).map(SymmetricKey::algorithm)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the packet's MAC was made with the key that it names; `None` if that is not here.
    pub(crate) fn verify(&self, packet: &Packet<'_>, mac: &Mac<'_>) -> Option<bool> {
        let key = self.0.get(&mac.key_id)?;
        Some(key.verify(packet.covered(), mac.digest))
    }

    /// Writes a MAC behind the first `len` bytes, with as much of the digest as `version` carries, and gives the length of
    /// it all. `None` if the key is not here or the room is too small.
    pub(crate) fn sign(&self, id: u32, version: u8, buffer: &mut [u8], len: usize) -> Option<usize> {
        let digest_len = self.algorithm(id)?.digest_len_in(version);
        let end = len + KEY_ID_LEN + digest_len;
        let key_id = buffer.get_mut(len..end)?.first_chunk_mut()?;
        *key_id = id.to_be_bytes();
        self.resign(buffer.get_mut(..end)?, len).then_some(end)
    }

    /// Makes the digest of a MAC anew, in the length and with the key that are there already. `covered` is the length of
    /// what it covers. `false` if the key is not here or there is no MAC.
    pub(crate) fn resign(&self, packet: &mut [u8], covered: usize) -> bool {
        let Some((covered, mac)) = packet.split_at_mut_checked(covered) else { return false };
        let Some((id, digest)) = mac.split_first_chunk_mut() else { return false };
        let Some(key) = self.0.get(&u32::from_be_bytes(*id)) else { return false };
        let mut whole = [0; MAX_DIGEST_LEN];
        key.digest(covered, &mut whole);
        for (to, from) in digest.iter_mut().zip(whole) {
            *to = from;
        }
        true
    }
}

/// Of several keys with one identifier the last counts. Identifier 0 means "no key" on the wire and is left out.
impl FromIterator<(u32, SymmetricKey)> for KeyTable {
    fn from_iter<I: IntoIterator<Item = (u32, SymmetricKey)>>(keys: I) -> Self {
        Self(Arc::new(keys.into_iter().filter(|(id, _)| *id != 0).collect()))
    }
}

/// Equal are copies of one table. What the keys are is nobody's business, so others are never equal, unless both are empty.
impl PartialEq for KeyTable {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.is_empty() && other.is_empty())
    }
}

#[cfg(test)]
mod tests;
