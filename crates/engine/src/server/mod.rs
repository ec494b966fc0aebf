//! The responder: requests of clients in, replies out, in place.

use std::net::{IpAddr, SocketAddr};

use truechimer_time::{Cooked, Leap, Now, Stamp};
use truechimer_wire::ReferenceId;

use crate::config::ServeConfig;
use crate::engine::Verdict;
use crate::report::ServerReport;

/// What is told to clients: published by the system process after every clock update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Served {
    /// Leap indicator.
    pub leap: Leap,
    /// Stratum; 16 while unsynchronised.
    pub stratum: u8,
    /// Precision of the system clock, log2 seconds.
    pub precision: i8,
    /// Reference identifier.
    pub reference_id: ReferenceId,
    /// When the clock was last updated.
    pub reference_time: Cooked,
    /// Root delay in seconds.
    pub root_delay_s: f64,
    /// Root dispersion in seconds at `as_of`.
    pub root_dispersion_s: f64,
    /// When `root_dispersion_s` was true.
    pub as_of: Cooked,
    /// By how much it grows each second since.
    pub dispersion_rate: f64,
}

/// Answers requests.
#[derive(Debug)]
pub struct Responder {}

impl Responder {
    /// A responder for these access rules.
    pub fn new(config: &ServeConfig) -> Self {
        let _ = config;
        todo!()
    }

    /// See [`Engine::handle_request`](crate::Engine::handle_request).
    pub fn handle(
        &mut self,
        buffer: &mut [u8],
        len: usize,
        remote: SocketAddr,
        local: Option<IpAddr>,
        received: Stamp,
        served: &Served,
        now: Now,
    ) -> Verdict {
        let _ = (buffer, len, remote, local, received, served, now);
        todo!()
    }

    /// See [`Engine::stamp_reply`](crate::Engine::stamp_reply).
    pub fn stamp(reply: &mut [u8], transmit: Cooked) {
        let _ = (reply, transmit);
        todo!()
    }

    /// The clock was stepped: for a second, requests are dropped, as the receive stamps of those already queued
    /// are on the time scale before the step and a reply would mix the two.
    pub fn handle_step(&mut self, now: Now) {
        let _ = now;
        todo!()
    }

    /// Counters.
    pub fn report(&self) -> ServerReport {
        todo!()
    }
}
