//! `ntp.conf` of ntpd: of the reference implementation and of NTPsec.
//!
//! A line is a directive and its arguments; `#` begins a comment anywhere. Text may stand in double quotes.

mod logs;
mod nts;
mod restrict;
mod source;
mod table;
mod trust;

use std::net::IpAddr;

use super::draft::string;
use super::include;
use super::values::{duration, integer, number};
use super::work::{At, Work};
use crate::text::{nearest, quote};

/// Files include files only so deep.
const MOST_DEEP: usize = 5;

/// Directives that are read here, beside those of the tables.
const READ: &[&str] = &[
    "statsdir",
    "statistics",
    "filegen",
    "server",
    "pool",
    "peer",
    "restrict",
    "discard",
    "limit",
    "mru",
    "unrestrict",
    "interface",
    "nic",
    "keys",
    "tos",
    "tinker",
    "enable",
    "disable",
    "fudge",
    "includefile",
    "nts",
    "ntpsigndsocket",
    "extra",
];

struct Reader<'w, 'f> {
    work: &'w mut Work<'f>,
    depth: usize,
    rules: Vec<restrict::Rule>,
    limit: restrict::Limit,
    /// Where `listen` names places, by line.
    listeners: Vec<(String, At)>,
    /// All addresses of IPv4 and IPv6, if a line says so.
    wildcard: [Option<At>; 2],
    /// IPv4 and IPv6, if a line leaves them out.
    without: [bool; 2],
    /// Only what is named is served.
    closed: bool,
    ports: Vec<(u16, At)>,
    has_signd: bool,
    ceiling: Option<(i64, At)>,
    steps: Vec<(&'static str, f64, At)>,
    /// Keys that are trusted: first and last.
    trusted: Vec<(i64, i64)>,
    /// A line that refuses somebody and cannot be taken over.
    lost_refusal: Option<At>,
    nts: nts::Server,
    logs: Vec<(&'static str, At)>,
    log_folder: Option<(String, At)>,
}

/// Reads a whole file.
pub(super) fn read(work: &mut Work<'_>, text: &str, name: &str) {
    let mut reader = Reader {
        work,
        depth: 0,
        rules: Vec::new(),
        limit: restrict::Limit::default(),
        listeners: Vec::new(),
        wildcard: [None; 2],
        without: [false; 2],
        closed: false,
        ports: Vec::new(),
        has_signd: text.contains("ntpsigndsocket"),
        ceiling: None,
        steps: Vec::new(),
        trusted: Vec::new(),
        lost_refusal: None,
        nts: nts::Server::default(),
        logs: Vec::new(),
        log_folder: None,
    };
    reader.file(text, name);
    reader.finish();
}

/// The words of a line, those in quotes as one.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, after) = match rest.strip_prefix('"') {
            Some(inside) => inside.split_once('"').unwrap_or((inside, "")),
            None => {
                let end = rest.find(|c: char| c.is_whitespace() || c == '#').unwrap_or(rest.len());
                rest.split_at(end)
            }
        };
        words.push(word);
        rest = after.trim_start();
    }
    words
}

impl Reader<'_, '_> {
    fn file(&mut self, text: &str, name: &str) {
        for line in self.work.open(text, name) {
            let Some(at) = self.work.enter(&line) else { break };
            if let [directive, rest @ ..] = words(line.text).as_slice() {
                self.line(at, &directive.to_ascii_lowercase(), rest, name);
            }
        }
    }

    fn line(&mut self, at: At, directive: &str, words: &[&str], file: &str) {
        if directive == "trustedkey" {
            self.trusted_keys(at, words);
        }
        if let Some((_, capability, danger)) = table::PLAIN.iter().find(|(name, ..)| *name == directive) {
            self.work.by_capability(at, "", *capability);
            if let Some(danger) = danger {
                self.work.danger(at, *danger);
            }
            return;
        }
        match directive {
            "server" | "pool" | "peer" => self.source(at, directive, words),
            "fudge" => self.fudge(at, words),
            "restrict" => self.restrict(at, words),
            "unrestrict" => self.unrestrict(at, words),
            "interface" | "nic" => self.interface(at, words),
            "nts" => self.nts(at, words),
            "keys" => self.one(at, words, |work, file| work.set("keys", "file", string(file), at)),
            "ntpsigndsocket" => self.one(at, words, |work, folder| {
                work.draft.set("serve", "signd", string(folder), Some(at));
                work.keep(at);
            }),
            "extra" => match words {
                ["port", port] if port.parse::<u16>().is_ok() => {
                    self.ports.extend(port.parse::<u16>().map(|port| (port, at)));
                    self.work.keep(at);
                }
                _ => self.work.wrong(at, "write `extra port PORT`"),
            },
            "statsdir" => match words {
                [folder] => {
                    self.log_folder = Some(((*folder).to_owned(), at));
                    self.work.keep(at);
                }
                _ => self.work.wrong(at, "one folder is wanted"),
            },
            "discard" | "limit" => self.discard(at, directive, words),
            "mru" => self.mru(at, words),
            "statistics" => self.statistics(at, words),
            "filegen" => self.filegen(at, words),
            "tos" => self.pairs(at, "tos", words),
            "tinker" => self.pairs(at, "tinker", words),
            "enable" | "disable" => self.switches(at, directive == "enable", words),
            "includefile" => self.include(at, words, file),
            _ => {
                let known = READ.iter().copied().chain(table::PLAIN.iter().map(|(name, ..)| *name));
                let near = nearest(directive, known).map(|near| format!("; did you mean `{near}`?"));
                let near = near.unwrap_or_default();
                self.work.wrong(at, format!("ntp.conf has no directive {}{near}", quote(directive)));
            }
        }
    }

    fn one(&mut self, at: At, words: &[&str], then: impl FnOnce(&mut Work<'_>, &str)) {
        match words {
            [word] => then(self.work, word),
            _ => self.work.wrong(at, "one argument is wanted"),
        }
    }

    /// `tos` and `tinker`: names and numbers.
    fn pairs(&mut self, at: At, directive: &str, words: &[&str]) {
        for pair in words.chunks(2) {
            let (name, text) = match pair {
                [name, value] => (*name, *value),
                _ => return self.work.wrong(at, format!("`{directive}` takes pairs of a name and a number")),
            };
            let Some(value) = number(text) else {
                return self.work.wrong(at, format!("{} is not a number", quote(text)));
            };
            let plain = if directive == "tos" { table::TOS } else { table::TINKER };
            if let Some((_, capability)) = plain.iter().find(|(known, _)| *known == name) {
                self.work.by_capability(at, name, *capability);
                continue;
            }
            self.work.keep(at);
            match (directive, name) {
                ("tos", "minsane") => {
                    self.work.set("selection", "min_sources", (value as i64).clamp(1, 64).to_string(), at);
                }
                ("tos", "maxdist") => {
                    self.work.set("clock", "max_distance", duration(value.clamp(1e-5, 16.0)), at);
                }
                ("tos", "ceiling") => self.ceiling = Some(((value as i64).clamp(1, 15), at)),
                ("tos", "orphan") => {
                    self.work.set("local", "stratum", (value as i64).clamp(1, 15).to_string(), at);
                    self.work.set("local", "orphan", "true".into(), at);
                }
                ("tinker", "panic") if value == 0.0 => {
                    self.work.set("clock", "panic", "\"none\"".into(), at);
                    self.work.danger(at, "a correction of any size is made, at any time");
                }
                ("tinker", "panic") => {
                    self.work.set("clock", "panic", duration(value.clamp(0.001, 3e9)), at);
                    self.work.change(at, "larger corrections are refused; the daemon does not exit");
                }
                ("tinker", "step") => self.steps.push(("step", value, at)),
                ("tinker", "stepfwd") => self.steps.push(("stepfwd", value, at)),
                ("tinker", "stepback") => self.steps.push(("stepback", value, at)),
                ("tinker", "dispersion") => {
                    let rate = (value * 1e6).clamp(0.001, 500.0);
                    self.work.set("clock", "max_drift", super::values::ppm(rate), at);
                }
                _ => self.work.wrong(at, format!("`{directive}` has no {}", quote(name))),
            }
        }
    }

    fn switches(&mut self, at: At, on: bool, words: &[&str]) {
        for word in words {
            if *word == "ntp" {
                match on {
                    true => self.work.keep(at),
                    false => self.work.set("clock", "control", "false".into(), at),
                }
                continue;
            }
            let Some((_, enabled, disabled)) = table::SWITCHES.iter().find(|(name, ..)| name == word) else {
                if word.starts_with("peer_clear_digest") || word.starts_with("unpeer_crypto") {
                    self.work.ignore(at, "there is nothing to set");
                } else {
                    self.work.wrong(at, format!("there is no {} to enable or disable", quote(word)));
                }
                continue;
            };
            self.work.by_capability(at, word, if on { *enabled } else { *disabled });
            match (*word, on) {
                ("auth", false) => {
                    let text = "ntpd then follows whoever sends it packets as a peer or by broadcast, without any key";
                    self.work.danger(at, text);
                }
                ("mode7", true) => {
                    self.work.danger(
                        at,
                        "mode 7 (`monlist`) answers with 200 times what was asked, which floods others",
                    );
                }
                ("bclient", true) => {
                    self.work.danger(
                        at,
                        "anybody on the network can set this clock, unless every broadcast has a key",
                    );
                }
                _ => {}
            }
        }
    }

    fn include(&mut self, at: At, words: &[&str], file: &str) {
        let [path] = words else { return self.work.wrong(at, "`includefile` takes the name of one file") };
        if self.depth >= MOST_DEEP {
            return self.work.wrong(at, format!("files are included more than {MOST_DEEP} deep"));
        }
        let path = match file.rsplit_once('/') {
            Some((folder, _)) if !path.starts_with('/') => format!("{folder}/{path}"),
            _ => (*path).to_owned(),
        };
        let paths = match self.work.files.list(&path) {
            Ok(_) => include::in_folders(self.work.files, &[&path], ".conf"),
            Err(_) => vec![path],
        };
        self.work.keep(at);
        for path in paths {
            match self.work.files.read(&path) {
                Ok(text) => {
                    self.depth += 1;
                    self.file(&text, &path);
                    self.depth -= 1;
                }
                Err(error) => self.work.impossible(at, format!("cannot read {}: {error}", quote(&path))),
            }
        }
    }

    fn finish(&mut self) {
        if let Some((ceiling, at)) = self.ceiling {
            for source in self.work.draft.sources() {
                self.work.draft.set_of(source, "max_stratum", ceiling.to_string(), Some(at));
            }
        }
        self.finish_steps();
        self.finish_keys();
        self.finish_control();
        self.finish_serve();
        self.finish_nts();
        self.finish_logs();
    }
}

/// Whether a host is a reference clock: the driver and the unit.
fn clock(host: &str) -> Option<(u8, u8)> {
    match host.parse() {
        Ok(IpAddr::V4(address)) => match address.octets() {
            [127, 127, driver, unit] => Some((driver, unit)),
            _ => None,
        },
        _ => None,
    }
}

/// A whole number of a word, if it is one.
fn whole(word: Option<&&str>) -> Option<i64> {
    word.and_then(|word| integer(word))
}

#[cfg(test)]
mod tests;
