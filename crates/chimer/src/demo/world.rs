//! The five daemons.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use chimerd::{Daemon, DaemonOptions, Observer};
use truechimer_config::{Config, Paths, Roles};
use truechimer_control::OBSERVE_SOCKET;
use truechimer_control::client::Client;
use truechimer_engine::Engine;
use truechimer_engine::config::{
    AccessRule, Authentication, Endpoint, Host, Listener, LocalConfig, NtsOptions, ServeConfig, SourceConfig,
    SourceKind, SourceOptions,
};
use truechimer_engine::report::Report;
use truechimer_sys::clock::{DemoClock, Truth};
use truechimer_sys::random;
use truechimer_time::{Frequency, Now, NtpDuration, PollExponent};

use super::certificates::Certificates;
use super::watch::{self, Facts, Shared, Watch};

/// Name of the server that lies.
pub(super) const LIAR: &str = "liar";
/// By how much it lies, seconds.
pub(super) const LIE_S: f64 = 0.080;
/// How wrong the client's clock is at the start, seconds: clock − truth.
pub(super) const CLIENT_ERROR_S: f64 = -0.8;
/// How wrong the rate of its oscillator is.
pub(super) const CLIENT_OSCILLATOR_PPM: f64 = 60.0;

/// How late a server may notice that it is over.
const MAX_SLEEP: Duration = Duration::from_millis(50);
/// How long a server may take until it serves.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer of the client's report socket may take.
const REPORT_TIMEOUT: Duration = Duration::from_millis(400);
/// What the servers say of their own error, seconds: their clocks are exact but for rounding.
const SERVER_DISTANCE_S: f64 = 1e-6;

/// Five running daemons.
pub(super) struct World {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<(), String>>>,
    shared: Shared,
    dir: PrivateDir,
    certificates: Option<Certificates>,
}

/// Where a server is found.
#[derive(Clone, Copy)]
struct Place {
    time: SocketAddr,
    /// For key exchange.
    keys: Option<SocketAddr>,
}

impl World {
    /// Starts the servers, then the client that asks them, by NTS if that is wanted.
    pub(super) fn start(nts: bool) -> Result<Self, String> {
        let truth = Truth::start();
        let dir = PrivateDir::new()?;
        let certificates = nts.then(|| Certificates::make(&dir.0)).transpose()?;
        let mut world =
            Self { stop: Arc::default(), threads: Vec::new(), shared: Shared::default(), dir, certificates };
        let mut sources = Vec::new();
        for (name, error_s) in [("honest-1", 0.0), ("honest-2", 0.0), ("honest-3", 0.0), (LIAR, LIE_S)] {
            let place = world.start_server(truth, name, error_s)?;
            sources.push(source(name, place));
        }
        world.start_client(truth, sources)?;
        Ok(world)
    }

    fn start_server(&mut self, truth: Truth, name: &str, error_s: f64) -> Result<Place, String> {
        let clock = DemoClock::new(truth, NtpDuration::from_seconds(error_s), Frequency::ZERO);
        let mut config = server_config();
        config.serve_nts = self.certificates.as_ref().map(|certificates| certificates.serve(any_port()));
        let mut options = DaemonOptions::new(config, Box::new(clock), false);
        let (serves, told) = mpsc::channel();
        options.observer = Some(Box::new(Started { serves: Some(serves) }));
        let daemon = self.build(options)?;
        let time = *daemon.listening().first().ok_or("a server opened no port")?;
        let keys = daemon.exchanging().first().copied();
        self.spawn(name, daemon)?;
        // On a busy machine the client may ask before a server has had its first turn: it would be told that the server is
        // not synchronised, and not ask again for seconds.
        told.recv_timeout(START_TIMEOUT).map_err(|_| format!("the server {name} does not begin to serve"))?;
        Ok(Place { time, keys })
    }

    fn start_client(&mut self, truth: Truth, sources: Vec<SourceConfig>) -> Result<(), String> {
        let error = NtpDuration::from_seconds(CLIENT_ERROR_S);
        let clock = DemoClock::new(truth, error, Frequency::from_ppm(CLIENT_OSCILLATOR_PPM));
        let mut config = client_config(sources, &self.dir.0);
        if let Some(certificates) = &self.certificates {
            config.trust = certificates.trust();
        }
        let mut options = DaemonOptions::new(config, Box::new(clock), true);
        options.observer = Some(Box::new(Watch::new(truth, Arc::clone(&self.shared))));
        let daemon = self.build(options)?;
        self.spawn("client", daemon)
    }

    fn build(&self, mut options: DaemonOptions) -> Result<Daemon, String> {
        options.max_sleep = MAX_SLEEP;
        Daemon::new(options).map_err(|error| error.to_string())
    }

    fn spawn(&mut self, name: &str, mut daemon: Daemon) -> Result<(), String> {
        let stop = Arc::clone(&self.stop);
        let body = move || daemon.run(&stop).map_err(|error| error.to_string());
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body);
        self.threads.push(thread.map_err(|error| format!("cannot start a thread: {error}"))?);
        Ok(())
    }

    /// What has been seen so far; happenings are handed out once.
    pub(super) fn facts(&self) -> Facts {
        let mut facts = watch::facts(&self.shared);
        let copy = facts.clone();
        facts.happenings.clear();
        copy
    }

    /// The client's report through its socket, as `chimer status` and `chimer sources` get it. `None` if it does not
    /// come in time.
    pub(super) fn ask_report(&self) -> Option<Report> {
        Client::connect(&self.dir.0.join(OBSERVE_SOCKET), REPORT_TIMEOUT).ok()?.report().ok()
    }

    /// Whether all five still run.
    pub(super) fn check(&self) -> Result<(), String> {
        match self.threads.iter().find(|thread| thread.is_finished()) {
            Some(thread) => Err(format!("the daemon {} has died", thread.thread().name().unwrap_or("?"))),
            None => Ok(()),
        }
    }

    /// Ends all daemons.
    pub(super) fn stop(mut self) -> Result<(), String> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let name = thread.thread().name().unwrap_or("?").to_owned();
            match thread.join() {
                Ok(Ok(())) => {}
                Ok(Err(message)) => return Err(format!("the daemon {name} failed: {message}")),
                Err(_) => return Err(format!("the daemon {name} has died")),
            }
        }
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // On the way out of an error that was told already.
            let _ = thread.join();
        }
    }
}

fn source(name: &str, place: Place) -> SourceConfig {
    let endpoint = Endpoint { host: Host::Address(place.time.ip()), port: place.time.port() };
    let by_nts = |keys: SocketAddr| NtsOptions { ke_port: keys.port(), ..NtsOptions::default() };
    let options = SourceOptions {
        min_poll: PollExponent::saturating(-2),
        max_poll: PollExponent::saturating(-1),
        authentication: place.keys.map_or(Authentication::None, |keys| Authentication::Nts(by_nts(keys))),
        ..SourceOptions::default()
    };
    SourceConfig { name: Some(name.to_owned()), kind: SourceKind::Server(endpoint), options }
}

/// A server that says of itself, as one with a reference clock would: stratum 1, all but exact.
fn server_config() -> Config {
    let mut config = Config { paths: Paths::NONE, roles: Roles::Inline, ..Config::default() };
    config.engine.serve = Some(ServeConfig {
        listen: vec![any_port()],
        access: vec![AccessRule {
            network: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)),
            prefix_len: 8,
            allow: true,
        }],
        ..ServeConfig::default()
    });
    config.engine.local =
        Some(LocalConfig { stratum: 1, distance_s: SERVER_DISTANCE_S, ..LocalConfig::DEFAULT });
    config
}

/// On loopback.
fn any_port() -> Listener {
    Listener { address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0), interface: None }
}

fn client_config(sources: Vec<SourceConfig>, run_dir: &Path) -> Config {
    let paths = Paths { run_dir: Some(run_dir.to_owned()), ..Paths::NONE };
    let mut config = Config { paths, roles: Roles::Inline, ..Config::default() };
    config.engine.sources = sources;
    config
}

/// Tells once that a server serves.
struct Started {
    serves: Option<mpsc::Sender<()>>,
}

impl Observer for Started {
    fn look(&mut self, engine: &Engine, now: Now) {
        if self.serves.is_some()
            && engine.report(now).system.local_reference
            && let Some(serves) = self.serves.take()
        {
            // Who has given up waiting has said so.
            let _ = serves.send(());
        }
    }
}

/// A folder of our own that goes away with us.
struct PrivateDir(PathBuf);

impl PrivateDir {
    fn new() -> Result<Self, String> {
        use std::os::unix::fs::DirBuilderExt as _;
        let mut salt = [0; 8];
        random::fill(&mut salt).map_err(|error| format!("the system gives no randomness: {error}"))?;
        let path = std::env::temp_dir().join(format!("truechimer-demo-{:016x}", u64::from_ne_bytes(salt)));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| format!("cannot make the folder {}: {error}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for PrivateDir {
    fn drop(&mut self) {
        // Left over at worst: an empty folder among temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
