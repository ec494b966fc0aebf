//! The server for key exchange in a process of its own: the daemon's hold on it, and what runs inside.
//!
//! The role gets the sockets, the certificate with its key, and the key ring from the daemon, and could not come by them
//! itself: it has no privileges, and its claim to the processor is behind the daemon's, which has packets to stamp.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use truechimer_nts::KeyRing;
use truechimer_nts_ke::{ServerTls, Validity};
use truechimer_sys::clock::read_mono;
use truechimer_sys::poll::{Interest, PollSet};
use truechimer_sys::role::{Confinement, Duty, Heard, Inside, Program, Role, Waiting};
use truechimer_sys::tcp::TcpListener;
use truechimer_time::Mono;
use zeroize::{Zeroize, Zeroizing};

use super::message::{self, FROM_ROLE_MAX, Order, TO_ROLE_MAX, Word};
use super::{Counters, KeServer, Setup};
use crate::nts::{HANG_S, HEARD_A_TURN};

/// How far the role's priority is behind the daemon's.
const NICE: u8 = 10;
/// The role is asked so often whether it is still there, seconds …
const PING_S: f64 = 60.0;
/// … and has so long to say so.
const PATIENCE_S: f64 = 20.0;
/// More than the largest number of connections that can be configured.
const DESCRIPTORS: u64 = 10_100;
/// Counters are told at most so often, seconds.
const TELL_S: f64 = 1.0;

/// What a role has to be told, and told again when it is started again.
pub(crate) struct ServerRole {
    role: Role,
    setup: Setup,
    listeners: Vec<TcpListener>,
    identity: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
    ring: Option<(usize, Arc<KeyRing>)>,
    ping_at: Mono,
    counters: Counters,
    identities: Vec<Result<Validity, String>>,
    gone: bool,
    place: usize,
}

impl ServerRole {
    /// Starts the role, without anything to do yet.
    pub(crate) fn start(program: Program, setup: Setup, now: Mono) -> io::Result<Self> {
        Ok(Self {
            role: Role::start(program, FROM_ROLE_MAX)?,
            setup,
            listeners: Vec::new(),
            identity: None,
            ring: None,
            ping_at: now.after(PING_S),
            counters: Counters::default(),
            identities: Vec::new(),
            gone: false,
            place: usize::MAX,
        })
    }

    pub(crate) fn configure(&mut self, setup: &Setup, listeners: Vec<TcpListener>) {
        self.setup = setup.clone();
        self.listeners = listeners;
        self.send_setup();
    }

    /// What becomes of it comes from [`take_identities`](Self::take_identities).
    pub(crate) fn set_identity(&mut self, chain: Vec<u8>, key: Zeroizing<Vec<u8>>) {
        self.identity = Some((chain, key));
        self.send_identity();
    }

    pub(crate) fn set_ring(&mut self, keep: usize, ring: Arc<KeyRing>) {
        self.ring = Some((keep, ring));
        self.send_ring();
    }

    /// Names the socket to wait for.
    pub(crate) fn register(&mut self, poll: &mut PollSet) {
        self.place = self.role.fd().map_or(usize::MAX, |(fd, interest)| poll.push(fd, interest));
    }

    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        let awaited = self.role.deadline().unwrap_or(self.ping_at);
        Some(self.role.restart_at().unwrap_or(awaited))
    }

    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    /// What became of certificates since the last call.
    pub(crate) fn take_identities(&mut self) -> Vec<Result<Validity, String>> {
        std::mem::take(&mut self.identities)
    }

    /// Whether the role has ended since the last call.
    pub(crate) fn take_gone(&mut self) -> bool {
        std::mem::take(&mut self.gone)
    }

    /// Hears what the role has to say, asks whether it is still there, and starts it again when it is not.
    pub(crate) fn handle_ready(&mut self, poll: &PollSet, now: Mono) {
        let place = std::mem::replace(&mut self.place, usize::MAX);
        if poll.readable(place) || poll.writable(place) || self.role.is_due(now) {
            self.hear(now);
        }
        if self.role.try_restart(now) {
            self.counters = Counters::default();
            self.ping_at = now.after(PING_S);
            self.send_setup();
            self.send_ring();
            self.send_identity();
        }
        if now >= self.ping_at && self.role.is_running() {
            self.ping_at = now.after(PING_S);
            self.role.expect_by(Some(now.after(PATIENCE_S)));
            self.role.send(&message::write_ping(), None);
        }
    }

    fn hear(&mut self, now: Mono) {
        for _ in 0..HEARD_A_TURN {
            match self.role.hear(now) {
                Heard::Nothing => return,
                Heard::Gone => self.gone = true,
                Heard::Message(message) => match Word::parse(&message) {
                    Some(word) => self.take(word),
                    None => {
                        self.role.give_up(now);
                        self.gone = true;
                    }
                },
            }
        }
    }

    fn take(&mut self, word: Word) {
        self.role.expect_by(None);
        match word {
            Word::Counters(counters) => {
                if counters.exchanged > self.counters.exchanged {
                    self.role.prove();
                }
                self.counters = *counters;
            }
            Word::Identity(outcome) => self.identities.push(outcome),
        }
    }

    fn send_setup(&mut self) {
        for message in message::write_setup(&self.setup) {
            self.role.send(&message, None);
        }
        for listener in &self.listeners {
            self.role.send(&message::write_listener(), Some(listener.as_fd()));
        }
        self.role.send(&message::write_commit(), None);
    }

    fn send_identity(&mut self) {
        if let Some((chain, key)) = &self.identity {
            let mut message = message::write_identity(chain, key);
            self.role.send(&message, None);
            message.zeroize();
        }
    }

    fn send_ring(&mut self) {
        if let Some((keep, ring)) = &self.ring {
            let mut message = message::write_ring(*keep, &ring.write());
            self.role.send(&message, None);
            message.zeroize();
        }
    }
}

/// What `--role=ke-server` runs, until the daemon closes its end.
///
/// # Errors
/// The privileges cannot be given up, or the other end is not our daemon.
pub(crate) fn role_main(sandbox: bool) -> io::Result<()> {
    let duty = sandbox.then_some(Duty::Serve);
    let confinement = Confinement { nice: NICE, alone: true, descriptors: Some(DESCRIPTORS), duty };
    let inside = Inside::enter(&confinement, Waiting::Polls, TO_ROLE_MAX)?;
    let mut role = Inner::default();
    let mut poll = PollSet::new();
    loop {
        poll.clear();
        let daemon = poll.push(inside.fd(), Interest::Read);
        let now = read_mono()?;
        let mut wake = role.told.map(|told| told.after(TELL_S)).filter(|_| role.has_news());
        if let Some(server) = &mut role.server {
            server.register(&mut poll, now);
            wake = wake.into_iter().chain(server.poll_timeout()).min();
        }
        inside.rest();
        poll.wait(wake.map(|at| Duration::from_nanos(at.nanos().saturating_sub(now.nanos()))))?;
        inside.work_for(HANG_S);
        let now = read_mono()?;
        if poll.readable(daemon) {
            match inside.receive() {
                Ok(None) => {}
                Ok(Some((message, descriptor))) => {
                    let message = Zeroizing::new(message);
                    let order = Order::parse(&message).ok_or(io::ErrorKind::InvalidData)?;
                    let listener = descriptor.map(TcpListener::from_descriptor).transpose()?;
                    if let Some(word) = role.obey(order, listener) {
                        inside.send(&word.write())?;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        if let Some(server) = &mut role.server {
            server.handle_ready(&poll, now);
        }
        if role.has_news() && role.told.is_none_or(|told| now.seconds_since(told) >= TELL_S) {
            role.told = Some(now);
            role.last = role.counters();
            // If there is no room for it, the next sum has it in it.
            inside.send(&Word::Counters(Box::new(role.last)).write())?;
        }
    }
}

/// The state of a role.
#[derive(Default)]
struct Inner {
    server: Option<KeServer>,
    /// A configuration that is not complete yet.
    coming: Option<(Setup, Vec<TcpListener>)>,
    /// The counters that the daemon knows, and when it was told.
    last: Counters,
    told: Option<Mono>,
}

impl Inner {
    fn counters(&self) -> Counters {
        self.server.as_ref().map(KeServer::counters).unwrap_or_default()
    }

    fn has_news(&self) -> bool {
        self.counters() != self.last
    }

    /// Does what the daemon says, and answers if it is to be answered. Orders that come before the first configuration
    /// cannot be obeyed; the daemon sends none.
    fn obey(&mut self, order: Order, listener: Option<TcpListener>) -> Option<Word> {
        match order {
            Order::Setup(setup) => self.coming = Some((setup, Vec::new())),
            Order::Access(rules) => {
                if let Some((setup, _)) = &mut self.coming {
                    setup.access.extend(rules);
                }
            }
            Order::Listener => {
                if let Some((_, listeners)) = &mut self.coming {
                    listeners.extend(listener);
                }
            }
            Order::Commit => {
                let (setup, listeners) = self.coming.take()?;
                let server = self.server.get_or_insert_with(|| KeServer::new(&setup, usize::MAX));
                server.configure(&setup, listeners);
            }
            Order::Identity(chain, key) => {
                let key = Zeroizing::new(key);
                return Some(Word::Identity(self.identify(&chain, &key)));
            }
            Order::Ring(keep, file) => {
                let ring = KeyRing::parse(&Zeroizing::new(file), keep).ok()?;
                self.server.as_mut()?.set_ring(Arc::new(ring));
            }
            Order::Ping => return Some(Word::Counters(Box::new(self.counters()))),
        }
        None
    }

    fn identify(&mut self, chain: &[u8], key: &[u8]) -> Result<Validity, String> {
        let tls = ServerTls::from_pem(chain, key).map_err(|error| error.to_string())?;
        let validity = tls.validity();
        let server = self.server.as_mut().ok_or("no configuration came before it")?;
        server.set_identity(tls);
        Ok(validity)
    }
}

#[cfg(test)]
mod tests;
