//! What can be said about addresses and names without asking anybody.

use std::net::{IpAddr, SocketAddr};

use truechimer_engine::config::{AccessRule, Host};

/// Whether a rule covers more than any single organisation has: everything, or most of it.
pub(super) fn everybody(rule: &AccessRule) -> bool {
    // ::/0 and 2000::/3 are the IPv6 internet; its other wide prefixes are private ones (fc00::/7).
    let widest = if rule.network.is_ipv4() { 4 } else { 6 };
    rule.prefix_len <= widest
}

/// Whether requests from this network can arrive at the listener.
pub(super) fn listens_on(listener: &SocketAddr, rule: &AccessRule) -> bool {
    listener.is_ipv4() == rule.network.is_ipv4()
}

/// Whether a server is likely somebody else's: a name of the public DNS or a global address.
pub(super) fn is_public(host: &Host) -> bool {
    match host {
        Host::Address(IpAddr::V4(v4)) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && (64..128).contains(&second); // RFC 6598
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared)
        }
        Host::Address(IpAddr::V6(v6)) => {
            !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local())
        }
        Host::Name(name) => {
            let name = name.trim_end_matches('.');
            let private =
                [".local", ".lan", ".internal", ".home.arpa", ".localhost", ".test", ".corp", ".home"];
            name.contains('.') && !private.iter().any(|suffix| name.ends_with(suffix))
        }
    }
}

/// The domain that was likely registered by the operator: the last two labels of a name, or three where the last
/// two look like a registry (`co.uk`). `None` for addresses and bare names.
pub(super) fn operator(host: &Host) -> Option<&str> {
    let Host::Name(name) = host else { return None };
    let name = name.trim_end_matches('.');
    let mut dots = name.rmatch_indices('.').map(|(at, _)| at);
    let last = dots.next()?;
    let Some(second) = dots.next() else { return Some(name) };
    let country = name.len() - last - 1 == 2;
    let registry = country && last - second - 1 <= 3;
    let start = if registry { dots.next() } else { Some(second) };
    name.get(start.map_or(0, |dot| dot + 1)..)
}

/// Whether this is one of the public pool's general names, as `pool.ntp.org`, `2.pool.ntp.org` or
/// `de.pool.ntp.org`, and not a vendor's zone such as `2.debian.pool.ntp.org`.
pub(super) fn is_general_pool(host: &Host) -> bool {
    let Host::Name(name) = host else { return false };
    let Some(zone) = name.trim_end_matches('.').strip_suffix("pool.ntp.org") else { return false };
    let continents = ["africa", "asia", "europe", "north-america", "oceania", "south-america"];
    let general = |label: &str| {
        label.len() <= 2 || label.bytes().all(|b| b.is_ascii_digit()) || continents.contains(&label)
    };
    zone.is_empty() || zone.strip_suffix('.').is_some_and(|zone| zone.split('.').all(general))
}

#[cfg(test)]
mod tests;
