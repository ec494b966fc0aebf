//! What the service manager is told: that the daemon is ready, how it fares, and that its loop still turns.
//!
//! The protocol is that of sd_notify(3): lines of `NAME=value` in a datagram to the socket that `NOTIFY_SOCKET` names. A manager that
//! cannot be reached is no reason to stop, or to say anything: it will say so itself.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use truechimer_config::Ready;
use truechimer_engine::report::SystemReport;
use truechimer_time::Mono;

use crate::journal::span;

#[cfg(test)]
mod tests;

/// The status is written anew at most this often, seconds.
const STATUS_INTERVAL_S: f64 = 10.0;
/// A sign of life is due twice in the time after which its absence is acted on.
const SIGNS: u32 = 2;

/// How the clock fares.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) synchronised: bool,
    /// Bound on its error, seconds.
    pub(crate) bound_s: Option<f64>,
    /// Why it is synchronised or not: a sentence.
    pub(crate) reason: String,
}

impl From<SystemReport> for Standing {
    fn from(SystemReport { synchronised, bound_s, reason, .. }: SystemReport) -> Self {
        Self { synchronised, bound_s, reason }
    }
}

impl Standing {
    fn sentence(&self) -> String {
        match self.bound_s {
            Some(bound_s) if self.synchronised => {
                format!("synchronised, wrong by {} at most: {}", span(bound_s), self.reason)
            }
            _ => format!("not synchronised: {}", self.reason),
        }
    }
}

/// The connection to a service manager.
#[derive(Debug)]
pub struct ServiceManager {
    socket: UnixDatagram,
    address: SocketAddr,
    /// How often it wants a sign of life.
    watchdog: Option<Duration>,
    sign_at: Mono,
    status_at: Mono,
    status: String,
    ready: bool,
}

impl ServiceManager {
    /// The manager that started this program and wants to be told.
    ///
    /// # Errors
    /// `NOTIFY_SOCKET` names no socket that can be written to, or none can be made.
    pub fn from_environment() -> io::Result<Option<Self>> {
        let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let number = |name: &str| env::var(name).ok()?.parse::<u64>().ok();
        // Variables of a parent that was to be watched itself.
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog =
            number("WATCHDOG_USEC").filter(|&micros| is_ours && micros > 0).map(Duration::from_micros);
        Self::new(&name, watchdog).map(Some)
    }

    /// The manager behind this socket: a path, or a name in the abstract namespace after an `@`.
    pub(crate) fn new(name: &OsStr, watchdog: Option<Duration>) -> io::Result<Self> {
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            [b'/', ..] => SocketAddr::from_pathname(name)?,
            _ => return Err(io::Error::from(io::ErrorKind::InvalidInput)),
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            address,
            watchdog: watchdog.map(|interval| interval / SIGNS),
            sign_at: Mono::default(),
            status_at: Mono::default(),
            status: String::new(),
            ready: false,
        })
    }

    /// When it must be called again.
    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        self.watchdog.map(|_| self.sign_at)
    }

    /// A turn of the loop has ended. `standing` is asked for only when somebody wants to know.
    pub(crate) fn handle_turn(&mut self, ready: Ready, now: Mono, standing: impl FnOnce() -> Standing) {
        if let Some(interval) = self.watchdog.filter(|_| now >= self.sign_at) {
            self.sign_at = now.after(interval.as_secs_f64());
            self.send("WATCHDOG=1");
        }
        let waits = !self.ready && ready == Ready::Synchronised;
        let mut is_ready = !waits;
        if waits || now >= self.status_at {
            let standing = standing();
            is_ready |= standing.synchronised;
            if is_ready || now >= self.status_at {
                self.tell_status(&standing, now);
            }
        }
        if is_ready && !self.ready {
            self.ready = true;
            self.send("READY=1");
        }
    }

    /// The configuration is about to be read again.
    pub(crate) fn handle_reload(&mut self, now: Mono) {
        if self.ready {
            self.send(&format!("RELOADING=1\nMONOTONIC_USEC={}", now.nanos() / 1000));
        }
    }

    /// It was read, or stays the old one.
    pub(crate) fn handle_reloaded(&mut self) {
        if self.ready {
            self.send("READY=1");
        }
    }

    /// The end has begun.
    pub(crate) fn handle_end(&mut self) {
        self.send("STOPPING=1");
    }

    fn tell_status(&mut self, standing: &Standing, now: Mono) {
        self.status_at = now.after(STATUS_INTERVAL_S);
        // One line: a name from the configuration must not become a second field.
        let line: String =
            standing.sentence().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if line != self.status {
            self.send(&format!("STATUS={line}"));
            self.status = line;
        }
    }

    fn send(&self, text: &str) {
        // See the head of this file.
        let _ = self.socket.send_to_addr(text.as_bytes(), &self.address);
    }
}
