//! Both ends of the role process: the daemon's hold on it, and what runs inside.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use libc::c_int;
use truechimer_time::Mono;

use super::protocol::{self, MAX_MESSAGE, Question};
use super::{Answer, Family, MAX_WAITING, ResolveError, lookup};
use crate::clock::read_mono;
use crate::ffi::{self, check, check_len, is_not_ready};
use crate::privileges;

/// The system's resolver gives up long before.
const PATIENCE_S: f64 = 60.0;
const FIRST_PAUSE_S: f64 = 1.0;
const LONGEST_PAUSE_S: f64 = 64.0;

/// Makes the command that starts the role.
pub(super) type Program = Box<dyn FnMut() -> Command + Send>;

/// The daemon's end.
pub(super) struct Role {
    program: Program,
    process: Option<Process>,
    /// Not to be started again before.
    restart: Mono,
    pause_s: f64,
    waiting: VecDeque<Question>,
    /// Given up, and not seen to end yet. No more than the pauses between starts allow, as each ends by itself.
    ended: Vec<Child>,
}

impl std::fmt::Debug for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Role")
            .field("running", &self.process.is_some())
            .field("waiting", &self.waiting.len())
            .finish()
    }
}

/// This program, as the resolver.
pub(super) fn own_program() -> Program {
    Box::new(|| {
        let mut command = Command::new("/proc/self/exe");
        command.arg0("chimerd-resolver").arg("--role=resolver");
        command
    })
}

impl Role {
    pub(super) fn start(mut program: Program) -> io::Result<Self> {
        let process = Some(Process::start(&mut program)?);
        let restart = Mono::default();
        let (waiting, ended) = (VecDeque::new(), Vec::new());
        Ok(Self { program, process, restart, pause_s: FIRST_PAUSE_S, waiting, ended })
    }

    pub(super) fn fd(&self) -> Option<RawFd> {
        self.process.as_ref().map(|process| process.socket.as_raw_fd())
    }

    pub(super) fn ask(
        &mut self,
        query: u64,
        name: &str,
        family: Option<Family>,
        ready: &mut VecDeque<(u64, Answer)>,
    ) {
        let now = read_mono().unwrap_or_default();
        if name.is_empty() || name.len() > lookup::MAX_NAME {
            ready.push_back((query, Err(ResolveError::NotFound)));
            return;
        }
        if self.process.is_none() && now >= self.restart {
            match Process::start(&mut self.program) {
                Ok(process) => self.process = Some(process),
                Err(_) => self.postpone(now),
            }
        }
        if self.process.is_none() || self.waiting.len() >= MAX_WAITING {
            ready.push_back((query, Err(ResolveError::Unavailable)));
            return;
        }
        self.waiting.push_back(Question { query, family, name: name.to_owned() });
        self.pass_on(now, ready);
    }

    /// Takes what the process says, and notices when it is of no more use.
    pub(super) fn work(&mut self, ready: &mut VecDeque<(u64, Answer)>) {
        let now = read_mono().unwrap_or_default();
        self.ended.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        let Some(process) = &mut self.process else { return };
        match process.receive() {
            Ok(Some(bytes)) => match (protocol::parse_answer(&bytes), process.asked.take()) {
                (Some((query, answer)), Some((asked, _))) if query == asked => {
                    self.pause_s = FIRST_PAUSE_S;
                    ready.push_back((query, answer));
                }
                (_, asked) => {
                    process.asked = asked;
                    self.give_up(now, ready);
                }
            },
            Ok(None) => {
                let hangs = process.asked.is_some_and(|(_, since)| now.seconds_since(since) > PATIENCE_S);
                if hangs {
                    self.give_up(now, ready);
                }
            }
            Err(_) => self.give_up(now, ready),
        }
        self.pass_on(now, ready);
    }

    /// Sends the next question if the process is idle.
    fn pass_on(&mut self, now: Mono, ready: &mut VecDeque<(u64, Answer)>) {
        let Some(process) = &mut self.process else { return };
        if process.asked.is_some() {
            return;
        }
        let Some(question) = self.waiting.pop_front() else { return };
        process.asked = Some((question.query, now));
        if send(&process.socket, &question.write()).is_err() {
            self.give_up(now, ready);
        }
    }

    /// Ends the process; whoever waits for it is told.
    fn give_up(&mut self, now: Mono, ready: &mut VecDeque<(u64, Answer)>) {
        let process = self.process.take();
        let asked = process.as_ref().and_then(|process| process.asked).map(|(query, _)| query);
        self.ended.extend(process.and_then(Process::end));
        let waiting = self.waiting.drain(..).map(|question| question.query);
        ready.extend(asked.into_iter().chain(waiting).map(|query| (query, Err(ResolveError::Unavailable))));
        self.postpone(now);
    }

    fn postpone(&mut self, now: Mono) {
        self.restart = now.after(self.pause_s);
        self.pause_s = (self.pause_s * 2.0).min(LONGEST_PAUSE_S);
    }

    #[cfg(test)]
    pub(super) fn restart_at_once(&mut self) {
        self.restart = Mono::default();
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        // One that cannot be seen to end at once ends without us.
        let _ = self.process.take().and_then(Process::end);
    }
}

/// A running role process.
struct Process {
    child: Child,
    socket: OwnedFd,
    /// The question that it works on, and since when.
    asked: Option<(u64, Mono)>,
}

impl Process {
    fn start(program: &mut Program) -> io::Result<Self> {
        let (socket, theirs) = socket_pair()?;
        let child = program().stdin(Stdio::from(theirs)).stdout(Stdio::null()).spawn()?;
        let process = Self { child, socket, asked: None };
        ffi::keep_to_ourselves(&process.socket)?;
        Ok(process)
    }

    fn receive(&self) -> io::Result<Option<Vec<u8>>> {
        match receive(self.socket.as_raw_fd()) {
            Ok(bytes) if bytes.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if is_not_ready(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Ends it, and gives it back if that is not done yet. It is killed where that is permitted. A daemon that has become
    /// another user than the role's may not; then the role ends when it sees that its socket is closed, or, if it
    /// hangs, when its time for an answer is over.
    fn end(mut self) -> Option<Child> {
        drop(self.socket);
        let done = match self.child.kill() {
            Ok(()) => self.child.wait().is_ok(),
            Err(_) => !matches!(self.child.try_wait(), Ok(None)),
        };
        (!done).then_some(self.child)
    }
}

/// What `--role=resolver` runs, with the socket as its standard input: privileges go first, then it answers until
/// the daemon closes its end. A question that takes longer than the daemon has patience for ends it.
///
/// # Errors
/// The privileges cannot be given up, or the other end is not our daemon.
pub fn role_main() -> io::Result<()> {
    privileges::enter_role()?;
    // SAFETY: standard input is open for as long as the process runs.
    let socket = unsafe { BorrowedFd::borrow_raw(libc::STDIN_FILENO) };
    loop {
        let bytes = match receive(socket.as_raw_fd()) {
            Ok(bytes) if bytes.is_empty() => return Ok(()),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let question = Question::parse(&bytes).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        // Nobody has caught SIGALRM since the program was started, so it ends the process.
        // SAFETY: no pointers are passed.
        unsafe { libc::alarm(PATIENCE_S as u32) };
        let answer = lookup::resolve(&question.name, question.family);
        // SAFETY: as above.
        unsafe { libc::alarm(0) };
        send(&socket, &protocol::write_answer(question.query, &answer))?;
    }
}

/// Two connected ends that keep messages apart.
fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends: [c_int; 2] = [-1; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: the pointer is to room for two descriptors.
    check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) })?;
    Ok((ffi::own(ends[0]), ffi::own(ends[1])))
}

/// One message; an empty one is the end. A message that is too long is an error.
fn receive(socket: RawFd) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; MAX_MESSAGE];
    // SAFETY: the pointer and the length describe the buffer. With this flag the result is the message's length
    // even if that is more.
    let length =
        check_len(unsafe { libc::recv(socket, buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_TRUNC) })?;
    if length > buffer.len() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    buffer.truncate(length);
    Ok(buffer)
}

fn send(socket: &impl AsRawFd, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `bytes`.
    let sent =
        unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
    if check_len(sent)? == bytes.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}
