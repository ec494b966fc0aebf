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
use crate::config::Authentication;

/// What an association authenticates its packets with.
#[derive(Debug)]
pub(crate) enum Credentials {
    /// Nothing.
    None,
    /// The symmetric key of this identifier, which must be in the table when a packet is made or comes in.
    Key(u32),
}

/// Why no request can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lacking {
    /// The key is not in the table.
    Key,
}

impl Credentials {
    pub(crate) fn new(authentication: Authentication) -> Self {
        match authentication {
            Authentication::None => Self::None,
            Authentication::Key(id) => Self::Key(id),
        }
    }

    /// Writes a request and gives its length. One that cannot be authenticated as it should is not made.
    pub(crate) fn write_request(
        &self,
        header: &Header,
        keys: &KeyTable,
        buffer: &mut [u8],
    ) -> Result<usize, Lacking> {
        let bytes = header.write();
        for (to, from) in buffer.iter_mut().zip(bytes) {
            *to = from;
        }
        match self {
            Self::None => Ok(bytes.len()),
            Self::Key(id) => keys.sign(*id, header.version, buffer, bytes.len()).ok_or(Lacking::Key),
        }
    }

    /// Whether a reply whose origin matched is the server's own.
    pub(crate) fn verify(&self, packet: &Packet<'_>, remote: IpAddr, keys: &KeyTable) -> Result<(), Check> {
        let mac = packet.mac();
        if mac.is_some_and(|mac| mac.is_crypto_nak()) {
            return Err(Check::CryptoNak);
        }
        match (self, mac) {
            (Self::None, None) => Ok(()),
            (Self::None, Some(_)) => Err(Check::Key),
            (Self::Key(_), None) => Err(Check::Mac),
            (Self::Key(id), Some(mac)) if mac.key_id != *id => Err(Check::Key),
            (Self::Key(_), Some(mac)) => match keys.verify(packet, &mac, remote) {
                Some(true) => Ok(()),
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
        }
    }
}
