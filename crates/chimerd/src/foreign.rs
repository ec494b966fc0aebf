//! Configurations of other programs, read from the disk and run as they are.

use std::io;
use std::path::Path;

use truechimer_config::MAX_BYTES;
use truechimer_config::import::Files;
use truechimer_sys::files;

#[cfg(test)]
mod tests;

/// No folder of configuration files has more entries.
const MOST_ENTRIES: usize = 10_000;

/// The files of this machine, for what an imported file includes. Bytes that are no UTF-8 (in comments, mostly) are
/// replaced.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> io::Result<String> {
        let bytes = files::read_bounded(Path::new(path), MAX_BYTES)?;
        if bytes.len() > MAX_BYTES {
            return Err(io::Error::other("the file is too large for a configuration"));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = std::fs::read_dir(folder)?.take(MOST_ENTRIES);
        let name = |entry: io::Result<std::fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
        Ok(entries.filter_map(name).collect())
    }
}
