//! How many requests a core can answer: `bench serve`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use serde_json::Value;
use truechimer_tests::layer::Need;
use truechimer_tests::process::run as run_command;

use crate::compare::{Column, Rows, report};
use crate::cpu::spent_ns;
use crate::net::{CLIENT_END, SERVER, SERVER_MAC, receivers};
use crate::server::{Recipe, START, Server, build, release};

#[derive(Args)]
pub(crate) struct Options {
    /// Another server: COMMAND starts it in the foreground and it answers on 192.168.77.1, port 123, without touching
    /// the clock. The first one is what the others are compared with; without any it is chronyd, if that is installed.
    #[arg(long = "peer", value_name = "NAME=COMMAND", value_parser = Recipe::parse)]
    peers: Vec<Recipe>,
    /// Measure the least that a server on a socket can do as well: crates/sys/examples/bare.rs.
    #[arg(long)]
    bare: bool,
    /// Rounds; the result is the median.
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Length of a window of measurement, for each server in each round.
    #[arg(long, value_name = "S", default_value_t = 0.3)]
    seconds: f64,
    /// Requests under way.
    #[arg(long, value_name = "N", default_value_t = 128)]
    outstanding: u32,
    /// Addresses that the requests come from.
    #[arg(long, value_name = "N", default_value_t = 16_384)]
    clients: u32,
    /// Processors of the server, as for taskset.
    #[arg(long, value_name = "LIST", default_value = "1")]
    cpus: String,
    /// Processor of the load generator: none of the server's.
    #[arg(long, value_name = "N", default_value = "0")]
    generator_cpu: String,
    /// Print JSON, with the values of every round.
    #[arg(long)]
    json: bool,
}

const COLUMNS: [Column; 5] = [
    Column { key: "answers_hz", heading: "answers/s", decimals: 0 },
    Column { key: "cpu_ns", heading: "CPU ns/answer", decimals: 0 },
    Column { key: "rtt_p50_us", heading: "RTT p50 us", decimals: 1 },
    Column { key: "rtt_p99_us", heading: "RTT p99 us", decimals: 1 },
    Column { key: "lost", heading: "lost", decimals: 5 },
];
/// Of each window, this part is spent on single requests, one after the other.
const ASKING: f64 = 0.3;

pub(crate) fn run(options: &Options) -> Result<(), String> {
    let mut needs = vec![Need::root()];
    needs.extend(["ip", "ethtool", "taskset", "chrt", "setpriv"].map(Need::program));
    if let Some(need) = needs.iter().find(|need| !need.met) {
        return Err(format!("this needs {}", need.what));
    }
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    build(&["-p", "truechimer-sys", "--example", "load"])?;
    let load = Load { program: release("examples/load"), options };
    let mut servers = start(options, folder.path())?;
    std::thread::sleep(START);
    let mut all: Vec<Rows> =
        servers.iter().map(|server| Rows { name: server.name.clone(), rounds: Vec::new() }).collect();
    for round in 0..options.rounds {
        let mut turns: Vec<_> = servers.iter_mut().zip(&mut all).collect();
        // There and back again, so that nobody always comes right after a certain other.
        if !round.is_multiple_of(2) {
            turns.reverse();
        }
        for (server, rows) in turns {
            server.check()?;
            rows.rounds.push(load.measure(server)?);
        }
        if std::io::stderr().is_terminal() {
            eprint!("\rround {} of {} ", round + 1, options.rounds);
        }
    }
    println!("{}", report(&COLUMNS, &all, reference(&all), options.json));
    Ok(())
}

/// Whom the others are compared with: the first that is not ours.
fn reference(all: &[Rows]) -> usize {
    usize::from(all.len() > 1)
}

fn start(options: &Options, folder: &Path) -> Result<Vec<Server>, String> {
    let ours = Recipe::ours(folder)?;
    let chrony = if options.peers.is_empty() { Recipe::chrony(folder)? } else { None };
    let bare = if options.bare { Some(Recipe::bare()?) } else { None };
    let recipes = [&ours].into_iter().chain(&options.peers).chain(&chrony).chain(&bare);
    recipes.map(|recipe| recipe.start(folder, &options.cpus)).collect()
}

struct Load<'a> {
    program: PathBuf,
    options: &'a Options,
}

impl Load<'_> {
    /// One window: first a few single requests, whose replies are looked at, then as much as the server can take.
    fn measure(&self, server: &Server) -> Result<Vec<f64>, String> {
        server.cable.deliver(true)?;
        let single = self.run(server, "ask", self.options.seconds * ASKING)?;
        if number(&single, "answered") < 1.0 || number(&single, "invalid") > 0.0 {
            return Err(server.explain(&format!("single requests were not answered properly: {single}")));
        }
        server.cable.deliver(false)?;
        let threads = receivers();
        let before = spent_ns(server.process.id(), &threads);
        let pressed = self.run(server, "press", self.options.seconds)?;
        let spent = spent_ns(server.process.id(), &threads) - before;
        let answered = number(&pressed, "answered");
        Ok(vec![
            answered / number(&pressed, "seconds"),
            spent as f64 / answered,
            number(&single, "rtt_p50_us"),
            number(&single, "rtt_p99_us"),
            number(&pressed, "lost") / number(&pressed, "sent"),
        ])
    }

    fn run(&self, server: &Server, mode: &str, seconds: f64) -> Result<Value, String> {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &server.cable.client]);
        // Not to be held up by what else the machine does, nor to hold up what is more urgent than it.
        command.args(["chrt", "-f", "9", "taskset", "-c", &self.options.generator_cpu]).arg(&self.program);
        command.args([mode, "--interface", CLIENT_END, "--server", SERVER, "--mac", SERVER_MAC]);
        command.args(["--seconds", &seconds.to_string(), "--clients", &self.options.clients.to_string()]);
        command.args(["--outstanding", &self.options.outstanding.to_string()]);
        let text = run_command(&mut command)?;
        serde_json::from_str(&text).map_err(|e| format!("{e}: {text}"))
    }
}

fn number(result: &Value, name: &str) -> f64 {
    result.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN)
}
