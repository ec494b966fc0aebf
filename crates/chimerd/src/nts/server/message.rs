//! What the daemon and its key exchange server say to each other, when that is a process of its own. Both are the same
//! program; still the daemon believes nothing of what the role says that it need not.

use std::fmt;

use truechimer_config::nts::KeyExchangeLimits;
use truechimer_engine::config::AccessRule;
use truechimer_nts_ke::Validity;

use super::Setup;
use super::counters::{Counters, FAULTS};
use crate::nts::codec::{Reader, Writer};

/// Longest message to the role: a chain of certificates and its key.
pub(super) const TO_ROLE_MAX: usize = 160 * 1024;
/// Longest message from the role.
pub(super) const FROM_ROLE_MAX: usize = 2048;
/// Access rules in one message.
const RULES: usize = 1024;
/// Longest complaint that is passed on, bytes.
const COMPLAINT_MAX: usize = 1000;

const SETUP: u8 = b'S';
const ACCESS: u8 = b'A';
const LISTENER: u8 = b'L';
const COMMIT: u8 = b'C';
const IDENTITY: u8 = b'I';
const RING: u8 = b'R';
const PING: u8 = b'P';
const COUNTERS: u8 = b'N';

/// To the role.
#[derive(Clone, PartialEq)]
pub(super) enum Order {
    /// A configuration, to which rules and listeners follow.
    Setup(Setup),
    /// More rules of its access list.
    Access(Vec<AccessRule>),
    /// A listener of it: the message's descriptor.
    Listener,
    /// It is complete and in force.
    Commit,
    /// PEM texts of the certificates and the private key.
    Identity(Vec<u8>, Vec<u8>),
    /// The file of the key ring, with how many old keys are to be kept of it.
    Ring(usize, Vec<u8>),
    /// Say something.
    Ping,
}

impl fmt::Debug for Order {
    /// Without certificates and keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setup(setup) => f.debug_tuple("Setup").field(setup).finish(),
            Self::Access(rules) => f.debug_tuple("Access").field(rules).finish(),
            Self::Listener => f.write_str("Listener"),
            Self::Commit => f.write_str("Commit"),
            Self::Identity(..) => f.write_str("Identity(…)"),
            Self::Ring(keep, _) => write!(f, "Ring({keep}, …)"),
            Self::Ping => f.write_str("Ping"),
        }
    }
}

/// From the role.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    /// What became of the identity: in force, or refused for this reason.
    Identity(Result<Validity, String>),
    /// Sums, now and then, and after a ping.
    Counters(Box<Counters>),
}

/// The messages that make a configuration, up to the listeners.
pub(super) fn write_setup(setup: &Setup) -> Vec<Vec<u8>> {
    let KeyExchangeLimits { max_connections, max_per_address, max_rate, timeout_s } = setup.limits;
    let head = Writer::new(SETUP)
        .u64(max_connections as u64)
        .u64(max_per_address as u64)
        .f64(max_rate)
        .f64(timeout_s)
        .option(setup.ntp_server.as_ref(), |writer, server| writer.bytes(server.as_bytes()))
        .option(setup.ntp_port, Writer::u16)
        .done();
    let rules = setup.access.chunks(RULES).map(|rules| {
        let rule = |writer: Writer, rule: &AccessRule| {
            writer.address(rule.network).u8(rule.prefix_len).u8(rule.allow.into())
        };
        rules.iter().fold(Writer::new(ACCESS), rule).done()
    });
    std::iter::once(head).chain(rules).collect()
}

/// To go with a descriptor.
pub(super) fn write_listener() -> Vec<u8> {
    Writer::new(LISTENER).done()
}

pub(super) fn write_commit() -> Vec<u8> {
    Writer::new(COMMIT).done()
}

pub(super) fn write_identity(chain: &[u8], key: &[u8]) -> Vec<u8> {
    Writer::new(IDENTITY).bytes(chain).bytes(key).done()
}

pub(super) fn write_ring(keep: usize, text: &str) -> Vec<u8> {
    Writer::new(RING).u64(keep as u64).bytes(text.as_bytes()).done()
}

pub(super) fn write_ping() -> Vec<u8> {
    Writer::new(PING).done()
}

impl Order {
    pub(super) fn parse(message: &[u8]) -> Option<Self> {
        let (kind, mut reader) = Reader::new(message)?;
        let order = match kind {
            SETUP => Self::Setup(Setup {
                limits: KeyExchangeLimits {
                    max_connections: reader.u64()?.try_into().ok()?,
                    max_per_address: reader.u64()?.try_into().ok()?,
                    max_rate: reader.f64()?,
                    timeout_s: reader.f64()?,
                },
                access: Vec::new(),
                ntp_server: reader.option(Reader::text)?.map(str::to_owned),
                ntp_port: reader.option(Reader::u16)?,
            }),
            ACCESS => {
                let mut rules = Vec::new();
                while !reader.is_empty() {
                    let (network, prefix_len) = (reader.address()?, reader.u8()?);
                    rules.push(AccessRule { network, prefix_len, allow: reader.bool()? });
                }
                Self::Access(rules)
            }
            LISTENER => Self::Listener,
            COMMIT => Self::Commit,
            IDENTITY => Self::Identity(reader.bytes()?.to_vec(), reader.bytes()?.to_vec()),
            RING => Self::Ring(reader.u64()?.try_into().ok()?, reader.bytes()?.to_vec()),
            PING => Self::Ping,
            _ => return None,
        };
        reader.end()?;
        Some(order)
    }
}

impl Word {
    pub(super) fn write(&self) -> Vec<u8> {
        match self {
            Self::Identity(Ok(validity)) => {
                Writer::new(IDENTITY).u8(1).i64(validity.not_before_s).i64(validity.not_after_s).done()
            }
            Self::Identity(Err(text)) => {
                let end = (0..=COMPLAINT_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
                Writer::new(IDENTITY).u8(0).bytes(text.get(..end).unwrap_or(text).as_bytes()).done()
            }
            Self::Counters(counters) => {
                let sums = sums(counters).into_iter().chain(counters.faults);
                sums.fold(Writer::new(COUNTERS), Writer::u64).done()
            }
        }
    }

    pub(super) fn parse(message: &[u8]) -> Option<Self> {
        let (kind, mut reader) = Reader::new(message)?;
        let word = match kind {
            IDENTITY => Self::Identity(match reader.bool()? {
                true => Ok(Validity { not_before_s: reader.i64()?, not_after_s: reader.i64()? }),
                false => Err(reader.text()?.to_owned()),
            }),
            COUNTERS => {
                let mut next = || reader.u64();
                let mut counters = Counters {
                    open: next()?,
                    accepted: next()?,
                    exchanged: next()?,
                    denied: next()?,
                    too_many: next()?,
                    too_fast: next()?,
                    crowded_out: next()?,
                    timed_out: next()?,
                    shortages: next()?,
                    faults: [0; FAULTS],
                };
                for fault in &mut counters.faults {
                    *fault = next()?;
                }
                Self::Counters(Box::new(counters))
            }
            _ => return None,
        };
        reader.end()?;
        Some(word)
    }
}

/// In the order in which they are read.
fn sums(counters: &Counters) -> [u64; 9] {
    let Counters {
        open,
        accepted,
        exchanged,
        denied,
        too_many,
        too_fast,
        crowded_out,
        timed_out,
        shortages,
        ..
    } = *counters;
    [open, accepted, exchanged, denied, too_many, too_fast, crowded_out, timed_out, shortages]
}

#[cfg(test)]
mod tests;
