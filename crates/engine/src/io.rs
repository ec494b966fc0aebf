//! What passes between the engine and the adapter that runs it.

use std::net::{IpAddr, SocketAddr};

use truechimer_discipline::clock::ClockCommand;
use truechimer_time::Stamp;

use crate::config::{EngineConfig, Family};
use crate::event::Event;

/// Names one request and the fresh socket that carries it (RFC 9109). A token is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub u64);

/// Names one name-resolution question. Never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueryId(pub u64);

/// A datagram as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// The payload.
    pub bytes: &'a [u8],
    /// Who sent it.
    pub remote: SocketAddr,
    /// The address it was sent to, where the kernel told.
    pub local: Option<IpAddr>,
    /// When it arrived.
    pub received: Stamp,
}

/// A request to send.
#[derive(Clone, Copy, Debug)]
pub struct Transmit {
    /// Open a fresh socket on a random port, connected to `remote`, and call it this. Keep it until
    /// [`Output::Close`].
    pub token: Token,
    /// To whom.
    pub remote: SocketAddr,
    /// From which local address, if that matters.
    pub bind: Option<IpAddr>,
    /// The first `len` bytes are the payload.
    pub buffer: [u8; Transmit::CAPACITY],
    /// Length of the payload.
    pub len: usize,
}

impl Transmit {
    /// Room for the largest request (NTS with placeholders needs just over 1 KiB).
    pub const CAPACITY: usize = 1280;

    /// The bytes to send.
    pub fn payload(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or(&self.buffer)
    }
}

/// What the engine wants done. Carry out each before asking for the next.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a request from a fresh socket, then call [`handle_sent`](crate::Engine::handle_sent), or
    /// [`handle_send_error`](crate::Engine::handle_send_error).
    Send(Box<Transmit>),
    /// The socket of this token is not needed any more.
    Close(Token),
    /// Resolve a name, then call [`handle_resolved`](crate::Engine::handle_resolved).
    Resolve {
        /// To be given back with the answer.
        query: QueryId,
        /// The name.
        name: String,
        /// Which addresses are wanted.
        family: Option<Family>,
    },
    /// Steer the clock, then call [`handle_clock_result`](crate::Engine::handle_clock_result).
    Clock(ClockCommand),
    /// Something that a human, a log or a metric may want to know.
    Event(Event),
}

/// Why a name has no addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolveError {
    /// The name does not exist or has no address of the family.
    NotFound,
    /// The resolver could not say; it may later.
    Temporary,
    /// The resolver process died or cannot be started.
    Unavailable,
}

/// What an operator may ask of a running engine.
#[derive(Clone, Debug)]
pub enum Command {
    /// Poll this source (by the name in reports), or all.
    Online(Option<String>),
    /// Stop polling this source, or all.
    Offline(Option<String>),
    /// Make a quick burst of measurements at this source, or all.
    Burst(Option<String>),
    /// Go on with another configuration; unchanged sources keep their state.
    Reload(Box<EngineConfig>),
}
