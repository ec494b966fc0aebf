//! `server`, `pool` and `peer`.

use std::net::IpAddr;

use super::directives::SOURCE_OPTIONS;
use super::syntax::{integer, number, option, unsigned};
use super::{Line, Reader};
use crate::import::draft::string;
use crate::import::values::{decimal, duration};
use crate::import::work::At;

const MIN_POLL: i64 = 6;
const MAX_POLL: i64 = 10;
/// Limits of `poll` here.
const POLLS: (i64, i64) = (-7, 17);

/// What a source line says.
#[derive(Default)]
struct Source {
    keys: Vec<(&'static str, String)>,
    poll: (Option<i64>, Option<i64>),
    iburst: bool,
    nts: bool,
    nts_port: Option<i64>,
    size: Option<i64>,
}

impl Reader<'_, '_> {
    pub(super) fn source(&mut self, line: &Line<'_>) -> bool {
        let at = line.at;
        let host = line.word(0);
        let mut said = Source::default();
        let mut options = line.words.get(1..).unwrap_or(&[]).iter();
        // Everything that is said about options that hold comes after the whole line is known to be right.
        let mut held = Vec::new();
        while let Some(next) = option(SOURCE_OPTIONS, line.directive.name, &mut options) {
            match next {
                Ok(found) => held.push(found),
                Err(fault) => {
                    self.wrong(at, fault);
                    return true;
                }
            }
        }
        let port = held.iter().rev().find(|(entry, _)| entry.name == "port");
        let port = port.and_then(|(_, value)| integer(value)).unwrap_or(123);
        let kind = if line.directive.name == "pool" { "pool" } else { "server" };
        let Some(source) = self.work.source(at, kind, host, port) else { return true };
        for (entry, value) in held {
            self.source_option(at, &mut said, entry, value);
        }
        self.write_source(line, source, said);
        true
    }

    fn source_option(&mut self, at: At, said: &mut Source, entry: &'static super::Directive, value: &str) {
        let whole = integer(value);
        let real = number(value).unwrap_or(0.0);
        match entry.name {
            "minpoll" => said.poll.0 = whole,
            "maxpoll" => said.poll.1 = whole,
            "iburst" => said.iburst = true,
            "nts" => said.nts = true,
            "ntsport" => said.nts_port = whole,
            "port" => {}
            "maxsources" => said.size = whole,
            "burst" | "copy" | "offline" | "prefer" | "noselect" | "trust" | "require" => {
                if entry.name == "burst" {
                    self.by_table(at, entry.name, entry.capability);
                }
                said.keys.push((entry.name, "true".into()));
            }
            "key" => said.keys.push(("key", unsigned(value).unwrap_or(0).to_string())),
            "maxdelay" => said.keys.push(("max_delay", duration(real))),
            "maxdelayratio" => said.keys.push(("max_delay_ratio", decimal(real))),
            "mindelay" if real > 0.0 => {
                self.by_table(at, entry.name, entry.capability);
                said.keys.push(("min_delay", duration(real)));
            }
            "mindelay" => {}
            "minstratum" => said.keys.push(("min_stratum", whole.unwrap_or(0).clamp(0, 15).to_string())),
            "maxunreach" => {
                said.keys.push(("max_unreach", whole.unwrap_or(0).clamp(0, 1_000_000).to_string()));
            }
            "offset" => said.keys.push(("offset", duration(real))),
            "version" => {
                let version = whole.unwrap_or(4);
                if !(3..=4).contains(&version) {
                    self.work.change(at, "`version`: requests have version 3 at least and 4 at most");
                }
                said.keys.push(("version", version.clamp(3, 4).to_string()));
            }
            "ipv4" | "ipv6" => said.keys.push(("family", string(entry.name))),
            "certset" => {
                let text =
                    "this source believes the authorities of every set, as there is one for all sources";
                if unsigned(value) != Some(0) {
                    self.work.change(at, format!("`certset`: {text}"));
                }
            }
            _ => self.by_table(at, entry.name, entry.capability),
        }
    }

    fn write_source(&mut self, line: &Line<'_>, source: usize, said: Source) {
        let at = line.at;
        if line.directive.name == "peer" {
            self.by_table(at, "", line.directive.capability);
        }
        let is_pool = self.work.draft.value_of(source, "pool").is_some();
        let mut set = |key: &str, value: String| self.work.draft.set_of(source, key, value, Some(at));
        if let Some(size) = said.size.filter(|_| is_pool) {
            set("size", size.clamp(1, 16).to_string());
        }
        if !said.iburst {
            set("iburst", "false".into());
        }
        if let Some(port) = said.nts_port.filter(|_| said.nts) {
            set("nts.port", port.to_string());
        } else if said.nts {
            set("nts", "true".into());
        }
        let has_key = said.keys.iter().any(|(key, _)| *key == "key");
        for (key, value) in said.keys.into_iter().filter(|(key, _)| !said.nts || *key != "key") {
            set(key, value);
        }
        let limit = |poll: i64| poll.clamp(POLLS.0, POLLS.1);
        let (min, max) = said.poll;
        if (min, max) != (None, None) {
            // What chronyd has no interval for, it takes for what is usual.
            let or = |poll: Option<i64>, usual| poll.filter(|poll| *poll >= POLLS.0).unwrap_or(usual);
            let shortest = or(min, MIN_POLL);
            let longest = or(max, MAX_POLL).max(shortest);
            set("poll", format!("{{ min = {}, max = {} }}", limit(shortest), limit(longest)));
        }
        if [min, max].into_iter().flatten().any(|poll| limit(poll) != poll) {
            self.work.change(at, "intervals are limited to 2^-7 and 2^17 seconds");
        }
        if said.size.is_some_and(|size| is_pool && !(1..=16).contains(&size)) {
            self.work.change(at, "from 1 to 16 members of a pool can be used");
        }
        if said.nts && has_key {
            self.work.change(at, "`key`: beside `nts` chronyd does not use it either");
        }
    }

    /// What all sources share.
    pub(super) fn finish_sources(&mut self) {
        for source in self.work.draft.sources() {
            let Some(origin) = self.work.draft.origin_of(source) else { continue };
            self.bind_source(source, origin);
            let refresh = self.later.refresh;
            if let Some((refresh, at)) = refresh {
                let clamped = refresh.clamp(600.0, 365.0 * 86_400.0);
                if self.work.draft.value_of(source, "nts").is_some() {
                    let value = format!("{{ refresh = {} }}", duration(clamped));
                    self.work.draft.set_of(source, "nts", value, Some(origin));
                } else if self.work.draft.value_of(source, "nts.port").is_some() {
                    self.work.draft.set_of(source, "nts.refresh", duration(clamped), Some(at));
                }
            }
        }
        if let Some((refresh, at)) = self.later.refresh {
            self.work.keep(at);
            if !(600.0..=365.0 * 86_400.0).contains(&refresh) {
                self.work
                    .change(at, "keys are exchanged anew every 10 minutes at most and every year at least");
            }
        }
    }

    fn bind_source(&mut self, source: usize, origin: At) {
        if self.later.bind_sources.is_empty() {
            return;
        }
        let host = ["server", "pool"].iter().find_map(|key| self.work.draft.value_of(source, key));
        let host = host.and_then(|host| host.trim_matches('"').parse::<IpAddr>().ok());
        let family = self.work.draft.value_of(source, "family").map(|family| family == "\"ipv4\"");
        let ipv4 = host.map(|host| host.is_ipv4()).or(family);
        let fits = |bind: &&(IpAddr, At)| ipv4.is_none_or(|ipv4| ipv4 == bind.0.is_ipv4());
        let Some((bind, at)) = self.later.bind_sources.iter().find(fits).copied() else { return };
        self.work.draft.set_of(source, "bind", string(&bind.to_string()), Some(at));
        if ipv4.is_none() {
            let family = if bind.is_ipv4() { "IPv4" } else { "IPv6" };
            let text =
                format!("only the {family} addresses of this name are used, as `bindacqaddress` is one");
            self.work.change(origin, text);
        }
    }
}
