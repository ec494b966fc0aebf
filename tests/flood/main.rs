//! AT-46: a flood on the server's port does not disturb the client in the same daemon. Real packets, in network namespaces.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Trial};
use serde_json::Value;
use truechimer_tests::layer::{Need, trial};
use truechimer_tests::netns::{Cable, Host};
use truechimer_tests::process::{Guarded, eventually, run};
use truechimer_tests::programs;

/// How long the flood lasts, and how often the client asks meanwhile (2⁻² s).
const FLOOD_S: f64 = 6.0;
const POLL: i8 = -2;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = vec![
        flooded("at_46_client_is_served_while_garbage_floods_the_server", "garbage", None),
        flooded("at_46_client_is_served_while_requests_flood_the_server", "requests", Some(request())),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A good request, in hexadecimal.
fn request() -> String {
    format!("23{}0123456789abcdef", "00".repeat(39))
}

fn flooded(name: &str, what: &'static str, payload: Option<String>) -> Trial {
    let needs = [Need::root(), Need::program("ip"), Need::program("setpriv")];
    trial(name, &needs, move || check(what, payload.as_deref()))
}

fn check(what: &str, payload: Option<&str>) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let cable = Cable::new()?;
    let source = Daemon::start(cable.right(), &folder.path().join("source"), "[local]\nstratum = 3\n")?;
    let victim =
        format!("[[source]]\nserver = \"{}\"\npoll = {{ min = {POLL}, max = {POLL} }}\n", cable.right().v4);
    let victim = Daemon::start(cable.left(), &folder.path().join("victim"), &victim)?;
    eventually(Duration::from_secs(30), "the first samples", || {
        victim.source("accepted").is_ok_and(|n| n >= 4.0)
    })
    .map_err(|e| victim.explain(&e))?;

    // Built before, as that may take longer than the flood.
    let load = programs::load()?;
    let (sent_before, accepted_before, received_before) = victim.counts()?;
    let start = Instant::now();
    let flood = flood(&cable, &load, payload)?;
    let (sent, accepted, received) = victim.counts()?;
    let elapsed_s = start.elapsed().as_secs_f64();
    let (sent, accepted) = (sent - sent_before, accepted - accepted_before);
    let received = received - received_before;
    let told = format!(
        "{what}: {flood:.0} datagrams flooded, {received} taken in; {sent} requests, {accepted} replies accepted"
    );
    println!("{told} in {elapsed_s:.1} s");
    // It was a flood, and it was taken in.
    if flood < 50_000.0 * FLOOD_S || received < 0.01 * flood {
        return Err(victim.explain(&format!("no flood: {told}")));
    }
    // The client asked at its pace and was answered; a tenth may be lost on a cable that is full.
    let due = elapsed_s / f64::from(POLL).exp2();
    if sent < 0.6 * due || accepted < 0.9 * sent - 1.0 {
        return Err(victim.explain(&format!("the client was held up, {due:.0} requests were due: {told}")));
    }
    drop(source);
    Ok(())
}

/// Runs a flood against the left host's server; how many datagrams left.
fn flood(cable: &Cable, load: &Path, payload: Option<&str>) -> Result<f64, String> {
    let link = run(cable.left().command("cat").arg("/sys/class/net/cable/address"))?;
    let mut command = cable.right().command(load);
    command.args(["flood", "--interface", "cable", "--mac", link.trim(), "--server", cable.left().v4]);
    command.args(["--seconds", &FLOOD_S.to_string()]);
    if let Some(payload) = payload {
        command.args(["--payload", payload]);
    }
    let text = run(&mut command)?;
    let result: Value = serde_json::from_str(&text).map_err(|e| format!("{e}: {text}"))?;
    result.get("sent").and_then(Value::as_f64).ok_or(text)
}

/// A `chimerd` that serves everybody.
struct Daemon {
    _process: Guarded,
    folder: PathBuf,
}

impl Daemon {
    fn start(host: &Host, folder: &Path, config: &str) -> Result<Self, String> {
        fs::create_dir_all(folder).map_err(|e| e.to_string())?;
        let file = folder.join("chimer.toml");
        let text = format!(
            "{config}[serve]\nlisten = [\"{}:123\"]\nallow = [\"0.0.0.0/0\"]\n[clock]\ncontrol = false\n\
             [daemon]\nrun_dir = \"{dir}\"\nstate_dir = false\n",
            host.v4,
            dir = folder.display()
        );
        fs::write(&file, text).map_err(|e| e.to_string())?;
        let mut command = host.command(programs::chimerd()?);
        command.arg("--config").arg(&file);
        let process = Guarded::start(command, &folder.join("log"))?;
        let daemon = Self { _process: process, folder: folder.to_owned() };
        eventually(Duration::from_secs(10), "chimerd's socket", || folder.join("observe.sock").exists())
            .map_err(|e| daemon.explain(&e))?;
        Ok(daemon)
    }

    /// A number of the only source's report.
    fn source(&self, name: &str) -> Result<f64, String> {
        self.number("sources", &format!("/sources/0/{name}"))
    }

    /// Requests that it sent and replies that it accepted as a client, and requests that it took in as a server.
    fn counts(&self) -> Result<(f64, f64, f64), String> {
        Ok((self.source("sent")?, self.source("accepted")?, self.number("status", "/server/received")?))
    }

    fn number(&self, command: &str, path: &str) -> Result<f64, String> {
        let text =
            run(Command::new(programs::chimer()?).args([command, "--json", "--run-dir"]).arg(&self.folder))
                .map_err(|e| self.explain(&e))?;
        let report: Value = serde_json::from_str(&text).map_err(|e| format!("{e}: {text}"))?;
        report.pointer(path).and_then(Value::as_f64).ok_or_else(|| format!("no {path} in {text}"))
    }

    /// An error with the daemon's log below it.
    fn explain(&self, error: &str) -> String {
        format!("{error}\nchimerd said:\n{}", fs::read_to_string(self.folder.join("log")).unwrap_or_default())
    }
}
