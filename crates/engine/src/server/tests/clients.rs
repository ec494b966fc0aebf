//! How often a client is answered, and who is entered in the table of clients.

use truechimer_wire::KissCode;
use truechimer_wire::mac::{KeyAlgorithm, MAX_DIGEST_LEN, SymmetricKey};

use super::*;
use crate::config::RateLimit;

const LIMIT: RateLimit = RateLimit { interval_ns: 8_000_000_000, burst: 8, leak: u32::MAX, kiss: None };

fn key() -> SymmetricKey {
    SymmetricKey::new(KeyAlgorithm::Sha1, &[9; 20]).unwrap()
}

fn limited(limit: RateLimit) -> Exchange {
    let config = ServeConfig { rate_limit: Some(limit), ..everybody() };
    let responder = Responder::new(&config, &[(9, key())].into_iter().collect(), SEED);
    Exchange { responder, ..Exchange::new() }
}

/// How many of so many requests from there are answered.
fn answered(exchange: &mut Exchange, client: &str, requests: u32) -> u32 {
    exchange.client = client.parse().unwrap();
    (0..requests).map(|_| u32::from(exchange.ask(&request(4, Mode::Client)).is_ok())).sum()
}

/// Whether a request with a MAC is answered with one.
fn ask_with_mac(exchange: &mut Exchange) -> Result<Header, &'static str> {
    let mut buffer = [0; 128];
    let header = request(4, Mode::Client);
    buffer[..48].copy_from_slice(&header);
    let mut digest = [0; MAX_DIGEST_LEN];
    let len = key().digest(&header, &mut digest);
    buffer[48..52].copy_from_slice(&9_u32.to_be_bytes());
    buffer[52..52 + len].copy_from_slice(&digest[..len]);
    let Exchange { responder, served, client, local, now } = exchange;
    match responder.handle(&mut buffer, 52 + len, *client, *local, stamp(now.cooked), served, *now) {
        Verdict::Reply(reply_len) => {
            assert_eq!(reply_len, 52 + len);
            responder.stamp(&mut buffer[..reply_len], now.cooked);
            let packet = Packet::parse(&buffer[..reply_len]).unwrap();
            assert!(key().verify(packet.covered(), packet.mac().unwrap().digest));
            Ok(packet.header())
        }
        Verdict::Drop(reason) => Err(reason),
        Verdict::Sign => unreachable!("nobody signs"),
    }
}

fn known(exchange: &mut Exchange) -> Vec<crate::report::ClientReport> {
    let now = exchange.now.mono;
    let mut known = Clients::from_iter([exchange.responder.clients()]).all(now);
    known.sort_by_key(|client| client.address);
    known
}

#[test]
fn a_client_is_answered_so_often_and_no_more() {
    let mut exchange = limited(LIMIT);
    assert_eq!(answered(&mut exchange, CLIENT, 20), 8);
    assert_eq!(exchange.ask(&request(4, Mode::Client)), Err("rate_limited"));
    exchange.now = after(8.0);
    assert_eq!(answered(&mut exchange, CLIENT, 20), 1);
    exchange.now = after(1000.0);
    assert_eq!(answered(&mut exchange, CLIENT, 20), 8);
    let client = known(&mut exchange)[0];
    assert_eq!((client.requests, client.dropped), (61, 44));
    assert_eq!(exchange.responder.report().dropped["rate_limited"], 44);
}

#[test]
fn without_a_limit_every_request_is_answered() {
    assert_eq!(answered(&mut Exchange::new(), CLIENT, 10_000), 10_000);
}

#[test]
fn at15_the_limit_is_the_same_for_all_addresses_of_a_client() {
    let mut exchange = limited(LIMIT);
    assert_eq!(answered(&mut exchange, "192.0.2.7:1", 5), 5);
    assert_eq!(answered(&mut exchange, "[::ffff:192.0.2.7]:2", 5), 3);
    let rotated: u32 = (0..500_u32)
        .map(|host| answered(&mut exchange, &format!("[2001:db8:0:1:{host:x}::{host:x}]:123"), 1))
        .sum();
    assert_eq!(rotated, 8, "a network of 64 bits is one client");
    assert_eq!(answered(&mut exchange, "[2001:db8:0:2::1]:123", 9), 8, "another network is another");
    for host in 1..=3 {
        assert_eq!(answered(&mut exchange, &format!("[fe80::{host}]:123"), 9), 8, "hosts of a link");
    }
}

#[test]
fn at18_rate_limit_abuse_spoofed_victim() {
    let mut exchange = limited(RateLimit { leak: 4, ..LIMIT });
    // An attacker asks in the name of the victim, a thousand times a second.
    let flood = answered(&mut exchange, CLIENT, 10_000);
    assert!((2300..2700).contains(&flood), "every fourth, not {flood}");
    // The victim with a key, or with NTS, notices nothing of it (for NTS see server/tests/nts.rs).
    for _ in 0..8 {
        assert!(ask_with_mac(&mut exchange).is_ok());
    }
    // The victim without is answered every fourth time: eight requests in a burst all but surely get an answer.
    let victim = answered(&mut exchange, CLIENT, 80);
    assert!((8..40).contains(&victim), "{victim} of 80");
}

#[test]
fn at18_which_requests_leak_cannot_be_foreseen() {
    let run = |seed: u8| -> Vec<bool> {
        let config = ServeConfig { rate_limit: Some(RateLimit { leak: 2, ..LIMIT }), ..everybody() };
        let responder = Responder::new(&config, &KeyTable::default(), [seed; 32]);
        let mut exchange = Exchange { responder, ..Exchange::new() };
        (0..200).map(|_| exchange.ask(&request(4, Mode::Client)).is_ok()).collect()
    };
    let same = run(1).iter().zip(run(2)).filter(|(one, other)| **one == *other).count();
    assert!((60..140).contains(&same), "{same} of 200");
}

#[test]
fn at18_requests_that_prove_their_sender_are_limited_apart() {
    let mut exchange = limited(LIMIT);
    let mut count = 0;
    while ask_with_mac(&mut exchange).is_ok() {
        count += 1;
    }
    assert_eq!(count, 8);
    assert_eq!(ask_with_mac(&mut exchange), Err("rate_limited"));
    assert_eq!(answered(&mut exchange, CLIENT, 20), 8, "those without are not");
    // From another address the same key is another client.
    exchange.client = "192.0.2.8:123".parse().unwrap();
    assert!(ask_with_mac(&mut exchange).is_ok());
    let clients = known(&mut exchange);
    assert_eq!((clients[0].authenticated, clients[1].authenticated), (10, 1));
}

/// RFC 5905 §7.4: leap 3, stratum 0, the code as the reference identifier; and no longer than the request.
#[test]
fn a_kiss_is_a_kiss_and_as_long_as_a_reply() {
    let mut exchange = limited(RateLimit { kiss: Some(1), ..LIMIT });
    assert_eq!(answered(&mut exchange, CLIENT, 8), 8);
    let kiss = exchange.ask(&request(4, Mode::Client)).unwrap();
    assert_eq!((kiss.leap, kiss.stratum, kiss.kiss_code()), (Leap::Unsynchronised, 0, Some(KissCode::Rate)));
    assert_eq!((kiss.origin_timestamp, kiss.mode, kiss.version, kiss.poll), (TRANSMIT, Mode::Server, 4, 6));
    assert!(kiss.reference_timestamp.is_zero());
    for _ in 0..8 {
        assert_eq!(ask_with_mac(&mut exchange).unwrap().kiss_code(), None);
    }
    assert_eq!(ask_with_mac(&mut exchange).unwrap().kiss_code(), Some(KissCode::Rate), "with a MAC");
    assert_eq!(exchange.responder.report().kisses, 2);
    // The poll field tells the interval where the client names a shorter one.
    let mut quick = request(4, Mode::Client);
    quick[2] = 0;
    assert_eq!(exchange.ask(&quick).unwrap().poll, 3);
}

#[test]
fn some_kisses_only() {
    let mut exchange = limited(RateLimit { kiss: Some(4), ..LIMIT });
    answered(&mut exchange, CLIENT, 8);
    let kisses = answered(&mut exchange, CLIENT, 1000);
    assert!((200..300).contains(&kisses), "{kisses} of 1000");
}

#[test]
fn only_those_who_are_served_are_entered() {
    let mut exchange = Exchange::new();
    let allow = AccessRule { network: "192.0.2.0".parse().unwrap(), prefix_len: 24, allow: true };
    let config = ServeConfig { access: vec![allow], ..ServeConfig::default() };
    exchange.responder.handle_config(&config, &KeyTable::default());
    assert_eq!(answered(&mut exchange, "198.51.100.1:123", 5), 0);
    assert_eq!(answered(&mut exchange, "192.0.2.9:123", 5), 5);
    // Not a request for time, so that nobody asked for it.
    assert_eq!(exchange.ask(&request(4, Mode::Server)), Err("mode"));
    let mut bad = request(4, Mode::Client);
    bad.push(0);
    assert_eq!(exchange.ask(&bad), Err("trailing"));
    let known = known(&mut exchange);
    assert_eq!(known.len(), 1);
    assert_eq!((known[0].requests, known[0].dropped, known[0].port), (6, 1, 123));
}

#[test]
fn na26_the_clients_that_are_lost_are_counted() {
    let mut exchange = Exchange::new();
    exchange.responder =
        Responder::new(&ServeConfig { clients: 8, ..everybody() }, &KeyTable::default(), SEED);
    for client in 0..100 {
        answered(&mut exchange, &format!("192.0.2.{client}:123"), 1);
    }
    assert_eq!(known(&mut exchange).len(), 8);
    assert_eq!(exchange.responder.report().clients_lost, 92);
}
