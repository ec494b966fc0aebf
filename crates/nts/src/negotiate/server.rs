//! The server's side.

use super::{ErrorCode, Exporter, NTPV4, number, numbers, once};
use crate::aead::Algorithm;
use crate::record::{Record, RecordError, RecordType, Records, write_end_of_message};

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whether it speaks NTPv4.
    ntpv4: bool,
    /// Those of its algorithms that we know, the one that it likes most first.
    algorithms: Vec<Algorithm>,
    /// Whether it said that it exports the keys for AES-128-GCM-SIV as the RFC wants it.
    compliant: bool,
}

/// What a server is willing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerPolicy {
    /// Which algorithms may be used.
    pub algorithms: Vec<Algorithm>,
    /// The NTP server that clients shall ask, by name or address; `None` if it is this host.
    pub server: Option<String>,
    /// Its port; `None` if it is 123.
    pub port: Option<u16>,
}

impl Default for ServerPolicy {
    /// All algorithms; this host and port 123.
    fn default() -> Self {
        Self { algorithms: Algorithm::ALL.to_vec(), server: None, port: None }
    }
}

/// What a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// These keys, and cookies with them. An answer of type 1024 goes with it if `confirm_compliant`.
    Agreed {
        /// The keys to export.
        exporter: Exporter,
        /// Whether the client asked to be told that AES-128-GCM-SIV is done as the RFC wants it.
        confirm_compliant: bool,
    },
    /// There is no protocol in common.
    NoProtocol,
    /// There is no algorithm in common.
    NoAlgorithm,
    /// An Error record.
    Refused(ErrorCode),
}

impl Request {
    /// Reads a request. What a client wishes for a server is checked for its form only, as the policy decides.
    ///
    /// # Errors
    /// What to tell the client.
    pub fn parse(records: Records<'_>) -> Result<Self, ErrorCode> {
        let mut next_protocols = None;
        let mut algorithms: Option<Vec<Algorithm>> = None;
        let mut compliant = None;
        let (mut server, mut port) = (None, None);
        for record in records {
            let body = record.body;
            let legal = match record.record_type {
                RecordType::NEXT_PROTOCOL => {
                    let ntpv4 =
                        numbers(body).map(|mut protocols| protocols.any(|protocol| protocol == NTPV4));
                    once(&mut next_protocols, ntpv4.filter(|_| record.critical && !body.is_empty()))
                }
                RecordType::AEAD_ALGORITHM => {
                    let known = numbers(body).map(known_algorithms);
                    once(&mut algorithms, known.filter(|_| !body.is_empty()))
                }
                RecordType::COMPLIANT_GCM_SIV => once(&mut compliant, body.is_empty().then_some(())),
                RecordType::NTPV4_SERVER => once(&mut server, (!body.is_empty()).then_some(())),
                RecordType::NTPV4_PORT => once(&mut port, number(body).map(|_| ())),
                // Only servers send these.
                RecordType::ERROR | RecordType::WARNING | RecordType::NEW_COOKIE => None,
                _ if record.critical => return Err(ErrorCode::UNRECOGNIZED_CRITICAL_RECORD),
                _ => Some(()),
            };
            legal.ok_or(ErrorCode::BAD_REQUEST)?;
        }
        let ntpv4 = next_protocols.ok_or(ErrorCode::BAD_REQUEST)?;
        // Other protocols need not have the record (§4.1.5).
        if ntpv4 && algorithms.is_none() {
            return Err(ErrorCode::BAD_REQUEST);
        }
        Ok(Self { ntpv4, algorithms: algorithms.unwrap_or_default(), compliant: compliant.is_some() })
    }

    /// Chooses: the algorithm that the client likes most among those of the policy, but AES-128-GCM-SIV last if it is
    /// uncertain how the client exports its keys.
    pub fn negotiate(&self, policy: &ServerPolicy) -> Response {
        if !self.ntpv4 {
            return Response::NoProtocol;
        }
        let uncertain = |algorithm: &Algorithm| *algorithm == Algorithm::Aes128GcmSiv && !self.compliant;
        let allowed = || self.algorithms.iter().copied().filter(|one| policy.algorithms.contains(one));
        let certain = allowed().find(|algorithm| !uncertain(algorithm));
        let Some(algorithm) = certain.or_else(|| allowed().next()) else {
            return Response::NoAlgorithm;
        };
        let exporter =
            if uncertain(&algorithm) { Exporter::chrony(algorithm) } else { Exporter::compliant(algorithm) };
        let confirm_compliant = algorithm == Algorithm::Aes128GcmSiv && self.compliant;
        Response::Agreed { exporter, confirm_compliant }
    }
}

/// Each of the algorithms that we know once, in the order of their first mention.
fn known_algorithms(ids: impl Iterator<Item = u16>) -> Vec<Algorithm> {
    let mut known = Vec::with_capacity(Algorithm::ALL.len());
    for algorithm in ids.filter_map(Algorithm::from_id) {
        if !known.contains(&algorithm) {
            known.push(algorithm);
        }
    }
    known
}

impl Response {
    /// The message for the client. `cookies` are for an agreement only.
    ///
    /// # Errors
    /// [`RecordError::TooLong`] if a cookie or the server's name is longer than 65 535 bytes.
    pub fn write<'c>(
        &self,
        policy: &ServerPolicy,
        cookies: impl IntoIterator<Item = &'c [u8]>,
    ) -> Result<Vec<u8>, RecordError> {
        let mut message = Vec::new();
        let mut put =
            |critical, record_type, body: &[u8]| Record { critical, record_type, body }.write(&mut message);
        match *self {
            Self::Refused(ErrorCode(code)) => put(true, RecordType::ERROR, &code.to_be_bytes())?,
            Self::NoProtocol => put(true, RecordType::NEXT_PROTOCOL, &[])?,
            Self::NoAlgorithm => {
                put(true, RecordType::NEXT_PROTOCOL, &NTPV4.to_be_bytes())?;
                put(true, RecordType::AEAD_ALGORITHM, &[])?;
            }
            Self::Agreed { exporter, confirm_compliant } => {
                put(true, RecordType::NEXT_PROTOCOL, &NTPV4.to_be_bytes())?;
                put(true, RecordType::AEAD_ALGORITHM, &exporter.algorithm().id().to_be_bytes())?;
                if confirm_compliant {
                    put(false, RecordType::COMPLIANT_GCM_SIV, &[])?;
                }
                // Critical: a client that went elsewhere would find nobody who opens its cookies.
                if let Some(server) = &policy.server {
                    put(true, RecordType::NTPV4_SERVER, server.as_bytes())?;
                }
                if let Some(port) = policy.port {
                    put(true, RecordType::NTPV4_PORT, &port.to_be_bytes())?;
                }
                for cookie in cookies {
                    put(false, RecordType::NEW_COOKIE, cookie)?;
                }
            }
        }
        write_end_of_message(&mut message);
        Ok(message)
    }
}
