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
    /// Starts `chimerd` on `host`; it serves its own clock to the whole test network. `more` is of the configuration.
    pub(crate) fn start_server(host: &Host, folder: &Path, more: &str) -> Result<Self, String> {
        Self::start_server_with(host, folder, "inline", more)
    }

    /// The same, with `roles` of its configuration.
    pub(crate) fn start_server_with(
        host: &Host,
        folder: &Path,
        roles: &str,
        more: &str,
    ) -> Result<Self, String> {
        let config = format!(
            "[local]\nstratum = 3\n[serve]\nlisten = [\"{}:123\", \"[{}]:123\"]\n\
             allow = [\"10.77.0.0/24\", \"fd77::/64\"]\n{more}",
            host.v4, host.v6
        );
        Self::start(host, folder, roles, &config)
    }

    /// Starts `chimerd` on `host` as a client of `server`; it opens no port. `more` are options of the source, and sections.
    pub(crate) fn start_client(host: &Host, folder: &Path, server: &str, more: &str) -> Result<Self, String> {
        let config = format!("[[source]]\nserver = \"{server}\"\npoll = {{ min = 0, max = 2 }}\n{more}");
        Self::start(host, folder, "inline", &config)
    }

    /// Starts `chimerd` on `host`; sections for clock and daemon are added to `config`.
    pub(crate) fn start(host: &Host, folder: &Path, roles: &str, config: &str) -> Result<Self, String> {
        let folder = folder.join("ours");
        fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let config = format!(
            "{config}[clock]\ncontrol = false\n\
             [daemon]\nroles = \"{roles}\"\nrun_dir = \"{dir}\"\nstate_dir = \"{dir}\"\n",
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
        self.count("answered")
    }

    /// A number that the server counts.
    pub(crate) fn count(&self, what: &str) -> Result<u64, String> {
        let status = self.status()?;
        let count = status.pointer(&format!("/server/{what}")).and_then(Value::as_u64);
        count.ok_or_else(|| format!("no server in {status}"))
    }

    /// The daemon's state.
    pub(crate) fn status(&self) -> Result<Value, String> {
        self.ask("status")
    }

    /// The only source.
    pub(crate) fn source(&self) -> Result<Value, String> {
        self.ask("sources")?.pointer("/sources/0").cloned().ok_or_else(|| "no source".into())
    }

    /// Asks as a script would.
    fn ask(&self, command: &str) -> Result<Value, String> {
        let text =
            run(Command::new(programs::chimer()?).args([command, "--json", "--run-dir"]).arg(&self.folder))?;
        serde_json::from_str(&text).map_err(|e| format!("{e}: {text}"))
    }

    /// An error with the daemon's log below it.
    pub(crate) fn explain(&self, error: &str) -> String {
        format!("{error}\nchimerd said:\n{}", fs::read_to_string(&self.log).unwrap_or_default())
    }
}
