//! Many requests in one system call, and their replies: `recvmmsg` and `sendmmsg`.
//!
//! What a request costs is nearly all the kernel's work, and part of that is only the way in and out, so a busy server
//! goes it once for many. Replies are written in the place of the requests, and their addresses stay as the kernel wrote
//! them.
//!
//! Replies leave a few at a time, so that the clock can be read for each few: a transmit timestamp is early by what it
//! takes to send those before it, 2 to 5 µs each, and so by 40 µs at most. An early one makes the delay that the client
//! measures longer, never shorter. A few is also enough: the kernel spends hundreds of times longer on a datagram than
//! on the eighth part of a system call.

use std::io;
use std::mem;

use libc::{iovec, mmsghdr};

use super::message::{Control, Message, can_be_source, put_source, read_details};
use super::{Received, ServerSocket};
use crate::address::RawAddress;
use crate::ffi::{check, is_not_ready};

/// Requests taken in at once.
const LIMIT: usize = 64;
/// Replies sent at once.
const FEW: usize = 8;
/// Room for a request. What is longer cannot come over an Ethernet in one piece, and requests in fragments are not
/// answered.
const ROOM: usize = 2048;
/// Room for control messages: a server's sockets ask for timestamps, packet information and fragment size.
const CONTROL_ROOM: usize = 256;

/// Room for requests that come in together, and the replies to them. It belongs to no socket; one for each thread is
/// enough.
pub struct Batch {
    slots: Box<[Slot]>,
    bytes: Box<[[u8; ROOM]]>,
    /// How many slots hold what came in last.
    count: usize,
}

/// Apart from the bytes, so that those of slots not in use are never touched and cost no memory.
#[derive(Clone, Copy)]
struct Slot {
    name: RawAddress,
    control: Control<CONTROL_ROOM>,
    /// `None` if it is not to be answered.
    received: Option<Received>,
    /// Zero if it is not to be answered.
    reply_len: usize,
}

/// One request of a batch.
pub struct Request<'a> {
    /// What came in, apart from its bytes. It is neither truncated nor fragmented.
    pub received: Received,
    /// Its bytes, and more room behind them.
    pub buffer: &'a mut [u8],
    reply_len: &'a mut usize,
}

impl Request<'_> {
    /// Answers with the first `len` bytes of the buffer, but not with more than came in (AT-16).
    pub fn reply(self, len: usize) {
        *self.reply_len = len.min(self.received.len);
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Batch {
    /// An empty batch: 170 KB, of which an idle server uses a fifth.
    pub fn new() -> Self {
        let slot = Slot {
            name: RawAddress::empty(),
            control: Control([0; CONTROL_ROOM]),
            received: None,
            reply_len: 0,
        };
        Self { slots: vec![slot; LIMIT].into(), bytes: vec![[0; ROOM]; LIMIT].into(), count: 0 }
    }

    /// Takes in what waits at a socket, 64 requests at most, instead of what the batch held before. Returns how many there
    /// were, whether or not they may be answered.
    ///
    /// # Errors
    /// Out of memory (`ENOBUFS`, `ENOMEM`); the socket stays usable.
    pub fn receive(&mut self, socket: &ServerSocket) -> io::Result<usize> {
        self.count = 0;
        // SAFETY: all zeros is a legal `iovec` and a legal `mmsghdr`: empty ones.
        let (mut iovs, mut headers): ([iovec; LIMIT], [mmsghdr; LIMIT]) = unsafe { mem::zeroed() };
        let slots = self.slots.iter_mut().zip(&mut self.bytes);
        for ((header, iov), (slot, bytes)) in headers.iter_mut().zip(&mut iovs).zip(slots) {
            *iov = iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: ROOM };
            slot.name.clear();
            let header = &mut header.msg_hdr;
            header.msg_namelen = slot.name.length();
            header.msg_name = slot.name.storage_mut().cast();
            header.msg_iov = iov;
            header.msg_iovlen = 1;
            header.msg_control = slot.control.0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL_ROOM as _;
        }
        // SAFETY: each of the headers points to an address, a vector of one and a control buffer, each with its length,
        // which are no other header's and outlive the call.
        let result = check(unsafe {
            libc::recvmmsg(socket.fd(), headers.as_mut_ptr(), LIMIT as _, 0, std::ptr::null_mut())
        });
        let count = match result {
            Ok(count) => usize::try_from(count).unwrap_or(0).min(LIMIT),
            Err(error) if is_not_ready(&error) => 0,
            Err(error) => return Err(error),
        };
        for (header, slot) in headers.iter().zip(&mut self.slots).take(count) {
            // SAFETY: the header is as `recvmmsg` left it, and its control buffer is still there.
            let details = unsafe { read_details(&header.msg_hdr) };
            let name_len = header.msg_hdr.msg_namelen;
            let message = Message {
                len: (header.msg_len as usize).min(ROOM),
                flags: header.msg_hdr.msg_flags,
                remote: slot.name.parse(name_len),
                details,
            };
            slot.name.filled(name_len);
            slot.received = message.into_datagram(None).filter(|it| !it.fragmented && !it.truncated);
            if let Some(received) = &mut slot.received {
                socket.complete(received);
            }
            slot.reply_len = 0;
        }
        self.count = count;
        Ok(count)
    }

    /// The requests that came in, without those that came in fragments (AT-14), do not fit, or say that they are from this
    /// machine and came over the network (NA-29).
    pub fn requests(&mut self) -> impl Iterator<Item = Request<'_>> {
        let slots = self.slots.iter_mut().zip(&mut self.bytes).take(self.count);
        slots.filter_map(|(slot, bytes)| {
            Some(Request { received: slot.received?, buffer: bytes, reply_len: &mut slot.reply_len })
        })
    }

    /// Sends the replies, each from the address that its request was sent to, and forgets them. A few at a time are given
    /// to `stamp` just before they leave. A reply that cannot be sent is lost, as any datagram may be.
    pub fn send(&mut self, socket: &ServerSocket, mut stamp: impl FnMut(&mut [&mut [u8]])) {
        let mut slots = self.slots.iter_mut().zip(&mut self.bytes).take(self.count);
        loop {
            // SAFETY: all zeros is a legal `mmsghdr`, an empty one.
            let mut headers: [mmsghdr; FEW] = unsafe { mem::zeroed() };
            let mut replies: [&mut [u8]; FEW] = Default::default();
            let mut count = 0;
            let answered = slots.by_ref().filter(|(slot, _)| slot.reply_len > 0);
            for ((header, reply), (slot, bytes)) in headers.iter_mut().zip(&mut replies).zip(answered) {
                *reply = bytes.get_mut(..slot.reply_len).unwrap_or_default();
                slot.address(header, socket);
                count += 1;
            }
            if count == 0 {
                break;
            }
            stamp(replies.get_mut(..count).unwrap_or_default());
            send_few(socket, headers.get_mut(..count).unwrap_or_default(), &mut replies);
        }
        self.count = 0;
    }
}

impl Slot {
    /// Makes the header of the reply, all but the bytes.
    fn address(&mut self, header: &mut mmsghdr, socket: &ServerSocket) {
        header.msg_hdr.msg_namelen = self.name.length();
        header.msg_hdr.msg_name = self.name.storage_mut().cast();
        let local = self.received.and_then(|received| received.local);
        // A socket on one address sends from there anyway.
        let source = local.filter(|local| socket.is_on_any_address() && can_be_source(local));
        if let Some(source) = source {
            header.msg_hdr.msg_controllen = put_source(&mut self.control, source) as _;
            header.msg_hdr.msg_control = self.control.0.as_mut_ptr().cast();
        }
    }
}

/// Sends what the headers and the replies say. One that cannot be sent does not hold up those behind it, unless there is no
/// room for any.
fn send_few(socket: &ServerSocket, mut headers: &mut [mmsghdr], replies: &mut [&mut [u8]]) {
    // SAFETY: all zeros is a legal `iovec`, an empty one.
    let mut iovs: [iovec; FEW] = unsafe { mem::zeroed() };
    for ((header, iov), reply) in headers.iter_mut().zip(&mut iovs).zip(replies) {
        *iov = iovec { iov_base: reply.as_mut_ptr().cast(), iov_len: reply.len() };
        header.msg_hdr.msg_iov = iov;
        header.msg_hdr.msg_iovlen = 1;
    }
    while !headers.is_empty() {
        let count = headers.len() as _; // 8 at most
        // SAFETY: each of the headers points to an address, a vector of one and perhaps control messages, each with its
        // length, which all outlive the call; of them only the headers are written to.
        let sent =
            check(unsafe { libc::sendmmsg(socket.fd(), headers.as_mut_ptr(), count, libc::MSG_NOSIGNAL) });
        let done = match sent {
            // Those behind the first that failed have not been tried: its error comes with the next call.
            Ok(sent) => usize::try_from(sent).unwrap_or(0).max(1),
            Err(error) if is_full(&error) => return,
            Err(_) => 1,
        };
        headers = mem::take(&mut headers).get_mut(done..).unwrap_or_default();
    }
}

/// Whether nothing can be sent for now.
fn is_full(error: &io::Error) -> bool {
    is_not_ready(error) || matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::ENOMEM))
}

#[cfg(test)]
mod tests;
