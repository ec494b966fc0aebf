//! Replies to members of a Windows domain, signed by Samba's `ntp_signd` (MS-SNTP).
//!
//! `ntp_signd` answers one request after the other on a unix stream socket, so one is under way at a time and the others
//! wait in a queue. Nothing here makes the loop wait: what cannot be written or read now goes on in a later turn, and
//! everything has a deadline, after which the member asks again anyway. For an account that is disabled or no member's,
//! `ntp_signd` closes the connection: that refuses one reply, and the next one is asked for on a new connection.

mod flight;

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use truechimer_engine::server::SigningError;
use truechimer_sys::poll::{Interest, PollSet};
use truechimer_sys::unix::Stream;
use truechimer_time::Mono;
use truechimer_wire::HEADER_LEN;
use truechimer_wire::signd::SIGNED_LEN;

use crate::journal::Priority;
use flight::{Flight, Landing};

/// Replies that wait. Samba signs some thousands a second, so they are done in a few milliseconds.
const MAX_QUEUE: usize = 64;
/// A reply is of no use to its member after this, seconds.
const LIMIT_S: f64 = 1.0;
/// How long a socket that could not be connected to is left alone, seconds.
const REST_S: f64 = 1.0;
/// Signatures asked for in one turn of the loop.
const BATCH: usize = 32;

/// A reply that is to be signed, and where it goes then.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The reply but for its transmit timestamp.
    pub(crate) packet: [u8; HEADER_LEN],
    /// Whose password it is signed with, as it came.
    pub(crate) key_id: [u8; 4],
    pub(crate) remote: SocketAddr,
    /// The address that was asked.
    pub(crate) local: Option<IpAddr>,
    /// The listener that was asked.
    pub(crate) listener: u64,
    pub(crate) since: Mono,
}

/// What a signer needs of the daemon.
pub(crate) trait Desk {
    /// Puts the transmit timestamp into a reply.
    fn stamp(&mut self, packet: &mut [u8; HEADER_LEN]);
    /// Sends a signed reply, or counts why there is none.
    fn done(&mut self, job: &Job, result: Result<&[u8; SIGNED_LEN], SigningError>);
    /// Writes to the journal.
    fn say(&mut self, priority: Priority, text: &str);
}

/// Has replies signed.
#[derive(Debug)]
pub(crate) struct Signer {
    path: PathBuf,
    queue: VecDeque<Job>,
    connection: Option<Connection>,
    /// The request under way, for the first in the queue.
    flight: Option<Flight>,
    rests_until: Option<Mono>,
    /// When the clock was last stepped.
    stepped: Option<Mono>,
    /// That it cannot be reached has been said.
    complained: bool,
    last_id: u16,
    place: usize,
}

#[derive(Debug)]
struct Connection {
    stream: Stream,
    /// A request was answered on it: if it ends now, Samba may have been restarted in the meantime.
    used: bool,
}

impl Signer {
    /// Asks at `path`: the socket, or the folder that it is in.
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            queue: VecDeque::new(),
            connection: None,
            flight: None,
            rests_until: None,
            stepped: None,
            complained: false,
            last_id: 0,
            place: usize::MAX,
        }
    }

    /// Where it asks.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes a reply to be signed.
    pub(crate) fn push(&mut self, job: Job) -> Result<(), SigningError> {
        if self.rests_until.is_some_and(|until| job.since < until) {
            return Err(SigningError::Unavailable);
        }
        if self.queue.len() >= MAX_QUEUE {
            return Err(SigningError::Busy);
        }
        self.queue.push_back(job);
        Ok(())
    }

    /// The clock was stepped. What waits was received before that: its reply would have one timestamp of the old clock and
    /// one of the new.
    pub(crate) fn handle_step(&mut self, now: Mono) {
        self.stepped = Some(now);
    }

    /// Names the socket to wait for.
    pub(crate) fn register(&mut self, poll: &mut PollSet) {
        let writing = self.flight.as_ref().is_some_and(Flight::is_writing);
        let interest = if writing { Interest::ReadWrite } else { Interest::Read };
        // Without a flight, too: that the other side ends the connection should be noticed before the next request.
        self.place = match &self.connection {
            Some(connection) => poll.push(connection.stream.fd(), interest),
            None => usize::MAX,
        };
    }

    /// When the first that waits is of no use any more.
    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        self.queue.front().map(|job| job.since.after(LIMIT_S))
    }

    /// Goes on with what is there to do. Also to be called when nothing is ready but there are new jobs.
    pub(crate) fn handle_ready(&mut self, poll: &PollSet, now: Mono, desk: &mut impl Desk) {
        let place = std::mem::replace(&mut self.place, usize::MAX);
        let woken = poll.readable(place) || poll.error(place);
        if woken && self.flight.is_none() {
            // Nothing was asked, so this is the end of the connection, or nonsense.
            self.connection = None;
        }
        self.expire(now, desk);
        for _ in 0..BATCH {
            if self.flight.is_none() && !self.take_off(now, desk) {
                return;
            }
            if !self.fly(now, desk) {
                return;
            }
        }
    }

    /// Gives up what has waited too long.
    fn expire(&mut self, now: Mono, desk: &mut impl Desk) {
        let late = |job: &Job| now.seconds_since(job.since) >= LIMIT_S;
        while self.queue.front().is_some_and(late) {
            let Some(job) = self.queue.pop_front() else { return };
            if self.flight.take().is_some() {
                // Its answer may still come, and must not be taken for another's.
                self.connection = None;
            }
            desk.done(&job, Err(SigningError::TimedOut));
        }
    }

    /// Makes the request for the first in the queue; `false` if there is none, or nobody to ask.
    fn take_off(&mut self, now: Mono, desk: &mut impl Desk) -> bool {
        let stepped = self.stepped;
        let old = |job: &Job| stepped.is_some_and(|at| job.since <= at);
        while self.queue.front().is_some_and(old) {
            let Some(job) = self.queue.pop_front() else { break };
            desk.done(&job, Err(SigningError::Stepped));
        }
        let Some(job) = self.queue.front() else { return false };
        if self.connection.is_none() {
            match self.connect() {
                Ok(stream) => {
                    self.connection = Some(Connection { stream, used: false });
                    self.rests_until = None;
                    if std::mem::take(&mut self.complained) {
                        let text = format!("{} answers again", self.path.display());
                        desk.say(Priority::Notice, &text);
                    }
                }
                Err(error) => {
                    self.give_up(&error, now, desk);
                    return false;
                }
            }
        }
        let mut packet = job.packet;
        desk.stamp(&mut packet);
        self.last_id = self.last_id.wrapping_add(1);
        self.flight = Some(Flight::new(self.last_id, job.key_id, packet));
        true
    }

    /// Goes on with the request under way; `false` if it has to wait.
    fn fly(&mut self, now: Mono, desk: &mut impl Desk) -> bool {
        let (Some(flight), Some(connection)) = (self.flight.as_mut(), self.connection.as_mut()) else {
            self.flight = None;
            return false;
        };
        let landing = flight.go_on(&mut connection.stream);
        let result = match &landing {
            Landing::Not => return false,
            Landing::Signed(packet) => {
                connection.used = true;
                Ok(packet)
            }
            Landing::Refused => {
                connection.used = true;
                Err(SigningError::Refused)
            }
            Landing::Crashed => {
                let again = connection.used && !flight.has_answer();
                self.connection = None;
                self.flight = None;
                if again {
                    return true;
                }
                Err(SigningError::Refused)
            }
        };
        self.flight = None;
        if let Some(job) = self.queue.pop_front() {
            desk.done(&job, result);
        }
        self.expire(now, desk);
        true
    }

    fn connect(&self) -> io::Result<Stream> {
        // The names that chrony and ntpd take are those of the folder.
        match self.path.is_dir() {
            true => Stream::connect(&self.path.join("socket")),
            false => Stream::connect(&self.path),
        }
    }

    fn give_up(&mut self, error: &io::Error, now: Mono, desk: &mut impl Desk) {
        self.rests_until = Some(now.after(REST_S));
        if !std::mem::replace(&mut self.complained, true) {
            let path = self.path.display();
            let text = format!("cannot reach {path}: {error}; domain members get no time until it is there");
            desk.say(Priority::Warning, &text);
        }
        for job in self.queue.drain(..) {
            desk.done(&job, Err(SigningError::Unavailable));
        }
    }
}

#[cfg(test)]
mod tests;
