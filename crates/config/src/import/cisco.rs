//! The `ntp` lines of a Cisco configuration (IOS, IOS-XE, NX-OS). All other lines are not about time.

use super::draft::string;
use super::values::{ALL_V4, ALL_V6, duration, integer, number};
use super::work::{At, Work};
use crate::text::quote;

/// The stratum of `ntp master` without one.
const MASTER: &str = "8";

/// Reads a whole file.
pub(super) fn read(work: &mut Work<'_>, text: &str, name: &str) {
    let text: String = text.split_inclusive('\n').map(begun).collect();
    let mut serving = Serving::default();
    for (at, line) in work.lines_of(&text, name) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            [first, ..] if first.starts_with('!') => {}
            ["ntp" | "sntp", rest @ ..] => ntp(work, at, rest, &mut serving),
            ["no", "ntp" | "sntp", ..] => work.ignore(at, "it asks for nothing"),
            _ => work.ignore(at, "it is not about NTP"),
        }
    }
    serving.finish(work);
    if work.draft.has("keys") || !has_keys(work) {
        return;
    }
    work.draft.set("keys", "file", string("/etc/truechimer/keys"), None);
}

fn has_keys(work: &Work<'_>) -> bool {
    work.draft.sources().into_iter().any(|source| work.draft.value_of(source, "key").is_some())
}

/// A line that is not about time, without what may be a secret of something else.
fn begun(line: &str) -> String {
    let mut words = line.split_whitespace();
    let (first, second) = (words.next().unwrap_or(""), words.next());
    let about_time = matches!((first, second), ("ntp" | "sntp", _) | ("no", Some("ntp" | "sntp")));
    if about_time || first.starts_with('!') || second.is_none() {
        return line.to_owned();
    }
    let indent = line.len() - line.trim_start().len();
    let end = if line.ends_with('\n') { "\n" } else { "" };
    format!("{}{first} ***{end}", " ".repeat(indent))
}

/// What is said about serving time.
#[derive(Default)]
struct Serving {
    master: Option<At>,
    access_list: Option<At>,
}

impl Serving {
    fn finish(self, work: &mut Work<'_>) {
        let Some(at) = self.master else { return };
        if let Some(list) = self.access_list {
            let list = work.name_of(list, at);
            work.not_yet(at, format!("nobody is answered before the networks of {list} are in `allow`"));
            return;
        }
        for (address, network) in [("0.0.0.0:123", ALL_V4), ("[::]:123", ALL_V6)] {
            work.draft.push("serve", "listen", string(address), Some(at));
            work.draft.push("serve", "allow", network.toml(), Some(at));
        }
        work.danger(
            at,
            "everybody who can reach this machine is answered: name the networks of your clients in `allow`",
        );
    }
}

fn ntp(work: &mut Work<'_>, at: At, words: &[&str], serving: &mut Serving) {
    const FORGED: &str =
        "broadcasts can be forged by anybody on the network; let every machine name its servers";
    match words {
        ["server", rest @ ..] => source(work, at, "server", rest),
        ["pool", rest @ ..] => source(work, at, "pool", rest),
        ["peer", rest @ ..] => {
            source(work, at, "server", rest);
            work.change(at, "there is no symmetric mode: the peer is asked as a client asks");
        }
        ["authenticate"] => work.keep(at),
        ["authentication-key", id, ..] => {
            let text = format!(
                "write the key into /etc/truechimer/keys: a line of {id}, its type and the key (see docs/keys.md)"
            );
            work.impossible(at, text);
        }
        ["trusted-key", ..] => work.change(at, "every key in the key file is trusted"),
        ["access-group", ..] => {
            serving.access_list = Some(at);
            work.impossible(
                at,
                "access lists are not read: write their networks into `allow` and `deny` of [serve]",
            );
        }
        ["master", rest @ ..] => master(work, at, rest.first().copied().unwrap_or(MASTER), serving),
        ["orphan", stratum, ..] if integer(stratum).is_some() => {
            work.set("local", "stratum", integer(stratum).unwrap_or(5).to_string(), at);
            work.set("local", "orphan", "true".into(), at);
        }
        ["maxdistance", distance] if number(distance).is_some() => {
            let seconds = number(distance).unwrap_or(1.5).clamp(1.0, 16.0);
            work.set("clock", "max_distance", duration(seconds), at);
        }
        ["panic", "update"] => work.keep(at),
        ["update-calendar"] => work.keep(at),
        ["broadcast" | "multicast", ..] | ["broadcastdelay", ..] => {
            work.impossible(at, FORGED);
            work.danger(at, "whoever listens to broadcasts believes anybody on the network");
        }
        ["allow", "mode", ..] => {
            work.ignore(at, "commands come through the local socket only");
            work.danger(at, "commands of modes 6 and 7 from the network can be misused to flood others");
        }
        ["source" | "source-interface", ..] => {
            work.not_yet(at, "requests leave by the interface that the routes choose; `bind` of [[source]] sets an address");
        }
        ["refclock", ..] => {
            work.not_yet(at, "the device is not read; the clock follows network sources only")
        }
        [
            "logging" | "clock-period" | "max-associations" | "passive" | "mindistance" | "distribute"
            | "commit",
            ..,
        ] => {
            work.ignore(at, "there is nothing to set");
        }
        ["disable", ..] => work.ignore(at, "nobody is answered through an interface unless [serve] says so"),
        [word, ..] => work.impossible(
            at,
            format!("{} is not known: look it up, and write what it does into our file", quote(word)),
        ),
        [] => work.wrong(at, "`ntp` says nothing alone"),
    }
}

fn master(work: &mut Work<'_>, at: At, stratum: &str, serving: &mut Serving) {
    let Some(number) = integer(stratum) else {
        return work.wrong(at, format!("{} is not a stratum", quote(stratum)));
    };
    work.set("local", "stratum", number.to_string(), at);
    serving.master = Some(at);
}

fn source(work: &mut Work<'_>, at: At, kind: &str, words: &[&str]) {
    let mut words = words;
    while let ["vrf" | "use-vrf", _, rest @ ..] = words {
        work.not_yet(at, "the usual routing table is used");
        words = rest;
    }
    let mut family = None;
    while let [word @ ("ip" | "ipv4" | "ipv6"), rest @ ..] = words {
        family = Some(if *word == "ipv6" { "\"ipv6\"" } else { "\"ipv4\"" });
        words = rest;
    }
    let [host, rest @ ..] = words else { return work.wrong(at, "the server's address is missing") };
    let Some(source) = work.source(at, kind, host, 123) else { return };
    let mut set = |key: &str, value: &str| work.draft.set_of(source, key, value.to_owned(), Some(at));
    if let (Some(family), Err(_)) = (family, host.parse::<std::net::IpAddr>()) {
        set("family", family);
    }
    set("iburst", "false");
    let (mut min, mut max) = (None, None);
    let mut words = rest;
    loop {
        words = match words {
            [] => break,
            [word @ ("prefer" | "burst" | "iburst"), rest @ ..] => {
                work.draft.set_of(source, word, "true".into(), Some(at));
                rest
            }
            ["key", id, rest @ ..] => {
                // What is no number our parser refuses, and the source with it.
                let id = integer(id).map_or_else(|| string(id), |id| id.to_string());
                work.draft.set_of(source, "key", id, Some(at));
                rest
            }
            ["version", version, rest @ ..] => {
                let number = integer(version).unwrap_or(4).clamp(3, 4);
                work.draft.set_of(source, "version", number.to_string(), Some(at));
                rest
            }
            ["minpoll", poll, rest @ ..] => {
                min = integer(poll);
                rest
            }
            ["maxpoll", poll, rest @ ..] => {
                max = integer(poll);
                rest
            }
            ["source", _, rest @ ..] => {
                work.not_yet(at, "`source`: requests leave by the interface that the routes choose");
                rest
            }
            ["use-vrf" | "vrf", _, rest @ ..] => {
                work.not_yet(at, "the usual routing table is used");
                rest
            }
            ["normal-sync", rest @ ..] => {
                work.ignore(at, "`normal-sync`: there is nothing to set");
                rest
            }
            [word, rest @ ..] => {
                work.impossible(at, format!("the option {} is not known", quote(word)));
                rest
            }
        };
    }
    if min.is_some() || max.is_some() {
        let min = min.unwrap_or(6).clamp(-7, 17);
        let max = max.unwrap_or(10).clamp(min, 17);
        work.draft.set_of(source, "poll", format!("{{ min = {min}, max = {max} }}"), Some(at));
    }
}

#[cfg(test)]
mod tests;
