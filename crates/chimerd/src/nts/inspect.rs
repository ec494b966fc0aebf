//! A look at the files that a configuration names, before a daemon is started with it.

use std::io;
use std::path::Path;

use truechimer_config::nts::{FileFault, FileFaultKind, RingOrigin};
use truechimer_config::{Config, MAX_BYTES};
use truechimer_nts::ring::{MIN_MASTER_LEN, MasterSecret};
use truechimer_nts_ke::validity::Date;
use truechimer_nts_ke::{ServerTls, TrustedCertificates};
use truechimer_sys::files;
use zeroize::Zeroizing;

/// A certificate that ends earlier than this should have been renewed, seconds.
const WEEK_S: i64 = 7 * 86_400;

/// What is wrong with the files of `[nts]` and `[serve.nts]`, at this time in seconds since 1970. Nothing is changed.
pub fn inspect(config: &Config, unix_s: i64) -> Vec<FileFault> {
    let mut faults = Vec::new();
    for path in &config.trust.files {
        if let Some(text) = read(path, "nts.trusted_certificates", false, &mut faults)
            && let Err(fault) = TrustedCertificates::new().add_pem(&text)
        {
            let text = format!("{}: {fault}", path.display());
            faults.push(unusable("nts.trusted_certificates", text));
        }
    }
    let Some(nts) = &config.serve_nts else { return faults };
    if let Some(exchange) = &nts.key_exchange {
        let chain = read(&exchange.certificate, "serve.nts.certificate", false, &mut faults);
        let key = read(&exchange.private_key, "serve.nts.private_key", true, &mut faults);
        if let (Some(chain), Some(key)) = (chain, key) {
            match ServerTls::from_pem(&chain, &key) {
                Ok(tls) => faults.extend(dates(&tls, unix_s)),
                Err(error) => faults.push(unusable("serve.nts.certificate", error.to_string())),
            }
        }
    }
    if let RingOrigin::Master { path, rotate_s } = &nts.ring
        && let Some(secret) = read(path, "serve.nts.master_secret", true, &mut faults)
        && MasterSecret::new(&secret, *rotate_s as u64, nts.keep).is_err()
    {
        let text = format!(
            "the secret has fewer than {MIN_MASTER_LEN} bytes: openssl rand -base64 48 makes a good one"
        );
        faults.push(unusable("serve.nts.master_secret", text));
    }
    faults
}

fn unusable(key: &'static str, text: String) -> FileFault {
    FileFault { key, kind: FileFaultKind::Unusable, text }
}

/// The file's bytes; of a secret, it is a fault if everybody can read it.
fn read(
    path: &Path,
    key: &'static str,
    secret: bool,
    faults: &mut Vec<FileFault>,
) -> Option<Zeroizing<Vec<u8>>> {
    match files::read_secret(path, MAX_BYTES) {
        Ok((bytes, exposed)) => {
            if secret && exposed {
                let text = format!("everybody can read it: chmod o= {}", path.display());
                faults.push(FileFault { key, kind: FileFaultKind::Exposed, text });
            }
            Some(Zeroizing::new(bytes))
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let text = format!("{} was not looked at: {error}", path.display());
            faults.push(FileFault { key, kind: FileFaultKind::Unchecked, text });
            None
        }
        Err(error) => {
            faults.push(unusable(key, format!("cannot read {}: {error}", path.display())));
            None
        }
    }
}

fn dates(tls: &ServerTls, unix_s: i64) -> Option<FileFault> {
    let validity = tls.validity();
    let text = if unix_s < validity.not_before_s {
        format!("the certificate is not valid before {}", Date(validity.not_before_s))
    } else if unix_s > validity.not_after_s {
        format!("the certificate ended on {}", Date(validity.not_after_s))
    } else if validity.not_after_s - unix_s < WEEK_S {
        format!("the certificate ends on {}: renew it", Date(validity.not_after_s))
    } else {
        return None;
    };
    Some(FileFault { key: "serve.nts.certificate", kind: FileFaultKind::Dates, text })
}

#[cfg(test)]
mod tests;
