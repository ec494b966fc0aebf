//! A role that runs.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;
use std::process::{Child, Stdio};

use super::{Program, Start, channel, peer};
use crate::{ffi, unix};

pub(super) struct Process {
    /// `None`: whoever listens at a socket has started it.
    child: Option<Child>,
    socket: OwnedFd,
}

impl Process {
    pub(super) fn start(program: &mut Program) -> io::Result<Self> {
        let make = match &mut program.0 {
            Start::Child(make) => make,
            Start::Socket(path) => {
                let named =
                    |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
                let socket = Self::connect(path).map_err(named)?;
                return Ok(Self { child: None, socket });
            }
        };
        let (socket, theirs) = channel::pair()?;
        let child = Some(make().stdin(Stdio::from(theirs)).stdout(Stdio::null()).spawn()?);
        let process = Self { child, socket };
        ffi::keep_to_ourselves(&process.socket)?;
        Ok(process)
    }

    fn connect(path: &Path) -> io::Result<OwnedFd> {
        let socket = unix::connect(path, libc::SOCK_SEQPACKET)?;
        peer::expect_manager(&socket)?;
        Ok(socket)
    }

    pub(super) fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
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
    /// another user than the role's may not, nor one whose child it is not; then the role ends when it sees that its
    /// socket is closed, or, if it hangs, when its time for a piece of work is over ([`Inside::work_for`]).
    ///
    /// [`Inside::work_for`]: super::Inside::work_for
    pub(super) fn end(self) -> Option<Child> {
        drop(self.socket);
        let mut child = self.child?;
        let done = match child.kill() {
            Ok(()) => child.wait().is_ok(),
            Err(_) => !matches!(child.try_wait(), Ok(None)),
        };
        (!done).then_some(child)
    }
}
