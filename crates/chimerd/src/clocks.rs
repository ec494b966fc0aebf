//! Clock glue: readings, timestamps, and commands with their results.

use truechimer_discipline::clock::{ClockCommand, ClockReadback, ClockResult, SystemClock};
use truechimer_sys::udp::{judge_received, judge_sent};
use truechimer_time::{Cooked, Now, Stamp};

/// The clock of a daemon.
pub(crate) struct Clocks {
    clock: Box<dyn SystemClock + Send>,
}

impl Clocks {
    pub(crate) fn new(clock: Box<dyn SystemClock + Send>) -> Self {
        Self { clock }
    }

    /// Reads the clocks.
    pub(crate) fn now(&mut self) -> Now {
        self.clock.now()
    }

    /// When a datagram that was just read from its socket came in. `seen` is a reading of the clock from about then.
    ///
    /// A datagram may have come in after that reading, and this program may have been held up before it read the
    /// datagram. A stamp that is too early would be an answer before the question, and no bound could rest on it. So
    /// without a stamp of the kernel's from before `seen`, the clock is read again.
    pub(crate) fn received(&mut self, kernel: Option<Cooked>, seen: Now) -> Stamp {
        let later = kernel.is_none_or(|stamp| self.clock.from_kernel(stamp) > seen.cooked);
        let seen = if later { self.clock.now() } else { seen };
        judge_received(kernel, self.clock.as_mut(), seen.cooked)
    }

    /// When a datagram left. `before` is a reading of the clock before that, `seen` one after.
    pub(crate) fn sent(&mut self, kernel: Option<Cooked>, before: Cooked, seen: Now) -> Stamp {
        judge_sent(kernel, self.clock.as_mut(), before, seen.cooked)
    }

    /// Steers the clock.
    pub(crate) fn apply(&mut self, command: ClockCommand) -> ClockResult {
        self.clock.apply(command)
    }

    /// What the clock says of itself.
    pub(crate) fn readback(&mut self) -> Option<ClockReadback> {
        self.clock.readback()
    }
}

#[cfg(test)]
mod tests;
