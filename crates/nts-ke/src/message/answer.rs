//! What came of it.

use std::net::IpAddr;

use truechimer_nts::aead::MAX_KEY_LEN;
use truechimer_nts::negotiate::MAX_COOKIES;
use truechimer_nts::{Cookie, Keys, MAX_COOKIE_LEN};

use super::codec::{Reader, Writer};
use super::{ANSWER, NAME_MAX};
use crate::client::KeyExchanged;
use crate::error::{CertificateFault, KeError, NetworkFault};
use crate::validity::Validity;

/// Longest list of names in an error: three of the longest.
const PRESENTED_MAX: u16 = 800;

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeAnswer {
    /// The request's.
    pub query: u64,
    /// Where the connection went, if there was one: the NTP server's address too, unless the server named another.
    pub peer: Option<IpAddr>,
    /// Keys and cookies, or why there are none.
    pub result: Result<KeyExchanged, KeError>,
}

impl ExchangeAnswer {
    /// As a message. It holds keys: it is not for logs, and to be dropped when it is sent.
    pub fn write(&self) -> Vec<u8> {
        let mut writer = Writer::new(ANSWER);
        writer.u64(self.query);
        writer.option(self.peer.as_ref(), Writer::address);
        match &self.result {
            Ok(exchanged) => {
                writer.u8(0);
                write_exchanged(&mut writer, exchanged);
            }
            Err(error) => {
                writer.u8(1);
                write_error(&mut writer, error);
            }
        }
        writer.into_bytes()
    }

    /// From a message; nothing if it is not exactly one, or says what cannot be.
    pub fn parse(message: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(message, ANSWER)?;
        let answer = Self {
            query: reader.u64()?,
            peer: reader.option(Reader::address)?,
            result: match reader.u8()? {
                0 => Ok(read_exchanged(&mut reader)?),
                1 => Err(read_error(&mut reader)?),
                _ => return None,
            },
        };
        reader.end()?;
        Some(answer)
    }
}

fn write_exchanged(writer: &mut Writer, exchanged: &KeyExchanged) {
    write_keys(writer, &exchanged.keys);
    writer.option(exchanged.alternative.as_ref(), write_keys);
    writer.list(&exchanged.cookies, MAX_COOKIES as u8, |writer, cookie| writer.bytes(cookie, u16::MAX));
    writer.option(exchanged.server.as_ref(), |writer, server| writer.bytes(server.as_bytes(), u16::MAX));
    writer.option(exchanged.port, Writer::u16);
    writer.i64(exchanged.validity.not_before_s);
    writer.i64(exchanged.validity.not_after_s);
    writer.bytes(&exchanged.certificate_key, u16::MAX);
}

fn read_exchanged(reader: &mut Reader<'_>) -> Option<KeyExchanged> {
    let exchanged = KeyExchanged {
        keys: read_keys(reader)?,
        alternative: reader.option(read_keys)?,
        cookies: reader.list(MAX_COOKIES, |reader| {
            let cookie = reader.bytes(MAX_COOKIE_LEN)?;
            Cookie::new(cookie).map(|_| cookie.to_vec())
        })?,
        server: reader.option(|reader| reader.text(NAME_MAX))?,
        port: reader.option(Reader::u16)?,
        validity: Validity { not_before_s: reader.i64()?, not_after_s: reader.i64()? },
        certificate_key: reader.bytes(32)?.try_into().ok()?,
    };
    let Validity { not_before_s, not_after_s } = exchanged.validity;
    let legal = !exchanged.cookies.is_empty()
        && not_before_s <= not_after_s
        && exchanged.port != Some(0)
        && exchanged.server.as_ref().is_none_or(|server| !server.is_empty())
        && exchanged.alternative.as_ref().is_none_or(|keys| keys.algorithm() == exchanged.keys.algorithm());
    legal.then_some(exchanged)
}

fn write_keys(writer: &mut Writer, keys: &Keys) {
    writer.algorithm(keys.algorithm());
    writer.bytes(keys.c2s().bytes(), u16::MAX);
    writer.bytes(keys.s2c().bytes(), u16::MAX);
}

fn read_keys(reader: &mut Reader<'_>) -> Option<Keys> {
    let algorithm = reader.algorithm()?;
    let c2s = reader.bytes(MAX_KEY_LEN)?;
    let s2c = reader.bytes(MAX_KEY_LEN)?;
    Keys::new(algorithm, c2s, s2c).ok()
}

/// Errors without anything to them, by number. New ones go to the end.
const PLAIN: [KeError; 11] = [
    KeError::ServerName,
    KeError::NotTls,
    KeError::TlsVersion,
    KeError::NoApplicationProtocol,
    KeError::Tls,
    KeError::TooMuch,
    KeError::Closed,
    KeError::Answer,
    KeError::NoProtocol,
    KeError::NoAlgorithm,
    KeError::NoCookies,
];

const NETWORK: [NetworkFault; 6] = [
    NetworkFault::NotFound,
    NetworkFault::Refused,
    NetworkFault::Unreachable,
    NetworkFault::Reset,
    NetworkFault::TimedOut,
    NetworkFault::Unavailable,
];

const CERTIFICATE: [CertificateFault; 10] = [
    CertificateFault::NeverValid,
    CertificateFault::UnknownIssuer,
    CertificateFault::Authority,
    CertificateFault::Purpose,
    CertificateFault::Constraint,
    CertificateFault::Signature,
    CertificateFault::Algorithm,
    CertificateFault::TooComplex,
    CertificateFault::Malformed,
    CertificateFault::Key,
];

/// The number of a value in a table. What is not in it would be a mistake of this program, and is read back as nothing.
fn number<T: PartialEq>(table: &[T], value: &T) -> u8 {
    let number = table.iter().position(|one| one == value);
    number.and_then(|number| u8::try_from(number).ok()).unwrap_or(u8::MAX)
}

fn write_error(writer: &mut Writer, error: &KeError) {
    match error {
        KeError::Network(fault) => {
            writer.u8(b'n');
            writer.u8(number(&NETWORK, fault));
        }
        KeError::Alert(alert) => {
            writer.u8(b'a');
            writer.u8(*alert);
        }
        KeError::Refused(code) => {
            writer.u8(b'r');
            writer.u16(*code);
        }
        KeError::Warned(code) => {
            writer.u8(b'w');
            writer.u16(*code);
        }
        KeError::Certificate(CertificateFault::WrongName { presented }) => {
            writer.u8(b'N');
            writer.bytes(presented.as_bytes(), PRESENTED_MAX);
        }
        KeError::Certificate(CertificateFault::Expired { not_after_s }) => {
            writer.u8(b'E');
            writer.i64(*not_after_s);
        }
        KeError::Certificate(CertificateFault::NotYetValid { not_before_s }) => {
            writer.u8(b'Y');
            writer.i64(*not_before_s);
        }
        KeError::Certificate(fault) => {
            writer.u8(b'c');
            writer.u8(number(&CERTIFICATE, fault));
        }
        plain => {
            writer.u8(b'p');
            writer.u8(number(&PLAIN, plain));
        }
    }
}

fn read_error(reader: &mut Reader<'_>) -> Option<KeError> {
    Some(match reader.u8()? {
        b'n' => KeError::Network(*NETWORK.get(usize::from(reader.u8()?))?),
        b'a' => KeError::Alert(reader.u8()?),
        b'r' => KeError::Refused(reader.u16()?),
        b'w' => KeError::Warned(reader.u16()?),
        b'N' => KeError::Certificate(CertificateFault::WrongName {
            presented: reader.text(PRESENTED_MAX.into())?,
        }),
        b'E' => KeError::Certificate(CertificateFault::Expired { not_after_s: reader.i64()? }),
        b'Y' => KeError::Certificate(CertificateFault::NotYetValid { not_before_s: reader.i64()? }),
        b'c' => KeError::Certificate(CERTIFICATE.get(usize::from(reader.u8()?))?.clone()),
        b'p' => PLAIN.get(usize::from(reader.u8()?))?.clone(),
        _ => return None,
    })
}
