//! Who a server is: its certificate chain and private key.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, SignatureAlgorithm};

use truechimer_nts::negotiate::ALPN;

use crate::profile::{self, NoClock};
use crate::trust::{PemFault, is_pem};
use crate::validity::Validity;
use crate::verify::{CHAIN_BYTES_MAX, CHAIN_MAX};

/// What all server sessions share. Cheap to clone; new files make a new one, and sessions keep what they began with.
#[derive(Clone)]
pub struct ServerTls {
    pub(crate) config: Arc<ServerConfig>,
    validity: Validity,
    key: KeyKind,
}

/// The kind of a server's key, which decides what a handshake costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Cheap. Clients all know it.
    Ecdsa,
    /// Cheap, but public authorities do not sign such.
    Ed25519,
    /// A signature costs ten to a hundred times that of the others.
    Rsa,
    /// Something else that the TLS library knows.
    Other,
}

impl ServerTls {
    /// From the texts of two PEM files, which may be the same: the chain with the server's own certificate first, and the key
    /// (PKCS #8, PKCS #1 or SEC 1), not encrypted.
    ///
    /// # Errors
    /// What is wrong with the files, and with which.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let provider = profile::provider();
        let chain = parse_chain(chain)?;
        let validity = chain
            .iter()
            .zip(1..)
            .map(|(der, number)| Validity::of_certificate(der).ok_or(PemFault::Certificate(number)))
            .try_fold(None, |span: Option<Validity>, validity| {
                let validity = validity.map_err(IdentityError::Chain)?;
                span.map_or(Some(validity), |span| span.intersection(validity))
                    .map(Some)
                    .ok_or(IdentityError::NeverValid)
            })?
            .ok_or(IdentityError::Chain(PemFault::NoCertificate))?;
        let certified = certify(chain, parse_key(key)?, &provider)?;
        let key = match certified.key.algorithm() {
            SignatureAlgorithm::ECDSA => KeyKind::Ecdsa,
            SignatureAlgorithm::ED25519 => KeyKind::Ed25519,
            SignatureAlgorithm::RSA => KeyKind::Rsa,
            _ => KeyKind::Other,
        };
        let mut config = ServerConfig::builder_with_details(provider, Arc::new(NoClock))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| IdentityError::Key(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Identity(Arc::new(certified))));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.ignore_client_order = true;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), validity, key })
    }

    /// When all certificates of the chain are valid. Only the daemon knows whether that is now.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// What kind of key it is.
    pub fn key_kind(&self) -> KeyKind {
        self.key
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("validity", &self.validity).field("key", &self.key).finish()
    }
}

/// The one certificate that we have, for those who want a key exchange.
#[derive(Debug)]
struct Identity(Arc<CertifiedKey>);

impl ResolvesServerCert for Identity {
    /// The library accepts clients without ALPN. Without a certificate they are refused before anything is computed for them.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        hello.alpn().is_some().then(|| Arc::clone(&self.0))
    }
}

fn parse_chain(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let chain = CertificateDer::pem_slice_iter(text)
        .take(CHAIN_MAX + 1)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| IdentityError::Chain(error.into()))?;
    if chain.is_empty() {
        return Err(IdentityError::Chain(PemFault::none_in(text)));
    }
    if chain.len() > CHAIN_MAX || chain.iter().map(|der| der.len()).sum::<usize>() > CHAIN_BYTES_MAX {
        return Err(IdentityError::ChainTooLong);
    }
    Ok(chain)
}

fn parse_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, IdentityError> {
    if contains(text, b"BEGIN ENCRYPTED PRIVATE KEY") || contains(text, b"Proc-Type: 4,ENCRYPTED") {
        return Err(IdentityError::EncryptedKey);
    }
    let mut found = Vec::new();
    let mut has_certificate = false;
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
        let (kind, der) = section.map_err(|error| IdentityError::KeyPem(error.into()))?;
        match kind {
            SectionKind::PrivateKey => found.push(PrivatePkcs8KeyDer::from(der).into()),
            SectionKind::RsaPrivateKey => found.push(PrivatePkcs1KeyDer::from(der).into()),
            SectionKind::EcPrivateKey => found.push(PrivateSec1KeyDer::from(der).into()),
            SectionKind::Certificate => has_certificate = true,
            _ => {}
        }
    }
    match (found.len(), found.pop()) {
        (1, Some(key)) => Ok(key),
        (_, Some(_)) => Err(IdentityError::SeveralKeys),
        (_, None) if !is_pem(text) => Err(IdentityError::KeyPem(PemFault::NotPem)),
        (_, None) => Err(IdentityError::NoKey { has_certificate }),
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Puts chain and key together if they belong together.
fn certify(
    mut chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, IdentityError> {
    let key =
        provider.key_provider.load_private_key(key).map_err(|error| IdentityError::Key(error.to_string()))?;
    let certified = CertifiedKey::new(chain.clone(), Arc::clone(&key));
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            let belongs_to = (1..=chain.len()).find(|_| {
                let one = CertifiedKey::new(vec![chain.remove(0)], Arc::clone(&key));
                one.keys_match().is_ok()
            });
            Err(IdentityError::Mismatch { belongs_to })
        }
        Err(_) => Err(IdentityError::Chain(PemFault::Certificate(1))),
    }
}

/// Why files are not a server's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityError {
    /// The file of certificates is not one.
    Chain(PemFault),
    /// There are more certificates in it than any client takes.
    ChainTooLong,
    /// There is no instant at which all certificates of the chain are valid.
    NeverValid,
    /// The file of the key is damaged.
    KeyPem(PemFault),
    /// There is no key in it.
    NoKey {
        /// But a certificate: the two files may have been mixed up.
        has_certificate: bool,
    },
    /// There is more than one key in it.
    SeveralKeys,
    /// The key is encrypted, and nobody is there to type a password.
    EncryptedKey,
    /// The key is damaged or of a kind that TLS has no use for.
    Key(String),
    /// The key does not belong to the first certificate.
    Mismatch {
        /// But to this one, counted from 1: the order is wrong.
        belongs_to: Option<usize>,
    },
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain(fault) => write!(f, "the certificate file: {fault}"),
            Self::ChainTooLong => write!(
                f,
                "the certificate file: more than {CHAIN_MAX} certificates or {} KiB; leave out those that clients have anyway",
                CHAIN_BYTES_MAX / 1024
            ),
            Self::NeverValid => {
                write!(f, "the certificate file: its certificates are never valid at the same time")
            }
            Self::KeyPem(fault) => write!(f, "the private key file: {fault}"),
            Self::NoKey { has_certificate: true } => {
                write!(f, "the private key file: a certificate and no key in it; are the two files mixed up?")
            }
            Self::NoKey { has_certificate: false } => write!(f, "the private key file: no private key in it"),
            Self::SeveralKeys => write!(f, "the private key file: more than one private key in it"),
            Self::EncryptedKey => write!(
                f,
                "the private key file: the key is encrypted; decrypt it ('openssl pkey -in FILE -out NEW') and keep it readable by the daemon alone"
            ),
            Self::Key(reason) => write!(f, "the private key file: the key cannot be used: {reason}"),
            Self::Mismatch { belongs_to: Some(number) } => write!(
                f,
                "the private key belongs to certificate {number} of the file, which must come first: the server's own, then its issuer's"
            ),
            Self::Mismatch { belongs_to: None } => {
                write!(f, "the private key does not belong to the certificate")
            }
        }
    }
}

impl std::error::Error for IdentityError {}

#[cfg(test)]
mod tests;
