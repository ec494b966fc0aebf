//! Associations with symmetric keys, and what an attacker tries on them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use proptest::collection::vec;
use proptest::prelude::*;
use truechimer_engine::config::{Authentication, EngineConfig, KeyTable};
use truechimer_engine::report::{SourceReport, SourceState};
use truechimer_engine::{Command, Event, Transmit};
use truechimer_wire::mac::{KeyAlgorithm, MAX_DIGEST_LEN, SymmetricKey};
use truechimer_wire::{Header, Packet, ReferenceId};

/// One of each algorithm, 1 to 7.
fn key(id: u32) -> SymmetricKey {
    let algorithm = KeyAlgorithm::ALL[id as usize - 1];
    SymmetricKey::new(algorithm, &vec![id as u8; algorithm.key_len().unwrap_or(20)]).unwrap()
}

fn keys() -> KeyTable {
    (1..=7).map(|id| (id, key(id))).collect()
}

/// A MAC of key `made_with` that says it is of key `said`.
fn mac(covered: &[u8], made_with: u32, said: u32, version: u8) -> Vec<u8> {
    let mut digest = [0; MAX_DIGEST_LEN];
    key(made_with).digest(covered, &mut digest);
    let len = key(made_with).algorithm().digest_len_in(version);
    [&said.to_be_bytes(), &digest[..len]].concat()
}

fn signed(header: &Header, id: u32) -> Vec<u8> {
    let bytes = header.write();
    [&bytes[..], &mac(&bytes, id, id, header.version)].concat()
}

/// Server 1 with key `id`, of which both know.
fn keyed(id: u32) -> (EngineConfig, Server) {
    let mut config = config(vec![source(1)]);
    config.keys = keys();
    config.sources[0].options.authentication = Authentication::Key(id);
    (config, Server::new(1).sealed(move |request, reply| answer(request, reply, id)))
}

/// What a server with that key answers; nothing useful if the request was not made with it.
fn answer(request: &[u8], reply: &Header, id: u32) -> Vec<u8> {
    let request = Packet::parse(request).unwrap();
    let valid =
        request.mac().is_some_and(|mac| mac.key_id == id && key(id).verify(request.covered(), mac.digest));
    if valid { signed(reply, id) } else { Vec::new() }
}

fn only(world: &World) -> SourceReport {
    world.report().sources.into_iter().next().unwrap()
}

/// Runs on until a request is on its way that nobody answers.
fn next_request(world: &mut World) -> Transmit {
    world.server(1).alive = false;
    let before = world.sent.len();
    for _ in 0..400 {
        world.run(0.5);
        if let Some((_, request)) = world.sent.get(before) {
            return *request;
        }
    }
    panic!("no poll");
}

/// A synchronised association with key 6, and a request of it that waits.
fn pending() -> (World, Transmit) {
    let (config, server) = keyed(6);
    let mut world = World::new(config, 0.01, 5.0, vec![server]);
    world.run(30.0);
    assert!(world.report().system.synchronised);
    let request = next_request(&mut world);
    (world, request)
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
fn every_algorithm_and_version_synchronises() {
    for (version, id) in [3, 4].into_iter().flat_map(|version| (1..=7).map(move |id| (version, id))) {
        let (mut config, server) = keyed(id);
        config.sources[0].options.version = version;
        let mut world = World::new(config, 0.2, 20.0, vec![server]);
        world.run(20.0);
        let source = only(&world);
        assert!(world.report().system.synchronised, "version {version}, key {id}: {source:?}");
        assert!(source.dropped.is_empty());
        let authentication = source.authentication.unwrap();
        assert_eq!((authentication.method.as_str(), authentication.key_id), ("key", Some(id)));
        assert_eq!(authentication.algorithm.as_deref(), Some(key(id).algorithm().name()));
    }
}

#[test]
fn na_20_missing_mac_rejected() {
    let (mut world, request) = pending();
    let honest = world.honest_reply(&request);
    refused_by(&mut world, &request, &honest.write(), "mac");
    // A field is no MAC either.
    let field = [&honest.write()[..], &[0xf0, 0x0f, 0, 28], &[0; 24]].concat();
    refused_by(&mut world, &request, &field, "mac");
    world.run(60.0);
    let only = only(&world);
    assert_eq!(only.accepted, only.samples, "nothing more was taken");
}

#[test]
fn na_19_key_bound_to_association() {
    let (mut world, request) = pending();
    let honest = world.honest_reply(&request);
    // A valid MAC, of a key that both know, but not this association's.
    refused_by(&mut world, &request, &signed(&honest, 7), "key");
    let bytes = honest.write();
    for (made_with, said, check) in [(7, 6, "digest"), (6, 7, "key"), (6, 99, "key"), (6, 0, "key")] {
        let packet = [&bytes[..], &mac(&bytes, made_with, said, 4)].concat();
        refused_by(&mut world, &request, &packet, check);
    }
    world.inject(request.token, request.remote, &signed(&honest, 6));
    assert_eq!(only(&world).last_sample_age_s, Some(0.0), "the right one is still taken");
}

#[test]
fn an_association_without_a_key_takes_no_mac() {
    let mut config = config(vec![source(1)]);
    config.keys = keys();
    let mut world = World::new(config, 0.01, 5.0, vec![Server::new(1)]);
    world.run(30.0);
    let request = next_request(&mut world);
    let honest = world.honest_reply(&request);
    refused_by(&mut world, &request, &signed(&honest, 6), "key");
    refused_by(&mut world, &request, &[&honest.write()[..], &[0; 4]].concat(), "crypto_nak");
}

#[test]
fn na_16_crypto_nak_ignored() {
    let (mut world, request) = pending();
    let honest = world.honest_reply(&request);
    for version in [3, 4] {
        let mut header = honest;
        header.version = version;
        let packet = [&header.write()[..], &[0; 4]].concat();
        let check = if version == 4 { "crypto_nak" } else { "version" };
        refused_by(&mut world, &request, &packet, check);
    }
    // Nor does one without the right origin get as far.
    let mut forged = honest;
    forged.origin_timestamp = forged.receive_timestamp;
    refused_by(&mut world, &request, &[&forged.write()[..], &[0; 4]].concat(), "origin");
    world.inject(request.token, request.remote, &signed(&honest, 6));
    assert_eq!(only(&world).last_sample_age_s, Some(0.0), "the request was still open");
}

#[test]
fn na_13_kod_deny_does_not_demobilise_authenticated() {
    for code in [b"DENY", b"RSTR", b"RATE", b"NTSN"] {
        let (mut world, request) = pending();
        let mut kiss = world.honest_reply(&request);
        (kiss.stratum, kiss.reference_id) = (0, ReferenceId(*code));
        let poll = only(&world).poll;
        refused_by(&mut world, &request, &kiss.write(), "mac");
        refused_by(&mut world, &request, &signed(&kiss, 7), "key");
        refused_by(&mut world, &request, &[&kiss.write()[..], &[0; 4]].concat(), "crypto_nak");
        assert_eq!((only(&world).state, only(&world).poll), (SourceState::SystemPeer, poll));
        assert_eq!(world.saw(|event| matches!(event, Event::Kiss { .. })), 0);
        // The server's own word counts.
        world.inject(request.token, request.remote, &signed(&kiss, 6));
        assert_eq!(world.saw(|event| matches!(event, Event::Kiss { .. })), 1);
        let stopped = only(&world).state == SourceState::Stopped;
        assert_eq!(stopped, code == b"DENY" || code == b"RSTR");
    }
}

#[test]
fn at_06_stale_replay_of_an_authenticated_reply() {
    let (mut world, first) = pending();
    let old = signed(&world.honest_reply(&first), 6);
    world.inject(first.token, first.remote, &old);
    refused_by(&mut world, &first, &old, "duplicate");
    let second = next_request(&mut world);
    refused_by(&mut world, &second, &old, "origin");
}

#[test]
fn why_an_association_gets_no_samples_is_said() {
    let reason = |server: Server, keys: KeyTable| {
        let (mut config, _) = keyed(6);
        config.keys = keys;
        let mut world = World::new(config, 0.01, 5.0, vec![server]);
        world.run(30.0);
        let only = only(&world);
        assert_eq!((only.state, only.accepted), (SourceState::Rejected, 0));
        assert!(world.report().system.reason.ends_with(&only.reason), "{}", world.report().system.reason);
        only.reason
    };
    let plain = Server::new(1);
    assert_eq!(reason(plain, keys()), "replies are not authenticated");
    let other = Server::new(1).sealed(|_, reply| signed(reply, 7));
    assert_eq!(reason(other, keys()), "replies are authenticated with another key");
    let changed = Server::new(1).sealed(|_, reply| {
        let bytes = reply.write();
        [&bytes[..], &mac(&bytes, 7, 6, 4)].concat()
    });
    assert_eq!(
        reason(changed, keys()),
        "replies are authenticated wrongly: its key is another one than ours"
    );
    let ntpd = Server::new(1).sealed(|_, reply| [&reply.write()[..], &[0; 4]].concat());
    assert_eq!(reason(ntpd, keys()), "it says that it cannot verify our key");
    let (_, server) = keyed(6);
    assert_eq!(reason(server, KeyTable::default()), "its key is not in the key file, so it is not asked");
}

#[test]
fn without_its_key_a_source_is_not_asked_and_with_it_it_is() {
    let (complete, server) = keyed(6);
    let without = EngineConfig { keys: KeyTable::default(), ..complete.clone() };
    let mut world = World::new(without.clone(), 0.01, 5.0, vec![server]);
    world.run(100.0);
    assert_eq!((world.sent.len(), only(&world).sent), (0, 0), "nothing goes out in the clear");
    world.command(Command::Reload(Box::new(complete)));
    world.run(100.0);
    assert!(world.report().system.synchronised);
    let before = world.sent.len();
    world.command(Command::Reload(Box::new(without)));
    world.run(2000.0);
    assert_eq!(world.sent.len(), before, "the key is gone");
}

#[test]
fn what_goes_out_is_the_header_and_the_mac() {
    let (mut world, request) = pending();
    let packet = Packet::parse(request.payload()).unwrap();
    assert_eq!(packet.bytes().len(), 48 + 4 + 16);
    assert_eq!(packet.header(), Header::request(4, packet.header().transmit_timestamp));
    assert!(key(6).verify(packet.covered(), packet.mac().unwrap().digest));
    assert!(!world.engine.state_digest().contains("060606"), "no key is shown");
    assert!(world.digest() != 0);
}

/// Ways to spoil an authenticated reply.
#[derive(Clone, Debug)]
enum Spoil {
    Flip(Vec<(usize, u8)>),
    Cut(usize),
    Extend(Vec<u8>),
    OtherKey(u32),
    Tail(Vec<u8>),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    prop_oneof![
        4 => vec((0_usize..68, 1_u8..), 1..4).prop_map(Spoil::Flip),
        1 => (0_usize..68).prop_map(Spoil::Cut),
        1 => vec(any::<u8>(), 1..80).prop_map(Spoil::Extend),
        1 => (1_u32..=7).prop_filter("the right key", |id| *id != 6).prop_map(Spoil::OtherKey),
        1 => vec(any::<u8>(), 0..40).prop_map(Spoil::Tail),
    ]
}

impl Spoil {
    fn apply(&self, reply: &Header) -> Vec<u8> {
        let mut packet = signed(reply, 6);
        match self {
            Self::Flip(flips) => flips.iter().for_each(|(at, bits)| packet[*at] ^= bits),
            Self::Cut(len) => packet.truncate(*len),
            Self::Extend(more) => packet.extend(more),
            Self::OtherKey(id) => return signed(reply, *id),
            Self::Tail(tail) => packet = [&packet[..48], tail].concat(),
        }
        packet
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is done to an authenticated reply, kisses included, changes nothing but a counter.
    #[test]
    fn na_17_bad_auth_changes_nothing(spoils in vec((spoil(), any::<bool>()), 1..30)) {
        let (mut world, request) = pending();
        for (spoil, kiss) in spoils {
            let mut reply = world.honest_reply(&request);
            if kiss {
                (reply.stratum, reply.reference_id) = (0, ReferenceId(*b"DENY"));
            }
            let packet = spoil.apply(&reply);
            if packet == signed(&reply, 6) {
                continue;
            }
            let before = world.digest();
            let drops = |world: &World| only(world).dropped.values().sum::<u64>();
            let count = drops(&world);
            world.inject(request.token, request.remote, &packet);
            prop_assert_eq!(drops(&world), count + 1, "{:?}", spoil);
            prop_assert_eq!(world.digest(), before, "{:?}", spoil);
        }
        let honest = world.honest_reply(&request);
        world.inject(request.token, request.remote, &signed(&honest, 6));
        prop_assert_eq!(only(&world).last_sample_age_s, Some(0.0));
    }
}
