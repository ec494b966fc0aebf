//! The formats against packets of programs that are not ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use md5::{Digest, Md5};
use truechimer_wire::{Field, FieldType, Header, KissCode, Leap, Mode, Packet, ReferenceId};

fn captures() -> Vec<(&'static str, Vec<u8>)> {
    let lines = include_str!("captures.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, hex) = line.split_once(' ').unwrap();
            let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
            (name, digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
        })
        .collect()
}

fn capture(name: &str) -> Vec<u8> {
    let found = captures().into_iter().find(|&(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no capture {name}")).1
}

fn header(name: &str) -> Header {
    Packet::parse(&capture(name)).unwrap().header()
}

#[test]
fn every_capture_is_parsed_and_its_header_written_byte_for_byte() {
    assert_eq!(captures().len(), 22);
    for (name, bytes) in captures() {
        let packet = Packet::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(packet.header().write(), bytes[..48], "{name}");
    }
}

#[test]
fn requests_are_client_packets_and_replies_answer_them() {
    for (client, version) in
        [("chronyd", 4), ("chronyd_v3", 3), ("chronyd_md5", 4), ("chronyd_sha256", 3), ("chronyd_f323", 4)]
    {
        let request = header(&format!("{client}_request"));
        let reply = header(&format!("{client}_reply"));
        assert_eq!((request.version, request.mode), (version, Mode::Client), "{client}");
        assert_eq!((reply.version, reply.mode, reply.stratum), (version, Mode::Server, 8), "{client}");
        assert_eq!(reply.origin_timestamp, request.transmit_timestamp, "{client}");
        assert_eq!(reply.reference_id, ReferenceId::LOCAL, "{client}");
        assert_eq!(reply.leap, Leap::None, "{client}");
        assert_eq!(reply.precision, -26, "{client}");
    }
    assert_eq!(header("chronyd_active").mode, Mode::SymmetricActive);
    assert_eq!(header("chronyd_passive").mode, Mode::SymmetricPassive);
}

#[test]
fn our_request_is_byte_for_byte_openntpds() {
    let theirs = capture("openntpd_request");
    let ours = Header::request(4, header("openntpd_request").transmit_timestamp);
    assert_eq!(ours.write()[..], theirs);
}

#[test]
fn every_client_of_today_sends_a_request_without_fields_or_mac_unless_told() {
    for client in ["chronyd", "chronyd_v3", "ntpd", "openntpd", "ntpdig"] {
        let bytes = capture(&format!("{client}_request"));
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!((packet.fields().count(), packet.mac()), (0, None), "{client}");
        assert_eq!(packet.header().stratum, 0, "{client}");
    }
    // ntpdig says that its clock is not synchronised.
    assert_eq!(header("ntpdig_request").leap, Leap::Unsynchronised);
}

#[test]
fn macs_are_found_where_they_are() {
    for (name, key_id, digest_len) in [
        ("chronyd_md5", 1, 16),
        ("chronyd_sha1", 2, 20),
        ("chronyd_aes128", 3, 16),
        ("chronyd_sha256", 4, 32),
    ] {
        for direction in ["request", "reply"] {
            let bytes = capture(&format!("{name}_{direction}"));
            let packet = Packet::parse(&bytes).unwrap();
            let mac = packet.mac().unwrap();
            assert_eq!((mac.key_id, mac.digest.len()), (key_id, digest_len), "{name} {direction}");
            assert_eq!(packet.covered(), &bytes[..48]);
            assert!(!mac.is_crypto_nak());
        }
    }
}

#[test]
fn an_md5_mac_covers_what_we_say_it_covers() {
    for direction in ["request", "reply"] {
        let bytes = capture(&format!("chronyd_md5_{direction}"));
        let packet = Packet::parse(&bytes).unwrap();
        let digest = Md5::new().chain_update(b"timely").chain_update(packet.covered()).finalize();
        assert_eq!(packet.mac().unwrap().digest, &digest[..], "{direction}");
    }
}

#[test]
fn an_extension_field_is_found_where_it_is() {
    for direction in ["request", "reply"] {
        let bytes = capture(&format!("chronyd_f323_{direction}"));
        let fields: Vec<Field<'_>> = Packet::parse(&bytes).unwrap().fields().collect();
        assert_eq!(fields.len(), 1, "{direction}");
        assert_eq!(fields[0].field_type, FieldType(0xf323), "{direction}");
        assert!(fields[0].field_type.is_experimental());
        assert_eq!(fields[0].value, &bytes[52..76], "{direction}");
        assert_eq!(fields[0].value[..4], [0xf5, 0xbe, 0xdd, 0x9a], "{direction}");
    }
}

#[test]
fn servers_that_are_not_synchronised_say_so() {
    let chronyd = header("chronyd_unsynchronised");
    assert_eq!((chronyd.leap, chronyd.stratum), (Leap::Unsynchronised, 0));
    assert_eq!(chronyd.kiss_code(), Some(KissCode::Other(ReferenceId::NONE)));
    let ntpd = header("ntpd_unsynchronised");
    assert_eq!((ntpd.leap, ntpd.stratum), (Leap::Unsynchronised, 0));
    assert_eq!(ntpd.kiss_code(), Some(KissCode::Other(ReferenceId(*b"INIT"))));
    assert_eq!(ntpd.reference_id.text(ntpd.stratum), "INIT");
}

#[test]
fn a_kiss_of_ntpd_is_a_rate_code_with_our_origin() {
    let kiss = header("ntpd_rate");
    assert_eq!(kiss.kiss_code(), Some(KissCode::Rate));
    assert_eq!(kiss.origin_timestamp.bits(), 0x0123_4567_89ab_cdef);
}
