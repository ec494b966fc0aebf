//! Serving time: who is answered, and where.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::syntax::may_be_name;
use super::{Line, Reader};
use crate::import::draft::string;
use crate::import::values::{ALL_V4, ALL_V6, Network, decides, subnet};
use crate::import::work::At;
use crate::text::quote;

/// More networks than these our file does not take.
const MOST_NETWORKS: usize = 4096;

/// `allow` or `deny`.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    network: Network,
    allow: bool,
    at: At,
}

impl Reader<'_, '_> {
    /// Whether the directive is one of these, and was read.
    pub(super) fn serve(&mut self, line: &Line<'_>) -> bool {
        match line.directive.name {
            "allow" | "deny" => self.access(line),
            "cmdallow" | "cmdport" | "bindcmdaddress" => self.chronyc(line),
            "port" => {
                let port = line.integer(0);
                if (0..=65_535).contains(&port) {
                    self.later.port = Some((port, line.at));
                    self.work.keep(line.at);
                } else {
                    self.later.port = Some((0, line.at));
                    self.work.impossible(line.at, "there is no such port, so nobody is served");
                }
            }
            "bindaddress" => match line.word(0).parse::<IpAddr>() {
                Ok(address) => {
                    self.later.bind.retain(|(other, _)| other.is_ipv4() != address.is_ipv4());
                    self.later.bind.push((address, line.at));
                    self.work.keep(line.at);
                }
                Err(_) => self.wrong(line.at, format!("{} is not an address", quote(line.word(0)))),
            },
            "binddevice" => {
                self.later.device = Some((line.word(0).to_owned(), line.at));
                self.work.keep(line.at);
            }
            "ntpsigndsocket" => {
                self.later.signd = Some((line.word(0).to_owned(), line.at));
                self.work.keep(line.at);
            }
            "broadcast" => {
                self.by_table(line.at, "", line.directive.capability);
                self.work.danger(
                    line.at,
                    "whoever listens to broadcasts without keys believes anybody on the network",
                );
            }
            _ => return self.limit(line),
        }
        true
    }

    /// The doors for chronyc.
    fn chronyc(&mut self, line: &Line<'_>) {
        let (at, word) = (line.at, line.word(0));
        match (line.directive.name, word) {
            ("cmdport", _) => match line.integer(0) {
                0 => {
                    self.later.no_command_port = true;
                    self.work.keep(at);
                }
                port @ 1..=65_535 => {
                    self.later.no_command_port = false;
                    self.work.set("control", "chronyc_port", port.to_string(), at);
                }
                _ => {
                    self.later.no_command_port = true;
                    self.work.impossible(at, "there is no such port, so none is opened");
                }
            },
            ("bindcmdaddress", "/") => self.work.set("control", "chronyc_socket", "false".into(), at),
            ("bindcmdaddress", path) if path.starts_with('/') => {
                self.work.set("control", "chronyc_socket", string(path), at);
            }
            ("bindcmdaddress", address) if address.parse::<IpAddr>().is_err() => {
                self.wrong(at, format!("{} is neither an address nor a path", quote(address)));
            }
            (_, address) if subnet(address).is_some_and(|network| network.address.is_loopback()) => {
                self.work.keep(at);
            }
            _ => {
                self.work.impossible(
                    at,
                    "other machines get no answer to chronyc: log in on this one, and ask here",
                );
            }
        }
    }

    fn access(&mut self, line: &Line<'_>) {
        let (all, rest) = match line.words.split_first() {
            Some((word, rest)) if *word == "all" => (true, rest),
            _ => (false, line.words.as_slice()),
        };
        let networks = match rest {
            [] => vec![ALL_V4, ALL_V6],
            [text] => match subnet(text) {
                Some(network) => {
                    let written = text.split('/').next().and_then(|address| address.parse::<IpAddr>().ok());
                    if written.is_some_and(|address| address != network.address) {
                        self.work
                            .change(line.at, format!("the network is {}", network.toml().trim_matches('"')));
                    }
                    vec![network]
                }
                None if !may_be_name(text) => {
                    return self.wrong(line.at, format!("{} is not a network", quote(text)));
                }
                None if line.directive.name == "deny" => {
                    self.later.denied_name = Some(line.at);
                    let help = "host names are not resolved for access, and it must not be answered: so nobody is; write the address";
                    return self.work.impossible(line.at, help);
                }
                None => {
                    let help = "host names are not resolved for access: write the address";
                    return self.work.impossible(line.at, help);
                }
            },
            [_, more, ..] => return self.wrong(line.at, format!("{} is too much", quote(more))),
        };
        if all && rest.is_empty() {
            self.later.denied_name = None;
        }
        let allow = line.directive.name == "allow";
        for network in networks {
            let over = |rule: &Rule| rule.network == network || (all && network.covers(&rule.network));
            self.later.rules.retain(|rule| !over(rule));
            self.later.rules.push(Rule { network, allow, at: line.at });
        }
        self.work.keep(line.at);
        if allow && rest.is_empty() {
            self.work.danger(
                line.at,
                "everybody who can reach this machine is answered: name the networks of your clients",
            );
        }
    }

    /// `[serve]`, if anybody is allowed.
    pub(super) fn finish_serve(&mut self) {
        let rules = std::mem::take(&mut self.later.rules);
        let port = self.later.port.map_or(123, |(port, _)| port);
        let lost = rules.iter().skip(MOST_NETWORKS).find(|rule| !rule.allow).map(|rule| rule.at);
        if let Some(at) = lost {
            let text = format!(
                "more than {MOST_NETWORKS} networks are not possible, and this one must not be answered"
            );
            self.work.impossible(at, text);
        }
        let lost = lost.or(self.later.denied_name).map(|at| self.work.name_of(at, at));
        let open = port != 0 && lost.is_none() && rules.iter().any(|rule| rule.allow);
        if !open {
            let why = match &lost {
                Some(line) => format!("nobody is served, as {line} cannot be refused"),
                None if port == 0 => "`port 0` serves nobody".to_owned(),
                None => "no `allow` line lets anybody be served".to_owned(),
            };
            let why = why.as_str();
            for rule in &rules {
                self.work.void(rule.at, why);
            }
            let alone = [
                self.later.port.map(|(_, at)| at).filter(|_| port != 0),
                self.later.device.as_ref().map(|(_, at)| *at),
                self.later.signd.as_ref().map(|(_, at)| *at),
            ];
            let bound = self.later.bind.iter().map(|(_, at)| Some(*at));
            for at in alone.into_iter().chain(bound).flatten() {
                self.work.void(at, why);
            }
            self.no_limits(why);
            self.no_nts_server(why);
            return;
        }
        self.listeners(&rules, u16::try_from(port).unwrap_or(123));
        let networks: Vec<_> = rules.iter().map(|rule| (rule.network, rule.allow)).collect();
        // What is refused anyway need not be.
        let told = rules.iter().enumerate().filter(|(index, rule)| rule.allow || decides(&networks, *index));
        for (count, rule) in told.map(|(_, rule)| rule).enumerate() {
            if count >= MOST_NETWORKS {
                self.work.impossible(rule.at, format!("more than {MOST_NETWORKS} networks are not possible"));
                continue;
            }
            let key = if rule.allow { "allow" } else { "deny" };
            self.work.draft.push("serve", key, rule.network.toml(), Some(rule.at));
        }
        if let Some((folder, at)) = self.later.signd.take() {
            self.work.set("serve", "signd", string(&folder), at);
        }
        self.finish_limits();
        self.finish_nts_server();
    }

    /// A listener for each family of which somebody is allowed.
    fn listeners(&mut self, rules: &[Rule], port: u16) {
        for ipv4 in [true, false] {
            let first = rules.iter().find(|rule| rule.allow && rule.network.address.is_ipv4() == ipv4);
            let Some(first) = first.map(|rule| rule.at) else { continue };
            let any = if ipv4 { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
            let bound = self.later.bind.iter().find(|(address, _)| address.is_ipv4() == ipv4).copied();
            let (address, at) = bound.unwrap_or((any, first));
            let address = string(&SocketAddr::new(address, port).to_string());
            let value = match &self.later.device {
                Some((device, _)) => format!("{{ address = {address}, interface = {} }}", string(device)),
                None => address,
            };
            self.work.draft.push("serve", "listen", value, Some(at));
        }
    }
}
