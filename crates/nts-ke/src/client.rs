//! The client's side of a key exchange, RFC 8915 §4.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use truechimer_nts::Keys;
use truechimer_nts::aead::KeyLengthError;
use truechimer_nts::negotiate::{ALPN, ClientAgreement, ClientOffer, ErrorCode, Exporter, NegotiateError};
use truechimer_nts::record::{DEFAULT_MESSAGE_LIMIT, RecordError, RecordReader};

use crate::error::{CertificateFault, KeError};
use crate::stream::{Plaintext, Stream, StreamError};
use crate::trust::ClientTls;
use crate::validity::Validity;
use crate::verify::{DatePolicy, Verdict};

/// Most bytes that a client takes from a server in all: a chain of the greatest length and an answer of the greatest length fit.
pub const CLIENT_RECEIVE_MAX: usize = 64 * 1024;

/// What a key exchange yields.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyExchanged {
    /// The keys of the association.
    pub keys: Keys,
    /// Keys to try if the server answers the first with nothing but NTS NAKs (see [`truechimer_nts::negotiate`]).
    pub alternative: Option<Keys>,
    /// One to eight cookies, each fit for a [`truechimer_nts::CookieJar`].
    pub cookies: Vec<Vec<u8>>,
    /// The NTP server to ask, by name or address; `None` if it is the key exchange server, at the address that the connection
    /// went to.
    pub server: Option<String>,
    /// Its port; `None` if it is 123.
    pub port: Option<u16>,
    /// When all certificates of the server's chain are valid. If the date was deferred, a clock must not be set by these keys
    /// to an instant outside.
    pub validity: Validity,
    /// The SHA-256 of the public key in the server's certificate: servers that share one are not independent of each other.
    pub certificate_key: [u8; 32],
}

impl fmt::Debug for KeyExchanged {
    /// Without the keys and the cookies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyExchanged")
            .field("algorithm", &self.keys.algorithm())
            .field("cookies", &self.cookies.len())
            .field("server", &self.server)
            .field("port", &self.port)
            .field("validity", &self.validity)
            .finish_non_exhaustive()
    }
}

/// One key exchange as a client, over a connection that somebody else owns.
///
/// Push what was received into [`handle_bytes`](Self::handle_bytes), send what [`poll_output`](Self::poll_output) gives, and
/// stop when there is an [`outcome`](Self::outcome): then send what is left, if it goes out at once, and close. How long it may
/// take is the owner's business.
#[derive(Debug)]
pub struct ClientSession {
    stream: Stream,
    verdict: Arc<OnceLock<Verdict>>,
    offer: ClientOffer,
    asked: bool,
    reader: RecordReader,
    outcome: Option<Result<KeyExchanged, KeError>>,
}

impl ClientSession {
    /// Begins. `server_name` is whom the certificate must be for: a DNS name, with or without a dot at its end, or an IP
    /// address, with or without a zone.
    ///
    /// # Errors
    /// [`KeError::ServerName`].
    pub fn new(
        tls: &ClientTls,
        server_name: &str,
        date: DatePolicy,
        offer: ClientOffer,
    ) -> Result<Self, KeError> {
        let name = parse_server_name(server_name).ok_or(KeError::ServerName)?;
        let (config, verdict) = tls.config(date).map_err(|_| KeError::Tls)?;
        let connection = ClientConnection::new(Arc::new(config), name).map_err(|_| KeError::Tls)?;
        Ok(Self {
            stream: Stream::new(connection, CLIENT_RECEIVE_MAX),
            verdict,
            offer,
            asked: false,
            reader: RecordReader::new(DEFAULT_MESSAGE_LIMIT),
            outcome: None,
        })
    }

    /// Takes what was received. What comes after the outcome is ignored.
    pub fn handle_bytes(&mut self, bytes: &[u8]) {
        for piece in Stream::pieces(bytes) {
            if self.outcome.is_some() {
                return;
            }
            let fed = self.stream.push(piece).map_err(|error| self.tls_failed(&error));
            match fed.and_then(|()| self.advance()) {
                Ok(None) => {}
                Ok(Some(exchanged)) => self.finish(Ok(exchanged)),
                Err(error) => self.finish(Err(error)),
            }
        }
    }

    /// The server closed its side of the connection.
    pub fn handle_eof(&mut self) {
        if self.outcome.is_none() {
            self.finish(Err(KeError::Closed));
        }
    }

    /// What is to be sent now. Empty if nothing is, until more has been received.
    pub fn poll_output(&mut self) -> &[u8] {
        self.stream.poll_output()
    }

    /// So many bytes of [`poll_output`](Self::poll_output) are sent.
    pub fn handle_written(&mut self, len: usize) {
        self.stream.handle_written(len);
    }

    /// What came of it, when it is over.
    pub fn outcome(&self) -> Option<&Result<KeyExchanged, KeError>> {
        self.outcome.as_ref()
    }

    /// What came of it.
    ///
    /// # Errors
    /// Those of the key exchange; [`KeError::Closed`] if it was not over.
    pub fn into_outcome(self) -> Result<KeyExchanged, KeError> {
        self.outcome.unwrap_or(Err(KeError::Closed))
    }

    fn finish(&mut self, outcome: Result<KeyExchanged, KeError>) {
        self.stream.close();
        self.outcome = Some(outcome);
    }

    /// Does what can be done with what has come.
    fn advance(&mut self) -> Result<Option<KeyExchanged>, KeError> {
        if self.stream.is_handshaking() {
            return Ok(None);
        }
        if !self.asked {
            self.ask()?;
        }
        let mut buffer = [0; 1024];
        while !self.reader.is_complete() {
            match self.stream.read(&mut buffer) {
                Plaintext::Bytes(len) => {
                    let bytes = buffer.get(..len).unwrap_or_default();
                    self.reader.push(bytes).map_err(|error| match error {
                        RecordError::TooLong => KeError::TooMuch,
                        RecordError::Cut | RecordError::EndOfMessage => KeError::Answer,
                    })?;
                }
                Plaintext::NotYet => return Ok(None),
                Plaintext::Closed => return Err(KeError::Closed),
            }
        }
        self.agree().map(Some)
    }

    /// The request goes out only to somebody who speaks the protocol.
    fn ask(&mut self) -> Result<(), KeError> {
        if !self.stream.speaks(ALPN) {
            return Err(KeError::NoApplicationProtocol);
        }
        let request = self.offer.write().map_err(|_| KeError::ServerName)?;
        self.asked = true;
        if self.stream.write(&request) { Ok(()) } else { Err(KeError::Tls) }
    }

    fn agree(&self) -> Result<KeyExchanged, KeError> {
        let records = self.reader.records().map_err(|_| KeError::Answer)?;
        let agreement = ClientAgreement::parse(records, &self.offer).map_err(not_agreed)?;
        let validity = match self.verdict.get() {
            Some(Ok(validity)) => *validity,
            // Without a verdict there is no handshake, and so no answer.
            _ => return Err(KeError::Tls),
        };
        let alternative = agreement.alternative.map(|exporter| export(&self.stream, exporter)).transpose();
        Ok(KeyExchanged {
            keys: export(&self.stream, agreement.exporter).map_err(|_| KeError::Tls)?,
            alternative: alternative.map_err(|_| KeError::Tls)?,
            cookies: agreement.cookies,
            server: agreement.server,
            port: agreement.port,
            validity,
            certificate_key: self.stream.server_key().ok_or(KeError::Tls)?,
        })
    }

    fn tls_failed(&self, error: &StreamError) -> KeError {
        match error {
            StreamError::NotTls => KeError::NotTls,
            StreamError::Version => KeError::TlsVersion,
            StreamError::NoApplicationProtocol => KeError::NoApplicationProtocol,
            StreamError::Alert(alert) => KeError::Alert(*alert),
            StreamError::TooMuch => KeError::TooMuch,
            StreamError::Certificate => KeError::Certificate(match self.verdict.get() {
                Some(Err(fault)) => fault.clone(),
                // The chain was fine, so it is the signature over the handshake; or there was no chain.
                Some(Ok(_)) => CertificateFault::Key,
                None => CertificateFault::Malformed,
            }),
            StreamError::NotForUs | StreamError::Broken => KeError::Tls,
        }
    }
}

/// The keys could not be exported. It cannot happen after a handshake.
pub(crate) struct ExportError;

impl From<rustls::Error> for ExportError {
    fn from(_: rustls::Error) -> Self {
        Self
    }
}

impl From<KeyLengthError> for ExportError {
    fn from(_: KeyLengthError) -> Self {
        Self
    }
}

/// Both keys of an agreement, out of the TLS session (RFC 8915 §5.1).
pub(crate) fn export(stream: &Stream, exporter: Exporter) -> Result<Keys, ExportError> {
    exporter.keys(|label, context, place| Ok(stream.export(label, context, place)?))
}

fn not_agreed(error: NegotiateError) -> KeError {
    match error {
        NegotiateError::Refused(ErrorCode(code)) => KeError::Refused(code),
        NegotiateError::Warned(code) => KeError::Warned(code),
        NegotiateError::UnknownCritical(_) | NegotiateError::Malformed(_) => KeError::Answer,
        NegotiateError::NextProtocol => KeError::NoProtocol,
        NegotiateError::Algorithm => KeError::NoAlgorithm,
        NegotiateError::NoCookies => KeError::NoCookies,
    }
}

/// Certificates know neither the dot that ends an absolute name nor the zone of a link-local address.
fn parse_server_name(name: &str) -> Option<ServerName<'static>> {
    let name = match name.split_once('%') {
        Some((address, _zone)) => {
            address.parse::<std::net::Ipv6Addr>().ok()?;
            address
        }
        None => name.strip_suffix('.').unwrap_or(name),
    };
    if name.ends_with('.') {
        return None;
    }
    ServerName::try_from(name.to_owned()).ok()
}
