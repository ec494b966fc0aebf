//! What is answered, before it is authenticated.

use truechimer_nts::packet::UniqueIdentifier;
use truechimer_time::{Cooked, Leap, Now, NtpShort, NtpTimestamp, Stamp};
use truechimer_wire::{FieldType, Header, KissCode, Mode, PacketWriter, ReferenceId};

use super::clients::Sender;
use super::nts::Asked;
use super::{STRATUM_UNSYNCHRONISED, Served};

/// A request that will be answered.
pub(super) struct Request {
    pub(super) header: Header,
    pub(super) reply_mode: Mode,
    /// To be repeated in a reply without NTS.
    pub(super) identifier: Option<UniqueIdentifier>,
    pub(super) proof: Proof,
    /// Its client is to be told to ask no more often than this, seconds.
    pub(super) kiss_s: Option<f64>,
}

/// The header, and the identifier behind it.
pub(super) fn write_plain(
    reply: &Header,
    identifier: Option<UniqueIdentifier>,
    buffer: &mut [u8],
) -> Option<usize> {
    let mut writer = PacketWriter::new(buffer, reply).ok()?;
    if let Some(identifier) = identifier {
        writer.field(FieldType::UNIQUE_IDENTIFIER, identifier.as_bytes()).ok()?;
    }
    Some(writer.written().len())
}

/// How the reply is authenticated: like the request.
#[allow(clippy::large_enum_variant)] // a box would be an allocation for each request
pub(super) enum Proof {
    None,
    Mac {
        key_id: u32,
        digest_len: usize,
    },
    /// By the domain controller, with the key that the request names.
    Signature,
    Nts(Asked),
}

impl Proof {
    /// Who can have sent the request.
    pub(super) fn sender(&self) -> Sender {
        match self {
            Self::Mac { key_id, .. } => Sender::Key(*key_id),
            Self::Nts(Asked::Sealed(request)) => {
                let key = request.keys().c2s().bytes();
                key.first_chunk().map_or(Sender::Anybody, |name| Sender::Nts(*name))
            }
            Self::None | Self::Signature | Self::Nts(Asked::Nak(_)) => Sender::Anybody,
        }
    }
}

/// The reply but for its transmit timestamp, which [`Responder::stamp`] makes exact.
pub(super) fn reply(request: &Request, received: Stamp, served: &Served, now: Now) -> Header {
    let unsynchronised = served.leap == Leap::Unsynchronised || served.stratum >= STRATUM_UNSYNCHRONISED;
    let (leap, stratum) = if unsynchronised {
        (Leap::Unsynchronised, STRATUM_UNSYNCHRONISED)
    } else {
        (served.leap, served.stratum)
    };
    // The receive stamp's own error needs no place here: a stamp taken late by e makes the round trip that the client
    // computes longer by e, and half of that is in the client's bound.
    let age_s = (now.cooked - served.as_of).seconds().max(0.0);
    let root_dispersion_s = served.root_dispersion_s + served.dispersion_rate * age_s;
    Header {
        leap,
        version: request.header.version,
        mode: request.reply_mode,
        stratum,
        poll: request.header.poll,
        precision: served.precision,
        root_delay: NtpShort::from_seconds_up(served.root_delay_s),
        root_dispersion: NtpShort::from_seconds_up(root_dispersion_s),
        reference_id: served.reference_id,
        reference_timestamp: served.reference_time.timestamp(),
        origin_timestamp: request.header.transmit_timestamp,
        receive_timestamp: timestamp(received.at),
        transmit_timestamp: timestamp(received.at.max(now.cooked)),
    }
}

/// The same reply as a kiss of death that bids to ask less often (RFC 5905 §7.4): it tells no time. The poll field has the
/// interval, as ntpd's does, and clients go by the larger of it and their own.
pub(super) fn kiss(reply: Header, interval_s: f64) -> Header {
    let interval = interval_s.log2().ceil().clamp(0.0, 17.0) as i8;
    Header {
        leap: Leap::Unsynchronised,
        stratum: 0,
        poll: reply.poll.max(interval),
        root_delay: NtpShort::from_bits(0),
        root_dispersion: NtpShort::from_bits(0),
        reference_id: ReferenceId::from(KissCode::Rate),
        reference_timestamp: NtpTimestamp::from_bits(0),
        ..reply
    }
}

/// A stamp that a packet carries. The first unit of an era would read "unknown", so it becomes the second.
pub(super) fn timestamp(at: Cooked) -> NtpTimestamp {
    let timestamp = at.timestamp();
    if timestamp.is_zero() { NtpTimestamp::from_bits(1) } else { timestamp }
}
