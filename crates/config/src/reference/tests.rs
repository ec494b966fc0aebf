use super::*;
use crate::{Config, Diagnostic, parse};

const SOURCE: &str = "[[source]]\nserver = \"a.example\"\n";
const SERVE: &str = "[serve]\nlisten = [\"[::1]:123\"]\n";
const KEYED: &str = "[keys]\nfile = \"/keys\"\n[[source]]\nserver = \"a.example\"\n";
const NTS: &str = "nts.certificate = \"/c\"\nnts.private_key = \"/k\"\n";

/// The smallest legal file around one line that sets a key.
fn file(key: &Key, value: &str) -> String {
    let line = format!("{} = {value}\n", key.name);
    match (key.section, key.name) {
        ("source", "server" | "pool") => format!("[[source]]\n{line}"),
        ("source", "size") => format!("[[source]]\npool = \"a.example\"\n{line}"),
        ("source", "key") => format!("{KEYED}{line}"),
        ("source", _) => format!("{SOURCE}{line}"),
        ("serve", "listen") => format!("[serve]\n{line}"),
        ("serve", "listen.address") => format!("[serve]\nlisten = [{{ address = {value} }}]\n"),
        ("serve", "listen.interface") => {
            format!("[serve]\nlisten = [{{ address = \"[::1]:123\", interface = {value} }}]\n")
        }
        ("serve", "nts.certificate") => format!("{SERVE}nts.private_key = \"/k\"\n{line}"),
        ("serve", "nts.private_key") => format!("{SERVE}nts.certificate = \"/c\"\n{line}"),
        ("serve", "nts.listen.address") => format!("{SERVE}{NTS}nts.listen = [{{ address = {value} }}]\n"),
        ("serve", "nts.listen.interface") => {
            format!("{SERVE}{NTS}nts.listen = [{{ address = \"[::1]:4460\", interface = {value} }}]\n")
        }
        ("serve", name) if name.starts_with("nts.") => format!("{SERVE}{NTS}{line}"),
        ("serve", _) => format!("{SERVE}{line}"),
        ("nts", "system_certificates") => format!("[nts]\ntrusted_certificates = [\"/ca\"]\n{line}"),
        ("control", "mrulist") => format!("[control]\nntpq = true\n{line}"),
        ("logs", "dir") => format!("[logs]\n{line}files = [\"tracking\"]\n"),
        ("logs", "files") => format!("[logs]\ndir = \"/log\"\n{line}"),
        ("logs", _) => format!("[logs]\ndir = \"/log\"\nfiles = [\"tracking\"]\n{line}"),
        (section, _) => format!("[{section}]\n{line}"),
    }
}

/// The same file without the line.
fn base(key: &Key) -> Config {
    let text = match (key.section, key.name) {
        ("source", "server" | "pool") | ("serve", "listen") => "[clock]\n",
        ("source", "size") => "[[source]]\npool = \"a.example\"\n",
        ("source", "key") => KEYED,
        ("source", name) if name.starts_with("nts.") => &format!("{SOURCE}nts = true\n"),
        ("source", _) => SOURCE,
        ("serve", "listen.address") => "[serve]\nlisten = [\"[::1]:1\"]\n",
        ("serve", name) if name.starts_with("nts.") => &format!("{SERVE}{NTS}"),
        ("serve", name) if name.starts_with("rate_limit.") => &format!("{SERVE}rate_limit = {{}}\n"),
        ("serve", _) => SERVE,
        ("nts", "system_certificates") => "[nts]\ntrusted_certificates = [\"/ca\"]\n",
        ("control", "mrulist") => "[control]\nntpq = true\n",
        ("local", _) => "[local]\n",
        ("logs", "banner") => "[logs]\ndir = \"/log\"\nfiles = [\"tracking\"]\n",
        _ => "",
    };
    parse(text, "base").unwrap().config
}

fn read(key: &Key, value: &str) -> Result<Config, Vec<Diagnostic>> {
    parse(&file(key, value), "key").map(|parsed| parsed.config)
}

#[test]
fn every_key_does_something() {
    for key in KEYS {
        let config = read(key, key.example).unwrap_or_else(|found| panic!("{}: {}", key.name, found[0]));
        assert_ne!(config, base(key), "{} = {} changes nothing", key.name, key.example);
    }
}

#[test]
fn every_default_is_the_one_in_the_table() {
    let mut checked = 0;
    for key in KEYS {
        let Some(value) = key.default.strip_prefix('`').and_then(|rest| rest.split('`').next()) else {
            continue;
        };
        if matches!((key.section, key.name), ("clock", "frequency_file") | ("serve", "nts.key_ring")) {
            continue; // its default is the name of a file in another key's value
        }
        let config = read(key, value).unwrap_or_else(|found| panic!("{}: {}", key.name, found[0]));
        assert_eq!(config, base(key), "{} = {value}", key.name);
        checked += 1;
    }
    assert!(checked > 25, "{checked}");
}

#[test]
fn every_range_holds_its_limits_and_nothing_else() {
    let refused = |key: &Key, value: &str| {
        let found = read(key, value).expect_err(&format!("{} = {value}", key.name));
        assert_eq!(found[0].rule, "C020", "{}", found[0]);
    };
    let accepted = |key: &Key, value: &str| {
        read(key, value).unwrap_or_else(|found| panic!("{} = {value}: {}", key.name, found[0]));
    };
    for key in KEYS {
        match key.kind {
            Kind::Integer { min, max, .. } => {
                accepted(key, &min.to_string());
                accepted(key, &max.to_string());
                refused(key, &(min - 1).to_string());
                refused(key, &(max + 1).to_string());
            }
            Kind::Number { min, max } => {
                accepted(key, &format!("{min:.1}"));
                accepted(key, &format!("{max:.1}"));
                refused(key, &format!("{:.3}", min - 0.001));
                refused(key, &format!("{:.3}", max + 0.001));
                refused(key, "inf");
            }
            Kind::Duration { min, max, .. } => {
                accepted(key, &format!("\"{}\"", units::write_duration(min)));
                accepted(key, &format!("\"{}\"", units::write_duration(max)));
                refused(key, &format!("\"{}\"", units::write_duration(min - min.abs().max(1e-6) / 2.0)));
                refused(key, &format!("\"{}\"", units::write_duration(max + max / 1000.0)));
            }
            Kind::Rate { min, max } => {
                accepted(key, &format!("\"{}\"", units::write_rate(min)));
                accepted(key, &format!("\"{}\"", units::write_rate(max)));
                refused(key, &format!("\"{}\"", units::write_rate(min / 2.0)));
                refused(key, &format!("\"{}\"", units::write_rate(max * 1.001)));
                refused(key, &format!("\"-{}\"", units::write_rate(max)));
            }
            _ => {}
        }
    }
}

#[test]
fn every_key_refuses_what_is_not_of_its_type() {
    let values = ["true", "5", "5.5", "\"no such thing, of course\"", "[]", "[1]", "{ a = 1 }", "1979-05-27"];
    for key in KEYS {
        let found: usize = values.iter().filter(|value| read(key, value).is_err()).count();
        assert!(found >= 6, "{} takes nearly anything", key.name);
    }
}

#[test]
fn names_are_unique_and_belong_to_a_section() {
    for (index, key) in KEYS.iter().enumerate() {
        assert!(SECTIONS.iter().any(|section| section.name == key.section), "{}", key.section);
        assert!(KEYS[..index].iter().all(|other| (other.section, other.name) != (key.section, key.name)));
        if let Some((table, _)) = key.name.split_once('.') {
            assert!(find(key.section, table).is_some(), "{}", key.name);
        }
    }
    assert_eq!(CONFIGURATION.names("clock", "step").collect::<Vec<_>>(), ["above", "first"]);
    assert!(CONFIGURATION.names("clock", "").all(|name| !name.contains('.')));
}

#[test]
fn ranges_agree_with_the_types_that_hold_them() {
    use truechimer_time::PollExponent;
    let range = Kind::Integer {
        min: PollExponent::MIN.exponent().into(),
        max: PollExponent::MAX.exponent().into(),
        or: None,
    };
    assert_eq!(find("source", "poll.min").unwrap().kind, range);
    assert_eq!(find("source", "poll.max").unwrap().kind, range);
}
