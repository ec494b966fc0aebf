//! The machine around the daemon: what systemd makes of our units, and dpkg of our package.

mod hooks;
mod package;
mod roles;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use libtest_mimic::Arguments;
use truechimer_tests::layer::{Need, trial};
use truechimer_tests::process;

/// What a service may expose at most, by systemd's own measure (0 is nothing, 10 is all).
const MOST_EXPOSED: f64 = 2.0;

const SERVICES: [&str; 6] = [
    "chimerd.service",
    "chimerd-wait.service",
    "chrony.service",
    "chimerd-resolver@.service",
    "chimerd-ke-client@.service",
    "chimerd-ke-server@.service",
];

fn main() -> ExitCode {
    let clean_root = [Need::fetched(package::ROOT), Need::program("dpkg-deb"), Need::root()];
    let systemd = [Need::program("systemd-analyze")];
    let mut trials = vec![
        trial("o12_package_beside_chrony", &clean_root, package::beside_chrony),
        trial("o12_chrony_switched_and_back", &clean_root, package::switched),
        trial("o12_package_installed_upgraded_removed_purged", &clean_root, package::alone),
    ];
    let activate = [Need::program("systemd-socket-activate")];
    trials.push(trial("o9_roles_work_for_who_calls_them_at_a_socket", &activate, roles::work));
    let strangers = [Need::program("systemd-socket-activate"), Need::program("setpriv"), Need::root()];
    trials.push(trial("at_49_daemon_and_roles_do_not_speak_with_strangers", &strangers, roles::strangers));
    let live =
        [Need::fetched(package::ROOT), Need::program("dpkg-deb"), Need::program("unshare"), Need::root()];
    trials.push(trial("o12_hooks_of_dhcp_clients", &live, hooks::ours));
    trials.push(trial("o12_hooks_of_chrony", &live, hooks::chronys));
    for unit in SERVICES {
        trials.push(trial(format!("o9_{unit}_is_hardened"), &systemd, move || is_hardened(unit)));
        trials.push(trial(format!("o9_{unit}_is_understood"), &systemd, move || is_understood(unit)));
    }
    for unit in ["chimerd-resolver.socket", "chimerd-ke-client.socket", "chimerd-ke-server.socket"] {
        trials.push(trial(format!("o9_{unit}_is_understood"), &systemd, move || is_understood(unit)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn path(unit: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist").join(unit)
}

fn is_hardened(unit: &str) -> Result<(), String> {
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--offline=true", "--no-pager"]).arg(path(unit));
    let text = process::run(&mut analyze)?;
    let line = text.lines().last().unwrap_or_default();
    let exposure = line.split(": ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok());
    match exposure {
        Some(exposure) if exposure <= MOST_EXPOSED => Ok(()),
        Some(exposure) => Err(format!("exposes {exposure}, more than {MOST_EXPOSED}:\n{text}")),
        None => Err(format!("no exposure in {line:?}")),
    }
}

/// systemd complains of unknown keys, values and sections. That our programs are not installed here is no fault.
fn is_understood(unit: &str) -> Result<(), String> {
    let found = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .arg(path(unit))
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&found.stderr);
    let faults: Vec<&str> = text.lines().filter(|line| !line.contains("is not executable")).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}
