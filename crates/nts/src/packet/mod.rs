//! NTS in NTP packets, RFC 8915 §5: requests and replies, both sides.
//!
//! ```text
//!  request                                    reply
//!  header                                     header
//!  unique identifier, 32 random bytes         the same unique identifier
//!  cookie
//!  placeholders, as long as the cookie
//!  authenticator: nonce, tag                  authenticator: nonce, tag, fresh cookies
//! ```
//!
//! The authenticator covers all that is before it; what follows it counts for nothing.
//!
//! A reply is never longer than its request: it has as many cookies as the request has cookies and placeholders, they are
//! as long, and all else is the same.

mod authenticator;
mod client;
mod server;

use truechimer_wire::{FieldType, HEADER_LEN, Packet};

pub use client::{MAX_PLAINTEXT_LEN, Opened, ReplyError, is_nak, open_reply, placeholders, write_request};
pub use server::{
    NakCause, Reject, ServerRequest, UniqueIdentifier, lone_identifier, open_request, write_nak, write_reply,
};

/// Bytes of the unique identifiers that we make, and fewest that we answer (§5.3).
pub const UNIQUE_IDENTIFIER_LEN: usize = 32;
/// Most bytes of a unique identifier that we answer. The RFC has no limit; nobody uses more than 32.
pub const MAX_UNIQUE_IDENTIFIER_LEN: usize = 64;
/// Longest request that we make, bytes. Longer NTP packets are dropped here and there as suspicious.
pub const MAX_REQUEST_LEN: usize = 1024;
/// Bytes of a field's type and length.
const FIELD_HEADER_LEN: usize = 4;

/// Fields up to the authenticator, each of which stands for itself.
#[derive(Default)]
struct Parts<'a> {
    unique_identifier: Option<&'a [u8]>,
    cookie: Option<&'a [u8]>,
    /// The authenticator's value and what it covers.
    authenticator: Option<(&'a [u8], &'a [u8])>,
    /// Whether one of these was there twice.
    repeated: bool,
}

impl<'a> Parts<'a> {
    fn find(packet: &Packet<'a>) -> Self {
        let mut parts = Self::default();
        let mut end = HEADER_LEN;
        for field in packet.fields() {
            let value = Some(field.value);
            match field.field_type {
                FieldType::UNIQUE_IDENTIFIER => {
                    parts.repeated |= parts.unique_identifier.is_some();
                    parts.unique_identifier = value;
                }
                FieldType::NTS_COOKIE => {
                    parts.repeated |= parts.cookie.is_some();
                    parts.cookie = value;
                }
                FieldType::NTS_AUTHENTICATOR => {
                    let covered = packet.bytes().get(..end).unwrap_or_default();
                    parts.authenticator = Some((field.value, covered));
                    return parts; // what follows is nobody's word
                }
                _ => {}
            }
            end += FIELD_HEADER_LEN + field.value.len();
        }
        parts
    }
}
