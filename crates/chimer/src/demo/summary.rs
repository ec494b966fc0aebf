//! The facts at the end, and whether they are what the demo promises.

use serde::Serialize;
use truechimer_engine::report::{Report, SourceState};

use super::watch::Facts;
use super::world::{CLIENT_OSCILLATOR_PPM, LIAR};
use crate::human::span;

/// The client must be at least this near to the truth at the end, seconds.
pub(super) const GOAL_S: f64 = 1e-3;

/// What came out. Field names are those of the last line of `--json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Summary {
    /// Length of the run, seconds.
    pub(super) seconds: f64,
    /// Whether it was ended early.
    pub(super) interrupted: bool,
    /// Distance of the client's clock from the truth at the end, seconds.
    pub(super) true_error_s: f64,
    /// What the client guaranteed then, seconds.
    pub(super) bound_s: Option<f64>,
    /// How often error and bound were compared.
    pub(super) samples: u64,
    /// How often the error was above the bound.
    pub(super) bound_violations: u64,
    /// By how much at most, seconds.
    pub(super) worst_violation_s: f64,
    /// After how many seconds the error was below a millisecond for the first time.
    pub(super) settled_s: Option<f64>,
    /// Sizes of the steps of the client's clock, seconds.
    pub(super) steps: Vec<f64>,
    /// How many corrections were slewed.
    pub(super) slews: u64,
    /// The correction of the oscillator that the client has found, ppm.
    pub(super) frequency_ppm: Option<f64>,
    /// The one that would be exact, ppm.
    pub(super) true_frequency_ppm: f64,
    /// Whether NTS was asked for.
    pub(super) nts: bool,
    /// What the client says of its sources, read through its report socket.
    pub(super) sources: Vec<SourceLine>,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct SourceLine {
    /// Its name.
    pub(super) name: String,
    /// What selection says of it.
    pub(super) state: SourceState,
    /// How far its clock is ahead of the client's, seconds.
    pub(super) offset_s: Option<f64>,
    /// The bound through this source alone, seconds.
    pub(super) root_distance_s: Option<f64>,
    /// Measurements taken from it.
    pub(super) samples: u64,
    /// Key exchanges with it that gave keys; `None` without NTS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_exchanges: Option<u64>,
}

impl SourceLine {
    pub(super) fn of(report: &Report) -> Vec<Self> {
        let line = |source: &truechimer_engine::report::SourceReport| Self {
            name: source.name.clone(),
            state: source.state,
            offset_s: source.offset_s,
            root_distance_s: source.root_distance_s,
            samples: source.samples,
            key_exchanges: key_exchanges(source),
        };
        report.sources.iter().map(line).collect()
    }
}

fn key_exchanges(source: &truechimer_engine::report::SourceReport) -> Option<u64> {
    source.authentication.as_ref()?.nts.as_ref().map(|nts| nts.key_exchanges)
}

/// A clock that is fast by x must be slowed by x/(1+x).
fn exact_correction_ppm() -> f64 {
    -CLIENT_OSCILLATOR_PPM / (1.0 + CLIENT_OSCILLATOR_PPM * 1e-6)
}

impl Summary {
    pub(super) fn new(
        seconds: f64,
        interrupted: bool,
        facts: &Facts,
        report: Option<&Report>,
        nts: bool,
    ) -> Self {
        Self {
            seconds,
            interrupted,
            true_error_s: facts.true_error_s.abs(),
            bound_s: facts.bound_s,
            samples: facts.samples,
            bound_violations: facts.bound_violations,
            worst_violation_s: facts.worst_violation_s,
            settled_s: facts.settled_s,
            steps: facts.steps.clone(),
            slews: facts.slews,
            frequency_ppm: report.map(|report| report.system.frequency_ppm),
            true_frequency_ppm: exact_correction_ppm(),
            nts,
            sources: report.map(SourceLine::of).unwrap_or_default(),
        }
    }

    /// What the liar was found to be.
    pub(super) fn liar(&self) -> Option<&SourceLine> {
        self.sources.iter().find(|source| source.name == LIAR)
    }

    /// What was promised and did not happen; nothing if all is well. One sentence each.
    pub(super) fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        if self.interrupted {
            failures.push("it was interrupted".to_owned());
        }
        if self.true_error_s.is_nan() || self.true_error_s >= GOAL_S {
            failures.push(format!("the client's clock is still {} from the truth", span(self.true_error_s)));
        }
        if self.bound_s.is_none() {
            failures.push("the client reports no bound".to_owned());
        }
        if self.bound_violations > 0 {
            failures.push(format!(
                "the true error was above the reported bound in {} of {} looks, by up to {}",
                self.bound_violations,
                self.samples,
                span(self.worst_violation_s)
            ));
        }
        match self.liar() {
            Some(liar) if liar.state == SourceState::Falseticker => {}
            Some(liar) => {
                failures.push(format!("the liar is not marked as a falseticker but as {:?}", liar.state))
            }
            None => failures.push("the client's report socket did not answer".to_owned()),
        }
        if self.nts && self.sources.iter().any(|source| source.key_exchanges.is_none_or(|times| times == 0)) {
            failures.push("a server gave no keys".to_owned());
        }
        let honest_marked =
            self.sources.iter().any(|s| s.name != LIAR && s.state == SourceState::Falseticker);
        if honest_marked {
            failures.push("an honest server is marked as a falseticker".to_owned());
        }
        failures
    }
}
