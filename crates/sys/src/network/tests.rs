use super::*;
use crate::poll::{Interest, PollSet};
use netlink::{attributes, message};

/// An attribute as the kernel writes it.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = [(4 + value.len() as u16).to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn framed(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = (16 + body.len() as u32).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend([0; 10]);
    bytes.extend(body);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[test]
fn a_quiet_network_is_the_same_at_every_look() {
    let mut watch = NetworkWatch::open().unwrap();
    assert!(!watch.has_changed().unwrap());
    assert_eq!(Picture::take().unwrap(), Picture::take().unwrap());
    let mut poll = PollSet::new();
    poll.push(watch.fd(), Interest::Read);
    poll.wait(Some(std::time::Duration::ZERO)).unwrap();
    assert!(!watch.has_changed().unwrap());
}

#[test]
fn messages_and_attributes_are_told_apart() {
    let body = [vec![0; 12], attribute(4, &[1, 0, 0, 0]), attribute(0x8005, &[10, 0, 0, 1, 7])].concat();
    let bytes = [framed(24, &body), framed(3, &[0; 4])].concat();
    let (kind, first, rest) = message(&bytes).unwrap();
    assert_eq!((kind, first), (24, &body[..]));
    let found: Vec<_> = attributes(first, 12).collect();
    assert_eq!(found, [(4, &[1, 0, 0, 0][..]), (5, &[10, 0, 0, 1, 7])]);
    assert_eq!(message(rest).map(|(kind, ..)| kind), Some(3));
}

#[test]
fn what_is_cut_off_or_says_impossible_lengths_ends_the_reading() {
    let body = [vec![0; 12], attribute(4, &[1, 0, 0, 0]), attribute(5, &[10, 0, 0, 1])].concat();
    let whole = framed(24, &body);
    for len in 0..whole.len() {
        assert!(message(&whole[..len]).is_none(), "{len}");
    }
    for len in 0..body.len() {
        assert!(attributes(&body[..len], 12).count() < 2, "{len}");
    }
    for (at, value) in [(0, 0), (0, 3), (0, 0xff)] {
        let mut body = body[12..].to_vec();
        body[at] = value;
        assert_eq!(attributes(&body, 0).count(), 0, "a length of {value}");
        let mut bytes = whole.clone();
        bytes[at] = value;
        assert!(message(&bytes).is_none(), "a length of {value}");
    }
}
