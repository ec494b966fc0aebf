//! Daemons in threads, each on a virtual clock of its own: the machine's clock is not touched.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub(crate) mod nts;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chimerd::{Daemon, DaemonOptions, Observer};
use truechimer_config::{Config, Paths, Roles};
use truechimer_control::client::Client;
use truechimer_engine::config::{
    AccessRule, Endpoint, Host, Listener, LocalConfig, ServeConfig, SourceConfig, SourceKind, SourceOptions,
};
use truechimer_engine::report::Report;
use truechimer_engine::{Engine, Event};
use truechimer_sys::clock::{DemoClock, Truth};
use truechimer_time::{Frequency, Now, NtpDuration, PollExponent};

/// What an onlooker saw.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) events: Vec<Event>,
    pub(crate) looks: u64,
    pub(crate) with_bound: u64,
    pub(crate) violations: Vec<(f64, f64)>,
    pub(crate) error_s: f64,
    pub(crate) bound_s: Option<f64>,
}

/// Compares error and bound at one instant, invariant I1.
pub(crate) struct Onlooker {
    pub(crate) truth: Truth,
    pub(crate) seen: Arc<Mutex<Seen>>,
}

impl Observer for Onlooker {
    fn handle_event(&mut self, event: &Event, _now: Now) {
        self.seen.lock().unwrap().events.push(event.clone());
    }
    fn look(&mut self, engine: &Engine, now: Now) {
        let mut seen = self.seen.lock().unwrap();
        seen.looks += 1;
        seen.error_s = (now.cooked - self.truth.at(now.mono)).seconds();
        seen.bound_s = engine.bound(now);
        if let Some(bound_s) = seen.bound_s {
            seen.with_bound += 1;
            if seen.error_s.abs() > bound_s {
                let violation = (seen.error_s, bound_s);
                seen.violations.push(violation);
            }
        }
    }
    fn look_interval(&self) -> Option<Duration> {
        Some(Duration::from_millis(10))
    }
}

/// A daemon in a thread; dropped, it ends.
pub(crate) struct Running {
    pub(crate) addresses: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start(mut options: DaemonOptions) -> Self {
        options.max_sleep = Duration::from_millis(20);
        Self::of(Daemon::new(options).expect("the daemon starts"))
    }

    /// One that is ready to run.
    pub(crate) fn of(mut daemon: Daemon) -> Self {
        let addresses = daemon.listening();
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let thread = std::thread::spawn(move || daemon.run(&flag).expect("the daemon runs"));
        Self { addresses, stop, thread: Some(thread) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Ends it and passes on its panic, if any.
    pub(crate) fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().expect("the daemon ends cleanly");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Nothing on the disk, nothing but the loop.
pub(crate) fn bare_config() -> Config {
    Config { paths: Paths::NONE, roles: Roles::Inline, ..Config::default() }
}

/// A server at stratum 1 on an ephemeral loopback port.
pub(crate) fn server_config() -> Config {
    let mut config = bare_config();
    config.engine.serve = Some(ServeConfig {
        listen: vec![Listener { address: "127.0.0.1:0".parse().unwrap(), interface: None }],
        access: vec![AccessRule { network: "127.0.0.0".parse().unwrap(), prefix_len: 8, allow: true }],
        ..ServeConfig::default()
    });
    config.engine.local = Some(LocalConfig { stratum: 1, distance_s: 1e-6, ..LocalConfig::DEFAULT });
    config
}

/// A running server whose clock is wrong by `error_s`.
pub(crate) fn server(truth: Truth, error_s: f64) -> Running {
    let clock = DemoClock::new(truth, NtpDuration::from_seconds(error_s), Frequency::ZERO);
    Running::start(DaemonOptions::new(server_config(), Box::new(clock), false))
}

pub(crate) fn source(name: &str, address: SocketAddr) -> SourceConfig {
    SourceConfig {
        name: Some(name.to_owned()),
        kind: SourceKind::Server(Endpoint { host: Host::Address(address.ip()), port: address.port() }),
        options: SourceOptions {
            min_poll: PollExponent::saturating(-3),
            max_poll: PollExponent::saturating(-2),
            ..SourceOptions::default()
        },
    }
}

pub(crate) fn client_config(sources: &[(&str, SocketAddr)], run_dir: Option<&Path>) -> Config {
    let mut config = bare_config();
    config.paths.run_dir = run_dir.map(Path::to_owned);
    config.engine.sources = sources.iter().map(|(name, address)| source(name, *address)).collect();
    config
}

/// Options of a client with a clock that is wrong, and what will be seen of it.
pub(crate) fn client(
    truth: Truth,
    config: Config,
    error_s: f64,
    ppm: f64,
) -> (DaemonOptions, DemoClock, Arc<Mutex<Seen>>) {
    let clock = DemoClock::new(truth, NtpDuration::from_seconds(error_s), Frequency::from_ppm(ppm));
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut options = DaemonOptions::new(config, Box::new(clock.clone()), true);
    options.observer = Some(Box::new(Onlooker { truth, seen: Arc::clone(&seen) }));
    (options, clock, seen)
}

/// Asks the report socket.
pub(crate) fn report(run_dir: &Path) -> Report {
    let path = run_dir.join(truechimer_control::OBSERVE_SOCKET);
    Client::connect(&path, Duration::from_secs(5)).expect("connects").report().expect("a report")
}

/// Waits for something, but not for ever.
pub(crate) fn wait_for(what: &str, seconds: u64, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !condition() {
        assert!(Instant::now() < deadline, "waited {seconds} s for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
