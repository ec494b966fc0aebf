//! The programs that are measured.

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use clap::Args;
use truechimer_tests::layer::Need;
use truechimer_tests::process::{Guarded, NO_CLOCK, run};

use crate::compare::{Column, Rows, report};
use crate::exchange::Identity;
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
    pub(crate) fn ours(place: &Place) -> Result<Self, String> {
        build(&["-p", "chimerd"])?;
        let nts = place.nts.as_ref().map(|nts| {
            format!(
                "[serve.nts]\nlisten = [\"0.0.0.0:4460\"]\ncertificate = \"{}\"\nprivate_key = \"{}\"\nkey_ring = false\n\
                 max_rate = 100000\nmax_per_address = 1000\nmax_connections = 1000\n",
                nts.chain.display(),
                nts.key.display()
            )
        });
        let config = place.write(
            "chimer.toml",
            &format!(
                "[serve]\nlisten = [\"0.0.0.0:123\"]\nallow = [\"172.18.0.0/16\", \"192.168.77.0/24\"]\n{}\
                 [local]\nstratum = 5\n[daemon]\nstate_dir = false\nrun_dir = false\n",
                nts.unwrap_or_default()
            ),
        )?;
        Ok(Self::new("chimerd", &release("chimerd"), &format!("--observe --config {config}")))
    }

    /// Those of the others that are installed.
    pub(crate) fn installed(place: &Place) -> Result<Vec<Self>, String> {
        let mut recipes = Vec::new();
        if let Some(program) = find("chronyd") {
            let nts = place.nts.as_ref().map(|nts| {
                format!("ntsservercert {}\nntsserverkey {}\n", nts.chain.display(), nts.key.display())
            });
            let config = place.write(
                "chrony.conf",
                &format!(
                    "allow 172.18.0.0/16\nallow 192.168.77.0/24\nlocal stratum 5\ncmdport 0\npidfile {}\n{}",
                    place.folder.join("chronyd.pid").display(),
                    nts.unwrap_or_default()
                ),
            )?;
            recipes.push(Self::new("chrony", &program, &format!("-x -d -u root -f {config}")));
        }
        if let Some(program) = find("ntp-daemon") {
            let nts = place.nts.as_ref().map(|nts| {
                format!(
                    "[[nts-ke-server]]\nlisten = \"0.0.0.0:4460\"\ncertificate-chain-path = \"{}\"\n\
                     private-key-path = \"{}\"\n",
                    nts.chain.display(),
                    nts.key.display()
                )
            });
            let config = place.write(
                "ntp.toml",
                &format!(
                    "[[server]]\nlisten = \"0.0.0.0:123\"\n[synchronization]\nlocal-stratum = 5\n{}",
                    nts.unwrap_or_default()
                ),
            )?;
            recipes.push(Self::new("ntpd-rs", &program, &format!("-c {config}")));
        }
        Ok(recipes)
    }

    fn new(name: &str, program: &Path, arguments: &str) -> Self {
        Self { name: name.into(), command: format!("{} {arguments}", program.display()) }
    }

    /// The least that a server can do.
    pub(crate) fn bare() -> Result<Self, String> {
        build(&["-p", "truechimer-sys", "--example", "bare"])?;
        Ok(Self::new("bare loop", &release("examples/bare"), "0.0.0.0:123"))
    }

    /// Starts it in a namespace of its own, on these processors, without the right to set the clock.
    pub(crate) fn start(&self, place: &Place, cpus: &str) -> Result<Server, String> {
        let cable = Cable::new(cpus)?;
        let log = place.folder.join(format!("{}.log", self.name));
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &cable.server, "chrt", "-f", PRIORITY, "taskset", "-c", cpus]);
        command.args(NO_CLOCK).args(["sh", "-c", &format!("exec {}", self.command)]);
        if let Some(nts) = &place.nts {
            command.env("BENCH_CERTIFICATE", &nts.chain).env("BENCH_KEY", &nts.key);
        }
        let process = Guarded::start(command, &log)?;
        Ok(Server { name: self.name.clone(), process, cable, log })
    }
}

/// Where the files of a run are.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    /// The servers' certificate, if they are to serve NTS.
    pub(crate) nts: Option<Identity>,
}

impl Place {
    /// Writes a file and gives its path.
    fn write(&self, name: &str, text: &str) -> Result<String, String> {
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(|e| e.to_string())?;
        Ok(path.display().to_string())
    }
}

/// What the measurements have in common.
#[derive(Args)]
pub(crate) struct Common {
    /// Another server: COMMAND starts it in the foreground and it answers on 192.168.77.1, port 123, without touching
    /// the clock. For NTS it finds a certificate where BENCH_CERTIFICATE says and the key where BENCH_KEY says. The first
    /// one is what the others are compared with. Without any, those of chronyd and ntp-daemon (ntpd-rs) that are
    /// installed are measured.
    #[arg(long = "peer", value_name = "NAME=COMMAND", value_parser = Recipe::parse)]
    peers: Vec<Recipe>,
    /// Measure the others only.
    #[arg(long)]
    peers_only: bool,
    /// Rounds; the result is the median.
    #[arg(long, default_value_t = 15)]
    pub(crate) rounds: usize,
    /// Length of a window of measurement, for each server in each round.
    #[arg(long, value_name = "S", default_value_t = 0.3)]
    pub(crate) seconds: f64,
    /// Processors of the server, as for taskset.
    #[arg(long, value_name = "LIST", default_value = "1")]
    pub(crate) cpus: String,
    /// Processor of the load generator: none of the server's.
    #[arg(long, value_name = "N", default_value = "0")]
    pub(crate) generator_cpu: String,
    /// Print JSON, with the values of every round.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Common {
    /// Starts all of them, ours first and `more` last.
    pub(crate) fn start(&self, place: &Place, more: Option<Recipe>) -> Result<Vec<Server>, String> {
        let mut needs = vec![Need::root()];
        needs.extend(["ip", "ethtool", "taskset", "chrt", "setpriv"].map(Need::program));
        if let Some(need) = needs.iter().find(|need| !need.met) {
            return Err(format!("this needs {}", need.what));
        }
        let others = if self.peers.is_empty() { Recipe::installed(place)? } else { self.peers.clone() };
        let ours = if self.peers_only { None } else { Some(Recipe::ours(place)?) };
        let recipes = ours.into_iter().chain(others).chain(more);
        let servers = recipes.map(|recipe| recipe.start(place, &self.cpus)).collect::<Result<Vec<_>, _>>()?;
        std::thread::sleep(START);
        Ok(servers)
    }

    /// Measures all of them, round by round, and prints the medians.
    pub(crate) fn go_round(
        &self,
        columns: &[Column],
        mut servers: Vec<Server>,
        mut measure: impl FnMut(&Server) -> Result<Vec<f64>, String>,
    ) -> Result<(), String> {
        let mut all: Vec<Rows> =
            servers.iter().map(|server| Rows { name: server.name.clone(), rounds: Vec::new() }).collect();
        for round in 0..self.rounds {
            let mut turns: Vec<_> = servers.iter_mut().zip(&mut all).collect();
            // There and back again, so that nobody always comes right after a certain other.
            if !round.is_multiple_of(2) {
                turns.reverse();
            }
            for (server, rows) in turns {
                server.check()?;
                rows.rounds.push(measure(server).map_err(|error| server.explain(&error))?);
            }
            if std::io::stderr().is_terminal() {
                eprint!("\rround {} of {} ", round + 1, self.rounds);
            }
        }
        // The first that is not ours.
        let reference = usize::from(all.len() > 1 && !self.peers_only);
        println!("{}", report(columns, &all, reference, self.json));
        Ok(())
    }

    /// Runs a program in the generator's namespace of a server, at a priority at which neither what else the machine
    /// does holds it up nor it what is more urgent.
    pub(crate) fn generate(
        &self,
        server: &Server,
        program: &Path,
        arguments: &[&str],
    ) -> Result<String, String> {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &server.cable.client, "chrt", "-f", "9", "taskset", "-c"]);
        run(command.arg(&self.generator_cpu).arg(program).args(arguments))
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
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|file| file.exists())
}

/// How long a server gets until it is expected to answer.
const START: Duration = Duration::from_secs(2);
