//! Whether a server is who it should be: RFC 5280 and RFC 9525 by `webpki`, at an instant that we choose.
//!
//! Name and chain are always verified. Only the date may be deferred ([`DatePolicy::Defer`]), and then the chain must still
//! have been valid at *some* instant after a floor that is certainly past; the span in which it is valid goes to the caller,
//! who may use the keys but must not set a clock by them outside of it.
//!
//! There is no revocation check: OCSP and CRLs need a network that may be down and a clock that is right, and neither
//! staples nor lists are common among time servers. Short-lived certificates are what remains.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, PeerIncompatible, RootCertStore, SignatureScheme};
use webpki::{EndEntityCert, Error, KeyUsage, VerifiedPath};

use crate::error::CertificateFault;
use crate::validity::Validity;

/// Most certificates in a chain: the server's, two or three intermediate ones, and cross-signed spares. The work of finding a
/// path grows with the factorial.
pub const CHAIN_MAX: usize = 6;

/// Most bytes of all certificates together: post-quantum signatures would take some 20 KiB.
pub const CHAIN_BYTES_MAX: usize = 32 * 1024;

/// Instants that are tried when the date is deferred. The first is right for every chain without spare certificates.
const INSTANTS_MAX: usize = 3;

/// Names of a certificate that an error tells.
const NAMES_TOLD: usize = 3;

/// By which clock the dates of certificates are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatePolicy {
    /// All must be valid at this instant, in seconds since 1970.
    At(i64),
    /// Nobody knows the time. All must be valid at one common instant at or after the floor; whether that is now must be
    /// found out later.
    Defer {
        /// An instant that is certainly past, in seconds since 1970: of the program's build, or the last time known good.
        floor_unix_s: i64,
    },
}

/// What a session's verifier found: the span in which the chain is valid.
pub(crate) type Verdict = Result<Validity, CertificateFault>;

/// Judges one server, once.
#[derive(Debug)]
pub(crate) struct Verifier {
    pub(crate) roots: Arc<RootCertStore>,
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
    pub(crate) policy: DatePolicy,
    /// Where the session finds the details that the TLS library has no words for.
    pub(crate) verdict: Arc<OnceLock<Verdict>>,
}

impl Verifier {
    /// Judges a chain as it was sent: the server's certificate, and others in any order.
    pub(crate) fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
    ) -> Verdict {
        let bytes = intermediates.iter().map(|der| der.len()).sum::<usize>().saturating_add(end_entity.len());
        if intermediates.len() >= CHAIN_MAX || bytes > CHAIN_BYTES_MAX {
            return Err(CertificateFault::TooComplex);
        }
        let certificate = EndEntityCert::try_from(end_entity).map_err(|error| fault(&error))?;
        let own = Validity::of_certificate(end_entity).ok_or(CertificateFault::Malformed)?;
        let validity = match self.policy {
            DatePolicy::At(unix_s) => self.verify_at(&certificate, own, intermediates, unix_s)?,
            DatePolicy::Defer { floor_unix_s } => {
                self.verify_after(&certificate, own, intermediates, floor_unix_s)?
            }
        };
        certificate.verify_is_valid_for_subject_name(name).map_err(|error| match error {
            Error::CertNotValidForName(_) => {
                CertificateFault::WrongName { presented: names_of(&certificate) }
            }
            other => fault(&other),
        })?;
        Ok(validity)
    }

    /// Verifies at the latest instants at which a certificate of the chain becomes valid: if there is a common instant at
    /// all after the floor, one of these is.
    fn verify_after(
        &self,
        certificate: &EndEntityCert<'_>,
        own: Validity,
        intermediates: &[CertificateDer<'_>],
        floor_unix_s: i64,
    ) -> Verdict {
        if own.not_after_s < floor_unix_s {
            return Err(CertificateFault::Expired { not_after_s: own.not_after_s });
        }
        let begin = own.not_before_s.max(floor_unix_s);
        let mut instants: Vec<i64> = intermediates
            .iter()
            .filter_map(|der| Validity::of_certificate(der))
            .map(|validity| validity.not_before_s)
            .filter(|&unix_s| unix_s > begin && unix_s <= own.not_after_s)
            .collect();
        instants.push(begin);
        instants.sort_unstable();
        instants.dedup();
        let mut first = None;
        for &unix_s in instants.iter().rev().take(INSTANTS_MAX) {
            match self.verify_at(certificate, own, intermediates, unix_s) {
                Ok(validity) => return Ok(validity),
                Err(error) => _ = first.get_or_insert(error),
            }
        }
        Err(match first {
            Some(CertificateFault::Expired { not_after_s }) if not_after_s < floor_unix_s => {
                CertificateFault::Expired { not_after_s }
            }
            Some(CertificateFault::Expired { .. } | CertificateFault::NotYetValid { .. }) | None => {
                CertificateFault::NeverValid
            }
            Some(other) => other,
        })
    }

    /// Verifies the chain at one instant, and says in which span it is the same.
    fn verify_at(
        &self,
        certificate: &EndEntityCert<'_>,
        own: Validity,
        intermediates: &[CertificateDer<'_>],
        unix_s: i64,
    ) -> Verdict {
        let instant = Duration::from_secs(u64::try_from(unix_s).unwrap_or(0));
        let path = certificate
            .verify_for_usage(
                self.algorithms.all,
                &self.roots.roots,
                intermediates,
                UnixTime::since_unix_epoch(instant),
                KeyUsage::server_auth(),
                None,
                None,
            )
            .map_err(|error| fault(&error))?;
        span_of(&path, own)
    }
}

/// The span in which all certificates of a path are valid, the trusted one excepted: it is trusted as it is.
fn span_of(path: &VerifiedPath<'_>, own: Validity) -> Verdict {
    path.intermediate_certificates().try_fold(own, |span, issuer| {
        let validity = Validity::of_certificate(&issuer.der()).ok_or(CertificateFault::Malformed)?;
        span.intersection(validity).ok_or(CertificateFault::NeverValid)
    })
}

fn names_of(certificate: &EndEntityCert<'_>) -> String {
    let names: Vec<&str> = certificate.valid_dns_names().take(NAMES_TOLD).collect();
    names.join(", ")
}

fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

fn fault(error: &Error) -> CertificateFault {
    match error {
        Error::CertExpired { not_after, .. } => {
            CertificateFault::Expired { not_after_s: seconds(*not_after) }
        }
        Error::CertNotValidYet { not_before, .. } => {
            CertificateFault::NotYetValid { not_before_s: seconds(*not_before) }
        }
        Error::UnknownIssuer | Error::CertDistrusted => CertificateFault::UnknownIssuer,
        Error::CaUsedAsEndEntity => CertificateFault::Authority,
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => CertificateFault::Purpose,
        Error::NameConstraintViolation
        | Error::PathLenConstraintViolated
        | Error::EndEntityUsedAsCa
        | Error::MalformedNameConstraint
        | Error::InvalidNetworkMaskConstraint => CertificateFault::Constraint,
        Error::InvalidSignatureForPublicKey | Error::SignatureAlgorithmMismatch => {
            CertificateFault::Signature
        }
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => CertificateFault::Algorithm,
        Error::MaximumNameConstraintComparisonsExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumPathDepthExceeded
        | Error::MaximumSignatureChecksExceeded => CertificateFault::TooComplex,
        _ => CertificateFault::Malformed,
    }
}

/// In the words of the TLS library, which turns them into the alert that tells the server.
fn tls_error(fault: &CertificateFault) -> rustls::Error {
    rustls::Error::InvalidCertificate(match fault {
        CertificateFault::WrongName { .. } => CertificateError::NotValidForName,
        CertificateFault::Expired { .. } | CertificateFault::NeverValid => CertificateError::Expired,
        CertificateFault::NotYetValid { .. } => CertificateError::NotValidYet,
        CertificateFault::UnknownIssuer => CertificateError::UnknownIssuer,
        CertificateFault::Purpose => CertificateError::InvalidPurpose,
        CertificateFault::Signature | CertificateFault::Key => CertificateError::BadSignature,
        CertificateFault::Malformed => CertificateError::BadEncoding,
        CertificateFault::Authority
        | CertificateFault::Constraint
        | CertificateFault::Algorithm
        | CertificateFault::TooComplex => CertificateError::ApplicationVerificationFailure,
    })
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.judge(end_entity, intermediates, server_name);
        let answer = match &verdict {
            Ok(_) => Ok(ServerCertVerified::assertion()),
            Err(fault) => Err(tls_error(fault)),
        };
        // A session verifies once; a second verdict could not be told from the first.
        self.verdict.set(verdict).map_err(|_| rustls::Error::General("verified twice".into()))?;
        answer
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(PeerIncompatible::Tls12NotOfferedOrEnabled.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
