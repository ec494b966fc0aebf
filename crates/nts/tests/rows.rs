//! Attacks, and bugs that others had: each test is named after its row.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Pair, client_header, field, packet, reply_header, sealed};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use truechimer_nts::aead::{Aead, Algorithm};
use truechimer_nts::negotiate::{
    ClientAgreement, ClientOffer, ErrorCode, MAX_COOKIES, NegotiateError, Request, Response, ServerPolicy,
};
use truechimer_nts::packet::{
    MAX_REQUEST_LEN, NakCause, Reject, open_request, write_nak, write_reply, write_request,
};
use truechimer_nts::record::{
    DEFAULT_MESSAGE_LIMIT, Record, RecordError, RecordReader, RecordType, write_end_of_message,
};
use truechimer_nts::{CookieError, CookieJar, JAR_CAPACITY, KeyRing, Keys, MasterSecret};
use truechimer_wire::{FieldType, MAX_FIELDS, Packet, ParseError};

use FieldType as F;

fn read(message: &[u8]) -> RecordReader {
    let mut reader = RecordReader::new(1 << 20);
    assert_eq!(reader.push(message), Ok(message.len()));
    reader
}

fn append(message: &mut Vec<u8>, critical: bool, record_type: u16, body: &[u8]) {
    Record { critical, record_type: RecordType(record_type), body }.write(message).unwrap();
}

/// An agreement on AES-SIV-CMAC-256 with these cookies.
fn response(cookies: &[&[u8]]) -> Vec<u8> {
    let mut message = Vec::new();
    append(&mut message, true, 1, &[0, 0]);
    append(&mut message, true, 4, &[0, 15]);
    cookies.iter().for_each(|cookie| append(&mut message, false, 5, cookie));
    write_end_of_message(&mut message);
    message
}

#[test]
fn na04_cookie_zero_len_huge_and_over_capacity_in_a_key_exchange() {
    let parse = |cookies: &[&[u8]]| {
        ClientAgreement::parse(read(&response(cookies)).records().unwrap(), &ClientOffer::default())
    };
    let bad: [&[u8]; 6] = [&[], &[1], &[1; 8], &[1; 97], &[1; 260], &[1; 65_535]];
    for cookie in bad {
        assert_eq!(parse(&[cookie]), Err(NegotiateError::NoCookies), "{}", cookie.len());
        assert_eq!(parse(&[cookie, &[2; 96]]).unwrap().cookies, [[2; 96]]);
    }
    assert_eq!(parse(&[[2; 96].as_slice(); 1000]).unwrap().cookies.len(), MAX_COOKIES);
    let mut jar = CookieJar::new();
    let kept = (0..1000).filter(|i| jar.push(&vec![1; i % 300])).count();
    assert_eq!((kept, jar.len()), (JAR_CAPACITY, JAR_CAPACITY));
}

#[test]
fn na04_cookie_zero_len_and_huge_in_a_request() {
    let pair = Pair::new(Algorithm::AesSivCmac256, 1);
    // No field is shorter than 16 bytes, so an empty cookie comes as 12 zeros.
    for len in [0, 12, 16, 92, 100, 1000, 60_000] {
        let cookie = vec![0; len];
        let fields: [(FieldType, &[u8]); 2] = [(F::UNIQUE_IDENTIFIER, &[1; 32]), (F::NTS_COOKIE, &cookie)];
        let bytes = sealed(&client_header(), &fields, &pair.c2s(), &[5; 16], &[], 0);
        let opened = open_request(&Packet::parse(&bytes).unwrap(), &pair.ring);
        let Err(Reject::Nak { cause: NakCause::Cookie(error), .. }) = opened else { panic!("{len}") };
        assert_eq!(error, CookieError::UnknownKey);
    }
}

#[test]
fn na04_cookie_zero_len_huge_and_over_capacity_in_a_reply() {
    let mut pair = Pair::new(Algorithm::AesSivCmac256, 2);
    let sent = pair.request(0);
    let s2c = Aead::new(pair.keys.s2c());
    let header = reply_header(&Packet::parse(&sent.bytes).unwrap().header());
    let identifier: [(FieldType, &[u8]); 1] = [(F::UNIQUE_IDENTIFIER, &sent.identifier)];
    let reply = |plaintext: &[u8]| sealed(&header, &identifier, &s2c, &[5; 16], plaintext, 0);
    let cookies = |plaintext: &[u8]| pair.open(&reply(plaintext), &sent.identifier);
    let twenty = field(F::NTS_COOKIE, &[1; 96]).repeat(20);
    assert_eq!(cookies(&twenty).unwrap().len(), JAR_CAPACITY);
    let odd = [
        field(F::NTS_COOKIE, &[2; 260]),
        field(FieldType(0x7777), &[2; 96]),
        field(F::NTS_COOKIE, &[3; 96]),
        // A length of zero ends it, and so does one beyond the end.
        vec![0x02, 0x04, 0, 0],
        field(F::NTS_COOKIE, &[4; 96]),
    ];
    assert_eq!(cookies(&odd.concat()).unwrap(), [[3; 96]]);
    assert_eq!(cookies(&[0x02, 0x04, 0xff, 0xfc]).unwrap(), Vec::<Vec<u8>>::new());
    // More than there is room for is refused, not cut.
    assert!(cookies(&field(F::NTS_COOKIE, &[1; 60_000])).is_err());
}

proptest! {
    #[test]
    fn na05_cookie_garbage_no_panic(
        cookie in prop::collection::vec(any::<u8>(), 0..400),
        right_id in any::<bool>(),
    ) {
        let mut pair = Pair::new(Algorithm::AesSivCmac256, 3);
        let mut cookie = cookie;
        if let (true, Some(id)) = (right_id, cookie.get_mut(..4)) {
            id.copy_from_slice(&pair.ring.current_id().to_be_bytes());
        }
        prop_assert!(pair.ring.open_cookie(&cookie).is_err());
        let fields: [(FieldType, &[u8]); 2] = [(F::UNIQUE_IDENTIFIER, &[1; 32]), (F::NTS_COOKIE, &cookie)];
        let bytes = sealed(&client_header(), &fields, &pair.c2s(), &[5; 16], &[], 0);
        let answer = pair.answer(&bytes);
        prop_assert!(matches!(answer, Err(Reject::Nak { .. })), "{:?}", answer);
    }
}

#[test]
fn na06_many_placeholders_bounded_cpu() {
    let mut pair = Pair::new(Algorithm::AesSivCmac256, 4);
    let cookie = pair.cookie();
    let header = client_header();
    let mut fields: Vec<(FieldType, &[u8])> =
        vec![(F::UNIQUE_IDENTIFIER, &[1; 32]), (F::NTS_COOKIE, cookie.as_bytes())];
    fields.resize(MAX_FIELDS - 1, (F::NTS_COOKIE_PLACEHOLDER, &[0; 96]));
    let request = sealed(&header, &fields, &pair.c2s(), &[5; 16], &[], 0);
    let opened = open_request(&Packet::parse(&request).unwrap(), &pair.ring).unwrap();
    assert_eq!(opened.cookies_wanted(), JAR_CAPACITY);
    let reply = pair.answer(&request).unwrap();
    assert_eq!(pair.open(&reply, &[1; 32]).unwrap().len(), JAR_CAPACITY);
    // One field more is no packet at all, so nothing is deciphered for it.
    fields.push((F::NTS_COOKIE_PLACEHOLDER, &[0; 96]));
    let request = sealed(&header, &fields, &pair.c2s(), &[5; 16], &[], 0);
    assert_eq!(Packet::parse(&request).err(), Some(ParseError::TooManyFields));
    // Sealed ones count, but no more than eight in all, and the sealed part is bounded too.
    fields.truncate(2);
    let mut seal = |count: usize| {
        let hidden = field(F::NTS_COOKIE_PLACEHOLDER, &[0; 96]).repeat(count);
        pair.answer(&sealed(&header, &fields, &pair.c2s(), &[5; 16], &hidden, 0))
    };
    assert!(seal(9).is_ok());
    assert_eq!(seal(500), Err(Reject::Malformed));
}

#[test]
fn na08_ke_partial_records_byte_by_byte() {
    let request = ClientOffer::default().write().unwrap();
    for message in [request, response(&[[1; 96].as_slice(); 8])] {
        let whole = read(&message);
        let mut reader = RecordReader::new(DEFAULT_MESSAGE_LIMIT);
        for (at, byte) in message.iter().enumerate() {
            assert!(!reader.is_complete());
            assert_eq!(reader.records().err(), Some(RecordError::Cut), "{at}");
            assert_eq!(reader.push(&[]), Ok(0));
            assert_eq!(reader.push(&[*byte]), Ok(1));
        }
        assert!(reader.is_complete());
        assert!(reader.records().unwrap().eq(whole.records().unwrap()));
    }
}

#[test]
fn na09_ke_unknown_noncritical_record_ignored() {
    let mut message = Vec::new();
    append(&mut message, false, 0x7abc, &[1, 2, 3]);
    message.extend_from_slice(&ClientOffer::default().write().unwrap());
    assert!(Request::parse(read(&message).records().unwrap()).is_ok());
    let mut message = Vec::new();
    append(&mut message, false, 0x7abc, &[1, 2, 3]);
    message.extend_from_slice(&response(&[&[1; 96]]));
    assert!(ClientAgreement::parse(read(&message).records().unwrap(), &ClientOffer::default()).is_ok());
}

#[test]
fn na09_ke_error_record_is_sent_and_understood() {
    let mut unknown = Vec::new();
    append(&mut unknown, true, 0x7abc, &[]);
    unknown.extend_from_slice(&ClientOffer::default().write().unwrap());
    let mut empty = Vec::new();
    write_end_of_message(&mut empty);
    for (message, code) in
        [(unknown, ErrorCode::UNRECOGNIZED_CRITICAL_RECORD), (empty, ErrorCode::BAD_REQUEST)]
    {
        let refused = Request::parse(read(&message).records().unwrap()).unwrap_err();
        assert_eq!(refused, code);
        let answer = Response::Refused(refused).write(&ServerPolicy::default(), []).unwrap();
        assert_eq!(answer, [0x80, 2, 0, 2, 0, code.0 as u8, 0x80, 0, 0, 0]);
        let agreement = ClientAgreement::parse(read(&answer).records().unwrap(), &ClientOffer::default());
        assert_eq!(agreement, Err(NegotiateError::Refused(code)));
    }
    let mut message = Vec::new();
    append(&mut message, true, 0x7abc, &[]);
    message.extend_from_slice(&response(&[&[1; 96]]));
    let agreement = ClientAgreement::parse(read(&message).records().unwrap(), &ClientOffer::default());
    assert_eq!(agreement, Err(NegotiateError::UnknownCritical(RecordType(0x7abc))));
}

/// What is in the buffer before must not be in the packet after.
#[test]
fn na31_no_uninitialised_bytes_out() {
    for algorithm in Algorithm::ALL {
        let mut pair = Pair::new(algorithm, 5);
        let sent = pair.request(2);
        let request = Packet::parse(&sent.bytes).unwrap();
        let opened = open_request(&request, &pair.ring).unwrap();
        let header = reply_header(&request.header());
        let (cookie, c2s) = (pair.cookie(), pair.c2s());
        let make = |fill: u8| {
            let mut random = ChaCha20Rng::from_seed([6; 32]);
            let mut packets = [[fill; MAX_REQUEST_LEN]; 3];
            let [request, reply, nak] = &mut packets;
            let lens = [
                write_request(request, &client_header(), &[1; 32], &cookie, 2, &c2s, &mut random).unwrap(),
                write_reply(reply, &header, &opened, &pair.ring, &mut random).unwrap(),
                write_nak(nak, &header, opened.unique_identifier()).unwrap(),
            ];
            packets
                .iter()
                .zip(lens)
                .map(|(packet, len)| {
                    assert!(
                        packet[len..].iter().all(|byte| *byte == fill),
                        "nothing is written behind the packet"
                    );
                    packet[..len].to_vec()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(make(0x00), make(0xff));
    }
}

/// What does not change from packet to packet of one client is the same for all clients of the algorithm.
#[test]
fn at21_nts_unlinkability() {
    for algorithm in Algorithm::ALL {
        let mut packets = Vec::new();
        for client in 0..20 {
            let mut pair = Pair::new(algorithm, client);
            let of_client: Vec<_> = (0..JAR_CAPACITY).map(|_| pair.request(0).bytes).collect();
            packets.push(of_client);
        }
        let len = packets[0][0].len();
        assert!(packets.iter().flatten().all(|packet| packet.len() == len));
        // The first four bytes of a cookie name the server's key, which is the same for all clients of a server.
        let key_id = 48 + 36 + 4..48 + 36 + 8;
        for at in (0..len).filter(|at| !key_id.contains(at)) {
            let constant = |packets: &[Vec<u8>]| packets.iter().all(|packet| packet[at] == packets[0][at]);
            let all: Vec<_> = packets.iter().flatten().cloned().collect();
            let of_one = packets.iter().filter(|packets| constant(packets)).count();
            assert!(constant(&all) || of_one == 0, "byte {at} tells the client");
        }
        // Nothing of eight bytes that is not a constant is ever seen twice.
        let mut seen = std::collections::HashSet::new();
        for packet in packets.iter().flatten() {
            let values = [&packet[40..48], &packet[52..60], &packet[92..100], &packet[len - 32..len - 24]];
            assert!(values.iter().all(|value| seen.insert(value.to_vec())));
        }
    }
}

#[test]
fn at22_nts_cookie_forgery() {
    for algorithm in Algorithm::ALL {
        let mut pair = Pair::new(algorithm, 7);
        let good = pair.cookie().as_bytes().to_vec();
        assert_eq!(pair.ring.open_cookie(&good).as_ref(), Ok(&pair.keys));
        for at in 0..good.len() {
            let mut forged = good.clone();
            forged[at] ^= 0x10;
            let error = pair.ring.open_cookie(&forged).unwrap_err();
            assert_eq!(error, if at < 4 { CookieError::UnknownKey } else { CookieError::Forged });
        }
        for len in 0..good.len() {
            assert!(pair.ring.open_cookie(&good[..len]).is_err());
        }
        // Whoever has a cookie but not its keys cannot use it.
        let stranger = Pair::new(algorithm, 8);
        let fields: [(FieldType, &[u8]); 2] = [(F::UNIQUE_IDENTIFIER, &[1; 32]), (F::NTS_COOKIE, &good)];
        let nonce = vec![5; algorithm.nonce_len()];
        let bytes = sealed(&client_header(), &fields, &stranger.c2s(), &nonce, &[], 0);
        let Err(Reject::Nak { cause, .. }) = pair.answer(&bytes) else { panic!("answered") };
        assert_eq!(cause, NakCause::Forged);
    }
}

/// Whoever stole the ring makes cookies that are taken as long as its keys are, and not a rotation longer.
#[test]
fn at22_a_stolen_key_is_of_no_use_after_its_rotations() {
    let mut random = ChaCha20Rng::from_seed([9; 32]);
    let keep = 3;
    let mut ring = KeyRing::generate(0, keep, &mut random);
    let stolen = KeyRing::parse(ring.write().as_bytes(), keep).unwrap();
    let keys = Keys::new(Algorithm::Aes128GcmSiv, &[1; 16], &[2; 16]).unwrap();
    let forged = stolen.seal_cookie(&keys, &mut random).unwrap();
    let mut stolen_later = stolen.clone();
    stolen_later.rotate(1, &mut random); // its next key was known too
    let forged_next = stolen_later.seal_cookie(&keys, &mut random).unwrap();
    for rotation in 0..=keep + 2 {
        assert_eq!(ring.open_cookie(forged.as_bytes()).is_ok(), rotation <= keep);
        assert_eq!(ring.open_cookie(forged_next.as_bytes()).is_ok(), rotation <= keep + 1);
        ring.rotate(rotation as u64, &mut random);
    }
}

#[test]
fn at22_key_rotation_boundary_of_a_fleet() {
    let day = 86_400;
    let keep = 2;
    let fleet = MasterSecret::new(&[7; 32], day, keep).unwrap();
    let keys = Keys::new(Algorithm::AesSivCmac256, &[1; 32], &[2; 32]).unwrap();
    let mut random = ChaCha20Rng::from_seed([10; 32]);
    let made_s = 20_000 * day + 100;
    let cookie = fleet.ring(made_s).seal_cookie(&keys, &mut random).unwrap();
    let opens = |at_s: u64| fleet.ring(at_s).open_cookie(cookie.as_bytes()).is_ok();
    // By a server whose clock is late by up to an epoch, and then until the epoch is `keep` epochs old.
    let epoch_s = 20_000 * day;
    assert!(!opens(epoch_s - day - 1));
    assert!(opens(epoch_s - day));
    assert!(opens(made_s));
    assert!(opens(epoch_s + (keep as u64 + 1) * day - 1));
    assert!(!opens(epoch_s + (keep as u64 + 1) * day));
    // Another secret or another length of the epochs is another fleet.
    for other in [MasterSecret::new(&[8; 32], day, keep), MasterSecret::new(&[7; 32], day / 2, keep)] {
        assert!(other.unwrap().ring(made_s).open_cookie(cookie.as_bytes()).is_err());
    }
}

/// A virtual machine that is restored from a snapshot draws the same random numbers again.
#[test]
fn at23_nts_nonce_repeat_restore_from_snapshot() {
    for algorithm in Algorithm::ALL {
        let pair = Pair::new(algorithm, 11);
        let aead = pair.c2s();
        let nonce = vec![5; algorithm.nonce_len()];
        let at = algorithm.plaintext_at();
        let seal = |aad: &[u8], text: [u8; 32]| {
            let mut message = vec![0; 48];
            message[at..at + 32].copy_from_slice(&text);
            aead.seal(&nonce, aad, &mut message).unwrap();
            message
        };
        let stream = |message: &[u8], text: [u8; 32]| {
            message[at..at + 32].iter().zip(text).map(|(byte, text)| byte ^ text).collect::<Vec<_>>()
        };
        let (a, b, other_header) = (seal(b"one", [1; 32]), seal(b"one", [2; 32]), seal(b"two", [1; 32]));
        assert_ne!(stream(&a, [1; 32]), stream(&b, [2; 32]), "a key stream must not repeat");
        assert_ne!(stream(&a, [1; 32]), stream(&other_header, [1; 32]));
        assert_eq!(a, seal(b"one", [1; 32]), "all that an observer learns is that it is the same message");
    }
    // Cookies of two clients that were made with the same random bytes have nothing in common.
    let (mut one, mut two) =
        (Pair::new(Algorithm::AesSivCmac256, 12), Pair::new(Algorithm::AesSivCmac256, 13));
    two.ring = one.ring.clone();
    one.random = ChaCha20Rng::from_seed([14; 32]);
    two.random = ChaCha20Rng::from_seed([14; 32]);
    let (one, two) = (one.cookie(), two.cookie());
    assert_eq!(one.as_bytes()[..16], two.as_bytes()[..16]);
    let same = one.as_bytes()[16..].iter().zip(&two.as_bytes()[16..]).filter(|(a, b)| a == b).count();
    assert!(same < 8, "{same} of 80 bytes");
}

/// What a client of any make may put into a request.
#[derive(Clone, Debug)]
struct Foreign {
    identifier_len: usize,
    placeholders: Vec<usize>,
    hidden: Vec<usize>,
    nonce_len: usize,
    padding: usize,
    behind: usize,
}

fn foreign() -> impl Strategy<Value = Foreign> {
    let lens = || prop::collection::vec(prop_oneof![3 => Just(0_usize), 1 => 3_usize..60], 0..12);
    (8_usize..17, lens(), lens(), 1_usize..40, 0_usize..6, 0_usize..3).prop_map(
        |(identifier, placeholders, hidden, nonce_len, padding, behind)| Foreign {
            identifier_len: 4 * identifier,
            placeholders,
            hidden,
            nonce_len,
            padding: 4 * padding,
            behind,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// I4: no request, however odd, makes a reply that is longer.
    #[test]
    fn na25_nts_reply_never_longer_than_request(
        algorithm in prop::sample::select(Algorithm::ALL.to_vec()),
        foreign in foreign(),
    ) {
        let mut pair = Pair::new(algorithm, 15);
        let cookie = pair.cookie();
        let cookie = cookie.as_bytes();
        let identifier = vec![1; foreign.identifier_len];
        // Zero stands for the length that counts.
        let body = |len: &usize| vec![0; if *len == 0 { cookie.len() } else { 4 * len }];
        let placeholders: Vec<_> = foreign.placeholders.iter().map(body).collect();
        let mut fields: Vec<(FieldType, &[u8])> =
            vec![(F::UNIQUE_IDENTIFIER, &identifier), (F::NTS_COOKIE, cookie)];
        fields.extend(placeholders.iter().map(|body| (F::NTS_COOKIE_PLACEHOLDER, body.as_slice())));
        let hidden: Vec<u8> =
            foreign.hidden.iter().flat_map(|len| field(F::NTS_COOKIE_PLACEHOLDER, &body(len))).collect();
        let nonce_len =
            if algorithm == Algorithm::Aes128GcmSiv { algorithm.nonce_len() } else { foreign.nonce_len };
        let nonce = vec![5; nonce_len];
        let mut bytes = sealed(&client_header(), &fields, &pair.c2s(), &nonce, &hidden, foreign.padding);
        (0..foreign.behind).for_each(|_| bytes.extend_from_slice(&field(FieldType(0x7777), &[0; 28])));
        let counted = |lens: &[usize]| lens.iter().filter(|len| 4 * **len == cookie.len() || **len == 0).count();
        let counted = counted(&foreign.placeholders) + counted(&foreign.hidden);
        match pair.answer(&bytes) {
            Ok(reply) => {
                prop_assert!(reply.len() <= bytes.len());
                let wanted = (1 + counted).min(JAR_CAPACITY);
                if foreign.identifier_len == 32 {
                    let cookies = pair.open(&reply, &[1; 32]).unwrap();
                    prop_assert_eq!(cookies.len(), wanted);
                }
            }
            Err(reject) => {
                prop_assert_eq!(reject, Reject::Malformed);
                let room = nonce_len.next_multiple_of(4) + foreign.padding;
                prop_assert!(room < 16 || hidden.len() + 16 > MAX_REQUEST_LEN);
            }
        }
    }
}

#[test]
fn at20_a_reply_without_nts_is_no_reply() {
    let mut pair = Pair::new(Algorithm::AesSivCmac256, 16);
    let sent = pair.request(0);
    let reply = pair.answer(&sent.bytes).unwrap();
    let header = Packet::parse(&reply).unwrap().header();
    assert!(pair.open(&packet(&header, &[]), &sent.identifier).is_err());
    assert!(
        pair.open(&packet(&header, &[(F::UNIQUE_IDENTIFIER, &sent.identifier)]), &sent.identifier).is_err()
    );
}
