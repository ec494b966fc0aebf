//! Whom to ask: what a human writes, and the address behind it.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use truechimer_engine::config::Family;

use crate::human;

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// As it was written, safe to show.
    pub(super) shown: String,
    host: String,
    port: u16,
}

impl Target {
    /// Reads `HOST`, `HOST:PORT`, `[IPV6]`, `[IPV6]:PORT` or a bare IPv6 address.
    pub(super) fn parse(text: &str, default_port: u16) -> Result<Self, String> {
        let shown = human::clean(text);
        let bad = |why: &str| format!("{shown} is no host: {why}");
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) = rest.split_once(']').ok_or_else(|| bad("the ] is missing"))?;
            if host.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(bad("between [ and ] stands an IPv6 address"));
            }
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(bad("after ] comes nothing or :PORT")),
            }
        } else if text.parse::<IpAddr>().is_ok() {
            (text, None)
        } else {
            match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            }
        };
        let port = match port.map(str::parse::<u16>) {
            None => default_port,
            Some(Ok(port @ 1..)) => port,
            Some(_) => return Err(bad("a port is a number from 1 to 65535")),
        };
        let legal = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        if host.is_empty() || host.len() > 253 || !host.chars().all(legal) {
            return Err(bad("a name has letters, digits, hyphens and dots"));
        }
        Ok(Self { shown: shown.clone(), host: host.to_owned(), port })
    }

    /// The first address of that family, by the system's resolver.
    pub(super) fn resolve(&self, family: Option<Family>) -> Result<SocketAddr, String> {
        let addresses = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|error| format!("the name cannot be resolved: {}", human::clean(&error.to_string())))?;
        let mut fitting = addresses.filter(|address| match family {
            None => true,
            Some(Family::V4) => address.is_ipv4(),
            Some(Family::V6) => address.is_ipv6(),
        });
        fitting.next().ok_or_else(|| match family {
            Some(Family::V4) => "it has no IPv4 address".into(),
            Some(Family::V6) => "it has no IPv6 address".into(),
            None => "it has no address".into(),
        })
    }
}
