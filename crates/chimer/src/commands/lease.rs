//! `chimer lease`: what clients of DHCP call. The servers that a network names become a file in a folder that the daemon
//! reads, and nothing that a network says can become anything else: see `docs/dhcp.md`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use truechimer_config::{MAX_BYTES, source_file};
use truechimer_control::Request;
use truechimer_sys::files;

use crate::cli::OutputArgs;
use crate::daemon::DaemonArgs;
use crate::human;
use crate::outcome::{Failure, Outcome, Style, to_json};

#[cfg(test)]
mod tests;

/// Where the files are: /run/truechimer itself goes when the daemon ends, and belongs to its account.
const FOLDER: &str = "/run/truechimer-dhcp";
/// A network has so many votes on an interface: it must not outvote a pool.
const MOST_SERVERS: usize = 4;
/// Words that are looked at.
const MOST_WORDS: usize = 256;
/// As long as the kernel lets a name of an interface be.
const LONGEST_INTERFACE: usize = 15;

/// Arguments.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
For clients of DHCP: the hooks of the package call it. The servers take the place of those that the same teller named before \
on this interface; without a server those are gone. Of every server only the first four that have a legal name or address \
are taken. If something has changed, the daemon is asked to read its configuration again; it uses the servers if daemon.source_dirs \
names the folder.

Nobody needs to call it by hand: for servers of your own, write [[source]] into a file in /etc/truechimer/sources.d.

Examples:
  chimer lease eth0 192.0.2.1 192.0.2.2
  chimer lease --by dhclient -- \"$interface\" \"$new_ntp_servers\"
  chimer lease eth0                      what was named on eth0 holds no more")]
pub struct LeaseArgs {
    /// The network interface
    #[arg(value_name = "INTERFACE")]
    pub interface: String,
    /// Servers, also several in one word, separated by spaces or commas
    #[arg(value_name = "SERVER")]
    pub servers: Vec<String>,
    /// Who tells: what others tell of the interface stays
    #[arg(long, value_name = "NAME", default_value = "dhcp")]
    pub by: String,
    /// Folder of the files
    #[arg(long, value_name = "DIR", default_value = FOLDER)]
    pub dir: PathBuf,
    /// Where the daemon is.
    #[command(flatten)]
    pub daemon: DaemonArgs,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Leased {
    file: String,
    servers: usize,
    /// Words that did not become servers: no legal name or address, named twice, or too many.
    left_out: usize,
    /// Whether the file is another one than before.
    changed: bool,
    /// Whether a daemon has read its configuration again.
    reloaded: bool,
}

/// Takes over what a network names.
///
/// # Errors
/// The interface or the teller has no legal name, the file cannot be written, or the daemon refuses.
pub fn lease(args: &LeaseArgs) -> Result<Outcome, Failure> {
    let leased = take_over(args)?;
    if Style::of_stdout(args.output.json).json {
        return to_json(&leased).map(Outcome::ok);
    }
    let servers = human::count(leased.servers as u64, "server");
    let rest = match (leased.changed, leased.reloaded) {
        (false, _) => "as before",
        (true, true) => "the daemon knows",
        (true, false) => "no daemon runs",
    };
    let left_out = match leased.left_out {
        0 => String::new(),
        words => format!(", {} left out", human::count(words as u64, "word")),
    };
    Ok(Outcome::ok(format!("{}: {servers}{left_out}; {rest}.\n", human::clean(&args.interface))))
}

fn take_over(args: &LeaseArgs) -> Result<Leased, Failure> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | ':' | '@');
    let starts_plain = |text: &str| text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let (interface, by) = (args.interface.as_str(), args.by.as_str());
    if !starts_plain(interface) || interface.len() > LONGEST_INTERFACE || !interface.chars().all(is_plain) {
        return Err(Failure::usage(format!("{interface:?} is no name of a network interface")));
    }
    if !starts_plain(by) || by.len() > 32 || !by.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(Failure::usage(format!("--by {by:?} is no name: write letters and digits")));
    }
    let words = args.servers.iter().flat_map(|list| list.split([' ', '\t', '\n', ',']));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).take(MOST_WORDS).collect();
    let named = words.len();
    let origin = format!("Named by the network on {interface}, told by {by}. Made by chimer lease.");
    let text = source_file(words, &origin, MOST_SERVERS);
    let path = args.dir.join(format!("{by}-{interface}.toml"));
    let changed = match &text {
        Some(text) => write(&args.dir, &path, text),
        None => remove(&path),
    };
    let file = path.display().to_string();
    let changed = changed.map_err(|error| Failure::new("io", format!("cannot write {file}: {error}")))?;
    let reloaded = match changed.then(|| args.daemon.command(&Request::Reload)) {
        Some(Ok(())) => true,
        // Whoever starts later reads the files then.
        Some(Err(failure)) if failure.code == "not_running" => false,
        Some(Err(failure)) => return Err(failure),
        None => false,
    };
    let servers = text.map_or(0, |text| text.matches("[[source]]").count());
    Ok(Leased { file, servers, left_out: named.saturating_sub(servers), changed, reloaded })
}

/// Whether the file is another one now.
fn write(folder: &Path, path: &Path, text: &str) -> std::io::Result<bool> {
    if files::read_bounded(path, MAX_BYTES).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(false);
    }
    files::ensure_directory(folder, 0o755)?;
    // Not secret, and read by an account without privileges. A client of DHCP does not wait for one hook to start another.
    files::write_beside_others(path, text.as_bytes(), 0o644).map(|()| true)
}

fn remove(path: &Path) -> std::io::Result<bool> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
