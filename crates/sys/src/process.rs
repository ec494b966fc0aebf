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

/// Locks the process into memory, with all that it will ask for: nothing of it is ever paged out.
///
/// # Errors
/// `EPERM` without the privilege to lock as much as may come: with a limit, running into it later would be the end.
pub fn lock_memory() -> io::Result<()> {
    let endless = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the pointer is to a local structure.
    check(unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const endless) })?;
    // SAFETY: no pointers are passed.
    check(unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) }).map(drop)
}

/// Runs the calling thread before all that is not as urgent (`SCHED_FIFO`), at a priority from 1 to 99. What it starts from now on
/// runs as usual.
///
/// # Errors
/// `EPERM` without the privilege, `EINVAL` for another priority.
pub fn run_first(priority: u8) -> io::Result<()> {
    let parameter = libc::sched_param { sched_priority: priority.into() };
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: the pointer is to a local structure; 0 is the calling thread.
    check(unsafe { libc::sched_setscheduler(0, policy, &raw const parameter) }).map(drop)
}

#[cfg(test)]
mod tests;
