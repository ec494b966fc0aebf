//! What comes in for NTS.

use truechimer_time::Now;

use super::Engine;
use crate::io::{KeyExchangeError, KeyExchanged, QueryId};
use crate::outbox::Turn;

impl Engine {
    /// Keys were exchanged with a server, or not. A result that is not waited for any more is ignored.
    pub fn handle_key_exchange(
        &mut self,
        query: QueryId,
        result: Result<KeyExchanged, KeyExchangeError>,
        now: Now,
    ) {
        let Some(now) = self.begin(now) else { return };
        self.sources.handle_key_exchange(query, result, &mut turn!(self, now));
    }

    /// The machine's interfaces or addresses have changed: keys and cookies of NTS are given up, so that nobody can tell by
    /// them that this is the machine that was on another network before. All sources are asked soon, and names that could not
    /// be resolved are tried again. (It may be called too often: two seconds remain between two requests to a source, and at
    /// least ten between two key exchanges.)
    pub fn handle_network_change(&mut self, now: Now) {
        let Some(now) = self.begin(now) else { return };
        let mut turn = turn!(self, now);
        self.sources.handle_network_change(&mut turn);
        self.sources.handle_timeout(&mut turn);
    }

    /// Fresh randomness of the operating system: to be handed in now and then, and above all when the machine may have been
    /// copied or set back to a snapshot, as after every jump of the clock. What is known of earlier randomness says nothing
    /// of what comes after it.
    pub fn handle_entropy(&mut self, fresh: [u8; 32]) {
        self.rng.mix(fresh);
        self.share_key_ring();
    }
}
