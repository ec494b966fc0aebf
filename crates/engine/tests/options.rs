//! Options of sources that change what is made of their answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use truechimer_engine::config::*;
use truechimer_engine::{Command, Event, SourceChange, Which};
use truechimer_time::PollExponent;

fn one(options: SourceOptions) -> World {
    let sources = vec![SourceConfig { options, ..source(1) }];
    World::new(EngineConfig { serve: Some(serve()), ..config(sources) }, 0.0, 10.0, vec![Server::new(1)])
}

#[test]
fn a_stratum_can_be_raised_and_clients_are_told_so() {
    let mut world = one(SourceOptions { min_stratum: 5, ..SourceOptions::default() });
    world.run(100.0);
    let report = world.report();
    assert_eq!((report.sources[0].stratum, report.system.stratum), (Some(5), 6));
    let which = Which::Named(report.sources[0].name.clone());
    world.command(Command::Change(which.clone(), SourceChange::MinStratum(15)));
    world.run(2000.0);
    assert_eq!(world.report().system.stratum, 16);
    world.command(Command::Change(which, SourceChange::MinStratum(0)));
    world.run(2000.0);
    assert_eq!(world.report().system.stratum, 2);
}

#[test]
fn a_copied_source_is_told_of_as_if_clients_asked_it() {
    let mut world = one(SourceOptions { copy: true, ..SourceOptions::default() });
    world.run(100.0);
    let system = world.report().system;
    assert!(system.synchronised);
    assert_eq!((system.stratum, system.reference_id.as_str()), (1, "GPS"));
    world.server(1).stratum = 15;
    world.run(2000.0);
    assert_eq!(world.report().system.stratum, 15);
    let mut world = one(SourceOptions::default());
    world.run(100.0);
    let system = world.report().system;
    assert_eq!((system.stratum, system.reference_id.as_str()), (2, "192.0.2.1"));
}

#[test]
fn a_source_vouches_for_so_many_polls_without_an_answer() {
    let poll = PollExponent::new(4).unwrap();
    let options = SourceOptions { min_poll: poll, max_poll: poll, ..SourceOptions::default() };
    for (max_unreach, synchronised) in [(None, true), (Some(40), true), (Some(2), false), (Some(0), false)] {
        let mut world = one(SourceOptions { max_unreach, ..options.clone() });
        world.run(1000.0);
        world.server(1).alive = false;
        // Eight polls of sixteen seconds or a little more, and some.
        world.run(110.0);
        assert!(world.report().system.synchronised);
        world.run(290.0);
        assert_eq!(world.report().system.synchronised, synchronised, "{max_unreach:?}");
        let lost = world.saw(|event| matches!(event, Event::Unsynchronised { .. }));
        assert_eq!(lost, usize::from(!synchronised));
        world.server(1).alive = true;
        world.run(200.0);
        assert!(world.report().system.synchronised);
        assert!(world.worst_excess <= 0.0, "{}", world.worst_excess);
    }
}

#[test]
fn a_known_delay_takes_the_place_of_the_shortest() {
    let ratio = SourceOptions { max_delay_ratio: Some(3.0), ..SourceOptions::default() };
    for (min_delay_s, passes) in [(None, true), (Some(0.001), true), (Some(0.0005), false)] {
        let mut world = one(SourceOptions { min_delay_s, ..ratio.clone() });
        world.run(300.0);
        let report = &world.report().sources[0];
        assert_eq!(report.accepted > 0, passes, "{min_delay_s:?}");
        assert_eq!(report.dropped.contains_key("delay_ratio"), !passes);
    }
}

fn island(local: LocalConfig, server: Server) -> World {
    let poll = PollExponent::new(4).unwrap();
    let options = SourceOptions { min_poll: poll, max_poll: poll, ..SourceOptions::default() };
    let sources = vec![SourceConfig { options, ..source(1) }];
    let mut base = EngineConfig { serve: Some(serve()), local: Some(local), ..config(sources) };
    // Without its source, the clock counts as synchronised for an hour at most.
    base.clock.max_drift = 500e-6;
    World::new(base, 0.0, 10.0, vec![server])
}

#[test]
fn the_local_reference_waits_after_the_start_and_after_the_last_update() {
    let local = LocalConfig { wait_unsynced_s: 500.0, wait_synced_s: 20_000.0, ..LocalConfig::DEFAULT };
    let mut world = island(local, Server::new(1).dead());
    world.run(499.0);
    assert!(!world.report().system.local_reference);
    world.run(2.0);
    assert!(world.report().system.local_reference, "no poll is needed for it");
    world.server(1).alive = true;
    world.run(500.0);
    assert!(!world.report().system.local_reference);
    assert!(world.report().system.synchronised);
    world.server(1).alive = false;
    world.run(19_900.0);
    assert!(!world.report().system.synchronised && !world.report().system.local_reference);
    world.run(150.0);
    assert!(world.report().system.local_reference);
}

#[test]
fn the_local_reference_can_take_over_at_a_distance() {
    let vague = |takeover_s| {
        let mut server = Server::new(1);
        server.root_dispersion_s = 0.3;
        island(LocalConfig { takeover_s, ..LocalConfig::DEFAULT }, server)
    };
    for (takeover_s, local, stratum) in [(None, false, 2), (Some(1.0), false, 2), (Some(0.2), true, 10)] {
        let mut world = vague(takeover_s);
        world.run(200.0);
        let system = world.report().system;
        assert!(system.synchronised);
        assert_eq!((system.local_reference, system.stratum), (local, stratum), "{takeover_s:?}");
        let reply = world.ask().unwrap();
        assert_eq!(reply.stratum, stratum);
        assert!(reply.root_dispersion.seconds() >= 0.3);
        world.server(1).root_dispersion_s = 0.0;
        world.run(200.0);
        assert_eq!(world.report().system.stratum, 2);
    }
}

#[test]
fn a_large_slew_is_told_of_once() {
    let told = |log_above_s, error_s| {
        let mut base = config(vec![source(1), source(2), source(3)]);
        base.clock.step = StepPolicy { above_s: None, first: Some(0) };
        base.clock.log_above_s = log_above_s;
        let mut world = World::new(base, error_s, 10.0, (1..=3).map(Server::new).collect());
        world.run(1000.0);
        world.saw(|event| matches!(event, Event::Slewing { by_s } if (by_s + error_s).abs() < 0.01))
    };
    assert_eq!(told(Some(1.0), 1.2), 1);
    assert_eq!(told(Some(0.1), -0.15), 1);
    assert_eq!(told(Some(1.0), 0.5), 0);
    assert_eq!(told(None, 1.2), 0);
}
