//! The Debian package in a clean Debian: installed, upgraded, removed, purged, with chrony there and without it.

use std::path::{Path, PathBuf};
use std::process::Command;

use truechimer_tests::layer::fetched;
use truechimer_tests::{process, programs};

/// What `tests/fetch.sh` makes: Debian's essential packages, systemd and chrony.
pub(crate) const ROOT: &str = "debian.tar";

/// A Debian that nobody has touched yet.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    pub(crate) fn new() -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let tar = fetched().join(ROOT);
        process::run(Command::new("tar").arg("-xf").arg(tar).arg("-C").arg(folder.path()))?;
        let machine = Self { folder };
        Ok(machine)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs something in it. No service is started there.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new("chroot");
        command
            .arg(self.folder.path())
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C");
        process::run(command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"))
    }

    pub(crate) fn install(&self, version: &str) -> Result<String, String> {
        self.install_some(version, &["truechimer"])
    }

    pub(crate) fn install_some(&self, version: &str, packages: &[&str]) -> Result<String, String> {
        programs::package(&self.path("tmp"), version)?;
        self.install_made(version, packages)
    }

    /// The same with packages that were made before.
    fn install_made(&self, version: &str, packages: &[&str]) -> Result<String, String> {
        let architecture = self.run(&["dpkg", "--print-architecture"])?;
        let file = |name| format!("/tmp/{name}_{version}_{}.deb", architecture.trim());
        let files: Vec<String> = packages.iter().map(file).collect();
        self.run(
            &["dpkg", "--install"].into_iter().chain(files.iter().map(String::as_str)).collect::<Vec<_>>(),
        )
    }

    /// What `chronyc` says of the daemon that is called `chronyd`, which runs on a network of its own without the right to set
    /// the clock.
    fn tracked(&self) -> Result<String, String> {
        self.live(SWITCHED)
    }

    /// Runs a script beside it, on a network of its own, in which programs can run on; `@ROOT@` is where it is. They end with the
    /// script.
    pub(crate) fn live(&self, script: &str) -> Result<String, String> {
        let script = script.replace("@ROOT@", &self.folder.path().to_string_lossy());
        let mut command = Command::new("unshare");
        command.args(["--mount", "--net", "--pid", "--fork", "--kill-child", "bash", "-euc", &script]);
        process::run(&mut command)
    }

    /// Whether the unit starts with the machine.
    fn starts(&self, unit: &str) -> bool {
        self.path("etc/systemd/system/multi-user.target.wants").join(unit).symlink_metadata().is_ok()
    }

    /// Files that have our name, but for what is in /tmp.
    pub(crate) fn left(&self) -> Result<String, String> {
        self.run(&["find", "/etc", "/usr", "/var", "/run", "-xdev", "-name", "*chimer*"])
    }
}

/// Starts what the unit starts, as the unit does as far as that can be without systemd, and asks until it serves by itself.
const SWITCHED: &str = r"
mount -t proc proc @ROOT@/proc
mount --rbind /dev @ROOT@/dev
ip link set lo up
# The last one was killed here, and in a namespace its number is soon another's.
rm -rf @ROOT@/run/chrony
install -d -o 0 -g _chrony -m 770 @ROOT@/run/chrony 2>/dev/null || install -d -m 777 @ROOT@/run/chrony
setpriv --bounding-set=-sys_time --inh-caps=-sys_time chroot @ROOT@ chronyd -n -x -u _chrony &
for attempt in $(seq 100); do
  sleep 0.2
  said=$(chroot @ROOT@ chronyc tracking) || continue
  [[ $said == *'Stratum         : 9'* ]] && break
done
echo $said
";

pub(crate) fn expect(holds: bool, what: impl Into<String>) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.into()) }
}

pub(crate) fn beside_chrony() -> Result<(), String> {
    let machine = Machine::new()?;
    expect(machine.starts("chrony.service"), "chrony is not enabled in the clean root")?;
    let said = machine.install("1.0")?;
    expect(said.contains("chrony.service keeps the clock"), said)?;
    expect(machine.starts("chrony.service"), "chrony was switched off")?;
    expect(!machine.starts("chimerd.service"), "two daemons would keep the clock")?;

    // Tried alone, removed, and chrony again: the same as on the first day when it comes back.
    machine.run(&["dpkg", "--purge", "truechimer"])?;
    machine.run(&["systemctl", "disable", "chrony.service"])?;
    machine.install_made("1.0", &["truechimer"])?;
    expect(machine.starts("chimerd.service"), "the daemon does not start with the machine")?;
    machine.run(&["dpkg", "--remove", "truechimer"])?;
    machine.run(&["systemctl", "enable", "chrony.service"])?;
    let said = machine.install_made("1.0", &["truechimer"])?;
    expect(said.contains("chrony.service keeps the clock"), said)?;
    expect(!machine.starts("chimerd.service"), "two daemons would keep the clock after a removal")?;
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
        "usr/lib/systemd/system/chimerd-resolver.socket",
        "usr/lib/systemd/system/chimerd-resolver@.service",
        "usr/lib/systemd/system/chimerd-ke-client.socket",
        "usr/lib/systemd/system/chimerd-ke-client@.service",
        "usr/lib/systemd/system/chimerd-ke-server.socket",
        "usr/lib/systemd/system/chimerd-ke-server@.service",
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
    machine.install_made("1.1", &["truechimer", "truechimer-chrony"])?;
    expect(machine.starts("chimerd.service"), "the daemon did not come back")?;
    for unit in ["chimerd.service", "chimerd-wait.service"] {
        let masked = machine.path("etc/systemd/system").join(unit);
        expect(masked.symlink_metadata().is_err(), format!("{unit} stays masked"))?;
    }
    let account = machine.run(&["getent", "passwd", "_chrony"])?;
    expect(account.contains("nologin"), "chrony.service has no account without chrony")?;
    std::fs::create_dir_all(machine.path("var/log/truechimer")).map_err(|e| e.to_string())?;
    machine.run(&["dpkg", "--purge", "truechimer-chrony", "truechimer"])?;
    let left = machine.left()?;
    expect(left.is_empty(), left)
}

/// The way of somebody who runs chrony today, and back.
pub(crate) fn switched() -> Result<(), String> {
    let machine = Machine::new()?;
    let config = machine.path("etc/chrony/chrony.conf");
    append(&config, "local stratum 9\n")?;
    let is_chronys =
        |machine: &Machine| Ok::<_, String>(!machine.run(&["chronyd", "--version"])?.contains("chimerd"));
    expect(is_chronys(&machine)?, "the clean root has no chronyd")?;

    machine.install_some("1.0", &["truechimer", "truechimer-chrony"])?;
    expect(!is_chronys(&machine)?, "chronyd is still chrony's")?;
    expect(machine.starts("chrony.service"), "chrony.service is switched off")?;
    expect(!machine.starts("chimerd.service"), "two daemons would keep the clock")?;
    let unit = std::fs::read_to_string(machine.path("lib/systemd/system/chrony.service"));
    expect(unit.map_err(|e| e.to_string())?.contains("Truechimer"), "chrony.service is still chrony's")?;
    let tracking = machine.tracked()?;
    expect(tracking.contains("Stratum : 9"), tracking)?;

    machine.install_some("1.1", &["truechimer", "truechimer-chrony"])?;
    expect(!is_chronys(&machine)?, "an upgrade brought chrony's daemon back")?;
    machine.run(&["dpkg", "--remove", "truechimer-chrony", "truechimer"])?;
    expect(is_chronys(&machine)?, "chrony's daemon did not come back")?;
    let unit = std::fs::read_to_string(machine.path("lib/systemd/system/chrony.service"));
    expect(!unit.map_err(|e| e.to_string())?.contains("Truechimer"), "chrony.service did not come back")?;
    let tracking = machine.tracked()?;
    expect(tracking.contains("Stratum : 9"), tracking)?;
    let kept = std::fs::read_to_string(&config).map_err(|e| e.to_string())?;
    expect(kept.ends_with("local stratum 9\n"), "chrony.conf was changed")?;
    beside_newer_chrony(&machine)
}

/// Since Debian 13 chrony's package has its unit below /usr/lib, which is the same file by another name.
fn beside_newer_chrony(machine: &Machine) -> Result<(), String> {
    machine.run(&["dpkg", "--purge", "chrony"])?;
    machine.run(&["bash", "-euc", NEWER_CHRONY])?;
    let unit = || std::fs::read_to_string(machine.path("usr/lib/systemd/system/chrony.service"));
    machine.run(&["dpkg", "--install", "/tmp/chrony_9.deb"])?;
    machine.install_made("1.1", &["truechimer", "truechimer-chrony"])?;
    machine.run(&["dpkg", "--install", "/tmp/chrony_10.deb"])?;
    let ours = unit().map_err(|e| e.to_string())?;
    expect(ours.contains("Truechimer"), "an upgrade of chrony took its unit back")?;
    machine.run(&["dpkg", "--remove", "truechimer-chrony"])?;
    let theirs = unit().map_err(|e| e.to_string())?;
    expect(theirs.contains("version 10"), "chrony.service did not come back")?;
    let diverted = machine.run(&["dpkg-divert", "--list", "*chrony*"])?;
    expect(diverted.is_empty(), diverted)
}

/// Makes two versions of a package like Debian 13's.
const NEWER_CHRONY: &str = r"
cd /tmp
for version in 9 10; do
  mkdir -p chrony/DEBIAN chrony/usr/sbin chrony/usr/lib/systemd/system
  printf '[Unit]\nDescription=version %s\n' $version >chrony/usr/lib/systemd/system/chrony.service
  printf '#!/bin/sh\n' >chrony/usr/sbin/chronyd
  chmod 755 chrony/usr/sbin/chronyd
  printf 'Package: chrony\nVersion: %s\nArchitecture: all\nMaintainer: X <x@example.org>\nDescription: x\n' \
    $version >chrony/DEBIAN/control
  dpkg-deb --root-owner-group --build chrony chrony_$version.deb
done
";

fn append(path: &Path, text: &str) -> Result<(), String> {
    let old = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    std::fs::write(path, old + text).map_err(|e| e.to_string())
}
