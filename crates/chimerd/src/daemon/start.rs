//! Putting a daemon together.

use std::fmt;
use std::io;

use truechimer_config::Roles;
use truechimer_discipline::clock::{ClockCommand, ClockResult, SystemClock};
use truechimer_discipline::gates::{Gate, Gates};
use truechimer_engine::config::{ClockConfig, EngineConfig};
use truechimer_engine::{Engine, Initial};
use truechimer_sys::poll::PollSet;
use truechimer_sys::udp::StampKeeper;
use truechimer_sys::{clock, random};
use truechimer_time::{Cooked, Mono, NtpDuration};

use super::housekeeping::{READBACK_INTERVAL_S, SAVE_INTERVAL_S};
use super::keys::{sayer, start_key_exchanges};
use super::names::{start_resolver, wants_resolver};
use super::network::Network;
use super::{BUFFER_LEN, Daemon, DaemonOptions};
use crate::chronyc::ChronycServer;
use crate::clocks::Clocks;
use crate::control::{ControlServer, SocketError};
use crate::exchanges::Exchanges;
use crate::journal::{Journal, Priority};
use crate::listeners::{ListenError, Listeners};
use crate::logs::Logs;
use crate::ntpq::NtpqServer;
use crate::nts::serving::{Serving, ServingError};
use crate::roles::Places;
use crate::signing::Signer;
use crate::state::StateFiles;

#[cfg(test)]
mod tests;

/// A last known good time further after the floor of the eras than this is damage, not knowledge: 100 years.
const MAX_AHEAD_S: f64 = 100.0 * YEAR_S;
/// How far the floor of the eras stays behind the last known good time. That time may itself have been wrong, by a server
/// that we believed; then right servers are before it, and must still be understood.
const FLOOR_MARGIN_S: f64 = 50.0 * YEAR_S;
/// This program was not built before (2026-11-01T00:00:00Z), or, where the build says so, before what `SOURCE_DATE_EPOCH`
/// says: a certificate that had expired by then has no business to be believed.
const BUILT: Cooked = Cooked::from_unix_nanos(match option_env!("SOURCE_DATE_EPOCH") {
    Some(text) => later(1_793_491_200, text.as_bytes()) as i128 * 1_000_000_000,
    None => 1_793_491_200 * 1_000_000_000,
});
const YEAR_S: f64 = 365.25 * 86_400.0;

/// Why a daemon cannot start: one sentence.
#[derive(Debug)]
pub struct StartError(String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

impl From<ListenError> for StartError {
    fn from(error: ListenError) -> Self {
        Self(error.to_string())
    }
}

impl From<SocketError> for StartError {
    fn from(SocketError { path, error }: SocketError) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => " (is another chimerd running?)",
            _ => "",
        };
        Self(format!("cannot open {}: {error}{hint}", path.display()))
    }
}

impl From<ServingError> for StartError {
    fn from(error: ServingError) -> Self {
        Self(error.to_string())
    }
}

impl Daemon {
    /// Opens everything that a daemon needs and restores its state. Nothing is sent yet; the clock is touched only if
    /// it stands before a time that is certainly past.
    ///
    /// # Errors
    /// A port or a socket cannot be opened, there is no randomness, or the resolver cannot be started.
    pub fn new(options: DaemonOptions) -> Result<Self, StartError> {
        let DaemonOptions { mut config, mut clock, mut journal, controls_clock, .. } = options;
        let workers = match (config.roles, options.more_clocks) {
            (Roles::Process, Some(_)) => config.workers,
            _ => 1,
        };
        let mut listeners = Listeners::new(config.roles, workers);
        listeners.configure(config.engine.serve.as_ref())?;
        listeners.mark(config.network.dscp);
        let user = config.user.as_deref();
        let control =
            config.paths.run_dir.as_deref().map(|dir| ControlServer::open(dir, user)).transpose()?;
        let chronyc = ChronycServer::open(&config.control, user)?;
        let ntpq = NtpqServer::open(&config)?;
        let places = Places::new(&config, options.role_sockets);
        let mut resolver = None;
        if wants_resolver(&config.engine) {
            let started = start_resolver(&places);
            resolver =
                Some(started.map_err(|error| StartError(format!("cannot start the resolver: {error}")))?);
        }
        let mut seed = [0; 32];
        random::fill(&mut seed)
            .map_err(|error| StartError(format!("the system gives no randomness: {error}")))?;

        let mut state = StateFiles::new(&config.paths);
        let mono = clock.now().mono;
        let mut warn = |warning: String| journal.line(mono, Priority::Warning, &warning);
        state.prepare(user, &mut warn);
        let mut restored = state.load(&mut warn);
        let last_good_time = plausible(restored.last_good_time, config.engine.era_floor);
        if let (true, Some(time)) = (controls_clock, last_good_time) {
            let total = restored.stepped_total;
            restored.stepped_total =
                restore_time(clock.as_mut(), time, &config.engine.clock, total, &mut journal);
            // What cannot be written now is tried again with the next step, and complained of then.
            let _ = state.save_stepped(restored.stepped_total);
        }
        raise_floor(&mut config.engine, last_good_time);

        let now = clock.now();
        let mut say = sayer(&mut journal, now);
        let network = Network::start(&config, config.roles, &mut say);
        let nts = Serving::start(&config, &places, now, &mut say)?;
        let key_exchanges = start_key_exchanges(&config, &places, &mut say)
            .map_err(|error| StartError(format!("cannot start the key exchange client: {error}")))?;
        drop(say);
        let initial = Initial {
            oscillator: restored.oscillator,
            stepped_total: restored.stepped_total,
            controls_clock,
            precision: clock::precision(),
            certificate_floor: last_good_time.max(Some(BUILT)),
        };
        let mut clocks = Clocks::new(clock);
        let now = clocks.now();
        let engine = Engine::new(config.engine.clone(), initial, seed, now);
        let mut daemon = Self {
            engine,
            clocks,
            _stamps: StampKeeper::open().ok(),
            poll: PollSet::new(),
            buffer: vec![0; BUFFER_LEN],
            exchanges: Exchanges::new(&config.network),
            listeners,
            workers: None,
            more_clocks: options.more_clocks,
            resolver,
            network,
            places,
            key_exchanges,
            nts,
            signer: config.paths.signd.as_deref().map(Signer::new),
            control,
            chronyc,
            ntpq,
            state,
            journal,
            logs: config.logs.clone().map(|wanted| Logs::new(wanted, now.mono)),
            observer: options.observer,
            reload: options.reload,
            service: options.service,
            config,
            signals: options.signals,
            max_sleep: options.max_sleep,
            started: now.mono,
            save_at: now.mono.after(SAVE_INTERVAL_S),
            readback_at: now.mono.after(READBACK_INTERVAL_S),
            save_failed: false,
            poll_failures: 0,
            told_to_end: false,
        };
        daemon.hand_over_ring();
        daemon.announce(controls_clock, now.mono);
        Ok(daemon)
    }

    /// The first line of a run.
    fn announce(&mut self, controls_clock: bool, now: Mono) {
        let sources = match self.config.engine.sources.len() {
            0 => "no source".to_owned(),
            1 => "1 source".to_owned(),
            count => format!("{count} sources"),
        };
        let steering = if controls_clock { "steering the clock" } else { "observing the clock" };
        let addresses: Vec<String> = self.listening().iter().map(ToString::to_string).collect();
        let serving = match addresses.as_slice() {
            [] => "serving nobody".to_owned(),
            some => format!("serving on {}", some.join(", ")),
        };
        let version = env!("CARGO_PKG_VERSION");
        let text = format!("chimerd {version} started: {sources}, {steering}, {serving}");
        self.journal.line(now, Priority::Notice, &text);
    }
}

/// The later of two times in seconds since 1970, of which the second is text; what is no number does not count.
const fn later(seconds: u64, text: &[u8]) -> u64 {
    let (mut value, mut rest) = (0_u64, text);
    while let [digit, after @ ..] = rest {
        // Twelve digits reach far enough.
        if !digit.is_ascii_digit() || text.len() > 12 {
            return seconds;
        }
        value = value * 10 + (*digit - b'0') as u64;
        rest = after;
    }
    if value > seconds { value } else { seconds }
}

/// The last known good time, if it can be one.
fn plausible(last_good_time: Option<Cooked>, floor: Cooked) -> Option<Cooked> {
    last_good_time.filter(|time| (0.0..MAX_AHEAD_S).contains(&(*time - floor).seconds()))
}

/// Lets the window of the eras move with the decades.
fn raise_floor(engine: &mut EngineConfig, last_good_time: Option<Cooked>) {
    if let Some(time) = last_good_time {
        engine.era_floor = engine.era_floor.max(time - NtpDuration::from_seconds(FLOOR_MARGIN_S));
    }
}

/// A machine without a battery clock starts in 1970: brings it forward, never back, to the last known good time
/// (NA-42), as far as the same gates permit that every step passes. Gives the sum of all steps after it, of which
/// `stepped_total` were made before.
fn restore_time(
    clock: &mut dyn SystemClock,
    past: Cooked,
    config: &ClockConfig,
    stepped_total: NtpDuration,
    journal: &mut Journal,
) -> NtpDuration {
    let now = clock.now();
    let behind = past - now.cooked;
    if behind <= NtpDuration::ZERO {
        return stepped_total;
    }
    let seconds = behind.seconds();
    match Gates::new(config.step, config.panic, stepped_total.seconds()).judge(seconds) {
        Gate::Slew => return stepped_total,
        Gate::Refuse { limit, limit_s } => {
            let text = format!(
                "the clock is {seconds:.0} s before a time that is certainly past, \
                 but the panic limit \"{limit}\" of {limit_s} s forbids to correct it"
            );
            journal.line(now.mono, Priority::Error, &text);
            return stepped_total;
        }
        Gate::Step => {}
    }
    match clock.apply(ClockCommand::Step(behind)) {
        ClockResult::Stepped { by, .. } => {
            let text = format!("clock stepped by {:+.3} s to the last known good time", by.seconds());
            journal.line(now.mono, Priority::Warning, &text);
            stepped_total + by.abs()
        }
        result => {
            let text = format!(
                "clock is {seconds:.0} s before the last known good time and cannot be set: {result:?}"
            );
            journal.line(now.mono, Priority::Error, &text);
            stepped_total
        }
    }
}
