//! What runs inside a role process.

use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::channel;
use super::sandbox::{self, Duty};
use crate::ffi::{self, is_not_ready};
use crate::privileges;

/// What a role is left with, beyond being nobody without privileges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confinement {
    /// Its claim to the processor behind that of others: 0 (none) to 19.
    pub nice: u8,
    /// Whether it must not start threads or processes. (A name resolver may be made of modules that do.)
    pub alone: bool,
    /// How many descriptors it may have open, as far as the system permits so many; `None` as many as the daemon.
    pub descriptors: Option<u64>,
    /// What it may ask of the kernel; `None`: whatever nobody may.
    pub duty: Option<Duty>,
}

/// Whether the role's end of the socket waits for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// [`Inside::receive`] waits until there is one.
    Blocks,
    /// It comes back at once; the role has other things to wait for.
    Polls,
}

/// The role's end.
#[derive(Debug)]
pub struct Inside {
    max_message: usize,
}

impl Inside {
    /// Gives up every privilege and takes the role's end of the socket, which is standard input. Messages to the role have
    /// at most so many bytes.
    ///
    /// # Errors
    /// Privileges cannot be given up: the role must end.
    pub fn enter(confinement: &Confinement, waiting: Waiting, max_message: usize) -> io::Result<Self> {
        privileges::enter_role(confinement)?;
        let inside = Self { max_message };
        if waiting == Waiting::Polls {
            ffi::keep_to_ourselves(&inside.socket())?;
        }
        let missing = confinement.duty.map(sandbox::confine).unwrap_or_default();
        if !missing.is_empty() {
            // Where this goes is the daemon's journal, or the service manager's.
            let text = format!("chimerd: a helper process is confined less: {}\n", missing.join("; "));
            let _ = io::stderr().write_all(text.as_bytes());
        }
        Ok(inside)
    }

    fn socket(&self) -> BorrowedFd<'static> {
        // SAFETY: nobody closes standard input for as long as the process runs.
        unsafe { BorrowedFd::borrow_raw(libc::STDIN_FILENO) }
    }

    /// For `poll`.
    pub fn fd(&self) -> RawFd {
        self.socket().as_raw_fd()
    }

    /// From now on it has so long to [wait](Self::rest) again; a role that does not is ended by the kernel, as the daemon may
    /// not be able to.
    pub fn work_for(&self, seconds: u32) {
        // Nobody has caught SIGALRM since the program was started, so it ends the process.
        // SAFETY: no pointers are passed.
        unsafe { libc::alarm(seconds) };
    }

    /// Its work is done for now.
    pub fn rest(&self) {
        self.work_for(0);
    }

    /// Takes a message of the daemon's, with the descriptor that came with it. `None` if there is none yet.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the daemon has ended or wants the role to; anything else is a fault.
    pub fn receive(&self) -> io::Result<Option<(Vec<u8>, Option<OwnedFd>)>> {
        match channel::receive(self.socket().as_fd(), self.max_message) {
            Ok(message) if message.bytes.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(message) => Ok(Some((message.bytes, message.descriptor))),
            Err(error) if is_not_ready(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Says something to the daemon. Whether there was room for it.
    ///
    /// # Errors
    /// The daemon has ended.
    pub fn send(&self, bytes: &[u8]) -> io::Result<bool> {
        channel::send(self.socket().as_fd(), bytes, None)
    }
}
