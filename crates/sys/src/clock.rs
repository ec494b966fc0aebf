//! The clocks: the machine's, read or steered, and virtual ones.

mod adjustment;
mod demo;
mod kernel;

use std::io;
use std::time::Duration;

use libc::{clockid_t, timespec};
use truechimer_discipline::clock::{ClockCommand, ClockReadback, ClockResult, SystemClock};
use truechimer_time::{Cooked, Mono, Now};

use crate::ffi::check;

pub use demo::{DemoClock, Truth};
pub use kernel::KernelClock;

/// Reads the system clock.
///
/// # Errors
/// None on a working system: the clock is always there.
pub fn read_cooked() -> io::Result<Cooked> {
    read(libc::CLOCK_REALTIME).map(|time| Cooked::from_unix_nanos(nanos(time)))
}

/// Reads the monotonic clock.
///
/// # Errors
/// None on a working system: the clock is always there.
pub fn read_mono() -> io::Result<Mono> {
    let nanos = nanos(read(libc::CLOCK_MONOTONIC)?);
    Ok(Mono::from_nanos(u64::try_from(nanos).unwrap_or(0)))
}

/// Whether this process may steer the clock: the kernel is asked for a change that it must refuse, and says
/// `EPERM` if it is for want of the privilege. Nothing is changed in any case. Reading the process's capabilities
/// would not do: root in a container's user namespace has `CAP_SYS_TIME`, and may still not set the clock.
pub fn can_set_time() -> bool {
    kernel::may_steer()
}

/// The resolution of the system clock, or the time that reading it takes if that is longer (RFC 5905 §7.3), as a
/// power of two of a second.
///
/// It is measured: the shortest step seen between two readings. Where the clock does not move while it is
/// watched, as in a simulation, it is put at a microsecond.
pub fn precision() -> i8 {
    const READINGS: usize = 40;
    let mut shortest = Duration::from_micros(1);
    let mut moved = None;
    let mut last = read_cooked().ok();
    for _ in 0..READINGS {
        let now = read_cooked().ok();
        if let (Some(earlier), Some(later)) = (last, now)
            && let Ok(step @ 1..) = u64::try_from((later - earlier).nanos())
        {
            moved = Some(moved.map_or(step, |shortest: u64| shortest.min(step)));
        }
        last = now;
    }
    if let Some(nanos) = moved {
        shortest = Duration::from_nanos(nanos);
    }
    log2_seconds(shortest)
}

/// The power of two at or above a span, between 2⁻³⁰ s (1 ns) and 1 s.
fn log2_seconds(span: Duration) -> i8 {
    // The result is within i8 by the clamp.
    span.as_secs_f64().log2().ceil().clamp(-30.0, 0.0) as i8
}

/// The system clock, read and never steered: for observing and serving only, or for want of the privilege.
#[derive(Debug)]
pub struct ObserveOnly {
    readings: Readings,
}

impl ObserveOnly {
    /// A view of the system clock.
    pub fn new() -> Self {
        Self { readings: Readings::default() }
    }
}

impl Default for ObserveOnly {
    fn default() -> Self {
        Self::new()
    }
}

impl SystemClock for ObserveOnly {
    fn now(&mut self) -> Now {
        self.readings.now()
    }

    fn apply(&mut self, _command: ClockCommand) -> ClockResult {
        ClockResult::Observing
    }

    fn readback(&mut self) -> Option<ClockReadback> {
        kernel::readback()
    }
}

/// Two clocks cannot be read at once, and a thread can be held up for long between two readings: then they are read again,
/// so many times at most …
const ATTEMPTS: u32 = 4;
/// … until the two were read as close together as this, nanoseconds. More looks like a clock that jumped.
const CLOSE_NS: u64 = 100_000;

/// Reads both clocks as if at one moment: the closest of a few attempts. `None` where a clock cannot be read.
fn read_together(attempts: u32, close_ns: u64) -> Option<Now> {
    closest(attempts, close_ns, || Some((read_mono().ok()?, read_cooked().ok()?, read_mono().ok()?)))
}

/// `read` gives readings of the monotonic clock, of the system clock, and of the monotonic clock again.
fn closest(
    attempts: u32,
    close_ns: u64,
    mut read: impl FnMut() -> Option<(Mono, Cooked, Mono)>,
) -> Option<Now> {
    let mut best: Option<(u64, Now)> = None;
    for _ in 0..attempts {
        let (before, cooked, after) = read()?;
        let apart = after.nanos().saturating_sub(before.nanos());
        if best.is_none_or(|(least, _)| apart < least) {
            best = Some((apart, Now { mono: Mono::from_nanos(before.nanos() + apart / 2), cooked }));
        }
        if apart <= close_ns {
            break;
        }
    }
    best.map(|(_, now)| now)
}

/// Readings of both clocks that never fail: where a clock cannot be read (it always can), it stands still.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    last: Option<Now>,
}

impl Readings {
    pub(crate) fn now(&mut self) -> Now {
        let last = self.last.unwrap_or(Now { mono: Mono::default(), cooked: Cooked::UNIX_EPOCH });
        let now = read_together(ATTEMPTS, CLOSE_NS).unwrap_or(last);
        self.last = Some(now);
        now
    }
}

fn read(clock: clockid_t) -> io::Result<timespec> {
    let mut time = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to `time`.
    check(unsafe { libc::clock_gettime(clock, &raw mut time) })?;
    Ok(time)
}

/// Nanoseconds of a kernel's time.
#[allow(clippy::useless_conversion)] // time_t and c_long have 32 bits elsewhere
pub(crate) fn nanos(time: timespec) -> i128 {
    i128::from(i64::from(time.tv_sec)) * 1_000_000_000 + i128::from(i64::from(time.tv_nsec))
}

#[cfg(test)]
mod tests;
