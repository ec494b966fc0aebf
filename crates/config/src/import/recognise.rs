//! Whose file it is.

use super::{Dialect, chrony};

/// The dialect of a file, by its name and then by its first words.
pub(super) fn dialect(name: &str, text: &str) -> Option<Dialect> {
    let base = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let by_name = match base.as_str() {
        "ntp.toml" => Some(Dialect::NtpdRs),
        "chimer.toml" => return None,
        _ if base.ends_with(".toml") => None,
        _ if base.starts_with("chrony") || base.ends_with(".sources") => Some(Dialect::Chrony),
        "ntp.conf" => Some(Dialect::Ntp),
        "ntpd.conf" => Some(Dialect::Openntpd),
        _ if base.starts_with("timesyncd") => Some(Dialect::Timesyncd),
        _ => None,
    };
    by_name.or_else(|| by_words(text))
}

/// The first two words of every line that says something.
fn lines(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.lines().take(1000).filter_map(|line| {
        let mut words = line.split_whitespace();
        let first = words.next().filter(|word| !word.starts_with(['#', '!', ';', '%']))?;
        Some((first, words.next()))
    })
}

/// By what only one program's files have.
fn by_words(text: &str) -> Option<Dialect> {
    /// What ntpd and chronyd both have.
    const SHARED: &[&str] =
        &["server", "pool", "peer", "driftfile", "broadcast", "refclock", "manual", "port"];
    const NTPD: &[&str] = &[
        "restrict", "tinker", "tos", "statsdir", "filegen", "fudge", "leapfile", "disable", "enable", "keys",
    ];
    let (mut table, mut shared) = (None, false);
    for (word, second) in lines(text) {
        let lower = word.to_ascii_lowercase();
        if word == "[Time]" {
            return Some(Dialect::Timesyncd);
        }
        if word.starts_with('[') || second == Some("=") {
            table.get_or_insert(false);
            let ntpd_rs = matches!(
                word,
                "mode" | "address" | "[observability]" | "[synchronization]" | "[source-defaults]"
            );
            if ntpd_rs {
                return Some(Dialect::NtpdRs);
            }
            continue;
        }
        if table.is_some() {
            continue;
        }
        match (lower.as_str(), second) {
            ("ntp", Some("server" | "peer" | "pool" | "source" | "authenticate" | "master")) => {
                return Some(Dialect::Cisco);
            }
            ("servers" | "constraint" | "constraints" | "sensor", _)
            | ("listen", Some("on"))
            | ("query", Some("from")) => {
                return Some(Dialect::Openntpd);
            }
            (lower, _) if NTPD.contains(&lower) => return Some(Dialect::Ntp),
            (lower, _) if SHARED.contains(&lower) => shared = true,
            (lower, _) if chrony::find(lower).is_some() => return Some(Dialect::Chrony),
            _ => {}
        }
    }
    // `server` and `pool` alone mean the same to both.
    (shared && table.is_none()).then_some(Dialect::Chrony)
}
