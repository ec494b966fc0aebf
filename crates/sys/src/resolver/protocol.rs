//! What the daemon and its resolver say to each other: one message a question, one an answer. The numbers are in the
//! machine's own byte order, as both ends are the same program.
//!
//! ```text
//! question:  query (8)  family (1: 0, 4 or 6)  name (1 to 253)
//! answer:    query (8)  state (1)  addresses (each 4 or 6, then 4 or 16 bytes)
//! ```

use std::net::IpAddr;

use super::lookup::{MAX_ADDRESSES, MAX_NAME};
use super::{Answer, Family, ResolveError};

/// Room for any message.
pub(super) const MAX_MESSAGE: usize = 9 + MAX_ADDRESSES * 17;

const FOUND: u8 = 0;
const NOT_FOUND: u8 = 1;
const TEMPORARY: u8 = 2;
const UNAVAILABLE: u8 = 3;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) query: u64,
    pub(super) family: Option<Family>,
    pub(super) name: String,
}

impl Question {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = self.query.to_ne_bytes().to_vec();
        bytes.push(match self.family {
            None => 0,
            Some(Family::V4) => 4,
            Some(Family::V6) => 6,
        });
        bytes.extend_from_slice(self.name.as_bytes());
        bytes
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (query, rest) = bytes.split_first_chunk::<8>()?;
        let (family, name) = rest.split_first()?;
        let family = match family {
            0 => None,
            4 => Some(Family::V4),
            6 => Some(Family::V6),
            _ => return None,
        };
        if name.is_empty() || name.len() > MAX_NAME {
            return None;
        }
        let name = String::from_utf8(name.to_vec()).ok()?;
        Some(Self { query: u64::from_ne_bytes(*query), family, name })
    }
}

pub(super) fn write_answer(query: u64, answer: &Answer) -> Vec<u8> {
    let mut bytes = query.to_ne_bytes().to_vec();
    match answer {
        Ok(addresses) => {
            bytes.push(FOUND);
            for address in addresses.iter().take(MAX_ADDRESSES) {
                match address {
                    IpAddr::V4(ip) => {
                        bytes.push(4);
                        bytes.extend_from_slice(&ip.octets());
                    }
                    IpAddr::V6(ip) => {
                        bytes.push(6);
                        bytes.extend_from_slice(&ip.octets());
                    }
                }
            }
        }
        Err(ResolveError::NotFound) => bytes.push(NOT_FOUND),
        Err(ResolveError::Temporary) => bytes.push(TEMPORARY),
        Err(ResolveError::Unavailable) => bytes.push(UNAVAILABLE),
    }
    bytes
}

pub(super) fn parse_answer(bytes: &[u8]) -> Option<(u64, Answer)> {
    let (query, rest) = bytes.split_first_chunk::<8>()?;
    let (state, rest) = rest.split_first()?;
    let answer = match *state {
        FOUND => Ok(parse_addresses(rest)?),
        NOT_FOUND if rest.is_empty() => Err(ResolveError::NotFound),
        TEMPORARY if rest.is_empty() => Err(ResolveError::Temporary),
        UNAVAILABLE if rest.is_empty() => Err(ResolveError::Unavailable),
        _ => return None,
    };
    Some((u64::from_ne_bytes(*query), answer))
}

/// One address at least.
fn parse_addresses(mut bytes: &[u8]) -> Option<Vec<IpAddr>> {
    let mut addresses = Vec::new();
    while let Some((family, rest)) = bytes.split_first() {
        let address = match family {
            4 => {
                let (octets, rest) = rest.split_first_chunk::<4>()?;
                bytes = rest;
                IpAddr::from(*octets)
            }
            6 => {
                let (octets, rest) = rest.split_first_chunk::<16>()?;
                bytes = rest;
                IpAddr::from(*octets)
            }
            _ => return None,
        };
        addresses.push(address);
    }
    (1..=MAX_ADDRESSES).contains(&addresses.len()).then_some(addresses)
}
