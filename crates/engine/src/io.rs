//! What passes between the engine and the adapter that runs it.

use std::net::{IpAddr, SocketAddr};

use truechimer_discipline::clock::ClockCommand;
use truechimer_nts::Keys;
use truechimer_time::Stamp;

use crate::config::Family;
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
    /// Exchange keys with an NTS server, then call [`handle_key_exchange`](crate::Engine::handle_key_exchange).
    KeyExchange(Box<KeyExchange>),
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

/// A key exchange to be made over TLS 1.3 (RFC 8915 §4). One that is not answered within a minute counts as failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyExchange {
    /// To be given back with the result.
    pub query: QueryId,
    /// What the server's certificate must be for: a DNS name, or an address as text.
    pub name: String,
    /// Address and TCP port to connect to.
    pub remote: SocketAddr,
    /// From which local address, if that matters.
    pub bind: Option<IpAddr>,
    /// How the dates of the certificates are to be judged. Names and chains are verified in any case.
    pub dates: CertificateDates,
}

/// How the dates of a chain of certificates are to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateDates {
    /// All must be valid at this time, seconds since 1970.
    At {
        /// Seconds since 1970.
        unix_s: i64,
    },
    /// Nobody knows the time. There must be a time at which all are valid, and it must not end before the floor, which is
    /// certainly past. The engine judges the dates when it has measured the time.
    Deferred {
        /// Seconds since 1970.
        floor_unix_s: i64,
    },
}

/// When a chain of certificates is valid as a whole: the time that all of them have in common. Both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second, since 1970.
    pub not_before_s: i64,
    /// The last second, since 1970.
    pub not_after_s: i64,
}

impl Validity {
    /// Whether it was valid at this time, seconds since 1970.
    pub fn contains(&self, unix_s: i64) -> bool {
        (self.not_before_s..=self.not_after_s).contains(&unix_s)
    }
}

/// What came of a key exchange.
#[derive(Clone, Debug)]
pub struct KeyExchanged {
    /// The keys.
    pub keys: Keys,
    /// Keys to try when the server refuses every request made with the first: some export AES-128-GCM-SIV keys in another
    /// way than RFC 8915 §5.1 has it.
    pub alternative: Option<Keys>,
    /// The cookies; those that do not fit a packet are left out, and so are all beyond eight.
    pub cookies: Vec<Vec<u8>>,
    /// The server for time, by name or address, if it is another one (§4.1.7).
    pub server: Option<String>,
    /// Its UDP port, if the server named one (§4.1.8).
    pub port: Option<u16>,
    /// When the server's certificates are valid.
    pub validity: Validity,
    /// The SHA-256 of the public key in the server's certificate: servers that share one are one voice on the time.
    pub certificate_key: [u8; 32],
}

/// Why a key exchange failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyExchangeError {
    /// What the engine does about it.
    pub fault: KeyExchangeFault,
    /// One sentence for people; no more than [`KeyExchangeError::MAX_TEXT_LEN`] bytes of it are kept.
    pub text: String,
}

/// Kinds of failed key exchanges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyExchangeFault {
    /// It could not be tried: the process that does it died or cannot be started, or there are no descriptors.
    Unavailable,
    /// No connection came about: it cost the server nothing.
    Unreachable,
    /// The connection broke or took too long, or what answers does not speak TLS 1.3 or the protocol.
    Connection,
    /// The certificate is for another name, or nobody whom we trust vouches for it.
    Certificate,
    /// The certificate is not valid at the time that was named, or never.
    CertificateDate,
    /// The server refused, or its answer makes no sense, or we have no algorithm in common.
    Answer,
}

impl KeyExchangeError {
    /// The longest text that is kept, bytes.
    pub const MAX_TEXT_LEN: usize = 300;

    /// The same with a text of bounded length.
    pub(crate) fn shortened(mut self) -> Self {
        let end = (0..=Self::MAX_TEXT_LEN).rev().find(|&at| self.text.is_char_boundary(at));
        self.text.truncate(end.unwrap_or(0));
        self
    }
}

impl KeyExchangeFault {
    /// Whether the attempt cost the server something, so that it should not be repeated often.
    pub(crate) const fn reached_server(self) -> bool {
        !matches!(self, Self::Unavailable | Self::Unreachable)
    }

    /// For people, where there is no room for the whole sentence.
    pub(crate) const fn complaint(self) -> &'static str {
        match self {
            Self::Unavailable => "keys cannot be exchanged on this machine",
            Self::Unreachable => "its server for key exchange cannot be reached",
            Self::Connection => "the connection to its server for key exchange failed",
            Self::Certificate => "its certificate is not accepted",
            Self::CertificateDate => "its certificate has expired or is not valid yet",
            Self::Answer => "its server for key exchange gives no keys",
        }
    }
}
