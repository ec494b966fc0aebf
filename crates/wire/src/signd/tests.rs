use proptest::prelude::*;
use truechimer_time::NtpTimestamp;

use super::*;
use crate::Header;

fn member(len: usize) -> Vec<u8> {
    let mut bytes = Header::request(3, NtpTimestamp::from_bits(7)).write().to_vec();
    bytes.resize(len, 0);
    bytes[48..52].copy_from_slice(&[0x50, 0x04, 0, 0]);
    bytes
}

#[test]
fn both_forms_are_known_by_their_length_and_by_having_no_digest() {
    assert_eq!(authenticator(&member(68)), Some(Authenticator::Basic([0x50, 0x04, 0, 0])));
    let mut extended = member(120);
    assert_eq!(authenticator(&extended), Some(Authenticator::Extended));
    // Flags and hints may be set.
    extended[52..56].copy_from_slice(&[0, 1, 1, 0]);
    assert_eq!(authenticator(&extended), Some(Authenticator::Extended));
    for len in (0..200).filter(|len| ![68, 120].contains(len)) {
        let mut bytes = member(len.max(52));
        bytes.truncate(len);
        assert_eq!(authenticator(&bytes), None, "{len}");
    }
    for (len, at) in [(68, 52), (68, 67), (120, 56), (120, 119)] {
        let mut signed = member(len);
        signed[at] = 1;
        assert_eq!(authenticator(&signed), None, "a digest at {at}");
    }
    for first in [4 << 3 | 3, 2 << 3 | 3] {
        let mut other = member(68);
        other[0] = first;
        assert_eq!(authenticator(&other), None, "another version");
    }
    let mut nobody = member(68);
    nobody[48..52].fill(0);
    assert_eq!(authenticator(&nobody), None);
}

#[test]
fn a_request_to_samba_is_laid_out_as_its_interface_says() {
    let packet: [u8; 48] = std::array::from_fn(|at| at as u8);
    let bytes = write_sign_request(0x1234, [0x50, 0x04, 0, 0x80], &packet);
    assert_eq!(bytes[..20], [0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 0x50, 0x04, 0, 0x80]);
    assert_eq!(bytes[20..], packet);
}

/// A reply of Samba's.
fn reply(operation: u32, signed: &[u8]) -> Vec<u8> {
    let len = 12 + signed.len() as u32;
    let head = [len, 0, operation, 0x1234].map(u32::to_be_bytes).concat();
    [&head, signed].concat()
}

#[test]
fn replies_are_read_whole_or_not_yet() {
    let good = reply(3, &[9; 68]);
    for len in 0..good.len() {
        assert_eq!(parse_sign_reply(&good[..len]), Ok(None), "{len}");
    }
    let (parsed, len) = parse_sign_reply(&good).unwrap().unwrap();
    assert_eq!((parsed.packet_id, parsed.signed, len), (0x1234, Some(&[9; 68]), SIGN_REPLY_MAX));
    let refusal = reply(4, &[]);
    let (parsed, len) = parse_sign_reply(&refusal).unwrap().unwrap();
    assert_eq!((parsed.packet_id, parsed.signed, len), (0x1234, None, 16));
    let two = [good.clone(), reply(4, &[])].concat();
    assert_eq!(parse_sign_reply(&two).unwrap().unwrap().1, good.len());
}

#[test]
fn what_samba_would_not_say_is_refused_before_it_is_whole() {
    for len in [0_u32, 11, 81, 1 << 20, u32::MAX] {
        assert_eq!(parse_sign_reply(&len.to_be_bytes()), Err(NoSignReply), "{len}");
    }
    for len in [0, 1, 48, 67] {
        assert_eq!(parse_sign_reply(&reply(3, &vec![0; len])), Err(NoSignReply), "{len}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_reply_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..120), small in any::<bool>()) {
        let mut bytes = bytes;
        if small && bytes.len() > 4 {
            bytes[..3].fill(0);
        }
        if let Ok(Some((_, len))) = parse_sign_reply(&bytes) {
            prop_assert!(len <= bytes.len() && len <= SIGN_REPLY_MAX);
        }
        let known = authenticator(&bytes);
        prop_assert!(known.is_none() || [68, 120].contains(&bytes.len()));
    }
}
