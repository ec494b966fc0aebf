//! The asking side. The daemon is not believed either (NA-02): a reply has a size limit, a deadline that a drip of
//! bytes does not move, and is parsed into known types or refused.

use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::de::{DeserializeOwned, IgnoredAny};
use truechimer_engine::report::Report;

use crate::codec::{self, LineReader, TooLong};
use crate::message::ClientList;
use crate::{Fault, REPLY_MAX, Reply, Request, Version};

#[cfg(test)]
mod tests;

/// Why there is no answer.
#[derive(Debug)]
pub enum ClientError {
    /// There is no socket, or nobody listens on it.
    NotRunning(PathBuf),
    /// The socket may not be opened by this user.
    Permission(PathBuf),
    /// The operating system failed otherwise.
    Io(io::Error),
    /// No whole reply within the time limit.
    TimedOut(Duration),
    /// The connection ended before a reply was whole.
    Closed,
    /// The reply is larger than [`REPLY_MAX`].
    TooLong,
    /// The reply is no JSON, or not the answer to what was asked; what is wrong.
    Malformed(String),
    /// The daemon says no.
    Refused(Fault),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning(path) => write!(f, "nobody listens on {}", path.display()),
            Self::Permission(path) => write!(f, "no permission to use {}", path.display()),
            Self::Io(error) => write!(f, "the connection to the daemon failed: {error}"),
            Self::TimedOut(limit) => write!(f, "the daemon did not answer within {} s", limit.as_secs_f64()),
            Self::Closed => write!(f, "the daemon closed the connection without an answer"),
            Self::TooLong => write!(f, "the daemon's answer is longer than {REPLY_MAX} bytes"),
            Self::Malformed(what) => write!(f, "the daemon's answer is not understood: {what}"),
            Self::Refused(fault) => f.write_str(&fault.message),
        }
    }
}

impl std::error::Error for ClientError {}

/// A connection to a daemon.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    input: LineReader,
    timeout: Duration,
}

impl Client {
    /// Connects to a socket. Each question then has `timeout` for its whole answer.
    pub fn connect(path: &Path, timeout: Duration) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ClientError::NotRunning(path.to_owned())
            }
            io::ErrorKind::PermissionDenied => ClientError::Permission(path.to_owned()),
            _ => ClientError::Io(error),
        })?;
        Ok(Self::over(stream, timeout))
    }

    /// Uses a stream that is connected already.
    pub const fn over(stream: UnixStream, timeout: Duration) -> Self {
        Self { stream, input: LineReader::new(REPLY_MAX), timeout }
    }

    /// The daemon's state.
    pub fn report(&mut self) -> Result<Report, ClientError> {
        self.ask(&Request::Report)
    }

    /// Who is there.
    pub fn version(&mut self) -> Result<Version, ClientError> {
        self.ask(&Request::Version)
    }

    /// Who asked the server, so many at most.
    pub fn clients(&mut self, limit: u32) -> Result<ClientList, ClientError> {
        self.ask(&Request::Clients { limit: Some(limit) })
    }

    /// Gives a command whose answer says nothing but "done".
    pub fn command(&mut self, request: &Request) -> Result<(), ClientError> {
        self.ask::<IgnoredAny>(request).map(|_| ())
    }

    fn ask<T: DeserializeOwned>(&mut self, request: &Request) -> Result<T, ClientError> {
        let deadline = Instant::now() + self.timeout;
        let line = codec::to_line(request).map_err(|error| ClientError::Malformed(error.to_string()))?;
        self.stream.set_write_timeout(Some(self.timeout)).map_err(ClientError::Io)?;
        self.stream.write_all(&line).map_err(|error| self.broken(error))?;
        loop {
            match self.input.next_line() {
                Ok(Some(line)) => return parse_reply(line),
                Ok(None) => {}
                Err(TooLong) => return Err(ClientError::TooLong),
            }
            self.read_more(deadline)?;
        }
    }

    fn read_more(&mut self, deadline: Instant) -> Result<(), ClientError> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ClientError::TimedOut(self.timeout));
        }
        self.stream.set_read_timeout(Some(left)).map_err(ClientError::Io)?;
        let mut chunk = [0; 16 << 10];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(ClientError::Closed),
            Ok(count) => {
                self.input.push(chunk.get(..count).unwrap_or_default());
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(self.broken(error)),
        }
    }

    fn broken(&self, error: io::Error) -> ClientError {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ClientError::TimedOut(self.timeout),
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => ClientError::Closed,
            _ => ClientError::Io(error),
        }
    }
}

fn parse_reply<T: DeserializeOwned>(line: &[u8]) -> Result<T, ClientError> {
    match serde_json::from_slice(line) {
        Ok(Reply::Ok(answer)) => Ok(answer),
        Ok(Reply::Error(fault)) => Err(ClientError::Refused(fault)),
        Err(error) => Err(ClientError::Malformed(error.to_string())),
    }
}
