//! Who asks: a table of clients that never grows, and how often each may be answered.
//!
//! An entry is an address, or with IPv6 the network of 64 bits that it is in, as whoever has one address of such a network has
//! all of them (RFC 6177 §2, AT-15); the address shown is the last one that was used. Link-local addresses stand for
//! themselves: all hosts of a link share one network. ::ffff:a.b.c.d is a.b.c.d.
//!
//! Only clients that the access list serves are entered. Their addresses can be forged all the same, so (NA-26)
//!
//! * the table is made at the start, and entering a client looks at one row of it;
//! * the row follows from a keyed hash, so that nobody can choose addresses that crowd somebody out;
//! * who came once makes room before those who came again within the last hour, and among equals the one who has been silent
//!   the longest: a flood of addresses that are used once pushes out nobody else.
//!
//! The rate limit is a token bucket a client, as the time at which its bucket will be full again, in whole nanoseconds. Requests
//! that prove who sent them have other buckets ([`Sender`]), so whoever forges addresses cannot get those limited; and of
//! requests above the limit some, chosen at random, are answered all the same, so that nobody is cut off by them (AT-18).

mod hash;
mod limit;
mod merged;

use std::net::{IpAddr, Ipv6Addr};

use truechimer_time::Mono;

use self::hash::{Key, hash};
pub(super) use self::limit::{Judgement, Sender};
use crate::config::{RateLimit, ServeConfig};
use crate::report::ClientReport;

pub use self::merged::Clients;

/// Clients in a row.
const WAYS: usize = 8;
/// Ticks are 2^26 ns, 67 ms: they come round after nine years.
const TICK_SHIFT: u32 = 26;
/// For so long a client that came again stays before others that did not, ticks: an hour, three of the longest poll intervals
/// in common use.
const PROTECTED_TICKS: u32 = (3_600_000_000_000_u64 >> TICK_SHIFT) as u32;
/// Weight of the last interval in the average.
const WEIGHT: f32 = 0.25;

/// The clients of one responder.
#[derive(Debug)]
pub struct ClientTable {
    rows: Vec<Row>,
    /// Buckets of those who prove who they are: when each will be full again, nanoseconds.
    proven: Vec<u64>,
    /// How many clients there is room for.
    room: usize,
    key: Key,
    limit: Option<RateLimit>,
    /// Numbers the random choices.
    choices: u64,
    random: Key,
}

/// Clients whose addresses have the same hash, as far as it is used.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// More of the hash, never zero; zero where nobody is.
    tags: [u16; WAYS],
    /// When each was heard last.
    ticks: [u32; WAYS],
    entries: [Entry; WAYS],
}

/// One client.
#[derive(Clone, Copy, Debug)]
struct Entry {
    address: Ipv6Addr,
    requests: u32,
    dropped: u32,
    authenticated: u32,
    first: Mono,
    last: Mono,
    /// When the bucket of requests without proof will be full again, nanoseconds.
    full_ns: u64,
    /// Mean intervals before requests, seconds: after an answer, and after none. Negative while there was none.
    intervals_s: [f32; 2],
    port: u16,
    /// Version and mode as they stand in the packet.
    first_byte: u8,
    /// The last request got no answer.
    unanswered: bool,
    /// Counters were set back since the client came, so that they tell nothing of how often it did.
    again: bool,
}

/// Where a client was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    row: usize,
    way: usize,
}

/// A client came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entered {
    pub(super) place: Place,
    /// Another one had to go for it.
    pub(super) crowded_out: bool,
}

impl ClientTable {
    /// A table for that many clients, or a little more; 0 for none. `seed` must be fresh randomness.
    pub(super) fn new(config: &ServeConfig, seed: [u8; 32]) -> Self {
        let (key, random) = hash::keys(seed);
        let mut table =
            Self { rows: Vec::new(), proven: Vec::new(), room: 0, key, limit: None, choices: 0, random };
        table.handle_config(config);
        table
    }

    /// Other sizes and limits. Those who are known stay so unless the size is another one.
    pub(super) fn handle_config(&mut self, config: &ServeConfig) {
        self.limit = config.rate_limit;
        if self.room != config.clients {
            self.room = config.clients;
            let rows = if self.room == 0 { 0 } else { self.room.div_ceil(WAYS).next_power_of_two() };
            self.rows = vec![Row::EMPTY; rows];
            self.proven = vec![0; rows * WAYS * 2];
        }
    }

    /// Those whom another one knows, if there is as much room for them.
    pub(super) fn take_over(&mut self, other: Self) {
        if self.room == other.room {
            self.limit = other.limit;
        } else {
            *self = other;
        }
    }

    /// How many places there are.
    pub(super) fn places(&self) -> usize {
        self.rows.len() * WAYS
    }

    /// Enters a request.
    pub(super) fn enter(&mut self, address: IpAddr, port: u16, first_byte: u8, now: Mono) -> Option<Entered> {
        let network = Network::of(address);
        let (at, tag) = self.row_of(network)?;
        let row = self.rows.get_mut(at)?;
        let tick = (now.nanos() >> TICK_SHIFT) as u32;
        let known = row.find(tag, network);
        let (way, crowded_out) = match known {
            Some(way) => (way, false),
            None => row.make_room(tag, tick),
        };
        *row.ticks.get_mut(way)? = tick;
        let entry = row.entries.get_mut(way)?;
        if known.is_none() {
            *entry = Entry::new(now);
        }
        entry.address = bits(address);
        entry.count(now);
        (entry.port, entry.first_byte) = (port, first_byte);
        Some(Entered { place: Place { row: at, way }, crowded_out })
    }

    /// The request that was entered there was authentic.
    pub(super) fn count_authentic(&mut self, place: Option<Place>) {
        if let Some(entry) = self.entry(place) {
            entry.authenticated = entry.authenticated.saturating_add(1);
        }
    }

    /// The request that was entered there is not answered.
    pub(super) fn count_dropped(&mut self, place: Option<Place>) {
        if let Some(entry) = self.entry(place) {
            entry.dropped = entry.dropped.saturating_add(1);
            entry.unanswered = true;
        }
    }

    fn entry(&mut self, place: Option<Place>) -> Option<&mut Entry> {
        let Place { row, way } = place?;
        self.rows.get_mut(row)?.entries.get_mut(way)
    }

    /// The client at a place.
    fn at(&self, place: usize, now: Mono) -> Option<(Network, ClientReport)> {
        let row = self.rows.get(place / WAYS)?;
        let way = place % WAYS;
        if *row.tags.get(way)? == 0 {
            return None;
        }
        let entry = row.entries.get(way)?;
        Some((Network::of(entry.address.into()), entry.report(now)))
    }

    /// A client by its network.
    fn of(&self, network: Network) -> Option<usize> {
        let (at, tag) = self.row_of(network)?;
        let way = self.rows.get(at)?.find(tag, network)?;
        Some(at * WAYS + way)
    }

    /// Sets the counters of the client at a place back.
    fn reset(&mut self, place: usize) {
        if let Some(entry) = self.entry(Some(Place { row: place / WAYS, way: place % WAYS })) {
            (entry.requests, entry.dropped, entry.authenticated) = (0, 0, 0);
            entry.again = true;
        }
    }

    fn row_of(&self, network: Network) -> Option<(usize, u16)> {
        let mask = self.rows.len().checked_sub(1)?;
        let hash = hash(&self.key, network.0.to_be_bytes());
        Some((hash as usize & mask, ((hash >> 48) as u16).max(1)))
    }
}

impl Row {
    const EMPTY: Self = Self { tags: [0; WAYS], ticks: [0; WAYS], entries: [Entry::NOBODY; WAYS] };

    fn find(&self, tag: u16, network: Network) -> Option<usize> {
        let mut known = self.tags.iter().zip(&self.entries);
        known.position(|(&other, entry)| other == tag && Network::of(entry.address.into()) == network)
    }

    /// A place for another one, and whether somebody had to go.
    fn make_room(&mut self, tag: u16, tick: u32) -> (usize, bool) {
        let value = |way: usize| {
            let (Some(&tag), Some(&then), Some(entry)) =
                (self.tags.get(way), self.ticks.get(way), self.entries.get(way))
            else {
                return None;
            };
            let silent = tick.wrapping_sub(then);
            let protected = silent < PROTECTED_TICKS && (entry.requests > 1 || entry.again);
            // Nobody goes first, then who came once, then who has been silent.
            Some((tag == 0, !protected, silent))
        };
        let way = (0..WAYS).max_by_key(|&way| value(way)).unwrap_or(0);
        let crowded_out = self.tags.get(way).is_some_and(|&tag| tag != 0);
        if let Some(place) = self.tags.get_mut(way) {
            *place = tag;
        }
        (way, crowded_out)
    }
}

impl Entry {
    const NOBODY: Self = Self::new(Mono::from_nanos(0));

    const fn new(now: Mono) -> Self {
        Self {
            address: Ipv6Addr::UNSPECIFIED,
            requests: 0,
            dropped: 0,
            authenticated: 0,
            first: now,
            last: now,
            full_ns: 0,
            intervals_s: [-1.0; 2],
            port: 0,
            first_byte: 0,
            unanswered: false,
            again: false,
        }
    }

    fn count(&mut self, now: Mono) {
        if self.requests > 0 || self.again {
            let passed_s = now.seconds_since(self.last).max(0.0) as f32;
            let [answered, unanswered] = &mut self.intervals_s;
            let mean = if self.unanswered { unanswered } else { answered };
            *mean = if *mean < 0.0 { passed_s } else { *mean + (passed_s - *mean) * WEIGHT };
        }
        self.requests = self.requests.saturating_add(1);
        self.last = now;
        self.unanswered = false;
    }

    fn report(&self, now: Mono) -> ClientReport {
        let [interval_s, limited_interval_s] =
            self.intervals_s.map(|mean_s| (mean_s >= 0.0).then_some(f64::from(mean_s)));
        ClientReport {
            address: IpAddr::from(self.address).to_canonical(),
            requests: self.requests.into(),
            dropped: self.dropped.into(),
            authenticated: self.authenticated.into(),
            first_age_s: now.seconds_since(self.first),
            last_age_s: now.seconds_since(self.last),
            interval_s,
            limited_interval_s,
            port: self.port,
            version: self.first_byte >> 3 & 7,
            mode: self.first_byte & 7,
        }
    }
}

/// Who is counted as one: the address in the form of IPv6, without what does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network(u128);

impl Network {
    fn of(address: IpAddr) -> Self {
        let address = bits(address);
        let whole = address.to_ipv4_mapped().is_some() || address.is_unicast_link_local();
        Self(if whole { address.to_bits() } else { address.to_bits() & !u128::from(u64::MAX) })
    }
}

fn bits(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

#[cfg(test)]
mod tests;
