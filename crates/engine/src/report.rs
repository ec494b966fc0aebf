//! The state of an engine as people and machines are shown it. Field names are the names in JSON; units come last.

use serde::{Deserialize, Serialize};

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The clock.
    pub system: SystemReport,
    /// Every source, in the order of the configuration; pool members one by one.
    pub sources: Vec<SourceReport>,
    /// What the server did; `None` when no port is open.
    pub server: Option<ServerReport>,
    /// What the server for key exchange (NTS) did; `None` when it does not run here. The daemon fills it in, as the engine
    /// has no part in it.
    pub key_exchange: Option<KeyExchangeReport>,
}

/// The clock as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SystemReport {
    /// Whether the bound is below the limit and a majority stands behind it.
    pub synchronised: bool,
    /// One sentence for a human: why it is synchronised or not, and warnings such as a single source.
    pub reason: String,
    /// Warnings that do not stop synchronisation, each one sentence.
    pub warnings: Vec<String>,
    /// Leap indicator: `none`, `insert`, `delete`, `unsynchronised`.
    pub leap: String,
    /// Stratum told to clients; 16 is unsynchronised.
    pub stratum: u8,
    /// Reference identifier as text: a name at stratum 1, an address or hash above.
    pub reference_id: String,
    /// Name of the system peer.
    pub system_peer: Option<String>,
    /// System clock by itself, seconds since 1970.
    pub time_unix_s: f64,
    /// Time since the last clock update, seconds.
    pub last_update_age_s: Option<f64>,
    /// Estimated offset of true time against the clock: positive when the clock is slow. Seconds.
    pub offset_s: f64,
    /// Honest one sigma of `offset_s`, seconds.
    pub offset_sd_s: f64,
    /// Guaranteed bound on the clock's error, seconds (root distance); `None` before the first sample.
    pub bound_s: Option<f64>,
    /// Frequency correction of the oscillator in force, without slew, ppm; positive makes the clock faster.
    pub frequency_ppm: f64,
    /// One sigma of the frequency, ppm.
    pub frequency_sd_ppm: f64,
    /// Slew in progress, ppm.
    pub slew_ppm: f64,
    /// Correction still to be slewed, seconds.
    pub slew_remaining_s: f64,
    /// Wander of the oscillator, per √s.
    pub wander: f64,
    /// Root delay, seconds.
    pub root_delay_s: f64,
    /// Root dispersion now, seconds.
    pub root_dispersion_s: f64,
    /// Limit below which the bound means "synchronised", seconds.
    pub max_distance_s: f64,
    /// Clock updates since the start.
    pub updates: u64,
    /// The correction that the last update made, seconds; positive when the clock was slow.
    pub last_offset_s: Option<f64>,
    /// Root mean square of the corrections of the last ten updates or so, seconds.
    pub rms_offset_s: Option<f64>,
    /// Between the last two updates, seconds.
    pub update_interval_s: Option<f64>,
    /// Steps since the start.
    pub steps: u64,
    /// Sum of the sizes of all steps since the state was first written, seconds.
    pub stepped_total_s: f64,
    /// Whether the clock is being steered (false: observing only).
    pub controls_clock: bool,
    /// Serving from the local reference.
    pub local_reference: bool,
    /// Since the daemon has been running, seconds. The daemon fills it in.
    #[serde(default)]
    pub uptime_s: Option<f64>,
    /// Whether the time is known by which certificates are judged: `known`, `unknown` (their dates wait for the time that
    /// enough servers agree on), or `strict` (until it is known, the machine's clock judges). `None` without NTS sources.
    pub certificate_time: Option<String>,
}

/// What became of a source in the last selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// The system peer: the best of the survivors.
    SystemPeer,
    /// Contributes to the clock.
    Survivor,
    /// Agrees with the majority but adds nothing (cluster algorithm, or others are preferred).
    Outlier,
    /// Disagrees with the majority.
    Falseticker,
    /// Answers, but is not selectable; see `reason`.
    Rejected,
    /// Configured as `noselect`.
    NoSelect,
    /// Has not answered yet, or not for eight polls.
    Unreachable,
    /// Switched off.
    Offline,
    /// Its name is being resolved.
    Resolving,
    /// Told us to stop (DENY, RSTR).
    Stopped,
}

/// One association.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceReport {
    /// Name: as configured; pool members carry the pool's name.
    pub name: String,
    /// Address and port, once known.
    pub address: Option<String>,
    /// `server`, `pool`, `reference`.
    pub kind: String,
    /// Verdict of the last selection.
    pub state: SourceState,
    /// Why, in a few words; empty where the state says all.
    pub reason: String,
    /// Reachability register of the last eight polls, as the octal number that ntpq and chronyc print.
    pub reach: u8,
    /// Stratum of the server.
    pub stratum: Option<u8>,
    /// Its leap indicator.
    pub leap: Option<String>,
    /// Its reference identifier as text.
    pub reference_id: Option<String>,
    /// Poll interval in force, log2 seconds.
    pub poll: i8,
    /// Seconds since the last accepted sample.
    pub last_sample_age_s: Option<f64>,
    /// Last measured offset of the source against the clock (positive: the clock is slow), seconds.
    pub last_offset_s: Option<f64>,
    /// The same against the clock as it was corrected since, seconds.
    pub last_offset_now_s: Option<f64>,
    /// Last measured round trip, seconds.
    pub last_delay_s: Option<f64>,
    /// Estimated offset now, seconds.
    pub offset_s: Option<f64>,
    /// One sigma of it, seconds.
    pub offset_sd_s: Option<f64>,
    /// Estimated frequency of the clock against the source, ppm.
    pub frequency_ppm: Option<f64>,
    /// One sigma of it, ppm.
    pub frequency_sd_ppm: Option<f64>,
    /// Root distance: the guaranteed bound through this source, seconds.
    pub root_distance_s: Option<f64>,
    /// The interval that must hold the true offset, by this source, seconds.
    pub interval_s: Option<[f64; 2]>,
    /// Noise of recent samples, seconds.
    pub jitter_s: Option<f64>,
    /// Smallest round trip believed possible, seconds.
    pub base_delay_s: Option<f64>,
    /// Samples taken.
    pub samples: u64,
    /// The latest samples one by one; `None` before the first.
    pub history: Option<HistoryReport>,
    /// The last packet that gave a sample.
    pub packet: Option<PacketReport>,
    /// The last answer to a request that failed a check.
    #[serde(default)]
    pub refused: Option<RefusedReport>,
    /// `user`, `kernel`, `hardware`: who stamped the last exchange (transmit, receive).
    pub stamps: Option<[String; 2]>,
    /// Requests sent.
    pub sent: u64,
    /// Replies accepted.
    pub accepted: u64,
    /// Datagrams dropped, by the name of the check that failed; only checks that ever failed are listed.
    pub dropped: std::collections::BTreeMap<String, u64>,
    /// Options worth showing that are in effect: `prefer`, `trust`, `noselect`, `require`.
    pub options: Vec<String>,
    /// Those of them that are configured; the others are what the policy for authentication makes of the source.
    pub configured_options: Option<Vec<String>>,
    /// How its replies are authenticated; `None` if not at all.
    pub authentication: Option<AuthenticationReport>,
}

/// The latest samples of a source, up to 64.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryReport {
    /// How many.
    pub samples: u32,
    /// Runs among them that came all later, or all earlier, than was predicted: few runs mean that the prediction was bad.
    pub runs: u32,
    /// From the first to the last, seconds.
    pub span_s: f64,
}

/// What a source's last packet said and how it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PacketReport {
    /// The address of this machine that it came to, where the kernel told.
    pub local: Option<std::net::IpAddr>,
    /// Protocol version.
    pub version: u8,
    /// Poll interval, log2 seconds.
    pub poll: i8,
    /// Precision, log2 seconds.
    pub precision: i8,
    /// Root delay, seconds.
    pub root_delay_s: f64,
    /// Root dispersion, seconds.
    pub root_dispersion_s: f64,
    /// Reference identifier.
    pub reference_id: u32,
    /// Reference time, seconds since 1970.
    pub reference_time_unix_s: f64,
    /// When the server received the request and sent the reply, by its own clock: timestamps of NTP, of 64 bits.
    #[serde(default)]
    pub server_stamps: Option<[u64; 2]>,
    /// Largest error of the stamps, seconds.
    pub stamp_error_s: f64,
    /// What the server took to answer, seconds.
    pub response_s: f64,
}

/// An answer to a request that failed a check; of several to one request, the one that came nearest to being accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefusedReport {
    /// Counts them: another number is another packet.
    pub number: u64,
    /// The check, by its name in `dropped`; `stratum` for a kiss code.
    pub check: String,
    /// Its leap indicator.
    pub leap: String,
    /// Its stratum.
    pub stratum: u8,
    /// The offset that it measured, seconds; `None` if it failed before that.
    pub offset_s: Option<f64>,
    /// The round trip, likewise.
    pub delay_s: Option<f64>,
    /// Who stamped the exchange (transmit, receive).
    pub stamps: [String; 2],
    /// What it said.
    pub packet: PacketReport,
}

/// How a source's replies are authenticated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticationReport {
    /// `key`: with a symmetric key; `nts`: by NTS.
    pub method: String,
    /// The key's identifier.
    pub key_id: Option<u32>,
    /// The key's algorithm, by its name in key files, or the AEAD algorithm of NTS; `None` if there is no key.
    pub algorithm: Option<String>,
    /// How it stands with NTS, where that is the method and an address is known.
    pub nts: Option<NtsReport>,
}

/// The keys and cookies of one association with NTS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NtsReport {
    /// The name that the server's certificate must be for.
    pub server: String,
    /// Address and TCP port of the server for key exchange.
    pub address: Option<String>,
    /// Cookies left, of eight.
    pub cookies: usize,
    /// Key exchanges that gave keys.
    pub key_exchanges: u64,
    /// Time since the last of them, whole seconds.
    pub last_key_exchange_age_s: Option<u64>,
    /// Key exchanges since the keys of one last proved themselves by an authentic reply.
    pub unproven_key_exchanges: u32,
    /// Why the last key exchange failed, if it did: one sentence.
    pub failure: Option<String>,
    /// When it is tried again, in whole seconds.
    pub retry_s: Option<u64>,
    /// NTS NAKs that could have been the server's.
    pub naks: u64,
    /// When the certificate behind the keys expires, or the first of its chain: seconds since 1970.
    pub certificate_expires_unix_s: Option<i64>,
    /// What is known of its dates: `verified`; `own_clock`: only the machine's own clock has confirmed them; `deferred`: not
    /// even that.
    pub certificate_time: Option<String>,
}

/// What the server did since the start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerReport {
    /// Datagrams that came in.
    pub received: u64,
    /// Replies sent.
    pub answered: u64,
    /// Replies with a MAC, to requests that had one.
    pub authenticated: u64,
    /// Replies to domain members, signed by the domain controller (MS-SNTP).
    pub signed: u64,
    /// Replies with NTS.
    pub nts: u64,
    /// Requests whose cookie or seal was wrong, refused with an NTS NAK.
    pub nts_naks: u64,
    /// Replies that told a client to ask less often (kiss code RATE); they are among those sent.
    pub kisses: u64,
    /// Clients that had to make room for others in the table of clients.
    pub clients_lost: u64,
    /// Datagrams dropped, by reason; only reasons that ever occurred are listed.
    pub dropped: std::collections::BTreeMap<String, u64>,
}

/// A client of the server. One with IPv6 is a network of 64 bits, unless its addresses are link-local.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientReport {
    /// The address that was last asked from.
    pub address: std::net::IpAddr,
    /// Requests, answered or not.
    pub requests: u64,
    /// Of those, the ones without an answer.
    pub dropped: u64,
    /// Of those, the ones that proved who sent them: with a symmetric key or NTS.
    pub authenticated: u64,
    /// Time since the first request, seconds.
    pub first_age_s: f64,
    /// Time since the last request, seconds.
    pub last_age_s: f64,
    /// Mean interval before requests, seconds, the last ones counting most; without those of `limited_interval_s`.
    pub interval_s: Option<f64>,
    /// The same of requests after one that got no answer.
    pub limited_interval_s: Option<f64>,
    /// UDP port that was last asked from.
    pub port: u16,
    /// Protocol version of the last request.
    pub version: u8,
    /// Mode of the last request.
    pub mode: u8,
}

impl ClientReport {
    /// Adds what another responder knows of the same client.
    pub(crate) fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.dropped = self.dropped.saturating_add(other.dropped);
        self.authenticated = self.authenticated.saturating_add(other.authenticated);
        self.first_age_s = self.first_age_s.max(other.first_age_s);
        for (mean_s, more_s) in [
            (&mut self.interval_s, other.interval_s),
            (&mut self.limited_interval_s, other.limited_interval_s),
        ] {
            // Rates add up.
            *mean_s = match (*mean_s, more_s) {
                (Some(one), Some(two)) if one > 0.0 && two > 0.0 => Some(1.0 / (1.0 / one + 1.0 / two)),
                (Some(one), Some(two)) => Some(one.min(two)),
                (one, two) => one.or(two),
            };
        }
        if other.last_age_s < self.last_age_s {
            (self.address, self.last_age_s) = (other.address, other.last_age_s);
            (self.port, self.version, self.mode) = (other.port, other.version, other.mode);
        }
    }
}

/// The server for key exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyExchangeReport {
    /// Connections now.
    pub open: u64,
    /// Connections that came.
    pub accepted: u64,
    /// Clients that got keys.
    pub exchanged: u64,
    /// Connections that came to nothing, by reason; only reasons that ever occurred are listed.
    pub failed: std::collections::BTreeMap<String, u64>,
    /// The first and last second in which the certificate in force is valid, since 1970; `None` without one.
    pub certificate_unix_s: Option<[i64; 2]>,
    /// Identifier of the key that cookies are made with; `None` without one.
    pub cookie_key: Option<String>,
}
