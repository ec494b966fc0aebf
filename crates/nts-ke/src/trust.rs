//! Whom a client believes: the certificates of authorities that may vouch for a key exchange server.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::{ClientConfig, RootCertStore};

use truechimer_nts::negotiate::ALPN;

use crate::profile::{self, NoClock};
use crate::verify::{DatePolicy, Verdict, Verifier};

/// Largest file of trusted certificates that is read, in bytes: the authorities of the whole Web take 220 KiB.
pub const FILE_MAX: u64 = 4 << 20;

/// Certificates of authorities, collected. [`ClientTls::new`] makes them into what sessions use.
#[derive(Clone)]
pub struct TrustedCertificates {
    store: RootCertStore,
}

impl TrustedCertificates {
    /// None yet.
    pub fn new() -> Self {
        Self { store: RootCertStore::empty() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.store.len()
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.store.is_empty()
    }

    /// Adds those that the system trusts, and says how many. They are searched where OpenSSL does, `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR` included. A certificate that cannot be read is left out: systems carry odd ones.
    ///
    /// # Errors
    /// Not one was found.
    pub fn add_system(&mut self) -> Result<usize, TrustError> {
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = self.store.add_parsable_certificates(found.certs);
        if added == 0 {
            return Err(TrustError::NoSystemCertificates);
        }
        Ok(added)
    }

    /// Adds all certificates of a PEM file, and says how many. A server's own self-signed certificate may be among them.
    ///
    /// # Errors
    /// The file cannot be read, or something in it is not what it should be.
    pub fn add_pem_file(&mut self, path: &Path) -> Result<usize, TrustError> {
        let unreadable = |reason: String| TrustError::File { path: path.to_owned(), reason };
        let len = fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
        if len > FILE_MAX {
            return Err(unreadable(format!("it has {len} bytes, at most {FILE_MAX} are read")));
        }
        let text = fs::read(path).map_err(|error| unreadable(error.to_string()))?;
        self.add_pem(&text).map_err(|error| unreadable(error.to_string()))
    }

    /// Adds all certificates of a PEM text, and says how many.
    ///
    /// # Errors
    /// There is none in it, or one cannot be read.
    pub fn add_pem(&mut self, text: &[u8]) -> Result<usize, PemFault> {
        let mut added = 0;
        for certificate in CertificateDer::pem_slice_iter(text) {
            added += 1;
            self.store.add(certificate?).map_err(|_| PemFault::Certificate(added))?;
        }
        if added == 0 {
            return Err(PemFault::none_in(text));
        }
        Ok(added)
    }
}

impl Default for TrustedCertificates {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TrustedCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustedCertificates({})", self.len())
    }
}

/// Why certificates cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustError {
    /// The system has no store of trusted certificates, or none that we find.
    NoSystemCertificates,
    /// A file is of no use.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Nobody is trusted, so no server can be.
    Empty,
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSystemCertificates => {
                write!(
                    f,
                    "the system has no trusted certificates: install its package ca-certificates, or name files of your own"
                )
            }
            Self::File { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::Empty => write!(f, "no certificate is trusted, so no NTS server can be"),
        }
    }
}

impl std::error::Error for TrustError {}

/// What is wrong with a PEM text. Certificates count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PemFault {
    /// It is not PEM at all: no `-----BEGIN` in it.
    NotPem,
    /// There is no certificate in it.
    NoCertificate,
    /// This section does not end, or is not base64.
    Section(String),
    /// This certificate cannot be read.
    Certificate(usize),
}

impl PemFault {
    /// Why there was no certificate.
    pub(crate) fn none_in(text: &[u8]) -> Self {
        if is_pem(text) { Self::NoCertificate } else { Self::NotPem }
    }
}

/// Whether a text looks like PEM, whatever is in it.
pub(crate) fn is_pem(text: &[u8]) -> bool {
    text.windows(BEGIN.len()).any(|window| window == BEGIN)
}

const BEGIN: &[u8] = b"-----BEGIN ";

impl From<PemError> for PemFault {
    fn from(error: PemError) -> Self {
        Self::Section(match error {
            PemError::MissingSectionEnd { end_marker } => {
                format!(
                    "the line '-----END {}-----' is missing",
                    String::from_utf8_lossy(&end_marker).escape_debug()
                )
            }
            PemError::IllegalSectionStart { line } => {
                format!("the line '{}' is not right", String::from_utf8_lossy(&line).escape_debug())
            }
            PemError::Base64Decode(_) => "a section is not base64".into(),
            other => other.to_string(),
        })
    }
}

impl fmt::Display for PemFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPem => write!(f, "not in PEM format: no line begins with '-----BEGIN'"),
            Self::NoCertificate => write!(f, "no certificate in it ('-----BEGIN CERTIFICATE-----')"),
            Self::Section(reason) => write!(f, "damaged: {reason}"),
            Self::Certificate(number) => write!(f, "certificate {number} in it cannot be read"),
        }
    }
}

impl std::error::Error for PemFault {}

/// What all client sessions share: whom to trust, and how TLS is spoken. Cheap to clone.
#[derive(Clone)]
pub struct ClientTls {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ClientTls {
    /// With these and no others.
    ///
    /// # Errors
    /// Nobody is trusted.
    pub fn new(trusted: TrustedCertificates) -> Result<Self, TrustError> {
        if trusted.is_empty() {
            return Err(TrustError::Empty);
        }
        Ok(Self { roots: Arc::new(trusted.store), provider: profile::provider() })
    }

    /// How one session speaks TLS, and where its verifier leaves what it found.
    pub(crate) fn config(
        &self,
        policy: DatePolicy,
    ) -> Result<(ClientConfig, Arc<OnceLock<Verdict>>), rustls::Error> {
        let verdict = Arc::default();
        let verifier = Verifier {
            roots: self.roots.clone(),
            algorithms: self.provider.signature_verification_algorithms,
            policy,
            verdict: Arc::clone(&verdict),
        };
        let mut config = ClientConfig::builder_with_details(self.provider.clone(), Arc::new(NoClock))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        Ok((config, verdict))
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientTls({} trusted)", self.roots.len())
    }
}

#[cfg(test)]
mod tests;
