//! What a responder counts.

use super::reason::{DropCounters, DropReason};
use crate::report::ServerReport;

/// Requests and what became of them. Those of several responders can be added up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub(super) received: u64,
    pub(super) answered: u64,
    pub(super) authenticated: u64,
    pub(super) signed: u64,
    pub(super) sealed: u64,
    pub(super) naks: u64,
    pub(super) kisses: u64,
    pub(super) clients_lost: u64,
    dropped: DropCounters,
}

impl Counters {
    /// A request is not answered.
    pub(super) fn drop(&mut self, reason: DropReason) {
        self.dropped.count(reason);
    }

    /// Adds what another responder counted.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.received, other.received),
            (&mut self.answered, other.answered),
            (&mut self.authenticated, other.authenticated),
            (&mut self.signed, other.signed),
            (&mut self.sealed, other.sealed),
            (&mut self.naks, other.naks),
            (&mut self.kisses, other.kisses),
            (&mut self.clients_lost, other.clients_lost),
        ] {
            *sum = sum.saturating_add(more);
        }
        self.dropped.add(&other.dropped);
    }

    /// For people.
    pub fn report(&self) -> ServerReport {
        ServerReport {
            received: self.received,
            answered: self.answered,
            authenticated: self.authenticated,
            signed: self.signed,
            nts: self.sealed,
            nts_naks: self.naks,
            kisses: self.kisses,
            clients_lost: self.clients_lost,
            dropped: self.dropped.report(),
        }
    }
}
