//! Attacks on associations with NTS, and others' bugs with it. Each test is named by its row in the list of these.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::HashSet;
use std::rc::Rc;

use common::*;
use proptest::collection::vec;
use proptest::prelude::*;
use truechimer_engine::config::EngineConfig;
use truechimer_engine::report::{SourceReport, SourceState};
use truechimer_engine::{Engine, Event, KeyExchangeFault, Output, Transmit};
use truechimer_nts::packet;
use truechimer_time::{Leap, Mono, Now, NtpDuration, PollExponent};
use truechimer_wire::{Header, KissCode, Mode, Packet, ReferenceId};

fn only(world: &World) -> SourceReport {
    world.report().sources.into_iter().next().unwrap()
}

/// A synchronised association whose next request waits for its reply.
fn pending() -> (World, SharedKeyServer, Transmit) {
    let (mut world, mut keys) = secured_world(1, 0.01);
    world.run(30.0);
    assert!(world.report().system.synchronised);
    let request = next_request(&mut world);
    (world, keys.remove(0), request)
}

/// Runs on until a request is on its way that nobody answers.
fn next_request(world: &mut World) -> Transmit {
    world.server(1).alive = false;
    let before = world.sent.len();
    for _ in 0..800 {
        world.run(0.5);
        if let Some((_, request)) = world.sent.get(before) {
            return *request;
        }
    }
    panic!("no poll");
}

/// What the server would answer now.
fn sealed_reply(world: &World, keys: &SharedKeyServer, request: &Transmit) -> Vec<u8> {
    keys.borrow_mut().answer(request.payload(), &world.honest_reply(request))
}

/// An NTS NAK with this identifier.
fn nak(world: &World, request: &Transmit, identifier: &[u8]) -> Vec<u8> {
    let mut header = world.honest_reply(request);
    (header.stratum, header.leap) = (0, Leap::Unsynchronised);
    header.reference_id = ReferenceId::from(KissCode::NtsNak);
    [&header.write()[..], &[1, 4, 0, 36], identifier].concat()
}

/// Hands in a packet that must be refused by that check and leave no other trace.
fn refused_by(world: &mut World, request: &Transmit, packet: &[u8], check: &str) {
    let before = world.digest();
    let count = only(world).dropped.get(check).copied().unwrap_or(0);
    world.inject(request.token, request.remote, packet);
    let source = only(world);
    assert_eq!(source.dropped.get(check).copied().unwrap_or(0), count + 1, "{check}: {:?}", source.dropped);
    assert_eq!(world.digest(), before, "{check} changed something");
}

#[test]
fn na_03_no_nts_source_takes_a_reply_without_and_others_ignore_its_fields() {
    let (mut world, keys, request) = pending();
    let plain = world.honest_reply(&request).write();
    refused_by(&mut world, &request, &plain, "nts");
    let (identifier, ..) = nts_fields(request.payload());
    let unsealed = [&plain[..], &[1, 4, 0, 36], &identifier].concat();
    refused_by(&mut world, &request, &unsealed, "nts");
    let sealed = sealed_reply(&world, &keys, &request);
    world.inject(request.token, request.remote, &sealed);
    assert_eq!(world.saw(|event| matches!(event, Event::Unreachable { .. })), 0);
    // A source without NTS does not care for the fields.
    let mut world = World::new(
        config(vec![source(1)]),
        0.01,
        5.0,
        vec![Server::new(1).sealed(move |_, reply| {
            [&reply.write()[..], &[1, 4, 0, 36], &[7; 32], &[4, 4, 0, 40], &[0; 36]].concat()
        })],
    );
    world.run(100.0);
    assert!(world.report().system.synchronised);
    assert!(world.sent.iter().all(|(_, request)| request.payload().len() == 48));
}

#[test]
fn at_06_stale_replay_of_nts() {
    let (mut world, keys, first) = pending();
    let reply = sealed_reply(&world, &keys, &first);
    world.inject(first.token, first.remote, &reply);
    // Twice to the same request, and to a later one: with its own origin, and with the new one.
    refused_by(&mut world, &first, &reply, "duplicate");
    let second = next_request(&mut world);
    refused_by(&mut world, &second, &reply, "origin");
    let mut moved = reply;
    moved[24..32].copy_from_slice(&second.payload()[40..48]);
    refused_by(&mut world, &second, &moved, "nts_identifier");
    let (identifier, ..) = nts_fields(second.payload());
    moved[52..84].copy_from_slice(&identifier);
    refused_by(&mut world, &second, &moved, "nts_authenticator");
}

/// Its cookies are good, its time is not: a copy of it must not bring them twice.
#[test]
fn at_06_replay_of_an_authentic_reply_that_is_of_no_use() {
    let (mut world, keys, request) = pending();
    let mut useless = world.honest_reply(&request);
    (useless.stratum, useless.leap) = (0, Leap::Unsynchronised);
    useless.reference_id = ReferenceId(*b"INIT");
    useless.stratum = 16;
    let reply = keys.borrow_mut().answer(request.payload(), &useless);
    let cookies = nts_of(&world, 0).cookies;
    world.inject(request.token, request.remote, &reply);
    assert_eq!(nts_of(&world, 0).cookies, cookies + 1);
    assert_eq!(only(&world).dropped["stratum"], 1);
    refused_by(&mut world, &request, &reply, "duplicate");
    world.run(4.0);
    assert_eq!(nts_of(&world, 0).cookies, cookies + 1);
}

#[test]
fn at_19_nts_cookie_exhaustion() {
    let (mut world, keys) = secured_world(1, 0.01);
    world.run(2000.0);
    let exchanges = world.exchanges.len();
    // Every reply is lost; key exchange goes on working.
    world.server(1).alive = false;
    let sent = world.sent.len();
    world.run(86_400.0);
    assert_all_secured(&world);
    // The jar is used up, then there are new keys, then it is used up again: each cookie is used once, and the pauses
    // between key exchanges grow, as none of the keys has proved itself.
    let pauses: Vec<f64> =
        world.exchanges[exchanges..].windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(pauses.len() >= 3, "{pauses:?}");
    for (n, pause) in (1..).zip(&pauses) {
        assert!(*pause >= 10.0 * 1.5_f64.powi(n), "{pauses:?}");
    }
    assert!(world.sent.len() - sent <= 8 * (world.exchanges.len() - exchanges + 1));
    assert_eq!(only(&world).state, SourceState::Unreachable);
    world.server(1).alive = true;
    world.run(5000.0);
    assert_eq!(only(&world).reach, 0o377);
    assert_eq!(nts_of(&world, 0).cookies, 8);
    drop(keys);
}

#[test]
fn at_19_placeholders_fill_the_jar_again() {
    let (mut world, _) = secured_world(1, 0.01);
    world.run(2000.0);
    for lost in 1..8 {
        world.server(1).alive = false;
        let before = world.sent.len();
        while world.sent.len() < before + lost {
            world.run(1.0);
        }
        world.run(5.0);
        // Those that got no reply had placeholders for all that were missing, every other one, as long packets may be lost.
        for (number, (_, request)) in world.sent[before..].iter().enumerate() {
            let (.., placeholders, _) = nts_fields(request.payload());
            assert_eq!(placeholders, if number % 2 == 0 { number } else { 0 }, "{lost} lost");
        }
        assert_eq!(nts_of(&world, 0).cookies, 8 - lost);
        world.server(1).alive = true;
        world.run(3000.0);
        assert_eq!(nts_of(&world, 0).cookies, 8, "after {lost} lost replies");
    }
    assert_eq!(world.exchanges.len(), 1);
}

#[test]
fn at_20_key_exchange_blocked() {
    for (fault, reason) in [
        (KeyExchangeFault::Unavailable, "keys cannot be exchanged on this machine"),
        (KeyExchangeFault::Unreachable, "its server for key exchange cannot be reached"),
        (KeyExchangeFault::Connection, "the connection to its server for key exchange failed"),
        (KeyExchangeFault::Certificate, "its certificate is not accepted"),
        (KeyExchangeFault::CertificateDate, "its certificate has expired or is not valid yet"),
        (KeyExchangeFault::Answer, "its server for key exchange gives no keys"),
    ] {
        let (mut world, keys) = secured_world(1, 0.01);
        keys[0].borrow_mut().fails = Some(fault);
        world.run(200_000.0);
        assert!(world.sent.is_empty(), "{fault:?}: something was sent without NTS");
        let source = only(&world);
        assert_eq!((source.state, source.reason.as_str()), (SourceState::Rejected, reason));
        assert_eq!(world.report().system.reason, format!("no source is usable: {reason}"));
        let report = nts_of(&world, 0);
        assert_eq!(report.failure, Some(format!("{fault:?}")));
        assert!(report.retry_s.unwrap() > 1000 && report.cookies == 0);
        let pauses: Vec<f64> = world.exchanges.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        for (n, pause) in pauses.iter().enumerate() {
            let least = 10.0 * 1.5_f64.powi(n as i32);
            let reached = !matches!(fault, KeyExchangeFault::Unavailable | KeyExchangeFault::Unreachable);
            assert!(*pause >= if reached { least } else { least.min(4096.0) }, "{fault:?}: {pauses:?}");
        }
        assert!((15..80).contains(&world.exchanges.len()), "{fault:?}: {}", world.exchanges.len());
        assert!(world.saw(|event| matches!(event, Event::KeyExchangeFailed { .. })) >= 10);
        // And it gets over it, at the latest after the longest pause.
        keys[0].borrow_mut().fails = None;
        world.run(100_000.0);
        assert!(world.report().system.synchronised, "{fault:?}");
    }
}

#[test]
fn at_20_fields_stripped_on_the_way() {
    let (mut world, _) = secured_world(1, 0.01);
    world.run(1000.0);
    let accepted = only(&world).accepted;
    // Of replies, so that the bare time arrives.
    world.server(1).seal = Box::new(|_, reply| reply.write().to_vec());
    world.run(20_000.0);
    assert_all_secured(&world);
    let source = only(&world);
    assert_eq!(source.accepted, accepted);
    assert!(source.dropped["nts"] > 10);
    assert_eq!(source.state, SourceState::Rejected);
    assert_eq!(
        source.reason,
        "replies are not protected by NTS: it has none, or somebody on the way removes it"
    );
}

#[test]
fn at_20_replies_held_back_and_refusals_forged() {
    let (mut world, keys) = secured_world(1, 0.01);
    world.run(1000.0);
    let accepted = only(&world).accepted;
    let exchanges = world.exchanges.len();
    let began = world.elapsed();
    world.server(1).seal = Box::new(|request, reply| {
        let (identifier, ..) = nts_fields(request);
        let mut header = *reply;
        (header.stratum, header.leap) = (0, Leap::Unsynchronised);
        header.reference_id = ReferenceId::from(KissCode::NtsNak);
        [&header.write()[..], &[1, 4, 0, 36], &identifier].concat()
    });
    world.run(86_400.0);
    assert_all_secured(&world);
    assert_eq!(only(&world).accepted, accepted);
    assert!(nts_of(&world, 0).naks > 10);
    // A day of forged refusals costs a few key exchanges, no more and no fewer than lost packets do.
    let pauses: Vec<f64> =
        world.exchanges[exchanges..].windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    for (n, pause) in (0..).zip(&pauses) {
        assert!(*pause >= 10.0 * 1.5_f64.powi(n), "{pauses:?}");
    }
    assert!((world.exchanges.len() - exchanges) < 30, "{pauses:?}");
    assert!(world.sent.iter().filter(|(at, _)| *at > began).count() < 1500);
    let keys = Rc::clone(&keys[0]);
    world.server(1).seal = Box::new(move |request, reply| keys.borrow_mut().answer(request, reply));
    world.run(60_000.0);
    assert_eq!(only(&world).reach, 0o377);
}

#[test]
fn na_15_nts_nak_spoof_ignored() {
    let (mut world, keys, request) = pending();
    // Who did not see the request knows neither its origin nor its identifier.
    let (identifier, ..) = nts_fields(request.payload());
    let blind = nak(&world, &request, &[9; 32]);
    refused_by(&mut world, &request, &blind, "nts_identifier");
    let mut origin = nak(&world, &request, &identifier);
    origin[24] ^= 1;
    refused_by(&mut world, &request, &origin, "origin");
    let bare = nak(&world, &request, &identifier)[..48].to_vec();
    refused_by(&mut world, &request, &bare, "nts");
    // Other kiss codes must be sealed.
    for code in [KissCode::Deny, KissCode::Restrict, KissCode::Rate] {
        let mut kiss = nak(&world, &request, &identifier);
        kiss[12..16].copy_from_slice(&ReferenceId::from(code).0);
        refused_by(&mut world, &request, &kiss, "nts");
    }
    // Who did see it can forge a refusal. The authentic reply wins all the same, whichever comes first.
    let forged = nak(&world, &request, &identifier);
    world.inject(request.token, request.remote, &forged);
    refused_by(&mut world, &request, &forged, "duplicate");
    let accepted = only(&world).accepted;
    let reply = sealed_reply(&world, &keys, &request);
    world.inject(request.token, request.remote, &reply);
    assert_eq!(only(&world).accepted, accepted + 1);
    world.server(1).alive = true;
    world.run(5000.0);
    assert_eq!(world.exchanges.len(), 1, "new keys for a forged refusal");
    assert_eq!(only(&world).reach, 0o377);
    assert_eq!(world.saw(|event| matches!(event, Event::Kiss { code: [b'N', b'T', b'S', b'N'], .. })), 1);
}

/// A server that lost its keys is back within seconds of the next poll, and is asked no more than twice in vain.
#[test]
fn na_15_a_true_nak_leads_to_new_keys() {
    let (mut world, keys) = secured_world(1, 0.01);
    world.run(2000.0);
    let accepted = only(&world).accepted;
    keys[0].borrow_mut().lose_keys();
    let lost = world.elapsed();
    while keys[0].borrow().naks == 0 {
        world.run(1.0);
    }
    let noticed = world.elapsed();
    world.run(20.0);
    assert!(only(&world).accepted > accepted, "not back after {} s", world.elapsed() - lost);
    assert_eq!((keys[0].borrow().naks, world.exchanges.len()), (2, 2));
    assert!(world.exchanges[1].0 - noticed < 10.0);
    assert_eq!(nts_of(&world, 0).cookies, 8);
}

/// The server rotates its keys: cookies are renewed with each reply, so nobody notices.
#[test]
fn at_22_key_rotation_is_not_noticed() {
    let (mut world, keys) = secured_world(1, 0.01);
    for _ in 0..20 {
        world.run(20_000.0);
        keys[0].borrow_mut().rotate();
    }
    assert_eq!((keys[0].borrow().naks, world.exchanges.len()), (0, 1));
    assert_eq!(only(&world).reach, 0o377);
}

#[test]
fn na_13_kod_deny_does_not_demobilise_authenticated() {
    let (mut world, keys, request) = pending();
    let mut deny = world.honest_reply(&request);
    (deny.stratum, deny.leap) = (0, Leap::Unsynchronised);
    deny.reference_id = ReferenceId::from(KissCode::Deny);
    refused_by(&mut world, &request, &deny.write(), "nts");
    // A sealed one is the server's own word.
    let sealed = keys.borrow_mut().answer(request.payload(), &deny);
    world.inject(request.token, request.remote, &sealed);
    assert_eq!(only(&world).state, SourceState::Stopped);
}

/// Every value in a request that is not the same in all requests of all clients.
fn traces(request: &Transmit) -> Vec<Vec<u8>> {
    let bytes = request.payload();
    let (identifier, cookie, _, authenticator) = nts_fields(bytes);
    let header = Packet::parse(bytes).unwrap().header();
    assert_eq!(header, Header::request(4, header.transmit_timestamp), "the header tells something");
    let sealed = &authenticator[4..];
    vec![bytes[40..48].to_vec(), identifier, cookie, sealed[..12].to_vec(), sealed[16..].to_vec()]
}

/// A laptop that goes from network to network, through loss, sleep and the loss of the server's keys.
#[test]
fn at_21_nts_unlinkability() {
    let every_minute = |config: &mut EngineConfig| {
        config.sources.iter_mut().for_each(|source| source.options.max_poll = PollExponent::DEFAULT_MIN);
    };
    let (mut world, keys) = secured_with(2, every_minute, initial(), 0.01);
    let mut networks: Vec<usize> = vec![0];
    let mut phases: Vec<Vec<f64>> = Vec::new();
    for network in 0..12_u8 {
        world.local = [198, 51, 100, network].into();
        world.run(3000.0);
        world.server(1).alive = network % 3 != 1;
        if network % 4 == 2 {
            keys[1].borrow_mut().lose_keys();
        }
        world.run(4000.0);
        world.server(1).alive = true;
        phases.push(world.sent[*networks.last().unwrap()..].iter().map(|(at, _)| at % 64.0).collect());
        networks.push(world.sent.len());
        if network % 2 == 0 {
            world.advance(world.truth + NtpDuration::from_seconds(7200.0));
        } else {
            world.engine.handle_network_change(world.now());
            world.drain();
        }
    }
    assert!(world.sent.len() > 1500, "{}", world.sent.len());
    let mut seen: HashSet<Vec<u8>> = HashSet::new();
    let mut tokens = HashSet::new();
    for (_, request) in &world.sent {
        assert!(tokens.insert(request.token), "a socket, and so a port, was used twice");
        for trace in traces(request) {
            assert!(seen.insert(trace.clone()), "{trace:02x?} was sent twice");
        }
    }
    // No piece of eight bytes comes again anywhere, but for the constant header, lengths and zeros of placeholders, and the
    // four bytes by which the server names its key.
    let mut pieces: HashSet<Vec<u8>> = HashSet::new();
    for (_, request) in &world.sent {
        let fresh: HashSet<Vec<u8>> = traces(request)
            .iter()
            .flat_map(|trace| trace.windows(8).map(<[u8]>::to_vec).collect::<Vec<_>>())
            .collect();
        for piece in fresh {
            assert!(pieces.insert(piece.clone()), "{piece:02x?} was sent twice");
        }
    }
    // A cookie is not used on another network than that on which it was given: each begins with a key exchange.
    assert!(world.exchanges.len() >= 2 * 12, "{}", world.exchanges.len());
    // The times of the polls are spread: none of the sixteen parts of a minute holds most of those of a network.
    for phase in phases {
        let mut parts = [0; 16];
        phase.iter().for_each(|at| parts[(at / 4.0) as usize] += 1);
        assert!(parts.iter().all(|count| 3 * count < phase.len()), "{parts:?}");
    }
}

/// A copy of a machine has the same state of its random numbers: fresh ones of the system part them for good.
#[test]
fn at_23_snapshot_restored_twice() {
    let build = || {
        servers_as_before();
        let (mut world, _) = secured_world(1, 0.01);
        world.run(100.0);
        world
    };
    let requests = |world: &mut World| -> Vec<Vec<u8>> {
        let before = world.sent.len();
        world.run(2000.0);
        world.sent[before..].iter().map(|(_, request)| request.payload().to_vec()).collect()
    };
    let (mut one, mut other) = (build(), build());
    assert!(requests(&mut one) == requests(&mut other), "as in every simulation");
    let (mut one, mut other) = (build(), build());
    one.engine.handle_entropy([1; 32]);
    other.engine.handle_entropy([2; 32]);
    let traced = |packets: Vec<Vec<u8>>| -> HashSet<Vec<u8>> {
        packets.iter().map(|packet| nts_fields(packet).0).collect()
    };
    let (one, other) = (traced(requests(&mut one)), traced(requests(&mut other)));
    assert!(one.len() > 10 && one.is_disjoint(&other));
    // What is mixed in does not replace what was there: whoever knows it knows nothing.
    let (mut known, mut knowing) = (build(), build());
    knowing.engine.handle_entropy([0; 32]);
    known.engine.handle_entropy([0; 32]);
    known.engine.handle_entropy([0; 32]);
    assert!(traced(requests(&mut known)).is_disjoint(&traced(requests(&mut knowing))));
}

/// An adapter that does nothing that it is asked finds its engine idle, not growing.
#[test]
fn key_exchanges_are_bounded_in_a_closed_loop() {
    let mut config = config((0..64).map(|_| secured("ke1.example")).collect());
    config.sources[0].options.offline = true;
    let clock = |seconds: f64| Now {
        mono: Mono::from_nanos(1_000_000_000).after(seconds),
        cooked: START + NtpDuration::from_seconds(seconds),
    };
    let mut engine = Engine::new(config, initial(), [1; 32], clock(0.0));
    let mut asked = 0;
    for second in 0..3600 {
        let now = clock(f64::from(second));
        engine.handle_timeout(now);
        while let Some(output) = engine.poll_output() {
            match output {
                Output::Resolve { query, .. } => {
                    engine.handle_resolved(query, Ok(&[[192, 0, 2, 1].into()]), now);
                }
                Output::KeyExchange(_) => asked += 1,
                _ => {}
            }
        }
    }
    assert!((63..63 * 40).contains(&asked), "{asked} key exchanges");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// I8: whatever is done to an authentic reply before its seal, it changes nothing but a counter.
    #[test]
    fn na_17_bad_auth_changes_nothing(
        spoils in vec((vec((0_usize..160, 1_u8..), 1..5), any::<bool>(), 0_usize..160), 1..25),
    ) {
        let (mut world, keys, request) = pending();
        let good = sealed_reply(&world, &keys, &request);
        for (flips, cut, len) in spoils {
            let mut reply = good.clone();
            flips.iter().for_each(|(at, bits)| if let Some(byte) = reply.get_mut(*at) { *byte ^= bits });
            if cut {
                reply.truncate(len);
            }
            if reply == good {
                continue;
            }
            let before = world.digest();
            let drops: u64 = only(&world).dropped.values().sum();
            let naks = nts_of(&world, 0).naks;
            world.inject(request.token, request.remote, &reply);
            prop_assert_eq!(only(&world).dropped.values().sum::<u64>(), drops + 1);
            prop_assert_eq!(world.digest(), before);
            prop_assert_eq!(nts_of(&world, 0).naks, naks);
        }
        let accepted = only(&world).accepted;
        world.inject(request.token, request.remote, &good);
        prop_assert_eq!(only(&world).accepted, accepted + 1);
    }
}

/// What the tests take for a refusal is one.
#[test]
fn the_forged_refusal_is_well_formed() {
    let (world, _, request) = pending();
    let (identifier, ..) = nts_fields(request.payload());
    let bytes = nak(&world, &request, &identifier);
    let parsed = Packet::parse(&bytes).unwrap();
    assert!(packet::is_nak(&parsed, &identifier.try_into().unwrap()));
    assert_eq!(parsed.header().mode, Mode::Server);
}
