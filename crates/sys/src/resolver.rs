//! Names to addresses, away from the clock.
//!
//! `getaddrinfo` blocks, and it runs code that the system's configuration chooses. So it runs in a process of its own
//! (see [`role`](crate::role)), which answers one question at a time, and is started again with the next question when it
//! had to be ended.
//!
//! Alternatively it runs inside the loop ([`Resolver::inline`]), for tests in simulated networks.

mod lookup;
mod protocol;
mod role;

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::os::fd::RawFd;

use role::RoleResolver;

use crate::role::Program;

pub use role::role_main;

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Why a name has no addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolveError {
    /// The name does not exist or has no address of the family.
    NotFound,
    /// The resolver could not say; it may later.
    Temporary,
    /// The resolver process died or cannot be started, or too many questions are waiting for it.
    Unavailable,
}

/// The answer to one question. An `Ok` has at least one address and at most 32, each once.
pub type Answer = Result<Vec<IpAddr>, ResolveError>;

/// Most questions that wait at a time.
const MAX_WAITING: usize = 64;

/// Asks for addresses. Every question gets one answer, in any order.
#[derive(Debug)]
pub struct Resolver {
    /// `None`: inside the loop.
    role: Option<RoleResolver>,
    /// Answers that are known, to be taken.
    ready: VecDeque<(u64, Answer)>,
}

impl Resolver {
    /// Starts the role process.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_role(program: Program) -> io::Result<Self> {
        Ok(Self::with_role(RoleResolver::start(program)?))
    }

    fn with_role(role: RoleResolver) -> Self {
        Self { role: Some(role), ready: VecDeque::new() }
    }

    /// Resolves inside the loop: a question blocks until it is answered.
    pub fn inline() -> Self {
        Self { role: None, ready: VecDeque::new() }
    }

    /// Asks for the addresses of a name. `query` comes back with the answer.
    pub fn ask(&mut self, query: u64, name: &str, family: Option<Family>) {
        if let Ok(address) = name.parse::<IpAddr>() {
            self.ready.push_back((query, lookup::literal(address, family)));
            return;
        }
        match &mut self.role {
            None => self.ready.push_back((query, lookup::resolve(name, family))),
            Some(role) => role.ask(query, name, family, &mut self.ready),
        }
    }

    /// What to wait for reading on. It changes when the role process is started again; `None` if there is nothing
    /// to wait for.
    pub fn fd(&self) -> Option<RawFd> {
        self.role.as_ref().and_then(RoleResolver::fd)
    }

    /// Takes an answer, if there is one. To be called after every question as well as when [`fd`](Self::fd) can be
    /// read, until it gives `None`.
    pub fn poll_answer(&mut self) -> Option<(u64, Answer)> {
        if self.ready.is_empty()
            && let Some(role) = &mut self.role
        {
            role.work(&mut self.ready);
        }
        self.ready.pop_front()
    }
}

#[cfg(test)]
mod tests;
