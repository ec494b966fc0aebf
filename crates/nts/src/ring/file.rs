//! The ring as a file.
//!
//! ```text
//! truechimer-key-ring 1
//! next 0000002a 1767225600 (64 hexadecimal digits)
//! current 00000029 1767225600 (64 hexadecimal digits)
//! old 00000028 1767139200 (64 hexadecimal digits)
//! ```
//!
//! The first line is the format and its version. Then each key with its place, its identifier (hexadecimal), since when it
//! has been current (seconds since 1970) and its secret; old ones from the last to the first. Whoever reads the file can read
//! every packet that its cookies protect, so it is for the server's eyes only.

use std::fmt::Write as _;

use zeroize::{Zeroize, Zeroizing};

use super::{KeyRing, MAX_OLD_KEYS, RingKey, SECRET_LEN};
use crate::aead::{Algorithm, Key};

/// Format and version.
const FIRST_LINE: &str = "truechimer-key-ring 1";
/// Longest file that can be a ring, bytes.
pub const MAX_FILE_LEN: usize = FIRST_LINE.len() + 2 + (MAX_OLD_KEYS + 2) * MAX_LINE_LEN;
/// Longest line with its end: place, identifier, 20 digits of time, secret, blanks, CR LF.
const MAX_LINE_LEN: usize = 7 + 1 + 8 + 1 + 20 + 1 + 2 * SECRET_LEN + 2;

/// Why bytes are no key ring. Nothing of the file is in it, as that is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RingFileError {
    /// The first line is not that of a key ring.
    Format,
    /// It is that of a version that we do not know.
    Version,
    /// This line is not a key, or not in its place; the first is 1.
    Line(usize),
    /// The file is longer than [`MAX_FILE_LEN`].
    Long,
    /// The next or the current key is missing: the file was cut.
    Missing,
}

impl KeyRing {
    /// The file, which is to be kept secret.
    pub fn write(&self) -> Zeroizing<String> {
        // All at once: a string that grows leaves copies of itself behind.
        let mut text = Zeroizing::new(String::with_capacity(MAX_FILE_LEN));
        text.push_str(FIRST_LINE);
        text.push('\n');
        for (key, place) in self.keys.iter().zip(places()) {
            // Writing to a string does not fail.
            let _ = write!(text, "{place} {:08x} {} ", key.id, key.since_s);
            key.secret.bytes().iter().for_each(|byte| {
                let _ = write!(text, "{byte:02x}");
            });
            text.push('\n');
        }
        text
    }

    /// Reads a file and keeps up to `keep` old keys of it.
    ///
    /// # Errors
    /// [`RingFileError`].
    pub fn parse(bytes: &[u8], keep: usize) -> Result<Self, RingFileError> {
        if bytes.len() > MAX_FILE_LEN {
            return Err(RingFileError::Long);
        }
        let text = str::from_utf8(bytes).map_err(|_| RingFileError::Format)?;
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        if first != FIRST_LINE {
            let name = FIRST_LINE.split(' ').next();
            let ours = first.split(' ').next() == name;
            return Err(if ours { RingFileError::Version } else { RingFileError::Format });
        }
        let mut keys: Vec<RingKey> = Vec::new();
        let mut place = places();
        for (number, line) in (2..).zip(lines) {
            let key = place.next().and_then(|place| parse_key(line, place));
            let key = key.filter(|key| keys.iter().all(|other| other.id != key.id));
            keys.push(key.ok_or(RingFileError::Line(number))?);
        }
        if keys.len() < 2 {
            return Err(RingFileError::Missing);
        }
        Ok(Self::from_keys(keys, keep))
    }
}

/// The names of the places in their order.
fn places() -> impl Iterator<Item = &'static str> {
    ["next", "current"].into_iter().chain(std::iter::repeat_n("old", MAX_OLD_KEYS))
}

fn parse_key(line: &str, place: &str) -> Option<RingKey> {
    let mut words = line.split(' ');
    let mut word = || words.next();
    let (named, id, since_s, secret) = (word()?, word()?, word()?, word()?);
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if word().is_some() || named != place || id.len() != 8 || !digits(id) || !digits(secret) {
        return None;
    }
    let id = u32::from_str_radix(id, 16).ok()?;
    let since_s =
        Some(since_s).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    if secret.len() != 2 * SECRET_LEN {
        return None;
    }
    let mut bytes = [0; SECRET_LEN];
    let (pairs, _) = secret.as_bytes().as_chunks();
    for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(high)? << 4 | digit(low)?;
    }
    let key = Key::new(Algorithm::AesSivCmac256, &bytes).ok();
    bytes.zeroize();
    Some(RingKey::new(id, since_s, key?))
}

fn digit(character: u8) -> Option<u8> {
    char::from(character).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
