//! What happens to the guest's clock, step by step: AT-34 and NA-38.

use std::time::{Duration, Instant};

use serde_json::Value;
use truechimer_tests::programs;

use crate::machine::Machine;
use crate::server::Server;

/// How wrong the guest is at the start: the server is right by definition.
const AHEAD_S: f64 = 2.0;
const FAST: f64 = 80e-6;

/// The state of the kernel's clock as BusyBox's `adjtimex` shows it.
#[derive(Debug)]
struct Kernel {
    synchronised: bool,
    frequency_ppm: f64,
    max_error_s: f64,
    tick: i64,
}

impl Kernel {
    fn parse(text: &str) -> Result<Self, String> {
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.split_once(name))
                .map(|(_, value)| value.trim())
                .ok_or_else(|| format!("no {name} in:\n{text}"))
        };
        let number = |name: &str| {
            let value = field(name)?;
            let digits = value.split_whitespace().next().unwrap_or_default();
            digits.parse::<i64>().map_err(|e| format!("{name} {value}: {e}"))
        };
        Ok(Self {
            synchronised: !field("status:")?.contains("UNSYNC"),
            frequency_ppm: number("freq.adjust:")? as f64 / 65_536.0,
            max_error_s: number("maxerror:")? as f64 * 1e-6,
            tick: number("tick:")?,
        })
    }
}

/// A guest with `chimerd` in it, and the server it follows.
struct Scene {
    machine: Machine,
    server: Server,
}

impl Scene {
    fn kernel(&mut self) -> Result<Kernel, String> {
        Kernel::parse(&self.machine.command("adjtimex")?)
    }

    /// The guest's error by the judge, and how well the judge could tell: half the round trip.
    fn judge(&mut self) -> Result<(f64, f64), String> {
        let command = format!("chimer query --json --samples 2 --port {} 10.0.2.2", self.server.judge);
        let text = self.machine.command(&command)?;
        let json: Value = serde_json::from_str(text.trim()).map_err(|e| format!("{command}: {e}: {text}"))?;
        let number = |name: &str| {
            json.pointer(&format!("/hosts/0/{name}"))
                .and_then(Value::as_f64)
                .ok_or_else(|| format!("no {name} in {json}"))
        };
        Ok((number("offset_s")?, number("delay_s")? / 2.0))
    }

    /// What the kernel says must be true: while it calls itself synchronised, its error is at most `maxerror`.
    fn check_honest(&mut self) -> Result<Kernel, String> {
        let before = self.kernel()?;
        let (offset, doubt) = self.judge()?;
        let after = self.kernel()?;
        let claimed = before.max_error_s.max(after.max_error_s);
        if before.synchronised && offset.abs() > claimed + doubt {
            return Err(format!("the kernel claims {claimed} s, the judge sees {offset} ± {doubt} s"));
        }
        Ok(after)
    }

    /// Looks every half second until the kernel's state is as wanted.
    fn wait_for(&mut self, synchronised: bool, limit: Duration) -> Result<Kernel, String> {
        let start = Instant::now();
        loop {
            let kernel = self.check_honest()?;
            if kernel.synchronised == synchronised {
                return Ok(kernel);
            }
            if start.elapsed() > limit {
                let log = self.machine.command("cat /tmp/log; chimer status; chimer sources -v")?;
                return Err(format!("{kernel:?} after {limit:?}; chimerd said:\n{log}"));
            }
            self.machine.command("sleep 0.5")?;
        }
    }
}

/// Start, step, slew, loss of the server, exit: what `adjtimex` shows is true at every moment.
pub(crate) fn lifecycle() -> Result<(), String> {
    let server = Server::start(AHEAD_S, FAST)?;
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    // The oscillator is promised to be so bad that the bound outgrows its limit within seconds of silence.
    let config = format!(
        "[[source]]\nserver = \"10.0.2.2\"\nport = {}\npoll = {{ min = 0, max = 1 }}\n\
         [clock]\nmax_distance = \"15ms\"\nmax_drift = \"500ppm\"\n",
        server.port
    );
    let files = [("/etc/truechimer/chimer.toml", config)];
    let machine = Machine::boot(folder.path(), &files, &[programs::chimerd()?, programs::chimer()?])?;
    let mut scene = Scene { machine, server };

    let kernel = scene.kernel()?;
    ensure(!kernel.synchronised, "a fresh kernel says UNSYNC", &kernel)?;
    let (offset, _) = scene.judge()?;
    // The guest's battery clock has whole seconds only.
    ensure((offset - AHEAD_S - 0.5).abs() < 1.0, "the guest starts about 2 s wrong", &offset)?;

    scene.machine.command("(chimerd >/tmp/log 2>&1 &)")?;
    scene.wait_for(true, Duration::from_secs(30))?;
    let log = scene.machine.command("cat /tmp/log")?;
    ensure(log.contains("stepped"), "the clock was stepped", &log)?;
    let (offset, doubt) = scene.judge()?;
    ensure(offset.abs() < 0.05 + doubt, "the step took the two seconds away", &offset)?;

    follow(&mut scene, Duration::from_secs(45))?;
    let kernel = scene.check_honest()?;
    ensure((kernel.frequency_ppm - FAST * 1e6).abs() < 40.0, "the 80 ppm are found", &kernel)?;
    let (offset, doubt) = scene.judge()?;
    ensure(offset.abs() < 0.005 + doubt, "the clock is slewed to within 5 ms", &offset)?;

    eprintln!(
        "guest: {:+.1} ppm found, {:+.0} ± {:.0} µs off",
        kernel.frequency_ppm,
        offset * 1e6,
        doubt * 1e6
    );

    scene.server.fall_silent();
    scene.wait_for(false, Duration::from_secs(120))?;

    scene.machine.command("kill -TERM $(pidof chimerd); while pidof chimerd; do sleep 0.1; done")?;
    let kernel = scene.kernel()?;
    ensure(!kernel.synchronised, "the kernel says UNSYNC after the exit", &kernel)?;
    ensure(
        (kernel.frequency_ppm - FAST * 1e6).abs() < 40.0,
        "the frequency is left without a slew",
        &kernel,
    )?;
    ensure(kernel.tick == 10_000, "the tick is left as it was", &kernel)?;
    let log = scene.machine.command("cat /tmp/log; cat /var/lib/truechimer/*")?;
    ensure(log.contains("exiting"), "the daemon says that it goes", &log)
}

/// Looks on for a while, checking that the kernel stays synchronised and honest.
fn follow(scene: &mut Scene, time: Duration) -> Result<(), String> {
    let start = Instant::now();
    while start.elapsed() < time {
        let kernel = scene.check_honest()?;
        ensure(kernel.synchronised, "the kernel stays synchronised", &kernel)?;
        scene.machine.command("sleep 1")?;
    }
    Ok(())
}

fn ensure(holds: bool, what: &str, seen: &dyn std::fmt::Debug) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("not so: {what}: {seen:?}")) }
}
