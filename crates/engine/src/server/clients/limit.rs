//! How often a client is answered.

use truechimer_time::Mono;

use super::hash::hash;
use super::{ClientTable, Network, Place};

/// What a request gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::server) enum Judgement {
    /// An answer.
    Answer,
    /// To be told to ask no more often than this, seconds.
    Kiss(f64),
    /// Nothing.
    Drop,
}

/// Who sent a request, for all that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Sender {
    /// Whoever has its address, or forges it.
    Anybody,
    /// One of those who have this key.
    Key(u32),
    /// Whoever exchanged these keys. Its cookies are good from any address, so with an address in the name of the bucket, a
    /// client could use up those of others; and to have many names it must exchange keys as often.
    Nts([u8; 16]),
}

impl ClientTable {
    /// Whether the request that was entered there, at `now`, is within the limits. Only what is answered counts.
    pub(in crate::server) fn judge(&mut self, place: Option<Place>, sender: Sender, now: Mono) -> Judgement {
        let Some(limit) = self.limit else { return Judgement::Answer };
        let now = now.nanos();
        let Some(full) = self.bucket(place, sender) else { return Judgement::Answer };
        // A bucket of `burst` tokens, one an interval: after each answer it is full one interval later.
        let spare = limit.interval_ns.saturating_mul(u64::from(limit.burst).saturating_sub(1));
        let from = (*full).max(now);
        if from - now <= spare {
            *full = from.saturating_add(limit.interval_ns);
            return Judgement::Answer;
        }
        if self.one_of(limit.leak) {
            Judgement::Answer
        } else if limit.kiss.is_some_and(|kiss| self.one_of(kiss)) {
            Judgement::Kiss(limit.interval_ns as f64 * 1e-9)
        } else {
            Judgement::Drop
        }
    }

    /// Where it is kept when the bucket of a sender will be full again. Two who prove who they are may share one, by chance that
    /// nobody can help along.
    fn bucket(&mut self, place: Option<Place>, sender: Sender) -> Option<&mut u64> {
        let name = match sender {
            Sender::Anybody => return self.entry(place).map(|entry| &mut entry.full_ns),
            // Mapped addresses have zeros where the identifier is put.
            Sender::Key(id) => {
                let network = Network::of(self.entry(place)?.address.into());
                (network.0 ^ u128::from(id) << 64).to_be_bytes()
            }
            Sender::Nts(name) => name,
        };
        let mask = self.proven.len().checked_sub(1)?;
        self.proven.get_mut(hash(&self.random, name) as usize & mask)
    }

    /// At random, once in so many times.
    fn one_of(&mut self, many: u32) -> bool {
        self.choices = self.choices.wrapping_add(1);
        let number = hash(&self.key, (u128::from(self.choices) | 1 << 127).to_be_bytes());
        // The upper half, spread over `many`: the bias is below one in 2^32.
        ((number >> 32) * u64::from(many)) >> 32 == 0
    }
}
