//! What an NTS key exchange costs: `bench handshakes`.

use clap::Args;

use crate::compare::Column;
use crate::cpu::spent_ns;
use crate::exchange::{Seal, certify};
use crate::net::receivers;
use crate::serve::number;
use crate::server::{Common, Place, Server};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// What the keys are for.
    #[arg(long, value_enum, default_value = "siv")]
    seal: Seal,
    /// Clients at a time.
    #[arg(long, value_name = "N", default_value_t = 4)]
    clients: usize,
}

/// The first is compared: how many exchanges a second of processor time is enough for.
const COLUMNS: [Column; 3] = [
    Column { key: "per_cpu_s", heading: "per CPU second", decimals: 0 },
    Column { key: "cpu_us", heading: "CPU us/exchange", decimals: 1 },
    Column { key: "exchanges_hz", heading: "exchanges/s", decimals: 0 },
];

pub(crate) fn run(options: &Options) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let folder = folder.path().to_owned();
    let nts = Some(certify(&folder)?);
    let place = Place { folder, nts };
    let servers = options.common.start(&place, None)?;
    options.common.go_round(&COLUMNS, servers, |server| measure(options, server, &place))
}

/// One window.
fn measure(options: &Options, server: &Server, place: &Place) -> Result<Vec<f64>, String> {
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let folder = place.folder.display().to_string();
    let [seconds, clients] = [options.common.seconds.to_string(), options.clients.to_string()];
    let arguments = ["call", &folder, options.seal.name(), &seconds, &clients];
    let threads = receivers();
    let before = spent_ns(server.process.id(), &threads);
    let text = options.common.generate(server, &own, &arguments)?;
    let spent = (spent_ns(server.process.id(), &threads) - before) as f64;
    let result = serde_json::from_str(&text).map_err(|e| format!("{e}: {text}"))?;
    let exchanges = number(&result, "exchanges");
    Ok(vec![exchanges * 1e9 / spent, spent / 1e3 / exchanges, exchanges / number(&result, "seconds")])
}
