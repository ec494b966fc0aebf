//! The configuration as the programs use it: legal values only.

use std::path::PathBuf;

use truechimer_engine::config::{
    Authentication, ClockConfig, EngineConfig, KeyTable, NtsConfig, SelectionConfig, SourceConfig,
};
use truechimer_time::Cooked;

use crate::nts::{CertificateTrust, ServeNts};
use crate::sections::Logs;

/// No server shows an earlier time: 1980-01-01T00:00:00Z. Eras are unfolded from here on, which reaches to 2116. It is
/// decades before this program was written, as simulated networks have a calendar of their own, and a server that stands
/// a little before the floor would seem to be 136 years ahead.
pub const ERA_FLOOR: Cooked = Cooked::from_unix_nanos(315_532_800_000_000_000);

/// Everything that a configuration file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What the engine is told.
    pub engine: EngineConfig,
    /// Files and folders.
    pub paths: Paths,
    /// `clock.control`: whether the machine's clock is steered at all; `false` only observes and serves.
    pub clock_control: bool,
    /// `daemon.roles`.
    pub roles: Roles,
    /// `daemon.sandbox`: whether helper processes forbid themselves what their work does not need.
    pub sandbox: bool,
    /// `[logs]`: files in the formats of chronyd and ntpd.
    pub logs: Option<Logs>,
    /// `daemon.ready`: when the service manager is told that the service is ready.
    pub ready: Ready,
    /// `serve.workers`: how many threads answer requests; with 1 the event loop does it.
    pub workers: usize,
    /// `daemon.lock_memory`: whether nothing of the daemon is ever paged out.
    pub lock_memory: bool,
    /// `daemon.realtime_priority`: the priority under `SCHED_FIFO`; 0 is the usual scheduling.
    pub realtime_priority: u8,
    /// `daemon.user`: whom to become after the start, `None` to stay who we are.
    pub user: Option<String>,
    /// `[nts]`: whose certificates are believed.
    pub trust: CertificateTrust,
    /// `[serve.nts]`: authenticated time for clients.
    pub serve_nts: Option<ServeNts>,
    /// `[control]`: the protocols of other programs.
    pub control: ControlDoors,
    /// `[network]`: how packets leave this machine.
    pub network: Network,
}

/// `[network]`: how packets leave this machine, where that is not left to the system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// `dscp`: what requests and replies are marked with, up to 63; 0 for nothing.
    pub dscp: u8,
    /// `interface`: by which requests leave.
    pub interface: Option<String>,
    /// `client_port`: from which requests leave, instead of a random one each.
    pub client_port: Option<u16>,
}

/// `[control]`: doors for the tools of other programs; none is open by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlDoors {
    /// `chronyc_socket`: where `chronyc` asks and commands.
    pub chronyc_socket: Option<PathBuf>,
    /// `chronyc_port`: the UDP port on the loopback addresses where it asks.
    pub chronyc_port: Option<u16>,
    /// `ntpq`: whether control messages from this machine are answered.
    pub ntpq: bool,
    /// `mrulist`: whether they are told who asked the server.
    pub mrulist: bool,
}

/// Files and folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// `clock.frequency_file`: where the oscillator's frequency is kept between runs; `None` forgets it.
    pub frequency_file: Option<PathBuf>,
    /// `clock.chrony_drift_file`: where chronyd keeps the frequency; it is read while there is no frequency file yet.
    pub chrony_drift_file: Option<PathBuf>,
    /// `daemon.state_dir`: the folder of all other state (the last known good time, step totals); `None` keeps none.
    pub state_dir: Option<PathBuf>,
    /// `keys.file`: the symmetric keys; `None` without keys.
    pub keys: Option<PathBuf>,
    /// `serve.signd`: the socket of Samba's `ntp_signd`, or its folder; `None` signs nothing.
    pub signd: Option<PathBuf>,
    /// `daemon.run_dir`: the folder of `observe.sock` and `control.sock`; `None` opens neither.
    pub run_dir: Option<PathBuf>,
    /// `daemon.source_dirs`: folders of files with further sources.
    pub source_dirs: Vec<PathBuf>,
    /// `daemon.pid_file`: where the number of the process stands while it runs; `None` writes it nowhere.
    pub pid_file: Option<PathBuf>,
}

/// `daemon.roles`: where work runs that needs other privileges, such as resolving names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Roles {
    /// In helper processes, the default.
    #[default]
    Process,
    /// Inside the event loop, which waits for it meanwhile.
    Inline,
}

/// `daemon.ready`: when the service manager is told that the service is ready, and starts what waits for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ready {
    /// When the daemon has opened its ports, the default.
    #[default]
    Started,
    /// When the clock is synchronised for the first time.
    Synchronised,
}

/// Where state is kept unless the file says otherwise.
pub const STATE_DIR: &str = "/var/lib/truechimer";
/// Where sockets are unless the file says otherwise.
pub const RUN_DIR: &str = "/run/truechimer";
/// Name of the frequency file inside the state folder.
pub const FREQUENCY_FILE: &str = "frequency";

impl Paths {
    /// Nothing on the disk: no state is kept, no socket opened.
    pub const NONE: Self = Self {
        frequency_file: None,
        chrony_drift_file: None,
        state_dir: None,
        keys: None,
        signd: None,
        run_dir: None,
        source_dirs: Vec::new(),
        pid_file: None,
    };
}

/// The places of an installed system.
impl Default for Paths {
    fn default() -> Self {
        let state_dir = PathBuf::from(STATE_DIR);
        Self {
            frequency_file: Some(state_dir.join(FREQUENCY_FILE)),
            chrony_drift_file: None,
            state_dir: Some(state_dir),
            keys: None,
            signd: None,
            run_dir: Some(PathBuf::from(RUN_DIR)),
            source_dirs: Vec::new(),
            pid_file: None,
        }
    }
}

/// What an empty file says: no source, no server, all else at its default.
impl Default for Config {
    fn default() -> Self {
        Self {
            engine: EngineConfig {
                sources: Vec::new(),
                serve: None,
                clock: ClockConfig::default(),
                selection: SelectionConfig::default(),
                local: None,
                keys: KeyTable::default(),
                nts: NtsConfig::default(),
                era_floor: ERA_FLOOR,
            },
            paths: Paths::default(),
            clock_control: true,
            roles: Roles::Process,
            sandbox: true,
            workers: 1,
            logs: None,
            ready: Ready::Started,
            lock_memory: false,
            realtime_priority: 0,
            user: None,
            trust: CertificateTrust::default(),
            serve_nts: None,
            control: ControlDoors::default(),
            network: Network::default(),
        }
    }
}

impl Config {
    /// Whether a source cannot do without the key file.
    pub fn needs_keys(&self) -> bool {
        let by_key = |source: &SourceConfig| matches!(source.options.authentication, Authentication::Key(_));
        self.engine.sources.iter().any(by_key)
    }
}
