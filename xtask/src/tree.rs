//! Rules over the files that git tracks.

use std::fs;
use std::process::Command;

use crate::code::code_only;

/// A file reads in one sitting. Tests may be longer, as nobody reads them from top to bottom.
const MAX_LINES: usize = 450;

/// Markers of unfinished work, in pieces so that this file does not complain about itself.
const UNFINISHED: &[&str] = &[concat!("to", "do!("), concat!("unimple", "mented!("), concat!("FIX", "ME")];

pub(crate) fn check() -> Result<Vec<String>, String> {
    let output = Command::new("git").args(["ls-files", "-z"]).output().map_err(|e| format!("git: {e}"))?;
    if !output.status.success() {
        return Err("git ls-files failed: tidy runs in a checkout".into());
    }
    let listing = String::from_utf8_lossy(&output.stdout);
    let mut complaints = Vec::new();
    for path in listing.split('\0').filter(|p| p.ends_with(".rs")) {
        // A file that git still lists may just have been deleted.
        let Ok(text) = fs::read_to_string(path) else { continue };
        complaints.extend(check_file(path, &text));
    }
    Ok(complaints)
}

/// All complaints about one Rust file.
fn check_file(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let is_test = path.contains("/tests/") || path.ends_with("/tests.rs") || path.starts_with("tests/");
    let lines = text.lines().count();
    if lines > MAX_LINES && !is_test {
        complaints.push(format!("{path}: {lines} lines, at most {MAX_LINES} read in one sitting"));
    }
    let code = code_only(text);
    for ((number, line), code) in text.lines().enumerate().zip(code.lines().chain(std::iter::repeat(""))) {
        let number = number + 1;
        if has_word(code, "unsafe") && !path.starts_with("crates/sys/") {
            complaints.push(format!("{path}:{number}: unsafe outside crates/sys"));
        }
        for marker in UNFINISHED {
            if line.contains(marker) {
                complaints.push(format!("{path}:{number}: unfinished: {marker}"));
            }
        }
        if code.trim_start().starts_with("#[ignore") {
            complaints.push(format!("{path}:{number}: a test that does not run proves nothing"));
        }
    }
    let root = path.ends_with("src/lib.rs") && path.starts_with("crates/") && path != "crates/sys/src/lib.rs";
    if root && !code.contains("#![forbid(unsafe_code)]") {
        complaints.push(format!("{path}: forbid unsafe_code"));
    }
    if !text.trim_start().starts_with("//!") && path.contains("/src/") && !is_test {
        complaints.push(format!("{path}: a module's header says why it exists"));
    }
    complaints
}

/// Whether `word` stands in `code` as a word of its own, and not in a longer name such as a lint's.
fn has_word(code: &str, word: &str) -> bool {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|token| token == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_are_named() {
        let text = format!("//! x\n{}", "fn a() {}\n".repeat(MAX_LINES));
        assert_eq!(check_file("crates/wire/src/a.rs", &text).len(), 1);
        assert!(check_file("crates/wire/tests/a.rs", &text).is_empty());
    }

    #[test]
    fn the_word_is_found_only_outside_sys_and_only_as_code() {
        let block = "//! x\nfn f() { unsafe {} }\n";
        assert_eq!(check_file("crates/wire/src/a.rs", block).len(), 1);
        assert!(check_file("crates/sys/src/a.rs", block).is_empty());
        for harmless in ["// unsafe is elsewhere", "const A: &str = \"unsafe\";", "fn unsafe_code() {}"] {
            let text = format!("//! x\n{harmless}\n");
            assert!(check_file("crates/wire/src/a.rs", &text).is_empty(), "{harmless}");
        }
        let hidden = "//! x\nfn f() { g(\"//\"); unsafe {} }\n";
        assert_eq!(
            check_file("crates/wire/src/a.rs", hidden).len(),
            1,
            "a comment sign in a string hides nothing"
        );
    }

    #[test]
    fn a_test_that_is_switched_off_is_named() {
        assert_eq!(check_file("crates/wire/tests/a.rs", "#[ignore = \"slow\"]\nfn a() {}\n").len(), 1);
    }

    #[test]
    fn unfinished_code_and_missing_headers_are_named() {
        let text = format!("//! x\nfn f() {{ {}) }}\n", UNFINISHED[0]);
        assert_eq!(check_file("crates/wire/src/a.rs", &text).len(), 1);
        assert_eq!(check_file("crates/wire/src/a.rs", "fn f() {}\n").len(), 1);
    }
}
