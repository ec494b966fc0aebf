//! The control server: two unix sockets, their clients, and nothing that a client does can hold the loop up (AT-38).
//!
//! A client is served one request a turn, its answers wait in a bounded buffer until it reads them, and one that does
//! neither read nor write for a minute is sent away.

use std::io;
use std::path::{Path, PathBuf};

use truechimer_control::server::{IDLE_LIMIT_S, MAX_SESSIONS, READ_MAX, Session};
use truechimer_control::{Access, CONTROL_SOCKET, OBSERVE_SOCKET, Request, Response};
use truechimer_sys::poll::{Interest, PollSet};
use truechimer_sys::unix::{Listener, Stream};
use truechimer_sys::{files, privileges};
use truechimer_time::Mono;

/// Connections taken on one socket in one turn.
const ACCEPT_BATCH: usize = 8;

struct Door {
    access: Access,
    listener: Listener,
    place: usize,
    /// `accept` failed for want of descriptors: not waited for in the next turn (AT-25).
    resting: bool,
}

struct Client {
    access: Access,
    stream: Stream,
    session: Session,
    last_active: Mono,
    place: usize,
    /// There may be another request in its input.
    hungry: bool,
    broken: bool,
}

/// Both sockets and everybody connected to them.
pub(crate) struct ControlServer {
    doors: [Door; 2],
    clients: Vec<Client>,
}

/// A socket that could not be opened.
#[derive(Debug)]
pub(crate) struct SocketError {
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
}

impl ControlServer {
    /// Opens `observe.sock` for everybody and `control.sock` for owner and group, making the folder if it is missing. What
    /// is made belongs to `user`, whom the daemon is going to become: he removes the sockets at the end.
    pub(crate) fn open(run_dir: &Path, user: Option<&str>) -> Result<Self, SocketError> {
        let failed = |path: &Path, error| SocketError { path: path.to_owned(), error };
        let give = |path: &Path| match user {
            Some(user) => privileges::give_to(user, path).map_err(|error| failed(path, error)),
            None => Ok(()),
        };
        if files::ensure_directory(run_dir, 0o755).map_err(|error| failed(run_dir, error))? {
            give(run_dir)?;
        }
        let door = |name: &str, mode, access| {
            let path = run_dir.join(name);
            let listener = Listener::bind(&path, mode).map_err(|error| failed(&path, error))?;
            give(&path)?;
            Ok(Door { access, listener, place: usize::MAX, resting: false })
        };
        let observe = door(OBSERVE_SOCKET, 0o666, Access::Observe)?;
        let control = door(CONTROL_SOCKET, 0o660, Access::Control)?;
        Ok(Self { doors: [observe, control], clients: Vec::new() })
    }

    /// Names the sockets to wait for. Whether some socket rests.
    pub(crate) fn register(&mut self, poll: &mut PollSet) -> bool {
        let mut any_rests = false;
        for door in &mut self.doors {
            let rests = std::mem::take(&mut door.resting);
            any_rests |= rests;
            door.place = if rests { usize::MAX } else { poll.push(door.listener.fd(), Interest::Read) };
        }
        for client in &mut self.clients {
            let interest = match (client.session.wants_input(), !client.session.poll_output().is_empty()) {
                (true, true) => Interest::ReadWrite,
                (_, true) => Interest::Write,
                _ => Interest::Read,
            };
            client.place = poll.push(client.stream.fd(), interest);
        }
        any_rests
    }

    /// Whether a client has another request that is already here.
    pub(crate) fn is_hungry(&self) -> bool {
        self.clients.iter().any(|client| client.hungry)
    }

    /// Serves everybody a little. `answer` carries out one permitted request.
    pub(crate) fn handle_ready(
        &mut self,
        poll: &PollSet,
        now: Mono,
        answer: &mut dyn FnMut(Request) -> Response,
    ) {
        for client in &mut self.clients {
            client.serve(poll, now, answer);
        }
        self.clients.retain(|client| {
            !client.broken
                && !client.session.is_closed()
                && now.seconds_since(client.last_active) < IDLE_LIMIT_S
        });
        for door in &mut self.doors {
            let place = std::mem::replace(&mut door.place, usize::MAX);
            if poll.readable(place) {
                door.resting = accept_batch(door, &mut self.clients, now).is_err();
            }
        }
    }
}

fn accept_batch(door: &mut Door, clients: &mut Vec<Client>, now: Mono) -> io::Result<()> {
    for _ in 0..ACCEPT_BATCH {
        let Some(stream) = door.listener.accept()? else { return Ok(()) };
        let held = clients.iter().filter(|client| client.access == door.access).count();
        if held >= MAX_SESSIONS {
            let quietest = clients
                .iter()
                .enumerate()
                .filter(|(_, client)| client.access == door.access)
                .min_by_key(|(_, client)| client.last_active)
                .map(|(index, _)| index);
            quietest.map(|index| clients.swap_remove(index));
        }
        clients.push(Client {
            access: door.access,
            stream,
            session: Session::new(door.access),
            last_active: now,
            place: usize::MAX,
            hungry: false,
            broken: false,
        });
    }
    Ok(())
}

impl Client {
    fn serve(&mut self, poll: &PollSet, now: Mono, answer: &mut dyn FnMut(Request) -> Response) {
        let place = std::mem::replace(&mut self.place, usize::MAX);
        if poll.writable(place) && !self.session.poll_output().is_empty() {
            self.write(now);
        }
        if poll.readable(place) && self.session.wants_input() {
            self.read(now);
        }
        self.hungry = false;
        // Whoever does not read its answers gets no more of them.
        if self.broken || !self.session.poll_output().is_empty() {
            return;
        }
        if let Some(request) = self.session.poll_request() {
            self.session.reply(&answer(request));
            self.hungry = true;
        }
        if !self.session.poll_output().is_empty() {
            self.write(now);
        }
    }

    fn read(&mut self, now: Mono) {
        let mut buffer = [0; READ_MAX];
        match self.stream.read(&mut buffer) {
            Ok(Some(0)) => self.session.handle_eof(),
            Ok(Some(len)) => {
                self.last_active = now;
                self.session.handle_bytes(buffer.get(..len).unwrap_or_default());
            }
            Ok(None) => {}
            Err(_) => self.broken = true,
        }
    }

    fn write(&mut self, now: Mono) {
        match self.stream.write(self.session.poll_output()) {
            Ok(Some(len)) => {
                self.last_active = now;
                self.session.handle_written(len);
            }
            Ok(None) => {}
            Err(_) => self.broken = true,
        }
    }
}
