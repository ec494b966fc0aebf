use std::os::unix::fs::PermissionsExt;

use clap::Parser;

use super::*;
use crate::cli::{Cli, Command};
use crate::outcome::{FAILED, OK};
use crate::table::Paint;

const TEXT: Style = Style { json: false, paint: Paint(false) };
const JSON: Style = Style { json: true, paint: Paint(false) };

/// What the command line says, with bytes that are not random.
fn run(line: &str, style: Style) -> Result<Outcome, Failure> {
    let words = ["chimer", "keygen"].into_iter().chain(line.split_whitespace());
    let Command::Keygen(args) = Cli::try_parse_from(words).unwrap().command else { unreachable!() };
    let bytes: Vec<u8> = (0..64).map(|at| 0xA0 ^ at).collect();
    make(&args, &bytes, style)
}

fn text(line: &str) -> String {
    run(line, TEXT).unwrap().text
}

#[test]
fn a_line_for_either_program() {
    assert_eq!(text(""), "1 AES128 HEX:A0A1A2A3A4A5A6A7A8A9AAABACADAEAF\n");
    assert_eq!(text("7 --format ntpd"), "7 AES128CMAC A0A1A2A3A4A5A6A7A8A9AAABACADAEAF\n");
    assert_eq!(
        text("8 --type md5 --format ntpd"),
        "8 MD5 A0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3\n",
        "160 bits"
    );
    assert_eq!(text("9 --type SHA256 --bits 88"), "9 SHA256 HEX:A0A1A2A3A4A5A6A7A8A9AA\n");
    assert_eq!(text("--type AES256 --bits 256").len(), "1 AES256 HEX:\n".len() + 64);
    assert_eq!(text("--type sha512 --bits 512").len(), "1 SHA512 HEX:\n".len() + 128);
}

#[test]
fn every_line_is_one_that_the_daemon_reads() {
    for kind in ["AES128", "AES256", "SHA512", "SHA384", "SHA256", "SHA1", "MD5"] {
        for format in ["chrony", "ntpd"] {
            let line = text(&format!("4294967295 --type {kind} --format {format}"));
            let keys = parse_keys(line.as_bytes(), "", false).unwrap();
            let (id, algorithm) = keys.ids().next().unwrap();
            assert_eq!((id, algorithm.name()), (4_294_967_295, kind));
        }
    }
}

#[test]
fn json_has_the_parts() {
    let value: serde_json::Value = serde_json::from_str(&run("3", JSON).unwrap().text).unwrap();
    assert_eq!(value["hex"], "A0A1A2A3A4A5A6A7A8A9AAABACADAEAF");
    assert_eq!(value["line"], "3 AES128 HEX:A0A1A2A3A4A5A6A7A8A9AAABACADAEAF");
    assert_eq!((&value["id"], &value["bits"], &value["type"]), (&3.into(), &128.into(), &"AES128".into()));
    assert_eq!((&value["format"], &value["file"]), (&"chrony".into(), &serde_json::Value::Null));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (line, what) in [
        ("--type AES128 --bits 256", "a key of type AES128 has 128 bits"),
        ("--type SHA1 --bits 89", "multiple of 8"),
        ("--type SHA512 --bits 512 --format ntpd", "88 to 256 bits"),
    ] {
        let failure = run(line, TEXT).unwrap_err();
        assert!(failure.message.contains(what), "{line}: {}", failure.message);
        assert_eq!(failure.status, USAGE);
    }
    for line in ["0", "4294967296", "--type DES", "--bits 80", "--bits 520", "--format xntpd"] {
        let words = ["chimer", "keygen"].into_iter().chain(line.split_whitespace());
        assert!(Cli::try_parse_from(words).is_err(), "{line}");
    }
}

#[test]
fn a_file_is_made_for_its_owner_and_grows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let file = format!("--file {}", path.display());
    assert!(text(&file).starts_with("Key 1 (AES128, 128 bits) is in "));
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    std::fs::write(&path, "# ours\n5 AES128 HEX:00112233445566778899AABBCCDDEEFF").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    text(&file);
    assert_eq!(mode(), 0o640, "the group keeps what it had, everybody else loses it");
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "# ours\n5 AES128 HEX:00112233445566778899AABBCCDDEEFF\n6 AES128 HEX:A0A1A2A3A4A5A6A7A8A9AAABACADAEAF\n"
    );
    let failure = run(&format!("5 {file}"), TEXT).unwrap_err();
    assert_eq!((failure.code.as_str(), failure.status), ("taken", FAILED));
    let told = run(&format!("9 {file}"), JSON).unwrap();
    assert_eq!(told.status, OK);
    assert!(!told.text.contains("A0A1"), "a key that is in a file is not told as well");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn a_file_keeps_its_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ntp.keys");
    let file = format!("--file {}", path.display());
    std::fs::write(&path, "1 M secret # of ntpd\n").unwrap();
    text(&file);
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.ends_with("\n2 AES128CMAC A0A1A2A3A4A5A6A7A8A9AAABACADAEAF\n"), "{written}");
    let failure = run(&format!("{file} --format chrony"), TEXT).unwrap_err();
    assert_eq!(failure.status, USAGE);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), written);
    std::fs::write(&path, "this is my diary\n").unwrap();
    let failure = run(&file, TEXT).unwrap_err();
    assert_eq!((failure.code.as_str(), failure.status), ("bad_keys", USAGE));
    assert!(failure.message.contains(":1:1: error[C051]"), "{}", failure.message);
}
