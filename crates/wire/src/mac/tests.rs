use super::*;

/// `printf secret | cat - packet | sha1sum` and its like, for the bytes 0 to 47.
const HASHES: [(KeyAlgorithm, &str); 5] = [
    (KeyAlgorithm::Md5, "a03f32571504b4138d76d44a54fe953c"),
    (KeyAlgorithm::Sha1, "57dc9dda0a48d12289ffef427b0ec2057f998bfb"),
    (KeyAlgorithm::Sha256, "ce1dc038bc01c5c15462660ca130990488d64772d1dfe6a7842dec19e5893bce"),
    (
        KeyAlgorithm::Sha384,
        "f73d445106ce68df69041bcc2c6690b04b5ee95e18f0306e811625402abcaf3158832fccdc51e792ce61003bcae07616",
    ),
    (
        KeyAlgorithm::Sha512,
        "321678ad9a7055f76ea045f01088acc999b102d24bb05715eb146283a50e7c7f\
         3a15b8b16bca1df4b8e51c7f2504a676a1838cc373c264c7e9116135ece4c4a4",
    ),
];

/// RFC 4493 §4, and NIST SP 800-38B for 256 bits: the message's length, and the digest of so much of it.
const CMAC_MESSAGE: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
                            30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
const CMAC_128: (&str, [(usize, &str); 4]) = (
    "2b7e151628aed2a6abf7158809cf4f3c",
    [
        (0, "bb1d6929e95937287fa37d129b756746"),
        (16, "070a16b46b4d4144f79bdd9dd04a287c"),
        (40, "dfa66747de9ae63030ca32611497c827"),
        (64, "51f0bebf7e3b9d92fc49741779363cfe"),
    ],
);
const CMAC_256: (&str, [(usize, &str); 4]) = (
    "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
    [
        (0, "028962f61b7bf89efc6b551f4667d983"),
        (16, "28a7023f452e8f82bd4bf28d8c37c35c"),
        (40, "aaf3d8f1de5640c232f5b169b9c911e6"),
        (64, "e1992190549f6ed5696a2c056c315410"),
    ],
);

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn packet() -> Vec<u8> {
    (0..48).collect()
}

fn digest(key: &SymmetricKey, covered: &[u8]) -> Vec<u8> {
    let mut out = [0; MAX_DIGEST_LEN];
    let len = key.digest(covered, &mut out);
    out[..len].to_vec()
}

fn some_key(algorithm: KeyAlgorithm) -> SymmetricKey {
    SymmetricKey::new(algorithm, &vec![7; algorithm.key_len().unwrap_or(20)]).unwrap()
}

#[test]
fn hashes_are_of_key_and_packet() {
    for (algorithm, expected) in HASHES {
        let key = SymmetricKey::new(algorithm, b"secret").unwrap();
        assert_eq!(digest(&key, &packet()), bytes(expected), "{algorithm:?}");
        assert_eq!(digest(&key, &packet()), bytes(expected), "a key can be used again");
    }
}

#[test]
fn rfc_4493_and_sp_800_38b_vectors() {
    let message = bytes(CMAC_MESSAGE);
    let both = [(KeyAlgorithm::AesCmac128, CMAC_128), (KeyAlgorithm::AesCmac256, CMAC_256)];
    for (algorithm, (key, vectors)) in both {
        let key = SymmetricKey::new(algorithm, &bytes(key)).unwrap();
        for (len, expected) in vectors {
            assert_eq!(digest(&key, &message[..len]), bytes(expected), "{algorithm:?} of {len} bytes");
        }
    }
}

#[test]
fn a_digest_is_taken_whole_or_cut_to_20_bytes_and_in_no_other_length() {
    for algorithm in KeyAlgorithm::ALL {
        let key = some_key(algorithm);
        let whole = digest(&key, &packet());
        assert_eq!(whole.len(), algorithm.digest_len());
        for len in 0..=whole.len() {
            let legal = len == whole.len() || len == TRUNCATED_DIGEST_LEN;
            assert_eq!(key.verify(&packet(), &whole[..len]), legal, "{algorithm:?} cut to {len}");
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert!(!key.verify(&packet(), &longer));
        assert_eq!(algorithm.digest_len_in(4), whole.len().min(20));
        assert_eq!(algorithm.digest_len_in(3), whole.len());
    }
}

#[test]
fn one_bit_makes_a_digest_wrong() {
    for algorithm in KeyAlgorithm::ALL {
        let key = some_key(algorithm);
        let right = digest(&key, &packet());
        for bit in 0..8 * right.len() {
            let mut wrong = right.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verify(&packet(), &wrong), "{algorithm:?}, bit {bit} of the digest");
        }
        for bit in 0..8 * packet().len() {
            let mut forged = packet();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verify(&forged, &right), "{algorithm:?}, bit {bit} of the packet");
        }
        let other = SymmetricKey::new(algorithm, &vec![8; algorithm.key_len().unwrap_or(20)]).unwrap();
        assert!(!other.verify(&packet(), &right), "{algorithm:?}, another key");
    }
}

/// The time of a comparison cannot be measured reliably in a test. What can be held is that the
/// only comparison of a digest in this crate is the constant-time one.
#[test]
fn na21_mac_compare_constant_time() {
    let code = include_str!("../mac.rs");
    let body = code.split("pub fn verify").nth(1).unwrap().split("\n    }").next().unwrap();
    assert!(body.contains("expected.ct_eq(digest)"));
    for comparison in ["expected ==", "== expected", "digest ==", "== digest"] {
        assert!(!body.contains(comparison), "{comparison}");
    }
}

#[test]
fn keys_of_an_impossible_length_are_refused() {
    for algorithm in KeyAlgorithm::ALL {
        assert_eq!(SymmetricKey::new(algorithm, &[]).unwrap_err(), KeyError::Empty);
        let long = vec![1; MAX_KEY_LEN + 1];
        assert_eq!(SymmetricKey::new(algorithm, &long).unwrap_err(), KeyError::Long);
        for len in 1..100 {
            let made = SymmetricKey::new(algorithm, &vec![1; len]);
            match algorithm.key_len().filter(|&wanted| wanted != len) {
                Some(wanted) => assert_eq!(made.unwrap_err(), KeyError::Length { wanted }),
                None => assert_eq!(made.unwrap().algorithm(), algorithm),
            }
        }
    }
}

#[test]
fn a_key_is_not_shown() {
    for algorithm in KeyAlgorithm::ALL {
        let shown = format!("{:?}", some_key(algorithm));
        assert_eq!(shown, format!("SymmetricKey {{ algorithm: {algorithm:?}, .. }}"));
    }
}
