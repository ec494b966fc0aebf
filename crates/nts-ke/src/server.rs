//! The server's side of a key exchange, RFC 8915 §4.

use rand_core::CryptoRng;
use rustls::ServerConnection;
use truechimer_nts::aead::Algorithm;
use truechimer_nts::negotiate::{ALPN, ErrorCode, Exporter, Request, Response, ServerPolicy};
use truechimer_nts::record::{RecordError, RecordReader};
use truechimer_nts::{Cookie, JAR_CAPACITY, KeyRing};

use crate::client::export;
use crate::error::ServerFault;
use crate::identity::ServerTls;
use crate::stream::{Plaintext, Stream, StreamError};

/// Most bytes that a server takes from a client in all: ten times what the largest handshakes and requests of today need.
pub const SERVER_RECEIVE_MAX: usize = 32 * 1024;

/// Longest request, in bytes.
pub const REQUEST_MAX: usize = 4096;

/// One key exchange as a server, over a connection that somebody else owns.
///
/// Push what was received into [`handle_bytes`](Self::handle_bytes); when the session [`wants_answer`](Self::wants_answer),
/// call [`answer`](Self::answer); send what [`poll_output`](Self::poll_output) gives. When it [is
/// finished](Self::is_finished), shut down the sending side of the connection, and close it when the client has done the
/// same or a moment later: closing at once would lose what is on the way if the client has sent anything more.
///
/// How long it may take, and how many there may be, is the owner's business.
#[derive(Debug)]
pub struct ServerSession {
    stream: Stream,
    state: State,
}

#[derive(Debug)]
enum State {
    Reading(RecordReader),
    Asked(Request),
    Done(Result<Algorithm, ServerFault>),
}

impl ServerSession {
    /// Begins with a connection that has just been accepted.
    ///
    /// # Errors
    /// [`ServerFault::Tls`] if the TLS library refuses its configuration, which it does not with one of ours.
    pub fn new(tls: &ServerTls) -> Result<Self, ServerFault> {
        let connection = ServerConnection::new(tls.config.clone()).map_err(|_| ServerFault::Tls)?;
        Ok(Self {
            stream: Stream::new(connection, SERVER_RECEIVE_MAX),
            state: State::Reading(RecordReader::new(REQUEST_MAX)),
        })
    }

    /// Takes what was received. What comes after a complete request is ignored.
    pub fn handle_bytes(&mut self, bytes: &[u8]) {
        for piece in Stream::pieces(bytes) {
            if !matches!(self.state, State::Reading(_)) {
                return;
            }
            let fed = self.stream.push(piece).map_err(|error| fault(&error));
            if let Err(fault) = fed.and_then(|()| self.advance()) {
                self.finish(Err(fault));
            }
        }
    }

    /// The client closed its side of the connection. It may still wait for an answer.
    pub fn handle_eof(&mut self) {
        if matches!(self.state, State::Reading(_)) {
            self.finish(Err(ServerFault::Closed));
        }
    }

    /// Whether there is a request to [`answer`](Self::answer).
    pub fn wants_answer(&self) -> bool {
        matches!(self.state, State::Asked(_))
    }

    /// Answers the request with keys for the client, and with cookies that hold them, sealed by the ring.
    pub fn answer(&mut self, policy: &ServerPolicy, ring: &KeyRing, random: &mut impl CryptoRng) {
        let State::Asked(request) = &self.state else { return };
        let response = request.negotiate(policy);
        let outcome = match response {
            Response::Agreed { exporter, .. } => match self.bake(exporter, ring, random) {
                Some(cookies) => self.send(&response, policy, &cookies).map(|()| exporter.algorithm()),
                None => self.refuse(ErrorCode::INTERNAL_SERVER_ERROR).and(Err(ServerFault::Internal)),
            },
            Response::Refused(_) => self.send(&response, policy, &[]).and(Err(ServerFault::Request)),
            Response::NoProtocol | Response::NoAlgorithm => {
                self.send(&response, policy, &[]).and(Err(ServerFault::NothingInCommon))
            }
        };
        self.finish(outcome);
    }

    /// What is to be sent now. Empty if nothing is, until more has been received.
    pub fn poll_output(&mut self) -> &[u8] {
        self.stream.poll_output()
    }

    /// So many bytes of [`poll_output`](Self::poll_output) are sent.
    pub fn handle_written(&mut self, len: usize) {
        self.stream.handle_written(len);
    }

    /// What came of it, when it is over: for which algorithm keys were given out, or why none were.
    pub fn outcome(&self) -> Option<Result<Algorithm, ServerFault>> {
        match self.state {
            State::Done(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Whether it is over and all has been sent.
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Done(_)) && self.stream.is_drained()
    }

    fn finish(&mut self, outcome: Result<Algorithm, ServerFault>) {
        self.stream.close();
        self.state = State::Done(outcome);
    }

    /// Reads what has come of the request.
    fn advance(&mut self) -> Result<(), ServerFault> {
        let State::Reading(reader) = &mut self.state else { return Ok(()) };
        if self.stream.is_handshaking() {
            return Ok(());
        }
        if !self.stream.speaks(ALPN) {
            return Err(ServerFault::NoApplicationProtocol);
        }
        let mut buffer = [0; 1024];
        while !reader.is_complete() {
            match self.stream.read(&mut buffer) {
                Plaintext::Bytes(len) => {
                    if let Err(error) = reader.push(buffer.get(..len).unwrap_or_default()) {
                        return self.refuse(ErrorCode::BAD_REQUEST).and(Err(match error {
                            RecordError::TooLong => ServerFault::TooMuch,
                            RecordError::Cut | RecordError::EndOfMessage => ServerFault::Request,
                        }));
                    }
                }
                Plaintext::NotYet => return Ok(()),
                Plaintext::Closed => return Err(ServerFault::Closed),
            }
        }
        let request = reader.records().map_err(|_| ErrorCode::BAD_REQUEST).and_then(Request::parse);
        match request {
            Ok(request) => {
                self.state = State::Asked(request);
                Ok(())
            }
            Err(code) => self.refuse(code).and(Err(ServerFault::Request)),
        }
    }

    /// Keys out of the TLS session, in cookies.
    fn bake(
        &self,
        exporter: Exporter,
        ring: &KeyRing,
        random: &mut impl CryptoRng,
    ) -> Option<[Cookie; JAR_CAPACITY]> {
        let keys = export(&self.stream, exporter).ok()?;
        let first = ring.seal_cookie(&keys, random)?;
        let mut cookies = [first; JAR_CAPACITY];
        for cookie in cookies.iter_mut().skip(1) {
            *cookie = ring.seal_cookie(&keys, random)?;
        }
        Some(cookies)
    }

    /// Sends an error record (RFC 8915 §4.1.3).
    fn refuse(&mut self, code: ErrorCode) -> Result<(), ServerFault> {
        self.send(&Response::Refused(code), &ServerPolicy::default(), &[])
    }

    fn send(
        &mut self,
        response: &Response,
        policy: &ServerPolicy,
        cookies: &[Cookie],
    ) -> Result<(), ServerFault> {
        let message = response
            .write(policy, cookies.iter().map(Cookie::as_bytes))
            .map_err(|_| ServerFault::Internal)?;
        if self.stream.write(&message) { Ok(()) } else { Err(ServerFault::Internal) }
    }
}

fn fault(error: &StreamError) -> ServerFault {
    match error {
        StreamError::NotTls => ServerFault::NotTls,
        StreamError::Version => ServerFault::TlsVersion,
        StreamError::NoApplicationProtocol | StreamError::NotForUs => ServerFault::NoApplicationProtocol,
        StreamError::Alert(alert) => ServerFault::Alert(*alert),
        StreamError::TooMuch => ServerFault::TooMuch,
        StreamError::Certificate | StreamError::Broken => ServerFault::Tls,
    }
}
