//! What client and server say in a key exchange, RFC 8915 §4.1, and what they agree upon.
//!
//! # AES-128-GCM-SIV and chrony
//!
//! chrony 4.4 to 4.6 export the keys for AES-128-GCM-SIV in a way of their own: the exporter's context names algorithm 15
//! where §5.1 wants 30. From 4.6.1 on a record of type 1024, empty and not critical, says in the request "I can do it
//! right" and in the response "so we do". We always send it with an offer of that algorithm. Without the answer it is
//! not known which context is meant:
//!
//! * A client takes chrony's and keeps the other as [`ClientAgreement::alternative`]: if an NTS NAK is all that ever comes
//!   of the first keys, the second are to be tried before the next key exchange.
//! * A server that hears no such record chooses another algorithm if it can, and else takes chrony's context.

mod client;
mod exporter;
mod server;

use crate::record::RecordType;

pub use client::{ClientAgreement, ClientOffer, MAX_COOKIES};
pub use exporter::{Direction, EXPORTER_LABEL, Exporter};
pub use server::{Request, Response, ServerPolicy};

/// The application protocol that TLS negotiates (§3).
pub const ALPN: &[u8] = b"ntske/1";
/// The TCP port of key exchange servers (§7.1).
pub const KE_PORT: u16 = 4460;
/// The number of NTPv4 among the next protocols (§7.7).
const NTPV4: u16 = 0;
/// Longest host name that is believed, bytes: that of DNS.
const MAX_HOST_LEN: usize = 255;

/// What an Error record says (§4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u16);

impl ErrorCode {
    /// The request had a critical record of a type that the server does not know.
    pub const UNRECOGNIZED_CRITICAL_RECORD: Self = Self(0);
    /// The request made no sense.
    pub const BAD_REQUEST: Self = Self(1);
    /// The server failed for a reason of its own.
    pub const INTERNAL_SERVER_ERROR: Self = Self(2);
}

/// Why a response is no agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NegotiateError {
    /// The server says so.
    Refused(ErrorCode),
    /// The server warns of something; none is defined, so we do not know of what (§4.1.4).
    Warned(u16),
    /// A critical record of a type that we do not know.
    UnknownCritical(RecordType),
    /// A record's body, or its being there twice, breaks its rules.
    Malformed(RecordType),
    /// The server does not speak NTPv4, or does not say what it speaks.
    NextProtocol,
    /// The server has none of the algorithms that we offered, or does not say which it chose.
    Algorithm,
    /// There is no cookie that can be used.
    NoCookies,
}

/// Big-endian numbers; `None` if the length is odd.
fn numbers(body: &[u8]) -> Option<impl Iterator<Item = u16>> {
    let (pairs, rest) = body.as_chunks();
    rest.is_empty().then(|| pairs.iter().map(|pair| u16::from_be_bytes(*pair)))
}

/// The one number that a body is.
fn number(body: &[u8]) -> Option<u16> {
    body.try_into().ok().map(u16::from_be_bytes)
}

/// A host name or an address without a zone, in characters that are harmless everywhere (§4.1.7).
fn host(body: &[u8]) -> Option<String> {
    let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:".contains(byte);
    let text = str::from_utf8(body).ok()?;
    ((1..=MAX_HOST_LEN).contains(&body.len()) && body.iter().all(harmless)).then(|| text.to_owned())
}

/// Puts a value where there is none yet.
fn once<T>(place: &mut Option<T>, value: Option<T>) -> Option<()> {
    if place.is_some() {
        return None;
    }
    *place = Some(value?);
    Some(())
}

#[cfg(test)]
mod tests;
