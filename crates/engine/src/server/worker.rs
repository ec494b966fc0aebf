//! Responders on threads of their own.
//!
//! The engine is on another thread, and neither waits for the other: the engine's thread publishes now and then what is to
//! be told, and a worker goes by the last that it got. It must not go by it for too long, nor tell a time that the
//! engine has not looked at: it has no map of the clock, and nobody else's hand on it may stay unnoticed (AT-33). So
//! requests are dropped
//!
//! * when the last publication is older than [`MAX_AGE_S`]: the engine's thread hangs;
//! * when the clock has jumped since;
//! * for a second after a step, like the engine's own responder does.
//!
//! Steps too small to be seen as jumps are ordered by the engine only: whoever carries one out must see to it that no batch
//! spans it, and publish before the next one.

use truechimer_time::{Cooked, Mono, Now};

use super::reason::DropReason;
use super::{Responder, Served, Serving};
use crate::local_clock::tolerance_s;

/// For how long a publication holds, seconds. The engine's thread should publish several times as often.
pub const MAX_AGE_S: f64 = 3.0;

/// What the engine tells workers: see [`Engine::publish`](crate::Engine::publish).
#[derive(Clone, Copy, Debug)]
pub struct Publication {
    pub(crate) served: Served,
    pub(crate) now: Now,
    /// How fast the clock is made to run.
    pub(crate) rate: f64,
    pub(crate) stepped: Option<Mono>,
}

impl Publication {
    /// The server as it is at `now`, for requests that came in together. The responder is one of
    /// [`Engine::new_responder`](crate::Engine::new_responder).
    pub fn serve<'a>(&self, responder: &'a mut Responder, now: Now) -> Serving<'a> {
        responder.stepped = self.stepped;
        let refusal = (!self.holds(now)).then_some(DropReason::ClockUnwatched);
        Serving { responder, served: self.served, now, refusal }
    }

    fn holds(&self, now: Now) -> bool {
        let passed_s = now.mono.seconds_since(self.now.mono);
        let shown_s = seconds(now.cooked, self.now.cooked);
        passed_s <= MAX_AGE_S && (shown_s - passed_s).abs() <= tolerance_s(self.rate, passed_s)
    }
}

fn seconds(later: Cooked, earlier: Cooked) -> f64 {
    (later - earlier).seconds()
}
