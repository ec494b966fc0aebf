//! The control protocol of chrony, version 6, so that `chronyc` and programs that speak it find here what they know.
//!
//! One datagram asks and one answers, over a unix socket or UDP. Integers are in network byte order, there are no gaps, and
//! a request is padded to the length of its reply, so that nobody can be flooded with our help.
//!
//! [`Request`] and [`Reply`] are the codec and have no opinion; [`server::answer`] is the daemon's side. `docs/chronyc.md` says
//! what becomes of every command.

pub mod arguments;
mod field;
pub mod records;
pub mod reply;
pub mod request;
pub mod server;

pub use field::{Address, Name, Timestamp};
pub use reply::{Answer, Reply, Status};
pub use request::{Body, Fault, Request};
pub(crate) use server::monitor as view;

/// Version of the protocol: chrony 2.0 and later.
pub const PROTOCOL_VERSION: u8 = 6;
/// The UDP port.
pub const PORT: u16 = 323;
/// Length of the header of requests, bytes.
pub const REQUEST_HEADER_LEN: usize = 20;
/// Length of the header of replies, bytes, and so the shortest request that is answered.
pub const REPLY_HEADER_LEN: usize = 28;
/// Longest request that makes sense, bytes: the whole of a part of the table of clients.
pub const REQUEST_MAX: usize = 520;
/// Clients in one reply.
pub const CLIENTS_MAX: usize = 8;
/// Typed times in one reply.
pub const MANUAL_MAX: usize = 16;
/// "Never", or "unknown", where a number of seconds stands.
pub const NEVER: u32 = u32::MAX;

/// Flags of a new source, and of its options for the selection.
pub mod flags {
    /// Polled from the start.
    pub const ONLINE: u32 = 0x1;
    /// Not polled any more when it does not answer.
    pub const AUTO_OFFLINE: u32 = 0x2;
    /// A quick burst at the start.
    pub const IBURST: u32 = 0x4;
    /// Preferred.
    pub const PREFER: u32 = 0x8;
    /// Never selected.
    pub const NOSELECT: u32 = 0x10;
    /// Cannot be outvoted by others that are not trusted.
    pub const TRUST: u32 = 0x20;
    /// Without it nothing is selected.
    pub const REQUIRE: u32 = 0x40;
    /// Interleaved mode.
    pub const INTERLEAVED: u32 = 0x80;
    /// A burst at every poll.
    pub const BURST: u32 = 0x100;
    /// By NTS.
    pub const NTS: u32 = 0x200;
    /// Its stratum and reference identifier are told as ours.
    pub const COPY: u32 = 0x400;
    /// Experimental field with a monotonic timestamp.
    pub const EXPERIMENTAL_MONO_ROOT: u32 = 0x800;
    /// Experimental field with corrections by the network.
    pub const EXPERIMENTAL_NET_CORRECTION: u32 = 0x1000;
    /// Only IPv4.
    pub const IPV4: u32 = 0x2000;
    /// Only IPv6.
    pub const IPV6: u32 = 0x4000;
}

/// Options in reports of the selection.
pub mod select {
    /// Never selected.
    pub const NOSELECT: u16 = 0x1;
    /// Preferred.
    pub const PREFER: u16 = 0x2;
    /// Cannot be outvoted by others that are not trusted.
    pub const TRUST: u16 = 0x4;
    /// Without it nothing is selected.
    pub const REQUIRE: u16 = 0x8;
}

#[cfg(test)]
mod tests;
