//! The poll process, RFC 5905 §13: when to ask next, and how often.
//!
//! The noise σ of one measurement and the wander W of the oscillator set a time scale, (σ/W)^⅔: that long the
//! frequency's random walk takes to move the clock by σ. Asking much more often tells little that is new, asking
//! much less often lets the clock stray. The interval goes towards a fixed share of that scale, within the
//! configured limits, and is halved when a measurement surprises. Intervals are stretched at random by up to 3 % so that clients that started together drift apart.

use truechimer_time::{Mono, PollExponent};

use crate::config::SourceOptions;
use crate::rng::Rng;

/// Requests of a burst after the first answer.
pub(crate) const BURST: u8 = 4;
/// Seconds between the requests of a burst.
const BURST_SPACING_S: f64 = 2.0;
/// The random stretch of an interval: at least, and at most as much more.
const STRETCH: [f64; 2] = [0.005, 0.025];
/// Polls without an answer after which a source is unreachable: the width of the register.
pub(crate) const UNREACHABLE_AFTER: u32 = 8;
/// Answers without a RATE kiss after which one step of the slow-down is taken back.
const RATE_RECOVERY: u32 = 8;
/// Longest interval that RATE kisses alone can bring about, unless the configuration asks for a longer one.
const RATE_CEILING: i8 = 10;
/// Share of the time scale that an interval takes: about eight measurements then bear on each estimate.
const SHARE: f64 = 0.76;
/// An interval grows by at most this factor from one measurement to the next.
const STRIDE: f64 = 1.13;
/// In how many answers the mean number of requests that one takes is learned.
const ATTEMPTS_MEMORY: f64 = 8.0;
/// More requests than this before an answer are an outage, not loss.
const MOST_ATTEMPTS: u32 = 8;
/// A surprise of more than this many sigmas shortens the interval.
const SURPRISE: f64 = 4.0;

/// What the estimator says after a sample, for the choice of the interval.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prospect {
    /// Noise of one measurement, seconds.
    pub(crate) noise_s: f64,
    /// Wander of the oscillator, per √s.
    pub(crate) wander: f64,
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
    /// Between the limits, and not rounded to a power of two.
    interval_s: f64,
    /// Raised by RATE kisses, lowered by good behaviour.
    rate_floor: i8,
    answers_since_rate: u32,
    /// How many more requests follow quickly.
    burst: u8,
    /// After the first burst of all, intervals double from this on, seconds: the rate is not known well enough yet to
    /// leave the clock alone for a whole one.
    ramp_s: Option<f64>,
    /// The interval under way is a full one: at its end, with the option `burst`, the next series begins.
    rested: bool,
    /// Requests since the last answer.
    unanswered: u32,
    /// Requests that an answer takes in the mean: packets get lost.
    attempts: f64,
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
            interval_s: options.min_poll.seconds(),
            rate_floor: PollExponent::MIN.exponent(),
            answers_since_rate: 0,
            burst: 0,
            ramp_s: None,
            rested: true,
            unanswered: 0,
            attempts: 1.0,
            ever_answered: false,
            reach: 0,
            asked: None,
            next: now,
        }
    }

    /// Other limits from now on.
    pub(crate) fn limit(&mut self, options: &SourceOptions) {
        self.min = options.min_poll.exponent();
        self.max = options.max_poll.exponent().max(self.min);
        self.interval_s = self.interval_s.clamp(seconds(self.min), seconds(self.max));
    }

    /// When the next request is due.
    pub(crate) fn next(&self) -> Mono {
        self.next
    }

    /// The interval in force, rounded to log2 seconds.
    pub(crate) fn exponent(&self) -> PollExponent {
        PollExponent::saturating(self.interval_s().log2().round() as i8)
    }

    /// The interval in force, seconds.
    pub(crate) fn interval_s(&self) -> f64 {
        self.interval_s.max(seconds(self.rate_floor))
    }

    /// When the next answer may be expected, seconds after the last.
    pub(crate) fn answer_s(&self) -> f64 {
        self.interval_s() * self.attempts
    }

    /// The reachability register.
    pub(crate) fn reach(&self) -> u8 {
        self.reach
    }

    /// Requests since the last answer.
    pub(crate) fn unanswered(&self) -> u32 {
        self.unanswered
    }

    /// Requests without an answer after the eighth in a row.
    pub(crate) fn silence(&self) -> u32 {
        self.unanswered.saturating_sub(UNREACHABLE_AFTER)
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
            self.interval_s = (2.0 * self.interval_s).min(seconds(self.max));
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
            self.interval_s = seconds(self.min);
        }
        if !self.ever_answered && self.iburst {
            self.burst = BURST;
            self.ramp_s = Some(BURST_SPACING_S);
        }
        if was_silent {
            let interval_s = self.spacing_s();
            self.next = asked.after(stretched(interval_s, rng));
        }
        if self.ever_answered {
            let attempts = f64::from(self.unanswered.clamp(1, MOST_ATTEMPTS));
            self.attempts += (attempts - self.attempts) / ATTEMPTS_MEMORY;
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
        let before_s = self.interval_s();
        let scale_s = (prospect.noise_s / prospect.wander).powf(2.0 / 3.0);
        let wanted_s = if prospect.surprise.abs() > SURPRISE {
            before_s / 2.0
        } else if scale_s.is_finite() {
            (SHARE * scale_s).clamp(before_s / STRIDE, before_s * STRIDE)
        } else {
            before_s
        };
        self.interval_s = wanted_s.clamp(seconds(self.min), seconds(self.max));
        if self.interval_s() != before_s {
            self.next = asked.after(stretched(self.interval_s(), rng));
        }
    }

    /// The server asks for restraint (RFC 5905 §7.4). Bounded, and taken back after a while (NA-14, AT-03).
    pub(crate) fn handle_rate_kiss(&mut self, now: Mono, rng: &mut Rng) {
        let ceiling = self.max.max(RATE_CEILING);
        self.rate_floor = self.exponent().exponent().saturating_add(1).min(ceiling);
        self.answers_since_rate = 0;
        self.burst = 0;
        self.ramp_s = None;
        self.rested = true;
        self.unanswered = 0;
        self.next = now.after(stretched(self.interval_s(), rng));
    }

    /// A quick series of measurements, from now on, but not sooner after the last request than in a series: what
    /// starts one again and again, such as a clock that jumps without end, must not flood the server.
    pub(crate) fn start_burst(&mut self, now: Mono) {
        self.burst = BURST - 1;
        self.rested = false;
        self.next = self.soonest(now);
    }

    /// The network may be another one: one request out of turn, but not sooner after the last than in a series.
    pub(crate) fn handle_network_change(&mut self, now: Mono) {
        self.next = self.next.min(self.soonest(now));
    }

    fn soonest(&self, now: Mono) -> Mono {
        self.asked.map_or(now, |asked| now.max(asked.after(self.burst_spacing_s())))
    }

    /// One request out of turn.
    pub(crate) fn hurry(&mut self, now: Mono) {
        self.next = self.next.min(now);
    }

    /// Everything from the start, as after a change of address.
    pub(crate) fn restart(&mut self, now: Mono) {
        self.interval_s = seconds(self.min);
        self.burst = 0;
        self.ramp_s = None;
        self.rested = true;
        self.unanswered = 0;
        self.attempts = 1.0;
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
        if self.burst == 0 {
            self.ramp_s = self.ramp_s.map(|last_s| 2.0 * last_s).filter(|&next_s| next_s < self.interval_s());
        }
        self.rested = self.burst == 0 && self.ramp_s.is_none();
        if self.burst == 0 {
            return self.ramp_s.unwrap_or_else(|| self.interval_s());
        }
        self.burst -= 1;
        self.burst_spacing_s()
    }

    fn burst_spacing_s(&self) -> f64 {
        let floor_s = if self.rate_floor > self.min { self.interval_s() } else { BURST_SPACING_S };
        self.interval_s().min(floor_s)
    }

    /// Before the first answer: soon again in case a packet was lost, then less and less often.
    fn search_interval_s(&self) -> f64 {
        let doubled = f64::from(self.unanswered.saturating_sub(1).min(20)).exp2() * BURST_SPACING_S;
        doubled.min(PollExponent::saturating(self.max).seconds()).max(self.burst_spacing_s())
    }
}

fn seconds(exponent: i8) -> f64 {
    PollExponent::saturating(exponent).seconds()
}

fn stretched(interval_s: f64, rng: &mut Rng) -> f64 {
    let [least, range] = STRETCH;
    interval_s * (1.0 + least + range * rng.uniform())
}
