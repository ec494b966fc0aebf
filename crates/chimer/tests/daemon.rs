//! The program against real daemons: one that serves time from its local reference on a loopback port, and one that
//! follows it. Both read the machine's clock and never touch it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use chimerd::{Daemon, DaemonOptions, Reload};
use serde_json::Value;
use truechimer_config::{Config, Paths};
use truechimer_sys::clock::ObserveOnly;

/// A daemon on a thread; it ends with this.
struct Running {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    address: Option<std::net::SocketAddr>,
}

impl Running {
    fn start(text: &str, run_dir: Option<&Path>, reload: Option<Reload>) -> Self {
        let mut options = DaemonOptions::new(config(text, run_dir), Box::new(ObserveOnly::new()), false);
        options.max_sleep = Duration::from_millis(50);
        options.reload = reload;
        let mut daemon = Daemon::new(options).unwrap();
        let address = daemon.listening().first().copied();
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let thread = std::thread::spawn(move || daemon.run(&flag).unwrap());
        Self { stop, thread: Some(thread), address }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || matches!(ended, Some(Ok(()))), "the daemon failed");
    }
}

fn config(text: &str, run_dir: Option<&Path>) -> Config {
    let mut config = truechimer_config::parse(text, "test").unwrap().config;
    for listener in config.engine.serve.iter_mut().flat_map(|serve| &mut serve.listen) {
        // A file cannot say it: any port that is free.
        listener.address.set_port(0);
    }
    config.paths = Paths { run_dir: run_dir.map(Into::into), ..Paths::NONE };
    config
}

fn server() -> Running {
    Running::start(
        "[serve]\nlisten = [\"127.0.0.1:123\"]\nallow = [\"127.0.0.0/8\"]\n[local]\nstratum = 3\ndistance = \"10ms\"\n\
         [clock]\ncontrol = false\n[daemon]\nroles = \"inline\"\n",
        None,
        None,
    )
}

fn chimer(args: &[&str], run_dir: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chimer"));
    command.args(args).env("CHIMER_RUN_DIR", run_dir).env_remove("NO_COLOR").stdin(Stdio::null());
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs it, wants this exit status, and gives what it printed.
fn says(args: &[&str], run_dir: &Path, status: i32) -> String {
    let output = chimer(args, run_dir);
    assert_eq!(output.status.code(), Some(status), "chimer {args:?}: {}", text(&output));
    text(&output)
}

fn json(args: &[&str], run_dir: &Path) -> Value {
    let output = chimer(args, run_dir);
    assert_eq!(output.status.code(), Some(0), "chimer {args:?}: {}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_command_against_a_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = folder.path();
    let server = server();
    let upstream = server.address.unwrap();
    let client = format!(
        "[[source]]\nserver = \"{}\"\nport = {}\nname = \"upstream\"\n[clock]\ncontrol = false\n[daemon]\nroles = \"inline\"\n",
        upstream.ip(),
        upstream.port()
    );
    let again = client.clone();
    let mut reloads = 0;
    let reload: Reload = Box::new(move || {
        reloads += 1;
        if reloads == 1 { Ok(config(&again, None)) } else { Err("line 7 is wrong".into()) }
    });
    let _daemon = Running::start(&client, Some(run_dir), Some(reload));

    let waited = json(&["wait", "--timeout", "20s", "--bound", "1s", "--json"], run_dir);
    assert_eq!(waited["reached"], true, "{waited}");
    assert!(says(&["wait"], run_dir, 0).contains("The clock is right to"));
    assert!(says(&["wait", "--bound", "1ns", "--timeout", "0s"], run_dir, 1).contains("above 1.00 ns"));

    let status = json(&["status", "--json"], run_dir);
    assert_eq!(status["synchronised"], true, "{status}");
    assert_eq!(status["controls_clock"], false, "{status}");
    assert!(status["bound_s"].as_f64().unwrap() < 1.5, "{status}");
    let status = says(&["status"], run_dir, 0);
    assert!(status.contains("synchronised") && status.contains("observes only"), "{status}");
    assert!(!status.contains('\u{1b}'), "no colour in a pipe");

    let sources = json(&["sources", "--json"], run_dir);
    assert_eq!(sources["sources"][0]["name"], "upstream", "{sources}");
    assert_eq!(sources["sources"][0]["state"], "system_peer", "{sources}");
    assert_eq!(sources["sources"][0]["stratum"], 3, "{sources}");
    let table = says(&["sources"], run_dir, 0);
    assert!(table.contains("* system peer") && table.contains("upstream"), "{table}");
    assert!(says(&["sources", "-v"], run_dir, 0).contains("Stamps"));
    assert!(says(&["stats"], run_dir, 0).contains("upstream"));

    let nobody = says(&["clients"], run_dir, 1);
    assert!(nobody.contains("no clients are remembered"), "{nobody}");
    assert_eq!(json(&["activity", "--json"], run_dir)["selected"], 1);
    says(&["offline", "upstream"], run_dir, 0);
    assert_eq!(json(&["activity", "--json"], run_dir)["offline"], 1);
    says(&["online"], run_dir, 0);
    assert_eq!(json(&["activity", "--json"], run_dir)["offline"], 0);
    says(&["burst", "upstream"], run_dir, 0);
    let unknown = says(&["offline", "upstraem"], run_dir, 1);
    assert!(unknown.contains("there are upstream") && unknown.contains("hint"), "{unknown}");

    assert_eq!(json(&["reload", "--json"], run_dir)["done"], "reload");
    let refused = says(&["reload"], run_dir, 1);
    assert!(refused.contains("line 7 is wrong"), "{refused}");

    let observe = run_dir.join("observe.sock");
    let refused = says(&["reload", "--socket", observe.to_str().unwrap()], run_dir, 1);
    assert!(refused.contains("control.sock"), "{refused}");
}

#[test]
fn a_query_needs_no_daemon() {
    let nowhere = Path::new("/nonexistent");
    let server = server();
    let host = server.address.unwrap().to_string();
    let value = json(&["query", "--samples", "2", "--json", &host], nowhere);
    assert_eq!(value["ok"], true, "{value}");
    let answer = &value["hosts"][0];
    assert_eq!((&answer["samples"], &answer["stratum"]), (&2.into(), &3.into()), "{value}");
    let (offset, bound) = (answer["offset_s"].as_f64().unwrap(), answer["bound_s"].as_f64().unwrap());
    assert!(offset.abs() <= bound, "both read one clock: {value}");

    let table = says(&["query", "-n1", "--version", "3", &host], nowhere, 0);
    assert!(table.contains(&host) && table.contains("Root distance"), "{table}");
    // Nobody has this port once the socket is dropped, and a silent host makes the whole query fail.
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let both = says(&["query", "-n1", "--timeout", "700ms", &host, &free], nowhere, 1);
    assert!(both.contains("nothing listens at its port"), "{both}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_chimer"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut complaint = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(complaint, "");
}

#[test]
fn clients_of_a_server_are_shown_to_whoever_may_command() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = folder.path();
    let text = "[serve]\nlisten = [\"127.0.0.1:123\"]\nallow = [\"127.0.0.0/8\"]\n[clock]\ncontrol = false\n\
                [daemon]\nroles = \"inline\"\n";
    let daemon = Running::start(text, Some(run_dir), None);
    assert_eq!(says(&["clients"], run_dir, 0), "Nobody has asked yet.\n");
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    for _ in 0..3 {
        let request: Vec<u8> = [0x23].into_iter().chain([0; 47]).collect();
        socket.send_to(&request, daemon.address.unwrap()).unwrap();
        socket.recv(&mut [0; 48]).unwrap();
    }
    let list = json(&["clients", "--json"], run_dir);
    assert_eq!(list["known"], 1);
    let client = &list["clients"][0];
    assert_eq!((&client["address"], &client["requests"]), (&"127.0.0.1".into(), &3.into()), "{list}");
    assert_eq!(client["port"], socket.local_addr().unwrap().port());
    assert!(says(&["clients"], run_dir, 0).contains("127.0.0.1"));
    let observing = run_dir.join("observe.sock");
    let refused = says(&["clients", "--socket", observing.to_str().unwrap()], run_dir, 1);
    assert!(refused.contains("not for everybody"), "{refused}");
    assert!(says(&["clients", "--limit", "0"], run_dir, 2).contains("--limit"));
}
