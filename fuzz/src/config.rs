//! Configuration files and key files.

use truechimer_config::keys::parse_keys;
use truechimer_config::{Diagnostic, lint, parse_bytes};

/// Any bytes are a configuration, or there is at least one fault, each at a place that exists and shown without a byte
/// that could do something to a terminal. Two readings agree.
pub fn config_text(data: &[u8]) {
    match parse_bytes(data, "any.toml") {
        Ok(parsed) => {
            lint(&parsed).iter().for_each(|finding| check(data, finding));
            let text = str::from_utf8(data).expect("legal files are text");
            assert_eq!(truechimer_config::parse(text, "any.toml").as_ref(), Ok(&parsed));
        }
        Err(faults) => {
            assert!((1..=50).contains(&faults.len()));
            faults.iter().for_each(|fault| check(data, fault));
        }
    }
}

/// Any bytes are a key file, or there is at least one fault, each at a place that exists. Nothing that is said shows a key.
pub fn key_file(data: &[u8]) {
    let exposed = data.len() % 2 == 1;
    let findings = match parse_keys(data, "any.toml", exposed) {
        Ok(file) => {
            let ids: Vec<u32> = file.ids().map(|(id, _)| id).collect();
            assert!(ids.iter().all(|id| *id != 0 && file.has(*id)));
            let findings = file.findings.clone();
            let table = file.into_table();
            assert_eq!(table.len(), ids.len(), "identifiers are unique");
            assert!(ids.iter().all(|id| table.algorithm(*id).is_some()));
            findings
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            faults
        }
    };
    assert!(findings.len() <= 50);
    let words: Vec<&str> = data
        .split(u8::is_ascii_whitespace)
        .filter(|word| word.len() >= 16 && word.iter().all(u8::is_ascii_alphanumeric))
        .filter_map(|word| str::from_utf8(word).ok())
        .collect();
    for finding in &findings {
        check(data, finding);
        let said = format!("{finding:?}{}", finding.render(false));
        assert!(!words.iter().any(|word| said.contains(word)), "{said}");
    }
}

fn check(data: &[u8], finding: &Diagnostic) {
    let lines = data.iter().filter(|byte| **byte == b'\n').count() + 1;
    assert!((1..=lines).contains(&finding.line) && finding.column >= 1);
    let shown = finding.render(false);
    assert!(shown.contains(finding.rule) && shown.contains("any.toml"));
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
    assert_eq!(finding.to_string().lines().count(), 1);
}
