//! A listening address.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use super::message::{can_be_source, receive_datagram, send};
use super::{Received, options};
use crate::address::{bind_to, domain, local_address};
use crate::ffi::{self, set_option};

/// A socket that answers whoever asks.
///
/// The port is not shared with other programs (`SO_REUSEADDR` is off): a second server on it is an error that the operator
/// should see, and nobody can take our requests by binding to the same port more narrowly.
#[derive(Debug)]
pub struct ServerSocket {
    socket: OwnedFd,
    local: SocketAddr,
}

/// With whom a socket shares its port.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    /// With nobody.
    Alone,
    /// With those that join it after it was bound.
    Opens,
    /// With those that are there.
    Joins,
}

impl ServerSocket {
    /// Listens on an address, on one interface only if it is named. `[::]` means IPv6 only. An address that the
    /// machine does not have yet is accepted.
    ///
    /// # Errors
    /// `EADDRINUSE` if another program listens there, `EACCES` without the privilege for a low port, `ENODEV` for an
    /// interface that does not exist, `EAFNOSUPPORT` without IPv6, or no descriptors left.
    pub fn open(address: SocketAddr, interface: Option<&str>) -> io::Result<Self> {
        Self::open_as(address, interface, Sharing::Alone)
    }

    /// Several sockets on one address, among which the kernel shares the clients out: each client always comes to the same
    /// one. The first is bound like one that is alone, so another program on the port is an error here too; from then on,
    /// only programs of the same user could join.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_several(address: SocketAddr, interface: Option<&str>, count: usize) -> io::Result<Vec<Self>> {
        if count <= 1 {
            return Ok(vec![Self::open(address, interface)?]);
        }
        let first = Self::open_as(address, interface, Sharing::Opens)?;
        let address = first.local;
        let mut sockets = vec![first];
        for _ in 1..count {
            sockets.push(Self::open_as(address, interface, Sharing::Joins)?);
        }
        Ok(sockets)
    }

    fn open_as(address: SocketAddr, interface: Option<&str>, sharing: Sharing) -> io::Result<Self> {
        let family = address.ip();
        let socket = ffi::socket(domain(family), libc::SOCK_DGRAM)?;
        if address.is_ipv6() {
            set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
        }
        if let Some(interface) = interface {
            options::bind_to_interface(&socket, interface)?;
        }
        if !family.is_unspecified() {
            options::allow_absent_address(&socket, family);
        }
        options::ask_for_stamps(&socket, false);
        options::ask_for_details(&socket, family, !is_the_only_one(family));
        options::never_fragment(&socket, family);
        if sharing == Sharing::Joins {
            options::share_port(&socket)?;
        }
        bind_to(&socket, address)?;
        if sharing == Sharing::Opens {
            options::share_port(&socket)?;
        }
        // Asked only where the port is the kernel's choice, as demonstrations and tests do.
        let local = if address.port() == 0 { local_address(&socket)? } else { address };
        Ok(Self { socket, local })
    }

    /// Asks for receive stamps in an older form, without room for a network card's: a hundredth of what an answer
    /// costs. Whoever plays the kernel may not know that form.
    pub fn stamp_briefly(&self) {
        options::ask_for_brief_stamps(&self.socket);
    }

    /// Marks replies with a differentiated services code point (RFC 2474), up to 63; 0 for none.
    pub fn mark(&self, dscp: u8) {
        options::mark(&self.socket, self.local.ip(), dscp);
    }

    /// Receives a request, if there is one.
    ///
    /// # Errors
    /// Out of memory (`ENOBUFS`, `ENOMEM`); the socket stays usable.
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        let mut received = receive_datagram(&self.socket, buffer, None)?;
        if let Some(received) = &mut received {
            self.complete(received);
        }
        Ok(received)
    }

    /// Sends a reply from the address that the request was sent to, if that is known.
    ///
    /// # Errors
    /// `EMSGSIZE`, `ENETUNREACH`, or no room (`EAGAIN`, `ENOBUFS`): the reply is lost, as any datagram may be.
    pub fn send_to(&self, bytes: &[u8], remote: SocketAddr, local: Option<IpAddr>) -> io::Result<()> {
        send(&self.socket, bytes, Some(remote), local.filter(can_be_source))
    }

    /// The address it listens on, with the port that the kernel chose if it was asked to.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Whether it takes requests to any address of the machine.
    pub(super) fn is_on_any_address(&self) -> bool {
        self.local.ip().is_unspecified()
    }

    /// Adds what the kernel was not asked to tell.
    pub(super) fn complete(&self, received: &mut Received) {
        let ip = self.local.ip();
        received.local = received.local.or_else(|| is_the_only_one(ip).then_some(ip));
    }

    /// For `poll`.
    pub fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Whether requests to a socket on this address can have been sent to no other. Being told so for each would cost the
/// kernel five hundredths of an answer. On loopback it has to tell through which interface they came (NA-29).
fn is_the_only_one(address: IpAddr) -> bool {
    !address.is_unspecified() && !address.to_canonical().is_loopback()
}
