//! Certificates, and clocks that cannot judge them: the ladder of `docs/nts.md`. Each test is named by its row in the list of
//! attacks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use truechimer_engine::config::{
    Authentication, CertificateTime, EngineConfig, KeyTable, SourceConfig, SourceKind,
};
use truechimer_engine::report::SourceState;
use truechimer_engine::{CertificateDates, Command, Event, Initial, KeyExchangeFault, Validity};
use truechimer_time::{Cooked, NtpDuration};
use truechimer_wire::mac::{KeyAlgorithm, MAX_DIGEST_LEN, SymmetricKey};

const DAY_S: i64 = 86_400;

/// A clock that stands at this time, seconds since 1970.
fn standing_at(unix_s: i64) -> f64 {
    (unix_s - start_unix_s()) as f64
}

/// 1970, 2010, shortly before and after the validity of the certificates, and 2099.
const WRONG_CLOCKS: [i64; 5] =
    [0, 1_262_304_000, VALIDITY.not_before_s - DAY_S, VALIDITY.not_after_s + DAY_S, 4_070_908_800];

/// The build of the program: half a year before the start.
fn floor() -> Cooked {
    START - NtpDuration::from_seconds(180.0 * DAY_S as f64)
}

fn built() -> Initial {
    Initial { certificate_floor: Some(floor()), ..initial() }
}

fn certificate_time(world: &World, number: usize) -> Option<String> {
    nts_of(world, number).certificate_time
}

fn known(world: &World) -> String {
    world.report().system.certificate_time.unwrap()
}

/// Moves all servers to another time: the lie of somebody who has their keys.
fn lie(world: &mut World, to_unix_s: i64) {
    let by_s = (to_unix_s - start_unix_s()) as f64 - world.elapsed();
    world.servers.iter_mut().for_each(|server| server.error_s = by_s);
}

fn is_deferred(dates: CertificateDates) -> bool {
    matches!(dates, CertificateDates::Deferred { .. })
}

#[test]
fn at_26_tls_wrong_clock_bootstrap() {
    for wrong in WRONG_CLOCKS {
        for servers in 1..=3 {
            let (mut world, _) = secured_with(servers, |_| {}, built(), standing_at(wrong));
            world.run(20.0);
            assert!(world.error().abs() < 0.002, "{wrong}, {servers}: {} s wrong", world.error());
            // Asked without a verdict on the dates first, and strictly by the true time once that was known.
            let asked = usize::from(servers);
            assert!(world.exchanges[..asked].iter().all(|(_, exchange)| is_deferred(exchange.dates)));
            world.run(300.0);
            assert!(world.report().system.synchronised);
            assert_eq!(world.exchanges.len(), 2 * asked, "all are verified again");
            for (at, exchange) in &world.exchanges[asked..] {
                let CertificateDates::At { unix_s } = exchange.dates else { panic!("{exchange:?}") };
                assert!((unix_s - start_unix_s() - *at as i64).abs() <= 1, "{unix_s} after {at} s");
            }
            assert!((0..asked).all(|number| certificate_time(&world, number).as_deref() == Some("verified")));
            assert_eq!(known(&world), "known");
            let said = |event: &Event| matches!(event, Event::CertificateTimeKnown { .. });
            assert_eq!(world.saw(said), 1);
            assert_eq!(world.report().system.steps, 1);
        }
    }
}

/// A clock that is right, or nearly so, is judged by as ever: one server is enough, and one key exchange.
#[test]
fn at_26_a_clock_that_agrees_with_the_certificates_needs_no_quorum() {
    for error_s in [0.3, -3600.0, 100_000.0] {
        let (mut world, _) = secured_with(3, |_| {}, built(), error_s);
        world.server(2).alive = false;
        world.server(3).alive = false;
        world.key_servers.remove("ke2.example");
        world.key_servers.remove("ke3.example");
        world.run(20.0);
        assert!(world.error().abs() < 0.002, "{error_s}: {} s wrong", world.error());
        world.run(300.0);
        assert_eq!(world.exchanges.iter().filter(|(_, asked)| asked.name == "ke1.example").count(), 1);
        assert_eq!(certificate_time(&world, 0).as_deref(), Some("verified"));
    }
}

#[test]
fn at_26_the_quorum_is_two_unless_fewer_are_configured() {
    for (servers, reachable, quorum, set) in [
        (1, 1, None, true),
        (2, 1, None, false),
        (3, 1, None, false),
        (3, 2, None, true),
        (3, 1, Some(1), true),
        (3, 2, Some(3), false),
        (3, 3, Some(3), true),
        (2, 2, Some(200), true),
    ] {
        let (mut world, _) =
            secured_with(servers, |config| config.nts.certificate_quorum = quorum, built(), standing_at(0));
        for last in reachable + 1..=servers {
            world.key_servers.remove(&format!("ke{last}.example"));
        }
        world.run(600.0);
        let case = format!("{reachable} of {servers}, quorum {quorum:?}");
        assert_eq!(world.error().abs() < 0.002, set, "{case}: {} s wrong", world.error());
        let system = world.report().system;
        assert_eq!(system.synchronised, set, "{case}: {}", system.reason);
        if !set {
            assert_eq!(system.certificate_time.as_deref(), Some("unknown"));
            assert!(world.commands.iter().all(|(_, command)| {
                !matches!(command, truechimer_discipline::clock::ClockCommand::Step(_))
            }));
            let wanted = quorum.unwrap_or(2);
            assert_eq!(
                system.reason,
                format!(
                    "the clock contradicts the dates of the servers' certificates: it is set when {wanted} different NTS \
                     servers agree on a time at which theirs are valid, and {reachable} so far"
                )
            );
            // The next one that can be reached decides.
            for last in reachable + 1..=servers {
                world.key_servers.insert(format!("ke{last}.example"), KeyServer::new());
                let keys = world.key_servers[&format!("ke{last}.example")].clone();
                world.server(last).seal =
                    Box::new(move |request, reply| keys.borrow_mut().answer(request, reply));
            }
            world.run(5000.0);
            assert!(world.report().system.synchronised, "{case}: {}", world.report().system.reason);
        }
    }
}

/// Members of a pool show one certificate: that is one voice, however many they are.
#[test]
fn at_26_members_of_a_pool_are_one_voice() {
    let servers: Vec<SharedKeyServer> = (0..4).map(|_| KeyServer::new()).collect();
    let pooled = |config: &mut EngineConfig| {
        let mut pool = pool("pool.example", 4);
        pool.options.authentication = config.sources[0].options.authentication;
        config.sources = vec![pool, config.sources[0].clone()];
    };
    let (mut world, keys) = secured_with(1, pooled, built(), standing_at(0));
    world.servers = (1..=4).zip(&servers).map(|(last, keys)| keyed(last, keys)).collect();
    world.servers.push(keyed(5, &keys[0]));
    world.dns.insert("pool.example".into(), Ok((1..=4).map(|last| [192, 0, 2, last].into()).collect()));
    world.dns.insert("ke1.example".into(), Ok(vec!["192.0.2.5".parse().unwrap()]));
    for (last, keys) in (1..).zip(&servers) {
        world.key_servers.insert(format!("192.0.2.{last}"), keys.clone());
    }
    let fifth = world.key_servers.remove("ke1.example").unwrap();
    world.run(300.0);
    assert!(!world.report().system.synchronised);
    assert!(world.report().system.reason.ends_with("and 1 so far"), "{}", world.report().system.reason);
    world.key_servers.insert("ke1.example".into(), fifth);
    world.run(5000.0);
    assert!(world.report().system.synchronised);
}

/// One certificate for several names, or several for one key: whoever has stolen it can answer for all of them.
#[test]
fn at_26_names_that_share_a_key_are_one_voice() {
    let sharing = |servers| {
        let (world, keys) = secured_with(servers, |_| {}, built(), standing_at(0));
        let key = keys[0].borrow().certificate_key;
        keys[1].borrow_mut().certificate_key = key;
        world
    };
    let mut world = sharing(3);
    let third = world.key_servers.remove("ke3.example").unwrap();
    world.run(300.0);
    assert_eq!(world.report().system.steps, 0);
    assert!(world.report().system.reason.ends_with("and 1 so far"), "{}", world.report().system.reason);
    world.key_servers.insert("ke3.example".into(), third);
    world.run(5000.0);
    assert!(world.report().system.synchronised);
    // Where nobody else is configured there is nobody to wait for.
    let mut world = sharing(2);
    world.run(300.0);
    assert!(world.report().system.synchronised);
}

/// Somebody has stolen the keys of certificates that are expired since, and answers for all servers.
#[test]
fn at_26_expired_certificates_set_no_clock_to_a_time_when_they_were_not_valid() {
    let stolen =
        Validity { not_before_s: start_unix_s() - 150 * DAY_S, not_after_s: start_unix_s() - 100 * DAY_S };
    // He tells the true time; one a day after his certificates ended; and one before they began.
    for told in [start_unix_s(), stolen.not_after_s + DAY_S, stolen.not_before_s - DAY_S] {
        let (mut world, keys) = secured_with(3, |_| {}, built(), standing_at(0));
        keys.iter().for_each(|keys| keys.borrow_mut().validity = stolen);
        lie(&mut world, told);
        world.run(2000.0);
        assert!(!world.report().system.synchronised && world.report().system.steps == 0);
        for source in world.report().sources {
            assert_eq!(source.state, SourceState::Rejected);
            assert_eq!(source.reason, "its certificate was not valid at the time that it tells");
        }
        assert_eq!(
            world.report().system.reason,
            "no source is usable: its certificate was not valid at the time that it tells"
        );
        assert_eq!(world.saw(|event| matches!(event, Event::CertificateRefused { .. })), 3);
    }
}

/// The floor: certificates that had expired when the program was built are good for nothing.
#[test]
fn at_26_certificates_from_before_the_floor_are_refused_at_once() {
    let ancient = Validity { not_before_s: 1_500_000_000, not_after_s: 1_600_000_000 };
    let (mut world, keys) = secured_with(3, |_| {}, built(), standing_at(0));
    keys.iter().for_each(|keys| keys.borrow_mut().validity = ancient);
    lie(&mut world, 1_550_000_000);
    world.run(2000.0);
    assert!(world.sent.is_empty());
    assert!(world.exchanges.iter().all(|(_, exchange)| {
        exchange.dates == CertificateDates::Deferred { floor_unix_s: floor().unix_seconds() as i64 }
    }));
    assert_eq!(world.report().sources[0].reason, "its certificate has expired or is not valid yet");
    // A certificate that is valid for long is no way back to before the floor either.
    let (mut world, keys) = secured_with(3, |_| {}, built(), standing_at(0));
    let long = Validity { not_before_s: 1_500_000_000, not_after_s: 1_900_000_000 };
    keys.iter().for_each(|keys| keys.borrow_mut().validity = long);
    lie(&mut world, 1_550_000_000);
    world.run(2000.0);
    assert_eq!(world.report().system.steps, 0);
    assert_eq!(world.report().sources[0].reason, "its certificate was not valid at the time that it tells");
}

/// One of three servers is in the hands of somebody whose certificate is old but after the floor: he is one voice.
#[test]
fn at_26_one_stolen_certificate_is_outvoted() {
    let (mut world, keys) = secured_with(3, |_| {}, built(), standing_at(0));
    let stolen =
        Validity { not_before_s: start_unix_s() - 100 * DAY_S, not_after_s: start_unix_s() - 50 * DAY_S };
    keys[0].borrow_mut().validity = stolen;
    world.server(1).error_s = -75.0 * DAY_S as f64;
    world.run(600.0);
    assert!(world.error().abs() < 0.002, "{}", world.error());
    // Once the time is known, his keys are thrown away and his certificate is refused strictly.
    assert_eq!(world.report().sources[0].state, SourceState::Rejected);
    assert_eq!(world.report().sources[0].reason, "its certificate has expired or is not valid yet");
    assert_eq!(nts_of(&world, 0).cookies, 0);
    // Alone he sets nothing.
    let (mut world, keys) = secured_with(3, |_| {}, built(), standing_at(0));
    keys[0].borrow_mut().validity = stolen;
    world.server(1).error_s = -75.0 * DAY_S as f64;
    world.key_servers.remove("ke2.example");
    world.key_servers.remove("ke3.example");
    world.run(600.0);
    assert_eq!(world.report().system.steps, 0);
}

#[test]
fn at_26_strict_judges_by_the_clock_from_the_start() {
    let strict = |config: &mut EngineConfig| config.nts.certificate_time = CertificateTime::Strict;
    for wrong in WRONG_CLOCKS {
        let (mut world, _) = secured_with(3, strict, built(), standing_at(wrong));
        world.run(600.0);
        assert!(world.sent.is_empty());
        assert_eq!(known(&world), "strict");
        assert!(world.exchanges.iter().all(|(_, exchange)| !is_deferred(exchange.dates)));
        assert_eq!(world.report().sources[0].reason, "its certificate has expired or is not valid yet");
        // When somebody sets the clock, it goes on.
        world.meddle(-standing_at(wrong));
        world.run(5000.0);
        assert!(world.report().system.synchronised, "{wrong}");
        assert_eq!(known(&world), "known");
    }
    let (mut world, _) = secured_with(1, strict, built(), 3600.0);
    world.run(60.0);
    assert!(world.error().abs() < 0.002);
    assert_eq!(world.exchanges.len(), 1);
}

/// The operator wants the clock to judge after all: keys that wait for their verdict get it at once.
#[test]
fn at_26_strict_from_now_on_sets_no_clock_by_what_the_clock_rules_out() {
    let (mut world, _) = secured_with(3, |_| {}, built(), standing_at(0));
    let others = ["ke2.example", "ke3.example"].map(|name| world.key_servers.remove(name).unwrap());
    world.run(60.0);
    assert_eq!(certificate_time(&world, 0).as_deref(), Some("deferred"));
    let mut strict = config(["ke1.example", "ke2.example", "ke3.example"].map(secured).to_vec());
    strict.nts.certificate_time = CertificateTime::Strict;
    world.command(Command::Reload(Box::new(strict)));
    world.run(600.0);
    assert_eq!(world.report().system.steps, 0, "set by a certificate that was not valid by any clock");
    assert_eq!((known(&world).as_str(), nts_of(&world, 0).cookies), ("strict", 0));
    assert_eq!(world.report().sources[0].reason, "its certificate has expired or is not valid yet");
    // When somebody sets the clock, all goes on.
    for (name, keys) in ["ke2.example", "ke3.example"].into_iter().zip(others) {
        world.key_servers.insert(name.into(), keys);
    }
    world.meddle(-standing_at(0));
    world.run(5000.0);
    assert!(world.report().system.synchronised);
}

/// The word of somebody who has a key of ours is worth a quorum, and so is a reference clock.
#[test]
fn at_26_a_symmetric_key_vouches_for_the_time() {
    let key = || SymmetricKey::new(KeyAlgorithm::Sha256, &[5; 32]).unwrap();
    let with_key = |config: &mut EngineConfig| {
        let mut keyed = source(9);
        keyed.options.authentication = Authentication::Key(1);
        config.sources.truncate(2);
        config.sources.push(keyed);
        config.keys = [(1, key())].into_iter().collect::<KeyTable>();
    };
    let (mut world, _) = secured_with(2, with_key, built(), standing_at(0));
    world.key_servers.remove("ke2.example");
    world.servers.push(Server::new(9).sealed(move |_, reply| {
        let bytes = reply.write();
        let mut digest = [0; MAX_DIGEST_LEN];
        key().digest(&bytes, &mut digest);
        [&bytes[..], &1_u32.to_be_bytes(), &digest[..20]].concat()
    }));
    world.run(60.0);
    assert!(world.report().system.synchronised, "{}", world.report().system.reason);

    let with_clock = |config: &mut EngineConfig| {
        let kind = SourceKind::Reference { name: "GPS".into(), max_error_s: 0.001, stratum: 0 };
        config.sources.push(SourceConfig { name: None, kind, options: Default::default() });
    };
    let (mut world, _) = secured_with(2, with_clock, built(), standing_at(0));
    world.key_servers.remove("ke2.example");
    for _ in 0..30 {
        world.pulse("GPS");
        world.run(1.0);
    }
    assert!(world.report().system.synchronised, "{}", world.report().system.reason);
}

/// An unauthenticated source is no voice: whoever can forge it would set the clock.
#[test]
fn at_26_a_plain_source_vouches_for_nothing() {
    let with_plain = |config: &mut EngineConfig| config.sources.extend([source(8), source(9)]);
    let (mut world, _) = secured_with(2, with_plain, built(), standing_at(0));
    world.key_servers.remove("ke2.example");
    world.servers.extend([Server::new(8), Server::new(9)]);
    world.run(600.0);
    assert_eq!(world.report().system.steps, 0);
    assert!(world.report().system.reason.ends_with("and 1 so far"), "{}", world.report().system.reason);
}

/// A machine that only observes never sets its clock, but knows the time all the same, and judges by that.
#[test]
fn at_26_the_time_that_is_known_judges_and_not_the_clock() {
    let initial = Initial { controls_clock: false, ..built() };
    let (mut world, _) = secured_with(3, |_| {}, initial, standing_at(0));
    world.run(600.0);
    assert_eq!(known(&world), "known");
    for (_, exchange) in &world.exchanges[3..] {
        let CertificateDates::At { unix_s } = exchange.dates else { panic!("{exchange:?}") };
        assert!(VALIDITY.contains(unix_s));
    }
    assert_eq!(certificate_time(&world, 2).as_deref(), Some("verified"));
}

/// Somebody else moves the clock: nobody knows the time any more, but it has not gone back.
#[test]
fn at_26_a_moved_clock_makes_the_time_unknown_again() {
    let (mut world, _) = secured_with(3, |_| {}, built(), 0.01);
    world.run(1000.0);
    world.meddle(-1e9);
    world.run(0.1);
    world.engine.handle_network_change(world.now());
    world.drain();
    world.run(2000.0);
    let (at, exchange) = &world.exchanges[3];
    let CertificateDates::Deferred { floor_unix_s } = exchange.dates else { panic!("{exchange:?}") };
    let passed = floor_unix_s - start_unix_s();
    assert!((900..=*at as i64 + 1).contains(&passed), "the floor is {passed} s after the start");
    assert_eq!(known(&world), "known");
    // Keys that were verified go on without a quorum, whatever the clock says.
    let (mut world, _) = secured_with(3, |_| {}, built(), 0.01);
    world.run(1000.0);
    world.key_servers.clear();
    world.server(2).alive = false;
    world.server(3).alive = false;
    world.meddle(-1e9);
    world.run(60.0);
    assert_eq!(known(&world), "known");
    assert_eq!(world.exchanges.len(), 3);
}

#[test]
fn at_27_cert_expired_while_running() {
    let (mut world, keys) = secured_with(1, |_| {}, built(), 0.01);
    let expires = start_unix_s() + 10 * DAY_S;
    keys[0].borrow_mut().validity.not_after_s = expires;
    world.run(9.0 * DAY_S as f64);
    assert_eq!(nts_of(&world, 0).certificate_expires_unix_s, Some(expires));
    // It expires: cookies go on. Then the keys are old and would be renewed, which fails closed and is said.
    world.run(21.0 * DAY_S as f64);
    let source = &world.report().sources[0];
    assert_eq!((source.reach, source.state), (0o377, SourceState::SystemPeer));
    let report = nts_of(&world, 0);
    assert_eq!((report.key_exchanges, report.cookies), (1, 8));
    assert_eq!(report.failure.as_deref(), Some("CertificateDate"));
    let alarms = |event: &Event| matches!(event, Event::KeyExchangeFailed { .. });
    assert!(world.saw(alarms) >= 3);
    // The server forgets the keys: that is the end, until it has a valid certificate.
    keys[0].borrow_mut().lose_keys();
    world.run(2.0 * DAY_S as f64);
    assert_eq!(world.report().sources[0].state, SourceState::Rejected);
    assert_eq!(world.report().sources[0].reason, "its certificate has expired or is not valid yet");
    assert_all_secured(&world);
    let accepted = world.report().sources[0].accepted;
    // cert_rotated: a new one.
    keys[0].borrow_mut().validity.not_after_s = expires + 90 * DAY_S;
    world.run(8.0 * DAY_S as f64);
    assert_eq!(world.report().sources[0].reach, 0o377);
    assert!(world.report().sources[0].accepted > accepted);
}

/// The authority is not trusted any more, or another certificate is shown: the keys go on, and are not renewed.
#[test]
fn at_27_ca_removed_while_running() {
    let (mut world, keys) = secured_with(1, |_| {}, built(), 0.01);
    world.run(DAY_S as f64);
    keys[0].borrow_mut().fails = Some(KeyExchangeFault::Certificate);
    world.run(20.0 * DAY_S as f64);
    assert_eq!(world.report().sources[0].reach, 0o377);
    assert_eq!(nts_of(&world, 0).failure.as_deref(), Some("Certificate"));
    assert_eq!(nts_of(&world, 0).key_exchanges, 1);
}

/// Before the time was known keys were given on the quorum's word; the strict verdict is against the certificate.
#[test]
fn at_26_keys_that_do_not_pass_the_second_look_are_dropped() {
    let (mut world, keys) = secured_with(2, |_| {}, built(), standing_at(0));
    world.run(6.0);
    assert!(world.report().system.synchronised);
    keys[0].borrow_mut().fails = Some(KeyExchangeFault::Certificate);
    world.run(100.0);
    assert_eq!(nts_of(&world, 0).cookies, 0);
    assert_eq!(world.report().sources[0].reason, "its certificate is not accepted");
    // If only the network stands in the way, they go on until it can be taken.
    let (mut world, keys) = secured_with(2, |_| {}, built(), standing_at(0));
    world.run(6.0);
    keys[0].borrow_mut().fails = Some(KeyExchangeFault::Unreachable);
    world.run(100.0);
    assert_eq!((nts_of(&world, 0).cookies, world.report().sources[0].reach & 1), (8, 1));
    assert_eq!(nts_of(&world, 0).certificate_time.as_deref(), Some("deferred"));
}
