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
