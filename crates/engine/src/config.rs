//! What an engine is told to do: legal values only. `config` makes these from text, tests and the simulator make
//! them by hand.

use std::net::{IpAddr, SocketAddr};

pub use truechimer_discipline::gates::{PanicLimits, StepPolicy};
use truechimer_time::{Cooked, PollExponent};

pub use crate::authentication::{KeyTable, PeerKey};

/// Everything.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineConfig {
    /// The time sources, in the order of the file.
    pub sources: Vec<SourceConfig>,
    /// Serving time; `None` opens no port.
    pub serve: Option<ServeConfig>,
    /// Steering the clock.
    pub clock: ClockConfig,
    /// Which sources are believed.
    pub selection: SelectionConfig,
    /// Being a source of last resort for others; `None` never pretends.
    pub local: Option<LocalConfig>,
    /// The symmetric keys, for sources and for clients of the server.
    pub keys: KeyTable,
    /// Network Time Security.
    pub nts: NtsConfig,
    /// A time that no server is before, not even a wrong one: eras are unfolded from here on, for 136 years.
    pub era_floor: Cooked,
}

/// One `[[source]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceConfig {
    /// What reports and commands call it; `None` for its host as configured. Need not be unique.
    pub name: Option<String>,
    /// What it is and where.
    pub kind: SourceKind,
    /// How it is used.
    pub options: SourceOptions,
}

/// What a source is and where.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// One server, by name or address.
    Server(Endpoint),
    /// A name behind which there are many servers, of which up to `size` are used and the bad ones replaced.
    Pool {
        /// The name.
        endpoint: Endpoint,
        /// How many members to use, 1 to 16; 4 by default.
        size: u8,
    },
    /// A reference clock whose samples the adapter pushes in (PPS, PHC, …), one-way.
    Reference {
        /// Its name in reports, and its reference identifier (up to four ASCII characters are used).
        name: String,
        /// The largest error a sample of it can have, seconds: a promise of the operator, as no round trip
        /// measures it.
        max_error_s: f64,
        /// Stratum of the clock itself: 0 for GPS and the like.
        stratum: u8,
    },
}

/// Host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Name or address.
    pub host: Host,
    /// UDP port; 123 by default.
    pub port: u16,
}

/// A name to resolve or an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// DNS name.
    Name(String),
    /// Literal address.
    Address(IpAddr),
}

/// Per-source options, in chrony's meaning where chrony has the option.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceOptions {
    /// Shortest poll interval, 6 (64 s) by default.
    pub min_poll: PollExponent,
    /// Longest poll interval, 10 (1024 s) by default.
    pub max_poll: PollExponent,
    /// A quick burst at the start, on by default: four requests 2 s apart after the first answer.
    pub iburst: bool,
    /// A burst at every poll.
    pub burst: bool,
    /// Preferred over sources that are not.
    pub prefer: bool,
    /// Cannot be outvoted by sources that are not trusted.
    pub trust: bool,
    /// Must be among the selectable, or nothing is.
    pub require: bool,
    /// Measured but never selected.
    pub noselect: bool,
    /// Protocol version sent, 3 or 4; 4 by default.
    pub version: u8,
    /// Address family, `None` for both.
    pub family: Option<Family>,
    /// Samples with a longer round trip are dropped, seconds; 3 by default.
    pub max_delay_s: f64,
    /// Samples whose round trip exceeds the smallest by this factor are dropped; `None` for no limit.
    pub max_delay_ratio: Option<f64>,
    /// Added to every offset from this source, seconds.
    pub offset_s: f64,
    /// Local address to send from.
    pub bind: Option<IpAddr>,
    /// Starts offline: not polled until told so.
    pub offline: bool,
    /// Largest stratum accepted, 1 to 15; 15 by default.
    pub max_stratum: u8,
    /// Stratum that it is taken to have at least, 0 to 15; 0 by default.
    pub min_stratum: u8,
    /// The round trip that `max_delay_ratio` is a multiple of, seconds; `None` for the shortest that was measured.
    pub min_delay_s: Option<f64>,
    /// For how many polls beyond the eighth without an answer it still vouches for the clock; `None` for as long as the
    /// bound allows.
    pub max_unreach: Option<u32>,
    /// Tell clients its stratum and reference identifier when it is the system peer, as if they asked it.
    pub copy: bool,
    /// How its replies are authenticated; not at all by default.
    pub authentication: Authentication,
}

/// How the packets of a source are authenticated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// Not at all.
    #[default]
    None,
    /// With the symmetric key of this identifier in [`EngineConfig::keys`]. Without that, it is not asked.
    Key(u32),
    /// By NTS (RFC 8915). The endpoint's host is the server for key exchange, whose certificate must be for that name; its
    /// port is that of the server for time, unless key exchange names another.
    Nts(NtsOptions),
}

/// How NTS is used with one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NtsOptions {
    /// TCP port of the server for key exchange; 4460 by default.
    pub ke_port: u16,
    /// Keys are exchanged anew after so many seconds; two weeks by default.
    pub refresh_s: u32,
}

/// `[nts]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NtsConfig {
    /// What judges the dates of certificates before the time is known.
    pub certificate_time: CertificateTime,
    /// How many different servers for key exchange must agree before a clock is set that contradicts their certificates'
    /// dates. By default two; and never more than are configured.
    pub certificate_quorum: Option<u8>,
}

/// What judges the dates of certificates before the time is known. Names and chains are verified in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CertificateTime {
    /// The time that the servers themselves tell, when enough of them agree.
    #[default]
    Ladder,
    /// The machine's clock, right or wrong.
    Strict,
}

/// Internet protocol family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// `[serve]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ServeConfig {
    /// Where to listen.
    pub listen: Vec<Listener>,
    /// Who is served and who is not: the longest matching prefix decides, nobody is served by default.
    pub access: Vec<AccessRule>,
    /// Requests of domain members (MS-SNTP) are to be signed by the adapter: [`Verdict::Sign`](crate::Verdict::Sign).
    pub sign: bool,
    /// So many clients each responder remembers, or a few more; 0 for none. A limit needs them.
    pub clients: usize,
    /// How often a client is answered; `None`: whenever it asks.
    pub rate_limit: Option<RateLimit>,
}

/// How often a client is answered that is served at all. Requests that prove who sent them, by a symmetric key or NTS, are
/// counted apart from others of the same client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Between answers on average, nanoseconds; 8 s by default.
    pub interval_ns: u64,
    /// So many answers at once, after a silence; 8 by default.
    pub burst: u32,
    /// One of so many requests above the limit, at random, is answered all the same; 4 by default.
    pub leak: u32,
    /// One of so many others is answered with the kiss code RATE; none by default.
    pub kiss: Option<u32>,
}

/// One socket that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Address and port.
    pub address: SocketAddr,
    /// Only packets through this interface.
    pub interface: Option<String>,
}

/// One line of the access list. An IPv4 rule also covers the mapped form ::ffff:a.b.c.d.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// The network's address; bits beyond the prefix are zero.
    pub network: IpAddr,
    /// How many leading bits count, up to 32 or 128.
    pub prefix_len: u8,
    /// Served or refused.
    pub allow: bool,
}

/// `[clock]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ClockConfig {
    /// When the clock may jump.
    pub step: StepPolicy,
    /// Beyond which correction the clock is not touched.
    pub panic: PanicLimits,
    /// Fastest slew, seconds a second; 500e-6 by default, up to 0.1.
    pub max_slew_rate: f64,
    /// Largest frequency correction, seconds a second; 500e-6 by default.
    pub max_frequency: f64,
    /// By how much the oscillator's rate may change at once, unseen, seconds a second; 1e-6 by default. The error
    /// bound grows by at least this between samples.
    pub max_drift: f64,
    /// "Synchronised" means that the error bound is below this, seconds; 1.5 by default (RFC 5905 MAXDIST).
    pub max_distance_s: f64,
    /// Slews of more than this are told of, seconds; 1 by default, `None` for never. Steps always are.
    pub log_above_s: Option<f64>,
    /// Whether the time may be typed in; `false` by default.
    pub manual: bool,
}

/// `[selection]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SelectionConfig {
    /// How many agreeing sources are needed to steer the clock; 1 by default.
    pub min_sources: usize,
    /// What it counts that a source is authenticated.
    pub authentication: AuthenticationPolicy,
}

/// What it counts in the selection that a source is authenticated. How sources are configured decides, not who answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AuthenticationPolicy {
    /// Servers and pools that are not authenticated are never selected.
    Require,
    /// They are not selected if any other is authenticated.
    Prefer,
    /// If there are both kinds, those that are authenticated, and reference clocks, are marked `trust` and `require`.
    #[default]
    Mix,
    /// It makes no difference.
    Ignore,
}

/// `[local]`: serve time without a source (an island). With `orphan`, islands elect one leader.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalConfig {
    /// Stratum told to clients, 1 to 15; 10 by default.
    pub stratum: u8,
    /// Servers with the same local stratum agree on the one with the smallest reference identifier.
    pub orphan: bool,
    /// Distance told to clients, seconds; 1 by default.
    pub distance_s: f64,
    /// Only after having been synchronised once with a bound below this, seconds; `None` at once.
    pub activate_s: Option<f64>,
    /// Also while the clock counts as synchronised, once its bound is above this, seconds; `None` only when it does not.
    pub takeover_s: Option<f64>,
    /// Only so long after the last update of the clock, seconds.
    pub wait_synced_s: f64,
    /// Where it never was updated: only so long after the start, seconds.
    pub wait_unsynced_s: f64,
}

impl LocalConfig {
    /// Stratum 10 as soon as no source is usable.
    pub const DEFAULT: Self = Self {
        stratum: 10,
        orphan: false,
        distance_s: 1.0,
        activate_s: None,
        takeover_s: None,
        wait_synced_s: 0.0,
        wait_unsynced_s: 0.0,
    };
}

/// Serves nobody.
impl Default for ServeConfig {
    fn default() -> Self {
        Self { listen: Vec::new(), access: Vec::new(), sign: false, clients: 4096, rate_limit: None }
    }
}

impl Default for RateLimit {
    fn default() -> Self {
        Self { interval_ns: 8_000_000_000, burst: 8, leak: 4, kiss: None }
    }
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            min_poll: PollExponent::DEFAULT_MIN,
            max_poll: PollExponent::DEFAULT_MAX,
            iburst: true,
            burst: false,
            prefer: false,
            trust: false,
            require: false,
            noselect: false,
            version: 4,
            family: None,
            max_delay_s: 3.0,
            max_delay_ratio: None,
            offset_s: 0.0,
            bind: None,
            offline: false,
            max_stratum: 15,
            min_stratum: 0,
            min_delay_s: None,
            max_unreach: None,
            copy: false,
            authentication: Authentication::None,
        }
    }
}

impl Default for NtsOptions {
    fn default() -> Self {
        Self { ke_port: truechimer_nts::negotiate::KE_PORT, refresh_s: 1_209_600 }
    }
}

impl Default for ClockConfig {
    fn default() -> Self {
        Self {
            step: StepPolicy { above_s: Some(0.128), first: Some(3) },
            panic: PanicLimits {
                forward_s: Some(1000.0),
                backward_s: Some(1000.0),
                start_s: None,
                accumulated_s: None,
            },
            max_slew_rate: 500e-6,
            max_frequency: 500e-6,
            max_drift: 1e-6,
            max_distance_s: 1.5,
            log_above_s: Some(1.0),
            manual: false,
        }
    }
}

impl Default for SelectionConfig {
    fn default() -> Self {
        Self { min_sources: 1, authentication: AuthenticationPolicy::default() }
    }
}
