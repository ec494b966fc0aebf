//! What an operator may ask of a running engine.

use std::net::IpAddr;

use truechimer_discipline::gates::StepPolicy;
use truechimer_time::PollExponent;

use crate::config::{AccessRule, EngineConfig, LocalConfig, SourceConfig};

/// What an operator may ask of a running engine.
#[derive(Clone, Debug)]
pub enum Command {
    /// Poll this source (by the name in reports), or all.
    Online(Option<String>),
    /// Stop polling this source, or all.
    Offline(Option<String>),
    /// Make a quick burst of measurements at this source, or all.
    Burst(Option<String>),
    /// Poll these, or stop polling them.
    Switch {
        /// Whom.
        which: Which,
        /// Whether they are polled.
        online: bool,
    },
    /// Make a quick burst of measurements at these.
    BurstAt(Which),
    /// Use one more source, beside those of the configuration, until the daemon ends.
    Add(Box<SourceConfig>),
    /// Use these no more, until the configuration is read again.
    Remove(Which),
    /// Use these in another way, until the configuration is read again. Members of a pool are changed together.
    Change(Which, SourceChange),
    /// Resolve names again, and use other addresses where those in use are not among the answers.
    Refresh,
    /// Forget all measurements and measure anew.
    Reset,
    /// Correct at once what is still to be corrected.
    Step,
    /// Step under other conditions, until the configuration is read again.
    SetStepPolicy(StepPolicy),
    /// Take times that somebody types in, or do not, until the configuration is read again.
    AllowTyped(bool),
    /// Forget the one of this number among those that were typed in, or all.
    ForgetTyped(Option<usize>),
    /// Use the local reference in this way, or not at all, until the configuration is read again.
    SetLocal(Option<LocalConfig>),
    /// Serve these clients, or not, until the configuration is read again. The second field also forgets all rules for parts
    /// of the network.
    SetAccess(AccessRule, bool),
    /// Go on with another configuration; unchanged sources keep their state.
    Reload(Box<EngineConfig>),
    /// Go on with these sources in the place of those of the configuration; unchanged ones keep their state. All else stays as
    /// it is, also what was changed at run time.
    ReloadSources(Vec<SourceConfig>),
}

/// Which sources are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those of this name.
    Named(String),
    /// Those asked at an address that is the same as this one in the bits of the mask.
    Network {
        /// The address.
        address: IpAddr,
        /// The bits that count, as an address of the same family.
        mask: IpAddr,
    },
}

impl Which {
    /// Those asked at this address.
    pub fn address(address: IpAddr) -> Self {
        let mask = match address {
            IpAddr::V4(_) => IpAddr::from([0xff; 4]),
            IpAddr::V6(_) => IpAddr::from([0xff; 16]),
        };
        Self::Network { address, mask }
    }

    /// Whether all sources of this name are meant.
    pub(crate) fn names(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(wanted) => wanted == name,
            Self::Network { .. } => false,
        }
    }

    /// Whether one asked at this address is meant.
    pub(crate) fn covers(&self, remote: IpAddr) -> bool {
        match (self, remote.to_canonical()) {
            (Self::Network { address: IpAddr::V4(address), mask: IpAddr::V4(mask) }, IpAddr::V4(remote)) => {
                address.to_bits() & mask.to_bits() == remote.to_bits() & mask.to_bits()
            }
            (Self::Network { address: IpAddr::V6(address), mask: IpAddr::V6(mask) }, IpAddr::V6(remote)) => {
                address.to_bits() & mask.to_bits() == remote.to_bits() & mask.to_bits()
            }
            _ => false,
        }
    }
}

/// What is to be done in another way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SourceChange {
    /// Shortest poll interval; the longest is raised to it.
    MinPoll(PollExponent),
    /// Longest poll interval; the shortest is lowered to it.
    MaxPoll(PollExponent),
    /// Longest round trip, seconds.
    MaxDelay(f64),
    /// Largest round trip against the smallest.
    MaxDelayRatio(f64),
    /// Stratum that it is taken to have at least, from the next measurement on.
    MinStratum(u8),
    /// Added to every offset, seconds.
    Offset(f64),
    /// Its part in the selection; `None` leaves an option as it is.
    Select {
        /// Preferred.
        prefer: Option<bool>,
        /// Never selected.
        noselect: Option<bool>,
        /// Cannot be outvoted by sources that are not trusted.
        trust: Option<bool>,
        /// Without it nothing is selected.
        require: Option<bool>,
    },
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// There is no source of that name or address; these there are.
    NoSuchSource(Vec<String>),
    /// There is that source already.
    AlreadyKnown,
    /// There is no typed time of that number.
    NoSuchSample,
    /// There are as many sources, or rules, as there may be.
    TooMany,
    /// It needs something that the configuration does not have.
    NotEnabled(&'static str),
    /// It cannot be done now, for this reason.
    NotPossible(&'static str),
}
