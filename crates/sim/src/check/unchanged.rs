//! I8: what an engine shows of its state, without the counters of failed checks.

use truechimer_discipline::estimate::Oscillator;
use truechimer_engine::Engine;
use truechimer_engine::report::{Report, SourceState};
use truechimer_time::{Mono, Now};

/// The state of an engine at one moment. Two that are equal differ at most in counters.
#[derive(Debug, PartialEq)]
pub(crate) struct Fingerprint {
    report: Report,
    /// Cookies of NTS in all jars.
    cookies: usize,
    dropped: u64,
    bound: Option<f64>,
    deadline: Option<Mono>,
    oscillator: Oscillator,
}

impl Fingerprint {
    pub(crate) fn of(engine: &Engine, now: Now) -> Self {
        let mut report = engine.report(now);
        let mut dropped = 0;
        let mut cookies = 0;
        for source in &mut report.sources {
            dropped += source.dropped.values().sum::<u64>();
            source.dropped.clear();
            // What the last of them said, for a log.
            source.refused = None;
            if let Some(nts) = source.authentication.as_mut().and_then(|how| how.nts.as_mut()) {
                cookies += std::mem::take(&mut nts.cookies);
                // Counts what may be forged.
                nts.naks = 0;
            }
            // Why a source is not usable is told in words, and the last failed check may be the reason.
            source.reason.clear();
            if source.state == SourceState::Rejected {
                source.state = SourceState::Unreachable;
            }
        }
        report.system.reason.clear();
        Self {
            report,
            cookies,
            dropped,
            bound: engine.bound(now),
            deadline: engine.poll_timeout(),
            oscillator: engine.oscillator(),
        }
    }

    /// Whether a datagram that came between `before` and this was refused by a check.
    pub(crate) fn refused_since(&self, before: &Self) -> bool {
        self.dropped > before.dropped
    }

    /// Whether only counters have changed since. A server's own reply that is of no use as a measurement may bring
    /// cookies; one that was `forged` must not.
    pub(crate) fn unchanged_since(&self, before: &Self, forged: bool) -> bool {
        self.report == before.report
            && (self.cookies == before.cookies || (!forged && self.cookies > before.cookies))
            && self.bound == before.bound
            && self.deadline == before.deadline
            && self.oscillator == before.oscillator
    }

    /// Replies accepted so far, of all sources.
    pub(crate) fn accepted(&self) -> u64 {
        self.report.sources.iter().map(|source| source.accepted).sum()
    }
}
