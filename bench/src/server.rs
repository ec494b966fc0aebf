//! The programs that are measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use truechimer_tests::process::{Guarded, NO_CLOCK, run};

use crate::net::{Cable, PRIORITY};

/// A program that is up and answers.
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) process: Guarded,
    pub(crate) cable: Cable,
    log: PathBuf,
}

/// How to start one.
#[derive(Clone)]
pub(crate) struct Recipe {
    pub(crate) name: String,
    /// For the shell.
    pub(crate) command: String,
}

impl Recipe {
    /// `NAME=COMMAND`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, command) = text.split_once('=').ok_or("write NAME=COMMAND")?;
        Ok(Self { name: name.to_owned(), command: command.to_owned() })
    }

    /// Ours, as released.
    pub(crate) fn ours(folder: &Path) -> Result<Self, String> {
        build(&["-p", "chimerd"])?;
        let config = folder.join("chimer.toml");
        let text = "[serve]\nlisten = [\"0.0.0.0:123\"]\nallow = [\"172.18.0.0/16\", \"192.168.77.0/24\"]\n\
                    [local]\nstratum = 5\n[daemon]\nstate_dir = false\nrun_dir = false\n";
        fs::write(&config, text).map_err(|e| e.to_string())?;
        let program = release("chimerd");
        let command = format!("{} --observe --config {}", program.display(), config.display());
        Ok(Self { name: "chimerd".into(), command })
    }

    /// The least that a server can do.
    pub(crate) fn bare() -> Result<Self, String> {
        build(&["-p", "truechimer-sys", "--example", "bare"])?;
        let command = format!("{} 0.0.0.0:123", release("examples/bare").display());
        Ok(Self { name: "bare loop".into(), command })
    }

    /// chrony, if it is installed.
    pub(crate) fn chrony(folder: &Path) -> Result<Option<Self>, String> {
        let Some(program) = find("chronyd") else { return Ok(None) };
        let config = folder.join("chrony.conf");
        let text = format!(
            "allow 172.18.0.0/16\nallow 192.168.77.0/24\nlocal stratum 5\ncmdport 0\npidfile {}\n",
            folder.join("chronyd.pid").display()
        );
        fs::write(&config, text).map_err(|e| e.to_string())?;
        let command = format!("{} -x -d -u root -f {}", program.display(), config.display());
        Ok(Some(Self { name: "chrony".into(), command }))
    }

    /// Starts it in a namespace of its own, on these processors, without the right to set the clock.
    pub(crate) fn start(&self, folder: &Path, cpus: &str) -> Result<Server, String> {
        let cable = Cable::new(cpus)?;
        let log = folder.join(format!("{}.log", self.name));
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &cable.server, "chrt", "-f", PRIORITY, "taskset", "-c", cpus]);
        command.args(NO_CLOCK).args(["sh", "-c", &format!("exec {}", self.command)]);
        let process = Guarded::start(command, &log)?;
        Ok(Server { name: self.name.clone(), process, cable, log })
    }
}

impl Server {
    /// An error unless it still runs.
    pub(crate) fn check(&mut self) -> Result<(), String> {
        match self.process.ended() {
            None => Ok(()),
            Some(status) => Err(self.explain(&format!("ended: {status}"))),
        }
    }

    /// What went wrong, and what the program said itself.
    pub(crate) fn explain(&self, error: &str) -> String {
        format!("{}: {error}\n{}", self.name, fs::read_to_string(&self.log).unwrap_or_default())
    }
}

/// Builds something of ours as it is released.
pub(crate) fn build(what: &[&str]) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    run(Command::new(cargo).args(["build", "--quiet", "--release"]).args(what).current_dir(root())).map(drop)
}

/// Where it is then.
pub(crate) fn release(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.join("release").join(name)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A program on the path, or where Debian keeps daemons.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|file| file.exists())
}

/// How long a server gets until it is expected to answer.
pub(crate) const START: Duration = Duration::from_secs(2);
