//! Whole daemons with NTS against each other over loopback: key exchange, cookies and time, in the loop and in processes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use truechimer_config::Config;
use truechimer_config::nts::{CertificateTrust, KeyExchangeLimits, KeyExchangeServer, RingOrigin, ServeNts};
use truechimer_control::OBSERVE_SOCKET;
use truechimer_control::client::Client;
use truechimer_engine::Event;
use truechimer_engine::config::{
    Authentication, CertificateTime, Endpoint, Family, Host, Listener, NtsOptions, SourceConfig, SourceKind,
};
use truechimer_engine::report::{NtsReport, SourceReport};
use truechimer_nts_ke::Validity;
use truechimer_nts_ke::authority::Authority;
use truechimer_sys::clock::{DemoClock, Truth};
use truechimer_time::{Frequency, NtpDuration};

mod common;

use chimerd::{Daemon, DaemonOptions};
use common::nts::{DAY_S, NAME, Server, authority, chimerd, days, free_ports, unix_s, write_certificate};
use common::*;

/// A server in a thread that exchanges keys in its loop; and where it does.
struct Inline {
    server: Running,
    ke: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Inline {
    fn start(truth: Truth, authority: &Authority, validity: Validity) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_certificate(dir.path(), authority, NAME, validity);
        let mut config = server_config();
        config.serve_nts = Some(ServeNts {
            key_exchange: Some(KeyExchangeServer {
                listen: vec![Listener { address: "127.0.0.1:0".parse().unwrap(), interface: None }],
                certificate: dir.path().join("chain.pem"),
                private_key: dir.path().join("key.pem"),
                ntp_server: None,
                // The system chooses it when the daemon starts, but clients must be told before.
                ntp_port: Some(free_ports().0),
                limits: KeyExchangeLimits::default(),
            }),
            ring: RingOrigin::File { path: None, rotate_s: Some(86_400.0) },
            keep: 2,
        });
        let port = config.serve_nts.as_ref().unwrap().key_exchange.as_ref().unwrap().ntp_port.unwrap();
        config.engine.serve.as_mut().unwrap().listen[0].address.set_port(port);
        let clock = DemoClock::new(truth, NtpDuration::ZERO, Frequency::ZERO);
        let mut options = DaemonOptions::new(config, Box::new(clock), false);
        options.max_sleep = Duration::from_millis(20);
        let daemon = Daemon::new(options).expect("the daemon starts");
        let ke = daemon.exchanging()[0];
        Self { server: Running::of(daemon), ke, _dir: dir }
    }
}

fn nts_source(name: &str, ke: SocketAddr) -> SourceConfig {
    let mut source = source(name, ke);
    if name != "two" {
        // The second is known by its address: two sources of one name would be one server.
        source.kind = SourceKind::Server(Endpoint { host: Host::Name(NAME.into()), port: 123 });
    }
    source.options.family = Some(Family::V4);
    source.options.authentication =
        Authentication::Nts(NtsOptions { ke_port: ke.port(), ..NtsOptions::default() });
    source
}

/// A client of these servers that trusts the authority.
fn nts_client(dir: &Path, authority: &Authority, servers: &[SocketAddr]) -> Config {
    fs::write(dir.join("ca.pem"), authority.root()).unwrap();
    let mut config = client_config(&[], Some(dir));
    config.trust = CertificateTrust { system: false, files: vec![dir.join("ca.pem")] };
    config.engine.sources =
        ["one", "two"].into_iter().zip(servers).map(|(name, ke)| nts_source(name, *ke)).collect();
    config
}

fn first_source(run_dir: &Path) -> SourceReport {
    report(run_dir).sources.remove(0)
}

fn nts(source: &SourceReport) -> NtsReport {
    source.authentication.clone().unwrap().nts.unwrap()
}

#[test]
fn our_client_takes_keys_and_time_from_our_server_inside_the_loops() {
    let dir = tempfile::tempdir().unwrap();
    let (truth, authority) = (Truth::start(), authority());
    let server = Inline::start(truth, &authority, days(90));
    let (options, clock, seen) = client(truth, nts_client(dir.path(), &authority, &[server.ke]), -0.3, 20.0);
    let client = Running::start(options);
    wait_for("the clock to be right", 30, || clock.truth_error().seconds().abs() < 5e-4);
    wait_for("many samples", 30, || first_source(dir.path()).samples >= 20);
    let source = first_source(dir.path());
    let nts = nts(&source);
    assert_eq!(source.authentication.unwrap().method, "nts");
    assert_eq!((nts.key_exchanges, nts.cookies, nts.failure), (1, 8, None));
    assert_eq!(nts.address, Some(server.ke.to_string()));
    client.stop();
    server.server.stop();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.violations, []);
    assert!(seen.events.iter().any(|event| matches!(event, Event::KeysExchanged { .. })));
}

#[test]
fn at_20_without_keys_nothing_is_asked_and_nothing_believed() {
    let dir = tempfile::tempdir().unwrap();
    let (truth, ours) = (Truth::start(), authority());
    let theirs = Authority::new("another root", days(100)).unwrap();
    let server = Inline::start(truth, &theirs, days(90));
    // It trusts another authority.
    let (options, clock, seen) = client(truth, nts_client(dir.path(), &ours, &[server.ke]), 0.2, 0.0);
    let client = Running::start(options);
    wait_for("the failure", 20, || nts(&first_source(dir.path())).failure.is_some());
    let source = first_source(dir.path());
    assert!(nts(&source).failure.unwrap().contains("authority that is not trusted"), "{source:?}");
    assert_eq!((source.sent, source.samples), (0, 0));
    assert!(clock.truth_error().seconds().abs() > 0.19);
    client.stop();
    assert_eq!(seen.lock().unwrap().violations, []);
}

#[test]
fn nobody_to_trust_is_said_with_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let (truth, authority) = (Truth::start(), authority());
    let server = Inline::start(truth, &authority, days(90));
    let mut config = nts_client(dir.path(), &authority, &[server.ke]);
    config.trust.files = vec![dir.path().join("missing.pem")];
    let (options, _, _) = client(truth, config, 0.0, 0.0);
    let client = Running::start(options);
    wait_for("the failure", 20, || nts(&first_source(dir.path())).failure.is_some());
    let failure = nts(&first_source(dir.path())).failure.unwrap();
    assert!(failure.contains("no certificate is trusted"), "{failure}");
    client.stop();
}

#[test]
fn at_26_a_clock_decades_off_is_set_by_servers_that_agree_unless_it_judges_itself() {
    let (truth, authority) = (Truth::start(), authority());
    let servers = [days(90), days(80)].map(|validity| Inline::start(truth, &authority, validity));
    let both: Vec<_> = servers.iter().map(|server| server.ke).collect();
    for error_s in [-1.5e9, 2.3e9] {
        let dir = tempfile::tempdir().unwrap();
        let (options, clock, seen) = client(truth, nts_client(dir.path(), &authority, &both), error_s, 10.0);
        let client = Running::start(options);
        wait_for("the clock to be right", 30, || clock.truth_error().seconds().abs() < 1e-3);
        client.stop();
        let seen = seen.lock().unwrap();
        let known = |event: &Event| matches!(event, Event::CertificateTimeKnown { servers: 2 });
        assert!(seen.events.iter().any(known), "{:?}", seen.events);
    }
    // Strict: the clock judges, and refuses them all.
    let dir = tempfile::tempdir().unwrap();
    let mut config = nts_client(dir.path(), &authority, &both);
    config.engine.nts.certificate_time = CertificateTime::Strict;
    let (options, clock, _) = client(truth, config, -1.5e9, 0.0);
    let client = Running::start(options);
    wait_for("the failure", 20, || nts(&first_source(dir.path())).failure.is_some());
    assert!(nts(&first_source(dir.path())).failure.unwrap().contains("not valid before"));
    assert!(clock.truth_error().seconds() < -1e9);
    client.stop();
}

#[test]
fn at_26_a_certificate_that_expired_before_this_program_was_built_helps_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (truth, authority) = (Truth::start(), authority());
    let long_ago = Validity { not_before_s: unix_s() - 4000 * DAY_S, not_after_s: unix_s() - 3000 * DAY_S };
    let authority_then =
        Authority::new("old root", Validity { not_after_s: unix_s() + DAY_S, ..long_ago }).unwrap();
    let server = Inline::start(truth, &authority_then, long_ago);
    let mut config = nts_client(dir.path(), &authority, &[server.ke]);
    fs::write(dir.path().join("ca.pem"), authority_then.root()).unwrap();
    config.engine.nts.certificate_time = CertificateTime::Ladder;
    // A clock that stands in the days of the certificate, and has no reason to doubt that.
    let (options, clock, _) = client(truth, config, -3500.0 * 86_400.0, 0.0);
    let client = Running::start(options);
    wait_for("the failure", 20, || nts(&first_source(dir.path())).failure.is_some());
    assert!(nts(&first_source(dir.path())).failure.unwrap().contains("expired"));
    assert!(clock.truth_error().seconds() < -1e8);
    client.stop();
}

/// The program as a client of a server, from a folder of its own; killed when it is dropped.
struct Program {
    child: Child,
    dir: tempfile::TempDir,
}

impl Program {
    fn start(server: &Server, more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ca.pem"), server.authority.root()).unwrap();
        let program = Self { child: chimerd_in(dir.path(), server, more), dir };
        program.report();
        program
    }

    fn report(&self) -> SourceReport {
        let path = self.dir.path().join("run").join(OBSERVE_SOCKET);
        let mut client = None;
        wait_for("the report socket", 20, || {
            client = Client::connect(&path, Duration::from_secs(5)).ok();
            client.is_some()
        });
        client.unwrap().report().unwrap().sources.remove(0)
    }

    fn journal(&self) -> String {
        fs::read_to_string(self.dir.path().join("journal")).unwrap()
    }

    fn role(&self) -> Option<u32> {
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        let is_role = |id: &u32| {
            fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| line.starts_with(b"chimerd-ke-client\0"))
        };
        let children = fs::read_to_string(children).ok()?;
        children.split_whitespace().map(|id| id.parse().unwrap()).find(is_role)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_client(dir: &Path, server: &Server, more: &str) {
    let text = format!(
        "[clock]\ncontrol = false\nfrequency_file = false\n\
         [daemon]\nstate_dir = false\nrun_dir = \"{0}/run\"\n\
         [nts]\nsystem_certificates = false\ntrusted_certificates = [\"{0}/ca.pem\"]\n\
         [[source]]\nserver = \"{NAME}\"\nfamily = \"ipv4\"\nport = {1}\npoll = {{ min = -2, max = -2 }}\n\
         nts = {{ port = {2} }}\n{more}\n",
        dir.display(),
        server.ntp.port(),
        server.ke.port(),
    );
    fs::write(dir.join("chimer.toml"), text).unwrap();
}

fn chimerd_in(dir: &Path, server: &Server, more: &str) -> Child {
    write_client(dir, server, more);
    chimerd(dir, &[])
}

fn signal(id: u32, name: &str) {
    assert!(Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status().unwrap().success());
}

#[test]
fn keys_and_time_between_programs_whose_tls_runs_in_processes_of_its_own() {
    let server = Server::start("", &[]);
    let client = Program::start(&server, "");
    wait_for("samples", 30, || client.report().samples >= 8);
    let source = client.report();
    assert_eq!((nts(&source).key_exchanges, nts(&source).cookies), (1, 8));
    let role = client.role().unwrap();
    let status = fs::read_to_string(format!("/proc/{role}/status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1") && status.contains("CapEff:\t0000000000000000"), "{status}");
    let served = {
        let path = server.path("run").join(OBSERVE_SOCKET);
        Client::connect(&path, Duration::from_secs(5)).unwrap().report().unwrap().server.unwrap()
    };
    assert!(served.answered >= 8, "{served:?}");
    // Its keys are the daemon's: the death of the role is not noticed until there is an exchange to make.
    signal(role, "KILL");
    let before = client.report().samples;
    wait_for("more samples", 30, || client.report().samples > before + 5);
    assert_eq!(nts(&client.report()).key_exchanges, 1);
}

#[test]
fn at_37_a_reload_during_a_key_exchange_leaves_one_association() {
    let server = Server::start("", &[]);
    // A server for key exchange that never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let more = format!(
        "[[source]]\nname = \"silent\"\nserver = \"127.0.0.1\"\nnts = {{ port = {} }}\n",
        silent.local_addr().unwrap().port()
    );
    let client = Program::start(&server, &more);
    for _ in 0..20 {
        signal(client.child.id(), "HUP");
        std::thread::sleep(Duration::from_millis(20));
    }
    wait_for("samples", 30, || client.report().samples >= 4);
    write_client(client.dir.path(), &server, "");
    signal(client.child.id(), "HUP");
    let path = client.dir.path().join("run").join(OBSERVE_SOCKET);
    let sources = || Client::connect(&path, Duration::from_secs(5)).unwrap().report().unwrap().sources.len();
    wait_for("the end of the silent source", 20, || sources() == 1);
    let before = client.report().samples;
    wait_for("more samples", 30, || client.report().samples > before + 5);
    assert_eq!(nts(&client.report()).key_exchanges, 1, "{}", client.journal());
}

#[test]
fn at_22_cookies_outlive_a_restart_of_the_server() {
    let mut server = Server::start("", &[]);
    let client = Program::start(&server, "");
    wait_for("samples", 30, || client.report().samples >= 4);
    signal(server.child.id(), "TERM");
    server.child.wait().unwrap();
    server.child = chimerd(server.dir.path(), &[]);
    let before = client.report().samples;
    wait_for("more samples", 30, || client.report().samples > before + 5);
    let nts = nts(&client.report());
    assert_eq!((nts.key_exchanges, nts.naks), (1, 0), "{nts:?}");
}

#[test]
fn workers_open_cookies_with_the_keys_that_the_loop_has() {
    let server = Server::start_with("workers = 3", "", &[]);
    let clients: Vec<Program> = (0..3).map(|_| Program::start(&server, "")).collect();
    for client in &clients {
        wait_for("samples", 30, || client.report().samples >= 4);
    }
    // Every reload makes new responders, with the same ring.
    signal(server.child.id(), "HUP");
    for client in &clients {
        let before = client.report().samples;
        wait_for("more samples", 30, || client.report().samples > before + 4);
        let nts = nts(&client.report());
        assert_eq!((nts.key_exchanges, nts.naks), (1, 0), "{nts:?}");
    }
    let path = server.path("run").join(OBSERVE_SOCKET);
    let served = Client::connect(&path, Duration::from_secs(5)).unwrap().report().unwrap().server.unwrap();
    assert!(served.nts >= 24 && served.nts == served.answered && served.nts_naks == 0, "{served:?}");
    server.end();
}
