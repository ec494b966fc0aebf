//! The cookies that a client has left, RFC 8915 §5.7.
//!
//! A cookie that is used twice tells everybody on the way that the same client sent both packets. So each leaves the jar
//! when it is used, the oldest first, and a request asks for as many as are missing of eight.

use std::fmt;

/// Most cookies that a client keeps, and so most that it can ask for (§5.7).
pub const JAR_CAPACITY: usize = 8;
/// Shortest cookie that fits an extension field without padding, bytes. Padding could not be told from the cookie.
pub const MIN_COOKIE_LEN: usize = 12;
/// Longest cookie that is kept, bytes. Those in use have 64 to 170; eight times this would not fit a packet.
pub const MAX_COOKIE_LEN: usize = 256;

/// Whether a cookie can go into an extension field as it is.
pub(crate) fn is_usable_cookie(cookie: &[u8]) -> bool {
    (MIN_COOKIE_LEN..=MAX_COOKIE_LEN).contains(&cookie.len()) && cookie.len().is_multiple_of(4)
}

/// One cookie of [`MIN_COOKIE_LEN`] to [`MAX_COOKIE_LEN`] bytes, a multiple of four.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cookie {
    bytes: [u8; MAX_COOKIE_LEN],
    len: usize,
}

impl Cookie {
    /// A copy; `None` if the length is not legal.
    pub fn new(cookie: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_COOKIE_LEN];
        if !is_usable_cookie(cookie) {
            return None;
        }
        bytes.get_mut(..cookie.len())?.copy_from_slice(cookie);
        Some(Self { bytes, len: cookie.len() })
    }

    /// A cookie of `len` bytes that `write` writes; `None` if it does not, or if the length is not legal.
    pub(crate) fn write_with(len: usize, write: impl FnOnce(&mut [u8]) -> Option<()>) -> Option<Self> {
        let mut bytes = [0; MAX_COOKIE_LEN];
        let place = bytes.get_mut(..len)?;
        write(place)?;
        is_usable_cookie(place).then_some(Self { bytes, len })
    }

    /// The cookie.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cookie({} bytes)", self.len)
    }
}

/// Up to eight cookies, each used once, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CookieJar {
    cookies: [Option<Cookie>; JAR_CAPACITY],
    /// Where the oldest is.
    first: usize,
    len: usize,
}

impl CookieJar {
    /// An empty jar.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a cookie in and says whether it is now there: not if the jar is full or the length is not legal.
    pub fn push(&mut self, cookie: &[u8]) -> bool {
        let Some(cookie) = Cookie::new(cookie) else { return false };
        let place = (self.first + self.len) % JAR_CAPACITY;
        let Some(place) = self.cookies.get_mut(place).filter(|_| self.len < JAR_CAPACITY) else {
            return false;
        };
        *place = Some(cookie);
        self.len += 1;
        true
    }

    /// Takes the oldest cookie out.
    pub fn pop(&mut self) -> Option<Cookie> {
        let cookie = self.cookies.get_mut(self.first)?.take()?;
        self.first = (self.first + 1) % JAR_CAPACITY;
        self.len -= 1;
        Some(cookie)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Throws all away: they belong to keys that are gone, or were seen on a network that was left.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The cookies, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Cookie> {
        (0..self.len).filter_map(|i| self.cookies.get((self.first + i) % JAR_CAPACITY)?.as_ref())
    }
}

#[cfg(test)]
mod tests;
