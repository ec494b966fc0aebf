//! What `adjtimex` understands, worked out without calling it.
//!
//! The kernel's clock has two knobs for its rate: `freq` in units of 2⁻¹⁶ ppm within ±500 ppm, and `tick`, the
//! microseconds added at each of 100 ticks a second, 9000 to 11 000. They add up. Phase-locked loop, frequency-locked
//! loop and `adjtime` must all be off, so that the rate is ours alone.
//!
//! Source: Linux `kernel/time/ntp.c`, `man 2 adjtimex`; the interface is that of RFC 5905's companion, the
//! kernel model of D. L. Mills.

use libc::{c_int, c_long, timex};
use truechimer_discipline::clock::ClockStatus;
use truechimer_discipline::virtual_clock::KernelRate;
use truechimer_time::{Leap, NtpDuration};

/// The kernel's bound on its error values, in microseconds: at 16 s it declares itself unsynchronised.
const ERROR_LIMIT_US: f64 = 16_000_000.0;

/// A request that changes nothing.
pub(crate) fn empty() -> timex {
    // SAFETY: all zeros is a legal `timex`: no mode bits, so a request to read.
    unsafe { std::mem::zeroed() }
}

/// A request that the kernel refuses: as `EPERM` without the privilege to set the clock, else as `EINVAL`,
/// since no clock ticks in steps of zero. The privilege is looked at first.
pub(crate) fn refused() -> timex {
    timex { modes: libc::ADJ_TICK, tick: 0, ..empty() }
}

/// The requests that take the clock over from whoever steered it before: an `adjtime` in progress is dropped, the
/// phase-locked loop is given an offset of zero, since the kernel goes on working off its old one even when
/// the loop is switched off, and then the loop is switched off. The clock is unsynchronised until we know better,
/// and counts nanoseconds.
pub(crate) fn takeover() -> [timex; 3] {
    [
        timex { modes: libc::ADJ_OFFSET_SINGLESHOT, offset: 0, ..empty() },
        timex {
            modes: libc::ADJ_OFFSET | libc::ADJ_STATUS,
            offset: 0,
            status: libc::STA_PLL | libc::STA_UNSYNC,
            ..empty()
        },
        timex { modes: libc::ADJ_STATUS | libc::ADJ_NANO, status: libc::STA_UNSYNC, ..empty() },
    ]
}

/// The request to run at a rate.
#[allow(clippy::useless_conversion)] // c_long has 32 bits elsewhere; both values fit by the kernel's limits
pub(crate) fn set_rate(rate: KernelRate) -> timex {
    let freq = c_long::try_from(rate.freq).unwrap_or(0);
    let tick = c_long::try_from(rate.tick_us).unwrap_or(10_000);
    timex { modes: libc::ADJ_FREQUENCY | libc::ADJ_TICK, freq, tick, ..empty() }
}

/// The rate in a state that the kernel has told.
#[allow(clippy::useless_conversion)] // c_long has 32 bits elsewhere
pub(crate) fn rate(state: &timex) -> KernelRate {
    KernelRate { tick_us: i64::from(state.tick), freq: i64::from(state.freq) }
}

/// The request to jump, and by how much the clock jumps then; `None` if that is beyond what the kernel can be told.
pub(crate) fn step(by: NtpDuration) -> Option<(timex, i128)> {
    let nanos = by.nanos();
    let seconds = libc::time_t::try_from(nanos.div_euclid(1_000_000_000)).ok()?;
    let fraction = libc::suseconds_t::try_from(nanos.rem_euclid(1_000_000_000)).ok()?;
    let time = libc::timeval { tv_sec: seconds, tv_usec: fraction };
    Some((timex { modes: libc::ADJ_SETOFFSET | libc::ADJ_NANO, time, ..empty() }, nanos))
}

/// The request to tell everybody how good the clock is. All mode bits of the kernel's own loops are off.
pub(crate) fn set_status(status: ClockStatus) -> timex {
    let mut request = timex {
        modes: libc::ADJ_STATUS | libc::ADJ_MAXERROR | libc::ADJ_ESTERROR,
        status: status_bits(status),
        maxerror: microseconds_up(status.max_error_s),
        esterror: microseconds_up(status.est_error_s),
        ..empty()
    };
    if let Some(tai) = status.tai_offset.filter(|tai| *tai >= 0) {
        request.modes |= libc::ADJ_TAI;
        request.constant = c_long::from(tai);
    }
    request
}

/// `STA_UNSYNC` unless synchronised; a leap second is armed only by a clock that is.
fn status_bits(status: ClockStatus) -> c_int {
    if !status.synchronised {
        return libc::STA_UNSYNC;
    }
    match status.leap {
        Leap::None => 0,
        Leap::Insert => libc::STA_INS,
        Leap::Delete => libc::STA_DEL,
        Leap::Unsynchronised => libc::STA_UNSYNC,
    }
}

/// Rounded up, so that a bound stays a bound. NaN is the worst there is.
fn microseconds_up(seconds: f64) -> c_long {
    if seconds.is_nan() {
        return ERROR_LIMIT_US as c_long;
    }
    (seconds * 1e6).ceil().clamp(0.0, ERROR_LIMIT_US) as c_long
}

#[cfg(test)]
mod tests;
