//! Looks on inside the client's loop.
//!
//! Error and bound are compared at one instant: the daemon has just read its clock, the truth at that reading of the
//! monotonic clock is arithmetic, and the engine is asked for its bound at the same reading. So no delay of a thread
//! can come between them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chimerd::Observer;
use truechimer_discipline::clock::{ClockCommand, ClockResult};
use truechimer_engine::{Engine, Event};
use truechimer_sys::clock::Truth;
use truechimer_time::{Mono, Now};

/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// Happenings that wait to be shown; older ones give way.
const MAX_HAPPENINGS: usize = 64;

/// Something to tell the viewer, and when it was, in seconds from the start.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Happening {
    pub(super) at_s: f64,
    pub(super) what: What,
}

/// What there is to tell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// The first look: clock − truth, seconds, before any answer has come.
    Began(f64),
    /// The clock jumped by so many seconds.
    Stepped(f64),
    /// The first correction by slewing, ppm; later ones are only counted.
    FirstSlew(f64),
    /// A source became the system peer.
    Selected(String),
    /// A source was found to lie.
    Falseticker(String),
    /// The bound fell below the limit.
    Synchronised,
}

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// Seconds from the start to the last look.
    pub(super) at_s: f64,
    /// Client's clock − truth at the last look, seconds.
    pub(super) true_error_s: f64,
    /// Its bound then.
    pub(super) bound_s: Option<f64>,
    /// Looks at which there was a bound.
    pub(super) samples: u64,
    /// Of these, how often the error was larger.
    pub(super) bound_violations: u64,
    /// By how much at most, seconds.
    pub(super) worst_violation_s: f64,
    /// Sizes of the steps, seconds.
    pub(super) steps: Vec<f64>,
    /// How often the clock was told to catch up by running at another rate.
    pub(super) slews: u64,
    /// Slew in force, ppm.
    pub(super) slew_ppm: f64,
    /// When the error was below a millisecond for the first time.
    pub(super) settled_s: Option<f64>,
    /// To be shown.
    pub(super) happenings: VecDeque<Happening>,
}

/// The facts, shared between the client's thread and the viewer's.
pub(super) type Shared = Arc<Mutex<Facts>>;

/// The facts as they are; a thread that died while it held them leaves them readable.
pub(super) fn facts(shared: &Shared) -> std::sync::MutexGuard<'_, Facts> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The onlooker.
pub(super) struct Watch {
    truth: Truth,
    shared: Shared,
    began: Option<Mono>,
    rate_changed: bool,
}

impl Watch {
    pub(super) fn new(truth: Truth, shared: Shared) -> Self {
        Self { truth, shared, began: None, rate_changed: false }
    }

    fn at_s(&mut self, now: Now) -> f64 {
        now.mono.seconds_since(*self.began.get_or_insert(now.mono))
    }

    fn tell(&mut self, what: What, now: Now) {
        let at_s = self.at_s(now);
        facts(&self.shared).tell(Happening { at_s, what });
    }
}

impl Facts {
    fn tell(&mut self, happening: Happening) {
        if self.happenings.len() >= MAX_HAPPENINGS {
            self.happenings.pop_front();
        }
        self.happenings.push_back(happening);
    }

    /// Takes in one look.
    pub(super) fn look(&mut self, at_s: f64, true_error_s: f64, bound_s: Option<f64>) {
        self.at_s = at_s;
        self.true_error_s = true_error_s;
        self.bound_s = bound_s;
        if let Some(bound_s) = bound_s {
            self.samples += 1;
            // A bound that is no number bounds nothing.
            if bound_s.is_nan() || true_error_s.abs() > bound_s {
                self.bound_violations += 1;
                self.worst_violation_s = self.worst_violation_s.max(true_error_s.abs() - bound_s);
            }
        }
        if self.settled_s.is_none() && true_error_s.abs() < 1e-3 {
            self.settled_s = Some(at_s);
        }
    }
}

impl Observer for Watch {
    fn handle_event(&mut self, event: &Event, now: Now) {
        match event {
            Event::Selected { source } => self.tell(What::Selected(source.clone()), now),
            Event::Falseticker { source, .. } => self.tell(What::Falseticker(source.clone()), now),
            Event::Synchronised { .. } => self.tell(What::Synchronised, now),
            _ => {}
        }
    }

    fn handle_clock(&mut self, _command: &ClockCommand, result: &ClockResult, now: Now) {
        match result {
            ClockResult::Stepped { by, .. } => {
                facts(&self.shared).steps.push(by.seconds());
                self.tell(What::Stepped(by.seconds()), now);
            }
            ClockResult::FrequencySet { .. } => self.rate_changed = true,
            _ => {}
        }
    }

    fn look(&mut self, engine: &Engine, now: Now) {
        let first = self.began.is_none();
        let at_s = self.at_s(now);
        let true_error_s = (now.cooked - self.truth.at(now.mono)).seconds();
        if first {
            self.tell(What::Began(true_error_s), now);
        }
        let bound_s = engine.bound(now);
        let slew_ppm = std::mem::take(&mut self.rate_changed).then(|| engine.report(now).system.slew_ppm);
        let mut facts = facts(&self.shared);
        facts.look(at_s, true_error_s, bound_s);
        if let Some(slew_ppm) = slew_ppm {
            facts.slew_ppm = slew_ppm;
            if slew_ppm != 0.0 {
                facts.slews += 1;
                if facts.slews == 1 {
                    facts.tell(Happening { at_s, what: What::FirstSlew(slew_ppm) });
                }
            }
        }
    }

    fn look_interval(&self) -> Option<Duration> {
        Some(LOOK_INTERVAL)
    }
}
