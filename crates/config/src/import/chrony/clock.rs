//! The clock, the selection of sources, and the daemon as a program.

use std::net::IpAddr;

use super::directives::LOCAL_OPTIONS;
use super::syntax::{integer, option};
use super::{Line, Reader};
use crate::import::draft::string;
use crate::import::values::{duration, ppm};
use crate::sections::is_account;
use crate::text::quote;

/// What `log` can write, and the file of ours.
const LOGS: &[(&str, Option<&str>)] = &[
    ("rawmeasurements", Some("rawmeasurements")),
    ("measurements", Some("measurements")),
    ("statistics", Some("statistics")),
    ("tracking", Some("tracking")),
    ("selection", Some("selection")),
    ("rtc", None),
    ("refclocks", None),
    ("tempcomp", None),
];

/// The largest threshold of a step here, in seconds.
const MOST_STEP_S: f64 = 86_400.0;

/// Whether no step is above the threshold that a line begins with, or that is no number.
fn beyond_steps(line: &Line<'_>) -> bool {
    line.number(0).is_nan() || line.number(0) > MOST_STEP_S
}

/// Why there is no such file.
fn no_file(name: &str) -> &'static str {
    match name {
        "refclocks" => "there are no reference clocks yet that it could tell of",
        "rtc" => "the clock on the board is not used",
        _ => "the oscillator's temperature is not used",
    }
}

impl Reader<'_, '_> {
    /// Whether the directive is one of these, and was read.
    pub(super) fn clock(&mut self, line: &Line<'_>) -> bool {
        match line.directive.name {
            "makestep" => self.makestep(line),
            "initstepslew" => self.initstepslew(line),
            "maxchange" => self.maxchange(line),
            "maxslewrate" => self.rate(line, "max_slew", 0.1, 1e5),
            "maxdrift" => self.rate(line, "max_frequency", 1.0, 1e5),
            "maxclockerror" => self.rate(line, "max_drift", 0.001, 500.0),
            "logchange" => {
                let value = self.within(line, line.number(0), 0.001, 36_500.0 * 86_400.0, "s");
                self.work.set("clock", "log_above", duration(value), line.at);
            }
            "acquisitionport" => self.acquisition_port(line),
            "bindacqdevice" => {
                self.by_table(line.at, "", line.directive.capability);
                self.work.set("network", "interface", string(line.word(0)), line.at);
            }
            "dscp" => {
                let value = self.within(line, line.integer(0) as f64, 0.0, 63.0, "");
                self.work.set("network", "dscp", format!("{value:.0}"), line.at);
            }
            "manual" => self.work.set("clock", "manual", "true".into(), line.at),
            "maxdistance" => {
                let value = self.within(line, line.number(0), 1e-5, 16.0, "s");
                self.work.set("clock", "max_distance", duration(value), line.at);
            }
            "leapsecmode" => self.leapsecmode(line),
            "minsources" => {
                let value = line.integer(0).clamp(1, 64);
                if value != line.integer(0) {
                    self.work.change(line.at, "from 1 to 64 sources can be asked for");
                }
                self.work.set("selection", "min_sources", value.to_string(), line.at);
            }
            "authselectmode" => self.authselectmode(line),
            "local" => self.local(line),
            "keyfile" => self.work.set("keys", "file", string(line.word(0)), line.at),
            "user" => self.user(line),
            "lock_all" => self.work.set("daemon", "lock_memory", "true".into(), line.at),
            "sched_priority" => match line.integer(0) {
                priority @ 0..=100 => {
                    self.work.set("daemon", "realtime_priority", priority.min(99).to_string(), line.at)
                }
                _ => self.wrong(line.at, "a priority is a number from 0 to 100"),
            },
            "driftfile" => {
                self.by_table(line.at, "", line.directive.capability);
                self.work.draft.set("clock", "chrony_drift_file", string(line.word(0)), Some(line.at));
            }
            "pidfile" => {
                let file = line.word(0);
                let value = if file == "/" { "false".to_owned() } else { string(file) };
                self.work.set("daemon", "pid_file", value, line.at);
            }
            "bindacqaddress" => match line.word(0).parse::<IpAddr>() {
                Ok(address) => {
                    self.later.bind_sources.retain(|(other, _)| other.is_ipv4() != address.is_ipv4());
                    self.later.bind_sources.push((address, line.at));
                    self.work.keep(line.at);
                }
                Err(_) => self.wrong(line.at, format!("{} is not an address", quote(line.word(0)))),
            },
            "log" => self.log(line),
            "logdir" => {
                self.later.log_folder = Some((line.word(0).to_owned(), line.at));
                self.work.keep(line.at);
            }
            "logbanner" => {
                self.later.log_banner = Some((line.integer(0), line.at));
                self.work.keep(line.at);
            }
            _ => return false,
        }
        true
    }

    fn log(&mut self, line: &Line<'_>) {
        let mut found = Vec::new();
        for word in &line.words {
            let Some((name, file)) = LOGS.iter().find(|(name, _)| name == word) else {
                let known: Vec<_> = LOGS.iter().map(|(name, _)| *name).collect();
                let fault = format!("`log` knows no {}: {}", quote(word), known.join(", "));
                return self.wrong(line.at, fault);
            };
            found.push((*name, *file));
        }
        self.work.keep(line.at);
        for (name, file) in found {
            match file {
                Some(file) => self.later.logs.push((file, line.at)),
                None => self.work.not_yet(line.at, format!("`{name}`: {}", no_file(name))),
            }
        }
    }

    /// `[logs]`, where there is a folder and something to write.
    pub(super) fn finish_logs(&mut self) {
        let logs = std::mem::take(&mut self.later.logs);
        let (folder, banner) = (self.later.log_folder.take(), self.later.log_banner.take());
        match folder {
            Some((folder, at)) if !logs.is_empty() => {
                self.work.set("logs", "dir", string(&folder), at);
                for (file, at) in logs {
                    self.work.draft.push("logs", "files", string(file), Some(at));
                }
                if let Some((banner, at)) = banner {
                    self.work.set("logs", "banner", banner.clamp(0, 1_000_000).to_string(), at);
                }
            }
            folder => {
                for (_, at) in logs {
                    self.work.void(at, "there is no `logdir`, so nothing is written");
                }
                for at in folder.map(|(_, at)| at).into_iter().chain(banner.map(|(_, at)| at)) {
                    self.work.void(at, "no `log` line asks for anything to be written");
                }
            }
        }
    }

    /// The value within its limits here; says so if that changes it.
    fn within(&mut self, line: &Line<'_>, value: f64, min: f64, max: f64, unit: &str) -> f64 {
        let inside = value.clamp(min, max);
        if inside != value {
            self.work.change(line.at, format!("{inside}{unit}: from {min} to {max} is possible"));
        }
        inside
    }

    fn rate(&mut self, line: &Line<'_>, key: &str, min: f64, max: f64) {
        let value = self.within(line, line.number(0), min, max, "ppm");
        self.work.set("clock", key, ppm(value), line.at);
    }

    fn makestep(&mut self, line: &Line<'_>) {
        let limit = line.integer(1);
        let value = match limit {
            0 => "\"never\"".to_owned(),
            // Also if it is no number at all. A lower threshold would step where chronyd does not.
            _ if beyond_steps(line) => {
                self.work.change(line.at, "never: a threshold is a day at most");
                "\"never\"".to_owned()
            }
            _ => {
                let above = duration(self.within(line, line.number(0), 1e-4, MOST_STEP_S, "s"));
                let first = if limit < 0 { "\"always\"".into() } else { limit.min(1_000_000).to_string() };
                format!("{{ above = {above}, first = {first} }}")
            }
        };
        self.work.set("clock", "step", value, line.at);
        if limit < 0 && !beyond_steps(line) {
            self.work.danger(line.at, "the clock may jump under running programs at any time");
        }
    }

    fn initstepslew(&mut self, line: &Line<'_>) {
        if line.words.len() < 2 {
            return self.work.ignore(line.at, "without a host chronyd does nothing with it");
        }
        if beyond_steps(line) {
            return self.work.change(line.at, "no step is made: a threshold is a day at most");
        }
        self.by_table(line.at, "", line.directive.capability);
        if self.work.draft.value("clock", "step").is_none() {
            let above = duration(self.within(line, line.number(0), 1e-4, MOST_STEP_S, "s"));
            self.work.set("clock", "step", format!("{{ above = {above}, first = 1 }}"), line.at);
        }
    }

    fn maxchange(&mut self, line: &Line<'_>) {
        if line.integer(1) < 0 || line.number(0).is_nan() {
            return self.work.set("clock", "panic", "\"none\"".into(), line.at);
        }
        let limit = self.within(line, line.number(0), 0.001, 36_500.0 * 86_400.0, "s");
        let limit = duration(limit);
        let (start, ignored) = (line.integer(1), line.integer(2));
        let first = if start > 0 { "\"none\"" } else { &limit };
        let value = format!("{{ forward = {limit}, backward = {limit}, start = {first} }}");
        self.work.set("clock", "panic", value, line.at);
        if start > 1 {
            self.work.change(line.at, format!("only the first update after the start is free, not {start}"));
        }
        if ignored >= 0 {
            self.work
                .change(line.at, "the daemon refuses larger corrections without limit instead of exiting");
        }
    }

    fn leapsecmode(&mut self, line: &Line<'_>) {
        match line.word(0).to_ascii_lowercase().as_str() {
            "system" => self.work.keep(line.at),
            "step" | "slew" | "ignore" => {
                self.work.not_yet(line.at, "the kernel makes the leap by a step of one second");
            }
            _ => self.wrong(line.at, "the mode is system, step, slew or ignore"),
        }
    }

    fn authselectmode(&mut self, line: &Line<'_>) {
        let mode = line.word(0).to_ascii_lowercase();
        if matches!(mode.as_str(), "require" | "prefer" | "mix" | "ignore") {
            self.work.set("selection", "authentication", string(&mode), line.at);
        } else {
            self.wrong(line.at, "the mode is require, prefer, mix or ignore");
        }
    }

    fn user(&mut self, line: &Line<'_>) {
        let value = match line.word(0) {
            "root" => "false".to_owned(),
            name if is_account(name) => string(name),
            // Without the line the daemon would go on as root.
            name => return self.wrong(line.at, format!("{} is not an account name", quote(name))),
        };
        self.work.set("daemon", "user", value, line.at);
    }

    fn local(&mut self, line: &Line<'_>) {
        let mut options = line.words.iter();
        let mut held = Vec::new();
        while let Some(next) = option(LOCAL_OPTIONS, "local", &mut options) {
            match next {
                Ok(found) => held.push(found),
                Err(fault) => return self.wrong(line.at, fault),
            }
        }
        self.work.draft.begin("local", line.at);
        self.work.keep(line.at);
        for (entry, value) in held {
            let real: f64 = value.parse().unwrap_or(0.0);
            match entry.name {
                "stratum" => {
                    let stratum = integer(value).unwrap_or(10).to_string();
                    self.work.set("local", "stratum", stratum, line.at);
                }
                "orphan" => self.work.set("local", "orphan", "true".into(), line.at),
                "distance" => self.work.set("local", "takeover", duration(real.clamp(1e-6, 16.0)), line.at),
                "waitsynced" => self.local_wait(line, "wait_synced", real),
                "waitunsynced" => self.local_wait(line, "wait_unsynced", real),
                "activate" => self.work.set("local", "activate", duration(real), line.at),
                _ => self.by_table(line.at, entry.name, entry.capability),
            }
        }
    }

    fn acquisition_port(&mut self, line: &Line<'_>) {
        match line.integer(0) {
            0 => {
                self.later.client_port = None;
                self.work.keep(line.at);
            }
            port @ 1..=65_535 => {
                self.later.client_port = Some((port, line.at));
                self.work.keep(line.at);
            }
            _ => self.wrong(line.at, "a port is a number from 0 to 65535"),
        }
    }

    /// The port that requests leave from, when it is known where time is served.
    pub(super) fn finish_client_port(&mut self) {
        let Some((port, at)) = self.later.client_port.take() else { return };
        let serving = self.work.draft.has("serve");
        if serving && self.later.port.map_or(123, |(port, _)| port) == port {
            self.work.change(at, "each request leaves from a random port, as time is served on this one");
        } else {
            self.work.set("network", "client_port", port.to_string(), at);
        }
    }

    fn local_wait(&mut self, line: &Line<'_>, key: &str, seconds: f64) {
        self.work.set("local", key, duration(seconds.clamp(0.0, 365.0 * 86_400.0)), line.at);
    }
}
