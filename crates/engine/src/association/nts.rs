//! What an association does about its keys when it uses NTS.

use std::net::{IpAddr, SocketAddr};

use truechimer_time::Mono;
use truechimer_wire::{KissCode, ReferenceId};

use super::{Activity, Association, Origin};
use crate::event::Event;
use crate::io::{KeyExchangeError, KeyExchanged};
use crate::nts::{Certificate, Established};
use crate::outbox::Turn;

/// Why a source is not believed whose certificate was not valid at the time that it tells.
pub(crate) const MISDATED: &str = "its certificate was not valid at the time that it tells";

impl Association {
    /// The certificate behind its keys.
    pub(crate) fn certificate(&self) -> Option<Certificate<'_>> {
        self.credentials.nts()?.certificate()
    }

    /// Where its server was found: of two associations with the same one, one is too many.
    pub(crate) fn found_at(&self) -> Option<SocketAddr> {
        match self.credentials.nts() {
            Some(client) => client.server(),
            None => self.remote(),
        }
    }

    /// The server that it asks for the time, once that is known.
    pub(crate) fn served_from(&self) -> Option<SocketAddr> {
        let known = self.credentials.nts().is_none_or(|client| client.is_ready() && !self.duplicate);
        self.remote().filter(|_| known)
    }

    /// Takes the place of a member at another address.
    pub(crate) fn succeed(&mut self, old: &Self, turn: &mut Turn<'_>) {
        if let (Some(client), Some(old)) = (self.credentials.nts_mut(), old.credentials.nts()) {
            client.succeed(old, turn);
        }
    }

    /// Asks for keys when they are wanted.
    pub(super) fn exchange_keys(&mut self, turn: &mut Turn<'_>) {
        if self.activity == Activity::Online
            && !self.duplicate
            && let Some(client) = self.credentials.nts_mut()
        {
            client.handle_timeout(&self.name, turn);
        }
    }

    pub(super) fn keys_timeout(&self) -> Option<Mono> {
        let client =
            self.credentials.nts().filter(|_| self.activity == Activity::Online && !self.duplicate)?;
        client.poll_timeout()
    }

    /// A key exchange has ended.
    pub(crate) fn handle_key_exchange(
        &mut self,
        result: Result<KeyExchanged, KeyExchangeError>,
        turn: &mut Turn<'_>,
    ) {
        let Some(client) = self.credentials.nts_mut() else { return };
        match client.handle_exchanged(&self.name, result, turn) {
            Established::No => self.failed = self.failed.saturating_add(1),
            Established::Refuted => self.disbelieve(turn),
            Established::Keys => self.abandon(turn),
            Established::Server(remote) => self.ask_at(remote, turn),
        }
    }

    /// The name of the server for time was resolved.
    pub(crate) fn handle_resolved(&mut self, addresses: &[IpAddr], used: &[SocketAddr], turn: &mut Turn<'_>) {
        let client = self.credentials.nts_mut();
        if let Some(remote) = client.and_then(|client| client.handle_resolved(addresses, used, turn)) {
            self.ask_at(remote, turn);
        }
    }

    /// New keys, for the server at this address: it is asked at once.
    fn ask_at(&mut self, remote: SocketAddr, turn: &mut Turn<'_>) {
        self.abandon(turn);
        if self.origin != Origin::Network(remote) {
            self.origin = Origin::Network(remote);
            if self.last.is_some() {
                // Another server on another path.
                self.remeasure(turn);
            }
        }
        self.poll.hurry(turn.now.mono);
    }

    /// Somebody who saw the request says that the server cannot open it. That may be forged, so the request goes on waiting
    /// for an authentic reply.
    pub(super) fn handle_nak(&mut self, turn: &mut Turn<'_>) {
        self.counters.kisses += 1;
        turn.event(Event::Kiss { source: self.name.clone(), code: ReferenceId::from(KissCode::NtsNak).0 });
    }

    /// From now on the time is known.
    pub(crate) fn handle_time_known(&mut self, unix_s: i64, turn: &mut Turn<'_>) {
        if let Some(client) = self.credentials.nts_mut()
            && !client.handle_time_known(&self.name, unix_s, turn)
        {
            self.disbelieve(turn);
        }
    }

    /// What it said counts no more: the certificate behind its keys does not hold.
    fn disbelieve(&mut self, turn: &mut Turn<'_>) {
        self.remeasure(turn);
        self.failed = self.failed.saturating_add(1);
    }

    /// What it tells cannot be the time, by its own certificate.
    pub(crate) fn tell_misdated(&mut self, turn: &mut Turn<'_>) {
        if let Some(client) = self.credentials.nts_mut() {
            client.misdated(&self.name, turn);
        }
    }

    /// A reply came to this address of ours.
    pub(super) fn leave_network_if_moved(&mut self, local: Option<IpAddr>, turn: &mut Turn<'_>) {
        if self.credentials.nts_mut().is_some_and(|client| client.has_moved(local)) {
            self.leave_network(turn);
        }
    }

    /// The machine is on another network now: with the old keys, everybody who saw both could tell that it is the same
    /// machine.
    pub(crate) fn leave_network(&mut self, turn: &mut Turn<'_>) {
        if self.credentials.nts().is_none() {
            return;
        }
        self.abandon(turn);
        if let Some(client) = self.credentials.nts_mut() {
            client.forget(turn);
        }
    }
}
