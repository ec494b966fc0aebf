//! I1: the interval contains the truth at every second of every run, from the first sample on.

use crate::world::{Leg, World, run, symmetric};
use truechimer_discipline::bank::BankEstimator;

/// Runs a world over seeds and fails at the first moment outside; returns the mean half-width.
fn hold(world: &World) -> f64 {
    let mut widths = 0.0;
    for seed in 100..106 {
        let outcome = run(world, seed, &mut BankEstimator::new());
        assert_eq!(outcome.violations, 0, "{} seed {seed}: {outcome:?}", world.name);
        assert_eq!(outcome.restarts, 0, "{} seed {seed}: {outcome:?}", world.name);
        widths += outcome.mean_half_width;
    }
    widths / 6.0
}

#[test]
fn i1_quiet_and_wandering_oscillators() {
    for wander in [1e-11, 1e-9, 1e-8] {
        // chrony's bound in this world is 1.2e-4 s.
        let width = hold(&symmetric("lan", 50e-6, 10e-6, wander, 1.0));
        assert!(width < 1.4e-4, "{width}");
        let width = hold(&symmetric("inet1", 10e-3, 1e-3, wander, 1.0));
        assert!(width < 1.2e-2, "{width}");
    }
}

#[test]
fn i1_unknown_oscillator_from_the_first_second() {
    for initial_frequency in [-4.9e-4, 1e-4, 4.9e-4] {
        let world = symmetric("lan", 50e-6, 10e-6, 1e-9, 1.0);
        hold(&World { initial_frequency, initial_offset: 0.5, length: 3000, ..world.clone() });
        hold(&World { initial_frequency, poll: 1024.0, length: 60_000, ..world });
        let far = symmetric("inet10", 50e-3, 10e-3, 1e-9, 1.0);
        hold(&World { initial_frequency, initial_offset: -3.0, length: 3000, ..far });
    }
}

#[test]
fn i1_temperature_cycles() {
    let world = symmetric("temp", 50e-6, 10e-6, 1e-10, 1.0);
    hold(&World { temperature: true, length: 100_000, ..world.clone() });
    hold(&World { temperature: true, length: 200_000, poll: 1024.0, ..world });
}

#[test]
fn i1_asymmetric_delays() {
    let world = symmetric("asymmetric", 1e-3, 1e-4, 1e-9, 1.0);
    hold(&World { forward: Leg { base: 80e-3, exponential: 5e-3 }, ..world.clone() });
    hold(&World { backward: Leg { base: 80e-3, exponential: 5e-3 }, ..world.clone() });
    hold(&World { forward: Leg { base: 0.0, exponential: 1e-6 }, ..world });
}

#[test]
fn i1_outages_and_other_routes() {
    let world = symmetric("outage", 50e-6, 10e-6, 1e-8, 1.0);
    hold(&World { outage: Some((10_000.0, 17_200.0)), temperature: true, ..world.clone() });
    hold(&World { outage: Some((400.0, 20_000.0)), temperature: true, ..world.clone() });
    for route in [(5000.0, 2e-3, 0.0), (5000.0, 0.0, 2e-3), (5000.0, 2e-3, 2e-3)] {
        hold(&World { route: Some(route), length: 10_000, ..world.clone() });
    }
}
