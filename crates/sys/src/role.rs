//! Role processes: work that needs other privileges than the daemon's, or that may be attacked, runs in a process of its
//! own.
//!
//! A role is the same program, started as `/proc/self/exe --role=NAME` with one end of a socket pair as its standard
//! input. Before it takes the first byte from anybody it gives up every privilege ([`Inside::enter`]). Daemon and role
//! speak in messages of a bounded length, and with a message the daemon may pass a descriptor that the role could not
//! open itself. A role that dies, hangs, does not listen or sends what is too long is ended, and started again after a
//! pause that doubles up to a minute.
//!
//! The service manager may start it instead, in a unit of its own with the rights that this unit leaves it: the daemon
//! connects to a socket, and the connection is the role's standard input ([`Program::at`]). The connection is the role's
//! life: one that ends is a role that died, and a new one is a new process. Each end asks the kernel who is at the other.
//!
//! What the messages mean is the users' business: [`resolver`](crate::resolver) here, key exchange in the daemon.

mod channel;
mod inside;
mod peer;
mod process;
mod sandbox;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command};

use truechimer_time::Mono;

use crate::poll::Interest;
use process::Process;

pub use inside::{Confinement, Inside, Waiting};
pub use peer::expect_daemon;
pub use sandbox::Duty;

/// Messages that wait for a role that does not take them; one more, and it counts as hanging.
const MAX_OUTGOING: usize = 128;
const FIRST_PAUSE_S: f64 = 1.0;
const LONGEST_PAUSE_S: f64 = 64.0;

/// How to start a role.
pub struct Program(Start);

enum Start {
    Child(Box<dyn FnMut() -> Command + Send>),
    Socket(PathBuf),
}

impl Program {
    /// This program, as the role of this name, with a [`Duty`] or without.
    pub fn own(role: &'static str, sandbox: bool) -> Self {
        Self::new(move || {
            let mut command = Command::new("/proc/self/exe");
            command.arg0(format!("chimerd-{role}")).arg(format!("--role={role}"));
            if !sandbox {
                command.arg("--no-sandbox");
            }
            command
        })
    }

    /// Any other: for tests.
    pub fn new(make: impl FnMut() -> Command + Send + 'static) -> Self {
        Self(Start::Child(Box::new(make)))
    }

    /// A process that somebody else starts for every connection to this socket of whole messages (`SOCK_SEQPACKET`).
    pub fn at(socket: impl Into<PathBuf>) -> Self {
        Self(Start::Socket(socket.into()))
    }
}

/// What a role has to say.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// A message.
    Message(Vec<u8>),
    /// Nothing now.
    Nothing,
    /// It has ended, or was of no more use and has been ended. Said once; whatever it was asked is not answered.
    Gone,
}

struct Outgoing {
    bytes: Vec<u8>,
    descriptor: Option<OwnedFd>,
}

/// The daemon's end of a role.
pub struct Role {
    program: Program,
    /// Longer messages from it are a fault.
    max_message: usize,
    process: Option<Process>,
    /// Not to be started again before.
    restart: Mono,
    pause_s: f64,
    outgoing: VecDeque<Outgoing>,
    /// It must say something by then.
    deadline: Option<Mono>,
    /// It cannot be spoken to any more.
    broken: bool,
    /// Given up, and not seen to end yet. No more than the pauses between starts allow, as each ends by itself.
    ended: Vec<Child>,
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Role")
            .field("running", &self.process.is_some())
            .field("waiting", &self.outgoing.len())
            .finish_non_exhaustive()
    }
}

impl Role {
    /// Starts the role; its messages have at most so many bytes.
    ///
    /// # Errors
    /// It cannot be started, or nobody who may does so at its socket.
    pub fn start(mut program: Program, max_message: usize) -> io::Result<Self> {
        let process = Some(Process::start(&mut program)?);
        Ok(Self {
            program,
            max_message,
            process,
            restart: Mono::default(),
            pause_s: FIRST_PAUSE_S,
            outgoing: VecDeque::new(),
            deadline: None,
            broken: false,
            ended: Vec::new(),
        })
    }

    /// Whether there is a process.
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// The process, if it is ours, for those who look from outside.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::id)
    }

    /// When it may be started again; `None` while it runs.
    pub fn restart_at(&self) -> Option<Mono> {
        self.process.is_none().then_some(self.restart)
    }

    /// Starts it again if it does not run and its pause is over. Whether it was.
    pub fn try_restart(&mut self, now: Mono) -> bool {
        if self.process.is_some() || now < self.restart {
            return false;
        }
        match Process::start(&mut self.program) {
            Ok(process) => self.process = Some(process),
            Err(_) => self.postpone(now),
        }
        self.process.is_some()
    }

    /// It did what it is for: if it ends now, the next start is soon.
    pub fn prove(&mut self) {
        self.pause_s = FIRST_PAUSE_S;
    }

    /// What to wait for; it changes when the role is started again. `None` if there is nothing to wait for.
    pub fn fd(&self) -> Option<(RawFd, Interest)> {
        let interest = if self.outgoing.is_empty() { Interest::Read } else { Interest::ReadWrite };
        self.process.as_ref().map(|process| (process.fd(), interest))
    }

    /// Unless it says something by then, it hangs. `None` is patient.
    pub fn expect_by(&mut self, deadline: Option<Mono>) {
        self.deadline = deadline;
    }

    /// The time from which a silent role counts as hanging.
    pub fn deadline(&self) -> Option<Mono> {
        self.deadline.filter(|_| self.process.is_some())
    }

    /// Whether it is to be [heard](Self::hear) although nothing came: it could not be spoken to, or hangs.
    pub fn is_due(&self, now: Mono) -> bool {
        self.broken || self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// Sends a message, with a descriptor that the role is to have too. What cannot be sent at once waits. That it
    /// cannot be sent at all, [`hear`](Self::hear) tells; a role that does not run hears nothing.
    pub fn send(&mut self, bytes: &[u8], descriptor: Option<BorrowedFd<'_>>) {
        if self.process.is_none() || self.broken {
            return;
        }
        // Sent again it would come twice, and a copy is needed only if it has to wait.
        if self.outgoing.is_empty()
            && let Some(process) = &self.process
        {
            match channel::send(process.socket(), bytes, descriptor) {
                Ok(true) => return,
                Ok(false) => {}
                Err(_) => {
                    self.broken = true;
                    return;
                }
            }
        }
        let descriptor = descriptor.map(|fd| fd.try_clone_to_owned()).transpose();
        match descriptor {
            Ok(descriptor) if self.outgoing.len() < MAX_OUTGOING => {
                self.outgoing.push_back(Outgoing { bytes: bytes.to_vec(), descriptor });
            }
            _ => self.broken = true,
        }
    }

    /// Passes on what waits, and takes a message if there is one. To be called when [`fd`](Self::fd) is ready and after
    /// everything that was sent, until it has nothing to say.
    pub fn hear(&mut self, now: Mono) -> Heard {
        self.ended.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        self.flush();
        let Some(process) = &self.process else { return Heard::Nothing };
        match process.receive(self.max_message) {
            Ok(Some(bytes)) => return Heard::Message(bytes),
            Ok(None) if !self.broken && self.deadline.is_none_or(|deadline| now < deadline) => {
                return Heard::Nothing;
            }
            // It hangs, or has ended.
            Ok(None) | Err(_) => {}
        }
        self.give_up(now);
        Heard::Gone
    }

    /// Ends the process.
    pub fn give_up(&mut self, now: Mono) {
        self.outgoing.clear();
        self.deadline = None;
        self.broken = false;
        if let Some(process) = self.process.take() {
            self.ended.extend(process.end());
            self.postpone(now);
        }
    }

    fn flush(&mut self) {
        let Some(process) = &self.process else { return };
        while let Some(first) = self.outgoing.front() {
            use std::os::fd::AsFd;
            match channel::send(process.socket(), &first.bytes, first.descriptor.as_ref().map(AsFd::as_fd)) {
                Ok(true) => drop(self.outgoing.pop_front()),
                Ok(false) => return,
                Err(_) => {
                    self.broken = true;
                    return;
                }
            }
        }
    }

    fn postpone(&mut self, now: Mono) {
        self.restart = now.after(self.pause_s);
        self.pause_s = (self.pause_s * 2.0).min(LONGEST_PAUSE_S);
    }

    #[cfg(test)]
    pub(crate) fn restart_at_once(&mut self) {
        self.restart = Mono::default();
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        // One that cannot be seen to end at once ends without us.
        let _ = self.process.take().and_then(Process::end);
    }
}

#[cfg(test)]
mod tests;
