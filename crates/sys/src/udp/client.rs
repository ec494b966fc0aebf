//! One request, one socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use truechimer_time::Cooked;

use super::message::{receive, receive_datagram, send};
use super::{Received, options};
use crate::address::{RawAddress, bind_to, domain};
use crate::ffi::{self, check};

/// How requests leave this machine, where that is not left to the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Departure<'a> {
    /// From this address.
    pub bind: Option<IpAddr>,
    /// From this port instead of a random one, which is easier to forge answers to.
    pub port: Option<u16>,
    /// By this interface.
    pub interface: Option<&'a str>,
    /// With this differentiated services code point, up to 63; 0 for none.
    pub dscp: u8,
}

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
        Self::open_as(remote, &Departure { bind, ..Departure::default() })
    }

    /// Opens a socket to `remote` from which requests leave in this way. Sockets to several servers can have one port.
    ///
    /// # Errors
    /// As [`open`](Self::open); also `ENODEV` for an interface that is not there, `EPERM` before Linux 5.7 for any
    /// without the capability `CAP_NET_RAW`, `EACCES` for a port below 1024 without `CAP_NET_BIND_SERVICE`, and
    /// `EADDRINUSE` for one that another program has.
    pub fn open_as(remote: SocketAddr, departure: &Departure<'_>) -> io::Result<Self> {
        let family = remote.ip();
        let socket = ffi::socket(domain(family), libc::SOCK_DGRAM)?;
        options::ask_for_stamps(&socket, true);
        options::ask_for_details(&socket, family, true);
        options::never_fragment(&socket, family);
        options::queue_errors(&socket, family);
        if departure.dscp != 0 {
            options::mark(&socket, family, departure.dscp);
        }
        if let Some(interface) = departure.interface {
            options::bind_to_interface(&socket, interface)?;
        }
        if departure.port.is_some() {
            options::share_port(&socket)?;
        }
        if departure.bind.is_some() || departure.port.is_some() {
            let any = match family {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            };
            let local = departure.bind.unwrap_or(any);
            bind_to(&socket, SocketAddr::new(local, departure.port.unwrap_or(0)))?;
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
