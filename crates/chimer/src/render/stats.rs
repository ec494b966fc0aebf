//! `chimer stats`: what the estimator of each source has learned.

use serde::Serialize;
use truechimer_engine::report::{Report, SourceState};

use super::{label, or_dash, state_tone, tally};
use crate::human;
use crate::table::{Edge, Narrow, Paint, Table};

/// The statistics of one source, as JSON shows them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceStatistics {
    /// Name.
    pub name: String,
    /// Address and port, once known.
    pub address: Option<String>,
    /// Verdict of the last selection.
    pub state: SourceState,
    /// Samples taken.
    pub samples: u64,
    /// Estimated frequency of the clock against the source, ppm.
    pub frequency_ppm: Option<f64>,
    /// Estimated offset now, seconds.
    pub offset_s: Option<f64>,
    /// One sigma of it, seconds.
    pub offset_sd_s: Option<f64>,
    /// Noise of recent samples, seconds.
    pub jitter_s: Option<f64>,
    /// Smallest round trip believed possible, seconds.
    pub base_delay_s: Option<f64>,
    /// Last measured round trip, seconds.
    pub last_delay_s: Option<f64>,
    /// Guaranteed bound through this source, seconds.
    pub root_distance_s: Option<f64>,
    /// Requests sent.
    pub sent: u64,
    /// Replies accepted.
    pub accepted: u64,
    /// Datagrams dropped by all checks.
    pub dropped: u64,
}

/// The statistics in a report.
pub fn statistics(report: &Report) -> Vec<SourceStatistics> {
    let of = |source: &truechimer_engine::report::SourceReport| SourceStatistics {
        name: source.name.clone(),
        address: source.address.clone(),
        state: source.state,
        samples: source.samples,
        frequency_ppm: source.frequency_ppm,
        offset_s: source.offset_s,
        offset_sd_s: source.offset_sd_s,
        jitter_s: source.jitter_s,
        base_delay_s: source.base_delay_s,
        last_delay_s: source.last_delay_s,
        root_distance_s: source.root_distance_s,
        sent: source.sent,
        accepted: source.accepted,
        dropped: source.dropped.values().sum(),
    };
    report.sources.iter().map(of).collect()
}

/// A table, for a terminal of this width if it is for one.
pub fn stats(report: &Report, paint: Paint, width: Option<usize>) -> String {
    if report.sources.is_empty() {
        return "No sources are configured.\n".into();
    }
    let mut table = Table::new(&[
        ("", Edge::Left),
        ("Source", Edge::Left),
        ("Samples", Edge::Right),
        ("Frequency", Edge::Right),
        ("Offset", Edge::Right),
        ("± sd", Edge::Right),
        ("Jitter", Edge::Right),
        ("Base delay", Edge::Right),
        ("Delay", Edge::Right),
        ("Sent", Edge::Right),
        ("Accepted", Edge::Right),
        ("Dropped", Edge::Right),
    ]);
    for (source, numbers) in report.sources.iter().zip(statistics(report)) {
        let cells = vec![
            tally(source.state).to_string(),
            label(source),
            numbers.samples.to_string(),
            or_dash(numbers.frequency_ppm, human::ppm),
            or_dash(numbers.offset_s, human::signed_span),
            or_dash(numbers.offset_sd_s, human::span),
            or_dash(numbers.jitter_s, human::span),
            or_dash(numbers.base_delay_s, human::span),
            or_dash(numbers.last_delay_s, human::span),
            numbers.sent.to_string(),
            numbers.accepted.to_string(),
            numbers.dropped.to_string(),
        ];
        table.row(state_tone(source.state), cells);
    }
    let means = ["Delay", "Sent", "Accepted", "± sd", "Samples"].map(Narrow::Drop);
    table.fit(width, &means).render(paint)
}
