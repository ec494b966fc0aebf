//! Bugs that others shipped. Each test is named by its row in the list of these.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use truechimer_discipline::clock::ClockCommand;
use truechimer_engine::config::*;
use truechimer_engine::report::SourceState;
use truechimer_engine::{Command, Event, ResolveError, Token, Transmit};
use truechimer_time::{Leap, NtpDuration, NtpTimestamp};
use truechimer_wire::{Header, ReferenceId};

fn last_request(world: &World) -> Transmit {
    world.sent.last().unwrap().1
}

/// A synchronised world whose server went silent just before its next poll, so that one request is outstanding.
fn pending() -> (World, Transmit) {
    let mut world = World::new(config(vec![source(1)]), 0.01, 5.0, vec![Server::new(1)]);
    world.run(100.0);
    world.server(1).alive = false;
    let before = world.sent.len();
    for _ in 0..20_000 {
        world.run(0.01);
        if world.sent.len() > before {
            let request = last_request(&world);
            assert!(world.open.contains_key(&request.token));
            return (world, request);
        }
    }
    panic!("no poll");
}

fn dropped(world: &World, check: &str) -> u64 {
    world.report().sources[0].dropped.get(check).copied().unwrap_or(0)
}

#[test]
fn na_10_zero_origin_rejected() {
    let (mut world, request) = pending();
    let accepted = world.report().sources[0].accepted;
    let mut reply = world.honest_reply(&request);
    reply.origin_timestamp = NtpTimestamp::ZERO;
    world.inject(request.token, request.remote, &reply.write());
    assert_eq!(world.report().sources[0].accepted, accepted);
    assert_eq!(dropped(&world, "origin"), 1);
    // The right one still counts.
    let reply = world.honest_reply(&request);
    world.inject(request.token, request.remote, &reply.write());
    assert_eq!(world.report().sources[0].accepted, accepted + 1);
}

#[test]
fn na_10_zero_origin_after_answer() {
    let (mut world, request) = pending();
    let mut reply = world.honest_reply(&request);
    world.inject(request.token, request.remote, &reply.write());
    let before = world.digest();
    reply.origin_timestamp = NtpTimestamp::ZERO;
    world.inject(request.token, request.remote, &reply.write());
    assert_eq!(world.digest(), before);
    assert_eq!(dropped(&world, "duplicate"), 1);
}

#[test]
fn na_11_interleave_pivot_no_state_change() {
    let (mut world, request) = pending();
    let first = world.sent[0].1;
    for origin in [first, request] {
        // What an interleaved server would send: the origin is a receive timestamp of the exchange before.
        let mut reply = world.honest_reply(&request);
        reply.origin_timestamp = world.honest_reply(&origin).receive_timestamp;
        let before = world.digest();
        world.inject(request.token, request.remote, &reply.write());
        assert_eq!(world.digest(), before);
    }
    world.server(1).alive = true;
    world.run(2000.0);
    for (_, request) in &world.sent {
        let header = Header::parse(request.payload()).unwrap();
        assert_eq!(header, Header::request(4, header.transmit_timestamp), "the mode changed");
    }
}

#[test]
fn na_13_kod_needs_matching_origin() {
    for code in [*b"DENY", *b"RSTR", *b"RATE"] {
        let (mut world, request) = pending();
        let mut kiss = world.honest_reply(&request);
        kiss.stratum = 0;
        kiss.leap = Leap::Unsynchronised;
        kiss.reference_id = ReferenceId(code);
        kiss.origin_timestamp = NtpTimestamp::from_bits(kiss.origin_timestamp.bits() ^ 1);
        let before = world.digest();
        world.inject(request.token, request.remote, &kiss.write());
        assert_eq!(world.digest(), before);
        assert_eq!(dropped(&world, "origin"), 1);

        kiss.origin_timestamp = NtpTimestamp::from_bits(kiss.origin_timestamp.bits() ^ 1);
        world.inject(request.token, request.remote, &kiss.write());
        assert_eq!(world.saw(|event| matches!(event, Event::Kiss { code: seen, .. } if *seen == code)), 1);
        let stopped = world.report().sources[0].state == SourceState::Stopped;
        assert_eq!(stopped, code != *b"RATE");
        let asked = world.sent.len();
        world.run(7000.0);
        if stopped {
            assert_eq!(world.sent.len(), asked, "a source that said stop was asked");
        }
    }
}

#[test]
fn na_14_kod_rate_bounded_backoff() {
    let mut server = Server::new(1);
    server.script = Box::new(|_, reply| {
        reply.stratum = 0;
        reply.reference_id = ReferenceId(*b"RATE");
        true
    });
    let mut world = World::new(config(vec![source(1)]), 0.0, 0.0, vec![server]);
    world.run(20_000.0);
    let report = world.report();
    assert_eq!(report.sources[0].poll, 10, "poll rises to the limit and not beyond");
    let asked = world.sent.len();
    world.run(20_480.0);
    let more = world.sent.len() - asked;
    assert!((15..=20).contains(&more), "{more} requests in 20 intervals");
    assert!(!world.report().system.synchronised);
    // It recovers when the server is content again.
    world.server(1).script = Box::new(|_, _| true);
    world.run(100_000.0);
    let report = world.report();
    assert!(report.system.synchronised);
    assert_eq!(report.sources[0].state, SourceState::SystemPeer);
}

#[test]
fn na_18_transmit_timestamp_unpredictable() {
    let mut world =
        World::new(config((1..=4).map(source).collect()), 0.0, 10.0, (1..=4).map(Server::new).collect());
    world.run(50_000.0);
    let mut seen = std::collections::HashSet::new();
    let mut ones = [0_u32; 64];
    for (at, request) in &world.sent {
        let header = Header::parse(request.payload()).unwrap();
        let bits = header.transmit_timestamp.bits();
        assert!(seen.insert(bits), "a transmit timestamp came twice");
        let clock = (START + NtpDuration::from_seconds(*at)).timestamp().bits();
        let apart = (clock.wrapping_sub(bits) as i64).unsigned_abs() >> 32;
        assert!(apart > 60, "a transmit timestamp tells the time");
        for (bit, count) in ones.iter_mut().enumerate() {
            *count += (bits >> bit & 1) as u32;
        }
    }
    let all = world.sent.len() as f64;
    assert!(all > 150.0, "{all}");
    for count in ones {
        assert!((f64::from(count) / all - 0.5).abs() < 5.0 * 0.5 / all.sqrt(), "{count} of {all}");
    }
    // Another seed, other numbers: nothing depends on time or address alone. Ports are the adapter's.
    assert_eq!(seen.len(), world.sent.len());
}

#[test]
fn na_23_panic_gate_survives_restart() {
    let mut config = config(vec![source(1)]);
    config.clock.step = StepPolicy { above_s: Some(0.1), first: None };
    config.clock.panic =
        PanicLimits { forward_s: None, backward_s: None, start_s: None, accumulated_s: Some(10.0) };
    let mut stepped_total = NtpDuration::ZERO;
    let mut moved = 0.0;
    for _ in 0..5 {
        // Each restart finds a server that is 4 s off the clock once more.
        let initial = truechimer_engine::Initial { stepped_total, ..initial() };
        let mut world = World::with(config.clone(), initial, -4.0, 0.0, vec![Server::new(1)]);
        world.run(10.0);
        moved += world.error() + 4.0;
        stepped_total = world.engine.stepped_total();
    }
    assert!(moved <= 10.0, "moved by {moved} s");
    assert!((stepped_total.seconds() - 8.0).abs() < 0.1);
}

#[test]
fn na_27_log_rate_bounded_under_garbage() {
    let (mut world, request) = pending();
    let before = world.events.len();
    for round in 0..20_000_u32 {
        let len = world.uniform() * 600.0;
        let bytes: Vec<u8> = (0..len as usize).map(|_| (world.uniform() * 256.0) as u8).collect();
        world.inject(request.token, request.remote, &bytes);
        if round % 100 == 0 {
            let kiss = [0xe4_u8; 48];
            world.inject(Token(u64::from(round)), request.remote, &kiss);
        }
    }
    assert_eq!(world.events.len(), before, "garbage made events: {:?}", world.events.last());
    // A source that flaps makes events, but few a minute.
    let mut server = Server::new(1);
    let mut flip = false;
    server.script = Box::new(move |_, reply| {
        flip = !flip;
        if flip {
            reply.stratum = 0;
            reply.reference_id = ReferenceId(*b"XYZ\0");
        }
        true
    });
    let mut config = config(vec![source(1)]);
    config.sources[0].options.min_poll = truechimer_time::PollExponent::new(-4).unwrap();
    config.sources[0].options.max_poll = truechimer_time::PollExponent::new(-4).unwrap();
    let mut world = World::new(config, 0.0, 0.0, vec![server]);
    world.run(600.0);
    let kisses = world.saw(|event| matches!(event, Event::Kiss { .. }));
    assert!(kisses >= 50, "{kisses}");
    assert!(kisses <= 10 + 600 / 6 + 1, "{kisses} events of one kind in ten minutes");
    assert!(world.saw(|event| matches!(event, Event::Suppressed { .. })) > 0);
}

#[test]
fn na_32_status_hides_pending_origin() {
    let (world, request) = pending();
    let secret = Header::parse(request.payload()).unwrap().transmit_timestamp.bits();
    let shown = format!("{:?} {:x?}", world.report(), world.report());
    assert!(!shown.contains(&secret.to_string()));
    assert!(!shown.contains(&format!("{secret:x}")));
    assert!(!shown.contains(&(secret >> 32).to_string()));
    assert!(!shown.contains(&request.token.0.to_string()) || request.token.0 < 1000);
}

#[test]
fn na_38_sta_unsync_not_cleared_early_and_declared_on_loss() {
    let mut config = config(vec![source(1)]);
    config.clock.max_distance_s = 0.05;
    let mut world = World::new(config, 0.3, 20.0, vec![Server::new(1).dead()]);
    world.run(200.0);
    assert!(!world.statuses.is_empty(), "the kernel is told at the start");
    assert!(world.statuses.iter().all(|(_, status)| !status.synchronised));
    world.server(1).alive = true;
    world.run(3000.0);
    assert!(world.statuses.last().unwrap().1.synchronised);
    let first = world.statuses.iter().position(|(_, status)| status.synchronised).unwrap();
    let error_then = world.statuses[first].1.max_error_s;
    assert!(error_then < 0.05, "declared with a bound of {error_then}");
    world.server(1).alive = false;
    world.run(200_000.0);
    assert!(!world.statuses.last().unwrap().1.synchronised, "loss was not declared");
    assert_eq!(world.saw(|event| matches!(event, Event::Unsynchronised { .. })), 1);
    assert!(!world.report().system.synchronised);
    assert!(world.worst_excess <= 0.0);
}

#[test]
fn na_40_root_dispersion_grows_between_updates() {
    let mut config = config(vec![source(1)]);
    config.serve = Some(serve());
    let mut world = World::new(config, 0.01, 10.0, vec![Server::new(1)]);
    world.run(1000.0);
    world.server(1).alive = false;
    world.run(500.0);
    let mut last = 0.0;
    let mut bound = 0.0;
    for _ in 0..100 {
        world.run(10.0);
        let reply = world.ask().unwrap();
        let dispersion = reply.root_dispersion.seconds();
        assert_ne!(reply.leap, Leap::Unsynchronised);
        assert!(dispersion >= last, "{dispersion} after {last}");
        last = dispersion;
        let now = world.engine.bound(world.now()).unwrap();
        assert!(now > bound);
        bound = now;
    }
    assert!(world.worst_excess <= 0.0);
}

#[test]
fn na_41_startup_step_no_oscillation() {
    for error in [-3.0, -0.2, 0.2, 0.7, 30.0] {
        let servers = vec![
            Server::new(1).delays(0.020, 0.030),
            Server::new(2).delays(0.002, 0.001),
            Server::new(3).delays(0.050, 0.040),
        ];
        let mut world = World::new(config((1..=3).map(source).collect()), error, 80.0, servers);
        world.run(300.0);
        let steps = world.saw(|event| matches!(event, Event::Stepped { .. }));
        assert_eq!(steps, 1, "start {error}: {:?}", world.events);
        assert!(world.error().abs() < 0.011, "start {error}: {}", world.error());
        assert!(world.worst_excess <= 0.0);
    }
}

#[test]
fn na_44_failed_step_keeps_offset_tracking() {
    let mut world = World::new(config(vec![source(1)]), -0.8, 10.0, vec![Server::new(1)]);
    world.fail_steps = Some(1);
    world.run(5.0);
    assert!(world.saw(|event| matches!(event, Event::ClockFailed { what: "step", errno: 1 })) > 0);
    assert_eq!(world.saw(|event| matches!(event, Event::Stepped { .. })), 0);
    let report = world.report();
    assert!((report.system.offset_s + world.error()).abs() < 0.001, "{}", report.system.offset_s);
    assert_eq!(report.system.steps, 0);
    assert!(report.system.stepped_total_s == 0.0);
    assert!(world.worst_excess <= 0.0);
    // After the first updates it slews, and what it shows stays true all the way.
    world.run(3600.0);
    let report = world.report();
    assert!((report.system.offset_s + world.error()).abs() < 0.001);
    assert!(world.error().abs() < 0.001, "{}", world.error());
    assert!(world.worst_excess <= 0.0);
}

#[test]
fn a_clock_that_refuses_everything_is_not_asked_without_end() {
    let mut world = World::new(config(vec![source(1)]), 0.01, 10.0, vec![Server::new(1)]);
    world.run(60.0);
    world.fail_clock = Some(1);
    let before = world.commands.len();
    world.run(600.0);
    assert!(world.saw(|event| matches!(event, Event::ClockFailed { what: "status", errno: 1 })) > 0);
    // A rate and a status at each sample, and a status every few seconds between: about one a second at the most.
    let asked = world.commands.len() - before;
    assert!((2..600).contains(&asked), "{asked} orders in ten minutes");
    assert!(world.worst_excess <= 0.0);
}

#[test]
fn na_45_reload_does_not_multiply_sources() {
    let base = config(vec![source(1), source(2), source(2)]);
    let mut world = World::new(base.clone(), 0.0, 0.0, vec![Server::new(1), Server::new(2)]);
    world.run(300.0);
    let samples = world.report().sources[0].samples;
    assert!(samples >= 5);
    for _ in 0..10 {
        world.command(Command::Reload(Box::new(base.clone())));
        world.run(1.0);
    }
    let report = world.report();
    assert_eq!(report.sources.len(), 3);
    assert!(report.sources.iter().all(|source| source.samples >= 5), "state was lost");
    assert!(report.system.synchronised);
    // One less, one changed, one new.
    let mut changed = config(vec![source(2), source(3), source(1)]);
    changed.sources[2].options.prefer = true;
    world.command(Command::Reload(Box::new(changed)));
    let report = world.report();
    assert_eq!(report.sources.len(), 3);
    assert!(report.sources[0].samples >= 5, "an unchanged source lost its state");
    assert_eq!(report.sources[2].samples, 0);
    world.run(100.0);
    assert!(world.open.len() <= 3);
}

#[test]
fn na_46_dns_failure_never_sticks() {
    let mut world = World::new(config(vec![named("ntp.example")]), 0.4, 0.0, vec![Server::new(1)]);
    world.dns.insert("ntp.example".into(), Err(ResolveError::Temporary));
    // The first question went unanswered altogether: the resolver was not there yet.
    world.run(7200.0);
    let failures = world.saw(|event| matches!(event, Event::ResolveFailed { .. }));
    assert!((10..60).contains(&failures), "{failures}");
    assert_eq!(world.report().sources[0].state, SourceState::Resolving);
    world.dns.insert("ntp.example".into(), Ok(vec![world.servers[0].address.ip()]));
    world.run(600.0);
    assert!(world.report().system.synchronised, "{:#?}", world.report());
    assert!(world.error().abs() < 0.001);
}

#[test]
fn na_50_loops_bounded_on_any_precision() {
    for precision in i8::MIN..=i8::MAX {
        let server = Server::new(1).scripted(move |_, reply| {
            reply.precision = precision;
            true
        });
        let initial = truechimer_engine::Initial { precision, ..initial() };
        let mut config = config(vec![source(1)]);
        config.serve = Some(serve());
        let mut world = World::with(config, initial, 0.05, 0.0, vec![server]);
        world.run(300.0);
        assert!(world.turns < 2000, "{} turns at precision {precision}", world.turns);
        assert!(world.worst_excess <= 0.0, "precision {precision}");
        if precision > 4 {
            assert!(!world.report().system.synchronised);
        }
    }
}

#[test]
fn na_43_coarse_precision_server_no_flapping() {
    let server = Server::new(1).scripted(|_, reply| {
        // A clock that ticks 64 times a second.
        reply.precision = -6;
        let coarse = |stamp: NtpTimestamp| NtpTimestamp::from_bits(stamp.bits() >> 26 << 26);
        reply.receive_timestamp = coarse(reply.receive_timestamp);
        reply.transmit_timestamp = coarse(reply.transmit_timestamp);
        true
    });
    let mut world = World::new(config(vec![source(1)]), 0.01, 5.0, vec![server]);
    // Its stamps are up to a tick late, more or less so from one to the next: at no time is the clock wrong by two.
    for _ in 0..5000 {
        world.run(2.0);
        assert!(world.error().abs() < 2.0 / 64.0, "{}", world.error());
    }
    assert_eq!(world.saw(|event| matches!(event, Event::Stepped { .. })), 0);
    assert_eq!(world.saw(|event| matches!(event, Event::Unsynchronised { .. })), 0);
    assert!(world.report().system.synchronised);
    assert!(world.worst_excess <= 0.0);
}

#[test]
fn shutdown_leaves_the_kernel_unsynchronised_and_without_slew() {
    let mut world = World::new(config(vec![source(1)]), 0.05, 20.0, vec![Server::new(1)]);
    world.run(30.0);
    let now = world.now();
    world.engine.shutdown(now);
    let commands = world.commands.len();
    world.drain();
    let after: Vec<_> = world.commands[commands..].iter().map(|(_, command)| *command).collect();
    let rates = after.iter().filter(|command| matches!(command, ClockCommand::SetFrequency(_))).count();
    assert!(rates <= 1, "{after:?}");
    assert!(matches!(after.last(), Some(ClockCommand::SetStatus(status)) if !status.synchronised));
    assert!(world.open.is_empty());
    assert_eq!(world.engine.poll_timeout(), None);
    world.engine.handle_timeout(world.now());
    assert!(world.engine.poll_output().is_none());
}
