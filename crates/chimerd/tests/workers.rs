//! Several threads that answer (`serve.workers`), in the whole program: who is answered, what is counted, and what a reload does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use chimerd::DaemonOptions;
use common::nts::{chimerd, free_ports};
use common::{Running, client_config, report, server_config, wait_for};
use truechimer_config::Roles;
use truechimer_discipline::clock::SystemClock;
use truechimer_engine::Event;
use truechimer_engine::report::ServerReport;
use truechimer_sys::clock::{DemoClock, Truth};
use truechimer_time::{Frequency, NtpDuration};

/// The program, serving; killed when it is dropped.
struct Serving {
    child: Child,
    dir: tempfile::TempDir,
    address: SocketAddr,
}

impl Serving {
    fn start(workers: usize, more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_ports().0));
        write_config(dir.path(), address, &format!("workers = {workers}\n{more}"));
        let serving = Self { child: chimerd(dir.path(), &[]), dir, address };
        wait_for("its socket", 20, || serving.dir.path().join("run/observe.sock").exists());
        serving
    }

    fn report(&self) -> ServerReport {
        report(&self.dir.path().join("run")).server.unwrap()
    }

    fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().count()
    }

    fn journal(&self) -> String {
        fs::read_to_string(self.dir.path().join("journal")).unwrap()
    }

    fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
    }

    fn end(&mut self) {
        self.signal("TERM");
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{}", self.journal());
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_config(dir: &Path, address: SocketAddr, serve: &str) {
    let text = format!(
        "[clock]\ncontrol = false\nfrequency_file = false\n\
         [daemon]\nstate_dir = false\nrun_dir = \"{}/run\"\n[local]\nstratum = 9\n\
         [serve]\nlisten = [\"{address}\"]\nallow = [\"127.0.0.0/8\"]\n{serve}\n",
        dir.display()
    );
    fs::write(dir.join("chimer.toml"), text).unwrap();
}

fn client(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket
}

/// The reply to a request, if it is one.
fn ask(client: &UdpSocket, number: u8) -> Option<Vec<u8>> {
    let mut request = [0; 48];
    request[0] = 0x23;
    request[40..].fill(number);
    client.send(&request).unwrap();
    let mut reply = [0; 100];
    let len = client.recv(&mut reply).ok()?;
    assert_eq!((len, reply[0] & 7, reply[1]), (48, 4, 9));
    assert_eq!(reply[24..32], request[40..]);
    Some(reply.to_vec())
}

#[test]
fn workers_answer_everybody_and_their_counts_are_summed() {
    let mut serving = Serving::start(4, "");
    assert_eq!(serving.threads(), 5);
    let clients: Vec<_> = (0..64).map(|_| client(serving.address)).collect();
    for number in 1..=5 {
        for client in &clients {
            assert!(ask(client, number).is_some());
        }
    }
    let served = serving.report();
    assert_eq!((served.received, served.answered), (320, 320), "{served:?}");
    serving.end();
}

#[test]
fn the_loop_alone_starts_no_thread() {
    let mut serving = Serving::start(1, "");
    assert!(ask(&client(serving.address), 1).is_some());
    assert_eq!(serving.threads(), 1);
    serving.end();
}

#[test]
fn at_37_workers_go_on_with_another_configuration_and_count_on() {
    let mut serving = Serving::start(3, "");
    let old = client(serving.address);
    assert!(ask(&old, 1).is_some());
    // Another port, and another access list.
    let other = SocketAddr::from(([127, 0, 0, 1], free_ports().0));
    write_config(serving.dir.path(), other, "workers = 3\ndeny = [\"127.0.0.9/32\"]");
    serving.signal("HUP");
    let new = client(other);
    new.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    wait_for("the new port", 20, || ask(&new, 2).is_some());
    let denied = UdpSocket::bind("127.0.0.9:0").unwrap();
    denied.connect(other).unwrap();
    denied.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    assert!(ask(&denied, 3).is_none());
    wait_for("the counts", 20, || serving.report().dropped.get("denied") == Some(&1));
    let served = serving.report();
    assert!(served.answered >= 2 && served.received > served.answered, "{served:?}");
    assert!(old.send(&[0x23; 48]).is_err() || old.recv(&mut [0; 48]).is_err(), "the old port is open");
    // How many there are does not change.
    write_config(serving.dir.path(), other, "workers = 2");
    serving.signal("HUP");
    wait_for("the warning", 20, || serving.journal().contains("serve.workers changed"));
    assert_eq!(serving.threads(), 4);
    serving.end();
}

/// A stand-in for Samba that signs with `0xab`.
fn signd(path: &Path) {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 68];
        while stream.read_exact(&mut request).is_ok() {
            let mut reply = [&80_u32.to_be_bytes()[..], &[0; 4], &3_u32.to_be_bytes(), &[0, 0]].concat();
            reply.extend(&request[12..14]);
            reply.extend(&request[20..]);
            reply.extend(&request[16..20]);
            reply.extend([0xab; 16]);
            stream.write_all(&reply).unwrap();
        }
    });
}

#[test]
fn replies_to_domain_members_go_from_a_worker_over_the_loop_to_samba_and_back() {
    let samba = tempfile::tempdir().unwrap();
    let path = samba.path().join("socket");
    signd(&path);
    let mut serving = Serving::start(2, &format!("signd = \"{}\"", path.display()));
    let clients: Vec<_> = (0..8).map(|_| client(serving.address)).collect();
    for client in &clients {
        let mut request = [0; 68];
        request[0] = 0x1b;
        request[40..48].fill(7);
        request[48] = 42;
        client.send(&request).unwrap();
        let mut reply = [0; 100];
        assert_eq!(client.recv(&mut reply).unwrap(), 68);
        assert_eq!((reply[0] & 7, &reply[24..32], reply[48]), (4, &request[40..48], 42));
        assert_eq!(reply[52..68], [0xab; 16]);
    }
    wait_for("the counts", 20, || serving.report().signed == 8);
    let served = serving.report();
    assert_eq!((served.received, served.answered), (8, 8), "{served:?}");
    serving.end();
}

static CLOCK: OnceLock<DemoClock> = OnceLock::new();

fn another_view() -> Box<dyn SystemClock + Send> {
    Box::new(CLOCK.get().expect("the clock is there").clone())
}

#[test]
fn at_33_no_reply_of_a_worker_spans_a_step() {
    let dir = tempfile::tempdir().unwrap();
    let truth = Truth::start();
    let address = SocketAddr::from(([127, 0, 0, 1], free_ports().0));
    let mut config = client_config(&[("source", address)], Some(dir.path()));
    config.engine.serve = server_config().engine.serve;
    config.engine.local = server_config().engine.local;
    (config.roles, config.workers) = (Roles::Process, 2);
    let (mut options, clock, seen) = common::client(truth, config, -40.0, 10.0);
    CLOCK.set(clock.clone()).expect("once");
    options.more_clocks = Some(another_view);
    let daemon = Running::start(options);
    let clients: Vec<_> = (0..8).map(|_| client(daemon.address())).collect();
    for client in &clients {
        client.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
    }
    let (mut before, mut after, mut number) = (0, 0, 0_u8);
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut source = None;
    while after < 200 {
        if before > 200 && source.is_none() {
            // Now somebody tells it the time.
            let mut config = server_config();
            config.engine.serve.as_mut().unwrap().listen[0].address = address;
            let clock = DemoClock::new(truth, NtpDuration::ZERO, Frequency::ZERO);
            source = Some(Running::start(DaemonOptions::new(config, Box::new(clock), false)));
        }
        assert!(Instant::now() < deadline, "{before} replies before the step, {after} after it");
        for client in &clients {
            number = number % 250 + 1;
            let mut request = [0; 48];
            request[0] = 0x23;
            request[40..].fill(number);
            client.send(&request).unwrap();
            let mut reply = [0; 48];
            while client.recv(&mut reply).is_ok() {
                let stamp = |at: usize| u64::from_be_bytes(reply[at..at + 8].try_into().unwrap());
                let spent_s = stamp(40).wrapping_sub(stamp(32)) as f64 / 2_f64.powi(32);
                assert!(spent_s < 1.0, "it says that it had the request for {spent_s} s");
                // What the clock shows now, in NTP's seconds.
                let now = truth.at(clock.clone().now().mono).timestamp().bits();
                let behind_s = now.wrapping_sub(stamp(40)) as i64 as f64 / 2_f64.powi(32);
                match behind_s.abs() {
                    0.0..1.0 => after += 1,
                    39.0..41.0 => before += 1,
                    _ => panic!("{behind_s} s behind"),
                }
            }
        }
    }
    daemon.stop();
    let stepped = seen.lock().unwrap().events.iter().any(|event| matches!(event, Event::Stepped { .. }));
    assert!(stepped && before > 0, "{before} replies before the step");
}
