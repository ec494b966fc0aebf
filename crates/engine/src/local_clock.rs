//! The system clock as the engine sees it: the map between its two time scales, and the watch over other hands.
//!
//! Everything that is measured lives on the raw scale; only this module turns a reading of the system clock into
//! one. It changes its picture of the clock by [`ClockResult`](truechimer_discipline::clock::ClockResult)s alone,
//! and compares the clock's progress with the monotonic clock's at every turn: a jump that nobody here asked for
//! is the work of an operator, another daemon, a resumed suspension or a migrated machine (AT-33).

use truechimer_discipline::timescale::Timescale;
use truechimer_time::{Cooked, Frequency, Leap, Mono, Now, NtpDuration, Raw};

/// A jump smaller than this can be a delay between the readings of the two clocks.
const JUMP_FLOOR_S: f64 = 0.010;
/// By how much the rates of the two clocks may differ apart from our own correction: a bad crystal that the
/// kernel corrects on one of them.
const RATE_SLACK: f64 = 600e-6;
/// For how long readings taken before our own step may still be handed in.
const STALE_S: f64 = 1.0;
/// An hour-long step is too far for `f64` offsets to stay exact to the nanosecond: the raw scale starts anew.
const FAR_S: f64 = 1000.0;

/// What the clock did since the last look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Progress {
    /// It ran.
    Steady,
    /// It jumped by so many seconds, and not by our order.
    Jumped(f64),
    /// It carried out the leap second that we told it of.
    Leaped,
}

/// The two time scales of one machine.
#[derive(Debug)]
pub(crate) struct LocalClock {
    timescale: Timescale,
    last: Now,
    own_step: Option<(Mono, NtpDuration)>,
    precision_s: f64,
}

impl LocalClock {
    pub(crate) fn new(now: Now, precision: i8) -> Self {
        Self {
            timescale: Timescale::new(now.cooked),
            last: now,
            own_step: None,
            precision_s: f64::from(precision.clamp(-32, 0)).exp2(),
        }
    }

    /// The smallest step between two readings, seconds.
    pub(crate) fn precision_s(&self) -> f64 {
        self.precision_s
    }

    pub(crate) fn raw(&self, cooked: Cooked) -> Raw {
        self.timescale.raw_at(cooked)
    }

    /// The rate in force, slew included.
    pub(crate) fn frequency(&self) -> Frequency {
        self.timescale.frequency()
    }

    /// By how much the system clock is ahead of the raw one at `now`, seconds: what has been corrected so far.
    pub(crate) fn corrected(&self, now: Now) -> f64 {
        apart(now.cooked, self.raw(now.cooked))
    }

    /// The same at a time of the raw scale, if the present rate stays.
    pub(crate) fn corrected_at(&self, raw: Raw) -> f64 {
        apart(self.timescale.cooked_at(raw), raw)
    }

    /// A reading taken before our own step and handed in after it is moved over the step.
    pub(crate) fn fresh(&self, now: Now) -> Now {
        let Some((at, by)) = self.own_step else { return now };
        let jump = self.jump(now);
        let stale = now.mono.seconds_since(at) < STALE_S
            && jump.abs() > self.tolerance(now)
            && (jump + by.seconds()).abs() <= self.tolerance(now);
        if stale { Now { mono: now.mono, cooked: now.cooked + by } } else { now }
    }

    /// Looks at the clock; `leap` is the leap second that the kernel was told to carry out. After a foreign jump,
    /// the raw scale goes on as if nothing had happened.
    pub(crate) fn observe(&mut self, now: Now, leap: Leap) -> (Now, Progress) {
        let now = self.fresh(now);
        let jump = self.jump(now);
        let progress = if jump.abs() <= self.tolerance(now) {
            Progress::Steady
        } else if self.is_leap(jump, now, leap) {
            // NTP time repeats or skips the second as the kernel does, so true time and clock moved together:
            // on the raw scale, which is tied to the clock, nothing happened.
            Progress::Leaped
        } else {
            let by = NtpDuration::from_seconds(jump);
            self.timescale.stepped(now.cooked - by, by);
            Progress::Jumped(jump)
        };
        if now.mono >= self.last.mono {
            self.last = now;
        }
        (now, progress)
    }

    /// How long ago the last look was, seconds.
    pub(crate) fn unwatched_s(&self, now: Now) -> f64 {
        now.mono.seconds_since(self.last.mono)
    }

    /// Our order was carried out: the rate changed.
    pub(crate) fn frequency_changed(&mut self, at: Cooked, frequency: Frequency) {
        self.timescale.frequency_changed(at, frequency);
    }

    /// Our order was carried out: the clock jumped. The answer is whether the raw scale had to start anew, which
    /// makes everything stored on it worthless.
    pub(crate) fn stepped(&mut self, at: Cooked, by: NtpDuration, now: Now) -> (Now, bool) {
        // `now` may be from before or after the jump, and some time from `at`: a thread can be held up in between.
        let target = at + by;
        let moved = now.cooked + by;
        let from_before = (moved - target).abs() < (now.cooked - target).abs();
        let now = Now { mono: now.mono, cooked: if from_before { moved } else { now.cooked } };
        self.own_step = Some((now.mono, by));
        self.last = now;
        let far = by.seconds().abs() > FAR_S;
        if far {
            let frequency = self.timescale.frequency();
            self.timescale = Timescale::new(target);
            self.timescale.frequency_changed(target, frequency);
        } else {
            self.timescale.stepped(at, by);
        }
        (now, far)
    }

    /// When the clock was looked at last, by itself.
    pub(crate) fn seen(&self) -> Cooked {
        self.last.cooked
    }

    fn jump(&self, now: Now) -> f64 {
        (now.cooked - self.last.cooked).seconds() - self.elapsed(now)
    }

    fn tolerance(&self, now: Now) -> f64 {
        tolerance_s(self.frequency().rate(), self.elapsed(now))
    }

    /// Since the last look, seconds; negative for a reading that is handed in after a newer one.
    fn elapsed(&self, now: Now) -> f64 {
        now.mono.seconds_since(self.last.mono) - self.last.mono.seconds_since(now.mono)
    }

    /// The kernel inserts or deletes a second at the end of a UTC day.
    fn is_leap(&self, jump: f64, now: Now, leap: Leap) -> bool {
        let expected = match leap {
            Leap::Insert => -1.0,
            Leap::Delete => 1.0,
            Leap::None | Leap::Unsynchronised => return false,
        };
        let into_day = now.cooked.unix_seconds().rem_euclid(86_400.0);
        let near_midnight = into_day < self.elapsed(now) + 2.0 || into_day > 86_398.0;
        near_midnight && (jump - expected).abs() <= self.tolerance(now)
    }
}

/// By how much the progress of the two clocks may differ in so many seconds while the one is made to run at this rate,
/// seconds: more is a jump.
pub(crate) fn tolerance_s(rate: f64, elapsed_s: f64) -> f64 {
    JUMP_FLOOR_S + (RATE_SLACK + rate.abs()) * elapsed_s.abs()
}

fn apart(cooked: Cooked, raw: Raw) -> f64 {
    NtpDuration::from_bits(cooked.bits().saturating_sub(raw.bits())).seconds()
}

#[cfg(test)]
mod tests;
