//! What people read and install agrees with what the program does.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::{env, fs};

use truechimer_config::import::chrony;
use truechimer_config::{Config, Parsed, RUN_DIR, STATE_DIR, lint, markdown, parse};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn legal(text: &str) -> Parsed {
    parse(text, "chimer.toml").unwrap_or_else(|found| panic!("{}\nin:\n{text}", found[0].render(false)))
}

/// Puts what is generated between its marks.
fn generate(manual: &str, parts: &[(&str, String)]) -> String {
    let mut manual = manual.to_owned();
    for (name, text) in parts {
        let mark = manual.find(&format!("<!-- {name}: ")).unwrap();
        let start = mark + manual[mark..].find('\n').unwrap() + 1;
        let end = start + manual[start..].find(&format!("<!-- end of {name} -->")).unwrap();
        manual.replace_range(start..end, &format!("\n{}\n", text.trim_end()));
    }
    manual
}

/// `UPDATE_DOCS=1 cargo test -p truechimer-config` writes the manual anew.
fn up_to_date(path: &str, parts: &[(&str, String)]) {
    let manual = read(path);
    let generated = generate(&manual, parts);
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(repository().join(path), &generated).unwrap();
    } else {
        assert!(manual == generated, "{path} is out of date: run with UPDATE_DOCS=1");
    }
}

#[test]
fn the_manual_has_every_key_and_every_rule() {
    let generated = markdown();
    up_to_date("docs/config.md", &[("keys", generated.keys), ("rules", generated.rules)]);
}

#[test]
fn the_manual_of_chrony_conf_has_every_directive() {
    up_to_date("docs/chrony.md", &[("directives", chrony::markdown())]);
}

#[test]
fn every_file_in_the_documents_is_legal_and_needs_no_advice() {
    let mut documents: Vec<_> =
        fs::read_dir(repository().join("docs")).unwrap().map(|e| e.unwrap().path()).collect();
    documents.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    documents.push(repository().join("README.md"));
    let mut files = 0;
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for file in text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
            assert_eq!(legal(file).warnings, [], "{}: {file}", document.display());
            files += 1;
        }
    }
    assert!(files >= 2, "{files}");
}

#[test]
fn the_default_file_works_as_it_is_and_says_what_holds_anyway() {
    let mut config = legal(&read("dist/chimer.toml")).config;
    assert_eq!(legal(&read("dist/chimer.toml")).warnings, []);
    assert_eq!(config.engine.sources.len(), 1);
    config.engine.sources.clear();
    assert!(config.paths.source_dirs.contains(&"/run/truechimer-dhcp".into()), "the hooks write there");
    config.paths.source_dirs.clear();
    assert_eq!(config, Config::default(), "apart from its sources, the default file states defaults");
}

/// A setting that is not in force: `#key = …` or `#[section]`.
fn disabled(line: &str) -> Option<&str> {
    line.strip_prefix('#').filter(|rest| !rest.is_empty() && !rest.starts_with(' '))
}

#[test]
fn every_disabled_line_of_the_default_file_is_legal_and_does_something() {
    let text = read("dist/chimer.toml");
    let lines: Vec<&str> = text.lines().collect();
    let default = legal(&text).config;
    let mut tried = 0;
    for (index, setting) in
        lines.iter().enumerate().filter_map(|(index, line)| Some((index, disabled(line)?)))
    {
        // A section that is not in force either comes along, with what it cannot do without.
        let first = (0..=index).rev().find(|at| lines[*at].trim_start_matches('#').starts_with('[')).unwrap();
        let whole_section = disabled(lines[first]).is_some();
        let enabled = lines.iter().enumerate().map(|(at, line)| {
            let wanted = at == index || (whole_section && (first..index).contains(&at));
            disabled(line).filter(|_| wanted).unwrap_or(line)
        });
        let enabled = enabled.collect::<Vec<_>>().join("\n");
        if matches!(setting, "[serve]" | "[keys]" | "[[source]]") {
            continue; // not legal without the line that follows, which is tried with it
        }
        let config = legal(&enabled).config;
        // `[selection]` alone changes nothing, nor does the last word on `stratum`, which is the default.
        if !setting.starts_with('[') {
            assert_ne!(config, default, "{setting}");
        }
        tried += 1;
    }
    assert!(tried > 12, "{tried}");
    let all: String = text.lines().map(|line| disabled(line).unwrap_or(line).to_owned() + "\n").collect();
    assert_eq!(lint(&legal(&all)).iter().filter(|finding| finding.rule != "L012").count(), 0);
}

#[test]
fn the_unit_and_its_snippets_name_the_folders_of_the_program() {
    let unit = read("dist/chimerd.service");
    assert!(unit.contains(&format!("StateDirectory={}", STATE_DIR.strip_prefix("/var/lib/").unwrap())));
    assert!(unit.contains(&format!("RuntimeDirectory={}", RUN_DIR.strip_prefix("/run/").unwrap())));
    let folders = read("dist/tmpfiles.d/truechimer.conf");
    assert!(folders.contains(&format!("d {STATE_DIR} ")) && folders.contains(&format!("d {RUN_DIR} ")));
    let user = unit.lines().find_map(|line| line.strip_prefix("User=")).unwrap();
    assert!(read("dist/sysusers.d/truechimer.conf").contains(&format!("u {user} ")));
    assert!(folders.contains(&format!(" {user} {user} ")));
}

#[test]
fn the_unit_lets_the_daemon_do_its_work() {
    let unit = read("dist/chimerd.service");
    assert!(!unit.lines().any(|line| line.starts_with("ProtectClock=")), "the clock must be writable");
    let filter = unit.lines().find(|line| line.starts_with("SystemCallFilter=")).unwrap();
    assert!(filter.contains("@clock"));
    for line in ["AmbientCapabilities=", "CapabilityBoundingSet="] {
        let line = unit.lines().find(|found| found.starts_with(line)).unwrap();
        assert!(line.contains("CAP_SYS_TIME") && line.contains("CAP_NET_BIND_SERVICE"), "{line}");
    }
}
