//! The named worlds, with the figures that chrony reaches in them.
//!
//! chrony's figures are medians over several seeds of an unmodified `chronyd` (git, mid-2026) in a simulated network
//! of the same laws.

mod hostile;
mod nts;
mod scenarios;

use crate::goal::Goal;
use crate::outcome::Outcome;
use crate::scenario::Scenario;
use crate::trace::Trace;
use crate::world::World;

/// A world that can be run by its name.
#[derive(Clone, Copy, Debug)]
pub struct WorldSpec {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// What chrony reaches.
    pub chrony: Option<Chrony>,
    /// RMS time error of the best estimator so far, in seconds, where chrony was not measured.
    pub reached_s: Option<f64>,
    /// What is asked of the engine in it.
    pub goal: Goal,
    /// Its parts.
    pub scenario: fn() -> Scenario,
}

/// What chrony reaches in a world; `None` where it is not known or has no meaning.
#[derive(Clone, Copy, Debug)]
pub struct Chrony {
    /// RMS of the clock's true error, seconds.
    pub rms_time_s: Option<f64>,
    /// What `limit_time_s` of an [`Outcome`] is in the runs in which chrony's time error was measured.
    pub limit_time_s: Option<f64>,
    /// Largest error, seconds.
    pub max_time_s: Option<f64>,
    /// RMS of the clock's frequency error.
    pub rms_frequency: Option<f64>,
    /// Requests sent.
    pub packets: Option<u32>,
    /// Median of the reported bound, seconds.
    pub median_bound_s: Option<f64>,
    /// Time until the error is under 1 ms, seconds.
    pub settle_s: Option<f64>,
}

const fn chrony(rms: f64, max: f64, frequency: f64, packets: u32, bound: Option<f64>) -> Option<Chrony> {
    Some(Chrony {
        rms_time_s: Some(rms),
        limit_time_s: None,
        max_time_s: Some(max),
        rms_frequency: Some(frequency),
        packets: Some(packets),
        median_bound_s: bound,
        settle_s: None,
    })
}

const fn pps(rms: f64) -> Option<Chrony> {
    let nothing = None;
    Some(Chrony {
        rms_time_s: Some(rms),
        limit_time_s: None,
        max_time_s: nothing,
        rms_frequency: nothing,
        packets: None,
        median_bound_s: nothing,
        settle_s: nothing,
    })
}

/// In the last 20 min of two hours without a network an error is what the oscillator has walked meanwhile, more or
/// less, and differs by a factor of ten from seed to seed. chrony's figure is the median of a few seeds in which that
/// was little, and for which 0.7 of chrony's error was stated as the statistical limit: taken here for that of somebody who is told
/// everything but the frequency.
const DEAF: Option<Chrony> = match chrony(1.27e-4, 4.0e-4, 3.1e-7, 1086, None) {
    Some(chrony) => Some(Chrony { limit_time_s: Some(0.7 * 1.27e-4), ..chrony }),
    None => None,
};

const START: Option<Chrony> = Some(Chrony {
    rms_time_s: None,
    limit_time_s: None,
    max_time_s: None,
    rms_frequency: Some(7.9e-8),
    packets: Some(46),
    median_bound_s: None,
    settle_s: Some(11.0),
});

/// What passes while nothing is received cannot be estimated: somebody who is told all but the frequency reaches 0.7 of chrony's
/// error.
const OUTAGE: Goal = Goal::ratio(0.9);
/// Pulses have symmetric noise: the statistical limit is 0.75 of the best tuning of chrony.
const PULSES: Goal = Goal::ratio(0.78);
/// Right at once, and for good.
const AT_ONCE: Goal = Goal { settle_s: Some(2.0), settled_below_s: Some(1e-3), ..Goal::USUAL };
/// The same from a frequency file: no excursion, however long the pause was.
const KNOWN_AT_ONCE: Goal = AT_ONCE;
/// A change of the route is not taken for one of the clock.
const NO_EXCURSION: Goal = Goal { largest_s: Some(1e-3), ..Goal::USUAL };

const fn row(
    name: &'static str,
    about: &'static str,
    chrony: Option<Chrony>,
    goal: Goal,
    scenario: fn() -> Scenario,
) -> WorldSpec {
    WorldSpec { name, about, chrony, reached_s: None, goal, scenario }
}

const fn further(
    name: &'static str,
    about: &'static str,
    reached_s: Option<f64>,
    scenario: fn() -> Scenario,
) -> WorldSpec {
    WorldSpec { name, about, chrony: None, reached_s, goal: Goal::USUAL, scenario }
}

const fn route(name: &'static str, about: &'static str, scenario: fn() -> Scenario) -> WorldSpec {
    WorldSpec { goal: NO_EXCURSION, ..further(name, about, Some(4.1e-5), scenario) }
}

use scenarios as s;

/// In the order of the documentation.
static WORLDS: &[WorldSpec] = &[
    row(
        "lan w1e-10 p6",
        "a quiet LAN, an excellent oscillator, polls of 64 s",
        chrony(2.21e-6, 1.0e-5, 1.25e-8, 1551, Some(1.2e-4)),
        Goal::USUAL,
        s::lan_10,
    ),
    row(
        "lan w1e-9 p6",
        "a quiet LAN, a good oscillator",
        chrony(5.50e-6, 2.2e-5, 6.65e-8, 1551, Some(1.2e-4)),
        Goal::USUAL,
        s::lan_9,
    ),
    row(
        "lan w1e-8 p6",
        "a quiet LAN, a poor oscillator",
        chrony(1.39e-5, 6.0e-5, 2.81e-7, 1551, Some(1.2e-4)),
        Goal::USUAL,
        s::lan_8,
    ),
    row(
        "lan w1e-9 def",
        "a quiet LAN, default polls",
        chrony(1.74e-5, 9.9e-5, 6.5e-8, 1503, Some(3.3e-4)),
        Goal::USUAL,
        s::lan_default,
    ),
    row(
        "inet1 w1e-9 p6",
        "a nearby server on the Internet",
        chrony(1.12e-4, 6.7e-4, 3.65e-7, 3098, Some(1.05e-2)),
        Goal::USUAL,
        s::inet1_9,
    ),
    row(
        "inet1 w1e-8 p6",
        "the same, a poor oscillator",
        chrony(2.39e-4, 1.1e-3, 1.51e-6, 3098, Some(1.05e-2)),
        Goal::USUAL,
        s::inet1_8,
    ),
    row(
        "inet1 w1e-9 def",
        "the same, default polls",
        chrony(4.66e-4, 1.4e-3, 3.0e-7, 413, Some(1.18e-2)),
        Goal::USUAL,
        s::inet1_default,
    ),
    row(
        "inet10 w1e-9 p6",
        "a far server on a jittery path",
        chrony(1.04e-3, 6.7e-3, 3.8e-6, 3098, Some(5.4e-2)),
        Goal::USUAL,
        s::inet10,
    ),
    row(
        "asymjit p6",
        "jitter on the way up only",
        chrony(3.81e-5, 1.9e-4, 2.3e-7, 3097, None),
        Goal::USUAL,
        s::asymjit,
    ),
    row(
        "false3 p6",
        "three servers, the nearest of them 50 ms wrong",
        chrony(8.31e-5, 2.6e-4, 1.7e-7, 4651, None),
        Goal::USUAL,
        s::false3,
    ),
    row(
        "temp lan p6",
        "a LAN, and the temperature of days and hours",
        chrony(6.74e-6, 3.8e-5, 1.0e-7, 3871, None),
        Goal::USUAL,
        s::temperature,
    ),
    row("outage p6", "two hours without a network; judged in their last 20 min", DEAF, OUTAGE, s::outage),
    row("start", "half a second and 100 ppm wrong", START, AT_ONCE, s::start),
    row(
        "pps w1e-10",
        "pulses of a reference clock, an excellent oscillator",
        pps(1.70e-7),
        PULSES,
        s::pps_10,
    ),
    row("pps w1e-9", "pulses of a reference clock, a good oscillator", pps(2.83e-7), PULSES, s::pps_9),
    row("pps w1e-8", "pulses of a reference clock, a poor oscillator", pps(5.10e-7), PULSES, s::pps_8),
    further("pareto", "delays with a Pareto tail", Some(3.4e-5), s::pareto),
    further("gamma", "delays that are hardly ever near their minimum", Some(6.4e-5), s::gamma),
    further("noisy stamps", "a LAN with 5 µs of noise on each stamp", Some(4.0e-6), s::noisy_stamps),
    route("route forward", "the way up becomes 2 ms longer half-way", s::route_forward),
    route("route both", "both ways become 2 ms longer half-way", s::route_both),
    route("route return", "the way down becomes 1 ms shorter half-way", s::route_return),
    further("congested switch", "a LAN behind a switch with filled queues", None, s::congested),
    further("one-way bursts", "a LAN whose way up has filled queues", None, s::one_way_bursts),
    further("loss", "three of ten packets are lost, each way", None, s::loss),
    further("long poll", "polls of 1024 s, and two hours without a network each day", None, s::long_poll),
    WorldSpec {
        goal: KNOWN_AT_ONCE,
        ..further("reboot", "started again and again; the frequency file is a day old", None, s::reboot)
    },
    further("pps dropout", "pulses that are missing for ten minutes and for an hour", None, s::pps_dropout),
    further("four servers", "four honest servers at different distances", None, s::four_servers),
    further("four unequal servers", "the same, on paths that are longer one way", None, s::four_unequal),
    further("pool", "a name with six addresses of which four are used", None, s::pool),
    further("chain", "a client of a server that is an engine itself", None, s::chain),
    further("eras", "from before 2036-02-07 to after 2038-01-19", None, s::eras),
];

/// All named worlds that are honest.
pub fn worlds() -> &'static [WorldSpec] {
    WORLDS
}

/// All named worlds in which somebody means harm or something breaks; their names begin with the ids of attacks.
pub fn hostile_worlds() -> &'static [WorldSpec] {
    hostile::HOSTILE
}

/// The world of this name, hostile ones included.
pub fn find(name: &str) -> Option<&'static WorldSpec> {
    WORLDS.iter().chain(hostile::HOSTILE).find(|world| world.name == name)
}

impl Chrony {
    /// chrony's RMS time error, seconds; in runs that have such a limit, as it would be with this one.
    pub fn rms_time(&self, limit_time_s: Option<f64>) -> Option<f64> {
        let scale = limit_time_s.zip(self.limit_time_s).map_or(1.0, |(here, there)| here / there);
        Some(self.rms_time_s? * scale)
    }
}

impl WorldSpec {
    /// chrony's RMS time error, where it is known, seconds.
    pub fn chrony_rms_time(&self) -> Option<f64> {
        self.chrony.and_then(|chrony| chrony.rms_time_s)
    }
}

/// Runs a world from its beginning to its end.
pub fn run(spec: &WorldSpec, seed: u64) -> Outcome {
    run_with(spec, seed, |_| {})
}

/// The same, with `progress` called after each tenth of the way with seconds of the world's time.
pub fn run_with(spec: &WorldSpec, seed: u64, progress: impl FnMut(f64)) -> Outcome {
    let mut world = World::new((spec.scenario)(), seed, repeat(spec.name, seed));
    world.run(progress);
    Outcome::of(spec.name, spec.chrony, seed, &world)
}

/// The same, with the course of the clock in so many columns.
pub fn run_traced(
    spec: &WorldSpec,
    seed: u64,
    columns: usize,
    progress: impl FnMut(f64),
) -> (Outcome, Trace) {
    let scenario = (spec.scenario)();
    let mut world = World::new(scenario, seed, repeat(spec.name, seed));
    world.keep_trace(columns);
    world.run(progress);
    (Outcome::of(spec.name, spec.chrony, seed, &world), world.into_trace())
}

/// Runs a world of the user's own, with the course of the clock in so many columns. `repeat` is the command that
/// repeats the run.
pub fn run_scenario(
    name: &str,
    scenario: Scenario,
    seed: u64,
    repeat: String,
    columns: usize,
    progress: impl FnMut(f64),
) -> (Outcome, Trace) {
    let mut world = World::new(scenario, seed, repeat);
    world.keep_trace(columns);
    world.run(progress);
    (Outcome::of(name, None, seed, &world), world.into_trace())
}

/// The command that repeats a run.
pub fn repeat(name: &str, seed: u64) -> String {
    format!("chimer sim world '{name}' --seed {seed}")
}

#[cfg(test)]
mod tests;
