//! Records of the key exchange, RFC 8915 §4: type, length, body, one after another until an End of Message.
//!
//! They come over a stream, so in pieces of any size. [`RecordReader`] takes the pieces, looks at each byte once, holds
//! no more than its limit, and hands the records out when the message is complete.

/// Bytes of type and length before a body.
const RECORD_HEADER_LEN: usize = 4;
/// The bit of the type that makes a record critical.
const CRITICAL: u16 = 0x8000;
/// A limit for messages that leaves room for anything that is in use; chronyd has the same.
pub const DEFAULT_MESSAGE_LIMIT: usize = 16 * 1024;

/// What a record means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordType(pub u16);

impl RecordType {
    /// End of Message (§4.1.1).
    pub const END_OF_MESSAGE: Self = Self(0);
    /// NTS Next Protocol Negotiation (§4.1.2).
    pub const NEXT_PROTOCOL: Self = Self(1);
    /// Error (§4.1.3).
    pub const ERROR: Self = Self(2);
    /// Warning (§4.1.4).
    pub const WARNING: Self = Self(3);
    /// AEAD Algorithm Negotiation (§4.1.5).
    pub const AEAD_ALGORITHM: Self = Self(4);
    /// New Cookie for NTPv4 (§4.1.6).
    pub const NEW_COOKIE: Self = Self(5);
    /// NTPv4 Server Negotiation (§4.1.7).
    pub const NTPV4_SERVER: Self = Self(6);
    /// NTPv4 Port Negotiation (§4.1.8).
    pub const NTPV4_PORT: Self = Self(7);
    /// "Compliant AES-128-GCM-SIV Exporter Context", which chrony 4.6.1 defined
    /// (<https://chrony-project.org/doc/spec/nts-compliant-128gcm.html>).
    pub const COMPLIANT_GCM_SIV: Self = Self(1024);
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Whether a receiver that does not know the type must refuse the message.
    pub critical: bool,
    /// What it means.
    pub record_type: RecordType,
    /// Its body.
    pub body: &'a [u8],
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordError {
    /// It would be longer than the limit.
    TooLong,
    /// The stream ended before the message did.
    Cut,
    /// The End of Message has a body or is not critical.
    EndOfMessage,
}

impl Record<'_> {
    /// Appends the record to `message`.
    ///
    /// # Errors
    /// [`RecordError::TooLong`] if the body has more than 65 535 bytes; `message` is then unchanged.
    pub fn write(&self, message: &mut Vec<u8>) -> Result<(), RecordError> {
        let len = u16::try_from(self.body.len()).map_err(|_| RecordError::TooLong)?;
        let critical = if self.critical { CRITICAL } else { 0 };
        message.extend_from_slice(&(self.record_type.0 | critical).to_be_bytes());
        message.extend_from_slice(&len.to_be_bytes());
        message.extend_from_slice(self.body);
        Ok(())
    }
}

/// Appends the record that ends a message.
pub fn write_end_of_message(message: &mut Vec<u8>) {
    let end = Record { critical: true, record_type: RecordType::END_OF_MESSAGE, body: &[] };
    // An empty body is never too long.
    let _ = end.write(message);
}

/// Collects one message from a stream.
#[derive(Clone, Debug)]
pub struct RecordReader {
    bytes: Vec<u8>,
    /// Where the first record that is not complete begins.
    checked: usize,
    limit: usize,
    complete: bool,
}

impl RecordReader {
    /// A reader for one message of at most `limit` bytes, its End of Message included.
    pub const fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), checked: 0, limit, complete: false }
    }

    /// Takes the next bytes of the stream and gives how many were taken: all, unless the message ends before them.
    ///
    /// # Errors
    /// [`RecordError::TooLong`], as soon as the length of a record says so, and [`RecordError::EndOfMessage`]. The reader
    /// is then of no further use.
    pub fn push(&mut self, bytes: &[u8]) -> Result<usize, RecordError> {
        let mut rest = bytes;
        while !self.complete && !rest.is_empty() {
            let wanted = self.wanted()?;
            let (taken, left) = rest.split_at_checked(wanted).unwrap_or((rest, &[]));
            self.bytes.extend_from_slice(taken);
            rest = left;
            self.check()?;
        }
        Ok(bytes.len() - rest.len())
    }

    /// Whether the End of Message has come.
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// How many bytes are held.
    pub const fn held(&self) -> usize {
        self.bytes.len()
    }

    /// The records without the End of Message.
    ///
    /// # Errors
    /// [`RecordError::Cut`] if that has not come.
    pub fn records(&self) -> Result<Records<'_>, RecordError> {
        if !self.complete {
            return Err(RecordError::Cut);
        }
        Ok(Records { rest: &self.bytes })
    }

    /// How many bytes are missing of the record that is being collected: of its header or of all of it.
    fn wanted(&self) -> Result<usize, RecordError> {
        let held = self.bytes.len() - self.checked;
        let len = match split_record(self.bytes.get(self.checked..).unwrap_or_default()) {
            Split::Header => RECORD_HEADER_LEN,
            Split::Body(len) => len,
            Split::Record(..) => held, // cannot be: `check` has passed over it
        };
        let end = self.checked.checked_add(len).filter(|end| *end <= self.limit);
        end.ok_or(RecordError::TooLong)?;
        Ok(len.saturating_sub(held).max(1))
    }

    /// Passes over a record that has become complete.
    fn check(&mut self) -> Result<(), RecordError> {
        let held = self.bytes.get(self.checked..).unwrap_or_default();
        let Split::Record(record, rest) = split_record(held) else { return Ok(()) };
        if record.record_type == RecordType::END_OF_MESSAGE {
            if !record.critical || !record.body.is_empty() {
                return Err(RecordError::EndOfMessage);
            }
            self.complete = true;
        }
        self.checked = self.bytes.len() - rest.len();
        Ok(())
    }
}

/// What stands at the start of bytes.
enum Split<'a> {
    /// Less than a header.
    Header,
    /// Less than a record, which has so many bytes with its header.
    Body(usize),
    /// A record and what follows it.
    Record(Record<'a>, &'a [u8]),
}

fn split_record(bytes: &[u8]) -> Split<'_> {
    let Some((&[type_high, type_low, len_high, len_low], rest)) = bytes.split_first_chunk() else {
        return Split::Header;
    };
    let record_type = u16::from_be_bytes([type_high, type_low]);
    let len = usize::from(u16::from_be_bytes([len_high, len_low]));
    let Some((body, rest)) = rest.split_at_checked(len) else {
        return Split::Body(RECORD_HEADER_LEN + len);
    };
    let critical = record_type & CRITICAL != 0;
    Split::Record(Record { critical, record_type: RecordType(record_type & !CRITICAL), body }, rest)
}

/// The records of a complete message in their order.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let Split::Record(record, rest) = split_record(self.rest) else { return None };
        self.rest = rest;
        (record.record_type != RecordType::END_OF_MESSAGE).then_some(record)
    }
}

#[cfg(test)]
mod tests;
