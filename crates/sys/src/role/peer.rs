//! Who is at the other end of a role's socket (`SO_PEERCRED`, unix(7)).

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use libc::{c_int, uid_t};

use crate::ffi::{self, check};
use crate::privileges;

/// Whether a socket that we have connected to is kept by the service manager, that is by root, or by ourselves.
pub(super) fn expect_manager(socket: &OwnedFd) -> io::Result<()> {
    let user = user_of(socket.as_raw_fd())?;
    if user == 0 || user == ourselves() { Ok(()) } else { Err(stranger("the socket belongs to", user)) }
}

/// For a role, before anything else: whether its standard input comes from root, from the user that it runs as itself, or
/// from this one. Nobody else is the daemon.
///
/// # Errors
/// It comes from somebody else, or is no socket of a kind that can tell; there is no such user.
pub fn expect_daemon(user: Option<&str>) -> io::Result<()> {
    let other = user_of(libc::STDIN_FILENO)?;
    if other == 0 || other == ourselves() {
        return Ok(());
    }
    match user.map(privileges::user_id).transpose()? {
        Some(user) if user == other => Ok(()),
        _ => Err(stranger("it was called by", other)),
    }
}

fn ourselves() -> uid_t {
    // SAFETY: no pointers are passed.
    unsafe { libc::geteuid() }
}

fn user_of(socket: c_int) -> io::Result<uid_t> {
    let mut credentials = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut len = ffi::size_of::<libc::ucred>();
    // SAFETY: the pointers are to a structure and its length. A number that is no descriptor is an error.
    check(unsafe {
        libc::getsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut credentials).cast(),
            &raw mut len,
        )
    })?;
    // Without credentials the kernel says -1.
    let known = len == ffi::size_of::<libc::ucred>() && credentials.uid != uid_t::MAX;
    if known { Ok(credentials.uid) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn stranger(what: &str, user: uid_t) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, format!("{what} user {user}, who has no business here"))
}
