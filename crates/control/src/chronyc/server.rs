//! The daemon's side: one request in, one reply out, never a longer one (NA-25).

mod clients;
mod command;
pub(crate) mod monitor;
mod source;
mod typed;

use std::net::IpAddr;

use truechimer_engine::report::Report;
use truechimer_engine::server::Clients;
use truechimer_engine::{Command, CommandError, TypedOutcome, TypedTime};
use truechimer_time::{Cooked, Mono};

use self::command::Wanted;
use super::reply::{Answer, Reply, Status};
use super::request::{Body, Envelope, Fault, Request};
use crate::Access;

/// What a daemon must be able to do.
pub trait Daemon {
    /// The state at this moment.
    fn report(&mut self) -> Report;

    /// Carries a command out.
    fn carry_out(&mut self, action: Action) -> Status;

    /// Takes a time that somebody typed.
    ///
    /// # Errors
    /// As [`Engine::handle_typed_time`](truechimer_engine::Engine::handle_typed_time).
    fn set_time(&mut self, time: Cooked) -> Result<TypedOutcome, CommandError>;

    /// Those that were typed, the oldest first.
    fn typed_times(&mut self) -> Vec<TypedTime>;

    /// Whether a client of this address is given time.
    fn serves(&self, client: IpAddr) -> bool;

    /// Whether one of this address may monitor over UDP.
    fn lets_monitor(&self, client: IpAddr) -> bool;

    /// Shows the clients of the server, as they are now; or nothing, if none are recorded.
    fn with_clients(&mut self, look: &mut dyn FnMut(&mut Clients<'_>, Mono));

    /// What was counted of this protocol.
    fn counters(&self) -> Counters;
}

/// A command.
#[derive(Clone, Debug)]
pub enum Action {
    /// The engine's.
    Engine(Command),
    /// Read the configuration and all that belongs to it again.
    Reload,
    /// Read the configuration again for its sources alone.
    ReloadSources,
    /// Write the state files.
    Save,
    /// Close the log files and open them anew.
    CycleLogs,
    /// Poll the sources to which there is a route, and only those.
    OnOffline,
    /// End.
    Shutdown,
}

/// Datagrams of this protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Those that came.
    pub received: u64,
    /// Those that were not answered.
    pub dropped: u64,
}

/// What to answer; `None` for nothing.
pub fn answer(bytes: &[u8], access: Access, daemon: &mut dyn Daemon) -> Option<Vec<u8>> {
    let reply = match Request::parse(bytes) {
        Ok(request) => {
            let (command, sequence) = (request.body.code(), request.sequence);
            match serve(request.body, bytes.len(), access, daemon) {
                Ok(answer) => Reply { command, sequence, status: Status::Success, answer },
                Err(status) => Reply::status(command, sequence, status),
            }
        }
        Err(fault) => refuse(fault)?,
    };
    Some(reply.write()).filter(|reply| reply.len() <= bytes.len())
}

fn refuse(fault: Fault) -> Option<Reply> {
    let (Envelope { command, sequence, .. }, status) = match fault {
        Fault::Nothing => return None,
        Fault::Version(envelope) => (envelope, Status::BadVersion),
        // Authentication by password, which chrony gave up long ago: it always fails.
        Fault::Command(envelope @ Envelope { command: 10, .. }) => (envelope, Status::Failed),
        Fault::Command(envelope) | Fault::Value(envelope) => (envelope, Status::Invalid),
        Fault::Length(envelope) => (envelope, Status::BadLength),
    };
    Some(Reply::status(command, sequence, status))
}

/// Whether everybody may ask who may ask at all, as with chronyd.
fn is_open(body: &Body) -> bool {
    matches!(
        body,
        Body::Null(())
            | Body::SourceCount(())
            | Body::SourceData(_)
            | Body::Tracking(())
            | Body::SourceStats(_)
            | Body::RtcReport(())
            | Body::ManualList(())
            | Body::Activity(())
            | Body::Smoothing(())
            | Body::SourceName(_)
    )
}

fn serve(body: Body, room: usize, access: Access, daemon: &mut dyn Daemon) -> Result<Answer, Status> {
    if access < Access::Control && !is_open(&body) {
        return Err(Status::Unauthorised);
    }
    match command::wanted(body, daemon)? {
        Wanted::Look(body) => monitor::look(&body, room, daemon),
        Wanted::Typed(time) => typed::set(time, daemon),
        Wanted::Act(actions) => {
            for action in actions {
                match daemon.carry_out(action) {
                    Status::Success => {}
                    failure => return Err(failure),
                }
            }
            Ok(Answer::Null(()))
        }
    }
}

/// How a command of the engine went, in the protocol's words.
pub fn status(result: Result<(), CommandError>) -> Status {
    match result {
        Ok(()) => Status::Success,
        Err(CommandError::NoSuchSource(_)) => Status::NoSuchSource,
        Err(CommandError::NoSuchSample) => Status::BadSample,
        Err(CommandError::AlreadyKnown) => Status::SourceAlreadyKnown,
        Err(CommandError::TooMany) => Status::TooManySources,
        Err(CommandError::NotEnabled(_)) => Status::NotEnabled,
        Err(CommandError::NotPossible(_)) => Status::Failed,
    }
}

#[cfg(test)]
mod tests;
