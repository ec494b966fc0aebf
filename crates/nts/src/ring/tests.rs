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
