use std::collections::BTreeSet;
use std::io;

use proptest::prelude::*;
use truechimer_wire::mac::MAX_DIGEST_LEN;

use super::*;
use crate::{Parsed, RULES, Severity, lint, parse};

fn read(text: &str) -> KeyFile {
    parse_keys(text.as_bytes(), "keys", false).unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}

/// Rule and message of each error, by line and column.
fn errors(text: &[u8]) -> Vec<(&'static str, usize, usize)> {
    let errors = parse_keys(text, "keys", false).expect_err(&String::from_utf8_lossy(text));
    errors.iter().map(|error| (error.rule, error.line, error.column)).collect()
}

fn rules(file: &KeyFile) -> Vec<&'static str> {
    file.findings.iter().map(|finding| finding.rule).collect()
}

/// Whether the key of that identifier is the one of these bytes.
fn is(file: &KeyFile, id: u32, algorithm: KeyAlgorithm, bytes: &[u8]) -> bool {
    let expected = SymmetricKey::new(algorithm, bytes).unwrap();
    let found = &file.keys.iter().find(|key| key.id == id).unwrap().key;
    let digest = |key: &SymmetricKey| {
        let mut out = [0; MAX_DIGEST_LEN];
        key.digest(b"packet", &mut out);
        out
    };
    found.algorithm() == algorithm && digest(found) == digest(&expected)
}

/// The example of chrony.conf(5), in words of our own.
const CHRONY: &str = "\
! of chrony
10 tulip
11 hyacinth
20 MD5 ASCII:crocus
25 SHA1 HEX:933F62BE1D604E68A81B557F18CFA200483F5B70
30 AES128 HEX:7EA62AE64D190114D46D5A082F948EC1
31 AES256 HEX:37DDCBC67BB902BCB8E995977FAB4D2B5642F5B32EBCEEE421921D97E5CBFE39
  40   SHA512\tdeadbeefdeadbeefdeadbeef
4294967295 SHA256 ASCII:#;!%\"'\\
";

#[test]
fn a_file_of_chrony() {
    let file = read(CHRONY);
    assert_eq!(file.ids().count(), 8);
    assert!(is(&file, 10, KeyAlgorithm::Md5, b"tulip"));
    assert!(is(&file, 20, KeyAlgorithm::Md5, b"crocus"));
    let sha1 = b"\x93\x3f\x62\xbe\x1d\x60\x4e\x68\xa8\x1b\x55\x7f\x18\xcf\xa2\x00\x48\x3f\x5b\x70";
    assert!(is(&file, 25, KeyAlgorithm::Sha1, sha1));
    assert_eq!(file.ids().nth(4), Some((30, KeyAlgorithm::AesCmac128)));
    assert_eq!(file.ids().nth(5), Some((31, KeyAlgorithm::AesCmac256)));
    // The letters themselves, as in chrony, though all of them are digits.
    assert!(is(&file, 40, KeyAlgorithm::Sha512, b"deadbeefdeadbeefdeadbeef"));
    assert!(is(&file, 4_294_967_295, KeyAlgorithm::Sha256, b"#;!%\"'\\"));
    assert_eq!(rules(&file), ["L051", "L052"]);
    assert_eq!(file.findings[0].message, "keys 10, 11, 20 and 25 are made for MD5 or SHA1, which are broken");
    assert!(file.has(25) && !file.has(26));
}

const NTPD: &str = "\
# ntpkey_md5_host
 1 MD5 L\";Nw<`.I<f4U0)247\"i  # MD5 key
 2 M   secret
10 SHA1 2a1eb1cf49a7ae1f1bd6d3a9fd6cb2e2b2f0a7f3  # SHA1 key
11 sha1 plain
20 AES128CMAC 7EA62AE64D190114D46D5A082F948EC1 192.0.2.1,2001:db8::/32
21 AES-256 37DDCBC67BB902BCB8E995977FAB4D2B5642F5B32EBCEEE421921D97E5CBFE39
";

#[test]
fn a_file_of_ntpd() {
    let file = read(NTPD);
    assert!(is(&file, 1, KeyAlgorithm::Md5, b"L\";Nw<`.I<f4U0)247\"i"));
    assert!(is(&file, 2, KeyAlgorithm::Md5, b"secret"));
    let sha1 = b"\x2a\x1e\xb1\xcf\x49\xa7\xae\x1f\x1b\xd6\xd3\xa9\xfd\x6c\xb2\xe2\xb2\xf0\xa7\xf3";
    assert!(is(&file, 10, KeyAlgorithm::Sha1, sha1));
    assert!(is(&file, 11, KeyAlgorithm::Sha1, b"plain"));
    let aes = b"\x7e\xa6\x2a\xe6\x4d\x19\x01\x14\xd4\x6d\x5a\x08\x2f\x94\x8e\xc1";
    assert!(is(&file, 20, KeyAlgorithm::AesCmac128, aes));
    let peers = file.keys[4].peers.as_ref().unwrap();
    assert_eq!(peers.len(), 2);
    assert_eq!((peers[0].prefix_len, peers[1].prefix_len), (32, 32));
    assert!(file.keys[0].peers.is_none());
    assert_eq!(file.keys.len(), 6);
}

#[test]
fn a_bare_long_key_is_digits_for_ntpd_and_characters_for_chrony() {
    let digits = "9 SHA1 00112233445566778899aabbccddeeff00112233\n";
    let bytes: Vec<u8> = (0..20).map(|at: u8| (at % 16) * 0x11).collect();
    let text = b"00112233445566778899aabbccddeeff00112233";
    assert!(is(&read(&format!("{digits}8 M x\n")), 9, KeyAlgorithm::Sha1, &bytes));
    assert!(is(&read(&format!("{digits}8 x\n")), 9, KeyAlgorithm::Sha1, text));
    // Nothing tells: digits, and a word about it.
    let unclear = read(digits);
    assert!(is(&unclear, 9, KeyAlgorithm::Sha1, &bytes));
    assert!(rules(&unclear).contains(&"L053"), "{:?}", unclear.findings);
    let both = read(&format!("{digits}7 HEX:00112233445566778899aabbccddeeff\n6 M x\n"));
    assert!(rules(&both).contains(&"L053"));
    // What cannot be digits is none.
    let passphrase = "correct-horse-battery-staple";
    let file = read(&format!("5 SHA256 {passphrase}\n"));
    assert!(is(&file, 5, KeyAlgorithm::Sha256, passphrase.as_bytes()));
    assert!(!rules(&file).contains(&"L053"));
}

#[test]
fn ntpd_fills_up_and_cuts_keys_for_aes_and_chrony_does_not() {
    let file = read("1 AES short # ntpd's\n2 AES-128 sixteen.letters!\n3 aes twenty.letters.long!\n");
    assert!(is(&file, 1, KeyAlgorithm::AesCmac128, b"short\0\0\0\0\0\0\0\0\0\0\0"));
    assert!(is(&file, 3, KeyAlgorithm::AesCmac128, b"twenty.letters.l"));
    assert_eq!(rules(&file).iter().filter(|rule| **rule == "L054").count(), 2);
    assert_eq!(errors(b"1 AES128 short\n"), [("C053", 1, 10)]);
    assert_eq!(errors(b"1 AES256 HEX:00\n"), [("C053", 1, 10)]);
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_without_the_key() {
    type Found = (&'static str, usize, usize);
    let zoo: &[(&[u8], Found)] = &[
        (b"0 MD5 secret\n", ("C051", 1, 1)),
        (b"4294967296 MD5 secret\n", ("C051", 1, 1)),
        (b"-1 MD5 secret\n", ("C051", 1, 1)),
        (b"secret\n", ("C051", 1, 1)),
        (b"[[source]]\n", ("C051", 1, 1)),
        (b"\n\n  7\n", ("C050", 3, 4)),
        (b"7 MD5\n", ("C050", 1, 6)),
        (b"7 MD6 secret\n", ("C052", 1, 3)),
        (b"7 secret secret\n", ("C052", 1, 3)),
        (b"7 MD5 secret secret\n", ("C050", 1, 14)),
        (b"7 MD5 secret 192.0.2.1/33\n", ("C050", 1, 14)),
        (b"7 MD5 secret 192.0.2.1 more\n", ("C050", 1, 24)),
        (b"7 MD5 HEX:123\n", ("C053", 1, 7)),
        (b"7 MD5 HEX:secret\n", ("C053", 1, 7)),
        (b"7 MD5 HEX:\n", ("C053", 1, 7)),
        (b"7 MD5 ASCII:\n", ("C053", 1, 7)),
        (b"7 MD5 sec\x07ret\n", ("C053", 1, 7)),
        (b"7 M secretsecretsecretsecretsecret\n", ("C053", 1, 5)),
        (b"7 MD5 sec#ret\n", ("C053", 1, 7)),
        (b"1 M x\n7 MD5 #secret\n", ("C053", 2, 7)),
        (b"7 MD5 secret\n8 tulip\n7 SHA1 secret\n", ("C054", 3, 1)),
    ];
    for (text, expected) in zoo {
        let found = parse_keys(text, "keys", false).expect_err(&String::from_utf8_lossy(text));
        assert_eq!((found[0].rule, found[0].line, found[0].column), *expected, "{}", text.escape_ascii());
        for said in [found[0].to_string(), found[0].render(false), format!("{:?}", found[0])] {
            assert!(!said.contains("secret") && !said.contains("sec#"), "{said}");
        }
        assert!(found[0].help.is_some());
    }
    assert_eq!(errors(b"0 x\n1 HEX:1\n1 x\n"), [("C051", 1, 1), ("C053", 2, 3)]);
    let many: String = (0..200).map(|_| "x\n").collect();
    assert_eq!(errors(many.as_bytes()).len(), MOST_FINDINGS);
    assert_eq!(errors(&vec![b' '; MAX_BYTES + 1])[0].0, "C002");
}

#[test]
fn keys_that_nobody_here_can_use_are_left_out_with_a_word() {
    let file =
        read("1 SHA3-256 HEX:00112233445566778899aabbccddeeff\n2 RIPEMD160 secret\n3 AES-192 x\n4 tulip\n");
    assert_eq!(file.ids().map(|(id, _)| id).collect::<Vec<_>>(), [4]);
    assert_eq!(rules(&file).iter().filter(|rule| **rule == "L055").count(), 3);
    assert!(file.findings.iter().all(|finding| finding.severity != Severity::Error));
}

const CONFIG: &str = "\
[[source]]
pool = \"ntp.example\"
[[source]]
server = \"a.example\"
key = 7
[keys]
file = \"/etc/keys\"
";

fn config() -> Parsed {
    parse(CONFIG, "chimer.toml").unwrap()
}

#[test]
fn keys_join_the_configuration_and_so_does_what_is_said_of_them() {
    let mut parsed = config();
    assert!(parsed.config.engine.keys.is_empty());
    parsed.take_keys(read("7 SHA1 HEX:0011\n8 AES128 HEX:00112233445566778899aabbccddeeff\n")).unwrap();
    assert_eq!(parsed.config.engine.keys.algorithm(7), Some(KeyAlgorithm::Sha1));
    let said = |findings: &[Diagnostic]| findings.iter().map(|finding| finding.rule).collect::<Vec<_>>();
    assert_eq!(said(&parsed.warnings), ["L051"], "{:?}", parsed.warnings);
    assert_eq!(said(&lint(&parsed)), ["L051", "L052"]);
}

#[test]
fn a_source_whose_key_is_not_there_is_pointed_at() {
    let missing = config().take_keys(read("8 tulip\n")).unwrap_err();
    assert_eq!(missing.len(), 1);
    insta::assert_snapshot!("no_such_key", missing[0].render(false));
}

#[test]
fn a_key_file_that_cannot_be_read_is_pointed_at() {
    let mut parsed = config();
    let error = io::Error::from(io::ErrorKind::NotFound);
    insta::assert_snapshot!("keys_not_found", parsed.keys_unreadable(&error).render(false));
    parsed.config.user = Some("truechimer".into());
    let error = io::Error::from(io::ErrorKind::PermissionDenied);
    insta::assert_snapshot!("keys_not_permitted", parsed.keys_unreadable(&error).render(false));
    insta::assert_snapshot!("keys_unchecked", parsed.keys_unchecked(&error).render(false));
}

#[test]
fn every_rule_about_key_files_is_broken_somewhere() {
    let source = include_str!("tests.rs");
    let about_keys = |id: &&str| id.starts_with("C05") || id.starts_with("L05");
    let untested: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).filter(about_keys).collect();
    let snapshots = ["C055", "C056", "L056"];
    let untested: Vec<&&str> = untested
        .iter()
        .filter(|id| !source.contains(&format!("\"{id}\"")) && !snapshots.contains(id))
        .collect();
    assert!(untested.is_empty(), "{untested:?}");
}

#[test]
fn an_exposed_file_and_an_empty_one() {
    let file = parse_keys(b"# nothing yet\n\n", "/etc/keys", true).unwrap();
    assert_eq!((file.keys.len(), rules(&file)), (0, vec!["L050"]));
    assert_eq!(file.findings[0].severity, Severity::Warning);
    assert_eq!(file.findings[0].help.as_deref(), Some("chmod o= /etc/keys"));
    assert!(parse_keys(b"", "keys", false).unwrap().into_table().is_empty());
}

#[test]
fn good_keys_draw_no_remark() {
    let file = read(
        "1 AES128 HEX:00112233445566778899aabbccddeeff\n2 SHA256 HEX:00112233445566778899aabbccddeeff\n",
    );
    assert!(file.findings.is_empty(), "{:?}", file.findings);
    let table = file.into_table();
    assert_eq!((table.len(), table.algorithm(2)), (2, Some(KeyAlgorithm::Sha256)));
}

#[test]
fn many_weak_keys_are_counted() {
    let text: String = (1..=20).map(|id| format!("{id} MD5 password\n")).collect();
    let file = read(&text);
    assert!(file.findings[0].message.starts_with("keys 1, 2, 3, 4, 5, 6, 7, 8 and 12 more are"));
    assert!(read("9 MD5 password\n").findings[0].message.starts_with("key 9 is"));
}

/// Every printable character and everything above, in every place of a key.
fn special() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => 0x21_u8..0x7f, 2 => Just(b'#'), 1 => prop::sample::select(b"\"'\\;!%:$`=".to_vec()), 1 => 0x80_u8..];
    proptest::collection::vec(byte, 1..40)
}

proptest! {
    #[test]
    fn na_22_keyfile_special_characters_roundtrip(key in special(), format in prop_oneof![Just(Format::Chrony), Just(Format::Ntpd)]) {
        // What we write is read as it was, by everybody's rules.
        if let Some(line) = write_line(7, KeyAlgorithm::Sha256, &key, format) {
            for other in ["", "# comment\n8 M x # ntpd's\n", "! comment\n9 x\n"] {
                let file = parse_keys(format!("{}{other}", line.as_str()).as_bytes(), "keys", false).unwrap();
                // Bare digits beside lines that only chrony writes are characters.
                let digits = format == Format::Chrony || !other.starts_with('!');
                prop_assert_eq!(is(&file, 7, KeyAlgorithm::Sha256, &key), digits);
            }
        } else {
            prop_assert!(format == Format::Ntpd && (key.len() < 11 || key.len() > 32));
        }
        // What chrony's users wrote as characters is those characters.
        let text = [b"7 SHA256 ASCII:", &key[..], b"\n"].concat();
        prop_assert!(is(&parse_keys(&text, "keys", false).unwrap(), 7, KeyAlgorithm::Sha256, &key));
        // Bare, too, unless both programs would read it differently: then it is never guessed.
        let text = [b"7 SHA256 ", &key[..], b"\n"].concat();
        let unprefixed = !key.starts_with(b"HEX:") && !key.starts_with(b"ASCII:");
        match parse_keys(&text, "keys", false) {
            Ok(file) if unprefixed && !file.findings.iter().any(|finding| finding.rule == "L053") => {
                prop_assert!(is(&file, 7, KeyAlgorithm::Sha256, &key));
            }
            Ok(_) => {}
            Err(_) => prop_assert!(key.contains(&b'#') || !unprefixed),
        }
    }

    #[test]
    fn any_bytes_are_a_file_or_have_faults_with_places(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        match parse_keys(&bytes, "keys", false) {
            Ok(file) => prop_assert!(file.keys.iter().all(|key| key.id != 0)),
            Err(errors) => {
                prop_assert!(!errors.is_empty() && errors.len() <= MOST_FINDINGS);
                let lines = bytes.split(|byte| *byte == b'\n').count();
                prop_assert!(errors.iter().all(|error| (1..=lines).contains(&error.line) && error.column >= 1));
            }
        }
    }
}
