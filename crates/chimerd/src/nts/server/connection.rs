//! One client of the key exchange, from accept to close.

use truechimer_nts_ke::{ServerFault, ServerSession, ServerTls};
use truechimer_sys::poll::{Interest, PollSet};
use truechimer_sys::tcp::TcpStream;
use truechimer_time::Mono;

use super::callers::Network;

/// How long a client that has its answer may take to close, seconds: to close first might lose what is on the way.
const LINGER_S: f64 = 1.0;

pub(super) struct Connection {
    pub(super) network: Network,
    pub(super) opened: Mono,
    /// Closed then, whatever its state.
    pub(super) until: Mono,
    pub(super) over: bool,
    stream: TcpStream,
    session: ServerSession,
    /// The answer is on its way, and our side closed.
    lingering: bool,
    counted: bool,
    place: usize,
}

/// What came of a connection, to be counted once.
pub(super) type Outcome = Result<(), ServerFault>;

impl Connection {
    pub(super) fn new(
        stream: TcpStream,
        network: Network,
        tls: &ServerTls,
        now: Mono,
        timeout_s: f64,
    ) -> Result<Self, ServerFault> {
        Ok(Self {
            network,
            opened: now,
            until: now.after(timeout_s),
            over: false,
            stream,
            session: ServerSession::new(tls)?,
            lingering: false,
            counted: false,
            place: usize::MAX,
        })
    }

    /// What is to be sent goes first: who does not take it need not send more.
    pub(super) fn register(&mut self, poll: &mut PollSet) {
        let interest = if self.session.poll_output().is_empty() { Interest::Read } else { Interest::Write };
        self.place = poll.push(self.stream.fd(), interest);
    }

    /// Whether there is something to do, asked once a turn.
    pub(super) fn take_ready(&mut self, poll: &PollSet) -> bool {
        let place = std::mem::replace(&mut self.place, usize::MAX);
        poll.readable(place) || poll.writable(place)
    }

    /// Reads once, answers, writes what there is room for. What came of it, when that is known.
    pub(super) fn step(
        &mut self,
        buffer: &mut [u8],
        now: Mono,
        answer: impl FnOnce(&mut ServerSession),
    ) -> Option<Outcome> {
        if self.session.poll_output().is_empty() {
            self.read(buffer);
        }
        if self.session.wants_answer() {
            answer(&mut self.session);
            self.over = self.session.wants_answer();
        }
        self.write();
        if self.session.is_finished() && !self.lingering && !self.over {
            self.lingering = true;
            self.until = self.until.min(now.after(LINGER_S));
            self.over = self.stream.finish().is_err();
        }
        let outcome = self.session.outcome()?;
        (!std::mem::replace(&mut self.counted, true)).then_some(outcome.map(drop))
    }

    /// Whether its time ran out before anything came of it.
    pub(super) fn is_unfinished(&self) -> bool {
        !self.counted
    }

    fn read(&mut self, buffer: &mut [u8]) {
        match self.stream.read(buffer) {
            Ok(Some(0)) if self.lingering => self.over = true,
            Ok(Some(0)) => self.session.handle_eof(),
            // What comes after the answer is thrown away.
            Ok(Some(_)) if self.lingering => {}
            Ok(Some(len)) => self.session.handle_bytes(buffer.get(..len).unwrap_or_default()),
            Ok(None) => {}
            Err(_) => {
                self.session.handle_eof();
                self.over = true;
            }
        }
    }

    fn write(&mut self) {
        while !self.session.poll_output().is_empty() {
            match self.stream.write(self.session.poll_output()) {
                Ok(Some(len)) => self.session.handle_written(len),
                Ok(None) => return,
                Err(_) => {
                    self.session.handle_eof();
                    self.over = true;
                    return;
                }
            }
        }
    }
}
