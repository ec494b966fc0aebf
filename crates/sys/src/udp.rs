//! Datagrams with timestamps.
//!
//! A client uses one fresh socket a request ([`ClientSocket`]), connected, on a random port (RFC 9109); a server
//! uses one socket a listening address ([`ServerSocket`]) and is told which of its addresses a request came to. Both
//! ask the kernel for receive timestamps, and the client for transmit timestamps, which come back through the
//! socket's error queue. What is not granted is done without.
//!
//! # How to read
//! Ask `poll` first, and read each ready socket **once** in a turn: some simulators of the network allow no more, and
//! `poll` comes back at once if more is waiting. The error queue is read only when [`error`] is set, once in a
//! turn as well.
//!
//! A busy server takes in and sends many datagrams in one system call ([`Batch`]).
//!
//! # Fragments and forged path MTUs
//! Datagrams leave with the don't-fragment bit and the interface's size, whatever an ICMP message claims of the
//! path (`IP_PMTUDISC_PROBE`), so nobody can make our packets come in fragments whose second half is his. A
//! datagram that arrived in fragments is marked [`Received::fragmented`].
//!
//! [`error`]: crate::poll::PollSet::error

mod batch;
mod client;
mod message;
mod options;
mod server;
mod stamp;

use std::net::{IpAddr, SocketAddr};

use truechimer_time::Cooked;

pub(crate) use options::{allow_absent_address, bind_to_interface};

pub use batch::{Batch, Request};
pub use client::{ClientSocket, Departure};
pub use server::ServerSocket;
pub use stamp::{StampKeeper, judge_received, judge_sent};

/// What came in, apart from its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// How many bytes of the buffer are the datagram.
    pub len: usize,
    /// Who sent it, as far as the network tells.
    pub remote: SocketAddr,
    /// The address of ours that it was sent to, where the kernel told.
    pub local: Option<IpAddr>,
    /// When it came into the kernel, by the machine's real clock, where the kernel told.
    pub kernel_stamp: Option<Cooked>,
    /// The datagram was longer than the buffer.
    pub truncated: bool,
    /// The datagram came in fragments. Nothing that we speak does.
    pub fragmented: bool,
}

#[cfg(test)]
mod tests;
