use super::*;
use crate::table::Paint;

const TEXT: Style = Style { json: false, paint: Paint(false) };
const JSON: Style = Style { json: true, paint: Paint(false) };

fn outcome(text: &str, strict: bool, style: Style) -> Outcome {
    report(&findings(text.as_bytes(), "a.toml"), "a.toml", strict, style).unwrap()
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
    assert_eq!(report(&findings, "a.toml", false, TEXT).unwrap().status, USAGE);
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
    let args = CheckArgs { file: "/nonexistent/chimer.toml".into(), strict: false, output };
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
    let args =
        CheckArgs { file: file.path().into(), strict: false, output: crate::cli::OutputArgs { json: true } };
    assert_eq!(check(&args).unwrap().status, USAGE);
}
