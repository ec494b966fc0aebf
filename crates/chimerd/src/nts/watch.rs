//! Files that others replace: certificates that are renewed, rings that another server writes.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What tells one version of a file from another without reading it: also one that can be read now from one that could
/// not. Symbolic links are followed, as tools that renew certificates change where links point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    device: u64,
    inode: u64,
    len: u64,
    changed: (i64, i64),
}

impl Version {
    /// `None` if the file is not there.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// Files that belong together and are replaced one after the other.
#[derive(Debug)]
pub(super) struct Watched {
    paths: Vec<PathBuf>,
    /// As they were last taken.
    taken: Option<Vec<Option<Version>>>,
    /// As they were when looked at last.
    seen: Option<Vec<Option<Version>>>,
}

impl Watched {
    pub(super) fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths, taken: None, seen: None }
    }

    /// Looks, and says whether the files are others than those that were taken, and have not changed since the last look: so
    /// that not one is taken while its companion is still the old one.
    pub(super) fn look(&mut self) -> bool {
        let now: Vec<_> = self.paths.iter().map(|path| Version::of(path)).collect();
        let settled = self.seen.as_ref() == Some(&now);
        let changed = self.taken.as_ref() != Some(&now);
        self.seen = Some(now);
        changed && settled
    }

    /// Whether they have changed but may still be changing: worth another look soon.
    pub(super) fn is_changing(&self) -> bool {
        self.seen.is_some() && self.seen != self.taken
    }

    /// They are about to be read.
    pub(super) fn take(&mut self) {
        let now: Vec<_> = self.paths.iter().map(|path| Version::of(path)).collect();
        self.seen = Some(now.clone());
        self.taken = Some(now);
    }
}

#[cfg(test)]
mod tests;
