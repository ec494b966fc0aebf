//! Signals set flags; the event loop takes them.
//!
//! A signal that arrives after the loop has looked at its flags and before it sleeps in `poll` would be noticed
//! only at the next deadline, minutes later. `ppoll` or a self-pipe would close that gap, but the inline path has
//! neither (see the crate's manual). So the handler arms `alarm(1)`, and `SIGALRM` comes to the same handler,
//! which arms it again for as long as a flag is not taken: `poll` is interrupted again a second later at most.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use libc::c_int;

use crate::ffi::check;

static TERMINATE: AtomicBool = AtomicBool::new(false);
static RELOAD: AtomicBool = AtomicBool::new(false);

/// Catches `SIGTERM`, `SIGINT`, `SIGHUP` and `SIGALRM`, and ignores `SIGPIPE`. For the main program only: signals
/// belong to the process.
///
/// # Errors
/// None on a working system.
pub fn install() -> io::Result<()> {
    let handler = handle as extern "C" fn(c_int) as libc::sighandler_t;
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGALRM] {
        set_action(signal, handler)?;
    }
    set_action(libc::SIGPIPE, libc::SIG_IGN)
}

/// Whether the process was asked to end since the last call.
pub fn take_terminate() -> bool {
    TERMINATE.swap(false, Ordering::Relaxed)
}

/// Whether the process was asked to read its configuration again since the last call.
pub fn take_reload() -> bool {
    RELOAD.swap(false, Ordering::Relaxed)
}

fn set_action(signal: c_int, handler: libc::sighandler_t) -> io::Result<()> {
    // SAFETY: all zeros is a legal `sigaction`: no flags (so that `poll` is interrupted), no signals blocked.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    // SAFETY: the pointer is to `action`, which is complete; the handler calls only what a handler may.
    check(unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) })?;
    Ok(())
}

/// Does nothing but what POSIX allows in a handler: atomics and `alarm`.
extern "C" fn handle(signal: c_int) {
    match signal {
        libc::SIGTERM | libc::SIGINT => TERMINATE.store(true, Ordering::Relaxed),
        libc::SIGHUP => RELOAD.store(true, Ordering::Relaxed),
        _ => {}
    }
    if TERMINATE.load(Ordering::Relaxed) || RELOAD.load(Ordering::Relaxed) {
        // SAFETY: `alarm` is async-signal-safe and leaves `errno` alone.
        unsafe { libc::alarm(1) };
    }
}

#[cfg(test)]
mod tests;
