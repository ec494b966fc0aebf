//! The set of sources: configuration in, associations out. Names are resolved here and bad addresses replaced.

mod commands;
mod lookup;
mod member;
mod policy;

use std::net::{IpAddr, SocketAddr};

use truechimer_discipline::estimate::Estimator;
use truechimer_time::Mono;
use truechimer_wire::ReferenceId;

pub(crate) use self::lookup::{Lookup, is_unicast};
use self::policy::{Part, Policy};
use crate::association::{Activity, Association, BAD_AFTER, DUPLICATE, Origin};
use crate::config::{AuthenticationPolicy, Endpoint, Host, SourceConfig, SourceKind, SourceOptions};
use crate::event::Event;
use crate::io::{QueryId, ResolveError, Token};
use crate::outbox::Turn;

/// How many associations there may be, whatever the configuration and the name servers say.
pub(crate) const MAX_ASSOCIATIONS: usize = 64;
/// A member of a pool that never answered so many requests is replaced.
const NEVER_ANSWERED: u32 = 5;

/// Makes the estimator of a new association.
pub type EstimatorFactory = fn() -> Box<dyn Estimator>;

/// One `[[source]]` with its associations.
#[derive(Debug)]
pub(crate) struct Source {
    config: SourceConfig,
    /// The configuration's options, with what the policy makes of them.
    options: SourceOptions,
    passed_over: Option<&'static str>,
    pub(crate) name: String,
    pub(crate) members: Vec<Association>,
    lookup: Option<Lookup>,
    /// How many associations it should have.
    size: usize,
    /// Switched off by command or configuration: new members start offline.
    offline: bool,
    /// Came by command.
    added: bool,
    /// Its name is to be resolved again, whatever its members do.
    refreshing: bool,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Sources {
    pub(crate) list: Vec<Source>,
    factory: EstimatorFactory,
}

impl Source {
    fn new(config: &SourceConfig, factory: EstimatorFactory, room: usize, now: Mono) -> Self {
        let (endpoint, size) = match &config.kind {
            SourceKind::Server(endpoint) => (Some(endpoint), 1),
            SourceKind::Pool { endpoint, size } => (Some(endpoint), usize::from(*size).clamp(1, 16)),
            SourceKind::Reference { .. } => (None, 1),
        };
        let mut source = Self {
            config: config.clone(),
            options: config.options.clone(),
            passed_over: None,
            name: config.name.clone().unwrap_or_else(|| default_name(&config.kind)),
            members: Vec::new(),
            lookup: None,
            size,
            offline: config.options.offline,
            added: false,
            refreshing: false,
        };
        match (&config.kind, endpoint) {
            (SourceKind::Reference { name, max_error_s, stratum }, _) => {
                let id = ReferenceId::from_name(name);
                // A clock of stratum 0 makes its server stratum 1; samples are counted like a server's.
                let origin = Origin::Reference { id, max_error_s: *max_error_s, stratum: *stratum };
                let clock = source.reference(origin, factory, now);
                source.add(clock, room);
            }
            (_, Some(Endpoint { host: Host::Address(address), .. })) => {
                source.size = 1;
                let member = source.member(&[SocketAddr::new(*address, source.lookup_port())], factory, now);
                source.add(member, room);
            }
            (_, Some(Endpoint { host: Host::Name(name), .. })) => {
                source.lookup = Some(Lookup::new(name, source.lookup_port(), config.options.family, now));
            }
            (_, None) => {}
        }
        source
    }

    /// `server`, `pool` or `reference`.
    pub(crate) fn kind(&self) -> &'static str {
        match self.config.kind {
            SourceKind::Server(_) => "server",
            SourceKind::Pool { .. } => "pool",
            SourceKind::Reference { .. } => "reference",
        }
    }

    /// The configuration's options, with what the policy makes of them.
    pub(crate) fn options(&self) -> &SourceOptions {
        &self.options
    }

    /// The configuration's options alone.
    pub(crate) fn configured(&self) -> &SourceOptions {
        &self.config.options
    }

    /// Why the policy passes it over.
    pub(crate) fn passed_over(&self) -> Option<&'static str> {
        self.passed_over
    }

    fn set_part(&mut self, part: Part) {
        self.passed_over = part.passed_over;
        for options in self.members.iter_mut().map(|member| &mut member.options).chain([&mut self.options]) {
            (options.trust, options.require, options.noselect) = (part.trust, part.require, part.noselect);
        }
    }

    /// Whether its name is still to be resolved, and whether that has failed so far.
    pub(crate) fn resolving(&self) -> Option<&'static str> {
        let lookup = self.lookup.as_ref().filter(|_| self.members.is_empty())?;
        Some(if lookup.has_failed() { "its name cannot be resolved; trying again" } else { "" })
    }

    /// How many answers may still come soon from addresses that are not known yet.
    pub(crate) fn unresolved(&self) -> usize {
        let waits = !self.offline && self.lookup.as_ref().is_some_and(|lookup| !lookup.has_failed());
        if waits && self.members.is_empty() { self.size } else { 0 }
    }

    pub(crate) fn is_offline(&self) -> bool {
        self.offline
    }

    fn is_pool(&self) -> bool {
        matches!(self.config.kind, SourceKind::Pool { .. })
    }

    fn add(&mut self, member: Association, room: usize) {
        if room > 0 {
            self.members.push(member);
        }
    }

    /// Why a member should be replaced.
    fn badness(&self, member: &Association) -> Option<&'static str> {
        if matches!(member.activity, Activity::Stopped { .. }) {
            return Some("told us to stop");
        }
        if member.activity == Activity::Offline {
            return None;
        }
        if member.duplicate {
            return Some(DUPLICATE);
        }
        if member.credentials.nts().is_some_and(|client| client.is_hopeless()) {
            return Some("gives no keys");
        }
        if member.poll.is_unreachable() {
            return Some("unreachable");
        }
        let never = member.last.is_none() && member.poll.reach() == 0;
        if self.is_pool() && never && member.poll.unanswered().max(member.failed) >= NEVER_ANSWERED {
            return Some("never answered");
        }
        (self.is_pool() && member.bad >= BAD_AFTER).then_some("falseticker")
    }

    fn wants_addresses(&self) -> bool {
        !self.offline
            && self.lookup.is_some()
            && (self.refreshing
                || self.members.len() < self.size
                || self.members.iter().any(|member| self.badness(member).is_some()))
    }

    fn handle_timeout(&mut self, turn: &mut Turn<'_>) {
        for member in &mut self.members {
            member.handle_timeout(turn);
        }
        let wanted = self.wants_addresses();
        if let Some(lookup) = self.lookup.as_mut() {
            lookup.handle_timeout(wanted, turn);
        }
    }

    fn poll_timeout(&self) -> Option<Mono> {
        let members = self.members.iter().filter_map(Association::poll_timeout).min();
        let lookup = self.lookup.as_ref().and_then(|lookup| lookup.poll_timeout(self.wants_addresses()));
        earlier(members, lookup)
    }

    /// Addresses came in. `used` are those of all associations: two votes of one server are one too many.
    fn handle_addresses(
        &mut self,
        addresses: &[SocketAddr],
        used: &[SocketAddr],
        factory: EstimatorFactory,
        room: usize,
        turn: &mut Turn<'_>,
    ) {
        let now = turn.now.mono;
        let mut fresh: Vec<SocketAddr> = addresses
            .iter()
            .copied()
            .filter(|address| !used.contains(address))
            .filter(|address| !self.lookup.as_ref().is_some_and(|lookup| lookup.is_avoided(*address)))
            .collect();
        if self.members.is_empty() && fresh.is_empty() && !self.is_pool() {
            // A server that the operator names twice is used twice.
            fresh.extend(addresses.first());
        }
        let exhausted = fresh.is_empty();
        let refreshing = std::mem::take(&mut self.refreshing);
        let mut fresh = fresh.into_iter();
        let mut room = room;
        while self.members.len() < self.size && room > 0 {
            let Some(address) = fresh.next() else { break };
            // The only member of a server with several addresses may exchange keys with any of them.
            let others = if self.is_pool() { &[] } else { fresh.as_slice() };
            let servers = [&[address], others].concat();
            let member = self.member(&servers, factory, now);
            self.add(member, room);
            room -= 1;
        }
        for index in 0..self.members.len() {
            let Some(member) = self.members.get(index) else { break };
            let Some(old) = member.found_at() else { continue };
            let moved = (refreshing && !addresses.contains(&old)).then_some("its name stands for others now");
            let Some(reason) = self.badness(member).or(moved) else { continue };
            let Some(address) = fresh.next() else { break };
            self.replace(index, old, address, reason, factory, turn);
        }
        if exhausted && let Some(lookup) = self.lookup.as_mut() {
            lookup.forgive();
        }
    }

    fn replace(
        &mut self,
        index: usize,
        old: SocketAddr,
        new: SocketAddr,
        reason: &'static str,
        factory: EstimatorFactory,
        turn: &mut Turn<'_>,
    ) {
        let mut fresh = self.member(&[new], factory, turn.now.mono);
        let Some(member) = self.members.get_mut(index) else { return };
        member.abandon(turn);
        fresh.succeed(member, turn);
        *member = fresh;
        member.activity = Activity::Online;
        if let Some(lookup) = self.lookup.as_mut() {
            lookup.avoid(old);
        }
        turn.event(Event::Replaced { source: self.name.clone(), address: old, reason });
    }
}

impl Sources {
    pub(crate) fn new(
        configs: &[SourceConfig],
        policy: AuthenticationPolicy,
        factory: EstimatorFactory,
        now: Mono,
    ) -> Self {
        let mut sources = Self { list: Vec::new(), factory };
        for config in configs.iter().take(MAX_ASSOCIATIONS) {
            sources.list.push(Source::new(config, factory, sources.room(), now));
        }
        sources.apply(policy);
        sources
    }

    /// Another configuration. A source that is configured as before keeps its state, once (NA-45).
    pub(crate) fn reload(
        &mut self,
        configs: &[SourceConfig],
        policy: AuthenticationPolicy,
        turn: &mut Turn<'_>,
    ) {
        let mut old = std::mem::take(&mut self.list);
        let kept: Vec<Option<Source>> = configs
            .iter()
            .take(MAX_ASSOCIATIONS)
            .map(|config| old.iter().position(|source| source.config == *config).map(|at| old.remove(at)))
            .collect();
        for member in old.iter_mut().flat_map(|source| &mut source.members) {
            member.abandon(turn);
        }
        let mut room = MAX_ASSOCIATIONS.saturating_sub(kept.iter().flatten().map(|s| s.members.len()).sum());
        for (source, config) in kept.into_iter().zip(configs) {
            let source = source.unwrap_or_else(|| {
                let new = Source::new(config, self.factory, room, turn.now.mono);
                room -= new.members.len().min(room);
                new
            });
            self.list.push(source);
        }
        self.apply(policy);
    }

    pub(crate) fn apply(&mut self, policy: AuthenticationPolicy) {
        let policy = Policy::new(policy, self.list.iter().map(|source| &source.config));
        for source in &mut self.list {
            source.set_part(policy.part(&source.config));
        }
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Association> {
        self.list.iter().flat_map(|source| &source.members)
    }

    pub(crate) fn members_mut(&mut self) -> impl Iterator<Item = &mut Association> {
        self.list.iter_mut().flat_map(|source| &mut source.members)
    }

    pub(crate) fn by_token(&mut self, token: Token) -> Option<&mut Association> {
        self.members_mut().find(|member| member.owns(token))
    }

    pub(crate) fn by_remote(&mut self, remote: SocketAddr) -> Option<&mut Association> {
        self.members_mut().find(|member| member.remote() == Some(remote))
    }

    /// The reference clock of this name.
    pub(crate) fn reference(&mut self, name: &str) -> Option<&mut Association> {
        let named = |source: &&mut Source| matches!(&source.config.kind, SourceKind::Reference { name: own, .. } if own == name);
        self.list.iter_mut().find(named).and_then(|source| source.members.first_mut())
    }

    pub(crate) fn handle_timeout(&mut self, turn: &mut Turn<'_>) {
        for source in &mut self.list {
            source.handle_timeout(turn);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        self.list.iter().filter_map(Source::poll_timeout).min()
    }

    pub(crate) fn handle_resolved(
        &mut self,
        query: QueryId,
        result: Result<&[IpAddr], ResolveError>,
        turn: &mut Turn<'_>,
    ) {
        if self.handle_server_resolved(query, result, turn) {
            return;
        }
        let used: Vec<SocketAddr> = self.members().filter_map(Association::found_at).collect();
        let room = self.room();
        let factory = self.factory;
        let asked =
            |source: &&mut Source| source.lookup.as_ref().is_some_and(|lookup| lookup.is_query(query));
        let Some(source) = self.list.iter_mut().find(asked) else { return };
        let Some(lookup) = source.lookup.as_mut() else { return };
        match result {
            Ok(addresses) => {
                let usable = lookup.handle_answer(addresses, turn);
                source.handle_addresses(&usable, &used, factory, room, turn);
                source.handle_timeout(turn);
            }
            Err(_) => lookup.fail(turn),
        }
    }

    fn room(&self) -> usize {
        MAX_ASSOCIATIONS.saturating_sub(self.members().count())
    }
}

/// The host as configured; the port only where it is not the usual one.
fn default_name(kind: &SourceKind) -> String {
    let endpoint = match kind {
        SourceKind::Server(endpoint) | SourceKind::Pool { endpoint, .. } => endpoint,
        SourceKind::Reference { name, .. } => return name.clone(),
    };
    match (&endpoint.host, endpoint.port) {
        (Host::Name(name), 123) => name.clone(),
        (Host::Name(name), port) => format!("{name}:{port}"),
        (Host::Address(address), 123) => address.to_string(),
        (Host::Address(address), port) => SocketAddr::new(*address, port).to_string(),
    }
}

pub(crate) fn earlier(a: Option<Mono>, b: Option<Mono>) -> Option<Mono> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
