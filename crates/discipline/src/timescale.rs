//! Raw and cooked time, converted into each other.
//!
//! The raw scale is what the system clock would show had nobody ever steered it. The clock's rate and steps
//! since then make the cooked scale a piecewise linear function of it. Readings of the clock are converted
//! once, when they come in, by the segment that they belong to, and everything stored is raw: then a
//! correction of the clock has nothing to re-base.

use std::collections::VecDeque;

use truechimer_time::{Cooked, Frequency, NtpDuration, Raw};

use crate::fixed;

/// How many segments are remembered. A correction makes two (slew, then base), so stamps of several polls
/// ago still convert.
const SEGMENTS: usize = 8;

/// From one change of the clock to the next.
#[derive(Clone, Copy, Debug)]
struct Segment {
    /// Reading of the clock at the start, in 2⁻³² s.
    cooked: i128,
    /// Raw time at the start, in 2⁻⁶⁴ s: the finer unit keeps what rounding would lose at every change of
    /// rate.
    raw: i128,
    /// The rate in force.
    frequency: Frequency,
    /// 1 − d(raw)/d(cooked).
    lag: i128,
}

impl Segment {
    fn new(cooked: i128, raw: i128, frequency: Frequency) -> Self {
        Self { cooked, raw, frequency, lag: fixed::inverse(fixed::rate(frequency.rate())) }
    }

    /// In 2⁻⁶⁴ s.
    fn raw_at(&self, cooked: i128) -> i128 {
        let span = fixed::limit(cooked.saturating_sub(self.cooked));
        self.raw.saturating_add((span << 32).saturating_sub(fixed::scale(span, self.lag)))
    }

    /// The reading of the clock at a raw time: a first guess by the inverse rate, then what it missed.
    fn cooked_at(&self, raw: i128) -> i128 {
        let wanted = fixed::limit(raw) << 32;
        let span = fixed::round(wanted.saturating_sub(self.raw));
        let ahead = fixed::round(fixed::scale(fixed::limit(span), fixed::rate(self.frequency.rate())));
        let mut cooked = self.cooked.saturating_add(span).saturating_add(ahead);
        for _ in 0..2 {
            cooked = cooked.saturating_add(fixed::round(wanted.saturating_sub(self.raw_at(cooked))));
        }
        cooked
    }
}

/// The relation between the raw and the cooked scale: d(cooked)/d(raw) = 1 + frequency, apart from steps.
///
/// Conversions are exact to one unit of 2⁻³² s over any number of changes. After a step *backwards* readings
/// of the clock repeat, and one that could be from before or after the step is taken to be from after it; a
/// stamp from before must therefore be converted before [`Timescale::stepped`] is called, or dropped.
#[derive(Clone, Debug)]
pub struct Timescale {
    /// Oldest first, never empty.
    segments: VecDeque<Segment>,
    newest: Segment,
}

impl Timescale {
    /// Raw and cooked time are the same at `start`, and the clock runs at the oscillator's own rate.
    pub fn new(start: Cooked) -> Self {
        let bits = fixed::limit(start.bits());
        let newest = Segment::new(bits, bits << 32, Frequency::ZERO);
        Self { segments: VecDeque::with_capacity(SEGMENTS), newest }
    }

    /// The raw time at which the clock showed `cooked`.
    pub fn raw_at(&self, cooked: Cooked) -> Raw {
        Raw::from_bits(fixed::round(self.raw_fine(cooked)))
    }

    /// What the clock showed, or will show if it is left alone, at a raw time.
    pub fn cooked_at(&self, raw: Raw) -> Cooked {
        let fine = fixed::limit(raw.bits()) << 32;
        let owner = self.segment(|segment| segment.raw <= fine);
        Cooked::from_bits(owner.cooked_at(raw.bits()))
    }

    /// The rate in force, any slew included.
    pub fn frequency(&self) -> Frequency {
        self.newest.frequency
    }

    /// The clock runs at another rate since it showed `at`.
    pub fn frequency_changed(&mut self, at: Cooked, frequency: Frequency) {
        let raw = self.raw_fine(at);
        self.begin(Segment::new(at.bits(), raw, frequency));
    }

    /// The clock jumped by `by` when it showed `at` (the reading before the jump).
    pub fn stepped(&mut self, at: Cooked, by: NtpDuration) {
        let raw = self.raw_fine(at);
        self.begin(Segment::new((at + by).bits(), raw, self.newest.frequency));
    }

    fn begin(&mut self, segment: Segment) {
        self.segments.push_back(self.newest);
        // A change that is reported with an earlier time than the last one replaces it.
        while self.segments.back().is_some_and(|last| last.raw > segment.raw) {
            self.segments.pop_back();
        }
        while self.segments.len() >= SEGMENTS {
            self.segments.pop_front();
        }
        self.newest = segment;
    }

    fn raw_fine(&self, cooked: Cooked) -> i128 {
        let bits = cooked.bits();
        self.segment(|segment| segment.cooked <= bits).raw_at(bits)
    }

    /// The newest segment that `owns` the time in question; times before the oldest belong to the oldest.
    fn segment(&self, owns: impl Fn(&Segment) -> bool) -> &Segment {
        if owns(&self.newest) {
            return &self.newest;
        }
        let older = self.segments.iter().rev().find(|segment| owns(segment));
        older.or(self.segments.front()).unwrap_or(&self.newest)
    }
}

#[cfg(test)]
mod tests;
