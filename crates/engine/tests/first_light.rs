//! From the first packet to a steered clock.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use truechimer_discipline::estimate::Oscillator;
use truechimer_engine::Event;
use truechimer_engine::report::SourceState;

#[test]
fn one_server_steps_then_slews() {
    let mut world = World::new(config(vec![source(1)]), -0.8, 60.0, vec![Server::new(1)]);
    world.run(0.5);
    assert_eq!(world.saw(|event| matches!(event, Event::Stepped { .. })), 1, "{:?}", world.events);
    assert!(world.error().abs() < 0.002, "error {}", world.error());
    assert!(world.report().system.synchronised, "{:#?}", world.report().system);
    world.run(3600.0);
    let report = world.report();
    assert!(world.error().abs() < 0.0005, "error {}", world.error());
    assert!(world.worst_excess <= 0.0, "bound violated by {}", world.worst_excess);
    assert!(world.compared > 3600);
    assert!((report.system.frequency_ppm + 60.0).abs() < 1.0, "{}", report.system.frequency_ppm);
    assert_eq!(report.sources[0].state, SourceState::SystemPeer);
    assert_eq!(report.system.reason, "1 of 1 source agrees");
    assert_eq!(report.system.warnings.len(), 1);
    assert_eq!(report.system.stratum, 2);
    assert!(world.most_open <= 1);
}

#[test]
fn four_servers_correct_within_half_a_second() {
    let servers = vec![Server::new(1), Server::new(2), Server::new(3), Server::new(4).dead()];
    let mut world = World::new(config((1..=4).map(source).collect()), 1.5, -30.0, servers);
    world.run(0.5);
    assert!(world.error().abs() < 0.002, "error {}", world.error());
    world.run(600.0);
    let report = world.report();
    assert!(report.system.synchronised);
    assert_eq!(report.sources[3].state, SourceState::Unreachable);
    assert!(world.worst_excess <= 0.0, "bound violated by {}", world.worst_excess);
}

#[test]
fn a_known_frequency_is_used_at_once_and_not_trusted_blindly() {
    let known = |ppm: f64| truechimer_engine::Initial {
        oscillator: Some(Oscillator { frequency: ppm * 1e-6, frequency_sd: 1e-9, ..Oscillator::default() }),
        ..initial()
    };
    // Right: the clock is kept from the first second on.
    let mut world = World::with(config(vec![source(1)]), known(-60.0), 0.0, 60.0, vec![Server::new(1)]);
    world.run(60.0);
    assert!(world.error().abs() < 0.0002, "{}", world.error());
    assert!((world.clock.frequency().ppm() + 60.0).abs() < 5.0, "{}", world.clock.frequency().ppm());
    // Wrong by what a cold start does: the bound knows.
    let mut world = World::with(config(vec![source(1)]), known(-52.0), 0.0, 60.0, vec![Server::new(1)]);
    world.run(3600.0);
    assert!(world.worst_excess <= 0.0, "bound violated by {}", world.worst_excess);
    assert!((world.engine.oscillator().frequency + 60e-6).abs() < 1e-6);
}
