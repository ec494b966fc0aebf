//! Requests and replies, RFC 8915 §5.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Pair, client_header, packet, reply_header, sealed};
use proptest::prelude::*;
use truechimer_nts::aead::{Aead, Algorithm};
use truechimer_nts::packet::{
    MAX_REQUEST_LEN, NakCause, Reject, ReplyError, is_nak, open_request, placeholders, write_nak,
    write_reply, write_request,
};
use truechimer_nts::{CookieError, JAR_CAPACITY, cookie_len};
use truechimer_wire::{FieldType, Header, KissCode, Leap, Mode, NoRoom, Packet};

use FieldType as F;

fn nonce(algorithm: Algorithm) -> Vec<u8> {
    vec![5; algorithm.nonce_len()]
}

#[test]
fn a_request_is_answered_and_the_jar_is_full_again() {
    for algorithm in Algorithm::ALL {
        let mut pair = Pair::new(algorithm, 1);
        for missing in 0..JAR_CAPACITY {
            let sent = placeholders(JAR_CAPACITY - 1 - missing, cookie_len(algorithm), algorithm);
            // Eight cookies of 160 bytes do not fit into one request.
            assert!(sent == missing || (algorithm == Algorithm::AesSivCmac512 && sent == 4));
            let request = pair.request(sent);
            assert!(request.bytes.len() <= MAX_REQUEST_LEN);
            let reply = pair.answer(&request.bytes).unwrap();
            assert_eq!(reply.len(), request.bytes.len());
            let cookies = pair.open(&reply, &request.identifier).unwrap();
            assert_eq!(cookies.len(), 1 + sent);
            pair.jar.clear();
            for cookie in &cookies {
                assert!(pair.jar.push(cookie));
                assert_eq!(pair.ring.open_cookie(cookie).as_ref(), Ok(&pair.keys));
            }
        }
    }
}

#[test]
fn packets_have_the_lengths_that_the_manual_says() {
    for (algorithm, one, eight) in [(Algorithm::AesSivCmac256, 224, 924), (Algorithm::Aes128GcmSiv, 188, 664)]
    {
        let mut pair = Pair::new(algorithm, 2);
        assert_eq!(pair.request(0).bytes.len(), one);
        assert_eq!(pair.request(7).bytes.len(), eight);
    }
}

#[test]
fn at19_as_many_cookies_are_asked_for_as_are_missing_of_eight() {
    let siv = Algorithm::AesSivCmac256;
    for left in 0..JAR_CAPACITY {
        assert_eq!(placeholders(left, 96, siv), 7 - left);
        assert_eq!(placeholders(left, 100, siv), 7 - left);
    }
    assert_eq!(placeholders(8, 96, siv), 0);
    // Long cookies: fewer, and never a packet that is too long.
    for cookie_len in (12..=256).step_by(4) {
        let fields = 1 + placeholders(0, cookie_len, siv);
        assert!(48 + 36 + fields * (4 + cookie_len) + 40 <= MAX_REQUEST_LEN, "{cookie_len}");
    }
    assert_eq!(placeholders(0, 256, siv), 2);
}

#[test]
fn a_packet_without_nts_is_not_ours() {
    let pair = Pair::new(Algorithm::AesSivCmac256, 3);
    let none: [&[(FieldType, &[u8])]; 4] = [
        &[],
        &[(F::UNIQUE_IDENTIFIER, &[1; 32])],
        &[(FieldType(0xf323), &[0; 28])],
        &[(F::NTS_COOKIE_PLACEHOLDER, &[0; 96])],
    ];
    for fields in none {
        let bytes = packet(&client_header(), fields);
        let opened = open_request(&Packet::parse(&bytes).unwrap(), &pair.ring);
        assert_eq!(opened.err(), Some(Reject::NotNts));
    }
}

#[test]
fn requests_that_break_the_rules_are_dropped() {
    let mut pair = Pair::new(Algorithm::AesSivCmac256, 4);
    let cookie = pair.cookie();
    let cookie = cookie.as_bytes();
    let identifier: (FieldType, &[u8]) = (F::UNIQUE_IDENTIFIER, &[1; 32]);
    let good = [identifier, (F::NTS_COOKIE, cookie)];
    let nonce = nonce(Algorithm::AesSivCmac256);
    let seal =
        |header: &Header, fields: &[(FieldType, &[u8])]| sealed(header, fields, &pair.c2s(), &nonce, &[], 0);
    let header = client_header();
    let open = |bytes: &[u8]| open_request(&Packet::parse(bytes).unwrap(), &pair.ring).map(|_| ());
    assert_eq!(open(&seal(&header, &good)), Ok(()));
    let malformed = [
        seal(&header, &good[..1]),
        seal(&header, &good[1..]),
        seal(&header, &[good[0], good[0], good[1]]),
        seal(&header, &[good[0], good[1], good[1]]),
        seal(&header, &[(F::UNIQUE_IDENTIFIER, &[1; 28]), good[1]]),
        seal(&header, &[(F::UNIQUE_IDENTIFIER, &[1; 68]), good[1]]),
        seal(&Header { mode: Mode::SymmetricActive, ..header }, &good),
        packet(&header, &good),
        // A MAC behind it, as only a key can have made it and NTS has none.
        [seal(&header, &good), vec![7; 24]].concat(),
    ];
    for (number, bytes) in malformed.iter().enumerate() {
        assert_eq!(open(bytes), Err(Reject::Malformed), "{number}");
    }
    // Lengths in the authenticator that do not fit into it.
    let good = seal(&header, &good);
    let at = good.len() - 36;
    for (nonce_len, text_len) in [(0xffff_u16, 16_u16), (16, 0xffff), (17, 16), (16, 17), (32, 16)] {
        let mut bytes = good.clone();
        bytes[at..at + 2].copy_from_slice(&nonce_len.to_be_bytes());
        bytes[at + 2..at + 4].copy_from_slice(&text_len.to_be_bytes());
        assert_eq!(open(&bytes), Err(Reject::Malformed), "{nonce_len} {text_len}");
    }
}

#[test]
fn what_cannot_be_opened_gets_a_nak_with_its_identifier() {
    let mut pair = Pair::new(Algorithm::Aes128GcmSiv, 5);
    let stranger = Pair::new(Algorithm::Aes128GcmSiv, 6);
    let sent = pair.request(3);
    let mut forged = sent.bytes.clone();
    forged[47] ^= 1;
    let mut other_cookie = sent.bytes.clone();
    other_cookie[48 + 36 + 4 + 20] ^= 1;
    let cases = [
        (&sent.bytes, &stranger.ring, NakCause::Cookie(CookieError::UnknownKey)),
        (&other_cookie, &pair.ring, NakCause::Cookie(CookieError::Forged)),
        (&forged, &pair.ring, NakCause::Forged),
    ];
    for (bytes, ring, expected) in cases {
        let packet = Packet::parse(bytes).unwrap();
        let Err(Reject::Nak { cause, unique_identifier }) = open_request(&packet, ring) else {
            panic!("{expected:?}");
        };
        assert_eq!(cause, expected);
        assert_eq!(unique_identifier.as_bytes(), sent.identifier);
        let mut buffer = vec![0xee; bytes.len()];
        let len = write_nak(&mut buffer, &reply_header(&packet.header()), &unique_identifier).unwrap();
        assert_eq!(len, 84);
        let nak = Packet::parse(&buffer[..len]).unwrap();
        assert_eq!(nak.header().kiss_code(), Some(KissCode::NtsNak));
        assert_eq!(nak.header().leap, Leap::Unsynchronised);
        assert!(is_nak(&nak, &sent.identifier));
        assert_eq!(pair.open(&buffer[..len], &sent.identifier), Err(ReplyError::NoAuthenticator));
    }
}

#[test]
fn na15_a_nak_for_another_request_is_none() {
    let mut pair = Pair::new(Algorithm::AesSivCmac256, 7);
    let sent = pair.request(0);
    let header =
        Header { mode: Mode::Server, stratum: 0, reference_id: KissCode::NtsNak.into(), ..client_header() };
    let own: (FieldType, &[u8]) = (F::UNIQUE_IDENTIFIER, &sent.identifier);
    let other: (FieldType, &[u8]) = (F::UNIQUE_IDENTIFIER, &[9; 32]);
    let s2c = Aead::new(pair.keys.s2c());
    let is_nak = |bytes: &[u8]| is_nak(&Packet::parse(bytes).unwrap(), &sent.identifier);
    assert!(is_nak(&packet(&header, &[own])));
    assert!(!is_nak(&packet(&header, &[])));
    assert!(!is_nak(&packet(&header, &[other])));
    assert!(!is_nak(&packet(&header, &[own, other])));
    assert!(!is_nak(&packet(&header, &[other, own])));
    assert!(!is_nak(&packet(&Header { stratum: 1, ..header }, &[own])));
    assert!(!is_nak(&packet(&Header { reference_id: KissCode::Deny.into(), ..header }, &[own])));
    // What is authenticated has other means to say that something is wrong.
    assert!(!is_nak(&sealed(&header, &[own], &s2c, &[5; 16], &[], 0)));
}

#[test]
fn replies_that_are_not_the_servers_are_refused_for_a_reason() {
    let mut pair = Pair::new(Algorithm::AesSivCmac256, 8);
    let sent = pair.request(0);
    let reply = pair.answer(&sent.bytes).unwrap();
    let header = Packet::parse(&reply).unwrap().header();
    let s2c = Aead::new(pair.keys.s2c());
    let own: (FieldType, &[u8]) = (F::UNIQUE_IDENTIFIER, &sent.identifier);
    let seal = |fields: &[(FieldType, &[u8])], aead: &Aead| sealed(&header, fields, aead, &[5; 16], &[], 0);
    let open = |bytes: &[u8]| pair.open(bytes, &sent.identifier).err();
    assert_eq!(open(&reply), None);
    assert_eq!(open(&seal(&[own], &s2c)), None);
    assert_eq!(open(&seal(&[], &s2c)), Some(ReplyError::UniqueIdentifier));
    assert_eq!(open(&seal(&[own, own], &s2c)), Some(ReplyError::UniqueIdentifier));
    assert_eq!(open(&packet(&header, &[])), Some(ReplyError::UniqueIdentifier));
    assert_eq!(open(&packet(&header, &[own])), Some(ReplyError::NoAuthenticator));
    assert_eq!(
        open(&packet(&header, &[own, (F::NTS_AUTHENTICATOR, &[0xff; 40])])),
        Some(ReplyError::Malformed)
    );
    assert_eq!(open(&packet(&header, &[own, (F::NTS_AUTHENTICATOR, &[0; 40])])), Some(ReplyError::Forged));
    assert_eq!(open(&seal(&[own], &pair.c2s())), Some(ReplyError::Forged));
    // The identifier behind the authenticator is nobody's word.
    let behind = seal(&[], &s2c);
    let behind = [behind, common::field(F::UNIQUE_IDENTIFIER, &sent.identifier)].concat();
    assert_eq!(open(&behind), Some(ReplyError::UniqueIdentifier));
}

proptest! {
    /// Any bit of a reply that changes makes it nobody's; what is added behind it changes nothing.
    #[test]
    fn a_changed_reply_is_refused(
        algorithm in prop::sample::select(Algorithm::ALL.to_vec()),
        place in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let mut pair = Pair::new(algorithm, 9);
        let sent = pair.request(1);
        let reply = pair.answer(&sent.bytes).unwrap();
        let more = [reply.clone(), common::field(F::NTS_COOKIE, &[1; 96])].concat();
        prop_assert_eq!(pair.open(&more, &sent.identifier), pair.open(&reply, &sent.identifier));
        let mut changed = reply;
        let place = place.index(changed.len());
        changed[place] ^= 1 << bit;
        if let Ok(packet) = Packet::parse(&changed) {
            prop_assert!(pair.open(packet.bytes(), &sent.identifier).is_err());
        }
    }

    /// The same for requests: dropped or a NAK, and never the time.
    #[test]
    fn a_changed_request_is_not_answered(
        algorithm in prop::sample::select(Algorithm::ALL.to_vec()),
        place in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let mut pair = Pair::new(algorithm, 10);
        let mut changed = pair.request(2).bytes;
        let place = place.index(changed.len());
        changed[place] ^= 1 << bit;
        if let Ok(packet) = Packet::parse(&changed) {
            prop_assert!(open_request(&packet, &pair.ring).is_err());
        }
    }
}

#[test]
fn placeholders_of_another_length_do_not_count() {
    let mut pair = Pair::new(Algorithm::AesSivCmac256, 11);
    let cookie = pair.cookie();
    let fields: [(FieldType, &[u8]); 5] = [
        (F::NTS_COOKIE_PLACEHOLDER, &[0; 96]),
        (F::UNIQUE_IDENTIFIER, &[1; 32]),
        (F::NTS_COOKIE_PLACEHOLDER, &[0; 92]),
        (F::NTS_COOKIE, cookie.as_bytes()),
        (F::NTS_COOKIE_PLACEHOLDER, &[0; 100]),
    ];
    let hidden = [
        common::field(F::NTS_COOKIE_PLACEHOLDER, &[0; 96]),
        common::field(F::NTS_COOKIE_PLACEHOLDER, &[0; 12]),
        common::field(FieldType(0x7777), &[0; 96]),
    ]
    .concat();
    let bytes = sealed(&client_header(), &fields, &pair.c2s(), &[5; 16], &hidden, 0);
    let request = open_request(&Packet::parse(&bytes).unwrap(), &pair.ring).unwrap();
    assert_eq!(request.cookies_wanted(), 3);
    let reply = pair.answer(&bytes).unwrap();
    assert_eq!(pair.open(&reply, &[1; 32]).unwrap().len(), 3);
}

#[test]
fn a_short_nonce_must_come_with_room_for_a_long_one() {
    let mut pair = Pair::new(Algorithm::AesSivCmac256, 12);
    let cookie = pair.cookie();
    let fields: [(FieldType, &[u8]); 2] =
        [(F::UNIQUE_IDENTIFIER, &[1; 32]), (F::NTS_COOKIE, cookie.as_bytes())];
    for nonce_len in 1_usize..=24 {
        for padding in [0, 4, 8, 12, 16] {
            let nonce = vec![5; nonce_len];
            let bytes = sealed(&client_header(), &fields, &pair.c2s(), &nonce, &[], padding);
            let enough = nonce_len.next_multiple_of(4) + padding >= 16;
            match pair.answer(&bytes) {
                Ok(reply) => assert!(enough && reply.len() <= bytes.len()),
                Err(reject) => assert!(!enough && reject == Reject::Malformed),
            }
        }
    }
}

#[test]
fn a_buffer_that_is_too_short_is_no_panic() {
    let mut pair = Pair::new(Algorithm::AesSivCmac256, 13);
    let sent = pair.request(3);
    let packet = Packet::parse(&sent.bytes).unwrap();
    let request = open_request(&packet, &pair.ring).unwrap();
    let header = reply_header(&packet.header());
    let (cookie, c2s) = (pair.cookie(), pair.c2s());
    for len in 0..sent.bytes.len() {
        let mut buffer = vec![0; len];
        let made = write_reply(&mut buffer, &header, &request, &pair.ring, &mut pair.random);
        assert_eq!(made, Err(NoRoom), "{len}");
        let made = write_request(&mut buffer, &header, &[1; 32], &cookie, 3, &c2s, &mut pair.random);
        assert_eq!(made, Err(NoRoom), "{len}");
        let made = write_nak(&mut buffer, &header, request.unique_identifier());
        assert_eq!(made.is_ok(), len >= 84, "{len}");
    }
}
