//! `chimer query`: asks any server for the time. It runs the daemon itself, one a host, in a mode that never touches the
//! clock and keeps no files: so the sockets, the timestamps, the checks and the estimates are the daemon's.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use truechimer_config::nts::{CertificateTrust, KEY_EXCHANGE_PORT};
use truechimer_engine::config::{Endpoint, Family, Host};

use crate::cli::OutputArgs;
use crate::human;
use crate::outcome::{Failure, Outcome, Style, terminal_width, to_json};

mod answer;
mod key;
mod measure;
mod target;

#[cfg(test)]
mod tests;

use answer::Answer;
use key::Key;
use target::Target;

/// Seconds between two requests to one server.
const SPACING_S: f64 = 1.0;
/// Seconds beyond what the samples take, for servers that lose packets.
const PATIENCE_S: f64 = 4.0;

/// Arguments.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
No daemon is needed, no privilege either, and the clock is never touched. All hosts are asked at the same time, once a \
second. Replies pass the same checks as in the daemon.

What is shown:
  Offset         true time by that server minus this clock: positive when this clock is slow
  Bound          the offset cannot be further from the truth than that, if the server is honest
  Delay          smallest round trip
  Jitter         noise of the samples
  Root distance  bound on the error of this clock, were it set by this server alone

Exit status:
  0  every host has answered validly
  1  some host has not
  2  the command line makes no sense

Examples:
  chimer query pool.ntp.org
  chimer query -4 --samples 8 time.example.net 192.0.2.1 [2001:db8::1]:1123
  chimer query --nts time.cloudflare.com
  chimer query --key 10 --keys /etc/truechimer/keys 192.0.2.1
  chimer query --json time.example.net | jq '.hosts[0].offset_s'")]
pub struct QueryArgs {
    /// Names or addresses, also with a port after a colon; IPv6 addresses then in brackets
    #[arg(value_name = "HOST", required = true, num_args = 1..=64)]
    pub hosts: Vec<String>,
    /// How many replies to wait for
    #[arg(long, short = 'n', value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub samples: u32,
    /// How long to wait for all of them [default: one second a sample, and 4 s]
    #[arg(long, value_name = "SPAN", value_parser = human::parse_span)]
    pub timeout: Option<f64>,
    /// UDP port of hosts that are given without one
    #[arg(long, short, value_name = "PORT", default_value_t = 123, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long)]
    pub ipv6: bool,
    /// NTP version of the requests
    #[arg(long = "version", value_name = "3|4", default_value_t = 4, value_parser = clap::value_parser!(u8).range(3..=4))]
    pub ntp_version: u8,
    /// Ask by NTS: HOST is the server for key exchange, and its certificate must be for that name
    #[arg(long, conflicts_with = "ntp_version")]
    pub nts: bool,
    /// TCP port of key exchange
    #[arg(long, value_name = "PORT", requires = "nts", default_value_t = KEY_EXCHANGE_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    pub ke_port: u16,
    /// Believe the authorities in this PEM file, and not those of the system
    #[arg(long, value_name = "FILE", requires = "nts")]
    pub trust: Option<PathBuf>,
    /// Authenticate with this symmetric key, and believe only replies that are authenticated with it
    #[arg(long, value_name = "ID", requires = "keys", conflicts_with = "nts", value_parser = clap::value_parser!(u32).range(1..))]
    pub key: Option<u32>,
    /// The key file that it is in, in chrony's or ntpd's format
    #[arg(long, value_name = "FILE", requires = "key")]
    pub keys: Option<PathBuf>,
    /// Everything that is known, a block a host
    #[arg(long, short)]
    pub verbose: bool,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// All hosts, as JSON.
#[derive(Serialize)]
struct Answers<'a> {
    /// Whether every host has answered validly.
    ok: bool,
    hosts: &'a [Answer],
}

/// How to ask.
#[derive(Clone, Debug)]
struct Manner {
    samples: u32,
    timeout_s: f64,
    version: u8,
    family: Option<Family>,
    key: Option<Key>,
    nts: Option<Nts>,
}

/// How to exchange keys.
#[derive(Clone, Debug)]
struct Nts {
    ke_port: u16,
    trust: CertificateTrust,
}

/// Asks.
///
/// # Errors
/// A host that cannot be one, no time to answer, or no such key.
pub fn query(args: &QueryArgs) -> Result<Outcome, Failure> {
    if args.timeout == Some(0.0) {
        return Err(Failure::usage("a timeout of 0 s leaves no time for an answer"));
    }
    let targets: Vec<Target> = args
        .hosts
        .iter()
        .map(|host| Target::parse(host, args.port))
        .collect::<Result<_, _>>()
        .map_err(Failure::usage)?;
    let family = match (args.ipv4, args.ipv6) {
        (true, _) => Some(Family::V4),
        (_, true) => Some(Family::V6),
        _ => None,
    };
    let timeout_s = args.timeout.unwrap_or(f64::from(args.samples) * SPACING_S + PATIENCE_S);
    let trust = trust(args.trust.as_ref())?;
    let nts = args.nts.then_some(Nts { ke_port: args.ke_port, trust });
    let key = args.key.zip(args.keys.as_ref()).map(|(id, path)| Key::read(id, path)).transpose()?;
    let manner = Manner { samples: args.samples, timeout_s, version: args.ntp_version, family, key, nts };
    let answers = ask_all(&targets, &manner);
    let style = Style::of_stdout(args.output.json);
    let good = answers.iter().all(|answer| answer.ok);
    let text = match (style.json, args.verbose) {
        (true, _) => to_json(&Answers { ok: good, hosts: &answers })?,
        (_, true) => answer::blocks(&answers, style.paint),
        _ => answer::table(&answers, style.paint, terminal_width()),
    };
    Ok(Outcome::judged(text, good))
}

/// Whom `--trust` says to believe. A file that is of no use is said before anybody is asked.
fn trust(file: Option<&PathBuf>) -> Result<CertificateTrust, Failure> {
    let Some(file) = file else { return Ok(CertificateTrust::default()) };
    truechimer_nts_ke::TrustedCertificates::new()
        .add_pem_file(file)
        .map_err(|error| Failure::usage(format!("cannot use the authorities in {error}")))?;
    Ok(CertificateTrust { system: false, files: vec![file.clone()] })
}

/// Every host at the same time: each has a thread and a daemon of its own, so that none waits for another.
fn ask_all(targets: &[Target], manner: &Manner) -> Vec<Answer> {
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            targets.iter().map(|target| (target, scope.spawn(move || ask(target, manner)))).collect();
        threads
            .into_iter()
            .map(|(target, thread)| {
                thread.join().unwrap_or_else(|_| Answer::failed(target, None, "internal error".into()))
            })
            .collect()
    })
}

fn ask(target: &Target, manner: &Manner) -> Answer {
    // For NTS it is the name that counts, so the daemon resolves it: its certificate must be for that.
    let (host, address) = if manner.nts.is_some() {
        (target.host(), None)
    } else {
        match target.resolve(manner.family) {
            Ok(address) => (Host::Address(address.ip()), Some(address)),
            Err(why) => return Answer::failed(target, None, why),
        }
    };
    let endpoint = Endpoint { host, port: target.port() };
    match measure::measure(endpoint, manner) {
        Ok(source) => Answer::of(target, address, &source),
        Err(why) => Answer::failed(target, address, why),
    }
}
