//! The machine itself.

use truechimer_discipline::clock::{ClockReadback, ClockResult};
use truechimer_discipline::estimate::Oscillator;
use truechimer_time::{Cooked, Mono, Now, NtpDuration, Stamp};

use crate::config::EngineConfig;
use crate::io::{Command, Datagram, Output, QueryId, ResolveError, Token};
use crate::report::Report;

/// What is known at the start from earlier runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Initial {
    /// From the frequency file.
    pub oscillator: Option<Oscillator>,
    /// Sum of the sizes of all steps so far, for the accumulated panic limit.
    pub stepped_total: NtpDuration,
    /// Whether the adapter can steer the clock.
    pub controls_clock: bool,
    /// Precision of the system clock: the smallest step between two readings, log2 seconds.
    pub precision: i8,
}

/// What to do with a request to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send the first `usize` bytes of the buffer back; never more than came in.
    Reply(usize),
    /// Say nothing, for this reason (the name of a counter).
    Drop(&'static str),
}

/// Why a command was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// There is no source of that name; these there are.
    NoSuchSource(Vec<String>),
}

/// The machine.
#[derive(Debug)]
pub struct Engine {}

impl Engine {
    /// A new engine. `seed` must come from the operating system's random generator, except in tests and simulations.
    pub fn new(config: EngineConfig, initial: Initial, seed: [u8; 32], now: Now) -> Self {
        let _ = (config, initial, seed, now);
        todo!()
    }

    /// A datagram came in on the socket of `token`. One that fails a check changes nothing but that check's counter.
    pub fn handle_datagram(&mut self, token: Token, datagram: &Datagram<'_>, now: Now) {
        let _ = (token, datagram, now);
        todo!()
    }

    /// A request came in on a listener: its first `len` bytes are in `buffer`, and the reply is written in their place.
    /// `local` is the address it was sent to (its destination, not the interface's): without it, nobody on the
    /// loopback interface is answered, as a packet from the network can claim a loopback source.
    /// On [`Verdict::Reply`] call [`Engine::stamp_reply`] just before sending.
    pub fn handle_request(
        &mut self,
        buffer: &mut [u8],
        len: usize,
        remote: std::net::SocketAddr,
        local: Option<std::net::IpAddr>,
        received: Stamp,
        now: Now,
    ) -> Verdict {
        let _ = (buffer, len, remote, local, received, now);
        todo!()
    }

    /// Puts the transmit timestamp into a reply: the last thing before sending it.
    pub fn stamp_reply(&self, reply: &mut [u8], transmit: Cooked) {
        let _ = (reply, transmit);
        todo!()
    }

    /// The request of `token` left; `sent` is the clock read next to the system call.
    pub fn handle_sent(&mut self, token: Token, sent: Stamp, now: Now) {
        let _ = (token, sent, now);
        todo!()
    }

    /// The request of `token` could not be sent, for this operating system error.
    pub fn handle_send_error(&mut self, token: Token, errno: i32, now: Now) {
        let _ = (token, errno, now);
        todo!()
    }

    /// The kernel or the network card told when the request of `token` left. May come before or after the reply, late,
    /// twice, or never.
    pub fn handle_tx_timestamp(&mut self, token: Token, stamp: Stamp, now: Now) {
        let _ = (token, stamp, now);
        todo!()
    }

    /// A name was resolved, or not.
    pub fn handle_resolved(
        &mut self,
        query: QueryId,
        result: Result<&[std::net::IpAddr], ResolveError>,
        now: Now,
    ) {
        let _ = (query, result, now);
        todo!()
    }

    /// A reference clock gave a sample: at `stamp`, true time was `time`. `source` is the name in the configuration;
    /// a name that is not there is ignored.
    pub fn handle_reference(&mut self, source: &str, stamp: Stamp, time: Cooked, now: Now) {
        let _ = (source, stamp, time, now);
        todo!()
    }

    /// What became of the last [`Output::Clock`].
    pub fn handle_clock_result(&mut self, result: ClockResult, now: Now) {
        let _ = (result, now);
        todo!()
    }

    /// The state of the clock as the system tells it, read now and then: a rate that is not ours is interference.
    pub fn handle_clock_readback(&mut self, readback: ClockReadback, now: Now) {
        let _ = (readback, now);
        todo!()
    }

    /// An operator's command.
    pub fn handle_command(&mut self, command: Command, now: Now) -> Result<(), CommandError> {
        let _ = (command, now);
        todo!()
    }

    /// The deadline of [`Engine::poll_timeout`] has passed (calling too early does no harm).
    pub fn handle_timeout(&mut self, now: Now) {
        let _ = now;
        todo!()
    }

    /// The next thing to do, if any.
    pub fn poll_output(&mut self) -> Option<Output> {
        todo!()
    }

    /// When [`Engine::handle_timeout`] is wanted next.
    pub fn poll_timeout(&self) -> Option<Mono> {
        todo!()
    }

    /// The state for people.
    pub fn report(&self, now: Now) -> Report {
        let _ = now;
        todo!()
    }

    /// The guaranteed bound on the clock's error at `now` in seconds; `None` before the first sample. Cheap.
    pub fn bound(&self, now: Now) -> Option<f64> {
        let _ = now;
        todo!()
    }

    /// What to write into the frequency file: changes slowly.
    pub fn oscillator(&self) -> Oscillator {
        todo!()
    }

    /// Sum of the sizes of all steps, for the state file.
    pub fn stepped_total(&self) -> NtpDuration {
        todo!()
    }

    /// Leaves the kernel sane: outputs that end a slew and say "unsynchronised". The engine asks for nothing more
    /// after these have been polled.
    pub fn shutdown(&mut self, now: Now) {
        let _ = now;
        todo!()
    }
}
