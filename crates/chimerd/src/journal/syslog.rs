//! The system's log, where a daemon without a terminal writes: a datagram for each line (RFC 3164 §4.1, as far as local logs
//! heed it) to `/dev/log`, or nothing where nobody takes it.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

/// The facility of system daemons (RFC 3164 §4.1.1), which the priority is added to.
pub(super) const FACILITY: u8 = 3 << 3;

/// A sink for whole lines, each in one write.
#[derive(Debug)]
pub(super) struct Syslog {
    path: PathBuf,
    socket: Option<UnixDatagram>,
}

impl Syslog {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, socket: None }
    }

    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        if self.socket.is_none() {
            let socket = UnixDatagram::unbound()?;
            // A log that is full must not hold up the clock.
            socket.set_nonblocking(true)?;
            socket.connect(&self.path)?;
            self.socket = Some(socket);
        }
        match &self.socket {
            Some(socket) => socket.send(message).map(drop),
            None => Ok(()),
        }
    }
}

impl Write for Syslog {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let message = line.strip_suffix(b"\n").unwrap_or(line);
        let sent = self.send(message);
        if sent.is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock) {
            // The log was started again, and listens on another socket of that name.
            self.socket = None;
            self.send(message)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
