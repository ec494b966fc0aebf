//! Associations with NTS: how they come to keys, what they do with cookies, and when they get new ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use truechimer_engine::config::{Authentication, NtsOptions};
use truechimer_engine::report::{SourceReport, SourceState};
use truechimer_engine::{Command, Event, KeyExchangeFault};
use truechimer_nts::aead::Algorithm;
use truechimer_time::NtpDuration;

fn only(world: &World) -> SourceReport {
    world.report().sources.into_iter().next().unwrap()
}

#[test]
fn a_source_with_nts_synchronises_and_keeps_its_jar_full() {
    for algorithm in Algorithm::ALL {
        let (mut world, keys) = secured_world(1, 0.3);
        keys[0].borrow_mut().algorithm = algorithm;
        world.run(3000.0);
        let source = only(&world);
        assert_eq!(source.state, SourceState::SystemPeer, "{source:?}");
        assert!(world.error().abs() < 0.001 && world.worst_excess <= 0.0);
        assert!(source.dropped.is_empty(), "{:?}", source.dropped);
        assert_eq!(source.accepted, keys[0].borrow().answered);
        let authentication = source.authentication.unwrap();
        assert_eq!(authentication.method, "nts");
        assert_eq!(authentication.algorithm.as_deref(), Some(algorithm.name()));
        let report = authentication.nts.unwrap();
        assert_eq!((report.cookies, report.key_exchanges, report.naks), (8, 1, 0));
        assert_eq!(report.certificate_expires_unix_s, Some(VALIDITY.not_after_s));
        assert_eq!(world.exchanges.len(), 1);
        assert_eq!(world.exchanges[0].1.remote, "192.0.2.1:4460".parse().unwrap());
        assert_all_secured(&world);
    }
}

#[test]
fn the_first_request_follows_the_keys_at_once() {
    let (mut world, keys) = secured_world(1, 0.3);
    keys[0].borrow_mut().delay_s = 5.0;
    world.run(4.9);
    assert!(world.sent.is_empty());
    assert_eq!(only(&world).reason, "exchanging keys");
    assert_eq!(world.report().system.reason, "waiting for the first answer");
    world.run(0.2);
    assert_eq!(world.sent.len(), 1);
    assert!((5.0..5.01).contains(&world.sent[0].0), "{}", world.sent[0].0);
}

#[test]
fn the_server_for_time_may_be_another_one() {
    for (server, port, expected) in [
        (Some("192.0.2.7"), None, "192.0.2.7:123"),
        (Some("ntp.example"), None, "192.0.2.7:123"),
        (Some("ntp.example."), Some(1123), "192.0.2.7:1123"),
        (None, Some(1123), "192.0.2.1:1123"),
    ] {
        let (mut world, keys) = secured_world(1, 0.01);
        keys[0].borrow_mut().server = server.map(str::to_owned);
        keys[0].borrow_mut().port = port;
        for name in ["ntp.example", "ntp.example."] {
            world.dns.insert(name.into(), Ok(vec!["192.0.2.7".parse().unwrap()]));
        }
        world.servers[0].address = expected.parse().unwrap();
        world.run(200.0);
        assert!(world.report().system.synchronised, "{server:?} {port:?}");
        assert_eq!(only(&world).address.as_deref(), Some(expected));
        assert!(world.sent.iter().all(|(_, request)| request.remote == expected.parse().unwrap()));
    }
}

#[test]
fn a_server_for_time_that_is_nonsense_is_not_asked() {
    for (server, port) in [
        (Some("0.0.0.0".to_owned()), None),
        (Some("224.0.1.1".to_owned()), None),
        (Some("ff02::101".to_owned()), None),
        (Some("x".repeat(256)), None),
        (Some("zeit.örtlich".to_owned()), None),
        (None, Some(0)),
    ] {
        let (mut world, keys) = secured_world(1, 0.01);
        keys[0].borrow_mut().server = server;
        keys[0].borrow_mut().port = port;
        world.run(300.0);
        assert!(world.sent.is_empty());
        assert_eq!(only(&world).state, SourceState::Rejected);
        assert_eq!(only(&world).reason, "its server for key exchange gives no keys");
    }
}

#[test]
fn a_name_of_the_server_for_time_that_cannot_be_resolved_is_asked_for_again() {
    let (mut world, keys) = secured_world(1, 0.01);
    keys[0].borrow_mut().server = Some("ntp.example".into());
    world.dns.insert("ntp.example".into(), Err(truechimer_engine::ResolveError::NotFound));
    world.run(100.0);
    assert!(world.sent.is_empty());
    assert_eq!(only(&world).reason, "the name of its server for time cannot be resolved");
    assert_eq!(world.exchanges.len(), 1, "the keys are good");
    world.dns.insert("ntp.example".into(), Ok(vec!["192.0.2.1".parse().unwrap()]));
    world.run(400.0);
    assert!(world.report().system.synchronised);
    assert_eq!(world.exchanges.len(), 1);
}

/// The next address of the name is tried at once, without a pause that grows.
#[test]
fn a_name_with_several_addresses_is_tried_at_each() {
    let (mut world, keys) = secured_world(1, 0.01);
    let addresses = ["2001:db8::1", "192.0.2.9", "192.0.2.1"].map(|text| text.parse().unwrap());
    world.dns.insert("ke1.example".into(), Ok(addresses.to_vec()));
    keys[0].borrow_mut().only_at = Some("192.0.2.1".parse().unwrap());
    world.run(4.0);
    assert!(world.report().system.synchronised, "{:?}", only(&world));
    let tried: Vec<String> = world.exchanges.iter().map(|(_, asked)| asked.remote.ip().to_string()).collect();
    assert_eq!(tried, ["2001:db8::1", "192.0.2.9", "192.0.2.1"]);
    assert_eq!(world.saw(|event| matches!(event, Event::KeyExchangeFailed { .. })), 0);
}

#[test]
fn an_address_needs_no_name_and_its_certificate_is_for_the_address() {
    let keys = KeyServer::new();
    let mut source = source(1);
    source.options.authentication =
        Authentication::Nts(NtsOptions { ke_port: 4461, ..NtsOptions::default() });
    let mut world = World::new(config(vec![source]), 0.01, 10.0, vec![keyed(1, &keys)]);
    world.key_servers.insert("192.0.2.1".into(), keys);
    world.run(10.0);
    assert!(world.report().system.synchronised);
    assert_eq!(world.exchanges[0].1.remote, "192.0.2.1:4461".parse().unwrap());
    assert!(world.resolves.is_empty());
}

#[test]
fn keys_are_refreshed_after_two_weeks_without_a_gap() {
    let (mut world, keys) = secured_world(1, 0.01);
    world.run(12.0 * 86_400.0);
    assert_eq!(nts_of(&world, 0).key_exchanges, 1);
    let accepted = only(&world).accepted;
    world.run(2.0 * 86_400.0);
    assert_eq!(nts_of(&world, 0).key_exchanges, 2);
    assert_eq!(only(&world).reach, 0o377);
    assert!(only(&world).accepted > accepted + 100);
    // While the renewal fails, the old keys go on.
    keys[0].borrow_mut().fails = Some(KeyExchangeFault::Connection);
    world.run(28.0 * 86_400.0);
    let report = nts_of(&world, 0);
    assert_eq!((report.key_exchanges, report.cookies), (2, 8));
    assert_eq!(report.failure.as_deref(), Some("Connection"));
    assert_eq!(only(&world).reach, 0o377);
    assert!(world.report().system.synchronised);
}

/// chrony 4.4 to 4.6 seal with other keys than the RFC says. Where nobody can tell in advance, the first refusal decides.
#[test]
fn the_alternative_keys_are_tried_when_the_first_never_worked() {
    let (mut world, keys) = secured_world(1, 0.01);
    keys[0].borrow_mut().wrong_keys = true;
    keys[0].borrow_mut().gives_alternative = true;
    world.run(20.0);
    assert!(world.report().system.synchronised, "{:?}", only(&world));
    let report = nts_of(&world, 0);
    assert_eq!((report.key_exchanges, report.naks), (1, 1));
    // Keys that did work are not given up for the others.
    let (mut world, keys) = secured_world(1, 0.01);
    keys[0].borrow_mut().gives_alternative = true;
    world.run(100.0);
    keys[0].borrow_mut().lose_keys();
    world.run(300.0);
    assert_eq!(nts_of(&world, 0).key_exchanges, 2);
    assert!(nts_of(&world, 0).naks >= 2);
}

/// NA-04 at the engine: what a server gives is bounded before it is kept.
#[test]
fn na_04_cookies_of_any_number_and_length() {
    for cookies in [0, 1, 3, 8, 40] {
        let (mut world, keys) = secured_world(1, 0.01);
        keys[0].borrow_mut().cookies = cookies;
        world.run(100.0);
        assert_eq!(world.report().system.synchronised, cookies > 0, "{cookies} cookies");
        if cookies > 0 {
            assert_eq!(nts_of(&world, 0).cookies, 8);
        }
    }
    for len in [0, 4, 13, 260, 65_535] {
        let (mut world, keys) = secured_world(1, 0.01);
        keys[0].borrow_mut().padding = Some(vec![1; len]);
        keys[0].borrow_mut().cookies = 0;
        world.run(100.0);
        assert!(world.sent.is_empty() && !world.report().system.synchronised, "a cookie of {len} bytes");
    }
}

#[test]
fn members_of_a_pool_have_keys_of_their_own() {
    let keys: Vec<SharedKeyServer> = (0..4).map(|_| KeyServer::new()).collect();
    let mut pool = pool("pool.example", 3);
    pool.options.authentication = Authentication::Nts(NtsOptions::default());
    let servers = (1..).zip(&keys).map(|(last, keys)| keyed(last, keys)).collect();
    let mut world = World::new(config(vec![pool]), 0.01, 10.0, servers);
    world.dns.insert("pool.example".into(), Ok((1..=4).map(|last| [192, 0, 2, last].into()).collect()));
    for (last, keys) in (1..).zip(&keys) {
        world.key_servers.insert(format!("192.0.2.{last}"), keys.clone());
    }
    world.run(1000.0);
    assert_eq!(world.report().sources.len(), 3);
    assert!(world.report().sources.iter().all(|source| source.reach == 0o377));
    assert!(world.exchanges.iter().all(|(_, exchange)| exchange.name == "pool.example"));
    assert_eq!(world.exchanges.len(), 3);
    // A member whose keys nobody renews is replaced by the fourth.
    keys[1].borrow_mut().lose_keys();
    keys[1].borrow_mut().fails = Some(KeyExchangeFault::Connection);
    world.run(20_000.0);
    let mut used: Vec<String> =
        world.report().sources.iter().filter_map(|source| source.address.clone()).collect();
    used.sort();
    assert_eq!(used, ["192.0.2.1:123", "192.0.2.3:123", "192.0.2.4:123"]);
}

/// Two members that are sent on to the same server would give it two votes.
#[test]
fn a_server_that_two_members_are_sent_to_has_one_vote() {
    let keys: Vec<SharedKeyServer> = (0..3).map(|_| KeyServer::new()).collect();
    let mut pool = pool("pool.example", 2);
    pool.options.authentication = Authentication::Nts(NtsOptions::default());
    let mut world = World::new(config(vec![pool]), 0.01, 10.0, vec![keyed(1, &keys[0]), keyed(3, &keys[2])]);
    world.dns.insert("pool.example".into(), Ok((1..=3).map(|last| [192, 0, 2, last].into()).collect()));
    for (last, keys) in (1..).zip(&keys) {
        world.key_servers.insert(format!("192.0.2.{last}"), keys.clone());
    }
    keys[1].borrow_mut().server = Some("192.0.2.1".into());
    keys[1].borrow_mut().ring = keys[0].borrow().ring.clone();
    world.run(30.0);
    let states: Vec<_> = world.report().sources.iter().map(|source| source.reason.clone()).collect();
    assert!(states.contains(&"serves as another source already".to_owned()), "{states:?}");
    assert_eq!(world.report().system.reason, "1 of 2 sources agrees");
    world.run(1000.0);
    let mut used: Vec<String> =
        world.report().sources.iter().filter_map(|source| source.address.clone()).collect();
    used.sort();
    assert_eq!(used, ["192.0.2.1:123", "192.0.2.3:123"]);
    assert!(
        world
            .saw(|event| matches!(event, Event::Replaced { reason: "serves as another source already", .. }))
            > 0
    );
}

#[test]
fn a_reload_keeps_the_keys_of_a_source_that_stays_and_no_others() {
    let (mut world, _) = secured_world(2, 0.01);
    world.run(100.0);
    let mut config = config(vec![secured("ke1.example")]);
    world.command(Command::Reload(Box::new(config.clone())));
    world.run(1000.0);
    assert_eq!(world.exchanges.len(), 2, "the first was kept");
    assert_eq!(nts_of(&world, 0).key_exchanges, 1);
    config.sources[0].options.prefer = true;
    world.command(Command::Reload(Box::new(config)));
    world.run(1000.0);
    assert_eq!(world.exchanges.len(), 3, "another source is another association");
    assert!(world.report().system.synchronised);
}

#[test]
fn a_source_that_is_switched_off_exchanges_no_keys() {
    let (mut world, keys) = secured_world(1, 0.01);
    keys[0].borrow_mut().fails = Some(KeyExchangeFault::Connection);
    world.run(5.0);
    world.command(Command::Offline(None));
    let asked = world.exchanges.len();
    world.run(50_000.0);
    assert_eq!(world.exchanges.len(), asked);
    keys[0].borrow_mut().fails = None;
    world.command(Command::Online(None));
    world.run(10.0);
    assert!(world.report().system.synchronised);
}

#[test]
fn an_operator_ends_the_pause_between_key_exchanges() {
    let (mut world, keys) = secured_world(1, 0.01);
    keys[0].borrow_mut().fails = Some(KeyExchangeFault::Connection);
    world.run(20_000.0);
    keys[0].borrow_mut().fails = None;
    assert!(nts_of(&world, 0).retry_s.unwrap() > 100);
    let asked = world.exchanges.len();
    world.command(Command::Online(None));
    world.run(20.0);
    assert_eq!(world.exchanges.len(), asked + 1);
    assert!(world.report().system.synchronised);
    // Not the shortest pause, which is the server's, and no exchange that nobody needs.
    keys[0].borrow_mut().fails = Some(KeyExchangeFault::Connection);
    keys[0].borrow_mut().lose_keys();
    for _ in 0..400 {
        world.command(Command::Online(None));
        world.run(1.0);
    }
    let pauses = world.exchanges[asked + 1..].windows(2).map(|pair| pair[1].0 - pair[0].0);
    assert!(pauses.clone().count() > 10 && pauses.fold(f64::INFINITY, f64::min) >= 10.0);
}

/// An adapter that loses a key exchange, or answers it late or twice, does no harm.
#[test]
fn key_exchanges_that_nobody_answers_end_by_themselves() {
    let (mut world, keys) = secured_world(1, 0.01);
    keys[0].borrow_mut().delay_s = 1e9;
    world.run(500.0);
    assert!((4..8).contains(&world.exchanges.len()), "{}", world.exchanges.len());
    assert_eq!(only(&world).reason, "keys cannot be exchanged on this machine");
    let late = world.exchanges[0].1.clone();
    let result = keys[0].borrow_mut().exchange(&late, world.truth);
    world.engine.handle_key_exchange(late.query, result, world.now());
    world.drain();
    assert!(world.sent.is_empty());
    keys[0].borrow_mut().delay_s = 0.05;
    world.run(5000.0);
    assert!(world.report().system.synchronised);
}

#[test]
fn the_machine_that_slept_and_the_one_that_moved_get_new_keys() {
    let (mut world, _) = secured_world(1, 0.01);
    world.run(1000.0);
    assert_eq!(world.exchanges.len(), 1);
    let sent = world.sent.len();
    // The system says that its interfaces changed.
    world.engine.handle_network_change(world.now());
    world.drain();
    world.run(10.0);
    assert_eq!(world.exchanges.len(), 2);
    assert!(world.exchanges[1].0 < world.sent[sent].0, "an old cookie was used");
    // It slept, and both clocks went on.
    let sent = world.sent.len();
    world.advance(world.truth + NtpDuration::from_seconds(3600.0));
    world.run(10.0);
    assert_eq!(world.exchanges.len(), 3);
    assert!(world.exchanges[2].0 < world.sent[sent].0, "an old cookie was used");
    // Replies come to another address of ours: the reply counts, the keys do not any more.
    world.local = "192.0.2.101".parse().unwrap();
    let accepted = only(&world).accepted;
    world.run(300.0);
    assert_eq!(world.exchanges.len(), 4);
    assert!(only(&world).accepted > accepted);
    assert!(world.report().system.synchronised);
    // An interface that flaps does not make a storm of them.
    for _ in 0..100 {
        world.engine.handle_network_change(world.now());
        world.drain();
        world.run(0.1);
    }
    world.run(10.0);
    assert!(world.exchanges.len() <= 7, "{}", world.exchanges.len());
}
