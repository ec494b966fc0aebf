//! A report as text for people: pure functions, so that every layout is tested on a fixed report.

use truechimer_engine::report::{SourceReport, SourceState};

use crate::human;
use crate::table::Tone;

mod activity;
mod clients;
mod sources;
mod stats;
mod status;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;

pub use activity::{Activity, activity};
pub use clients::clients;
pub use sources::{sources, sources_verbose};
pub use stats::{SourceStatistics, statistics, stats};
pub use status::status;

/// The tally character that chronyc's and ntpq's users look for.
pub const fn tally(state: SourceState) -> char {
    match state {
        SourceState::SystemPeer => '*',
        SourceState::Survivor => '+',
        SourceState::Outlier => '-',
        SourceState::Falseticker => 'x',
        SourceState::Rejected => '~',
        SourceState::Unreachable => '?',
        SourceState::NoSelect | SourceState::Offline => ' ',
        SourceState::Resolving => '.',
        SourceState::Stopped => '#',
    }
}

/// The state in words.
pub const fn state_words(state: SourceState) -> &'static str {
    match state {
        SourceState::SystemPeer => "system peer",
        SourceState::Survivor => "survivor",
        SourceState::Outlier => "outlier",
        SourceState::Falseticker => "falseticker",
        SourceState::Rejected => "rejected",
        SourceState::NoSelect => "not selected",
        SourceState::Unreachable => "unreachable",
        SourceState::Offline => "offline",
        SourceState::Resolving => "resolving",
        SourceState::Stopped => "stopped",
    }
}

const fn state_tone(state: SourceState) -> Tone {
    match state {
        SourceState::SystemPeer | SourceState::Survivor => Tone::Good,
        SourceState::Falseticker | SourceState::Stopped => Tone::Bad,
        SourceState::Rejected | SourceState::Unreachable => Tone::Odd,
        SourceState::Outlier | SourceState::NoSelect | SourceState::Offline | SourceState::Resolving => {
            Tone::Plain
        }
    }
}

/// What a source is called in a table: its name, and its address where the name alone does not tell.
fn label(source: &SourceReport) -> String {
    match &source.address {
        Some(address) if source.kind == "pool" && !address.contains(&source.name) => {
            format!("{} ({})", source.name, without_ntp_port(address))
        }
        _ => source.name.clone(),
    }
}

/// `192.0.2.1:123` and `[2001:db8::1]:123` without the port that everybody knows.
fn without_ntp_port(address: &str) -> &str {
    match address.strip_suffix(":123") {
        Some(host) => host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host),
        None => address,
    }
}

fn or_dash<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "-".into(), show)
}

/// What an offset means, as people mix the sign up.
pub(crate) fn direction(offset_s: f64) -> &'static str {
    match offset_s {
        o if o > 0.0 => "the clock is slow",
        o if o < 0.0 => "the clock is fast",
        _ => "no difference",
    }
}

/// `bogus 2, origin 1`: counters by name.
pub(crate) fn counters(map: &std::collections::BTreeMap<String, u64>) -> String {
    map.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

/// `+12.3 µs ± 4.10 µs`.
pub(crate) fn offset_with_sd(offset_s: f64, sd_s: f64) -> String {
    format!("{} ± {}", human::signed_span(offset_s), human::span(sd_s))
}
