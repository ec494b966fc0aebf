//! Whom to ask: what a human writes, and the address behind it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use truechimer_engine::config::{Family, Host};

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
        if text.contains("://") {
            return Err(bad(
                "write the name or address alone, without what stands before and behind it in a URL",
            ));
        }
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
        match host.parse::<IpAddr>() {
            Ok(address) if address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) => {
                return Err(bad("it is the address of many machines"));
            }
            Ok(address) if address.is_unspecified() => return Err(bad("it is the address of no machine")),
            Ok(_) => {}
            // The system would take 10.1 for 10.0.0.1.
            Err(_)
                if host.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit())) =>
            {
                return Err(bad("an IPv4 address has four numbers from 0 to 255"));
            }
            Err(_) => {}
        }
        Ok(Self { shown: shown.clone(), host: host.to_owned(), port })
    }

    /// Name or address.
    pub(super) fn host(&self) -> Host {
        self.host.parse().map_or_else(|_| Host::Name(self.host.clone()), Host::Address)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The first address of that family, by the system's resolver.
    pub(super) fn resolve(&self, family: Option<Family>) -> Result<SocketAddr, String> {
        let addresses = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|error| unresolved(&error.to_string()))?;
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

/// Why a name has no address, without the words that the standard library puts before those of the C library.
pub(super) fn unresolved(error: &str) -> String {
    let why = error.rsplit_once("failed to lookup address information: ").map_or(error, |(_, why)| why);
    format!("the name cannot be resolved: {}", human::clean(why))
}
