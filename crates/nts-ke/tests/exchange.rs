//! What an exchange gives, with whom, and what it takes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use rcgen::KeyPair;
use truechimer_nts::aead::Algorithm;
use truechimer_nts::negotiate::{ClientOffer, Exporter, ServerPolicy};
use truechimer_nts_ke::authority::{Certified, server_params};
use truechimer_nts_ke::testing::{Manners, Raw, talk};
use truechimer_nts_ke::{ClientSession, KeError, TrustedCertificates};

#[test]
fn both_sides_have_the_same_keys_for_every_algorithm() {
    let world = World::new();
    for algorithm in Algorithm::ALL {
        let offer = ClientOffer { algorithms: vec![algorithm], ..ClientOffer::default() };
        let client = ClientSession::new(&world.clients, NAME, date(NOW_S), offer).unwrap();
        let exchanged = exchange(client, &mut world.server()).unwrap();
        assert_eq!(exchanged.keys.algorithm(), algorithm);
        assert_eq!(exchanged.alternative, None);
        assert_eq!((exchanged.server, exchanged.port), (None, None));
        let mut cookies = exchanged.cookies;
        assert!(cookies.iter().all(|one| world.ring.open_cookie(one).as_ref() == Ok(&exchanged.keys)));
        cookies.sort();
        cookies.dedup();
        assert_eq!(cookies.len(), 8, "two cookies are the same");
    }
    let first = world.exchange(NAME, date(NOW_S)).unwrap();
    let second = world.exchange(NAME, date(NOW_S)).unwrap();
    assert_ne!(first.keys, second.keys);
}

/// By its key, and not by its name or certificate: that is what a thief has.
#[test]
fn servers_with_one_key_are_told_from_others() {
    let mut world = World::new();
    let key_of = |world: &World| world.exchange(NAME, date(NOW_S)).unwrap().certificate_key;
    let first = key_of(&world);
    assert_eq!(key_of(&world), first);
    let key = KeyPair::from_pem(&world.files.key).unwrap();
    let params = server_params(&[NAME, "other.example"], days(1, 90)).unwrap();
    let chain = world.authority.certify_key(&params, &key).unwrap();
    world.identity = identity(&Certified { chain, key: world.files.key.clone() });
    assert_eq!(key_of(&world), first);
    world.identity = identity(&world.authority.certify(&[NAME], days(1, 90)).unwrap());
    assert_ne!(key_of(&world), first);
}

#[test]
fn a_server_may_send_clients_elsewhere() {
    let world = World::new();
    let mut server = world.server();
    server.policy =
        ServerPolicy { server: Some("a.ntp.example".into()), port: Some(11123), ..ServerPolicy::default() };
    let exchanged = exchange(world.client(), &mut server).unwrap();
    assert_eq!((exchanged.server.as_deref(), exchanged.port), (Some("a.ntp.example"), Some(11123)));
}

/// chrony before 4.6.1 does not confirm how it exports keys for AES-128-GCM-SIV, so there are two pairs to try.
#[test]
fn an_unconfirmed_export_leaves_an_alternative() {
    let world = World::new();
    let answer =
        [record(0x8001, &[0, 0]), record(0x8004, &[0, 30]), record(5, &[3; 64]), record(0x8000, &[])]
            .concat();
    let mut server = Raw::server(&world.files, saying(&answer)).unwrap();
    let exchanged = exchange(world.client(), &mut server).unwrap();
    let export = |exporter: Exporter| server.export(exporter).unwrap();
    assert_eq!(exchanged.keys, export(Exporter::chrony(Algorithm::Aes128GcmSiv)));
    assert_eq!(exchanged.alternative, Some(export(Exporter::compliant(Algorithm::Aes128GcmSiv))));
}

#[test]
fn every_group_that_peers_prefer_is_spoken() {
    const P256: u16 = 23;
    const P384: u16 = 24;
    const X25519: u16 = 29;
    const X25519_ML_KEM: u16 = 0x11ec;
    let world = World::new();
    for group in [P256, P384, X25519, X25519_ML_KEM] {
        let groups = vec![group];
        let manners = Manners { groups: groups.clone(), ..saying(&request(&[])) };
        let mut client = Raw::client(world.authority.root(), NAME, manners).unwrap();
        let mut server = world.server();
        talk(&mut client, &mut server, || usize::MAX);
        assert_eq!(server.session.outcome(), Some(Ok(Algorithm::AesSivCmac256)), "{group}");
        assert_eq!(client.group(), Some(group));

        // Where the server insists, our client tries again (HelloRetryRequest).
        let mut server = Raw::server(&world.files, Manners { groups, ..saying(&[]) }).unwrap();
        let mut client = world.client();
        talk(&mut client, &mut server, || usize::MAX);
        assert!(server.is_connected() && client.outcome().is_none(), "{group}");
    }
    // A client that likes the hybrid most gets it, as its order counts; ours goes for the cheap one.
    let manners = Manners { groups: vec![X25519_ML_KEM, X25519], ..saying(&request(&[])) };
    let mut client = Raw::client(world.authority.root(), NAME, manners.clone()).unwrap();
    talk(&mut client, &mut world.server(), || usize::MAX);
    assert_eq!(client.group(), Some(X25519_ML_KEM));
    let mut server = Raw::server(&world.files, Manners { says: vec![], ..manners }).unwrap();
    talk(&mut world.client(), &mut server, || usize::MAX);
    assert_eq!(server.group(), Some(X25519));
}

#[test]
fn a_self_signed_certificate_can_be_trusted_itself() {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = truechimer_nts_ke::authority::server_params(&[NAME], days(1, 1)).unwrap();
    let chain = params.self_signed(&key).unwrap().pem();
    let files = truechimer_nts_ke::authority::Certified { chain: chain.clone(), key: key.serialize_pem() };
    let mut world =
        World::with(truechimer_nts_ke::authority::Authority::new("x", days(1, 1)).unwrap(), files);
    assert!(world.exchange(NAME, date(NOW_S)).is_err());
    let mut trusted = TrustedCertificates::new();
    assert_eq!(trusted.add_pem(chain.as_bytes()), Ok(1));
    world.clients = truechimer_nts_ke::ClientTls::new(trusted).unwrap();
    assert!(world.exchange(NAME, date(NOW_S)).is_ok());
    assert!(world.exchange(NAME, date(NOW_S + 2 * DAY_S)).is_err(), "trusted, and over");
}

#[test]
fn nothing_secret_is_shown() {
    let world = World::new();
    let exchanged = world.exchange(NAME, date(NOW_S)).unwrap();
    let shown = format!("{exchanged:?} {:?} {:?}", world.identity, world.clients);
    assert!(shown.contains("Aes128GcmSiv") && shown.len() < 600, "{shown}");
    let session = world.client();
    assert!(session.outcome().is_none());
    assert_eq!(session.into_outcome(), Err(KeError::Closed));
}
