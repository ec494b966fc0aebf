//! `server`, `pool`, `peer` and `fudge`.

use super::{Reader, clock, whole};
use crate::import::draft::string;
use crate::import::values::{duration, number};
use crate::import::work::At;
use crate::text::quote;

/// The driver of the machine's own clock.
const LOCAL_CLOCK: u8 = 1;
const MIN_POLL: i64 = 6;
const MAX_POLL: i64 = 10;

impl Reader<'_, '_> {
    pub(super) fn source(&mut self, at: At, directive: &str, words: &[&str]) {
        let (family, words) = match words {
            ["-4" | "--ipv4", rest @ ..] => (Some("\"ipv4\""), rest),
            ["-6" | "--ipv6", rest @ ..] => (Some("\"ipv6\""), rest),
            _ => (None, words),
        };
        let [host, options @ ..] = words else {
            return self.work.wrong(at, format!("`{directive}` needs a name or an address"));
        };
        if let Some((driver, _)) = clock(host) {
            return self.reference_clock(at, driver);
        }
        let kind = if directive == "pool" { "pool" } else { "server" };
        let host = host.trim_matches(['[', ']']);
        let Some(source) = self.work.source(at, kind, host, 123) else { return };
        if directive == "peer" {
            let text = "there is no symmetric mode, which is easier to attack: the peer is asked as a client asks, and should ask this machine so";
            self.work.change(at, text);
        }
        if let Some(family) = family.filter(|_| host.parse::<std::net::IpAddr>().is_err()) {
            self.work.draft.set_of(source, "family", family.into(), Some(at));
        }
        if !options.contains(&"iburst") {
            self.work.draft.set_of(source, "iburst", "false".into(), Some(at));
        }
        self.options(at, source, directive, options);
    }

    fn reference_clock(&mut self, at: At, driver: u8) {
        if driver == LOCAL_CLOCK {
            self.work.draft.begin("local", at);
            if self.work.draft.value("local", "stratum").is_none() {
                self.work.draft.set("local", "stratum", "5".into(), Some(at));
            }
            self.work.change(at, "the machine's own clock is served when there is no source, as [local] says, and never followed");
        } else {
            let text =
                format!("driver {driver}: the device is not read; the clock follows network sources only");
            self.work.not_yet(at, text);
        }
    }

    fn options(&mut self, at: At, source: usize, directive: &str, words: &[&str]) {
        let (mut min, mut max) = (None, None);
        let mut words = words.iter();
        let mut nts_at = false;
        while let Some(word) = words.next() {
            match *word {
                "iburst" => {}
                "burst" | "prefer" | "noselect" => {
                    self.work.draft.set_of(source, word, "true".into(), Some(at));
                }
                "true" => self.work.draft.set_of(source, "trust", "true".into(), Some(at)),
                "nts" => nts_at = true,
                "minpoll" => min = whole(words.next()),
                "maxpoll" => max = whole(words.next()),
                "key" => match whole(words.next()) {
                    Some(id) => self.work.draft.set_of(source, "key", id.to_string(), Some(at)),
                    None => return self.work.wrong(at, "`key` needs the number of a key"),
                },
                "version" => {
                    let version = whole(words.next()).unwrap_or(4);
                    self.work.draft.set_of(source, "version", version.clamp(3, 4).to_string(), Some(at));
                }
                "bias" => match words.next().and_then(|bias| number(bias)) {
                    Some(bias) => self.work.draft.set_of(source, "offset", duration(bias), Some(at)),
                    None => return self.work.wrong(at, "`bias` needs a number of seconds"),
                },
                "autokey" => {
                    let text = "`autokey`: it was broken in 2012, so the source is measured and never used; write `nts = true` or a symmetric `key`";
                    self.work.impossible(at, text);
                    self.work.danger(at, "what Autokey authenticates, anybody can forge");
                    self.work.draft.set_of(source, "noselect", "true".into(), Some(at));
                }
                "noval" => {
                    self.work.change(at, "`noval`: the server's certificate is verified in any case");
                    self.work.danger(at, "without a look at the certificate anybody can be the server");
                }
                "ca" => {
                    if let Some(file) = words.next() {
                        self.work.draft.push("nts", "trusted_certificates", string(file), Some(at));
                    }
                    self.work.change(at, "`ca`: its authorities are believed for every source");
                }
                "ask" | "require" | "aead" | "cert" | "expire" => {
                    words.next();
                    self.work.ignore(at, format!("`{word}`: there is nothing to set"));
                }
                "mode" | "ttl" | "ident" | "subtype" => {
                    words.next();
                    self.work.ignore(at, format!("`{word}`: it is for other kinds of sources"));
                }
                "preempt" | "dynamic" => self.work.ignore(at, format!("`{word}`: sources stay")),
                "xleave" => self.work.not_yet(at, "`xleave`: the source is asked in basic mode"),
                _ => {
                    return self.work.wrong(at, format!("`{directive}` has no option {}", quote(word)));
                }
            }
        }
        if nts_at {
            self.work.draft.set_of(source, "nts", "true".into(), Some(at));
        }
        if min.is_some() || max.is_some() {
            let min = min.unwrap_or(MIN_POLL.min(max.unwrap_or(MIN_POLL))).clamp(0, 17);
            let max = max.unwrap_or(MAX_POLL).clamp(min, 17);
            self.work.draft.set_of(source, "poll", format!("{{ min = {min}, max = {max} }}"), Some(at));
        }
    }

    pub(super) fn fudge(&mut self, at: At, words: &[&str]) {
        let [host, options @ ..] = words else { return self.work.wrong(at, "`fudge` needs a clock") };
        let stratum = options.windows(2).find(|pair| pair.first() == Some(&"stratum"));
        match (clock(host), stratum.and_then(|pair| whole(pair.get(1)))) {
            (Some((LOCAL_CLOCK, _)), Some(stratum)) => {
                self.work.draft.set("local", "stratum", stratum.clamp(1, 15).to_string(), Some(at));
                self.work.keep(at);
            }
            (Some((LOCAL_CLOCK, _)), None) => self.work.ignore(at, "there is nothing to set"),
            (Some(_), _) => self.work.not_yet(at, "the device is not read"),
            (None, _) => self.work.wrong(at, format!("{} is not a reference clock", quote(host))),
        }
    }
}
