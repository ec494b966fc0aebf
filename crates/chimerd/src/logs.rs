//! Log files in the formats of chronyd and ntpd (`[logs]`). What stands in them is in [`truechimer_control::logs`]; here are the files:
//! made when there is something to say, appended to, and no reason to stop when the disk is full.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use truechimer_config::Logs as Wanted;
use truechimer_control::logs::{self, Log};
use truechimer_engine::report::{Report, ServerReport};
use truechimer_sys::files;
use truechimer_time::{Mono, Now};

#[cfg(test)]
mod tests;

/// What the server did is written this often, seconds.
const SERVER_INTERVAL_S: f64 = 3600.0;

/// The files that are wanted.
#[derive(Debug)]
pub(crate) struct Logs {
    wanted: Wanted,
    open: BTreeMap<Log, Open>,
    /// Samples that were written, by name and address of the source.
    samples: BTreeMap<(String, Option<String>), Told>,
    updates: u64,
    server: ServerReport,
    server_since: Mono,
    /// Set when something could not be written: said once.
    failed: bool,
}

/// What was written of a source: its samples, and the number of its last answer that failed a check.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    samples: u64,
    refused: u64,
}

#[derive(Debug)]
struct Open {
    name: String,
    file: File,
    /// Lines since the last banner.
    lines: u32,
}

impl Logs {
    pub(crate) fn new(wanted: Wanted, now: Mono) -> Self {
        Self {
            wanted,
            open: BTreeMap::new(),
            samples: BTreeMap::new(),
            updates: 0,
            server: ServerReport::default(),
            server_since: now,
            failed: false,
        }
    }

    /// Goes on with these; what was written is not written again. A reload is also how a rotation of files is announced.
    pub(crate) fn configure(&mut self, wanted: Wanted) {
        self.wanted = wanted;
        self.cycle();
    }

    /// Whether the hour of the server's statistics is over.
    pub(crate) fn is_due(&self, now: Mono) -> bool {
        self.wants(Log::Sysstats) && now >= self.server_since.after(SERVER_INTERVAL_S)
    }

    /// Somebody moves the files away: they are opened anew.
    pub(crate) fn cycle(&mut self) {
        self.open.clear();
    }

    /// Writes what is new.
    ///
    /// # Errors
    /// A file cannot be written; the first time only, and again after it could be.
    pub(crate) fn handle_report(&mut self, report: &Report, now: Now) -> Result<(), (PathBuf, io::Error)> {
        let written = self.write_new(report, now);
        match written {
            Ok(wrote) => {
                self.failed &= !wrote;
                Ok(())
            }
            Err(error) if !std::mem::replace(&mut self.failed, true) => Err(error),
            Err(_) => Ok(()),
        }
    }

    fn wants(&self, log: Log) -> bool {
        self.wanted.files.contains(&log.name())
    }

    /// `true` if there was something to write.
    fn write_new(&mut self, report: &Report, now: Now) -> Result<bool, (PathBuf, io::Error)> {
        let unix_s = now.cooked.unix_seconds();
        let mut lines: Vec<(Log, String)> = Vec::new();
        let mut add = |log, line: &dyn Fn() -> Option<String>| {
            if self.wants(log) {
                lines.extend(line().map(|line| (log, line)));
            }
        };
        // The raw ones hold the others.
        let measured =
            if self.wants(Log::Rawmeasurements) { Log::Rawmeasurements } else { Log::Measurements };
        let mut seen = BTreeMap::new();
        for source in &report.sources {
            let key = (source.name.clone(), source.address.clone());
            let before = self.samples.get(&key).copied().unwrap_or_default();
            let refused = source.refused.as_ref().map_or(0, |refused| refused.number);
            if refused > before.refused {
                add(Log::Rawmeasurements, &|| logs::refused_measurements(source, unix_s));
            }
            if source.samples > before.samples {
                add(measured, &|| logs::measurements(source, unix_s));
                add(Log::Statistics, &|| logs::statistics(source, report, unix_s));
                add(Log::Peerstats, &|| logs::peerstats(source, unix_s));
                add(Log::Rawstats, &|| logs::rawstats(source, unix_s));
            }
            seen.insert(key, Told { samples: source.samples, refused });
        }
        if report.system.updates > self.updates {
            add(Log::Tracking, &|| Some(logs::tracking(report, unix_s)));
            add(Log::Loopstats, &|| Some(logs::loopstats(report, unix_s)));
            for source in &report.sources {
                add(Log::Selection, &|| Some(logs::selection(source, unix_s)));
            }
        }
        self.samples = seen;
        self.updates = report.system.updates;
        if self.is_due(now.mono) {
            let server = report.server.clone().unwrap_or_default();
            let span_s = now.mono.seconds_since(self.server_since);
            lines.push((Log::Sysstats, logs::sysstats(&server, &self.server, span_s, unix_s)));
            (self.server, self.server_since) = (server, now.mono);
        }
        for (log, line) in &lines {
            self.write(*log, line, unix_s)
                .map_err(|error| (self.wanted.folder.join(log.file_name(unix_s)), error))?;
        }
        Ok(!lines.is_empty())
    }

    fn write(&mut self, log: Log, line: &str, unix_s: f64) -> io::Result<()> {
        let name = log.file_name(unix_s);
        if self.open.get(&log).is_none_or(|open| open.name != name) {
            let open = self.start(log, name)?;
            self.open.insert(log, open);
        }
        let Some(open) = self.open.get_mut(&log) else { return Ok(()) };
        let mut text = String::new();
        if let Some(banner) = log.banner().filter(|_| self.wanted.banner > 0 && open.lines == 0) {
            let rule = "=".repeat(banner.len());
            text = format!("{rule}\n{banner}\n{rule}\n");
        }
        text.push_str(line);
        text.push('\n');
        // One call: a line is there or not.
        let written = open.file.write_all(text.as_bytes());
        match written {
            Ok(()) => open.lines = (open.lines + 1).checked_rem(self.wanted.banner).unwrap_or(0),
            // Made again with the next line: it may have been deleted with its folder.
            Err(_) => drop(self.open.remove(&log)),
        }
        written
    }

    fn start(&self, log: Log, name: String) -> io::Result<Open> {
        fs::create_dir_all(&self.wanted.folder)?;
        let path = self.wanted.folder.join(&name);
        let file = files::open_append(&path, 0o644)?;
        if log.banner().is_none() {
            // As ntpd has it, the name without the day is a second name of the latest file. A file that has this name alone is
            // somebody's own and stays.
            let latest = self.wanted.folder.join(log.name());
            if latest.symlink_metadata().map_or(true, |found| found.nlink() > 1) {
                // Not every file system has second names, and something that cannot be removed may be there: the log goes on.
                let _ = fs::remove_file(&latest);
                let _ = fs::hard_link(&path, &latest);
            }
        }
        Ok(Open { name, file, lines: 0 })
    }
}
