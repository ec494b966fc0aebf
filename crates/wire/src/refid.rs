//! Reference identifiers and kiss codes, RFC 5905 §7.3 and §7.4.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use md5::{Digest, Md5};

/// The reference identifier: a kiss code at stratum 0, a reference clock's name at stratum 1, an IPv4 address
/// or a hash of an IPv6 address above (RFC 5905 §7.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReferenceId(pub [u8; 4]);

impl ReferenceId {
    /// Nothing is known.
    pub const NONE: Self = Self([0; 4]);
    /// 127.127.1.1: the local clock without a source. Implementations of NTP know it since the local reference
    /// driver of ntpd, and chrony's `local` uses it too.
    pub const LOCAL: Self = Self([127, 127, 1, 1]);

    /// Of a reference clock: the first four characters of its name, filled up with zeros. Characters that do
    /// not print in ASCII end it.
    pub fn from_name(name: &str) -> Self {
        let mut id = [0; 4];
        for (to, from) in id.iter_mut().zip(name.bytes().take_while(u8::is_ascii_graphic)) {
            *to = from;
        }
        Self(id)
    }

    /// Of a server: its IPv4 address, or the first four octets of the MD5 hash of its IPv6 address. An
    /// IPv4-mapped address counts as IPv4.
    ///
    /// Two IPv6 addresses can have one identifier, by chance or by design, so equality is a hint of a loop and
    /// never proof of identity.
    pub fn from_address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::from_ipv4(address),
            IpAddr::V6(address) => Self::from_ipv6(address),
        }
    }

    /// An IPv4 address as it is.
    pub const fn from_ipv4(address: Ipv4Addr) -> Self {
        Self(address.octets())
    }

    /// First four octets of the MD5 hash of an IPv6 address.
    pub fn from_ipv6(address: Ipv6Addr) -> Self {
        let hash: [u8; 16] = Md5::digest(address.octets()).into();
        let [a, b, c, d, ..] = hash;
        Self([a, b, c, d])
    }

    /// The identifier for people: at stratum 0 and 1 the characters if all of them print, else four decimal
    /// numbers with dots (also when they come from a hash: nothing tells them apart).
    pub fn text(self, stratum: u8) -> String {
        if stratum <= 1
            && let Some(name) = self.name()
        {
            return name;
        }
        Ipv4Addr::from(self.0).to_string()
    }

    /// The characters before the padding, if there are any and all print.
    fn name(self) -> Option<String> {
        let end = self.0.iter().rposition(|&byte| byte != 0)? + 1;
        let name: String = self.0.iter().take(end).map(|&byte| char::from(byte)).collect();
        name.chars().all(|c| c.is_ascii_graphic()).then_some(name)
    }
}

/// What a server says instead of the time, RFC 5905 §7.4: the reference identifier of a packet of stratum 0.
///
/// Only the codes that a client must act upon have names of their own; the rest are remarks to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KissCode {
    /// `DENY`: access denied. Stop.
    Deny,
    /// `RSTR`: access denied by local policy. Stop.
    Restrict,
    /// `RATE`: too many requests. Poll less often.
    Rate,
    /// `NTSN`: the server could not open the cookie (RFC 8915 §5.7).
    NtsNak,
    /// Any other code, such as `INIT` or `STEP`, or experimental ones that begin with `X`.
    Other(ReferenceId),
}

impl From<ReferenceId> for KissCode {
    fn from(id: ReferenceId) -> Self {
        match &id.0 {
            b"DENY" => Self::Deny,
            b"RSTR" => Self::Restrict,
            b"RATE" => Self::Rate,
            b"NTSN" => Self::NtsNak,
            _ => Self::Other(id),
        }
    }
}

impl From<KissCode> for ReferenceId {
    fn from(code: KissCode) -> Self {
        match code {
            KissCode::Deny => Self(*b"DENY"),
            KissCode::Restrict => Self(*b"RSTR"),
            KissCode::Rate => Self(*b"RATE"),
            KissCode::NtsNak => Self(*b"NTSN"),
            KissCode::Other(id) => id,
        }
    }
}

#[cfg(test)]
mod tests;
