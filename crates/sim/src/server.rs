//! A server that knows the true time and answers with real packets: truthfully, unless it is told to lie.
//!
//! What it says of itself (root delay, root dispersion) covers the noise of its stamps, so an honest server never
//! makes a client's bound wrong. A server that is a whole engine with its responder is a [host](crate::scenario::HostConfig).

use truechimer_time::{Cooked, Leap, NtpDuration, NtpShort, NtpTimestamp};
use truechimer_wire::{Header, Mode, ReferenceId};

use crate::link::Window;
use crate::nts::{KeyServer, NtsServer};
use crate::random::Random;

/// What a server is like.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerConfig {
    /// How wrong its clock is, seconds: zero is honest, positive is ahead.
    pub offset_s: f64,
    /// The lie grows at this rate, seconds a second, from a moment on (seconds from the start).
    pub creep: Option<Creep>,
    /// Stratum it tells.
    pub stratum: u8,
    /// Leap indicator it tells.
    pub leap: Leap,
    /// Root delay it tells, seconds.
    pub root_delay_s: f64,
    /// Root dispersion it tells, seconds.
    pub root_dispersion_s: f64,
    /// Standard deviation of the noise on each of its stamps, seconds.
    pub stamp_noise_s: f64,
    /// Time between receiving and answering, seconds.
    pub turnaround_s: f64,
    /// Times in which it behaves otherwise.
    pub moods: Vec<(Window, Mood)>,
    /// Its NTS, if it has that.
    pub nts: Option<NtsServer>,
}

/// A lie that grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Creep {
    /// While it lasts, the lie grows; after that it stays.
    pub window: Window,
    /// Seconds a second.
    pub rate: f64,
}

/// How a server may behave for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Does not answer.
    Silent,
    /// Answers every request with this kiss code (RFC 5905 §7.4).
    Kiss([u8; 4]),
    /// Says that it is not synchronised: leap 3, stratum 16 (0 on the wire).
    Unsynchronised,
}

impl Default for ServerConfig {
    /// Honest, with a reference clock, with exact stamps and in no time.
    fn default() -> Self {
        Self {
            offset_s: 0.0,
            creep: None,
            stratum: 1,
            leap: Leap::None,
            root_delay_s: 0.0,
            root_dispersion_s: 1.0 / 65_536.0,
            stamp_noise_s: 0.0,
            turnaround_s: 0.0,
            moods: Vec::new(),
            nts: None,
        }
    }
}

/// log2 of the resolution of a packet's stamps: what an ideal clock has.
const PRECISION: i8 = -31;

/// A server at work.
#[derive(Clone, Debug)]
pub struct Server {
    config: ServerConfig,
    random: Random,
    pub(crate) keys: Option<KeyServer>,
}

/// A reply on its way out.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The packet.
    pub bytes: Vec<u8>,
    /// How long after the request's arrival it leaves, seconds.
    pub after_s: f64,
}

impl Server {
    /// With its own streams of chance, in a world that begins at `start`.
    pub fn new(config: ServerConfig, start: Cooked, random: Random, secrets: Random) -> Self {
        let keys = config.nts.clone().map(|nts| KeyServer::new(nts, start, secrets));
        Self { config, random, keys }
    }

    /// How wrong its clock is at a moment of the run, seconds.
    pub fn error(&self, elapsed_s: f64) -> f64 {
        let crept = self.config.creep.map_or(0.0, |creep| {
            creep.rate * (elapsed_s.min(creep.window.until_s) - creep.window.from_s).max(0.0)
        });
        self.config.offset_s + crept
    }

    /// Answers a request that arrives at `truth`, `elapsed_s` from the start; `None` for what no server answers.
    pub fn answer(&mut self, bytes: &[u8], truth: Cooked, elapsed_s: f64) -> Option<Answer> {
        let request = Header::parse(bytes)?;
        if request.mode != Mode::Client || request.version == 0 {
            return None;
        }
        let mood = self.config.moods.iter().find(|(window, _)| window.contains(elapsed_s));
        let mood = mood.map(|&(_, mood)| mood);
        if mood == Some(Mood::Silent) {
            return None;
        }
        let (leap, stratum, reference_id) = match mood {
            Some(Mood::Kiss(code)) => (Leap::Unsynchronised, 0, ReferenceId(code)),
            Some(Mood::Unsynchronised) => (Leap::Unsynchronised, 0, ReferenceId(*b"INIT")),
            _ => (self.config.leap, self.config.stratum, ReferenceId(*b"GPS\0")),
        };
        let after_s = self.config.turnaround_s;
        let reply = Header {
            leap,
            version: request.version.min(4),
            mode: Mode::Server,
            stratum,
            poll: request.poll,
            precision: PRECISION,
            root_delay: NtpShort::from_seconds_up(self.config.root_delay_s),
            root_dispersion: NtpShort::from_seconds_up(self.config.root_dispersion_s),
            reference_id,
            reference_timestamp: self.stamp(truth, elapsed_s, -1.0),
            origin_timestamp: request.transmit_timestamp,
            receive_timestamp: self.stamp(truth, elapsed_s, 0.0),
            transmit_timestamp: self.stamp(truth, elapsed_s, after_s),
        };
        let bytes = match &mut self.keys {
            Some(keys) => keys.seal(bytes, &reply, elapsed_s)?,
            None => reply.write().to_vec(),
        };
        Some(Answer { bytes, after_s })
    }

    /// What its clock shows `after_s` from now, as it stamps it.
    fn stamp(&mut self, truth: Cooked, elapsed_s: f64, after_s: f64) -> NtpTimestamp {
        let noise = if self.config.stamp_noise_s == 0.0 {
            0.0
        } else {
            self.config.stamp_noise_s * self.random.normal()
        };
        (truth + NtpDuration::from_seconds(self.error(elapsed_s) + after_s + noise)).timestamp()
    }
}

#[cfg(test)]
mod tests;
