//! Small files: configurations, and the state that outlives a restart.
//!
//! What is read has a limit, and what is written replaces the old file at once or not at all, so a full disk or a
//! power cut leaves the old state. What the bytes mean is the callers' business: garbage counts as absent there.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Reads a regular file of at most `max` bytes.
///
/// # Errors
/// The file cannot be opened, is longer ([`io::ErrorKind::FileTooLarge`]), or is no regular file
/// ([`io::ErrorKind::InvalidInput`]): a pipe in the place of a file would hold the daemon up for ever.
pub fn read_bounded(path: &Path, max: usize) -> io::Result<Vec<u8>> {
    let (file, _) = open_regular(path)?;
    read_all(file, max)
}

/// The same for a file of secrets, and whether others than its owner and group may read it too.
///
/// # Errors
/// As [`read_bounded`].
pub fn read_secret(path: &Path, max: usize) -> io::Result<(Vec<u8>, bool)> {
    let (file, metadata) = open_regular(path)?;
    let exposed = metadata.permissions().mode() & 0o004 != 0;
    Ok((read_all(file, max)?, exposed))
}

fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok((file, metadata))
}

fn read_all(file: File, max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more shows that there is more.
    file.take(max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {max} bytes")));
    }
    Ok(bytes)
}

/// Opens a file to write behind what is in it, or makes it with these permissions, as far as the umask leaves them.
///
/// No symbolic link is followed at its name and no pipe waited for: root may write into a folder that is somebody else's
/// (NA-33). A device such as `/dev/null` is taken.
///
/// # Errors
/// It cannot be opened, or is something else.
pub fn open_append(path: &Path, mode: u32) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().append(true).create(true).mode(mode).custom_flags(flags).open(path)?;
    let kind = file.metadata()?.file_type();
    if !kind.is_file() && !kind.is_char_device() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

/// Replaces a file, or creates it, with exactly these permissions.
///
/// The bytes go into a new file beside it, which is then renamed. No symbolic link is followed at either name: one at
/// `path` is replaced, and one at the temporary name is removed (NA-33).
///
/// # Errors
/// Any of the steps failed; then the old file is as it was and the new one is gone.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    replace(path, bytes, mode, None)
}

/// The same where several may write one file at a time: each of them writes the whole of it, and the last one stays. A crash
/// leaves a hidden file behind.
///
/// # Errors
/// As [`write_atomic`].
pub fn write_beside_others(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    static WRITES: AtomicU32 = AtomicU32::new(0);
    let number = WRITES.fetch_add(1, Ordering::Relaxed);
    let temporary = temporary_name(path, &format!(".{}-{number}", std::process::id()))?;
    replace_by(&temporary, path, bytes, mode, None)
}

/// Replaces a file of secrets, or creates it: for its owner alone. One that is there keeps its owner and group and what
/// they may do, and a symbolic link its target; everybody else loses what they could do.
///
/// # Errors
/// As [`write_atomic`], or the new file cannot be given to the owner of the old one.
pub fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::canonicalize(path) {
        Ok(path) => {
            let old = fs::metadata(&path)?;
            replace(&path, bytes, old.mode() & 0o660, Some((old.uid(), old.gid())))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => replace(path, bytes, 0o600, None),
        Err(error) => Err(error),
    }
}

fn replace(path: &Path, bytes: &[u8], mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    // The name is always the same, so a crash leaves one file behind at most, and the next write removes it.
    replace_by(&temporary_name(path, "")?, path, bytes, mode, owner)
}

fn replace_by(
    temporary: &Path,
    path: &Path,
    bytes: &[u8],
    mode: u32,
    owner: Option<(u32, u32)>,
) -> io::Result<()> {
    let result = write_new(temporary, bytes, mode, owner).and_then(|()| fs::rename(temporary, path));
    if result.is_err() {
        let _ = fs::remove_file(temporary);
        return result;
    }
    // The rename itself survives a power cut only when the directory is on the disk. Not every file system can do
    // that, and the file is in place already.
    if let Ok(directory) = File::open(directory_of(path)) {
        let _ = directory.sync_all();
    }
    Ok(())
}

/// Makes sure that a directory of the daemon's exists, with these permissions if it has to be made. Whether it was.
///
/// # Errors
/// It cannot be made, or something else has its name.
pub fn ensure_directory(path: &Path, mode: u32) -> io::Result<bool> {
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(mode)).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Hidden, and beside the file.
fn temporary_name(path: &Path, mark: &str) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(mark);
    hidden.push(".new");
    Ok(path.with_file_name(hidden))
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn write_new(path: &Path, bytes: &[u8], mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)?;
    if let Some((user, group)) = owner {
        std::os::unix::fs::fchown(&file, Some(user), Some(group))?;
    }
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
