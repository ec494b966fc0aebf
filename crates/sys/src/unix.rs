//! Unix sockets, for control and for asking other programs.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};

use libc::sockaddr_un;

use crate::ffi::{self, check, is_not_ready};

/// Connections that may wait to be accepted.
const BACKLOG: libc::c_int = 16;

/// A listening socket in the file system. It removes its name when it is dropped, if the name is still its own.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
    path: PathBuf,
    /// Device and inode of the name that was made.
    identity: (u64, u64),
    /// Given up for a moment when no descriptor is left, to take a waiting connection and close it.
    reserve: Option<fs::File>,
}

impl Listener {
    /// Listens at `path`, with exactly these permissions from the first moment on: there is no time at which the socket
    /// could be reached with wider ones (NA-33).
    ///
    /// A socket that a crashed daemon left is replaced. For that moment the permissions of all new files of
    /// the process are those of the socket, so call this before other threads make files.
    ///
    /// # Errors
    /// `EADDRINUSE` if somebody listens there, `EEXIST` if the name belongs to something that is not a socket, or what
    /// `bind` says.
    pub fn bind(path: &Path, mode: u32) -> io::Result<Self> {
        Self::bind_kind(path, mode, libc::SOCK_STREAM)
    }

    pub(crate) fn bind_kind(path: &Path, mode: u32, kind: libc::c_int) -> io::Result<Self> {
        let (socket, identity) = bind_name(path, mode, kind)?;
        // SAFETY: no pointers are passed.
        check(unsafe { libc::listen(socket.as_raw_fd(), BACKLOG) })?;
        Ok(Self { socket, path: path.to_owned(), identity, reserve: reserve() })
    }

    /// Takes a waiting connection, if there is one.
    ///
    /// # Errors
    /// No descriptors left (`EMFILE`, `ENFILE`): the connection is closed then, so that the loop does not spin on it.
    pub fn accept(&mut self) -> io::Result<Option<Stream>> {
        match self.accept_once() {
            Ok(socket) => {
                ffi::keep_to_ourselves(&socket)?;
                Ok(Some(Stream(UnixStream::from(socket))))
            }
            Err(error) if is_not_ready(&error) || error.kind() == io::ErrorKind::ConnectionAborted => {
                Ok(None)
            }
            Err(error) => {
                if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) {
                    self.reserve = None;
                    drop(self.accept_once());
                    self.reserve = reserve();
                }
                Err(error)
            }
        }
    }

    pub(crate) fn accept_once(&self) -> io::Result<OwnedFd> {
        // SAFETY: the address of the other side is not asked for.
        let fd = unsafe { libc::accept(self.socket.as_raw_fd(), std::ptr::null_mut(), std::ptr::null_mut()) };
        Ok(ffi::own(check(fd)?))
    }

    /// For `poll`.
    pub fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        remove_own(&self.path, self.identity);
    }
}

/// A socket for datagrams with a name in the file system, which goes with it like that of a [`Listener`].
#[derive(Debug)]
pub struct Datagrams {
    socket: UnixDatagram,
    path: PathBuf,
    identity: (u64, u64),
}

impl Datagrams {
    /// Takes datagrams at `path`, with exactly these permissions from the first moment on.
    ///
    /// # Errors
    /// As [`Listener::bind`].
    pub fn bind(path: &Path, mode: u32) -> io::Result<Self> {
        let (socket, identity) = bind_name(path, mode, libc::SOCK_DGRAM)?;
        Ok(Self { socket: UnixDatagram::from(socket), path: path.to_owned(), identity })
    }

    /// The next datagram and the name of the socket that it came from, if that has one; `None` if there is no datagram now.
    ///
    /// # Errors
    /// What `recvfrom` says.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<(usize, Option<PathBuf>)>> {
        let received = none_if_not_ready(self.socket.recv_from(buffer))?;
        Ok(received.map(|(len, from)| (len, from.as_pathname().map(Path::to_owned))))
    }

    /// Answers, if the other side has room for it: it never waits.
    ///
    /// # Errors
    /// Nobody is there any more, has no room, or does not let us write to him.
    pub fn send(&self, bytes: &[u8], to: &Path) -> io::Result<()> {
        self.socket.send_to(bytes, to).map(drop)
    }

    /// For `poll`.
    pub fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        remove_own(&self.path, self.identity);
    }
}

/// Removes a name if it is still that of the socket with this device and inode.
fn remove_own(path: &Path, identity: (u64, u64)) {
    let own = fs::symlink_metadata(path).is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == identity);
    if own {
        let _ = fs::remove_file(path);
    }
}

/// A new socket of that name, with its device and inode.
fn bind_name(path: &Path, mode: u32, kind: libc::c_int) -> io::Result<(OwnedFd, (u64, u64))> {
    let address = address(path)?;
    remove_stale(path, &address)?;
    let socket = ffi::socket(libc::AF_UNIX, kind)?;
    // SAFETY: `umask` takes and returns an integer.
    let old = unsafe { libc::umask(!mode & 0o777) };
    // SAFETY: the pointer and the length describe `address`.
    let bound = check(unsafe {
        libc::bind(socket.as_raw_fd(), (&raw const address).cast(), ffi::size_of::<sockaddr_un>())
    });
    // SAFETY: as above.
    unsafe { libc::umask(old) };
    bound?;
    let metadata = fs::symlink_metadata(path)?;
    Ok((socket, (metadata.dev(), metadata.ino())))
}

/// A connection. Neither reading nor writing waits.
#[derive(Debug)]
pub struct Stream(UnixStream);

impl Stream {
    /// Connects to whoever listens at `path`, which never waits.
    ///
    /// # Errors
    /// `ENOENT` or `ECONNREFUSED` if nobody listens, `EACCES` without the permission, `EAGAIN` if too many wait already.
    pub fn connect(path: &Path) -> io::Result<Self> {
        connect(path, libc::SOCK_STREAM).map(|socket| Self(UnixStream::from(socket)))
    }

    /// Reads what is there: `None` if there is nothing yet, `Some(0)` at the end.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        none_if_not_ready(self.0.read(buffer))
    }

    /// Writes what there is room for: `None` if there is no room now. Nobody reading any more is an error, not a signal.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        none_if_not_ready(self.0.write(bytes))
    }

    /// For `poll`.
    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Connects a socket of this kind to `path`.
pub(crate) fn connect(path: &Path, kind: libc::c_int) -> io::Result<OwnedFd> {
    let address = address(path)?;
    let socket = ffi::socket(libc::AF_UNIX, kind)?;
    // SAFETY: the pointer and the length describe `address`.
    check(unsafe {
        libc::connect(socket.as_raw_fd(), (&raw const address).cast(), ffi::size_of::<sockaddr_un>())
    })?;
    Ok(socket)
}

fn none_if_not_ready<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if is_not_ready(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn reserve() -> Option<fs::File> {
    fs::File::open("/dev/null").ok()
}

fn address(path: &Path) -> io::Result<sockaddr_un> {
    // SAFETY: all zeros is a legal address: no name.
    let mut address: sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let name = path.as_os_str().as_bytes();
    // The last byte stays zero. A name that starts with zero would be an abstract one, outside the file system.
    if name.is_empty() || name.len() >= address.sun_path.len() || name.contains(&0) {
        return Err(io::Error::new(io::ErrorKind::InvalidFilename, "not usable as the name of a socket"));
    }
    for (to, from) in address.sun_path.iter_mut().zip(name) {
        *to = *from as libc::c_char;
    }
    Ok(address)
}

/// Removes a socket that nobody listens on; leaves everything else alone. Where somebody takes datagrams, a stream cannot
/// connect either, but for another reason.
fn remove_stale(path: &Path, address: &sockaddr_un) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(io::Error::from_raw_os_error(libc::EEXIST));
        }
        Ok(_) => {}
    }
    let probe = ffi::socket(libc::AF_UNIX, libc::SOCK_STREAM)?;
    // SAFETY: the pointer and the length describe the address.
    let connected = check(unsafe {
        libc::connect(probe.as_raw_fd(), std::ptr::from_ref(address).cast(), ffi::size_of::<sockaddr_un>())
    });
    match connected {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        // Somebody listens, or too busily to answer at once.
        _ => Err(io::Error::from_raw_os_error(libc::EADDRINUSE)),
    }
}

#[cfg(test)]
mod tests;
