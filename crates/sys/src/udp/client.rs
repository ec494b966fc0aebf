//! One request, one socket.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use truechimer_time::Cooked;

use super::message::{receive, receive_datagram, send};
use super::{Received, options};
use crate::address::{RawAddress, bind_to, domain};
use crate::ffi::{self, check};

/// A connected socket on a random port of the kernel's choice (RFC 9109).
#[derive(Debug)]
pub struct ClientSocket {
    socket: OwnedFd,
    remote: SocketAddr,
}

impl ClientSocket {
    /// Opens a socket to `remote`, from the address `bind` if one is given.
    ///
    /// # Errors
    /// No descriptors or memory left (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`), no way to the address
    /// (`ENETUNREACH`), a family that the machine has not (`EAFNOSUPPORT`, `EINVAL`), or an address to bind
    /// to that is not ours (`EADDRNOTAVAIL`).
    pub fn open(remote: SocketAddr, bind: Option<IpAddr>) -> io::Result<Self> {
        let family = remote.ip();
        let socket = ffi::socket(domain(family), libc::SOCK_DGRAM)?;
        options::ask_for_stamps(&socket, true);
        options::ask_for_details(&socket, family, true);
        options::never_fragment(&socket, family);
        options::queue_errors(&socket, family);
        if let Some(local) = bind {
            bind_to(&socket, SocketAddr::new(local, 0))?;
        }
        let address = RawAddress::new(remote);
        // SAFETY: the pointer and the length describe `address`.
        check(unsafe { libc::connect(socket.as_raw_fd(), address.pointer(), address.length()) })?;
        Ok(Self { socket, remote })
    }

    /// Sends a datagram.
    ///
    /// # Errors
    /// `EMSGSIZE` for one larger than the interface allows, `ECONNREFUSED` and the like if the network has
    /// reported an error for this socket, or no room (`EAGAIN`, `ENOBUFS`).
    pub fn send(&self, bytes: &[u8]) -> io::Result<()> {
        send(&self.socket, bytes, None, None)
    }

    /// Receives a datagram from the server, if there is one.
    ///
    /// # Errors
    /// What the network reported for this socket. Such a report may be forged; a reply may still come.
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        receive_datagram(&self.socket, buffer, Some(self.remote))
    }

    /// Takes one entry from the error queue: when a datagram left, by the machine's real clock.
    ///
    /// # Errors
    /// The entry was an error that the network reported (see [`recv`](Self::recv)).
    pub fn recv_tx_stamp(&self) -> io::Result<Option<Cooked>> {
        // Room for the packet, which some systems return with its stamp: it is not looked at.
        let mut packet = [0; 256];
        let Some(message) = receive(&self.socket, &mut packet, libc::MSG_ERRQUEUE)? else { return Ok(None) };
        if let Some(error) = message.details.error {
            return Err(io::Error::from_raw_os_error(error));
        }
        let queued = message.flags & libc::MSG_ERRQUEUE != 0;
        Ok(message.details.stamp.filter(|_| queued))
    }

    /// The server's address.
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// For `poll`.
    pub fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
