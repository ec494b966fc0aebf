//! Members of a source, and what only those with NTS need: key exchange, and the address that it leads to.

use std::net::{IpAddr, SocketAddr};

use truechimer_time::Mono;

use super::{EstimatorFactory, Source, Sources};
use crate::association::{Activity, Association, Origin};
use crate::authentication::Credentials;
use crate::config::{Authentication, Endpoint, Host, SourceKind};
use crate::io::{KeyExchangeError, KeyExchanged, QueryId, ResolveError};
use crate::nts::NtsClient;
use crate::outbox::Turn;

impl Source {
    /// The port that an address is asked on first: with NTS that of key exchange.
    pub(super) fn lookup_port(&self) -> u16 {
        match (self.options.authentication, self.endpoint()) {
            (Authentication::Nts(nts), _) => nts.ke_port,
            (_, Some(endpoint)) => endpoint.port,
            (_, None) => 0,
        }
    }

    /// A new member at the first of these addresses; with NTS, keys may be exchanged at any of them.
    pub(super) fn member(
        &self,
        addresses: &[SocketAddr],
        factory: EstimatorFactory,
        now: Mono,
    ) -> Association {
        let options = &self.options;
        let first = addresses.first().copied().unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
        let (credentials, remote) = match (options.authentication, self.endpoint()) {
            (Authentication::Nts(nts), Some(Endpoint { host, port })) => {
                let name = match host {
                    Host::Name(name) => name.clone(),
                    Host::Address(address) => address.to_string(),
                };
                let client = NtsClient::new(name, addresses.to_vec(), *port, nts, options, now);
                (Credentials::Nts(Box::new(client)), SocketAddr::new(first.ip(), *port))
            }
            (Authentication::Key(id), _) => (Credentials::Key(id), first),
            _ => (Credentials::None, first),
        };
        self.associate(Origin::Network(remote), credentials, factory, now)
    }

    /// The one member of a reference clock.
    pub(super) fn reference(&self, origin: Origin, factory: EstimatorFactory, now: Mono) -> Association {
        self.associate(origin, Credentials::None, factory, now)
    }

    fn associate(
        &self,
        origin: Origin,
        credentials: Credentials,
        factory: EstimatorFactory,
        now: Mono,
    ) -> Association {
        let options = &self.options;
        let mut member = Association::new(self.name.clone(), origin, options, credentials, factory(), now);
        member.activity = if self.offline { Activity::Offline } else { Activity::Online };
        member
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        match &self.config.kind {
            SourceKind::Server(endpoint) | SourceKind::Pool { endpoint, .. } => Some(endpoint),
            SourceKind::Reference { .. } => None,
        }
    }
}

impl Sources {
    /// A key exchange has ended.
    pub(crate) fn handle_key_exchange(
        &mut self,
        query: QueryId,
        result: Result<KeyExchanged, KeyExchangeError>,
        turn: &mut Turn<'_>,
    ) {
        let asked =
            |member: &Association| member.credentials.nts().is_some_and(|client| client.is_query(query));
        let Some(number) = self.members().position(asked) else { return };
        if let Some(member) = self.members_mut().nth(number) {
            member.handle_key_exchange(result, turn);
        }
        self.settle(number, turn);
    }

    /// The name of a server for time was resolved, or not; `false` if it was another name.
    pub(super) fn handle_server_resolved(
        &mut self,
        query: QueryId,
        result: Result<&[IpAddr], ResolveError>,
        turn: &mut Turn<'_>,
    ) -> bool {
        let asked = |member: &mut Association| {
            let lookup = member.credentials.nts_mut().and_then(NtsClient::lookup);
            lookup.is_some_and(|lookup| lookup.is_query(query))
        };
        let Some(number) = self.members_mut().position(asked) else { return false };
        let used: Vec<SocketAddr> = self.members().filter_map(Association::remote).collect();
        if let Some(member) = self.members_mut().nth(number) {
            match (result, member.credentials.nts_mut().and_then(NtsClient::lookup)) {
                (Ok(addresses), _) => member.handle_resolved(addresses, &used, turn),
                (Err(_), Some(lookup)) => lookup.fail(turn),
                (Err(_), None) => {}
            }
        }
        self.settle(number, turn);
        true
    }

    /// Key exchange may have led a member of a pool to a server that is used already: two votes of one server are one too
    /// many. Then it does what is due.
    fn settle(&mut self, number: usize, turn: &mut Turn<'_>) {
        let remote = self.members().nth(number).and_then(Association::served_from);
        let same = |(other, member): (usize, &Association)| other != number && member.served_from() == remote;
        let twice = remote.is_some() && self.members().enumerate().any(same);
        let mut first = 0;
        for source in &mut self.list {
            let pool = source.is_pool();
            if let Some(member) = number.checked_sub(first).and_then(|at| source.members.get_mut(at)) {
                member.duplicate = twice && pool;
                source.handle_timeout(turn);
                return;
            }
            first += source.members.len();
        }
    }

    /// The machine may be on another network now.
    pub(crate) fn handle_network_change(&mut self, turn: &mut Turn<'_>) {
        self.leave_network(turn);
        let now = turn.now.mono;
        for source in self.list.iter_mut().filter(|source| !source.offline) {
            for member in source.members.iter_mut().filter(|member| member.activity == Activity::Online) {
                member.poll.handle_network_change(now);
            }
            if let Some(lookup) = source.lookup.as_mut().filter(|lookup| lookup.has_failed()) {
                lookup.hurry(now);
            }
        }
    }

    /// The machine is on another network now: what was seen on the old one is not shown on it.
    pub(crate) fn leave_network(&mut self, turn: &mut Turn<'_>) {
        for member in self.members_mut() {
            member.leave_network(turn);
        }
    }
}
