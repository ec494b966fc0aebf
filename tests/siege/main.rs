//! AT-24: who keeps the server for key exchange busy with slow clients, floods, half-open connections and garbage does not delay
//! answers to requests for time. Real packets, in network namespaces.
//!
//! The server has one processor, the attacker and the client whose answers are timed have another, so that what is measured
//! is what the server does. Quiet and besieged windows take turns. So that what else the machine does does not count, the
//! daemon has real-time priority, which its role for key exchange does not inherit, and so has the client, which sleeps
//! most of the time. As the role has the daemon's processor and ten steps of niceness less, it is behind everything else there, as it
//! would be behind the daemon.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream as Blocking, UdpSocket};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread::sleep;
use std::time::{Duration, Instant};

use libtest_mimic::Arguments;
use serde_json::Value;
use truechimer_nts_ke::Validity;
use truechimer_nts_ke::authority::Authority;
use truechimer_sys::tcp::TcpStream;
use truechimer_tests::layer::{Need, trial};
use truechimer_tests::netns::{Cable, Host};
use truechimer_tests::process::{Guarded, NO_CLOCK, eventually, run};
use truechimer_tests::programs;

/// Of each kind of window.
const ROUNDS: usize = 7;
/// Answers timed in a window, and the pause between them.
const ANSWERS: usize = 1000;
const PAUSE: Duration = Duration::from_micros(1500);
/// The p99 of an answer under attack is at most so many times that of the quiet windows …
const MOST_TIMES: f64 = 1.5;
/// … and this much more, microseconds: less than any one operation of a key exchange that the answer could wait for.
const MOST_MORE_US: f64 = 100.0;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.get(1..) {
        Some(["probe", server]) => return said(probe(server)),
        Some(["attack", server]) => return said(attack(server)),
        _ => {}
    }
    let arguments = Arguments::from_args();
    let needs = ["ip", "setpriv", "taskset", "chrt", "nice"].map(Need::program);
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let two = Need { what: "two processors".into(), met: processors > 1 };
    let needs = [&needs[..], &[Need::root(), two]].concat();
    let trials = vec![trial("at_24_answers_come_as_soon_while_key_exchange_is_under_siege", &needs, siege)];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn said(result: Result<String, String>) -> ExitCode {
    match result {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn siege() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let cable = Cable::new()?;
    let (attacker, server) = (cable.left(), cable.right());
    // The attacker has a thousand addresses.
    run(attacker.command("ip").args(["route", "add", "local", CROWD, "dev", "lo"]))?;
    run(server.command("ip").args(["route", "add", CROWD, "via", attacker.v4]))?;
    let _daemon = start(server, folder.path())?;
    let ke = format!("{}:4460", server.v4);
    let (mut quiet, mut besieged, mut connections) = (Vec::new(), Vec::new(), 0);
    ask(attacker, server)?;
    for _ in 0..ROUNDS {
        quiet.push(ask(attacker, server)?);
        let mut command = on_cpu(attacker, "0", &["nice", "-n", "5"]);
        command.arg(own()?).args(["attack", &ke]);
        let log = folder.path().join("attack");
        let mut attack = Guarded::start(command, &log)?;
        sleep(Duration::from_millis(1200));
        besieged.push(ask(attacker, server)?);
        attack.signal("TERM")?;
        attack.wait(Duration::from_secs(5))?;
        connections += fs::read_to_string(&log).map_err(|e| e.to_string())?.lines().count();
    }
    let report = exchanges(folder.path())?;
    let (calm, fire) = (median(&mut quiet), median(&mut besieged));
    println!(
        "p99 quiet {quiet:.0?} us, besieged {besieged:.0?} us; {connections} hundred connections; {report}"
    );
    let failed = report.get("failed").and_then(Value::as_object).map(|all| all.values());
    let failed: u64 = failed.into_iter().flatten().filter_map(Value::as_u64).sum();
    if connections < 10 || failed < 500 {
        return Err(format!("no siege: {connections} hundred connections, {failed} failed: {report}"));
    }
    if fire > calm * MOST_TIMES + MOST_MORE_US {
        return Err(format!("p99 of an answer: {calm:.0} us quiet, {fire:.0} us besieged"));
    }
    Ok(())
}

/// Where the attacker's connections come from.
const CROWD: &str = "10.78.0.0/22";

fn own() -> Result<std::path::PathBuf, String> {
    std::env::current_exe().map_err(|e| e.to_string())
}

/// A command of a host on one processor.
fn on_cpu(host: &Host, cpu: &str, how: &[&str]) -> Command {
    let mut command = host.command("taskset");
    command.args(["-c", cpu]).args(how);
    command
}

fn start(host: &Host, folder: &Path) -> Result<Guarded, String> {
    let authority = Authority::new("siege", VALIDITY).map_err(|e| e.to_string())?;
    let files = authority.certify(&[host.v4], VALIDITY).map_err(|e| e.to_string())?;
    let dir = folder.display();
    let config = format!(
        "[serve]\nlisten = [\"{v4}:123\"]\nallow = [\"10.0.0.0/8\"]\n\
         [serve.nts]\nlisten = [\"{v4}:4460\"]\ncertificate = \"{dir}/chain.pem\"\nprivate_key = \"{dir}/key.pem\"\n\
         key_ring = false\ntimeout = \"1s\"\n\
         [local]\nstratum = 3\n[clock]\ncontrol = false\n[daemon]\nrun_dir = \"{dir}/run\"\nstate_dir = false\n",
        v4 = host.v4
    );
    for (name, text) in
        [("chain.pem", files.chain.as_str()), ("key.pem", &files.key), ("chimer.toml", &config)]
    {
        fs::write(folder.join(name), text).map_err(|e| e.to_string())?;
    }
    let mut command = on_cpu(host, "1", &["chrt", "--reset-on-fork", "--fifo", "2"]);
    command.args(NO_CLOCK).arg(programs::chimerd()?).arg("--config").arg(folder.join("chimer.toml"));
    let daemon = Guarded::start(command, &folder.join("log"))?;
    let socket = folder.join("run/observe.sock");
    eventually(Duration::from_secs(10), "chimerd's socket", || socket.exists()).map_err(|error| {
        format!("{error}\n{}", fs::read_to_string(folder.join("log")).unwrap_or_default())
    })?;
    Ok(daemon)
}

/// 2020 to 2100.
const VALIDITY: Validity = Validity { not_before_s: 1_577_836_800, not_after_s: 4_102_444_800 };

/// What the server for key exchange has counted.
fn exchanges(folder: &Path) -> Result<Value, String> {
    let mut command = Command::new(programs::chimer()?);
    let text = run(command.args(["status", "--json", "--run-dir"]).arg(folder.join("run")))?;
    let report: Value = serde_json::from_str(&text).map_err(|e| format!("{e}: {text}"))?;
    report.get("key_exchange").cloned().ok_or(text)
}

/// One window: the p99 of an answer, microseconds.
fn ask(client: &Host, server: &Host) -> Result<f64, String> {
    let mut command = on_cpu(client, "0", &["chrt", "--fifo", "1"]);
    let text = run(command.arg(own()?).args(["probe", &format!("{}:123", server.v4)]))?;
    text.trim().parse().map_err(|e| format!("{e}: {text}"))
}

fn median(all: &mut [f64]) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Asks many times, one after the other.
fn probe(server: &str) -> Result<String, String> {
    let socket = UdpSocket::bind("0.0.0.0:0").map_err(|e| e.to_string())?;
    socket.connect(server).map_err(|e| e.to_string())?;
    socket.set_read_timeout(Some(Duration::from_secs(1))).map_err(|e| e.to_string())?;
    let mut all = Vec::new();
    for number in 1..=ANSWERS as u64 {
        let request = [&[0x23][..], &[0; 39], &number.to_be_bytes()].concat();
        let start = Instant::now();
        socket.send(&request).map_err(|e| e.to_string())?;
        let mut reply = [0; 100];
        loop {
            let len = socket.recv(&mut reply).map_err(|e| format!("no answer: {e}"))?;
            if len == 48 && reply.get(24..32) == Some(&number.to_be_bytes()) {
                break;
            }
        }
        all.push(start.elapsed().as_secs_f64() * 1e6);
        sleep(PAUSE);
    }
    all.sort_by(f64::total_cmp);
    all.get(ANSWERS * 99 / 100).map(f64::to_string).ok_or_else(|| "nothing timed".into())
}

/// Goes on until it is ended. A line for each hundred connections.
fn attack(server: &str) -> Result<String, String> {
    let server: SocketAddr = server.parse().map_err(|e| format!("{e}"))?;
    // The largest record there is, with a handshake message that would fill several: the server has to keep it.
    let mut hello = vec![0x16, 0x03, 0x01, 0x40, 0x00, 0x01, 0x00, 0xff, 0xf0, 0x03, 0x03];
    hello.resize(16_000, 0);
    let mut out = std::io::stdout();
    let mut slow: Vec<(TcpStream, usize)> = Vec::new();
    let mut half = Vec::new();
    let mut count = 0_u32;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        for _ in 0..8 {
            count += 1;
            let from = [10, 78, (count >> 8 & 3) as u8, (count & 0xff) as u8].into();
            let Ok(stream) = TcpStream::connect(server, Some(from)) else { continue };
            match count % 4 {
                0 => {
                    let _ = stream.write(&hello);
                    slow.push((stream, hello.len()));
                }
                1 => half.push(stream),
                2 => drop(stream.write(&[0x16; 4000])),
                _ => drop(stream.write(b"GET / HTTP/1.1\r\n\r\n")),
            }
            if count.is_multiple_of(100) {
                writeln!(out, "{count}").map_err(|e| e.to_string())?;
            }
        }
        // A connection that is whole at once, with garbage behind it.
        if let Ok(mut whole) = Blocking::connect_timeout(&server, Duration::from_millis(50)) {
            let _ = whole.write_all(&hello);
        }
        for (stream, sent) in &mut slow {
            let _ = stream.write(&[hello.get(*sent).copied().unwrap_or(0)]);
            *sent += 1;
        }
        let (many, lots) = (slow.len().saturating_sub(200), half.len().saturating_sub(200));
        slow.drain(..many);
        half.drain(..lots);
        sleep(Duration::from_millis(2));
    }
    Ok(format!("{count}"))
}
