//! The header of control messages, mode 6: RFC 9327 §2.

/// Length of the header, bytes.
pub const CONTROL_HEADER_LEN: usize = 12;
/// Most data in one message, bytes (RFC 9327 §2).
pub const CONTROL_DATA_MAX: usize = 468;
/// The mode of control messages.
pub const CONTROL_MODE: u8 = 6;

const RESPONSE: u8 = 0x80;
const ERROR: u8 = 0x40;
const MORE: u8 = 0x20;
const OPCODE: u8 = 0x1f;

/// The first twelve bytes of a control message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ControlHeader {
    /// Version, 1 to 4.
    pub version: u8,
    /// An answer.
    pub response: bool,
    /// An answer that says what was wrong.
    pub error: bool,
    /// Another part of the answer follows.
    pub more: bool,
    /// What is wanted.
    pub opcode: u8,
    /// Any number, by which the client knows the answer.
    pub sequence: u16,
    /// State of the system or an association, or the error.
    pub status: u16,
    /// Which association; zero is the system.
    pub association: u16,
    /// Where the data belongs in the whole answer.
    pub offset: u16,
    /// Length of the data, bytes.
    pub count: u16,
}

impl ControlHeader {
    /// Reads a message: its header and its data, without padding and authenticator. `None` if it is no control message, or
    /// shorter than it says.
    pub fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (header, rest) = bytes.split_first_chunk::<CONTROL_HEADER_LEN>()?;
        let [first, second, s0, s1, t0, t1, a0, a1, o0, o1, c0, c1] = *header;
        let version = first >> 3 & 7;
        if first & 7 != CONTROL_MODE || !(1..=4).contains(&version) {
            return None;
        }
        let header = Self {
            version,
            response: second & RESPONSE != 0,
            error: second & ERROR != 0,
            more: second & MORE != 0,
            opcode: second & OPCODE,
            sequence: u16::from_be_bytes([s0, s1]),
            status: u16::from_be_bytes([t0, t1]),
            association: u16::from_be_bytes([a0, a1]),
            offset: u16::from_be_bytes([o0, o1]),
            count: u16::from_be_bytes([c0, c1]),
        };
        Some((header, rest.get(..usize::from(header.count))?))
    }

    /// Writes it.
    pub fn write(&self) -> [u8; CONTROL_HEADER_LEN] {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let second = flag(self.response, RESPONSE)
            | flag(self.error, ERROR)
            | flag(self.more, MORE)
            | self.opcode & OPCODE;
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1] = self.status.to_be_bytes();
        let [a0, a1] = self.association.to_be_bytes();
        let [o0, o1] = self.offset.to_be_bytes();
        let [c0, c1] = self.count.to_be_bytes();
        let first = (self.version & 7) << 3 | CONTROL_MODE;
        [first, second, s0, s1, t0, t1, a0, a1, o0, o1, c0, c1]
    }
}

#[cfg(test)]
mod tests;
