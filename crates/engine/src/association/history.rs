//! The latest samples one by one, for reports: the estimator keeps sums.

use truechimer_time::Mono;

use crate::report::HistoryReport;

/// How many are kept.
const KEPT: usize = 64;

/// A ring of samples.
#[derive(Clone, Debug)]
pub(crate) struct History {
    /// When, and whether later than predicted.
    ring: [(Mono, bool); KEPT],
    count: usize,
    next: usize,
}

impl Default for History {
    fn default() -> Self {
        Self { ring: [(Mono::from_nanos(0), false); KEPT], count: 0, next: 0 }
    }
}

impl History {
    /// One more sample, which differed from its prediction by so much.
    pub(super) fn add(&mut self, now: Mono, surprise_s: f64) {
        if let Some(place) = self.ring.get_mut(self.next) {
            *place = (now, surprise_s > 0.0);
        }
        self.next = (self.next + 1) % KEPT;
        self.count = (self.count + 1).min(KEPT);
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn report(&self) -> Option<HistoryReport> {
        let oldest = (self.next + KEPT - self.count) % KEPT;
        let samples = || self.ring.iter().cycle().skip(oldest).take(self.count);
        let (first, last) = (samples().next()?, samples().last()?);
        let changes = samples().zip(samples().skip(1)).filter(|((_, a), (_, b))| a != b).count();
        Some(HistoryReport {
            samples: self.count as u32,
            runs: changes as u32 + 1,
            span_s: last.0.seconds_since(first.0),
        })
    }
}
