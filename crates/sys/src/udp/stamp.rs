//! From what the kernel says to a timestamp with an error.

use std::io;
use std::os::fd::OwnedFd;

use truechimer_discipline::clock::SystemClock;
use truechimer_time::{Cooked, NtpDuration, Stamp, StampSource};

use super::options;
use crate::ffi;

/// Between the wire and the kernel's stamp lie the card, the interrupt and its hand-over. All of that is time that a reply
/// has waited already, or that a request still waits: it makes the measured delay longer, as a queue does, and no bound
/// wrong. What is left is that processors read the clock a moment apart, and a driver that stamps just after it has handed a
/// packet over.
const KERNEL_ERROR_S: f64 = 1e-6;
/// Between the kernel's stamp and a program that `poll` wakes lie the scheduler and two system calls: time that varies much.
const USER_ERROR_S: f64 = 50e-6;
/// A packet waits no longer than this for a program that runs at all; a stamp older than that is by a clock that was
/// stepped meanwhile, or nonsense.
const OLDEST: NtpDuration = NtpDuration::from_bits(64 << 32);
/// A datagram may come in between the reading of the clock and the reading of the socket: 1 ms. A stamp that is later than
/// that is by a clock that was stepped back meanwhile.
const LEAD: NtpDuration = NtpDuration::from_nanos(1_000_000);

/// When a datagram arrived. `now` is the reading of `clock` taken when `poll` returned.
///
/// The kernel's stamp is used if it is sane: not later than `now`, but for the moment that handling takes, and not absurdly
/// older. Otherwise it is `now`, which is late by as long as the datagram waited: that makes the measured delay longer,
/// so a bound from half the delay still holds (AT-47).
pub fn judge_received(kernel: Option<Cooked>, clock: &mut dyn SystemClock, now: Cooked) -> Stamp {
    let kernel = kernel.map(|stamp| clock.from_kernel(stamp));
    match kernel.filter(|stamp| is_recent(*stamp, now)) {
        Some(at) => Stamp { at, source: StampSource::Kernel, error: KERNEL_ERROR_S },
        None => Stamp { at: now, source: StampSource::User, error: USER_ERROR_S },
    }
}

/// When a datagram left. `before` is the reading of `clock` just before it was handed to the kernel, `now` the one
/// of this turn of the loop. Without a sane stamp of the kernel's it is `before`, which is early: the measured
/// delay is longer, and a bound from half of it still holds.
pub fn judge_sent(kernel: Option<Cooked>, clock: &mut dyn SystemClock, before: Cooked, now: Cooked) -> Stamp {
    let kernel = kernel.map(|stamp| clock.from_kernel(stamp));
    match kernel.filter(|stamp| before <= *stamp && is_recent(*stamp, now)) {
        Some(at) => Stamp { at, source: StampSource::Kernel, error: KERNEL_ERROR_S },
        None => Stamp { at: before, source: StampSource::User, error: USER_ERROR_S },
    }
}

fn is_recent(stamp: Cooked, now: Cooked) -> bool {
    stamp <= now + LEAD && now - stamp <= OLDEST
}

/// Keeps the kernel's timestamping switched on.
///
/// The kernel stamps packets only while some socket wants it, and needs some milliseconds to begin. A client that opens
/// a fresh socket for every request would often get a stamp made when it read the packet instead of when the packet
/// came. Holding one of these for the life of the program prevents that.
#[derive(Debug)]
pub struct StampKeeper {
    _socket: OwnedFd,
}

impl StampKeeper {
    /// Opens a socket that asks for timestamps and is used for nothing else.
    ///
    /// # Errors
    /// No descriptors left. The program works without, and worse.
    pub fn open() -> io::Result<Self> {
        let socket = ffi::socket(libc::AF_INET, libc::SOCK_DGRAM)?;
        options::ask_for_stamps(&socket, false);
        Ok(Self { _socket: socket })
    }
}
