//! What will happen, in order.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::net::SocketAddr;

use truechimer_engine::io::QueryId;
use truechimer_engine::{KeyExchange, Token};
use truechimer_time::{Cooked, Stamp};

/// One thing that happens.
#[derive(Debug)]
pub(super) enum What {
    /// A request arrives at a server.
    AtServer { server: usize, host: usize, token: Token, bytes: Vec<u8> },
    /// A request arrives at another host.
    AtHost { server: usize, host: usize, token: Token, bytes: Vec<u8> },
    /// A packet arrives at the socket of a client. It is forged, or was stamped already and waits to be handled.
    AtClient(Arrival),
    /// The resolver answers.
    Answer { host: usize, query: QueryId, name: String },
    /// A key exchange has ended.
    KeysExchanged { host: usize, exchange: Box<KeyExchange> },
    /// A reference clock gives a sample.
    Pulse { host: usize },
    /// The daemon reads the stamp of such a sample, taken at this true time.
    Stamped { host: usize, stamp: Stamp, time: Cooked },
    /// The daemon looks whether another program has had its hand on the clock.
    Readback { host: usize },
    /// Something befalls a host: an index of the scenario.
    Fault(usize),
    /// A host wakes after so many seconds.
    Wake { host: usize, slept_s: f64, clock_error_s: f64 },
    /// An attacker sends a packet, and so many more at this interval (`None`: while his time lasts).
    Attack { attacker: usize, more: Option<u32>, every_s: f64 },
}

/// A packet at a client's socket.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) host: usize,
    pub(super) token: Token,
    pub(super) remote: SocketAddr,
    pub(super) bytes: Vec<u8>,
    pub(super) forged: bool,
    pub(super) stamp: Option<Stamp>,
}

/// Events by their time; those of one moment in the order in which they were pushed.
#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Entry>,
    pushed: u64,
}

#[derive(Debug)]
struct Entry {
    at: Cooked,
    number: u64,
    what: What,
}

impl Queue {
    pub(super) fn push(&mut self, at: Cooked, what: What) {
        self.pushed += 1;
        self.heap.push(Entry { at, number: self.pushed, what });
    }

    pub(super) fn next_at(&self) -> Option<Cooked> {
        self.heap.peek().map(|entry| entry.at)
    }

    pub(super) fn pop(&mut self) -> Option<(Cooked, What)> {
        self.heap.pop().map(|entry| (entry.at, entry.what))
    }
}

/// A binary heap gives the largest first, so the earlier entry is the larger one.
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests;
