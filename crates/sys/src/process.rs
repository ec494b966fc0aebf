//! What a program does to itself: it leaves the terminal that it was started from, and sees who else runs.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;

use crate::ffi::check;

/// Begins a session of its own: a terminal that hangs up, or a `^C` at it, concerns the process no more.
///
/// # Errors
/// `EPERM` if the process leads a group already, as one does that a shell has started.
pub fn begin_session() -> io::Result<()> {
    // SAFETY: no pointers are passed.
    check(unsafe { libc::setsid() }).map(drop)
}

/// Gives up the standard descriptors: nothing can be read, and what is written goes nowhere. Whoever waits for their ends
/// does so no longer.
///
/// # Errors
/// `/dev/null` cannot be opened; then they are as they were.
pub fn close_standard_descriptors() -> io::Result<()> {
    let nothing = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    for fd in [libc::STDIN_FILENO, libc::STDOUT_FILENO, libc::STDERR_FILENO] {
        // SAFETY: no pointers are passed. The standard library never owns the three as if they were closed.
        check(unsafe { libc::dup2(nothing.as_raw_fd(), fd) })?;
    }
    Ok(())
}

/// Whether there is a process of this number, whoever it belongs to.
pub fn is_running(id: u32) -> bool {
    let Ok(id) = libc::pid_t::try_from(id) else { return false };
    // 0 would be ourselves.
    // SAFETY: no pointers are passed.
    id > 0 && unsafe { libc::getsid(id) } >= 0
}

/// Whether the process is root.
pub fn is_root() -> bool {
    // SAFETY: no pointers are passed.
    unsafe { libc::geteuid() == 0 }
}

#[cfg(test)]
mod tests;
