//! What `selection.authentication` makes of the sources, in the meaning of chrony's `authselectmode`.
//!
//! It looks at how sources are configured and not at who answers: else an attacker who silences the authenticated ones
//! would open the door to the others.

use crate::config::{Authentication, AuthenticationPolicy, SourceConfig, SourceKind};

/// How a source takes part in the selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) trust: bool,
    pub(crate) require: bool,
    pub(crate) noselect: bool,
    /// Why the policy passes it over.
    pub(crate) passed_over: Option<&'static str>,
}

/// A policy, and what it must know of all sources.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    policy: AuthenticationPolicy,
    some_authenticated: bool,
    some_plain: bool,
}

impl Policy {
    /// For these sources. Those that are never selected do not count.
    pub(crate) fn new<'a>(
        policy: AuthenticationPolicy,
        sources: impl Iterator<Item = &'a SourceConfig> + Clone,
    ) -> Self {
        let counted = sources.filter(|source| is_network(source) && !source.options.noselect);
        Self {
            policy,
            some_authenticated: counted.clone().any(is_authenticated),
            some_plain: counted.clone().any(|source| !is_authenticated(source)),
        }
    }

    /// What it makes of one of them.
    pub(crate) fn part(&self, source: &SourceConfig) -> Part {
        let options = &source.options;
        let own = Part {
            trust: options.trust,
            require: options.require,
            noselect: options.noselect,
            passed_over: None,
        };
        let plain = is_network(source) && !is_authenticated(source);
        let passed_over = |reason| Part { noselect: true, passed_over: Some(reason), ..own };
        match self.policy {
            _ if options.noselect => own,
            AuthenticationPolicy::Require if plain => {
                passed_over("it is not authenticated, which is required")
            }
            AuthenticationPolicy::Prefer if plain && self.some_authenticated => {
                passed_over("it is not authenticated, and others are, which are preferred")
            }
            AuthenticationPolicy::Mix if !plain && self.some_authenticated && self.some_plain => {
                Part { trust: true, require: true, ..own }
            }
            _ => own,
        }
    }
}

fn is_network(source: &SourceConfig) -> bool {
    !matches!(source.kind, SourceKind::Reference { .. })
}

fn is_authenticated(source: &SourceConfig) -> bool {
    source.options.authentication != Authentication::None
}
