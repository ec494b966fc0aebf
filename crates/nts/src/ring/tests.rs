use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::*;

fn random() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([7; 32])
}

fn keys(algorithm: Algorithm) -> Keys {
    let len = algorithm.key_len();
    Keys::new(algorithm, &vec![1; len], &vec![2; len]).unwrap()
}

#[test]
fn at22_old_keys_are_accepted_for_exactly_as_many_rotations_as_are_kept() {
    for keep in [1, 2, 5, MAX_OLD_KEYS] {
        let mut random = random();
        let mut ring = KeyRing::generate(0, keep, &mut random);
        let keys = keys(Algorithm::AesSivCmac256);
        let cookie = ring.seal_cookie(&keys, &mut random).unwrap();
        for rotation in 1..=keep {
            ring.rotate(rotation as u64, &mut random);
            assert_eq!(ring.open_cookie(cookie.as_bytes()).as_ref(), Ok(&keys), "{rotation} of {keep}");
        }
        ring.rotate(100, &mut random);
        assert_eq!(ring.open_cookie(cookie.as_bytes()), Err(CookieError::UnknownKey));
        assert_eq!(ring.len(), keep + 2);
    }
}

#[test]
fn a_ring_survives_its_file() {
    let mut random = random();
    let mut ring = KeyRing::generate(1_767_225_600, 3, &mut random);
    let keys = keys(Algorithm::Aes128GcmSiv);
    for day in 0..6 {
        let cookie = ring.seal_cookie(&keys, &mut random).unwrap();
        let text = ring.write();
        assert!(text.len() <= MAX_FILE_LEN);
        let read = KeyRing::parse(text.as_bytes(), 3).unwrap();
        assert_eq!(*read.write(), *text);
        assert_eq!(read.open_cookie(cookie.as_bytes()).as_ref(), Ok(&keys));
        assert!(ring.advance(1_767_225_600 + 86_400 * (day + 1), 86_400, &mut random));
    }
}

/// Made by a clock that stood in 1970: without the correction, the time that seems to have passed would end all keys.
#[test]
fn a_key_of_a_wrong_clock_gets_its_true_date() {
    let mut random = random();
    let mut ring = KeyRing::generate(7, 2, &mut random);
    let cookie = ring.seal_cookie(&keys(Algorithm::Aes128GcmSiv), &mut random).unwrap();
    ring.redate(1_767_225_600);
    let mut ring = KeyRing::parse(ring.write().as_bytes(), 2).unwrap();
    assert_eq!(ring.current_since_s(), 1_767_225_600);
    assert!(!ring.advance(1_767_225_600 + 86_399, 86_400, &mut random));
    assert!(ring.advance(1_767_225_600 + 86_400, 86_400, &mut random));
    assert!(ring.open_cookie(cookie.as_bytes()).is_ok());
}

#[test]
fn the_file_is_what_the_manual_shows() {
    let mut random = random();
    let mut ring = KeyRing::generate(1_767_139_200, 3, &mut random);
    ring.rotate(1_767_225_600, &mut random);
    let text = ring.write();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0], "truechimer-key-ring 1");
    let id = ring.current_id();
    assert!(lines[1].starts_with(&format!("next {:08x} 1767225600 ", id.wrapping_add(1))));
    assert!(lines[2].starts_with(&format!("current {id:08x} 1767225600 ")));
    assert!(lines[3].starts_with(&format!("old {:08x} 1767139200 ", id.wrapping_sub(1))));
    assert!(lines[1..].iter().all(|line| line.split(' ').nth(3).unwrap().len() == 64));
}

#[test]
fn the_longest_file_is_as_long_as_is_said() {
    let mut random = random();
    let mut ring = KeyRing::generate(u64::MAX, MAX_OLD_KEYS, &mut random);
    (0..100).for_each(|_| ring.rotate(u64::MAX, &mut random));
    assert_eq!(ring.len(), MAX_OLD_KEYS + 2);
    let text = ring.write();
    assert!(text.len() <= MAX_FILE_LEN && MAX_FILE_LEN < text.len() + 1000);
    let crlf = text.replace('\n', "\r\n");
    assert!(crlf.len() <= MAX_FILE_LEN);
    assert_eq!(KeyRing::parse(crlf.as_bytes(), MAX_OLD_KEYS).unwrap().len(), MAX_OLD_KEYS + 2);
    assert_eq!(KeyRing::parse(text.as_bytes(), 5).unwrap().len(), 7, "what is too much is not kept");
}

#[test]
fn at36_garbage_in_the_file_is_refused_at_its_line() {
    let secret = "ab".repeat(32);
    let next = format!("next 00000002 100 {secret}");
    let current = format!("current 00000001 90 {secret}");
    let file = |lines: &[&str]| lines.join("\n");
    let parse = |text: &str| KeyRing::parse(text.as_bytes(), 2).map(|ring| ring.len());
    let first = "truechimer-key-ring 1";
    assert_eq!(parse(&file(&[first, &next, &current])), Ok(2));
    assert_eq!(parse(""), Err(RingFileError::Format));
    assert_eq!(parse("something else"), Err(RingFileError::Format));
    assert_eq!(parse("truechimer-key-ring 2"), Err(RingFileError::Version));
    assert_eq!(parse("truechimer-key-ring"), Err(RingFileError::Version));
    assert_eq!(parse(first), Err(RingFileError::Missing));
    assert_eq!(parse(&file(&[first, &next])), Err(RingFileError::Missing));
    assert_eq!(parse(&"x".repeat(MAX_FILE_LEN + 1)), Err(RingFileError::Long));
    assert_eq!(KeyRing::parse(b"truechimer-key-ring 1\n\xff", 2).err(), Some(RingFileError::Format));
    let second = [
        current.clone(),
        String::new(),
        format!("next 2 100 {secret}"),
        format!("next 00000002 100 {secret}0"),
        format!("next 00000002 100 {}", "ab".repeat(31)),
        format!("next 00000002 100 {secret} "),
        format!("next  00000002 100 {secret}"),
        format!("next 00000002 -1 {secret}"),
        format!("next 00000002 +1 {secret}"),
        format!("next 00000002 99999999999999999999 {secret}"),
        format!("next +0000002 100 {secret}"),
        format!("next 00000002 100 {}zz", "ab".repeat(31)),
        format!("old 00000002 100 {secret}"),
    ];
    for line in second {
        assert_eq!(parse(&file(&[first, &line, &current])), Err(RingFileError::Line(2)), "{line}");
    }
    let again = format!("current 00000002 90 {secret}");
    assert_eq!(
        parse(&file(&[first, &next, &again])),
        Err(RingFileError::Line(3)),
        "one identifier, two keys"
    );
    let mut cut = 0;
    let whole = file(&[first, &next, &current]);
    for len in 0..whole.len() {
        cut += usize::from(parse(&whole[..len]).is_err());
    }
    assert_eq!(cut, whole.len(), "a torn write is noticed");
}

#[test]
fn a_ring_advances_when_its_time_has_come() {
    let mut random = random();
    let mut ring = KeyRing::generate(1000, 3, &mut random);
    let first = ring.current_id();
    assert!(!ring.advance(1000, 100, &mut random));
    assert!(!ring.advance(1099, 100, &mut random));
    assert!(ring.advance(1100, 100, &mut random));
    assert_eq!((ring.current_id(), ring.current_since_s()), (first.wrapping_add(1), 1100));
    // After a pause of three intervals the key that was current then is three rotations old.
    assert!(ring.advance(1450, 100, &mut random));
    assert_eq!(ring.current_id(), first.wrapping_add(4));
    // After a very long one nothing is left, and that does not take long.
    assert!(ring.advance(u64::MAX, 1, &mut random));
    assert_eq!(ring.current_id(), first.wrapping_add(9));
    // A clock that was wrong: once, and then no more.
    assert!(ring.advance(1000, 100, &mut random));
    assert!(!ring.advance(1000, 100, &mut random));
    assert!(!ring.advance(950, 100, &mut random), "a small step back is nothing");
    assert!(ring.advance(2000, 0, &mut random), "an interval of nothing is one second");
}

#[test]
fn who_is_a_rotation_behind_opens_what_the_others_seal() {
    let mut random = random();
    let behind = KeyRing::generate(0, 2, &mut random);
    let mut ahead = behind.clone();
    ahead.rotate(100, &mut random);
    let keys = keys(Algorithm::AesSivCmac512);
    let cookie = ahead.seal_cookie(&keys, &mut random).unwrap();
    assert_eq!(behind.open_cookie(cookie.as_bytes()).as_ref(), Ok(&keys));
    let cookie = behind.seal_cookie(&keys, &mut random).unwrap();
    assert_eq!(ahead.open_cookie(cookie.as_bytes()).as_ref(), Ok(&keys));
}

#[test]
fn a_ring_keeps_at_least_one_old_key_and_not_too_many() {
    let mut random = random();
    for (keep, kept) in [(0, 1), (1, 1), (MAX_OLD_KEYS, MAX_OLD_KEYS), (usize::MAX, MAX_OLD_KEYS)] {
        let mut ring = KeyRing::generate(0, keep, &mut random);
        (0..MAX_OLD_KEYS + 10).for_each(|_| ring.rotate(1, &mut random));
        assert_eq!(ring.len(), 2 + kept);
    }
}

#[test]
fn the_keys_of_an_epoch_are_those_of_hkdf() {
    // python3: HKDF(SHA256(), 36, None, b"truechimer nts cookie key, version 1" + epoch_s (8 bytes) + epoch (8 bytes)): identifier, key
    let fleet = MasterSecret::new(&[7; 32], 86_400, 2).unwrap();
    let ring = fleet.ring(20_000 * 86_400);
    let text = ring.write();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(
        lines[1],
        "next 1ca65db1 1728086400 250d15c2aca5418f2c2de20d2544c31280fa295ccd2f60a0a497af07981009d0"
    );
    assert_eq!(
        lines[2],
        "current 50943991 1728000000 10630cf860af198bb660ad0ea7ca2a52ce51b323c792e247636be0286070cb50"
    );
    assert_eq!(fleet.next_epoch_s(20_000 * 86_400), 20_001 * 86_400);
    assert_eq!(fleet.next_epoch_s(20_001 * 86_400 - 1), 20_001 * 86_400);
}

#[test]
fn two_servers_of_a_fleet_need_no_word_between_them() {
    let one = MasterSecret::new(b"0123456789abcdef0123456789abcdef", 3600, 2).unwrap();
    let two = MasterSecret::new(b"0123456789abcdef0123456789abcdef \r\n", 3600, 2).unwrap();
    let keys = keys(Algorithm::Aes128GcmSiv);
    let cookie = one.ring(1_767_225_600).seal_cookie(&keys, &mut random()).unwrap();
    for late_s in [0, 1800, 3600] {
        assert_eq!(two.ring(1_767_225_600 - late_s).open_cookie(cookie.as_bytes()).as_ref(), Ok(&keys));
        assert_eq!(two.ring(1_767_225_600 + late_s).open_cookie(cookie.as_bytes()).as_ref(), Ok(&keys));
    }
}

#[test]
fn a_secret_is_replaced_without_a_client_noticing() {
    let (old, new) = ("the old secret of the fleet, 0123456789", "the new secret of the fleet, abcdefghij");
    let fleet =
        |lines: &[&str]| MasterSecret::new(lines.join("\n").as_bytes(), 3600, 2).unwrap().ring(1_767_225_600);
    let steps = [&[old][..], &[old, new], &[new, old], &[new]];
    let keys = keys(Algorithm::Aes128GcmSiv);
    // Servers are one step apart at most.
    for (one, two) in steps.into_iter().zip(steps.into_iter().skip(1)) {
        let (one, two) = (fleet(one), fleet(two));
        for (seals, opens) in [(&one, &two), (&two, &one), (&one, &one), (&two, &two)] {
            let cookie = seals.seal_cookie(&keys, &mut random()).unwrap();
            assert_eq!(opens.open_cookie(cookie.as_bytes()).as_ref(), Ok(&keys));
        }
    }
    assert!(
        fleet(&[new])
            .open_cookie(fleet(&[old]).seal_cookie(&keys, &mut random()).unwrap().as_bytes())
            .is_err()
    );
    let five = [new; 5].join("\n");
    assert_eq!(MasterSecret::new(five.as_bytes(), 3600, 2).err(), Some(MasterError));
    let short = [new, "short"].join("\n");
    assert_eq!(MasterSecret::new(short.as_bytes(), 3600, 2).err(), Some(MasterError));
    assert_eq!(MasterSecret::new(b"\n \n", 3600, 2).err(), Some(MasterError));
}

#[test]
fn the_ends_of_time_are_no_panic() {
    for epoch_s in [0, 1, u64::MAX] {
        let fleet = MasterSecret::new(&[1; 32], epoch_s, MAX_OLD_KEYS).unwrap();
        for now_s in [0, 1, u64::MAX] {
            assert!(fleet.ring(now_s).len() >= 2);
            assert!(fleet.next_epoch_s(now_s) >= 1);
        }
    }
}

#[test]
fn a_short_secret_is_refused() {
    assert_eq!(MasterSecret::new(&[1; 31], 60, 1).err(), Some(MasterError));
    assert_eq!(MasterSecret::new(b"too short: white space is none       ", 60, 1).err(), Some(MasterError));
    assert!(MasterSecret::new(&[1; 32], 60, 1).is_ok());
}

#[test]
fn secrets_are_not_printed() {
    let ring = KeyRing::generate(0, 2, &mut random());
    let id = ring.current_id();
    assert_eq!(
        format!("{ring:?}"),
        format!("KeyRing {{ ids: [{}, {id}], keep: 2, .. }}", id.wrapping_add(1))
    );
    let fleet = MasterSecret::new(&[b'x'; 40], 60, 1).unwrap();
    assert_eq!(format!("{fleet:?}"), "MasterSecret { epoch_s: 60, .. }");
}

#[test]
fn a_new_key_takes_no_identifier_that_is_in_use() {
    let secret = |byte: &str| byte.repeat(32);
    let text = format!(
        "truechimer-key-ring 1\nnext ffffffff 9 {}\ncurrent 00000000 8 {}\nold 00000001 7 {}\n",
        secret("0a"),
        secret("0b"),
        secret("0c")
    );
    let mut ring = KeyRing::parse(text.as_bytes(), 2).unwrap();
    ring.rotate(10, &mut random());
    assert!(ring.write().contains("next 00000002 10 "));
    assert_eq!(KeyRing::parse(ring.write().as_bytes(), 2).unwrap().len(), 4);
}
