//! A role that runs.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::process::{Child, Command, Stdio};

use super::channel;
use crate::ffi;

pub(super) struct Process {
    child: Child,
    socket: OwnedFd,
}

impl Process {
    pub(super) fn start(program: &mut (dyn FnMut() -> Command + Send)) -> io::Result<Self> {
        let (socket, theirs) = channel::pair()?;
        let child = program().stdin(Stdio::from(theirs)).stdout(Stdio::null()).spawn()?;
        let process = Self { child, socket };
        ffi::keep_to_ourselves(&process.socket)?;
        Ok(process)
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// A message, if there is one; the end is an error.
    pub(super) fn receive(&self, max: usize) -> io::Result<Option<Vec<u8>>> {
        // A role has no descriptors to give: those that it sends are closed unseen.
        match channel::receive(self.socket.as_fd(), max) {
            Ok(message) if message.bytes.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(message) => Ok(Some(message.bytes)),
            Err(error) if ffi::is_not_ready(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Ends it, and gives it back if that is not done yet. It is killed where that is permitted. A daemon that has become
    /// another user than the role's may not; then the role ends when it sees that its socket is closed, or, if it
    /// hangs, when its time for an answer is over.
    pub(super) fn end(mut self) -> Option<Child> {
        drop(self.socket);
        let done = match self.child.kill() {
            Ok(()) => self.child.wait().is_ok(),
            Err(_) => !matches!(self.child.try_wait(), Ok(None)),
        };
        (!done).then_some(self.child)
    }
}
