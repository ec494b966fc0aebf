//! Names, addresses and networks as people write them, and what is wrong with those that are no such thing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use truechimer_engine::config::{AccessRule, Host};

use crate::rules::{self, Rule};
use crate::text::quote;

/// Why a value is refused.
#[derive(Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) rule: &'static Rule,
    pub(crate) message: String,
    pub(crate) help: String,
}

fn fault(rule: &'static Rule, message: String, help: impl Into<String>) -> Fault {
    Fault { rule, message, help: help.into() }
}

/// What to write instead of a link-local address.
const ROUTABLE: &str = "use the server's global or unique local address";

/// A name (RFC 1123 §2.1, RFC 2181 §11) or a unicast address. Names come out in lower case.
pub(crate) fn parse_host(text: &str) -> Result<Host, Fault> {
    let bad = |message: String, help: &str| Err(fault(&rules::BAD_HOST, message, help));
    if text.is_empty() {
        return bad("the name is empty".into(), "write the DNS name or address of the server");
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        if matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
            return bad(format!("{} is link-local: such addresses cannot be sources", quote(text)), ROUTABLE);
        }
        return unicast(address, &rules::BAD_HOST).map(Host::Address);
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(address) = bare.filter(|bare| bare.parse::<Ipv6Addr>().is_ok()) {
        return bad(
            format!("{} has brackets around the address", quote(text)),
            &format!("write \"{address}\""),
        );
    }
    if let Some((host, port)) = split_port(text) {
        let help = format!("write the port as a key of its own: port = {port}");
        return bad(format!("{} has a port in it, where only {} belongs", quote(text), quote(host)), &help);
    }
    if text.contains('%') {
        return bad(
            format!("{} names an interface: link-local addresses cannot be sources", quote(text)),
            ROUTABLE,
        );
    }
    if text.contains(char::is_whitespace) {
        return bad(
            format!("{} has a space in it", quote(text)),
            "write one name or address; options are keys",
        );
    }
    if text.contains(['/', ':']) {
        let help = "write only the name or address, without scheme, path or port";
        return bad(format!("{} is neither a name nor an address", quote(text)), help);
    }
    parse_name(text).map(Host::Name)
}

fn parse_name(text: &str) -> Result<String, Fault> {
    let bad = |message: String, help: &str| Err(fault(&rules::BAD_HOST, message, help));
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.len() > 253 {
        return bad(format!("the name has {} characters", name.len()), "a DNS name has at most 253");
    }
    if !name.is_ascii() {
        let help = "write international names in their ASCII form (xn--…)";
        return bad(format!("{} has characters that DNS does not", quote(text)), help);
    }
    for label in name.split('.') {
        if label.is_empty() {
            return bad(format!("{} has an empty part", quote(text)), "parts are separated by single dots");
        }
        if label.len() > 63 {
            return bad(format!("a part of {} is too long", quote(text)), "a part has at most 63 characters");
        }
        if let Some(c) = label.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))) {
            let help = "a name consists of letters, digits, `-`, `_` and dots";
            return bad(format!("{} has {} in it", quote(text), quote(&c.to_string())), help);
        }
        if label.starts_with('-') || label.ends_with('-') {
            let help = "no part of a name begins or ends with `-`";
            return bad(format!("{} is not a name", quote(text)), help);
        }
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    if last.bytes().all(|b| b.is_ascii_digit()) {
        let help = "an IPv4 address has four numbers from 0 to 255, without leading zeros";
        return bad(format!("{} looks like an address but is none", quote(text)), help);
    }
    Ok(name.to_ascii_lowercase())
}

/// `host:port` and `[v6]:port` taken apart.
fn split_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match inner {
        Some(inner) => Some((inner, port)),
        None => (!host.is_empty() && !host.contains(':')).then_some((host, port)),
    }
}

fn unicast(address: IpAddr, rule: &'static Rule) -> Result<IpAddr, Fault> {
    let shown = format!("`{address}`");
    if address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return Err(fault(
            rule,
            format!("{shown} is not the address of one machine"),
            "write the server's own address",
        ));
    }
    if address.is_unspecified() {
        return Err(fault(
            rule,
            format!("{shown} is no address that can be reached"),
            "write the address of one machine",
        ));
    }
    if let Some(v4) = mapped(address) {
        return Err(fault(
            rule,
            format!("{shown} is an IPv4 address in disguise"),
            format!("write \"{v4}\""),
        ));
    }
    Ok(address)
}

fn mapped(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped(),
        IpAddr::V4(_) => None,
    }
}

/// An address of this machine to send from.
pub(crate) fn parse_local(text: &str) -> Result<IpAddr, Fault> {
    match text.parse::<IpAddr>() {
        Ok(address) => unicast(address, &rules::BAD_ADDRESS),
        Err(_) => Err(fault(
            &rules::BAD_ADDRESS,
            format!("{} is not an IPv4 or IPv6 address", quote(text)),
            "write an address of this machine, without a port",
        )),
    }
}

/// A listener's address and port; `port` is the usual one.
pub(crate) fn parse_listener(text: &str, port: u16) -> Result<SocketAddr, Fault> {
    let bad = |message: String, help: String| Err(fault(&rules::BAD_LISTENER, message, help));
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        let help = format!("write \"{}\"", SocketAddr::new(address, port));
        return bad(format!("{} has no port", quote(text)), help);
    }
    let Ok(address) = text.parse::<SocketAddr>() else {
        let unbracketed = text
            .rsplit_once(':')
            .and_then(|(host, port)| Some(SocketAddr::new(host.parse().ok()?, port.parse().ok()?)));
        let help = match (unbracketed, text.strip_prefix("*:").and_then(|port| port.parse::<u16>().ok())) {
            (Some(address), _) => format!("write \"{address}\""),
            (None, Some(port)) => format!("write \"0.0.0.0:{port}\" and \"[::]:{port}\""),
            (None, None) => {
                format!("write an address and a port, as \"192.0.2.1:{port}\" or \"[2001:db8::1]:{port}\"")
            }
        };
        return bad(format!("{} is not an address with a port", quote(text)), help);
    };
    let shown = format!("`{address}`");
    if address.port() == 0 {
        return bad(format!("{shown} has port 0"), format!("{port} is usual here; 1 to 65535 are possible"));
    }
    if address.ip().is_multicast() || address.ip() == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return bad(
            format!("{shown} is not an address of a machine"),
            "write an address of this machine".into(),
        );
    }
    if let Some(v4) = mapped(address.ip()) {
        let help = format!("write \"{}\"", SocketAddr::new(v4.into(), address.port()));
        return bad(format!("{shown} is an IPv4 address in disguise"), help);
    }
    Ok(address)
}

/// A network, as an access rule.
pub(crate) fn parse_network(text: &str, allow: bool) -> Result<AccessRule, Fault> {
    let bad = |message: String, help: String| Err(fault(&rules::BAD_NETWORK, message, help));
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let Ok(network) = address.parse::<IpAddr>() else {
        return bad(format!("{} is not a network", quote(text)), suggest_network(address, prefix));
    };
    let longest = if network.is_ipv4() { 32 } else { 128 };
    let prefix_len = match prefix {
        None => longest,
        Some(prefix) => match parse_prefix(prefix, network.is_ipv4()) {
            Ok(len) if len <= longest => len,
            Ok(_) | Err(None) => {
                let family = if longest == 32 { "IPv4" } else { "IPv6" };
                return bad(
                    format!("{} is not a prefix length", quote(prefix)),
                    format!("the prefix of an {family} network is a number from 0 to {longest}"),
                );
            }
            Err(Some(len)) => {
                return bad(format!("{} is a netmask", quote(prefix)), format!("write \"{network}/{len}\""));
            }
        },
    };
    let masked = mask(network, prefix_len);
    if masked != network {
        return Err(fault(
            &rules::HOST_BITS,
            format!("{} has bits beyond its prefix of {prefix_len}", quote(text)),
            format!("write \"{masked}/{prefix_len}\" for the network, or \"{network}\" for the one address"),
        ));
    }
    if let (Some(v4), true) = (mapped(network), prefix_len >= 96) {
        let help = format!("write \"{v4}/{}\", which covers it", prefix_len - 96);
        return bad(format!("{} is an IPv4 network in disguise", quote(text)), help);
    }
    Ok(AccessRule { network, prefix_len, allow })
}

/// The length, or if it is written as a netmask that, in the error.
fn parse_prefix(text: &str, ipv4: bool) -> Result<u8, Option<u8>> {
    if !text.is_empty() && text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().map_err(|_| None);
    }
    let netmask = text.parse::<Ipv4Addr>().ok().filter(|_| ipv4).map(u32::from);
    let contiguous = netmask.filter(|mask| mask.leading_ones() + mask.trailing_zeros() == 32);
    Err(contiguous.map(|mask| mask.leading_ones() as u8)) // at most 32
}

/// The network's address: all bits beyond the prefix cleared.
pub(crate) fn mask(address: IpAddr, prefix_len: u8) -> IpAddr {
    let len = u32::from(prefix_len);
    match address {
        IpAddr::V4(v4) => {
            let bits = u32::from(v4);
            IpAddr::V4(Ipv4Addr::from(bits & !u32::MAX.checked_shr(len).unwrap_or(0)))
        }
        IpAddr::V6(v6) => {
            let bits = u128::from(v6);
            IpAddr::V6(Ipv6Addr::from(bits & !u128::MAX.checked_shr(len).unwrap_or(0)))
        }
    }
}

/// For `all`, `10.0.0/8`, `10.`, `192.168` and the like: what was likely meant.
fn suggest_network(address: &str, prefix: Option<&str>) -> String {
    if matches!(address.to_ascii_lowercase().as_str(), "all" | "any" | "*") {
        return "write \"0.0.0.0/0\" and \"::/0\" for everybody".into();
    }
    let parts: Vec<_> = address.trim_end_matches('.').split('.').collect();
    let numbers: Option<Vec<u8>> = parts.iter().map(|part| part.parse().ok()).collect();
    if let Some(numbers) = numbers.filter(|numbers| (1..=3).contains(&numbers.len())) {
        let mut octets = [0; 4];
        octets.iter_mut().zip(&numbers).for_each(|(octet, number)| *octet = *number);
        let len = prefix.and_then(|prefix| parse_prefix(prefix, true).ok());
        let len = len.filter(|len| *len <= 32).unwrap_or(8 * numbers.len() as u8); // at most 24
        return format!("write \"{}/{len}\"", mask(Ipv4Addr::from(octets).into(), len));
    }
    "write an address, a slash and a prefix length, as \"192.0.2.0/24\" or \"2001:db8::/32\"".into()
}

#[cfg(test)]
mod tests;
