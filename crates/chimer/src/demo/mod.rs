//! `chimer demo`: the real thing, small. Three honest servers and one liar, each a whole daemon on a clock of its own,
//! listen on loopback ports; a client daemon whose clock is 0.8 s and 60 ppm wrong asks them over real UDP. The demo
//! knows the truth, so it can show the client's true error falling beneath the bound that the client reports.
//!
//! Nothing here touches the machine's clock: the five clocks are arithmetic on the monotonic one.
//!
//! | file | what it is |
//! |---|---|
//! | `world` | the five daemons: their clocks, configurations and threads |
//! | `certificates` | with `--nts`: who vouches for the servers |
//! | `watch` | looks on inside the client's loop and compares its error with its bound, a hundred times a second |
//! | `show` | the same facts for a terminal, line by line, or as JSON |
//! | `summary` | the facts at the end and the verdict |

use std::time::{Duration, Instant};

use truechimer_sys::signal;

use crate::outcome::{self, Failure};

mod certificates;
mod show;
mod summary;
#[cfg(test)]
mod tests;
mod watch;
mod world;

use show::Show;
use summary::Summary;
use watch::Facts;
use world::World;

/// Between two pictures.
const PICTURE_INTERVAL: Duration = Duration::from_millis(500);

/// What `chimer demo` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How long to run
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(3..=86_400))]
    pub seconds: u64,
    /// Authenticated by NTS, key exchange with throw-away certificates included
    #[arg(long)]
    pub nts: bool,
    /// One line at a time instead of a live picture (also when standard output is no terminal)
    #[arg(long)]
    pub plain: bool,
    /// One JSON object a line; the last one is the summary
    #[arg(long)]
    pub json: bool,
}

/// Runs the demo and says whether it showed what it promises: exit status 0 if at the end the client is less than
/// 1 ms from the truth, its bound was never below its true error, and the liar is marked; with `--nts`, also if every
/// server's replies were authenticated. Otherwise 1.
pub fn run(args: &Args) -> u8 {
    match try_run(args, Show::new(args.plain, args.json)) {
        Ok(summary) if summary.failures().is_empty() => outcome::OK,
        Ok(_) => outcome::FAILED,
        Err(message) => outcome::finish(Err(Failure::new("demo", message)), args.json),
    }
}

fn try_run(args: &Args, mut show: Show) -> Result<Summary, String> {
    // An interrupted demo leaves no files behind and still says what it saw.
    signal::install().map_err(|error| format!("cannot catch signals: {error}"))?;
    let world = World::start(args.nts)?;
    let began = Instant::now();
    let length = Duration::from_secs(args.seconds);
    let mut report = None;
    let mut interrupted = false;
    let mut next = PICTURE_INTERVAL;
    show.opening(args.nts);
    while began.elapsed() < length && !interrupted {
        std::thread::sleep(next.min(length).saturating_sub(began.elapsed()));
        next += PICTURE_INTERVAL;
        interrupted = signal::take_terminate();
        report = world.ask_report().or(report);
        show.picture(&world.facts(), report.as_ref());
        world.check()?;
    }
    // The facts at the end belong together: first what the client says of its sources, then the truth.
    let facts: Facts = world.facts();
    world.stop()?;
    let summary = Summary::new(began.elapsed().as_secs_f64(), interrupted, &facts, report.as_ref(), args.nts);
    show.summary(&summary);
    Ok(summary)
}
