//! The set of sources: pools, names, switching, restraint, and having none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::net::IpAddr;

use common::*;
use truechimer_engine::config::*;
use truechimer_engine::report::SourceState;
use truechimer_engine::{Command, CommandError, Event, ResolveError};
use truechimer_time::{Leap, PollExponent};
use truechimer_wire::{Header, ReferenceId};

fn addresses(range: std::ops::RangeInclusive<u8>) -> Vec<IpAddr> {
    range.map(|last| IpAddr::from([192, 0, 2, last])).collect()
}

fn servers(range: std::ops::RangeInclusive<u8>) -> Vec<Server> {
    range.map(Server::new).collect()
}

#[test]
fn pool_replaces_the_silent_the_liar_and_the_one_that_says_stop() {
    let mut all = servers(1..=8);
    all[0].alive = false;
    all[1].error_s = 0.3;
    all[2].script = Box::new(|_, reply| {
        reply.stratum = 0;
        reply.reference_id = ReferenceId(*b"DENY");
        true
    });
    let mut world = World::new(config(vec![pool("pool.example", 4)]), 0.1, 20.0, all);
    world.dns.insert("pool.example".into(), Ok(addresses(1..=4)));
    world.run(60.0);
    // The name servers rotate their answers.
    world.dns.insert("pool.example".into(), Ok(addresses(5..=8)));
    world.run(20_000.0);
    let report = world.report();
    assert_eq!(report.sources.len(), 4);
    let members: Vec<String> = report.sources.iter().map(|s| s.address.clone().unwrap()).collect();
    for bad in ["192.0.2.1:123", "192.0.2.2:123", "192.0.2.3:123"] {
        assert!(!members.iter().any(|member| member == bad), "{members:?}");
    }
    assert!(members.contains(&"192.0.2.4:123".to_owned()), "a good member was thrown out");
    for reason in ["unreachable", "falseticker", "told us to stop", "never answered"] {
        let seen = world.saw(|event| matches!(event, Event::Replaced { reason: why, .. } if *why == reason));
        assert!(seen <= 1, "{reason}: {seen}");
    }
    assert_eq!(world.saw(|event| matches!(event, Event::Replaced { .. })), 3);
    assert!(
        report.sources.iter().all(|s| matches!(
            s.state,
            SourceState::Survivor | SourceState::SystemPeer | SourceState::Outlier
        ))
    );
    assert!(report.sources.iter().all(|s| s.name == "pool.example" && s.kind == "pool"));
    assert!(world.error().abs() < 0.001);
}

#[test]
fn pool_members_are_distinct_and_not_other_sources() {
    let mut world = World::new(config(vec![source(1), pool("pool.example", 4)]), 0.0, 0.0, servers(1..=3));
    let mut twice = addresses(1..=3);
    twice.extend(addresses(2..=3));
    world.dns.insert("pool.example".into(), Ok(twice));
    world.run(600.0);
    let report = world.report();
    let members: Vec<_> = report.sources.iter().map(|s| s.address.clone()).collect();
    assert_eq!(members.len(), 3, "{members:?}");
    // Asking again for the fourth is slow and never ends in a rush.
    let before = world.resolves.len();
    world.run(86_400.0);
    let asked = world.resolves.len() - before;
    assert!((5..60).contains(&asked), "{asked}");
}

#[test]
fn a_named_server_that_moved_is_found_again() {
    let mut world = World::new(config(vec![named("ntp.example")]), 0.0, 10.0, servers(1..=2));
    world.dns.insert("ntp.example".into(), Ok(addresses(1..=1)));
    world.run(3000.0);
    world.server(1).alive = false;
    world.dns.insert("ntp.example".into(), Ok(addresses(2..=2)));
    world.run(20_000.0);
    let report = world.report();
    assert_eq!(report.sources[0].address.as_deref(), Some("192.0.2.2:123"));
    assert_eq!(report.sources[0].state, SourceState::SystemPeer);
    assert_eq!(world.saw(|event| matches!(event, Event::Replaced { reason: "unreachable", .. })), 1);
}

#[test]
fn a_server_that_comes_back_is_used_again() {
    let mut world = World::new(config(vec![source(1)]), 0.0, 10.0, servers(1..=1));
    world.run(1000.0);
    world.server(1).alive = false;
    world.run(30_000.0);
    assert_eq!(world.report().sources[0].state, SourceState::Unreachable);
    assert_eq!(world.saw(|event| matches!(event, Event::Unreachable { .. })), 1);
    assert!(world.report().system.synchronised, "holdover: {:?}", world.report().system.bound_s);
    assert!(world.report().system.reason.contains("holding over"), "{}", world.report().system.reason);
    world.server(1).alive = true;
    world.run(5000.0);
    assert_eq!(world.report().sources[0].state, SourceState::SystemPeer);
    assert_eq!(world.saw(|event| matches!(event, Event::Reachable { .. })), 2);
    assert!(world.worst_excess <= 0.0);
}

#[test]
fn polling_is_restrained_and_never_in_step() {
    let config = || config(vec![source(1), source(2)]);
    let mut world = World::new(config(), 0.5, 100.0, servers(1..=2));
    world.run(20_000.0);
    for server in &world.servers {
        // chronyd sends 46 in the same time.
        assert!((20..=46).contains(&server.asked), "{} requests in 20 000 s", server.asked);
    }
    let at = |last: u8| -> Vec<f64> {
        let from = IpAddr::from([192, 0, 2, last]);
        world.sent.iter().filter(|(_, sent)| sent.remote.ip() == from).map(|(at, _)| *at).collect()
    };
    let (first, second) = (at(1), at(2));
    assert!((first[0] - second[0]).abs() < 1e-6, "all are asked at once at the start");
    let gaps: Vec<f64> = first.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps[..4].iter().all(|gap| (2.0..2.07).contains(gap)), "{gaps:?}");
    // Then twice as long each time, as the rate is not known yet.
    for (gap, least) in gaps[4..8].iter().zip([4.0, 8.0, 16.0, 32.0]) {
        assert!((least..least * 1.031).contains(gap), "{gaps:?}");
    }
    assert!(gaps[8..].iter().all(|gap| *gap > 64.0 && *gap < 1024.0 * 1.031), "{gaps:?}");
    assert!(gaps.windows(2).all(|pair| pair[0] != pair[1]));
    // A dead server is asked less and less.
    let mut world = World::new(config(), 0.0, 0.0, vec![Server::new(1).dead()]);
    world.run(20_000.0);
    assert!(world.server(1).asked < 35, "{}", world.server(1).asked);
}

#[test]
fn fixed_and_short_polls_are_kept() {
    for exponent in [-4_i8, 0, 4, 6] {
        let mut config = config(vec![source(1)]);
        config.sources[0].options.min_poll = PollExponent::new(exponent).unwrap();
        config.sources[0].options.max_poll = PollExponent::new(exponent).unwrap();
        let mut world = World::new(config, 0.0, 0.0, servers(1..=1));
        world.run(20.0);
        let before = world.sent.len();
        let interval = f64::from(exponent).exp2();
        world.run(100.0 * interval);
        let sent = world.sent.len() - before;
        assert!((96..=101).contains(&sent), "{sent} at {interval} s");
        assert_eq!(world.most_open, 1);
    }
}

#[test]
fn option_burst_sends_four_at_every_poll() {
    let mut config = config(vec![source(1)]);
    config.sources[0].options.burst = true;
    config.sources[0].options.max_poll = PollExponent::DEFAULT_MIN;
    let mut world = World::new(config, 0.0, 0.0, servers(1..=1));
    world.run(30.0);
    let before = world.sent.len();
    world.run(10.0 * 71.0);
    let sent = world.sent.len() - before;
    assert!((36..=44).contains(&sent), "{sent}");
}

#[test]
fn sources_are_switched_by_name() {
    let mut config = config(vec![source(1), source(2)]);
    config.sources[1].name = Some("second".into());
    config.sources[1].options.offline = true;
    let mut world = World::new(config, 0.0, 0.0, servers(1..=2));
    world.run(100.0);
    assert_eq!(world.server(2).asked, 0);
    assert_eq!(world.report().sources[1].state, SourceState::Offline);
    world.command(Command::Online(Some("second".into())));
    world.command(Command::Offline(Some("192.0.2.1".into())));
    let asked = world.server(1).asked;
    world.run(2000.0);
    assert_eq!(world.server(1).asked, asked);
    assert_eq!(world.report().sources[1].state, SourceState::SystemPeer);
    assert!(world.report().system.synchronised);
    let asked = world.server(2).asked;
    world.command(Command::Burst(Some("second".into())));
    world.run(10.0);
    assert_eq!(world.server(2).asked, asked + 4);
    let nobody = world.engine.handle_command(Command::Online(Some("nobody".into())), world.now());
    assert_eq!(nobody, Err(CommandError::NoSuchSource(vec!["192.0.2.1".into(), "second".into()])));
    world.command(Command::Offline(None));
    world.run(3.0);
    assert!(world.open.is_empty());
    let sent = world.sent.len();
    world.run(10_000.0);
    assert_eq!(world.sent.len(), sent);
}

#[test]
fn first_correction_waits_briefly_for_a_second_opinion() {
    // One near, two far: the near one lies.
    let far = || Server::new(2).delays(0.08, 0.08);
    let mut third = Server::new(3).delays(0.09, 0.09);
    third.jitter_s = 0.0;
    let near = Server::new(1).error(3.0).delays(0.0002, 0.0002);
    let mut world = World::new(config((1..=3).map(source).collect()), 0.4, 0.0, vec![near, far(), third]);
    world.run(0.5);
    assert!(world.error().abs() < 0.01, "the liar was followed: {}", world.error());
    assert_eq!(world.saw(|event| matches!(event, Event::Stepped { .. })), 1);
    // Names that never resolve hold nobody up.
    let mut config = config(vec![source(2), source(3), named("nowhere.example")]);
    config.selection.min_sources = 2;
    let mut world = World::new(config, 0.4, 0.0, vec![Server::new(2), Server::new(3)]);
    world.run(0.5);
    assert!(world.error().abs() < 0.002, "{}", world.error());
}

#[test]
fn minimum_sources_and_require() {
    let mut base = config(vec![source(1), source(2)]);
    base.selection.min_sources = 2;
    let mut world = World::new(base, 0.3, 0.0, vec![Server::new(1), Server::new(2).dead()]);
    world.run(1000.0);
    assert!(!world.report().system.synchronised);
    assert!((world.error() - 0.3).abs() < 1e-6);
    assert!(world.saw(|event| matches!(event, Event::TooFewSources { agreeing: 1, wanted: 2 })) >= 1);
    world.server(2).alive = true;
    world.run(3000.0);
    assert!(world.report().system.synchronised);

    let mut base = config(vec![source(1), source(2)]);
    base.sources[1].options.require = true;
    let mut world = World::new(base, 0.3, 0.0, vec![Server::new(1), Server::new(2).dead()]);
    world.run(1000.0);
    assert!(!world.report().system.synchronised);
    assert!(world.report().system.reason.contains("require"), "{}", world.report().system.reason);
}

#[test]
fn noselect_is_measured_and_never_followed() {
    let mut base = config(vec![source(1), source(2)]);
    base.sources[0].options.noselect = true;
    let all = vec![Server::new(1).error(0.7), Server::new(2)];
    let mut world = World::new(base, 0.3, 0.0, all);
    world.run(1000.0);
    assert!(world.error().abs() < 0.001);
    let report = world.report();
    assert_eq!(report.sources[0].state, SourceState::NoSelect);
    assert!((report.sources[0].offset_s.unwrap() - 0.7).abs() < 0.002);
    assert_eq!(report.system.warnings, ["only one source: its errors cannot be noticed"]);
}

#[test]
fn observing_steers_nothing_and_reports_the_truth() {
    let initial = truechimer_engine::Initial { controls_clock: false, ..initial() };
    let mut world = World::with(config(vec![source(1)]), initial, 0.4, 50.0, servers(1..=1));
    world.run(3000.0);
    assert!(world.commands.is_empty(), "{:?}", world.commands);
    let report = world.report();
    assert!((report.system.offset_s + world.error()).abs() < 0.001, "{}", report.system.offset_s);
    assert!((report.system.frequency_ppm + 50.0).abs() < 0.5, "{}", report.system.frequency_ppm);
    assert!(report.system.synchronised, "the bound of {:?} is below the limit", report.system.bound_s);
    assert!(!report.system.controls_clock);
    assert!(world.worst_excess <= 0.0);
}

#[test]
fn observing_a_clock_that_is_far_off_says_so() {
    let initial = truechimer_engine::Initial { controls_clock: false, ..initial() };
    let config = config((1..=3).map(source).collect());
    let mut world = World::with(config, initial, -5.0, 0.0, servers(1..=3));
    world.run(100.0);
    let report = world.report();
    assert!(!report.system.synchronised);
    let expected =
        "the clock is 5.00 s slow and is not corrected, as the daemon only observes; the limit is 1.50 s";
    assert_eq!(report.system.reason, expected);
    // The selection has a system peer, whatever the clock does with it.
    let peer = report.sources.iter().find(|source| source.state == SourceState::SystemPeer).unwrap();
    assert_eq!(report.system.system_peer.as_ref(), Some(&peer.name));
}

fn local(orphan: bool) -> Option<LocalConfig> {
    Some(LocalConfig { stratum: 8, orphan, distance_s: 0.5, ..LocalConfig::DEFAULT })
}

#[test]
fn local_reference_serves_without_sources_and_leaves_cleanly() {
    let mut base = config(vec![source(1)]);
    base.serve = Some(serve());
    base.local = local(false);
    let mut world = World::new(base, 2.0, 0.0, vec![Server::new(1).dead()]);
    world.run(0.001);
    assert_eq!(world.ask().unwrap().leap, Leap::Unsynchronised, "before the source had its chance");
    world.run(60.0);
    let reply = world.ask().unwrap();
    assert_eq!((reply.leap, reply.stratum, reply.reference_id), (Leap::None, 8, ReferenceId::LOCAL));
    assert!(reply.root_dispersion.seconds() >= 0.5);
    assert!(world.report().system.local_reference);
    assert!(!world.report().system.synchronised);
    world.server(1).alive = true;
    world.run(2000.0);
    let reply = world.ask().unwrap();
    assert_eq!((reply.leap, reply.stratum), (Leap::None, 2));
    assert_eq!(reply.reference_id, ReferenceId([192, 0, 2, 1]));
    assert!(!world.report().system.local_reference);
    assert_eq!(world.saw(|event| matches!(event, Event::LocalReference { active: true })), 1);
    assert_eq!(world.saw(|event| matches!(event, Event::LocalReference { active: false })), 1);
}

#[test]
fn local_reference_waits_to_be_qualified() {
    let mut base = config(vec![source(1)]);
    base.serve = Some(serve());
    base.local = Some(LocalConfig { activate_s: Some(0.1), ..local(false).unwrap() });
    base.clock.max_distance_s = 0.2;
    let mut world = World::new(base, 0.0, 0.0, vec![Server::new(1).dead()]);
    world.run(1000.0);
    assert_eq!(world.ask().unwrap().leap, Leap::Unsynchronised);
    world.server(1).alive = true;
    world.run(3000.0);
    world.server(1).alive = false;
    world.run(600_000.0);
    assert_eq!(world.ask().unwrap().reference_id, ReferenceId::LOCAL);
}

#[test]
fn orphans_follow_the_smallest_identifier_and_nobody_else() {
    // This machine is 192.0.2.100; the two others serve from their local references.
    let orphan = |last: u8| {
        let mut server = Server::new(last).error(0.01 * f64::from(last % 10));
        server.stratum = 8;
        server.reference_id = ReferenceId::LOCAL;
        server.root_dispersion_s = 0.3;
        server
    };
    let mut base = config(vec![source(50), source(51)]);
    base.serve = Some(serve());
    base.local = local(true);
    let mut world = World::new(base.clone(), 0.2, 0.0, vec![orphan(50), orphan(51)]);
    world.honest = false;
    world.serving = false;
    world.run(2000.0);
    let reply = world.ask().unwrap();
    assert_eq!((reply.stratum, reply.reference_id), (9, ReferenceId([192, 0, 2, 50])));
    assert!(world.error().abs() < 0.005, "{}", world.error());
    assert_eq!(world.report().sources[1].state, SourceState::Rejected);

    // Among larger identifiers it leads itself.
    base.sources = vec![source(150), source(151)];
    let mut world = World::new(base, 0.2, 0.0, vec![orphan(150), orphan(151)]);
    world.run(2000.0);
    let reply = world.ask().unwrap();
    assert_eq!((reply.stratum, reply.reference_id), (8, ReferenceId::LOCAL));
    assert!((world.error() - 0.2).abs() < 1e-6, "a leader follows nobody");
    // A source with a way out of the island ends it.
    world.server(150).stratum = 3;
    world.server(150).reference_id = ReferenceId([198, 51, 100, 1]);
    world.server(150).error_s = 0.0;
    world.honest = false;
    world.run(3000.0);
    assert_eq!(world.ask().unwrap().stratum, 4);
}

#[test]
fn unsynchronised_is_served_honestly() {
    let mut base = config(vec![source(1)]);
    base.serve = Some(serve());
    let mut world = World::new(base, 2.0, 0.0, vec![Server::new(1).dead()]);
    world.run(100.0);
    let reply = world.ask().unwrap();
    assert_eq!(reply.leap, Leap::Unsynchronised);
    assert_eq!(reply.stratum, 16);
    world.server(1).alive = true;
    world.run(3000.0);
    let reply = world.ask().unwrap();
    assert_eq!((reply.leap, reply.stratum), (Leap::None, 2));
    let header = Header::parse(&reply.write()).unwrap();
    assert!(header.root_delay.seconds() >= 0.002);
}

#[test]
fn sources_are_bounded_whatever_the_configuration_says() {
    let many: Vec<SourceConfig> = (0..100_u8).map(source).collect();
    let mut world = World::new(config(many), 0.0, 0.0, Vec::new());
    world.run(100.0);
    assert!(world.most_open <= 64, "{}", world.most_open);
    assert!(world.report().sources.len() <= 64);
}

/// A member of a pool that says nothing but that we ask too often is of no use.
#[test]
fn a_pool_member_that_only_asks_for_restraint_is_replaced() {
    let kiss = |_: &Header, reply: &mut Header| {
        reply.stratum = 0;
        reply.reference_id = ReferenceId(*b"RATE");
        true
    };
    let mut all: Vec<Server> = servers(1..=3);
    all.push(Server::new(4).scripted(kiss));
    let mut world = World::new(config(vec![pool("pool.example", 2)]), 0.0, 0.0, all);
    world
        .dns
        .insert("pool.example".into(), Ok([4, 1, 2, 3].map(|last| IpAddr::from([192, 0, 2, last])).to_vec()));
    world.run(40_000.0);
    let report = world.report();
    let members: Vec<String> = report.sources.iter().map(|s| s.address.clone().unwrap()).collect();
    assert!(!members.contains(&"192.0.2.4:123".to_owned()), "{members:?}");
    assert!(world.server(4).asked < 12, "{}", world.server(4).asked);
}

/// A server that is not synchronised yet is asked again when the next request is due, not a second later.
#[test]
fn an_unsynchronised_answer_does_not_hold_up_the_next_request() {
    let unsynchronised = |_: &Header, reply: &mut Header| {
        reply.leap = Leap::Unsynchronised;
        true
    };
    let mut world =
        World::new(config(vec![source(1)]), 0.0, 0.0, vec![Server::new(1).scripted(unsynchronised)]);
    world.run(2.5);
    assert_eq!(world.server(1).asked, 2);
}

#[test]
fn on_another_network_sources_are_asked_soon_and_names_tried_again() {
    let mut world = World::new(config(vec![source(1), pool("pool.example", 2)]), 0.0, 0.0, servers(1..=3));
    world.dns.insert("pool.example".into(), Err(ResolveError::Temporary));
    world.run(20_000.0);
    // It is about to rest for a quarter of an hour, and the name servers as well.
    world.run(100.0);
    let asked = world.report().sources[0].sent;
    world.dns.insert("pool.example".into(), Ok(addresses(2..=3)));
    world.engine.handle_network_change(world.now());
    world.drain();
    world.run(3.0);
    assert_eq!(world.report().sources[0].sent, asked + 1);
    assert_eq!(world.report().sources.len(), 3);
    // An interface that flaps is no reason for a flood.
    for _ in 0..200 {
        world.engine.handle_network_change(world.now());
        world.drain();
        world.run(0.1);
    }
    assert!(world.report().sources[0].sent <= asked + 12, "{}", world.report().sources[0].sent - asked);
    // Who was switched off stays silent.
    world.engine.handle_command(Command::Offline(None), world.now()).unwrap();
    let asked = world.report().sources[0].sent;
    world.engine.handle_network_change(world.now());
    world.drain();
    world.run(60.0);
    assert_eq!(world.report().sources[0].sent, asked);
}
