//! Requests with a MAC.

use truechimer_wire::mac::{KeyAlgorithm, MAX_DIGEST_LEN, SymmetricKey};

use super::*;

fn key(id: u32) -> SymmetricKey {
    let algorithm = KeyAlgorithm::ALL[id as usize - 1];
    SymmetricKey::new(algorithm, &vec![id as u8; algorithm.key_len().unwrap_or(20)]).unwrap()
}

/// One of each algorithm, 1 to 7.
fn keys() -> KeyTable {
    (1..=7).map(|id| (id, key(id))).collect()
}

fn responder() -> Responder {
    Responder::new(&everybody(), &keys(), SEED)
}

/// A request and its MAC.
fn signed(version: u8, mode: Mode, id: u32, digest_len: usize) -> Vec<u8> {
    let mut packet = request(version, mode);
    let mut digest = [0; MAX_DIGEST_LEN];
    key(id).digest(&packet, &mut digest);
    packet.extend(id.to_be_bytes());
    packet.extend(&digest[..digest_len]);
    packet
}

fn ask(responder: &mut Responder, request: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut buffer = [0xee; 512];
    buffer[..request.len()].copy_from_slice(request);
    let client = CLIENT.parse().unwrap();
    match responder.handle(&mut buffer, request.len(), client, None, stamp(NOON), &served(), now()) {
        Verdict::Reply(len) => {
            responder.stamp(&mut buffer[..len], NOON + NtpDuration::from_nanos(5_000));
            assert_eq!(buffer[request.len()..], [0xee; 512][request.len()..], "nothing behind the request");
            Ok(buffer[..len].to_vec())
        }
        Verdict::Sign => unreachable!("nobody signs"),
        Verdict::Drop(reason) => Err(reason),
    }
}

/// Versions with the lengths of digest that peers send in them: cut by ntpd, whole by chronyd below version 4.
fn digest_lens(version: u8, id: u32) -> Vec<usize> {
    let whole = key(id).algorithm().digest_len();
    if version == 4 { vec![whole.min(20)] } else { vec![whole.min(20), whole] }
}

#[test]
fn a_request_with_a_mac_gets_a_reply_with_one_of_the_same_key() {
    let mut responder = responder();
    let mut asked = 0;
    for (version, id) in (1..=4).flat_map(|version| (1..=7).map(move |id| (version, id))) {
        for (mode, len) in [Mode::Client, Mode::SymmetricActive]
            .into_iter()
            .flat_map(|mode| digest_lens(version, id).into_iter().map(move |len| (mode, len)))
        {
            let request = signed(version, mode, id, len);
            let reply = ask(&mut responder, &request).unwrap();
            assert_eq!(reply.len(), request.len());
            let packet = Packet::parse(&reply).unwrap();
            let mac = packet.mac().unwrap();
            assert_eq!(mac.key_id, id);
            assert!(key(id).verify(packet.covered(), mac.digest), "version {version}, key {id}, {len} bytes");
            assert_eq!(packet.header().origin_timestamp, TRANSMIT);
            assert_eq!(
                packet.header().transmit_timestamp,
                (NOON + NtpDuration::from_nanos(5_000)).timestamp(),
                "the digest is of the reply with its last timestamp"
            );
            asked += 1;
        }
    }
    let report = responder.report();
    assert_eq!((report.answered, report.authenticated), (asked, asked));
}

#[test]
fn the_fields_of_a_request_are_covered_and_not_repeated() {
    let mut buffer = [0; 200];
    let header = Header::request(4, TRANSMIT);
    let mut writer = PacketWriter::new(&mut buffer, &header).unwrap();
    writer.field(truechimer_wire::FieldType(0xf00f), &[5; 40]).unwrap();
    let mut digest = [0; MAX_DIGEST_LEN];
    let len = key(3).digest(writer.written(), &mut digest).min(20);
    let len = writer.mac(3, &digest[..len]).unwrap();
    let reply = ask(&mut responder(), &buffer[..len]).unwrap();
    assert_eq!(reply.len(), 48 + 24);
    buffer[60] ^= 1;
    assert_eq!(ask(&mut responder(), &buffer[..len]), Err("digest"));
}

#[test]
fn a_wrong_mac_and_an_unknown_key_get_no_answer_and_no_crypto_nak() {
    let mut responder = responder();
    let good = signed(4, Mode::Client, 6, 16);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        let reason = ask(&mut responder, &bad).unwrap_err();
        match at {
            48..52 => assert_eq!(reason, "unknown_key"),
            1..48 | 52.. => assert_eq!(reason, "digest"),
            _ => assert!(["digest", "mode", "version"].contains(&reason), "{reason}"),
        }
    }
    let crypto_nak = [request(4, Mode::Client), vec![0; 4]].concat();
    assert_eq!(ask(&mut responder, &crypto_nak), Err("unknown_key"));
    let other_key = [&good[..48], &7_u32.to_be_bytes(), &good[52..]].concat();
    assert_eq!(ask(&mut responder, &other_key), Err("digest"));
    assert_eq!(responder.report().answered, 0);
}

#[test]
fn keys_can_be_taken_away_and_plain_requests_need_none() {
    let mut responder = responder();
    let request = signed(3, Mode::Client, 5, 64);
    assert!(ask(&mut responder, &request).is_ok());
    assert_eq!(ask(&mut responder, &super::request(4, Mode::Client)).unwrap().len(), 48);
    responder.handle_config(&everybody(), &KeyTable::default());
    assert_eq!(ask(&mut responder, &request), Err("unknown_key"));
    let report = responder.report();
    assert_eq!((report.answered, report.authenticated), (2, 1));
}

proptest! {
    #[test]
    fn na_25_reply_with_mac_never_longer_than_request(
        version in 1..=4_u8, id in 1..=7_u32, cut in 0..80_usize, fields in 0..3_usize,
    ) {
        let mut packet = request(version, Mode::Client);
        for _ in 0..fields {
            packet.extend([&[0xf0, 0x0f, 0, 28][..], &[1; 24]].concat());
        }
        let mut digest = [0; MAX_DIGEST_LEN];
        let len = key(id).digest(&packet, &mut digest).min(cut);
        packet.extend(id.to_be_bytes());
        packet.extend(&digest[..len]);
        if let Ok(reply) = ask(&mut responder(), &packet) {
            prop_assert!(reply.len() <= packet.len());
            let reply = Packet::parse(&reply).unwrap();
            let mac = reply.mac().expect("a request with a MAC is not answered without one");
            prop_assert!(key(id).verify(reply.covered(), mac.digest));
        }
    }
}
