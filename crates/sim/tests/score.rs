//! The scoreboard over a few seeds: no row is above its goal, or above what docs/estimation.md shows to be the limit where
//! the goal is beyond it.
//!
//! `cargo run --release -p chimer -- sim score --seeds 7` is the whole of it.

#![allow(clippy::unwrap_used, clippy::panic)]

use truechimer_sim::WorldSpec;
use truechimer_sim::score::{Scoreboard, run_all};
use truechimer_sim::worlds;

const SEEDS: [u64; 3] = [1, 2, 3];
/// In these worlds chance decides more than the estimator, but they are short: they are run with more seeds.
const LUCKY: [&str; 2] = ["outage p6", "start"];
const MORE_SEEDS: [u64; 12] = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const THREADS: usize = 2;

/// Rows that may miss a goal: world, figure, and what is reached there by somebody who is told everything and steers the clock
/// by the same servo: `cargo run --release -p truechimer-sim --example open_loop -- --told --steered --seeds 7`, and with 60
/// seeds for the start.
const BEYOND: [(&str, &str, f64); 3] = [
    // The rate is still being learned in the window that counts.
    ("start", "ratio_freq", 1.09),
    ("pps w1e-8", "ratio_time", 0.771),
    // With noise on all four stamps.
    ("noisy stamps", "ratio_reached", 1.209),
];
/// The same for the geometric mean of the time ratios over 15 worlds, whose goal is 0.42; in *temp lan*, which cannot be told, it
/// counts ours.
const MEAN_TOLD: f64 = 0.469;

/// By how much more these may be missed. Half of it is what medians of three seeds differ from those of seven, half what the
/// estimator may lose by being told nothing.
const MARGIN: f64 = 1.05;

#[test]
fn every_row_is_within_its_goal_or_its_limit() {
    // Worlds without a figure to compare with are run for their invariants elsewhere.
    let judged = |spec: &&WorldSpec| spec.chrony.is_some() || spec.reached_s.is_some();
    let specs: Vec<&WorldSpec> = worlds().iter().filter(judged).collect();
    assert_eq!(specs.len(), 22);
    let lucky: Vec<&WorldSpec> = specs.iter().copied().filter(|spec| LUCKY.contains(&spec.name)).collect();
    assert_eq!(lucky.len(), LUCKY.len());
    let mut outcomes = run_all(&specs, &SEEDS, THREADS, |_, _| {});
    outcomes.extend(run_all(&lucky, &MORE_SEEDS, THREADS, |_, _| {}));
    let board = Scoreboard::new(&specs, &SEEDS, &outcomes);
    let mut found = Vec::new();
    for row in &board.worlds {
        for miss in &row.misses {
            let known =
                BEYOND.iter().find(|(world, field, _)| (*world, *field) == (row.world.as_str(), miss.field));
            let within = known.zip(miss.value).is_some_and(|((.., limit), value)| value <= *limit * MARGIN);
            if !within {
                found.push(format!("{}: {}", row.world, miss.text));
            }
        }
    }
    let mean = board.geometric_mean.unwrap();
    if mean > MEAN_TOLD * MARGIN {
        found.push(format!("geometric mean {mean}"));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
