//! Questions to the kernel in messages of rtnetlink (RFC 3549), and their answers.

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};

use libc::sockaddr_nl;

use crate::ffi::{self, check, check_len};

/// `struct nlmsghdr`.
const HEADER_LEN: usize = 16;
/// `struct rtattr`.
const ATTRIBUTE_HEADER_LEN: usize = 4;
/// Room for an answer: the kernel fills at most this much of a buffer with a list, and one message is far shorter.
const ROOM: usize = 32 * 1024;
/// Pieces of a list that are read: 256 KiB are some thousands of addresses.
const MOST_PIECES: usize = 8;

const REQUEST: u16 = 1;
const DUMP: u16 = 0x300;
const ERROR: u16 = 2;
const DONE: u16 = 3;

/// A socket to the kernel's routing, which is sent what these groups are sent.
pub(super) fn open(groups: libc::c_int) -> io::Result<OwnedFd> {
    let socket = ffi::socket(libc::AF_NETLINK, libc::SOCK_RAW)?;
    // SAFETY: all zeros is a legal `sockaddr_nl`.
    let mut address: sockaddr_nl = unsafe { mem::zeroed() };
    address.nl_family = libc::AF_NETLINK as _;
    address.nl_groups = groups as u32;
    // SAFETY: the pointer and the length describe `address`.
    check(unsafe {
        libc::bind(socket.as_raw_fd(), (&raw const address).cast(), ffi::size_of::<sockaddr_nl>())
    })?;
    Ok(socket)
}

/// Reads one message, or one piece of a list. What does not fit is lost.
pub(super) fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length describe the buffer.
    check_len(unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) })
}

fn send(socket: &OwnedFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the pointer and the length describe the bytes.
    check_len(unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) })
}

/// Asks for one thing, and gives its description to `tell`; the kernel answers before this returns.
///
/// # Errors
/// What the kernel answers instead, as a system call would.
pub(super) fn ask(kind: u16, body: &[u8], tell: impl FnMut(u16, &[u8])) -> io::Result<()> {
    exchange(kind, 0, body, tell)
}

/// Asks for all things of a kind, and gives the description of each to `tell`.
///
/// # Errors
/// As [`ask`].
pub(super) fn list(kind: u16, body: &[u8], tell: impl FnMut(u16, &[u8])) -> io::Result<()> {
    exchange(kind, DUMP, body, tell)
}

fn exchange(kind: u16, flags: u16, body: &[u8], mut tell: impl FnMut(u16, &[u8])) -> io::Result<()> {
    // A socket for each question, so that an answer belongs to no other.
    let socket = open(0)?;
    let mut question = Vec::with_capacity(HEADER_LEN + body.len());
    question.extend(((HEADER_LEN + body.len()) as u32).to_ne_bytes());
    question.extend(kind.to_ne_bytes());
    question.extend((REQUEST | flags).to_ne_bytes());
    // The sequence number and the port, which one question needs not.
    question.extend([0; 8]);
    question.extend(body);
    send(&socket, &question)?;
    let mut buffer = vec![0; ROOM];
    for _ in 0..MOST_PIECES {
        let len = receive(&socket, &mut buffer)?;
        let mut rest = buffer.get(..len).unwrap_or_default();
        while let Some((kind, body, after)) = message(rest) {
            match kind {
                DONE => return Ok(()),
                ERROR => return body.first_chunk().map_or(Ok(()), |code| refusal(*code)),
                _ => tell(kind, body),
            }
            if flags & DUMP == 0 {
                return Ok(());
            }
            rest = after;
        }
    }
    // Longer than anybody needs: what was read of it will do.
    Ok(())
}

/// `struct nlmsgerr` begins with a negative error number, or 0.
fn refusal(code: [u8; 4]) -> io::Result<()> {
    match i32::from_ne_bytes(code) {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code.wrapping_neg())),
    }
}

/// The first message: its kind, what is in it, and what follows.
pub(super) fn message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let len = u32::from_ne_bytes(*bytes.first_chunk()?) as usize;
    let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    let body = bytes.get(HEADER_LEN..len)?;
    Some((kind, body, bytes.get(len.next_multiple_of(4)..).unwrap_or_default()))
}

/// The attributes that stand behind the first `skip` bytes.
pub(super) fn attributes(body: &[u8], skip: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = body.get(skip..).unwrap_or_default();
    std::iter::from_fn(move || {
        let len = usize::from(u16::from_ne_bytes(*rest.first_chunk()?));
        // The upper two bits of a kind are flags.
        let kind = u16::from_ne_bytes(*rest.get(2..)?.first_chunk()?) & 0x3fff;
        let value = rest.get(ATTRIBUTE_HEADER_LEN..len)?;
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}
