//! Configuration files.

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

fn check(data: &[u8], finding: &Diagnostic) {
    let lines = data.iter().filter(|byte| **byte == b'\n').count() + 1;
    assert!((1..=lines).contains(&finding.line) && finding.column >= 1);
    let shown = finding.render(false);
    assert!(shown.contains(finding.rule) && shown.contains("any.toml"));
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
    assert_eq!(finding.to_string().lines().count(), 1);
}
