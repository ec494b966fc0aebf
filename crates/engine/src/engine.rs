//! The machine itself.

use std::net::IpAddr;
use std::sync::Arc;

use truechimer_discipline::bank::BankEstimator;
use truechimer_discipline::clock::{ClockReadback, ClockResult};
use truechimer_discipline::estimate::Oscillator;
use truechimer_nts::KeyRing;
use truechimer_time::{Cooked, Mono, Now, NtpDuration, Stamp};

use crate::association::Machine;
use crate::command::Which;
use crate::config::EngineConfig;
use crate::event::Event;
use crate::io::{Datagram, Output, QueryId, ResolveError, Token};
use crate::local::Local;
use crate::local_clock::{LocalClock, Progress};
use crate::manual::Manual;
use crate::outbox::{Names, Outbox, Turn};
use crate::report::Report;
use crate::reporting;
use crate::rng::Rng;
use crate::server::Responder;
use crate::sources::{EstimatorFactory, Sources, earlier};
use crate::system::{Effect, System};

/// So long a silence of the adapter beyond a deadline means that the machine slept, seconds.
const SLEPT_S: f64 = 30.0;

/// What is known at the start from earlier runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Initial {
    /// From the frequency file.
    pub oscillator: Option<Oscillator>,
    /// Sum of the sizes of all steps so far, for the accumulated panic limit.
    pub stepped_total: NtpDuration,
    /// Whether the adapter can steer the clock.
    pub controls_clock: bool,
    /// Precision of the system clock: the smallest step between two readings, log2 seconds.
    pub precision: i8,
    /// A time that is certainly past, such as that when the program was built, or the last one at which the clock was known
    /// to be right: certificates that had expired by then are not accepted. `None` for the floor of the eras.
    pub certificate_floor: Option<Cooked>,
}

/// What to do with a request to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send the first `usize` bytes of the buffer back; never more than came in.
    Reply(usize),
    /// Have the reply signed: its header is in the first 48 bytes of the buffer, and the next four are the key identifier.
    /// Stamp the 48 bytes, ask Samba's `ntp_signd` ([`truechimer_wire::signd`]), send what comes back, which is as long as
    /// the request, and tell [`Engine::handle_signed`].
    Sign,
    /// Say nothing, for this reason (the name of a counter).
    Drop(&'static str),
}

/// The machine.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    clock: LocalClock,
    sources: Sources,
    system: System,
    local: Local,
    manual: Manual,
    responder: Option<Responder>,
    ring: Option<Arc<KeyRing>>,
    responder_version: u64,
    rng: Rng,
    outbox: Outbox,
    names: Names,
    /// Datagrams on sockets of nobody.
    stray: u64,
    /// Nothing more is asked for.
    closed: bool,
}

/// Borrows what a turn needs beside the parts that act in it.
macro_rules! turn {
    ($engine:ident, $now:expr) => {
        Turn {
            now: $now,
            rng: &mut $engine.rng,
            outbox: &mut $engine.outbox,
            names: &mut $engine.names,
            keys: &$engine.config.keys,
            dates: $engine.system.certificate_dates($now, &$engine.clock),
        }
    };
}

mod commands;
mod nts;
mod serve;
mod typed;

impl Engine {
    /// A new engine. `seed` must come from the operating system's random generator, except in tests and simulations.
    pub fn new(config: EngineConfig, initial: Initial, seed: [u8; 32], now: Now) -> Self {
        Self::with_estimator(config, initial, seed, now, || Box::new(BankEstimator::new()))
    }

    /// The same with another estimator for every source: for measuring one against the other.
    pub fn with_estimator(
        config: EngineConfig,
        initial: Initial,
        seed: [u8; 32],
        now: Now,
        estimator: EstimatorFactory,
    ) -> Self {
        let rng = Rng::new(seed);
        let mut engine = Self {
            clock: LocalClock::new(now, initial.precision),
            sources: Sources::new(&config.sources, config.selection.authentication, estimator, now.mono),
            system: System::new(&config, &initial, now),
            local: Local::new(config.local.clone(), now.mono),
            manual: Manual::new(config.clock.manual),
            responder: config.serve.as_ref().map(|serve| Responder::new(serve, &config.keys, rng.branch())),
            ring: None,
            responder_version: 0,
            rng,
            outbox: Outbox::default(),
            names: Names::default(),
            stray: 0,
            closed: false,
            config,
        };
        engine.system.start(&mut turn!(engine, now));
        engine
    }

    /// A datagram came in on the socket of `token`. One that fails a check changes nothing but that check's counter.
    pub fn handle_datagram(&mut self, token: Token, datagram: &Datagram<'_>, now: Now) {
        let Some(now) = self.begin(now) else { return };
        let mut turn = turn!(self, now);
        let machine = Machine {
            clock: &self.clock,
            oscillator: &self.system.oscillator,
            era_floor: self.config.era_floor,
            listeners: self.config.serve.as_ref().map(|serve| serve.listen.as_slice()).unwrap_or_default(),
            hurry: !self.system.synchronised,
        };
        let taken = if let Some(association) = self.sources.by_token(token) {
            association.handle_datagram(token, datagram, &machine, &mut turn)
        } else if let Some(association) = self.sources.by_remote(datagram.remote) {
            association.handle_stray();
            false
        } else {
            self.stray = self.stray.saturating_add(1);
            false
        };
        if taken {
            self.system.update(&mut self.sources, &mut self.local, &self.clock, &mut turn);
        }
    }

    /// The request of `token` left; `sent` is the clock read next to the system call.
    pub fn handle_sent(&mut self, token: Token, sent: Stamp, now: Now) {
        if self.begin(now).is_some()
            && let Some(association) = self.sources.by_token(token)
        {
            association.handle_sent(token, sent, &self.clock);
        }
    }

    /// The request of `token` could not be sent, for this operating system error.
    pub fn handle_send_error(&mut self, token: Token, errno: i32, now: Now) {
        // Which error it was makes no difference: the next poll tries again.
        let _ = errno;
        let Some(now) = self.begin(now) else { return };
        if let Some(association) = self.sources.by_token(token) {
            association.handle_send_error(token, &mut turn!(self, now));
        }
    }

    /// The machine that the request of `token` went to says that nothing listens at that port (ICMP). Anybody can say so: it
    /// is told to people, and changes nothing else.
    pub fn handle_refused(&mut self, token: Token) {
        if let Some(association) = self.sources.by_token(token) {
            association.counters.close_port(token);
        }
    }

    /// The kernel or the network card told when the request of `token` left. May come before or after the reply, late,
    /// twice, or never.
    pub fn handle_tx_timestamp(&mut self, token: Token, stamp: Stamp, now: Now) {
        if self.begin(now).is_some()
            && let Some(association) = self.sources.by_token(token)
        {
            association.handle_tx_timestamp(token, stamp, &self.clock);
        }
    }

    /// A name was resolved, or not.
    pub fn handle_resolved(&mut self, query: QueryId, result: Result<&[IpAddr], ResolveError>, now: Now) {
        let Some(now) = self.begin(now) else { return };
        self.sources.handle_resolved(query, result, &mut turn!(self, now));
    }

    /// A reference clock gave a sample: at `stamp`, true time was `time`. `source` is the name in the configuration;
    /// a name that is not there is ignored.
    pub fn handle_reference(&mut self, source: &str, stamp: Stamp, time: Cooked, now: Now) {
        let Some(now) = self.begin(now) else { return };
        let mut turn = turn!(self, now);
        let machine = Machine {
            clock: &self.clock,
            oscillator: &self.system.oscillator,
            era_floor: self.config.era_floor,
            listeners: self.config.serve.as_ref().map(|serve| serve.listen.as_slice()).unwrap_or_default(),
            hurry: !self.system.synchronised,
        };
        let Some(association) = self.sources.reference(source) else { return };
        if association.handle_reference(stamp, time, &machine, &mut turn) {
            self.system.update(&mut self.sources, &mut self.local, &self.clock, &mut turn);
        }
    }

    /// What became of the oldest [`Output::Clock`] that was not answered yet. After a step, `now` may be from before or
    /// after it; for everything else that is handed in later, the clock should be read again.
    pub fn handle_clock_result(&mut self, result: ClockResult, now: Now) {
        let now = match result {
            // The jump is ours.
            ClockResult::Stepped { .. } => now,
            _ => match self.begin(now) {
                Some(now) => now,
                None => return,
            },
        };
        let stepped = match result {
            ClockResult::Stepped { at, by } => Some((self.clock.raw(at), at + by)),
            _ => None,
        };
        let mut turn = turn!(self, now);
        let effect = self.system.handle_result(result, &mut self.clock, &mut turn);
        if let Some((before, target)) = stepped {
            self.manual.shift(self.clock.raw(target) - before);
        }
        if let Effect::Stepped { now, by, far } = effect {
            turn.now = now;
            if let Some(responder) = self.responder.as_mut() {
                responder.handle_step(now);
            }
            for association in self.sources.members_mut() {
                if far {
                    association.remeasure(&mut turn);
                } else if by < NtpDuration::ZERO {
                    // A stamp in the repeated span could be from before or from after the step.
                    association.ask_again(&mut turn);
                }
            }
            if far {
                self.system.forget(&self.clock, &mut turn);
            }
        }
        if !self.closed && !matches!(effect, Effect::Status) {
            self.system.refresh(&self.sources, &mut self.local, &self.clock, &mut turn);
        }
    }

    /// The state of the clock as the system tells it, read now and then: a rate that is not ours is interference.
    pub fn handle_clock_readback(&mut self, readback: ClockReadback, now: Now) {
        let Some(now) = self.begin(now) else { return };
        let mut turn = turn!(self, now);
        if self.system.handle_readback(readback, &mut self.clock, &mut turn) {
            // Since when nobody knows, so the raw scale may have been wrong for a while.
            self.measure_anew(now);
        }
    }

    /// The deadline of [`Engine::poll_timeout`] has passed (calling too early does no harm).
    pub fn handle_timeout(&mut self, now: Now) {
        let Some(now) = self.begin(now) else { return };
        let mut turn = turn!(self, now);
        self.sources.handle_timeout(&mut turn);
        self.system.handle_timeout(&mut self.sources, &mut self.local, &self.clock, &mut turn);
        if !self.local.is_active() {
            self.system.update_local(&self.sources, &mut self.local, &self.clock, &mut turn);
        }
    }

    /// The next thing to do, if any.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outbox.pop()
    }

    /// When [`Engine::handle_timeout`] is wanted next.
    pub fn poll_timeout(&self) -> Option<Mono> {
        if self.closed {
            return None;
        }
        let deadline = earlier(self.sources.poll_timeout(), self.system.poll_timeout());
        earlier(deadline, self.local.poll_timeout())
    }

    /// The state for people.
    pub fn report(&self, now: Now) -> Report {
        reporting::report(&reporting::Parts {
            now: self.clock.fresh(now),
            clock: &self.clock,
            sources: &self.sources,
            system: &self.system,
            local: &self.local,
            responder: self.responder.as_ref(),
            keys: &self.config.keys,
        })
    }

    /// The guaranteed bound on the clock's error at `now` in seconds; `None` before the first sample. Cheap.
    pub fn bound(&self, now: Now) -> Option<f64> {
        self.system.bound(self.clock.fresh(now), &self.clock)
    }

    /// What to write into the frequency file: changes slowly.
    pub fn oscillator(&self) -> Oscillator {
        self.system.oscillator
    }

    /// Sum of the sizes of all steps, for the state file.
    pub fn stepped_total(&self) -> NtpDuration {
        NtpDuration::from_seconds(self.system.control.stepped_total_s())
    }

    /// Leaves the kernel sane: outputs that end a slew and say "unsynchronised". The engine asks for nothing more
    /// after these have been polled.
    pub fn shutdown(&mut self, now: Now) {
        let Some(now) = self.begin(now) else { return };
        self.outbox.abandon();
        let mut turn = turn!(self, now);
        for association in self.sources.members_mut() {
            association.abandon(&mut turn);
        }
        self.system.shutdown(&self.clock, &mut turn);
        self.closed = true;
    }

    /// Everything that a refused packet must leave alone, as text: for tests of I8.
    #[doc(hidden)]
    pub fn state_digest(&self) -> String {
        format!(
            "{:?}",
            (&self.clock, &self.sources, &self.system, &self.local, &self.rng, &self.outbox, &self.names)
        )
    }

    /// Looks at the clock before anything else is done; `None` when the engine is closed.
    fn begin(&mut self, now: Now) -> Option<Now> {
        if self.closed {
            return None;
        }
        let slept = self.clock.unwatched_s(now) > SLEPT_S
            && self.poll_timeout().is_some_and(|deadline| now.mono.seconds_since(deadline) > SLEPT_S);
        // The kernel inserts the second at its first tick of the new day.
        let leap = self.system.leap(self.clock.seen() - NtpDuration::from_seconds(1.0));
        let (now, progress) = self.clock.observe(now, leap);
        let mut turn = turn!(self, now);
        match progress {
            Progress::Steady if slept => {
                // A machine that slept may have drifted, and be elsewhere: look soon.
                self.sources.leave_network(&mut turn);
                self.sources.burst(&Which::All, now.mono);
            }
            Progress::Steady => {}
            Progress::Leaped => {
                for association in self.sources.members_mut() {
                    association.ask_again(&mut turn);
                }
            }
            Progress::Jumped(by_s) => {
                turn.event(Event::Interference { by_s });
                if let Some(responder) = self.responder.as_mut() {
                    responder.handle_step(now);
                }
                if by_s > SLEPT_S {
                    // Sleep, on a machine whose monotonic clock sleeps as well.
                    self.sources.leave_network(&mut turn);
                }
                self.measure_anew(now);
            }
        }
        Some(now)
    }

    /// Somebody else had a hand on the clock: what was measured before counts no more.
    fn measure_anew(&mut self, now: Now) {
        self.system.doubt_time(now, &self.clock);
        let mut turn = turn!(self, now);
        self.system.forget(&self.clock, &mut turn);
        for association in self.sources.members_mut() {
            association.remeasure(&mut turn);
        }
        self.system.refresh(&self.sources, &mut self.local, &self.clock, &mut turn);
    }
}
