use super::*;

const NOON: Cooked = Cooked::from_unix_nanos(1_800_000_000_000_000_000);

fn tap() -> Tap {
    let mut tap = Tap::default();
    let remote = "192.0.2.1:123".parse().unwrap();
    for n in 1..=3 {
        tap.request(Token(n), remote, &[n as u8; 48]);
        if n < 3 {
            tap.reply(Token(n), remote, &[100 + n as u8; 48]);
        }
    }
    tap
}

fn forge(kind: AttackKind) -> Forgery {
    tap().forge(kind, NOON, &mut Random::new(1, 0)).unwrap()
}

#[test]
fn spoofs_look_like_replies_to_the_newest_request() {
    for (kind, stratum) in [(AttackKind::BlindSpoof, 1), (AttackKind::Kiss(*b"DENY"), 0)] {
        let forgery = forge(kind);
        let header = Header::parse(&forgery.bytes).unwrap();
        assert_eq!((forgery.token, header.mode, header.stratum), (Token(3), Mode::Server, stratum));
        assert!(!header.origin_timestamp.is_zero());
    }
    assert!(Header::parse(&forge(AttackKind::ZeroOrigin).bytes).unwrap().origin_timestamp.is_zero());
}

#[test]
fn replays_are_of_earlier_exchanges_and_duplicates_of_the_last() {
    assert!([101, 102].contains(&forge(AttackKind::Replay).bytes[0]));
    let duplicate = forge(AttackKind::Duplicate);
    assert_eq!((duplicate.token, duplicate.bytes[0]), (Token(2), 102));
    assert_eq!(forge(AttackKind::Reflect).bytes[0], 3);
}

#[test]
fn an_attacker_who_saw_nothing_has_nothing_to_send() {
    let mut random = Random::new(1, 0);
    assert!(Tap::default().forge(AttackKind::BlindSpoof, NOON, &mut random).is_none());
}
