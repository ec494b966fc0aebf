//! The server's sockets: request in, reply out of the same bytes.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};

use truechimer_config::Roles;
use truechimer_engine::config::{Listener, ServeConfig};
use truechimer_engine::server::SigningError;
use truechimer_engine::{Engine, Verdict};
use truechimer_sys::poll::{Interest, PollSet};
use truechimer_sys::udp::{Batch, ServerSocket};
use truechimer_time::Now;
use truechimer_wire::HEADER_LEN;

use crate::clocks::Clocks;
use crate::signing::{Job, Signer};

struct Open {
    /// A number of its own, never used again.
    id: u64,
    wanted: Listener,
    socket: ServerSocket,
    /// Its place in the poll set of this turn.
    place: usize,
    /// The last call failed for want of memory or the like: not waited for in the next turn.
    resting: bool,
}

/// All ports that answer.
pub(crate) struct Listeners {
    open: Vec<Open>,
    roles: Roles,
    /// Room for what comes in, made when there is somewhere to come in. Not used on the inline path, where libc may be
    /// interposed by a simulated network, which knows no batches and lets a socket be read once when `poll` says so.
    batch: Option<Batch>,
}

/// What takes part in answering.
pub(crate) struct Staff<'a> {
    pub(crate) engine: &'a mut Engine,
    pub(crate) clocks: &'a mut Clocks,
    /// For replies to domain members.
    pub(crate) signer: Option<&'a mut Signer>,
}

/// A port that could not be opened.
#[derive(Debug)]
pub(crate) struct ListenError {
    pub(crate) wanted: Listener,
    pub(crate) error: io::Error,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}", self.wanted.address)?;
        if let Some(interface) = &self.wanted.interface {
            write!(f, " of interface {interface}")?;
        }
        write!(f, ": {}", self.error)?;
        match self.error.kind() {
            io::ErrorKind::AddrInUse => f.write_str(" (does another time daemon run on this machine?)"),
            io::ErrorKind::PermissionDenied => {
                f.write_str(" (ports below 1024 need root or the capability CAP_NET_BIND_SERVICE)")
            }
            io::ErrorKind::AddrNotAvailable => f.write_str(" (no interface has this address)"),
            _ => Ok(()),
        }
    }
}

impl Listeners {
    pub(crate) fn new(roles: Roles) -> Self {
        Self { open: Vec::new(), roles, batch: None }
    }

    /// Opens and closes sockets until they are those of `serve`. Sockets that stay wanted are kept with what waits in
    /// them. If one cannot be opened nothing changes.
    pub(crate) fn configure(&mut self, serve: Option<&ServeConfig>) -> Result<(), ListenError> {
        let wanted = serve.map(|serve| serve.listen.as_slice()).unwrap_or_default();
        let mut missing: Vec<Listener> = Vec::new();
        for listener in wanted {
            if !self.open.iter().any(|open| open.wanted == *listener) && !missing.contains(listener) {
                missing.push(listener.clone());
            }
        }
        let mut fresh = open_all(&missing, self.roles);
        if matches!(&fresh, Err(error) if error.error.kind() == io::ErrorKind::AddrInUse) {
            // Perhaps by a socket of ours that has to go, such as one on all addresses that gives way to one of them.
            let (kept, gone): (Vec<Open>, Vec<Open>) =
                self.open.drain(..).partition(|open| wanted.contains(&open.wanted));
            self.open = kept;
            let gone: Vec<Listener> = gone.into_iter().map(|open| open.wanted).collect();
            fresh = open_all(&missing, self.roles);
            if fresh.is_err() {
                self.open.extend(gone.iter().filter_map(|listener| Open::new(listener, self.roles).ok()));
            }
        }
        let mut fresh = fresh?;
        self.open.retain(|open| wanted.contains(&open.wanted));
        self.open.append(&mut fresh);
        if self.open.is_empty() || self.roles == Roles::Inline {
            self.batch = None;
        } else if self.batch.is_none() {
            self.batch = Some(Batch::new());
        }
        Ok(())
    }

    /// The addresses in use, with the ports that the system chose where the configuration says 0.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.open.iter().map(|open| open.socket.local()).collect()
    }

    /// Names the sockets to wait for. Whether some socket rests.
    pub(crate) fn register(&mut self, poll: &mut PollSet) -> bool {
        let mut any_rests = false;
        for open in &mut self.open {
            let rests = std::mem::take(&mut open.resting);
            any_rests |= rests;
            open.place = if rests { usize::MAX } else { poll.push(open.socket.fd(), Interest::Read) };
        }
        any_rests
    }

    /// Answers what waits at every socket, but no more than one batch: then the client's own sockets have their turn
    /// again (AT-46).
    pub(crate) fn handle_ready(&mut self, poll: &PollSet, buffer: &mut [u8], mut staff: Staff<'_>, now: Now) {
        for open in &mut self.open {
            let place = std::mem::replace(&mut open.place, usize::MAX);
            if poll.readable(place) || poll.error(place) {
                let answered = match &mut self.batch {
                    Some(batch) => open.answer_batch(batch, &mut staff),
                    None => open.answer_one(buffer, &mut staff, now),
                };
                open.resting = answered.is_err();
            }
        }
    }
}

impl Listeners {
    /// Sends a reply that was made elsewhere, if the socket is still there. One that cannot be sent is lost on the way.
    pub(crate) fn send(&self, id: u64, reply: &[u8], remote: SocketAddr, local: Option<IpAddr>) {
        if let Some(open) = self.open.iter().find(|open| open.id == id) {
            let _ = open.socket.send_to(reply, remote, local);
        }
    }
}

fn open_all(listeners: &[Listener], roles: Roles) -> Result<Vec<Open>, ListenError> {
    listeners.iter().map(|listener| Open::new(listener, roles)).collect()
}

/// Numbers sockets.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

impl Open {
    fn new(wanted: &Listener, roles: Roles) -> Result<Self, ListenError> {
        match ServerSocket::open(wanted.address, wanted.interface.as_deref()) {
            Ok(socket) => {
                if roles == Roles::Process {
                    socket.stamp_briefly();
                }
                let id = LAST_ID.fetch_add(1, Ordering::Relaxed);
                Ok(Self { id, wanted: wanted.clone(), socket, place: usize::MAX, resting: false })
            }
            Err(error) => Err(ListenError { wanted: wanted.clone(), error }),
        }
    }

    fn answer_batch(&self, batch: &mut Batch, staff: &mut Staff<'_>) -> io::Result<()> {
        let Staff { engine, clocks, signer } = staff;
        batch.receive(&self.socket)?;
        // Once for all of them, and after all of them.
        let now = clocks.now();
        let Some(mut serving) = engine.serve(now) else { return Ok(()) };
        for request in batch.requests() {
            let received = request.received;
            let stamp = clocks.received(received.kernel_stamp, now);
            let verdict =
                serving.handle_request(request.buffer, received.len, received.remote, received.local, stamp);
            match verdict {
                Verdict::Reply(len) => request.reply(len),
                Verdict::Drop(_) => {}
                Verdict::Sign => {
                    let job = self.job(request.buffer, received.remote, received.local, now);
                    if let Err(error) = push(signer, job) {
                        serving.handle_signed(Err(error));
                    }
                }
            }
        }
        batch.send(&self.socket, |replies| {
            let now = clocks.now();
            for reply in replies {
                engine.stamp_reply(reply, now.cooked);
            }
        });
        Ok(())
    }

    fn answer_one(&self, buffer: &mut [u8], staff: &mut Staff<'_>, now: Now) -> io::Result<()> {
        let Staff { engine, clocks, signer } = staff;
        let Some(received) = self.socket.recv(buffer)? else { return Ok(()) };
        if received.fragmented {
            // Nothing that we answer needs fragments (AT-14).
            return Ok(());
        }
        let stamp = clocks.received(received.kernel_stamp, now);
        let verdict =
            engine.handle_request(buffer, received.len, received.remote, received.local, stamp, now);
        let len = match verdict {
            Verdict::Reply(len) => len,
            Verdict::Drop(_) => return Ok(()),
            Verdict::Sign => {
                let job = self.job(buffer, received.remote, received.local, now);
                if let Err(error) = push(signer, job) {
                    engine.handle_signed(Err(error));
                }
                return Ok(());
            }
        };
        let Some(reply) = buffer.get_mut(..len.min(received.len)) else { return Ok(()) };
        engine.stamp_reply(reply, clocks.now().cooked);
        // A reply that cannot be sent is a reply lost on the way.
        let _ = self.socket.send_to(reply, received.remote, received.local);
        Ok(())
    }

    /// What [`Verdict::Sign`] left in the buffer.
    fn job(&self, buffer: &[u8], remote: SocketAddr, local: Option<IpAddr>, now: Now) -> Option<Job> {
        let (packet, rest) = buffer.split_first_chunk::<HEADER_LEN>()?;
        let key_id = *rest.first_chunk()?;
        Some(Job { packet: *packet, key_id, remote, local, listener: self.id, since: now.mono })
    }
}

fn push(signer: &mut Option<&mut Signer>, job: Option<Job>) -> Result<(), SigningError> {
    match (signer, job) {
        (Some(signer), Some(job)) => signer.push(job),
        _ => Err(SigningError::Unavailable),
    }
}

#[cfg(test)]
mod tests;
