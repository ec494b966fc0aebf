//! `chimer activity`: how many sources there are, by what they do.

use serde::Serialize;
use truechimer_engine::report::{Report, SourceState};

use crate::human;
use crate::table::{Facts, Paint};

/// Numbers of sources. Every source is in exactly one of these but for `selected` and `falsetickers`, which are part of `online`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Activity {
    /// Polled and answering.
    pub online: u64,
    /// Of those, the ones that steer the clock.
    pub selected: u64,
    /// Of those, the ones that disagree with the majority.
    pub falsetickers: u64,
    /// Polled but not answering.
    pub unreachable: u64,
    /// Switched off.
    pub offline: u64,
    /// Their names are being resolved.
    pub resolving: u64,
    /// Told us to stop.
    pub stopped: u64,
    /// All.
    pub total: u64,
}

impl Activity {
    /// Counts.
    pub fn of(report: &Report) -> Self {
        let mut activity = Self::default();
        for source in &report.sources {
            activity.total += 1;
            let field = match source.state {
                SourceState::Offline => &mut activity.offline,
                SourceState::Unreachable => &mut activity.unreachable,
                SourceState::Resolving => &mut activity.resolving,
                SourceState::Stopped => &mut activity.stopped,
                SourceState::SystemPeer
                | SourceState::Survivor
                | SourceState::Outlier
                | SourceState::Falseticker
                | SourceState::Rejected
                | SourceState::NoSelect => &mut activity.online,
            };
            *field += 1;
            match source.state {
                SourceState::SystemPeer | SourceState::Survivor => activity.selected += 1,
                SourceState::Falseticker => activity.falsetickers += 1,
                _ => {}
            }
        }
        activity
    }
}

/// The counts, one a line.
pub fn activity(counts: &Activity, paint: Paint) -> String {
    let mut facts = Facts::default();
    let (selected, liars) = (counts.selected, human::count(counts.falsetickers, "falseticker"));
    facts.add("Online", format!("{} ({selected} selected, {liars})", counts.online));
    facts.add("Unreachable", counts.unreachable.to_string());
    facts.add("Offline", counts.offline.to_string());
    facts.add("Resolving", counts.resolving.to_string());
    facts.add("Stopped", counts.stopped.to_string());
    facts.add("All sources", counts.total.to_string());
    facts.render(0, paint)
}
