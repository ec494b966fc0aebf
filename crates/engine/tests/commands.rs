//! What operators change in a running engine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::net::IpAddr;

use common::*;
use truechimer_discipline::clock::ClockCommand;
use truechimer_engine::config::*;
use truechimer_engine::report::SourceState;
use truechimer_engine::{Command, CommandError, Event, SourceChange, Which};
use truechimer_time::PollExponent;

fn servers(range: std::ops::RangeInclusive<u8>) -> Vec<Server> {
    range.map(Server::new).collect()
}

fn ip(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn names(world: &World) -> Vec<String> {
    world.report().sources.iter().filter_map(|source| source.address.clone()).collect()
}

#[test]
fn sources_come_and_go_and_those_that_came_survive_a_reload() {
    let base = config(vec![source(1)]);
    let mut world = World::new(base.clone(), 0.0, 10.0, servers(1..=4));
    world.run(100.0);
    world.command(Command::Add(Box::new(source(2))));
    world.command(Command::Add(Box::new(source(3))));
    let twice = world.engine.handle_command(Command::Add(Box::new(source(2))), world.now());
    assert_eq!(twice, Err(CommandError::AlreadyKnown));
    world.run(100.0);
    assert_eq!(names(&world), ["192.0.2.1:123", "192.0.2.2:123", "192.0.2.3:123"]);
    assert!(world.report().sources.iter().all(|source| source.accepted > 0));
    world.command(Command::Remove(Which::address(ip(3))));
    let gone = world.engine.handle_command(Command::Remove(Which::address(ip(3))), world.now());
    assert!(matches!(gone, Err(CommandError::NoSuchSource(_))), "{gone:?}");
    let accepted = world.report().sources[1].accepted;
    world.command(Command::Reload(Box::new(base)));
    assert_eq!(names(&world), ["192.0.2.1:123", "192.0.2.2:123"]);
    assert!(world.report().sources[1].accepted >= accepted);
    let asked = world.server(3).asked;
    world.run(3000.0);
    assert_eq!(world.server(3).asked, asked);
    for last in 5..=80 {
        let _ = world.engine.handle_command(Command::Add(Box::new(source(last))), world.now());
    }
    let full = world.engine.handle_command(Command::Add(Box::new(source(200))), world.now());
    assert_eq!(full, Err(CommandError::TooMany));
    assert_eq!(world.report().sources.len(), 64);
}

#[test]
fn a_member_that_is_removed_from_a_pool_is_not_replaced() {
    let mut world = World::new(config(vec![pool("pool.example", 3)]), 0.0, 10.0, servers(1..=4));
    world.dns.insert("pool.example".into(), Ok((1..=4).map(ip).collect()));
    world.run(100.0);
    world.command(Command::Remove(Which::address(ip(2))));
    world.run(10_000.0);
    assert_eq!(names(&world), ["192.0.2.1:123", "192.0.2.3:123"]);
    world.command(Command::Remove(Which::Named("pool.example".into())));
    assert_eq!(world.report().sources, []);
    world.run(10.0);
    assert!(world.open.is_empty());
}

#[test]
fn a_network_is_switched_as_a_whole() {
    let mut world = World::new(config(vec![source(1), source(2), source(9)]), 0.0, 10.0, servers(1..=9));
    let which = Which::Network { address: ip(0), mask: IpAddr::from([255, 255, 255, 0xf8]) };
    world.command(Command::Switch { which: which.clone(), online: false });
    let states = |world: &World| world.report().sources.iter().map(|s| s.state).collect::<Vec<_>>();
    assert_eq!(states(&world)[..2], [SourceState::Offline; 2]);
    world.run(100.0);
    assert_eq!((world.server(1).asked, world.server(2).asked), (0, 0));
    assert!(world.server(9).asked > 0);
    world.command(Command::Switch { which, online: true });
    world.run(100.0);
    assert!(world.server(1).asked > 0);
    let elsewhere = Which::address(IpAddr::from([198, 51, 100, 1]));
    let nobody = world.engine.handle_command(Command::BurstAt(elsewhere), world.now());
    assert!(matches!(nobody, Err(CommandError::NoSuchSource(_))));
}

#[test]
fn options_change_at_run_time() {
    let mut world = World::new(config(vec![source(1), source(2), source(3)]), 0.0, 10.0, servers(1..=3));
    world.run(300.0);
    let change = |change| Command::Change(Which::address(ip(1)), change);
    world.command(change(SourceChange::MaxPoll(PollExponent::new(4).unwrap())));
    let asked = world.server(1).asked;
    world.run(1600.0);
    let more = world.server(1).asked - asked;
    assert!((90..=110).contains(&more), "{more}");
    let select = SourceChange::Select { prefer: None, noselect: Some(true), trust: None, require: None };
    world.command(change(select));
    world.run(100.0);
    let report = world.report().sources[0].clone();
    assert_eq!(report.state, SourceState::NoSelect);
    assert_eq!(report.options, ["noselect"]);
    assert_eq!(report.configured_options, Some(vec!["noselect".into()]));
}

#[test]
fn a_refresh_leaves_addresses_that_the_name_has_left() {
    let mut world = World::new(config(vec![named("ntp.example")]), 0.0, 10.0, servers(1..=2));
    world.dns.insert("ntp.example".into(), Ok(vec![ip(1)]));
    world.run(300.0);
    world.command(Command::Refresh);
    world.run(10.0);
    assert_eq!(names(&world), ["192.0.2.1:123"]);
    world.dns.insert("ntp.example".into(), Ok(vec![ip(2)]));
    world.command(Command::Refresh);
    world.run(10.0);
    assert_eq!(names(&world), ["192.0.2.2:123"]);
    assert_eq!(world.saw(|event| matches!(event, Event::Replaced { .. })), 1);
}

#[test]
fn a_step_is_made_when_an_operator_wants_it_but_not_beyond_the_limits() {
    let mut config = config(vec![source(1), source(2), source(3)]);
    config.clock.step = StepPolicy { above_s: None, first: None };
    let mut world = World::new(config, 0.4, 0.0, servers(1..=3));
    let early = world.engine.handle_command(Command::Step, world.now());
    assert_eq!(early, Err(CommandError::NotPossible("nothing was measured yet")));
    world.run(10.0);
    assert!(world.error().abs() > 0.3, "{}", world.error());
    world.command(Command::Step);
    world.run(1.0);
    assert!(world.error().abs() < 0.01, "{}", world.error());
    let steps = world.commands.iter().filter(|(_, command)| matches!(command, ClockCommand::Step(_))).count();
    assert_eq!(steps, 1);
    assert_eq!(world.report().system.steps, 1);
    assert!(world.worst_excess <= 0.0);
}

#[test]
fn the_local_reference_is_switched() {
    let mut world = World::new(EngineConfig { serve: Some(serve()), ..config(vec![]) }, 0.0, 0.0, vec![]);
    world.run(10.0);
    assert_eq!(world.report().system.stratum, 16);
    let local = LocalConfig { stratum: 7, distance_s: 0.5, ..LocalConfig::DEFAULT };
    world.command(Command::SetLocal(Some(local)));
    world.run(10.0);
    assert_eq!(world.report().system.stratum, 7);
    world.command(Command::SetLocal(None));
    world.run(10.0);
    assert_eq!(world.report().system.stratum, 16);
}

#[test]
fn clients_are_let_in_and_kept_out() {
    let nobody = ServeConfig { access: vec![], ..serve() };
    let mut world =
        World::new(EngineConfig { serve: Some(nobody), ..config(vec![]) }, 0.0, 0.0, servers(1..=1));
    let rule =
        |network: [u8; 4], prefix_len, allow| AccessRule { network: network.into(), prefix_len, allow };
    let client = IpAddr::from([10, 1, 2, 3]);
    assert!(!world.engine.serves(client));
    world.command(Command::SetAccess(rule([10, 0, 0, 0], 8, true), false));
    assert!(world.engine.serves(client));
    world.command(Command::SetAccess(rule([10, 1, 0, 0], 16, false), false));
    assert!(!world.engine.serves(client));
    // Without the parts, the narrower rule still holds; with them it is gone.
    world.command(Command::SetAccess(rule([10, 0, 0, 0], 8, true), false));
    assert!(!world.engine.serves(client));
    world.command(Command::SetAccess(rule([0, 0, 0, 0], 0, true), true));
    assert!(world.engine.serves(client));
    let mut closed = World::new(config(vec![]), 0.0, 0.0, vec![]);
    let refused = Command::SetAccess(rule([10, 0, 0, 0], 8, true), false);
    let now = closed.now();
    assert!(matches!(closed.engine.handle_command(refused, now), Err(CommandError::NotEnabled(_))));
}

#[test]
fn a_report_tells_the_samples_and_the_last_packet() {
    let mut world = World::new(config(vec![source(1), source(2), source(3)]), 0.0, 10.0, servers(1..=3));
    assert_eq!(world.report().sources[0].history, None);
    world.run(3000.0);
    let report = world.report();
    let source = &report.sources[0];
    let history = source.history.unwrap();
    assert_eq!(u64::from(history.samples), source.samples.min(64));
    assert!((1..=history.samples).contains(&history.runs));
    assert!((1000.0..3000.0).contains(&history.span_s), "{history:?}");
    let packet = source.packet.clone().unwrap();
    assert_eq!((packet.version, packet.poll), (4, packet.poll));
    assert!((packet.reference_time_unix_s - report.system.time_unix_s).abs() < 5000.0, "{packet:?}");
    assert!(report.system.last_offset_s.is_some() && report.system.rms_offset_s.is_some());
    assert!(report.system.update_interval_s.unwrap() > 0.0);
    world.command(Command::Reset);
    assert_eq!(world.report().sources[0].history, None);
}

#[test]
fn a_reload_of_the_sources_alone_leaves_what_was_commanded() {
    let nobody = ServeConfig { access: vec![], ..serve() };
    let base = EngineConfig { serve: Some(nobody), ..config(vec![source(1), source(2)]) };
    let mut world = World::new(base.clone(), 0.0, 10.0, servers(1..=4));
    world.run(100.0);
    world.command(Command::Add(Box::new(source(4))));
    let client = IpAddr::from([10, 1, 2, 3]);
    let rule = AccessRule { network: [10, 0, 0, 0].into(), prefix_len: 8, allow: true };
    world.command(Command::SetAccess(rule, false));
    let accepted = world.report().sources[0].accepted;
    world.command(Command::ReloadSources(vec![source(1), source(3)]));
    assert_eq!(names(&world), ["192.0.2.1:123", "192.0.2.3:123", "192.0.2.4:123"]);
    assert!(world.report().sources[0].accepted >= accepted && accepted > 0);
    assert!(world.engine.serves(client));
    world.command(Command::Reload(Box::new(base)));
    assert!(!world.engine.serves(client), "a whole reload goes back to the file");
}
