//! The Debian package in a clean Debian: installed, upgraded, removed, purged, with chrony there and without it.

use std::path::{Path, PathBuf};
use std::process::Command;

use truechimer_tests::layer::fetched;
use truechimer_tests::{process, programs};

/// What `tests/fetch.sh` makes: Debian's essential packages, systemd and chrony.
pub(crate) const ROOT: &str = "debian.tar";

/// A Debian that nobody has touched yet.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let tar = fetched().join(ROOT);
        process::run(Command::new("tar").arg("-xf").arg(tar).arg("-C").arg(folder.path()))?;
        let machine = Self { folder };
        Ok(machine)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs something in it. No service is started there.
    fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new("chroot");
        command
            .arg(self.folder.path())
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C");
        process::run(command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"))
    }

    fn install(&self, version: &str) -> Result<String, String> {
        programs::package(&self.path("tmp"), version)?;
        let architecture = self.run(&["dpkg", "--print-architecture"])?;
        self.run(&["dpkg", "--install", &format!("/tmp/truechimer_{version}_{}.deb", architecture.trim())])
    }

    /// Whether the unit starts with the machine.
    fn starts(&self, unit: &str) -> bool {
        self.path("etc/systemd/system/multi-user.target.wants").join(unit).symlink_metadata().is_ok()
    }

    /// Files that have our name, but for what is in /tmp.
    fn left(&self) -> Result<String, String> {
        self.run(&["find", "/etc", "/usr", "/var", "/run", "-xdev", "-name", "*chimer*"])
    }
}

fn expect(holds: bool, what: impl Into<String>) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.into()) }
}

pub(crate) fn beside_chrony() -> Result<(), String> {
    let machine = Machine::new()?;
    expect(machine.starts("chrony.service"), "chrony is not enabled in the clean root")?;
    let said = machine.install("1.0")?;
    expect(said.contains("chrony.service keeps the clock"), said)?;
    expect(machine.starts("chrony.service"), "chrony was switched off")?;
    expect(!machine.starts("chimerd.service"), "two daemons would keep the clock")?;
    machine.run(&["dpkg", "--purge", "truechimer"])?;
    expect(machine.starts("chrony.service"), "chrony was switched off by a purge")?;
    let left = machine.left()?;
    expect(left.is_empty(), left)
}

pub(crate) fn alone() -> Result<(), String> {
    let machine = Machine::new()?;
    machine.run(&["dpkg", "--purge", "chrony"])?;
    machine.install("1.0")?;
    expect(machine.starts("chimerd.service"), "the daemon does not start with the machine")?;
    let account = machine.run(&["getent", "passwd", "truechimer"])?;
    expect(account.contains("nologin"), account)?;
    expect(machine.run(&["dpkg", "--verify", "truechimer"])?.is_empty(), "files differ from their sums")?;
    let version = machine.run(&["chimer", "--version"])?;
    expect(version.starts_with("chimer "), version)?;
    machine.run(&["chimerd", "--check"])?;
    for file in [
        "usr/lib/systemd/ntp-units.d/50-truechimer.list",
        "usr/share/man/man8/chimerd.8.gz",
        "usr/share/man/man5/chimer.toml.5.gz",
        "usr/share/bash-completion/completions/chimer",
    ] {
        expect(machine.path(file).exists(), format!("{file} is missing"))?;
    }

    let config = machine.path("etc/truechimer/chimer.toml");
    append(&config, "# edited\n")?;
    machine.install("1.1")?;
    let kept = std::fs::read_to_string(&config).map_err(|e| e.to_string())?;
    expect(kept.ends_with("# edited\n"), "an upgrade lost what the owner wrote")?;
    expect(machine.starts("chimerd.service"), "an upgrade switched the daemon off")?;

    machine.run(&["dpkg", "--remove", "truechimer"])?;
    expect(config.exists(), "removal took the configuration")?;
    expect(!machine.path("usr/sbin/chimerd").exists(), "removal left the daemon")?;
    machine.install("1.1")?;
    expect(machine.starts("chimerd.service"), "the daemon did not come back")?;
    machine.run(&["dpkg", "--purge", "truechimer"])?;
    let left = machine.left()?;
    expect(left.is_empty(), left)
}

fn append(path: &Path, text: &str) -> Result<(), String> {
    let old = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    std::fs::write(path, old + text).map_err(|e| e.to_string())
}
