//! `cargo xtask deb`: Debian packages of what this checkout builds, without more tools than dpkg.
//!
//! Everything that goes into them stands in [`PACKAGES`] and in `dist/`; manual pages and completions are written by the programs
//! themselves.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A package: its name, which is also that of its folder in `dist/debian`, and what is in it.
struct Package {
    name: &'static str,
    /// The file here, the place there, and whether it is a program.
    files: &'static [(&'static str, &'static str, bool)],
    /// The place of a link, and where it leads.
    links: &'static [(&'static str, &'static str)],
    /// Files that their owner edits: dpkg asks before it replaces them.
    conffiles: &'static str,
    /// Whether manual pages and completions are in it.
    manuals: bool,
}

const PACKAGES: &[Package] = &[
    Package {
        name: "truechimer",
        files: &[
            ("@PROGRAMS@/chimerd", "usr/sbin/chimerd", true),
            ("@PROGRAMS@/chimer", "usr/bin/chimer", true),
            ("dist/chimer.toml", "etc/truechimer/chimer.toml", false),
            ("dist/chimerd.service", "usr/lib/systemd/system/chimerd.service", false),
            ("dist/chimerd-wait.service", "usr/lib/systemd/system/chimerd-wait.service", false),
            ("dist/chimerd-resolver.socket", "usr/lib/systemd/system/chimerd-resolver.socket", false),
            ("dist/chimerd-resolver@.service", "usr/lib/systemd/system/chimerd-resolver@.service", false),
            ("dist/chimerd-ke-client.socket", "usr/lib/systemd/system/chimerd-ke-client.socket", false),
            ("dist/chimerd-ke-client@.service", "usr/lib/systemd/system/chimerd-ke-client@.service", false),
            ("dist/chimerd-ke-server.socket", "usr/lib/systemd/system/chimerd-ke-server.socket", false),
            ("dist/chimerd-ke-server@.service", "usr/lib/systemd/system/chimerd-ke-server@.service", false),
            ("dist/ntp-units.d/50-truechimer.list", "usr/lib/systemd/ntp-units.d/50-truechimer.list", false),
            ("dist/sysusers.d/truechimer.conf", "usr/lib/sysusers.d/truechimer.conf", false),
            ("dist/tmpfiles.d/truechimer.conf", "usr/lib/tmpfiles.d/truechimer.conf", false),
            // The first two are read by scripts, the third is one.
            ("dist/hooks/dhclient", "etc/dhcp/dhclient-exit-hooks.d/truechimer", false),
            ("dist/hooks/dhcpcd", "usr/lib/dhcpcd/dhcpcd-hooks/66-truechimer.conf", false),
            ("dist/hooks/networkmanager", "usr/lib/NetworkManager/dispatcher.d/20-truechimer-dhcp", true),
            ("README.md", "usr/share/doc/truechimer/README.md", false),
            // What the README, the manual pages and the hints of the programs name.
            ("docs/chrony.md", "usr/share/doc/truechimer/docs/chrony.md", false),
            ("docs/chronyc.md", "usr/share/doc/truechimer/docs/chronyc.md", false),
            ("docs/commands.md", "usr/share/doc/truechimer/docs/commands.md", false),
            ("docs/config.md", "usr/share/doc/truechimer/docs/config.md", false),
            ("docs/control-protocol.md", "usr/share/doc/truechimer/docs/control-protocol.md", false),
            ("docs/dhcp.md", "usr/share/doc/truechimer/docs/dhcp.md", false),
            ("docs/keys.md", "usr/share/doc/truechimer/docs/keys.md", false),
            ("docs/logs.md", "usr/share/doc/truechimer/docs/logs.md", false),
            ("docs/ntpq.md", "usr/share/doc/truechimer/docs/ntpq.md", false),
            ("docs/nts.md", "usr/share/doc/truechimer/docs/nts.md", false),
            ("docs/serving.md", "usr/share/doc/truechimer/docs/serving.md", false),
            ("CHANGELOG.md", "usr/share/doc/truechimer/changelog", false),
            ("LICENSE-APACHE", "usr/share/doc/truechimer/LICENSE-APACHE", false),
            ("LICENSE-MIT", "usr/share/doc/truechimer/copyright", false),
        ],
        links: &[],
        conffiles: "/etc/truechimer/chimer.toml\n/etc/dhcp/dhclient-exit-hooks.d/truechimer\n",
        manuals: true,
    },
    Package {
        name: "truechimer-chrony",
        files: &[
            // Where chrony has it: a diversion is of a name, and one folder has two.
            ("dist/chrony.service", "lib/systemd/system/chrony.service", false),
            ("dist/sysusers.d/truechimer-chrony.conf", "usr/lib/sysusers.d/truechimer-chrony.conf", false),
            ("docs/chrony.md", "usr/share/doc/truechimer-chrony/chrony.md", false),
            ("LICENSE-MIT", "usr/share/doc/truechimer-chrony/copyright", false),
        ],
        links: &[("usr/sbin/chronyd", "chimerd")],
        conffiles: "",
        manuals: false,
    },
];
/// Shells, and where they look for completions.
const COMPLETIONS: &[(&str, &str)] = &[
    ("bash", "usr/share/bash-completion/completions/chimer"),
    ("zsh", "usr/share/zsh/vendor-completions/_chimer"),
    ("fish", "usr/share/fish/vendor_completions.d/chimer.fish"),
];
const SCRIPTS: &[&str] = &["preinst", "postinst", "prerm", "postrm"];

/// Builds the packages from the arguments after `deb` and says where they are.
pub(crate) fn run(args: impl Iterator<Item = String>) -> Result<Vec<PathBuf>, String> {
    let options = Options::parse(args)?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?;
    let programs = match &options.programs {
        Some(folder) => folder.clone(),
        None => build(root)?,
    };
    let made = PACKAGES.iter().map(|package| {
        // Several may be made at a time.
        let stage = root.join(format!("target/deb/{}-{}", package.name, std::process::id()));
        let made = package.make(root, &stage, &programs, &options);
        let _ = fs::remove_dir_all(&stage);
        made
    });
    made.collect()
}

impl Package {
    /// Puts everything in its place below `stage`, and makes the package of it.
    fn make(&self, root: &Path, stage: &Path, programs: &Path, options: &Options) -> Result<PathBuf, String> {
        for (from, to, is_program) in self.files {
            let from =
                from.strip_prefix("@PROGRAMS@/").map_or_else(|| root.join(from), |name| programs.join(name));
            install(&from, &stage.join(to), if *is_program { 0o755 } else { 0o644 })?;
        }
        for (at, to) in self.links {
            link(&stage.join(at), to)?;
        }
        if self.manuals {
            write_manuals(stage, &programs.join("chimer"))?;
        }
        self.write_control(root, stage, programs, &options.version)?;
        let out = options.out.clone().unwrap_or_else(|| root.join("target/deb"));
        fs::create_dir_all(&out).map_err(|e| format!("{}: {e}", out.display()))?;
        let said =
            output(Command::new("dpkg-deb").args(["--root-owner-group", "--build"]).arg(stage).arg(&out))?;
        // «dpkg-deb: building package 'truechimer' in '…/truechimer_0.1.0_amd64.deb'.»
        said.split('\'').nth(3).map(PathBuf::from).ok_or_else(|| format!("dpkg-deb said {said:?}"))
    }

    /// The control file, the scripts and the sums.
    fn write_control(&self, root: &Path, stage: &Path, programs: &Path, version: &str) -> Result<(), String> {
        let mut sums = String::new();
        let mut bytes = 0;
        for file in files_below(stage)?.iter().filter(|file| !file.is_symlink()) {
            bytes += fs::metadata(file).map_err(|e| format!("{}: {e}", file.display()))?.len();
            let name = file.strip_prefix(stage).map_err(|e| e.to_string())?;
            let sum = output(Command::new("md5sum").arg(file))?;
            let sum = sum.split(' ').next().unwrap_or_default();
            sums.push_str(&format!("{sum}  {}\n", name.display()));
        }
        let source = root.join("dist/debian").join(self.name);
        let template = source.join("control");
        let template = fs::read_to_string(&template).map_err(|e| format!("{}: {e}", template.display()))?;
        let control = template
            .replace("@VERSION@", version)
            .replace("@ARCHITECTURE@", output(Command::new("dpkg").arg("--print-architecture"))?.trim())
            .replace("@SIZE@", &bytes.div_ceil(1024).to_string())
            .replace(
                "@LIBC@",
                &libc_of(&programs.join("chimerd"))?.max(libc_of(&programs.join("chimer"))?).text(),
            );
        let folder = stage.join("DEBIAN");
        write(&folder.join("control"), control.as_bytes(), 0o644)?;
        write(&folder.join("conffiles"), self.conffiles.as_bytes(), 0o644)?;
        write(&folder.join("md5sums"), sums.as_bytes(), 0o644)?;
        for script in SCRIPTS.iter().filter(|script| source.join(script).exists()) {
            install(&source.join(script), &folder.join(script), 0o755)?;
        }
        Ok(())
    }
}

struct Options {
    programs: Option<PathBuf>,
    out: Option<PathBuf>,
    version: String,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { programs: None, out: None, version: env!("CARGO_PKG_VERSION").to_owned() };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} wants a value"));
            match arg.as_str() {
                "--programs" => options.programs = Some(value()?.into()),
                "--out" => options.out = Some(value()?.into()),
                "--version" => options.version = value()?,
                _ => {
                    return Err(format!(
                        "there is no option {arg}; usage: cargo xtask deb [--programs DIR] [--out DIR] [--version VERSION]"
                    ));
                }
            }
        }
        Ok(options)
    }
}

/// Builds both programs optimised and gives their folder.
fn build(root: &Path) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root).args([
        "build",
        "--release",
        "--locked",
        "--package",
        "chimerd",
        "--package",
        "chimer",
    ]);
    let status = command.status().map_err(|e| format!("cargo: {e}"))?;
    if status.success() {
        Ok(root.join("target/release"))
    } else {
        Err("the programs cannot be built".into())
    }
}

fn install(from: &Path, to: &Path, mode: u32) -> Result<(), String> {
    let bytes = fs::read(from).map_err(|e| format!("{}: {e}", from.display()))?;
    write(to, &bytes, mode)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), String> {
    let put = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, bytes)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    };
    put().map_err(|e| format!("{}: {e}", path.display()))
}

fn link(at: &Path, to: &str) -> Result<(), String> {
    let folder = at.parent().ok_or("a link without a folder")?;
    fs::create_dir_all(folder).and_then(|()| symlink(to, at)).map_err(|e| format!("{}: {e}", at.display()))
}

/// Manual pages and completions, as the program writes them.
fn write_manuals(stage: &Path, chimer: &Path) -> Result<(), String> {
    for (shell, to) in COMPLETIONS {
        let text = output(Command::new(chimer).args(["completions", shell]))?;
        write(&stage.join(to), text.as_bytes(), 0o644)?;
    }
    let man = stage.join("usr/share/man");
    output(Command::new(chimer).args(["man", "--out"]).arg(&man))?;
    compress_pages(&man)
}

fn compress_pages(man: &Path) -> Result<(), String> {
    for page in files_below(man)? {
        // Without the name and the time, so that the same pages make the same package.
        output(Command::new("gzip").args(["--best", "--no-name"]).arg(&page))?;
    }
    Ok(())
}

/// All files below a folder, in order.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for entry in entries {
        let path = entry.map_err(|e| e.to_string())?.path();
        if path.is_dir() && !path.is_symlink() {
            found.append(&mut files_below(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A version of the C library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Libc(u32, u32);

impl Libc {
    fn text(self) -> String {
        format!("{}.{}", self.0, self.1)
    }
}

/// The oldest C library that has all symbols which a program asks for: they carry its version (`GLIBC_2.34`).
fn libc_of(program: &Path) -> Result<Libc, String> {
    let bytes = fs::read(program).map_err(|e| format!("{}: {e}", program.display()))?;
    newest_libc(&bytes).ok_or_else(|| format!("{}: asks for no version of glibc", program.display()))
}

fn newest_libc(bytes: &[u8]) -> Option<Libc> {
    const MARK: &[u8] = b"GLIBC_";
    let starts = bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    starts
        .filter_map(|(at, _)| {
            let rest = bytes.get(at + MARK.len()..)?;
            let end = rest.iter().position(|b| !b.is_ascii_digit() && *b != b'.')?;
            let (major, minor) = std::str::from_utf8(rest.get(..end)?).ok()?.split_once('.')?;
            let minor = minor.split('.').next()?;
            Some(Libc(major.parse().ok()?, minor.parse().ok()?))
        })
        .max()
}

/// What a program prints, or why there is nothing.
fn output(command: &mut Command) -> Result<String, String> {
    let shown = format!("{command:?}");
    let output = command.output().map_err(|e| format!("{shown}: {e}"))?;
    if !output.status.success() {
        return Err(format!("{shown}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::{Libc, newest_libc};

    #[test]
    fn the_newest_version_that_is_asked_for_counts() {
        let found = newest_libc(b"\0GLIBC_2.2.5\0x GLIBC_2.34\0GLIBC_2.9\0GLIBC_PRIVATE\0");
        assert_eq!(found, Some(Libc(2, 34)));
        assert_eq!(newest_libc(b"nothing"), None);
    }
}
