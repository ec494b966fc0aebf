//! The field that seals a packet, RFC 8915 §5.6.

use truechimer_wire::{FieldType, NoRoom};

use super::FIELD_HEADER_LEN;
use crate::aead::{AeadError, Algorithm, TAG_LEN};

/// Bytes of both lengths.
const LENGTHS_LEN: usize = 4;

/// What the field says.
pub(super) struct Authenticator<'a> {
    pub(super) nonce: &'a [u8],
    pub(super) ciphertext: &'a [u8],
    /// Bytes that nonce and additional padding have together.
    nonce_room: usize,
}

impl<'a> Authenticator<'a> {
    /// From the field's value; `None` if the lengths do not fit into it.
    pub(super) fn parse(value: &'a [u8]) -> Option<Self> {
        let (&[nonce_high, nonce_low, text_high, text_low], rest) = value.split_first_chunk()?;
        let nonce_len = usize::from(u16::from_be_bytes([nonce_high, nonce_low]));
        let text_len = usize::from(u16::from_be_bytes([text_high, text_low]));
        let (nonce, rest) = rest.split_at_checked(nonce_len.next_multiple_of(4))?;
        let (ciphertext, padding) = rest.split_at_checked(text_len.next_multiple_of(4))?;
        let nonce_room = nonce.len() + padding.len();
        Some(Self { nonce: nonce.get(..nonce_len)?, ciphertext: ciphertext.get(..text_len)?, nonce_room })
    }

    /// Whether a request leaves room for the longest nonce that the reply may want. Servers must drop requests that do
    /// not, or the reply would be longer.
    pub(super) fn leaves_room(&self, algorithm: Algorithm) -> bool {
        self.nonce_room >= algorithm.nonce_len()
    }
}

/// Length of the field for a plaintext of `plaintext_len` bytes, a multiple of four. It is never below 28, the least that
/// the last field of a packet may have.
pub(super) const fn field_len(algorithm: Algorithm, plaintext_len: usize) -> usize {
    FIELD_HEADER_LEN + LENGTHS_LEN + algorithm.nonce_len() + TAG_LEN + plaintext_len
}

/// Writes the field at `covered` bytes into `buffer`, and gives the length of the packet. `fill` writes the whole plaintext
/// where it will be sealed, and `seal` seals: nonce, associated data, message.
pub(super) fn write(
    buffer: &mut [u8],
    covered: usize,
    algorithm: Algorithm,
    nonce: &[u8],
    plaintext_len: usize,
    fill: impl FnOnce(&mut [u8]) -> Option<()>,
    seal: impl FnOnce(&[u8], &[u8], &mut [u8]) -> Result<(), AeadError>,
) -> Result<usize, NoRoom> {
    let len = field_len(algorithm, plaintext_len);
    let (covered_bytes, rest) = buffer.split_at_mut_checked(covered).ok_or(NoRoom)?;
    let field = rest.get_mut(..len).ok_or(NoRoom)?;
    let [type_high, type_low] = FieldType::NTS_AUTHENTICATOR.0.to_be_bytes();
    let [len_high, len_low] = u16::try_from(len).map_err(|_| NoRoom)?.to_be_bytes();
    let text_len = TAG_LEN + plaintext_len;
    let [nonce_high, nonce_low] = (nonce.len() as u16).to_be_bytes();
    let [text_high, text_low] = (text_len as u16).to_be_bytes();
    let (head, rest) = field.split_first_chunk_mut().ok_or(NoRoom)?;
    *head = [type_high, type_low, len_high, len_low, nonce_high, nonce_low, text_high, text_low];
    let (nonce_place, message) = rest.split_at_mut_checked(nonce.len()).ok_or(NoRoom)?;
    nonce_place.copy_from_slice(nonce);
    let plaintext =
        message.get_mut(algorithm.plaintext_at()..).and_then(|text| text.get_mut(..plaintext_len));
    plaintext.and_then(fill).ok_or(NoRoom)?;
    seal(nonce, covered_bytes, message).map_err(|_| NoRoom)?;
    Ok(covered + len)
}
