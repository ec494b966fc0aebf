//! The server's certificate: its files, read again when they change, and when it ends.

use std::path::{Path, PathBuf};

use truechimer_nts_ke::Validity;
use truechimer_sys::files;
use truechimer_time::Mono;
use zeroize::Zeroizing;

use super::watch::Watched;

/// The files are looked at so often, seconds …
const LOOK_S: f64 = 60.0;
/// … and while they are changing, so soon again.
const LOOK_AGAIN_S: f64 = 2.0;
/// Longer files hold no certificates of a server.
const CHAIN_MAX: usize = 64 * 1024;
const KEY_MAX: usize = 32 * 1024;

const DAY_S: i64 = 86_400;
/// Days before its end on which a certificate that has not been renewed is worth a word.
const WARN_DAYS: [i64; 3] = [30, 7, 1];

/// The texts of certificates and key.
pub(crate) type Texts = (Vec<u8>, Zeroizing<Vec<u8>>);

/// The two files.
#[derive(Debug)]
pub(crate) struct CertificateFiles {
    chain: PathBuf,
    key: PathBuf,
    files: Watched,
    look_at: Mono,
}

impl CertificateFiles {
    pub(crate) fn new(chain: &Path, key: &Path, now: Mono) -> Self {
        let files = Watched::new(vec![chain.to_owned(), key.to_owned()]);
        Self { chain: chain.to_owned(), key: key.to_owned(), files, look_at: now.after(LOOK_S) }
    }

    /// Whether these are the files.
    pub(crate) fn are(&self, chain: &Path, key: &Path) -> bool {
        self.chain == chain && self.key == key
    }

    pub(crate) fn chain(&self) -> &Path {
        &self.chain
    }

    pub(crate) fn paths(&self) -> [&Path; 2] {
        [&self.chain, &self.key]
    }

    /// Reads both.
    ///
    /// # Errors
    /// Which cannot be read, and why.
    pub(crate) fn read(&mut self) -> Result<Texts, String> {
        self.files.take();
        let read = |path: &Path, max| {
            files::read_bounded(path, max).map_err(|error| format!("cannot read {}: {error}", path.display()))
        };
        Ok((read(&self.chain, CHAIN_MAX)?, Zeroizing::new(read(&self.key, KEY_MAX)?)))
    }

    pub(crate) fn poll_timeout(&self) -> Mono {
        self.look_at
    }

    /// Looks now and then, and reads both when they have changed.
    pub(crate) fn poll_change(&mut self, now: Mono) -> Option<Result<Texts, String>> {
        if now < self.look_at {
            return None;
        }
        let changed = self.files.look();
        self.look_at = now.after(if self.files.is_changing() { LOOK_AGAIN_S } else { LOOK_S });
        if !changed {
            return None;
        }
        self.look_at = now.after(LOOK_S);
        Some(self.read())
    }
}

/// Says when a certificate ends soon, once for each of the days above.
#[derive(Debug, Default)]
pub(crate) struct ExpiryWatch {
    validity: Option<Validity>,
    /// Index into the days of the last word, and one more for the end itself.
    told: usize,
    told_early: bool,
}

/// What is to be said of a certificate's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// So many days are left, rounded up.
    Soon(i64),
    /// It is over.
    Over,
    /// It has not begun.
    Early,
}

impl ExpiryWatch {
    pub(crate) fn set(&mut self, validity: Validity) {
        *self = Self { validity: Some(validity), ..Self::default() };
    }

    pub(crate) fn validity(&self) -> Option<Validity> {
        self.validity
    }

    /// What is to be said at this time, seconds since 1970, which must be known.
    pub(crate) fn poll(&mut self, unix_s: i64) -> Option<Expiry> {
        let Validity { not_before_s, not_after_s } = self.validity?;
        if unix_s < not_before_s {
            return (!std::mem::replace(&mut self.told_early, true)).then_some(Expiry::Early);
        }
        let left_s = not_after_s.saturating_sub(unix_s);
        let passed = WARN_DAYS.iter().filter(|days| left_s < **days * DAY_S).count();
        let stage = if left_s < 0 { passed + 1 } else { passed };
        if stage <= self.told {
            return None;
        }
        self.told = stage;
        Some(if left_s < 0 { Expiry::Over } else { Expiry::Soon(left_s / DAY_S + 1) })
    }
}

#[cfg(test)]
mod tests;
