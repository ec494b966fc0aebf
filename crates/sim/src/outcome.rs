//! What a whole run amounts to.

use std::collections::BTreeMap;

use serde::Serialize;
use truechimer_engine::report::Report;

use crate::check::{Invariant, Tally, Violation};
use crate::host::Happening;
use crate::world::World;
use crate::worlds::Chrony;

/// The figures and the findings of one run of one world. Field names are the names in JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Name of the world.
    pub world: String,
    /// Seed of the run.
    pub seed: u64,
    /// Length of the run, seconds of true time.
    pub length_s: f64,
    /// RMS of the clock's true error, seconds.
    pub rms_time_s: f64,
    /// RMS error in the same time of a clock that was right when it heard the last of its sources and knew its frequency as
    /// well as it can be known, seconds; `None` where sources can be heard.
    pub limit_time_s: Option<f64>,
    /// Largest error in the same time, seconds.
    pub max_time_s: f64,
    /// RMS of the rate of the clock's error, slews included.
    pub rms_frequency: f64,
    /// `rms_time_s` as a ratio to chrony's, where that is known.
    pub ratio_time: Option<f64>,
    /// `rms_frequency` as a ratio to chrony's, where that is known.
    pub ratio_freq: Option<f64>,
    /// Requests sent.
    pub packets: u64,
    /// The same as a ratio to chrony's, where that is known.
    pub ratio_packets: Option<f64>,
    /// When the first request was sent, seconds from the start.
    pub first_packet_s: Option<f64>,
    /// From when on the error stayed under 1 ms for ten minutes, seconds from the start.
    pub settle_s: Option<f64>,
    /// Largest error after those ten minutes, seconds.
    pub worst_settled_s: f64,
    /// Median of the reported bound, seconds.
    pub median_bound_s: Option<f64>,
    /// The same as a ratio to chrony's, where that is known.
    pub ratio_bound: Option<f64>,
    /// Steps of the clock.
    pub steps: u64,
    /// Times at which the true error exceeded the reported bound.
    pub bound_violations: u64,
    /// How often each invariant was checked and found broken.
    pub invariants: BTreeMap<Invariant, Tally>,
    /// The first violations of any invariant, in words.
    pub violations: Vec<Violation>,
    /// How often each kind of event was reported.
    pub events: BTreeMap<String, u64>,
    /// The first of each kind, with their times.
    #[serde(skip)]
    pub happenings: Vec<Happening>,
    /// The engine's report at the end; `None` if the world has no host.
    pub report: Option<Report>,
}

impl Outcome {
    /// Of a run that has ended.
    pub(crate) fn of(name: &str, chrony: Option<Chrony>, seed: u64, world: &World) -> Self {
        let statistics = world.statistics();
        let view = world.view(0);
        let packets = view.as_ref().map_or(0, |view| view.packets);
        let book = world.book();
        Self {
            world: name.to_owned(),
            seed,
            length_s: world.elapsed(),
            rms_time_s: statistics.rms_time(),
            limit_time_s: world.limit_time(),
            max_time_s: statistics.max_time(),
            rms_frequency: statistics.rms_frequency(),
            ratio_time: chrony
                .and_then(|chrony| Some(statistics.rms_time() / chrony.rms_time(world.limit_time())?)),
            ratio_freq: chrony.and_then(|chrony| Some(statistics.rms_frequency() / chrony.rms_frequency?)),
            packets,
            ratio_packets: chrony.and_then(|chrony| Some(packets as f64 / f64::from(chrony.packets?))),
            first_packet_s: view.as_ref().and_then(|view| view.first_packet_s),
            settle_s: statistics.settled(),
            worst_settled_s: statistics.worst_settled(),
            median_bound_s: statistics.median_bound(),
            ratio_bound: chrony.and_then(|chrony| Some(statistics.median_bound()? / chrony.median_bound_s?)),
            steps: view.as_ref().map_or(0, |view| view.steps),
            bound_violations: book.tally(Invariant::I1).broken,
            invariants: Invariant::ALL.map(|invariant| (invariant, book.tally(invariant))).into(),
            violations: book.violations().to_vec(),
            events: view.as_ref().map(|view| view.events.clone()).unwrap_or_default(),
            happenings: view.as_ref().map(|view| view.happenings.clone()).unwrap_or_default(),
            report: view.map(|view| view.report),
        }
    }

    /// Whether every invariant was kept.
    pub fn is_clean(&self) -> bool {
        self.invariants.values().all(|tally| tally.broken == 0)
    }
}
