//! Names to addresses, through the resolver.

use truechimer_engine::ResolveError;
use truechimer_engine::config::{EngineConfig, Family, Host, SourceKind};
use truechimer_engine::io::QueryId;
use truechimer_sys::resolver::{self, Resolver};
use truechimer_time::Now;

use super::Daemon;
use super::keys::uses_nts;
use crate::roles::Places;

impl Daemon {
    /// Asks for the addresses of a name. Some answers are there at once, but inside the loop that takes as long as the
    /// name servers like: `now` is read again after it.
    pub(super) fn resolve(&mut self, query: QueryId, name: &str, wanted: Option<Family>, now: &mut Now) {
        let Some(resolver) = &mut self.resolver else {
            self.engine.handle_resolved(query, Err(ResolveError::Unavailable), *now);
            return;
        };
        let family = wanted.map(|family| match family {
            Family::V4 => resolver::Family::V4,
            Family::V6 => resolver::Family::V6,
        });
        resolver.ask(query.0, name, family);
        *now = self.clocks.now();
        self.take_answers(*now);
    }

    /// Hands the resolver's answers to the engine.
    pub(super) fn take_answers(&mut self, now: Now) {
        let Some(resolver) = &mut self.resolver else { return };
        while let Some((query, answer)) = resolver.poll_answer() {
            let answer = answer.as_ref().map(Vec::as_slice).map_err(|error| reason(*error));
            self.engine.handle_resolved(QueryId(query), answer, now);
        }
    }
}

fn reason(error: resolver::ResolveError) -> ResolveError {
    match error {
        resolver::ResolveError::NotFound => ResolveError::NotFound,
        resolver::ResolveError::Temporary => ResolveError::Temporary,
        resolver::ResolveError::Unavailable => ResolveError::Unavailable,
    }
}

/// Whether any source has a name to resolve, or may be given one by a key exchange.
pub(super) fn wants_resolver(config: &EngineConfig) -> bool {
    config.sources.iter().any(|source| match &source.kind {
        SourceKind::Server(endpoint) | SourceKind::Pool { endpoint, .. } => {
            matches!(endpoint.host, Host::Name(_)) || uses_nts(source)
        }
        SourceKind::Reference { .. } => false,
    })
}

/// A resolver where it is to run.
pub(super) fn start_resolver(places: &Places) -> std::io::Result<Resolver> {
    match places.program("resolver") {
        Some(program) => Resolver::start_role(program),
        None => Ok(Resolver::inline()),
    }
}
