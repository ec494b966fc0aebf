//! Peers for tests: the two sessions, and one that speaks TLS well and everything else as it is told.
//!
//! The daemon is built without it.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::sync::Arc;

use rand_core::{CryptoRng, TryCryptoRng, TryRng};
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection};
use truechimer_nts::negotiate::{Exporter, ServerPolicy};
use truechimer_nts::{KeyRing, Keys};

use crate::authority::{AuthorityError, Certified};
use crate::client::{ClientSession, ExportError};
use crate::error::ServerFault;
use crate::identity::ServerTls;
use crate::profile::NoClock;
use crate::server::ServerSession;

/// Whoever stands at one end of a connection.
pub trait Peer {
    /// Bytes came.
    fn push(&mut self, bytes: &[u8]);

    /// All bytes that it sends now.
    fn pull(&mut self) -> Vec<u8>;

    /// The other end sends no more.
    fn push_eof(&mut self);
}

impl Peer for ClientSession {
    fn push(&mut self, bytes: &[u8]) {
        self.handle_bytes(bytes);
    }

    fn pull(&mut self) -> Vec<u8> {
        let output = self.poll_output().to_vec();
        self.handle_written(output.len());
        output
    }

    fn push_eof(&mut self) {
        self.handle_eof();
    }
}

/// A server session with what it answers from.
#[derive(Debug)]
pub struct Server<'a, R> {
    /// The session.
    pub session: ServerSession,
    /// What it is willing to do.
    pub policy: ServerPolicy,
    ring: &'a KeyRing,
    random: R,
}

impl<'a, R: CryptoRng> Server<'a, R> {
    /// A fresh session.
    ///
    /// # Errors
    /// None that is known.
    pub fn new(tls: &ServerTls, ring: &'a KeyRing, random: R) -> Result<Self, ServerFault> {
        Ok(Self { session: ServerSession::new(tls)?, policy: ServerPolicy::default(), ring, random })
    }
}

impl<R: CryptoRng> Peer for Server<'_, R> {
    fn push(&mut self, bytes: &[u8]) {
        self.session.handle_bytes(bytes);
        if self.session.wants_answer() {
            self.session.answer(&self.policy, self.ring, &mut self.random);
        }
    }

    fn pull(&mut self) -> Vec<u8> {
        let output = self.session.poll_output().to_vec();
        self.session.handle_written(output.len());
        output
    }

    fn push_eof(&mut self) {
        self.session.handle_eof();
    }
}

/// Bytes that count up: no randomness at all, so that a test does the same each time.
#[derive(Clone, Debug, Default)]
pub struct Counter(u64);

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|next| next as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(1);
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, place: &mut [u8]) -> Result<(), Infallible> {
        for chunk in place.chunks_mut(8) {
            let next = self.try_next_u64()?.to_le_bytes();
            chunk.iter_mut().zip(next).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}

/// How a [`Raw`] peer behaves.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    /// The application protocols that it offers or accepts.
    pub protocols: Vec<Vec<u8>>,
    /// What it says as soon as the handshake is over.
    pub says: Vec<u8>,
    /// Whether it then says that nothing more will come.
    pub closes: bool,
    /// Whether a server gives out session tickets, and a client uses them.
    pub tickets: bool,
    /// Key exchange groups by their number in TLS, instead of the library's.
    pub groups: Vec<u16>,
}

/// A peer that speaks TLS 1.3 well, and else what it is told to.
#[derive(Debug)]
pub struct Raw {
    tls: Connection,
    manners: Manners,
    said: bool,
    /// What it heard.
    pub heard: Vec<u8>,
    /// Whether the other end said that nothing more will come.
    pub is_closed: bool,
    /// What it found wrong with the other end.
    pub complaint: Option<String>,
}

impl Raw {
    /// A server. Its certificate and key need not fit each other, or be anything.
    ///
    /// # Errors
    /// The key is none.
    pub fn server(files: &Certified, manners: Manners) -> Result<Self, AuthorityError> {
        let chain = CertificateDer::pem_slice_iter(files.chain.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().map_err(no_peer)?;
        Self::server_with_chain(chain.iter().map(|der| der.to_vec()).collect(), &files.key, manners)
    }

    /// A server whose certificates are any bytes.
    ///
    /// # Errors
    /// The key is none.
    pub fn server_with_chain(
        chain: Vec<Vec<u8>>,
        key: &str,
        manners: Manners,
    ) -> Result<Self, AuthorityError> {
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(no_peer)?;
        let key = aws_lc_rs::sign::any_supported_type(&key).map_err(no_peer)?;
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        let identity = Whatever(Arc::new(CertifiedKey::new(chain, key)));
        let mut config = ServerConfig::builder_with_details(provider(&manners), Arc::new(NoClock))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(no_peer)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(identity));
        config.alpn_protocols.clone_from(&manners.protocols);
        config.send_tls13_tickets = if manners.tickets { 2 } else { 0 };
        config.session_storage = ServerSessionMemoryCache::new(8);
        Ok(Self::new(ServerConnection::new(Arc::new(config)).map_err(no_peer)?.into(), manners))
    }

    /// A client that trusts this root.
    ///
    /// # Errors
    /// The root or the name is none.
    pub fn client(root: &str, name: &str, manners: Manners) -> Result<Self, AuthorityError> {
        RawClients::new(root, manners)?.connect(name)
    }

    fn new(tls: Connection, manners: Manners) -> Self {
        Self { tls, manners, said: false, heard: Vec::new(), is_closed: false, complaint: None }
    }

    /// Whether the handshake is over.
    pub fn is_connected(&self) -> bool {
        !self.tls.is_handshaking()
    }

    /// The key exchange group that was agreed, by its number in TLS.
    pub fn group(&self) -> Option<u16> {
        self.tls.negotiated_key_exchange_group().map(|group| u16::from(group.name()))
    }

    /// Keys out of the TLS session.
    ///
    /// # Errors
    /// The handshake is not over.
    pub fn export(&self, exporter: Exporter) -> Result<Keys, AuthorityError> {
        exporter
            .keys(|label, context, place| -> Result<(), ExportError> {
                self.tls.export_keying_material(place, label, Some(context))?;
                Ok(())
            })
            .map_err(|_| no_peer("no keys"))
    }

    /// Says something more.
    pub fn say(&mut self, plaintext: &[u8]) {
        // Memory takes everything.
        let _ = self.tls.writer().write_all(plaintext);
    }

    /// Changes the keys of this side and asks the other for the same (RFC 8446 §4.6.3).
    pub fn update_keys(&mut self) {
        if let Err(error) = self.tls.refresh_traffic_keys() {
            self.complaint = Some(error.to_string());
        }
    }

    fn read(&mut self) {
        let mut buffer = [0; 1024];
        while let Ok(len) = self.tls.reader().read(&mut buffer) {
            if len == 0 {
                self.is_closed = true;
                return;
            }
            self.heard.extend_from_slice(buffer.get(..len).unwrap_or_default());
        }
    }
}

impl Peer for Raw {
    fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() && self.complaint.is_none() {
            match self.tls.read_tls(&mut rest) {
                Ok(0) => return,
                Ok(_) => {
                    if let Err(error) = self.tls.process_new_packets() {
                        self.complaint = Some(error.to_string());
                    }
                }
                Err(error) => self.complaint = Some(error.to_string()),
            }
            self.read();
        }
    }

    fn pull(&mut self) -> Vec<u8> {
        if self.is_connected() && !self.said {
            self.said = true;
            let says = std::mem::take(&mut self.manners.says);
            self.say(&says);
            if self.manners.closes {
                self.tls.send_close_notify();
            }
        }
        let mut output = Vec::new();
        while self.tls.wants_write() && self.tls.write_tls(&mut output).is_ok() {}
        output
    }

    fn push_eof(&mut self) {
        self.is_closed = true;
    }
}

/// Clients that have something in common: session tickets.
#[derive(Clone, Debug)]
pub struct RawClients {
    config: Arc<ClientConfig>,
    manners: Manners,
}

impl RawClients {
    /// They trust this root.
    ///
    /// # Errors
    /// The root is none.
    pub fn new(root: &str, manners: Manners) -> Result<Self, AuthorityError> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(root.as_bytes()).map_err(no_peer)?).map_err(no_peer)?;
        let mut config = ClientConfig::builder_with_details(provider(&manners), Arc::new(MidWay))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(no_peer)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols.clone_from(&manners.protocols);
        if !manners.tickets {
            config.resumption = Resumption::disabled();
        }
        Ok(Self { config: Arc::new(config), manners })
    }

    /// One of them.
    ///
    /// # Errors
    /// The name is none.
    pub fn connect(&self, name: &str) -> Result<Raw, AuthorityError> {
        let name = ServerName::try_from(name.to_owned()).map_err(no_peer)?;
        let connection = ClientConnection::new(self.config.clone(), name).map_err(no_peer)?;
        Ok(Raw::new(connection.into(), self.manners.clone()))
    }
}

/// The instant at which [`Raw`] clients judge certificates, in seconds since 1970: 2027-01-15.
pub const RAW_CLIENT_NOW_S: i64 = 1_800_000_000;

#[derive(Debug)]
struct MidWay;

impl rustls::time_provider::TimeProvider for MidWay {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        let since = std::time::Duration::from_secs(RAW_CLIENT_NOW_S.unsigned_abs());
        Some(rustls::pki_types::UnixTime::since_unix_epoch(since))
    }
}

fn provider(manners: &Manners) -> Arc<rustls::crypto::CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    if !manners.groups.is_empty() {
        let known = |group: &u16| {
            aws_lc_rs::ALL_KX_GROUPS.iter().copied().find(|known| u16::from(known.name()) == *group)
        };
        provider.kx_groups = manners.groups.iter().filter_map(known).collect();
    }
    Arc::new(provider)
}

#[derive(Debug)]
struct Whatever(Arc<CertifiedKey>);

impl ResolvesServerCert for Whatever {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

fn no_peer(error: impl std::fmt::Display) -> AuthorityError {
    AuthorityError::from_text(error.to_string())
}

/// Lets the two talk until neither has anything to say, and hands over what they say in pieces of so many bytes. The number
/// of turns is bounded.
pub fn talk(first: &mut impl Peer, second: &mut impl Peer, mut piece: impl FnMut() -> usize) {
    for _ in 0..64 {
        let from_first = first.pull();
        hand_over(&from_first, second, &mut piece);
        let from_second = second.pull();
        hand_over(&from_second, first, &mut piece);
        if from_first.is_empty() && from_second.is_empty() {
            return;
        }
    }
}

fn hand_over(bytes: &[u8], to: &mut impl Peer, piece: &mut impl FnMut() -> usize) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (now, later) = rest.split_at_checked(piece().max(1)).unwrap_or((rest, &[]));
        to.push(now);
        rest = later;
    }
}
