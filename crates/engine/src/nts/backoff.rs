//! When a key exchange may be tried again (RFC 8915 §4.2).

use truechimer_time::Mono;

use crate::rng::Rng;

/// The shortest pause between two key exchanges, seconds.
const FIRST_S: f64 = 10.0;
/// Each further pause is longer by this factor.
const BASE: f64 = 1.5;
/// The longest pause while the server answers, but gives no keys that work: five days.
const LONGEST_S: f64 = 432_000.0;
/// The longest pause while the server cannot be reached: such attempts cost it nothing.
const LONGEST_UNREACHED_S: f64 = 4_096.0;
/// By how much a pause is stretched at random, so that clients that fail together do not come back together.
const STRETCH: f64 = 0.25;

/// Counts the key exchanges since keys last proved themselves by an authentic reply, and spaces them.
#[derive(Debug)]
pub(super) struct Backoff {
    attempts: u32,
    next: Mono,
    /// The shortest pause since the last exchange ends here: nothing makes the next one come sooner.
    earliest: Mono,
}

impl Backoff {
    /// The first exchange may begin at once.
    pub(super) fn new(now: Mono) -> Self {
        Self { attempts: 0, next: now, earliest: now }
    }

    /// For another address of the same server: the first exchange comes after the shortest pause, and if it fails the
    /// pauses go on where those of the old address were.
    pub(super) fn carried_over(&self, now: Mono, rng: &mut Rng) -> Self {
        let next = if self.attempts == 0 { now } else { now.after(FIRST_S * stretch(rng)) };
        Self { attempts: self.attempts, next, earliest: next }
    }

    /// Not before this.
    pub(super) fn next(&self) -> Mono {
        self.next
    }

    /// How many exchanges there were since keys last proved themselves.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// An exchange has ended, well or not; the next one may follow in so many seconds. Even good keys do not shorten the
    /// pause before an authentic reply has shown that they work.
    pub(super) fn ended(&mut self, reached: bool, now: Mono, rng: &mut Rng) -> f64 {
        let exponent = f64::from(self.attempts.min(60));
        let pause_s = FIRST_S * BASE.powf(exponent);
        let longest_s = if reached { LONGEST_S } else { LONGEST_UNREACHED_S };
        if reached || pause_s < longest_s {
            // A long outage of the network shall not be followed by a pause of days.
            self.attempts = self.attempts.saturating_add(1);
        }
        let pause_s = pause_s.min(longest_s) * stretch(rng);
        self.next = now.after(pause_s);
        self.earliest = now.after(FIRST_S);
        pause_s
    }

    /// Keys work. The next exchange need not wait, but for the shortest pause since the last.
    pub(super) fn proven(&mut self) {
        self.attempts = 0;
    }

    /// Something changed that may have been the reason of the failures, or somebody wants it to be tried now.
    pub(super) fn hurry(&mut self, now: Mono, rng: &mut Rng) {
        let soon = now.max(self.earliest).after(FIRST_S * (stretch(rng) - 1.0));
        self.next = self.next.min(soon);
    }

    /// Another address of the same server is tried without a pause.
    pub(super) fn next_address(&mut self, at: Mono) {
        self.next = at;
    }

    /// The outbox is full.
    pub(super) fn put_off(&mut self, now: Mono) {
        self.next = now.after(1.0);
    }
}

fn stretch(rng: &mut Rng) -> f64 {
    1.0 + STRETCH * rng.uniform()
}

#[cfg(test)]
mod tests;
