use super::*;
use crate::authority::{Authority, Certified};

const SPAN: Validity = Validity { not_before_s: 1_000_000_000, not_after_s: 2_000_000_000 };

fn authority() -> Authority {
    Authority::new("root", SPAN).unwrap()
}

fn load(chain: &str, key: &str) -> Result<ServerTls, IdentityError> {
    ServerTls::from_pem(chain.as_bytes(), key.as_bytes())
}

fn error(chain: &str, key: &str) -> IdentityError {
    load(chain, key).unwrap_err()
}

#[test]
fn good_files_of_every_kind() {
    let authority = authority();
    let middle = authority.intermediate("middle", SPAN).unwrap();
    let Certified { chain, key } = middle.certify(&["ntp.example"], SPAN).unwrap();
    let tls = load(&chain, &key).unwrap();
    assert_eq!((tls.validity(), tls.key_kind()), (SPAN, KeyKind::Ecdsa));
    // All in one file, with words around and other ends of lines.
    let all = format!("Bag Attributes\n{chain}\nsome words\n{key}").replace('\n', "\r\n");
    assert!(load(&all, &all).is_ok());
    // As `openssl ecparam -genkey` writes it.
    let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    assert!(load(&chain, &format!("{parameters}{key}")).is_ok());
    for (algorithm, kind) in [
        (&rcgen::PKCS_ED25519, KeyKind::Ed25519),
        (&rcgen::PKCS_ECDSA_P384_SHA384, KeyKind::Ecdsa),
        (&rcgen::PKCS_RSA_SHA256, KeyKind::Rsa),
    ] {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let params = crate::authority::server_params(&["ntp.example"], SPAN).unwrap();
        let chain = params.self_signed(&key).unwrap().pem();
        assert_eq!(load(&chain, &key.serialize_pem()).unwrap().key_kind(), kind);
    }
}

#[test]
fn an_error_names_the_file_and_the_fault() {
    let authority = authority();
    let Certified { chain, key } = authority.certify(&["ntp.example"], SPAN).unwrap();
    assert_eq!(error("", &key), IdentityError::Chain(PemFault::NotPem));
    assert_eq!(error(&key, &key), IdentityError::Chain(PemFault::NoCertificate));
    assert_eq!(error(&chain, ""), IdentityError::KeyPem(PemFault::NotPem));
    assert_eq!(error(&chain, "\u{0}binary"), IdentityError::KeyPem(PemFault::NotPem));
    assert_eq!(error(&chain, &chain), IdentityError::NoKey { has_certificate: true });
    assert_eq!(error(&chain, authority_public_key()), IdentityError::NoKey { has_certificate: false });
    assert_eq!(error(&chain, &format!("{key}{key}")), IdentityError::SeveralKeys);
    for encrypted in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
    ] {
        assert_eq!(error(&chain, encrypted), IdentityError::EncryptedKey);
    }
    let cut = &chain[..chain.len() - 10];
    let IdentityError::Chain(PemFault::Section(reason)) = error(cut, &key) else { panic!("not noticed") };
    assert_eq!(reason, "the line '-----END CERTIFICATE-----' is missing");
    let damaged = chain.replace("MII", "M*I");
    assert_eq!(
        error(&damaged, &key),
        IdentityError::Chain(PemFault::Section("a section is not base64".into()))
    );
    let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(
        error(&format!("{chain}{no_certificate}"), &key),
        IdentityError::Chain(PemFault::Certificate(2))
    );
    let no_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert!(matches!(error(&chain, no_key), IdentityError::Key(_)));
}

fn authority_public_key() -> &'static str {
    "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"
}

#[test]
fn chain_and_key_must_belong_together_in_the_right_order() {
    let authority = authority();
    let middle = authority.intermediate("middle", SPAN).unwrap();
    let Certified { chain, key } = middle.certify(&["ntp.example"], SPAN).unwrap();
    let other = authority.certify(&["ntp.example"], SPAN).unwrap();
    assert_eq!(error(&other.chain, &key), IdentityError::Mismatch { belongs_to: None });
    let upside_down = format!("{}{chain}", authority.root());
    let error_upside_down = error(&upside_down, &key);
    assert_eq!(error_upside_down, IdentityError::Mismatch { belongs_to: Some(2) });
    assert!(error_upside_down.to_string().contains("certificate 2 of the file, which must come first"));
    let long = chain.clone() + &authority.root().repeat(CHAIN_MAX);
    assert_eq!(error(&long, &key), IdentityError::ChainTooLong);
}

#[test]
fn the_chain_must_be_valid_at_some_time() {
    let authority = authority();
    let early = Validity { not_before_s: 1_000_000_000, not_after_s: 1_100_000_000 };
    let middle = authority.intermediate("middle", early).unwrap();
    let late = Validity { not_before_s: 1_200_000_000, not_after_s: 1_300_000_000 };
    let files = middle.certify(&["ntp.example"], late).unwrap();
    assert_eq!(error(&files.chain, &files.key), IdentityError::NeverValid);
    let both = Validity { not_before_s: 1_050_000_000, not_after_s: 1_300_000_000 };
    let files = middle.certify(&["ntp.example"], both).unwrap();
    let expected = Validity { not_before_s: 1_050_000_000, not_after_s: 1_100_000_000 };
    assert_eq!(load(&files.chain, &files.key).unwrap().validity(), expected);
}
