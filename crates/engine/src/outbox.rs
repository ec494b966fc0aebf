//! What waits to be polled: bounded, and with few events a minute however much the world provokes.

use std::collections::VecDeque;

use truechimer_time::{Mono, Now};

use crate::authentication::KeyTable;
use crate::event::Event;
use crate::io::{CertificateDates, Output, QueryId, Token};
use crate::rng::Rng;

/// More outputs than a turn of the loop can ever produce when the adapter polls as it should.
const CAPACITY: usize = 1024;
/// Room that events may not take: commands to the clock and packets matter more.
const RESERVED: usize = 512;

/// Events of one kind let through at once.
const EVENT_BURST: f64 = 10.0;
/// Seconds after which one more event of that kind is let through.
const EVENT_REFILL_S: f64 = 6.0;

/// The queue of outputs.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Output>,
    limits: [Bucket; Event::KINDS],
    suppressed: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    used: f64,
    at: Mono,
}

impl Bucket {
    fn take(&mut self, now: Mono) -> bool {
        self.used = (self.used - now.seconds_since(self.at) / EVENT_REFILL_S).max(0.0);
        self.at = now;
        let free = self.used + 1.0 <= EVENT_BURST;
        if free {
            self.used += 1.0;
        }
        free
    }
}

impl Outbox {
    /// Whether one more packet, query or command may be queued. An adapter that never polls finds its engine
    /// idle, not growing.
    pub(crate) fn has_room(&self) -> bool {
        self.queue.len() < CAPACITY - 4
    }

    /// Queues anything but an event. `false` when there is no room.
    pub(crate) fn push(&mut self, output: Output) -> bool {
        let room = self.queue.len() < CAPACITY;
        if room {
            self.queue.push_back(output);
        }
        room
    }

    /// Queues an event unless there were too many of its kind lately (NA-27).
    pub(crate) fn event(&mut self, event: Event, now: Mono) {
        let free = self.limits.get_mut(event.kind()).is_some_and(|bucket| bucket.take(now));
        if !free || self.queue.len() >= CAPACITY - RESERVED {
            self.suppressed += 1;
            return;
        }
        if self.suppressed > 0 {
            let count = std::mem::take(&mut self.suppressed);
            self.queue.push_back(Output::Event(Event::Suppressed { count }));
        }
        self.queue.push_back(Output::Event(event));
    }

    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.queue.pop_front()
    }

    /// Forgets everything that is not yet done, except the closing of sockets.
    pub(crate) fn abandon(&mut self) {
        self.queue.retain(|output| matches!(output, Output::Close(_) | Output::Event(_)));
    }
}

/// What a part of the engine needs to act in this turn of the loop.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) now: Now,
    pub(crate) rng: &'a mut Rng,
    pub(crate) outbox: &'a mut Outbox,
    pub(crate) names: &'a mut Names,
    pub(crate) keys: &'a KeyTable,
    /// How the certificates of a key exchange that begins now are to be judged.
    pub(crate) dates: CertificateDates,
}

impl Turn<'_> {
    pub(crate) fn event(&mut self, event: Event) {
        self.outbox.event(event, self.now.mono);
    }
}

/// Hands out tokens and query numbers, none twice.
#[derive(Debug, Default)]
pub(crate) struct Names {
    last: u64,
}

impl Names {
    fn next(&mut self) -> u64 {
        self.last = self.last.saturating_add(1);
        self.last
    }

    pub(crate) fn token(&mut self) -> Token {
        Token(self.next())
    }

    pub(crate) fn query(&mut self) -> QueryId {
        QueryId(self.next())
    }
}

#[cfg(test)]
mod tests;
