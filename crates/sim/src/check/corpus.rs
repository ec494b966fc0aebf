//! What everybody on the way sees of a host's requests with NTS: nothing of it may come twice (AT-21).

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use truechimer_wire::{FieldType, Packet};

/// Everything that was seen so far, by its hash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Corpus {
    seen: HashSet<u64>,
    requests: u64,
    repeated: u64,
}

impl Corpus {
    /// A request leaves. Its transmit timestamp, unique identifier, cookie, nonce and tag are looked at.
    pub(crate) fn request(&mut self, bytes: &[u8]) {
        let Ok(packet) = Packet::parse(bytes) else { return };
        let of_nts =
            |field: FieldType| field == FieldType::UNIQUE_IDENTIFIER || field == FieldType::NTS_COOKIE;
        let mut traces: Vec<&[u8]> = bytes.get(40..48).into_iter().collect();
        for field in packet.fields() {
            if of_nts(field.field_type) {
                traces.push(field.value);
            } else if field.field_type == FieldType::NTS_AUTHENTICATOR {
                traces.extend(field.value.get(4..16));
                traces.extend(field.value.get(16..));
            }
        }
        self.requests += u64::from(traces.len() > 1);
        for trace in traces {
            let mut hasher = DefaultHasher::new();
            trace.hash(&mut hasher);
            self.repeated += u64::from(!self.seen.insert(hasher.finish()));
        }
    }

    /// Requests with NTS, and how many values came more than once.
    pub(crate) const fn result(&self) -> (u64, u64) {
        (self.requests, self.repeated)
    }
}
