//! `chimer wait`: a gate for what must not start before the clock is right.

use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use truechimer_engine::report::Report;

use crate::cli::OutputArgs;
use crate::daemon::DaemonArgs;
use crate::human;
use crate::outcome::{Failure, Outcome, Style, to_json};

#[cfg(test)]
mod tests;

/// How often the daemon is asked.
const INTERVAL: Duration = Duration::from_millis(250);

/// Arguments.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
The clock is right when the daemon calls itself synchronised and, with --bound, when the error bound is not above \
that. A daemon that does not run yet is waited for too. When the time is up, it says why, and the exit status is 1.

Examples:
  chimer wait                                 synchronised at all, within a minute
  chimer wait --bound 10ms --timeout 5min     surely right to 10 ms
  chimer wait --timeout 0s                    just ask: is it right now?")]
pub struct WaitArgs {
    /// Largest error bound to be content with, such as 10ms [default: the daemon's own limit]
    #[arg(long, value_name = "SPAN", value_parser = human::parse_span)]
    pub bound: Option<f64>,
    /// How long to wait
    #[arg(long, value_name = "SPAN", default_value = "60s", value_parser = human::parse_span)]
    pub timeout: f64,
    /// No progress line
    #[arg(long, short)]
    pub quiet: bool,
    /// Where the daemon is.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What came of it.
#[derive(Debug, PartialEq, Serialize)]
struct Waited {
    /// Whether the clock is right.
    reached: bool,
    /// Whether the daemon calls itself synchronised; `None` if it could not be reached.
    synchronised: Option<bool>,
    /// Its error bound, seconds.
    bound_s: Option<f64>,
    /// How long it took, seconds.
    waited_s: f64,
    /// Why, or why not yet.
    reason: String,
}

/// Waits.
///
/// # Errors
/// The daemon refuses to be asked, which waiting does not change.
pub fn wait(args: &WaitArgs) -> Result<Outcome, Failure> {
    let progress = progress_line(args.quiet);
    let waited = wait_for(args, |reason| progress.set_message(reason.to_owned()));
    progress.finish_and_clear();
    let waited = waited?;
    let style = Style::of_stdout(args.output.json);
    let text = if style.json { to_json(&waited)? } else { waited.text() };
    Ok(Outcome::judged(text, waited.reached))
}

/// It is on standard error, and nowhere if that is no terminal.
fn progress_line(quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn wait_for(args: &WaitArgs, mut tell: impl FnMut(&str)) -> Result<Waited, Failure> {
    let start = Instant::now();
    let limit = Duration::try_from_secs_f64(args.timeout).unwrap_or(Duration::MAX);
    loop {
        let mut waited = match args.daemon.report() {
            Ok(report) => Waited::judge(&report, args.bound),
            Err(failure) if may_pass(&failure) => Waited::without_daemon(failure.message),
            Err(failure) => return Err(failure),
        };
        let elapsed = start.elapsed();
        waited.waited_s = elapsed.as_secs_f64();
        if waited.reached || elapsed >= limit {
            return Ok(waited);
        }
        tell(&waited.reason);
        thread::sleep(INTERVAL.min(limit - elapsed));
    }
}

/// Whether the daemon may be there the next time: it starts, restarts or is busy.
fn may_pass(failure: &Failure) -> bool {
    matches!(failure.code.as_str(), "not_running" | "timed_out" | "closed" | "busy")
}

impl Waited {
    fn judge(report: &Report, wanted_s: Option<f64>) -> Self {
        let system = &report.system;
        let near = match (wanted_s, system.bound_s) {
            (None, _) => true,
            (Some(wanted), Some(bound)) => bound <= wanted,
            (Some(_), None) => false,
        };
        let reason = match (system.synchronised, near, wanted_s, system.bound_s) {
            (false, ..) if system.reason.is_empty() => "the daemon is not synchronised".into(),
            (true, false, Some(wanted), Some(bound)) => {
                let (bound, wanted, beyond) =
                    (human::span(bound), human::span(wanted), human::span(bound - wanted));
                format!("the error bound is {bound}, {beyond} above {wanted}")
            }
            (true, false, ..) => "the error bound is unknown".into(),
            _ => system.reason.clone(),
        };
        Self {
            reached: system.synchronised && near,
            synchronised: Some(system.synchronised),
            bound_s: system.bound_s,
            waited_s: 0.0,
            reason,
        }
    }

    fn without_daemon(reason: String) -> Self {
        Self { reached: false, synchronised: None, bound_s: None, waited_s: 0.0, reason }
    }

    fn text(&self) -> String {
        // Who only asked has not waited.
        let after = match self.waited_s {
            s if s < 0.1 => String::new(),
            s => format!(" after {}", human::span(s)),
        };
        match (self.reached, self.bound_s) {
            (true, Some(bound)) => format!("The clock is right to {}{after}.\n", human::span(bound)),
            (true, None) => format!("The clock is synchronised{after}.\n"),
            (false, _) => format!("Not right{after}: {}.\n", self.reason),
        }
    }
}
