//! Our package under a systemd that runs: the daemon in its unit, and each role in one of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use truechimer_nts_ke::Validity;
use truechimer_nts_ke::authority::Authority;
use truechimer_tests::layer::fetched;
use truechimer_tests::process::run;
use truechimer_tests::programs;

use crate::machine::Machine;

/// A clean Debian, of `tests/fetch.sh`.
pub(crate) const ROOT: &str = "debian.tar";

/// The packaged daemon follows another one, `elsewhere.service`, by name and by NTS, and exchanges keys itself.
const CONFIG: &str = r#"
[[source]]
server = "localhost"
family = "ipv4"
port = 1123
poll = { min = 0, max = 0 }
iburst = true
nts = { port = 1446 }
[nts]
system_certificates = false
trusted_certificates = ["/etc/truechimer/ca.pem"]
[serve]
listen = ["127.0.0.1:123"]
allow = ["127.0.0.0/8"]
[serve.nts]
listen = ["127.0.0.1:4460"]
certificate = "/etc/truechimer/chain.pem"
private_key = "/etc/truechimer/key.pem"
"#;
const ELSEWHERE: &str = r#"
[clock]
control = false
frequency_file = false
[local]
stratum = 9
[daemon]
state_dir = false
run_dir = false
[serve]
listen = ["127.0.0.1:1123"]
allow = ["127.0.0.0/8"]
[serve.nts]
listen = ["127.0.0.1:1446"]
certificate = "/etc/truechimer/chain.pem"
private_key = "/etc/truechimer/key.pem"
key_ring = false
"#;
const ELSEWHERE_UNIT: &str = "[Unit]\nBefore=chimerd.service\n[Service]\nUser=truechimer\n\
    ExecStart=/usr/sbin/chimerd -f /etc/truechimer/elsewhere.toml\n[Install]\nWantedBy=multi-user.target\n";
const CONSOLE_UNIT: &str = "[Unit]\nDefaultDependencies=no\nAfter=basic.target\n[Service]\nStandardInput=tty-force\n\
    StandardOutput=tty\nStandardError=tty\nTTYPath=/dev/ttyS0\nEnvironment=PS1= HOME=/root\n\
    ExecStart=/bin/sh -c 'stty -echo; mount -o remount,rw /; echo guest is ready; exec sh'\n\
    [Install]\nWantedBy=multi-user.target\n";
const INIT: &str = "#!/bin/sh\nmount -t proc proc /proc\nmount -t sysfs sys /sys\nmount -t devtmpfs dev /dev\n\
    exec /lib/systemd/systemd\n";

/// Connects to a role's socket as nobody.
const STRANGER: &str = r#"perl -MIO::Socket::UNIX -e '$> = 65534; print IO::Socket::UNIX->new(Type => Socket::SOCK_SEQPACKET, Peer => $ARGV[0]) ? "in" : "out: $!"' /run/truechimer-roles/"#;

pub(crate) fn roles() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let root = folder.path().join("root");
    install(&root)?;
    let mut machine = Machine::boot_root(&root, &folder.path().join("initrd"), 1500)?;
    machine.command("ip link set lo up; systemctl start chimerd.service")?;

    // Names, keys and time: all three roles do what they are for.
    until(&mut machine, "chimer sources --json", "samples by NTS", |text| {
        let sources: Value = serde_json::from_str(text.trim()).ok()?;
        let source = sources.pointer("/sources/0")?;
        let samples = source.get("samples")?.as_u64()? >= 3;
        (samples && source.pointer("/authentication/nts/cookies")?.as_u64()? > 0).then_some(())
    })?;
    // The time itself is refused: it is this machine's.
    let query = "chimer query --json --nts --trust /etc/truechimer/ca.pem localhost";
    until(&mut machine, query, "keys and time", |text| text.contains("\"cookies\": 8").then_some(()))?;

    for role in ["resolver", "ke-client", "ke-server"] {
        let (id, status) = look_at(&mut machine, role)?;
        let has = |line: &str| expect(status.contains(line), format!("{role}: no {line} in {status}"));
        has("CapEff:\t0000000000000000")?;
        has("CapBnd:\t0000000000000000")?;
        has("NoNewPrivs:\t1")?;
        has("Seccomp:\t2")?;
        let user = status.lines().find(|line| line.starts_with("Uid:")).unwrap_or_default();
        let number = user.split_whitespace().nth(1).and_then(|uid| uid.parse::<u32>().ok()).unwrap_or(0);
        // systemd.io/UIDS-GIDS: dynamic users.
        expect((61_184..=65_519).contains(&number), format!("{role} is {user}"))?;

        // Nobody but the daemon may call it.
        let stranger = machine.command(&format!("{STRANGER}{role}"))?;
        expect(stranger.contains("out: Permission denied"), format!("{role}: {stranger}"))?;

        // It dies, and another takes its place when it is needed.
        machine.command(&format!("kill -KILL {id}"))?;
    }
    until(&mut machine, query, "keys and time from new processes", |text| {
        text.contains("\"cookies\": 8").then_some(())
    })?;
    let (_, status) = look_at(&mut machine, "ke-server")?;
    expect(status.contains("Seccomp:\t2"), status)?;
    let failed = machine.command("systemctl --failed --plain --no-legend --no-pager")?;
    expect(failed.trim().is_empty(), format!("units have failed: {failed}"))?;

    machine.command("systemctl stop chimerd.service")?;
    let left =
        "ls /run/truechimer-roles; systemctl list-units --plain --no-legend --no-pager 'chimerd-*@*.service'";
    until(&mut machine, left, "the end of the roles", |text| text.trim().is_empty().then_some(()))
}

/// A Debian with our package and the files of this test.
fn install(root: &Path) -> Result<(), String> {
    fs::create_dir_all(root).map_err(|e| e.to_string())?;
    run(Command::new("tar").arg("-xf").arg(fetched().join(ROOT)).arg("-C").arg(root))?;
    programs::package(&root.join("tmp"), "1.0")?;
    let script = "rm -rf /usr/share/doc/* /usr/share/locale/* /usr/share/man/*; dpkg --purge chrony && \
                  dpkg --install /tmp/truechimer_1.0_*.deb && rm /tmp/*.deb";
    run(Command::new("chroot")
        .arg(root)
        .args(["sh", "-c", script])
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C"))?;
    let write = |name: &str, text: &[u8]| {
        let path = root.join(name);
        fs::write(&path, text).map_err(|e| format!("{name}: {e}"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).map_err(|e| e.to_string())
    };
    write("etc/truechimer/chimer.toml", CONFIG.as_bytes())?;
    write("etc/truechimer/elsewhere.toml", ELSEWHERE.as_bytes())?;
    write("etc/systemd/system/elsewhere.service", ELSEWHERE_UNIT.as_bytes())?;
    write("etc/systemd/system/console.service", CONSOLE_UNIT.as_bytes())?;
    write("etc/hosts", b"127.0.0.1 localhost\n")?;
    write("init", INIT.as_bytes())?;
    run(Command::new("chmod").arg("755").arg(root.join("init")))?;
    run(Command::new("systemctl").arg("--root").arg(root).args(["enable", "elsewhere", "console"]))?;

    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(|e| e.to_string())?;
    let now = now.as_secs() as i64;
    let validity = Validity { not_before_s: now - 86_400, not_after_s: now + 30 * 86_400 };
    let authority = Authority::new("test root", validity).map_err(|e| e.to_string())?;
    let files = authority.certify(&["localhost"], validity).map_err(|e| e.to_string())?;
    write("etc/truechimer/ca.pem", authority.root().as_ref())?;
    write("etc/truechimer/chain.pem", files.chain.as_ref())?;
    write("etc/truechimer/key.pem", files.key.as_ref())
}

/// The process of a role, and what the kernel says of it.
fn look_at(machine: &mut Machine, role: &str) -> Result<(String, String), String> {
    let list = format!("systemctl show --property=MainPID --value 'chimerd-{role}@*.service'");
    let id = machine.command(&list)?.trim().to_owned();
    expect(!id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()), format!("{role}: processes {id:?}"))?;
    let status = machine.command(&format!("cat /proc/{id}/status"))?;
    Ok((id, status))
}

fn until(
    machine: &mut Machine,
    command: &str,
    what: &str,
    mut holds: impl FnMut(&str) -> Option<()>,
) -> Result<(), String> {
    let start = Instant::now();
    let mut said = String::new();
    while start.elapsed() < Duration::from_secs(300) {
        said = machine.command(command)?;
        if holds(&said).is_some() {
            return Ok(());
        }
    }
    let journal = machine.command("journalctl --no-pager -b -n 60 -o cat")?;
    Err(format!("waited in vain for {what}; `{command}` says:\n{said}\njournal:\n{journal}"))
}

fn expect(holds: bool, what: impl Into<String>) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.into()) }
}
