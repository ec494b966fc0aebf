//! ntpd-rs's `ntp.toml`.

use std::net::IpAddr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::draft::string;
use super::values::duration;
use super::work::{At, Work};
use crate::text::quote;

/// Reads a whole file.
pub(super) fn read(work: &mut Work<'_>, text: &str, name: &str) {
    let starts: Vec<usize> = text
        .split_inclusive('\n')
        .scan(0, |start, line| {
            let this = *start;
            *start += line.len();
            Some(this)
        })
        .collect();
    let lines = work.lines_of(text, name);
    let place = |byte: usize| {
        let index = starts.partition_point(|start| *start <= byte).saturating_sub(1);
        lines.get(index).map_or(0, |(at, _)| *at)
    };
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = place(error.span().map_or(0, |span| span.start));
        work.wrong(at, format!("this is not TOML: {}", error.message()));
    }
    // Lines of tables and lists that go on belong to the line that they begin on.
    for (at, line) in &lines {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            work.keep(*at);
        }
    }
    if errors.is_empty() {
        let mut reader = Reader { work, place: &place, poll: (4, 10), poll_at: None };
        reader.document(document.get_ref());
    }
}

struct Reader<'w, 'f, 'p> {
    work: &'w mut Work<'f>,
    place: &'p dyn Fn(usize) -> At,
    poll: (i64, i64),
    poll_at: Option<At>,
}

type Pair<'a> = (&'a str, &'a DeValue<'a>, At);

impl Reader<'_, '_, '_> {
    /// The keys of a table with their lines.
    fn pairs<'a>(&self, table: &'a DeTable<'a>) -> Vec<Pair<'a>> {
        let pair = |(key, value): (&'a Spanned<toml::de::DeString<'a>>, &'a Spanned<DeValue<'a>>)| {
            (key.get_ref().as_ref(), value.get_ref(), (self.place)(key.span().start))
        };
        table.iter().map(pair).collect()
    }

    fn unknown(&mut self, section: &str, key: &str, at: At) {
        self.work.wrong(at, format!("{section} has no key {}", quote(key)));
    }

    fn document(&mut self, root: &DeTable<'_>) {
        // The defaults first, as sources depend on them.
        if let Some(table) = root.get("source-defaults").and_then(|value| value.get_ref().as_table()) {
            self.defaults(table);
        }
        for (section, value, at) in self.pairs(root) {
            let tables: Vec<_> = match value {
                DeValue::Table(table) => vec![table],
                DeValue::Array(list) => list.iter().filter_map(|entry| entry.get_ref().as_table()).collect(),
                _ => {
                    self.unknown("the file", section, at);
                    continue;
                }
            };
            for table in tables {
                match section {
                    "source-defaults" => {}
                    "source" => self.source(table),
                    "server" => self.server(table),
                    "synchronization" => self.synchronization(table),
                    "keyset" => self.keyset(table),
                    "nts-ke-server" => self.key_exchange(table),
                    "observability" => {
                        for (_, _, at) in self.pairs(table) {
                            self.work.void(at, "`chimer` asks the sockets in `daemon.run_dir`, and the journal goes to standard error");
                        }
                    }
                    "ntp-stratum" | "clock" => self.work.void(at, "there is nothing to set"),
                    _ => self.work.wrong(at, format!("there is no section {}", quote(section))),
                }
            }
        }
    }

    fn defaults(&mut self, table: &DeTable<'_>) {
        for (key, value, at) in self.pairs(table) {
            match (key, value) {
                ("poll-interval-limits", DeValue::Table(limits)) => {
                    let limit = |name: &str| limits.get(name).and_then(|value| whole(value.get_ref()));
                    self.poll = (limit("min").unwrap_or(4), limit("max").unwrap_or(10));
                    self.poll_at = Some(at);
                }
                ("initial-poll-interval", _) => self.work.void(at, "a burst at the start takes its place"),
                _ => self.unknown("[source-defaults]", key, at),
            }
        }
    }

    fn source(&mut self, table: &DeTable<'_>) {
        let pairs = self.pairs(table);
        let text = |name: &str| {
            pairs
                .iter()
                .find(|(key, ..)| *key == name)
                .and_then(|(_, value, at)| Some((value.as_str()?, *at)))
        };
        let Some((mode, mode_at)) = text("mode") else {
            let at = pairs.first().map_or(0, |(_, _, at)| *at);
            return self.work.wrong(at, "a source needs a `mode`: server, pool, nts or nts-pool");
        };
        if !matches!(mode, "server" | "pool" | "nts" | "nts-pool") {
            let at = mode_at;
            if matches!(mode, "sock" | "pps" | "csptp") {
                return self
                    .work
                    .not_yet(at, "this kind of source is not read; the clock follows network sources only");
            }
            return self.work.wrong(at, format!("{} is no mode: server, pool, nts or nts-pool", quote(mode)));
        }
        let Some((address, at)) = text("address") else {
            return self.work.wrong(mode_at, "a source needs an `address`");
        };
        let (host, port) = host_and_port(address);
        let nts = mode.starts_with("nts");
        let kind = if matches!(mode, "pool" | "nts-pool") { "pool" } else { "server" };
        let ntp_port = port.filter(|_| !nts).unwrap_or(123);
        let Some(source) = self.work.source(at, kind, host, ntp_port) else { return };
        if let Some(port) = port.filter(|_| nts) {
            self.work.draft.set_of(source, "nts.port", port.to_string(), Some(at));
        } else if nts {
            self.work.draft.set_of(source, "nts", "true".into(), Some(mode_at));
        }
        let (mut poll, mut poll_at) = (self.poll, self.poll_at);
        for (key, value, at) in pairs {
            match (key, value) {
                ("mode" | "address", _) => {}
                ("count", value) => match whole(value) {
                    Some(count) => {
                        self.work.draft.set_of(source, "size", count.clamp(1, 16).to_string(), Some(at))
                    }
                    None => self.work.wrong(at, "`count` is a number"),
                },
                ("certificate-authority", DeValue::String(file)) => {
                    self.work.draft.push("nts", "trusted_certificates", string(file), Some(at));
                    self.work.change(at, "its authorities are believed for every source");
                }
                ("poll-interval-limits", DeValue::Table(limits)) => {
                    let limit = |name: &str| limits.get(name).and_then(|value| whole(value.get_ref()));
                    poll = (limit("min").unwrap_or(poll.0), limit("max").unwrap_or(poll.1));
                    poll_at = Some(at);
                }
                ("initial-poll-interval", _) => self.work.void(at, "a burst at the start takes its place"),
                ("ntp-version", _) => self.work.void(at, "NTPv4 is spoken"),
                ("ignore", _) => self.work.not_yet(at, "every address of the pool may be used"),
                _ => self.unknown("[[source]]", key, at),
            }
        }
        let min = poll.0.clamp(-7, 17);
        let value = format!("{{ min = {min}, max = {} }}", poll.1.clamp(min, 17));
        self.work.draft.set_of(source, "poll", value, poll_at);
    }

    fn server(&mut self, table: &DeTable<'_>) {
        let mut limited = false;
        let mut limit = (None, None);
        for (key, value, at) in self.pairs(table) {
            match (key, value) {
                ("listen", DeValue::String(address)) => {
                    self.work.draft.push("serve", "listen", string(address), Some(at));
                }
                ("allowlist" | "denylist", DeValue::Table(list)) => {
                    limited |= key == "allowlist";
                    let filter = list.get("filter").and_then(|value| value.get_ref().as_array());
                    for network in filter.into_iter().flatten().filter_map(|entry| entry.get_ref().as_str()) {
                        let name = if key == "allowlist" { "allow" } else { "deny" };
                        let network =
                            super::values::subnet(network).map_or(string(network), |network| network.toml());
                        self.work.draft.push("serve", name, network, Some(at));
                    }
                    if list.get("action").and_then(|value| value.get_ref().as_str()) == Some("deny") {
                        self.work.change(at, "who is not allowed gets no answer, not even a refusal");
                    }
                }
                ("rate-limiting-cache-size", value) if whole(value).is_some() => {
                    limit.0 = whole(value).map(|count| (count, at));
                }
                ("rate-limiting-cutoff-ms", value) if whole(value).is_some() => {
                    limit.1 = whole(value).map(|cutoff| (cutoff, at));
                }
                ("require-nts", DeValue::Boolean(false)) | ("accept-ntp-versions", _) => {
                    self.work.void(at, "NTPv1 to NTPv4 are answered")
                }
                ("require-nts", _) => self.work.not_yet(at, "clients are answered without NTS too"),
                _ => self.unknown("[[server]]", key, at),
            }
        }
        self.rate_limit(limit);
        if !limited {
            let at = self.pairs(table).first().map(|(_, _, at)| *at);
            for all in [super::values::ALL_V4, super::values::ALL_V6] {
                self.work.draft.push("serve", "allow", all.toml(), at);
            }
            if let Some(at) = at {
                self.work.danger(at, "everybody who can reach this machine is answered: name the networks of your clients in `allow`");
            }
        }
    }

    /// ntpd-rs answers a client that asks again too soon with a kiss code, always.
    fn rate_limit(&mut self, (size, cutoff_ms): (Said, Said)) {
        match size {
            Some((count, at)) if count > 0 => {
                let seconds =
                    cutoff_ms.map_or(1.0, |(cutoff_ms, _)| cutoff_ms.clamp(1, 86_400_000) as f64 * 1e-3);
                let value = format!("{{ interval = {}, burst = 1, kod = 1 }}", duration(seconds));
                self.work.set("serve", "rate_limit", value, at);
                self.work.draft.set("serve", "clients", count.clamp(8, 65_536).to_string(), Some(at));
                self.work.change(at, "one in four requests above the limit is answered all the same, so that nobody is cut off");
            }
            _ => {
                for at in size.map(|(_, at)| at).into_iter().chain(cutoff_ms.map(|(_, at)| at)) {
                    self.work.void(at, "nothing is limited without a `rate-limiting-cache-size`");
                }
            }
        }
    }

    fn synchronization(&mut self, table: &DeTable<'_>) {
        for (key, value, at) in self.pairs(table) {
            match key {
                "minimum-agreeing-sources" => match whole(value) {
                    Some(count) => {
                        self.work.set("selection", "min_sources", count.clamp(1, 64).to_string(), at)
                    }
                    None => self.work.wrong(at, "a number is wanted"),
                },
                "single-step-panic-threshold" => {
                    let (forward, backward) = thresholds(value);
                    self.work.set("clock", "panic.forward", forward, at);
                    self.work.set("clock", "panic.backward", backward, at);
                    self.work.change(at, "larger corrections are refused; the daemon does not exit");
                }
                "startup-step-panic-threshold" => {
                    let (forward, backward) = thresholds(value);
                    // The wider way: a clock without a battery starts in 1970, and must get out of there.
                    let free = [&forward, &backward].contains(&&"\"none\"".to_owned());
                    let (start, how) = match free {
                        true => ("\"none\"".to_owned(), "none, as in one of them"),
                        false => (forward.clone(), "the one forward"),
                    };
                    self.work.set("clock", "panic.start", start, at);
                    if forward != backward {
                        self.work.change(at, format!("there is one limit for both directions: {how}"));
                    }
                }
                "accumulated-step-panic-threshold" => {
                    let (limit, _) = thresholds(value);
                    let limit = if limit == duration(0.001) { "\"none\"".into() } else { limit };
                    self.work.set("clock", "panic.accumulated", limit, at);
                    self.work.change(at, "the sum survives restarts");
                }
                "local-stratum" => match whole(value) {
                    Some(16) => self.work.void(at, "it is the usual one"),
                    Some(stratum) => self.work.set("local", "stratum", stratum.clamp(1, 15).to_string(), at),
                    None => self.work.wrong(at, "a number is wanted"),
                },
                "algorithm" => self.work.void(at, "the estimator here has nothing to set"),
                _ => self.unknown("[synchronization]", key, at),
            }
        }
        if let Some(algorithm) = table.get("algorithm").and_then(|value| value.get_ref().as_table()) {
            for (_, _, at) in self.pairs(algorithm) {
                self.work.void(at, "the estimator here has nothing to set");
            }
        }
    }

    fn keyset(&mut self, table: &DeTable<'_>) {
        for (key, _, at) in self.pairs(table) {
            match key {
                "stale-key-count" | "key-rotation-interval" => {
                    self.work.change(
                        at,
                        "`keep` and `rotate` of [serve.nts] say the same, with their own defaults",
                    );
                }
                "key-storage-path" => {
                    self.work.change(at, "keys are kept in `serve.nts.key_ring`, in a format of our own")
                }
                _ => self.unknown("[keyset]", key, at),
            }
        }
    }

    fn key_exchange(&mut self, table: &DeTable<'_>) {
        for (key, value, at) in self.pairs(table) {
            match (key, value) {
                ("listen", DeValue::String(address)) => {
                    self.work.draft.push("serve.nts", "listen", string(address), Some(at));
                }
                ("certificate-chain-path", DeValue::String(file)) => {
                    self.work.set("serve.nts", "certificate", string(file), at);
                }
                ("private-key-path", DeValue::String(file)) => {
                    self.work.set("serve.nts", "private_key", string(file), at);
                }
                ("key-exchange-timeout-ms", value) => {
                    let seconds = whole(value).map_or(1.0, |ms| ms as f64 / 1e3).clamp(0.1, 60.0);
                    self.work.set("serve.nts", "timeout", duration(seconds), at);
                }
                ("concurrent-connections", value) => {
                    let most = whole(value).unwrap_or(200).clamp(1, 10_000);
                    self.work.set("serve.nts", "max_connections", most.to_string(), at);
                }
                ("ntp-server", DeValue::String(host)) => {
                    self.work.set("serve.nts", "ntp_server", string(host), at)
                }
                ("ntp-port", value) => match whole(value) {
                    Some(port) => self.work.set("serve.nts", "ntp_port", port.to_string(), at),
                    None => self.work.wrong(at, "a number is wanted"),
                },
                ("accepted-pool-authentication-tokens", _) => {
                    self.work.not_yet(at, "no pool is served with keys")
                }
                ("accept-ntp-versions", _) => self.work.void(at, "NTPv4 is offered"),
                _ => self.unknown("[[nts-ke-server]]", key, at),
            }
        }
    }
}

fn host_and_port(address: &str) -> (&str, Option<i64>) {
    if address.parse::<IpAddr>().is_ok() {
        return (address, None);
    }
    match address.rsplit_once(':') {
        Some((host, port)) => (host.trim_matches(['[', ']']), port.parse().ok()),
        None => (address, None),
    }
}

/// A number and its line.
type Said = Option<(i64, At)>;

fn whole(value: &DeValue<'_>) -> Option<i64> {
    match value {
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix()).ok(),
        _ => None,
    }
}

fn limit(value: Option<&DeValue<'_>>) -> String {
    let seconds = match value {
        Some(DeValue::Integer(digits)) => digits.as_str().parse::<f64>().ok(),
        Some(DeValue::Float(digits)) => digits.as_str().parse::<f64>().ok(),
        Some(DeValue::String(text)) => text.parse::<f64>().ok(),
        _ => None,
    };
    match seconds.filter(|seconds| seconds.is_finite()) {
        Some(seconds) => duration(seconds.clamp(0.001, 3e9)),
        None => "\"none\"".to_owned(),
    }
}

/// Limits forward and backward.
fn thresholds(value: &DeValue<'_>) -> (String, String) {
    match value {
        DeValue::Table(table) => {
            let of = |name: &str| limit(table.get(name).map(Spanned::get_ref));
            (of("forward"), of("backward"))
        }
        _ => (limit(Some(value)), limit(Some(value))),
    }
}

#[cfg(test)]
mod tests;
