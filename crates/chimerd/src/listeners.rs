//! The server's sockets: request in, reply out of the same bytes.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use truechimer_config::Roles;
use truechimer_engine::config::{Listener, ServeConfig};
use truechimer_engine::server::SigningError;
use truechimer_engine::{Engine, Verdict};
use truechimer_sys::poll::{Interest, PollSet};
use truechimer_sys::udp::{Batch, ServerSocket};
use truechimer_time::Now;

use crate::clocks::Clocks;
use crate::ntpq::Questions;
use crate::signing::{Job, Signer};

mod answer;

use answer::job;
pub(crate) use answer::{Host, Share, answer};

struct Open {
    /// A number of its own, never used again.
    id: u64,
    wanted: Listener,
    socket: Arc<ServerSocket>,
    /// Those of the other workers, if there are several.
    others: Vec<Arc<ServerSocket>>,
    /// Its place in the poll set of this turn.
    place: usize,
    /// The last call failed for want of memory or the like: not waited for in the next turn.
    resting: bool,
}

/// All ports that answer.
pub(crate) struct Listeners {
    open: Vec<Open>,
    roles: Roles,
    /// What replies are marked with.
    dscp: u8,
    /// How many sockets each has. With more than one they are the workers', and the loop answers nobody.
    workers: usize,
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
    /// For control messages.
    pub(crate) questions: Option<&'a mut Questions>,
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
    pub(crate) fn new(roles: Roles, workers: usize) -> Self {
        Self { open: Vec::new(), roles, dscp: 0, workers: workers.max(1), batch: None }
    }

    /// How many workers the sockets are for; `None` if the loop answers.
    pub(crate) fn workers(&self) -> Option<usize> {
        (self.workers > 1).then_some(self.workers)
    }

    /// The sockets of one of the workers.
    pub(crate) fn share(&self, worker: usize) -> Share {
        let socket = |open: &Open| match worker.checked_sub(1) {
            None => Some((open.id, Arc::clone(&open.socket))),
            Some(other) => Some((open.id, Arc::clone(open.others.get(other)?))),
        };
        self.open.iter().filter_map(socket).collect()
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
        let mut fresh = self.open_all(&missing);
        if matches!(&fresh, Err(error) if error.error.kind() == io::ErrorKind::AddrInUse) {
            // Perhaps by a socket of ours that has to go, such as one on all addresses that gives way to one of them.
            let (kept, gone): (Vec<Open>, Vec<Open>) =
                self.open.drain(..).partition(|open| wanted.contains(&open.wanted));
            self.open = kept;
            let gone: Vec<Listener> = gone.into_iter().map(|open| open.wanted).collect();
            fresh = self.open_all(&missing);
            if fresh.is_err() {
                self.open.extend(
                    gone.iter().filter_map(|listener| Open::new(listener, self.roles, self.workers).ok()),
                );
            }
        }
        let mut fresh = fresh?;
        self.open.retain(|open| wanted.contains(&open.wanted));
        self.open.append(&mut fresh);
        if self.open.is_empty() || self.roles == Roles::Inline || self.workers > 1 {
            self.batch = None;
        } else if self.batch.is_none() {
            self.batch = Some(Batch::new());
        }
        Ok(())
    }

    /// Marks replies with a differentiated services code point from now on.
    pub(crate) fn mark(&mut self, dscp: u8) {
        let before = std::mem::replace(&mut self.dscp, dscp);
        if dscp == 0 && before == 0 {
            return;
        }
        for open in &self.open {
            for socket in open.others.iter().chain([&open.socket]) {
                socket.mark(dscp);
            }
        }
    }

    /// The addresses in use, with the ports that the system chose where the configuration says 0.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.open.iter().map(|open| open.socket.local()).collect()
    }

    /// Names the sockets to wait for. Whether some socket rests.
    pub(crate) fn register(&mut self, poll: &mut PollSet) -> bool {
        if self.workers > 1 {
            return false;
        }
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
    fn open_all(&self, listeners: &[Listener]) -> Result<Vec<Open>, ListenError> {
        listeners.iter().map(|listener| Open::new(listener, self.roles, self.workers)).collect()
    }

    /// Sends a reply that was made elsewhere, if the socket is still there. One that cannot be sent is lost on the way.
    pub(crate) fn send(&self, id: u64, reply: &[u8], remote: SocketAddr, local: Option<IpAddr>) {
        if let Some(open) = self.open.iter().find(|open| open.id == id) {
            let _ = open.socket.send_to(reply, remote, local);
        }
    }
}

/// Numbers sockets.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

impl Open {
    fn new(wanted: &Listener, roles: Roles, count: usize) -> Result<Self, ListenError> {
        let failed = |error| ListenError { wanted: wanted.clone(), error };
        let interface = wanted.interface.as_deref();
        let mut sockets = ServerSocket::open_several(wanted.address, interface, count).map_err(failed)?;
        if roles == Roles::Process {
            sockets.iter().for_each(ServerSocket::stamp_briefly);
        }
        let others = sockets.split_off(1).into_iter().map(Arc::new).collect();
        let socket = sockets.pop().ok_or_else(|| failed(io::ErrorKind::Other.into()))?;
        let id = LAST_ID.fetch_add(1, Ordering::Relaxed);
        let (wanted, socket) = (wanted.clone(), Arc::new(socket));
        Ok(Self { id, wanted, socket, others, place: usize::MAX, resting: false })
    }

    fn answer_batch(&self, batch: &mut Batch, staff: &mut Staff<'_>) -> io::Result<()> {
        let Staff { engine, clocks, signer, questions } = staff;
        batch.receive(&self.socket)?;
        answer(
            (self.id, &self.socket),
            batch,
            *engine,
            clocks,
            |job| push(signer, job),
            |dropped, remote, local| {
                if let Some(questions) = questions {
                    questions.keep(self.id, dropped, remote, local);
                }
            },
        );
        Ok(())
    }

    fn answer_one(&self, buffer: &mut [u8], staff: &mut Staff<'_>, now: Now) -> io::Result<()> {
        let Staff { engine, clocks, signer, questions } = staff;
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
            Verdict::Drop(_) => {
                if let Some(questions) = questions {
                    questions.keep(self.id, buffer.get(..received.len), received.remote, received.local);
                }
                return Ok(());
            }
            Verdict::Sign => {
                let job = job(self.id, buffer, received.remote, received.local, now);
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
}

fn push(signer: &mut Option<&mut Signer>, job: Option<Job>) -> Result<(), SigningError> {
    match (signer, job) {
        (Some(signer), Some(job)) => signer.push(job),
        _ => Err(SigningError::Unavailable),
    }
}

#[cfg(test)]
mod tests;
