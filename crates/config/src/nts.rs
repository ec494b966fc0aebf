//! What a configuration says of NTS beyond the engine: whose certificates are believed, and how clients come to keys
//! and cookies (RFC 8915).

use std::path::PathBuf;

use truechimer_engine::config::Listener;

use crate::rules;
use crate::{Diagnostic, Parsed};

/// TCP port of key exchange (RFC 8915 §7.1).
pub const KEY_EXCHANGE_PORT: u16 = 4460;

/// Name of the key ring's file in the state folder.
pub const KEY_RING_FILE: &str = "key-ring";

/// Whose certificates are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateTrust {
    /// `nts.system_certificates`: the authorities that the system trusts.
    pub system: bool,
    /// `nts.trusted_certificates`: PEM files of further authorities.
    pub files: Vec<PathBuf>,
}

impl Default for CertificateTrust {
    fn default() -> Self {
        Self { system: true, files: Vec::new() }
    }
}

/// `[serve.nts]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ServeNts {
    /// Key exchange on this machine; `None` where another machine does it for this one.
    pub key_exchange: Option<KeyExchangeServer>,
    /// Where the keys come from that cookies are made with.
    pub ring: RingOrigin,
    /// How many old keys stay valid.
    pub keep: usize,
}

/// A server for key exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyExchangeServer {
    /// Where to listen.
    pub listen: Vec<Listener>,
    /// PEM file of the certificate and the chain that vouches for it.
    pub certificate: PathBuf,
    /// PEM file of its private key.
    pub private_key: PathBuf,
    /// The server for time that clients are told; `None` for this machine.
    pub ntp_server: Option<String>,
    /// The UDP port that clients are told; `None` for 123.
    pub ntp_port: Option<u16>,
    /// What strangers may use up.
    pub limits: KeyExchangeLimits,
}

/// What strangers may use up of a server for key exchange.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KeyExchangeLimits {
    /// Connections at a time.
    pub max_connections: usize,
    /// Connections at a time from one address (IPv6: from one network of 56 bits).
    pub max_per_address: usize,
    /// Connections a second from one address, on average.
    pub max_rate: f64,
    /// How long a connection may take from the first byte to the last, seconds.
    pub timeout_s: f64,
}

impl Default for KeyExchangeLimits {
    fn default() -> Self {
        Self { max_connections: 200, max_per_address: 16, max_rate: 20.0, timeout_s: 5.0 }
    }
}

/// Where the keys come from that cookies are made with.
#[derive(Clone, Debug, PartialEq)]
pub enum RingOrigin {
    /// A file, or only memory.
    File {
        /// `None`: keys are forgotten at the end, and clients must exchange keys again.
        path: Option<PathBuf>,
        /// How old the newest key gets before there is another, seconds; `None`: another server makes the keys.
        rotate_s: Option<f64>,
    },
    /// Keys that every server of a fleet derives from the same secret and the time.
    Master {
        /// The file of the secret.
        path: PathBuf,
        /// A new key is derived so often, seconds.
        rotate_s: f64,
    },
}

/// How old the newest key gets unless the file says otherwise, seconds: a day (RFC 8915 §6).
pub const ROTATE_S: f64 = 86_400.0;
/// How many old keys stay valid unless the file says otherwise (RFC 8915 §6).
pub const KEEP: usize = 2;

/// What is wrong with a file that `[nts]` or `[serve.nts]` names. Who has looked at the files says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    /// The key that names the file, such as `serve.nts.certificate`.
    pub key: &'static str,
    /// What kind of fault it is.
    pub kind: FileFaultKind,
    /// One sentence for people.
    pub text: String,
}

/// Kinds of faults of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFaultKind {
    /// It is of no use.
    Unusable,
    /// Others can read it who should not.
    Exposed,
    /// The certificate ends soon, has ended, or has not begun.
    Dates,
    /// Whoever looked was not permitted to.
    Unchecked,
}

impl Parsed {
    /// The finding for such a fault. The daemon starts all the same and takes the file when it is there; but who checks a
    /// configuration wants to know that it does not do what it says.
    pub fn file_fault(&self, fault: &FileFault) -> Diagnostic {
        let rule = match fault.kind {
            FileFaultKind::Unusable => &rules::BAD_NTS_FILE,
            FileFaultKind::Exposed => &rules::EXPOSED_NTS_FILE,
            FileFaultKind::Dates => &rules::ENDING_CERTIFICATE,
            FileFaultKind::Unchecked => &rules::NTS_FILE_UNCHECKED,
        };
        let finding = Diagnostic::new(rule, &self.document, self.places.of(fault.key), fault.text.clone());
        match fault.kind {
            FileFaultKind::Unchecked => finding.help("check as root to have it checked as well"),
            FileFaultKind::Unusable => finding.help(match fault.key {
                "nts.trusted_certificates" => "without it, servers that it vouches for are not believed",
                _ => "until it can be used, the daemon serves time without NTS; it looks again every minute",
            }),
            FileFaultKind::Exposed | FileFaultKind::Dates => finding,
        }
    }
}
