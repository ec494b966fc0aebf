//! Events: what happened, for journals, metrics and people. The engine does not log.

use std::net::SocketAddr;

use truechimer_time::NtpDuration;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A source became the system peer.
    Selected {
        /// Its name.
        source: String,
    },
    /// No set of sources agrees.
    NoMajority {
        /// How many have answered.
        answering: usize,
        /// How many of these agree at most.
        agreeing: usize,
    },
    /// There is a majority, but it is smaller than `min_sources`.
    TooFewSources {
        /// How many agree.
        agreeing: usize,
        /// How many are wanted.
        wanted: usize,
    },
    /// A source was found to disagree with the majority.
    Falseticker {
        /// Its name.
        source: String,
        /// How far it is off, seconds.
        offset_s: f64,
    },
    /// The bound fell below the limit.
    Synchronised {
        /// The bound, seconds.
        bound_s: f64,
    },
    /// The bound grew over the limit.
    Unsynchronised {
        /// The bound, seconds.
        bound_s: f64,
    },
    /// The clock was stepped.
    Stepped {
        /// By how much.
        by: NtpDuration,
    },
    /// A correction beyond a panic limit was refused.
    PanicRefused {
        /// The correction wanted, seconds.
        correction_s: f64,
        /// The limit, seconds.
        limit_s: f64,
        /// Which limit, as in the config file.
        limit: &'static str,
    },
    /// A clock command failed.
    ClockFailed {
        /// What was tried.
        what: &'static str,
        /// Operating system error number.
        errno: i32,
    },
    /// Somebody else moved the clock.
    Interference {
        /// By how much, seconds.
        by_s: f64,
    },
    /// Somebody else changed the clock's rate.
    ForeignFrequency {
        /// The rate found, ppm.
        found_ppm: f64,
        /// The rate that we had set, ppm.
        expected_ppm: f64,
    },
    /// Events were left out because there were too many of one kind.
    Suppressed {
        /// How many since the last one that was let through.
        count: u64,
    },
    /// A source answers for the first time, or again.
    Reachable {
        /// Its name.
        source: String,
        /// Its address.
        address: SocketAddr,
    },
    /// A source has not answered for eight polls.
    Unreachable {
        /// Its name.
        source: String,
    },
    /// A source sent a kiss code (RFC 5905 §7.4).
    Kiss {
        /// Its name.
        source: String,
        /// The code, such as `RATE`.
        code: [u8; 4],
    },
    /// A pool member or a named server was given up for another address.
    Replaced {
        /// Its name.
        source: String,
        /// The address given up.
        address: SocketAddr,
        /// Why.
        reason: &'static str,
    },
    /// A name could not be resolved; it will be tried again.
    ResolveFailed {
        /// The name.
        name: String,
        /// In how many seconds.
        retry_s: f64,
    },
    /// Keys were exchanged with a source's server (NTS).
    KeysExchanged {
        /// The source's name.
        source: String,
        /// What the server's certificate is for.
        server: String,
    },
    /// A key exchange failed; it will be tried again. Keys and cookies that are left go on being used.
    KeyExchangeFailed {
        /// The source's name.
        source: String,
        /// Why, one sentence.
        reason: String,
        /// In how many seconds.
        retry_s: f64,
    },
    /// A source tells a time at which its own certificate was not valid, so it is not believed.
    CertificateRefused {
        /// The source's name.
        source: String,
    },
    /// So many servers agree on a time at which their certificates are valid, and so the time is known now. The machine's
    /// own clock had said that none of them was.
    CertificateTimeKnown {
        /// How many different servers.
        servers: usize,
    },
    /// A large correction is made by a slew.
    Slewing {
        /// By how much, seconds.
        by_s: f64,
    },
    /// Serving from the local reference began (true) or ended.
    LocalReference {
        /// Whether it is in force.
        active: bool,
    },
}

impl Event {
    /// How many kinds there are.
    pub(crate) const KINDS: usize = 23;

    /// A number for the kind, by which repetitions are limited.
    pub(crate) fn kind(&self) -> usize {
        match self {
            Self::Selected { .. } => 0,
            Self::NoMajority { .. } => 1,
            Self::TooFewSources { .. } => 2,
            Self::Falseticker { .. } => 3,
            Self::Synchronised { .. } => 4,
            Self::Unsynchronised { .. } => 5,
            Self::Stepped { .. } => 6,
            Self::PanicRefused { .. } => 7,
            Self::ClockFailed { .. } => 8,
            Self::Interference { .. } => 9,
            Self::ForeignFrequency { .. } => 10,
            Self::Suppressed { .. } => 11,
            Self::Reachable { .. } => 12,
            Self::Unreachable { .. } => 13,
            Self::Kiss { .. } => 14,
            Self::Replaced { .. } => 15,
            Self::ResolveFailed { .. } => 16,
            Self::LocalReference { .. } => 17,
            Self::KeysExchanged { .. } => 18,
            Self::KeyExchangeFailed { .. } => 19,
            Self::CertificateRefused { .. } => 20,
            Self::CertificateTimeKnown { .. } => 21,
            Self::Slewing { .. } => 22,
        }
    }
}
