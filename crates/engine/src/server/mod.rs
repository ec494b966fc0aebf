//! The responder: requests of clients in, replies out, in place.
//!
//! A request passes the checks below, cheapest first; each that fails has a name and a counter, and then nothing is
//! said, as an error message is a packet that an attacker can aim. What is answered:
//!
//! | request | reply | why |
//! |---|---|---|
//! | mode 3 (client) | mode 4, same version | RFC 5905 §9.2 |
//! | mode 1 (symmetric active) | mode 2, same version | the peer gets the time; no association comes of it |
//! | version 1, mode 0, not from port 123 | mode 4, version 1 | RFC 1059 knew no modes; servers have port 123 |
//!
//! Nothing else is: a reply to a reply would never end. The reply is the header alone, 48 bytes, or with a MAC if the
//! request had one: of the same key and length, so the reply is never longer than the request. Extension fields that we do
//! not know are ignored (RFC 5905 §7.5). A request whose MAC is of no key of ours, or wrong, is dropped: its sender would
//! drop a reply without one, and a crypto-NAK helps nobody but an attacker.
//!
//! With a key ring, a request with NTS is answered with NTS, and with as many fresh cookies as it has room for; one whose
//! cookie cannot be opened with an NTS NAK, so that its client exchanges keys anew. A request without NTS gets its unique
//! identifier back if it has one, as RFC 8915 §5.3 wants it of servers with NTS. Without a key ring the fields of NTS are
//! like any others that we do not know: the reply has none, and its client will not believe it.
//!
//! Members of a Windows domain ask with an empty authenticator instead of a MAC (MS-SNTP). Where the adapter can have replies
//! signed by the domain controller, [`Verdict::Sign`] says so; otherwise that is a MAC of a key that we do not have.
//!
//! While the clock is not synchronised the reply says so in full: leap 3 *and* stratum 16. RFC 5905 §9.2 has stratum 0
//! instead, which a client can take for a kiss code: ntpdig does. chronyd, ntpd, openntpd and ntpdig reject both.

pub(crate) mod access;
mod clients;
mod counters;
mod nts;
mod reason;
mod reply;
pub mod worker;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use truechimer_nts::KeyRing;
use truechimer_nts::packet::{UniqueIdentifier, lone_identifier, write_nak};

use truechimer_time::{Cooked, Leap, Mono, Now, Stamp};
use truechimer_wire::signd::{self, Authenticator};
use truechimer_wire::{HEADER_LEN, Header, KEY_ID_LEN, Mode, Packet, ReferenceId};

use crate::authentication::KeyTable;
use crate::config::ServeConfig;
use crate::engine::Verdict;
use crate::report::ServerReport;

pub use access::Access;
pub use clients::{ClientTable, Clients};
use clients::{Judgement, Place, Sender};
pub use counters::Counters;
use nts::{Asked, Sealer};
use reason::DropReason;
use reply::{Proof, Request, kiss, reply, timestamp, write_plain};

/// What is told to clients: published by the system process after every clock update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Served {
    /// Leap indicator.
    pub leap: Leap,
    /// Stratum; 16 while unsynchronised.
    pub stratum: u8,
    /// Precision of the system clock, log2 seconds.
    pub precision: i8,
    /// Reference identifier.
    pub reference_id: ReferenceId,
    /// When the clock was last updated.
    pub reference_time: Cooked,
    /// Root delay in seconds.
    pub root_delay_s: f64,
    /// Root dispersion in seconds at `as_of`.
    pub root_dispersion_s: f64,
    /// When `root_dispersion_s` was true.
    pub as_of: Cooked,
    /// By how much it grows each second since.
    pub dispersion_rate: f64,
}

/// The port of NTP servers (RFC 5905 §7.2).
const NTP_PORT: u16 = 123;
/// The stratum that says "unsynchronised" (RFC 5905 §7.3, figure 11).
const STRATUM_UNSYNCHRONISED: u8 = 16;
/// For how long after a step requests are not answered, seconds: those already queued are long drained then.
const SILENCE_AFTER_STEP_S: f64 = 1.0;
/// Where the transmit timestamp stands in a packet.
const TRANSMIT_TIMESTAMP: std::ops::Range<usize> = 40..48;

/// Answers requests.
#[derive(Debug)]
pub struct Responder {
    access: Access,
    keys: KeyTable,
    signs: bool,
    sealer: Option<Sealer>,
    stepped: Option<Mono>,
    clients: ClientTable,
    counters: Counters,
}

impl Responder {
    /// A responder for these access rules, with these symmetric keys. `seed` must be fresh randomness, another one for each
    /// responder.
    pub fn new(config: &ServeConfig, keys: &KeyTable, seed: [u8; 32]) -> Self {
        Self {
            access: Access::new(&config.access),
            keys: keys.clone(),
            signs: config.sign,
            sealer: None,
            stepped: None,
            clients: ClientTable::new(config, seed),
            counters: Counters::default(),
        }
    }

    /// Other access rules and keys from now on; the counters go on.
    pub fn handle_config(&mut self, config: &ServeConfig, keys: &KeyTable) {
        self.access = Access::new(&config.access);
        self.keys = keys.clone();
        self.signs = config.sign;
        self.clients.handle_config(config);
    }

    /// The keys that cookies are made with from now on; without any, nobody is served with NTS. `seed` must be fresh
    /// randomness, another one for each responder.
    pub fn handle_key_ring(&mut self, ring: Option<Arc<KeyRing>>, seed: [u8; 32]) {
        match (&mut self.sealer, ring) {
            (Some(sealer), Some(ring)) => sealer.handle_key_ring(ring, seed),
            (sealer, ring) => *sealer = ring.map(|ring| Sealer::new(ring, seed)),
        }
    }

    /// See [`Engine::handle_request`](crate::Engine::handle_request). Nothing is allocated.
    #[allow(clippy::too_many_arguments)] // a datagram in place, the state and the time: a struct would only rename them
    pub fn handle(
        &mut self,
        buffer: &mut [u8],
        len: usize,
        remote: SocketAddr,
        local: Option<IpAddr>,
        received: Stamp,
        served: &Served,
        now: Now,
    ) -> Verdict {
        let mut place = None;
        let checked = self.check(buffer.get(..len), remote, local, now, &mut place);
        let request = match checked.and_then(|request| self.admit(request, place, now)) {
            Ok(request) => request,
            Err(reason) => {
                self.clients.count_dropped(place);
                return self.refuse(reason);
            }
        };
        self.counters.received = self.counters.received.saturating_add(1);
        let mut reply = reply(&request, received, served, now);
        if let Some(interval_s) = request.kiss_s {
            self.counters.kisses = self.counters.kisses.saturating_add(1);
            reply = kiss(reply, interval_s);
        }
        if let (Proof::Signature, Some(room)) = (&request.proof, buffer.first_chunk_mut()) {
            *room = reply.write();
            return Verdict::Sign;
        }
        let Some(len) = self.write(reply, request.identifier, request.proof, buffer) else {
            return Verdict::Drop(DropReason::Length.name()); // cannot be: the request was not shorter
        };
        self.counters.answered = self.counters.answered.saturating_add(1);
        Verdict::Reply(len)
    }

    /// See [`Engine::stamp_reply`](crate::Engine::stamp_reply).
    pub fn stamp(&mut self, reply: &mut [u8], transmit: Cooked) {
        let transmit = timestamp(transmit);
        let Some(covered) = nts::unsealed_len(reply) else {
            if let Some(sealer) = &mut self.sealer {
                sealer.seal(reply, transmit);
            }
            return;
        };
        if let Some(field) = reply.get_mut(TRANSMIT_TIMESTAMP) {
            field.copy_from_slice(&transmit.bits().to_be_bytes());
        }
        if reply.len() > covered {
            self.keys.resign(reply, covered);
        }
    }

    /// See [`Engine::handle_signed`](crate::Engine::handle_signed).
    pub fn handle_signed(&mut self, result: Result<(), SigningError>) {
        match result {
            Ok(()) => {
                self.counters.answered = self.counters.answered.saturating_add(1);
                self.counters.signed = self.counters.signed.saturating_add(1);
            }
            Err(error) => self.counters.drop(error.into()),
        }
    }

    /// The clock was stepped: for a second, requests are dropped, as the receive stamps of those already queued
    /// are on the time scale before the step and a reply would mix the two.
    pub fn handle_step(&mut self, now: Now) {
        self.stepped = Some(now.mono);
    }

    /// When that was last.
    pub(crate) fn stepped(&self) -> Option<Mono> {
        self.stepped
    }

    /// Who has asked.
    pub fn clients(&mut self) -> &mut ClientTable {
        &mut self.clients
    }

    /// What it has done so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The same for people.
    pub fn report(&self) -> ServerReport {
        self.counters.report()
    }

    /// Another one takes over and goes on counting, as the configuration or the keys have changed.
    pub fn give_way_to(&mut self, other: Self) {
        let Self { access, keys, signs, sealer, stepped, clients, counters: _ } = other;
        self.clients.take_over(clients);
        (self.access, self.keys, self.signs, self.sealer, self.stepped) =
            (access, keys, signs, sealer, stepped);
    }

    /// Counts a request that is not answered.
    fn refuse(&mut self, reason: DropReason) -> Verdict {
        self.counters.received = self.counters.received.saturating_add(1);
        self.counters.drop(reason);
        Verdict::Drop(reason.name())
    }

    /// Whether the client asks too often.
    fn admit(&mut self, request: Request, place: Option<Place>, now: Now) -> Result<Request, DropReason> {
        let sender = request.proof.sender();
        let authentic = sender != Sender::Anybody;
        if authentic {
            self.clients.count_authentic(place);
        }
        match self.clients.judge(place, sender, now.mono) {
            Judgement::Answer => Ok(request),
            Judgement::Kiss(interval_s) if authentic || matches!(request.proof, Proof::None) => {
                Ok(Request { kiss_s: Some(interval_s), ..request })
            }
            Judgement::Kiss(_) | Judgement::Drop => Err(DropReason::RateLimited),
        }
    }

    /// All reasons not to answer, cheapest first. The request comes back with the mode of its reply. From where the client is
    /// known to be served, it has its place in the table of clients.
    fn check(
        &mut self,
        bytes: Option<&[u8]>,
        remote: SocketAddr,
        local: Option<IpAddr>,
        now: Now,
        place: &mut Option<Place>,
    ) -> Result<Request, DropReason> {
        let bytes = bytes.filter(|bytes| bytes.len() >= HEADER_LEN).ok_or(DropReason::Length)?;
        let first = bytes.first().copied().unwrap_or(0);
        let reply_mode = reply_mode(first, remote.port())?;
        check_addresses(remote, local)?;
        if !self.access.allows(remote.ip()) {
            return Err(DropReason::Denied);
        }
        if let Some(entered) = self.clients.enter(remote.ip(), remote.port(), first, now.mono) {
            *place = Some(entered.place);
            let lost = u64::from(entered.crowded_out);
            self.counters.clients_lost = self.counters.clients_lost.saturating_add(lost);
        }
        if self.stepped.is_some_and(|at| now.mono.seconds_since(at) < SILENCE_AFTER_STEP_S) {
            return Err(DropReason::ClockStepped);
        }
        if self.signs
            && let (Some(form), Some(header)) = (signd::authenticator(bytes), Header::parse(bytes))
        {
            return match form {
                Authenticator::Basic(_) => Ok(Request {
                    header,
                    reply_mode,
                    identifier: None,
                    proof: Proof::Signature,
                    kiss_s: None,
                }),
                Authenticator::Extended => Err(DropReason::MsSntpExtended),
            };
        }
        let packet = Packet::parse(bytes)?;
        let header = packet.header();
        let asked = self.sealer.as_mut().map(|sealer| sealer.open(&packet, now.mono)).transpose()?.flatten();
        if let Some(asked) = asked {
            return Ok(Request {
                header,
                reply_mode,
                identifier: None,
                proof: Proof::Nts(asked),
                kiss_s: None,
            });
        }
        let identifier = self.sealer.as_ref().and_then(|_| lone_identifier(&packet));
        let mac = packet.mac().map(|mac| match self.keys.verify(&packet, &mac, remote.ip()) {
            Some(true) => Ok(Proof::Mac { key_id: mac.key_id, digest_len: mac.digest.len() }),
            Some(false) => Err(DropReason::Digest),
            None => Err(DropReason::UnknownKey),
        });
        let proof = mac.transpose()?.unwrap_or(Proof::None);
        Ok(Request { header, reply_mode, identifier, proof, kiss_s: None })
    }

    /// Puts the reply in the place of the request and gives its length. [`Responder::stamp`] makes the digest or the seal.
    fn write(
        &mut self,
        reply: Header,
        identifier: Option<UniqueIdentifier>,
        proof: Proof,
        buffer: &mut [u8],
    ) -> Option<usize> {
        match proof {
            // A signature is made elsewhere.
            Proof::None | Proof::Signature => write_plain(&reply, identifier, buffer),
            Proof::Mac { key_id, digest_len } => {
                let len = write_plain(&reply, identifier, buffer)?;
                let (id, rest) = buffer.get_mut(len..)?.split_first_chunk_mut()?;
                *id = key_id.to_be_bytes();
                rest.get_mut(..digest_len)?.fill(0);
                self.counters.authenticated = self.counters.authenticated.saturating_add(1);
                Some(len + KEY_ID_LEN + digest_len)
            }
            Proof::Nts(Asked::Sealed(request)) => {
                self.counters.sealed = self.counters.sealed.saturating_add(1);
                self.sealer.as_mut()?.put(reply, request, buffer)
            }
            Proof::Nts(Asked::Nak(unique_identifier)) => {
                self.counters.naks = self.counters.naks.saturating_add(1);
                write_nak(buffer, &reply, &unique_identifier).ok()
            }
        }
    }
}

/// Why a reply was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningError {
    /// Too many wait.
    Busy,
    /// The program that signs cannot be reached.
    Unavailable,
    /// It would not, or said something else.
    Refused,
    /// It took too long.
    TimedOut,
    /// The clock was stepped before it began.
    Stepped,
}

/// A responder, and what it is to tell at one moment.
#[derive(Debug)]
pub struct Serving<'a> {
    pub(crate) responder: &'a mut Responder,
    pub(crate) served: Served,
    pub(crate) now: Now,
    /// Why nobody is answered at all.
    pub(crate) refusal: Option<DropReason>,
}

impl Serving<'_> {
    /// As [`Engine::handle_request`](crate::Engine::handle_request).
    pub fn handle_request(
        &mut self,
        buffer: &mut [u8],
        len: usize,
        remote: SocketAddr,
        local: Option<IpAddr>,
        received: Stamp,
    ) -> Verdict {
        match self.refusal {
            Some(reason) => self.responder.refuse(reason),
            None => self.responder.handle(buffer, len, remote, local, received, &self.served, self.now),
        }
    }

    /// As [`Engine::handle_signed`](crate::Engine::handle_signed).
    pub fn handle_signed(&mut self, result: Result<(), SigningError>) {
        self.responder.handle_signed(result);
    }
}

/// The mode of the reply to a packet with this first byte from this port.
fn reply_mode(first: u8, port: u16) -> Result<Mode, DropReason> {
    let version = first >> 3 & 7;
    if !(1..=4).contains(&version) {
        return Err(DropReason::Version);
    }
    match Mode::from_bits(first) {
        Mode::Client => Ok(Mode::Server),
        Mode::SymmetricActive => Ok(Mode::SymmetricPassive),
        Mode::Reserved if version == 1 && port != NTP_PORT => Ok(Mode::Server),
        _ => Err(DropReason::Mode),
    }
}

/// Whether a reply to this source would reach one host, and the one that asked.
fn check_addresses(remote: SocketAddr, local: Option<IpAddr>) -> Result<(), DropReason> {
    let source = remote.ip().to_canonical();
    let destination = local.map(|address| address.to_canonical());
    if remote.port() == 0 || source.is_unspecified() || is_group(source) {
        return Err(DropReason::SourceAddress);
    }
    if source.is_loopback() && !destination.is_some_and(|address| address.is_loopback()) {
        return Err(DropReason::LoopbackSpoof);
    }
    if destination.is_some_and(is_group) {
        return Err(DropReason::NotUnicast);
    }
    Ok(())
}

fn is_group(address: IpAddr) -> bool {
    address.is_multicast() || matches!(address, IpAddr::V4(address) if address.is_broadcast())
}

#[cfg(test)]
mod tests;
