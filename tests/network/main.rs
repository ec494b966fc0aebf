//! A machine that finds itself on another network: new keys, and sources asked soon (NA-47, AT-21). Real interfaces, in
//! network namespaces.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::thread::sleep;
use std::time::{Duration, Instant};

use libtest_mimic::Arguments;
use serde_json::Value;
use truechimer_nts_ke::Validity;
use truechimer_nts_ke::authority::Authority;
use truechimer_tests::layer::{Need, trial};
use truechimer_tests::netns::{Cable, Host};
use truechimer_tests::process::{Guarded, eventually, run};
use truechimer_tests::programs;

/// The pause after a look, and the time that the daemon needs to look and the program to ask it.
const PAUSE: Duration = Duration::from_secs(3);
const SOON: Duration = Duration::from_secs(8);
/// New keys are exchanged this soon: the shortest pause between two exchanges, which may be a quarter longer.
const KEYS: Duration = Duration::from_secs(25);

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let needs = [Need::root(), Need::program("ip"), Need::program("setpriv")];
    let trials = vec![
        trial("at_21_another_address_brings_new_keys", &needs, keys),
        trial("na_47_on_another_network_sources_are_asked_soon", &needs, asked_soon),
        trial("na_27_an_interface_that_flaps_is_looked_at_now_and_then", &needs, flapping),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn keys() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let cable = Cable::new()?;
    let authority = Authority::new("network", VALIDITY).map_err(|e| e.to_string())?;
    let files = authority.certify(&[cable.right().v4], VALIDITY).map_err(|e| e.to_string())?;
    for (name, text) in
        [("chain.pem", files.chain.as_str()), ("key.pem", &files.key), ("root.pem", authority.root())]
    {
        fs::write(folder.path().join(name), text).map_err(|e| e.to_string())?;
    }
    let place = folder.path().display();
    let server = format!(
        "[serve.nts]\nlisten = [\"{}:4460\"]\ncertificate = \"{place}/chain.pem\"\nprivate_key = \"{place}/key.pem\"\n\
         key_ring = false\n",
        cable.right().v4
    );
    let _server = Daemon::serve(cable.right(), &folder.path().join("server"), &server)?;
    let config = format!(
        "[[source]]\nserver = \"{}\"\nnts = true\npoll = {{ min = 0, max = 1 }}\n\
         [nts]\nsystem_certificates = false\ntrusted_certificates = [\"{place}/root.pem\"]\n",
        cable.right().v4
    );
    let client = Daemon::start(cable.left(), &folder.path().join("client"), &config)?;
    let exchanges = || client.source("/authentication/nts/key_exchanges").unwrap_or(0);
    eventually(KEYS, "samples", || client.source("/accepted").is_ok_and(|n| n >= 3))
        .map_err(|e| client.explain(&e))?;
    assert_same("exchanges at the start", exchanges(), 1)?;

    // Nothing leaves from these: one that is given up already, and one that ends at the cable.
    address(cable.left(), &["add", "10.77.0.90/24", "preferred_lft", "0"])?;
    address(cable.left(), &["add", "169.254.7.7/16", "scope", "link"])?;
    sleep(PAUSE + PAUSE);
    assert_same("changes seen", client.changes(), 0)?;
    assert_same("exchanges", exchanges(), 1)?;

    address(cable.left(), &["add", "10.77.0.91/24"])?;
    eventually(KEYS, "new keys", || exchanges() == 2).map_err(|e| client.explain(&e))?;
    assert_same("changes seen", client.changes(), 1)?;
    let accepted = client.source("/accepted")?;
    eventually(SOON, "samples with them", || client.source("/accepted").is_ok_and(|n| n > accepted + 2))
        .map_err(|e| client.explain(&e))
}

fn asked_soon() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let cable = Cable::new()?;
    let _server = Daemon::serve(cable.right(), &folder.path().join("server"), "")?;
    // Asked every seventeen minutes, and never in series.
    let config = format!(
        "[[source]]\nserver = \"{}\"\niburst = false\npoll = {{ min = 10, max = 10 }}\n",
        cable.right().v4
    );
    let client = Daemon::start(cable.left(), &folder.path().join("client"), &config)?;
    let sent = || client.source("/sent").unwrap_or(0);
    eventually(SOON, "the first sample", || client.source("/accepted").is_ok_and(|n| n == 1))
        .map_err(|e| client.explain(&e))?;
    sleep(PAUSE);
    assert_same("requests at the start", sent(), 1)?;
    // A way into the world appears; then its gateway is another one.
    for (count, gateway) in [(1, cable.right().v4), (2, cable.right().second_address(false))] {
        ip(cable.left(), &["route", "replace", "default", "via", gateway])?;
        eventually(PAUSE + SOON, "a request", || sent() == 1 + count).map_err(|e| client.explain(&e))?;
        assert_same("changes seen", client.changes(), count)?;
    }
    // Whoever has one does not leave from a further address.
    sleep(PAUSE + PAUSE);
    address(cable.left(), &["add", "10.77.0.92/24"])?;
    sleep(PAUSE + PAUSE);
    assert_same("changes seen", client.changes(), 2)?;
    assert_same("requests", sent(), 3)
}

fn flapping() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let cable = Cable::new()?;
    let _server = Daemon::serve(cable.right(), &folder.path().join("server"), "")?;
    let config = format!("[[source]]\nserver = \"{}\"\npoll = {{ min = 10, max = 10 }}\n", cable.right().v4);
    let client = Daemon::start(cable.left(), &folder.path().join("client"), &config)?;
    eventually(SOON, "a sample", || client.source("/accepted").is_ok_and(|n| n >= 1))
        .map_err(|e| client.explain(&e))?;
    // More messages than the socket can keep, again and again.
    let batch = folder.path().join("batch");
    let line =
        |verb: &str, n: u32| format!("addr {verb} 10.77.{}.{}/32 dev cable\n", 1 + n / 200, 1 + n % 200);
    let lines: String = ["add", "del"].iter().flat_map(|verb| (0..2000).map(|n| line(verb, n))).collect();
    fs::write(&batch, lines).map_err(|e| e.to_string())?;
    let start = Instant::now();
    let before = cpu_ticks(client.process.id())?;
    while start.elapsed() < 4 * PAUSE {
        run(cable.left().command("ip").arg("-batch").arg(&batch))?;
    }
    let spent = cpu_ticks(client.process.id())? - before;
    // It pauses for 3, 6 and 12 seconds.
    let changes = client.changes();
    println!("{changes} changes seen, {spent} ticks of processor time in {:?}", start.elapsed());
    if !(1..=3).contains(&changes) || spent > 60 {
        return Err(client.explain(&format!("{changes} changes seen, {spent} ticks")));
    }
    // And it is not lost for what comes later.
    address(cable.left(), &["add", "10.77.0.93/24"])?;
    eventually(5 * PAUSE + SOON, "the last change", || client.changes() > changes)
        .map_err(|e| client.explain(&e))
}

/// 2020 to 2100.
const VALIDITY: Validity = Validity { not_before_s: 1_577_836_800, not_after_s: 4_102_444_800 };

fn assert_same(what: &str, is: u64, should: u64) -> Result<(), String> {
    if is == should { Ok(()) } else { Err(format!("{what}: {is} instead of {should}")) }
}

fn address(host: &Host, words: &[&str]) -> Result<(), String> {
    ip(host, &[&["addr"], words, &["dev", "cable"]].concat())
}

fn ip(host: &Host, words: &[&str]) -> Result<(), String> {
    run(host.command("ip").args(words)).map(drop)
}

/// Processor time, in hundredths of a second.
fn cpu_ticks(process: u32) -> Result<u64, String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).map_err(|e| e.to_string())?;
    let (_, rest) = stat.rsplit_once(')').ok_or("no stat")?;
    let ticks = rest.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok());
    Ok(ticks.sum())
}

/// A `chimerd` with helpers in processes, that observes.
struct Daemon {
    process: Guarded,
    folder: PathBuf,
}

impl Daemon {
    fn serve(host: &Host, folder: &Path, more: &str) -> Result<Self, String> {
        let config = format!(
            "[local]\nstratum = 3\n[serve]\nlisten = [\"{}:123\"]\nallow = [\"10.77.0.0/16\"]\n{more}",
            host.v4
        );
        Self::start(host, folder, &config)
    }

    fn start(host: &Host, folder: &Path, config: &str) -> Result<Self, String> {
        fs::create_dir_all(folder).map_err(|e| e.to_string())?;
        let file = folder.join("chimer.toml");
        let text = format!(
            "{config}[clock]\ncontrol = false\n[daemon]\nrun_dir = \"{dir}\"\nstate_dir = false\n",
            dir = folder.display()
        );
        fs::write(&file, text).map_err(|e| e.to_string())?;
        let mut command = host.command(programs::chimerd()?);
        command.arg("--config").arg(&file);
        let daemon =
            Self { process: Guarded::start(command, &folder.join("log"))?, folder: folder.to_owned() };
        let socket = folder.join("observe.sock");
        eventually(SOON, "chimerd's socket", || socket.exists()).map_err(|e| daemon.explain(&e))?;
        Ok(daemon)
    }

    /// A number of the only source's report.
    fn source(&self, path: &str) -> Result<u64, String> {
        let mut command = Command::new(programs::chimer()?);
        command.args(["sources", "--json", "--run-dir"]).arg(&self.folder);
        let text = run(&mut command).map_err(|e| self.explain(&e))?;
        let report: Value = serde_json::from_str(&text).map_err(|e| format!("{e}: {text}"))?;
        let number = report.pointer(&format!("/sources/0{path}")).and_then(Value::as_u64);
        number.ok_or_else(|| format!("no {path} in {text}"))
    }

    /// How often it said that the network had changed.
    fn changes(&self) -> u64 {
        self.log().matches("the machine's network has changed").count() as u64
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// An error with the daemon's log below it.
    fn explain(&self, error: &str) -> String {
        format!("{error}\nchimerd said:\n{}", self.log())
    }
}
