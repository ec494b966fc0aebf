//! Log files in the formats of other daemons.

use truechimer_config::Logs as Wanted;
use truechimer_time::Now;

use super::Daemon;
use crate::journal::Priority;
use crate::logs::Logs;

impl Daemon {
    /// Writes what is new, where `heard` says that a source may have given a sample.
    pub(super) fn write_logs(&mut self, heard: bool, now: Now) {
        if !self.logs.as_ref().is_some_and(|logs| heard || logs.is_due(now.mono)) {
            return;
        }
        let report = self.report(now);
        if let Some(Err((path, error))) = self.logs.as_mut().map(|logs| logs.handle_report(&report, now)) {
            let text = format!("cannot write {}: {error}", path.display());
            self.journal.line(now.mono, Priority::Warning, &text);
        }
    }

    /// Somebody has moved the files away.
    pub(super) fn cycle_logs(&mut self) {
        if let Some(logs) = &mut self.logs {
            logs.cycle();
        }
    }

    /// Goes on with the files that are wanted now.
    pub(super) fn configure_logs(&mut self, wanted: Option<Wanted>, now: Now) {
        match (&mut self.logs, wanted) {
            (Some(logs), Some(wanted)) => logs.configure(wanted),
            (_, wanted) => self.logs = wanted.map(|wanted| Logs::new(wanted, now.mono)),
        }
    }
}
