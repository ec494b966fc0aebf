//! NTS key exchange (RFC 8915 §4) over TLS 1.3, as bytes in and bytes out.
//!
//! Before a client can ask for authenticated time, it asks a key exchange server over TLS: whom the certificate names is who
//! will vouch for the time. Out of the TLS session both sides derive a pair of keys, and the client gets eight cookies in
//! which only the server can find these keys again. This crate is everything of that but the sockets and the clock: who owns
//! a connection pushes what it received and sends what comes out.
//!
//! | module | what it is | who uses it |
//! |---|---|---|
//! | [`client`] | [`ClientSession`]: one exchange as a client; [`KeyExchanged`] comes of it | the key exchange role, `chimer query` |
//! | [`server`] | [`ServerSession`]: one exchange as a server | the key exchange server role |
//! | [`trust`] | [`TrustedCertificates`], [`ClientTls`]: whom clients believe | both programs |
//! | [`identity`] | [`ServerTls`]: who a server is | the server role |
//! | [`verify`] | [`DatePolicy`]: by which clock a certificate's dates are judged, and how chains are verified | |
//! | [`validity`] | [`Validity`]: in which span a chain is valid | the daemon, to confirm a deferred date |
//! | [`error`] | [`KeError`], [`ServerFault`]: what went wrong, in terms of what to do about it | |
//! | [`message`] | requests and answers between the daemon and the process that does this | both ends |
//! | `authority` | a throw-away certificate authority, with the feature of that name | tests, `chimer demo` |
//! | `testing` | peers that misbehave, with the feature of that name | tests |
//!
//! What TLS is spoken, and why so, stands at the top of `profile.rs`. Cryptography is `aws-lc-rs` below `rustls`;
//! certificates are verified by `webpki`. Randomness comes from there too.
//!
//! # Limits
//!
//! A client takes [`CLIENT_RECEIVE_MAX`] bytes from a server, of which a chain of certificates may be [`CHAIN_BYTES_MAX`] in
//! [`CHAIN_MAX`] pieces; a server takes [`SERVER_RECEIVE_MAX`] from a client. Neither has limits of time, which are the business
//! of who owns the connection.
//!
//! # One exchange
//!
//! ```
//! # use truechimer_nts_ke::authority::Authority;
//! use rand_chacha::ChaCha20Rng;
//! use rand_core::SeedableRng;
//! use truechimer_nts::KeyRing;
//! use truechimer_nts::negotiate::{ClientOffer, ServerPolicy};
//! use truechimer_nts_ke::{ClientSession, DatePolicy, ServerSession, ServerTls, Validity};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let year = Validity { not_before_s: 1_800_000_000, not_after_s: 1_831_536_000 };
//! let authority = Authority::new("example", year)?;
//! let files = authority.certify(&["ntp.example"], year)?;
//!
//! let mut random = ChaCha20Rng::from_seed([7; 32]); // the system's, in earnest
//! let ring = KeyRing::generate(1_810_000_000, 2, &mut random);
//! let identity = ServerTls::from_pem(files.chain.as_bytes(), files.key.as_bytes())?;
//! let mut server = ServerSession::new(&identity)?;
//! let date = DatePolicy::At(1_810_000_000);
//! let mut client = ClientSession::new(&authority.clients()?, "ntp.example", date, ClientOffer::default())?;
//!
//! while client.outcome().is_none() {
//!     let sent = client.poll_output().to_vec();
//!     client.handle_written(sent.len());
//!     server.handle_bytes(&sent);
//!     if server.wants_answer() {
//!         server.answer(&ServerPolicy::default(), &ring, &mut random);
//!     }
//!     let sent = server.poll_output().to_vec();
//!     server.handle_written(sent.len());
//!     client.handle_bytes(&sent);
//! }
//! let exchanged = client.into_outcome()?;
//! assert_eq!(exchanged.cookies.len(), 8);
//! assert_eq!(ring.open_cookie(&exchanged.cookies[0]), Ok(exchanged.keys.clone()));
//! assert_eq!(exchanged.validity, year);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

#[cfg(feature = "authority")]
pub mod authority;
pub mod client;
pub mod error;
pub mod identity;
pub mod message;
mod profile;
pub mod server;
mod stream;
#[cfg(feature = "testing")]
pub mod testing;
pub mod trust;
pub mod validity;
pub mod verify;

pub use client::{CLIENT_RECEIVE_MAX, ClientSession, KeyExchanged};
pub use error::{CertificateFault, KeError, NetworkFault, ServerFault};
pub use identity::{IdentityError, KeyKind, ServerTls};
pub use message::{ExchangeAnswer, ExchangeRequest};
pub use server::{SERVER_RECEIVE_MAX, ServerSession};
pub use trust::{ClientTls, TrustError, TrustedCertificates};
pub use validity::Validity;
pub use verify::{CHAIN_BYTES_MAX, CHAIN_MAX, DatePolicy};
