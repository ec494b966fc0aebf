//! What a world is made of, as plain data: [`World`](crate::world::World) brings it to life with a seed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use truechimer_discipline::estimate;
use truechimer_engine::Command;
use truechimer_engine::config::{
    AccessRule, ClockConfig, Endpoint, EngineConfig, Host as HostName, KeyTable, Listener, LocalConfig,
    NtsConfig, SelectionConfig, ServeConfig, SourceConfig, SourceKind, SourceOptions,
};
use truechimer_time::{Cooked, Frequency, StampSource};

use crate::attack::Attack;
use crate::link::{LinkConfig, Window};
use crate::nts::NtsServer;
use crate::oscillator::OscillatorConfig;
use crate::server::ServerConfig;

/// 2026-01-01T00:00:00Z: when the worlds begin, unless they say otherwise.
pub const NEW_YEAR_2026: Cooked = Cooked::from_unix_nanos(1_767_225_600_000_000_000);
/// 2025-01-01T00:00:00Z: eras are unfolded from here on, as if the programs had been built then.
const ERA_FLOOR: Cooked = Cooked::from_unix_nanos(1_735_689_600_000_000_000);
/// The port that servers listen on.
const NTP_PORT: u16 = 123;

/// One run, but for the seed.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// How long, seconds.
    pub length_s: f64,
    /// How often oscillators change, invariants are checked and statistics are taken, seconds: 1.
    pub step_s: f64,
    /// True time at the start.
    pub start: Cooked,
    /// Servers that know the true time.
    pub servers: Vec<ServerConfig>,
    /// Machines that run the engine. Statistics are taken of the first.
    pub hosts: Vec<HostConfig>,
    /// Who sends forged packets.
    pub attacks: Vec<Attack>,
    /// What befalls the hosts.
    pub faults: Vec<Fault>,
    /// When time errors are counted; the last 80 % of the run if `None`.
    pub time_window: Option<Window>,
    /// From when on no source can be heard, so that even a perfect clock would go wrong: its error in the time window
    /// is the least that can be reached.
    pub deaf_from_s: Option<f64>,
    /// One sigma of the frequency at that time for somebody who is told everything else.
    pub deaf_frequency_sd: f64,
    /// When the stated adversary exceeds the model of a bound, so that I1 and I7 need not hold.
    pub exempt: Vec<Window>,
}

/// One machine that runs the engine.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Its oscillator.
    pub oscillator: OscillatorConfig,
    /// By how much its clock is ahead at the start, seconds.
    pub offset_s: f64,
    /// Its sources and the way to them.
    pub paths: Vec<Path>,
    /// Its reference clock.
    pub reference: Option<ReferenceClock>,
    /// When no pulse of it comes.
    pub reference_outages: Vec<Window>,
    /// Steering the clock.
    pub clock: ClockConfig,
    /// Which sources are believed.
    pub selection: SelectionConfig,
    /// Serving without a source.
    pub local: Option<LocalConfig>,
    /// How packets are stamped.
    pub stamps: Stamps,
    /// What its frequency file holds.
    pub known: Option<estimate::Oscillator>,
    /// Whether it may steer its clock.
    pub controls_clock: bool,
    /// Whom it asks for keys, and when it believes certificates.
    pub nts: NtsConfig,
    /// It serves with NTS.
    pub serves_nts: Option<NtsServer>,
    /// A time that is certainly past, seconds from the start.
    pub certificate_floor_s: f64,
}

/// A source and the way to it.
#[derive(Clone, Debug)]
pub struct Path {
    /// Who answers at the other end.
    pub peer: Peer,
    /// How the configuration names it.
    pub found: Found,
    /// The way.
    pub link: LinkConfig,
    /// Options of the source; for a pool, those of its first path.
    pub options: SourceOptions,
}

/// Who answers requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A server that knows the true time, by its index.
    Server(usize),
    /// Another host, with its engine and responder, by its index.
    Host(usize),
}

/// How a source is named in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// By its address.
    Address,
    /// By a name with one address.
    Name(&'static str),
    /// As a member of a pool: all paths of the same name are its addresses.
    Pool {
        /// The name.
        name: &'static str,
        /// How many members are used.
        size: u8,
    },
}

/// A reference clock such as PPS: one-way samples.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceClock {
    /// Time between samples, seconds.
    pub interval_s: f64,
    /// Standard deviation of a sample's error, seconds.
    pub noise_s: f64,
    /// Largest error that the operator promises, seconds.
    pub max_error_s: f64,
}

/// The name of every host's reference clock.
pub const REFERENCE_NAME: &str = "PPS";

/// How a host stamps its packets.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamps {
    /// Who stamps: with [`StampSource::User`], the stamp of a reply is taken when it is handled, after the lag.
    pub source: StampSource,
    /// Standard deviation of the noise on each stamp, seconds.
    pub noise_s: f64,
    /// The error that is stated with each stamp, seconds.
    pub stated_error_s: f64,
    /// Time between the arrival of a reply and its handling, seconds.
    pub lag_s: f64,
}

/// Something that befalls a host.
#[derive(Clone, Debug)]
pub struct Fault {
    /// When, seconds from the start.
    pub at_s: f64,
    /// Whom.
    pub host: usize,
    /// What.
    pub kind: FaultKind,
}

/// What can befall a host.
#[derive(Clone, Debug)]
pub enum FaultKind {
    /// The machine sleeps: nothing runs, what arrives is lost, the monotonic clock stands still, and on waking the
    /// system clock is wrong by `clock_error_s` more than had it run on.
    Suspend {
        /// For how long, seconds.
        for_s: f64,
        /// What the battery clock adds, seconds.
        clock_error_s: f64,
    },
    /// Another program steps the clock, seconds forward.
    ForeignStep(f64),
    /// Another program sets the clock's rate.
    ForeignFrequency(Frequency),
    /// An operator's command.
    Command(Command),
    /// The daemon is stopped: it leaves the kernel sane.
    Shutdown,
    /// The daemon dies and another one is started at once, which knows nothing but the frequency and the time of its end.
    Restart,
    /// The machine is on another network now, and the daemon is told.
    NetworkChange,
}

impl Default for Stamps {
    /// Exact kernel stamps.
    fn default() -> Self {
        Self { source: StampSource::Kernel, noise_s: 0.0, stated_error_s: 1e-9, lag_s: 0.0 }
    }
}

impl Default for HostConfig {
    /// 10 ms ahead, 10 ppm fast, without a source.
    fn default() -> Self {
        Self {
            oscillator: OscillatorConfig::default(),
            offset_s: 10e-3,
            paths: Vec::new(),
            reference: None,
            reference_outages: Vec::new(),
            clock: ClockConfig::default(),
            selection: SelectionConfig::default(),
            local: None,
            stamps: Stamps::default(),
            known: None,
            controls_clock: true,
            nts: NtsConfig::default(),
            serves_nts: None,
            certificate_floor_s: -180.0 * 86_400.0,
        }
    }
}

impl Scenario {
    /// One host with these ways to honest servers, one each.
    pub fn client(length_s: f64, links: Vec<LinkConfig>, options: &SourceOptions) -> Self {
        let path = |(index, link)| Path {
            peer: Peer::Server(index),
            found: Found::Address,
            link,
            options: options.clone(),
        };
        let servers = vec![ServerConfig::default(); links.len()];
        let paths = links.into_iter().enumerate().map(path).collect();
        Self {
            length_s,
            step_s: 1.0,
            start: NEW_YEAR_2026,
            servers,
            hosts: vec![HostConfig { paths, ..HostConfig::default() }],
            attacks: Vec::new(),
            faults: Vec::new(),
            time_window: None,
            deaf_from_s: None,
            deaf_frequency_sd: 0.0,
            exempt: Vec::new(),
        }
    }
}

impl Peer {
    /// The address at which it answers.
    pub fn address(self) -> SocketAddr {
        let ip = match self {
            Self::Server(index) => Ipv4Addr::new(192, 0, 2, index as u8 + 1),
            Self::Host(index) => host_address(index),
        };
        SocketAddr::new(IpAddr::V4(ip), NTP_PORT)
    }
}

/// The address of a host.
pub fn host_address(index: usize) -> Ipv4Addr {
    Ipv4Addr::new(198, 51, 100, index as u8 + 1)
}

impl HostConfig {
    /// What its daemon would have read from its configuration file.
    pub fn engine_config(&self, index: usize) -> EngineConfig {
        let anybody = AccessRule { network: IpAddr::V4(Ipv4Addr::UNSPECIFIED), prefix_len: 0, allow: true };
        let listener = Listener { address: Peer::Host(index).address(), interface: None };
        EngineConfig {
            sources: self.sources(),
            serve: Some(ServeConfig {
                listen: vec![listener],
                access: vec![anybody],
                // Nobody looks at them.
                clients: 0,
                ..ServeConfig::default()
            }),
            clock: self.clock.clone(),
            selection: self.selection.clone(),
            local: self.local.clone(),
            keys: KeyTable::default(),
            nts: self.nts.clone(),
            era_floor: ERA_FLOOR,
        }
    }

    fn sources(&self) -> Vec<SourceConfig> {
        let mut sources: Vec<SourceConfig> = Vec::new();
        let mut pools: Vec<&str> = Vec::new();
        for path in &self.paths {
            let kind = match path.found {
                Found::Address => SourceKind::Server(Endpoint {
                    host: HostName::Address(path.peer.address().ip()),
                    port: NTP_PORT,
                }),
                Found::Name(name) => SourceKind::Server(endpoint(name)),
                Found::Pool { name, .. } if pools.contains(&name) => continue,
                Found::Pool { name, size } => {
                    pools.push(name);
                    SourceKind::Pool { endpoint: endpoint(name), size }
                }
            };
            sources.push(SourceConfig { name: None, kind, options: path.options.clone() });
        }
        if let Some(reference) = &self.reference {
            let kind = SourceKind::Reference {
                name: REFERENCE_NAME.to_owned(),
                max_error_s: reference.max_error_s,
                stratum: 0,
            };
            sources.push(SourceConfig { name: None, kind, options: SourceOptions::default() });
        }
        sources
    }

    /// The addresses behind a name.
    pub fn resolve(&self, wanted: &str) -> Vec<IpAddr> {
        self.paths
            .iter()
            .filter(|path| match path.found {
                Found::Address => false,
                Found::Name(name) | Found::Pool { name, .. } => name == wanted,
            })
            .map(|path| path.peer.address().ip())
            .collect()
    }
}

fn endpoint(name: &str) -> Endpoint {
    Endpoint { host: HostName::Name(name.to_owned()), port: NTP_PORT }
}
