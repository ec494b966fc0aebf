//! What `[serve.nts]` wants: the server for key exchange with its certificate, and the key ring that it shares with the
//! server for time.

use std::sync::Arc;

use truechimer_config::Config;
use truechimer_config::nts::KeyExchangeServer;
use truechimer_engine::config::{AccessRule, Listener};
use truechimer_engine::report::KeyExchangeReport;
use truechimer_nts::KeyRing;
use truechimer_nts_ke::validity::Date;
use truechimer_nts_ke::{ServerTls, Validity};
use truechimer_sys::poll::PollSet;
use truechimer_sys::role::Program;
use truechimer_sys::tcp::TcpListener;
use truechimer_time::{Mono, Now};

use super::Say;
use super::certificate::{CertificateFiles, Expiry, ExpiryWatch, Texts};
use super::ring::RingKeeper;
use super::server::{Counters, KeServer, ServerRole, Setup};
use crate::journal::Priority;
use crate::listeners::ListenError;
use crate::roles::Places;

/// Connections that are worked on in one turn of the daemon's own loop: a signature takes as long as the answers to a hundred
/// packets.
const INLINE_STEPS: usize = 1;

/// Nothing has run out for so long: it is over, seconds.
const OVER_S: f64 = 10.0;

/// Where the server runs.
enum Runner {
    Inline(Box<KeServer>),
    Role(Box<ServerRole>),
}

/// The server for key exchange, and what belongs to it.
struct Exchange {
    runner: Runner,
    config: KeyExchangeServer,
    /// Ours, so that nothing is refused while the role is started again.
    doors: Vec<(Listener, TcpListener)>,
    files: CertificateFiles,
    expiry: ExpiryWatch,
    /// A certificate has been handed over, and what becomes of it is to be told.
    tell: bool,
    /// Descriptors or memory had run out the last time then.
    short: Option<Mono>,
    /// How often they had.
    shortages: u64,
}

/// Everything about serving authenticated time.
pub(crate) struct Serving {
    ring: RingKeeper,
    exchange: Option<Exchange>,
    places: Places,
}

/// Why authenticated time cannot be served.
#[derive(Debug)]
pub(crate) enum ServingError {
    Listen(ListenError),
    Role(std::io::Error),
}

impl std::fmt::Display for ServingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Listen(error) => write!(f, "key exchange: {error}"),
            Self::Role(error) => write!(f, "cannot start the key exchange server: {error}"),
        }
    }
}

impl Serving {
    /// Opens the listeners, reads the certificate and comes by the ring, as far as the configuration wants them.
    pub(crate) fn start(
        config: &Config,
        places: &Places,
        now: Now,
        say: Say<'_>,
    ) -> Result<Option<Self>, ServingError> {
        let Some(nts) = &config.serve_nts else { return Ok(None) };
        let ring = RingKeeper::start(nts, config.user.as_deref(), now, say);
        let mut serving = Self { ring, exchange: None, places: places.clone() };
        serving.configure_exchange(config, now, say)?;
        Ok(Some(serving))
    }

    /// Goes on with another configuration. If its listeners cannot be opened nothing changes.
    pub(crate) fn configure(&mut self, config: &Config, now: Now, say: Say<'_>) -> Result<(), ServingError> {
        let Some(nts) = &config.serve_nts else { return Ok(()) };
        self.configure_exchange(config, now, say)?;
        if !self.ring.is_for(nts) {
            self.ring = RingKeeper::start(nts, config.user.as_deref(), now, say);
        }
        self.hand_over_ring();
        Ok(())
    }

    /// What cookies are made with.
    pub(crate) fn ring(&self) -> Option<&Arc<KeyRing>> {
        self.ring.ring()
    }

    /// The addresses it listens on for key exchange.
    pub(crate) fn addresses(&self) -> Vec<std::net::SocketAddr> {
        let doors = self.exchange.iter().flat_map(|exchange| &exchange.doors);
        doors.map(|(_, listener)| listener.local()).collect()
    }

    /// What the server for key exchange did, if it runs here.
    pub(crate) fn report(&self) -> Option<KeyExchangeReport> {
        let exchange = self.exchange.as_ref()?;
        let counters = exchange.runner.counters();
        let validity = exchange.expiry.validity();
        Some(KeyExchangeReport {
            open: counters.open,
            accepted: counters.accepted,
            exchanged: counters.exchanged,
            failed: counters.failures(),
            certificate_unix_s: validity.map(|validity| [validity.not_before_s, validity.not_after_s]),
            cookie_key: self.ring.ring().map(|ring| format!("{:08x}", ring.current_id())),
        })
    }

    /// Names the sockets to wait for.
    pub(crate) fn register(&mut self, poll: &mut PollSet, now: Mono) {
        match self.exchange.as_mut().map(|exchange| &mut exchange.runner) {
            Some(Runner::Inline(server)) => server.register(poll, now),
            Some(Runner::Role(role)) => role.register(poll),
            None => {}
        }
    }

    /// When there is something to do although nothing comes.
    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        let exchange = self.exchange.as_ref();
        let server = exchange.and_then(|exchange| match &exchange.runner {
            Runner::Inline(server) => server.poll_timeout(),
            Runner::Role(role) => role.poll_timeout(),
        });
        let files = exchange.map(|exchange| exchange.files.poll_timeout());
        let short = exchange.and_then(|exchange| exchange.short).map(|short| short.after(OVER_S));
        [Some(self.ring.poll_timeout()), server, files, short].into_iter().flatten().min()
    }

    /// Serves who wants keys.
    pub(crate) fn handle_ready(&mut self, poll: &PollSet, now: Mono, say: Say<'_>) {
        let Some(exchange) = &mut self.exchange else { return };
        match &mut exchange.runner {
            Runner::Inline(server) => server.handle_ready(poll, now),
            Runner::Role(role) => {
                role.handle_ready(poll, now);
                let outcomes = role.take_identities();
                if role.take_gone() {
                    let text = "the key exchange server ended unexpectedly; it is started again".to_owned();
                    say(Priority::Warning, text);
                }
                for outcome in outcomes {
                    exchange.take_outcome(outcome, say);
                }
            }
        }
        exchange.tell_shortage(now, say);
    }

    /// Whether it is time to look after the house.
    pub(crate) fn is_due(&self, now: Mono) -> bool {
        let files = self.exchange.as_ref().map(|exchange| exchange.files.poll_timeout());
        files.into_iter().chain([self.ring.poll_timeout()]).any(|at| at <= now)
    }

    /// Looks after files, keys and dates. `time_known` is whether the clock is right. Whether there is another ring.
    pub(crate) fn keep_house(&mut self, now: Now, time_known: bool, say: Say<'_>) -> bool {
        if let Some(exchange) = &mut self.exchange {
            if let Some(texts) = exchange.files.poll_change(now.mono) {
                exchange.identify(texts, say);
            }
            let unix_s = i64::try_from(now.cooked.unix_nanos() / 1_000_000_000).unwrap_or(i64::MAX);
            if let Some(expiry) = time_known.then(|| exchange.expiry.poll(unix_s)).flatten() {
                exchange.tell_expiry(expiry, say);
            }
        }
        let changed = self.ring.poll_change(now, time_known, say);
        if changed {
            self.hand_over_ring();
        }
        changed
    }

    /// The files that must be readable after the change of user too, for what is renewed to be noticed.
    pub(crate) fn files(&self) -> Vec<&std::path::Path> {
        let files = self.exchange.as_ref().map(|exchange| exchange.files.paths());
        files.into_iter().flatten().chain(self.ring.path()).collect()
    }

    fn hand_over_ring(&mut self) {
        let Some(ring) = self.ring.ring() else { return };
        match self.exchange.as_mut().map(|exchange| &mut exchange.runner) {
            Some(Runner::Inline(server)) => server.set_ring(Arc::clone(ring)),
            Some(Runner::Role(role)) => role.set_ring(self.ring.keep(), Arc::clone(ring)),
            None => {}
        }
    }

    fn configure_exchange(&mut self, config: &Config, now: Now, say: Say<'_>) -> Result<(), ServingError> {
        let wanted = config.serve_nts.as_ref().and_then(|nts| nts.key_exchange.as_ref());
        let Some(wanted) = wanted else {
            self.exchange = None;
            return Ok(());
        };
        let access = config.engine.serve.as_ref().map(|serve| serve.access.as_slice()).unwrap_or_default();
        let setup = setup(wanted, access);
        match &mut self.exchange {
            Some(exchange) => exchange.configure(wanted, &setup, now, say),
            None => {
                self.exchange =
                    Some(Exchange::start(wanted, &setup, self.places.program("ke-server"), now, say)?);
                self.hand_over_ring();
                Ok(())
            }
        }
    }
}

fn setup(config: &KeyExchangeServer, access: &[AccessRule]) -> Setup {
    Setup {
        limits: config.limits,
        access: access.to_vec(),
        ntp_server: config.ntp_server.clone(),
        ntp_port: config.ntp_port,
    }
}

impl Runner {
    fn counters(&self) -> Counters {
        match self {
            Self::Inline(server) => server.counters(),
            Self::Role(role) => role.counters(),
        }
    }

    fn configure(&mut self, setup: &Setup, doors: &[(Listener, TcpListener)]) -> std::io::Result<()> {
        let listeners = doors.iter().map(|(_, door)| door.try_clone()).collect::<Result<Vec<_>, _>>()?;
        match self {
            Self::Inline(server) => server.configure(setup, listeners),
            Self::Role(role) => role.configure(setup, listeners),
        }
        Ok(())
    }
}

impl Exchange {
    fn start(
        config: &KeyExchangeServer,
        setup: &Setup,
        program: Option<Program>,
        now: Now,
        say: Say<'_>,
    ) -> Result<Self, ServingError> {
        let doors = open_missing(&config.listen, &[]).map_err(ServingError::Listen)?;
        let mut runner = match program {
            None => Runner::Inline(Box::new(KeServer::new(setup, INLINE_STEPS))),
            Some(program) => {
                let role = ServerRole::start(program, setup.clone(), now.mono);
                Runner::Role(Box::new(role.map_err(ServingError::Role)?))
            }
        };
        runner.configure(setup, &doors).map_err(ServingError::Role)?;
        let files = CertificateFiles::new(&config.certificate, &config.private_key, now.mono);
        let expiry = ExpiryWatch::default();
        let mut exchange = Self {
            runner,
            config: config.clone(),
            doors,
            files,
            expiry,
            tell: false,
            short: None,
            shortages: 0,
        };
        let texts = exchange.files.read();
        exchange.identify(texts, say);
        Ok(exchange)
    }

    fn configure(
        &mut self,
        config: &KeyExchangeServer,
        setup: &Setup,
        now: Now,
        say: Say<'_>,
    ) -> Result<(), ServingError> {
        let mut fresh = open_missing(&config.listen, &self.doors).map_err(ServingError::Listen)?;
        self.doors.retain(|(listener, _)| config.listen.contains(listener));
        self.doors.append(&mut fresh);
        self.runner.configure(setup, &self.doors).map_err(ServingError::Role)?;
        self.config = config.clone();
        if !self.files.are(&config.certificate, &config.private_key) {
            self.files = CertificateFiles::new(&config.certificate, &config.private_key, now.mono);
        }
        // Whoever asks for a reload may have renewed the certificate just now.
        let texts = self.files.read();
        self.identify(texts, say);
        Ok(())
    }

    /// Hands a certificate over, or says why not.
    fn identify(&mut self, texts: Result<Texts, String>, say: Say<'_>) {
        let (chain, key) = match texts {
            Ok(texts) => texts,
            Err(text) => return self.refuse(&text, say),
        };
        self.tell = true;
        match &mut self.runner {
            Runner::Role(role) => role.set_identity(chain, key),
            Runner::Inline(server) => {
                let outcome = ServerTls::from_pem(&chain, &key).map_err(|error| error.to_string());
                let validity = outcome.map(|tls| {
                    let validity = tls.validity();
                    server.set_identity(tls);
                    validity
                });
                self.take_outcome(validity, say);
            }
        }
    }

    /// What became of a certificate. A role that was started again has it told again, which is no news.
    fn take_outcome(&mut self, outcome: Result<Validity, String>, say: Say<'_>) {
        let news = std::mem::replace(&mut self.tell, false);
        match outcome {
            Ok(validity) if self.expiry.validity() != Some(validity) => {
                self.expiry.set(validity);
                let (path, end) = (self.files.chain().display(), Date(validity.not_after_s));
                say(
                    Priority::Notice,
                    format!("keys are exchanged with the certificate {path}, which ends on {end}"),
                );
            }
            Ok(_) => {}
            Err(text) if news => self.refuse(&text, say),
            Err(_) => {}
        }
    }

    fn refuse(&mut self, text: &str, say: Say<'_>) {
        match self.expiry.validity() {
            Some(_) => {
                let text = format!("the new certificate cannot be used: {text}; the old one stays in force");
                say(Priority::Warning, text);
            }
            None => say(Priority::Error, format!("no keys are exchanged: {text}")),
        }
    }

    fn tell_expiry(&self, expiry: Expiry, say: Say<'_>) {
        let path = self.files.chain().display();
        match expiry {
            Expiry::Soon(days) => {
                let days = if days == 1 { "a day".to_owned() } else { format!("{days} days") };
                say(Priority::Warning, format!("the certificate {path} ends within {days}: renew it"));
            }
            Expiry::Over => say(
                Priority::Error,
                format!(
                    "the certificate {path} has ended: new clients refuse it, old ones go on for a while"
                ),
            ),
            Expiry::Early => {
                say(Priority::Error, format!("the certificate {path} is not valid yet: clients refuse it"));
            }
        }
    }

    /// Once when it begins, once when it has been over for a while (NA-07).
    fn tell_shortage(&mut self, now: Mono, say: Say<'_>) {
        let shortages = self.runner.counters().shortages;
        if shortages > std::mem::replace(&mut self.shortages, shortages) {
            if self.short.is_none() {
                let text = "descriptors or memory have run out: key exchange waits, all else goes on";
                say(Priority::Warning, text.to_owned());
            }
            self.short = Some(now);
        } else if self.short.is_some_and(|short| now.seconds_since(short) >= OVER_S) {
            self.short = None;
            say(Priority::Notice, "key exchange goes on".to_owned());
        }
    }
}

/// Opens the listeners that are not open.
fn open_missing(
    wanted: &[Listener],
    open: &[(Listener, TcpListener)],
) -> Result<Vec<(Listener, TcpListener)>, ListenError> {
    let mut fresh: Vec<(Listener, TcpListener)> = Vec::new();
    for listener in wanted {
        if open.iter().chain(&fresh).any(|(other, _)| other == listener) {
            continue;
        }
        match TcpListener::open(listener.address, listener.interface.as_deref()) {
            Ok(socket) => fresh.push((listener.clone(), socket)),
            Err(error) => return Err(ListenError { wanted: listener.clone(), error }),
        }
    }
    Ok(fresh)
}
