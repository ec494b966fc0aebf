//! What is played and what must come of it.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use truechimer_tests::process::{Guarded, NO_CLOCK, is_root, run};
use truechimer_tests::programs;

/// Wall-clock time; the daemon needs milliseconds.
const LIMIT: Duration = Duration::from_secs(60);
/// No helper process and no control socket.
const INLINE: &str = "roles = \"inline\"\nrun_dir = false\n";

/// The machine at its start, and the calendar.
struct World {
    date: i64,
    error_s: f64,
    oscillator_ppm: f64,
}

/// 2010-01-01: simulated networks have a calendar of their own, which may be years behind the program.
pub(crate) fn stepped() -> Result<(), String> {
    let world = World { date: 1_262_304_000, error_s: 0.3, oscillator_ppm: -50.0 };
    let outcome = keep_time(&world, "step = { above = \"100ms\", first = 3 }")?;
    outcome.expect("steps", outcome.count("steps")? == 1)?;
    outcome.expect("the size of the step", (outcome.number("largest_step")? + 0.3).abs() < 0.001)?;
    outcome.expect("right at once", outcome.first_synchronised()? < 10.0)?;
    outcome.settled_from(10.0, 0.001)
}

/// Era 1 of NTP begins at 2036-02-07T06:28:16Z, while the clock, 0.25 s slow, is still being slewed.
pub(crate) fn slewed() -> Result<(), String> {
    let world = World { date: 2_085_978_300, error_s: -0.25, oscillator_ppm: -50.0 };
    let outcome = keep_time(&world, "step = \"never\"")?;
    outcome.expect("no step", outcome.count("steps")? == 0)?;
    // 500 ppm on top of a frequency that is known only to within the oscillator's error at first.
    let limit = 500.0 + world.oscillator_ppm.abs();
    for sample in outcome.samples()? {
        let ppm = number(sample, "ppm")?;
        outcome.expect(&format!("a slew within its limit, not {ppm} ppm"), ppm.abs() <= limit)?;
    }
    outcome.settled_from(1500.0, 0.001)
}

/// A 32-bit `time_t` ends at 2038-01-19T03:14:07Z. The oscillator needs more than a tenth of what the kernel can do.
pub(crate) fn fast() -> Result<(), String> {
    let world = World { date: 2_147_483_000, error_s: 0.05, oscillator_ppm: 180.0 };
    let outcome = keep_time(&world, "")?;
    outcome.settled_from(900.0, 0.001)
}

/// Some hours with an oscillator that wanders: how right is the daemon as a whole? The figures that it must stay below are
/// those that chrony reaches in the same world, times 0.58 for the time error, and what the spread of so short a run adds.
pub(crate) fn lan() -> Result<(), String> {
    let network = Network { links: "50e-6 10e-6 50e-6 10e-6 0 0;", outage: None };
    let outcome = play(&network, "poll = { min = 6, max = 6 }", 20_000)?;
    outcome.accurate(3.5e-6, 0.0665, 330)
}

/// The same over a wide area, at the default poll interval: so long that one run tells, as a day has few samples.
pub(crate) fn wide_area() -> Result<(), String> {
    let network = Network { links: "10e-3 1e-3 10e-3 1e-3 0 0;", outage: None };
    let outcome = play(&network, "", 400_000)?;
    outcome.accurate(2.9e-4, 0.35, 420)
}

/// Four servers of mixed quality that lose some, one of which lies, and two hours without any.
pub(crate) fn mixed_servers() -> Result<(), String> {
    let links = "10e-3 1e-3 10e-3 1e-3 0.3 0; 5e-3 5e-4 5e-3 5e-4 0.1 0; 50e-3 10e-3 50e-3 2e-3 0.1 0; \
        2e-3 1e-3 2e-3 1e-3 0.1 0.05;";
    let outcome = play(&Network { links, outage: Some([50_000, 57_200]) }, "", 60_000)?;
    outcome.accurate(4e-4, 0.3, 600)
}

/// The library sees a control socket (and so this test would see one that nobody asked for).
pub(crate) fn control_sockets_are_caught() -> Result<(), String> {
    let stage = Stage::new("", "roles = \"inline\"\nrun_dir = \"RUN\"\n")?;
    stage.caught("a control socket")
}

/// The library sees a helper process.
pub(crate) fn helper_processes_are_caught() -> Result<(), String> {
    let stage = Stage::new("", "roles = \"process\"\nrun_dir = false\n")?;
    stage.caught("socketpair")
}

/// The kernel stops what goes past the library.
pub(crate) fn raw_calls_are_caught() -> Result<(), String> {
    let stage = Stage::new("", INLINE)?;
    let probe = stage.folder.path().join("probe");
    run(Command::new("cc").args(["-O1", "-o"]).arg(&probe).arg(source("probe.c")).arg("-ldl"))?;
    let status = run(&mut Command::new(&probe));
    if status.is_err() {
        return Err(format!("the probe must succeed by itself: {status:?}"));
    }
    let (status, log) = stage.play(&probe, &[])?;
    // SIGSYS
    if status.signal() == Some(31) {
        Ok(())
    } else {
        Err(format!("not killed by the filter: {status}\n{log}"))
    }
}

/// Plays an hour and checks what must hold in every world.
fn keep_time(world: &World, clock: &str) -> Result<Outcome, String> {
    let stage = Stage::new(clock, INLINE)?;
    let settings = [
        ("WORLD_DATE", world.date.to_string()),
        ("WORLD_ERROR", world.error_s.to_string()),
        ("WORLD_OSCILLATOR_PPM", world.oscillator_ppm.to_string()),
    ];
    let outcome = stage.outcome(&settings)?;
    outcome.expect("the whole hour", outcome.number("elapsed")? >= 3600.0)?;
    outcome.expect("restraint", (10..=60).contains(&outcome.count("requests")?))?;
    outcome.expect("few turns of the loop", outcome.count("polls")? < 1000)?;
    // A8, AT-34: unsynchronised before anything else, synchronised when it is true, unsynchronised at the end.
    outcome.expect("unsynchronised first", outcome.flag("unsynchronised_first")?)?;
    outcome.expect("synchronised at all", outcome.first_synchronised()? >= 0.0)?;
    outcome.expect("unsynchronised at the end", !outcome.flag("synchronised_at_end")?)?;
    // No slew is left behind: the rate at the end is the true one.
    outcome.expect("the right rate at the end", outcome.number("final_ppm")?.abs() < 0.5)?;
    outcome.expect("the right time at the end", outcome.number("final_error")?.abs() < 100e-6)?;
    stage.frequency_file(-world.oscillator_ppm)?;
    Ok(outcome)
}

/// What lies between the machine and its servers.
struct Network<'a> {
    /// For each: base and jitter of the way there, of the way back, loss, error of the server.
    links: &'a str,
    /// From when to when nothing passes.
    outage: Option<[u32; 2]>,
}

/// Plays a longer time with an oscillator that wanders by 1e-9 per √s.
fn play(network: &Network<'_>, source: &str, length_s: u32) -> Result<Outcome, String> {
    let sources: String = (1..=network.links.matches(';').count())
        .map(|n| format!("[[source]]\nserver = \"192.0.2.{n}\"\n{source}\n"))
        .collect();
    let stage = Stage::with(&sources, "", INLINE)?;
    let [from, until] = network.outage.unwrap_or_default();
    let settings = [
        ("WORLD_LINKS", network.links.to_owned()),
        ("WORLD_OUTAGE_FROM", from.to_string()),
        ("WORLD_OUTAGE_UNTIL", until.to_string()),
        ("WORLD_SECONDS", length_s.to_string()),
        ("WORLD_WANDER", "1e-9".to_owned()),
        ("WORLD_ERROR", "0.01".to_owned()),
        ("WORLD_OSCILLATOR_PPM", "10".to_owned()),
    ];
    stage.outcome(&settings)
}

/// A folder with the library and a configuration.
struct Stage {
    folder: TempDir,
}

impl Stage {
    fn new(clock: &str, daemon: &str) -> Result<Self, String> {
        Self::with("[[source]]\nserver = \"time.preload.test\"\n", clock, daemon)
    }

    fn with(sources: &str, clock: &str, daemon: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let stage = Self { folder };
        let path = stage.folder.path();
        let config = format!(
            "{sources}[clock]\n{clock}\n\
             [daemon]\nstate_dir = \"{state}\"\n{daemon}",
            state = path.display(),
            daemon = daemon.replace("RUN", &path.join("run").display().to_string()),
        );
        fs::write(stage.config(), config).map_err(|e| e.to_string())?;
        let mut compiler = Command::new("cc");
        compiler.args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared", "-o"]);
        compiler.arg(stage.library()).args(["world.c", "network.c", "calls.c", "forbidden.c"].map(source));
        run(compiler.args(["-lm", "-ldl"]))?;
        Ok(stage)
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("chimer.toml")
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("world.so")
    }

    fn report(&self) -> PathBuf {
        self.folder.path().join("report.json")
    }

    /// Runs a program in the world and gives its exit status and what it said.
    fn play(&self, program: &Path, settings: &[(&str, String)]) -> Result<(ExitStatus, String), String> {
        // Only the program itself may see the library, so `env` comes last.
        let mut words = if is_root() { NO_CLOCK.to_vec() } else { Vec::new() };
        words.push("env");
        let (first, rest) = words.split_first().ok_or("no command")?;
        let mut command = Command::new(first);
        command.args(rest).arg(format!("LD_PRELOAD={}", self.library().display()));
        command.arg(format!("WORLD_REPORT={}", self.report().display()));
        command.args(settings.iter().map(|(name, value)| format!("{name}={value}")));
        command.arg(program).arg("--config").arg(self.config());
        let log = self.folder.path().join("log");
        let status = Guarded::start(command, &log)?.wait(LIMIT);
        let said = fs::read_to_string(&log).unwrap_or_default();
        Ok((status.map_err(|error| format!("{error}\n{said}"))?, said))
    }

    /// Runs the daemon and gives what the world saw of it, in which it was honest all the time.
    fn outcome(&self, settings: &[(&str, String)]) -> Result<Outcome, String> {
        let (status, log) = self.play(&programs::chimerd()?, settings)?;
        if !status.success() {
            return Err(format!("chimerd: {status}\n{log}"));
        }
        let report = fs::read_to_string(self.report()).map_err(|e| format!("no report: {e}\n{log}"))?;
        let report = serde_json::from_str(&report).map_err(|e| e.to_string())?;
        let outcome = Outcome { report, log };
        outcome.expect("a bound that never lies", outcome.count("dishonest")? == 0)?;
        Ok(outcome)
    }

    /// The daemon must be ended by the library, for this reason.
    fn caught(&self, reason: &str) -> Result<(), String> {
        let (status, log) = self.play(&programs::chimerd()?, &[])?;
        let said = log.contains(&format!("preload: forbidden: {reason}"));
        // SIGABRT
        if said && status.signal() == Some(6) { Ok(()) } else { Err(format!("not caught: {status}\n{log}")) }
    }

    /// What was learned of the oscillator is kept.
    fn frequency_file(&self, expected_ppm: f64) -> Result<(), String> {
        let text = fs::read_to_string(self.folder.path().join("frequency")).map_err(|e| e.to_string())?;
        let kept = text.split_whitespace().nth(2).and_then(|word| word.parse::<f64>().ok());
        match kept {
            Some(ppm) if (ppm - expected_ppm).abs() < 0.5 => Ok(()),
            _ => Err(format!("the frequency file says {text:?}, not {expected_ppm} ppm")),
        }
    }
}

/// What the library saw, and what the daemon said.
struct Outcome {
    report: Value,
    log: String,
}

impl Outcome {
    fn expect(&self, what: &str, holds: bool) -> Result<(), String> {
        if holds {
            return Ok(());
        }
        let mut summary = self.report.clone();
        if let Some(members) = summary.as_object_mut() {
            members.remove("samples");
        }
        Err(format!("not so: {what}: {summary}\n{}", self.log))
    }

    fn number(&self, name: &str) -> Result<f64, String> {
        number(&self.report, name)
    }

    fn count(&self, name: &str) -> Result<u64, String> {
        self.report.get(name).and_then(Value::as_u64).ok_or(format!("no count {name} in the report"))
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        self.report.get(name).and_then(Value::as_bool).ok_or(format!("no flag {name} in the report"))
    }

    fn first_synchronised(&self) -> Result<f64, String> {
        self.number("first_synchronised")
    }

    fn samples(&self) -> Result<&Vec<Value>, String> {
        self.report.get("samples").and_then(Value::as_array).ok_or("no samples in the report".into())
    }

    /// Time and frequency error, root mean square from a fifth of the time on, and the number of requests.
    fn accurate(&self, rms_s: f64, rms_ppm: f64, requests: u64) -> Result<(), String> {
        self.expect("the right time", self.number("rms_error")? <= rms_s)?;
        self.expect("the right rate", self.number("rms_ppm")? <= rms_ppm)?;
        self.expect("restraint", self.count("requests")? <= requests)
    }

    /// From this time on the clock was never wrong by more, and it said that it was synchronised.
    fn settled_from(&self, time_s: f64, limit_s: f64) -> Result<(), String> {
        let mut looked = 0;
        for sample in self.samples()? {
            let time = number(sample, "time")?;
            // The last one falls together with the end.
            if !(time_s..3600.0).contains(&time) {
                continue;
            }
            looked += 1;
            let error = number(sample, "error")?;
            let synchronised = sample.get("synchronised").and_then(Value::as_bool) == Some(true);
            let what = format!("after {time} s an error of {error} s, synchronised: {synchronised}");
            self.expect(&what, error.abs() < limit_s && synchronised)?;
        }
        self.expect("samples", looked > 100)
    }
}

fn number(value: &Value, name: &str) -> Result<f64, String> {
    value.get(name).and_then(Value::as_f64).ok_or(format!("no number {name} in the report"))
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("preload").join(name)
}
