//! `selection.authentication`: who is selected, by what is authenticated (row S5).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use truechimer_engine::Command;
use truechimer_engine::config::{
    Authentication, AuthenticationPolicy, EngineConfig, KeyTable, SourceConfig, SourceKind,
};
use truechimer_engine::report::{SourceReport, SourceState};
use truechimer_time::{NtpDuration, Stamp, StampSource};
use truechimer_wire::mac::{KeyAlgorithm, MAX_DIGEST_LEN, SymmetricKey};

const KEY: u32 = 10;

fn key() -> SymmetricKey {
    SymmetricKey::new(KeyAlgorithm::AesCmac128, &[5; 16]).unwrap()
}

/// Signs every reply, asked to or not.
fn signing(server: Server) -> Server {
    server.sealed(|_, reply| {
        let bytes = reply.write();
        let mut digest = [0; MAX_DIGEST_LEN];
        let len = key().digest(&bytes, &mut digest);
        [&bytes[..], &KEY.to_be_bytes(), &digest[..len]].concat()
    })
}

fn authenticated(mut source: SourceConfig) -> SourceConfig {
    source.options.authentication = Authentication::Key(KEY);
    source
}

/// Servers 1 and 2 are authenticated and right; 3, 4 and 5 are not, and all lie by 0.3 s.
fn lying_majority(policy: AuthenticationPolicy) -> World {
    let sources = vec![authenticated(source(1)), authenticated(source(2)), source(3), source(4), source(5)];
    let servers = (1..=5).map(|last| match last {
        1 | 2 => signing(Server::new(last)),
        _ => Server::new(last).error(0.3),
    });
    World::new(with(sources, policy), 0.01, 5.0, servers.collect())
}

fn with(sources: Vec<SourceConfig>, policy: AuthenticationPolicy) -> EngineConfig {
    let mut config = config(sources);
    config.keys = [(KEY, key())].into_iter().collect();
    config.selection.authentication = policy;
    config
}

fn of(world: &World, last: u8) -> SourceReport {
    let address = format!("192.0.2.{last}:123");
    world.report().sources.into_iter().find(|source| source.address.as_ref() == Some(&address)).unwrap()
}

fn is_used(world: &World, last: u8) -> bool {
    matches!(of(world, last).state, SourceState::SystemPeer | SourceState::Survivor | SourceState::Outlier)
}

#[test]
fn mix_is_the_default_and_lets_the_unauthenticated_agree_only() {
    assert_eq!(config(Vec::new()).selection.authentication, AuthenticationPolicy::Mix);
    let mut world = lying_majority(AuthenticationPolicy::Mix);
    world.run(100.0);
    assert!(world.error().abs() < 0.01, "{}", world.error());
    for last in 1..=5 {
        assert_eq!(is_used(&world, last), last <= 2, "{last}: {:?}", of(&world, last).state);
        let marked = of(&world, last).options == ["trust", "require"];
        assert_eq!(marked, last <= 2);
    }
    // When they tell the truth they help.
    let mut world = lying_majority(AuthenticationPolicy::Mix);
    (3..=5).for_each(|last| world.server(last).error_s = 0.0);
    world.run(100.0);
    assert!((1..=5).all(|last| is_used(&world, last)));
}

#[test]
fn mix_does_not_go_on_with_the_unauthenticated_alone() {
    let mut world = lying_majority(AuthenticationPolicy::Mix);
    world.server(1).alive = false;
    world.server(2).alive = false;
    world.run(600.0);
    assert!(!world.report().system.synchronised);
    assert_eq!(world.report().system.reason, "no source marked \"require\" is among those that agree");
    assert!((world.error() - 0.01).abs() < 0.01, "the clock was left alone: {}", world.error());
}

#[test]
fn mix_changes_nothing_where_there_is_one_kind_only() {
    for sources in [vec![source(1), source(2)], vec![authenticated(source(1)), authenticated(source(2))]] {
        let servers = vec![signing(Server::new(1)), signing(Server::new(2))];
        let world = World::new(with(sources, AuthenticationPolicy::Mix), 0.01, 5.0, servers);
        assert!(world.report().sources.iter().all(|source| source.options.is_empty()));
    }
}

#[test]
fn require_ignores_the_unauthenticated() {
    let mut world = lying_majority(AuthenticationPolicy::Require);
    world.run(100.0);
    assert!(world.error().abs() < 0.01);
    for last in 3..=5 {
        let source = of(&world, last);
        assert_eq!(source.state, SourceState::NoSelect);
        assert_eq!(source.reason, "it is not authenticated, which is required");
        assert!(source.accepted > 0, "it is still measured");
    }
    // Alone they count for nothing.
    let config = with(vec![source(3), source(4)], AuthenticationPolicy::Require);
    let mut world = World::new(config, 0.5, 5.0, vec![Server::new(3), Server::new(4)]);
    world.run(600.0);
    assert!(!world.report().system.synchronised);
    assert_eq!(world.report().system.reason, "no source is authenticated, which is required");
    assert_eq!((world.error() * 100.0).round(), 50.0, "the clock was left alone");
}

#[test]
fn prefer_uses_the_unauthenticated_only_where_no_other_is_configured() {
    let mut world = lying_majority(AuthenticationPolicy::Prefer);
    world.run(100.0);
    assert!(world.error().abs() < 0.01);
    let passed_over = of(&world, 3);
    assert_eq!(passed_over.state, SourceState::NoSelect);
    assert_eq!(passed_over.reason, "it is not authenticated, and others are, which are preferred");
    // Silencing the authenticated ones does not let the others in.
    world.server(1).alive = false;
    world.server(2).alive = false;
    world.run(20_000.0);
    assert!(world.error().abs() < 0.1, "{}", world.error());
    assert_eq!(of(&world, 3).state, SourceState::NoSelect);

    let config = with(vec![source(3), source(4)], AuthenticationPolicy::Prefer);
    let mut world = World::new(config, 0.5, 5.0, vec![Server::new(3), Server::new(4)]);
    world.run(100.0);
    assert!(world.report().system.synchronised);
}

#[test]
fn ignore_makes_no_difference_between_them() {
    let mut world = lying_majority(AuthenticationPolicy::Ignore);
    // The majority lies, as no test of this needs to be told.
    world.honest = false;
    world.run(100.0);
    assert!((world.error() - 0.3).abs() < 0.01, "three outvote two: {}", world.error());
    assert_eq!(of(&world, 1).state, SourceState::Falseticker);
    assert!(world.report().sources.iter().all(|source| source.options.is_empty()));
}

#[test]
fn what_is_never_selected_does_not_count_as_authenticated() {
    for policy in [AuthenticationPolicy::Prefer, AuthenticationPolicy::Mix] {
        let mut watched = authenticated(source(1));
        watched.options.noselect = true;
        let config = with(vec![watched, source(3), source(4)], policy);
        let servers = vec![signing(Server::new(1)), Server::new(3), Server::new(4)];
        let mut world = World::new(config, 0.1, 5.0, servers);
        world.run(100.0);
        assert!(is_used(&world, 3) && is_used(&world, 4), "{policy:?}");
        assert_eq!((of(&world, 1).state, of(&world, 1).reason.as_str()), (SourceState::NoSelect, ""));
    }
}

#[test]
fn reference_clocks_count_as_trusted_and_are_never_passed_over() {
    let gps = SourceConfig {
        name: None,
        kind: SourceKind::Reference { name: "GPS".into(), max_error_s: 1e-3, stratum: 0 },
        options: Default::default(),
    };
    for policy in [AuthenticationPolicy::Require, AuthenticationPolicy::Prefer, AuthenticationPolicy::Mix] {
        let config = with(vec![authenticated(source(1)), source(3), gps.clone()], policy);
        let servers = vec![signing(Server::new(1)), Server::new(3)];
        let mut world = World::new(config, 0.1, 5.0, servers);
        for _ in 0..60 {
            world.run(1.0);
            let error = NtpDuration::from_seconds(-world.error());
            let now = world.now();
            let stamp = Stamp { at: now.cooked, source: StampSource::Kernel, error: 1e-6 };
            world.engine.handle_reference("GPS", stamp, now.cooked + error, now);
            world.drain();
        }
        let gps = world.report().sources.into_iter().find(|source| source.name == "GPS").unwrap();
        assert!(matches!(gps.state, SourceState::SystemPeer | SourceState::Survivor), "{policy:?}: {gps:?}");
        let trusted = policy == AuthenticationPolicy::Mix;
        assert_eq!(gps.options, if trusted { vec!["trust", "require"] } else { vec![] });
        assert_eq!(of(&world, 3).state == SourceState::NoSelect, !trusted);
    }
}

#[test]
fn a_reload_with_another_policy_keeps_what_is_known_of_the_sources() {
    let mut world = lying_majority(AuthenticationPolicy::Mix);
    world.run(300.0);
    let samples = of(&world, 3).samples;
    assert!(samples > 4);
    let sources = vec![authenticated(source(1)), authenticated(source(2)), source(3), source(4), source(5)];
    world.command(Command::Reload(Box::new(with(sources, AuthenticationPolicy::Require))));
    assert!(of(&world, 3).samples >= samples);
    world.run(100.0);
    assert_eq!(of(&world, 3).state, SourceState::NoSelect);
    assert!(of(&world, 1).options.is_empty());
    // And the last authenticated source gone, with "prefer" the others serve again.
    world.command(Command::Reload(Box::new(with(vec![source(3), source(4)], AuthenticationPolicy::Prefer))));
    world.run(100.0);
    assert!(is_used(&world, 3));
}

#[test]
fn members_that_are_found_later_are_under_the_policy_too() {
    let sources = vec![authenticated(source(1)), pool("pool.example", 4)];
    let mut config = with(sources, AuthenticationPolicy::Prefer);
    config.keys = [(KEY, key())].into_iter().collect::<KeyTable>();
    let mut world =
        World::new(config, 0.01, 5.0, vec![signing(Server::new(1)), Server::new(6), Server::new(7)]);
    world.run(5.0);
    world.dns.insert("pool.example".into(), Ok(vec![[192, 0, 2, 6].into(), [192, 0, 2, 7].into()]));
    world.run(400.0);
    assert_eq!(of(&world, 6).state, SourceState::NoSelect);
    assert_eq!(of(&world, 7).state, SourceState::NoSelect);
    assert!(world.report().system.synchronised);
}
