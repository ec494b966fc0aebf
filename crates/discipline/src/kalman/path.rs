//! What is learned of the path: its base delay, and how noisy it is.
//!
//! A round trip is the base delay plus queueing on either way. The excess over the base says how wrong the
//! offset of that sample can be: at most half of it. The smallest round trip seen is not the base itself but
//! somewhat longer, the more the fewer have been seen.

/// Windows of the moving minimum, and samples in each. A path that became a little longer is learned after
/// 128 samples.
const WINDOWS: usize = 8;
const WINDOW_LENGTH: u32 = 16;
const REMEMBERED: u32 = WINDOWS as u32 * WINDOW_LENGTH;

/// So many samples in a row with more than [`LONG`] times the usual excess are a new route. For exponential
/// queues, chance does that with a probability of 2·10⁻⁷.
const RUN: u32 = 24;
const LONG: f64 = 0.8;

/// The first samples of a run may be long by chance and still be of the old route: these do not count as
/// evidence of the new one.
const RUN_UP: u32 = 8;

/// Samples after which a base that falls means a new route, not just a better look at the old one.
const SETTLED: u32 = 64;

/// Samples that show what a shorter route is like.
const PROBATION: u32 = 12;

/// What a sample says about the route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Change {
    /// Nothing.
    Same,
    /// The base is lower than thought, by so many seconds: earlier samples had more excess than they were
    /// given.
    Lower(f64),
    /// This may be the first sample, or a further one, by another route: it cannot be told yet.
    Doubtful,
    /// The doubtful samples came by another route, whose base is longer (shorter if negative) by so many
    /// seconds.
    Other(f64),
}

/// How the queueing delays of both ways add up near zero, which decides how far the smallest is from nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queues {
    /// Both ways are alike.
    BothWays,
    /// All of it on one way.
    OneWay,
}

/// The path's delay, learned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    /// Minima of past windows, newest first; the first is being filled.
    windows: [f64; WINDOWS],
    /// Samples in the newest window.
    filling: u32,
    /// Samples that the base rests on.
    samples: u32,
    /// Samples that the mean rests on: it survives a change of route.
    seen: u32,
    /// Smallest round trip.
    base: f64,
    /// Mean excess over the true base, both ways together.
    mean: f64,
    /// Long samples in a row, the shortest of them after the run-up, and the mean excess before them.
    run: u32,
    run_shortest: f64,
    usual: f64,
    /// Samples still to come before a shorter route is judged, and the old route's base.
    probation: u32,
    old_base: f64,
}

impl Path {
    /// With the first round trip.
    pub(super) fn new(delay: f64) -> Self {
        let mut path = Self {
            windows: [f64::INFINITY; WINDOWS],
            filling: 0,
            samples: 0,
            seen: 0,
            base: delay,
            mean: 0.0,
            run: 0,
            run_shortest: f64::INFINITY,
            usual: 0.0,
            probation: 0,
            old_base: delay,
        };
        path.push(delay);
        path
    }

    /// The smallest round trip seen lately, seconds.
    pub(super) fn base(&self) -> f64 {
        self.base
    }

    /// What the base without any queueing probably is.
    pub(super) fn true_base(&self) -> f64 {
        self.base - self.gap(Queues::BothWays)
    }

    /// By how much the true base is probably below the smallest round trip. One exponential delay of mean m
    /// has m/n as its smallest of n; the sum of two with mean s has the distribution x²/2s² near zero, so
    /// its smallest is about 1.25 s/√n. At first, nothing is known but the delay itself.
    fn gap(&self, queues: Queues) -> f64 {
        let n = f64::from(self.samples.max(1));
        let seen = f64::from(self.seen.max(1));
        let unknown = self.base.max(0.0) / 2.0 / (seen * seen);
        match queues {
            Queues::BothWays => unknown + 0.63 * self.mean / n.sqrt(),
            Queues::OneWay => unknown + self.mean / n,
        }
    }

    /// Mean excess of one direction, seconds.
    pub(super) fn scale(&self) -> f64 {
        self.mean / 2.0
    }

    /// Probable excess of a round trip over the true base.
    pub(super) fn excess(&self, delay: f64, queues: Queues) -> f64 {
        (delay - self.base).max(0.0) + self.gap(queues)
    }

    /// Variance of the offset by a shorter route that is not judged yet: it is anywhere within half the
    /// difference.
    pub(super) fn doubt(&self) -> f64 {
        let half = if self.probation > 0 { (self.old_base - self.true_base()) / 2.0 } else { 0.0 };
        half * half / 3.0
    }

    /// Takes a round trip in.
    pub(super) fn update(&mut self, delay: f64) -> Change {
        let (old_base, old_gap, settled) = (self.base, self.gap(Queues::BothWays), self.samples >= SETTLED);
        self.push(delay);
        let fall = old_base - self.base;
        if fall > 0.0 && settled && self.probation == 0 && fall > 3.0 * old_gap {
            self.old_base = old_base - old_gap;
            self.restart(delay, 1);
            self.probation = PROBATION;
        }
        if self.probation > 0 {
            self.probation -= 1;
            self.run = 0;
            return if self.probation == 0 {
                Change::Other(self.true_base() - self.old_base)
            } else {
                Change::Doubtful
            };
        }
        if let Some(by) = self.longer(delay) {
            return Change::Other(by);
        }
        self.learn_mean(delay);
        if fall > old_gap {
            Change::Lower(fall)
        } else if self.run > RUN_UP {
            Change::Doubtful
        } else {
            Change::Same
        }
    }

    /// Whether enough samples in a row have been long, and by how much the new base is longer.
    fn longer(&mut self, delay: f64) -> Option<f64> {
        if self.run == 0 {
            self.usual = self.mean;
            self.run_shortest = f64::INFINITY;
        }
        if self.samples < RUN || delay - self.base < LONG * self.usual.max(0.01 * self.base) {
            self.run = 0;
            return None;
        }
        self.run += 1;
        if self.run > RUN_UP {
            self.run_shortest = self.run_shortest.min(delay);
        }
        if self.run < RUN {
            return None;
        }
        let old = self.true_base();
        self.mean = self.usual;
        self.restart(self.run_shortest, RUN - RUN_UP);
        Some(self.true_base() - old)
    }

    fn learn_mean(&mut self, delay: f64) {
        let excess = self.excess(delay, Queues::BothWays);
        // A single spike does not make the path noisy.
        let excess = if self.seen > 8 { excess.min(8.0 * self.mean + 1e-9) } else { excess };
        self.mean += (excess - self.mean) / f64::from(self.seen);
    }

    fn push(&mut self, delay: f64) {
        if self.filling == WINDOW_LENGTH {
            self.windows.rotate_right(1);
            self.filling = 0;
        }
        let [newest, ..] = &mut self.windows;
        *newest = if self.filling == 0 { delay } else { newest.min(delay) };
        self.filling += 1;
        self.samples = (self.samples + 1).min(REMEMBERED);
        self.seen = (self.seen + 1).min(REMEMBERED);
        self.base = self.windows.iter().copied().fold(f64::INFINITY, f64::min);
    }

    /// Another route with this base, seen in so many samples; its noise is thought to be as before.
    fn restart(&mut self, base: f64, samples: u32) {
        self.windows = [f64::INFINITY; WINDOWS];
        let [newest, ..] = &mut self.windows;
        *newest = base;
        (self.base, self.filling, self.samples, self.run) = (base, samples, samples, 0);
    }
}
