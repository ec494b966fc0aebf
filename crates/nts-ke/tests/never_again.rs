//! Bugs and holes that other implementations had: "never again".

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::time::{Duration, Instant};

use common::*;
use proptest::prelude::*;
use truechimer_nts::aead::Algorithm;
use truechimer_nts::negotiate::ClientOffer;
use truechimer_nts_ke::authority::{Authority, server_params};
use truechimer_nts_ke::testing::{Peer, Raw, talk};
use truechimer_nts_ke::{
    CHAIN_BYTES_MAX, CHAIN_MAX, CertificateFault, ClientSession, DatePolicy, KeError, ServerFault,
};

fn wrong_name(presented: &str) -> KeError {
    KeError::Certificate(CertificateFault::WrongName { presented: presented.into() })
}

/// NTPsec read records only where they began a TLS record; ntpd-rs 1.2.2 hung on a part of one.
#[test]
fn na08_ke_partial_records_byte_by_byte() {
    let world = World::new();
    let (mut client, mut server) = (world.client(), world.server());
    talk(&mut client, &mut server, || 1);
    assert_eq!(server.session.outcome(), Some(Ok(Algorithm::Aes128GcmSiv)));
    let exchanged = client.into_outcome().unwrap();
    assert_eq!(exchanged.cookies.len(), 8);
    assert_eq!(world.ring.open_cookie(&exchanged.cookies[7]), Ok(exchanged.keys));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn na08_ke_any_split_of_the_stream(
        pieces in proptest::collection::vec(1usize..400, 1..200),
        algorithm in proptest::sample::select(Algorithm::ALL.to_vec()),
    ) {
        let world = World::new();
        let offer = ClientOffer { algorithms: vec![algorithm], ..ClientOffer::default() };
        let mut client = ClientSession::new(&world.clients, NAME, date(NOW_S), offer).unwrap();
        let mut server = world.server();
        let mut sizes = pieces.iter().copied().cycle();
        talk(&mut client, &mut server, || sizes.next().unwrap_or(1));
        prop_assert_eq!(server.session.outcome(), Some(Ok(algorithm)));
        let exchanged = client.into_outcome().unwrap();
        prop_assert_eq!(exchanged.keys.algorithm(), algorithm);
        prop_assert!(exchanged.cookies.iter().all(|one| world.ring.open_cookie(one).as_ref() == Ok(&exchanged.keys)));
    }

    /// The plaintext of one record of the key exchange may come in many of TLS, and the other way round.
    #[test]
    fn na08_ke_records_do_not_care_for_tls_records(cut in 0usize..40) {
        let world = World::new();
        let message = request(&[record(0x4001, b"anything")]);
        let (first, second) = message.split_at(cut.min(message.len()));
        let mut client = Raw::client(world.authority.root(), NAME, saying(first)).unwrap();
        let mut server = world.server();
        talk(&mut client, &mut server, || usize::MAX);
        prop_assert_eq!(server.session.outcome().is_some(), second.is_empty());
        client.say(second);
        talk(&mut client, &mut server, || usize::MAX);
        prop_assert_eq!(server.session.outcome(), Some(Ok(Algorithm::AesSivCmac256)));
        prop_assert!(client.is_closed);
        prop_assert_eq!(records(&client.heard).len(), 2 + 8 + 1);
    }
}

#[test]
fn na09_ke_unknown_noncritical_record_ignored() {
    let world = World::new();
    let says = request(&[record(0x4000, b"what is this"), record(0x0555, &[])]);
    let mut client = Raw::client(world.authority.root(), NAME, saying(&says)).unwrap();
    let mut server = world.server();
    talk(&mut client, &mut server, || usize::MAX);
    assert_eq!(server.session.outcome(), Some(Ok(Algorithm::AesSivCmac256)));

    // And by the client in an answer.
    let answer = [
        record(0x8001, &[0, 0]),
        record(0x0777, b"?"),
        record(0x8004, &[0, 15]),
        record(5, &[1; 96]),
        record(0x8000, &[]),
    ];
    let mut server = Raw::server(&world.files, saying(&answer.concat())).unwrap();
    assert_eq!(exchange(world.client(), &mut server).unwrap().cookies, [vec![1; 96]]);
}

#[test]
fn na09_ke_error_record_is_sent() {
    let world = World::new();
    let no_protocols = [record(0x8004, &[0, 15]), record(0x8000, &[])].concat();
    let long = record(0x0123, &[0; 60_000]);
    let end_with_a_body = record(0x8000, b"!");
    for (says, code, fault) in [
        (request(&[record(0x9234, b"critical")]), 0, ServerFault::Request),
        (no_protocols, 1, ServerFault::Request),
        (request(&[record(5, &[0; 96])]), 1, ServerFault::Request),
        (long[..100].to_vec(), 1, ServerFault::TooMuch),
        (end_with_a_body, 1, ServerFault::Request),
    ] {
        let mut client = Raw::client(world.authority.root(), NAME, saying(&says)).unwrap();
        let mut server = world.server();
        talk(&mut client, &mut server, || usize::MAX);
        assert_eq!(server.session.outcome(), Some(Err(fault)));
        assert_eq!(records(&client.heard), [(0x8002, vec![0, code]), (0x8000, vec![])]);
        assert!(client.is_closed, "the server did not say that nothing more comes");
        assert!(server.session.is_finished());
    }
}

#[test]
fn na09_ke_error_and_warning_records_are_told() {
    let world = World::new();
    for (says, expected) in [
        (record(0x8002, &[0, 2]), KeError::Refused(2)),
        (record(0x8002, &[0, 1]), KeError::Refused(1)),
        (record(0x8003, &[0, 9]), KeError::Warned(9)),
        (record(0x8002, &[0]), KeError::Answer),
        ([record(0x8001, &[]), record(0x8004, &[0, 15])].concat(), KeError::NoProtocol),
        ([record(0x8001, &[0, 0]), record(0x8004, &[])].concat(), KeError::NoAlgorithm),
        ([record(0x8001, &[0, 0]), record(0x8004, &[0, 17])].concat(), KeError::NoAlgorithm),
        ([record(0x8001, &[0, 0]), record(0x8004, &[0, 15])].concat(), KeError::NoCookies),
        ([record(0x8001, &[0, 0]), record(0xffff, &[0, 15])].concat(), KeError::Answer),
    ] {
        let says = [says, record(0x8000, &[])].concat();
        let mut server = Raw::server(&world.files, saying(&says)).unwrap();
        assert_eq!(exchange(world.client(), &mut server), Err(expected));
    }
}

/// OpenNTPD's constraints (CVE-2016-5117) and NTPsec 1.2.5 did not look at the name, or only the first time.
#[test]
fn na35_cert_name_checked_after_cookie_renewal() {
    let mut world = World::new();
    assert!(world.exchange(NAME, date(NOW_S)).is_ok());
    assert!(world.exchange(NAME, date(NOW_S + DAY_S)).is_ok());
    let other = world.authority.certify(&["other.example", "third.example"], days(1, 90)).unwrap();
    world.identity = identity(&other);
    let expected = Err(wrong_name("other.example, third.example"));
    assert_eq!(world.exchange(NAME, date(NOW_S + 2 * DAY_S)), expected);
    assert_eq!(world.exchange(NAME, DatePolicy::Defer { floor_unix_s: NOW_S - DAY_S }), expected);
}

#[test]
fn na35_cert_name_ip_san() {
    let authority = Authority::new("root", days(1000, 1000)).unwrap();
    let files = authority.certify(&["192.0.2.7", "2001:db8::7", "fe80::7", NAME], days(1, 1)).unwrap();
    let world = World::with(authority, files);
    for name in ["192.0.2.7", "2001:db8::7", "2001:db8:0::0007", "fe80::7", "fe80::7%eth0", NAME] {
        assert!(world.exchange(name, date(NOW_S)).is_ok(), "{name}");
    }
    for name in ["192.0.2.8", "2001:db8::8", "::ffff:192.0.2.7", "ntp.example.net", "example"] {
        let error = world.exchange(name, date(NOW_S)).unwrap_err();
        assert_eq!(error, wrong_name(NAME), "{name}");
    }
    // An address that stands in a certificate as if it were a name is none.
    let mut params = server_params(&[], days(1, 1)).unwrap();
    params.subject_alt_names = vec![rcgen::SanType::DnsName("192.0.2.7".try_into().unwrap())];
    let files = world.authority.certify_params(&params).unwrap();
    let world = World::with(world.authority, files);
    assert!(matches!(
        world.exchange("192.0.2.7", date(NOW_S)),
        Err(KeError::Certificate(CertificateFault::WrongName { .. }))
    ));
}

#[test]
fn na35_cert_name_trailing_dot_and_case() {
    let world = World::new();
    for name in ["ntp.example.", "NTP.Example", "ntp.EXAMPLE."] {
        assert!(world.exchange(name, date(NOW_S)).is_ok(), "{name}");
    }
    for name in ["ntp.example..", ".", "", "a b", "ntp.example%eth0", "bücher.example", "-", "[::1]", "1.2.3"]
    {
        let refused = ClientSession::new(&world.clients, name, date(NOW_S), ClientOffer::default());
        assert_eq!(refused.err(), Some(KeError::ServerName), "{name}");
    }
}

#[test]
fn na35_cert_name_wrong_cn() {
    let authority = Authority::new("root", days(1000, 1000)).unwrap();
    let with_common_name = |names: &[&str]| {
        let mut params = server_params(names, days(1, 1)).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, NAME);
        authority.certify_params(&params).unwrap()
    };
    // The common name is right, and does not count: neither beside other names nor alone.
    let beside = with_common_name(&["other.example"]);
    let alone = with_common_name(&[]);
    let mut world = World::with(Authority::new("unused", days(1, 1)).unwrap(), beside);
    world.clients = authority.clients().unwrap();
    assert_eq!(world.exchange(NAME, date(NOW_S)), Err(wrong_name("other.example")));
    world.identity = identity(&alone);
    assert_eq!(world.exchange(NAME, date(NOW_S)), Err(wrong_name("")));
}

#[test]
fn na35_cert_name_wildcards_cover_one_label() {
    let authority = Authority::new("root", days(1000, 1000)).unwrap();
    let files = authority.certify(&["*.pool.example"], days(1, 1)).unwrap();
    let world = World::with(authority, files);
    assert!(world.exchange("a.pool.example", date(NOW_S)).is_ok());
    for name in ["pool.example", "a.b.pool.example", "apool.example"] {
        assert_eq!(world.exchange(name, date(NOW_S)), Err(wrong_name("*.pool.example")), "{name}");
    }
}

/// RUSTSEC-2023-0053: a chain of certificates that all could have issued each other kept `webpki` busy for ever.
#[test]
fn na36_tls_bomb_chain_cpu_bounded() {
    let world = World::new();
    let key = rcgen::KeyPair::generate().unwrap();
    let bomb = |count: usize| {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "all the same");
        let authorities: Vec<_> = (0..count)
            .map(|i| {
                // Dates that differ, so that there are many instants to try.
                params.not_before = rcgen::date_time_ymd(2020, 1, 1 + i as u8);
                let key = rcgen::KeyPair::generate().unwrap();
                rcgen::CertifiedIssuer::self_signed(params.clone(), key).unwrap()
            })
            .collect();
        let server = server_params(&[NAME], days(1, 1)).unwrap().signed_by(&key, &authorities[0]).unwrap();
        let mut chain = vec![server.der().to_vec()];
        chain.extend(authorities.iter().map(|authority| authority.der().to_vec()));
        Raw::server_with_chain(chain, &key.serialize_pem(), saying(&[])).unwrap()
    };
    for policy in [date(NOW_S), DatePolicy::Defer { floor_unix_s: 0 }] {
        let begin = Instant::now();
        let error = exchange(world.client_for(NAME, policy), &mut bomb(CHAIN_MAX - 1)).unwrap_err();
        assert_eq!(error, KeError::Certificate(CertificateFault::UnknownIssuer));
        assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
        let error = exchange(world.client_for(NAME, policy), &mut bomb(CHAIN_MAX)).unwrap_err();
        assert_eq!(error, KeError::Certificate(CertificateFault::TooComplex));
    }
}

#[test]
fn na36_tls_bomb_sizes() {
    let world = World::new();
    let server = |chain: Vec<Vec<u8>>| Raw::server_with_chain(chain, &world.files.key, saying(&[])).unwrap();
    let certificate = pem_to_der(&world.files.chain);
    let big = vec![certificate.clone(), vec![0x30; CHAIN_BYTES_MAX]];
    assert_eq!(
        exchange(world.client(), &mut server(big)),
        Err(KeError::Certificate(CertificateFault::TooComplex))
    );
    let bigger = vec![certificate.clone(), vec![0x30; 70_000]];
    assert!(matches!(exchange(world.client(), &mut server(bigger)), Err(KeError::TooMuch | KeError::Tls)));
    let garbage = vec![vec![0x30; 300]];
    assert_eq!(
        exchange(world.client(), &mut server(garbage)),
        Err(KeError::Certificate(CertificateFault::Malformed))
    );
    let none = Vec::new();
    assert_eq!(
        exchange(world.client(), &mut server(none)),
        Err(KeError::Certificate(CertificateFault::Malformed))
    );
    let garbage_above = vec![certificate, vec![0x30; 300]];
    assert!(exchange(world.client(), &mut server(garbage_above)).is_err());
}

#[test]
fn na36_an_answer_without_end_is_cut_off() {
    let world = World::new();
    let endless = record(5, &[7; 96]).repeat(1000);
    let mut server = Raw::server(&world.files, saying(&endless)).unwrap();
    assert_eq!(exchange(world.client(), &mut server), Err(KeError::TooMuch));
    // A hundred cookies are an answer, of which eight are kept.
    let cookies = record(5, &[7; 96]).repeat(100);
    let says = [record(0x8001, &[0, 0]), record(0x8004, &[0, 15]), cookies, record(0x8000, &[])].concat();
    let mut server = Raw::server(&world.files, saying(&says)).unwrap();
    assert_eq!(exchange(world.client(), &mut server).unwrap().cookies.len(), 8);
}

#[test]
fn na36_a_client_that_never_stops_is_cut_off() {
    let world = World::new();
    let mut server = world.server();
    let mut client = Raw::client(world.authority.root(), NAME, saying(&[])).unwrap();
    talk(&mut client, &mut server, || usize::MAX);
    // Empty records of TLS, then changes of keys: they cost, and say nothing.
    for _ in 0..10_000 {
        client.update_keys();
        let bytes = client.pull();
        if server.session.outcome().is_some() {
            break;
        }
        server.push(&bytes);
    }
    assert!(matches!(server.session.outcome(), Some(Err(ServerFault::Tls | ServerFault::TooMuch))));
}

/// The one certificate of a PEM text.
fn pem_to_der(text: &str) -> Vec<u8> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    CertificateDer::from_pem_slice(text.as_bytes()).unwrap().to_vec()
}
