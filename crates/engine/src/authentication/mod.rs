//! How an association proves itself to its server, and how a reply must prove itself to be believed.
//!
//! A reply is authenticated right after the origin check, which costs nothing and stops whoever does not see our packets,
//! and before anything else in it is believed, a kiss code included (CVE-2015-7704). Credentials are bound to the
//! association: a reply with the valid MAC of another key is as good as none (CVE-2015-7974), and there is no way back to
//! replies without (CVE-2015-1798).

mod keys;

use std::net::IpAddr;

use truechimer_wire::{Header, Packet};

pub use self::keys::{KeyTable, PeerKey};
use crate::check::Check;
use crate::nts::NtsClient;
pub(crate) use crate::nts::Proof;
use crate::rng::Rng;

/// What an association authenticates its packets with.
#[derive(Debug)]
pub(crate) enum Credentials {
    /// Nothing.
    None,
    /// The symmetric key of this identifier, which must be in the table when a packet is made or comes in.
    Key(u32),
    /// The keys and cookies of NTS.
    Nts(Box<NtsClient>),
}

/// Why no request can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lacking {
    /// The key is not in the table.
    Key,
    /// There are no keys or cookies yet, or no more.
    Nts,
}

impl Credentials {
    /// The process of NTS, where that is what authenticates.
    pub(crate) fn nts(&self) -> Option<&NtsClient> {
        match self {
            Self::Nts(client) => Some(client),
            Self::None | Self::Key(_) => None,
        }
    }

    /// The same, to change it.
    pub(crate) fn nts_mut(&mut self) -> Option<&mut NtsClient> {
        match self {
            Self::Nts(client) => Some(client),
            Self::None | Self::Key(_) => None,
        }
    }

    /// Writes a request and gives its length. One that cannot be authenticated as it should is not made.
    pub(crate) fn write_request(
        &mut self,
        header: &Header,
        keys: &KeyTable,
        rng: &mut Rng,
        buffer: &mut [u8],
    ) -> Result<usize, Lacking> {
        let bytes = header.write();
        for (to, from) in buffer.iter_mut().zip(bytes) {
            *to = from;
        }
        match self {
            Self::None => Ok(bytes.len()),
            Self::Key(id) => keys.sign(*id, header.version, buffer, bytes.len()).ok_or(Lacking::Key),
            Self::Nts(client) => client.write_request(header, rng, buffer).ok_or(Lacking::Nts),
        }
    }

    /// Whether a reply whose origin matched is the server's own.
    pub(crate) fn verify(
        &mut self,
        packet: &Packet<'_>,
        remote: IpAddr,
        keys: &KeyTable,
    ) -> Result<Proof, Check> {
        if let Self::Nts(client) = self {
            return client.verify(packet);
        }
        let mac = packet.mac();
        if mac.is_some_and(|mac| mac.is_crypto_nak()) {
            return Err(Check::CryptoNak);
        }
        match (self, mac) {
            (Self::None, None) => Ok(Proof::Authentic),
            (Self::None | Self::Nts(_), _) => Err(Check::Key),
            (Self::Key(_), None) => Err(Check::Mac),
            (Self::Key(id), Some(mac)) if mac.key_id != *id => Err(Check::Key),
            (Self::Key(_), Some(mac)) => match keys.verify(packet, &mac, remote) {
                Some(true) => Ok(Proof::Authentic),
                Some(false) => Err(Check::Digest),
                None => Err(Check::Key),
            },
        }
    }
}

impl Lacking {
    /// For people.
    pub(crate) const fn complaint(self) -> &'static str {
        match self {
            Self::Key => "its key is not in the key file, so it is not asked",
            Self::Nts => "there are no keys for it, so it is not asked",
        }
    }
}
