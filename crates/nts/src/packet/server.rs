//! The server's side, RFC 8915 §5.7. Nothing is allocated, and nothing is remembered of a client.

use rand_core::CryptoRng;
use truechimer_wire::{
    FieldType, Fields, HEADER_LEN, Header, KissCode, Leap, Mode, NoRoom, Packet, PacketWriter,
};

use super::authenticator::{self, Authenticator};
use super::{FIELD_HEADER_LEN, MAX_REQUEST_LEN, MAX_UNIQUE_IDENTIFIER_LEN, Parts, UNIQUE_IDENTIFIER_LEN};
use crate::aead::{Key, MAX_NONCE_LEN, TAG_LEN, open_once, seal_once};
use crate::cookie::{COOKIE_RANDOM_LEN, CookieError, cookie_len};
use crate::jar::JAR_CAPACITY;
use crate::keys::Keys;
use crate::ring::KeyRing;

/// Why a request is not answered with the authenticated time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    /// It does not ask for NTS.
    NotNts,
    /// It asks for NTS and breaks its rules: to be dropped.
    Malformed,
    /// It is to be answered with [`write_nak`]: the client must do another key exchange.
    Nak {
        /// Why, for counters: the client is not told.
        cause: NakCause,
        /// What the answer must repeat.
        unique_identifier: UniqueIdentifier,
    },
}

/// Why the answer is an NTS NAK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NakCause {
    /// The cookie could not be opened.
    Cookie(CookieError),
    /// The request was not sealed with the key in the cookie.
    Forged,
}

/// A client's unique identifier: 32 to 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UniqueIdentifier {
    bytes: [u8; MAX_UNIQUE_IDENTIFIER_LEN],
    len: usize,
}

impl UniqueIdentifier {
    fn new(value: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_UNIQUE_IDENTIFIER_LEN];
        bytes.get_mut(..value.len())?.copy_from_slice(value);
        (value.len() >= UNIQUE_IDENTIFIER_LEN).then_some(Self { bytes, len: value.len() })
    }

    /// The identifier.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// The unique identifier of a client's request without NTS, which must be in its reply all the same (§5.3); `None` if there
/// is none that could be one.
pub fn lone_identifier(packet: &Packet<'_>) -> Option<UniqueIdentifier> {
    let parts = Parts::find(packet);
    let usable = packet.header().mode == Mode::Client && !parts.repeated;
    parts.unique_identifier.filter(|_| usable).and_then(UniqueIdentifier::new)
}

/// A request that was made with the keys in its cookie.
#[derive(Clone, Debug)]
pub struct ServerRequest {
    keys: Keys,
    unique_identifier: UniqueIdentifier,
    /// 1 to 8.
    cookies_wanted: usize,
    /// Bytes of the whole request.
    len: usize,
}

impl ServerRequest {
    /// How many cookies the client wants, 1 to 8.
    pub const fn cookies_wanted(&self) -> usize {
        self.cookies_wanted
    }

    /// The keys of the client.
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The unique identifier.
    pub const fn unique_identifier(&self) -> &UniqueIdentifier {
        &self.unique_identifier
    }

    /// Bytes of the reply: never more than the request had.
    pub fn reply_len(&self) -> usize {
        let field_len = FIELD_HEADER_LEN + cookie_len(self.keys.algorithm());
        self.len_without_cookies() + self.cookies_given() * field_len
    }

    /// How many cookies fit into the reply, of those that are wanted.
    fn cookies_given(&self) -> usize {
        let field_len = FIELD_HEADER_LEN + cookie_len(self.keys.algorithm());
        self.cookies_wanted.min(self.len.saturating_sub(self.len_without_cookies()) / field_len)
    }

    fn len_without_cookies(&self) -> usize {
        let unique_identifier = FIELD_HEADER_LEN + self.unique_identifier.len;
        HEADER_LEN + unique_identifier + authenticator::field_len(self.keys.algorithm(), 0)
    }
}

/// Opens a request. One key is expanded and two messages are opened, however many fields the request has.
///
/// # Errors
/// [`Reject`].
pub fn open_request(packet: &Packet<'_>, ring: &KeyRing) -> Result<ServerRequest, Reject> {
    let parts = Parts::find(packet);
    if parts.cookie.is_none() && parts.authenticator.is_none() {
        return Err(Reject::NotNts);
    }
    let header = packet.header();
    let (cookie, (value, covered)) = parts.cookie.zip(parts.authenticator).ok_or(Reject::Malformed)?;
    let unique_identifier =
        parts.unique_identifier.and_then(UniqueIdentifier::new).ok_or(Reject::Malformed)?;
    let sealed = Authenticator::parse(value).ok_or(Reject::Malformed)?;
    if parts.repeated || header.mode != Mode::Client || header.version != 4 || packet.mac().is_some() {
        return Err(Reject::Malformed);
    }
    let nak = |cause| Reject::Nak { cause, unique_identifier };
    let keys = ring.open_cookie(cookie).map_err(|error| nak(NakCause::Cookie(error)))?;
    if !sealed.leaves_room(keys.algorithm()) {
        return Err(Reject::Malformed);
    }
    let hidden = open_fields(keys.c2s(), &sealed, covered, cookie.len()).map_err(|error| match error {
        OpenError::Long => Reject::Malformed,
        OpenError::Forged => nak(NakCause::Forged),
    })?;
    let fields = covered.get(HEADER_LEN..).unwrap_or_default();
    let cookies_wanted = (1 + hidden + count_placeholders(fields, cookie.len())).min(JAR_CAPACITY);
    Ok(ServerRequest { keys, unique_identifier, cookies_wanted, len: packet.bytes().len() })
}

/// Why sealed fields cannot be read.
enum OpenError {
    Long,
    Forged,
}

/// Verifies a request and gives the number of placeholders among its sealed fields. Clients seal none, as a rule.
fn open_fields(
    c2s: &Key,
    sealed: &Authenticator<'_>,
    covered: &[u8],
    cookie_len: usize,
) -> Result<usize, OpenError> {
    if let Ok(mut tag) = <[u8; TAG_LEN]>::try_from(sealed.ciphertext) {
        let opened = open_once(c2s, sealed.nonce, covered, &mut tag);
        return opened.map(|_| 0).map_err(|_| OpenError::Forged);
    }
    let mut message = [0; MAX_REQUEST_LEN];
    let message = message.get_mut(..sealed.ciphertext.len()).ok_or(OpenError::Long)?;
    message.copy_from_slice(sealed.ciphertext);
    let plaintext = open_once(c2s, sealed.nonce, covered, message).map_err(|_| OpenError::Forged)?;
    Ok(count_placeholders(plaintext, cookie_len))
}

/// How many placeholders are as long as the cookie. Others do not count (§5.5): they would make the reply longer, or the
/// request needlessly long.
fn count_placeholders(fields: &[u8], cookie_len: usize) -> usize {
    Fields::new(fields)
        .filter(|field| {
            field.field_type == FieldType::NTS_COOKIE_PLACEHOLDER && field.value.len() == cookie_len
        })
        .take(JAR_CAPACITY)
        .count()
}

/// Writes the reply and gives its length, which is never more than that of the request. The header's timestamps are
/// sealed with all else, so they must be final.
///
/// # Errors
/// [`NoRoom`] if the buffer is shorter than the request was.
pub fn write_reply(
    buffer: &mut [u8],
    header: &Header,
    request: &ServerRequest,
    ring: &KeyRing,
    random: &mut impl CryptoRng,
) -> Result<usize, NoRoom> {
    let algorithm = request.keys.algorithm();
    let mut writer = PacketWriter::new(buffer, header)?;
    writer.field(FieldType::UNIQUE_IDENTIFIER, request.unique_identifier.as_bytes())?;
    let covered = writer.written().len();
    let field_len = FIELD_HEADER_LEN + cookie_len(algorithm);
    if request.len_without_cookies() > request.len {
        return Err(NoRoom);
    }
    let cookies = request.cookies_given();
    let mut fresh = [0; MAX_NONCE_LEN + JAR_CAPACITY * COOKIE_RANDOM_LEN];
    let fresh = fresh.get_mut(..algorithm.nonce_len() + cookies * COOKIE_RANDOM_LEN).ok_or(NoRoom)?;
    random.fill_bytes(fresh);
    let (nonce, fresh) = fresh.split_at_checked(algorithm.nonce_len()).ok_or(NoRoom)?;
    let (fresh, _) = fresh.as_chunks();
    let write_cookies = |plaintext: &mut [u8]| {
        plaintext.chunks_exact_mut(field_len).zip(fresh).try_for_each(|(field, random)| {
            let (head, cookie) = field.split_first_chunk_mut()?;
            let [type_high, type_low] = FieldType::NTS_COOKIE.0.to_be_bytes();
            let [len_high, len_low] = (field_len as u16).to_be_bytes();
            *head = [type_high, type_low, len_high, len_low];
            ring.seal_cookie_into(&request.keys, random, cookie)
        })
    };
    let s2c = request.keys.s2c();
    authenticator::write(
        buffer,
        covered,
        algorithm,
        nonce,
        cookies * field_len,
        write_cookies,
        |nonce, aad, message| seal_once(s2c, nonce, aad, message),
    )
}

/// Writes an NTS NAK and gives its length: 48 bytes and the unique identifier, which the request had too. Of the header
/// the leap indicator, the stratum and the reference identifier are overwritten.
///
/// # Errors
/// [`NoRoom`] if the buffer is shorter than the request was.
pub fn write_nak(
    buffer: &mut [u8],
    header: &Header,
    unique_identifier: &UniqueIdentifier,
) -> Result<usize, NoRoom> {
    let leap = Leap::Unsynchronised;
    let nak = Header { leap, stratum: 0, reference_id: KissCode::NtsNak.into(), ..*header };
    let mut writer = PacketWriter::new(buffer, &nak)?;
    writer.field(FieldType::UNIQUE_IDENTIFIER, unique_identifier.as_bytes())?;
    writer.finish()
}
