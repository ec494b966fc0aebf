//! systemd's `timesyncd.conf`, with the files in the folders of the same name and `.d`.
//!
//! timesyncd leaves out what it does not understand, and goes on.

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

/// Where else there are files of the system's `timesyncd.conf`, after those beside it.
const OTHER_FOLDERS: [&str; 3] = [
    "/run/systemd/timesyncd.conf.d",
    "/usr/local/lib/systemd/timesyncd.conf.d",
    "/usr/lib/systemd/timesyncd.conf.d",
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
    let beside = format!("{name}.d");
    let mut folders = vec![beside.as_str()];
    if name == "/etc/systemd/timesyncd.conf" {
        folders.extend(OTHER_FOLDERS);
    }
    for path in include::in_folders(work.files, &folders, ".conf") {
        match work.files.read(&path) {
            Ok(text) => file(work, &mut said, &text, &path),
            Err(error) => {
                let at = work.lines.len().saturating_sub(1);
                work.impossible(at, format!("cannot read {}: {error}", quote(&path)));
            }
        }
    }
    write(work, said);
}

fn file(work: &mut Work<'_>, said: &mut Said, text: &str, name: &str) {
    let mut section = String::new();
    // What a line that ends with a backslash begins.
    let mut begun: Option<(At, String)> = None;
    for (at, line) in work.lines_of(text, name) {
        let line = line.trim();
        if line.starts_with(['#', ';']) || (line.is_empty() && begun.is_none()) {
            continue;
        }
        let (at, line) = match begun.take() {
            Some((first, start)) => {
                work.keep(at);
                (first, format!("{start} {line}"))
            }
            None => (at, line.to_owned()),
        };
        if let Some(start) = line.strip_suffix('\\') {
            begun = Some((at, start.trim_end().to_owned()));
            continue;
        }
        let line = line.trim();
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
            None => left_out(work, at, "a line is KEY=VALUE or [Time]"),
        }
    }
}

fn left_out(work: &mut Work<'_>, at: At, why: &str) {
    work.impossible(at, format!("{why}; timesyncd leaves this line out as well"));
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
            left_out(work, at, &format!("[Time] has no {}{}", quote(key), near.unwrap_or_default()));
        }
        "ConnectionRetrySec" => {
            work.ignore(at, "how soon a silent source is asked again follows from its poll interval")
        }
        "SaveIntervalSec" => work.ignore(at, "the time is saved in `daemon.state_dir` in any case"),
        _ => match span(value) {
            Some(seconds) => length(work, said, at, key, seconds),
            None => {
                left_out(work, at, &format!("{} is no span of time, such as 32s or 1min 5s", quote(value)))
            }
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
    if rest == "infinity" {
        return Some(f64::MAX);
    }
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

/// Intervals without those that timesyncd does not take.
fn checked(work: &mut Work<'_>, (min, max): (Interval, Interval)) -> (Interval, Interval) {
    const SHORTEST_S: f64 = 16.0;
    let (mut kept_min, mut kept_max) = (min, max);
    if let Some((_, at)) = min.filter(|(seconds, _)| *seconds < SHORTEST_S) {
        left_out(work, at, "an interval is 16 s at least");
        kept_min = None;
    }
    let shortest = kept_min.map_or(32.0, |(seconds, _)| seconds);
    if let Some((_, at)) = max.filter(|(seconds, _)| *seconds < shortest) {
        left_out(work, at, "the longest interval is shorter than the shortest");
        kept_max = None;
    }
    (kept_min, kept_max)
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
    let poll = checked(work, poll);
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
