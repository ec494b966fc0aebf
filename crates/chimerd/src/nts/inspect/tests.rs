use std::fs;
use std::os::unix::fs::PermissionsExt;

use truechimer_config::{Parsed, parse};
use truechimer_nts_ke::Validity;
use truechimer_nts_ke::authority::Authority;

use super::*;

const NOW_S: i64 = 1_800_000_000;

fn days(from: i64, to: i64) -> Validity {
    Validity { not_before_s: NOW_S + from * 86_400, not_after_s: NOW_S + to * 86_400 }
}

/// A configuration with all its files good, in a folder.
fn good(dir: &Path) -> Parsed {
    let authority = Authority::new("root", days(-900, 900)).unwrap();
    let files = authority.certify(&["time.example"], days(-10, 60)).unwrap();
    let secret = "s3cret".repeat(8);
    let all = [("ca", authority.root()), ("chain", &files.chain), ("key", &files.key), ("secret", &secret)];
    for (name, text) in all {
        fs::write(dir.join(name), text).unwrap();
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o640)).unwrap();
    }
    let text = format!(
        "[nts]\ntrusted_certificates = [\"{0}/ca\"]\n[serve]\nlisten = [\"127.0.0.1:123\"]\n\
         [serve.nts]\ncertificate = \"{0}/chain\"\nprivate_key = \"{0}/key\"\nmaster_secret = \"{0}/secret\"\n",
        dir.display()
    );
    parse(&text, "chimer.toml").unwrap()
}

/// Rule, line and message of everything that is found.
fn found(parsed: &Parsed, unix_s: i64) -> Vec<(&'static str, usize, String)> {
    let finding = |fault| {
        let finding = parsed.file_fault(fault);
        (finding.rule, finding.line, finding.message.clone())
    };
    inspect(&parsed.config, unix_s).iter().map(finding).collect()
}

#[test]
fn good_files_draw_no_remark() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(found(&good(dir.path()), NOW_S), []);
    assert_eq!(inspect(&Config::default(), NOW_S), []);
}

#[test]
fn each_file_is_named_with_what_is_wrong_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let parsed = good(dir.path());
    for (name, text, line, what) in [
        ("ca", "garbage", 2, "not in PEM format"),
        ("chain", "garbage", 6, "not in PEM format"),
        ("key", "garbage", 6, "the private key file"),
        ("secret", "short", 8, "fewer than 32 bytes"),
    ] {
        let before = fs::read(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name), text).unwrap();
        let faults = found(&parsed, NOW_S);
        assert_eq!((faults.len(), faults[0].0, faults[0].1), (1, "C070", line), "{faults:?}");
        assert!(faults[0].2.contains(what), "{faults:?}");
        fs::remove_file(dir.path().join(name)).unwrap();
        assert!(found(&parsed, NOW_S)[0].2.contains("cannot read"));
        fs::write(dir.path().join(name), before).unwrap();
        fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(0o640)).unwrap();
    }
    for (name, line) in [("key", 7), ("secret", 8)] {
        fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(0o644)).unwrap();
        let faults = found(&parsed, NOW_S);
        assert_eq!((faults.len(), faults[0].0, faults[0].1), (1, "L070", line), "{faults:?}");
        assert!(faults[0].2.contains("everybody can read it"), "{faults:?}");
        fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(0o640)).unwrap();
    }
}

#[test]
fn at_27_a_certificate_that_does_not_last_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let parsed = good(dir.path());
    for (day, what) in [(-11, "not valid before"), (54, "renew it"), (61, "ended on")] {
        let faults = found(&parsed, NOW_S + day * 86_400);
        assert_eq!((faults.len(), faults[0].0, faults[0].1), (1, "L071", 6), "{faults:?}");
        assert!(faults[0].2.contains(what), "{faults:?}");
    }
}

#[test]
fn what_may_not_be_read_is_left_unchecked() {
    let dir = tempfile::tempdir().unwrap();
    let parsed = good(dir.path());
    let text = "it was not looked at".to_owned();
    let fault = FileFault { key: "serve.nts.private_key", kind: FileFaultKind::Unchecked, text };
    let finding = parsed.file_fault(&fault);
    assert_eq!((finding.rule, finding.line), ("L072", 7));
    assert!(finding.help.unwrap().contains("root"));
}
