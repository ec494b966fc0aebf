use aes_gcm_siv::aead::AeadInOut as _;
use aes_gcm_siv::{Aes128GcmSiv, KeyInit as _};
use aes_siv::siv::{Aes128Siv, Aes256Siv};
use proptest::prelude::*;

use super::*;

/// Bytes from hexadecimal digits and white space.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

fn aead(algorithm: Algorithm, key: &[u8]) -> Aead {
    Aead::new(&Key::new(algorithm, key).unwrap())
}

/// A sealed message in a buffer of its own.
fn seal(aead: &Aead, nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut message = room(aead.algorithm(), plaintext);
    aead.seal(nonce, aad, &mut message).unwrap();
    message
}

/// The buffer before it is sealed.
fn room(algorithm: Algorithm, plaintext: &[u8]) -> Vec<u8> {
    let mut message = vec![0xee; plaintext.len() + TAG_LEN];
    let at = algorithm.plaintext_at();
    message[at..at + plaintext.len()].copy_from_slice(plaintext);
    message
}

/// Seals and opens, with an expanded key and with one that is used once.
fn check(algorithm: Algorithm, key: &[u8], nonce: &[u8], aad: &[u8], plaintext: &[u8], sealed: &[u8]) {
    let key = Key::new(algorithm, key).unwrap();
    let aead = Aead::new(&key);
    assert_eq!(seal(&aead, nonce, aad, plaintext), sealed);
    assert_eq!(aead.open(nonce, aad, &mut sealed.to_vec()).unwrap(), plaintext);
    let mut message = room(algorithm, plaintext);
    seal_once(&key, nonce, aad, &mut message).unwrap();
    assert_eq!(message, sealed);
    assert_eq!(open_once(&key, nonce, aad, &mut message).unwrap(), plaintext);
}

/// Known answers, one a line: key, nonce, associated data, plaintext, result.
fn known(lines: &str) -> impl Iterator<Item = [Vec<u8>; 5]> {
    let lines = lines.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let words: Vec<_> = line.split(' ').map(|word| hex(word.trim_matches('-'))).collect();
        words.try_into().unwrap()
    })
}

/// What the `aes-siv` crate makes of it.
fn reference_siv(key: &[u8], nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut text = plaintext.to_vec();
    let headers = [aad, nonce];
    let tag = if key.len() == 32 {
        Aes128Siv::new(key.try_into().unwrap()).encrypt_inout_detached(headers, text.as_mut_slice().into())
    } else {
        Aes256Siv::new(key.try_into().unwrap()).encrypt_inout_detached(headers, text.as_mut_slice().into())
    };
    [tag.unwrap().as_slice(), &text].concat()
}

/// What the `aes-gcm-siv` crate makes of it.
fn reference_gcm_siv(key: &[u8], nonce: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut text = plaintext.to_vec();
    let cipher = Aes128GcmSiv::new(key.try_into().unwrap());
    let nonce = nonce.try_into().unwrap();
    let tag = cipher.encrypt_inout_detached(&nonce, aad, text.as_mut_slice().into()).unwrap();
    [text.as_slice(), &tag].concat()
}

#[test]
fn gcm_siv_computes_the_examples_of_rfc_8452() {
    let mut count = 0;
    for [key, nonce, aad, plaintext, sealed] in known(include_str!("rfc8452.txt")) {
        check(Algorithm::Aes128GcmSiv, &key, &nonce, &aad, &plaintext, &sealed);
        count += 1;
    }
    assert_eq!(count, 24);
}

#[test]
fn siv_computes_what_openssl_computes() {
    let mut count = 0;
    for [key, nonce, aad, plaintext, sealed] in known(include_str!("openssl_siv.txt")) {
        let algorithm = if key.len() == 32 { Algorithm::AesSivCmac256 } else { Algorithm::AesSivCmac512 };
        check(algorithm, &key, &nonce, &aad, &plaintext, &sealed);
        count += 1;
    }
    assert_eq!(count, 22);
}

#[test]
fn the_reference_computes_the_example_of_rfc_5297() {
    // Appendix A.2 has three components, so it is for the crate that we compare with.
    let key = hex("7f7e7d7c7b7a79787776757473727170 404142434445464748494a4b4c4d4e4f");
    let headers = [
        hex("00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa99887766554433221100"),
        hex("102030405060708090a0"),
        hex("09f911029d74e35bd84156c5635688c0"),
    ];
    let mut text =
        hex("7468697320697320736f6d6520706c61696e7465787420746f20656e6372797074207573696e67205349562d414553");
    let tag = Aes128Siv::new(key.as_slice().try_into().unwrap())
        .encrypt_inout_detached(&headers, text.as_mut_slice().into())
        .unwrap();
    assert_eq!(tag.as_slice(), hex("7bdb6e3b432667eb06f4d14bff2fbd0f"));
    assert_eq!(
        text,
        hex("cb900f2fddbe404326601965c889bf17dba77ceb094fa663b7a3f748ba8af829ea64ad544a272e9c485b62a3fd5c0d")
    );
}

proptest! {
    #[test]
    fn siv_is_what_the_reference_computes(
        key in prop::collection::vec(any::<u8>(), 64),
        nonce in prop::collection::vec(any::<u8>(), 1..40),
        aad in prop::collection::vec(any::<u8>(), 0..200),
        plaintext in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        for (algorithm, key) in
            [(Algorithm::AesSivCmac256, &key[..32]), (Algorithm::AesSivCmac512, &key[..])]
        {
            let sealed = reference_siv(key, &nonce, &aad, &plaintext);
            check(algorithm, key, &nonce, &aad, &plaintext, &sealed);
        }
    }

    #[test]
    fn gcm_siv_is_what_the_reference_computes(
        key in any::<[u8; 16]>(),
        nonce in any::<[u8; 12]>(),
        aad in prop::collection::vec(any::<u8>(), 0..200),
        plaintext in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let sealed = reference_gcm_siv(&key, &nonce, &aad, &plaintext);
        check(Algorithm::Aes128GcmSiv, &key, &nonce, &aad, &plaintext, &sealed);
    }

    /// One bit that changed anywhere, and nothing comes out.
    #[test]
    fn a_changed_message_is_not_opened(
        algorithm in prop::sample::select(Algorithm::ALL.to_vec()),
        aad in prop::collection::vec(any::<u8>(), 1..60),
        plaintext in prop::collection::vec(1_u8.., 1..120),
        place in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let aead = aead(algorithm, &[7; MAX_KEY_LEN][..algorithm.key_len()]);
        let nonce = vec![9; algorithm.nonce_len()];
        let sealed = seal(&aead, &nonce, &aad, &plaintext);
        let mut all = [aad.clone(), nonce.clone(), sealed].concat();
        let place = place.index(all.len());
        all[place] ^= 1_u8 << bit;
        let (aad, rest) = all.split_at_mut(aad.len());
        let (nonce, message) = rest.split_at_mut(nonce.len());
        prop_assert_eq!(aead.open(nonce, aad, message).map(|text| text.to_vec()), Err(AeadError::Forged));
        let at = algorithm.plaintext_at();
        prop_assert!(message[at..at + plaintext.len()].iter().all(|byte| *byte == 0), "no plaintext is left");
    }
}

#[test]
fn every_length_opens_again() {
    for algorithm in Algorithm::ALL {
        let aead = aead(algorithm, &[3; MAX_KEY_LEN][..algorithm.key_len()]);
        let nonce = vec![1; algorithm.nonce_len()];
        for len in 0..300 {
            let plaintext: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let mut message = seal(&aead, &nonce, b"header", &plaintext);
            assert_eq!(aead.open(&nonce, b"header", &mut message).unwrap(), plaintext);
        }
    }
}

#[test]
fn lengths_that_no_algorithm_takes_are_errors() {
    for algorithm in Algorithm::ALL {
        let aead = aead(algorithm, &[3; MAX_KEY_LEN][..algorithm.key_len()]);
        let nonce = vec![1; algorithm.nonce_len()];
        for len in 0..TAG_LEN {
            let mut message = vec![0xaa; len];
            assert_eq!(aead.seal(&nonce, b"", &mut message), Err(AeadError::Short));
            assert_eq!(aead.open(&nonce, b"", &mut message), Err(AeadError::Short));
            assert_eq!(message, vec![0xaa; len]);
        }
        let mut message = [0xaa; 40];
        assert_eq!(aead.seal(b"", b"", &mut message), Err(AeadError::Nonce));
        assert_eq!(aead.open(b"", b"", &mut message), Err(AeadError::Nonce));
        assert_eq!(message, [0xaa; 40]);
        for len in [0, algorithm.key_len() - 1, algorithm.key_len() + 1, 1000] {
            assert_eq!(Key::new(algorithm, &vec![0; len]), Err(KeyLengthError));
        }
    }
    let aead = aead(Algorithm::Aes128GcmSiv, &[3; 16]);
    assert_eq!(aead.seal(&[0; 16], b"", &mut [0; 16]), Err(AeadError::Nonce));
}

#[test]
fn numbers_and_names_are_those_of_the_registry() {
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::from_id(algorithm.id()), Some(algorithm));
        assert!(algorithm.key_len() <= MAX_KEY_LEN && algorithm.nonce_len() <= MAX_NONCE_LEN);
    }
    assert_eq!(Algorithm::from_id(15).map(Algorithm::name), Some("AES-SIV-CMAC-256"));
    assert_eq!(Algorithm::from_id(17).map(Algorithm::name), Some("AES-SIV-CMAC-512"));
    assert_eq!(Algorithm::from_id(30).map(Algorithm::name), Some("AES-128-GCM-SIV"));
    assert_eq!(Algorithm::from_id(16), None);
}

#[test]
fn keys_are_not_printed() {
    let key = Key::new(Algorithm::Aes128GcmSiv, &[0xab; 16]).unwrap();
    assert_eq!(format!("{key:?}"), "Key { algorithm: Aes128GcmSiv, .. }");
    assert_eq!(format!("{:?}", Aead::new(&key)), "Aead { algorithm: Aes128GcmSiv, .. }");
    assert_ne!(key, Key::new(Algorithm::Aes128GcmSiv, &[0xac; 16]).unwrap());
    assert_ne!(key, Key::new(Algorithm::AesSivCmac256, &[0xab; 32]).unwrap());
}
