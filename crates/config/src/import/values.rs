//! Numbers and networks as other programs write them, and as our TOML does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::draft::string;
use crate::address::mask;
use crate::units;

/// A finite number.
pub(super) fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// A whole number.
pub(super) fn integer(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Seconds as TOML.
pub(super) fn duration(seconds: f64) -> String {
    string(&units::write_duration(seconds))
}

/// A rate in parts per million as TOML.
pub(super) fn ppm(rate: f64) -> String {
    string(&units::write_rate(rate * 1e-6))
}

/// A number as TOML takes it.
pub(super) fn decimal(value: f64) -> String {
    let text = format!("{value}");
    if text.contains('.') { text } else { text + ".0" }
}

/// A network: an address and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    pub(super) address: IpAddr,
    pub(super) prefix_len: u8,
}

/// All of IPv4.
pub(super) const ALL_V4: Network = Network { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), prefix_len: 0 };
/// All of IPv6.
pub(super) const ALL_V6: Network = Network { address: IpAddr::V6(Ipv6Addr::UNSPECIFIED), prefix_len: 0 };

impl Network {
    /// The network of an address; bits beyond the prefix are cleared. `None` if the prefix is too long.
    pub(super) fn new(address: IpAddr, prefix_len: u8) -> Option<Self> {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        (prefix_len <= longest).then(|| Self { address: mask(address, prefix_len), prefix_len })
    }

    /// One address.
    pub(super) fn host(address: IpAddr) -> Self {
        Self { address, prefix_len: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// The network of an address and a netmask, if the mask's ones come first.
    pub(super) fn masked(address: IpAddr, netmask: IpAddr) -> Option<Self> {
        let (ones, zeros, width) = match netmask {
            IpAddr::V4(v4) => (u32::from(v4).leading_ones(), u32::from(v4).trailing_zeros(), 32),
            IpAddr::V6(v6) => (u128::from(v6).leading_ones(), u128::from(v6).trailing_zeros(), 128),
        };
        let same = address.is_ipv4() == netmask.is_ipv4();
        if same && ones + zeros == width { Self::new(address, u8::try_from(ones).ok()?) } else { None }
    }

    /// Whether the other network lies within this one.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.address.is_ipv4() == other.address.is_ipv4()
            && self.prefix_len <= other.prefix_len
            && mask(other.address, self.prefix_len) == self.address
    }

    /// As TOML.
    pub(super) fn toml(&self) -> String {
        let width = if self.address.is_ipv4() { 32 } else { 128 };
        if self.prefix_len == width {
            string(&self.address.to_string())
        } else {
            string(&format!("{}/{}", self.address, self.prefix_len))
        }
    }
}

/// Whether the rule at this index changes who is answered: the longest prefix decides, and who is in no rule is refused.
pub(super) fn decides(rules: &[(Network, bool)], index: usize) -> bool {
    let Some((network, allow)) = rules.get(index) else { return false };
    let wider = rules.iter().filter(|(other, _)| other != network && other.covers(network));
    let otherwise = wider.max_by_key(|(other, _)| other.prefix_len).is_some_and(|(_, allow)| *allow);
    otherwise != *allow
}

/// A network as chrony writes it: an address, an address and a prefix length, or the first bytes of an IPv4 address.
pub(super) fn subnet(text: &str) -> Option<Network> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok()?)),
        None => (text, None),
    };
    if let Ok(address) = address.parse::<IpAddr>() {
        return match prefix {
            Some(prefix) => Network::new(address, prefix),
            None => Some(Network::host(address)),
        };
    }
    let parts: Option<Vec<u8>> = address.split('.').map(|part| part.parse().ok()).collect();
    let parts = parts.filter(|parts| (1..=3).contains(&parts.len()))?;
    let mut octets = [0; 4];
    octets.iter_mut().zip(&parts).for_each(|(octet, part)| *octet = *part);
    let len = prefix.or(u8::try_from(8 * parts.len()).ok())?;
    Network::new(Ipv4Addr::from(octets).into(), len)
}
