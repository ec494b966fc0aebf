//! Throw-away certificates for `chimer demo --nts`: an authority that lives as long as the demo, and a certificate for its
//! servers on loopback.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use truechimer_config::nts::{CertificateTrust, KeyExchangeLimits, KeyExchangeServer, RingOrigin, ServeNts};
use truechimer_engine::config::Listener;
use truechimer_nts_ke::Validity;
use truechimer_nts_ke::authority::Authority;

/// What the servers' certificate is for.
const HOST: &str = "127.0.0.1";
const DAY_S: i64 = 86_400;

/// The files of the servers and of whoever is to believe them.
pub(super) struct Certificates {
    chain: PathBuf,
    key: PathBuf,
    root: PathBuf,
}

impl Certificates {
    /// Makes an authority and a certificate, valid from yesterday to tomorrow, and writes them into a folder.
    pub(super) fn make(dir: &Path) -> Result<Self, String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
        let now_s = i64::try_from(now.as_secs()).map_err(|error| error.to_string())?;
        let validity = Validity { not_before_s: now_s - DAY_S, not_after_s: now_s + DAY_S };
        let authority = Authority::new("chimer demo", validity).map_err(|error| error.to_string())?;
        let certified = authority.certify(&[HOST], validity).map_err(|error| error.to_string())?;
        let write = |name: &str, text: &str| {
            let path = dir.join(name);
            std::fs::write(&path, text)
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            Ok::<_, String>(path)
        };
        Ok(Self {
            chain: write("chain.pem", &certified.chain)?,
            key: write("key.pem", &certified.key)?,
            root: write("root.pem", authority.root())?,
        })
    }

    /// What a server needs to hand out keys, on a port that the system chooses. Its ring lives in memory.
    pub(super) fn serve(&self, listen: Listener) -> ServeNts {
        let key_exchange = KeyExchangeServer {
            listen: vec![listen],
            certificate: self.chain.clone(),
            private_key: self.key.clone(),
            ntp_server: None,
            ntp_port: None,
            limits: KeyExchangeLimits::default(),
        };
        ServeNts {
            key_exchange: Some(key_exchange),
            ring: RingOrigin::File { path: None, rotate_s: Some(truechimer_config::nts::ROTATE_S) },
            keep: truechimer_config::nts::KEEP,
        }
    }

    /// Believes this authority and nobody else.
    pub(super) fn trust(&self) -> CertificateTrust {
        CertificateTrust { system: false, files: vec![self.root.clone()] }
    }
}
