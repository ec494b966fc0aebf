//! The least that a server on a UDP socket can do: what `cargo xtask bench serve` measures others against.
//!
//! It takes in up to 64 datagrams by one `recvmmsg`, with kernel receive stamps and the address that each was sent to,
//! turns each into something that looks like a reply, and sends all by one `sendmmsg`. No access list, no clock, no
//! checks, no counters: never use it for anything else.
//!
//! ```text
//! bare ADDRESS:PORT
//! ```

// A mistake in here ends a measurement, no more.
#![allow(clippy::indexing_slicing)]

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use libc::{c_int, iovec, mmsghdr, sockaddr_in};

const BATCH: usize = 64;

/// The control messages of one datagram.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; 256]);

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "0.0.0.0:123".into());
    let socket = UdpSocket::bind(address)?;
    for (level, name, value) in [
        (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1),
        (libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
        (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_PROBE),
    ] {
        // SAFETY: the pointer and the length describe `value`.
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), 4) };
    }
    let mut bytes = vec![[0u8; 2048]; BATCH];
    let mut controls = vec![Control([0; 256]); BATCH];
    // SAFETY: all zeros is a legal address: none.
    let mut names: Vec<sockaddr_in> = vec![unsafe { std::mem::zeroed() }; BATCH];
    loop {
        answer(socket.as_raw_fd(), &mut bytes, &mut controls, &mut names)?;
    }
}

/// Takes in a batch and sends it back.
fn answer(
    fd: c_int,
    bytes: &mut [[u8; 2048]],
    controls: &mut [Control],
    names: &mut [sockaddr_in],
) -> io::Result<()> {
    // SAFETY: all zeros is legal for both: empty ones.
    let (mut iovs, mut headers): ([iovec; BATCH], [mmsghdr; BATCH]) = unsafe { std::mem::zeroed() };
    for (n, (header, iov)) in headers.iter_mut().zip(&mut iovs).enumerate() {
        *iov = iovec { iov_base: bytes[n].as_mut_ptr().cast(), iov_len: 2048 };
        header.msg_hdr.msg_iov = iov;
        header.msg_hdr.msg_iovlen = 1;
        header.msg_hdr.msg_name = (&raw mut names[n]).cast();
        header.msg_hdr.msg_namelen = size_of::<sockaddr_in>() as u32;
        header.msg_hdr.msg_control = controls[n].0.as_mut_ptr().cast();
        header.msg_hdr.msg_controllen = 256;
    }
    // SAFETY: each of the headers points to an address, a vector of one and a control buffer, each with its length,
    // which outlive the call.
    let count = unsafe {
        libc::recvmmsg(fd, headers.as_mut_ptr(), BATCH as u32, libc::MSG_WAITFORONE, std::ptr::null_mut())
    };
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    for (n, header) in headers.iter_mut().enumerate().take(count) {
        let reply = &mut bytes[n];
        reply.copy_within(40..48, 24);
        reply[0] = 0x24; // version 4, server
        reply[1] = 5; // stratum
        iovs[n].iov_len = header.msg_len as usize;
        // SAFETY: the header is as `recvmmsg` left it, and its control buffer is still there.
        unsafe { keep_source(&mut header.msg_hdr) };
    }
    let mut left = &mut headers[..count];
    while !left.is_empty() {
        // SAFETY: as for `recvmmsg`; the lengths are those of what came in.
        let sent = unsafe { libc::sendmmsg(fd, left.as_mut_ptr(), left.len() as u32, 0) };
        left = left.split_at_mut(usize::try_from(sent).unwrap_or(0).max(1)).1;
    }
    Ok(())
}

/// Leaves of the control messages the one that tells the address asked, as the source of the reply.
///
/// # Safety
/// The header must be as `recvmsg` left it, with its control buffer alive.
unsafe fn keep_source(header: &mut libc::msghdr) {
    // SAFETY: `CMSG_FIRSTHDR` and `CMSG_NXTHDR` stay inside the control buffer; a message of this type holds packet
    // information, for which there is room at the start of the buffer.
    unsafe {
        let first = libc::CMSG_FIRSTHDR(header);
        let mut message = first;
        while !message.is_null() {
            if (*message).cmsg_level == libc::IPPROTO_IP && (*message).cmsg_type == libc::IP_PKTINFO {
                let mut info = libc::CMSG_DATA(message).cast::<libc::in_pktinfo>().read_unaligned();
                info.ipi_ifindex = 0;
                info.ipi_spec_dst = info.ipi_addr;
                let copy = *message;
                *first = copy;
                libc::CMSG_DATA(first).cast::<libc::in_pktinfo>().write_unaligned(info);
                header.msg_controllen = copy.cmsg_len;
                return;
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
        header.msg_controllen = 0;
    }
}
