//! Our side: a `chimerd` that observes and, if asked, serves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use truechimer_tests::netns::Host;
use truechimer_tests::process::{Guarded, eventually, run};
use truechimer_tests::programs;

/// A running `chimerd`.
pub(crate) struct Ours {
    daemon: Guarded,
    folder: PathBuf,
    log: PathBuf,
}

impl Ours {
    /// Starts `chimerd` on `host`; it serves its own clock to the whole test network.
    pub(crate) fn start_server(host: &Host, folder: &Path) -> Result<Self, String> {
        let config = format!(
            "[local]\nstratum = 3\n[serve]\nlisten = [\"{}:123\", \"[{}]:123\"]\n\
             allow = [\"10.77.0.0/24\", \"fd77::/64\"]\n",
            host.v4, host.v6
        );
        Self::start(host, folder, &config)
    }

    /// Starts `chimerd` on `host` as a client of `server`; it opens no port.
    pub(crate) fn start_client(host: &Host, folder: &Path, server: &str) -> Result<Self, String> {
        let config = format!("[[source]]\nserver = \"{server}\"\npoll = {{ min = 0, max = 2 }}\n");
        Self::start(host, folder, &config)
    }

    fn start(host: &Host, folder: &Path, config: &str) -> Result<Self, String> {
        let folder = folder.join("ours");
        fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let config = format!(
            "{config}[clock]\ncontrol = false\n\
             [daemon]\nroles = \"inline\"\nrun_dir = \"{dir}\"\nstate_dir = \"{dir}\"\n",
            dir = folder.display()
        );
        let file = folder.join("chimer.toml");
        fs::write(&file, config).map_err(|e| e.to_string())?;
        let log = folder.join("log");
        let mut command = host.command(programs::chimerd()?);
        command.arg("--config").arg(&file);
        let mut ours = Self { daemon: Guarded::start(command, &log)?, folder, log };
        let socket = ours.folder.join("observe.sock");
        let daemon = &mut ours.daemon;
        eventually(Duration::from_secs(10), "chimerd's socket", || {
            socket.exists() || daemon.ended().is_some()
        })
        .and_then(|()| if socket.exists() { Ok(()) } else { Err("chimerd ended".into()) })
        .map_err(|e| ours.explain(&e))?;
        Ok(ours)
    }

    /// Waits until the one source is the system peer with at least three samples, and gives its report.
    pub(crate) fn wait_until_selected(&self) -> Result<Value, String> {
        let mut last = Value::Null;
        eventually(Duration::from_secs(90), "the source to be selected", || {
            last = self.ask("sources").unwrap_or_else(Value::String);
            let field = |name: &str| last.pointer(&format!("/sources/0/{name}"));
            field("state").is_some_and(|state| state == "system_peer")
                && field("accepted").and_then(Value::as_u64) >= Some(3)
        })
        .map_err(|e| self.explain(&format!("{e}: {last}")))?;
        Ok(last)
    }

    /// How wrong the clock can be, seconds.
    pub(crate) fn bound(&self) -> Result<f64, String> {
        let status = self.ask("status")?;
        status.pointer("/bound_s").and_then(Value::as_f64).ok_or_else(|| format!("no bound in {status}"))
    }

    /// How many requests were answered.
    pub(crate) fn answered(&self) -> Result<u64, String> {
        let status = self.ask("status")?;
        let answered = status.pointer("/server/answered").and_then(Value::as_u64);
        answered.ok_or_else(|| format!("no server in {status}"))
    }

    /// Asks as a script would.
    fn ask(&self, command: &str) -> Result<Value, String> {
        let text =
            run(Command::new(programs::chimer()?).args([command, "--json", "--run-dir"]).arg(&self.folder))?;
        serde_json::from_str(&text).map_err(|e| format!("{e}: {text}"))
    }

    /// An error with the daemon's log below it.
    fn explain(&self, error: &str) -> String {
        format!("{error}\nchimerd said:\n{}", fs::read_to_string(&self.log).unwrap_or_default())
    }
}
