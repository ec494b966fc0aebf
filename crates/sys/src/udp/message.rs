//! `recvmsg` and `sendmsg` with what travels beside the bytes.

use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use libc::{c_int, cmsghdr, iovec, msghdr, timespec};
use truechimer_time::Cooked;

use super::Received;
use crate::address::{self, RawAddress};
use crate::clock::nanos;
use crate::ffi::{check_len, is_not_ready};

/// Room for control messages: timestamps (three `timespec`s), packet information, fragment size and an extended
/// error with its offender need under 256 bytes together.
const CONTROL_CAPACITY: usize = 512;

/// Control messages must be aligned like their header.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Control<const LEN: usize>(pub(super) [u8; LEN]);

const _: () = assert!(mem::align_of::<cmsghdr>() <= 8);

/// What the control messages of one datagram say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Details {
    pub(super) stamp: Option<Cooked>,
    pub(super) local: Option<IpAddr>,
    /// The index of the interface that it came through.
    pub(super) interface: Option<u32>,
    pub(super) fragmented: bool,
    /// An error that the network reported, as an error number.
    pub(super) error: Option<c_int>,
}

/// One message as `recvmsg` returned it.
pub(super) struct Message {
    pub(super) len: usize,
    pub(super) flags: c_int,
    pub(super) remote: Option<SocketAddr>,
    pub(super) details: Details,
}

/// Receives one message, `None` if there is none.
pub(super) fn receive(socket: &OwnedFd, buffer: &mut [u8], flags: c_int) -> io::Result<Option<Message>> {
    let mut control = Control([0; CONTROL_CAPACITY]);
    let mut name = RawAddress::empty();
    let mut iov = iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: all zeros is a legal `msghdr`, an empty one.
    let mut header: msghdr = unsafe { mem::zeroed() };
    header.msg_name = name.storage_mut().cast();
    header.msg_namelen = name.length();
    header.msg_iov = &raw mut iov;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = CONTROL_CAPACITY as _;
    // SAFETY: the header points to an address, a vector of one and a control buffer, each with its length, which
    // all outlive the call.
    let result = check_len(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) });
    let len = match result {
        Ok(len) => len.min(buffer.len()),
        Err(error) if is_not_ready(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    // SAFETY: the header is as `recvmsg` left it, and its control buffer is still there.
    let details = unsafe { read_details(&header) };
    Ok(Some(Message { len, flags: header.msg_flags, remote: name.parse(header.msg_namelen), details }))
}

/// Receives a datagram. `peer` is who it is from where the system does not say.
pub(super) fn receive_datagram(
    socket: &OwnedFd,
    buffer: &mut [u8],
    peer: Option<SocketAddr>,
) -> io::Result<Option<Received>> {
    let Some(message) = receive(socket, buffer, 0)? else { return Ok(None) };
    Ok(message.into_datagram(peer))
}

impl Message {
    /// What it is as a datagram; `None` if it is from nobody, or from somebody who cannot be where it came in.
    /// `peer` is who it is from where the system does not say.
    pub(super) fn into_datagram(self, peer: Option<SocketAddr>) -> Option<Received> {
        let remote = self.remote.or(peer)?;
        if is_forged_loopback(remote.ip(), self.details.interface) {
            return None;
        }
        Some(Received {
            len: self.len,
            remote,
            local: self.details.local,
            kernel_stamp: self.details.stamp,
            truncated: self.flags & libc::MSG_TRUNC != 0,
            fragmented: self.details.fragmented,
        })
    }
}

/// Whether a datagram says that it is from this machine and came over the network (NA-29). Most kernels drop these
/// themselves; not all always did.
pub(super) fn is_forged_loopback(remote: IpAddr, interface: Option<u32>) -> bool {
    /// The same in every network namespace.
    const LOOPBACK_INTERFACE: u32 = 1;
    remote.to_canonical().is_loopback() && interface.is_some_and(|index| index != LOOPBACK_INTERFACE)
}

/// Sends a datagram, to `remote` unless the socket is connected, from the address `local` if one is given.
pub(super) fn send(
    socket: &OwnedFd,
    bytes: &[u8],
    remote: Option<SocketAddr>,
    local: Option<IpAddr>,
) -> io::Result<()> {
    let mut name = remote.map(RawAddress::new);
    let mut control = Control([0; CONTROL_CAPACITY]);
    let mut iov = iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: all zeros is a legal `msghdr`, an empty one.
    let mut header: msghdr = unsafe { mem::zeroed() };
    if let Some(name) = &mut name {
        header.msg_namelen = name.length();
        header.msg_name = name.storage_mut().cast();
    }
    header.msg_iov = &raw mut iov;
    header.msg_iovlen = 1;
    if let Some(local) = local {
        let used = put_source(&mut control, local);
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = used as _;
    }
    // SAFETY: the header points to an address, a vector of one and control messages, each with its length, which
    // all outlive the call; none is written to.
    let sent =
        check_len(unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_NOSIGNAL) })?;
    // A datagram goes as a whole or not at all.
    if sent == bytes.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// Writes the control message that chooses the source address and returns how many bytes it takes.
pub(super) fn put_source<const LEN: usize>(control: &mut Control<LEN>, local: IpAddr) -> usize {
    const { assert!(LEN >= 64) };
    match local {
        IpAddr::V4(ip) => {
            // SAFETY: all zeros is a legal `in_pktinfo`: any interface, any address.
            let mut info: libc::in_pktinfo = unsafe { mem::zeroed() };
            info.ipi_spec_dst = address::in_addr(ip);
            // SAFETY: a header and the structure need under 64 bytes.
            unsafe { put_message(control, libc::IPPROTO_IP, libc::IP_PKTINFO, info) }
        }
        IpAddr::V6(ip) => {
            let info = libc::in6_pktinfo { ipi6_addr: address::in6_addr(ip), ipi6_ifindex: 0 };
            // SAFETY: a header and the structure need under 64 bytes.
            unsafe { put_message(control, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info) }
        }
    }
}

/// Whether replies can be sent from an address of ours that requests were sent to: not from one of a group.
pub(super) fn can_be_source(local: &IpAddr) -> bool {
    !local.is_multicast() && !matches!(local, IpAddr::V4(v4) if v4.is_broadcast())
}

/// Writes one control message at the start of the buffer.
///
/// # Safety
/// The buffer must have room for a header and `T` with their padding.
unsafe fn put_message<const LEN: usize, T: Copy>(
    control: &mut Control<LEN>,
    level: c_int,
    kind: c_int,
    value: T,
) -> usize {
    // A structure of packet information has 20 bytes at most.
    let length = mem::size_of::<T>() as u32;
    let header: *mut cmsghdr = control.0.as_mut_ptr().cast();
    // SAFETY: the buffer is aligned for a header and has room for it and the data; `CMSG_DATA` points just
    // behind the header, possibly not aligned for `T`.
    unsafe {
        (*header).cmsg_level = level;
        (*header).cmsg_type = kind;
        (*header).cmsg_len = libc::CMSG_LEN(length) as _;
        libc::CMSG_DATA(header).cast::<T>().write_unaligned(value);
        // Without the padding behind it, as nothing follows: with it, the kernel would need memory for IPv6's.
        libc::CMSG_LEN(length) as usize
    }
}

/// Reads the control messages of a received message. Unknown and short ones are passed over.
///
/// # Safety
/// The header must be as `recvmsg` left it, with its control buffer alive.
pub(super) unsafe fn read_details(header: &msghdr) -> Details {
    let mut details = Details::default();

    // SAFETY: `CMSG_FIRSTHDR` and `CMSG_NXTHDR` stay inside the control buffer that the header describes and
    // return null at its end.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            read_detail(&*message, libc::CMSG_DATA(message), &mut details);
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    details
}

/// # Safety
/// `data` must point to as many bytes as the header says beyond itself.
#[allow(clippy::unnecessary_cast)] // the length has another type on other systems
unsafe fn read_detail(header: &cmsghdr, data: *const u8, details: &mut Details) {
    // SAFETY: `CMSG_LEN` of nothing is arithmetic.
    let room = (header.cmsg_len as usize).saturating_sub(unsafe { libc::CMSG_LEN(0) } as usize);
    // SAFETY: `read` checks the room that the message has, by the caller's promise.
    unsafe {
        match (header.cmsg_level, header.cmsg_type) {
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING | libc::SCM_TIMESTAMPNS) => {
                // The first of three times is the software's; it is zero where there is none.
                let time = read::<timespec>(data, room).filter(|time| time.tv_sec != 0 || time.tv_nsec != 0);
                details.stamp = time.map(|time| Cooked::from_unix_nanos(nanos(time))).or(details.stamp);
            }
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                let info = read::<libc::in_pktinfo>(data, room);
                details.local = info.map(|info| IpAddr::V4(address::ipv4(info.ipi_addr)));
                details.interface = info.and_then(|info| u32::try_from(info.ipi_ifindex).ok());
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                let info = read::<libc::in6_pktinfo>(data, room);
                details.local = info.map(|info| IpAddr::V6(address::ipv6(info.ipi6_addr)));
                details.interface = info.map(|info| info.ipi6_ifindex);
            }
            (libc::IPPROTO_IP, libc::IP_RECVFRAGSIZE) | (libc::IPPROTO_IPV6, libc::IPV6_RECVFRAGSIZE) => {
                details.fragmented = read::<c_int>(data, room).is_some_and(|size| size > 0);
            }
            (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR) => {
                let error = read::<libc::sock_extended_err>(data, room);
                details.error = error.and_then(|error| network_error(&error));
            }
            _ => {}
        }
    }
}

/// The error number, unless the "error" only accompanies a timestamp.
fn network_error(error: &libc::sock_extended_err) -> Option<c_int> {
    let reported = error.ee_origin != libc::SO_EE_ORIGIN_TIMESTAMPING && error.ee_errno != 0;
    reported.then(|| c_int::try_from(error.ee_errno).unwrap_or(libc::EIO))
}

/// Reads a structure of the kernel's if there is room for it.
///
/// # Safety
/// `data` must point to `room` readable bytes, and any bytes must make a legal `T`.
unsafe fn read<T: Copy>(data: *const u8, room: usize) -> Option<T> {
    // SAFETY: the room is enough, and no alignment is asked for.
    (room >= mem::size_of::<T>()).then(|| unsafe { data.cast::<T>().read_unaligned() })
}
