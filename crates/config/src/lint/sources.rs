//! Rules about sources.

use truechimer_engine::config::{
    Authentication, AuthenticationPolicy, Endpoint, Host, SourceConfig, SourceKind,
};

use super::Linter;
use super::network::{is_general_pool, is_public, operator};
use crate::rules;

pub(super) fn lint(linter: &mut Linter<'_>) {
    let engine = &linter.parsed.config.engine;
    let policy = engine.selection.authentication;
    let counts =
        |source: &&SourceConfig| !source.options.noselect && !is_passed_over(source, policy, &engine.sources);
    let possible: usize = engine.sources.iter().filter(counts).map(members).sum();
    let usable = engine.sources.iter().any(|source| !source.options.noselect);
    if possible == 0 && usable {
        linter.say(
            &rules::NOT_AUTHENTICATED,
            "selection.authentication",
            "no source is authenticated, which is required: the clock is never corrected",
            "give sources `nts` or a key, or drop `authentication`",
        );
    } else {
        lint_number(linter, possible);
    }
    lint_operators(linter);
    for (index, source) in linter.parsed.config.engine.sources.iter().enumerate() {
        if let Some(endpoint) = endpoint(source) {
            lint_manners(linter, index, source, endpoint);
        }
    }
}

/// Whether the policy keeps the source out of the selection.
fn is_passed_over(source: &SourceConfig, policy: AuthenticationPolicy, all: &[SourceConfig]) -> bool {
    let authenticated = |source: &SourceConfig| {
        !source.options.noselect && source.options.authentication != Authentication::None
    };
    match policy {
        _ if authenticated(source) || endpoint(source).is_none() => false,
        AuthenticationPolicy::Require => true,
        AuthenticationPolicy::Prefer => all.iter().any(authenticated),
        AuthenticationPolicy::Mix | AuthenticationPolicy::Ignore => false,
    }
}

/// How many servers stand behind a source at most.
fn members(source: &SourceConfig) -> usize {
    match source.kind {
        SourceKind::Pool { size, .. } => usize::from(size),
        SourceKind::Server(_) | SourceKind::Reference { .. } => 1,
    }
}

fn endpoint(source: &SourceConfig) -> Option<&Endpoint> {
    match &source.kind {
        SourceKind::Server(endpoint) | SourceKind::Pool { endpoint, .. } => Some(endpoint),
        SourceKind::Reference { .. } => None,
    }
}

fn lint_number(linter: &mut Linter<'_>, possible: usize) {
    let engine = &linter.parsed.config.engine;
    let more = "four or more let a majority outvote a wrong one, even when one is unreachable";
    match possible {
        0 if engine.local.is_none() => linter.say(
            &rules::NO_SOURCE,
            "",
            "there is no source: the clock is never corrected",
            "add a [[source]] with pool = \"2.pool.ntp.org\" or a server of yours",
        ),
        1 => linter.say(
            &rules::ONE_SOURCE,
            "source[0]",
            "there is one source, and nothing notices when it is wrong",
            more,
        ),
        2 => linter.say(
            &rules::TWO_SOURCES,
            "source[0]",
            "there are two sources: when they differ, neither can be believed",
            more,
        ),
        3 => linter.say(
            &rules::THREE_SOURCES,
            "source[0]",
            "there are three sources: without one of them, a wrong one cannot be told any more",
            more,
        ),
        _ => {}
    }
    let wanted = linter.parsed.config.engine.selection.min_sources;
    if possible > 0 && wanted > possible {
        linter.say(
            &rules::MIN_SOURCES,
            "selection.min_sources",
            format!(
                "{wanted} sources must agree, and no more than {possible} can: the clock is never corrected"
            ),
            "add sources, or lower `min_sources`",
        );
    }
}

fn lint_operators(linter: &mut Linter<'_>) {
    let sources = &linter.parsed.config.engine.sources;
    let servers: Vec<_> = sources.iter().filter(|source| !source.options.noselect).collect();
    let mut operators = servers.iter().map(|source| match &source.kind {
        SourceKind::Server(endpoint) => operator(&endpoint.host),
        // A pool is run by many, a reference clock by its owner.
        SourceKind::Pool { .. } | SourceKind::Reference { .. } => None,
    });
    let Some(Some(first)) = operators.next() else { return };
    if servers.len() >= 2 && operators.all(|operator| operator == Some(first)) {
        linter.say(
            &rules::SAME_OPERATOR,
            "source[0]",
            format!("all sources belong to `{first}`: what goes wrong there goes wrong everywhere"),
            "add a source of another operator",
        );
    }
}

/// What is owed to the operators of servers that are not one's own.
fn lint_manners(linter: &mut Linter<'_>, index: usize, source: &SourceConfig, endpoint: &Endpoint) {
    let options = &source.options;
    let is_pool = matches!(source.kind, SourceKind::Pool { .. });
    let foreign = is_pool || is_public(&endpoint.host);
    if foreign && options.min_poll.exponent() < 4 {
        linter.say(
            &rules::FAST_POLL,
            &format!("source[{index}].poll.min"),
            format!("the source may be asked every {} s", options.min_poll.seconds()),
            "unless the server is yours, 4 (16 s) is the least; 6 (64 s) is usual",
        );
    }
    if foreign && options.burst {
        linter.say(
            &rules::PUBLIC_BURST,
            &format!("source[{index}].burst"),
            "`burst` multiplies the load on a server that is likely not yours",
            "drop it, or ask the operator; `iburst` alone speeds up the start",
        );
    }
    if let (Authentication::Nts(_), Host::Address(address)) = (options.authentication, &endpoint.host) {
        linter.say(
            &rules::UNNAMED_NTS,
            &format!("source[{index}].server"),
            format!(
                "the server's certificate must be for `{address}`, and certificates for addresses are rare"
            ),
            "name the server as its certificate does",
        );
    }
    if is_general_pool(&endpoint.host) {
        linter.say(
            &rules::VENDOR_POOL,
            &format!("source[{index}].{}", if is_pool { "pool" } else { "server" }),
            "a product that ships this file must not use the pool's general names",
            "for a machine of yours it is fine; vendors ask the pool for a zone of their own",
        );
    }
}
