//! Attacks on the way, wrong clocks, and certificates that change.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::*;
use truechimer_nts::aead::Algorithm;
use truechimer_nts::negotiate::{ClientOffer, ServerPolicy};
use truechimer_nts_ke::authority::{Authority, server_params};
use truechimer_nts_ke::testing::{Manners, Peer, Raw, RawClients, talk};
use truechimer_nts_ke::{CertificateFault, ClientSession, DatePolicy, KeError, ServerFault, Validity};

/// 1970-01-01, as a machine without a battery has it.
const EPOCH_S: i64 = 0;
/// 2099-12-31.
const FAR_S: i64 = 4_102_358_400;

fn defer(floor_unix_s: i64) -> DatePolicy {
    DatePolicy::Defer { floor_unix_s }
}

fn certificate(fault: CertificateFault) -> KeError {
    KeError::Certificate(fault)
}

/// A hello of TLS 1.2, which knows nothing of versions beyond.
fn hello_of_tls12() -> Vec<u8> {
    let extensions = [
        &[0x00, 0x0a, 0, 4, 0, 2, 0x00, 0x1d][..], // groups: X25519
        &[0x00, 0x0d, 0, 4, 0, 2, 0x04, 0x03],     // signatures: ECDSA P-256
        &[0x00, 0x10, 0, 10, 0, 8, 7, b'n', b't', b's', b'k', b'e', b'/', b'1'], // ALPN
    ]
    .concat();
    let mut body = vec![0x03, 0x03];
    body.extend_from_slice(&[9; 32]);
    body.extend_from_slice(&[0, 0, 2, 0xc0, 0x2b, 1, 0, 0, extensions.len() as u8]);
    body.extend_from_slice(&extensions);
    handshake(1, &body)
}

/// One handshake message of a server that chooses TLS 1.2.
fn server_hello_of_tls12() -> Vec<u8> {
    let mut body = vec![0x03, 0x03];
    body.extend_from_slice(&[9; 32]);
    body.extend_from_slice(&[0, 0xc0, 0x2b, 0, 0, 0]);
    handshake(2, &body)
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let len = body.len() as u8;
    let mut record = vec![0x16, 3, 1, 0, len + 4, kind, 0, 0, len];
    record.extend_from_slice(body);
    record
}

fn alert(code: u8) -> Vec<u8> {
    vec![0x15, 3, 3, 0, 2, 2, code]
}

fn client_hears(world: &World, bytes: &[u8]) -> KeError {
    let mut client = world.client();
    assert!(!client.pull().is_empty());
    client.push(bytes);
    client.handle_eof();
    client.into_outcome().unwrap_err()
}

fn server_hears(world: &World, bytes: &[u8]) -> (ServerFault, Vec<u8>) {
    let mut server = world.server();
    server.push(bytes);
    server.push_eof();
    let said = server.pull();
    assert!(server.session.is_finished());
    (server.session.outcome().unwrap().unwrap_err(), said)
}

#[test]
fn at20_stripping_no_alpn() {
    let world = World::new();
    // A server of something else that has the right certificate, such as the web server on the same host.
    for protocols in [vec![], vec![b"h2".to_vec()], vec![b"ntske/2".to_vec()]] {
        let mut server = Raw::server(&world.files, Manners { protocols, ..Manners::default() }).unwrap();
        assert_eq!(exchange(world.client(), &mut server), Err(KeError::NoApplicationProtocol));
        assert!(server.heard.is_empty(), "the request went to somebody who does not speak the protocol");
    }
    // A client that asks for nothing or something else gets nothing, not even our certificate.
    for protocols in [vec![], vec![b"h2".to_vec(), b"http/1.1".to_vec()]] {
        let manners = Manners { protocols, says: request(&[]), ..Manners::default() };
        let mut client = Raw::client(world.authority.root(), NAME, manners).unwrap();
        let mut server = world.server();
        talk(&mut client, &mut server, || usize::MAX);
        assert_eq!(server.session.outcome(), Some(Err(ServerFault::NoApplicationProtocol)));
        assert!(client.heard.is_empty() && !client.is_connected());
    }
}

#[test]
fn at20_stripping_no_ntpv4_and_no_algorithm() {
    let world = World::new();
    let mut server = world.server();
    server.policy = ServerPolicy { algorithms: vec![Algorithm::AesSivCmac512], ..ServerPolicy::default() };
    assert_eq!(exchange(world.client(), &mut server), Err(KeError::NoAlgorithm));
    assert_eq!(server.session.outcome(), Some(Err(ServerFault::NothingInCommon)));

    let says = [record(0x8001, &[0x12, 0x34]), record(0x8004, &[0, 15]), record(0x8000, &[])].concat();
    let mut client = Raw::client(world.authority.root(), NAME, saying(&says)).unwrap();
    let mut server = world.server();
    talk(&mut client, &mut server, || usize::MAX);
    assert_eq!(server.session.outcome(), Some(Err(ServerFault::NothingInCommon)));
    assert_eq!(records(&client.heard), [(0x8001, vec![]), (0x8000, vec![])]);
}

#[test]
fn at20_stripping_tls12_peers() {
    let world = World::new();
    let (fault, said) = server_hears(&world, &hello_of_tls12());
    assert_eq!((fault, said), (ServerFault::TlsVersion, alert(70)));
    assert_eq!(client_hears(&world, &server_hello_of_tls12()), KeError::TlsVersion);
    assert_eq!(client_hears(&world, &alert(70)), KeError::TlsVersion);
}

#[test]
fn at20_what_is_not_tls_and_what_is_cut() {
    let world = World::new();
    for bytes in
        [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"SSH-2.0-OpenSSH_10.0\r\n", &[0; 48], &[0x23; 48]]
    {
        assert_eq!(client_hears(&world, bytes), KeError::NotTls);
    }
    for bytes in [&b"GET / HTTP/1.1\r\nHost: ntp.example\r\n\r\n"[..], b"\n\n\n\n\n\n", &[0x80; 99]] {
        assert_eq!(server_hears(&world, bytes).0, ServerFault::NotTls);
    }
    assert_eq!(client_hears(&world, &[]), KeError::Closed);
    assert_eq!(client_hears(&world, &[0x16, 3, 3, 0, 50, 2]), KeError::Closed);
    assert_eq!(client_hears(&world, &alert(40)), KeError::Alert(40));
    assert_eq!(client_hears(&world, &alert(120)), KeError::NoApplicationProtocol);
    assert_eq!(server_hears(&world, &[]).0, ServerFault::Closed);
    assert_eq!(server_hears(&world, &alert(48)).0, ServerFault::Alert(48));
    assert_eq!(server_hears(&world, &[0x16, 3, 1, 0x02, 0, 1]).0, ServerFault::Closed);
}

#[test]
fn at20_every_changed_byte_is_noticed_or_does_not_matter() {
    let world = World::new();
    let (mut changed, mut without_effect) = (0, 0);
    // The server's part of the handshake and its answer, with one byte changed in each run.
    for at in (0..2500usize).step_by(23) {
        let (mut client, mut server) = (world.client(), world.server());
        let (mut passed, mut is_changed) = (0, false);
        for _ in 0..4 {
            server.push(&client.pull());
            let mut bytes = server.pull();
            if let Some(byte) = at.checked_sub(passed).and_then(|at| bytes.get_mut(at)) {
                *byte ^= 0x10;
                is_changed = true;
            }
            passed += bytes.len();
            client.push(&bytes);
        }
        client.handle_eof();
        let outcome = client.into_outcome();
        assert!(is_changed || outcome.is_ok(), "{outcome:?}");
        changed += usize::from(is_changed);
        if let Ok(exchanged) = outcome {
            without_effect += usize::from(is_changed);
            assert_eq!(world.ring.open_cookie(&exchanged.cookies[0]), Ok(exchanged.keys), "byte {at}");
        }
    }
    // TLS does not look at the version in a record's header.
    assert!(changed > 50 && without_effect < 3, "{without_effect} of {changed}");
}

#[test]
fn at20_a_cut_answer_is_none() {
    let world = World::new();
    let says = [record(0x8001, &[0, 0]), record(0x8004, &[0, 15]), record(5, &[1; 96])].concat();
    for closes in [true, false] {
        let mut server = Raw::server(&world.files, Manners { closes, ..saying(&says) }).unwrap();
        assert_eq!(exchange(world.client(), &mut server), Err(KeError::Closed));
    }
}

#[test]
fn at24_ke_half_closed_and_silent_peers() {
    let world = World::new();
    // RFC 8915 §4: who has said all may say so at once, and still wants the answer.
    let manners = Manners { closes: true, ..saying(&request(&[])) };
    let mut client = Raw::client(world.authority.root(), NAME, manners).unwrap();
    let mut server = world.server();
    talk(&mut client, &mut server, || usize::MAX);
    server.push_eof();
    assert_eq!(server.session.outcome(), Some(Ok(Algorithm::AesSivCmac256)));
    assert_eq!(records(&client.heard).len(), 11);

    // The same before anything was said.
    let manners = Manners { closes: true, ..saying(&request(&[])[..7]) };
    let mut client = Raw::client(world.authority.root(), NAME, manners).unwrap();
    let mut server = world.server();
    talk(&mut client, &mut server, || usize::MAX);
    assert_eq!(server.session.outcome(), Some(Err(ServerFault::Closed)));
    assert!(client.heard.is_empty() && client.is_closed);

    // A connection that ends in the middle of the handshake.
    let (mut client, mut server) = (world.client(), world.server());
    server.push(&client.pull()[..100]);
    server.push_eof();
    assert_eq!(server.session.outcome(), Some(Err(ServerFault::Closed)));
    client.push(&server.pull());
    client.handle_eof();
    assert_eq!(client.into_outcome(), Err(KeError::Closed));
}

#[test]
fn at24_ke_renegotiation_and_garbage() {
    let world = World::new();
    let hello = world.client().pull();
    // A second hello instead of the rest of the handshake, in one piece or two.
    let (fault, _) = server_hears(&world, &[&hello[..], &hello].concat());
    assert_eq!(fault, ServerFault::Tls);
    let mut server = world.server();
    server.push(&hello);
    assert!(server.pull().len() > 500);
    server.push(&hello);
    assert_eq!(server.session.outcome(), Some(Err(ServerFault::Tls)));

    // A hello in the clear, or bytes that nobody encrypted, after the handshake.
    for bytes in [hello.clone(), [&[0x17, 3, 3, 0, 64][..], &[0xaa; 64]].concat()] {
        let mut client = Raw::client(world.authority.root(), NAME, saying(&[])).unwrap();
        let mut server = world.server();
        talk(&mut client, &mut server, || usize::MAX);
        assert!(client.is_connected() && server.session.outcome().is_none());
        server.push(&bytes);
        assert_eq!(server.session.outcome(), Some(Err(ServerFault::Tls)));
        client.push(&server.pull());
        assert!(client.complaint.is_some(), "no alert was sent");
    }
}

#[test]
fn at24_one_request_a_connection() {
    let world = World::new();
    let says = [request(&[]), request(&[])].concat();
    let mut client = Raw::client(world.authority.root(), NAME, saying(&says)).unwrap();
    let mut server = world.server();
    talk(&mut client, &mut server, || usize::MAX);
    client.say(&request(&[]));
    talk(&mut client, &mut server, || usize::MAX);
    assert_eq!(records(&client.heard).len(), 11);
    assert!(client.is_closed && server.session.is_finished());
}

#[test]
fn at26_tls_wrong_clock_bootstrap() {
    let world = World::new();
    let span = days(30, 60);
    // Judged by a clock that is wrong, the certificate is wrong.
    assert_eq!(
        world.exchange(NAME, date(EPOCH_S)),
        Err(certificate(CertificateFault::NotYetValid { not_before_s: span.not_before_s }))
    );
    assert_eq!(
        world.exchange(NAME, date(FAR_S)),
        Err(certificate(CertificateFault::Expired { not_after_s: span.not_after_s }))
    );
    assert!(world.exchange(NAME, date(-1)).is_err());
    // With the verdict on the date deferred it is accepted, and the span told in which that was right.
    for floor in [i64::MIN, EPOCH_S, NOW_S - 300 * DAY_S, NOW_S, span.not_after_s] {
        assert_eq!(world.exchange(NAME, defer(floor)).unwrap().validity, span, "{floor}");
    }
    // What had ended when this program was built is over, whatever the clock says.
    for floor in [span.not_after_s + 1, FAR_S, i64::MAX] {
        assert_eq!(
            world.exchange(NAME, defer(floor)),
            Err(certificate(CertificateFault::Expired { not_after_s: span.not_after_s })),
            "{floor}"
        );
    }
}

#[test]
fn at26_only_the_date_is_deferred() {
    let world = World::new();
    let stranger = World::new();
    let mut client = world.client_for(NAME, defer(EPOCH_S));
    talk(&mut client, &mut stranger.server(), || usize::MAX);
    assert_eq!(client.into_outcome(), Err(certificate(CertificateFault::Signature)));
    assert!(matches!(
        world.exchange("other.example", defer(EPOCH_S)),
        Err(KeError::Certificate(CertificateFault::WrongName { .. }))
    ));
    // Neither may the authority's certificate be a server's, nor a client's be one.
    let mut params = server_params(&[NAME], days(1, 1)).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let mut server = Raw::server(&world.authority.certify_params(&params).unwrap(), saying(&[])).unwrap();
    let client = world.client_for(NAME, defer(EPOCH_S));
    assert_eq!(exchange(client, &mut server), Err(certificate(CertificateFault::Authority)));
    let mut params = server_params(&[NAME], days(1, 1)).unwrap();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let mut server = Raw::server(&world.authority.certify_params(&params).unwrap(), saying(&[])).unwrap();
    let client = world.client_for(NAME, defer(EPOCH_S));
    assert_eq!(exchange(client, &mut server), Err(certificate(CertificateFault::Purpose)));
    // The right certificate, and not its key.
    let stolen = truechimer_nts_ke::authority::Certified {
        chain: world.files.chain.clone(),
        key: stranger.files.key.clone(),
    };
    let mut server = Raw::server(&stolen, saying(&[])).unwrap();
    let client = world.client_for(NAME, defer(EPOCH_S));
    assert_eq!(exchange(client, &mut server), Err(certificate(CertificateFault::Key)));
}

#[test]
fn at26_a_chain_must_have_been_valid_at_one_time() {
    let root = Authority::new("root", days(5000, 5000)).unwrap();
    let span =
        |from: i64, to: i64| Validity { not_before_s: NOW_S + from * DAY_S, not_after_s: NOW_S + to * DAY_S };
    for (middle, leaf, common) in [
        (span(-100, 100), span(-10, 10), Some(span(-10, 10))),
        (span(-5, 100), span(-10, 10), Some(span(-5, 10))),
        (span(-100, 5), span(-10, 10), Some(span(-10, 5))),
        (span(-100, -10), span(-10, 10), Some(span(-10, -10))),
        (span(-100, -11), span(-10, 10), None),
        (span(11, 100), span(-10, 10), None),
    ] {
        let middle = root.intermediate("middle", middle).unwrap();
        let files = middle.certify(&[NAME], leaf).unwrap();
        let mut server = Raw::server(&files, saying(&[])).unwrap();
        let mut client =
            ClientSession::new(&root.clients().unwrap(), NAME, defer(EPOCH_S), ClientOffer::default())
                .unwrap();
        talk(&mut client, &mut server, || usize::MAX);
        match common {
            None => {
                let never = Some(&Err(certificate(CertificateFault::NeverValid)));
                assert_eq!(client.outcome(), never, "{leaf:?}");
            }
            Some(common) => {
                assert!(client.outcome().is_none() && server.is_connected());
                // And the whole exchange tells it.
                let mut world = World::with(Authority::new("unused", days(1, 1)).unwrap(), files);
                world.clients = root.clients().unwrap();
                assert_eq!(world.exchange(NAME, defer(EPOCH_S)).unwrap().validity, common);
                assert_eq!(world.identity.validity(), common);
            }
        }
    }
}

/// A spare certificate that ended long ago, as servers send for the sake of old clients, spoils nothing.
#[test]
fn at26_certificates_beside_the_path_do_not_count() {
    let root = Authority::new("root", days(5000, 5000)).unwrap();
    let middle = root.intermediate("middle", days(100, 100)).unwrap();
    let mut files = middle.certify(&[NAME], days(10, 10)).unwrap();
    let spare = Authority::new("old root", days(5000, -1000)).unwrap();
    let future = Authority::new("new root", days(-5, 1000)).unwrap();
    files.chain = files.chain + spare.root() + future.root();
    let mut server = Raw::server(&files, saying(&[])).unwrap();
    for policy in [defer(EPOCH_S), date(NOW_S)] {
        let tls = root.clients().unwrap();
        let mut client = ClientSession::new(&tls, NAME, policy, ClientOffer::default()).unwrap();
        talk(&mut client, &mut server, || usize::MAX);
        assert!(client.outcome().is_none(), "{:?}", client.outcome());
        server = Raw::server(&files, saying(&[])).unwrap();
    }
}

#[test]
fn at27_cert_expired_while_running() {
    let world = World::new();
    let end = days(30, 60).not_after_s;
    assert!(world.exchange(NAME, date(end)).is_ok(), "the last second belongs to it");
    let error = world.exchange(NAME, date(end + 1)).unwrap_err();
    assert_eq!(error, certificate(CertificateFault::Expired { not_after_s: end }));
    assert_eq!(error.to_string(), "the server's certificate expired on 2027-03-16, or our clock is ahead");
    // The server does not notice, but is told by the client's alert (45: certificate_expired).
    let (mut client, mut server) = (world.client_for(NAME, date(end + 1)), world.server());
    talk(&mut client, &mut server, || usize::MAX);
    assert_eq!(server.session.outcome(), Some(Err(ServerFault::Alert(45))));
}

#[test]
fn at27_cert_rotated() {
    let mut world = World::new();
    let old = world.server();
    let mut old = old;
    let mut client = world.client();
    old.push(&client.pull());
    let new = world.authority.certify(&[NAME], days(0, 90)).unwrap();
    let identity = identity(&new);
    // What began with the old certificate ends with it.
    client.push(&old.pull());
    old.push(&client.pull());
    client.push(&old.pull());
    assert_eq!(client.into_outcome().unwrap().validity, days(30, 60));
    world.identity = identity;
    assert_eq!(world.exchange(NAME, date(NOW_S)).unwrap().validity, days(0, 90));
}

#[test]
fn at27_ca_removed() {
    let mut world = World::new();
    assert!(world.exchange(NAME, date(NOW_S)).is_ok());
    world.clients = Authority::new("another", days(1000, 1000)).unwrap().clients().unwrap();
    assert_eq!(world.exchange(NAME, date(NOW_S)), Err(certificate(CertificateFault::UnknownIssuer)));
    // One of the same name that was made anew is another.
    world.clients = Authority::new("root", days(1000, 1000)).unwrap().clients().unwrap();
    assert_eq!(world.exchange(NAME, date(NOW_S)), Err(certificate(CertificateFault::Signature)));
}

/// There is no OCSP: a certificate that demands a staple (RFC 7633) is taken without.
#[test]
fn at27_no_ocsp() {
    let world = World::new();
    let mut params = server_params(&[NAME], days(1, 1)).unwrap();
    let must_staple = vec![0x30, 0x03, 0x02, 0x01, 0x05];
    let oid = [1, 3, 6, 1, 5, 5, 7, 1, 24];
    params.custom_extensions = vec![rcgen::CustomExtension::from_oid_content(&oid, must_staple)];
    let files = world.authority.certify_params(&params).unwrap();
    let world = World::with(world.authority, files);
    assert!(world.exchange(NAME, date(NOW_S)).is_ok());
}

/// A ticket would link a client's exchanges. Neither side gives or takes one, and a client that has one from a server that
/// had the name before is served all the same.
#[test]
fn no_tickets_and_no_resumption() {
    let world = World::new();
    let manners = Manners { tickets: true, ..saying(&request(&[])) };
    let clients = RawClients::new(world.authority.root(), manners.clone()).unwrap();
    let mut generous = Raw::server(&world.files, Manners { says: vec![], ..manners }).unwrap();
    let mut client = clients.connect(NAME).unwrap();
    let first_hello = client.pull();
    generous.push(&first_hello);
    talk(&mut client, &mut generous, || usize::MAX);

    let mut client = clients.connect(NAME).unwrap();
    let hello = client.pull();
    assert!(hello.len() > first_hello.len() + 60, "there is no ticket in this hello");
    let mut server = world.server();
    server.push(&hello);
    talk(&mut client, &mut server, || usize::MAX);
    assert_eq!(client.complaint, None);
    assert_eq!(server.session.outcome(), Some(Ok(Algorithm::AesSivCmac256)));
    assert_eq!(records(&client.heard).len(), 11);

    // And our client does not use what the generous server gives.
    let lengths = [0; 2].map(|_| {
        let mut client = world.client();
        let hello = client.pull();
        let mut generous = Raw::server(&world.files, Manners { tickets: true, ..saying(&[]) }).unwrap();
        generous.push(&hello);
        talk(&mut client, &mut generous, || usize::MAX);
        hello.len()
    });
    assert_eq!(lengths[0], lengths[1]);
}
