//! The daemon: one engine, its sockets, its clock and its files, and the loop that turns between them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use truechimer_config::Config;
use truechimer_discipline::clock::{ClockCommand, ClockResult, SystemClock};
use truechimer_engine::{Engine, Event, Output, Transmit};
use truechimer_sys::poll::{Interest, PollSet};
use truechimer_sys::resolver::Resolver;
use truechimer_sys::signal;
use truechimer_sys::udp::StampKeeper;
use truechimer_time::{Mono, Now};

use crate::chronyc::ChronycServer;
use crate::clocks::Clocks;
use crate::control::ControlServer;
use crate::exchanges::Exchanges;
use crate::journal::{Journal, Priority};
use crate::listeners::Listeners;
use crate::logs::Logs;
use crate::ntpq::NtpqServer;
use crate::nts::client::KeyExchanges;
use crate::nts::serving::Serving;
use crate::roles::Places;
use crate::service::ServiceManager;
use crate::signing::Signer;
use crate::state::StateFiles;
use crate::workers::Workers;

mod chronyc;
mod housekeeping;
mod keys;
mod logs;
mod names;
mod network;
mod requests;
mod signatures;
mod start;

use network::Network;
pub use start::StartError;

/// Looks on while a daemon runs: for tests, demonstrations and programs that carry a daemon inside. All calls come
/// from the thread of the loop and hold it up.
pub trait Observer: Send {
    /// Something happened.
    fn handle_event(&mut self, event: &Event, now: Now) {
        let _ = (event, now);
    }

    /// The clock was, or was not, steered.
    fn handle_clock(&mut self, command: &ClockCommand, result: &ClockResult, now: Now) {
        let _ = (command, result, now);
    }

    /// A look at the engine, right after the clocks were read and with nothing left to carry out: before the first turn,
    /// after each, and, if [`Observer::look_interval`] says so, at least that often.
    fn look(&mut self, engine: &Engine, now: Now) {
        let _ = (engine, now);
    }

    /// How often to look even when nothing happens.
    fn look_interval(&self) -> Option<Duration> {
        None
    }
}

/// Reads the configuration again, or says why not in lines for a human.
pub type Reload = Box<dyn FnMut() -> Result<Config, String> + Send>;

/// Makes further views of the clock that a daemon steers: for threads that answer requests.
pub type ClockMaker = fn() -> Box<dyn SystemClock + Send>;

/// What a daemon is made of.
pub struct DaemonOptions {
    /// What it shall do.
    pub config: Config,
    /// The clock that it reads and steers.
    pub clock: Box<dyn SystemClock + Send>,
    /// Whether `clock` can be steered.
    pub controls_clock: bool,
    /// Further views of that clock. Without them `serve.workers` makes no difference: the loop answers.
    pub more_clocks: Option<ClockMaker>,
    /// Where its lines go.
    pub journal: Journal,
    /// Who looks on.
    pub observer: Option<Box<dyn Observer>>,
    /// How to read the configuration again; `None` refuses to.
    pub reload: Option<Reload>,
    /// The service manager that wants to be told how it goes.
    pub service: Option<ServiceManager>,
    /// The folder of the sockets at which the service manager starts helper processes. Without one the daemon starts them.
    pub role_sockets: Option<PathBuf>,
    /// Whether to heed the flags of [`signal`], which the program must have installed.
    pub signals: bool,
    /// Longest sleep: how late the stop flag of [`Daemon::run`] may be seen.
    pub max_sleep: Duration,
}

impl DaemonOptions {
    /// A silent daemon that heeds no signal and is observed by nobody.
    pub fn new(config: Config, clock: Box<dyn SystemClock + Send>, controls_clock: bool) -> Self {
        Self {
            config,
            clock,
            controls_clock,
            more_clocks: None,
            journal: Journal::silent(),
            observer: None,
            reload: None,
            service: None,
            role_sockets: None,
            signals: false,
            max_sleep: MAX_SLEEP,
        }
    }
}

/// Sleeping longer saves nothing worth having.
const MAX_SLEEP: Duration = Duration::from_secs(60);
/// Sleep while a socket rests after the system ran out of something.
const REST: Duration = Duration::from_millis(50);
/// Outputs carried out in one turn; the engine has far fewer, so this only bounds a fault.
const MAX_OUTPUTS: usize = 4096;
/// So many failures of `poll` in a row end the daemon.
const MAX_POLL_FAILURES: u32 = 100;
/// The largest UDP payload: no datagram is ever cut off.
const BUFFER_LEN: usize = 65_536;

/// A running, or ready to run, daemon. Several can live in one process, each on a thread and a clock of its own.
pub struct Daemon {
    engine: Engine,
    clocks: Clocks,
    /// Keeps the kernel stamping packets between our short-lived sockets; without it stamps are worse, no more.
    _stamps: Option<StampKeeper>,
    poll: PollSet,
    buffer: Vec<u8>,
    exchanges: Exchanges,
    listeners: Listeners,
    /// Who answers, if it is not the loop.
    workers: Option<Workers>,
    more_clocks: Option<ClockMaker>,
    resolver: Option<Resolver>,
    /// Whether the machine is still on the same network.
    network: Option<Network>,
    places: Places,
    /// Key exchanges with servers, if a source wants them.
    key_exchanges: Option<KeyExchanges>,
    /// Authenticated time for clients.
    nts: Option<Serving>,
    /// Signatures for domain members.
    signer: Option<Signer>,
    control: Option<ControlServer>,
    chronyc: Option<ChronycServer>,
    ntpq: Option<NtpqServer>,
    state: StateFiles,
    journal: Journal,
    /// Files in the formats of other daemons.
    logs: Option<Logs>,
    observer: Option<Box<dyn Observer>>,
    reload: Option<Reload>,
    service: Option<ServiceManager>,
    /// The configuration in force.
    config: Config,
    signals: bool,
    max_sleep: Duration,
    started: Mono,
    save_at: Mono,
    readback_at: Mono,
    /// Set when the state files could not be written: said once.
    save_failed: bool,
    poll_failures: u32,
    /// Over one of the sockets.
    told_to_end: bool,
}

/// The loop cannot go on: one sentence.
#[derive(Debug)]
pub struct RunError(String);

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RunError {}

impl Daemon {
    /// The addresses it serves on, with the ports that the system chose where the configuration says 0.
    pub fn listening(&self) -> Vec<std::net::SocketAddr> {
        self.listeners.addresses()
    }

    /// The addresses it exchanges keys on (TCP), likewise.
    pub fn exchanging(&self) -> Vec<std::net::SocketAddr> {
        self.nts.as_ref().map(Serving::addresses).unwrap_or_default()
    }

    /// Runs until `stop` is set or, if it heeds signals, until SIGTERM or SIGINT comes; then leaves the clock and the
    /// files in order. A daemon runs once.
    ///
    /// # Errors
    /// The system does not let it wait for its sockets any more. Clock and files are in order in this case too.
    pub fn run(&mut self, stop: &AtomicBool) -> Result<(), RunError> {
        let mut now = self.clocks.now();
        // What is due at the start comes before the first request that somebody has sent already.
        self.engine.handle_timeout(now);
        self.carry_out(&mut now);
        let mut outcome = self.keep_workers(now);
        self.tell_service_manager(now);
        self.look();
        while outcome.is_ok() && !self.is_over(stop) {
            outcome = self.turn();
        }
        self.finish();
        outcome
    }

    fn is_over(&self, stop: &AtomicBool) -> bool {
        stop.load(Ordering::Relaxed) || self.told_to_end || (self.signals && signal::take_terminate())
    }

    /// One turn: wait, take in, carry out.
    fn turn(&mut self) -> Result<(), RunError> {
        self.wait()?;
        let mut now = self.clocks.now();
        let heard = self.exchanges.handle_ready(
            &self.poll,
            &mut self.buffer,
            &mut self.engine,
            &mut self.clocks,
            now,
        );
        self.watch_network(now);
        self.take_answers(now);
        self.take_keys(now);
        self.answer_requests(now);
        self.serve_keys(now);
        self.serve_control(now);
        self.serve_chronyc(now);
        self.serve_ntpq(now);
        if self.engine.poll_timeout().is_some_and(|deadline| deadline <= now.mono) {
            self.engine.handle_timeout(now);
        }
        if self.signals && signal::take_reload() {
            // What went wrong is in the journal already.
            let _ = self.reload_config(now);
        }
        self.carry_out(&mut now);
        self.write_logs(heard, now);
        self.keep_house(&mut now);
        self.tell_service_manager(now);
        self.look();
        self.keep_workers(now)
    }

    fn look(&mut self) {
        if let Some(observer) = &mut self.observer {
            observer.look(&self.engine, self.clocks.now());
        }
    }

    /// Sleeps until something is to be done.
    fn wait(&mut self) -> Result<(), RunError> {
        self.poll.clear();
        self.exchanges.register(&mut self.poll);
        if let Some(fd) = self.resolver.as_ref().and_then(Resolver::fd) {
            self.poll.push(fd, Interest::Read);
        }
        let now = self.clocks.now().mono;
        if let Some(network) = &mut self.network {
            network.register(&mut self.poll, now);
        }
        let mut rests = self.listeners.register(&mut self.poll);
        if let Some(workers) = &mut self.workers {
            workers.register(&mut self.poll);
        }
        if let Some(exchanges) = &mut self.key_exchanges {
            exchanges.register(&mut self.poll);
        }
        if let Some(nts) = &mut self.nts {
            nts.register(&mut self.poll, now);
        }
        if let Some(signer) = &mut self.signer {
            signer.register(&mut self.poll);
        }
        let mut hungry = false;
        if let Some(control) = &mut self.control {
            rests |= control.register(&mut self.poll);
            hungry = control.is_hungry();
        }
        if let Some(chronyc) = &mut self.chronyc {
            chronyc.register(&mut self.poll);
        }
        if let Some(ntpq) = &mut self.ntpq {
            ntpq.register(&mut self.poll);
        }
        let timeout = if hungry { Duration::ZERO } else { self.time_to_sleep(rests) };
        match self.poll.wait(Some(timeout)) {
            Ok(()) => self.poll_failures = 0,
            Err(error) => {
                self.poll_failures += 1;
                if self.poll_failures >= MAX_POLL_FAILURES {
                    return Err(RunError(format!("cannot wait for sockets: {error}")));
                }
            }
        }
        Ok(())
    }

    /// Until the next deadline. Rounded up to the millisecond, the resolution of `poll`, so that the deadline has
    /// passed when the sleep is over and the loop does not spin towards it.
    fn time_to_sleep(&mut self, rests: bool) -> Duration {
        let now = self.clocks.now().mono;
        let exchanges = self.key_exchanges.as_ref().and_then(KeyExchanges::poll_timeout);
        let nts = self.nts.as_ref().and_then(Serving::poll_timeout);
        let signer = self.signer.as_ref().and_then(Signer::poll_timeout);
        let service = self.service.as_ref().and_then(ServiceManager::poll_timeout);
        let network = self.network.as_ref().and_then(|network| network.poll_timeout(now));
        let workers = self.workers.as_ref().map(Workers::poll_timeout);
        let deadlines = [self.engine.poll_timeout(), exchanges, nts, signer, service, network, workers];
        let next = deadlines.into_iter().flatten().fold(self.save_at, Mono::min);
        let left = Duration::from_nanos(next.nanos().saturating_sub(now.nanos()));
        let mut longest = self.max_sleep;
        if rests {
            longest = longest.min(REST);
        }
        if let Some(interval) = self.observer.as_ref().and_then(|observer| observer.look_interval()) {
            longest = longest.min(interval);
        }
        Duration::from_millis(left.min(longest).as_nanos().div_ceil(1_000_000) as u64)
    }

    /// Does what the engine wants, one thing at a time. `now` is read again where the clock may have moved.
    fn carry_out(&mut self, now: &mut Now) {
        for _ in 0..MAX_OUTPUTS {
            let Some(output) = self.engine.poll_output() else { return };
            match output {
                Output::Send(transmit) => self.send(&transmit, now),
                Output::Close(token) => self.exchanges.close(token),
                Output::Resolve { query, name, family } => self.resolve(query, &name, family, now),
                Output::KeyExchange(exchange) => self.exchange_with(&exchange, *now),
                Output::Clock(command) => self.steer(command, now),
                Output::Event(event) => self.handle_event(&event, *now),
            }
        }
    }

    fn send(&mut self, transmit: &Transmit, now: &mut Now) {
        match self.exchanges.send(transmit, &mut self.clocks) {
            Ok((stamp, sent)) => {
                *now = sent;
                self.engine.handle_sent(transmit.token, stamp, sent);
            }
            Err(error) => {
                let text = format!("cannot send to {}: {error}", transmit.remote);
                self.journal.line(now.mono, Priority::Debug, &text);
                self.engine.handle_send_error(transmit.token, error.raw_os_error().unwrap_or(0), *now);
            }
        }
    }

    fn steer(&mut self, command: ClockCommand, now: &mut Now) {
        let hall = self.workers.as_ref().map(Workers::hall);
        // Nobody's reply begins before a step and ends after it.
        let paused = hall.as_ref().map(|hall| hall.pause());
        let result = self.clocks.apply(command);
        *now = self.clocks.now();
        if self.journal.is_verbose() {
            self.journal.line(now.mono, Priority::Debug, &format!("clock: {command:?}: {result:?}"));
        }
        self.engine.handle_clock_result(result, *now);
        if let (Some(mut word), Some(publication)) = (paused, self.engine.publish(*now)) {
            *word = publication;
        }
        if let Some(observer) = &mut self.observer {
            observer.handle_clock(&command, &result, *now);
        }
        if matches!(result, ClockResult::Stepped { .. }) {
            self.drop_unsigned(*now);
            // At once: a restart must not reset the budget of the accumulated panic limit (NA-23, AT-10).
            self.save_stepped(*now);
        }
    }

    fn handle_event(&mut self, event: &Event, now: Now) {
        self.journal.event(now.mono, event);
        if let Some(workers) = &mut self.workers {
            workers.hurry();
        }
        if matches!(event, Event::Interference { .. }) {
            self.drop_unsigned(now);
            // A clock that jumps may be that of a machine which was set back to a snapshot.
            self.stir();
        }
        if let Some(observer) = &mut self.observer {
            observer.handle_event(event, now);
        }
    }

    /// Leaves the kernel, the files and the sockets in order.
    fn finish(&mut self) {
        if let Some(service) = &mut self.service {
            service.handle_end();
        }
        self.workers = None;
        let mut now = self.clocks.now();
        self.save_all(now);
        self.engine.shutdown(now);
        self.carry_out(&mut now);
        self.save_stepped(now);
        self.exchanges.close_all();
        self.control = None;
        self.chronyc = None;
        self.journal.last_line(Priority::Notice, "exiting");
    }
}
