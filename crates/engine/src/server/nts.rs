//! Requests with NTS (RFC 8915 §5.7): opened with the key ring, answered with fresh cookies.
//!
//! The seal of a reply covers its transmit timestamp, so it is made last, when the reply is stamped. Replies are stamped in
//! batches: what is needed for the seal waits in a slot until then, and the transmit timestamp's place says in which.

use std::fmt;
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use truechimer_nts::KeyRing;
use truechimer_nts::packet::{self, Reject, ServerRequest, UniqueIdentifier};
use truechimer_time::{Mono, NtpTimestamp};
use truechimer_wire::mac::TRUNCATED_DIGEST_LEN;
use truechimer_wire::{FieldType, Fields, HEADER_LEN, Header, KEY_ID_LEN, Packet};

use super::reason::DropReason;

/// Replies that can wait for their seal at a time: those of the largest batch.
pub(super) const SLOTS: usize = 64;
/// Refusals a second, and at once: enough for the clients of a server that lost its keys to notice soon, and too few to
/// be of use to somebody who sends forgeries.
const NAKS: f64 = 1000.0;
/// Bytes of a field's type and length.
const FIELD_HEADER_LEN: usize = 4;
/// The shortest reply with a unique identifier.
const MIN_REPLY_LEN: usize = HEADER_LEN + FIELD_HEADER_LEN + packet::UNIQUE_IDENTIFIER_LEN;
/// The longest MAC in version 4. The shortest seal has 40 bytes.
const MAX_MAC_LEN: usize = KEY_ID_LEN + TRUNCATED_DIGEST_LEN;

/// What a request's NTS fields ask for.
pub(super) enum Asked {
    /// The time, sealed.
    Sealed(ServerRequest),
    /// To be refused.
    Nak(UniqueIdentifier),
}

/// A reply that waits for its seal.
struct Slot {
    number: u64,
    header: Header,
    request: ServerRequest,
}

/// The key ring, and what waits to be sealed with the keys that it opened.
pub(super) struct Sealer {
    ring: Arc<KeyRing>,
    random: ChaCha20Rng,
    slots: Vec<Option<Slot>>,
    number: u64,
    naks: f64,
    refilled: Mono,
}

impl Sealer {
    pub(super) fn new(ring: Arc<KeyRing>, seed: [u8; 32]) -> Self {
        Self {
            ring,
            random: ChaCha20Rng::from_seed(seed),
            slots: (0..SLOTS).map(|_| None).collect(),
            number: 0,
            naks: NAKS,
            refilled: Mono::from_nanos(0),
        }
    }

    /// Other keys from now on. What waits for its seal is sealed all the same.
    pub(super) fn handle_key_ring(&mut self, ring: Arc<KeyRing>, seed: [u8; 32]) {
        self.ring = ring;
        self.random = ChaCha20Rng::from_seed(seed);
    }

    /// What a request asks for; `None` if it is one without NTS.
    pub(super) fn open(&mut self, request: &Packet<'_>, now: Mono) -> Result<Option<Asked>, DropReason> {
        match packet::open_request(request, &self.ring) {
            Ok(opened) => Ok(Some(Asked::Sealed(opened))),
            Err(Reject::NotNts) => Ok(None),
            Err(Reject::Malformed) => Err(DropReason::NtsFormat),
            Err(Reject::Nak { unique_identifier, .. }) if self.may_refuse(now) => {
                Ok(Some(Asked::Nak(unique_identifier)))
            }
            Err(Reject::Nak { .. }) => Err(DropReason::NtsNakRate),
        }
    }

    /// Keeps what the seal needs, and marks the reply. Gives the length that it will have.
    pub(super) fn put(
        &mut self,
        mut header: Header,
        request: ServerRequest,
        buffer: &mut [u8],
    ) -> Option<usize> {
        let len = request.reply_len();
        buffer.get(..len)?;
        self.number = self.number.wrapping_add(1);
        let number = self.number;
        header.transmit_timestamp = NtpTimestamp::from_bits(number);
        *buffer.first_chunk_mut()? = header.write();
        let slot = self.slots.get_mut((number % SLOTS as u64) as usize)?;
        *slot = Some(Slot { number, header, request });
        Some(len)
    }

    /// Seals a reply that was marked, with its transmit timestamp. One whose slot was taken by another meanwhile stays
    /// without a seal, and its client drops it.
    pub(super) fn seal(&mut self, reply: &mut [u8], transmit: NtpTimestamp) {
        let Some(number) = Header::parse(reply).map(|header| header.transmit_timestamp.bits()) else {
            return;
        };
        let slot = self.slots.get_mut((number % SLOTS as u64) as usize);
        let Some(slot) = slot.and_then(|slot| slot.take_if(|slot| slot.number == number)) else { return };
        let header = Header { transmit_timestamp: transmit, ..slot.header };
        // The length was measured before.
        let _ = packet::write_reply(reply, &header, &slot.request, &self.ring, &mut self.random);
    }

    fn may_refuse(&mut self, now: Mono) -> bool {
        self.naks = (self.naks + now.seconds_since(self.refilled) * NAKS).min(NAKS);
        self.refilled = now;
        let may = self.naks >= 1.0;
        if may {
            self.naks -= 1.0;
        }
        may
    }
}

/// How much of a reply comes before its MAC, by its form alone; `None` if it waits for its seal, or has got it.
///
/// In version 4, no MAC makes a reply so long as one with a unique identifier, and no seal is as short as a MAC.
pub(super) fn unsealed_len(reply: &[u8]) -> Option<usize> {
    if reply.len() < MIN_REPLY_LEN || reply.first().is_none_or(|first| first >> 3 & 7 != 4) {
        return Some(HEADER_LEN);
    }
    let field = Fields::new(reply.get(HEADER_LEN..)?).next()?;
    let covered = HEADER_LEN + FIELD_HEADER_LEN + field.value.len();
    let rest = reply.len() - covered;
    (field.field_type == FieldType::UNIQUE_IDENTIFIER && rest <= MAX_MAC_LEN).then_some(covered)
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("keys", &self.ring.len()).finish_non_exhaustive()
    }
}
