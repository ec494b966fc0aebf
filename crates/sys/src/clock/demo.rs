//! A clock in user space that is as wrong as we like, for demonstrations and tests: the machine's clock is read, never
//! touched.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use truechimer_discipline::clock::{ClockCommand, ClockReadback, ClockResult, ClockStatus, SystemClock};
use truechimer_discipline::virtual_clock::VirtualClock;
use truechimer_time::{Cooked, Frequency, Mono, Now, NtpDuration};

use super::{read_cooked, read_mono, read_together};

/// How often two clocks are read together at most …
const ATTEMPTS: u32 = 16;
/// … until they were read as close together as this, nanoseconds.
const CLOSE_NS: u64 = 500;

/// The true time of a demonstration: the machine's clock at the start, carried on by the monotonic clock. Copies
/// of one truth agree, whatever becomes of the machine's clock meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Truth {
    start: Cooked,
    mono: Mono,
}

impl Truth {
    /// From now on.
    pub fn start() -> Self {
        Self { start: system_time(), mono: monotonic() }
    }

    /// The true time.
    pub fn now(&self) -> Cooked {
        self.at(monotonic())
    }

    /// The true time at a reading of the monotonic clock.
    pub fn at(&self, mono: Mono) -> Cooked {
        let passed = i128::from(mono.nanos()) - i128::from(self.mono.nanos());
        self.start + NtpDuration::from_nanos(passed)
    }

    /// The true time at a recent reading of the machine's clock.
    fn at_system_time(&self, stamp: Cooked) -> Cooked {
        match read_together(ATTEMPTS, CLOSE_NS) {
            Some(now) => self.at(now.mono) - (now.cooked - stamp),
            None => self.now(),
        }
    }
}

/// A virtual clock that follows a [`Truth`] with the error it was made with and the corrections it is given.
/// Copies are the same clock, so one thread can watch what another one steers.
#[derive(Clone, Debug)]
pub struct DemoClock {
    truth: Truth,
    clock: Arc<Mutex<VirtualClock>>,
}

impl DemoClock {
    /// A clock that shows the true time plus `error`, and whose free oscillator runs `oscillator` too fast.
    pub fn new(truth: Truth, error: NtpDuration, oscillator: Frequency) -> Self {
        let clock = VirtualClock::new(truth.now(), error, oscillator);
        Self { truth, clock: Arc::new(Mutex::new(clock)) }
    }

    /// How wrong the clock is now: what it shows minus the truth. From any thread.
    pub fn truth_error(&self) -> NtpDuration {
        self.current().error()
    }

    /// What the clock was told of its own quality. From any thread.
    pub fn status(&self) -> ClockStatus {
        self.current().status()
    }

    /// The clock, brought up to the present.
    fn current(&self) -> MutexGuard<'_, VirtualClock> {
        self.present().1
    }

    /// The same and the reading of the monotonic clock that "present" means. The lock comes first, so that time moves
    /// only forward in it.
    fn present(&self) -> (Mono, MutexGuard<'_, VirtualClock>) {
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        let mono = monotonic();
        clock.advance(self.truth.at(mono));
        (mono, clock)
    }
}

impl SystemClock for DemoClock {
    fn now(&mut self) -> Now {
        // Both from one reading: an onlooker can tell the error at exactly this moment.
        let (mono, clock) = self.present();
        Now { mono, cooked: clock.cooked() }
    }

    fn from_kernel(&mut self, stamp: Cooked) -> Cooked {
        let truth = self.truth.at_system_time(stamp);
        self.current().cooked_at(truth)
    }

    fn apply(&mut self, command: ClockCommand) -> ClockResult {
        self.current().apply(command)
    }

    fn readback(&mut self) -> Option<ClockReadback> {
        Some(self.current().readback())
    }
}

/// The clocks that are always there.
fn system_time() -> Cooked {
    read_cooked().unwrap_or(Cooked::UNIX_EPOCH)
}

fn monotonic() -> Mono {
    read_mono().unwrap_or_default()
}

#[cfg(test)]
mod tests;
