//! OpenNTPD's `ntpd.conf`.
//!
//! Without its option `-s`, which no file says, ntpd never steps and refuses no correction.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::draft::string;
use super::values::{ALL_V4, ALL_V6};
use super::work::{At, Work};
use crate::text::quote;

const WEIGHT: &str = "`weight`: sources are weighed by their measured errors";

/// Reads a whole file.
pub(super) fn read(work: &mut Work<'_>, text: &str, name: &str) {
    let mut bind = None;
    for (at, line) in work.lines_of(text, name) {
        let line = line.split('#').next().unwrap_or("");
        let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches('"')).collect();
        match words.as_slice() {
            [] => {}
            ["listen", "on", address, rest @ ..] => listen(work, at, address, rest),
            ["query", "from", address] => match address.parse::<IpAddr>() {
                Ok(address) => {
                    bind = Some((address, at));
                    work.keep(at);
                }
                Err(_) => work.wrong(at, format!("{} is not an address", quote(address))),
            },
            ["server", host, rest @ ..] => source(work, at, "server", host, rest, bind),
            ["servers", host, rest @ ..] => source(work, at, "pool", host, rest, bind),
            ["constraint" | "constraints", "from", ..] => {
                let text = "times of web servers are not asked for; a source with `nts` says who it is, and is more exact";
                work.not_yet(at, text);
            }
            ["sensor", _, ..] => {
                work.not_yet(at, "the device is not read; the clock follows network sources only")
            }
            [word, ..] => {
                let known =
                    "listen on, query from, server, servers, sensor, constraint from, constraints from";
                work.wrong(at, format!("ntpd.conf has no line {}; it has {known}", quote(word)));
            }
        }
    }
    finish(work);
}

fn finish(work: &mut Work<'_>) {
    work.draft.set("clock", "step", "\"never\"".into(), None);
    work.draft.set("clock", "panic", "\"none\"".into(), None);
}

fn listen(work: &mut Work<'_>, at: At, address: &str, rest: &[&str]) {
    let addresses = match address {
        "*" => vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
        _ => match address.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => return work.impossible(at, "names are not resolved here: write the address"),
        },
    };
    match rest {
        [] => {}
        ["rtable", _] => work.not_yet(at, "the usual routing table is used"),
        [word, ..] => return work.wrong(at, format!("{} is too much", quote(word))),
    }
    for address in addresses {
        let network = if address.is_ipv4() { ALL_V4 } else { ALL_V6 };
        work.draft.push("serve", "listen", string(&SocketAddr::new(address, 123).to_string()), Some(at));
        work.draft.push("serve", "allow", network.toml(), Some(at));
    }
    work.keep(at);
    work.danger(
        at,
        "everybody who can reach this address is answered: name the networks of your clients in `allow`",
    );
}

fn source(
    work: &mut Work<'_>,
    at: At,
    kind: &str,
    host: &str,
    mut options: &[&str],
    bind: Option<(IpAddr, At)>,
) {
    let Some(source) = work.source(at, kind, host, 123) else { return };
    let other = |bind: IpAddr| host.parse::<IpAddr>().is_ok_and(|host| host.is_ipv4() != bind.is_ipv4());
    if let Some((bind, bind_at)) = bind.filter(|(bind, _)| !other(*bind)) {
        work.draft.set_of(source, "bind", string(&bind.to_string()), Some(bind_at));
    }
    loop {
        options = match options {
            [] => return,
            ["weight", weight, rest @ ..] if weight.parse::<u8>().is_ok_and(|w| (1..=10).contains(&w)) => {
                work.ignore(at, WEIGHT);
                rest
            }
            ["trusted", rest @ ..] => {
                work.ignore(at, "`trusted`: there are no constraints that it would be free of");
                rest
            }
            [word, ..] => {
                return work.wrong(at, format!("{} is no option: `weight` 1 to 10, `trusted`", quote(word)));
            }
        };
    }
}

#[cfg(test)]
mod tests;
