//! No bytes whatever make the reader, the linter or the rendering panic, or say nothing when they refuse.

#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use truechimer_config::reference::{KEYS, SECTIONS};
use truechimer_config::{lint, parse_bytes};

fn try_bytes(bytes: &[u8]) -> Result<(), TestCaseError> {
    match parse_bytes(bytes, "any.toml") {
        Ok(parsed) => {
            for finding in lint(&parsed) {
                prop_assert!(!finding.render(false).is_empty());
            }
        }
        Err(findings) => {
            prop_assert!((1..=50).contains(&findings.len()));
            for finding in findings {
                let shown = finding.render(false);
                prop_assert!(shown.contains(finding.rule) && shown.contains("any.toml"), "{}", shown);
                let harmless = |c: char| c == '\n' || !c.is_control();
                prop_assert!(shown.chars().all(harmless), "{:?}", shown);
                prop_assert!(finding.to_string().lines().count() == 1, "{}", finding);
            }
        }
    }
    Ok(())
}

/// Values that are legal somewhere, or nearly.
const VALUES: &[&str] = &[
    "true",
    "false",
    "-1",
    "0",
    "4",
    "99999999999999999999",
    "0x1F",
    "nan",
    "1e400",
    "1979-05-27",
    "\"\"",
    "\"1s\"",
    "\"-1s\"",
    "\"1\"",
    "\"500ppm\"",
    "\"none\"",
    "\"never\"",
    "\"always\"",
    "\"ntp.example\"",
    "\"::1\"",
    "\"192.0.2.1\"",
    "\"/var\"",
    "\"ipv4\"",
    "\"inline\"",
    "[]",
    "[\"[::]:123\"]",
    "[\"10.0.0.0/8\", \"::/0\"]",
    "[\"10.0.0.1/8\"]",
    "[{ address = \"0.0.0.0:123\", interface = \"eth0\" }]",
    "{ min = 3 }",
    "{ min = 9, max = 2 }",
    "{ above = \"1s\", first = \"always\" }",
    "{ forward = \"1s\" }",
    "{}",
    "[[], {}]",
    "\"\\u001b[2J\"",
    "\"\u{202e}\"",
    "'''\n\n'''",
];

fn line() -> impl Strategy<Value = String> {
    let key = select(KEYS).prop_map(|key| key.name.to_owned());
    let section = select(SECTIONS).prop_map(|section| section.name);
    prop_oneof![
        4 => (key, select(VALUES)).prop_map(|(key, value)| format!("{key} = {value}")),
        2 => (section, any::<bool>()).prop_map(|(name, list)| if list { format!("[[{name}]]") } else { format!("[{name}]") }),
        2 => Just("[[source]]\nserver = \"ntp.example\"".to_owned()),
        1 => "[\\[\\]={}\"'#a-z\u{e9}\u{1}. ,]{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn bytes(bytes in vec(any::<u8>(), 0..200)) {
        try_bytes(&bytes)?;
    }

    #[test]
    fn text(text in "\\PC{0,200}") {
        try_bytes(text.as_bytes())?;
    }

    #[test]
    fn lines(lines in vec(line(), 0..12)) {
        try_bytes(lines.join("\n").as_bytes())?;
    }

    #[test]
    fn damaged(at in any::<Index>(), byte in any::<u8>(), cut in any::<Index>()) {
        let mut file = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../dist/chimer.toml")).unwrap();
        let at = at.index(file.len());
        file[at] = byte;
        try_bytes(&file)?;
        file.truncate(cut.index(file.len()));
        try_bytes(&file)?;
    }
}

#[test]
fn deep_and_long_things_are_refused_quickly() {
    for text in [
        "[".repeat(100_000),
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}", "{ a = ".repeat(50_000)),
        format!("{}1 = 1", "a.".repeat(100_000)),
        format!("[serve]\nlisten = [{}]", "\"[::]:123\",".repeat(50_000)),
        format!("[[source]]\nserver = \"{}\"", "x".repeat(500_000)),
        format!("[clock]\npanic = {}", "9".repeat(500_000)),
        "[[source]]\n".repeat(50_000),
        "\u{feff}[clock]\r\npanic = \"1s\"\r\n".to_owned(),
    ] {
        let start = std::time::Instant::now();
        try_bytes(text.as_bytes()).unwrap();
        assert!(start.elapsed().as_secs() < 10, "{:.20}… took {:?}", text, start.elapsed());
    }
}
