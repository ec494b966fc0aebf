//! What a run amounts to: the figures that are compared with other daemons'.
//!
//! Taken once a step of the world (a second), without allocating.

use crate::link::Window;

/// An error is settled below this, seconds…
const SETTLED_S: f64 = 1e-3;
/// …once it has stayed there for so long, seconds.
const SETTLED_FOR_S: f64 = 600.0;

/// Running figures of one clock.
#[derive(Clone, Debug)]
pub struct Statistics {
    time_window: Window,
    frequency_window: Window,
    time: Squares,
    frequency: Squares,
    bounds: Histogram,
    settled_since: Option<f64>,
    settled: Option<f64>,
    worst_settled_s: f64,
}

/// Root mean square and maximum.
#[derive(Clone, Copy, Debug, Default)]
struct Squares {
    count: u64,
    sum: f64,
    largest: f64,
}

impl Squares {
    fn add(&mut self, value: f64) {
        self.count += 1;
        self.sum += value * value;
        self.largest = self.largest.max(value.abs());
    }

    fn rms(&self) -> f64 {
        if self.count == 0 { 0.0 } else { (self.sum / self.count as f64).sqrt() }
    }
}

impl Statistics {
    /// Frequency is judged in the window `frequency`, time and bound in `time`.
    pub fn new(time: Window, frequency: Window) -> Self {
        Self {
            time_window: time,
            frequency_window: frequency,
            time: Squares::default(),
            frequency: Squares::default(),
            bounds: Histogram::new(),
            settled_since: None,
            settled: None,
            worst_settled_s: 0.0,
        }
    }

    /// One moment: the clock's true error, by how much that changed a second since the last moment (slews
    /// included, steps not), and the bound that the engine reports.
    pub fn record(&mut self, elapsed_s: f64, error_s: f64, rate: f64, bound_s: Option<f64>) {
        if self.time_window.contains(elapsed_s) {
            self.time.add(error_s);
            if let Some(bound) = bound_s {
                self.bounds.add(bound);
            }
        }
        if self.frequency_window.contains(elapsed_s) {
            self.frequency.add(rate);
        }
        if self.settled.is_some() {
            self.worst_settled_s = self.worst_settled_s.max(error_s.abs());
        } else if error_s.abs() > SETTLED_S {
            self.settled_since = None;
        } else {
            let since = *self.settled_since.get_or_insert(elapsed_s);
            if elapsed_s - since >= SETTLED_FOR_S {
                self.settled = Some(since);
            }
        }
    }

    /// RMS of the clock's error, seconds.
    pub fn rms_time(&self) -> f64 {
        self.time.rms()
    }

    /// Largest error in the window, seconds.
    pub fn max_time(&self) -> f64 {
        self.time.largest
    }

    /// RMS of the rate of the clock's error, slews included.
    pub fn rms_frequency(&self) -> f64 {
        self.frequency.rms()
    }

    /// Median of the reported bound, seconds; `None` if there never was one.
    pub fn median_bound(&self) -> Option<f64> {
        self.bounds.median()
    }

    /// The moment from which the error stayed under 1 ms for ten minutes, seconds from the start.
    pub fn settled(&self) -> Option<f64> {
        self.settled
    }

    /// Largest error after those ten minutes until the end of the run, seconds.
    pub fn worst_settled(&self) -> f64 {
        self.worst_settled_s
    }
}

/// The least error that can be reached without hearing anybody. A clock that was exactly right in time and frequency when it
/// heard the last is wrong by what its oscillator's frequency walks from then on; that is computed from the oscillator itself. But
/// nobody knows the frequency exactly: its error at that time is multiplied by the time since, and independent of the walk.
/// What is counted is the mean square of both.
#[derive(Clone, Debug)]
pub struct Holdover {
    from_s: f64,
    window: Window,
    /// One sigma of the frequency, as somebody knows it who is told all but that.
    frequency_sd: f64,
    frequency: Option<f64>,
    phase_s: f64,
    errors: Squares,
}

impl Holdover {
    /// Nobody is heard from `from_s` on, when the frequency is known to `frequency_sd`; errors count in the window.
    pub fn new(from_s: f64, frequency_sd: f64, window: Window) -> Self {
        let errors = Squares::default();
        Self { from_s, window, frequency_sd, frequency: None, phase_s: 0.0, errors }
    }

    /// A step of so many seconds has ended, in which the oscillator had this frequency error.
    pub fn record(&mut self, elapsed_s: f64, frequency: f64, step_s: f64) {
        if elapsed_s <= self.from_s {
            self.frequency = Some(frequency);
        } else if let Some(known) = self.frequency {
            self.phase_s += (frequency - known) * step_s;
            if self.window.contains(elapsed_s) {
                self.errors.add(self.phase_s.hypot(self.frequency_sd * (elapsed_s - self.from_s)));
            }
        }
    }

    /// RMS error in the window, seconds.
    pub fn rms_time(&self) -> f64 {
        self.errors.rms()
    }
}

/// Counts of values in bins of equal ratio: a median without keeping the values, right to a twentieth of a percent.
#[derive(Clone, Debug)]
struct Histogram {
    bins: Box<[u32]>,
    count: u64,
}

impl Histogram {
    const SMALLEST: f64 = 1e-10;
    const BINS_PER_E: f64 = 1000.0;
    /// Up to 1e4 s.
    const BINS: usize = 32_240;

    fn new() -> Self {
        Self { bins: vec![0; Self::BINS].into_boxed_slice(), count: 0 }
    }

    fn add(&mut self, value: f64) {
        let bin = ((value / Self::SMALLEST).ln() * Self::BINS_PER_E).max(0.0) as usize;
        if let Some(bin) = self.bins.get_mut(bin.min(Self::BINS - 1)) {
            *bin = bin.saturating_add(1);
            self.count += 1;
        }
    }

    fn median(&self) -> Option<f64> {
        let mut seen = 0;
        let bin = self.bins.iter().position(|&n| {
            seen += u64::from(n);
            seen * 2 >= self.count && self.count > 0
        })?;
        Some(Self::SMALLEST * ((bin as f64 + 0.5) / Self::BINS_PER_E).exp())
    }
}

#[cfg(test)]
mod tests;
