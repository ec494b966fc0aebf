//! Roles that somebody else starts: `systemd-socket-activate` stands in for systemd.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use truechimer_nts_ke::Validity;
use truechimer_nts_ke::authority::Authority;
use truechimer_tests::process::{Guarded, NO_CLOCK, eventually, is_root, run};
use truechimer_tests::programs;

const LIMIT: Duration = Duration::from_secs(60);
/// Accounts of every Debian, by name and number.
const DAEMON: (&str, &str) = ("daemon", "1");
const BIN: (&str, &str) = ("bin", "2");

/// A folder that everybody may enter, with our program in it.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let place = Self { folder };
        fs::copy(programs::chimerd()?, place.path("chimerd")).map_err(|e| e.to_string())?;
        for (folder, mode) in [("", 0o755), ("roles", 0o777), ("run", 0o777)] {
            let path = place.path(folder);
            fs::create_dir_all(&path)
                .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)))
                .map_err(|e| e.to_string())?;
        }
        Ok(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        fs::write(self.path(name), text).map_err(|e| e.to_string())
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Starts a role for whoever connects, until the end of the test.
    fn offer(&self, role: &str, keeper: &[&str], more: &[&str]) -> Result<Guarded, String> {
        let socket = self.path(&format!("roles/{role}"));
        let mut words = keeper.to_vec();
        words.extend(["systemd-socket-activate", "--seqpacket", "--accept", "--inetd"]);
        let mut command = command(&words)?;
        command
            .arg("--listen")
            .arg(&socket)
            .arg(self.path("chimerd"))
            .arg(format!("--role={role}"))
            .args(more);
        let offered = Guarded::start(command, &self.path(&format!("{role}.log")))?;
        eventually(LIMIT, "the socket", || socket.exists())?;
        // So that it is not the file system that keeps somebody out.
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o777)).map_err(|e| e.to_string())?;
        Ok(offered)
    }

    /// Starts a daemon that has its roles elsewhere.
    fn daemon(&self, name: &str, starter: &[&str], more: &[&str]) -> Result<Guarded, String> {
        let path = self.path("chimerd");
        let without_clock: &[&str] = if is_root() { &NO_CLOCK } else { &[] };
        let mut command = command(&[without_clock, starter, &[&path.to_string_lossy()]].concat())?;
        command.arg("-f").arg(self.path(&format!("{name}.toml"))).args(more);
        Guarded::start(command, &self.path(&format!("{name}.log")))
    }

    fn source(&self) -> Option<Value> {
        let chimer = programs::chimer().ok()?;
        let text =
            run(Command::new(chimer).args(["sources", "--json", "--run-dir"]).arg(self.path("run"))).ok()?;
        serde_json::from_str::<Value>(&text).ok()?.pointer("/sources/0").cloned()
    }

    fn explain(&self, error: &str) -> String {
        let logs = ["client.log", "server.log", "resolver.log", "ke-client.log", "ke-server.log"];
        logs.iter().fold(error.to_owned(), |text, log| format!("{text}\n{log}:\n{}", self.read(log)))
    }
}

fn command(words: &[&str]) -> Result<Command, String> {
    let (program, arguments) = words.split_first().ok_or("no program")?;
    let mut command = Command::new(program);
    command.args(arguments);
    Ok(command)
}

fn certificates(folder: &Path) -> Result<(), String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(|e| e.to_string())?;
    let now = now.as_secs() as i64;
    let validity = Validity { not_before_s: now - 86_400, not_after_s: now + 90 * 86_400 };
    let authority = Authority::new("test root", validity).map_err(|e| e.to_string())?;
    let files = authority.certify(&["localhost"], validity).map_err(|e| e.to_string())?;
    [("ca.pem", authority.root()), ("chain.pem", &files.chain), ("key.pem", &files.key)]
        .into_iter()
        .try_for_each(|(name, text)| fs::write(folder.join(name), text).map_err(|e| e.to_string()))
}

/// One daemon serves time and keys, the other takes them: names and keys by way of the sockets, on both sides. A role that
/// is killed is called again.
pub(crate) fn work() -> Result<(), String> {
    let place = Place::new()?;
    certificates(place.folder.path())?;
    let dir = place.folder.path().display().to_string();
    let free = |udp: bool| {
        let port = if udp {
            std::net::UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr())
        } else {
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr())
        };
        port.map(|address| address.port()).map_err(|e| e.to_string())
    };
    let (ntp, ke) = (free(true)?, free(false)?);
    place.write(
        "server.toml",
        &format!(
            "[clock]\ncontrol = false\nfrequency_file = false\n[local]\nstratum = 9\n\
             [daemon]\nstate_dir = false\nrun_dir = false\n\
             [serve]\nlisten = [\"127.0.0.1:{ntp}\"]\nallow = [\"127.0.0.0/8\"]\n\
             [serve.nts]\nlisten = [\"127.0.0.1:{ke}\"]\nkey_ring = false\n\
             certificate = \"{dir}/chain.pem\"\nprivate_key = \"{dir}/key.pem\"\n"
        ),
    )?;
    place.write(
        "client.toml",
        &format!(
            "[clock]\ncontrol = false\nfrequency_file = false\n\
             [daemon]\nstate_dir = false\nrun_dir = \"{dir}/run\"\n\
             [nts]\nsystem_certificates = false\ntrusted_certificates = [\"{dir}/ca.pem\"]\n\
             [[source]]\nserver = \"localhost\"\nfamily = \"ipv4\"\nport = {ntp}\n\
             poll = {{ min = -2, max = -2 }}\nnts = {{ port = {ke} }}\n"
        ),
    )?;
    let roles = ["resolver", "ke-client", "ke-server"].map(|role| place.offer(role, &[], &[]));
    let roles = roles.into_iter().collect::<Result<Vec<_>, _>>()?;
    let sockets = format!("{dir}/roles");
    let _server = place.daemon("server", &[], &["--role-sockets", &sockets])?;
    let client = place.daemon("client", &[], &["--role-sockets", &sockets])?;
    let has = |field: &str, least: u64| {
        place.source().and_then(|source| source.pointer(field)?.as_u64()).is_some_and(|value| value >= least)
    };
    eventually(LIMIT, "samples by NTS", || has("/samples", 4) && has("/authentication/nts/cookies", 1))
        .map_err(|e| place.explain(&e))?;
    drop(client);

    // The server's role dies and is called again, and a client that starts anew gets keys from it.
    let server_role = roles.last().map(Guarded::id).unwrap_or_default();
    let children = format!("/proc/{server_role}/task/{server_role}/children");
    for child in fs::read_to_string(children).map_err(|e| e.to_string())?.split_whitespace() {
        run(Command::new("kill").args(["-KILL", child]))?;
    }
    let ended = "the key exchange server ended unexpectedly";
    eventually(LIMIT, "the end of the role", || place.read("server.log").contains(ended))
        .map_err(|e| place.explain(&e))?;
    let _client = place.daemon("client", &[], &["--role-sockets", &sockets])?;
    eventually(LIMIT, "keys from another process", || {
        has("/samples", 4) && has("/authentication/nts/cookies", 1)
    })
    .map_err(|e| place.explain(&e))
}

/// Neither end speaks with somebody who is not the other.
pub(crate) fn strangers() -> Result<(), String> {
    let place = Place::new()?;
    let dir = place.folder.path().display().to_string();
    let text = "[clock]\ncontrol = false\nfrequency_file = false\n[[source]]\nserver = \"localhost\"\nfamily = \"ipv4\"\n";
    place.write("client.toml", &format!("{text}[daemon]\nstate_dir = false\nrun_dir = \"{dir}/run\"\n"))?;
    let user = |(_, number): (&'static str, &'static str)| ["setpriv", "--clear-groups", "--reuid", number];
    let sockets = format!("{dir}/roles");
    let arguments = ["--role-sockets", sockets.as_str()];

    // Somebody else's socket is no service manager's.
    let impostor = place.offer("resolver", &user(BIN), &[])?;
    let mut client = place.daemon("client", &user(DAEMON), &arguments)?;
    let status = client.wait(LIMIT)?;
    let said = place.read("client.log");
    expect(
        status.code() == Some(1) && said.contains("the socket belongs to user 2, who has no business here"),
        &said,
    )?;
    drop(impostor);
    fs::remove_file(place.path("roles/resolver")).map_err(|e| e.to_string())?;

    // Who is not the role's daemon is not answered.
    let role = place.offer("resolver", &[], &["--daemon=bin"])?;
    let client = place.daemon("client", &user(DAEMON), &arguments)?;
    eventually(LIMIT, "the refusal", || {
        place.read("resolver.log").contains("it was called by user 1, who has no business here")
    })
    .map_err(|e| place.explain(&e))?;
    drop((client, role));
    fs::remove_file(place.path("roles/resolver")).map_err(|e| e.to_string())?;

    // Who is, is.
    let _role = place.offer("resolver", &[], &["--daemon=daemon"])?;
    let _client = place.daemon("client", &user(DAEMON), &arguments)?;
    let resolved = || place.source().is_some_and(|source| source.to_string().contains("127.0.0.1"));
    eventually(LIMIT, "the address", resolved).map_err(|e| place.explain(&e))
}

fn expect(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}
