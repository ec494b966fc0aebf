//! One key exchange as a client, from the first address to the last.

use std::io;
use std::net::{IpAddr, SocketAddr};

use truechimer_nts_ke::{ClientSession, ClientTls, ExchangeAnswer, ExchangeRequest, KeError, NetworkFault};
use truechimer_sys::poll::{Interest, PollSet};
use truechimer_sys::tcp::TcpStream;
use truechimer_time::Mono;

/// How long one address may take, seconds.
const ADDRESS_S: f64 = 10.0;
/// How long all addresses together may take, seconds: less than the engine waits.
const TOTAL_S: f64 = 30.0;

pub(super) struct Exchange {
    request: ExchangeRequest,
    tls: ClientTls,
    /// The address of `attempt`, counted from 0.
    at: usize,
    attempt: Option<Attempt>,
    /// All must be over then.
    end: Mono,
}

/// A connection to one address.
struct Attempt {
    stream: TcpStream,
    session: ClientSession,
    connected: bool,
    until: Mono,
    place: usize,
}

impl Exchange {
    /// Begins with the first address that can be begun with.
    pub(super) fn begin(request: ExchangeRequest, tls: &ClientTls, now: Mono) -> Result<Self, KeError> {
        let mut exchange = Self { request, tls: tls.clone(), at: 0, attempt: None, end: now.after(TOTAL_S) };
        exchange.try_address(now).map(|()| exchange)
    }

    pub(super) fn deadline(&self) -> Mono {
        self.attempt.as_ref().map_or(self.end, |attempt| attempt.until)
    }

    pub(super) fn register(&mut self, poll: &mut PollSet) {
        if let Some(attempt) = &mut self.attempt {
            let writes = !attempt.connected || !attempt.session.poll_output().is_empty();
            let interest = if writes { Interest::ReadWrite } else { Interest::Read };
            attempt.place = poll.push(attempt.stream.fd(), interest);
        }
    }

    /// Does what can be done. What came of it, when it is over: then it must not be called again.
    pub(super) fn step(&mut self, poll: &PollSet, buffer: &mut [u8], now: Mono) -> Option<ExchangeAnswer> {
        let result = match self.attempt.as_mut()?.step(poll, buffer, now) {
            None => return None,
            Some(Err(error)) if may_differ_elsewhere(&error) => {
                self.at += 1;
                match self.try_address(now) {
                    Ok(()) => return None,
                    // The address that got furthest has the most to say, and that is the last that was connected to.
                    Err(_) => Err(error),
                }
            }
            Some(result) => result,
        };
        let peer = self.request.addresses.get(self.at).copied().filter(|_| result.is_ok());
        Some(ExchangeAnswer { query: self.request.query, peer, result })
    }

    /// Connects to the next address that can be connected to.
    fn try_address(&mut self, now: Mono) -> Result<(), KeError> {
        let mut error = KeError::Network(NetworkFault::NotFound);
        self.attempt = None;
        while let Some(address) = self.request.addresses.get(self.at)
            && now < self.end
        {
            match self.connect(*address, now) {
                Ok(attempt) => {
                    self.attempt = Some(attempt);
                    return Ok(());
                }
                Err(KeError::Network(fault)) => error = KeError::Network(fault),
                // The name or the trust is wrong, and is so at every address.
                Err(other) => return Err(other),
            }
            self.at += 1;
        }
        Err(error)
    }

    fn connect(&self, address: IpAddr, now: Mono) -> Result<Attempt, KeError> {
        let ExchangeRequest { server, port, date, offer, bind, .. } = &self.request;
        let session = ClientSession::new(&self.tls, server, *date, offer.clone())?;
        let bind = bind.filter(|bind| bind.is_ipv4() == address.is_ipv4());
        let stream = TcpStream::connect(SocketAddr::new(address, *port), bind).map_err(network)?;
        let until = now.after(ADDRESS_S).min(self.end);
        Ok(Attempt { stream, session, connected: false, until, place: usize::MAX })
    }
}

impl Attempt {
    fn step(
        &mut self,
        poll: &PollSet,
        buffer: &mut [u8],
        now: Mono,
    ) -> Option<Result<truechimer_nts_ke::KeyExchanged, KeError>> {
        let place = std::mem::replace(&mut self.place, usize::MAX);
        if !self.connected && poll.writable(place) {
            if let Err(error) = self.stream.connected() {
                return Some(Err(network(error)));
            }
            self.connected = true;
        }
        if self.connected {
            let moved = match poll.readable(place) {
                true => self.read(buffer).and_then(|()| self.write()),
                false => self.write(),
            };
            if let Some(result) = self.session.outcome() {
                return Some(result.clone());
            }
            if let Err(error) = moved {
                return Some(Err(network(error)));
            }
        }
        (now >= self.until).then_some(Err(KeError::Network(NetworkFault::TimedOut)))
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        match self.stream.read(buffer)? {
            Some(0) => self.session.handle_eof(),
            Some(len) => self.session.handle_bytes(buffer.get(..len).unwrap_or_default()),
            None => {}
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        while !self.session.poll_output().is_empty() {
            match self.stream.write(self.session.poll_output())? {
                Some(len) => self.session.handle_written(len),
                None => break,
            }
        }
        Ok(())
    }
}

/// Whether another address of the same name may do better: what a certificate or an answer says is the server's last word,
/// but a connection may fail at one address alone, and what answers there may be something else.
fn may_differ_elsewhere(error: &KeError) -> bool {
    matches!(
        error,
        KeError::Network(_)
            | KeError::NotTls
            | KeError::TlsVersion
            | KeError::NoApplicationProtocol
            | KeError::Alert(_)
            | KeError::Tls
            | KeError::Closed
    )
}

fn network(error: io::Error) -> KeError {
    use io::ErrorKind;
    KeError::Network(match error.kind() {
        ErrorKind::ConnectionRefused => NetworkFault::Refused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            NetworkFault::Reset
        }
        ErrorKind::TimedOut => NetworkFault::TimedOut,
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable => NetworkFault::Unreachable,
        _ => NetworkFault::Unavailable,
    })
}
