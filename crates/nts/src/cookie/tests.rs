use super::*;
use crate::aead::Key;

fn aead() -> Aead {
    Aead::new(&Key::new(Algorithm::AesSivCmac256, &[3; 32]).unwrap())
}

fn keys(algorithm: Algorithm) -> Keys {
    let len = algorithm.key_len();
    Keys::new(algorithm, &vec![1; len], &vec![2; len]).unwrap()
}

fn sealed(algorithm: Algorithm, random: u8) -> Vec<u8> {
    let mut cookie = vec![0xee; cookie_len(algorithm)];
    seal(&aead(), 0x0102_0304, &[random; COOKIE_RANDOM_LEN], &keys(algorithm), &mut cookie).unwrap();
    cookie
}

#[test]
fn cookies_have_the_lengths_that_the_manual_says() {
    assert_eq!(Algorithm::ALL.map(cookie_len), [96, 160, 64]);
}

#[test]
fn a_cookie_gives_back_its_keys() {
    for algorithm in Algorithm::ALL {
        let cookie = sealed(algorithm, 9);
        assert_eq!(key_id(&cookie), Some(0x0102_0304));
        assert_eq!(cookie[4..16], [9; 12]);
        assert_eq!(open(&aead(), &cookie).as_ref(), Ok(&keys(algorithm)));
        assert_ne!(sealed(algorithm, 10)[16..], cookie[16..], "the random bytes change all that follows");
    }
}

#[test]
fn a_cookie_is_for_the_algorithm_of_its_length_only() {
    let cookie = sealed(Algorithm::AesSivCmac256, 9);
    assert_eq!(open(&aead(), &cookie[..64]), Err(CookieError::Forged));
    assert_eq!(open(&aead(), &cookie[..95]), Err(CookieError::Length));
    assert_eq!(open(&aead(), &[cookie.as_slice(), &[0; 64]].concat()), Err(CookieError::Forged));
    let short = &mut [0; 95];
    assert_eq!(seal(&aead(), 1, &[0; COOKIE_RANDOM_LEN], &keys(Algorithm::AesSivCmac256), short), None);
    assert_eq!(key_id(&[1, 2, 3]), None);
}
