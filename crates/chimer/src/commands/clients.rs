//! `chimer clients`: who asked this machine for the time.

use clap::Args;
use truechimer_control::message::{CLIENTS_MAX, ClientList};

use crate::cli::OutputArgs;
use crate::daemon::DaemonArgs;
use crate::outcome::{Failure, Outcome, Style, terminal_width, to_json};
use crate::render;

/// `chimer clients`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Columns:
  Requests    requests for time, of the address or, with IPv6, of its network of 64 bits
  Dropped     of those, the ones without an answer
  Authentic   of those, the ones with a symmetric key or NTS
  Interval    mean time between requests; Limited: after one that got no answer
  Last        since the last request; Since: since the first

Addresses of clients are shown to those who may command the daemon, not to everybody. The daemon remembers as many \
clients as serve.clients says; the exit status is 1 if it remembers none.

Examples:
  sudo chimer clients
  sudo chimer clients --limit 10000 --json | jq '.clients[] | select(.version < 4) | .address'")]
pub struct ClientsArgs {
    /// How many to show, those with the most requests first
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=i64::from(CLIENTS_MAX)))]
    pub limit: u32,
    /// Where the daemon is.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `chimer clients`.
///
/// # Errors
/// As [`DaemonArgs::clients`].
pub fn clients(args: &ClientsArgs) -> Result<Outcome, Failure> {
    show(&args.daemon.clients(args.limit)?, Style::of_stdout(args.output.json)).map(Outcome::ok)
}

/// The text of it.
///
/// # Errors
/// None in practice: see [`to_json`].
pub fn show(list: &ClientList, style: Style) -> Result<String, Failure> {
    if style.json {
        return to_json(list);
    }
    Ok(render::clients(list, style.paint, terminal_width()))
}
