//! MS-SNTP: the authenticator of Windows domain members ([MS-SNTP] §2.2), and the protocol in which Samba's `ntp_signd`
//! signs the replies to them (`librpc/idl/ntp_signd.idl` of Samba).
//!
//! A member puts behind its NTPv3 header the relative identifier of its account and no digest; the reply carries a digest
//! that is made with the account's password, which only the domain controller has.
//!
//! ```text
//! to ntp_signd     length (4)  version (4)  operation (4)  packet ID (2)  0 (2)   key ID (4)  packet (48)
//! from ntp_signd   length (4)  version (4)  operation (4)  packet ID (4)  signed packet (68), or nothing
//! ```
//!
//! All numbers are big-endian but the key identifier, which is passed on as it came. The length does not count itself.

use crate::header::HEADER_LEN;
use crate::packet::KEY_ID_LEN;

/// A request or a reply with the authenticator: header, key identifier, MD5 digest.
pub const SIGNED_LEN: usize = HEADER_LEN + KEY_ID_LEN + 16;
/// A request with the extended authenticator, for which `ntp_signd` has no operation.
pub const EXTENDED_LEN: usize = 120;
/// What is sent to `ntp_signd`.
pub const SIGN_REQUEST_LEN: usize = LENGTH_LEN + 16 + HEADER_LEN;
/// Most that comes back.
pub const SIGN_REPLY_MAX: usize = LENGTH_LEN + REPLY_HEAD_LEN + SIGNED_LEN;

const LENGTH_LEN: usize = 4;
/// Version, operation and packet identifier of a reply.
const REPLY_HEAD_LEN: usize = 12;
const SIGN_TO_CLIENT: u32 = 0;
const SIGNING_SUCCESS: u32 = 3;

/// What a domain member asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authenticator {
    /// A signature for the account of this identifier, its bytes as they came.
    Basic([u8; KEY_ID_LEN]),
    /// A signature in the extended form.
    Extended,
}

/// The authenticator of a request; `None` if it has none. It is told from a MAC by having no digest.
pub fn authenticator(request: &[u8]) -> Option<Authenticator> {
    let version = request.first()? >> 3 & 7;
    let (key_id, rest) = request.get(HEADER_LEN..)?.split_first_chunk()?;
    if version != 3 || *key_id == [0; KEY_ID_LEN] {
        return None;
    }
    // In the extended form, flags and hints for the choice of an algorithm come before the digest.
    let (digest, form) = match request.len() {
        SIGNED_LEN => (rest, Authenticator::Basic(*key_id)),
        EXTENDED_LEN => (rest.get(4..)?, Authenticator::Extended),
        _ => return None,
    };
    digest.iter().all(|&byte| byte == 0).then_some(form)
}

/// What `ntp_signd` said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignReply<'a> {
    /// Of the request that it answers.
    pub packet_id: u32,
    /// The packet with its signature; `None` if it was refused.
    pub signed: Option<&'a [u8; SIGNED_LEN]>,
}

/// The bytes are not of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSignReply;

/// Asks for the signature of `packet`.
pub fn write_sign_request(
    packet_id: u16,
    key_id: [u8; KEY_ID_LEN],
    packet: &[u8; HEADER_LEN],
) -> [u8; SIGN_REQUEST_LEN] {
    let mut bytes = [0; SIGN_REQUEST_LEN];
    let len = (SIGN_REQUEST_LEN - LENGTH_LEN) as u32;
    bytes[..4].copy_from_slice(&len.to_be_bytes());
    bytes[8..12].copy_from_slice(&SIGN_TO_CLIENT.to_be_bytes());
    bytes[12..14].copy_from_slice(&packet_id.to_be_bytes());
    bytes[16..20].copy_from_slice(&key_id);
    bytes[20..].copy_from_slice(packet);
    bytes
}

/// Reads the reply at the start of what has come so far, and gives its length; `None` until it is whole.
///
/// # Errors
/// [`NoSignReply`]: what comes is something else, and the connection is of no more use.
pub fn parse_sign_reply(bytes: &[u8]) -> Result<Option<(SignReply<'_>, usize)>, NoSignReply> {
    let word = |bytes: &[u8], at: usize| {
        let word = bytes.get(at..).and_then(|rest| rest.first_chunk());
        word.map(|word| u32::from_be_bytes(*word))
    };
    let Some(len) = word(bytes, 0) else { return Ok(None) };
    let len = usize::try_from(len).map_err(|_| NoSignReply)?;
    if !(REPLY_HEAD_LEN..=SIGN_REPLY_MAX - LENGTH_LEN).contains(&len) {
        return Err(NoSignReply);
    }
    let Some(body) = bytes.get(LENGTH_LEN..LENGTH_LEN + len) else { return Ok(None) };
    let (Some(operation), Some(packet_id)) = (word(body, 4), word(body, 8)) else { return Err(NoSignReply) };
    let signed = match operation {
        SIGNING_SUCCESS => {
            let packet = body.get(REPLY_HEAD_LEN..).and_then(|packet| packet.try_into().ok());
            Some(packet.ok_or(NoSignReply)?)
        }
        _ => None,
    };
    Ok(Some((SignReply { packet_id, signed }, LENGTH_LEN + len)))
}

#[cfg(test)]
mod tests;
