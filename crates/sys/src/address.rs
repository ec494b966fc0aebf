//! Socket addresses as the kernel writes them.

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};

use libc::{c_int, sa_family_t, sockaddr_in, sockaddr_in6, sockaddr_storage, socklen_t};

use crate::ffi::{self, check};

/// An address in the kernel's form, and how many bytes of it count.
#[derive(Clone, Copy)]
pub(crate) struct RawAddress {
    storage: sockaddr_storage,
    length: socklen_t,
}

impl RawAddress {
    /// Room for any address, to be filled by the kernel.
    pub(crate) fn empty() -> Self {
        // SAFETY: all zeros is a legal `sockaddr_storage`: family unspecified.
        Self { storage: unsafe { mem::zeroed() }, length: ffi::size_of::<sockaddr_storage>() }
    }

    pub(crate) fn new(address: SocketAddr) -> Self {
        let mut raw = Self::empty();
        match address {
            SocketAddr::V4(v4) => raw.put(sockaddr_in {
                sin_family: libc::AF_INET as sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: in_addr(*v4.ip()),
                sin_zero: [0; 8],
            }),
            SocketAddr::V6(v6) => raw.put(sockaddr_in6 {
                sin6_family: libc::AF_INET6 as sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: in6_addr(*v6.ip()),
                sin6_scope_id: v6.scope_id(),
            }),
        }
        raw
    }

    /// A copy of an address that libc made; `None` if it is missing or longer than any.
    ///
    /// # Safety
    /// `address` must be null or point to `length` readable bytes.
    pub(crate) unsafe fn copy(address: *const libc::sockaddr, length: socklen_t) -> Option<Self> {
        if address.is_null() || length > ffi::size_of::<sockaddr_storage>() {
            return None;
        }
        let mut raw = Self::empty();
        // SAFETY: the source is readable by the caller's promise, and the storage is long enough.
        unsafe {
            address.cast::<u8>().copy_to_nonoverlapping((&raw mut raw.storage).cast(), length as usize)
        };
        raw.length = length;
        Some(raw)
    }

    fn put<T: Copy>(&mut self, value: T) {
        const { assert!(mem::size_of::<T>() <= mem::size_of::<sockaddr_storage>()) };
        // SAFETY: the storage is long enough for `T`, as the line above makes sure of, and is aligned for
        // every kind of socket address.
        unsafe { (&raw mut self.storage).cast::<T>().write(value) };
        self.length = ffi::size_of::<T>();
    }

    pub(crate) fn pointer(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    pub(crate) fn storage_mut(&mut self) -> *mut sockaddr_storage {
        &raw mut self.storage
    }

    pub(crate) fn length(&self) -> socklen_t {
        self.length
    }

    /// Room for any address again, to be filled by the kernel; what is in it stays until then.
    pub(crate) fn clear(&mut self) {
        self.length = ffi::size_of::<sockaddr_storage>();
    }

    /// The kernel wrote an address of this length.
    pub(crate) fn filled(&mut self, length: socklen_t) {
        self.length = length.min(ffi::size_of::<sockaddr_storage>());
    }

    /// The address that the kernel wrote as the first `length` bytes, if it is one of the two families.
    pub(crate) fn parse(&self, length: socklen_t) -> Option<SocketAddr> {
        match c_int::from(self.storage.ss_family) {
            libc::AF_INET if length >= ffi::size_of::<sockaddr_in>() => {
                // SAFETY: the family says what the storage holds, and it is long enough for either.
                let v4 = unsafe { (&raw const self.storage).cast::<sockaddr_in>().read() };
                let ip = ipv4(v4.sin_addr);
                Some(SocketAddr::V4(SocketAddrV4::new(ip, u16::from_be(v4.sin_port))))
            }
            libc::AF_INET6 if length >= ffi::size_of::<sockaddr_in6>() => {
                // SAFETY: as above.
                let v6 = unsafe { (&raw const self.storage).cast::<sockaddr_in6>().read() };
                let ip = ipv6(v6.sin6_addr);
                let port = u16::from_be(v6.sin6_port);
                Some(SocketAddr::V6(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id)))
            }
            _ => None,
        }
    }
}

/// The protocol family of an address.
pub(crate) fn domain(address: IpAddr) -> c_int {
    match address {
        IpAddr::V4(_) => libc::AF_INET,
        IpAddr::V6(_) => libc::AF_INET6,
    }
}

pub(crate) fn in_addr(ip: Ipv4Addr) -> libc::in_addr {
    libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) }
}

pub(crate) fn in6_addr(ip: Ipv6Addr) -> libc::in6_addr {
    libc::in6_addr { s6_addr: ip.octets() }
}

pub(crate) fn ipv4(address: libc::in_addr) -> Ipv4Addr {
    Ipv4Addr::from(address.s_addr.to_ne_bytes())
}

pub(crate) fn ipv6(address: libc::in6_addr) -> Ipv6Addr {
    Ipv6Addr::from(address.s6_addr)
}

/// Ties a socket to an address of ours.
pub(crate) fn bind_to(socket: &OwnedFd, address: SocketAddr) -> io::Result<()> {
    let address = RawAddress::new(address);
    // SAFETY: the pointer and the length describe `address`.
    check(unsafe { libc::bind(socket.as_raw_fd(), address.pointer(), address.length()) })?;
    Ok(())
}

/// The address that a socket is bound to.
pub(crate) fn local_address(socket: &OwnedFd) -> io::Result<SocketAddr> {
    let mut address = RawAddress::empty();
    let mut length = address.length();
    // SAFETY: the pointers are to an address with room for any family and to its length.
    check(unsafe { libc::getsockname(socket.as_raw_fd(), address.storage_mut().cast(), &raw mut length) })?;
    address.parse(length).ok_or_else(|| io::Error::from_raw_os_error(libc::EAFNOSUPPORT))
}

#[cfg(test)]
mod tests;
