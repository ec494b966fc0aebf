//! What the daemon and its key exchange process say to each other over a socket that keeps messages apart (SEQPACKET).
//!
//! The process that speaks TLS is the one that an attacker reaches, so the daemon believes nothing of what it says: each
//! message has a version and limits, every byte must be accounted for, and what a cookie or a host name must be is checked
//! again. Both ends are the same program, so there is one version and no negotiation.
//!
//! ```text
//! request  version 1, 'Q', query u64, server name, port u16, addresses, local address or none, date policy, offer
//! answer   version 1, 'A', query u64, peer address or none, 0 and what was exchanged, or 1 and an error
//! ```
//!
//! Numbers are big-endian; texts and bytes follow their length (u16); lists follow their number (u8).

mod answer;
mod codec;
mod request;

pub use answer::ExchangeAnswer;
pub use request::{ADDRESSES_MAX, ExchangeRequest};

/// Largest message in bytes, for the receiver's buffer.
pub const MESSAGE_MAX: usize = 8 * 1024;

/// Longest name of a server, in bytes: that of DNS.
const NAME_MAX: usize = 255;

const VERSION: u8 = 1;
const REQUEST: u8 = b'Q';
const ANSWER: u8 = b'A';

#[cfg(test)]
mod tests;
