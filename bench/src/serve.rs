//! How many requests a core can answer: `bench serve`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use crate::compare::Column;
use crate::cpu::spent_ns;
use crate::exchange::{Seal, certify};
use crate::net::{CLIENT_END, SERVER, SERVER_MAC, receivers};
use crate::server::{Common, Place, Recipe, Server, build, release};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Ask with NTS: the same good request again and again, as servers remember nothing.
    #[arg(long, value_enum, value_name = "SEAL", num_args = 0..=1, default_missing_value = "siv")]
    nts: Option<Seal>,
    /// Measure the least that a server on a socket can do as well: crates/sys/examples/bare.rs.
    #[arg(long, conflicts_with = "nts")]
    bare: bool,
    /// Requests under way.
    #[arg(long, value_name = "N", default_value_t = 128)]
    outstanding: u32,
    /// Addresses that the requests come from.
    #[arg(long, value_name = "N", default_value_t = 16_384)]
    clients: u32,
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
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let folder = folder.path().to_owned();
    let nts = options.nts.map(|_| certify(&folder)).transpose()?;
    let place = Place { folder, nts };
    build(&["-p", "truechimer-sys", "--example", "load"])?;
    let bare = if options.bare { Some(Recipe::bare()?) } else { None };
    let servers = options.common.start(&place, bare)?;
    let mut load = Load { program: release("examples/load"), options, requests: BTreeMap::new() };
    for server in &servers {
        load.prepare(server, &place).map_err(|error| server.explain(&error))?;
    }
    options.common.go_round(&COLUMNS, servers, |server| load.measure(server))
}

struct Load<'a> {
    program: PathBuf,
    options: &'a Options,
    /// For each server by name the request with NTS, in hexadecimal.
    requests: BTreeMap<String, String>,
}

impl Load<'_> {
    /// Gets a request with NTS, if that is what is to be measured.
    fn prepare(&mut self, server: &Server, place: &Place) -> Result<(), String> {
        let Some(seal) = self.options.nts else { return Ok(()) };
        let own = std::env::current_exe().map_err(|e| e.to_string())?;
        let folder = place.folder.display().to_string();
        let request = self.options.common.generate(server, &own, &["request", &folder, seal.name()])?;
        self.requests.insert(server.name.clone(), request.trim().to_owned());
        Ok(())
    }

    /// One window: first a few single requests, whose replies are looked at, then as much as the server can take.
    fn measure(&self, server: &Server) -> Result<Vec<f64>, String> {
        let seconds = self.options.common.seconds;
        server.cable.deliver(true)?;
        let single = self.run(server, "ask", seconds * ASKING)?;
        if number(&single, "answered") < 1.0 || number(&single, "invalid") > 0.0 {
            return Err(format!("single requests were not answered properly: {single}"));
        }
        server.cable.deliver(false)?;
        let threads = receivers();
        let before = spent_ns(server.process.id(), &threads);
        let pressed = self.run(server, "press", seconds)?;
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
        let [seconds, clients, outstanding] =
            [seconds.to_string(), self.options.clients.to_string(), self.options.outstanding.to_string()];
        let mut arguments = vec![mode, "--interface", CLIENT_END, "--server", SERVER, "--mac", SERVER_MAC];
        arguments.extend(["--seconds", &seconds, "--clients", &clients, "--outstanding", &outstanding]);
        if let Some(request) = self.requests.get(&server.name) {
            arguments.extend(["--payload", request]);
        }
        let text = self.options.common.generate(server, &self.program, &arguments)?;
        serde_json::from_str(&text).map_err(|e| format!("{e}: {text}"))
    }
}

/// A number of a generator's result.
pub(crate) fn number(result: &Value, name: &str) -> f64 {
    result.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN)
}
