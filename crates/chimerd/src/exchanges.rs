//! The client's sockets: one for every request that is under way, on a port of its own (RFC 9109).

use std::io;

use truechimer_config::Network;
use truechimer_engine::{Datagram, Engine, Token, Transmit};
use truechimer_sys::poll::{Interest, PollSet};
use truechimer_sys::udp::{ClientSocket, Departure};
use truechimer_time::{Cooked, Now, Stamp};

use crate::clocks::Clocks;

/// Requests under way at most; one more is refused like an exhausted file table.
const MAX_OPEN: usize = 1024;

struct Exchange {
    token: Token,
    socket: ClientSocket,
    /// Reading of the clock just before the request was handed to the kernel.
    before: Cooked,
    /// Its place in the poll set of this turn.
    place: usize,
}

/// All requests under way.
pub(crate) struct Exchanges {
    open: Vec<Exchange>,
    network: Network,
}

impl Exchanges {
    /// Sends a request from a fresh socket. The clock is read last before the system call, for a stamp that will do
    /// until the kernel's own comes.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn send(&mut self, transmit: &Transmit, clocks: &mut Clocks) -> io::Result<(Stamp, Now)> {
        if self.open.len() >= MAX_OPEN {
            return Err(io::Error::from_raw_os_error(EMFILE));
        }
        let departure = Departure {
            bind: transmit.bind,
            port: self.network.client_port,
            interface: self.network.interface.as_deref(),
            dscp: self.network.dscp,
        };
        let socket = ClientSocket::open_as(transmit.remote, &departure)?;
        let now = clocks.now();
        socket.send(transmit.payload())?;
        self.open.push(Exchange { token: transmit.token, socket, before: now.cooked, place: usize::MAX });
        Ok((clocks.sent(None, now.cooked, now), now))
    }

    /// None under way; requests leave in this way.
    pub(crate) fn new(network: &Network) -> Self {
        Self { open: Vec::new(), network: network.clone() }
    }

    /// How requests leave from now on.
    pub(crate) fn configure(&mut self, network: &Network) {
        self.network = network.clone();
    }

    /// Gives a socket back.
    pub(crate) fn close(&mut self, token: Token) {
        self.open.retain(|exchange| exchange.token != token);
    }

    /// Gives all sockets back.
    pub(crate) fn close_all(&mut self) {
        self.open.clear();
    }

    /// Names the sockets to wait for.
    pub(crate) fn register(&mut self, poll: &mut PollSet) {
        for exchange in &mut self.open {
            exchange.place = poll.push(exchange.socket.fd(), Interest::Read);
        }
    }

    /// Takes in what has come: one thing from each socket, so that a flood on one source's port does not starve the
    /// others (AT-46). A transmit timestamp goes first, as the reply that it belongs to needs it.
    pub(crate) fn handle_ready(
        &mut self,
        poll: &PollSet,
        buffer: &mut [u8],
        engine: &mut Engine,
        clocks: &mut Clocks,
        now: Now,
    ) -> bool {
        let mut heard = false;
        for exchange in &mut self.open {
            let place = std::mem::replace(&mut exchange.place, usize::MAX);
            let queued = if poll.error(place) { exchange.socket.recv_tx_stamp() } else { Ok(None) };
            match queued {
                Ok(Some(kernel)) => {
                    let stamp = clocks.sent(Some(kernel), exchange.before, now);
                    engine.handle_tx_timestamp(exchange.token, stamp, now);
                }
                // Anybody can forge an ICMP error: it is told, and the answer is waited for all the same.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    engine.handle_refused(exchange.token);
                }
                _ if poll.error(place) || poll.readable(place) => {
                    exchange.receive(buffer, engine, clocks, now);
                    heard = true;
                }
                _ => {}
            }
        }
        heard
    }
}

impl Exchange {
    fn receive(&self, buffer: &mut [u8], engine: &mut Engine, clocks: &mut Clocks, now: Now) {
        let received = match self.socket.recv(buffer) {
            Ok(Some(received)) => received,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                return engine.handle_refused(self.token);
            }
            _ => return,
        };
        if received.fragmented {
            // No reply that we ask for needs fragments; a forger may (AT-14).
            return;
        }
        let bytes = buffer.get(..received.len).unwrap_or_default();
        let datagram = Datagram {
            bytes,
            remote: received.remote,
            local: received.local,
            received: clocks.received(received.kernel_stamp, now),
        };
        engine.handle_datagram(self.token, &datagram, now);
    }
}

/// Too many open files; the number is the same on every Linux.
const EMFILE: i32 = 24;
