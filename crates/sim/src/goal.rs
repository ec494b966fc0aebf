//! What is asked of the engine in a world, and what of it was missed.
//!
//! Where chrony was measured, its figures are the yardstick: the time error has to be a stated fraction of its, and
//! frequency error, requests and bound no more than its. Where it was not, the best figure that is known for such a
//! world is. In every world, no invariant may be broken in any run.

use serde::Serialize;

use crate::score::Row;
use crate::worlds::WorldSpec;

/// The usual fraction of chrony's RMS time error.
pub const RATIO_TIME: f64 = 0.58;
/// Largest geometric mean of those fractions over all worlds in which chrony's RMS time error is known.
pub const GEOMETRIC_MEAN: f64 = 0.42;
/// The best known figure may be exceeded by this factor: the median over a few seeds differs by so much from the
/// median over a few others.
pub const TOLERANCE: f64 = 1.05;
/// chrony's bounds are known to three digits: a ratio to them is known to half a percent.
pub const ROUNDING: f64 = 1.005;

/// What is asked in one world beyond what is asked in all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// Largest ratio of RMS time errors, ours to chrony's; means nothing where chrony's is not known.
    pub ratio_time: f64,
    /// No error above this in the time that counts, in no run, seconds.
    pub largest_s: Option<f64>,
    /// The error is under 1 ms so soon after the first packet, in every run, seconds…
    pub settle_s: Option<f64>,
    /// …and never above this again, seconds.
    pub settled_below_s: Option<f64>,
}

impl Goal {
    /// The usual.
    pub const USUAL: Self = Self::ratio(RATIO_TIME);

    /// Another fraction of chrony's time error.
    pub const fn ratio(ratio_time: f64) -> Self {
        Self { ratio_time, largest_s: None, settle_s: None, settled_below_s: None }
    }
}

/// Something that was missed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Miss {
    /// The field of [`Row`] that is too large.
    pub field: &'static str,
    /// Its value; `None` if it never came to be one.
    pub value: Option<f64>,
    /// What it may be at most.
    pub limit: f64,
    /// The same in words.
    pub text: String,
}

/// What a row of the scoreboard misses of its world's goals.
pub(crate) fn misses(spec: &WorldSpec, row: &Row) -> Vec<Miss> {
    let goal = spec.goal;
    let mut found = Vec::new();
    let mut at_most = |field, value: Option<f64>, limit: f64, what: &str| {
        if let Some(value) = value.filter(|value| value.is_nan() || *value > limit) {
            found.push(Miss { field, value: Some(value), limit, text: exceeds(what, value, limit) });
        }
    };
    at_most("ratio_time", row.ratio_time, goal.ratio_time, "RMS time error, of chrony's");
    at_most("ratio_freq", row.ratio_freq, 1.0, "RMS frequency error, of chrony's");
    at_most("ratio_packets", row.ratio_packets, 1.0, "requests, of chrony's");
    at_most("ratio_bound", row.ratio_bound, ROUNDING, "median bound, of chrony's");
    at_most("ratio_reached", row.ratio_reached, TOLERANCE, "RMS time error, of the best known");
    if let Some(limit) = goal.largest_s {
        at_most("worst_time_s", Some(row.worst_time_s), limit, "largest error in any run, in seconds");
    }
    if let Some(limit) = goal.settled_below_s {
        at_most(
            "worst_settled_s",
            Some(row.worst_settled_s),
            limit,
            "largest error once settled, in seconds",
        );
    }
    at_most("bound_violations", Some(row.bound_violations as f64), 0.0, "errors above the bound");
    at_most("broken", Some(row.broken as f64), 0.0, "runs that broke an invariant");
    if let Some(limit) = goal.settle_s {
        const WHAT: &str = "seconds from the first packet until the error is under 1 ms";
        let text = match row.worst_settle_s {
            Some(value) if value <= limit => return found,
            Some(value) => exceeds(WHAT, value, limit),
            None => format!("in some run the error is never under 1 ms for ten minutes; goal {limit} s"),
        };
        found.push(Miss { field: "worst_settle_s", value: row.worst_settle_s, limit, text });
    }
    found
}

fn exceeds(what: &str, value: f64, limit: f64) -> String {
    let number = |value: f64| match value.abs() {
        0.0 | 1e-2..1e5 => format!("{}", (value * 1e3).round() / 1e3),
        _ => format!("{value:.2e}"),
    };
    format!("{what}: {}, goal {}", number(value), number(limit))
}

#[cfg(test)]
mod tests;
