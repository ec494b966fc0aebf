//! The symmetric keys that this machine holds.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use truechimer_wire::mac::{KeyAlgorithm, MAX_DIGEST_LEN, SymmetricKey};
use truechimer_wire::{KEY_ID_LEN, Mac, Packet};

use crate::config::AccessRule;
use crate::server::access::Access;

/// Keys by their identifiers. Copies share the keys; they are wiped from memory with the last of them.
#[derive(Clone, Debug, Default)]
pub struct KeyTable(Arc<BTreeMap<u32, Entry>>);

/// A key and who may use it.
#[derive(Debug)]
pub struct PeerKey {
    /// The key.
    pub key: SymmetricKey,
    /// What comes from elsewhere is not verified with it (ntpd's key files can say so); `None` for no limit.
    pub peers: Option<Vec<AccessRule>>,
}

#[derive(Debug)]
struct Entry {
    key: SymmetricKey,
    peers: Option<Access>,
}

impl KeyTable {
    /// How digests are made with this key; `None` if there is none of that identifier.
    pub fn algorithm(&self, id: u32) -> Option<KeyAlgorithm> {
        self.0.get(&id).map(|entry| entry.key.algorithm())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the packet's MAC was made with the key that it names; `None` if that is not here, or not for `remote`.
    pub(crate) fn verify(&self, packet: &Packet<'_>, mac: &Mac<'_>, remote: IpAddr) -> Option<bool> {
        let entry = self.0.get(&mac.key_id)?;
        let may_use = entry.peers.as_ref().is_none_or(|peers| peers.allows(remote));
        may_use.then(|| entry.key.verify(packet.covered(), mac.digest))
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
        let Some(entry) = self.0.get(&u32::from_be_bytes(*id)) else { return false };
        let mut whole = [0; MAX_DIGEST_LEN];
        entry.key.digest(covered, &mut whole);
        for (to, from) in digest.iter_mut().zip(whole) {
            *to = from;
        }
        true
    }
}

/// Of several keys with one identifier the last counts. Identifier 0 means "no key" on the wire and is left out.
impl FromIterator<(u32, PeerKey)> for KeyTable {
    fn from_iter<I: IntoIterator<Item = (u32, PeerKey)>>(keys: I) -> Self {
        let entry = |PeerKey { key, peers }| Entry { key, peers: peers.as_deref().map(Access::new) };
        let keys = keys.into_iter().filter(|(id, _)| *id != 0);
        Self(Arc::new(keys.map(|(id, key)| (id, entry(key))).collect()))
    }
}

/// The same, for keys that anybody may use.
impl FromIterator<(u32, SymmetricKey)> for KeyTable {
    fn from_iter<I: IntoIterator<Item = (u32, SymmetricKey)>>(keys: I) -> Self {
        keys.into_iter().map(|(id, key)| (id, PeerKey { key, peers: None })).collect()
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
