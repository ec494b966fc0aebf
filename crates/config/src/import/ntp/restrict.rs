//! `restrict` and `interface`: who is answered, and where.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Reader;
use crate::import::Verdict;
use crate::import::draft::string;
use crate::import::values::{ALL_V4, ALL_V6, Network, duration, integer, number};
use crate::import::work::At;
use crate::text::quote;

/// A network and what is withheld from it.
pub(super) struct Rule {
    network: Network,
    flags: Vec<String>,
    at: At,
}

/// One of so many requests above the limit is answered with a kiss code: ntpd sends them at a limited rate.
const KOD: u32 = 4;

/// How often a client is answered.
#[derive(Default)]
pub(super) struct Limit {
    /// Some network is limited.
    wanted: Option<At>,
    kod: bool,
    interval_s: Option<f64>,
    burst: Option<u32>,
    /// Lines that say how.
    said: Vec<At>,
    /// How many are remembered.
    clients: Option<(i64, At)>,
}

/// Flags that withhold what nobody gets here.
const NOTHING_LOST: &[&str] =
    &["nomodify", "noquery", "notrap", "nopeer", "noepeer", "nomrulist", "lowpriotrap"];

impl Reader<'_, '_> {
    pub(super) fn restrict(&mut self, at: At, words: &[&str]) {
        let (family, words) = match words {
            ["-4" | "--ipv4", rest @ ..] => (Some(true), rest),
            ["-6" | "--ipv6", rest @ ..] => (Some(false), rest),
            _ => (None, words),
        };
        let [address, rest @ ..] = words else { return self.work.wrong(at, "`restrict` needs an address") };
        let (mask, flags) = match rest {
            ["mask", mask, flags @ ..] => (Some(*mask), flags),
            _ => (None, rest),
        };
        if *address == "source" {
            return self.work.ignore(at, "replies of sources are taken whatever the access list says");
        }
        let networks = match (*address, mask) {
            ("default", _) => match family {
                Some(true) => vec![ALL_V4],
                Some(false) => vec![ALL_V6],
                None => vec![ALL_V4, ALL_V6],
            },
            (address, mask) => match network(address, mask) {
                Ok(network) => vec![network],
                Err(unread) if unread != Unread::Wrong && denies(flags) => {
                    self.lost_refusal = Some(at);
                    let text = format!("{}, and it must not be answered: so nobody is", unread.words());
                    return self.work.impossible(at, text);
                }
                Err(unread @ (Unread::Name | Unread::Mask)) => {
                    return self.work.impossible(at, unread.words());
                }
                Err(Unread::Wrong) => {
                    return self.work.wrong(at, format!("{} is not a network", quote(address)));
                }
            },
        };
        if flags.iter().any(|flag| matches!(*flag, "ntpport" | "non-ntpport")) {
            match denies(flags) {
                false => {
                    let text = "`ntpport`: the port that a request comes from makes no difference";
                    return self.work.ignore(at, text);
                }
                true => self.work.change(at, "`ntpport`: whatever port a request comes from"),
            }
        }
        for flag in flags {
            self.flag(at, flag);
        }
        self.work.keep(at);
        let open = networks.iter().any(|network| network.prefix_len == 0);
        let queries = flags.iter().any(|flag| matches!(*flag, "noquery" | "ignore"));
        if open && !queries {
            let text = "ntpd answers ntpq to everybody, with replies far longer than requests, which floods others; here nobody is answered";
            self.work.danger(at, text);
        }
        for network in networks {
            let flags = flags.iter().map(|flag| (*flag).to_owned());
            match self.rules.iter_mut().find(|rule| rule.network == network) {
                Some(rule) => rule.flags.extend(flags),
                None => self.rules.push(Rule { network, flags: flags.collect(), at }),
            }
        }
    }

    fn flag(&mut self, at: At, flag: &str) {
        match flag {
            "ignore" | "noserve" => {}
            "limited" => {
                self.limit.wanted = Some(at);
                self.work.change(at, "`limited`: `serve.rate_limit` holds for every client");
            }
            "kod" => self.limit.kod = true,
            "notrust" => {
                let text = "`notrust`: who has no key cannot be refused, so nobody there is answered";
                self.work.not_yet(at, text);
            }
            "ntpport" | "non-ntpport" => {}
            "mssntp" if self.has_signd => {}
            "mssntp" => {
                self.work.change(at, "`mssntp`: replies are signed if `serve.signd` names Samba's socket")
            }
            "version" => self.work.ignore(at, "`version`: NTPv1 to NTPv4 are answered"),
            "flake" => self.work.impossible(at, "`flake`: no packet is dropped for amusement"),
            "serverresponse" => self.work.ignore(at, "`serverresponse`: there is nothing to set"),
            _ if NOTHING_LOST.contains(&flag) => {}
            _ => self.work.wrong(at, format!("`restrict` has no flag {}", quote(flag))),
        }
    }

    pub(super) fn unrestrict(&mut self, at: At, words: &[&str]) {
        let [address, rest @ ..] = words else { return self.work.wrong(at, "`unrestrict` needs an address") };
        let (mask, flags) = match rest {
            ["mask", mask, flags @ ..] => (Some(*mask), flags),
            _ => (None, rest),
        };
        let networks = match *address {
            "default" => vec![ALL_V4, ALL_V6],
            address => match network(address, mask) {
                Ok(network) => vec![network],
                Err(Unread::Wrong) => {
                    return self.work.wrong(at, format!("{} is not a network", quote(address)));
                }
                Err(unread) => return self.work.impossible(at, unread.words()),
            },
        };
        for network in networks {
            if flags.is_empty() {
                self.rules.retain(|rule| rule.network != network || network.prefix_len == 0);
            }
            for rule in self.rules.iter_mut().filter(|rule| rule.network == network) {
                rule.flags.retain(|flag| !flags.contains(&flag.as_str()));
            }
        }
        self.work.keep(at);
    }

    /// `interface` or `nic`.
    pub(super) fn interface(&mut self, at: At, words: &[&str]) {
        match words {
            ["listen", "all" | "wildcard"] => self.wildcard = [Some(at); 2],
            ["listen", "ipv4"] => self.wildcard[0] = Some(at),
            ["listen", "ipv6"] => self.wildcard[1] = Some(at),
            ["listen", place] => {
                self.listeners.push(((*place).to_owned(), at));
                self.closed = true;
            }
            ["ignore" | "drop", "all" | "wildcard"] => {
                self.wildcard = [None; 2];
                self.closed = true;
            }
            ["ignore" | "drop", "ipv4"] => (self.wildcard[0], self.without[0]) = (None, true),
            ["ignore" | "drop", "ipv6"] => (self.wildcard[1], self.without[1]) = (None, true),
            ["ignore" | "drop", place] => {
                self.leave_out(place, at);
                let text = "an interface cannot be left out, so only those are served that `listen` of [serve] names";
                return self.work.not_yet(at, text);
            }
            _ => {
                return self
                    .work
                    .wrong(at, "write `interface listen|ignore|drop all|ipv4|ipv6|wildcard|NAME|ADDRESS`");
            }
        }
        self.work.keep(at);
    }

    /// Takes out whatever may be at a place.
    fn leave_out(&mut self, place: &str, at: At) {
        self.wildcard = [None; 2];
        self.closed = true;
        let address =
            |place: &str| place.split('/').next().is_some_and(|start| start.parse::<IpAddr>().is_ok());
        let elsewhere =
            |other: &str| other != place && address(other) == address(place) && !place.contains('/');
        let (stay, go) =
            std::mem::take(&mut self.listeners).into_iter().partition(|(other, _)| elsewhere(other));
        self.listeners = stay;
        let gone: Vec<(String, At)> = go;
        for (_, listener) in gone {
            let line = self.work.name_of(at, listener);
            self.work.not_yet(listener, format!("it may be what {line} leaves out, so it is not served"));
        }
    }

    /// `[control]`: `ntpq` on this machine, which ntpd answers unless told otherwise.
    pub(super) fn finish_control(&mut self) {
        let here = Network::host(Ipv4Addr::LOCALHOST.into());
        let rules = self.rules.iter().filter(|rule| rule.network.covers(&here));
        let rule = rules.max_by_key(|rule| rule.network.prefix_len);
        let refused =
            |rule: &Rule| rule.flags.iter().any(|flag| matches!(flag.as_str(), "noquery" | "ignore"));
        if rule.is_some_and(refused) {
            return;
        }
        let at = rule.map(|rule| rule.at);
        self.work.draft.set("control", "ntpq", "true".into(), at);
        if let Some(at) = at {
            self.work.say(at, Verdict::Kept, "`ntpq` on this machine is answered: `control.ntpq`");
        }
    }

    /// `[serve]`. ntpd answers everybody unless told otherwise.
    pub(super) fn finish_serve(&mut self) {
        let rules = std::mem::take(&mut self.rules);
        let denies = |rule: &Rule| denies(&rule.flags);
        let mut access = Vec::new();
        for all in [ALL_V4, ALL_V6] {
            if !rules.iter().any(|rule| rule.network == all) {
                access.push((all, true, None));
            }
        }
        access.extend(rules.iter().map(|rule| (rule.network, !denies(rule), Some(rule.at))));
        let useful = |network: &Network| !network.address.is_loopback();
        let lost = self.lost_refusal.map(|at| self.work.name_of(at, at));
        if lost.is_some() || !access.iter().any(|(network, allow, _)| *allow && useful(network)) {
            let why = match lost {
                Some(line) => format!("nobody is answered, as {line} cannot be refused"),
                None => "nobody is answered".to_owned(),
            };
            let rules = rules.iter().filter(|_| self.lost_refusal.is_some()).map(|rule| rule.at);
            for at in self.listeners.drain(..).map(|(_, at)| at).chain(rules) {
                self.work.void(at, why.as_str());
            }
            return;
        }
        for ipv4 in [true, false] {
            if access.iter().any(|(network, allow, _)| *allow && network.address.is_ipv4() == ipv4) {
                self.listen(ipv4);
            }
        }
        if !self.work.draft.has("serve") {
            return;
        }
        self.finish_limit();
        let allowed: Vec<_> =
            access.iter().filter(|(_, allow, _)| *allow).map(|(other, ..)| *other).collect();
        for (network, allow, at) in access {
            // What is refused anyway need not be.
            let covered = allowed.iter().any(|other| other.covers(&network));
            if allow || covered || at.is_none() {
                let key = if allow { "allow" } else { "deny" };
                self.work.draft.push("serve", key, network.toml(), at);
            }
            if let (true, 0, Some(at)) = (allow, network.prefix_len, at) {
                let text = "everybody who can reach this machine is answered: name the networks of your clients in `allow`";
                if self
                    .work
                    .lines
                    .get(at)
                    .is_some_and(|line| !line.dangers.iter().any(|danger| danger == text))
                {
                    self.work.danger(at, text);
                }
            }
        }
    }

    /// `discard` of ntpd, in powers of two, and `limit` of NTPsec, in packets a second.
    pub(super) fn discard(&mut self, at: At, directive: &str, words: &[&str]) {
        for pair in words.chunks(2) {
            let Some((name, value)) = (match pair {
                [name, value] => number(value).map(|value| (*name, value)),
                _ => None,
            }) else {
                return self.work.wrong(at, format!("`{directive}` takes pairs of a name and a number"));
            };
            match (directive, name) {
                ("discard", "average") => self.limit.interval_s = Some(value.clamp(-19.0, 16.0).exp2()),
                ("limit", "average") => self.limit.interval_s = Some(1.0 / value.clamp(1e-4, 1e6)),
                ("limit", "burst") => self.limit.burst = Some(value.clamp(1.0, 1e5) as u32),
                ("discard", "minimum" | "monitor") | ("limit", "kod") => {
                    let text = format!(
                        "`{name}`: bursts are limited by their number, kiss codes by `rate_limit.kod`"
                    );
                    self.work.ignore(at, text);
                }
                _ => return self.work.wrong(at, format!("`{directive}` has no {}", quote(name))),
            }
        }
        self.work.keep(at);
        self.limit.said.push(at);
    }

    /// `mru`.
    pub(super) fn mru(&mut self, at: At, words: &[&str]) {
        for pair in words.chunks(2) {
            match pair {
                ["maxdepth", count] if integer(count).is_some() => {
                    let count = integer(count).unwrap_or(0).clamp(8, 65_536);
                    self.limit.clients = Some((count, at));
                    self.work.keep(at);
                }
                [_, value] if integer(value).is_some() => {
                    self.work.ignore(at, "the table of clients has the size that `serve.clients` says");
                }
                _ => return self.work.wrong(at, "`mru` takes pairs of a name and a number"),
            }
        }
    }

    fn finish_limit(&mut self) {
        let limit = std::mem::take(&mut self.limit);
        if let Some((count, at)) = limit.clients {
            self.work.set("serve", "clients", count.to_string(), at);
        }
        let Some(at) = limit.wanted else {
            for at in limit.said {
                self.work.void(at, "no `restrict` line says `limited`");
            }
            return;
        };
        let mut value = format!("{{ interval = {}", duration(limit.interval_s.unwrap_or(8.0)));
        if let Some(burst) = limit.burst {
            value.push_str(&format!(", burst = {burst}"));
        }
        if limit.kod {
            value.push_str(&format!(", kod = {KOD}"));
        }
        self.work.draft.set("serve", "rate_limit", value + " }", Some(at));
    }

    fn listen(&mut self, ipv4: bool) {
        let index = usize::from(!ipv4);
        let any: IpAddr = if ipv4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let [first, second] = self.wildcard;
        let wildcard = if index == 0 { first } else { second };
        let left_out = if index == 0 { self.without[0] } else { self.without[1] };
        let ports: Vec<(u16, Option<At>)> = [(123, wildcard)]
            .into_iter()
            .chain(self.ports.iter().map(|(port, at)| (*port, Some(*at))))
            .collect();
        if wildcard.is_some() || !(self.closed || left_out) {
            for (port, at) in &ports {
                let address = string(&SocketAddr::new(any, *port).to_string());
                self.work.draft.push("serve", "listen", address, *at);
            }
        }
        for (place, at) in &self.listeners {
            let plain = place.split('/').next().unwrap_or(place);
            let value = match plain.parse::<IpAddr>() {
                Ok(address) if address.is_ipv4() == ipv4 => {
                    string(&SocketAddr::new(address, 123).to_string())
                }
                Ok(_) => continue,
                Err(_) => {
                    let address = string(&SocketAddr::new(any, 123).to_string());
                    format!("{{ address = {address}, interface = {} }}", string(place))
                }
            };
            self.work.draft.push("serve", "listen", value, Some(*at));
        }
    }
}

/// Why an address and its mask are no network.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unread {
    /// It is the name of a host.
    Name,
    /// The ones of the mask do not come first.
    Mask,
    Wrong,
}

impl Unread {
    fn words(self) -> &'static str {
        match self {
            Self::Name => "names are not resolved for access: write the address",
            Self::Mask => "the ones of a mask come first here",
            Self::Wrong => "this is not a network",
        }
    }
}

/// Whether flags refuse somebody.
fn denies<F: AsRef<str>>(flags: &[F]) -> bool {
    flags.iter().any(|flag| matches!(flag.as_ref(), "ignore" | "noserve" | "notrust"))
}

fn network(address: &str, mask: Option<&str>) -> Result<Network, Unread> {
    let (address, prefix) = match address.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (address, None),
    };
    let name = address.chars().any(|c| c.is_ascii_alphabetic()) && !address.contains(':');
    let unread = if name { Unread::Name } else { Unread::Wrong };
    let address: IpAddr = address.trim_matches(['[', ']']).parse().map_err(|_| unread)?;
    match (prefix, mask) {
        (Some(prefix), _) => {
            prefix.parse().ok().and_then(|len| Network::new(address, len)).ok_or(Unread::Wrong)
        }
        (None, Some(mask)) => {
            let mask: IpAddr = mask.parse().map_err(|_| Unread::Wrong)?;
            let of_it = mask.is_ipv4() == address.is_ipv4();
            Network::masked(address, mask).ok_or(if of_it { Unread::Mask } else { Unread::Wrong })
        }
        (None, None) => Ok(Network::host(address)),
    }
}
