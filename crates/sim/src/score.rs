//! The scoreboard: many worlds over several seeds, the medians against chrony's figures, and the verdict.
//!
//! A figure of a world is the median over its runs, as chrony's figures are; what must never happen (an error above
//! the bound, an excursion) is judged in every run.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use crate::goal::{GEOMETRIC_MEAN, Miss, misses};
use crate::outcome::Outcome;
use crate::worlds::{WorldSpec, run, worlds};

/// One world over all seeds. Field names are the names in JSON; figures are medians unless they say otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Name of the world.
    pub world: String,
    /// What it is, in a line.
    pub about: String,
    /// RMS of the clock's true error, seconds: the median of the runs, or over all of them in a world with a limit.
    pub rms_time_s: f64,
    /// chrony's, where that is known; in a world with a limit, scaled from the limit of chrony's runs to that of these.
    pub chrony_rms_time_s: Option<f64>,
    /// RMS error of a clock that was right when it heard the last of its sources and knew its frequency as well as it can be
    /// known, seconds; `None` where they can be heard.
    pub limit_time_s: Option<f64>,
    /// `rms_time_s` as a ratio to chrony's.
    pub ratio_time: Option<f64>,
    /// The median RMS error as a ratio to chrony's figure as it was measured, with its oscillators: the same as
    /// `ratio_time` but in a world with a limit.
    pub ratio_time_raw: Option<f64>,
    /// The largest ratio that is good enough, where there is one.
    pub goal_ratio_time: Option<f64>,
    /// `rms_time_s` as a ratio to the best known figure, in worlds that have no figure of chrony's.
    pub ratio_reached: Option<f64>,
    /// Largest error, seconds.
    pub max_time_s: f64,
    /// Largest error in any run, seconds.
    pub worst_time_s: f64,
    /// RMS of the rate of the clock's error, slews included.
    pub rms_frequency: f64,
    /// The same as a ratio to chrony's, where that is known.
    pub ratio_freq: Option<f64>,
    /// Requests sent.
    pub packets: f64,
    /// The same as a ratio to chrony's, where that is known.
    pub ratio_packets: Option<f64>,
    /// From when on the error stayed under 1 ms for ten minutes, seconds from the start; `None`: never.
    pub settle_s: Option<f64>,
    /// The same from the first packet, in the slowest run.
    pub worst_settle_s: Option<f64>,
    /// Largest error after that in any run, seconds.
    pub worst_settled_s: f64,
    /// Median of the reported bound, seconds.
    pub median_bound_s: Option<f64>,
    /// The same as a ratio to chrony's, where that is known.
    pub ratio_bound: Option<f64>,
    /// Times at which the true error exceeded the reported bound, in all runs.
    pub bound_violations: u64,
    /// Runs in which an invariant was broken.
    pub broken: u64,
    /// Whether nothing was missed.
    pub met: bool,
    /// What was.
    pub misses: Vec<Miss>,
}

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub struct Scoreboard {
    /// The seeds of each world's runs.
    pub seeds: Vec<u64>,
    /// A row a world.
    pub worlds: Vec<Row>,
    /// Geometric mean of `ratio_time` over the worlds that have one.
    pub geometric_mean: Option<f64>,
    /// What it may be at most, when every such world has been run; otherwise it is not judged.
    pub goal_geometric_mean: Option<f64>,
    /// How many worlds are in the mean.
    pub geometric_mean_worlds: usize,
    /// Whether every goal was reached.
    pub met: bool,
}

/// Runs every world with every seed, so many at once. `progress` is called when a run has ended, with how many have.
/// The outcomes are in the order of the worlds and then of the seeds.
pub fn run_all(
    worlds: &[&WorldSpec],
    seeds: &[u64],
    threads: usize,
    progress: impl Fn(usize, &Outcome) + Sync,
) -> Vec<Outcome> {
    let jobs: Vec<(&WorldSpec, u64)> =
        worlds.iter().flat_map(|&world| seeds.iter().map(move |&seed| (world, seed))).collect();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results: Mutex<Vec<(usize, Outcome)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, jobs.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&(world, seed)) = jobs.get(number) else { break };
                    let outcome = run(world, seed);
                    progress(done.fetch_add(1, Ordering::Relaxed) + 1, &outcome);
                    if let Ok(mut results) = results.lock() {
                        results.push((number, outcome));
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|&(number, _)| number);
    results.into_iter().map(|(_, outcome)| outcome).collect()
}

impl Scoreboard {
    /// Of runs of `specs` with `seeds`.
    pub fn new(specs: &[&WorldSpec], seeds: &[u64], outcomes: &[Outcome]) -> Self {
        let row = |spec: &&WorldSpec| {
            let runs: Vec<&Outcome> = outcomes.iter().filter(|run| run.world == spec.name).collect();
            Row::new(spec, &runs)
        };
        let rows: Vec<Row> = specs.iter().map(row).collect();
        let logs: Vec<f64> = rows.iter().filter_map(|row| row.ratio_time).map(f64::ln).collect();
        let mean = (!logs.is_empty()).then(|| (logs.iter().sum::<f64>() / logs.len() as f64).exp());
        let complete =
            logs.len() == worlds().iter().filter(|world| world.chrony_rms_time().is_some()).count();
        let goal = complete.then_some(GEOMETRIC_MEAN);
        let mean_met = match (mean, goal) {
            (Some(mean), Some(goal)) => mean <= goal,
            _ => true,
        };
        Self {
            seeds: seeds.to_vec(),
            met: mean_met && rows.iter().all(|row| row.met),
            worlds: rows,
            geometric_mean: mean,
            goal_geometric_mean: goal,
            geometric_mean_worlds: logs.len(),
        }
    }
}

impl Row {
    fn new(spec: &WorldSpec, runs: &[&Outcome]) -> Self {
        let middle = |pick: fn(&Outcome) -> f64| median(runs.iter().map(|run| pick(run)).collect());
        let middle_if = |pick: fn(&Outcome) -> Option<f64>| median_if(runs.iter().map(|run| pick(run)));
        let worst = |pick: fn(&Outcome) -> f64| runs.iter().map(|run| pick(run)).fold(0.0, f64::max);
        // In a world with a limit, medians of a few seeds say little: error and limit are taken over all runs as one.
        let limit_time_s = pooled(runs.iter().map(|run| run.limit_time_s));
        let rms_time_s = match limit_time_s {
            Some(_) => pooled(runs.iter().map(|run| Some(run.rms_time_s))).unwrap_or(f64::NAN),
            None => middle(|run| run.rms_time_s),
        };
        let chrony_s = spec.chrony.and_then(|chrony| chrony.rms_time(limit_time_s));
        let ratio_time = chrony_s.map(|chrony| rms_time_s / chrony);
        let settle = |run: &Outcome| Some(run.settle_s? - run.first_packet_s.unwrap_or(0.0));
        let settles: Option<Vec<f64>> = runs.iter().map(|run| settle(run)).collect();
        let mut row = Self {
            world: spec.name.to_owned(),
            about: spec.about.to_owned(),
            rms_time_s,
            chrony_rms_time_s: chrony_s,
            limit_time_s,
            ratio_time,
            ratio_time_raw: spec.chrony_rms_time().map(|chrony| middle(|run| run.rms_time_s) / chrony),
            goal_ratio_time: ratio_time.map(|_| spec.goal.ratio_time),
            ratio_reached: spec.reached_s.map(|reached| rms_time_s / reached),
            max_time_s: middle(|run| run.max_time_s),
            worst_time_s: worst(|run| run.max_time_s),
            rms_frequency: middle(|run| run.rms_frequency),
            ratio_freq: middle_if(|run| run.ratio_freq),
            packets: middle(|run| run.packets as f64),
            ratio_packets: middle_if(|run| run.ratio_packets),
            settle_s: middle_if(|run| run.settle_s),
            worst_settle_s: settles.and_then(|all| all.into_iter().reduce(f64::max)),
            worst_settled_s: worst(|run| run.worst_settled_s),
            median_bound_s: middle_if(|run| run.median_bound_s),
            ratio_bound: middle_if(|run| run.ratio_bound),
            bound_violations: runs.iter().map(|run| run.bound_violations).sum(),
            broken: runs.iter().filter(|run| !run.is_clean()).count() as u64,
            met: false,
            misses: Vec::new(),
        };
        row.misses = misses(spec, &row);
        row.met = row.misses.is_empty();
        row
    }
}

/// The middle value, or the mean of the two in the middle; NaN of nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    let lower = values.len().saturating_sub(1) / 2;
    match (values.get(lower), values.get(upper)) {
        (Some(lower), Some(upper)) => lower + (upper - lower) / 2.0,
        _ => f64::NAN,
    }
}

/// The same, where a missing value is larger than any: `None` if the middle is missing.
fn median_if(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let middle = median(values.map(|value| value.unwrap_or(f64::INFINITY)).collect());
    middle.is_finite().then_some(middle)
}

/// Root mean square; `None` of nothing, or if a value is missing.
fn pooled(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let squares: Vec<f64> = values.map(|value| value.map(|value| value * value)).collect::<Option<_>>()?;
    (!squares.is_empty()).then(|| (squares.iter().sum::<f64>() / squares.len() as f64).sqrt())
}

#[cfg(test)]
mod tests;
