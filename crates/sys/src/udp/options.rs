//! Socket options. Every one is best effort: a socket without it is worse, not useless.

use std::ffi::CString;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use libc::{c_int, c_uint};

use crate::ffi::{check, set_option};

/// Timestamps by the network stack, for packets that come in.
const RECEIVE_STAMPS: c_uint = libc::SOF_TIMESTAMPING_SOFTWARE | libc::SOF_TIMESTAMPING_RX_SOFTWARE;
/// And for packets that go out, which come back alone, without the packet.
const TRANSMIT_STAMPS: c_uint = libc::SOF_TIMESTAMPING_TX_SOFTWARE | libc::SOF_TIMESTAMPING_OPT_TSONLY;

/// Asks for kernel timestamps: of both directions, of receptions only, or in the older form, whatever is granted.
pub(super) fn ask_for_stamps(socket: &OwnedFd, transmit: bool) {
    let mut wanted = [RECEIVE_STAMPS, RECEIVE_STAMPS];
    if transmit {
        wanted = [RECEIVE_STAMPS | TRANSMIT_STAMPS, RECEIVE_STAMPS];
    }
    for flags in wanted {
        // The flags are small numbers.
        if set_option(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, flags as c_int).is_ok() {
            return;
        }
    }
    let _ = set_option(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1);
}

/// Asks for receive stamps by the network stack only, in the older form.
pub(super) fn ask_for_brief_stamps(socket: &OwnedFd) {
    if set_option(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1).is_ok() {
        let _ = set_option(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPING, 0);
    }
}

/// Asks whether a datagram came in fragments and, if `local`, which address of ours it was sent to.
pub(super) fn ask_for_details(socket: &OwnedFd, family: IpAddr, local: bool) {
    let options = match family {
        IpAddr::V4(_) => [(libc::IPPROTO_IP, libc::IP_RECVFRAGSIZE), (libc::IPPROTO_IP, libc::IP_PKTINFO)],
        IpAddr::V6(_) => {
            [(libc::IPPROTO_IPV6, libc::IPV6_RECVFRAGSIZE), (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)]
        }
    };
    for (level, name) in options.into_iter().take(if local { 2 } else { 1 }) {
        let _ = set_option(socket, level, name, 1);
    }
}

/// Never fragments what we send, and does not let ICMP messages talk us into it (AT-14). A kernel that cannot
/// ignore them is asked for path MTU discovery, whose packets are not fragmented either.
pub(super) fn never_fragment(socket: &OwnedFd, family: IpAddr) {
    let (level, name, values) = match family {
        IpAddr::V4(_) => {
            (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, [libc::IP_PMTUDISC_PROBE, libc::IP_PMTUDISC_DO])
        }
        IpAddr::V6(_) => {
            let _ = set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, 1);
            let values = [libc::IPV6_PMTUDISC_PROBE, libc::IPV6_PMTUDISC_DO];
            (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, values)
        }
    };
    for value in values {
        if set_option(socket, level, name, value).is_ok() {
            return;
        }
    }
}

/// Puts errors that the network reports into the error queue.
pub(super) fn queue_errors(socket: &OwnedFd, family: IpAddr) {
    let _ = match family {
        IpAddr::V4(_) => set_option(socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1),
        IpAddr::V6(_) => set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1),
    };
}

/// Lets a server be started before its address is configured.
pub(crate) fn allow_absent_address(socket: &OwnedFd, family: IpAddr) {
    let _ = match family {
        IpAddr::V4(_) => set_option(socket, libc::IPPROTO_IP, libc::IP_FREEBIND, 1),
        IpAddr::V6(_) => set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_FREEBIND, 1),
    };
}

/// Marks what is sent for routers and switches: the six bits of a differentiated services code point (RFC 2474).
pub(super) fn mark(socket: &OwnedFd, family: IpAddr, dscp: u8) {
    let class = c_int::from(dscp & 0x3f) << 2;
    let _ = match family {
        IpAddr::V4(_) => set_option(socket, libc::IPPROTO_IP, libc::IP_TOS, class),
        IpAddr::V6(_) => set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, class),
    };
}

/// Lets further sockets of the same user be bound to the same address. Not best effort: without it there is only one.
pub(super) fn share_port(socket: &OwnedFd) -> io::Result<()> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)
}

/// Ties a socket to a network interface. This one is not best effort: serving on every interface instead would
/// be a surprise.
pub(crate) fn bind_to_interface(socket: &OwnedFd, interface: &str) -> io::Result<()> {
    let name = CString::new(interface).map_err(|_| io::Error::from_raw_os_error(libc::ENODEV))?;
    let bytes = name.as_bytes_with_nul();
    if bytes.len() > libc::IFNAMSIZ {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    // SAFETY: the pointer and the length describe `name` with its final zero.
    check(unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTODEVICE,
            name.as_ptr().cast(),
            bytes.len() as libc::socklen_t, // 16 at most
        )
    })?;
    Ok(())
}
