//! Reaching the daemon: which socket, and what to tell a human when it does not work.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use truechimer_control::client::{Client, ClientError};
use truechimer_control::message::ClientList;
use truechimer_control::{Access, CONTROL_SOCKET, FaultCode, OBSERVE_SOCKET, Request};
use truechimer_engine::report::Report;

use crate::human;
use crate::outcome::Failure;

#[cfg(test)]
mod tests;

/// How long the daemon may take to answer: it answers between two packets, so this is long.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Environment variable that names the folder of the sockets.
pub const RUN_DIR_VARIABLE: &str = "CHIMER_RUN_DIR";

/// Where the daemon is.
#[derive(Args, Clone, Debug, Default)]
pub struct DaemonArgs {
    /// Folder of the daemon's sockets [default: $CHIMER_RUN_DIR, else /run/truechimer]
    #[arg(long, value_name = "DIR")]
    pub run_dir: Option<PathBuf>,
    /// The daemon's socket itself, instead of the folder
    #[arg(long, value_name = "PATH", conflicts_with = "run_dir")]
    pub socket: Option<PathBuf>,
}

impl DaemonArgs {
    /// The socket to use for requests that need this.
    pub fn socket(&self, access: Access) -> PathBuf {
        let name = match access {
            Access::Observe => OBSERVE_SOCKET,
            Access::Control => CONTROL_SOCKET,
        };
        let from_environment = || std::env::var_os(RUN_DIR_VARIABLE).map(PathBuf::from);
        match &self.socket {
            Some(path) => path.clone(),
            None => {
                let folder = self.run_dir.clone().or_else(from_environment);
                folder.unwrap_or_else(|| truechimer_config::RUN_DIR.into()).join(name)
            }
        }
    }

    /// Asks for the daemon's state. Nothing in it can steer a terminal.
    ///
    /// # Errors
    /// The daemon cannot be reached, or does not answer as it should.
    pub fn report(&self) -> Result<Report, Failure> {
        let path = self.socket(Access::Observe);
        let report = Client::connect(&path, TIMEOUT).and_then(|mut client| client.report());
        report.map_err(|error| explain(&error)).and_then(harmless)
    }

    /// Asks who asked the server: addresses and numbers, nothing that could steer a terminal.
    ///
    /// # Errors
    /// The daemon cannot be reached, or remembers nobody.
    pub fn clients(&self, limit: u32) -> Result<ClientList, Failure> {
        let path = self.socket(Access::Control);
        let list = Client::connect(&path, TIMEOUT).and_then(|mut client| client.clients(limit));
        list.map_err(|error| explain(&error))
    }

    /// Gives a command.
    ///
    /// # Errors
    /// The daemon cannot be reached, or refuses.
    pub fn command(&self, request: &Request) -> Result<(), Failure> {
        let path = self.socket(request.access());
        let done = Client::connect(&path, TIMEOUT).and_then(|mut client| client.command(request));
        done.map_err(|error| explain(&error))
    }
}

/// The same report with every text in it made safe to show, whatever fields it has.
fn harmless(report: Report) -> Result<Report, Failure> {
    let bad = |error: serde_json::Error| explain(&ClientError::Malformed(error.to_string()));
    let mut value = serde_json::to_value(report).map_err(bad)?;
    clean_all(&mut value);
    serde_json::from_value(value).map_err(bad)
}

/// The depth is that of a report, so recursion is bounded.
fn clean_all(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => *text = human::clean(text),
        serde_json::Value::Array(values) => values.iter_mut().for_each(clean_all),
        serde_json::Value::Object(map) => {
            *map = std::mem::take(map)
                .into_iter()
                .map(|(key, mut value)| {
                    clean_all(&mut value);
                    (human::clean(&key), value)
                })
                .collect();
        }
        _ => {}
    }
}

/// An error of the connection with what to do about it.
fn explain(error: &ClientError) -> Failure {
    let message = human::clean_lines(&error.to_string());
    match error {
        ClientError::NotRunning(path) => Failure::new(
            "not_running",
            format!("cannot reach the daemon: nobody listens on {}", path.display()),
        )
        .hint("is chimerd running? start it with: systemctl start chimerd; another folder is given by --run-dir"),
        ClientError::Permission(path) => Failure::new("permission", message).hint(permission_hint(path)),
        ClientError::Refused(fault) => {
            let failure = Failure::new(fault_code(fault.code), message);
            match fault.code {
                FaultCode::NoSuchSource => failure.hint("chimer sources shows the names"),
                FaultCode::BadConfig => failure.hint(
                    "the old configuration stays in force; once the new one is mended: chimer check && chimer reload",
                ),
                FaultCode::NotPermitted => failure.hint("give the control socket by --socket, or use --run-dir"),
                FaultCode::BadRequest | FaultCode::Unknown => failure.hint("are chimer and chimerd of one version?"),
                FaultCode::TooLong | FaultCode::Busy | FaultCode::Failed => failure,
            }
        }
        ClientError::TimedOut(_) => Failure::new("timed_out", message).hint("is the daemon stopped or the machine overloaded?"),
        ClientError::Malformed(_) | ClientError::TooLong => Failure::new("malformed", message)
            .hint("are chimer and chimerd of one version, and is this the daemon's socket?"),
        ClientError::Closed => Failure::new("closed", message).hint("the daemon may be ending, or have too many connections"),
        ClientError::Io(_) => Failure::new("io", message),
    }
}

fn fault_code(code: FaultCode) -> String {
    match serde_json::to_value(code) {
        Ok(serde_json::Value::String(text)) => text,
        _ => "unknown".into(),
    }
}

/// Who may use the socket, by what the file system says of it.
fn permission_hint(path: &Path) -> String {
    let Ok(metadata) = std::fs::metadata(path) else {
        let folder = path.parent().unwrap_or(path);
        return format!("you may not enter the folder {}: try sudo", folder.display());
    };
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let gid = metadata.gid();
    match group_name(&groups, gid) {
        Some(name) if gid != 0 => {
            format!(
                "members of the group {name} may: sudo usermod -aG {name} \"$USER\" and log in again, or use sudo"
            )
        }
        _ if gid != 0 => format!("members of the group {gid} may, or use sudo"),
        _ => "only root may: use sudo".into(),
    }
}

/// The name of a group in the text of `/etc/group`.
fn group_name(groups: &str, gid: u32) -> Option<&str> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(gid)).then_some(name)
    })
}
