//! Keys: exchanging them with servers, and handing them out to clients.

use truechimer_config::{Config, MAX_BYTES};
use truechimer_engine::config::{Authentication, EngineConfig, SourceConfig};
use truechimer_engine::io::{CertificateDates, KeyExchange, KeyExchanged, QueryId, Validity};
use truechimer_engine::{KeyExchangeError, KeyExchangeFault};
use truechimer_nts::negotiate::ClientOffer;
use truechimer_nts_ke::{
    CertificateFault, DatePolicy, ExchangeAnswer, ExchangeRequest, KeError, NetworkFault,
};
use truechimer_sys::{files, random};
use truechimer_time::Now;

use super::Daemon;
use crate::journal::{Journal, Priority};
use crate::nts::Say;
use crate::nts::client::{KeyExchanges, Trust};
use crate::nts::serving::Serving;
use crate::roles::Places;

/// Writes what the parts of NTS have to say.
pub(super) fn sayer(journal: &mut Journal, now: Now) -> impl FnMut(Priority, String) + '_ {
    move |priority, text| journal.line(now.mono, priority, &text)
}

/// Whose certificates are believed: the files are read here, as a helper without privileges may not be able to.
fn read_trust(config: &Config, say: Say<'_>) -> Trust {
    let mut trust = Trust { system: config.trust.system, texts: Vec::new() };
    for path in &config.trust.files {
        match files::read_bounded(path, MAX_BYTES) {
            Ok(text) => trust.texts.push((path.display().to_string(), text)),
            Err(error) => {
                let text = format!("cannot read the trusted certificates {}: {error}", path.display());
                say(Priority::Error, text);
            }
        }
    }
    trust
}

/// Whether a source has NTS.
pub(super) fn uses_nts(source: &SourceConfig) -> bool {
    matches!(source.options.authentication, Authentication::Nts(_))
}

fn wants_key_exchange(config: &EngineConfig) -> bool {
    config.sources.iter().any(uses_nts)
}

/// What exchanges keys, if a source wants it.
pub(super) fn start_key_exchanges(
    config: &Config,
    places: &Places,
    say: Say<'_>,
) -> std::io::Result<Option<KeyExchanges>> {
    match wants_key_exchange(&config.engine) {
        true => KeyExchanges::start(places.program("ke-client"), read_trust(config, say)).map(Some),
        false => Ok(None),
    }
}

impl Daemon {
    /// Exchanges keys with a server.
    pub(super) fn exchange_with(&mut self, exchange: &KeyExchange, now: Now) {
        match &mut self.key_exchanges {
            Some(exchanges) => exchanges.begin(request(exchange), now.mono),
            None => {
                let error = KeError::Network(NetworkFault::Unavailable);
                self.engine.handle_key_exchange(exchange.query, Err(described(&error)), now);
            }
        }
        self.take_outcomes(now);
    }

    /// Works on key exchanges with servers.
    pub(super) fn take_keys(&mut self, now: Now) {
        if let Some(exchanges) = &mut self.key_exchanges {
            exchanges.handle_ready(&self.poll, now.mono);
        }
        self.take_outcomes(now);
    }

    fn take_outcomes(&mut self, now: Now) {
        let Some(exchanges) = &mut self.key_exchanges else { return };
        let complaints = exchanges.take_complaints();
        for complaint in &complaints {
            self.journal.line(now.mono, Priority::Error, &format!("trusted certificates: {complaint}"));
        }
        while let Some(ExchangeAnswer { query, result, .. }) = exchanges.poll_answer() {
            let result = result.map(exchanged).map_err(|error| match (&error, complaints.last()) {
                (KeError::Network(NetworkFault::Unavailable), Some(complaint)) => {
                    KeyExchangeError { fault: KeyExchangeFault::Unavailable, text: complaint.clone() }
                }
                _ => described(&error),
            });
            self.engine.handle_key_exchange(QueryId(query), result, now);
        }
    }

    /// Fresh randomness for the engine, where there are nonces and cookies that must not come twice (AT-23). Without NTS the
    /// inline path stays as it is.
    pub(super) fn stir(&mut self) {
        if self.key_exchanges.is_none() && self.nts.is_none() {
            return;
        }
        let mut fresh = [0; 32];
        if random::fill(&mut fresh).is_ok() {
            self.engine.handle_entropy(fresh);
        }
    }

    /// Serves clients that want keys.
    pub(super) fn serve_keys(&mut self, now: Now) {
        if let Some(nts) = &mut self.nts {
            nts.handle_ready(&self.poll, now.mono, &mut sayer(&mut self.journal, now));
        }
    }

    /// Looks after the certificate and the key ring.
    pub(super) fn look_after_keys(&mut self, now: Now) {
        let Some(nts) = &mut self.nts else { return };
        if !nts.is_due(now.mono) {
            return;
        }
        let system = self.engine.report(now).system;
        let time_known = system.synchronised || system.local_reference;
        if nts.keep_house(now, time_known, &mut sayer(&mut self.journal, now)) {
            self.hand_over_ring();
        }
    }

    /// The server for time opens cookies with the ring that they were made with.
    pub(super) fn hand_over_ring(&mut self) {
        self.engine.handle_key_ring(self.nts.as_ref().and_then(Serving::ring).cloned());
    }

    /// Goes on with what another configuration says of NTS, or with the old one if that cannot be.
    pub(super) fn reload_nts(&mut self, config: &Config, now: Now) -> Result<(), String> {
        let Self { nts, key_exchanges, journal, places, .. } = self;
        let mut say = sayer(journal, now);
        let configured = match (&mut *nts, &config.serve_nts) {
            (_, None) => {
                *nts = None;
                Ok(())
            }
            (Some(nts), Some(_)) => nts.configure(config, now, &mut say),
            (None, Some(_)) => Serving::start(config, places, now, &mut say).map(|serving| *nts = serving),
        };
        configured.map_err(|error| error.to_string())?;
        match key_exchanges {
            Some(exchanges) => exchanges.set_trust(read_trust(config, &mut say)),
            // Without it, the engine is told that keys cannot be exchanged, and asks again later.
            None => *key_exchanges = start_key_exchanges(config, places, &mut say).ok().flatten(),
        }
        drop(say);
        self.hand_over_ring();
        Ok(())
    }

    /// Complains of files that were read by a privileged user and cannot be read by the one that the daemon has become: what
    /// is renewed would not be noticed.
    pub fn check_files_again(&mut self) {
        let now = self.clocks.now();
        for path in &self.config.paths.source_dirs {
            if let Err(error) = std::fs::read_dir(path)
                && error.kind() == std::io::ErrorKind::PermissionDenied
            {
                let text = format!(
                    "{} cannot be read any more ({error}): on a reload its sources are lost",
                    path.display()
                );
                self.journal.line(now.mono, Priority::Warning, &text);
            }
        }
        let Some(nts) = &self.nts else { return };
        for path in nts.files() {
            if let Err(error) = std::fs::File::open(path)
                && error.kind() == std::io::ErrorKind::PermissionDenied
            {
                let text = format!(
                    "{} cannot be read any more ({error}): when it is renewed, restart chimerd",
                    path.display()
                );
                self.journal.line(now.mono, Priority::Warning, &text);
            }
        }
    }
}

fn request(exchange: &KeyExchange) -> ExchangeRequest {
    ExchangeRequest {
        query: exchange.query.0,
        server: exchange.name.clone(),
        port: exchange.remote.port(),
        addresses: vec![exchange.remote.ip()],
        bind: exchange.bind,
        date: match exchange.dates {
            CertificateDates::At { unix_s } => DatePolicy::At(unix_s),
            CertificateDates::Deferred { floor_unix_s } => DatePolicy::Defer { floor_unix_s },
        },
        offer: ClientOffer::default(),
    }
}

fn exchanged(exchanged: truechimer_nts_ke::KeyExchanged) -> KeyExchanged {
    let truechimer_nts_ke::KeyExchanged {
        keys,
        alternative,
        cookies,
        server,
        port,
        validity,
        certificate_key,
    } = exchanged;
    let truechimer_nts_ke::Validity { not_before_s, not_after_s } = validity;
    let validity = Validity { not_before_s, not_after_s };
    KeyExchanged { keys, alternative, cookies, server, port, validity, certificate_key }
}

fn described(error: &KeError) -> KeyExchangeError {
    KeyExchangeError { fault: fault(error), text: error.to_string() }
}

fn fault(error: &KeError) -> KeyExchangeFault {
    match error {
        KeError::Network(NetworkFault::Unavailable) => KeyExchangeFault::Unavailable,
        // Mostly a firewall that drops everything: that the time ran out later than that is rare.
        KeError::Network(
            NetworkFault::NotFound
            | NetworkFault::Refused
            | NetworkFault::Unreachable
            | NetworkFault::TimedOut,
        ) => KeyExchangeFault::Unreachable,
        KeError::Network(NetworkFault::Reset)
        | KeError::NotTls
        | KeError::TlsVersion
        | KeError::NoApplicationProtocol
        | KeError::Alert(_)
        | KeError::Tls
        | KeError::Closed => KeyExchangeFault::Connection,
        KeError::Certificate(
            CertificateFault::Expired { .. }
            | CertificateFault::NotYetValid { .. }
            | CertificateFault::NeverValid,
        ) => KeyExchangeFault::CertificateDate,
        KeError::ServerName | KeError::Certificate(_) => KeyExchangeFault::Certificate,
        KeError::TooMuch
        | KeError::Answer
        | KeError::Refused(_)
        | KeError::Warned(_)
        | KeError::NoProtocol
        | KeError::NoAlgorithm
        | KeError::NoCookies => KeyExchangeFault::Answer,
    }
}
