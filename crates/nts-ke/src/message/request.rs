//! What the daemon asks for.

use std::net::IpAddr;

use truechimer_nts::aead::Algorithm;
use truechimer_nts::negotiate::ClientOffer;

use super::codec::{Reader, Writer};
use super::{NAME_MAX, REQUEST};
use crate::verify::DatePolicy;

/// Most addresses in a request.
pub const ADDRESSES_MAX: usize = 16;

/// One key exchange to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeRequest {
    /// What the daemon knows it by; the answer says the same.
    pub query: u64,
    /// Whom the certificate must be for.
    pub server: String,
    /// The TCP port.
    pub port: u16,
    /// Addresses to try in this order, at most [`ADDRESSES_MAX`].
    pub addresses: Vec<IpAddr>,
    /// The local address to connect from, if that matters.
    pub bind: Option<IpAddr>,
    /// How the dates of certificates are judged.
    pub date: DatePolicy,
    /// What to ask the server for.
    pub offer: ClientOffer,
}

impl ExchangeRequest {
    /// As a message. What is over a limit is cut, which the reader then refuses or does without.
    pub fn write(&self) -> Vec<u8> {
        let mut writer = Writer::new(REQUEST);
        writer.u64(self.query);
        writer.bytes(self.server.as_bytes(), u16::MAX);
        writer.u16(self.port);
        writer.list(&self.addresses, ADDRESSES_MAX as u8, Writer::address);
        writer.option(self.bind.as_ref(), Writer::address);
        let (kind, unix_s) = match self.date {
            DatePolicy::At(unix_s) => (0, unix_s),
            DatePolicy::Defer { floor_unix_s } => (1, floor_unix_s),
        };
        writer.u8(kind);
        writer.i64(unix_s);
        writer.list(&self.offer.algorithms, Algorithm::ALL.len() as u8, |writer, &algorithm| {
            writer.algorithm(algorithm);
        });
        writer.option(self.offer.server.as_ref(), |writer, server| writer.bytes(server.as_bytes(), u16::MAX));
        writer.option(self.offer.port, Writer::u16);
        writer.into_bytes()
    }

    /// From a message; nothing if it is not exactly one.
    pub fn parse(message: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(message, REQUEST)?;
        let request = Self {
            query: reader.u64()?,
            server: reader.text(NAME_MAX)?,
            port: reader.u16()?,
            addresses: reader.list(ADDRESSES_MAX, Reader::address)?,
            bind: reader.option(Reader::address)?,
            date: match (reader.u8()?, reader.i64()?) {
                (0, unix_s) => DatePolicy::At(unix_s),
                (1, floor_unix_s) => DatePolicy::Defer { floor_unix_s },
                _ => return None,
            },
            offer: ClientOffer {
                algorithms: reader.list(Algorithm::ALL.len(), Reader::algorithm)?,
                server: reader.option(|reader| reader.text(NAME_MAX))?,
                port: reader.option(Reader::u16)?,
            },
        };
        reader.end()?;
        Some(request)
    }
}
