//! What the updates of the clock were like, for reports.

use truechimer_time::Mono;

/// Updates after which the mean forgets.
const MEMORY: f64 = 10.0;

/// The updates since the start.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    last: Option<(Mono, f64)>,
    interval_s: Option<f64>,
    count: f64,
    mean_square: f64,
}

impl Updates {
    pub(super) fn add(&mut self, now: Mono, offset_s: f64) {
        self.interval_s = self.last.map(|(at, _)| now.seconds_since(at));
        self.last = Some((now, offset_s));
        self.count = (self.count + 1.0).min(MEMORY);
        self.mean_square += (offset_s * offset_s - self.mean_square) / self.count;
    }

    /// The last correction, seconds.
    pub(crate) fn last_offset_s(&self) -> Option<f64> {
        self.last.map(|(_, offset_s)| offset_s)
    }

    /// Root mean square of the corrections, seconds.
    pub(crate) fn rms_offset_s(&self) -> Option<f64> {
        self.last.map(|_| self.mean_square.sqrt())
    }

    /// Between the last two, seconds.
    pub(crate) fn interval_s(&self) -> Option<f64> {
        self.interval_s
    }
}
