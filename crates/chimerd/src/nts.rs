//! Network Time Security around the engine: key exchange on both sides, certificates, and the keys of cookies (RFC 8915).
//!
//! | module | what it is |
//! |---|---|
//! | `client` | key exchanges with servers, in a process of their own or in the loop |
//! | `server` | the server for key exchange, likewise |
//! | `serving` | what `[serve.nts]` wants: the server, its certificate, the key ring |
//! | `certificate` | the files of the certificate, and its end |
//! | `ring` | the keys that cookies are made with |
//! | `inspect` | a look at the files before a daemon is started with them |
//! | `watch` | files that others replace |
//! | `codec` | the bytes of messages between daemon and roles |
//!
//! What an attacker can reach is TLS and certificates, so that is what runs in processes without privileges. The daemon hands
//! them what they need: sockets that listen, the certificate with its key, the ring. It takes back keys and cookies, and
//! believes nothing else.

pub(crate) mod certificate;
pub(crate) mod client;
mod codec;
mod inspect;
pub(crate) mod ring;
pub(crate) mod server;
pub(crate) mod serving;
mod watch;

use crate::journal::Priority;

/// A role that works on something for longer than this, seconds, hangs, whatever the machine.
const HANG_S: u32 = 120;

pub use inspect::inspect;

/// Where sentences for the journal go.
pub(crate) type Say<'a> = &'a mut dyn FnMut(Priority, String);

/// Messages of a role that are heard in one turn. What it has to say beyond that can wait: who has taken a role over must not
/// be able to keep the daemon from everything else by talking on and on.
const HEARD_A_TURN: usize = 32;
