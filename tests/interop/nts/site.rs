//! Two hosts, a name for the one that serves, and a certificate for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tempfile::TempDir;
use truechimer_nts_ke::Validity;
use truechimer_nts_ke::authority::Authority;
use truechimer_tests::netns::{Cable, Host};

use crate::peers::{subfolder, write};

/// The server's name, which `/etc/hosts` of both knows.
pub(crate) const NAME: &str = "time.interop.test";

/// Where a trial takes place.
pub(crate) struct Site {
    folder: TempDir,
    _cable: Cable,
    /// Who serves.
    pub(crate) server: Host,
    /// Who asks.
    pub(crate) client: Host,
    /// The server's address.
    pub(crate) address: &'static str,
    /// PEM files: the certificate with those between it and the root, its key, the root, and another root.
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) root: PathBuf,
    pub(crate) stranger: PathBuf,
}

impl Site {
    /// The server has an address of this family only.
    pub(crate) fn new(v6: bool) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let cable = Cable::new()?;
        let address = cable.left().address(v6);
        let path = folder.path();
        let hosts = write(path, "hosts", &format!("127.0.0.1 localhost\n{address} {NAME}\n"))?;
        let error = |e: truechimer_nts_ke::authority::AuthorityError| e.to_string();
        let authority = Authority::new("interop root", days(3650)?).map_err(error)?;
        // As those that one buys have it: an authority between the root and the server.
        let between = authority.intermediate("interop intermediate", days(900)?).map_err(error)?;
        let certified = between.certify(&[NAME], days(90)?).map_err(error)?;
        let stranger = Authority::new("somebody else", days(3650)?).map_err(error)?;
        Ok(Self {
            chain: write(path, "chain.pem", &certified.chain)?,
            key: private(path, "key.pem", &certified.key)?,
            root: write(path, "root.pem", authority.root())?,
            stranger: write(path, "stranger.pem", stranger.root())?,
            server: cable.left().with_names(&hosts),
            client: cable.right().with_names(&hosts),
            address,
            _cable: cable,
            folder,
        })
    }

    /// A folder for one of those who take part.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, String> {
        subfolder(self.folder.path(), name)
    }

    /// The peer's folder.
    pub(crate) fn peers(&self) -> Result<PathBuf, String> {
        self.folder("peer")
    }

    /// Removes the peer's folder, with all keys that it kept.
    pub(crate) fn forget(&self) -> Result<(), String> {
        fs::remove_dir_all(self.peers()?).map_err(|e| e.to_string())
    }

    /// An error with what the peer said below it.
    pub(crate) fn explain(&self, error: String) -> String {
        let log = fs::read_to_string(self.folder.path().join("peer/log")).unwrap_or_default();
        format!("{error}\nthe peer said:\n{log}")
    }
}

/// From yesterday on, for so many days.
fn days(days: i64) -> Result<Validity, String> {
    const DAY_S: i64 = 86_400;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_err(|e| e.to_string())?;
    let now_s = i64::try_from(now.as_secs()).map_err(|e| e.to_string())?;
    Ok(Validity { not_before_s: now_s - DAY_S, not_after_s: now_s + days * DAY_S })
}

/// A file for its owner only; some refuse a private key that others can read.
fn private(folder: &Path, name: &str, text: &str) -> Result<PathBuf, String> {
    use std::os::unix::fs::PermissionsExt;
    let path = write(folder, name, text)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(|e| e.to_string())?;
    Ok(path)
}
