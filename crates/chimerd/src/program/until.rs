//! A run that ends by itself: after a time (`-t`), or when the clock has been set or looked at once (`-q`, `-Q`).

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use truechimer_engine::Engine;
use truechimer_time::{Mono, Now};

use crate::Observer;
use crate::args::chronyd::{Chronyd, Once};

/// Without `-t`, a clock that could not be set by then is given up.
const PATIENCE_S: f64 = 60.0;
/// So long answers of all sources are waited for before it is told how wrong the clock is.
const LOOK_S: f64 = 8.0;

/// Ends a run.
#[derive(Debug)]
pub(super) struct Until {
    once: Option<Once>,
    timeout_s: Option<f64>,
    started: Option<Mono>,
    ends: Arc<End>,
}

/// How a run ended, or is to end.
#[derive(Debug, Default)]
pub(super) struct End {
    pub(super) stop: AtomicBool,
    /// The time ran out, and the clock was not right.
    pub(super) failed: AtomicBool,
}

impl Until {
    /// Whoever ends the run, if anybody does.
    pub(super) fn new(said: &Chronyd, ends: &Arc<End>) -> Option<Self> {
        let patience = said.once.map(|_| PATIENCE_S);
        let timeout_s = said.timeout.map(|timeout| timeout.as_secs_f64()).or(patience);
        timeout_s.map(|_| Self { once: said.once, timeout_s, started: None, ends: Arc::clone(ends) })
    }
}

impl Observer for Until {
    fn look(&mut self, engine: &Engine, now: Now) {
        let started = *self.started.get_or_insert(now.mono);
        let passed_s = now.mono.seconds_since(started);
        let report = engine.report(now).system;
        let over = self.timeout_s.is_some_and(|timeout_s| passed_s >= timeout_s);
        let done = match self.once {
            Some(Once::Set) => report.synchronised && report.updates > 0,
            Some(Once::Tell) => report.system_peer.is_some() && (passed_s >= LOOK_S || over),
            None => false,
        };
        if done && self.once == Some(Once::Tell) {
            // Nobody can be told that standard error is gone.
            let _ =
                writeln!(std::io::stderr(), "System clock wrong by {:.6} seconds (ignored)", report.offset_s);
        }
        if done || over {
            let failed = !done && !report.synchronised;
            if failed {
                let _ = writeln!(
                    std::io::stderr(),
                    "the time is up, and the clock is not synchronised: {}",
                    report.reason
                );
            }
            self.ends.failed.store(failed, Ordering::Relaxed);
            self.ends.stop.store(true, Ordering::Relaxed);
        }
    }

    fn look_interval(&self) -> Option<Duration> {
        Some(Duration::from_millis(200))
    }
}
