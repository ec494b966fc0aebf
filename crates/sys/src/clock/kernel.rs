//! The machine's clock, steered through `clock_adjtime`.
//!
//! Tests never construct requests that steer it: what is sent is worked out and tested in [`adjustment`].

use std::io;

use libc::timex;
use truechimer_discipline::clock::{ClockCommand, ClockReadback, ClockResult, ClockStatus, SystemClock};
use truechimer_discipline::virtual_clock::KernelRate;
use truechimer_time::{Cooked, Frequency, Now, NtpDuration};

use super::adjustment;
use super::{Readings, nanos, read_cooked};
use crate::ffi::check;

/// The system clock, steered.
///
/// Nothing is changed when it is created. The first command takes the clock over: the kernel's own loops are
/// switched off and the clock is marked unsynchronised. A step makes the kernel mark it unsynchronised again,
/// until the next [`ClockCommand::SetStatus`].
#[derive(Debug, Default)]
pub struct KernelClock {
    readings: Readings,
    taken_over: bool,
}

impl KernelClock {
    /// The system clock. Whether it can be steered, [`can_set_time`](super::can_set_time) tells.
    pub fn new() -> Self {
        Self::default()
    }

    /// Errors do not matter here: a kernel that refuses one of these has nothing to be switched off, and one that
    /// refuses us altogether will refuse the command that follows.
    fn take_over(&mut self) {
        if !self.taken_over {
            for request in adjustment::takeover() {
                let _ = adjust(request);
            }
            self.taken_over = true;
        }
    }
}

impl SystemClock for KernelClock {
    fn now(&mut self) -> Now {
        self.readings.now()
    }

    fn apply(&mut self, command: ClockCommand) -> ClockResult {
        self.take_over();
        let result = match command {
            ClockCommand::SetFrequency(frequency) => set_frequency(frequency),
            ClockCommand::Step(by) => step(by),
            ClockCommand::SetStatus(status) => set_status(status),
        };
        result.unwrap_or_else(|error| ClockResult::Failed(error.raw_os_error().unwrap_or(libc::EINVAL)))
    }

    fn readback(&mut self) -> Option<ClockReadback> {
        readback()
    }
}

fn set_frequency(frequency: Frequency) -> io::Result<ClockResult> {
    let rate = KernelRate::nearest(frequency).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
    let before = read_cooked()?;
    adjust(adjustment::set_rate(rate))?;
    let after = read_cooked()?;
    // The change happened somewhere between the two readings.
    Ok(ClockResult::FrequencySet { at: before + (after - before) / 2, frequency: rate.frequency() })
}

fn step(by: NtpDuration) -> io::Result<ClockResult> {
    let (request, nanos) = adjustment::step(by).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
    let at = read_cooked()?;
    match adjust(request) {
        Ok(_) => Ok(ClockResult::Stepped { at, by: NtpDuration::from_nanos(nanos) }),
        Err(error) if is_unknown_call(&error) => step_by_setting(nanos),
        Err(error) => Err(error),
    }
}

/// The older way to step, for systems that cannot add an offset (some sandboxes and simulators): it loses the
/// time between reading the clock and setting it, some hundred nanoseconds.
fn step_by_setting(by: i128) -> io::Result<ClockResult> {
    let at = read_cooked()?;
    let target = at.unix_nanos() + by;
    let beyond = |_| io::Error::from_raw_os_error(libc::EINVAL);
    let time = libc::timespec {
        tv_sec: libc::time_t::try_from(target.div_euclid(1_000_000_000)).map_err(beyond)?,
        tv_nsec: libc::c_long::try_from(target.rem_euclid(1_000_000_000)).map_err(beyond)?,
    };
    // SAFETY: the pointer is to `time`.
    check(unsafe { libc::clock_settime(libc::CLOCK_REALTIME, &raw const time) })?;
    Ok(ClockResult::Stepped { at, by: Cooked::from_unix_nanos(nanos(time)) - at })
}

fn set_status(status: ClockStatus) -> io::Result<ClockResult> {
    adjust(adjustment::set_status(status))?;
    Ok(ClockResult::StatusSet)
}

/// `EINVAL` may also mean that the result would be no legal time; then setting the clock fails as well.
fn is_unknown_call(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS | libc::EOPNOTSUPP))
}

/// What the kernel says of its rate, which anyone may ask.
pub(super) fn readback() -> Option<ClockReadback> {
    let state = read_state().ok()?;
    Some(ClockReadback { frequency: adjustment::rate(&state).frequency() })
}

pub(super) fn read_state() -> io::Result<timex> {
    adjust(adjustment::empty())
}

pub(super) fn may_steer() -> bool {
    match adjust(adjustment::refused()) {
        Ok(_) => true,
        Err(error) => error.raw_os_error() == Some(libc::EINVAL),
    }
}

/// Sends a request and returns the state after it.
fn adjust(mut request: timex) -> io::Result<timex> {
    // SAFETY: the pointer is to `request`, which is complete.
    check(unsafe { libc::clock_adjtime(libc::CLOCK_REALTIME, &raw mut request) })?;
    Ok(request)
}

#[cfg(test)]
mod tests;
