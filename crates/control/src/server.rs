//! One connection of the daemon, without its socket: bytes in, requests out; responses in, bytes out.
//!
//! Requests are taken one at a time and the next is not looked at before the answer to the last has been written,
//! so a client that sends without reading only fills its own socket: a session holds two requests' worth of input
//! and one answer.
//!
//! ```text
//! accept ─> Session::new
//! readable and wants_input() ─> read at most READ_MAX ─> handle_bytes / handle_eof
//! loop { poll_request() ─> do it ─> reply() }   until poll_request() gives None
//! writable and poll_output() not empty ─> write ─> handle_written(n), then the loop above again
//! is_closed() ─> close the socket
//! ```

use crate::codec::{self, LineReader, TooLong};
use crate::{Access, Answer, Fault, FaultCode, REQUEST_MAX, Request, Response, Version};

#[cfg(test)]
mod tests;

/// How many bytes to read at once at most.
pub const READ_MAX: usize = REQUEST_MAX;

/// How many connections a daemon should hold at most on one socket. When one more comes, the one that has been silent
/// for the longest goes: so a thousand idle connections of a stranger cannot lock an operator out.
pub const MAX_SESSIONS: usize = 32;

/// After how many seconds without a byte either way a connection should be closed.
pub const IDLE_LIMIT_S: f64 = 60.0;

/// After how many bad requests a connection ends.
const MAX_FAULTS: u32 = 16;

/// One connection.
#[derive(Debug)]
pub struct Session {
    access: Access,
    input: LineReader,
    output: Vec<u8>,
    written: usize,
    /// A request was handed out and not answered yet.
    outstanding: bool,
    /// The peer will send nothing more.
    eof: bool,
    /// Nothing more is read: the connection ends when the output is written.
    closing: bool,
    faults: u32,
}

impl Session {
    /// A new connection on a socket that permits this.
    pub const fn new(access: Access) -> Self {
        Self {
            access,
            input: LineReader::new(REQUEST_MAX),
            output: Vec::new(),
            written: 0,
            outstanding: false,
            eof: false,
            closing: false,
            faults: 0,
        }
    }

    /// Whether the socket should be read: not while requests are waiting.
    pub fn wants_input(&self) -> bool {
        !self.closing && !self.eof && self.input.held() <= REQUEST_MAX
    }

    /// Bytes came in: at most [`READ_MAX`] at once and only when [`Session::wants_input`]; a caller that brings more
    /// loses the connection, not the memory.
    pub fn handle_bytes(&mut self, bytes: &[u8]) {
        if self.closing || self.eof {
            return;
        }
        if self.input.held() + bytes.len() > 2 * REQUEST_MAX + 2 {
            self.refuse_and_close(FaultCode::TooLong, "more input than fits");
            return;
        }
        self.input.push(bytes);
    }

    /// The peer has ended its side. What it asked before is still answered.
    pub fn handle_eof(&mut self) {
        self.eof = true;
    }

    /// The next request that is permitted here. Everything else is answered by the session itself. `None` until more
    /// input has come or, if there is output, until that is written.
    pub fn poll_request(&mut self) -> Option<Request> {
        // Every turn consumes a line, so this ends with the input.
        while !self.closing && !self.outstanding && self.poll_output().is_empty() {
            match self.next_line()? {
                Line::Blank => {}
                Line::Bad(message) => self.refuse(FaultCode::BadRequest, message),
                Line::Request(request) if request.access() > self.access => {
                    let kind = if matches!(request, Request::Clients { .. }) {
                        "not for everybody"
                    } else {
                        "a command"
                    };
                    let message = format!("{} is {kind}: ask on {}", request.word(), crate::CONTROL_SOCKET);
                    self.refuse(FaultCode::NotPermitted, message);
                }
                Line::Request(Request::Version) => {
                    self.push_output(&Response::Ok(Answer::Version(Version::of_daemon())));
                }
                Line::Request(request) => {
                    self.outstanding = true;
                    return Some(request);
                }
            }
        }
        None
    }

    /// The answer to the request that [`Session::poll_request`] gave. Without such a request it is ignored, so that
    /// there never are more answers than requests.
    pub fn reply(&mut self, response: &Response) {
        if std::mem::take(&mut self.outstanding) {
            self.push_output(response);
        }
    }

    /// What to write.
    pub fn poll_output(&self) -> &[u8] {
        self.output.get(self.written..).unwrap_or_default()
    }

    /// So many bytes of [`Session::poll_output`] were written.
    pub fn handle_written(&mut self, count: usize) {
        self.written = self.written.saturating_add(count).min(self.output.len());
        if self.written == self.output.len() {
            // A big report must not stay allocated for a connection that idles.
            self.output = Vec::new();
            self.written = 0;
        }
    }

    /// Whether all is said and the socket should be closed.
    pub fn is_closed(&self) -> bool {
        let done = self.closing || (self.eof && !self.outstanding && self.input.held() == 0);
        done && self.poll_output().is_empty()
    }

    /// Says why and ends the connection: for a daemon that has too many of them.
    pub fn refuse_and_close(&mut self, code: FaultCode, message: impl Into<String>) {
        self.push_output(&Response::Error(Fault::new(code, message)));
        self.closing = true;
    }

    fn next_line(&mut self) -> Option<Line> {
        match self.input.next_line() {
            Ok(Some(line)) => return Some(Line::parse(line)),
            Ok(None) => {}
            Err(TooLong) => {
                let message = format!("a request has at most {REQUEST_MAX} bytes");
                self.refuse_and_close(FaultCode::TooLong, message);
                return None;
            }
        }
        // A last line without its newline counts when nothing can follow it.
        (self.eof && self.input.held() > 0).then(|| Line::parse(&self.input.take_rest()))
    }

    fn refuse(&mut self, code: FaultCode, message: impl Into<String>) {
        self.faults += 1;
        if self.faults >= MAX_FAULTS {
            self.refuse_and_close(FaultCode::Busy, format!("{MAX_FAULTS} bad requests are enough"));
        } else {
            self.push_output(&Response::Error(Fault::new(code, message)));
        }
    }

    fn push_output(&mut self, response: &Response) {
        match codec::to_line(response) {
            Ok(line) => self.output.extend_from_slice(&line),
            // Only a map with keys that are no strings can fail, and there is none.
            Err(_) => self.closing = true,
        }
    }
}

enum Line {
    Blank,
    Request(Request),
    Bad(String),
}

impl Line {
    fn parse(line: &[u8]) -> Self {
        if line.trim_ascii().is_empty() {
            return Self::Blank;
        }
        match codec::parse_request(line) {
            Ok(request) => Self::Request(request),
            Err(message) => Self::Bad(message),
        }
    }
}
