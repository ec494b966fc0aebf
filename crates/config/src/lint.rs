//! Advice about a file that can be used: what experience and the standards say against it. Each rule is one
//! function; rules look at the configuration only, so what they say is about the file and not about the network.

mod network;
mod nts;
mod sources;

use std::net::IpAddr;

use truechimer_engine::config::{AccessRule, ServeConfig};

use crate::rules::{self, Rule};
use crate::{Diagnostic, Parsed, address};

use network::{everybody, listens_on};

/// Advice about a file that can be used, in the order of the file; then what was found in its key file and in its folders of
/// sources, if those were read.
pub fn lint(parsed: &Parsed) -> Vec<Diagnostic> {
    let mut linter = Linter { parsed, found: Vec::new() };
    sources::lint(&mut linter);
    if let Some(serve) = &parsed.config.engine.serve {
        lint_serve(&mut linter, serve);
    }
    if let Some(nts) = &parsed.config.serve_nts {
        nts::lint(&mut linter, nts);
    }
    if parsed.config.network.client_port.is_some() {
        linter.say(
            &rules::FIXED_PORT,
            "network.client_port",
            "all requests leave from one port: a forger has to guess less",
            "drop it unless a firewall demands it, and authenticate the sources by `nts` or a key",
        );
    }
    lint_clock(&mut linter);
    lint_local(&mut linter);
    let mut found = linter.found;
    // What is said of files in folders comes after what is said of the file itself.
    let elsewhere =
        |finding: &Diagnostic| (finding.file != parsed.document.name).then(|| finding.file.clone());
    found.sort_by_cached_key(|finding| (elsewhere(finding), finding.start()));
    found.extend_from_slice(&parsed.key_findings);
    found.extend_from_slice(&parsed.folders.findings);
    found
}

struct Linter<'p> {
    parsed: &'p Parsed,
    found: Vec<Diagnostic>,
}

impl Linter<'_> {
    /// Says something about the key (or section) at this path; `source[3]` may stand in a file of its own.
    fn say(&mut self, rule: &'static Rule, path: &str, message: impl Into<String>, help: impl Into<String>) {
        let (document, place) = self.parsed.folders.place(path, self.parsed);
        let diagnostic = Diagnostic::new(rule, document, place, message.into());
        self.found.push(diagnostic.help(help));
    }
}

fn lint_serve(linter: &mut Linter<'_>, serve: &ServeConfig) {
    let allowed: Vec<_> = serve.access.iter().filter(|rule| rule.allow).collect();
    if allowed.is_empty() {
        linter.say(
            &rules::SERVES_NOBODY,
            "serve",
            "the port is open but nobody is answered",
            "name the networks of your clients: allow = [\"192.0.2.0/24\"]",
        );
    }
    for (index, rule) in allowed.iter().enumerate() {
        let path = format!("serve.allow[{index}]");
        let shown = format!("{}/{}", rule.network, rule.prefix_len);
        if everybody(rule) && serve.rate_limit.is_none() {
            linter.say(
                &rules::OPEN_SERVER,
                &path,
                format!("`{shown}` is everybody, and requests are not limited in rate"),
                "name the networks of your clients; for a public server write rate_limit = { interval = \"1s\" }",
            );
        }
        if everybody(rule) && serve.sign {
            linter.say(
                &rules::OPEN_SIGNER,
                &path,
                format!("`{shown}` is everybody, and everybody can have replies signed with the domain's passwords"),
                "name the networks of the domain's members",
            );
        }
        if !serve.listen.iter().any(|listener| listens_on(&listener.address, rule)) {
            let family = if rule.network.is_ipv4() { "IPv4" } else { "IPv6" };
            let everywhere = if rule.network.is_ipv4() { "0.0.0.0:123" } else { "[::]:123" };
            linter.say(
                &rules::NO_LISTENER,
                &path,
                format!("`{shown}` is allowed, but nothing listens on {family}"),
                format!("add \"{everywhere}\" or an {family} address of this machine to `listen`"),
            );
        }
    }
    for (index, rule) in serve.access.iter().filter(|rule| !rule.allow).enumerate() {
        if !allowed.iter().any(|wider| contains(wider, rule.network, rule.prefix_len)) {
            linter.say(
                &rules::IDLE_DENY,
                &format!("serve.deny[{index}]"),
                format!("`{}/{}` is not answered anyway", rule.network, rule.prefix_len),
                "who is not in `allow` is never answered; drop the entry, or widen `allow`",
            );
        }
    }
}

/// Whether the rule's network contains the other one entirely.
fn contains(rule: &AccessRule, network: IpAddr, prefix_len: u8) -> bool {
    rule.network.is_ipv4() == network.is_ipv4()
        && rule.prefix_len <= prefix_len
        && address::mask(network, rule.prefix_len) == rule.network
}

fn lint_clock(linter: &mut Linter<'_>) {
    let clock = &linter.parsed.config.engine.clock;
    let (step, panic) = (clock.step, clock.panic);
    if step.above_s.is_some() && step.first.is_none() {
        linter.say(
            &rules::STEP_ALWAYS,
            "clock.step",
            "the clock may step at any time, back as well as forward",
            "databases and logs take that badly; step = { above = \"1s\", first = 3 } steps after the start only",
        );
    }
    if panic.forward_s.is_none() || panic.backward_s.is_none() {
        linter.say(
            &rules::PANIC_OFF,
            if linter.parsed.config.engine.clock.panic.forward_s.is_none() {
                "clock.panic.forward"
            } else {
                "clock.panic.backward"
            },
            "no correction is too large to be believed",
            "keep a limit while running: panic = \"1000s\" still lets the first correction be any size",
        );
    }
    let smallest = [panic.forward_s, panic.backward_s].into_iter().flatten().fold(f64::INFINITY, f64::min);
    if step.above_s.is_some_and(|above| above >= smallest) {
        linter.say(
            &rules::STEP_PANIC,
            "clock.step.above",
            "corrections are refused before they are large enough to step",
            "make `step.above` smaller than the limits of `panic`",
        );
    }
}

/// Below this a clock would be taken for one that has a real source nearby.
const HONEST_LOCAL_STRATUM: u8 = 5;

fn lint_local(linter: &mut Linter<'_>) {
    let engine = &linter.parsed.config.engine;
    let Some(local) = &engine.local else { return };
    let (stratum, serves) = (local.stratum, engine.serve.is_some());
    if stratum < HONEST_LOCAL_STRATUM {
        linter.say(
            &rules::LOCAL_STRATUM,
            "local.stratum",
            format!("clients may prefer a clock of stratum {stratum} without any source to good ones"),
            "8 to 14 leave real sources the better choice",
        );
    }
    if !serves {
        linter.say(
            &rules::LOCAL_IDLE,
            "local",
            "a local reference is for clients, but nobody is served",
            "add [serve], or drop [local]",
        );
    }
}

#[cfg(test)]
mod tests;
