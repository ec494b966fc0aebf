use proptest::prelude::*;

use super::*;

#[test]
fn a_short_header_is_none() {
    for len in 0..HEADER_LEN {
        assert_eq!(Header::parse(&[0x23; HEADER_LEN][..len]), None);
    }
}

#[test]
fn fields_stand_where_rfc_5905_figure_8_puts_them() {
    let mut bytes = [0; HEADER_LEN];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = at as u8;
    }
    bytes[0] = 0b11_100_011;
    let header = Header::parse(&bytes).unwrap();
    assert_eq!(header.leap, Leap::Unsynchronised);
    assert_eq!((header.version, header.mode), (4, Mode::Client));
    assert_eq!((header.stratum, header.poll, header.precision), (1, 2, 3));
    assert_eq!(header.root_delay.bits(), 0x0405_0607);
    assert_eq!(header.root_dispersion.bits(), 0x0809_0a0b);
    assert_eq!(header.reference_id, ReferenceId([12, 13, 14, 15]));
    assert_eq!(header.reference_timestamp.bits(), 0x1011_1213_1415_1617);
    assert_eq!(header.origin_timestamp.bits(), 0x1819_1a1b_1c1d_1e1f);
    assert_eq!(header.receive_timestamp.bits(), 0x2021_2223_2425_2627);
    assert_eq!(header.transmit_timestamp.bits(), 0x2829_2a2b_2c2d_2e2f);
}

#[test]
fn a_request_tells_nothing_but_its_version_and_a_random_number() {
    let bytes = Header::request(4, NtpTimestamp::from_bits(u64::MAX)).write();
    assert_eq!(bytes[0], 0x23);
    assert_eq!(bytes[1..40], [0; 39]);
    assert_eq!(bytes[40..], [0xff; 8]);
    assert_eq!(Header::request(3, NtpTimestamp::ZERO).write()[0], 0x1b);
}

#[test]
fn only_a_server_at_stratum_zero_kisses() {
    let mut header = Header::request(4, NtpTimestamp::ZERO);
    header.reference_id = ReferenceId(*b"RATE");
    assert_eq!(header.kiss_code(), None);
    header.mode = Mode::Server;
    assert_eq!(header.kiss_code(), Some(KissCode::Rate));
    header.stratum = 1;
    assert_eq!(header.kiss_code(), None);
}

proptest! {
    #[test]
    fn every_header_is_the_same_bytes_again(bytes in proptest::array::uniform32(any::<u8>()), more in any::<[u8; 16]>()) {
        let mut all = [0; HEADER_LEN];
        all[..32].copy_from_slice(&bytes);
        all[32..].copy_from_slice(&more);
        let header = Header::parse(&all).unwrap();
        prop_assert_eq!(header.write(), all);
        prop_assert_eq!(Header::parse(&header.write()), Some(header));
    }
}
