//! The poll process, RFC 5905 §13: when to ask next, and how often.
//!
//! The interval lengthens while the clock's predicted uncertainty at its end stays near the measurement noise,
//! so that asking sooner would tell nothing new, and shortens when it does not, or when a measurement surprises.
//! Intervals are stretched at random by up to 2 % so that clients that started together drift apart.

use truechimer_time::{Mono, PollExponent};

use crate::config::SourceOptions;
use crate::rng::Rng;

/// Requests of a burst after the first answer.
pub(crate) const BURST: u8 = 4;
/// Seconds between the requests of a burst.
const BURST_SPACING_S: f64 = 2.0;
/// The random stretch of an interval: at least, and at most as much more.
const STRETCH: [f64; 2] = [0.005, 0.015];
/// Polls without an answer after which a source is unreachable: the width of the register.
pub(crate) const UNREACHABLE_AFTER: u32 = 8;
/// Answers without a RATE kiss after which one step of the slow-down is taken back.
const RATE_RECOVERY: u32 = 8;
/// Longest interval that RATE kisses alone can bring about, unless the configuration asks for a longer one.
const RATE_CEILING: i8 = 10;
/// How far the predicted uncertainty may exceed the noise before the interval is too long.
const GROWTH: f64 = 1.95;
/// A surprise of more than this many sigmas shortens the interval.
const SURPRISE: f64 = 4.0;

/// What the estimator says after a sample, for the choice of the interval.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prospect {
    /// Noise of one measurement, seconds.
    pub(crate) noise_s: f64,
    /// Predicted one-sigma of the offset at the end of an interval of the present length, seconds.
    pub(crate) sd_now_s: f64,
    /// The same for the next longer interval.
    pub(crate) sd_longer_s: f64,
    /// How far the measurement was from its prediction, in sigmas of the difference.
    pub(crate) surprise: f64,
}

/// When to ask next.
#[derive(Clone, Debug)]
pub(crate) struct PollProcess {
    min: i8,
    max: i8,
    iburst: bool,
    always_burst: bool,
    exponent: i8,
    /// Raised by RATE kisses, lowered by good behaviour.
    rate_floor: i8,
    answers_since_rate: u32,
    /// Positive: in favour of a longer interval.
    credit: i8,
    /// How many more requests follow quickly.
    burst: u8,
    /// The interval under way is a full one: at its end, with the option `burst`, the next series begins.
    rested: bool,
    /// Requests since the last answer.
    unanswered: u32,
    ever_answered: bool,
    reach: u8,
    /// When the last request left.
    asked: Option<Mono>,
    next: Mono,
}

impl PollProcess {
    /// Asks at once.
    pub(crate) fn new(options: &SourceOptions, now: Mono) -> Self {
        let min = options.min_poll.exponent();
        Self {
            min,
            max: options.max_poll.exponent().max(min),
            iburst: options.iburst,
            always_burst: options.burst,
            exponent: min,
            rate_floor: PollExponent::MIN.exponent(),
            answers_since_rate: 0,
            credit: 0,
            burst: 0,
            rested: true,
            unanswered: 0,
            ever_answered: false,
            reach: 0,
            asked: None,
            next: now,
        }
    }

    /// When the next request is due.
    pub(crate) fn next(&self) -> Mono {
        self.next
    }

    /// The interval in force, log2 seconds.
    pub(crate) fn exponent(&self) -> PollExponent {
        PollExponent::saturating(self.exponent.max(self.rate_floor))
    }

    /// The reachability register.
    pub(crate) fn reach(&self) -> u8 {
        self.reach
    }

    /// Requests since the last answer.
    pub(crate) fn unanswered(&self) -> u32 {
        self.unanswered
    }

    /// No answer to any of the last eight requests.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.reach == 0 && self.unanswered >= UNREACHABLE_AFTER
    }

    /// A request leaves now. The answer is whether the source became unreachable by this.
    pub(crate) fn handle_request(&mut self, now: Mono, rng: &mut Rng) -> bool {
        self.asked = Some(now);
        self.reach <<= 1;
        self.unanswered = self.unanswered.saturating_add(1);
        let just_unreachable = self.unanswered == UNREACHABLE_AFTER + 1;
        if self.unanswered > UNREACHABLE_AFTER && (self.ever_answered || !self.iburst) {
            self.exponent = self.exponent.saturating_add(1).min(self.max);
        }
        let interval_s = if !self.ever_answered && self.iburst {
            self.search_interval_s()
        } else {
            if self.always_burst && self.rested {
                self.burst = BURST - 1;
            }
            self.spacing_s()
        };
        self.next = now.after(stretched(interval_s, rng));
        just_unreachable
    }

    /// A good answer came to a request that left at `asked`. The answer is whether the source was silent before.
    pub(crate) fn handle_answer(&mut self, asked: Mono, rng: &mut Rng) -> bool {
        let was_silent = self.reach == 0;
        if self.is_unreachable() {
            self.exponent = self.min;
        }
        if !self.ever_answered && self.iburst {
            self.burst = BURST;
        }
        if was_silent {
            let interval_s = self.spacing_s();
            self.next = asked.after(stretched(interval_s, rng));
        }
        self.ever_answered = true;
        self.unanswered = 0;
        self.reach |= 1;
        self.recover_from_rate();
        was_silent
    }

    /// A sample of a reference clock came without being asked for.
    pub(crate) fn handle_pulse(&mut self, now: Mono) {
        self.ever_answered = true;
        self.unanswered = 0;
        self.reach |= 1;
        self.next = self.next.max(now);
    }

    /// Chooses the interval after a sample. In a burst there is nothing to choose.
    pub(crate) fn adapt(&mut self, prospect: Prospect, asked: Mono, rng: &mut Rng) {
        if !self.rested {
            return;
        }
        let limit_s = GROWTH * prospect.noise_s;
        self.credit += if prospect.surprise.abs() > SURPRISE || prospect.sd_now_s > 2.0 * limit_s {
            -2
        } else if prospect.sd_longer_s <= limit_s {
            1
        } else if prospect.sd_now_s > limit_s {
            -1
        } else {
            0
        };
        let before = self.exponent();
        if self.credit >= 2 {
            self.exponent = self.exponent.saturating_add(1).min(self.max);
            self.credit = 0;
        } else if self.credit <= -3 {
            self.exponent = self.exponent.saturating_sub(1).max(self.min);
            self.credit = 0;
        }
        if self.exponent() != before {
            self.next = asked.after(stretched(self.exponent().seconds(), rng));
        }
    }

    /// The server asks for restraint (RFC 5905 §7.4). Bounded, and taken back after a while (NA-14, AT-03).
    pub(crate) fn handle_rate_kiss(&mut self, now: Mono, rng: &mut Rng) {
        let ceiling = self.max.max(RATE_CEILING);
        self.rate_floor = self.exponent().exponent().saturating_add(1).min(ceiling);
        self.answers_since_rate = 0;
        self.burst = 0;
        self.rested = true;
        self.unanswered = 0;
        self.next = now.after(stretched(self.exponent().seconds(), rng));
    }

    /// A quick series of measurements, from now on, but not sooner after the last request than in a series: what
    /// starts one again and again, such as a clock that jumps without end, must not flood the server.
    pub(crate) fn start_burst(&mut self, now: Mono) {
        self.burst = BURST - 1;
        self.rested = false;
        self.next = self.asked.map_or(now, |asked| now.max(asked.after(self.burst_spacing_s())));
    }

    /// One request out of turn.
    pub(crate) fn hurry(&mut self, now: Mono) {
        self.next = self.next.min(now);
    }

    /// Everything from the start, as after a change of address.
    pub(crate) fn restart(&mut self, now: Mono) {
        self.exponent = self.min;
        self.credit = 0;
        self.burst = 0;
        self.rested = true;
        self.unanswered = 0;
        self.ever_answered = false;
        self.reach = 0;
        self.next = now;
    }

    /// Whether the next request follows quickly.
    pub(crate) fn in_burst(&self) -> bool {
        !self.rested
    }

    fn recover_from_rate(&mut self) {
        self.answers_since_rate = self.answers_since_rate.saturating_add(1);
        if self.answers_since_rate >= RATE_RECOVERY && self.rate_floor > PollExponent::MIN.exponent() {
            self.answers_since_rate = 0;
            let lower = self.rate_floor.saturating_sub(1);
            self.rate_floor = if lower <= self.min { PollExponent::MIN.exponent() } else { lower };
        }
    }

    /// To the next request; takes one off the burst.
    fn spacing_s(&mut self) -> f64 {
        self.rested = self.burst == 0;
        if self.rested {
            return self.exponent().seconds();
        }
        self.burst -= 1;
        self.burst_spacing_s()
    }

    fn burst_spacing_s(&self) -> f64 {
        let floor_s = if self.rate_floor > self.min { self.exponent().seconds() } else { BURST_SPACING_S };
        self.exponent().seconds().min(floor_s)
    }

    /// Before the first answer: soon again in case a packet was lost, then less and less often.
    fn search_interval_s(&self) -> f64 {
        let doubled = f64::from(self.unanswered.saturating_sub(1).min(20)).exp2() * BURST_SPACING_S;
        doubled.min(PollExponent::saturating(self.max).seconds()).max(self.burst_spacing_s())
    }
}

fn stretched(interval_s: f64, rng: &mut Rng) -> f64 {
    let [least, range] = STRETCH;
    interval_s * (1.0 + least + range * rng.uniform())
}
