//! The file with the number of the process, by which scripts find it and a second daemon sees the first.

use std::fs;
use std::path::{Path, PathBuf};

use truechimer_sys::{files, privileges, process};

#[cfg(test)]
mod tests;

/// Where Debian's chronyd has it, and its unit and scripts look for it.
pub(super) const DEFAULT: &str = "/run/chrony/chronyd.pid";
/// A number and a newline are shorter.
const MAX_BYTES: usize = 64;

/// The file, for as long as the process runs; gone when it is dropped.
#[derive(Debug)]
pub(super) struct PidFile(PathBuf);

impl PidFile {
    /// Writes it. The folder of the usual one is made if it is missing, for `user`, who is to remove the file at the end.
    ///
    /// # Errors
    /// A sentence: another process has it, or it cannot be written.
    pub(super) fn write(path: &Path, user: Option<&str>) -> Result<Self, String> {
        if let Some(other) = holder(path) {
            return Err(format!(
                "another daemon may already be running (pid {other}): if it is none, remove {}",
                path.display()
            ));
        }
        let failed = |error| format!("cannot write {}: {error}", path.display());
        if let Some(folder) = path.parent().filter(|_| path == Path::new(DEFAULT))
            && files::ensure_directory(folder, 0o750).map_err(failed)?
            && let Some(user) = user
        {
            privileges::give_to(user, folder).map_err(failed)?;
        }
        files::write_atomic(path, format!("{}\n", std::process::id()).as_bytes(), 0o644).map_err(failed)?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if number(&self.0) == Some(std::process::id()) {
            // In a folder of root's that is not permitted any more; then the number is of no process.
            let _ = fs::remove_file(&self.0);
        }
    }
}

/// The process whose number is there, if there is such a process and it is not this one, as it can be after a reboot.
fn holder(path: &Path) -> Option<u32> {
    number(path).filter(|&id| id != std::process::id() && process::is_running(id))
}

fn number(path: &Path) -> Option<u32> {
    let bytes = files::read_bounded(path, MAX_BYTES).ok()?;
    std::str::from_utf8(&bytes).ok()?.trim().parse().ok()
}
