//! The commands that show the daemon's report.

use serde::Serialize;
use truechimer_engine::report::{KeyExchangeReport, Report, ServerReport, SystemReport};

use crate::cli::{ReportArgs, SourcesArgs};
use crate::outcome::{Failure, Outcome, Style, terminal_width, to_json};
use crate::render;

/// `chimer status --json`: the clock's fields at the top, those of the server and of key exchange in an object each.
#[derive(Serialize)]
struct Status<'a> {
    #[serde(flatten)]
    system: &'a SystemReport,
    server: &'a Option<ServerReport>,
    key_exchange: &'a Option<KeyExchangeReport>,
}

/// An object, so that more can be added beside the list later.
#[derive(Serialize)]
struct Sources<T> {
    sources: T,
}

/// `chimer status`.
///
/// # Errors
/// As [`DaemonArgs::report`](crate::daemon::DaemonArgs::report), like the others here.
pub fn status(args: &ReportArgs) -> Result<Outcome, Failure> {
    show_status(&args.daemon.report()?, Style::of_stdout(args.output.json)).map(Outcome::ok)
}

/// `chimer sources`.
///
/// # Errors
/// See [`status`].
pub fn sources(args: &SourcesArgs) -> Result<Outcome, Failure> {
    show_sources(&args.daemon.report()?, args.verbose, Style::of_stdout(args.output.json)).map(Outcome::ok)
}

/// `chimer stats`.
///
/// # Errors
/// See [`status`].
pub fn stats(args: &ReportArgs) -> Result<Outcome, Failure> {
    show_stats(&args.daemon.report()?, Style::of_stdout(args.output.json)).map(Outcome::ok)
}

/// `chimer activity`.
///
/// # Errors
/// See [`status`].
pub fn activity(args: &ReportArgs) -> Result<Outcome, Failure> {
    show_activity(&args.daemon.report()?, Style::of_stdout(args.output.json)).map(Outcome::ok)
}

/// The text of `chimer status`.
///
/// # Errors
/// None in practice: see [`to_json`].
pub fn show_status(report: &Report, style: Style) -> Result<String, Failure> {
    if style.json {
        return to_json(&Status {
            system: &report.system,
            server: &report.server,
            key_exchange: &report.key_exchange,
        });
    }
    Ok(render::status(report, style.paint))
}

/// The text of `chimer sources`.
///
/// # Errors
/// None in practice: see [`to_json`].
pub fn show_sources(report: &Report, verbose: bool, style: Style) -> Result<String, Failure> {
    match verbose {
        _ if style.json => to_json(&Sources { sources: &report.sources }),
        true => Ok(render::sources_verbose(report, style.paint)),
        false => Ok(render::sources(report, style.paint, terminal_width())),
    }
}

/// The text of `chimer stats`.
///
/// # Errors
/// None in practice: see [`to_json`].
pub fn show_stats(report: &Report, style: Style) -> Result<String, Failure> {
    if style.json {
        return to_json(&Sources { sources: render::statistics(report) });
    }
    Ok(render::stats(report, style.paint, terminal_width()))
}

/// The text of `chimer activity`.
///
/// # Errors
/// None in practice: see [`to_json`].
pub fn show_activity(report: &Report, style: Style) -> Result<String, Failure> {
    let counts = render::Activity::of(report);
    if style.json { to_json(&counts) } else { Ok(render::activity(&counts, style.paint)) }
}
