//! `chimer demo` as a newcomer meets it: the program, from outside. It never touches the machine's clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

fn demo(scratch: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chimer"));
    command.arg("demo").env("TMPDIR", scratch).env("TERM", "dumb").stdin(Stdio::null());
    command
}

#[test]
fn first_light_the_demo_shows_what_it_promises() {
    let scratch = tempfile::tempdir().unwrap();
    let output = demo(scratch.path()).args(["--seconds", "5", "--json"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kind = |value: &Value| value["kind"].as_str().unwrap().to_owned();
    assert!(lines.iter().filter(|line| kind(line) == "sample").count() >= 8, "{text}");
    assert!(lines.iter().any(|line| kind(line) == "event"), "{text}");

    let summary = lines.last().unwrap();
    assert_eq!(kind(summary), "summary");
    let (error_s, bound_s) =
        (summary["true_error_s"].as_f64().unwrap(), summary["bound_s"].as_f64().unwrap());
    assert!(error_s < 1e-3 && error_s <= bound_s, "{summary}");
    // It was compared often, and the clock really was as wrong as is said.
    assert!(summary["samples"].as_u64().unwrap() > 100, "{summary}");
    assert_eq!(summary["bound_violations"], 0);
    assert!((summary["steps"][0].as_f64().unwrap() - 0.8).abs() < 0.01, "{summary}");
    let frequency_ppm = summary["frequency_ppm"].as_f64().unwrap();
    assert!((frequency_ppm + 60.0).abs() < 20.0, "{summary}");
    let state = |name: &str| {
        let sources = summary["sources"].as_array().unwrap();
        sources.iter().find(|source| source["name"] == name).unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state("liar"), "falseticker");
    for name in ["honest-1", "honest-2", "honest-3"] {
        assert_ne!(state(name), "falseticker");
    }
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "something is left over");
}

#[test]
fn by_nts_every_server_gives_keys_and_the_promises_are_kept() {
    let scratch = tempfile::tempdir().unwrap();
    let output = demo(scratch.path()).args(["--nts", "--seconds", "6", "--json"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let summary: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(summary["nts"], true);
    let sources = summary["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 4);
    for source in sources {
        assert!(source["key_exchanges"].as_u64().unwrap() >= 1, "{source}");
        assert!(source["samples"].as_u64().unwrap() > 1, "{source}");
    }
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "something is left over");
}

#[test]
fn line_by_line_it_is_readable_and_without_control_characters() {
    let scratch = tempfile::tempdir().unwrap();
    let output = demo(scratch.path()).args(["--seconds", "3", "--plain"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("the clock is stepped by +800 ms"), "{text}");
    assert!(text.contains("x liar"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn an_interrupted_demo_ends_with_1_and_leaves_nothing_behind() {
    let scratch = tempfile::tempdir().unwrap();
    let child =
        demo(scratch.path()).args(["--seconds", "60", "--plain"]).stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1200));
    let interrupt = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &interrupt]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("it was interrupted"), "{text}");
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "something is left over");
}
