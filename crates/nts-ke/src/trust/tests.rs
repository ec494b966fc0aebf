use std::path::Path;

use super::*;
use crate::authority::Authority;
use crate::validity::Validity;

fn root() -> String {
    let span = Validity { not_before_s: 0, not_after_s: 4_000_000_000 };
    Authority::new("root", span).unwrap().root().to_owned()
}

#[test]
fn certificates_add_up() {
    let mut trusted = TrustedCertificates::new();
    assert!(trusted.is_empty());
    assert_eq!(trusted.add_pem(format!("{}{}", root(), root()).as_bytes()), Ok(2));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("roots.pem");
    fs::write(&path, root()).unwrap();
    assert_eq!(trusted.add_pem_file(&path), Ok(1));
    assert_eq!(trusted.len(), 3);
    assert!(ClientTls::new(trusted).is_ok());
}

#[test]
fn who_trusts_nobody_is_told() {
    assert_eq!(ClientTls::new(TrustedCertificates::new()).unwrap_err(), TrustError::Empty);
}

#[test]
fn an_error_names_the_file() {
    let mut trusted = TrustedCertificates::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.pem");
    let said = |trusted: &mut TrustedCertificates, path: &Path| {
        let error = trusted.add_pem_file(path).unwrap_err().to_string();
        error.replace(&folder.path().display().to_string(), "FOLDER")
    };
    assert_eq!(said(&mut trusted, &path), "FOLDER/x.pem: No such file or directory (os error 2)");
    assert_eq!(said(&mut trusted, folder.path()), "FOLDER: Is a directory (os error 21)");
    for (text, expected) in [
        ("", "not in PEM format: no line begins with '-----BEGIN'"),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "no certificate in it ('-----BEGIN CERTIFICATE-----')",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "certificate 1 in it cannot be read",
        ),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n", "damaged: the line '-----END CERTIFICATE-----' is missing"),
        ("-----BEGIN CERTIFICATE\nAAAA\n", "damaged: the line '-----BEGIN CERTIFICATE' is not right"),
    ] {
        fs::write(&path, text).unwrap();
        assert_eq!(said(&mut trusted, &path), format!("FOLDER/x.pem: {expected}"));
    }
    fs::write(&path, vec![b'\n'; FILE_MAX as usize + 1]).unwrap();
    assert_eq!(said(&mut trusted, &path), "FOLDER/x.pem: it has 4194305 bytes, at most 4194304 are read");
    assert!(trusted.is_empty());
}
