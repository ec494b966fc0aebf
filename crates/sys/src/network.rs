//! Whether the machine is still on the same network: the kernel's routing messages (rtnetlink(7)).
//!
//! The kernel tells every socket that asks for it when a link, an address or a route changes. What the messages say is not
//! looked at: there may be very many of them, they may have been dropped, and most are about something else. They only
//! are the reason to take a [picture](Picture) of what decides by which way and from which address packets leave, and to
//! compare it with the last one.

mod netlink;
mod picture;

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

pub use picture::Picture;

use crate::ffi::is_not_ready;

/// Links, addresses and routes of both families.
const GROUPS: libc::c_int = libc::RTMGRP_LINK
    | libc::RTMGRP_IPV4_IFADDR
    | libc::RTMGRP_IPV6_IFADDR
    | libc::RTMGRP_IPV4_ROUTE
    | libc::RTMGRP_IPV6_ROUTE;
/// Messages taken in by one look; what is left then makes the socket ready again.
const MOST_MESSAGES: usize = 256;

/// Tells when the machine's network may have become another one.
///
/// Not for the inline path, where libc may be interposed by somebody who knows no such sockets.
#[derive(Debug)]
pub struct NetworkWatch {
    socket: OwnedFd,
    /// At the last look.
    picture: Picture,
}

impl NetworkWatch {
    /// From now on.
    ///
    /// # Errors
    /// The system forbids such sockets (`EAFNOSUPPORT`, `EPERM`), or has run out of descriptors or memory.
    pub fn open() -> io::Result<Self> {
        let socket = netlink::open(GROUPS)?;
        Ok(Self { socket, picture: Picture::take()? })
    }

    /// For `poll`: ready when something has changed.
    pub fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Takes in what the kernel had to say, and looks. `true` if packets leave by another way or from another address than at
    /// the last look.
    ///
    /// # Errors
    /// The look was not possible (`EMFILE`, `ENOBUFS` and the like); the next one compares with the one before.
    pub fn has_changed(&mut self) -> io::Result<bool> {
        self.take_in();
        let picture = Picture::take()?;
        let changed = picture != self.picture;
        self.picture = picture;
        Ok(changed)
    }

    /// Empties the socket before the look, so that what changes during it makes the socket ready again.
    fn take_in(&self) {
        let mut buffer = [0; 1];
        for _ in 0..MOST_MESSAGES {
            match netlink::receive(&self.socket, &mut buffer) {
                Err(error) if is_not_ready(&error) => return,
                // There were more messages than the socket could keep (ENOBUFS): reading it has cleared that.
                Ok(_) | Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
