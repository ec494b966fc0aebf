//! What was counted at one association: the only thing that a refused packet changes (I8).

use std::collections::BTreeMap;
use std::fmt;

use crate::check::Check;

/// Counters and the last complaint.
#[derive(Clone, Default)]
pub(crate) struct Counters {
    pub(crate) sent: u64,
    pub(crate) accepted: u64,
    pub(crate) kisses: u64,
    dropped: [u64; Check::ALL.len()],
    /// The check that the last reply failed, if none was accepted since and none of these requests ended.
    complaint: Option<Check>,
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
    }

    /// Why the reply to the request that ends now was refused; forgeries that match no request say nothing of
    /// the server.
    pub(crate) fn take_complaint(&mut self) -> Option<Check> {
        self.complaint.take().filter(|check| *check > Check::Origin)
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
