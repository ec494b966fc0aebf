//! NTS at one association (RFC 8915): how it comes to keys and cookies, and what these do for its packets.
//!
//! Keys come from key exchanges, which the adapter makes (they are TLS over TCP) and this process asks for: at the start,
//! when the cookies run out, when the server does not take them any more, when the keys have grown old, and on a new network
//! path. Between two of them there is always a pause, which grows until keys have proved themselves by an authentic reply
//! (RFC 8915 §4.2). Whatever happens, nothing is ever sent or believed without NTS.

mod backoff;
mod establish;
mod session;

use std::net::{IpAddr, SocketAddr};

use truechimer_nts::aead::Algorithm;
use truechimer_time::Mono;
use truechimer_wire::{Header, Packet};

use self::backoff::Backoff;
use self::session::Session;
pub(crate) use self::session::{Proof, Tested};
use crate::check::Check;
use crate::config::{Family, NtsOptions, SourceOptions};
use crate::event::Event;
use crate::io::{
    CertificateDates, KeyExchange, KeyExchangeError, KeyExchangeFault, KeyExchanged, Output, QueryId,
    Validity,
};
use crate::outbox::Turn;
use crate::report::NtsReport;
use crate::rng::Rng;
use crate::sources::{Lookup, earlier};

/// An adapter that says nothing for so long has failed, seconds.
const SILENCE_S: f64 = 60.0;
/// Pause before the next address of the same name is tried, seconds.
const NEXT_ADDRESS_S: f64 = 1.0;
/// Key exchanges that fail in a row before another address of the name is looked for.
const MANY_FAILURES: u32 = 4;

/// The process of one association.
#[derive(Debug)]
pub(crate) struct NtsClient {
    /// What the certificate must be for.
    name: String,
    /// The addresses of the server for key exchange, and which of them is tried.
    servers: Vec<SocketAddr>,
    at: usize,
    options: NtsOptions,
    bind: Option<IpAddr>,
    family: Option<Family>,
    /// The port for time, unless the server names another.
    port: u16,
    /// The exchange under way, and since when.
    query: Option<(QueryId, Mono, CertificateDates)>,
    backoff: Backoff,
    /// The server for time that was named, while its address is not known.
    lookup: Option<Lookup>,
    session: Option<Session>,
    failure: Option<KeyExchangeError>,
    /// That the clock rules out its certificate has been said.
    told_misdated: bool,
    exchanges: u64,
    last: Option<Mono>,
    naks: u64,
}

/// The certificate behind an association's keys, for the decision whether the time that it tells can be right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Certificate<'a> {
    pub(crate) name: &'a str,
    /// A hash of its public key.
    pub(crate) key: [u8; 32],
    pub(crate) validity: Validity,
    pub(crate) tested: Tested,
}

/// What came of a key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Established {
    /// Nothing: it failed.
    No,
    /// Nothing, and the keys that were there are worth nothing either: their certificate has got its strict verdict.
    Refuted,
    /// Keys; the address of the server for time is not known yet.
    Keys,
    /// Keys for the server for time at this address.
    Server(SocketAddr),
}

impl NtsClient {
    /// For the server of this name behind these addresses, which are tried in turn.
    pub(crate) fn new(
        name: String,
        servers: Vec<SocketAddr>,
        port: u16,
        nts: NtsOptions,
        options: &SourceOptions,
        now: Mono,
    ) -> Self {
        Self {
            name,
            servers,
            at: 0,
            options: nts,
            bind: options.bind,
            family: options.family,
            port,
            query: None,
            backoff: Backoff::new(now),
            lookup: None,
            session: None,
            failure: None,
            told_misdated: false,
            exchanges: 0,
            last: None,
            naks: 0,
        }
    }

    /// Takes the place of another address of the same name: its failures are not forgotten.
    pub(crate) fn succeed(&mut self, old: &Self, turn: &mut Turn<'_>) {
        self.backoff = old.backoff.carried_over(turn.now.mono, turn.rng);
    }

    /// The server for key exchange, of which there must not be two in one pool.
    pub(crate) fn server(&self) -> Option<SocketAddr> {
        self.servers.get(self.at).copied()
    }

    /// Whether a request can be made.
    pub(crate) fn is_ready(&self) -> bool {
        self.lookup.is_none() && self.session.as_ref().is_some_and(Session::has_cookies)
    }

    /// Whether it has no keys yet and nothing has gone wrong so far.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.is_ready() && self.failure.is_none() && self.backoff.attempts() <= 1
    }

    /// Whether another address should be looked for.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.session.is_none() && self.backoff.attempts() >= MANY_FAILURES
    }

    pub(crate) fn is_query(&self, query: QueryId) -> bool {
        self.query.is_some_and(|(pending, ..)| pending == query)
    }

    /// The question for the address of the server for time.
    pub(crate) fn lookup(&mut self) -> Option<&mut Lookup> {
        self.lookup.as_mut()
    }

    /// Why there are no keys, where that is known.
    pub(crate) fn complaint(&self) -> Option<&'static str> {
        if self.is_ready() {
            return None;
        }
        match (&self.failure, &self.lookup) {
            (Some(failure), _) => Some(failure.fault.complaint()),
            (None, Some(lookup)) if lookup.has_failed() => {
                Some("the name of its server for time cannot be resolved")
            }
            _ if self.is_waiting() => None,
            _ => Some("its cookies are used up, and there are no new keys yet"),
        }
    }

    /// The certificate behind the keys in use.
    pub(crate) fn certificate(&self) -> Option<Certificate<'_>> {
        let session = self.session.as_ref()?;
        Some(Certificate {
            name: &self.name,
            key: session.certificate_key(),
            validity: session.validity(),
            tested: session.tested(),
        })
    }

    /// Asks for keys when they are wanted and it is time to.
    pub(crate) fn handle_timeout(&mut self, source: &str, turn: &mut Turn<'_>) {
        let now = turn.now.mono;
        if self.query.is_some_and(|(_, asked, _)| now >= asked.after(SILENCE_S)) {
            let text = "the key exchange was not carried out".to_owned();
            self.fail(source, KeyExchangeError { fault: KeyExchangeFault::Unavailable, text }, turn);
        }
        if let Some(lookup) = self.lookup.as_mut() {
            lookup.handle_timeout(true, turn);
        }
        if self.query.is_some() || now < self.keys_wanted_at().max(self.backoff.next()) {
            return;
        }
        let Some(remote) = self.server().filter(|_| turn.outbox.has_room()) else {
            self.backoff.put_off(now);
            return;
        };
        let query = turn.names.query();
        self.query = Some((query, now, turn.dates));
        turn.outbox.push(Output::KeyExchange(Box::new(KeyExchange {
            query,
            name: self.name.clone(),
            remote,
            bind: self.bind,
            dates: turn.dates,
        })));
    }

    /// When it wants to be called next.
    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        let exchange = match &self.query {
            Some((_, asked, _)) => Some(asked.after(SILENCE_S)),
            None => Some(self.keys_wanted_at().max(self.backoff.next())),
        };
        earlier(exchange, self.lookup.as_ref().and_then(|lookup| lookup.poll_timeout(true)))
    }

    /// From when on new keys are wanted.
    fn keys_wanted_at(&self) -> Mono {
        let at_once = Mono::from_nanos(0);
        self.session.as_ref().map_or(at_once, |session| session.replaced_at().unwrap_or(at_once))
    }

    /// The adapter has exchanged keys, or not.
    pub(crate) fn handle_exchanged(
        &mut self,
        source: &str,
        result: Result<KeyExchanged, KeyExchangeError>,
        turn: &mut Turn<'_>,
    ) -> Established {
        let Some((_, _, dates)) = self.query else { return Established::No };
        let established = result.and_then(|exchanged| self.establish(exchanged, dates, turn));
        match established {
            Ok(established) => {
                let server = self.name.clone();
                turn.event(Event::KeysExchanged { source: source.to_owned(), server });
                established
            }
            Err(error) => {
                let had_keys = self.session.is_some();
                self.fail(source, error, turn);
                if had_keys && self.session.is_none() { Established::Refuted } else { Established::No }
            }
        }
    }

    /// The name of the server for time was resolved: the first address that nobody uses yet, or the first.
    pub(crate) fn handle_resolved(
        &mut self,
        addresses: &[IpAddr],
        used: &[SocketAddr],
        turn: &mut Turn<'_>,
    ) -> Option<SocketAddr> {
        let usable = self.lookup.as_mut()?.handle_answer(addresses, turn);
        let address = usable.iter().find(|address| !used.contains(address)).or(usable.first()).copied()?;
        self.lookup = None;
        Some(address)
    }

    fn fail(&mut self, source: &str, error: KeyExchangeError, turn: &mut Turn<'_>) {
        self.query = None;
        let now = turn.now.mono;
        let reached = error.fault.reached_server();
        if !reached && self.at + 1 < self.servers.len() {
            // Another address of the same name, such as one of the other family, costs nobody a pause.
            self.at += 1;
            self.backoff.next_address(now.after(NEXT_ADDRESS_S));
            return;
        }
        self.at = 0;
        let refuted =
            matches!(error.fault, KeyExchangeFault::Certificate | KeyExchangeFault::CertificateDate);
        if refuted && self.session.as_ref().is_some_and(|session| session.tested() == Tested::Deferred) {
            // The strict verdict that these keys were still waiting for.
            self.session = None;
            self.lookup = None;
        }
        let error = error.shortened();
        let retry_s = self.backoff.ended(reached, now, turn.rng);
        let reason = error.text.clone();
        self.failure = Some(error);
        turn.event(Event::KeyExchangeFailed { source: source.to_owned(), reason, retry_s });
    }

    /// Writes a request, with a fresh cookie and a fresh unique identifier, and gives its length.
    pub(crate) fn write_request(
        &mut self,
        header: &Header,
        rng: &mut Rng,
        buffer: &mut [u8],
    ) -> Option<usize> {
        let session = self.session.as_mut().filter(|_| self.lookup.is_none())?;
        session.write_request(header, rng, buffer)
    }

    /// Whether a reply whose origin matched is the server's own. Its cookies are kept.
    pub(crate) fn verify(&mut self, packet: &Packet<'_>) -> Result<Proof, Check> {
        let proof = self.session.as_mut().ok_or(Check::NtsAuthenticator)?.verify(packet)?;
        match proof {
            Proof::Authentic => self.backoff.proven(),
            Proof::Nak => self.naks = self.naks.saturating_add(1),
        }
        Ok(proof)
    }

    /// The request under way ended without an authentic reply. That the server refused it, anybody who sees our packets can
    /// say: so it is asked again, and only when the second request fails too, new keys are wanted (RFC 8915 §5.7). `true` if
    /// it should be asked again soon.
    pub(crate) fn handle_unanswered(&mut self) -> bool {
        self.session.as_mut().is_some_and(Session::handle_unanswered)
    }

    /// Nobody wants the reply to the request under way any more.
    pub(crate) fn abandon(&mut self) {
        if let Some(session) = self.session.as_mut() {
            session.abandon();
        }
    }

    /// A reply came to this address of ours. `true` if the keys were used on another one before.
    pub(crate) fn has_moved(&mut self, local: Option<IpAddr>) -> bool {
        self.session.as_mut().is_some_and(|session| session.has_moved(local))
    }

    /// From now on the time is known. Keys whose certificate was not valid at this time are worth nothing; `false` if
    /// these were such keys.
    pub(crate) fn handle_time_known(&mut self, source: &str, unix_s: i64, turn: &mut Turn<'_>) -> bool {
        if self.failure.as_ref().is_some_and(|failure| failure.fault == KeyExchangeFault::CertificateDate) {
            self.backoff.hurry(turn.now.mono, turn.rng);
        }
        let held = self.session.as_mut().is_none_or(|session| session.handle_time_known(unix_s));
        if !held {
            self.session = None;
            self.lookup = None;
            self.misdated(source, turn);
        }
        held
    }

    /// What it tells cannot be the time, by its own certificate.
    pub(crate) fn misdated(&mut self, source: &str, turn: &mut Turn<'_>) {
        if !self.told_misdated {
            self.told_misdated = true;
            turn.event(Event::CertificateRefused { source: source.to_owned() });
        }
    }

    /// The network is another one: nobody shall see what was seen on the old one, not even the server.
    pub(crate) fn forget(&mut self, turn: &mut Turn<'_>) {
        if self.query.take().is_some() {
            self.backoff.ended(false, turn.now.mono, turn.rng);
        }
        self.backoff.hurry(turn.now.mono, turn.rng);
        self.session = None;
        self.lookup = None;
        self.failure = None;
        self.at = 0;
    }

    /// An operator wants it to be tried now.
    pub(crate) fn hurry(&mut self, turn: &mut Turn<'_>) {
        self.backoff.hurry(turn.now.mono, turn.rng);
        if let Some(lookup) = self.lookup.as_mut() {
            lookup.hurry(turn.now.mono);
        }
    }

    /// The algorithm of the keys in use.
    pub(crate) fn algorithm(&self) -> Option<Algorithm> {
        Some(self.session.as_ref()?.algorithm())
    }

    /// For people. Nothing secret is told.
    pub(crate) fn report(&self, now: Mono) -> NtsReport {
        let session = self.session.as_ref();
        NtsReport {
            server: self.name.clone(),
            address: self.server().map(|server| server.to_string()),
            cookies: session.map_or(0, Session::cookies),
            key_exchanges: self.exchanges,
            last_key_exchange_age_s: self.last.map(|last| now.seconds_since(last) as u64),
            unproven_key_exchanges: self.backoff.attempts(),
            failure: self.failure.as_ref().map(|failure| failure.text.clone()),
            retry_s: self
                .failure
                .as_ref()
                .filter(|_| self.query.is_none())
                .map(|_| self.backoff.next().seconds_since(now).ceil() as u64),
            naks: self.naks,
            certificate_expires_unix_s: session.map(|session| session.validity().not_after_s),
            certificate_time: session.map(|session| session.tested().name().to_owned()),
        }
    }
}
