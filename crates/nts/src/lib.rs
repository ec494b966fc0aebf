//! Network Time Security without TLS or sockets, RFC 8915.
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
