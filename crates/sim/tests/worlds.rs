//! Every honest world at its full length: the invariants hold, and the clock is kept.
//!
//! A few seeds here; `cargo run --release -p truechimer-sim --example worlds -- --seeds 20` runs more.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::atomic::{AtomicUsize, Ordering};

use truechimer_sim::check::Invariant;
use truechimer_sim::{Outcome, WorldSpec, find, run, worlds};

const SEEDS: [u64; 2] = [1, 2];
const THREADS: usize = 2;

/// Runs every job on a few threads; a panic in one is a panic here.
fn each<T: Sync>(jobs: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(job);
                }
            });
        }
    });
}

fn assert_clean(outcome: &Outcome) {
    let text: Vec<String> = outcome.violations.iter().map(ToString::to_string).collect();
    assert!(outcome.is_clean(), "{}", text.join("\n"));
}

fn checked(outcome: &Outcome, invariant: Invariant) -> u64 {
    outcome.invariants[&invariant].checked
}

#[test]
fn the_invariants_hold_in_every_world_and_were_really_checked() {
    let jobs: Vec<(&WorldSpec, u64)> =
        worlds().iter().flat_map(|world| SEEDS.map(|seed| (world, seed))).collect();
    each(&jobs, |&(world, seed)| {
        let outcome = run(world, seed);
        assert_clean(&outcome);
        let steps = (outcome.length_s / (world.scenario)().step_s) as u64;
        let named = format!("{} seed {seed}", world.name);
        // A bound must be there at nearly every second, and the chains of checks must not be empty.
        assert!(checked(&outcome, Invariant::I1) > steps * 99 / 100, "{named}: {:?}", outcome.invariants);
        assert!(checked(&outcome, Invariant::I7) > steps, "{named}: {:?}", outcome.invariants);
        for invariant in [Invariant::I3, Invariant::I4, Invariant::I5, Invariant::I6] {
            assert!(checked(&outcome, invariant) > 100, "{named}: {invariant:?}");
        }
        assert!(outcome.max_time_s < 20e-3, "{named}: {} s wrong", outcome.max_time_s);
        assert!(outcome.settle_s.is_some(), "{named}: never under 1 ms");
    });
}

#[test]
fn a_run_is_repeated_bit_for_bit_by_its_seed() {
    let world = find("start").unwrap();
    let text = |seed| serde_json::to_string(&run(world, seed)).unwrap();
    assert_eq!(text(3), text(3));
    assert_ne!(text(3), text(4));
}

#[test]
fn the_first_step_puts_a_clock_right_that_is_half_a_second_wrong() {
    let outcome = run(find("start").unwrap(), 1);
    assert_eq!(outcome.steps, 1);
    assert!(outcome.settle_s.unwrap() < 60.0, "{:?}", outcome.settle_s);
}

/// At the first start and after a reboot, whose frequency file is a day old: right within two seconds of the first packet, and
/// at no second of the run wrong by a millisecond again.
#[test]
fn a_clock_is_right_two_seconds_after_the_first_packet_and_stays_right() {
    let jobs: Vec<(&str, u64)> =
        ["start", "reboot"].iter().flat_map(|&world| (1..=20).map(move |seed| (world, seed))).collect();
    each(&jobs, |&(name, seed)| {
        let outcome = run(find(name).unwrap(), seed);
        assert_clean(&outcome);
        // `settle_s`: from then on for ten minutes every second's error is below 1 ms; `worst_settled_s`: after these.
        let took = outcome.settle_s.unwrap() - outcome.first_packet_s.unwrap();
        assert!(took <= 2.0, "{name} seed {seed}: {took} s");
        assert!(outcome.worst_settled_s < 1e-3, "{name} seed {seed}: {} s wrong", outcome.worst_settled_s);
    });
}

#[test]
fn a_restart_with_the_saved_frequency_is_no_excursion() {
    for seed in SEEDS {
        let outcome = run(find("reboot").unwrap(), seed);
        assert_clean(&outcome);
        assert_eq!(outcome.steps, 1, "only the first start steps");
        assert!(outcome.max_time_s < 0.3e-3, "{} s wrong", outcome.max_time_s);
    }
}

/// Two samples after the change, a rate that has changed explains them as well: by seeds 5 and 15 it won, and was wrong by 2.8 ms.
#[test]
fn a_change_of_the_route_is_not_taken_for_one_of_the_rate() {
    for seed in [5, 15] {
        let outcome = run(find("route return").unwrap(), seed);
        assert_clean(&outcome);
        assert!(outcome.max_time_s < 1e-3, "{} s wrong", outcome.max_time_s);
    }
}

#[test]
fn pulses_that_are_missing_are_bridged() {
    for seed in SEEDS {
        let outcome = run(find("pps dropout").unwrap(), seed);
        assert_clean(&outcome);
        // An hour with a walk of 1e-9 per √s: 125 µs are one sigma of a clock that knew everything before.
        assert!(outcome.max_time_s < 0.5e-3, "{} s wrong", outcome.max_time_s);
        let found = outcome.report.unwrap();
        assert!(found.system.synchronised && outcome.rms_time_s < 1e-4, "{}", outcome.rms_time_s);
    }
}

/// The way up has filled queues, the way down has none: a mean of both would be wrong by half the mean wait, 0.2 ms.
#[test]
fn bursts_on_one_way_do_not_pull_the_clock() {
    for seed in SEEDS {
        let outcome = run(find("one-way bursts").unwrap(), seed);
        assert!(outcome.rms_time_s < 5e-6, "{}", outcome.rms_time_s);
        assert!(outcome.max_time_s < 40e-6, "{}", outcome.max_time_s);
    }
}

/// Paths of 5 to 50 ms, the half difference of whose ways is 0.02 to 0.6 ms.
#[test]
fn four_servers_on_unequal_paths_agree_on_a_time_between() {
    for seed in SEEDS {
        let outcome = run(find("four unequal servers").unwrap(), seed);
        assert!(outcome.rms_time_s < 4e-5, "{}", outcome.rms_time_s);
        assert!(outcome.max_time_s < 2e-4, "{}", outcome.max_time_s);
    }
}

#[test]
fn long_polls_keep_the_time_through_outages() {
    for seed in SEEDS {
        let outcome = run(find("long poll").unwrap(), seed);
        assert!(outcome.rms_time_s < 0.6e-3, "{}", outcome.rms_time_s);
        assert!(outcome.packets <= 360, "{} requests", outcome.packets);
    }
}

#[test]
fn the_liar_is_marked_and_costs_nothing() {
    let outcome = run(find("false3 p6").unwrap(), 1);
    let states: Vec<_> = outcome.report.unwrap().sources.iter().map(|source| source.state).collect();
    assert_eq!(states[2], truechimer_engine::report::SourceState::Falseticker, "{states:?}");
    assert!(outcome.max_time_s < 5e-3, "{}", outcome.max_time_s);
}

#[test]
fn the_served_time_of_an_engine_is_good_enough_for_another() {
    let outcome = run(find("chain").unwrap(), 1);
    let report = outcome.report.unwrap();
    assert_eq!((report.system.stratum, report.system.synchronised), (3, true));
}

#[test]
fn at_30_31_the_eras_of_2036_and_2038_are_ordinary_days() {
    let outcome = run(find("eras").unwrap(), 1);
    assert!(outcome.report.unwrap().system.time_unix_s > 2_147_483_648.0);
    assert_eq!(outcome.steps, 0);
    assert!(outcome.max_time_s < 1e-3, "{}", outcome.max_time_s);
}
