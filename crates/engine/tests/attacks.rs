//! Attacks and faults. Each test is named by its row in the list of these.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use common::*;
use truechimer_discipline::clock::{ClockCommand, ClockReadback};
use truechimer_engine::config::*;
use truechimer_engine::report::SourceState;
use truechimer_engine::{Event, Token, Transmit};
use truechimer_time::{Cooked, Frequency, Leap, NtpDuration, NtpShort, NtpTimestamp, Stamp, StampSource};
use truechimer_wire::{Header, Mode, ReferenceId};

/// A synchronised world with one request outstanding at the first server.
fn pending(servers: Vec<Server>) -> (World, Transmit) {
    let count = servers.len() as u8;
    let mut world = World::new(config((1..=count).map(source).collect()), 0.01, 5.0, servers);
    world.run(100.0);
    world.server(1).alive = false;
    let before = world.sent.len();
    for _ in 0..20_000 {
        world.run(0.01);
        if let Some((_, request)) =
            world.sent[before..].iter().find(|(_, request)| request.remote.ip().to_string() == "192.0.2.1")
        {
            let request = *request;
            return (world, request);
        }
    }
    panic!("no poll");
}

fn accepted(world: &World) -> u64 {
    world.report().sources.iter().map(|source| source.accepted).sum()
}

fn dropped(world: &World, check: &str) -> u64 {
    world.report().sources[0].dropped.get(check).copied().unwrap_or(0)
}

#[test]
fn at_01_offpath_blind_spoof() {
    let (mut world, request) = pending(vec![Server::new(1)]);
    let before = world.digest();
    let count = accepted(&world);
    let template = world.honest_reply(&request);
    for round in 0..100_000_u64 {
        let mut reply = template;
        reply.origin_timestamp = NtpTimestamp::from_bits((world.uniform() * u64::MAX as f64) as u64);
        reply.transmit_timestamp = (world.truth + NtpDuration::from_seconds(3.0)).timestamp();
        reply.receive_timestamp = reply.transmit_timestamp;
        // Some guess the server's address, some the socket, some both.
        let from = if round % 3 == 0 { SocketAddr::from(([198, 51, 100, 7], 123)) } else { request.remote };
        let token = if round % 5 == 0 { Token(round) } else { request.token };
        world.inject(token, from, &reply.write());
    }
    assert_eq!(accepted(&world), count, "a forgery was accepted");
    assert!(world.digest() == before, "a forgery changed something");
    world.server(1).alive = true;
    world.run(2000.0);
    assert_eq!(world.report().sources[0].reach & 0x7, 0x7);
    assert!(world.error().abs() < 0.001);
}

#[test]
fn at_03_kod_spoof_storm_and_recovery() {
    let (mut world, request) = pending(vec![Server::new(1)]);
    let before = world.digest();
    for _ in 0..10_000 {
        let mut kiss = world.honest_reply(&request);
        kiss.stratum = 0;
        kiss.reference_id = ReferenceId(*b"DENY");
        kiss.origin_timestamp = NtpTimestamp::from_bits((world.uniform() * u64::MAX as f64) as u64);
        world.inject(request.token, request.remote, &kiss.write());
    }
    assert!(world.digest() == before);
    // Somebody makes the server limit us: RATE for half of the requests for a day.
    let mut turn = 0;
    world.server(1).alive = true;
    world.server(1).script = Box::new(move |_, reply| {
        turn += 1;
        if turn % 2 == 0 {
            reply.stratum = 0;
            reply.reference_id = ReferenceId(*b"RATE");
        }
        true
    });
    world.run(86_400.0);
    assert!(world.report().sources[0].poll <= 10);
    assert!(world.report().system.synchronised);
    world.server(1).script = Box::new(|_, _| true);
    world.run(20_000.0);
    assert!(world.report().system.synchronised);
    assert!(world.worst_excess <= 0.0);
}

#[test]
fn at_03_denied_source_is_asked_again_one_day() {
    let server = Server::new(1).scripted(|_, reply| {
        reply.stratum = 0;
        reply.reference_id = ReferenceId(*b"DENY");
        true
    });
    let mut world = World::new(config(vec![source(1)]), 0.2, 0.0, vec![server]);
    world.run(3600.0);
    assert_eq!(world.report().sources[0].state, SourceState::Stopped);
    assert_eq!(world.sent.len(), 1);
    world.server(1).script = Box::new(|_, _| true);
    world.run(86_400.0);
    assert!(world.report().system.synchronised);
}

#[test]
fn at_04_zero_origin_attack() {
    let server = Server::new(1).scripted(|_, reply| {
        reply.origin_timestamp = NtpTimestamp::ZERO;
        true
    });
    let mut world = World::new(config(vec![source(1)]), 0.5, 0.0, vec![server]);
    world.run(1000.0);
    assert_eq!(accepted(&world), 0);
    assert!(dropped(&world, "origin") > 0);
    assert_eq!(world.report().sources[0].reach, 0);
    assert!((world.error() - 0.5).abs() < 1e-6);
}

#[test]
fn at_06_stale_replay() {
    let (mut world, request) = pending(vec![Server::new(1)]);
    // Replies to all earlier requests, word by word, on the present socket and on their own.
    let earlier: Vec<Transmit> = world.sent.iter().map(|(_, request)| *request).collect();
    let before = world.digest();
    let count = accepted(&world);
    for old in earlier.iter().filter(|old| old.token != request.token) {
        let reply = world.honest_reply(old);
        world.inject(request.token, request.remote, &reply.write());
        world.inject(old.token, request.remote, &reply.write());
    }
    assert!(world.digest() == before);
    assert_eq!(accepted(&world), count);
}

#[test]
fn at_07_duplicate_and_reorder() {
    let (mut world, request) = pending(vec![Server::new(1)]);
    let reply = world.honest_reply(&request);
    let count = accepted(&world);
    world.inject(request.token, request.remote, &reply.write());
    let after = world.digest();
    world.inject(request.token, request.remote, &reply.write());
    assert_eq!(accepted(&world), count + 1, "one sample");
    assert!(world.digest() == after);
    assert_eq!(dropped(&world, "duplicate"), 1);
    // An old reply after the next request.
    while world.open.is_empty() {
        world.run(0.5);
    }
    let next = world.sent.last().unwrap().1;
    assert_ne!(next.token, request.token);
    world.inject(next.token, request.remote, &reply.write());
    assert_eq!(dropped(&world, "origin"), 1);
}

#[test]
fn at_08_onpath_delay_is_covered_by_the_bound() {
    for (forward, backward) in [(0.4, 0.0001), (0.0001, 0.4), (1.0, 0.2), (0.3, 0.3)] {
        let mut world =
            World::new(config(vec![source(1)]), 0.05, 20.0, vec![Server::new(1).delays(forward, backward)]);
        world.run(5000.0);
        assert!(world.worst_excess <= 0.0, "bound violated by {}", world.worst_excess);
        let asymmetry: f64 = f64::abs(forward - backward) / 2.0;
        assert!(world.error().abs() <= asymmetry + 0.002, "{}", world.error());
    }
    // Longer than the limit: refused by name.
    let mut world = World::new(config(vec![source(1)]), 0.05, 20.0, vec![Server::new(1).delays(2.0, 2.0)]);
    world.run(1000.0);
    assert_eq!(accepted(&world), 0);
    // A spike of ten times the shortest round trip.
    let mut config = config(vec![source(1)]);
    config.sources[0].options.max_delay_ratio = Some(5.0);
    let mut world = World::new(config, 0.05, 20.0, vec![Server::new(1)]);
    world.run(1000.0);
    let count = accepted(&world);
    world.server(1).backward_s = 0.05;
    world.run(3000.0);
    assert_eq!(accepted(&world), count);
    assert!(dropped(&world, "delay_ratio") > 0);
    assert!(world.worst_excess <= 0.0);
}

#[test]
fn at_10_small_step_big_step() {
    let mut config = config(vec![source(1)]);
    config.clock.step = StepPolicy { above_s: Some(0.1), first: None };
    config.clock.panic = PanicLimits {
        forward_s: Some(5.0),
        backward_s: Some(1.0),
        start_s: Some(5.0),
        accumulated_s: Some(20.0),
    };
    let mut world = World::new(config, 0.0, 0.0, vec![Server::new(1)]);
    world.run(10.0);
    world.honest = false;
    // The server drags the clock along in steps that each pass, until the sum does not.
    for push in 1..=20 {
        world.server(1).error_s = f64::from(push) * 4.0;
        world.run(1100.0);
    }
    let stepped = world.report().system.stepped_total_s;
    assert!((10.0..=20.0).contains(&stepped), "stepped {stepped} s in all");
    assert!(world.saw(|event| matches!(event, Event::PanicRefused { limit: "accumulated", .. })) > 0);
    assert!(world.report().system.reason.contains("panic limit"), "{}", world.report().system.reason);
    // Backwards has a limit of its own.
    let steps = world.report().system.steps;
    world.server(1).error_s = world.error() - 2.0;
    world.run(1100.0);
    assert!(world.saw(|event| matches!(event, Event::PanicRefused { limit: "backward", .. })) > 0);
    assert_eq!(world.report().system.steps, steps);
}

#[test]
fn at_11_falseticker_minority() {
    let mut servers: Vec<Server> = (1..=4).map(Server::new).collect();
    // The liar is the nearest and answers first.
    servers[0] = Server::new(1).error(0.08).delays(0.0001, 0.0001);
    let mut world = World::new(config((1..=4).map(source).collect()), -0.8, 60.0, servers);
    world.run(1000.0);
    assert!(world.error().abs() < 0.001, "{}", world.error());
    assert!(world.worst_excess <= 0.0, "{}", world.worst_excess);
    let report = world.report();
    assert_eq!(report.sources[0].state, SourceState::Falseticker);
    assert!(world.saw(|event| matches!(event, Event::Falseticker { .. })) >= 1);
    assert_eq!(report.system.reason, "3 of 4 sources agree");
    assert_eq!(report.system.warnings, ["192.0.2.1 disagrees with the majority by 80.0 ms"]);
    assert_eq!(report.sources[0].reason, "its interval does not meet the majority's");
}

#[test]
fn at_11_coalition_at_half_is_no_majority() {
    let servers = vec![Server::new(1), Server::new(2), Server::new(3).error(0.5), Server::new(4).error(0.5)];
    let mut world = World::new(config((1..=4).map(source).collect()), 0.02, 0.0, servers);
    world.run(5000.0);
    let report = world.report();
    assert!(!report.system.synchronised);
    assert!((world.error() - 0.02).abs() < 0.001, "the clock was touched: {}", world.error());
    assert_eq!(world.saw(|event| matches!(event, Event::NoMajority { .. })), 1);
    // By what their guarantees cannot explain, not by what their estimates differ.
    let reason = "no majority: 4 sources answer and disagree by at least 49";
    assert!(report.system.reason.contains(reason), "{}", report.system.reason);
    assert!(world.statuses.iter().all(|(_, status)| !status.synchronised));
    // A fifth decides.
    world.server(4).error_s = 0.0;
    world.run(5000.0);
    assert!(world.report().system.synchronised);
}

#[test]
fn at_11_liars_that_are_left_alone_do_not_take_over() {
    let servers = vec![Server::new(1), Server::new(2), Server::new(3).error(0.5)];
    let mut world = World::new(config((1..=3).map(source).collect()), 0.0, 5.0, servers);
    world.run(2000.0);
    world.server(1).alive = false;
    world.server(2).alive = false;
    world.run(40_000.0);
    assert!(world.report().system.reason.contains("at odds"), "{}", world.report().system.reason);
    assert!(world.error().abs() < 0.005, "{}", world.error());
    assert!(world.worst_excess <= 0.0);
}

#[test]
fn at_13_dns_answer_is_capped() {
    let mut config = config(vec![pool("pool.example", 16)]);
    config.selection.min_sources = 1;
    let mut world = World::new(config, 0.0, 0.0, Vec::new());
    let flood: Vec<IpAddr> = (0..=250).map(|last| IpAddr::V4(Ipv4Addr::new(198, 51, 100, last))).collect();
    world.dns.insert("pool.example".into(), Ok(flood));
    world.run(40.0);
    let members = world.report().sources.len();
    assert!((1..=4).contains(&members), "{members} members of one answer");
    // Nonsense in the answer is not asked.
    let nonsense = ["0.0.0.0", "255.255.255.255", "224.0.1.1", "::", "ff02::101"];
    world.dns.insert("pool.example".into(), Ok(nonsense.map(|text| text.parse().unwrap()).to_vec()));
    world.run(5000.0);
    assert!(world.sent.iter().all(|(_, request)| request.remote.ip().to_string().starts_with("198.51.100.")));
}

#[test]
fn at_28_leap_second_spoof() {
    let june_30 = Cooked::from_unix_nanos(1_782_777_600_000_000_000 + 43_200_000_000_000);
    let november = Cooked::from_unix_nanos(1_795_000_000_000_000_000);
    for (day, announcing, expected) in
        [(june_30, 1, Leap::None), (june_30, 3, Leap::Insert), (november, 4, Leap::None)]
    {
        let mut servers: Vec<Server> = (1..=4).map(Server::new).collect();
        for server in servers.iter_mut().take(announcing) {
            server.leap = Leap::Insert;
        }
        let mut config = config((1..=4).map(source).collect());
        config.serve = Some(serve());
        let mut world = World::at(day, config, initial(), 0.0, 0.0, servers);
        world.run(600.0);
        assert_eq!(world.statuses.last().unwrap().1.leap, expected);
        assert_eq!(world.ask().unwrap().leap, expected);
    }
}

#[test]
fn at_29_leap_flag_cleared_after_event() {
    let midnight = Cooked::from_unix_nanos(1_782_864_000_000_000_000);
    let mut servers: Vec<Server> = (1..=3).map(Server::new).collect();
    servers.iter_mut().for_each(|server| server.leap = Leap::Insert);
    let mut config = config((1..=3).map(source).collect());
    config.serve = Some(serve());
    let start = midnight - NtpDuration::from_seconds(1000.0);
    let mut world = World::at(start, config, initial(), 0.0, 0.0, servers);
    world.run(999.0);
    assert_eq!(world.statuses.last().unwrap().1.leap, Leap::Insert);
    world.run(1.0);
    // The kernel inserts the second, and so does true time as NTP counts it: all clocks go back together.
    world.meddle(-1.0);
    world.servers.iter_mut().for_each(|server| server.error_s = -1.0);
    world.serving = false;
    world.honest = false;
    let events = world.events.len();
    world.run(3000.0);
    assert_eq!(world.statuses.last().unwrap().1.leap, Leap::None, "servers go on announcing, we do not");
    assert_eq!(world.saw(|event| matches!(event, Event::Interference { .. })), 0);
    assert_eq!(world.saw(|event| matches!(event, Event::Stepped { .. })), 0);
    assert!((world.error() + 1.0).abs() < 0.002, "{}", world.error());
    assert!(world.report().system.synchronised, "{:?}", &world.events[events..]);
}

#[test]
fn at_30_era_rollover_2036() {
    let rollover = Cooked::from_unix_nanos(2_085_978_496_000_000_000);
    for (before, clock_error) in
        [(100.0, 0.3), (1.0, -0.5), (0.002, 0.2), (-5.0, 0.3), (3.0, 5.0), (2.0, -5.0)]
    {
        let start = rollover - NtpDuration::from_seconds(before);
        let servers = vec![Server::new(1).delays(0.3, 0.2), Server::new(2), Server::new(3)];
        let mut world =
            World::at(start, config((1..=3).map(source).collect()), initial(), clock_error, 10.0, servers);
        world.run(300.0);
        assert!(world.error().abs() < 0.002, "{before} s before: error {}", world.error());
        assert!(world.worst_excess <= 0.0);
    }
}

#[test]
fn at_30_unset_clock_is_put_right_by_the_floor() {
    for unix in [0_i128, 86_400, 4_070_908_800, 946_684_800] {
        let wrong = Cooked::from_unix_nanos(unix * 1_000_000_000);
        let mut config = config((1..=3).map(source).collect());
        config.clock.panic.forward_s = None;
        config.clock.panic.backward_s = None;
        let error = (wrong - START).seconds();
        let mut world = World::new(config, error, 30.0, (1..=3).map(Server::new).collect());
        world.run(2.0);
        assert!(world.error().abs() < 0.002, "a clock of {unix} is still off by {}", world.error());
        world.run(3600.0);
        assert!(world.report().system.synchronised);
        assert!(world.error().abs() < 0.0005, "{}", world.error());
        assert!(world.worst_excess <= 0.0, "{}", world.worst_excess);
    }
}

#[test]
fn at_33_clock_jump_by_other_process() {
    for jump in [5.0, -5.0, 0.5, -0.05, 4000.0] {
        let mut world =
            World::new(config((1..=3).map(source).collect()), 0.0, 15.0, (1..=3).map(Server::new).collect());
        world.run(3000.0);
        world.meddle(jump);
        world.run(70.0);
        assert_eq!(world.saw(|event| matches!(event, Event::Interference { .. })), 1, "jump {jump}");
        world.run(20.0);
        let offset = world.report().system.offset_s;
        assert!(
            (offset + world.error()).abs() < 0.002,
            "jump {jump}: believes {offset}, is {}",
            world.error()
        );
        if jump.abs() < 0.1 {
            world.run(3000.0);
            assert!(world.error().abs() < 0.001, "jump {jump}: {}", world.error());
        }
        let steps = world.saw(|event| matches!(event, Event::Stepped { .. }));
        assert_eq!(steps, 0, "steps are for the first updates");
    }
}

#[test]
fn at_33_suspend_and_resume() {
    let mut world = World::new(config(vec![source(1)]), 0.0, 15.0, vec![Server::new(1)]);
    world.run(3000.0);
    // The machine slept for an hour; both clocks went on.
    world.advance(world.truth + NtpDuration::from_seconds(3600.0));
    let asked = world.sent.len();
    world.run(20.0);
    assert!(world.sent.len() >= asked + 4, "no burst after the sleep");
    assert!(world.report().system.synchronised);
    assert!(world.worst_excess <= 0.0);
}

#[test]
fn at_33_two_daemons_fighting() {
    let mut world = World::new(config(vec![source(1)]), 0.0, 15.0, vec![Server::new(1)]);
    world.run(3000.0);
    world.clock.apply(ClockCommand::SetFrequency(Frequency::from_ppm(80.0)));
    let readback = ClockReadback { frequency: world.clock.frequency() };
    world.engine.handle_clock_readback(readback, world.now());
    world.drain();
    let foreign = |event: &Event| matches!(event, Event::ForeignFrequency { found_ppm, .. } if (found_ppm - 80.0).abs() < 0.01);
    assert_eq!(world.saw(foreign), 1);
    world.run(5000.0);
    assert!(world.error().abs() < 0.001, "{}", world.error());
    assert!((world.report().system.frequency_ppm + 15.0).abs() < 0.5);
    // Ours is not foreign.
    let readback = ClockReadback { frequency: world.clock.frequency() };
    world.engine.handle_clock_readback(readback, world.now());
    world.drain();
    assert_eq!(world.saw(foreign), 1);
}

#[test]
fn at_34_kernel_sta_unsync_lifecycle() {
    let mut config = config(vec![source(1)]);
    config.clock.max_distance_s = 0.03;
    let mut world = World::new(config, -1.0, 40.0, vec![Server::new(1)]);
    world.run(5000.0);
    world.server(1).alive = false;
    world.run(100_000.0);
    world.server(1).alive = true;
    world.run(5000.0);
    world.engine.shutdown(world.now());
    world.drain();
    let mut phases: Vec<bool> = world.statuses.iter().map(|(_, status)| status.synchronised).collect();
    phases.dedup();
    assert_eq!(phases, [false, true, false, true, false]);
    for (_, status) in &world.statuses {
        assert!(status.max_error_s.is_finite() && status.max_error_s > 0.0);
        assert!(status.est_error_s <= status.max_error_s + 1e-9);
        assert!(!status.synchronised || status.max_error_s < 0.1);
    }
}

/// A network can name any address among its time servers, and ours is one that it knows.
#[test]
fn at_43_nobody_is_his_own_source() {
    let serve = |address: &str| ServeConfig {
        listen: vec![Listener { address: address.parse().unwrap(), interface: None }],
        ..ServeConfig::default()
    };
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    for (listens, asked, ours) in [
        ("0.0.0.0:123", Ipv4Addr::new(192, 0, 2, 100).into(), true),
        ("192.0.2.100:123", Ipv4Addr::new(192, 0, 2, 100).into(), true),
        ("0.0.0.0:123", loopback, true),
        // Another program on this machine.
        ("0.0.0.0:11123", loopback, false),
        ("0.0.0.0:123", Ipv4Addr::new(192, 0, 2, 1).into(), false),
    ] {
        let mut server = Server::new(1);
        server.address.set_ip(asked);
        let mut source = source(1);
        source.kind = SourceKind::Server(Endpoint { host: Host::Address(asked), port: 123 });
        let config = EngineConfig { serve: Some(serve(listens)), ..config(vec![source]) };
        let mut world = World::new(config, 0.1, 0.0, vec![server]);
        world.run(500.0);
        assert_eq!(accepted(&world) == 0, ours, "{asked} by {listens}");
        assert_eq!(dropped(&world, "loop") > 0, ours, "{asked} by {listens}");
    }
}

#[test]
fn at_43_stratum_and_refid_loop() {
    // The server says that it is synchronised to us.
    let mut server = Server::new(1);
    server.stratum = 2;
    server.reference_id = ReferenceId([192, 0, 2, 100]);
    let mut world = World::new(config(vec![source(1)]), 0.1, 0.0, vec![server]);
    world.run(500.0);
    assert_eq!(accepted(&world), 0);
    assert!(dropped(&world, "loop") > 0);
    let report = world.report();
    assert_eq!(report.sources[0].state, SourceState::Rejected);
    assert_eq!(report.sources[0].reason, "it is synchronised to this machine");
    // A collision of identifiers costs that source alone.
    let mut liar = Server::new(1);
    liar.stratum = 2;
    liar.reference_id = ReferenceId([192, 0, 2, 100]);
    let servers = vec![liar, Server::new(2), Server::new(3)];
    let mut world = World::new(config((1..=3).map(source).collect()), 0.1, 0.0, servers);
    world.run(500.0);
    assert!(world.report().system.synchronised);
}

#[test]
fn at_44_insane_headers_are_rejected_by_name() {
    type Change = fn(&mut Header);
    let cases: [(&str, Change); 12] = [
        ("stratum", |reply| reply.stratum = 16),
        ("stratum", |reply| reply.stratum = 255),
        ("leap", |reply| reply.leap = Leap::Unsynchronised),
        ("root_distance", |reply| reply.root_delay = NtpShort::MAX),
        ("root_distance", |reply| reply.root_delay = NtpShort::from_bits(0xffff_0000)),
        ("root_distance", |reply| reply.root_dispersion = NtpShort::from_seconds_up(16.0)),
        ("reference_time", |reply| {
            reply.reference_timestamp =
                NtpTimestamp::from_bits(reply.transmit_timestamp.bits() + (100 << 32));
        }),
        ("transmit", |reply| reply.transmit_timestamp = NtpTimestamp::ZERO),
        ("transmit", |reply| reply.receive_timestamp = NtpTimestamp::ZERO),
        ("server_time", |reply| {
            reply.receive_timestamp = NtpTimestamp::from_bits(reply.transmit_timestamp.bits() + (1 << 30));
        }),
        ("mode", |reply| reply.mode = Mode::Broadcast),
        ("version", |reply| reply.version = 3),
    ];
    for (check, change) in cases {
        let (mut world, request) = pending(vec![Server::new(1)]);
        let mut reply = world.honest_reply(&request);
        change(&mut reply);
        let before = world.digest();
        world.inject(request.token, request.remote, &reply.write());
        assert!(world.digest() == before, "{check} changed something");
        assert_eq!(dropped(&world, check), 1, "{:?}", world.report().sources[0].dropped);
    }
    let (mut world, request) = pending(vec![Server::new(1)]);
    let reply = world.honest_reply(&request).write();
    world.inject(request.token, request.remote, &reply[..47]);
    assert_eq!(dropped(&world, "length"), 1);
    let mut long = reply.to_vec();
    long.extend([0, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    world.inject(request.token, request.remote, &long);
    assert_eq!(dropped(&world, "format"), 1);
    world.inject(request.token, SocketAddr::from(([192, 0, 2, 1], 124)), &reply);
    assert_eq!(dropped(&world, "address"), 1);
}

#[test]
fn at_45_tx_timestamp_attacks() {
    // Never, or only after the reply: the program's own stamp serves.
    for tx in [TxStamps::Never, TxStamps::AfterReply] {
        let mut world = World::new(config(vec![source(1)]), 0.01, 5.0, Vec::new());
        world.tx = tx;
        world.servers.push(Server::new(1));
        world.run(500.0);
        let report = world.report();
        assert!(report.system.synchronised);
        assert_eq!(report.sources[0].stamps.as_ref().unwrap()[0], "user");
        assert!(world.worst_excess <= 0.0);
    }
    let (mut world, request) = pending(vec![Server::new(1), Server::new(2)]);
    let stamp = |world: &World, by_s: f64| Stamp {
        at: world.clock.cooked() + NtpDuration::from_seconds(by_s),
        source: StampSource::Hardware,
        error: 0.0,
    };
    let before = world.digest();
    // Another packet's, long ago's, of a card whose clock was stepped, of a socket that is closed.
    let now = world.now();
    for (token, by_s) in [
        (Token(request.token.0 + 1000), 0.0),
        (request.token, 37.0),
        (request.token, -3600.0),
        (world.sent[0].1.token, 0.0),
    ] {
        let stamp = stamp(&world, by_s);
        world.engine.handle_tx_timestamp(token, stamp, now);
    }
    assert!(world.digest() == before);
    // The kernel's word counts once: it was said when the request left.
    let stamp = stamp(&world, -0.5);
    world.engine.handle_tx_timestamp(request.token, stamp, now);
    assert!(world.digest() == before);
}
