//! The client's side, RFC 8915 §5.7.

use rand_core::CryptoRng;
use truechimer_wire::{FieldType, Fields, HEADER_LEN, Header, KissCode, NoRoom, Packet, PacketWriter};

use super::authenticator::{self, Authenticator};
use super::{FIELD_HEADER_LEN, MAX_REQUEST_LEN, Parts, UNIQUE_IDENTIFIER_LEN};
use crate::aead::{Aead, Algorithm, MAX_NONCE_LEN, TAG_LEN};
use crate::jar::{Cookie, JAR_CAPACITY, MAX_COOKIE_LEN, is_usable_cookie};

/// Bytes that are needed to open any reply that can be of use: eight of the longest cookies.
pub const MAX_PLAINTEXT_LEN: usize = TAG_LEN + JAR_CAPACITY * (FIELD_HEADER_LEN + MAX_COOKIE_LEN);
/// What a placeholder says.
const ZEROS: [u8; MAX_COOKIE_LEN] = [0; MAX_COOKIE_LEN];

/// Why a packet is no reply to the request: it is dropped, and nothing else comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplyError {
    /// It does not have the request's unique identifier, exactly once.
    UniqueIdentifier,
    /// It is not authenticated.
    NoAuthenticator,
    /// The authenticator's lengths make no sense.
    Malformed,
    /// It was not sealed with the server's key.
    Forged,
}

/// How many placeholders to send when the jar has `left` cookies after one was taken out: with the cookie itself, as many
/// as are missing of eight, but no more than fit into [`MAX_REQUEST_LEN`].
pub fn placeholders(left: usize, cookie_len: usize, algorithm: Algorithm) -> usize {
    let field = FIELD_HEADER_LEN + cookie_len;
    let others =
        HEADER_LEN + FIELD_HEADER_LEN + UNIQUE_IDENTIFIER_LEN + authenticator::field_len(algorithm, 0);
    let fit = MAX_REQUEST_LEN.saturating_sub(others + field) / field;
    JAR_CAPACITY.saturating_sub(1 + left).min(fit)
}

/// Writes a request and gives its length. The unique identifier and the cookie must never have been used before; the
/// header should tell nothing about the client ([`Header::request`]).
///
/// # Errors
/// [`NoRoom`] if the buffer is too short: [`MAX_REQUEST_LEN`] is enough for as many [`placeholders`] as there should be.
pub fn write_request(
    buffer: &mut [u8],
    header: &Header,
    unique_identifier: &[u8; UNIQUE_IDENTIFIER_LEN],
    cookie: &Cookie,
    placeholders: usize,
    c2s: &Aead,
    random: &mut impl CryptoRng,
) -> Result<usize, NoRoom> {
    let mut writer = PacketWriter::new(buffer, header)?;
    writer.field(FieldType::UNIQUE_IDENTIFIER, unique_identifier)?;
    writer.field(FieldType::NTS_COOKIE, cookie.as_bytes())?;
    let placeholder = ZEROS.get(..cookie.as_bytes().len()).unwrap_or_default();
    for _ in 0..placeholders.min(JAR_CAPACITY - 1) {
        writer.field(FieldType::NTS_COOKIE_PLACEHOLDER, placeholder)?;
    }
    let covered = writer.written().len();
    let algorithm = c2s.algorithm();
    let mut nonce = [0; MAX_NONCE_LEN];
    let nonce = nonce.get_mut(..algorithm.nonce_len()).unwrap_or_default();
    random.fill_bytes(nonce);
    let nothing = |_: &mut [u8]| Some(());
    authenticator::write(buffer, covered, algorithm, nonce, 0, nothing, |nonce, aad, message| {
        c2s.seal(nonce, aad, message)
    })
}

/// What a reply had for the client's eyes only.
#[derive(Clone, Copy, Debug)]
pub struct Opened<'s> {
    plaintext: &'s [u8],
}

impl<'s> Opened<'s> {
    /// Fresh cookies: at most eight, each fit for a [`CookieJar`](crate::CookieJar).
    pub fn cookies(&self) -> impl Iterator<Item = &'s [u8]> + use<'s> {
        let cookies = Fields::new(self.plaintext).filter(|field| field.field_type == FieldType::NTS_COOKIE);
        cookies.map(|field| field.value).filter(|cookie| is_usable_cookie(cookie)).take(JAR_CAPACITY)
    }
}

/// Checks that a packet is the server's reply to the request with this identifier, and opens what is sealed in it.
/// `scratch` is where that goes: [`MAX_PLAINTEXT_LEN`] bytes are enough.
///
/// # Errors
/// [`ReplyError`].
pub fn open_reply<'s>(
    packet: &Packet<'_>,
    unique_identifier: &[u8; UNIQUE_IDENTIFIER_LEN],
    s2c: &Aead,
    scratch: &'s mut [u8],
) -> Result<Opened<'s>, ReplyError> {
    let parts = Parts::find(packet);
    if parts.repeated || parts.unique_identifier != Some(unique_identifier) {
        return Err(ReplyError::UniqueIdentifier);
    }
    let (value, covered) = parts.authenticator.ok_or(ReplyError::NoAuthenticator)?;
    let sealed = Authenticator::parse(value).ok_or(ReplyError::Malformed)?;
    let message = scratch.get_mut(..sealed.ciphertext.len()).ok_or(ReplyError::Malformed)?;
    message.copy_from_slice(sealed.ciphertext);
    let plaintext = s2c.open(sealed.nonce, covered, message).map_err(|_| ReplyError::Forged)?;
    Ok(Opened { plaintext })
}

/// Whether a packet is the NTS NAK for the request with this identifier: the server could not open its cookie. Only
/// somebody who saw the request can make one, but it is not authenticated: it must not be believed while the server's
/// true reply may still come (§5.7).
pub fn is_nak(packet: &Packet<'_>, unique_identifier: &[u8; UNIQUE_IDENTIFIER_LEN]) -> bool {
    let parts = Parts::find(packet);
    packet.header().kiss_code() == Some(KissCode::NtsNak)
        && !parts.repeated
        && parts.unique_identifier == Some(unique_identifier)
        && parts.authenticator.is_none()
}
