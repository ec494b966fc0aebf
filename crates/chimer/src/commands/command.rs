//! The commands that ask the daemon to do something.

use serde_json::json;
use truechimer_control::Request;

use crate::cli::{OutputArgs, ReportArgs, SourceArgs};
use crate::daemon::DaemonArgs;
use crate::outcome::{Failure, Outcome, Style, to_json};

/// `chimer online`.
///
/// # Errors
/// As [`DaemonArgs::command`], like the others here.
pub fn online(args: &SourceArgs) -> Result<Outcome, Failure> {
    about(args, Request::Online { source: args.source.clone() }, "polled again")
}

/// `chimer offline`.
///
/// # Errors
/// See [`online`].
pub fn offline(args: &SourceArgs) -> Result<Outcome, Failure> {
    about(args, Request::Offline { source: args.source.clone() }, "offline")
}

/// `chimer burst`.
///
/// # Errors
/// See [`online`].
pub fn burst(args: &SourceArgs) -> Result<Outcome, Failure> {
    about(args, Request::Burst { source: args.source.clone() }, "measured in a burst")
}

/// `chimer reload`.
///
/// # Errors
/// See [`online`].
pub fn reload(args: &ReportArgs) -> Result<Outcome, Failure> {
    give(&args.daemon, args.output, &Request::Reload, "The configuration was read again.\n".into())
}

fn about(args: &SourceArgs, request: Request, done: &str) -> Result<Outcome, Failure> {
    let text = match &args.source {
        Some(name) => format!("{} is {done}.\n", crate::human::clean(name)),
        None => format!("All sources are {done}.\n"),
    };
    give(&args.daemon, args.output, &request, text)
}

fn give(
    daemon: &DaemonArgs,
    output: OutputArgs,
    request: &Request,
    text: String,
) -> Result<Outcome, Failure> {
    daemon.command(request)?;
    if Style::of_stdout(output.json).json {
        return to_json(&json!({ "done": request.word() })).map(Outcome::ok);
    }
    Ok(Outcome::ok(text))
}
