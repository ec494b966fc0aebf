//! The client's side.

use super::{ErrorCode, Exporter, MAX_HOST_LEN, NTPV4, NegotiateError, host, number, numbers, once};
use crate::aead::Algorithm;
use crate::jar::is_usable_cookie;
use crate::record::{Record, RecordError, RecordType, Records, write_end_of_message};

/// Most cookies that are taken from one response: as many as a client keeps (RFC 8915 §5.7).
pub const MAX_COOKIES: usize = 8;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientOffer {
    /// Algorithms, the one that we like most first.
    pub algorithms: Vec<Algorithm>,
    /// The NTP server that we should like to be sent to, by name or address. Servers may ignore it.
    pub server: Option<String>,
    /// Its port.
    pub port: Option<u16>,
}

impl Default for ClientOffer {
    /// AES-128-GCM-SIV before AES-SIV-CMAC-256, as its packets are shorter and so come through where long ones are
    /// dropped; no wish for a server.
    fn default() -> Self {
        Self { algorithms: vec![Algorithm::Aes128GcmSiv, Algorithm::AesSivCmac256], server: None, port: None }
    }
}

/// What a server agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAgreement {
    /// The keys to export.
    pub exporter: Exporter,
    /// Those to try if the server answers the first with nothing but NTS NAKs: see the [module](super).
    pub alternative: Option<Exporter>,
    /// One to [`MAX_COOKIES`] cookies, each fit for a [`CookieJar`](crate::CookieJar).
    pub cookies: Vec<Vec<u8>>,
    /// The NTP server to ask, by name or address; `None` if it is the key exchange server.
    pub server: Option<String>,
    /// Its port; `None` if it is 123.
    pub port: Option<u16>,
}

impl ClientOffer {
    /// The message for the server.
    ///
    /// # Errors
    /// [`RecordError::TooLong`] if the name of the server is longer than 255 bytes.
    pub fn write(&self) -> Result<Vec<u8>, RecordError> {
        let mut message = Vec::new();
        let mut put =
            |critical, record_type, body: &[u8]| Record { critical, record_type, body }.write(&mut message);
        put(true, RecordType::NEXT_PROTOCOL, &NTPV4.to_be_bytes())?;
        let algorithms: Vec<u8> =
            self.algorithms.iter().flat_map(|algorithm| algorithm.id().to_be_bytes()).collect();
        put(true, RecordType::AEAD_ALGORITHM, &algorithms)?;
        if self.algorithms.contains(&Algorithm::Aes128GcmSiv) {
            put(false, RecordType::COMPLIANT_GCM_SIV, &[])?;
        }
        if let Some(server) = &self.server {
            if server.len() > MAX_HOST_LEN {
                return Err(RecordError::TooLong);
            }
            put(false, RecordType::NTPV4_SERVER, server.as_bytes())?;
        }
        if let Some(port) = self.port {
            put(false, RecordType::NTPV4_PORT, &port.to_be_bytes())?;
        }
        write_end_of_message(&mut message);
        Ok(message)
    }
}

/// What has been read of a response.
#[derive(Default)]
struct Read {
    next_protocol: Option<Option<u16>>,
    algorithm: Option<Option<u16>>,
    compliant: Option<()>,
    cookies: Vec<Vec<u8>>,
    server: Option<String>,
    port: Option<u16>,
}

impl ClientAgreement {
    /// Reads the response to an offer.
    ///
    /// # Errors
    /// [`NegotiateError`]: the first record that makes it no agreement, or what is missing. A cookie that cannot be
    /// used does not: it is left out.
    pub fn parse(records: Records<'_>, offer: &ClientOffer) -> Result<Self, NegotiateError> {
        let mut read = Read::default();
        records.into_iter().try_for_each(|record| read.record(&record))?;
        if read.next_protocol.flatten() != Some(NTPV4) {
            return Err(NegotiateError::NextProtocol);
        }
        let algorithm = read.algorithm.flatten().and_then(Algorithm::from_id);
        let algorithm = algorithm.filter(|algorithm| offer.algorithms.contains(algorithm));
        let algorithm = algorithm.ok_or(NegotiateError::Algorithm)?;
        if read.cookies.is_empty() {
            return Err(NegotiateError::NoCookies);
        }
        let compliant = Exporter::compliant(algorithm);
        let exporter = if read.compliant.is_some() { compliant } else { Exporter::chrony(algorithm) };
        Ok(Self {
            exporter,
            alternative: (exporter != compliant).then_some(compliant),
            cookies: read.cookies,
            server: read.server,
            port: read.port,
        })
    }
}

impl Read {
    fn record(&mut self, record: &Record<'_>) -> Result<(), NegotiateError> {
        let body = record.body;
        let legal = match record.record_type {
            RecordType::NEXT_PROTOCOL => once(&mut self.next_protocol, choice(body)),
            RecordType::AEAD_ALGORITHM => once(&mut self.algorithm, choice(body)),
            RecordType::COMPLIANT_GCM_SIV => once(&mut self.compliant, body.is_empty().then_some(())),
            RecordType::NTPV4_SERVER => once(&mut self.server, host(body)),
            RecordType::NTPV4_PORT => once(&mut self.port, number(body).filter(|port| *port != 0)),
            RecordType::ERROR => {
                let code = number(body).map(|code| NegotiateError::Refused(ErrorCode(code)));
                return Err(code.unwrap_or(NegotiateError::Malformed(record.record_type)));
            }
            RecordType::WARNING => {
                let code = number(body).map(NegotiateError::Warned);
                return Err(code.unwrap_or(NegotiateError::Malformed(record.record_type)));
            }
            RecordType::NEW_COOKIE => {
                if is_usable_cookie(body) && self.cookies.len() < MAX_COOKIES {
                    self.cookies.push(body.to_vec());
                }
                Some(())
            }
            unknown if record.critical => return Err(NegotiateError::UnknownCritical(unknown)),
            _ => Some(()),
        };
        legal.ok_or(NegotiateError::Malformed(record.record_type))
    }
}

/// What the server chose: a number, or nothing.
fn choice(body: &[u8]) -> Option<Option<u16>> {
    let mut numbers = numbers(body)?;
    let choice = numbers.next();
    numbers.next().is_none().then_some(choice)
}
