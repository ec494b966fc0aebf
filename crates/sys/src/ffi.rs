//! What every call into libc needs: errors out of `errno`, options, descriptors that close themselves.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use libc::c_int;

/// The result of a call that returns −1 and sets `errno` when it fails.
pub(crate) fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The same for calls that return a length.
pub(crate) fn check_len(result: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// The size of a type as the kernel wants to be told.
pub(crate) const fn size_of<T>() -> libc::socklen_t {
    // No type here is longer than a few hundred bytes.
    std::mem::size_of::<T>() as libc::socklen_t
}

/// Sets an option whose value is one integer.
pub(crate) fn set_option(socket: &OwnedFd, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `value`, which outlives the call.
    check(unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), size_of::<c_int>())
    })?;
    Ok(())
}

/// A non-blocking socket that is not inherited by programs we start.
///
/// The two properties go into the type where the kernel, or whoever plays it, takes them there; otherwise they
/// are set afterwards.
pub(crate) fn socket(domain: c_int, kind: c_int) -> io::Result<OwnedFd> {
    // SAFETY: no pointers are passed.
    let fd = unsafe { libc::socket(domain, kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0) };
    if fd >= 0 {
        return Ok(own(fd));
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() != Some(libc::EINVAL) {
        return Err(error);
    }
    // SAFETY: no pointers are passed.
    let socket = own(check(unsafe { libc::socket(domain, kind, 0) })?);
    keep_to_ourselves(&socket)?;
    Ok(socket)
}

/// Makes a descriptor non-blocking and closed on `exec`.
pub(crate) fn keep_to_ourselves(fd: &impl AsRawFd) -> io::Result<()> {
    let fd = fd.as_raw_fd();
    // SAFETY: `fcntl` with these commands takes and returns integers only.
    unsafe {
        check(libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC))?;
        let flags = check(libc::fcntl(fd, libc::F_GETFL))?;
        check(libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK))?;
    }
    Ok(())
}

/// Takes over a descriptor that a call has just returned.
pub(crate) fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: callers pass what a successful call returned a moment ago, so it is open and nobody else's.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// Whether a call failed only because there is nothing to do yet.
pub(crate) fn is_not_ready(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
