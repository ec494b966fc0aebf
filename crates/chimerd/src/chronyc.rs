//! The doors for chrony's `chronyc`: a unix socket for all of its protocol, and UDP on the loopback addresses for looking.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use truechimer_config::ControlDoors;
use truechimer_control::Access;
use truechimer_control::chronyc::REQUEST_MAX;
use truechimer_control::chronyc::server::Counters;
use truechimer_sys::poll::{Interest, PollSet};
use truechimer_sys::unix::Datagrams;
use truechimer_sys::{files, privileges};

use crate::control::SocketError;

/// Datagrams taken from one socket in one turn.
const BATCH: usize = 8;
/// Room for requests that are longer than any that makes sense.
const BUFFER_LEN: usize = REQUEST_MAX + 512;

/// Answers one request, or does not.
pub(crate) type Answer<'a> = dyn FnMut(&[u8], Access, Counters) -> Option<Vec<u8>> + 'a;

/// The open doors.
#[derive(Debug)]
pub(crate) struct ChronycServer {
    unix: Option<Datagrams>,
    udp: Vec<UdpSocket>,
    places: Vec<usize>,
    counters: Counters,
}

impl ChronycServer {
    /// Opens what the configuration names; `None` if that is nothing. The socket and its folder are given to `user`.
    pub(crate) fn open(doors: &ControlDoors, user: Option<&str>) -> Result<Option<Self>, SocketError> {
        let unix = doors.chronyc_socket.as_deref().map(|path| open_unix(path, user)).transpose()?;
        let udp = doors.chronyc_port.map(open_udp).transpose()?.unwrap_or_default();
        let any = unix.is_some() || !udp.is_empty();
        let counters = Counters::default();
        Ok(any.then_some(Self { unix, udp, places: Vec::new(), counters }))
    }

    /// Whether this machine may look over UDP.
    pub(crate) fn monitors(&self) -> bool {
        !self.udp.is_empty()
    }

    /// Names the sockets to wait for.
    pub(crate) fn register(&mut self, poll: &mut PollSet) {
        let unix = self.unix.iter().map(Datagrams::fd);
        let all = unix.chain(self.udp.iter().map(AsRawFd::as_raw_fd));
        self.places = all.map(|fd| poll.push(fd, Interest::Read)).collect();
    }

    /// Serves what has come, a little of it at a time.
    pub(crate) fn handle_ready(&mut self, poll: &PollSet, answer: &mut Answer<'_>) {
        let mut places = std::mem::take(&mut self.places).into_iter();
        let mut buffer = [0; BUFFER_LEN];
        if let (Some(socket), Some(place)) = (&self.unix, self.unix.as_ref().and_then(|_| places.next()))
            && poll.readable(place)
        {
            for _ in 0..BATCH {
                let Ok(Some((len, from))) = socket.receive(&mut buffer) else { break };
                let reply = self.counters.ask(&buffer, len, Access::Control, answer);
                // Whoever has no name, or no room, gets no answer.
                if let (Some(reply), Some(from)) = (reply, from) {
                    let _ = socket.send(&reply, &from);
                }
            }
        }
        for (socket, place) in self.udp.iter().zip(places) {
            if !poll.readable(place) {
                continue;
            }
            for _ in 0..BATCH {
                let Ok((len, from)) = socket.recv_from(&mut buffer) else { break };
                if !from.ip().is_loopback() {
                    continue;
                }
                if let Some(reply) = self.counters.ask(&buffer, len, Access::Observe, answer) {
                    let _ = socket.send_to(&reply, from);
                }
            }
        }
    }
}

/// Counts a request and its answer.
trait Ask {
    fn ask(&mut self, buffer: &[u8], len: usize, access: Access, answer: &mut Answer<'_>) -> Option<Vec<u8>>;
}

impl Ask for Counters {
    fn ask(&mut self, buffer: &[u8], len: usize, access: Access, answer: &mut Answer<'_>) -> Option<Vec<u8>> {
        self.received = self.received.saturating_add(1);
        let reply = answer(buffer.get(..len)?, access, *self);
        if reply.is_none() {
            self.dropped = self.dropped.saturating_add(1);
        }
        reply
    }
}

fn open_unix(path: &Path, user: Option<&str>) -> Result<Datagrams, SocketError> {
    let failed = |path: &Path, error| SocketError { path: path.to_owned(), error };
    let give = |path: &Path| match user {
        Some(user) => privileges::give_to(user, path).map_err(|error| failed(path, error)),
        None => Ok(()),
    };
    if let Some(folder) = path.parent()
        && files::ensure_directory(folder, 0o750).map_err(|error| failed(folder, error))?
    {
        give(folder)?;
    }
    let socket = Datagrams::bind(path, 0o660).map_err(|error| failed(path, error))?;
    give(path)?;
    Ok(socket)
}

fn open_udp(port: u16) -> Result<Vec<UdpSocket>, SocketError> {
    let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let mut sockets = Vec::new();
    for address in addresses {
        sockets.extend(bind_loopback(SocketAddr::new(address, port), "chronyc_port")?);
    }
    Ok(sockets)
}

/// A socket that does not wait; `None` where the machine lacks the protocol, as it has the other then.
pub(crate) fn bind_loopback(address: SocketAddr, key: &str) -> Result<Option<UdpSocket>, SocketError> {
    let opened = UdpSocket::bind(address).and_then(|socket| {
        socket.set_nonblocking(true)?;
        Ok(socket)
    });
    match opened {
        Ok(socket) => Ok(Some(socket)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(SocketError { path: PathBuf::from(format!("UDP {address} ({key})")), error }),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
}
