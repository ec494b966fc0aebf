//! A system clock made of arithmetic: for the simulator, the demo and tests.
//!
//! It is the Linux kernel's clock as far as a time daemon can see it (`adjtimex(2)`, `kernel/time/ntp.c`):
//! the rate has the kernel's resolution and limits; `maxerror` grows by 500 µs at each full second and, when
//! it reaches 16 s, the clock calls itself unsynchronised; a step makes it unsynchronised until the status
//! is set again. Leap seconds are kept as a status, not carried out.

use truechimer_time::{Cooked, Frequency, Leap, NtpDuration};

use crate::clock::{ClockCommand, ClockReadback, ClockResult, ClockStatus};
use crate::fixed;

/// `NTP_PHASE_LIMIT` of the kernel, seconds.
const MAX_ERROR_LIMIT_S: f64 = 16.0;
/// What the kernel adds to `maxerror` each second (`MAXFREQ`), seconds.
const MAX_ERROR_GROWTH_S: f64 = 500e-6;
/// Largest value of the kernel's `freq`: 500 ppm.
const MAX_FREQ_PPM: f64 = 500.0;
/// One microsecond in a tick of 1/100 s.
const PPM_PER_TICK: f64 = 100.0;
const EINVAL: i32 = 22;

/// A rate as the kernel takes it: the length of a tick, and a fine adjustment (`adjtimex`: `tick`, `freq`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelRate {
    /// Microseconds added at each of 100 ticks a second: 9 000 to 11 000, 10 000 normally.
    pub tick_us: i64,
    /// Parts per million with 16 binary places, ±500 ppm.
    pub freq: i64,
}

impl KernelRate {
    /// The nearest rate that the kernel can do: in steps of 2⁻¹⁶ ppm, within ±10.05 %. The tick is touched
    /// only beyond ±500 ppm. `None` for NaN.
    pub fn nearest(frequency: Frequency) -> Option<Self> {
        let ppm = frequency.ppm();
        if ppm.is_nan() {
            return None;
        }
        let ticks = if ppm.abs() <= MAX_FREQ_PPM { 0.0 } else { (ppm / PPM_PER_TICK).round() };
        let ticks = ticks.clamp(-1000.0, 1000.0);
        let fine = (ppm - ticks * PPM_PER_TICK).clamp(-MAX_FREQ_PPM, MAX_FREQ_PPM);
        Some(Self { tick_us: 10_000 + ticks as i64, freq: (fine * 65_536.0).round() as i64 })
    }

    /// The rate.
    pub fn frequency(self) -> Frequency {
        let coarse = (self.tick_us - 10_000) as f64 * PPM_PER_TICK;
        Frequency::from_ppm(coarse + self.freq as f64 / 65_536.0)
    }
}

/// A straight piece of the clock's course.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// True time at its start, 2⁻³² s.
    truth: i128,
    /// Reading of the clock then, 2⁻⁶⁴ s.
    cooked: i128,
    /// How much faster than true time the clock runs.
    rate: i128,
}

impl Piece {
    /// Reading at a true time, 2⁻⁶⁴ s.
    fn at(&self, truth: i128) -> i128 {
        let span = fixed::limit(truth.saturating_sub(self.truth));
        self.cooked.saturating_add((span << 32).saturating_add(fixed::scale(span, self.rate)))
    }
}

/// A clock with a known truth beside it.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    truth: Cooked,
    oscillator: Frequency,
    frequency: Frequency,
    piece: Piece,
    previous: Piece,
    status: ClockStatus,
    /// Reading of the clock when the status was set.
    status_set: Cooked,
}

impl VirtualClock {
    /// A clock that shows `truth + error` and whose free-running oscillator is fast by `oscillator`. As a
    /// kernel just started, it calls itself unsynchronised.
    pub fn new(truth: Cooked, error: NtpDuration, oscillator: Frequency) -> Self {
        let start = fixed::limit(truth.bits());
        let cooked = fixed::limit((truth + error).bits());
        let piece = Piece { truth: start, cooked: cooked << 32, rate: fixed::rate(oscillator.rate()) };
        Self {
            truth,
            oscillator,
            frequency: Frequency::ZERO,
            piece,
            previous: piece,
            status: UNSYNCHRONISED,
            status_set: Cooked::from_bits(cooked),
        }
    }

    /// Lets true time pass. It cannot go back: an earlier time changes nothing.
    pub fn advance(&mut self, truth: Cooked) {
        self.truth = self.truth.max(truth);
    }

    /// The oscillator runs at another rate from the present moment on.
    pub fn set_oscillator(&mut self, oscillator: Frequency) {
        self.oscillator = oscillator;
        self.turn(NtpDuration::ZERO);
    }

    /// True time, as last advanced to.
    pub fn truth(&self) -> Cooked {
        self.truth
    }

    /// What the clock shows.
    pub fn cooked(&self) -> Cooked {
        self.cooked_at(self.truth)
    }

    /// How wrong it is: cooked − true.
    pub fn error(&self) -> NtpDuration {
        self.cooked() - self.truth
    }

    /// What the clock shows (showed, will show) at a true time near the present one: the future as if
    /// nothing changed, the past back to the last change but one.
    pub fn cooked_at(&self, truth: Cooked) -> Cooked {
        let piece = if truth.bits() < self.piece.truth { &self.previous } else { &self.piece };
        Cooked::from_bits(fixed::round(piece.at(truth.bits())))
    }

    /// The correction in force, relative to the free oscillator.
    pub fn frequency(&self) -> Frequency {
        self.frequency
    }

    /// The state in force, as [`crate::clock::SystemClock::readback`] gives it.
    pub fn readback(&self) -> ClockReadback {
        ClockReadback { frequency: self.frequency }
    }

    /// Carries out a command at the present moment. What the kernel would refuse (a rate that is no number,
    /// a time before 1970) fails with `EINVAL`.
    pub fn apply(&mut self, command: ClockCommand) -> ClockResult {
        let at = self.cooked();
        match command {
            ClockCommand::SetFrequency(wanted) => {
                let Some(rate) = KernelRate::nearest(wanted) else { return ClockResult::Failed(EINVAL) };
                self.frequency = rate.frequency();
                self.turn(NtpDuration::ZERO);
                ClockResult::FrequencySet { at, frequency: self.frequency }
            }
            ClockCommand::Step(by) => {
                if at + by < Cooked::UNIX_EPOCH {
                    return ClockResult::Failed(EINVAL);
                }
                self.turn(by);
                // The kernel forgets how good the clock was (ntp_clear).
                self.status = ClockStatus { tai_offset: self.status.tai_offset, ..UNSYNCHRONISED };
                self.status_set = at + by;
                ClockResult::Stepped { at, by }
            }
            ClockCommand::SetStatus(status) => {
                self.status = ClockStatus {
                    max_error_s: kernel_error(status.max_error_s),
                    est_error_s: kernel_error(status.est_error_s),
                    tai_offset: status.tai_offset.or(self.status.tai_offset),
                    ..status
                };
                self.status_set = at;
                ClockResult::StatusSet
            }
        }
    }

    /// The status as the kernel would show it at the present moment.
    pub fn status(&self) -> ClockStatus {
        let second = |reading: Cooked| reading.bits() >> 32;
        let seconds = (second(self.cooked()) - second(self.status_set)).max(0);
        let grown = self.status.max_error_s + seconds as f64 * MAX_ERROR_GROWTH_S;
        ClockStatus {
            synchronised: self.status.synchronised && grown <= MAX_ERROR_LIMIT_S,
            max_error_s: grown.min(MAX_ERROR_LIMIT_S),
            ..self.status
        }
    }

    /// Begins a new straight piece here, after a jump of `by`.
    fn turn(&mut self, by: NtpDuration) {
        let truth = fixed::limit(self.truth.bits());
        let cooked = self.piece.at(truth).saturating_add(fixed::limit(by.bits()) << 32);
        let (o, f) = (self.oscillator.rate(), self.frequency.rate());
        self.previous = self.piece;
        self.piece = Piece { truth, cooked, rate: fixed::rate(o + f + o * f) };
    }
}

/// A kernel's view of its clock after the start and after every step.
const UNSYNCHRONISED: ClockStatus = ClockStatus {
    synchronised: false,
    max_error_s: MAX_ERROR_LIMIT_S,
    est_error_s: MAX_ERROR_LIMIT_S,
    leap: Leap::None,
    tai_offset: None,
};

/// Whole microseconds, rounded up, within the kernel's limits; NaN says nothing good.
fn kernel_error(seconds: f64) -> f64 {
    if seconds.is_nan() {
        return MAX_ERROR_LIMIT_S;
    }
    (seconds * 1e6).ceil().clamp(0.0, MAX_ERROR_LIMIT_S * 1e6) / 1e6
}

#[cfg(test)]
mod tests;
