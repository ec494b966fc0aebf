//! One request and its fate.

use std::net::SocketAddr;

use truechimer_time::{Mono, NtpTimestamp, Raw, Stamp, StampSource};
use truechimer_wire::Header;

use crate::authentication::{Credentials, Lacking};
use crate::config::SourceOptions;
use crate::io::{Output, Token, Transmit};
use crate::local_clock::LocalClock;
use crate::outbox::Turn;

/// A transmit timestamp of the kernel that is farther than this from the program's own is another packet's, or
/// of a clock that was moved (AT-45).
const STAMP_WINDOW_S: f64 = 1.0;

/// A request that waits for its reply.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) token: Token,
    pub(crate) remote: SocketAddr,
    /// The random number that the reply must repeat.
    pub(crate) transmit: NtpTimestamp,
    /// When the request was handed out.
    pub(crate) asked: Mono,
    /// `None` until the adapter says that it left.
    pub(crate) departure: Option<Departure>,
    /// The kernel's word on the departure is taken once.
    refined: bool,
}

/// When a request left. It is put on the raw scale at once, before the clock can be steered again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Departure {
    pub(crate) raw: Raw,
    pub(crate) source: StampSource,
    pub(crate) error_s: f64,
}

impl Exchange {
    /// Queues a request, unless the credentials for it are lacking. It tells nothing of this machine: all fields but
    /// version, mode and a random transmit timestamp are zero (draft-ietf-ntp-data-minimization).
    pub(crate) fn begin(
        turn: &mut Turn<'_>,
        remote: SocketAddr,
        options: &SourceOptions,
        credentials: &mut Credentials,
    ) -> Result<Self, Lacking> {
        let transmit = NtpTimestamp::from_bits(turn.rng.nonzero_u64());
        let request = Header::request(options.version, transmit);
        let mut buffer = [0; Transmit::CAPACITY];
        let len = credentials.write_request(&request, turn.keys, turn.rng, &mut buffer)?;
        let (token, bind) = (turn.names.token(), options.bind);
        turn.outbox.push(Output::Send(Box::new(Transmit { token, remote, bind, buffer, len })));
        Ok(Self { token, remote, transmit, asked: turn.now.mono, departure: None, refined: false })
    }

    /// The program's own stamp.
    pub(crate) fn handle_sent(&mut self, sent: Stamp, clock: &LocalClock) {
        if self.departure.is_none() {
            self.departure = Some(Departure::new(sent, clock));
        }
    }

    /// A better stamp, perhaps.
    pub(crate) fn handle_tx_timestamp(&mut self, stamp: Stamp, clock: &LocalClock) {
        let Some(departure) = self.departure.as_mut() else { return };
        let better = Departure::new(stamp, clock);
        let apart = (better.raw - departure.raw).seconds().abs();
        if !self.refined && stamp.source >= departure.source && apart < STAMP_WINDOW_S {
            *departure = better;
            self.refined = true;
        }
    }
}

impl Departure {
    fn new(stamp: Stamp, clock: &LocalClock) -> Self {
        Self { raw: clock.raw(stamp.at), source: stamp.source, error_s: stamp.error }
    }
}
