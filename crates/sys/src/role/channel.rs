//! The socket pair: messages that stay apart, and descriptors beside them (`SCM_RIGHTS`, unix(7)).

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use libc::{c_int, c_uint, iovec, msghdr};

use crate::ffi::{self, check, check_len, is_not_ready};

/// Room for the control message of one descriptor; the kernel closes those that do not fit.
#[repr(align(8))]
struct Control([u8; 32]);

const DESCRIPTOR_LEN: c_uint = mem::size_of::<RawFd>() as c_uint;

/// What came.
pub(super) struct Message {
    /// Empty at the end.
    pub(super) bytes: Vec<u8>,
    pub(super) descriptor: Option<OwnedFd>,
}

/// Two connected ends.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends: [c_int; 2] = [-1; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: the pointer is to room for two descriptors.
    check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) })?;
    Ok((ffi::own(ends[0]), ffi::own(ends[1])))
}

/// Sends one message, which must not be empty. Whether there was room for it.
pub(super) fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptor: Option<BorrowedFd<'_>>,
) -> io::Result<bool> {
    let mut part = iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut control = Control([0; 32]);
    let mut message = empty_message(&mut part);
    if let Some(descriptor) = descriptor {
        message.msg_control = control.0.as_mut_ptr().cast();
        // SAFETY: arithmetic only.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(DESCRIPTOR_LEN) } as _;
        // SAFETY: the control buffer is aligned and longer than `CMSG_SPACE` of one descriptor, so the first header
        // lies in it and has room for the descriptor behind it.
        unsafe {
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(DESCRIPTOR_LEN) as _;
            libc::CMSG_DATA(header).cast::<RawFd>().write_unaligned(descriptor.as_raw_fd());
        }
    }
    // SAFETY: the message points to `bytes`, which are only read, and to the control buffer; both outlive the call.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) };
    match check_len(sent) {
        Ok(len) if len == bytes.len() => Ok(true),
        Ok(_) => Err(io::ErrorKind::WriteZero.into()),
        Err(error) if is_not_ready(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Takes one message of at most so many bytes; a longer one is an error.
pub(super) fn receive(socket: BorrowedFd<'_>, max: usize) -> io::Result<Message> {
    let mut bytes = vec![0; max];
    let mut part = iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let mut control = Control([0; 32]);
    let mut message = empty_message(&mut part);
    message.msg_control = control.0.as_mut_ptr().cast();
    // SAFETY: arithmetic only.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(DESCRIPTOR_LEN) } as _;
    // With `MSG_TRUNC` the result is the message's length even if that is more.
    let flags = libc::MSG_TRUNC | libc::MSG_CMSG_CLOEXEC;
    // SAFETY: the message points to the two buffers with their lengths, which outlive the call.
    let received = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) };
    let len = check_len(received)?;
    let descriptor = passed(&message);
    if len > bytes.len() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    bytes.truncate(len);
    Ok(Message { bytes, descriptor })
}

/// The descriptor that came with a message which has just been received.
fn passed(message: &msghdr) -> Option<OwnedFd> {
    // SAFETY: the kernel has filled the control buffer, which is aligned and longer than one header with a
    // descriptor; what it says of its length is what it has written.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(message);
        if header.is_null()
            || (*header).cmsg_level != libc::SOL_SOCKET
            || (*header).cmsg_type != libc::SCM_RIGHTS
            || (*header).cmsg_len < libc::CMSG_LEN(DESCRIPTOR_LEN) as _
        {
            return None;
        }
        Some(ffi::own(libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned()))
    }
}

fn empty_message(part: &mut iovec) -> msghdr {
    // SAFETY: all zeros is a legal `msghdr`: no address, no parts, no control messages.
    let mut message: msghdr = unsafe { mem::zeroed() };
    message.msg_iov = part;
    message.msg_iovlen = 1;
    message
}
