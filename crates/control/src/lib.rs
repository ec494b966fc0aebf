//! Reports and requests between `chimerd` and its tools.
//!
//! The native protocol is one JSON object a line over a unix stream socket; `docs/control-protocol.md` is its manual.
//! The daemon offers it on two sockets that differ in what they permit ([`Access`]): everybody may look, a group may
//! command. Nothing in the protocol can name a file: the daemon re-reads the configuration that it was started with, or
//! nothing.
//!
//! | module | what it is | who uses it |
//! |---|---|---|
//! | [`message`] | [`Request`], [`Response`], [`Fault`]: the words | both sides |
//! | [`codec`] | bytes to lines, bounded | both sides |
//! | [`server`] | [`server::Session`]: one connection of the daemon, without sockets | `chimerd` |
//! | [`chronyc`] | the protocol of chrony, byte by byte | `chimerd` |
//! | [`ntpq`] | control messages of NTP, mode 6, for looking | `chimerd` |
//! | [`logs`] | lines of the log files of chronyd and ntpd | `chimerd` |
//! | [`client`] | [`client::Client`]: asks and waits, believes nothing | `chimer` |
//!
//! ```
//! use truechimer_control::server::Session;
//! use truechimer_control::{Access, Answer, Request, Response};
//!
//! let mut session = Session::new(Access::Control);
//! session.handle_bytes(b"{\"request\":\"online\",\"source\":\"ntp.example.net\"}\n");
//! assert_eq!(session.poll_request(), Some(Request::Online { source: Some("ntp.example.net".into()) }));
//! session.reply(&Response::Ok(Answer::Done {}));
//! assert_eq!(session.poll_output(), b"{\"ok\":{}}\n");
//! ```

#![forbid(unsafe_code)]

pub mod chronyc;
pub mod client;
pub mod codec;
pub mod logs;
pub mod message;
pub mod ntpq;
pub mod server;

pub use message::{Access, Answer, Fault, FaultCode, Reply, Request, Response, Version};

/// File name of the socket that everybody may read reports from.
pub const OBSERVE_SOCKET: &str = "observe.sock";

/// File name of the socket that commands are taken from.
pub const CONTROL_SOCKET: &str = "control.sock";

/// Largest request in bytes, without its newline.
pub const REQUEST_MAX: usize = 4096;

/// Largest reply that a client takes, in bytes without its newline: a report of 1 000 sources fits.
pub const REPLY_MAX: usize = 4 << 20;

/// Longest name of a source in a request, in bytes: a DNS name has 253 at most.
pub const NAME_MAX: usize = 255;
