//! The guest machine: Debian's cloud kernel, BusyBox and our binaries in an initial ramdisk, driven over its serial
//! console.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use truechimer_tests::layer::fetched;
use truechimer_tests::process::run;

/// Modules of the network card, in the order of their dependencies.
const MODULES: &[&str] = &[
    "drivers/virtio/virtio_ring",
    "drivers/virtio/virtio",
    "drivers/virtio/virtio_pci_modern_dev",
    "drivers/virtio/virtio_pci_legacy_dev",
    "drivers/virtio/virtio_pci",
    "net/core/failover",
    "drivers/net/net_failover",
    "drivers/net/virtio_net",
];

/// QEMU's user network: the guest has 10.0.2.15 and sees the host's loopback as 10.0.2.2.
const INIT: &str = r"#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev 2>/dev/null
for module in $(cat /modules.order); do insmod /modules/$module.ko || echo failed: $module; done
ip link set lo up
ip link set eth0 up
ip addr add 10.0.2.15/24 dev eth0
mkdir -p /run/truechimer /var/lib/truechimer /tmp
stty -echo
echo guest is ready
PS1= exec sh
";

/// A running guest.
pub(crate) struct Machine {
    qemu: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    marker: u32,
    transcript: String,
}

impl Machine {
    /// Boots a guest in which `files` (path in the guest, contents) and `programs` stand.
    pub(crate) fn boot(
        folder: &Path,
        files: &[(&str, String)],
        programs: &[PathBuf],
    ) -> Result<Self, String> {
        let initrd = build_initrd(folder, files, programs)?;
        Self::start(&initrd, 256, "clocksource=acpi_pm")
    }

    /// Boots a guest whose files are in this folder and whose `/init` says «guest is ready» and becomes a shell.
    pub(crate) fn boot_root(root: &Path, initrd: &Path, memory_mib: u32) -> Result<Self, String> {
        pack(root, initrd)?;
        Self::start(initrd, memory_mib, "systemd.show_status=0")
    }

    fn start(initrd: &Path, memory_mib: u32, more: &str) -> Result<Self, String> {
        let mut qemu = Command::new("qemu-system-x86_64")
            .args(["-accel", "tcg", "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio", "-m"])
            .arg(memory_mib.to_string())
            .args(["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="])
            .arg("-kernel")
            .arg(kernel()?)
            .arg("-initrd")
            .arg(initrd)
            .arg("-append")
            .arg(format!("console=ttyS0 quiet panic=-1 {more}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|e| format!("qemu: {e}"))?;
        let input = qemu.stdin.take().ok_or("qemu has no stdin")?;
        let output = qemu.stdout.take().ok_or("qemu has no stdout")?;
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).trim_end().to_owned()).is_err() {
                    break;
                }
            }
        });
        let mut machine = Self { qemu, input, lines, marker: 0, transcript: String::new() };
        // What is typed before the shell is there would be echoed, and lost.
        machine.read_until("guest is ready", Duration::from_secs(120))?;
        Ok(machine)
    }

    /// Runs a shell command in the guest and gives what it printed.
    pub(crate) fn command(&mut self, command: &str) -> Result<String, String> {
        self.command_within(command, Duration::from_secs(30))
    }

    fn command_within(&mut self, command: &str, limit: Duration) -> Result<String, String> {
        self.marker += 1;
        // The marker is put together by the shell, so that an echo of the command is not taken for its end.
        let marker = format!("done-{}", self.marker);
        writeln!(self.input, "{command}; echo; echo done''-{}", self.marker)
            .and_then(|()| self.input.flush())
            .map_err(|e| format!("the guest's console: {e}"))?;
        self.read_until(&marker, limit).map_err(|e| format!("`{command}`: {e}"))
    }

    /// Everything up to the line that ends with `marker`.
    fn read_until(&mut self, marker: &str, limit: Duration) -> Result<String, String> {
        let deadline = Instant::now() + limit;
        let mut output = String::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                return Err(format!(
                    "no `{marker}` within {limit:?}; the console showed:\n{}",
                    self.transcript
                ));
            };
            self.transcript.push_str(&line);
            self.transcript.push('\n');
            if line.ends_with(marker) {
                return Ok(output);
            }
            output.push_str(&line);
            output.push('\n');
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

fn kernel() -> Result<PathBuf, String> {
    let boot = fetched().join("kernel/boot");
    fs::read_dir(&boot)
        .map_err(|e| format!("{}: {e}", boot.display()))?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz")))
        .ok_or_else(|| format!("no vmlinuz in {}", boot.display()))
}

fn build_initrd(folder: &Path, files: &[(&str, String)], programs: &[PathBuf]) -> Result<PathBuf, String> {
    let root = folder.join("root");
    for name in ["bin", "modules", "proc", "sys", "dev", "etc"] {
        fs::create_dir_all(root.join(name)).map_err(|e| e.to_string())?;
    }
    copy_modules(&root)?;
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].map(Path::new).into_iter().find(|p| p.exists());
    copy(busybox.ok_or("no busybox")?, &root.join("bin/busybox"))?;
    for program in programs {
        let name = program.file_name().ok_or("a program without a name")?;
        copy(program, &root.join("bin").join(name))?;
        copy_libraries(program, &root)?;
    }
    let init = root.join("init");
    fs::write(&init, INIT).map_err(|e| e.to_string())?;
    run(Command::new("chmod").arg("755").arg(&init))?;
    for (path, text) in files {
        let path = root.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().ok_or("a file without a folder")?).map_err(|e| e.to_string())?;
        fs::write(path, text).map_err(|e| e.to_string())?;
    }
    let initrd = folder.join("initrd");
    pack(&root, &initrd)?;
    Ok(initrd)
}

fn pack(root: &Path, initrd: &Path) -> Result<(), String> {
    let script = "cd \"$0\" && find . | cpio --quiet -o -H newc > \"$1\"";
    run(Command::new("sh").args(["-c", script]).arg(root).arg(initrd)).map(drop)
}

fn copy_modules(root: &Path) -> Result<(), String> {
    let mut order = String::new();
    for module in MODULES {
        let found = run(Command::new("find")
            .arg(fetched().join("kernel/lib/modules"))
            .args(["-path", &format!("*/kernel/{module}.ko")]))?;
        let name = module.rsplit('/').next().unwrap_or(module);
        copy(Path::new(found.trim()), &root.join(format!("modules/{name}.ko")))?;
        order.push_str(name);
        order.push('\n');
    }
    fs::write(root.join("modules.order"), order).map_err(|e| e.to_string())
}

/// Copies the shared libraries that `ldd` names, at their own paths.
fn copy_libraries(program: &Path, root: &Path) -> Result<(), String> {
    for word in run(Command::new("ldd").arg(program))?.split_whitespace().filter(|word| word.starts_with('/'))
    {
        let target = root.join(word.trim_start_matches('/'));
        fs::create_dir_all(target.parent().ok_or("a library without a folder")?)
            .map_err(|e| e.to_string())?;
        copy(Path::new(word), &target)?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to).map(drop).map_err(|e| format!("{} to {}: {e}", from.display(), to.display()))
}
