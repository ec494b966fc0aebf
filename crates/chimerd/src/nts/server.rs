//! The server for key exchange: listeners and connections, and what strangers may use up of them (AT-24).
//!
//! It runs in a process of its own or inside the daemon's loop (`role`). A connection has one deadline from accept to
//! close, so that sending a byte now and then gains nothing. Connections are limited in number, and by caller in number and
//! rate. When there is no room, the oldest connection goes if it has had a second, which is several round trips; until
//! there is one, no more are accepted. So whoever holds connections open for nothing holds each for a second at most when
//! others want in, while those who do what they came for are done by then.
//!
//! When descriptors or memory have run out the listeners rest for a moment, and all else goes on (NA-07, AT-25).

mod callers;
mod connection;
mod counters;
mod message;
mod role;

use std::net::SocketAddr;
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use truechimer_config::nts::KeyExchangeLimits;
use truechimer_engine::config::AccessRule;
use truechimer_engine::server::Access;
use truechimer_nts::KeyRing;
use truechimer_nts::negotiate::ServerPolicy;
use truechimer_nts_ke::{ServerSession, ServerTls};
use truechimer_sys::poll::{Interest, PollSet};
use truechimer_sys::random;
use truechimer_sys::tcp::{TcpListener, TcpStream};
use truechimer_time::Mono;
use zeroize::Zeroizing;

use callers::{Callers, Network, Refusal};
use connection::Connection;

pub(crate) use counters::Counters;
pub(crate) use role::{ServerRole, role_main};

/// Connections accepted at one listener in one turn.
const ACCEPT_BATCH: usize = 16;
/// Most bytes read from a connection in one turn.
const READ_MAX: usize = 4096;
/// How long a listener rests when the system has run out of something, seconds.
const REST_S: f64 = 0.25;
/// A connection has this long before it has to make room for others, seconds.
const GRACE_S: f64 = 1.0;

/// What the server is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setup {
    pub(crate) limits: KeyExchangeLimits,
    /// Who is served: the same as with time.
    pub(crate) access: Vec<AccessRule>,
    /// The server for time that clients are sent to.
    pub(crate) ntp_server: Option<String>,
    pub(crate) ntp_port: Option<u16>,
}

struct Door {
    listener: TcpListener,
    rests_until: Option<Mono>,
    place: usize,
}

/// The server.
pub(crate) struct KeServer {
    limits: KeyExchangeLimits,
    access: Access,
    policy: ServerPolicy,
    tls: Option<ServerTls>,
    ring: Option<Arc<KeyRing>>,
    doors: Vec<Door>,
    open: Vec<Connection>,
    /// Where the next turn begins, so that every connection has its turn.
    first: usize,
    /// Connections that are worked on in one turn: each may cost a signature.
    steps: usize,
    callers: Callers,
    counters: Counters,
    buffer: Vec<u8>,
}

impl KeServer {
    /// A server without listeners, certificate and keys, which does nothing yet. It works on so many connections in a turn.
    pub(crate) fn new(setup: &Setup, steps: usize) -> Self {
        Self {
            limits: setup.limits,
            access: Access::new(&setup.access),
            policy: policy(setup),
            tls: None,
            ring: None,
            doors: Vec::new(),
            open: Vec::new(),
            first: 0,
            steps,
            callers: Callers::new(setup.limits.max_per_address, setup.limits.max_rate),
            counters: Counters::default(),
            buffer: vec![0; READ_MAX],
        }
    }

    /// Goes on with another configuration and other listeners; connections stay.
    pub(crate) fn configure(&mut self, setup: &Setup, listeners: Vec<TcpListener>) {
        self.limits = setup.limits;
        self.access = Access::new(&setup.access);
        self.policy = policy(setup);
        self.callers.set_limits(setup.limits.max_per_address, setup.limits.max_rate);
        let door = |listener| Door { listener, rests_until: None, place: usize::MAX };
        self.doors = listeners.into_iter().map(door).collect();
    }

    /// Who the server is. Connections that are under way go on with what they began with.
    pub(crate) fn set_identity(&mut self, tls: ServerTls) {
        self.tls = Some(tls);
    }

    /// What cookies are made with from now on.
    pub(crate) fn set_ring(&mut self, ring: Arc<KeyRing>) {
        self.ring = Some(ring);
    }

    /// What has happened since the start.
    pub(crate) fn counters(&self) -> Counters {
        Counters { open: self.open.len() as u64, ..self.counters }
    }

    /// Names the sockets to wait for.
    pub(crate) fn register(&mut self, poll: &mut PollSet, now: Mono) {
        let welcome = self.tls.is_some() && self.ring.is_some() && self.room_at().is_none_or(|at| at <= now);
        for door in &mut self.doors {
            let rests = door.rests_until.is_some_and(|until| now < until);
            let waits = welcome && !rests;
            door.place = if waits { poll.push(door.listener.fd(), Interest::Read) } else { usize::MAX };
        }
        for connection in &mut self.open {
            connection.register(poll);
        }
    }

    /// When there is something to do although nothing comes.
    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        let rests = self.doors.iter().filter_map(|door| door.rests_until);
        let ends = self.open.iter().map(|connection| connection.until);
        rests.chain(ends).chain(self.room_at()).min()
    }

    /// Serves everybody a little, then lets in who waits.
    pub(crate) fn handle_ready(&mut self, poll: &PollSet, now: Mono) {
        self.serve(poll, now);
        self.close(now);
        self.accept(poll, now);
    }

    /// When there is room for one more, if there is none now.
    fn room_at(&self) -> Option<Mono> {
        if self.open.len() < self.limits.max_connections {
            return None;
        }
        self.open.iter().map(|connection| connection.opened).min().map(|opened| opened.after(GRACE_S))
    }

    fn serve(&mut self, poll: &PollSet, now: Mono) {
        let Self { open, ring, policy, counters, buffer, first, .. } = self;
        let count = open.len();
        let mut left = self.steps;
        let start = std::mem::take(first).min(count);
        let (late, early) = open.split_at_mut(start);
        for (index, connection) in early.iter_mut().chain(late).enumerate() {
            if !connection.take_ready(poll) {
                continue;
            }
            if left == 0 {
                // Those that were passed over come first in the next turn.
                *first = (start + index) % count;
                return;
            }
            left -= 1;
            let answer = |session: &mut ServerSession| answer(session, policy, ring.as_deref());
            if let Some(outcome) = connection.step(buffer, now, answer) {
                counters.count(outcome);
            }
        }
    }

    /// Closes what is over and what has taken too long.
    fn close(&mut self, now: Mono) {
        let Self { open, callers, counters, .. } = self;
        open.retain(|connection| {
            let late = now >= connection.until;
            if late && connection.is_unfinished() {
                counters.timed_out += 1;
            }
            if late || connection.over {
                callers.leave(connection.network);
            }
            !late && !connection.over
        });
    }

    fn accept(&mut self, poll: &PollSet, now: Mono) {
        for index in 0..self.doors.len() {
            for _ in 0..ACCEPT_BATCH {
                let Some(door) = self.doors.get_mut(index) else { return };
                if door.rests_until.is_some_and(|until| until <= now) {
                    door.rests_until = None;
                }
                if !poll.readable(door.place) || self.room_at().is_some_and(|at| at > now) {
                    break;
                }
                let Some(door) = self.doors.get_mut(index) else { return };
                match door.listener.accept() {
                    Ok(Some((stream, remote))) => self.admit(stream, remote, now),
                    Ok(None) => break,
                    Err(_) => {
                        door.rests_until = Some(now.after(REST_S));
                        self.counters.shortages += 1;
                        break;
                    }
                }
            }
        }
        for door in &mut self.doors {
            door.place = usize::MAX;
        }
    }

    /// Takes a connection in, or drops it, which closes it.
    fn admit(&mut self, stream: TcpStream, remote: SocketAddr, now: Mono) {
        self.counters.accepted += 1;
        if !self.access.allows(remote.ip()) {
            self.counters.denied += 1;
            return;
        }
        let Some(tls) = &self.tls else { return };
        let network = Network::of(remote.ip());
        match self.callers.admit(network, now) {
            Ok(()) => {}
            Err(Refusal::TooMany) => {
                self.counters.too_many += 1;
                return;
            }
            Err(Refusal::TooFast) => {
                self.counters.too_fast += 1;
                return;
            }
        }
        match Connection::new(stream, network, tls, now, self.limits.timeout_s) {
            Ok(connection) => {
                self.make_room();
                self.open.push(connection);
            }
            Err(fault) => {
                self.callers.leave(network);
                self.counters.count(Err(fault));
            }
        }
    }

    /// The oldest goes if there is no room.
    fn make_room(&mut self) {
        while self.open.len() >= self.limits.max_connections {
            let oldest = self.open.iter().enumerate().min_by_key(|(_, connection)| connection.opened);
            let Some((index, _)) = oldest else { return };
            let connection = self.open.swap_remove(index);
            self.callers.leave(connection.network);
            if connection.is_unfinished() {
                self.counters.crowded_out += 1;
            }
        }
    }
}

fn policy(setup: &Setup) -> ServerPolicy {
    ServerPolicy { server: setup.ntp_server.clone(), port: setup.ntp_port, ..ServerPolicy::default() }
}

/// Without keys or randomness there is no answer, and the connection is closed.
fn answer(session: &mut ServerSession, policy: &ServerPolicy, ring: Option<&KeyRing>) {
    let mut seed = Zeroizing::new([0; 32]);
    if let (Some(ring), Ok(())) = (ring, random::fill(seed.as_mut())) {
        session.answer(policy, ring, &mut ChaCha20Rng::from_seed(*seed));
    }
}

#[cfg(test)]
pub(crate) mod tests;
