//! Waiting: `poll(2)`, and nothing else (see the crate's manual for why).

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

use libc::{c_int, c_short, pollfd};

use crate::ffi::check;

/// What to wait for on a descriptor. Errors are always reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Something to read, or a transmit timestamp.
    Read,
    /// Room to write.
    Write,
    /// Both.
    ReadWrite,
}

/// The descriptors to wait for, built anew for each turn of the loop; it keeps its memory.
#[derive(Debug, Default)]
pub struct PollSet {
    entries: Vec<pollfd>,
}

/// Ready to be read without blocking. Trouble counts, as reading is how it is noticed and cleared.
const READABLE: c_short = libc::POLLIN | libc::POLLHUP | libc::POLLERR | libc::POLLNVAL;
const WRITABLE: c_short = libc::POLLOUT | libc::POLLHUP | libc::POLLERR | libc::POLLNVAL;
/// Something in the error queue of a socket. The kernel says `POLLERR`; others say `POLLPRI` as well or instead.
const ERROR: c_short = libc::POLLERR | libc::POLLPRI;

impl PollSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets all descriptors.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Adds a descriptor and returns its index for the questions below. A negative one is never ready.
    pub fn push(&mut self, fd: RawFd, interest: Interest) -> usize {
        let events = match interest {
            Interest::Read => libc::POLLIN | libc::POLLPRI,
            Interest::Write => libc::POLLOUT,
            Interest::ReadWrite => libc::POLLIN | libc::POLLPRI | libc::POLLOUT,
        };
        self.entries.push(pollfd { fd, events, revents: 0 });
        self.entries.len() - 1
    }

    /// Waits until a descriptor is ready, the time is over (`None`: never) or a signal came in. The time is
    /// rounded up to the millisecond, so a deadline has passed when this returns for it.
    ///
    /// # Errors
    /// `ENOMEM` and `EINVAL` (more descriptors than the process may have); no descriptor is ready then. A
    /// signal is no error.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        for entry in &mut self.entries {
            entry.revents = 0;
        }
        let timeout = timeout.map_or(-1, milliseconds);
        if self.entries.is_empty() && timeout == 0 {
            return Ok(());
        }
        // SAFETY: the pointer and the count describe `entries`, which is not touched during the call.
        let result = check(unsafe {
            libc::poll(self.entries.as_mut_ptr(), self.entries.len() as libc::nfds_t, timeout)
        });
        match result {
            Ok(_) => Ok(()),
            Err(error) => {
                for entry in &mut self.entries {
                    entry.revents = 0;
                }
                if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) }
            }
        }
    }

    /// Whether the descriptor can be read: there is data, the other end is gone, or there is an error to fetch.
    pub fn readable(&self, index: usize) -> bool {
        self.has(index, READABLE)
    }

    /// Whether the descriptor can be written.
    pub fn writable(&self, index: usize) -> bool {
        self.has(index, WRITABLE)
    }

    /// Whether the error queue of a socket holds something: a transmit timestamp or an error.
    pub fn error(&self, index: usize) -> bool {
        self.has(index, ERROR)
    }

    fn has(&self, index: usize, events: c_short) -> bool {
        self.entries.get(index).is_some_and(|entry| entry.revents & events != 0)
    }
}

/// Milliseconds for the kernel, rounded up; what does not fit is 24 days.
fn milliseconds(timeout: Duration) -> c_int {
    c_int::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX)
}

#[cfg(test)]
mod tests;
