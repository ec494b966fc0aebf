//! How a command ends: what it prints and its exit status. Commands return these instead of printing, so that a test
//! can look at them.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::table::Paint;

/// Exit status: everything was as asked.
pub const OK: u8 = 0;
/// Exit status: what was asked is not so, or could not be done.
pub const FAILED: u8 = 1;
/// Exit status: the command line or the configuration makes no sense.
pub const USAGE: u8 = 2;

/// A command that has run.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    /// For standard output.
    pub text: String,
    /// For standard error: what is said beside the answer.
    pub remarks: String,
    /// Exit status.
    pub status: u8,
}

impl Outcome {
    /// Success with this to say.
    pub const fn ok(text: String) -> Self {
        Self { text, remarks: String::new(), status: OK }
    }

    /// The same with [`OK`] or [`FAILED`].
    pub const fn judged(text: String, good: bool) -> Self {
        Self { text, remarks: String::new(), status: if good { OK } else { FAILED } }
    }
}

/// A command that could not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// For machines: `not_running`, `permission`, … or the daemon's own code.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Exit status.
    #[serde(skip)]
    pub status: u8,
}

impl Failure {
    /// Something that could not be done.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), hint: None, status: FAILED }
    }

    /// A command line that makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: "usage".into(), message: message.into(), hint: None, status: USAGE }
    }

    /// The same with advice.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// How to show things.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// One JSON object instead of text for people.
    pub json: bool,
    /// Colour, for people only.
    pub paint: Paint,
}

impl Style {
    /// For standard output as it is now: colour on a terminal unless `NO_COLOR` is set or the terminal is dumb.
    pub fn of_stdout(json: bool) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { json, paint: Paint(!json && !unwanted && !dumb && io::stdout().is_terminal()) }
    }
}

/// Columns of the terminal that standard output is; `None` if it is none, so that files and pipes get everything.
pub fn terminal_width() -> Option<usize> {
    terminal_size().map(|(width, _)| width)
}

/// Columns and lines of the terminal that standard output is.
pub fn terminal_size() -> Option<(usize, usize)> {
    let (width, height) = terminal_size::terminal_size_of(io::stdout())?;
    // Some terminals, such as serial lines, do not know.
    (width.0 > 0 && height.0 > 0).then_some((width.0.into(), height.0.into()))
}

/// A value as one JSON object for machines, with its newline.
///
/// # Errors
/// Only if the value cannot be JSON, which would be a mistake of ours.
pub fn to_json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|error| Failure::new("internal", format!("the answer cannot be written as JSON: {error}")))
}

/// Prints what came out and gives the exit status. A reader that has gone away (`| head`) is no error.
pub fn finish(result: Result<Outcome, Failure>, json: bool) -> u8 {
    match result {
        Ok(outcome) => {
            // Nobody can be told that standard error is gone.
            let _ = io::stderr().write_all(outcome.remarks.as_bytes());
            print(&outcome.text).map_or(FAILED, |()| outcome.status)
        }
        Err(failure) => {
            #[derive(Serialize)]
            struct Told<'a> {
                error: &'a Failure,
            }
            if json && let Ok(text) = to_json(&Told { error: &failure }) {
                let _ = print(&text);
            }
            let hint = failure.hint.map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
            // Nobody can be told that standard error is gone.
            let _ = writeln!(io::stderr(), "chimer: {}{hint}", failure.message);
            failure.status
        }
    }
}

/// Writes to standard output; a closed pipe is silence, everything else (a full disk) is told.
pub fn print(text: &str) -> Result<(), io::Error> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "chimer: standard output: {error}");
            Err(error)
        }
        _ => Ok(()),
    }
}
