//! Network Time Security without TLS or sockets, RFC 8915.
#![forbid(unsafe_code)]

pub mod aead;
mod jar;
mod keys;
pub mod negotiate;
pub mod record;

pub use jar::{Cookie, CookieJar, JAR_CAPACITY, MAX_COOKIE_LEN, MIN_COOKIE_LEN};
pub use keys::Keys;
