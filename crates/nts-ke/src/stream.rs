//! The TLS library as bytes in and bytes out, with a limit on what is taken in.

use std::io::{ErrorKind, Read, Write};

use rustls::{AlertDescription, Connection, InvalidMessage, PeerIncompatible, PeerMisbehaved};
use sha2::{Digest, Sha256};
use webpki::EndEntityCert;

/// Most plaintext or ciphertext that is handled in one go. The TLS library takes no more at a time either.
const PIECE: usize = 4096;

/// Most bytes of an answer that wait to be encrypted or sent: a dozen times what is needed.
const SENDING_MAX: usize = 16 * 1024;

/// One TLS connection, and what it may still receive.
#[derive(Debug)]
pub(crate) struct Stream {
    tls: Connection,
    /// Bytes of TLS that may still come.
    budget: usize,
    /// What is to be sent, from `written` on.
    output: Vec<u8>,
    written: usize,
}

/// Why a connection is of no more use, for the sessions to say in their words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum StreamError {
    NotTls,
    Version,
    NoApplicationProtocol,
    /// No certificate was chosen for the client, which does not ask for the key exchange.
    NotForUs,
    Alert(u8),
    Certificate,
    TooMuch,
    Broken,
}

/// What there is to read of plaintext.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plaintext {
    Bytes(usize),
    NotYet,
    Closed,
}

impl Stream {
    pub(crate) fn new(tls: impl Into<Connection>, receive_max: usize) -> Self {
        let mut tls = tls.into();
        tls.set_buffer_limit(Some(SENDING_MAX));
        Self { tls, budget: receive_max, output: Vec::new(), written: 0 }
    }

    /// Cuts received bytes into pieces for [`push`](Self::push), after each of which plaintext must be read.
    pub(crate) fn pieces(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        bytes.chunks(PIECE)
    }

    /// Takes received bytes. After an error there may still be an alert to send.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), StreamError> {
        self.budget = self.budget.checked_sub(piece.len()).ok_or(StreamError::TooMuch)?;
        let mut rest = piece;
        while !rest.is_empty() {
            match self.tls.read_tls(&mut rest) {
                // What comes after the peer said that nothing would come is not looked at.
                Ok(0) => return Ok(()),
                Ok(_) => _ = self.tls.process_new_packets().map_err(|error| stream_error(&error))?,
                // A message that never ends fills the library's buffer.
                Err(_) => return Err(StreamError::TooMuch),
            }
        }
        Ok(())
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    pub(crate) fn speaks(&self, protocol: &[u8]) -> bool {
        self.tls.alpn_protocol() == Some(protocol)
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Plaintext {
        match self.tls.reader().read(buffer) {
            Ok(0) => Plaintext::Closed,
            Ok(len) => Plaintext::Bytes(len),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Plaintext::NotYet,
            Err(_) => Plaintext::Closed,
        }
    }

    /// Encrypts a message. Whether all of it was taken.
    pub(crate) fn write(&mut self, message: &[u8]) -> bool {
        self.tls.writer().write_all(message).is_ok()
    }

    /// Says that nothing more will be sent (RFC 8446 §6.1).
    pub(crate) fn close(&mut self) {
        self.tls.send_close_notify();
    }

    pub(crate) fn export(&self, label: &[u8], context: &[u8], place: &mut [u8]) -> Result<(), rustls::Error> {
        self.tls.export_keying_material(place, label, Some(context)).map(|_| ())
    }

    /// The SHA-256 of the public key in the peer's certificate.
    pub(crate) fn server_key(&self) -> Option<[u8; 32]> {
        let certificate = EndEntityCert::try_from(self.tls.peer_certificates()?.first()?).ok()?;
        Some(Sha256::digest(certificate.subject_public_key_info().as_ref()).into())
    }

    /// What is to be sent now.
    pub(crate) fn poll_output(&mut self) -> &[u8] {
        if self.written >= self.output.len() {
            self.output.clear();
            self.written = 0;
        }
        // Writing to memory neither fails nor writes nothing.
        while self.tls.wants_write() && self.tls.write_tls(&mut self.output).is_ok_and(|len| len > 0) {}
        self.output.get(self.written..).unwrap_or_default()
    }

    pub(crate) fn handle_written(&mut self, len: usize) {
        self.written = self.written.saturating_add(len).min(self.output.len());
    }

    /// Whether all has been sent.
    pub(crate) fn is_drained(&self) -> bool {
        self.written >= self.output.len() && !self.tls.wants_write()
    }
}

fn stream_error(error: &rustls::Error) -> StreamError {
    use rustls::Error;
    match error {
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::InvalidEmptyPayload,
        ) => StreamError::NotTls,
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled,
        )
        | Error::AlertReceived(AlertDescription::ProtocolVersion) => StreamError::Version,
        Error::NoApplicationProtocol
        | Error::AlertReceived(AlertDescription::NoApplicationProtocol)
        | Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol) => {
            StreamError::NoApplicationProtocol
        }
        Error::AlertReceived(alert) => StreamError::Alert(u8::from(*alert)),
        Error::InvalidCertificate(_) | Error::NoCertificatesPresented => StreamError::Certificate,
        Error::General(_) => StreamError::NotForUs,
        Error::PeerSentOversizedRecord => StreamError::TooMuch,
        _ => StreamError::Broken,
    }
}
