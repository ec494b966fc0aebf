use proptest::prelude::*;
use truechimer_time::NtpTimestamp;

use super::*;
use crate::extension::FieldType;
use crate::write::PacketWriter;

/// A request of this version with `tail` behind its header.
fn packet(version: u8, tail: &[u8]) -> Vec<u8> {
    let mut bytes = Header::request(version, NtpTimestamp::from_bits(7)).write().to_vec();
    bytes.extend_from_slice(tail);
    bytes
}

/// A field of `len` bytes that says it is `said` bytes long.
fn lying_field(said: u16, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    bytes[..2].copy_from_slice(&0xf001_u16.to_be_bytes());
    bytes[2..4].copy_from_slice(&said.to_be_bytes());
    bytes
}

fn error(bytes: &[u8]) -> Option<ParseError> {
    Packet::parse(bytes).err()
}

#[test]
fn versions_and_modes_with_other_formats_are_refused() {
    for version in 0..8 {
        for mode in 0..8 {
            let mut bytes = packet(4, &[]);
            bytes[0] = version << 3 | mode;
            let expected = match (version, mode) {
                (0 | 5.., _) => Some(ParseError::Version),
                (_, 6 | 7) => Some(ParseError::Mode),
                _ => None,
            };
            assert_eq!(error(&bytes), expected, "version {version} mode {mode}");
        }
    }
    assert_eq!(error(&packet(4, &[])[..47]), Some(ParseError::Short));
}

#[test]
fn twenty_and_twenty_four_bytes_are_a_mac_in_version_4() {
    for (len, digest_len) in [(20, 16), (24, 20)] {
        let mut tail = vec![9; len];
        tail[..4].copy_from_slice(&[0, 0, 0, 42]);
        let bytes = packet(4, &tail);
        let parsed = Packet::parse(&bytes).unwrap();
        assert_eq!(parsed.mac(), Some(Mac { key_id: 42, digest: &vec![9; digest_len] }));
        assert_eq!(parsed.fields().count(), 0);
        assert_eq!(parsed.covered(), &bytes[..48]);
    }
    // Longer, and it must be an extension field; this one's length would be 0x0909.
    assert_eq!(error(&packet(4, &[9; 36])), Some(ParseError::FieldLength));
}

#[test]
fn all_that_follows_the_header_is_a_mac_below_version_4() {
    for version in 1..4 {
        for len in 0..=80 {
            let bytes = packet(version, &vec![1; len]);
            let legal = len == 0 || (12..=68).contains(&len) && len % 4 == 0;
            assert_eq!(Packet::parse(&bytes).is_ok(), legal, "version {version}, {len} bytes");
            if legal && len > 0 {
                let parsed = Packet::parse(&bytes).unwrap();
                assert_eq!(parsed.mac().unwrap().digest.len(), len - 4);
                assert_eq!(parsed.fields().count(), 0);
            }
        }
    }
}

#[test]
fn four_zero_bytes_are_a_crypto_nak() {
    for version in 1..=4 {
        let bytes = packet(version, &[0; 4]);
        assert!(Packet::parse(&bytes).unwrap().mac().unwrap().is_crypto_nak());
        assert_eq!(error(&packet(version, &[0, 0, 0, 1])), Some(ParseError::Trailing));
    }
}

#[test]
fn fields_and_mac_follow_each_other() {
    let mut tail = lying_field(16, 16);
    tail.extend(lying_field(32, 32));
    tail.extend([5; 24]);
    let bytes = packet(4, &tail);
    let parsed = Packet::parse(&bytes).unwrap();
    assert_eq!(parsed.fields().map(|f| f.value.len()).collect::<Vec<_>>(), [12, 28]);
    assert_eq!(parsed.mac().unwrap().digest.len(), 20);
    assert_eq!(parsed.covered().len(), 48 + 48);
    assert_eq!(parsed.bytes(), bytes);
}

#[test]
fn at_41_ext_field_attacks_lengths() {
    for said in [0, 1, 4, 12, 15, 17, 30, 33, 36, 64, 1000, u16::MAX] {
        assert_eq!(error(&packet(4, &lying_field(said, 32))), Some(ParseError::FieldLength), "{said}");
    }
    for tail in [1, 2, 3, 5, 8, 12, 15, 16, 19, 21, 23, 25, 27] {
        assert_eq!(error(&packet(4, &vec![0; tail])), Some(ParseError::Trailing), "{tail} bytes");
        let mut behind = lying_field(32, 32);
        behind.extend(vec![0; tail]);
        assert_eq!(error(&packet(4, &behind)), Some(ParseError::Trailing), "{tail} bytes behind a field");
    }
}

#[test]
fn at_41_ext_field_attacks_overlap() {
    // The first field ends in the middle of the second one, whose value then plays a field of length 0.
    let mut tail = lying_field(24, 16);
    tail.extend(lying_field(36, 36));
    assert_eq!(error(&packet(4, &tail)), Some(ParseError::FieldLength));
}

#[test]
fn at_41_ext_field_attacks_count() {
    // Fields of the minimum length, and a last one that cannot be a MAC.
    let tail = |count: usize| [lying_field(16, 16).repeat(count - 1), lying_field(28, 28)].concat();
    assert_eq!(Packet::parse(&packet(4, &tail(MAX_FIELDS))).unwrap().fields().count(), MAX_FIELDS);
    assert_eq!(error(&packet(4, &tail(MAX_FIELDS + 1))), Some(ParseError::TooManyFields));
    assert_eq!(error(&packet(4, &tail(1000))), Some(ParseError::TooManyFields));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_all_views_hold(bytes in proptest::collection::vec(any::<u8>(), 0..200), first in any::<u8>()) {
        let mut bytes = bytes;
        if let Some(byte) = bytes.first_mut() {
            // Mostly version 4, or the extension fields would hardly be reached.
            *byte = if first & 3 == 0 { first } else { 0x20 | first & 7 };
        }
        if let Ok(parsed) = Packet::parse(&bytes) {
            let fields: usize = parsed.fields().map(|f| f.value.len() + 4).sum();
            let mac = parsed.mac().map_or(0, |mac| mac.digest.len() + KEY_ID_LEN);
            prop_assert_eq!(HEADER_LEN + fields + mac, bytes.len());
            prop_assert_eq!(parsed.covered().len(), HEADER_LEN + fields);
        }
    }

    #[test]
    fn what_is_written_is_parsed_byte_for_byte(
        values in proptest::collection::vec((any::<u16>(), proptest::collection::vec(any::<u8>(), 0..60)), 0..8),
        mac in proptest::option::of((any::<u32>(), prop_oneof![Just(16_usize), Just(20)])),
        stamp in any::<u64>(),
    ) {
        let header = Header::request(4, NtpTimestamp::from_bits(stamp));
        let mut buffer = [0xee; 1024];
        let mut writer = PacketWriter::new(&mut buffer, &header).unwrap();
        for (kind, value) in &values {
            writer.field(FieldType(*kind), value).unwrap();
        }
        let digest = [0x5a; 20];
        let len = match mac {
            Some((key_id, len)) => writer.mac(key_id, &digest[..len]).unwrap(),
            None => writer.finish().unwrap(),
        };
        let parsed = Packet::parse(&buffer[..len]).unwrap();
        prop_assert_eq!(parsed.header(), header);
        prop_assert_eq!(parsed.mac(), mac.map(|(key_id, len)| Mac { key_id, digest: &digest[..len] }));
        prop_assert_eq!(parsed.fields().count(), values.len());
        for (field, (kind, value)) in parsed.fields().zip(&values) {
            prop_assert_eq!(field.field_type, FieldType(*kind));
            let (start, padding) = field.value.split_at(value.len());
            prop_assert_eq!(start, &value[..]);
            prop_assert!(padding.iter().all(|&byte| byte == 0));
        }
        prop_assert!(buffer[len..].iter().all(|&byte| byte == 0xee), "nothing beyond the end is touched");
    }
}
