//! Both ends of the resolver in a process of its own: the daemon's hold on it, and what runs inside.

use std::collections::VecDeque;
use std::io;
use std::os::fd::RawFd;

use truechimer_time::Mono;

use super::protocol::{self, MAX_MESSAGE, Question};
use super::{Answer, Family, MAX_WAITING, ResolveError, lookup};
use crate::clock::read_mono;
use crate::role::{Confinement, Duty, Heard, Inside, Program, Role, Waiting};

/// The system's resolver gives up long before.
const PATIENCE_S: f64 = 60.0;

/// The daemon's end. The role works on one question at a time.
#[derive(Debug)]
pub(super) struct RoleResolver {
    role: Role,
    /// The question that it works on.
    asked: Option<u64>,
    waiting: VecDeque<Question>,
}

impl RoleResolver {
    pub(super) fn start(program: Program) -> io::Result<Self> {
        let role = Role::start(program, MAX_MESSAGE)?;
        Ok(Self { role, asked: None, waiting: VecDeque::new() })
    }

    pub(super) fn fd(&self) -> Option<RawFd> {
        self.role.fd().map(|(fd, _)| fd)
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
        self.role.try_restart(now);
        if !self.role.is_running() || self.waiting.len() >= MAX_WAITING {
            ready.push_back((query, Err(ResolveError::Unavailable)));
            return;
        }
        self.waiting.push_back(Question { query, family, name: name.to_owned() });
        self.pass_on(now);
    }

    /// Takes what the process says, and notices when it is of no more use.
    pub(super) fn work(&mut self, ready: &mut VecDeque<(u64, Answer)>) {
        let now = read_mono().unwrap_or_default();
        match self.role.hear(now) {
            Heard::Message(bytes) => match (protocol::parse_answer(&bytes), self.asked) {
                (Some((query, answer)), Some(asked)) if query == asked => {
                    self.role.prove();
                    self.asked = None;
                    ready.push_back((query, answer));
                    self.pass_on(now);
                }
                _ => {
                    self.role.give_up(now);
                    self.fail_all(ready);
                }
            },
            Heard::Gone => self.fail_all(ready),
            Heard::Nothing => {}
        }
    }

    /// The process is gone: whoever waits for it is told.
    fn fail_all(&mut self, ready: &mut VecDeque<(u64, Answer)>) {
        let waiting = self.waiting.drain(..).map(|question| question.query);
        let all = self.asked.take().into_iter().chain(waiting);
        ready.extend(all.map(|query| (query, Err(ResolveError::Unavailable))));
    }

    /// Sends the next question if the process is idle.
    fn pass_on(&mut self, now: Mono) {
        if self.asked.is_some() || !self.role.is_running() {
            return;
        }
        let Some(question) = self.waiting.pop_front() else {
            self.role.expect_by(None);
            return;
        };
        self.asked = Some(question.query);
        self.role.expect_by(Some(now.after(PATIENCE_S)));
        self.role.send(&question.write(), None);
    }

    #[cfg(test)]
    pub(super) fn restart_at_once(&mut self) {
        self.role.restart_at_once();
    }
}

/// What `--role=resolver` runs: it answers until the daemon closes its end. A question that takes longer than the daemon
/// has patience for ends it.
///
/// # Errors
/// The privileges cannot be given up, or the other end is not our daemon.
pub fn role_main(sandbox: bool) -> io::Result<()> {
    let confinement = Confinement { duty: sandbox.then_some(Duty::Resolve), ..Confinement::default() };
    let inside = Inside::enter(&confinement, Waiting::Blocks, MAX_MESSAGE)?;
    loop {
        let bytes = match inside.receive() {
            Ok(Some((bytes, _))) => bytes,
            // A signal.
            Ok(None) => continue,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        let question = Question::parse(&bytes).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        inside.work_for(PATIENCE_S as u32);
        let answer = lookup::resolve(&question.name, question.family);
        inside.rest();
        inside.send(&protocol::write_answer(question.query, &answer))?;
    }
}
