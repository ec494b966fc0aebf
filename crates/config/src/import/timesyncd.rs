//! systemd's `timesyncd.conf`, with the files in the folder of the same name and `.d`.

use super::include;
use super::values::{duration, number};
use super::work::{At, Work};
use crate::text::{nearest, quote};

const KEYS: &[&str] = &[
    "NTP",
    "FallbackNTP",
    "RootDistanceMaxSec",
    "PollIntervalMinSec",
    "PollIntervalMaxSec",
    "ConnectionRetrySec",
    "SaveIntervalSec",
];

/// An interval in seconds and the line that it comes from.
type Interval = Option<(f64, At)>;

/// What the files say together.
#[derive(Default)]
struct Said {
    servers: Vec<(String, At)>,
    fallback: Vec<(String, At)>,
    poll: (Interval, Interval),
    /// The line that says `[Time]`.
    time: Option<At>,
}

/// Reads a file and what is in the folder beside it.
pub(super) fn read(work: &mut Work<'_>, text: &str, name: &str) {
    let mut said = Said::default();
    file(work, &mut said, text, name);
    for path in include::in_folders(work.files, &[&format!("{name}.d")], ".conf") {
        if let Ok(text) = work.files.read(&path) {
            file(work, &mut said, &text, &path);
        }
    }
    write(work, said);
}

fn file(work: &mut Work<'_>, said: &mut Said, text: &str, name: &str) {
    let mut section = String::new();
    for (at, line) in work.lines_of(text, name) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
            if name == "Time" {
                work.keep(at);
                said.time = said.time.or(Some(at));
            } else {
                work.ignore(at, "timesyncd reads [Time] only")
            }
            continue;
        }
        match line.split_once('=') {
            _ if section != "Time" => work.ignore(at, "timesyncd reads [Time] only"),
            Some((key, value)) => setting(work, said, at, key.trim(), value.trim()),
            None => work.wrong(at, "a line is KEY=VALUE or [Time]"),
        }
    }
}

fn setting(work: &mut Work<'_>, said: &mut Said, at: At, key: &str, value: &str) {
    match key {
        "NTP" | "FallbackNTP" => {
            let list = if key == "NTP" { &mut said.servers } else { &mut said.fallback };
            if value.is_empty() {
                for (_, earlier) in list.drain(..) {
                    let line = work.name_of(at, earlier);
                    work.void(earlier, format!("{line} begins the list anew"));
                }
            }
            list.extend(value.split_whitespace().map(|host| (host.to_owned(), at)));
            work.keep(at);
        }
        _ if !KEYS.contains(&key) => {
            let near = nearest(key, KEYS.iter().copied()).map(|near| format!("; did you mean {near}?"));
            work.wrong(at, format!("[Time] has no {}{}", quote(key), near.unwrap_or_default()));
        }
        "ConnectionRetrySec" => {
            work.ignore(at, "how soon a silent source is asked again follows from its poll interval")
        }
        "SaveIntervalSec" => work.ignore(at, "the time is saved in `daemon.state_dir` in any case"),
        _ => match span(value) {
            Some(seconds) => length(work, said, at, key, seconds),
            None => work.wrong(at, format!("{} is no span of time, such as 32s or 1min 5s", quote(value))),
        },
    }
}

fn length(work: &mut Work<'_>, said: &mut Said, at: At, key: &str, seconds: f64) {
    work.keep(at);
    match key {
        "PollIntervalMinSec" => said.poll.0 = Some((seconds, at)),
        "PollIntervalMaxSec" => said.poll.1 = Some((seconds, at)),
        _ => {
            let limit = seconds.clamp(1e-5, 16.0);
            work.set("clock", "max_distance", duration(limit), at);
            if limit != seconds {
                work.change(at, "at most 16 s are possible");
            }
        }
    }
}

/// `5`, `32s`, `1min 5s`, `34min 8s`, `1h`, in seconds.
fn span(text: &str) -> Option<f64> {
    const UNITS: &[(&[&str], f64)] = &[
        (&["us", "usec", "µs", "μs"], 1e-6),
        (&["ms", "msec"], 1e-3),
        (&["", "s", "sec", "second", "seconds"], 1.0),
        (&["m", "min", "minute", "minutes"], 60.0),
        (&["h", "hr", "hour", "hours"], 3600.0),
        (&["d", "day", "days"], 86_400.0),
        (&["w", "week", "weeks"], 604_800.0),
    ];
    let mut rest = text.trim();
    let mut total = None;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (value, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters = after.find(|c: char| c.is_ascii_digit() || c.is_whitespace()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (_, scale) = UNITS.iter().find(|(names, _)| names.contains(&unit))?;
        total = Some(total.unwrap_or(0.0) + number(value)? * scale);
        rest = after.trim_start();
    }
    total.filter(|total| total.is_finite())
}

/// The power of two of an interval.
fn exponent(seconds: f64) -> i64 {
    let exponent = seconds.max(1.0).log2().floor();
    (exponent as i64).clamp(0, 17) // at most 17 after the clamp
}

fn write(work: &mut Work<'_>, said: Said) {
    if work.draft.value("clock", "max_distance").is_none() {
        work.draft.set("clock", "max_distance", duration(5.0), None);
    }
    let Said { servers, fallback, poll, time } = said;
    let used = if servers.is_empty() {
        &fallback
    } else {
        for (_, at) in &fallback {
            work.void(*at, "there are servers in NTP=");
        }
        &servers
    };
    if let Some(at) = time.filter(|_| used.is_empty()) {
        work.not_yet(
            at,
            "no server is named: timesyncd asks those of the network and those that it was built with, which are not \
             known here; write a [[source]]",
        );
    }
    if used.len() > 1 {
        for (_, at) in used {
            work.change(
                *at,
                "all servers are asked all the time, so that a majority can outvote a wrong one",
            );
        }
    }
    let exponents =
        (poll.0.map(|(seconds, _)| exponent(seconds)), poll.1.map(|(seconds, _)| exponent(seconds)));
    for (seconds, at) in [poll.0, poll.1].into_iter().flatten() {
        if 2f64.powi(exponent(seconds) as i32) != seconds {
            // at most 17
            work.change(at, format!("intervals are powers of two: {} s", 1i64 << exponent(seconds)));
        }
    }
    let min = exponents.0.unwrap_or(5);
    let max = exponents.1.unwrap_or(11).max(min);
    for (host, at) in used.clone() {
        if let Some(source) = work.source(at, "server", &host, 123) {
            let poll_at = poll.0.or(poll.1).map(|(_, at)| at);
            work.draft.set_of(source, "poll", format!("{{ min = {min}, max = {max} }}"), poll_at);
        }
    }
}

#[cfg(test)]
mod tests;
