//! Attackers: who sends what, and when. None of their packets may be accepted by anybody.
//!
//! They are stronger than real ones: they always know the client's port and the server's address, so that nothing
//! but the checks of the engine stands in their way.

use std::net::SocketAddr;

use truechimer_engine::Token;
use truechimer_time::{Cooked, Leap, NtpDuration, NtpShort, NtpTimestamp};
use truechimer_wire::{Header, Mode, ReferenceId};

use crate::link::Window;
use crate::random::Random;

/// Somebody who sends forged packets to a host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attack {
    /// What is sent.
    pub kind: AttackKind,
    /// When the attacker is at work.
    pub window: Window,
    /// What sets him off.
    pub trigger: Trigger,
    /// The host under attack.
    pub victim: usize,
}

/// What sets an attacker off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trigger {
    /// The clock: one packet each interval (seconds).
    Every(f64),
    /// The victim's requests: so many packets, spread evenly over so many seconds after each.
    EachRequest {
        /// How many packets.
        count: u32,
        /// Over which time, seconds.
        over_s: f64,
    },
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttackKind {
    /// A plausible reply, an hour wrong, with a random origin timestamp.
    BlindSpoof,
    /// The same with an origin timestamp of zero.
    ZeroOrigin,
    /// A kiss code with a random origin timestamp.
    Kiss([u8; 4]),
    /// A reply of the server to an earlier request, to the socket of the newest one.
    Replay,
    /// The newest reply of the server once more, to its own socket.
    Duplicate,
    /// The victim's own request.
    Reflect,
    /// Random bytes, 0 to 127 of them.
    Garbage,
    /// An NTS NAK by somebody who sees nothing: origin and unique identifier are random.
    BlindNak,
    /// An NTS NAK by somebody who sees the requests: all that can be forged of one.
    SeenNak,
}

/// A packet forged for a socket of the victim.
#[derive(Clone, Debug)]
pub(crate) struct Forgery {
    pub(crate) token: Token,
    pub(crate) remote: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

/// What an attacker sees of a host's traffic.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tap {
    request: Option<Seen>,
    replies: std::collections::VecDeque<Seen>,
}

#[derive(Clone, Debug)]
struct Seen {
    token: Token,
    remote: SocketAddr,
    bytes: Vec<u8>,
}

/// How many replies an attacker keeps for later.
const KEPT: usize = 64;

impl Tap {
    pub(crate) fn request(&mut self, token: Token, remote: SocketAddr, bytes: &[u8]) {
        self.request = Some(Seen { token, remote, bytes: bytes.to_vec() });
    }

    pub(crate) fn reply(&mut self, token: Token, remote: SocketAddr, bytes: &[u8]) {
        if self.replies.len() == KEPT {
            self.replies.pop_front();
        }
        self.replies.push_back(Seen { token, remote, bytes: bytes.to_vec() });
    }

    /// A packet of this kind, if the attacker has seen enough for it.
    pub(crate) fn forge(&self, kind: AttackKind, truth: Cooked, random: &mut Random) -> Option<Forgery> {
        let target = self.request.as_ref()?;
        let origin = NtpTimestamp::from_bits(random.bits());
        let bytes = match kind {
            AttackKind::BlindSpoof => reply(truth, origin, 1, *b"GPS\0").to_vec(),
            AttackKind::ZeroOrigin => reply(truth, NtpTimestamp::ZERO, 1, *b"GPS\0").to_vec(),
            AttackKind::Kiss(code) => reply(truth, origin, 0, code).to_vec(),
            AttackKind::BlindNak => {
                let mut identifier = [0; 32];
                random.fill(&mut identifier);
                [&reply(truth, origin, 0, *b"NTSN")[..], &[1, 4, 0, 36], &identifier].concat()
            }
            AttackKind::SeenNak => {
                let origin = Header::parse(&target.bytes)?.transmit_timestamp;
                let identifier = target.bytes.get(48..48 + 36)?;
                [&reply(truth, origin, 0, *b"NTSN")[..], identifier].concat()
            }
            AttackKind::Reflect => target.bytes.clone(),
            AttackKind::Garbage => {
                let mut bytes = vec![0; random.below(128)];
                random.fill(&mut bytes);
                bytes
            }
            AttackKind::Replay => {
                let earlier = self.replies.iter().filter(|seen| seen.token != target.token).count();
                let pick = random.below(earlier);
                self.replies.iter().filter(|seen| seen.token != target.token).nth(pick)?.bytes.clone()
            }
            AttackKind::Duplicate => {
                let newest = self.replies.back()?;
                let Seen { token, remote, bytes } = newest.clone();
                return Some(Forgery { token, remote, bytes });
            }
        };
        Some(Forgery { token: target.token, remote: target.remote, bytes })
    }
}

/// A reply that would move the clock by an hour.
fn reply(truth: Cooked, origin: NtpTimestamp, stratum: u8, reference: [u8; 4]) -> [u8; 48] {
    let wrong = (truth + NtpDuration::from_seconds(3600.0)).timestamp();
    Header {
        leap: if stratum == 0 { Leap::Unsynchronised } else { Leap::None },
        version: 4,
        mode: Mode::Server,
        stratum,
        poll: 6,
        precision: -24,
        root_delay: NtpShort::default(),
        root_dispersion: NtpShort::default(),
        reference_id: ReferenceId(reference),
        reference_timestamp: wrong,
        origin_timestamp: origin,
        receive_timestamp: wrong,
        transmit_timestamp: wrong,
    }
    .write()
}

#[cfg(test)]
mod tests;
