//! A throw-away certificate authority, for tests and for `chimer demo`. The daemon is built without it.
//!
//! It is not for use in earnest: its key lives in memory, and nothing keeps serial numbers or revokes.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};

use crate::trust::{ClientTls, TrustedCertificates};
use crate::validity::Validity;

/// An authority that vouches for anybody.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// The certificates between this one and the root, in PEM, nearest first.
    chain: String,
    root: String,
}

/// What a server needs.
#[derive(Clone, Debug)]
pub struct Certified {
    /// The server's certificate and the intermediate ones, in PEM.
    pub chain: String,
    /// The private key (ECDSA P-256), in PEM.
    pub key: String,
}

/// A certificate could not be made: a name is not one, or there was no randomness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityError(String);

impl AuthorityError {
    #[cfg(feature = "testing")]
    pub(crate) fn from_text(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Display for AuthorityError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no certificate: {}", self.0)
    }
}

impl std::error::Error for AuthorityError {}

impl From<rcgen::Error> for AuthorityError {
    fn from(error: rcgen::Error) -> Self {
        Self(error.to_string())
    }
}

impl Authority {
    /// A root.
    ///
    /// # Errors
    /// There was no randomness.
    pub fn new(name: &str, validity: Validity) -> Result<Self, AuthorityError> {
        let issuer = CertifiedIssuer::self_signed(authority_params(name, validity)?, KeyPair::generate()?)?;
        Ok(Self { chain: String::new(), root: issuer.pem(), issuer })
    }

    /// An intermediate authority below this one.
    ///
    /// # Errors
    /// There was no randomness.
    pub fn intermediate(&self, name: &str, validity: Validity) -> Result<Self, AuthorityError> {
        let params = authority_params(name, validity)?;
        let issuer = CertifiedIssuer::signed_by(params, KeyPair::generate()?, &self.issuer)?;
        Ok(Self { chain: issuer.pem() + &self.chain, root: self.root.clone(), issuer })
    }

    /// A certificate for a server with these DNS names and IP addresses.
    ///
    /// # Errors
    /// A name is not one, or there was no randomness.
    pub fn certify(&self, names: &[&str], validity: Validity) -> Result<Certified, AuthorityError> {
        let mut params = server_params(names, validity)?;
        params.distinguished_name.push(DnType::CommonName, "server");
        self.certify_params(&params)
    }

    /// A certificate as odd as the caller likes.
    ///
    /// # Errors
    /// As the library says.
    pub fn certify_params(&self, params: &CertificateParams) -> Result<Certified, AuthorityError> {
        let key = KeyPair::generate()?;
        Ok(Certified { chain: self.certify_key(params, &key)?, key: key.serialize_pem() })
    }

    /// The chain in PEM for a key that the caller made.
    ///
    /// # Errors
    /// As the library says.
    pub fn certify_key(&self, params: &CertificateParams, key: &KeyPair) -> Result<String, AuthorityError> {
        Ok(params.signed_by(key, &self.issuer)?.pem() + &self.chain)
    }

    /// The root's certificate in PEM, for those who shall trust it.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Clients that trust this authority's root and nobody else.
    ///
    /// # Errors
    /// None that is known.
    pub fn clients(&self) -> Result<ClientTls, AuthorityError> {
        let mut trusted = TrustedCertificates::new();
        trusted.add_pem(self.root.as_bytes()).map_err(|error| AuthorityError(error.to_string()))?;
        ClientTls::new(trusted).map_err(|error| AuthorityError(error.to_string()))
    }
}

/// For [`Authority::certify_params`]: a server's, with nothing odd about it yet.
///
/// # Errors
/// A name is not one.
pub fn server_params(names: &[&str], validity: Validity) -> Result<CertificateParams, AuthorityError> {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    date(&mut params, validity);
    Ok(params)
}

fn authority_params(name: &str, validity: Validity) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    date(&mut params, validity);
    Ok(params)
}

/// Dates before 1970 become 1970.
fn date(params: &mut CertificateParams, validity: Validity) {
    let instant =
        |unix_s: i64| date_time_ymd(1970, 1, 1) + Duration::from_secs(unix_s.try_into().unwrap_or(0));
    params.not_before = instant(validity.not_before_s);
    params.not_after = instant(validity.not_after_s);
}
