//! One request to `ntp_signd`, and its answer.

use truechimer_sys::unix::Stream;
use truechimer_wire::HEADER_LEN;
use truechimer_wire::signd::{
    SIGN_REPLY_MAX, SIGN_REQUEST_LEN, SIGNED_LEN, parse_sign_reply, write_sign_request,
};

/// How it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Landing {
    /// More is to be written or read, when it can be.
    Not,
    /// The packet that was asked about, signed.
    Signed([u8; SIGNED_LEN]),
    /// It is not signed, and the connection can be used again.
    Refused,
    /// The connection ended or carried something else.
    Crashed,
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Flight {
    id: u16,
    request: [u8; SIGN_REQUEST_LEN],
    /// What the signed packet must begin with.
    expected: [u8; HEADER_LEN + 4],
    written: usize,
    answer: [u8; SIGN_REPLY_MAX],
    read: usize,
}

impl Flight {
    pub(super) fn new(id: u16, key_id: [u8; 4], packet: [u8; HEADER_LEN]) -> Self {
        let mut expected = [0; HEADER_LEN + 4];
        expected[..HEADER_LEN].copy_from_slice(&packet);
        expected[HEADER_LEN..].copy_from_slice(&key_id);
        let request = write_sign_request(id, key_id, &packet);
        Self { id, request, expected, written: 0, answer: [0; SIGN_REPLY_MAX], read: 0 }
    }

    /// Whether there is something left to write.
    pub(super) fn is_writing(&self) -> bool {
        self.written < self.request.len()
    }

    /// Whether an answer has begun.
    pub(super) fn has_answer(&self) -> bool {
        self.read > 0
    }

    /// Writes and reads as much as can be now.
    pub(super) fn go_on(&mut self, stream: &mut Stream) -> Landing {
        while let Some(rest) = self.request.get(self.written..).filter(|rest| !rest.is_empty()) {
            match stream.write(rest) {
                Ok(Some(len)) if len > 0 => self.written += len,
                Ok(None) => break,
                Ok(Some(_)) | Err(_) => return Landing::Crashed,
            }
        }
        loop {
            // Never empty: an answer of the greatest length is whole.
            let Some(room) = self.answer.get_mut(self.read..) else { return Landing::Crashed };
            match stream.read(room) {
                Ok(Some(len)) if len > 0 => self.read += len,
                Ok(None) => return Landing::Not,
                Ok(Some(_)) | Err(_) => return Landing::Crashed,
            }
            if let Some(landing) = self.judge() {
                return landing;
            }
        }
    }

    /// What the bytes so far say, if they are an answer.
    fn judge(&self) -> Option<Landing> {
        let bytes = self.answer.get(..self.read).unwrap_or_default();
        match parse_sign_reply(bytes) {
            Ok(None) => None,
            // An answer before the whole question, or one with something behind it, is none.
            Ok(Some((_, len))) if self.is_writing() || len != self.read => Some(Landing::Crashed),
            Ok(Some((reply, _))) if reply.packet_id != u32::from(self.id) => Some(Landing::Crashed),
            Ok(Some((reply, _))) => Some(match reply.signed {
                Some(packet) if packet.starts_with(&self.expected) => Landing::Signed(*packet),
                Some(_) => Landing::Crashed,
                None => Landing::Refused,
            }),
            Err(_) => Some(Landing::Crashed),
        }
    }
}
