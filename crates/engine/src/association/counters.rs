//! What was counted at one association: the only thing that a refused packet changes (I8).

use std::collections::BTreeMap;
use std::fmt;

use super::LastPacket;
use crate::check::{Check, Seen};
use crate::io::Token;

/// Counters and the last complaint.
#[derive(Clone, Default)]
pub(crate) struct Counters {
    pub(crate) sent: u64,
    pub(crate) accepted: u64,
    pub(crate) kisses: u64,
    dropped: [u64; Check::ALL.len()],
    /// The check that the last reply failed, if none was accepted since and none of these requests ended.
    complaint: Option<Check>,
    /// The last request, if it was said that nothing listens where it went.
    closed: Option<Token>,
    /// The last answer to a request that was of no use.
    refused: Option<Refused>,
}

/// An answer that failed a check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    /// Counts them, so that a new one is told from the one before.
    pub(crate) number: u64,
    pub(crate) check: Check,
    pub(crate) seen: Seen,
    pub(crate) packet: LastPacket,
    /// Offset against the clock and round trip, seconds, if it got so far as to be measured.
    pub(crate) measured: Option<[f64; 2]>,
}

impl Counters {
    pub(crate) fn drop(&mut self, check: Check) {
        if let Some(count) = self.dropped.get_mut(check as usize) {
            *count = count.saturating_add(1);
        }
        self.complaint = Some(check);
    }

    pub(crate) fn accept(&mut self) {
        self.accepted = self.accepted.saturating_add(1);
        self.complaint = None;
        self.closed = None;
    }

    pub(crate) fn close_port(&mut self, token: Token) {
        self.closed = Some(token);
    }

    /// A request ended without an answer, and maybe without a word on the port.
    pub(crate) fn forget_closed_port(&mut self, token: Token) {
        self.closed = self.closed.filter(|closed| *closed == token);
    }

    pub(crate) fn is_port_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// Why the reply to the request that ends now was refused; forgeries that match no request say nothing of
    /// the server.
    pub(crate) fn take_complaint(&mut self) -> Option<Check> {
        self.complaint.take().filter(|check| *check > Check::Origin)
    }

    /// One answer to a request, and a second one only if that got farther: forgers shall not fill a log.
    pub(crate) fn refuse(&mut self, refused: Refused) {
        let before = self.refused.map(|before| (before.seen.token, before.check));
        if before.is_some_and(|(token, check)| token == refused.seen.token && check >= refused.check) {
            return;
        }
        let number = self.refused.map_or(0, |before| before.number).saturating_add(1);
        self.refused = Some(Refused { number, ..refused });
    }

    pub(crate) fn refused(&self) -> Option<&Refused> {
        self.refused.as_ref()
    }

    /// By name; only checks that ever failed.
    pub(crate) fn dropped(&self) -> BTreeMap<String, u64> {
        let named = Check::ALL.iter().zip(self.dropped);
        named.filter(|(_, count)| *count > 0).map(|(check, count)| (check.name().to_owned(), count)).collect()
    }
}

/// Not part of the state that is compared before and after a refused packet, so it shows nothing.
impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counters")
    }
}
