//! The journal: a few lines on standard error, or in the system's log, that a human needs.
//!
//! Under systemd (`JOURNAL_STREAM` is set) each line starts with its priority, `<5>` and so on (sd-daemon(3)). The
//! number of lines is limited whatever happens outside (NA-27), and a word that came from the network or a file
//! cannot start a line of its own.

use std::io::Write;
use std::path::PathBuf;

use truechimer_engine::Event;
use truechimer_time::Mono;

mod sentence;
mod syslog;

pub use sentence::describe;
pub(crate) use sentence::span;
#[cfg(test)]
mod tests;

/// So many lines may come at once …
const BURST: f64 = 40.0;
/// … and so many a second for ever.
const LINES_PER_SECOND: f64 = 0.5;
/// Longer lines are cut.
const MAX_LINE: usize = 500;

/// How much a line matters; the numbers are syslog's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Something does not work.
    Error = 3,
    /// Something may stop working.
    Warning = 4,
    /// Something changed.
    Notice = 5,
    /// Good to know.
    Info = 6,
    /// For those who asked for more.
    Debug = 7,
}

/// What stands before a line.
enum Prefix {
    None,
    /// The priority, for systemd.
    Priority,
    /// Facility and priority, and who it is that speaks.
    Syslog(String),
}

/// Where lines go and how many may.
pub struct Journal {
    sink: Option<Box<dyn Write + Send>>,
    prefix: Prefix,
    verbose: bool,
    /// Lines that matter less are left out.
    least: Priority,
    allowance: f64,
    refilled: Option<Mono>,
    suppressed: u64,
}

impl Journal {
    /// To standard error, with priorities in front if systemd's journal is at its other end.
    pub fn stderr(verbose: bool) -> Self {
        let prefix = if is_systemds() { Prefix::Priority } else { Prefix::None };
        Self { prefix, verbose, ..Self::to(Box::new(std::io::stderr())) }
    }

    /// To the system's log at this socket, under this name. Where nobody takes lines they are lost.
    pub fn syslog(socket: impl Into<PathBuf>, name: &str, verbose: bool) -> Self {
        let prefix = Prefix::Syslog(format!("{name}[{}]: ", std::process::id()));
        Self { prefix, verbose, ..Self::to(Box::new(syslog::Syslog::new(socket.into()))) }
    }

    /// Nowhere.
    pub fn silent() -> Self {
        Self { sink: None, ..Self::to(Box::new(std::io::sink())) }
    }

    /// Into `sink`, without priorities.
    pub fn to(sink: Box<dyn Write + Send>) -> Self {
        Self {
            sink: Some(sink),
            prefix: Prefix::None,
            verbose: false,
            least: Priority::Debug,
            allowance: BURST,
            refilled: None,
            suppressed: 0,
        }
    }

    /// Without the lines that matter less than this.
    #[must_use]
    pub fn at_least(self, least: Priority) -> Self {
        Self { least, ..self }
    }

    /// Writes a line if the allowance has room for it. Debug lines are written only when they were asked for.
    pub fn line(&mut self, now: Mono, priority: Priority, text: &str) {
        if priority > self.least || (priority == Priority::Debug && !self.verbose) {
            return;
        }
        let idle = self.refilled.map_or(0.0, |then| now.seconds_since(then));
        self.refilled = Some(now);
        self.allowance = (self.allowance + idle * LINES_PER_SECOND).min(BURST);
        if self.allowance < 1.0 {
            self.suppressed = self.suppressed.saturating_add(1);
            return;
        }
        self.allowance -= 1.0;
        self.tell_suppressed();
        self.write(priority, text);
    }

    /// Writes a line even if there were too many before it: for the last words of a run.
    pub fn last_line(&mut self, priority: Priority, text: &str) {
        self.tell_suppressed();
        self.write(priority, text);
    }

    /// Writes each line of a longer message.
    pub fn lines(&mut self, now: Mono, priority: Priority, text: &str) {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            self.line(now, priority, line);
        }
    }

    /// Whether debug lines are wanted.
    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Writes what happened as a sentence.
    pub fn event(&mut self, now: Mono, event: &Event) {
        let (priority, text) = describe(event);
        self.line(now, priority, &text);
    }

    fn tell_suppressed(&mut self) {
        match std::mem::take(&mut self.suppressed) {
            0 => {}
            1 => self.write(Priority::Notice, "1 line was left out"),
            lines => self.write(Priority::Notice, &format!("{lines} lines were left out")),
        }
    }

    fn write(&mut self, priority: Priority, text: &str) {
        let Some(sink) = &mut self.sink else { return };
        let mut line = String::with_capacity(text.len() + 8);
        match &self.prefix {
            Prefix::None => {}
            Prefix::Priority => line.push_str(&format!("<{}>", priority as u8)),
            Prefix::Syslog(name) => {
                line.push_str(&format!("<{}>{name}", syslog::FACILITY + priority as u8));
            }
        }
        line.extend(text.chars().take(MAX_LINE).map(|c| if c.is_control() { '?' } else { c }));
        line.push('\n');
        // A journal that cannot be written to has nowhere to complain.
        let _ = sink.write_all(line.as_bytes());
    }
}

/// Whether what is written to standard error goes to systemd's journal.
pub(crate) fn is_systemds() -> bool {
    std::env::var_os("JOURNAL_STREAM").is_some()
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal")
            .field("verbose", &self.verbose)
            .field("suppressed", &self.suppressed)
            .finish()
    }
}
