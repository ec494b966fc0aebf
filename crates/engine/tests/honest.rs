//! Paths on which what is said of the clock could become better than what is true.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use truechimer_discipline::clock::{ClockCommand, ClockReadback};
use truechimer_engine::{Command, Event, Initial};
use truechimer_time::{Cooked, Frequency, Leap, NtpDuration};

fn servers(count: u8) -> Vec<Server> {
    (1..=count).map(Server::new).collect()
}

fn sources(count: u8) -> truechimer_engine::config::EngineConfig {
    config((1..=count).map(source).collect())
}

fn run_until(world: &mut World, wanted: impl Fn(&truechimer_engine::report::SystemReport) -> bool) {
    for _ in 0..1000 {
        if wanted(&world.report().system) {
            return;
        }
        world.run(10.0);
    }
    panic!("{}", world.report().system.reason);
}

/// Nobody is left who could take the announcement back: the day of the event ends it.
#[test]
fn na_39_leap_flag_ends_with_its_day_without_sources() {
    let midnight = Cooked::from_unix_nanos(1_782_864_000_000_000_000);
    let mut config = sources(3);
    config.serve = Some(serve());
    let mut all = servers(3);
    all.iter_mut().for_each(|server| server.leap = Leap::Insert);
    let start = midnight - NtpDuration::from_seconds(1000.0);
    let mut world = World::at(start, config, initial(), 0.0, 0.0, all);
    world.run(900.0);
    assert_eq!(world.ask().unwrap().leap, Leap::Insert);
    world.servers.iter_mut().for_each(|server| server.alive = false);
    world.run(100.0);
    world.meddle(-1.0);
    (world.serving, world.honest) = (false, false);
    world.run(0.5);
    assert_eq!(world.statuses.last().unwrap().1.leap, Leap::Insert, "the last second of the day");
    world.run(200.0);
    assert_eq!(world.saw(|event| matches!(event, Event::Interference { .. })), 0);
    assert!(world.report().system.synchronised);
    assert_eq!(world.ask().unwrap().leap, Leap::None, "served");
    assert_eq!(world.statuses.last().unwrap().1.leap, Leap::None, "told to the kernel");
}

/// Where we only look on, somebody else steers: a host its container's clock, or another daemon.
#[test]
fn observed_clock_may_be_slewed_by_its_owner() {
    let initial = Initial { controls_clock: false, ..initial() };
    let mut world = World::with(sources(1), initial, 0.1, 20.0, servers(1));
    world.run(20_000.0);
    for ppm in [-20.0, 300.0, -400.0, 0.0] {
        world.clock.apply(ClockCommand::SetFrequency(Frequency::from_ppm(ppm)));
        world.run(3000.0);
        assert!(world.worst_excess <= 0.0, "{ppm} ppm: {} over the bound", world.worst_excess);
    }
    assert!(world.report().system.synchronised);
}

/// For how long the foreign rate was in force nobody knows.
#[test]
fn at_33_what_was_measured_before_a_foreign_rate_counts_no_more() {
    let mut world = World::new(sources(3), 0.0, 15.0, servers(3));
    world.run(20_000.0);
    world.clock.apply(ClockCommand::SetFrequency(Frequency::from_ppm(400.0)));
    world.run(10.0);
    let readback = ClockReadback { frequency: world.clock.frequency() };
    world.engine.handle_clock_readback(readback, world.now());
    world.drain();
    world.worst_excess = f64::NEG_INFINITY;
    world.run(3000.0);
    assert!(world.worst_excess <= 0.0, "{} over the bound", world.worst_excess);
    assert!(world.error().abs() < 0.001, "{}", world.error());
}

/// The first that is heard after the step contradicts what all believed: what the others said before holds no more.
#[test]
fn at_35_frequency_step_while_the_majority_falls_silent() {
    for count in [2, 3] {
        let mut world = World::new(sources(count), 0.0, 15.0, servers(count));
        world.run(20_000.0);
        world.servers.iter_mut().skip(1).for_each(|server| server.alive = false);
        world.clock.set_oscillator(Frequency::from_ppm(215.0));
        // Until one is heard, nothing tells of it.
        world.honest = false;
        world.run(1100.0);
        world.worst_excess = f64::NEG_INFINITY;
        world.honest = true;
        world.run(30_000.0);
        assert!(world.worst_excess <= 0.0, "{count} sources: {} over the bound", world.worst_excess);
        assert!(world.error().abs() < 0.001, "{count} sources: {}", world.error());
    }
}

/// The one that is left contradicts the majority of before. It is not followed, but perhaps it is the oscillator that is not
/// what it was: nothing is promised of it any more.
#[test]
fn a_majority_that_is_contradicted_in_its_absence_promises_no_steady_oscillator() {
    let mut all = servers(4);
    all[3].error_s = 0.5;
    let mut world = World::new(sources(4), 0.0, 15.0, all);
    world.run(20_000.0);
    world.servers.iter_mut().take(3).for_each(|server| server.alive = false);
    run_until(&mut world, |system| system.reason.contains("at odds with the majority"));
    let before = world.report().system.bound_s.unwrap();
    world.run(1000.0);
    let grown = world.report().system.bound_s.unwrap() - before;
    assert!((0.4..0.6).contains(&grown), "{grown}");
    assert!(world.error().abs() < 0.02, "the liar is not followed: {}", world.error());
    assert!(!world.report().system.synchronised);
}

/// The operator has removed the sources that lied; nothing may rest on their word any more.
#[test]
fn a_majority_that_was_configured_away_outweighs_nobody() {
    let mut all = servers(4);
    all.iter_mut().take(3).for_each(|server| server.error_s = 0.1);
    let mut world = World::new(sources(3), 0.0, 15.0, all);
    world.honest = false;
    world.run(5000.0);
    assert!((world.error() - 0.1).abs() < 0.001);
    world.command(Command::Reload(Box::new(config(vec![source(4)]))));
    world.run(900.0);
    assert!(world.error().abs() < 0.001, "still {} off: {}", world.error(), world.report().system.reason);
}

/// Whoever moves the clock again and again must not make us flood our servers.
#[test]
fn at_33_endless_interference_is_no_flood_of_requests() {
    let mut world = World::new(sources(1), 0.0, 15.0, servers(1));
    world.honest = false;
    world.run(3000.0);
    let before = world.sent.len();
    for _ in 0..1000 {
        world.meddle(0.05);
        world.engine.handle_timeout(world.now());
        world.run(0.1);
    }
    let sent = world.sent.len() - before;
    assert!(sent <= 60, "{sent} requests in 100 s");
    world.run(100.0);
    let offset = world.report().system.offset_s;
    assert!((offset + world.error()).abs() < 0.002, "believes {offset}, is {}", world.error());
}
