//! The name of a source and the addresses behind it.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use truechimer_time::Mono;

use crate::config::Family;
use crate::event::Event;
use crate::io::{Output, QueryId};
use crate::outbox::Turn;

/// How many addresses of one answer are looked at: whoever forges one answer must not fill a pool with more
/// members than this (AT-13).
const MAX_ADDRESSES: usize = 4;
/// First and longest pause after a failed resolution, seconds.
const RETRY_S: [f64; 2] = [2.0, 512.0];
/// First and longest pause between resolutions that succeed without bringing what is missing, seconds.
const REPEAT_S: [f64; 2] = [64.0, 4096.0];
/// A resolver that says nothing for so long has failed, seconds.
const SILENCE_S: f64 = 30.0;
/// How many bad addresses are remembered.
const AVOIDED: usize = 16;

/// Resolution of one name.
#[derive(Debug)]
pub(crate) struct Lookup {
    name: String,
    port: u16,
    family: Option<Family>,
    query: Option<(QueryId, Mono)>,
    next: Mono,
    failures: u32,
    /// Successful resolutions in a row that were not enough.
    repeats: u32,
    /// Addresses that were given up, latest last.
    avoid: VecDeque<SocketAddr>,
}

impl Lookup {
    pub(crate) fn new(name: &str, port: u16, family: Option<Family>, now: Mono) -> Self {
        Self {
            name: name.to_owned(),
            port,
            family,
            query: None,
            next: now,
            failures: 0,
            repeats: 0,
            avoid: VecDeque::new(),
        }
    }

    /// Whether the last attempt failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failures > 0
    }

    pub(crate) fn is_query(&self, query: QueryId) -> bool {
        self.query.is_some_and(|(pending, _)| pending == query)
    }

    /// Asks if addresses are `wanted` and it is time to.
    pub(crate) fn handle_timeout(&mut self, wanted: bool, turn: &mut Turn<'_>) {
        let now = turn.now.mono;
        if self.query.is_some_and(|(_, asked)| now >= asked.after(SILENCE_S)) {
            self.fail(turn);
        }
        if !wanted {
            self.repeats = 0;
            return;
        }
        if self.query.is_some() || now < self.next {
            return;
        }
        if !turn.outbox.has_room() {
            self.next = now.after(1.0);
            return;
        }
        let query = turn.names.query();
        self.query = Some((query, now));
        turn.outbox.push(Output::Resolve { query, name: self.name.clone(), family: self.family });
    }

    pub(crate) fn poll_timeout(&self, wanted: bool) -> Option<Mono> {
        match self.query {
            Some((_, asked)) => Some(asked.after(SILENCE_S)),
            None => wanted.then_some(self.next),
        }
    }

    /// Forget the pause: somebody wants this to be tried now.
    pub(crate) fn hurry(&mut self, now: Mono) {
        self.next = self.next.min(now);
    }

    /// The answer came: the usable addresses in it.
    pub(crate) fn handle_answer(&mut self, addresses: &[IpAddr], turn: &mut Turn<'_>) -> Vec<SocketAddr> {
        let mut usable: Vec<SocketAddr> = Vec::new();
        for address in addresses.iter().take(4 * MAX_ADDRESSES) {
            let remote = SocketAddr::new(address.to_canonical(), self.port);
            if is_unicast(remote.ip())
                && self.is_of_family(remote.ip())
                && !usable.contains(&remote)
                && usable.len() < MAX_ADDRESSES
            {
                usable.push(remote);
            }
        }
        if usable.is_empty() {
            self.fail(turn);
            return usable;
        }
        self.query = None;
        self.failures = 0;
        let pause_s = backoff(REPEAT_S, self.repeats);
        self.repeats = self.repeats.saturating_add(1);
        self.next = turn.now.mono.after(pause_s * (1.0 + 0.1 * turn.rng.uniform()));
        usable
    }

    /// There is no answer; it is tried again and again, less and less often (NA-46).
    pub(crate) fn fail(&mut self, turn: &mut Turn<'_>) {
        self.query = None;
        let retry_s = backoff(RETRY_S, self.failures) * (1.0 + 0.1 * turn.rng.uniform());
        self.failures = self.failures.saturating_add(1);
        self.next = turn.now.mono.after(retry_s);
        turn.event(Event::ResolveFailed { name: self.name.clone(), retry_s });
    }

    /// Do not take this address again soon.
    pub(crate) fn avoid(&mut self, address: SocketAddr) {
        if self.avoid.len() >= AVOIDED {
            self.avoid.pop_front();
        }
        self.avoid.push_back(address);
    }

    pub(crate) fn is_avoided(&self, address: SocketAddr) -> bool {
        self.avoid.contains(&address)
    }

    /// All known addresses were bad: begin again with the first.
    pub(crate) fn forgive(&mut self) {
        self.avoid.clear();
    }

    fn is_of_family(&self, address: IpAddr) -> bool {
        match self.family {
            None => true,
            Some(Family::V4) => address.is_ipv4(),
            Some(Family::V6) => address.is_ipv6(),
        }
    }
}

/// A forged answer could name the whole network.
pub(crate) fn is_unicast(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || broadcast)
}

fn backoff([first, longest]: [f64; 2], times: u32) -> f64 {
    (first * f64::from(times.min(30)).exp2()).min(longest)
}
