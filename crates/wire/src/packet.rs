//! A whole packet: header, extension fields, message authentication code.
//!
//! Nothing in a packet says where its extension fields end and its MAC begins, so the lengths decide. The rules,
//! from RFC 5905 §7.3 and §7.5 and RFC 7822 §7.5.1.4:
//!
//! * In versions 1 to 3 there are no extension fields; all that follows the header is the MAC.
//! * In version 4, when 20 or 24 bytes are left they are a MAC (a key identifier and a digest of 16 or 20 bytes;
//!   longer digests are truncated to 20 by those who use them). When 28 or more are left, an extension field follows.
//! * Four bytes of zero at the end are a crypto-NAK: a MAC with key 0 and no digest.
//! * Anything else is malformed.

use crate::extension::{Field, FieldError, Fields, MAX_FIELDS, MIN_LAST_FIELD_LEN};
use crate::header::{HEADER_LEN, Header, Mode};

/// Bytes of the key identifier at the start of a MAC.
pub const KEY_ID_LEN: usize = 4;
/// Shortest digest, in NTPv1 to v3: the DES checksum of RFC 1119.
const MIN_OLD_DIGEST_LEN: usize = 8;
/// Longest digest, in NTPv1 to v3: SHA-512 (RFC 8573 tells what is in use).
const MAX_OLD_DIGEST_LEN: usize = 64;

/// A checked view of a packet of version 1 to 4 and mode 0 to 5.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    bytes: &'a [u8],
    header: Header,
    fields_end: usize,
    mac: Option<Mac<'a>>,
}

/// A message authentication code as it came: nothing is known of its truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac<'a> {
    /// Which key the digest was made with; 0 is none.
    pub key_id: u32,
    /// The digest; empty in a crypto-NAK.
    pub digest: &'a [u8],
}

/// Why bytes are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParseError {
    /// Fewer than 48 bytes.
    Short,
    /// A version other than 1 to 4: the rest may mean anything.
    Version,
    /// Mode 6 or 7, which have formats of their own.
    Mode,
    /// An extension field's length is below 16, not a multiple of four, or beyond the end of the packet.
    FieldLength,
    /// More than [`MAX_FIELDS`] extension fields.
    TooManyFields,
    /// What follows is neither an extension field nor a MAC.
    Trailing,
}

impl ParseError {
    /// A word for counters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Version => "version",
            Self::Mode => "mode",
            Self::FieldLength => "field_length",
            Self::TooManyFields => "too_many_fields",
            Self::Trailing => "trailing",
        }
    }
}

impl Mac<'_> {
    /// Whether a server says that it could not verify the request (RFC 5905 §7.3). Anybody can send that.
    pub const fn is_crypto_nak(&self) -> bool {
        self.key_id == 0 && self.digest.is_empty()
    }
}

impl<'a> Packet<'a> {
    /// Checks the format in one pass over at most [`MAX_FIELDS`] fields.
    ///
    /// # Errors
    /// The first rule of the format that is broken.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let header = Header::parse(bytes).ok_or(ParseError::Short)?;
        if !(1..=4).contains(&header.version) {
            return Err(ParseError::Version);
        }
        if matches!(header.mode, Mode::Control | Mode::Private) {
            return Err(ParseError::Mode);
        }
        let tail = bytes.get(HEADER_LEN..).unwrap_or_default();
        let (fields_len, mac) =
            if header.version < 4 { (0, parse_old_mac(tail)?) } else { parse_tail(tail)? };
        Ok(Self { bytes, header, fields_end: HEADER_LEN + fields_len, mac })
    }

    /// The header.
    pub const fn header(&self) -> Header {
        self.header
    }

    /// The extension fields in their order; none in versions below 4.
    pub fn fields(&self) -> Fields<'a> {
        Fields::new(self.bytes.get(HEADER_LEN..self.fields_end).unwrap_or_default())
    }

    /// The MAC, if there is one.
    pub const fn mac(&self) -> Option<Mac<'a>> {
        self.mac
    }

    /// What a MAC is made of: everything before it.
    pub fn covered(&self) -> &'a [u8] {
        self.bytes.get(..self.fields_end).unwrap_or_default()
    }

    /// All bytes.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// NTPv4: fields, then perhaps a MAC. Gives the length of the fields.
fn parse_tail(tail: &[u8]) -> Result<(usize, Option<Mac<'_>>), ParseError> {
    let mut rest = tail;
    for _ in 0..=MAX_FIELDS {
        let fields_len = tail.len() - rest.len();
        match rest.len() {
            0 => return Ok((fields_len, None)),
            4 | 20 | 24 => return Ok((fields_len, Some(parse_mac(rest)?))),
            len if len < MIN_LAST_FIELD_LEN => return Err(ParseError::Trailing),
            _ => {}
        }
        (_, rest) = Field::split(rest).map_err(|error| match error {
            FieldError::Cut => ParseError::Trailing,
            FieldError::Length => ParseError::FieldLength,
        })?;
    }
    Err(ParseError::TooManyFields)
}

/// NTPv1 to v3: nothing but perhaps a MAC.
fn parse_old_mac(tail: &[u8]) -> Result<Option<Mac<'_>>, ParseError> {
    const MIN: usize = KEY_ID_LEN + MIN_OLD_DIGEST_LEN;
    const MAX: usize = KEY_ID_LEN + MAX_OLD_DIGEST_LEN;
    match tail.len() {
        0 => Ok(None),
        KEY_ID_LEN => parse_mac(tail).map(Some),
        len @ MIN..=MAX if len.is_multiple_of(4) => parse_mac(tail).map(Some),
        _ => Err(ParseError::Trailing),
    }
}

/// Key identifier and digest. Without a digest only key 0 makes sense.
fn parse_mac(bytes: &[u8]) -> Result<Mac<'_>, ParseError> {
    let (key_id, digest) = bytes.split_first_chunk().ok_or(ParseError::Trailing)?;
    let mac = Mac { key_id: u32::from_be_bytes(*key_id), digest };
    if mac.digest.is_empty() && mac.key_id != 0 { Err(ParseError::Trailing) } else { Ok(mac) }
}

#[cfg(test)]
mod tests;
