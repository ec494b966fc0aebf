//! Key exchanges as a client: several at a time, each with a deadline, the addresses of a server tried in turn.
//!
//! They run in a process of their own or inside the daemon's loop (`role`).

mod exchange;
mod role;

use std::collections::VecDeque;
use std::net::IpAddr;

use truechimer_nts_ke::{
    ClientTls, ExchangeAnswer, ExchangeRequest, KeError, NetworkFault, TrustedCertificates,
};
use truechimer_sys::poll::PollSet;
use truechimer_sys::role::Program;
use truechimer_time::Mono;

use exchange::Exchange;

pub(crate) use role::{ClientRole, role_main};

/// Exchanges under way at most; there are no more sources than this.
const MOST_OPEN: usize = 64;
/// Most bytes read from a connection in one turn.
const READ_MAX: usize = 16_384;
/// The system's certificates are read again when they are older than this, seconds: authorities come and go (AT-27).
const TRUST_S: f64 = 600.0;

/// Whose certificates are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trust {
    /// Those that the system trusts.
    pub(crate) system: bool,
    /// PEM texts with more, each with the name of its file.
    pub(crate) texts: Vec<(String, Vec<u8>)>,
}

impl Trust {
    /// What can be read; what cannot comes back as complaints.
    fn load(&self) -> (Option<ClientTls>, Vec<String>) {
        let mut trusted = TrustedCertificates::new();
        let mut complaints = Vec::new();
        if self.system
            && let Err(error) = trusted.add_system()
        {
            complaints.push(error.to_string());
        }
        for (name, text) in &self.texts {
            if let Err(fault) = trusted.add_pem(text) {
                complaints.push(format!("{name}: {fault}"));
            }
        }
        match ClientTls::new(trusted) {
            Ok(tls) => (Some(tls), complaints),
            Err(error) => {
                complaints.push(error.to_string());
                (None, complaints)
            }
        }
    }
}

/// All exchanges under way.
pub(crate) struct KeClient {
    trust: Trust,
    tls: Option<(ClientTls, Mono)>,
    /// What was wrong with the trusted certificates, not told yet.
    complaints: Vec<String>,
    open: Vec<Exchange>,
    done: VecDeque<ExchangeAnswer>,
    buffer: Vec<u8>,
}

impl KeClient {
    pub(crate) fn new(trust: Trust) -> Self {
        Self {
            trust,
            tls: None,
            complaints: Vec::new(),
            open: Vec::new(),
            done: VecDeque::new(),
            buffer: vec![0; READ_MAX],
        }
    }

    /// Believes others from the next exchange on.
    pub(crate) fn set_trust(&mut self, trust: Trust) {
        self.trust = trust;
        self.tls = None;
    }

    /// Begins an exchange; its answer comes from [`poll_answer`](Self::poll_answer).
    pub(crate) fn begin(&mut self, request: ExchangeRequest, now: Mono) {
        let query = request.query;
        let begun = if self.open.len() >= MOST_OPEN {
            Err(KeError::Network(NetworkFault::Unavailable))
        } else {
            self.tls(now).and_then(|tls| Exchange::begin(request, &tls, now))
        };
        match begun {
            Ok(exchange) => self.open.push(exchange),
            Err(error) => self.done.push_back(ExchangeAnswer { query, peer: None, result: Err(error) }),
        }
    }

    /// Names the sockets to wait for.
    pub(crate) fn register(&mut self, poll: &mut PollSet) {
        for exchange in &mut self.open {
            exchange.register(poll);
        }
    }

    /// When there is something to do although nothing comes.
    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        self.open.iter().map(Exchange::deadline).min()
    }

    /// Works on what is ready, and ends what has taken too long.
    pub(crate) fn handle_ready(&mut self, poll: &PollSet, now: Mono) {
        let Self { open, done, buffer, .. } = self;
        open.retain_mut(|exchange| {
            let answer = exchange.step(poll, buffer, now);
            let goes_on = answer.is_none();
            done.extend(answer);
            goes_on
        });
    }

    /// Takes what came of an exchange.
    pub(crate) fn poll_answer(&mut self) -> Option<ExchangeAnswer> {
        self.done.pop_front()
    }

    /// What is wrong with the certificates that shall be believed, each fault said once.
    pub(crate) fn take_complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }

    /// Whether nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.open.is_empty()
    }

    /// Frees the memory of the trusted certificates, which are read again with the next exchange.
    pub(crate) fn forget_certificates(&mut self) {
        self.tls = None;
    }

    /// The certificates, read again when they may have changed.
    fn tls(&mut self, now: Mono) -> Result<ClientTls, KeError> {
        if let Some((tls, read)) = &self.tls
            && now.seconds_since(*read) < TRUST_S
        {
            return Ok(tls.clone());
        }
        let (tls, complaints) = self.trust.load();
        self.complaints = complaints;
        self.tls = tls.map(|tls| (tls, now));
        let tls = self.tls.as_ref().map(|(tls, _)| tls.clone());
        // Nothing could be believed, which is said apart.
        tls.ok_or(KeError::Network(NetworkFault::Unavailable))
    }
}

/// Where exchanges are made.
pub(crate) enum KeyExchanges {
    /// In the loop.
    Inline(Box<KeClient>),
    /// In a process of their own.
    Role(Box<ClientRole>),
}

impl KeyExchanges {
    /// In the process of this program, or without one in the loop.
    pub(crate) fn start(program: Option<Program>, trust: Trust) -> std::io::Result<Self> {
        Ok(match program {
            None => Self::Inline(Box::new(KeClient::new(trust))),
            Some(program) => Self::Role(Box::new(ClientRole::start(program, trust)?)),
        })
    }

    /// Begins an exchange; its answer comes from [`poll_answer`](Self::poll_answer).
    pub(crate) fn begin(&mut self, request: ExchangeRequest, now: Mono) {
        match self {
            Self::Inline(client) => client.begin(request, now),
            Self::Role(role) => role.begin(&request, now),
        }
    }

    /// Believes others from the next exchange on.
    pub(crate) fn set_trust(&mut self, trust: Trust) {
        match self {
            Self::Inline(client) => client.set_trust(trust),
            Self::Role(role) => role.set_trust(trust),
        }
    }

    /// Names the sockets to wait for.
    pub(crate) fn register(&mut self, poll: &mut PollSet) {
        match self {
            Self::Inline(client) => client.register(poll),
            Self::Role(role) => role.register(poll),
        }
    }

    /// When there is something to do although nothing comes.
    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        match self {
            Self::Inline(client) => client.poll_timeout(),
            Self::Role(role) => role.poll_timeout(),
        }
    }

    /// Works on what is ready.
    pub(crate) fn handle_ready(&mut self, poll: &PollSet, now: Mono) {
        match self {
            Self::Inline(client) => client.handle_ready(poll, now),
            Self::Role(role) => role.handle_ready(poll, now),
        }
    }

    /// Takes what came of an exchange.
    pub(crate) fn poll_answer(&mut self) -> Option<ExchangeAnswer> {
        match self {
            Self::Inline(client) => client.poll_answer(),
            Self::Role(role) => role.poll_answer(),
        }
    }

    /// What is wrong with the certificates that shall be believed.
    pub(crate) fn take_complaints(&mut self) -> Vec<String> {
        match self {
            Self::Inline(client) => client.take_complaints(),
            Self::Role(role) => role.take_complaints(),
        }
    }
}

/// An answer that says that nothing could be tried.
pub(crate) fn unavailable(query: u64, peer: Option<IpAddr>) -> ExchangeAnswer {
    ExchangeAnswer { query, peer, result: Err(KeError::Network(NetworkFault::Unavailable)) }
}
