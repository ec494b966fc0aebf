//! The programs that we did not write: how each is run without a clock, and how each says that it is satisfied.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use truechimer_tests::layer::fetched;
use truechimer_tests::netns::{Cable, Host};
use truechimer_tests::process::{Guarded, eventually, run};

use crate::ours::Ours;

type Start = fn(&Host, &Path, Option<&str>, Option<&Key>) -> Result<Guarded, String>;

/// One of them.
#[derive(Clone, Copy)]
pub(crate) struct Peer {
    /// Its name in the tests' names.
    pub(crate) name: &'static str,
    /// Its daemon below the fetched folder.
    pub(crate) daemon: &'static str,
    /// Starts it as a server (`None`) or as a client of an address, perhaps with a symmetric key.
    pub(crate) start: Start,
    /// Whether it follows the server at the address.
    follows: fn(&Host, &Path, &str) -> bool,
    /// Whether it serves what it got from there.
    serves: fn(&Host, &Path, &str) -> bool,
    /// A line of its key file.
    pub(crate) key_line: fn(&Key) -> String,
    /// It serves only once it is synchronised itself, and so needs a server of its own.
    needs_upstream: bool,
}

pub(crate) const CHRONY: Peer = Peer {
    name: "chronyd",
    daemon: "chrony/usr/sbin/chronyd",
    start: start_chrony,
    follows: chrony_follows,
    serves: chrony_follows,
    key_line: |key| format!("{} {} HEX:{}\n", key.id, key.name, key.hex),
    needs_upstream: false,
};

pub(crate) const NTPSEC: Peer = Peer {
    name: "ntpsec",
    daemon: "ntpsec/usr/sbin/ntpd",
    start: start_ntpsec,
    follows: ntpsec_follows,
    serves: ntpsec_follows,
    // What it knows as AES-128 are others' AES128, and its other names are theirs.
    key_line: |key| format!("{} {} {}\n", key.id, key.name.replace("AES", "AES-"), key.hex),
    needs_upstream: false,
};

pub(crate) const OPENNTPD: Peer = Peer {
    name: "openntpd",
    daemon: "openntpd/usr/sbin/ntpd",
    start: start_openntpd,
    follows: openntpd_follows,
    serves: openntpd_serves,
    key_line: |_| String::new(),
    needs_upstream: true,
};

/// A symmetric key, for peers that know them.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    pub(crate) id: u32,
    /// Its type, as chrony calls it.
    pub(crate) name: &'static str,
    pub(crate) hex: &'static str,
}

/// We are the client: the peer is selected, and the offset to the same machine's clock is next to nothing.
pub(crate) fn serve_us(peer: Peer, v6: bool) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let cable = Cable::new()?;
    let (server, client) = (cable.left(), cable.right());
    let upstream_folder = subfolder(folder.path(), "upstream")?;
    let mut upstream = None;
    if peer.needs_upstream {
        upstream = Some((CHRONY.start)(client, &upstream_folder, None, None)?);
    }
    // By another address than ours: a server that follows our address would be a loop.
    let address = upstream.is_some().then(|| client.second_address(v6));
    let _peer = (peer.start)(server, &subfolder(folder.path(), "peer")?, address, None)?;
    if let Some(address) = address {
        wait_until(peer.serves, peer, server, folder.path(), address)?;
    }
    let ours = Ours::start_client(client, folder.path(), server.address(v6), "")?;
    let report = ours.wait_until_selected()?;
    let offset = report.pointer("/sources/0/last_offset_s").and_then(Value::as_f64).ok_or("no offset")?;
    let bound = ours.bound()?;
    if offset.abs() > bound.min(0.01) {
        return Err(format!("an offset of {offset} s between two views of one clock, bound {bound} s"));
    }
    Ok(())
}

/// We are the server: the peer follows us.
pub(crate) fn served_by_us(peer: Peer, v6: bool) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let cable = Cable::new()?;
    let (server, client) = (cable.left(), cable.right());
    let ours = Ours::start_server(server, folder.path(), "")?;
    let address = server.address(v6);
    let _peer = (peer.start)(client, &subfolder(folder.path(), "peer")?, Some(address), None)?;
    wait_until_follows(peer, client, folder.path(), address)?;
    match ours.answered()? {
        0 => Err("the peer follows us, but we count no answer".into()),
        _ => Ok(()),
    }
}

/// The peer was started in the folder `peer` below `folder`.
pub(crate) fn wait_until_follows(
    peer: Peer,
    host: &Host,
    folder: &Path,
    address: &str,
) -> Result<(), String> {
    wait_until(peer.follows, peer, host, folder, address)
}

fn wait_until(
    state: fn(&Host, &Path, &str) -> bool,
    peer: Peer,
    host: &Host,
    folder: &Path,
    address: &str,
) -> Result<(), String> {
    let folder = folder.join("peer");
    // OpenNTPD takes half a minute to call itself synchronised, and after a mishap asks again after more than one.
    eventually(Duration::from_secs(180), peer.name, || state(host, &folder, address)).map_err(|e| {
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        format!("{e} to follow {address}\n{} said:\n{log}", peer.name)
    })
}

fn start_chrony(
    host: &Host,
    folder: &Path,
    upstream: Option<&str>,
    key: Option<&Key>,
) -> Result<Guarded, String> {
    let (option, keys) = match key {
        Some(key) => {
            let file = write(folder, "keys", &(CHRONY.key_line)(key))?;
            (format!(" key {}", key.id), format!("keyfile {}\n", file.display()))
        }
        None => (String::new(), String::new()),
    };
    let source = match upstream {
        Some(address) => format!("server {address} iburst minpoll 0 maxpoll 2{option}"),
        None => "local stratum 3".into(),
    };
    let dir = folder.display();
    let config = format!(
        "{source}\n{keys}allow all\ncmdport 0\nbindcmdaddress {dir}/chronyd.sock\npidfile {dir}/chronyd.pid\n"
    );
    let config = write(folder, "chrony.conf", &config)?;
    let mut command = host.command(fetched().join(CHRONY.daemon));
    command.args(["-d", "-x", "-u", "root", "-f"]).arg(config);
    Guarded::start(command, &folder.join("log"))
}

fn chrony_follows(host: &Host, folder: &Path, address: &str) -> bool {
    let mut chronyc = host.command(fetched().join("chrony/usr/bin/chronyc"));
    chronyc.args(["-n", "-c", "-h"]).arg(folder.join("chronyd.sock")).arg("sources");
    // Mode, state, name: `*` is the source that the clock is synchronised to.
    run(&mut chronyc).is_ok_and(|text| text.lines().any(|line| line.starts_with(&format!("^,*,{address},"))))
}

fn start_ntpsec(
    host: &Host,
    folder: &Path,
    upstream: Option<&str>,
    key: Option<&Key>,
) -> Result<Guarded, String> {
    let (option, keys) = match key {
        Some(key) => {
            let file = write(folder, "keys", &(NTPSEC.key_line)(key))?;
            (format!(" key {}", key.id), format!("keys {}\ntrustedkey {}\n", file.display(), key.id))
        }
        None => (String::new(), String::new()),
    };
    let source = match upstream {
        Some(address) => format!("server {address} iburst minpoll 3 maxpoll 4{option}"),
        // Without a source, an orphan serves its own clock.
        None => "tos orphan 3 orphanwait 1".into(),
    };
    let config =
        write(folder, "ntp.conf", &format!("{source}\n{keys}restrict default\nrestrict 127.0.0.1\n"))?;
    let mut command = host.command(fetched().join(NTPSEC.daemon));
    command.args(["-n", "-g", "-c"]).arg(config);
    Guarded::start(command, &folder.join("log"))
}

fn ntpsec_follows(host: &Host, _folder: &Path, address: &str) -> bool {
    let root = fetched().join("ntpsec/usr");
    let mut ntpq = host.command("/usr/bin/python3");
    ntpq.env("PYTHONPATH", root.join("lib/python3/dist-packages"));
    ntpq.arg(root.join("bin/ntpq")).args(["-pn", "127.0.0.1"]);
    run(&mut ntpq).is_ok_and(|text| text.lines().any(|line| line.starts_with(&format!("*{address} "))))
}

/// OpenNTPD wants a user of its own and fixed folders: it gets them in a mount namespace. It believes itself
/// synchronised only after the system took its corrections, so a preloaded library says that it did; another hurries it, as
/// that takes minutes.
fn start_openntpd(
    host: &Host,
    folder: &Path,
    upstream: Option<&str>,
    _key: Option<&Key>,
) -> Result<Guarded, String> {
    let sources = upstream.map(|address| format!("server {address}\n")).unwrap_or_default();
    let config = write(folder, "ntpd.conf", &format!("listen on *\n{sources}"))?;
    let mut passwd = fs::read_to_string("/etc/passwd").map_err(|e| e.to_string())?;
    passwd.push_str("ntpd:x:999:65534::/run/openntpd:/usr/sbin/nologin\n");
    let passwd = write(folder, "passwd", &passwd)?;
    let (adjtime, hurry) = (compile("adjtime", folder)?, compile("hurry", folder)?);
    let script = format!(
        "mount --bind {passwd} /etc/passwd && mount -t tmpfs none /var/lib && mount -t tmpfs none /run && \
         mkdir -p /run/openntpd /var/lib/openntpd/db /var/lib/openntpd/run && \
         exec env LD_PRELOAD={adjtime}:{hurry} {daemon} -d -v -f {config}",
        passwd = passwd.display(),
        adjtime = adjtime.display(),
        hurry = hurry.display(),
        daemon = fetched().join(OPENNTPD.daemon).display(),
        config = config.display(),
    );
    let mut command = host.command("unshare");
    command.args(["--mount", "sh", "-c", &script]);
    Guarded::start(command, &folder.join("log"))
}

fn openntpd_follows(_host: &Host, folder: &Path, address: &str) -> bool {
    let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
    log.contains(&format!("peer {address} now valid"))
}

fn openntpd_serves(_host: &Host, folder: &Path, _address: &str) -> bool {
    let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
    log.contains("clock is now synced")
}

/// A library to preload, from its source beside this file.
pub(crate) fn compile(name: &str, folder: &Path) -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("interop/{name}.c"));
    let library = folder.join(format!("{name}.so"));
    run(Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source))?;
    Ok(library)
}

pub(crate) fn subfolder(folder: &Path, name: &str) -> Result<PathBuf, String> {
    let path = folder.join(name);
    // chronyd opens its command socket in a folder of its own only.
    fs::DirBuilder::new().mode(0o700).recursive(true).create(&path).map_err(|e| e.to_string())?;
    Ok(path)
}

pub(crate) fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, String> {
    let path = folder.join(name);
    fs::write(&path, text).map_err(|e| e.to_string())?;
    Ok(path)
}
