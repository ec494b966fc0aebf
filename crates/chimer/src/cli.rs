//! The command line: what can be said, and the help that teaches it.

use clap::{Args, Parser, Subcommand};

use crate::commands::{check, clients, completions, import, keygen, lease, man, query, sim, wait};
use crate::daemon::DaemonArgs;
use crate::demo;

#[cfg(test)]
mod tests;

/// Where the configuration is when nothing is said.
pub const DEFAULT_CONFIG: &str = "/etc/truechimer/chimer.toml";

const ABOUT: &str = "Shows and commands chimerd, the daemon that keeps this machine's clock right";

const LONG_ABOUT: &str = "\
Shows and commands chimerd, the daemon that keeps this machine's clock right.

The most important number is the error bound: the clock is not further from the true time than that, provided \
that the majority of the sources is honest. Every command prints text for people, or one JSON object with --json.";

const AFTER_HELP: &str = "\
Examples:
  chimer demo                      see it work, without root, network or configuration
  chimer status                    is the clock right, and how wrong can it be?
  chimer sources                   which servers are asked, and which are believed?
  chimer query pool.ntp.org        ask any server for the time, without a daemon
  chimer check                     look for mistakes in /etc/truechimer/chimer.toml
  chimer import chrony.conf        take over the configuration of another program
  chimer wait --bound 10ms         wait until the clock is surely right to 10 ms

Exit status:
  0  everything is as asked
  1  what was asked is not so, or could not be done
  2  the command line or the configuration makes no sense";

/// Everything that can be said.
#[derive(Debug, Parser)]
#[command(name = "chimer", version, about = ABOUT, long_about = LONG_ABOUT, after_help = AFTER_HELP)]
#[command(subcommand_required = true, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Is the clock right, and how wrong can it be?
    #[command(after_help = "\
Examples:
  chimer status
  chimer status --json | jq .bound_s

Offset is true time minus the clock: a positive one means that the clock is slow. The exit status is 0 whenever \
the daemon answers; to test whether the clock is right, use: chimer wait --timeout 0s")]
    Status(ReportArgs),
    /// Which servers are asked, and which are believed?
    #[command(after_help = "\
States:
  * system peer   the best of the survivors
  + survivor      steers the clock too
  - outlier       honest, but adds nothing
  x falseticker   disagrees with the majority
  ~ rejected      answers, but cannot be used; it says why
  ? unreachable   has not answered yet, or not for eight polls
  . resolving     its name is being looked up
  # stopped       told us to go away
    not selected  configured as noselect
    offline       switched off

Columns:
  Poll            interval between requests, as a power of two of a second
  Reach           the last eight polls in octal, a bit each; 377: all were answered
  Last            age of the last sample
  Offset ± sd     estimate of true time minus the clock, and its one sigma
  Bound           the offset is not further from the true one than that, if this server is honest

Examples:
  chimer sources
  chimer sources --verbose
  chimer sources --json | jq '.sources[] | select(.state == \"falseticker\") | .name'")]
    Sources(SourcesArgs),
    /// What has been learned about each source
    #[command(after_help = "\
Columns:
  Frequency   rate of this clock against the source
  Jitter      noise of its samples
  Base delay  smallest round trip that its path seems to allow
  Dropped     replies that failed a check: chimer sources --verbose tells which

Example:
  chimer stats --json | jq '.sources[] | {name, jitter_s}'")]
    Stats(ReportArgs),
    /// How many sources are online, unreachable, offline
    Activity(ReportArgs),
    /// Who asked this machine for the time
    Clients(clients::ClientsArgs),
    /// Poll a source again that was offline
    #[command(after_help = "\
Examples:
  chimer online                     all sources
  chimer online ntp1.example.net    one source")]
    Online(SourceArgs),
    /// Stop polling a source
    #[command(after_help = "\
The clock then runs on at the frequency that was learned, and its error bound grows.

Examples:
  chimer offline                    all sources, as before a network goes away
  chimer offline ntp1.example.net")]
    Offline(SourceArgs),
    /// Make a quick burst of measurements
    #[command(after_help = "\
Example:
  chimer burst                      all sources, as after a network has come back")]
    Burst(SourceArgs),
    /// Read the configuration file again
    #[command(after_help = "\
Sources that have not changed keep all that was learned. A file with errors changes nothing: what is wrong is \
said here, and the exit status is 1.

Example:
  chimer check && chimer reload")]
    Reload(ReportArgs),
    /// Wait until the clock is right
    Wait(wait::WaitArgs),
    /// See it work, without root, network or configuration
    #[command(after_help = "\
Three honest servers and a liar listen on loopback ports; a client whose clock is 0.8 s and 60 ppm wrong asks them. \
Every one is a whole daemon on a clock of its own, so the demo knows the truth and this machine's clock is not touched.

Examples:
  chimer demo
  chimer demo --seconds 60 --plain
  chimer demo --json | tail -1 | jq '{true_error_s, bound_s, bound_violations}'

The exit status is 0 if at the end the client's clock is less than 1 ms from the truth, its bound was never below \
its true error, and the liar is marked as a falseticker.")]
    Demo(demo::Args),
    /// Look for mistakes in a configuration file
    Check(check::CheckArgs),
    /// Take over the configuration of chrony, ntpd and others
    Import(import::ImportArgs),
    /// Make a symmetric key
    Keygen(keygen::KeygenArgs),
    /// Take over the time servers that a network names
    Lease(lease::LeaseArgs),
    /// Ask any server for the time, without a daemon
    Query(query::QueryArgs),
    /// Run the engine in a simulated world
    Sim(sim::SimArgs),
    /// Print the completions of a shell
    Completions(completions::CompletionsArgs),
    /// Print or write the manual pages
    Man(man::ManArgs),
}

/// Machine or human.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct OutputArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// A question to the daemon.
#[derive(Args, Clone, Debug)]
pub struct ReportArgs {
    /// Where it is.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `chimer sources`.
#[derive(Args, Clone, Debug)]
pub struct SourcesArgs {
    /// Everything that is known, a block a source
    #[arg(long, short)]
    pub verbose: bool,
    /// Where the daemon is.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// A command about a source.
#[derive(Args, Clone, Debug)]
pub struct SourceArgs {
    /// Name of the source, as chimer sources shows it [default: all]
    #[arg(value_name = "SOURCE")]
    pub source: Option<String>,
    /// Where the daemon is.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}
