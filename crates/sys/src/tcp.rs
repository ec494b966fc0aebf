//! Stream sockets, for key exchange. Nothing here waits: what cannot be done at once comes back as `None`.
//!
//! Running out of descriptors or memory (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`) is a normal state of a server that
//! strangers connect to, and [`accept`](TcpListener::accept) tells it apart: the caller lets the listener rest for a moment
//! and goes on with everything else (CVE-2024-38528).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use libc::c_int;

use crate::address::{RawAddress, bind_to, domain, local_address};
use crate::ffi::{self, check, check_len, is_not_ready, set_option};
use crate::udp::{allow_absent_address, bind_to_interface};

/// Connections that may wait to be accepted.
const BACKLOG: c_int = 128;

/// A listening address.
#[derive(Debug)]
pub struct TcpListener {
    socket: OwnedFd,
    local: SocketAddr,
}

impl TcpListener {
    /// Listens on an address, on one interface only if it is named. `[::]` means IPv6 only. An address that the machine
    /// does not have yet is accepted.
    ///
    /// # Errors
    /// `EADDRINUSE` if another program listens there, `EACCES` without the privilege for a low port, `ENODEV` for an
    /// interface that does not exist, `EAFNOSUPPORT` without IPv6, or no descriptors left.
    pub fn open(address: SocketAddr, interface: Option<&str>) -> io::Result<Self> {
        let socket = ffi::socket(domain(address.ip()), libc::SOCK_STREAM)?;
        // Connections of an earlier run that are still being closed are no other server.
        set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
        if address.is_ipv6() {
            set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
        }
        if let Some(interface) = interface {
            bind_to_interface(&socket, interface)?;
        }
        if !address.ip().is_unspecified() {
            allow_absent_address(&socket, address.ip());
        }
        bind_to(&socket, address)?;
        // SAFETY: no pointers are passed.
        check(unsafe { libc::listen(socket.as_raw_fd(), BACKLOG) })?;
        Self::from_descriptor(socket)
    }

    /// Takes over a socket that listens already.
    ///
    /// # Errors
    /// It is no socket of an IP family.
    pub fn from_descriptor(socket: OwnedFd) -> io::Result<Self> {
        ffi::keep_to_ourselves(&socket)?;
        let local = local_address(&socket)?;
        Ok(Self { socket, local })
    }

    /// Another handle of the same socket.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()?, local: self.local })
    }

    /// Takes a waiting connection, if there is one, and tells from whom it is.
    ///
    /// # Errors
    /// Descriptors or memory have run out. The connection goes on waiting, so a caller that asks again at once spins.
    pub fn accept(&self) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        let mut address = RawAddress::empty();
        let mut length = address.length();
        // SAFETY: the pointers are to an address with room for any family and to its length.
        let accepted = check(unsafe {
            libc::accept(self.socket.as_raw_fd(), address.storage_mut().cast(), &raw mut length)
        });
        let socket = match accepted {
            Ok(fd) => ffi::own(fd),
            Err(error) if is_shortage(&error) => return Err(error),
            // Nobody waits, or who did has gone: accept(2) also passes on what the network said of the connection.
            Err(_) => return Ok(None),
        };
        let Some(remote) = address.parse(length) else { return Ok(None) };
        ffi::keep_to_ourselves(&socket)?;
        send_at_once(&socket);
        Ok(Some((TcpStream(socket), remote)))
    }

    /// The address it listens on, with the port that the kernel chose if it was asked to.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// For `poll`.
    pub fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether a call failed because the system or the process has run out of something.
pub fn is_shortage(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}

/// A connection.
#[derive(Debug)]
pub struct TcpStream(OwnedFd);

impl TcpStream {
    /// Begins to connect, from the address `bind` if one is given. When `poll` says that it can be written,
    /// [`connected`](Self::connected) tells what became of it.
    ///
    /// # Errors
    /// No descriptors left, no way to the address, or an address to bind to that is not ours.
    pub fn connect(remote: SocketAddr, bind: Option<IpAddr>) -> io::Result<Self> {
        let socket = ffi::socket(domain(remote.ip()), libc::SOCK_STREAM)?;
        if let Some(local) = bind {
            bind_to(&socket, SocketAddr::new(local, 0))?;
        }
        send_at_once(&socket);
        let address = RawAddress::new(remote);
        // SAFETY: the pointer and the length describe `address`.
        let begun = check(unsafe { libc::connect(socket.as_raw_fd(), address.pointer(), address.length()) });
        match begun {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
            _ => Ok(Self(socket)),
        }
    }

    /// Whether a connection that can be written has come about.
    ///
    /// # Errors
    /// It has not: refused, timed out, no way there.
    pub fn connected(&self) -> io::Result<()> {
        let mut error: c_int = 0;
        let mut length = ffi::size_of::<c_int>();
        // SAFETY: the pointers are to an integer and to its length.
        check(unsafe {
            libc::getsockopt(
                self.fd(),
                libc::SOL_SOCKET,
                libc::SO_ERROR,
                (&raw mut error).cast(),
                &raw mut length,
            )
        })?;
        if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
    }

    /// Reads what is there: `None` if there is nothing yet, `Some(0)` at the end.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        // SAFETY: the pointer and the length describe `buffer`.
        let len = unsafe { libc::recv(self.fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
        none_if_not_ready(check_len(len))
    }

    /// Writes what there is room for: `None` if there is no room now. Nobody reading any more is an error, not a signal.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        // SAFETY: the pointer and the length describe `bytes`.
        let len = unsafe { libc::send(self.fd(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
        none_if_not_ready(check_len(len))
    }

    /// Tells the other side that nothing more will be written.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn finish(&self) -> io::Result<()> {
        // SAFETY: no pointers are passed.
        check(unsafe { libc::shutdown(self.fd(), libc::SHUT_WR) }).map(drop)
    }

    /// For `poll`.
    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

fn none_if_not_ready(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(len) => Ok(Some(len)),
        Err(error) if is_not_ready(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A handshake is a few small messages each way: none gains by waiting for more to go with it. Best effort.
fn send_at_once(socket: &OwnedFd) {
    let _ = set_option(socket, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1);
}

#[cfg(test)]
mod tests;
