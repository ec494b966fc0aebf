//! Who is served: the longest matching prefix decides.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::config::AccessRule;

/// The access list, compiled: for each family one table per prefix length in use, longest first. A lookup is a
/// binary search in each until one matches.
///
/// An IPv4 client is the same client whether its address comes as such or mapped into IPv6 (::ffff:a.b.c.d),
/// and so is an IPv4 rule: both forms are looked up in, and written into, the IPv4 tables only.
#[derive(Debug)]
pub struct Access {
    v4: Vec<Table>,
    v6: Vec<Table>,
}

/// All rules of one prefix length.
#[derive(Debug)]
struct Table {
    /// The bits that count.
    mask: u128,
    /// Networks in ascending order, and whether they are served.
    rules: Vec<(u128, bool)>,
}

/// Bits of an address, the last one lowest, and how many there are.
#[derive(Clone, Copy)]
struct Bits {
    value: u128,
    width: u32,
}

impl Bits {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self { value: u32::from(address).into(), width: 32 },
            IpAddr::V6(address) => Self { value: address.into(), width: 128 },
        }
    }
}

/// Rules in the order of the tables.
type Ordered = BTreeMap<(Reverse<u32>, u128), bool>;

impl Access {
    /// Compiles the rules. Of two rules for the same network the later one holds.
    pub fn new(rules: &[AccessRule]) -> Self {
        let (mut v4, mut v6) = (Ordered::new(), Ordered::new());
        for rule in rules {
            let len = u32::from(rule.prefix_len);
            let (tables, network, len) = match (rule.network, len.checked_sub(96)) {
                (IpAddr::V4(_), _) => (&mut v4, Bits::of(rule.network), len),
                (IpAddr::V6(network), Some(len)) if network.to_ipv4_mapped().is_some() => {
                    (&mut v4, Bits::of(rule.network), len)
                }
                // A prefix too short to name mapped addresses only is about IPv6.
                (IpAddr::V6(network), _) => (&mut v6, Bits { value: network.into(), width: 128 }, len),
            };
            let len = len.min(network.width);
            tables.insert((Reverse(len), network.value & mask(network.width, len)), rule.allow);
        }
        Self { v4: compile(v4, 32), v6: compile(v6, 128) }
    }

    /// Whether this client is served; nobody is by default.
    pub fn allows(&self, client: IpAddr) -> bool {
        let client = Bits::of(client);
        let tables = if client.width == 32 { &self.v4 } else { &self.v6 };
        tables.iter().find_map(|table| table.find(client.value)).unwrap_or(false)
    }
}

impl Table {
    fn find(&self, client: u128) -> Option<bool> {
        let at = self.rules.binary_search_by_key(&(client & self.mask), |&(network, _)| network).ok()?;
        self.rules.get(at).map(|&(_, allow)| allow)
    }
}

/// The first `len` of `width` bits.
fn mask(width: u32, len: u32) -> u128 {
    // A shift by all 128 bits is none, hence the checked ones.
    let all = u128::MAX.checked_shr(128 - width).unwrap_or(0);
    let host = u128::MAX.checked_shr(128 - (width - len)).unwrap_or(0);
    all & !host
}

fn compile(ordered: Ordered, width: u32) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for ((Reverse(len), network), allow) in ordered {
        let mask = mask(width, len);
        match tables.last_mut() {
            Some(table) if table.mask == mask => table.rules.push((network, allow)),
            _ => tables.push(Table { mask, rules: vec![(network, allow)] }),
        }
    }
    tables
}

#[cfg(test)]
mod tests;
