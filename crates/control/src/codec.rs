//! Bytes to lines with a limit on everything. A line may come in any pieces; one that is longer than the limit is
//! reported once and ends the stream, because where the next one starts would be a guess.

use serde::Serialize;

#[cfg(test)]
mod tests;

/// Collects bytes until a line is whole. It never holds more than `max` bytes of an unfinished line.
#[derive(Debug)]
pub struct LineReader {
    buffer: Vec<u8>,
    /// Where the first byte that is not consumed stands.
    start: usize,
    /// Up to here no newline was found: bytes are looked at once only.
    searched: usize,
    max: usize,
}

/// A line was longer than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl LineReader {
    /// A reader for lines of up to `max` bytes, newline not counted.
    pub const fn new(max: usize) -> Self {
        Self { buffer: Vec::new(), start: 0, searched: 0, max }
    }

    /// Takes bytes in. It is for the caller to drain [`LineReader::next_line`] before feeding more: then at most the
    /// line limit and one chunk are held.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start.min(self.buffer.len()));
            self.searched -= self.start.min(self.searched);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line without its newline (and without a carriage return before that), if there is one.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>, TooLong> {
        let unseen = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(found) = unseen.iter().position(|&byte| byte == b'\n') else {
            self.searched = self.buffer.len();
            // One more for a carriage return that the limit does not count.
            return if self.held() > self.max + 1 { Err(TooLong) } else { Ok(None) };
        };
        let end = self.searched + found;
        let line = self.buffer.get(self.start..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > self.max {
            return Err(TooLong);
        }
        self.start = end + 1;
        self.searched = self.start;
        Ok(Some(line))
    }

    /// Takes what is left after the stream has ended: a last line that no newline follows.
    pub fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.buffer.split_off(self.start.min(self.buffer.len()));
        self.buffer.clear();
        self.start = 0;
        self.searched = 0;
        rest
    }

    /// How many bytes are held that no line has consumed yet.
    pub fn held(&self) -> usize {
        self.buffer.len() - self.start.min(self.buffer.len())
    }
}

/// A message as the line that carries it, newline included. JSON escapes every newline inside strings, so one
/// message is one line.
pub fn to_line(message: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// Reads a request from one line. The message of the error is fit to be sent back: it says what is wrong and where,
/// and repeats nothing of the input but names of fields.
pub fn parse_request(line: &[u8]) -> Result<crate::Request, String> {
    serde_json::from_slice(line).map_err(|error| error.to_string())
}
