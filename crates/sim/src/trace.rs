//! The course of a clock over a run, for pictures: columns of equal time with the extremes in each.
//!
//! Extremes and not means, so that no excursion is too short to be seen.

/// Columns of equal time.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    length_s: f64,
    count: usize,
    columns: Vec<Column>,
}

/// What happened in one column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// Least error of the clock, seconds, with its sign.
    pub error_low_s: f64,
    /// Greatest error of the clock, seconds, with its sign.
    pub error_high_s: f64,
    /// Least and greatest bound, seconds; `None` if there was none at some moment.
    pub bound_s: Option<[f64; 2]>,
}

impl Trace {
    /// Over so many seconds, in so many columns (at least one).
    pub(crate) fn new(length_s: f64, columns: usize) -> Self {
        let count = columns.max(1);
        Self { length_s, count, columns: Vec::with_capacity(count) }
    }

    /// One moment; moments come in the order of time.
    pub(crate) fn record(&mut self, elapsed_s: f64, error_s: f64, bound_s: Option<f64>) {
        if self.count == 0 {
            return;
        }
        // A moment on the border of two columns belongs to the earlier one: it ends a step of the world.
        let place = (elapsed_s / self.length_s * self.count as f64).ceil() as usize;
        let place = place.saturating_sub(1).min(self.count - 1);
        let new = Column {
            error_low_s: error_s,
            error_high_s: error_s,
            bound_s: bound_s.map(|bound| [bound, bound]),
        };
        match self.columns.get_mut(place) {
            Some(column) => column.widen(&new),
            // Where steps are longer than columns, a column lasts until the next step.
            None => self.columns.resize(place + 1, new),
        }
    }

    /// Length of the run, seconds.
    pub const fn length_s(&self) -> f64 {
        self.length_s
    }

    /// The columns, each of the same length; empty if nothing was kept.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }
}

impl Column {
    fn widen(&mut self, other: &Self) {
        self.error_low_s = self.error_low_s.min(other.error_low_s);
        self.error_high_s = self.error_high_s.max(other.error_high_s);
        self.bound_s = match (self.bound_s, other.bound_s) {
            (Some([low, high]), Some([least, greatest])) => Some([low.min(least), high.max(greatest)]),
            _ => None,
        };
    }
}

#[cfg(test)]
mod tests;
