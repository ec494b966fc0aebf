//! Packets as bytes.

use crate::extension::{FIELD_HEADER_LEN, FieldType, MIN_FIELD_LEN, MIN_LAST_FIELD_LEN};
use crate::header::{HEADER_LEN, Header};
use crate::packet::KEY_ID_LEN;

/// The packet does not fit in the buffer, or a field is longer than its length can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

/// Writes a packet from front to back: header, extension fields, MAC. Every byte up to the length that
/// [`finish`](Self::finish) or [`mac`](Self::mac) gives has been written by it; padding is zero.
#[derive(Debug)]
pub struct PacketWriter<'b> {
    buffer: &'b mut [u8],
    len: usize,
    /// Where the last field starts.
    last_field: Option<usize>,
}

impl<'b> PacketWriter<'b> {
    /// Starts with the header.
    ///
    /// # Errors
    /// [`NoRoom`] if the buffer is shorter than 48 bytes.
    pub fn new(buffer: &'b mut [u8], header: &Header) -> Result<Self, NoRoom> {
        let mut writer = Self { buffer, len: 0, last_field: None };
        writer.put(&header.write())?;
        Ok(writer)
    }

    /// Appends an extension field, zero-padded to a multiple of four and to the minimum of 16 bytes.
    ///
    /// # Errors
    /// [`NoRoom`]; the packet is then as before.
    pub fn field(&mut self, field_type: FieldType, value: &[u8]) -> Result<(), NoRoom> {
        let start = self.len;
        let padded = (FIELD_HEADER_LEN + value.len()).next_multiple_of(4).max(MIN_FIELD_LEN);
        let len = u16::try_from(padded).map_err(|_| NoRoom)?;
        let room = self.buffer.get_mut(start..).and_then(|room| room.get_mut(..padded)).ok_or(NoRoom)?;
        room.fill(0);
        self.put(&field_type.0.to_be_bytes())?;
        self.put(&len.to_be_bytes())?;
        self.put(value)?;
        self.len = start + padded;
        self.last_field = Some(start);
        Ok(())
    }

    /// What a MAC or an authenticator must cover: everything so far.
    pub fn written(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    /// Ends with a MAC and gives the length of the packet.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn mac(mut self, key_id: u32, digest: &[u8]) -> Result<usize, NoRoom> {
        let len = self.len + KEY_ID_LEN + digest.len();
        if len > self.buffer.len() {
            return Err(NoRoom);
        }
        self.put(&key_id.to_be_bytes())?;
        self.put(digest)?;
        Ok(self.len)
    }

    /// Ends without a MAC and gives the length of the packet. The last extension field is padded to 28 bytes,
    /// or it could be taken for a MAC.
    ///
    /// # Errors
    /// [`NoRoom`] if that padding does not fit.
    pub fn finish(mut self) -> Result<usize, NoRoom> {
        if let Some(start) = self.last_field
            && self.len - start < MIN_LAST_FIELD_LEN
        {
            let end = start + MIN_LAST_FIELD_LEN;
            self.buffer.get_mut(self.len..end).ok_or(NoRoom)?.fill(0);
            let len = self.buffer.get_mut(start + 2..start + 4).ok_or(NoRoom)?;
            len.copy_from_slice(&(MIN_LAST_FIELD_LEN as u16).to_be_bytes());
            self.len = end;
        }
        Ok(self.len)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        let end = self.len + bytes.len();
        self.buffer.get_mut(self.len..end).ok_or(NoRoom)?.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }
}

const _: () = assert!(HEADER_LEN.is_multiple_of(4), "fields stay aligned");

#[cfg(test)]
mod tests;
