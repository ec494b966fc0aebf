use super::*;
use crate::table::Paint;

const TEXT: Style = Style { json: false, paint: Paint(false) };
const JSON: Style = Style { json: true, paint: Paint(false) };

fn outcome(text: &str, strict: bool, style: Style) -> Outcome {
    let subject = Subject { name: "a.toml", dialect: None };
    report(&findings(text.as_bytes(), "a.toml"), &subject, strict, style).unwrap()
}

const GOOD: &str = "[[source]]\nserver = \"ntp1.example.net\"\n[[source]]\nserver = \"ntp2.example.org\"\n\
    [[source]]\nserver = \"ntp3.example.com\"\n[[source]]\nserver = \"ntp4.example.edu\"\n";

#[test]
fn a_file_with_an_error_gives_two() {
    let outcome = outcome("[[source]]\nsever = \"ntp1.example.net\"\n", false, TEXT);
    assert_eq!(outcome.status, USAGE);
    assert!(outcome.text.contains("sever"), "{}", outcome.text);
    assert!(outcome.text.contains("cannot be used"), "{}", outcome.text);
}

#[test]
fn garbage_gives_two() {
    let findings = findings(b"\xff\x00[[[", "a.toml");
    let subject = Subject { name: "a.toml", dialect: None };
    assert_eq!(report(&findings, &subject, false, TEXT).unwrap().status, USAGE);
}

#[test]
fn a_good_file_gives_nought() {
    let outcome = outcome(GOOD, true, TEXT);
    assert_eq!(outcome.status, OK, "{}", outcome.text);
}

#[test]
fn warnings_fail_only_if_strict() {
    let lonely = "[[source]]\nserver = \"ntp1.example.net\"\n";
    let lax = outcome(lonely, false, TEXT);
    assert_eq!(lax.status, OK, "{}", lax.text);
    assert!(lax.text.contains("usable, with"), "{}", lax.text);
    assert_eq!(outcome(lonely, true, TEXT).status, FAILED);
}

#[test]
fn json_names_rule_and_place() {
    let outcome = outcome("[[source]]\nsever = \"ntp1.example.net\"\n", false, JSON);
    let value: serde_json::Value = serde_json::from_str(&outcome.text).unwrap();
    assert_eq!(value["usable"], false);
    assert_eq!(value["file"], "a.toml");
    let findings = value["findings"].as_array().unwrap();
    assert_eq!(value["errors"], findings.len());
    let unknown = findings.iter().find(|finding| finding["rule"] == "C010").unwrap();
    assert_eq!((&unknown["line"], &unknown["column"]), (&2.into(), &1.into()));
}

#[test]
fn a_file_cannot_steer_the_terminal() {
    let outcome = outcome("\"\u{9b}2J\" = 1 # \u{1b}[2J\n", false, TEXT);
    assert!(!outcome.text.contains(|c: char| c.is_control() && c != '\n'), "{:?}", outcome.text);
}

#[test]
fn a_missing_file_gives_two() {
    let output = crate::cli::OutputArgs { json: true };
    let args = CheckArgs { file: "/nonexistent/chimer.toml".into(), strict: false, dialect: None, output };
    let outcome = check(&args).unwrap();
    assert_eq!(outcome.status, USAGE);
    let value: serde_json::Value = serde_json::from_str(&outcome.text).unwrap();
    assert_eq!(value["findings"][0]["rule"], "C001");
}

#[test]
fn a_file_that_is_too_large_is_not_read_to_its_end() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, &vec![b'#'; 3 * MAX_BYTES]).unwrap();
    assert_eq!(read(file.path()).unwrap().len(), MAX_BYTES + 1);
    let output = crate::cli::OutputArgs { json: true };
    let args = CheckArgs { file: file.path().into(), strict: false, dialect: None, output };
    assert_eq!(check(&args).unwrap().status, USAGE);
}

fn foreign(text: &str, name: &str, change: impl FnOnce(&mut CheckArgs)) -> (u8, serde_json::Value) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, text).unwrap();
    let output = crate::cli::OutputArgs { json: true };
    let mut args = CheckArgs { file, strict: false, dialect: None, output };
    change(&mut args);
    let outcome = check(&args).unwrap();
    (outcome.status, serde_json::from_str(&outcome.text).unwrap())
}

/// Line, rule and help of each finding.
fn told(value: &serde_json::Value) -> Vec<(u64, &str, &str)> {
    let findings = value["findings"].as_array().unwrap().iter();
    findings
        .map(|f| {
            let text = |key: &str| f[key].as_str().unwrap_or_default();
            (f["line"].as_u64().unwrap(), text("rule"), text("help"))
        })
        .collect()
}

#[test]
fn o7_a_foreign_file_is_checked_at_its_own_lines_in_its_own_words() {
    let text = "# ours\nserver 192.0.2.1 iburst xleave\nmakestep 1 -1\nallow\n";
    let (status, value) = foreign(text, "chrony.conf", |_| {});
    assert_eq!(
        (status, value["dialect"].as_str(), value["usable"].as_bool()),
        (OK, Some("chrony"), Some(true))
    );
    let told = told(&value);
    let of =
        |rule: &str| told.iter().find(|(_, id, _)| *id == rule).unwrap_or_else(|| panic!("{rule}: {told:?}"));
    assert_eq!((of("L002").0, of("L080").0), (2, 2));
    assert!(told.iter().any(|(line, rule, _)| (*line, *rule) == (4, "L081")), "{told:?}");
    assert_eq!((of("L030").0, of("L030").2.contains("`makestep 1 3`")), (3, true), "{told:?}");
    assert!(of("L031").2.contains("`maxchange 1000 1 -1`"), "{told:?}");
    let ours = ["panic =", "step =", "[[source]]", "[serve]"];
    assert!(told.iter().all(|(_, _, help)| !ours.iter().any(|key| help.contains(key))), "{told:?}");
    let lines: Vec<u64> = told.iter().map(|(line, ..)| *line).collect();
    assert!(lines.is_sorted(), "{lines:?}");
}

#[test]
fn o7_every_dialect_is_known_by_its_name() {
    for (name, text, dialect) in [
        ("ntp.conf", "restrict default nomodify\n", "ntp"),
        ("ntpd.conf", "listen on 192.0.2.1\n", "openntpd"),
        ("timesyncd.conf", "[Time]\n", "timesyncd"),
        ("ntp.toml", "[observability]\nlog-level = \"info\"\n", "ntpd-rs"),
        ("chrony.conf", "makestep 1 3\n", "chrony"),
    ] {
        let (status, value) = foreign(text, name, |_| {});
        assert_eq!((status, value["dialect"].as_str()), (OK, Some(dialect)), "{value}");
        // None of them has a source.
        let told = told(&value);
        let none = told.iter().find(|(_, rule, _)| *rule == "L001");
        if dialect != "timesyncd" {
            assert!(none.is_some_and(|(_, _, help)| !help.is_empty()), "{told:?}");
        }
        assert_eq!(foreign(text, name, |args| args.strict = true).0, FAILED);
    }
}

#[test]
fn o7_a_wrong_line_of_a_foreign_file_gives_two_and_the_dialect_can_be_said() {
    let (status, value) = foreign("server a.example\n\nmakestep 1\n", "chrony.conf", |_| {});
    assert_eq!((status, told(&value)[0].0, told(&value)[0].1), (USAGE, 3, "C060"));
    let say = |args: &mut CheckArgs| args.dialect = Some("ntp".into());
    assert_eq!(foreign("server a.example\nmakestep 1 3\n", "x", say).0, USAGE, "no word of ntp.conf");
    assert_eq!(foreign("tos minsane 1\nserver a.example\n", "x", say).0, OK);
}

#[test]
fn c070_a_certificate_that_is_not_there_is_an_error_at_its_line() {
    let text = "[serve.nts]\ncertificate = \"/nonexistent/a\"\nprivate_key = \"/nonexistent/b\"\n\
        [serve]\nlisten = [\"127.0.0.1:123\"]\nallow = [\"127.0.0.0/8\"]\n";
    let outcome = outcome(&format!("{text}{GOOD}"), false, JSON);
    let value: serde_json::Value = serde_json::from_str(&outcome.text).unwrap();
    assert_eq!((outcome.status, value["usable"].as_bool()), (USAGE, Some(false)));
    let told = told(&value);
    let places: Vec<_> = told.iter().filter(|(_, rule, _)| *rule == "C070").map(|(line, ..)| *line).collect();
    assert_eq!(places, [2, 3], "{told:?}");
    assert!(told.iter().map(|(line, ..)| line).is_sorted(), "{told:?}");
}
