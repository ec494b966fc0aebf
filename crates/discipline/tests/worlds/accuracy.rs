//! How good the estimator is, against chrony's figures in the same worlds (there closed loop, with the same
//! packets).

use crate::world::{Leg, Outcome, World, run, symmetric};
use truechimer_discipline::bank::BankEstimator;

fn worlds() -> Vec<World> {
    let lan = |name, wander, chrony| symmetric(name, 50e-6, 10e-6, wander, chrony);
    let inet = |name, wander, chrony| symmetric(name, 10e-3, 1e-3, wander, chrony);
    vec![
        lan("lan w1e-10 p6", 1e-10, 2.21e-6),
        lan("lan w1e-9 p6", 1e-9, 5.50e-6),
        lan("lan w1e-8 p6", 1e-8, 1.39e-5),
        World { poll: 256.0, length: 200_000, ..lan("lan w1e-9 p8 (def)", 1e-9, 1.74e-5) },
        inet("inet1 w1e-9 p6", 1e-9, 1.12e-4),
        inet("inet1 w1e-8 p6", 1e-8, 2.39e-4),
        World { poll: 1024.0, length: 400_000, ..inet("inet1 w1e-9 p10 (def)", 1e-9, 4.66e-4) },
        symmetric("inet10 w1e-9 p6", 50e-3, 10e-3, 1e-9, 1.04e-3),
        World { backward: Leg { base: 10e-3, exponential: 50e-6 }, ..inet("asymjit p6", 1e-9, 3.81e-5) },
        World { temperature: true, length: 120_000, ..lan("temp lan p6", 1e-10, 6.74e-6) },
        World { stamp_noise: 5e-6, ..lan("noisy stamps (told 4.2e-6)", 1e-9, 4.19e-6 / 0.58) },
        World {
            route: Some((20_000.0, 2e-3, 0.0)),
            length: 40_000,
            ..inet("route forward +2 ms (4.1e-5)", 1e-9, 4.1e-5 / 0.58)
        },
        World {
            route: Some((20_000.0, 2e-3, 2e-3)),
            length: 40_000,
            ..inet("route both +2 ms (4.1e-5)", 1e-9, 4.1e-5 / 0.58)
        },
        World {
            route: Some((20_000.0, 0.0, -1e-3)),
            length: 40_000,
            ..inet("route back −1 ms (4.1e-5)", 1e-9, 4.1e-5 / 0.58)
        },
        pps("pps w1e-10", 1e-10, 1.70e-7),
        pps("pps w1e-9", 1e-9, 2.83e-7),
        pps("pps w1e-8", 1e-8, 5.10e-7),
    ]
}

fn pps(name: &'static str, wander: f64, chrony: f64) -> World {
    World {
        reference: Some(1e-6),
        poll: 1.0,
        length: 10_000,
        initial_offset: 1e-5,
        ..symmetric(name, 0.0, 0.0, wander, chrony)
    }
}

/// Median over seeds of the RMS error, and the worst of everything else.
fn measure(world: &World, seeds: u64) -> (f64, Vec<Outcome>) {
    let outcomes: Vec<_> = (1..=seeds).map(|seed| run(world, seed, &mut BankEstimator::new())).collect();
    let mut rms: Vec<_> = outcomes.iter().map(|outcome| outcome.rms).collect();
    rms.sort_by(f64::total_cmp);
    (rms[rms.len() / 2], outcomes)
}

fn named(name: &str) -> World {
    worlds().into_iter().find(|world| world.name == name).expect("a world of that name")
}

/// The median RMS error is at most this share of chrony's, and sigma means what it says.
fn beats_chrony(name: &str, share: f64) {
    let world = named(name);
    let (rms, outcomes) = measure(&world, 5);
    assert!(rms <= share * world.chrony, "{name}: {rms:e} is {:.2} of chrony's", rms / world.chrony);
    for outcome in outcomes {
        assert!((0.6..1.5).contains(&outcome.honesty), "{name}: {outcome:?}");
        assert_eq!(outcome.violations, 0, "{name}: {outcome:?}");
    }
}

#[test]
fn beats_chrony_on_a_lan() {
    for name in ["lan w1e-10 p6", "lan w1e-9 p6", "lan w1e-8 p6", "lan w1e-9 p8 (def)", "temp lan p6"] {
        beats_chrony(name, 0.66);
    }
}

#[test]
fn beats_chrony_over_the_internet() {
    for name in ["inet1 w1e-9 p6", "inet1 w1e-8 p6", "inet1 w1e-9 p10 (def)", "inet10 w1e-9 p6"] {
        beats_chrony(name, 0.7);
    }
}

#[test]
fn beats_chrony_with_a_pulse() {
    for name in ["pps w1e-10", "pps w1e-9", "pps w1e-8"] {
        beats_chrony(name, 0.85);
    }
}

/// A changed route must not become a changed clock: less than the millisecond or two that the offset seems
/// to move.
#[test]
fn survives_a_change_of_route() {
    for name in ["route forward +2 ms (4.1e-5)", "route both +2 ms (4.1e-5)", "route back −1 ms (4.1e-5)"] {
        let (rms, _) = measure(&named(name), 5);
        assert!(rms < 1.5e-4, "{name}: {rms:e}");
    }
}
