//! Network Time Security without TLS or sockets, RFC 8915.
//!
//! NTS lets a client know that the time it was told comes from its server. A *key exchange* over TLS gives both the same two
//! keys, and the client some *cookies*. Each NTP request then carries a cookie, from which the server, which remembers
//! nothing, learns the keys again; both packets are sealed with them, and the reply brings fresh cookies.
//!
//! This crate is all of that but the connection: bytes go in, bytes come out, and randomness and time are arguments. TLS is in
//! `truechimer-nts-ke`; when to ask and whom to believe is decided in `truechimer-engine`.
//!
//! | module | what it is | source |
//! |---|---|---|
//! | [`aead`] | the algorithms that seal: AES-SIV-CMAC and AES-128-GCM-SIV | RFC 5297, RFC 8452 |
//! | [`record`] | the records of a key exchange, out of a stream | RFC 8915 §4 |
//! | [`negotiate`] | what client and server say with them, and which keys they then export | RFC 8915 §4.1, §5.1 |
//! | [`ring`] | the server's keys for cookies, and how they change | RFC 8915 §6 |
//! | [`CookieJar`] | the cookies that a client has left | RFC 8915 §5.7 |
//! | [`packet`] | requests and replies, both sides | RFC 8915 §5 |
//!
//! # An exchange
//!
//! ```
//! use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! use truechimer_nts::aead::{Aead, Algorithm};
//! use truechimer_nts::packet::{self, MAX_PLAINTEXT_LEN, MAX_REQUEST_LEN};
//! use truechimer_nts::{CookieJar, KeyRing, Keys};
//! use truechimer_time::NtpTimestamp;
//! use truechimer_wire::{Header, Mode, Packet};
//!
//! let mut random = ChaCha20Rng::from_seed([0; 32]); // a test's; it must be unpredictable otherwise
//!
//! // The key exchange: both sides have exported the same keys, and the server gives the client eight cookies.
//! let ring = KeyRing::generate(1_767_225_600, 3, &mut random);
//! let keys = Keys::new(Algorithm::AesSivCmac256, &[1; 32], &[2; 32]).unwrap();
//! let mut jar = CookieJar::new();
//! for _ in 0..8 {
//!     jar.push(ring.seal_cookie(&keys, &mut random).unwrap().as_bytes());
//! }
//!
//! // The client asks: an identifier and a cookie that were never used before.
//! let (c2s, s2c) = (Aead::new(keys.c2s()), Aead::new(keys.s2c()));
//! let identifier = [3; 32];
//! let cookie = jar.pop().unwrap();
//! let header = Header::request(4, NtpTimestamp::from_bits(0x0123_4567_89ab_cdef));
//! let placeholders = packet::placeholders(jar.len(), cookie.as_bytes().len(), c2s.algorithm());
//! let mut request = [0; MAX_REQUEST_LEN];
//! let len =
//!     packet::write_request(&mut request, &header, &identifier, &cookie, placeholders, &c2s, &mut random)?;
//!
//! // The server knows nothing but its ring.
//! let asked = Packet::parse(&request[..len]).unwrap();
//! let opened = packet::open_request(&asked, &ring).unwrap();
//! let header = Header { mode: Mode::Server, stratum: 1, ..header };
//! let mut reply = [0; MAX_REQUEST_LEN];
//! let reply_len = packet::write_reply(&mut reply, &header, &opened, &ring, &mut random)?;
//! assert!(reply_len <= len);
//!
//! // The client checks, and puts the fresh cookie into its jar.
//! let mut scratch = [0; MAX_PLAINTEXT_LEN];
//! let told = Packet::parse(&reply[..reply_len]).unwrap();
//! let opened = packet::open_reply(&told, &identifier, &s2c, &mut scratch).unwrap();
//! opened.cookies().for_each(|cookie| assert!(jar.push(cookie)));
//! assert_eq!(jar.len(), 8);
//! # Ok::<(), truechimer_wire::NoRoom>(())
//! ```
//!
//! # What a packet tells a stranger
//!
//! Nothing that leads from one packet of a client to the next: the identifier, the transmit timestamp and the nonce are random, and
//! each cookie is used once. Only the number of placeholders, so the number of replies that were lost, can be seen.
//! A client that comes to another network should still [clear](CookieJar::clear) its jar and do a new key exchange, as
//! somebody may have seen those cookies come.
//!
//! # What it costs
//!
//! | algorithm | cookie | request and reply | with eight cookies |
//! |---|---|---|---|
//! | AES-128-GCM-SIV | 64 bytes | 188 bytes | 664 bytes |
//! | AES-SIV-CMAC-256 | 96 bytes | 224 bytes | 924 bytes |
//! | AES-SIV-CMAC-512 | 160 bytes | 288 bytes | |
//!
//! How long it takes to open a request and to write its reply, `cargo bench -p truechimer-nts` measures. Without AES
//! instructions the `aes` crate takes its portable code, which is constant-time too and about ten times as slow. The server's
//! path allocates nothing (`tests/allocations.rs`), and its work does not depend on how many fields a request has: two
//! messages are opened, and for each cookie, eight at most, one is sealed.

#![forbid(unsafe_code)]

pub mod aead;
mod cookie;
mod jar;
mod keys;
pub mod negotiate;
pub mod packet;
pub mod record;
pub mod ring;

pub use cookie::{CookieError, cookie_len};
pub use jar::{Cookie, CookieJar, JAR_CAPACITY, MAX_COOKIE_LEN, MIN_COOKIE_LEN};
pub use keys::Keys;
pub use rand_core;
pub use ring::{KeyRing, MasterSecret};
