//! What decides by which way, and from which address, packets leave.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::netlink;

/// Somewhere far away, in either family: whoever has a way into the Internet has one to these. They are for documentation
/// (RFC 5737, RFC 3849) and nothing is ever sent there; the kernel is only asked how it would be.
const FAR: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];

const NEW_ADDRESS: u16 = 20;
const GET_ADDRESSES: u16 = 22;
const NEW_ROUTE: u16 = 24;
const GET_ROUTE: u16 = 26;
/// `struct rtmsg` and `struct ifaddrmsg`.
const ROUTE_LEN: usize = 12;
const ADDRESS_LEN: usize = 8;
/// Attributes of a route.
const DESTINATION: u16 = 1;
const INTERFACE: u16 = 4;
const GATEWAY: u16 = 5;
const PREFERRED_SOURCE: u16 = 7;
const VIA: u16 = 18;
/// Attributes of an address.
const PEER_OR_OWN: u16 = 1;
const OWN: u16 = 2;
const FLAGS: u16 = 8;
/// Scopes from this on end at the next cable.
const SCOPE_LINK: u8 = 253;
/// Flags of addresses that are not used for anything new: duplicates, old ones, and those that are still being tried.
const UNUSABLE: u32 = 0x08 | 0x20 | 0x40;

/// The way out, if there is one: the gateway, the interface and the address of ours for it, in each family. A machine without
/// one is where its addresses are.
///
/// Further addresses of a machine with a way out are left out, as packets do not leave from them by themselves: containers and
/// failover add some all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    ways: [Option<u64>; 2],
    /// A sum, as they come in no order.
    addresses: u64,
}

impl Picture {
    /// How it is now.
    ///
    /// # Errors
    /// The kernel could not be asked.
    pub fn take() -> io::Result<Self> {
        let [v4, v6] = FAR.map(way_to);
        let ways = [v4?, v6?];
        let addresses = if ways == [None, None] { addresses()? } else { 0 };
        Ok(Self { ways, addresses })
    }
}

/// By which way packets to `far` leave; `None` if they do not.
fn way_to(far: IpAddr) -> io::Result<Option<u64>> {
    let (family, address) = match &far {
        IpAddr::V4(address) => (libc::AF_INET as u8, address.octets().to_vec()),
        IpAddr::V6(address) => (libc::AF_INET6 as u8, address.octets().to_vec()),
    };
    let mut question = vec![0; ROUTE_LEN];
    let bits = (8 * address.len()) as u8;
    for (field, value) in question.iter_mut().zip([family, bits]) {
        *field = value;
    }
    question.extend((4 + address.len() as u16).to_ne_bytes());
    question.extend(DESTINATION.to_ne_bytes());
    question.extend(address);
    let mut way = None;
    let asked = netlink::ask(GET_ROUTE, &question, |kind, body| {
        if kind == NEW_ROUTE && body.get(7) == Some(&libc::RTN_UNICAST) {
            way = Some(route(body));
        }
    });
    match asked {
        Ok(()) => Ok(way),
        Err(error) if is_exhaustion(&error) => Err(error),
        // No route, or no such family.
        Err(_) => Ok(None),
    }
}

fn route(body: &[u8]) -> u64 {
    let counts = |kind: &u16| [INTERFACE, GATEWAY, PREFERRED_SOURCE, VIA].contains(kind);
    digest(netlink::attributes(body, ROUTE_LEN).filter(|(kind, _)| counts(kind)))
}

/// All addresses from which somebody beyond the next cable could be reached.
fn addresses() -> io::Result<u64> {
    let mut sum = 0_u64;
    netlink::list(GET_ADDRESSES, &[0; ADDRESS_LEN], |kind, body| {
        if kind == NEW_ADDRESS {
            sum = sum.wrapping_add(address(body).unwrap_or(0));
        }
    })?;
    Ok(sum)
}

/// One of them, unless it is of no use.
fn address(body: &[u8]) -> Option<u64> {
    let [_family, _prefix_len, mut flags, scope] = body.first_chunk::<4>()?.map(u32::from);
    let interface: [u8; 4] = *body.get(4..)?.first_chunk()?;
    let mut own = None;
    for (kind, value) in netlink::attributes(body, ADDRESS_LEN) {
        match kind {
            // On a line from point to point, the other end's comes as this and ours as that.
            PEER_OR_OWN => own = own.or(Some(value)),
            OWN => own = Some(value),
            FLAGS => flags = u32::from_ne_bytes(*value.first_chunk()?),
            _ => {}
        }
    }
    let usable = flags & UNUSABLE == 0 && scope < u32::from(SCOPE_LINK);
    usable.then(|| digest([(OWN, own.unwrap_or_default()), (INTERFACE, &interface[..])]))
}

/// Only for telling whether two are the same.
fn digest<'a>(attributes: impl IntoIterator<Item = (u16, &'a [u8])>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for attribute in attributes {
        attribute.hash(&mut hasher);
    }
    hasher.finish()
}

fn is_exhaustion(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}
