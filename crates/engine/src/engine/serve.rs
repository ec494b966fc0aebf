//! Requests of clients, which the [`Responder`] answers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use truechimer_nts::KeyRing;
use truechimer_time::{Cooked, Now, Stamp};

use super::{Engine, Verdict};
use crate::server::worker::Publication;
use crate::server::{ClientTable, Counters, Responder, Serving, SigningError};

impl Engine {
    /// A request came in on a listener: its first `len` bytes are in `buffer`, and the reply is written in their place.
    /// `local` is the address it was sent to (its destination, not the interface's): without it, nobody on the
    /// loopback interface is answered, as a packet from the network can claim a loopback source.
    /// On [`Verdict::Reply`] call [`Engine::stamp_reply`] just before sending; on [`Verdict::Sign`] do what it says.
    pub fn handle_request(
        &mut self,
        buffer: &mut [u8],
        len: usize,
        remote: SocketAddr,
        local: Option<IpAddr>,
        received: Stamp,
        now: Now,
    ) -> Verdict {
        let Some(now) = self.begin(now) else { return Verdict::Drop("closed") };
        let Some(responder) = self.responder.as_mut() else { return Verdict::Drop("no_server") };
        let served = self.system.served(now, &self.clock, &self.local);
        responder.handle(buffer, len, remote, local, received, &served, now)
    }

    /// The server as it is at `now`, for requests that came in together; `None` if there is none. As
    /// [`Engine::handle_request`], with what is the same for all of them done once.
    pub fn serve(&mut self, now: Now) -> Option<Serving<'_>> {
        let now = self.begin(now)?;
        let responder = self.responder.as_mut()?;
        let served = self.system.served(now, &self.clock, &self.local);
        Some(Serving { responder, served, now, refusal: None })
    }

    /// What [workers](crate::server::worker) are to tell from now on; `None` without a server. To be handed to all of them soon,
    /// at least once a second, and after every change of the clock.
    pub fn publish(&mut self, now: Now) -> Option<Publication> {
        let now = self.begin(now)?;
        let stepped = self.responder.as_ref()?.stepped();
        let served = self.system.served(now, &self.clock, &self.local);
        Some(Publication { served, now, rate: self.clock.frequency().rate(), stepped })
    }

    /// A responder like the engine's own, with randomness of its own, for a [worker](crate::server::worker); `None` without
    /// a server. It is out of date when [`Engine::responder_version`] changes.
    pub fn new_responder(&mut self) -> Option<Responder> {
        let serve = self.config.serve.as_ref()?;
        let mut seed = [0; 32];
        self.rng.fill(&mut seed);
        let mut responder = Responder::new(serve, &self.config.keys, seed);
        self.rng.fill(&mut seed);
        responder.handle_key_ring(self.ring.clone(), seed);
        Some(responder)
    }

    /// Changes when the responders of workers have to be made anew.
    pub fn responder_version(&self) -> u64 {
        self.responder_version
    }

    /// What the engine's own responder has done so far.
    pub fn server_counters(&self) -> Option<Counters> {
        self.responder.as_ref().map(Responder::counters)
    }

    /// Who asked the engine's own responder.
    pub fn clients(&mut self) -> Option<&mut ClientTable> {
        self.responder.as_mut().map(Responder::clients)
    }

    /// Puts the transmit timestamp into a reply and authenticates it: the last thing before sending it.
    pub fn stamp_reply(&mut self, reply: &mut [u8], transmit: Cooked) {
        if let Some(responder) = self.responder.as_mut() {
            responder.stamp(reply, transmit);
        }
    }

    /// What came of a [`Verdict::Sign`]: the reply was signed and sent, or not.
    pub fn handle_signed(&mut self, result: Result<(), SigningError>) {
        if let Some(responder) = self.responder.as_mut() {
            responder.handle_signed(result);
        }
    }

    /// The keys that cookies are made with from now on. Without any, or with `None`, nobody is served with NTS.
    pub fn handle_key_ring(&mut self, ring: Option<Arc<KeyRing>>) {
        self.ring = ring;
        self.share_key_ring();
    }

    /// What the configuration says of serving is put into force.
    pub(super) fn configure_responder(&mut self) {
        self.responder_version += 1;
        let keys = &self.config.keys;
        match (&mut self.responder, &self.config.serve) {
            (Some(responder), Some(serve)) => responder.handle_config(serve, keys),
            (responder, serve) => {
                let seed = self.rng.branch();
                *responder = serve.as_ref().map(|serve| Responder::new(serve, keys, seed));
                self.share_key_ring();
            }
        }
    }

    pub(super) fn share_key_ring(&mut self) {
        self.responder_version += 1;
        let mut seed = [0; 32];
        self.rng.fill(&mut seed);
        if let Some(responder) = self.responder.as_mut() {
            responder.handle_key_ring(self.ring.clone(), seed);
        }
    }
}
