//! What became of connections.

use std::collections::BTreeMap;

use truechimer_nts_ke::ServerFault;

use super::connection::Outcome;

/// How many kinds of [`ServerFault`] are counted.
pub(crate) const FAULTS: usize = 10;

/// Sums since the start, but for what says something else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Open now.
    pub(crate) open: u64,
    /// Connections that came.
    pub(crate) accepted: u64,
    /// Clients that got keys.
    pub(crate) exchanged: u64,
    /// Not in the access list.
    pub(crate) denied: u64,
    /// The caller had too many at a time.
    pub(crate) too_many: u64,
    /// The caller came too often.
    pub(crate) too_fast: u64,
    /// Had to make room for others.
    pub(crate) crowded_out: u64,
    /// Took too long.
    pub(crate) timed_out: u64,
    /// How often `accept` failed for want of descriptors or memory.
    pub(crate) shortages: u64,
    /// Failed in a certain way, in the order of [`FAULT_NAMES`].
    pub(crate) faults: [u64; FAULTS],
}

impl Counters {
    pub(super) fn count(&mut self, outcome: Outcome) {
        match outcome {
            Ok(()) => self.exchanged += 1,
            Err(fault) => {
                if let Some(count) = self.faults.get_mut(index(fault)) {
                    *count += 1;
                }
            }
        }
    }
}

impl Counters {
    /// Connections that came to nothing, by reason.
    pub(crate) fn failures(&self) -> BTreeMap<String, u64> {
        let caps = [
            ("denied", self.denied),
            ("too_many", self.too_many),
            ("too_fast", self.too_fast),
            ("crowded_out", self.crowded_out),
            ("timed_out", self.timed_out),
        ];
        let faults = FAULT_NAMES.into_iter().zip(self.faults);
        caps.into_iter()
            .chain(faults)
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| (name.to_owned(), count))
            .collect()
    }
}

const fn index(fault: ServerFault) -> usize {
    match fault {
        ServerFault::NotTls => 0,
        ServerFault::TlsVersion => 1,
        ServerFault::NoApplicationProtocol => 2,
        ServerFault::Alert(_) => 3,
        ServerFault::Tls => 4,
        ServerFault::TooMuch => 5,
        ServerFault::Closed => 6,
        ServerFault::Request => 7,
        ServerFault::NothingInCommon => 8,
        ServerFault::Internal => 9,
    }
}

/// Names in reports.
const FAULT_NAMES: [&str; FAULTS] = [
    "not_tls",
    "tls_version",
    "no_application_protocol",
    "alert",
    "tls",
    "too_much",
    "closed",
    "request",
    "nothing_in_common",
    "internal",
];
