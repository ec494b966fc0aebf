//! Values to bytes and back. Reading gives nothing for what is cut, too long, or not legal.

use std::net::IpAddr;

use truechimer_nts::aead::Algorithm;

use super::VERSION;

#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn new(kind: u8) -> Self {
        Self { bytes: vec![VERSION, kind] }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    /// At most `max` bytes: a longer one is cut, and then refused by the reader if it must be whole.
    pub(super) fn bytes(&mut self, value: &[u8], max: u16) {
        let len = u16::try_from(value.len()).unwrap_or(u16::MAX).min(max);
        self.u16(len);
        self.bytes.extend_from_slice(value.get(..usize::from(len)).unwrap_or_default());
    }

    /// A list of at most `max` items; more are left out.
    pub(super) fn list<T>(&mut self, items: &[T], max: u8, mut write: impl FnMut(&mut Self, &T)) {
        let len = u8::try_from(items.len()).unwrap_or(u8::MAX).min(max);
        self.u8(len);
        items.iter().take(len.into()).for_each(|item| write(self, item));
    }

    pub(super) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.u8(0),
            Some(value) => {
                self.u8(1);
                write(self, value);
            }
        }
    }

    pub(super) fn address(&mut self, address: &IpAddr) {
        match address {
            IpAddr::V4(address) => {
                self.u8(4);
                self.bytes.extend_from_slice(&address.octets());
            }
            IpAddr::V6(address) => {
                self.u8(6);
                self.bytes.extend_from_slice(&address.octets());
            }
        }
    }

    pub(super) fn algorithm(&mut self, algorithm: Algorithm) {
        self.u16(algorithm.id());
    }
}

pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Of a message of this kind.
    pub(super) fn new(message: &'a [u8], kind: u8) -> Option<Self> {
        let (&[version, found], rest) = message.split_first_chunk()?;
        (version == VERSION && found == kind && message.len() <= super::MESSAGE_MAX).then_some(Self { rest })
    }

    /// Nothing may be left over.
    pub(super) fn end(self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*array)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    pub(super) fn bytes(&mut self, max: usize) -> Option<&'a [u8]> {
        let len = usize::from(self.u16()?);
        let (bytes, rest) = self.rest.split_at_checked(len).filter(|_| len <= max)?;
        self.rest = rest;
        Some(bytes)
    }

    /// A text that is harmless to print: ASCII without control characters.
    pub(super) fn text(&mut self, max: usize) -> Option<String> {
        let bytes = self.bytes(max)?;
        let text = std::str::from_utf8(bytes).ok()?;
        bytes.iter().all(|byte| (b' '..=b'~').contains(byte)).then(|| text.to_owned())
    }

    pub(super) fn list<T>(
        &mut self,
        max: usize,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let len = usize::from(self.u8()?);
        if len > max {
            return None;
        }
        (0..len).map(|_| read(self)).collect()
    }

    /// The outer option is whether it was legal.
    pub(super) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.u8()? {
            0 => Some(None),
            1 => read(self).map(Some),
            _ => None,
        }
    }

    pub(super) fn address(&mut self) -> Option<IpAddr> {
        match self.u8()? {
            4 => self.array::<4>().map(IpAddr::from),
            6 => self.array::<16>().map(IpAddr::from),
            _ => None,
        }
    }

    pub(super) fn algorithm(&mut self) -> Option<Algorithm> {
        self.u16().and_then(Algorithm::from_id)
    }
}
