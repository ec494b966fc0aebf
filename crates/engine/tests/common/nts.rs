//! Servers that speak NTS: key exchange without TLS, and replies with the code of our own server.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use truechimer_engine::config::{Authentication, EngineConfig, NtsOptions, SourceConfig};
use truechimer_engine::report::NtsReport;
use truechimer_engine::{
    CertificateDates, Initial, KeyExchange, KeyExchangeError, KeyExchangeFault, KeyExchanged, Validity,
};
use truechimer_nts::aead::Algorithm;
use truechimer_nts::packet::{self, Reject};
use truechimer_nts::{KeyRing, Keys};
use truechimer_time::Cooked;
use truechimer_wire::{FieldType, Header, Packet};

use super::{START, Server, World, config, initial, named};

/// A year around the start of most worlds.
pub const VALIDITY: Validity = Validity { not_before_s: 1_752_000_000, not_after_s: 1_784_000_000 };

/// A server for key exchange and what its server for time shares with it.
pub struct KeyServer {
    pub ring: KeyRing,
    pub algorithm: Algorithm,
    pub validity: Validity,
    /// The hash of its certificate's key.
    pub certificate_key: [u8; 32],
    /// Where clients are sent on to.
    pub server: Option<String>,
    pub port: Option<u16>,
    /// Every exchange fails like this.
    pub fails: Option<KeyExchangeFault>,
    /// The keys that clients get are not those in the cookies; the alternative ones are, if it gives any.
    pub wrong_keys: bool,
    pub gives_alternative: bool,
    pub cookies: usize,
    /// Given out besides them, whatever it is.
    pub padding: Option<Vec<u8>>,
    /// Can be reached at this address only.
    pub only_at: Option<IpAddr>,
    pub delay_s: f64,
    /// Requests answered with the time, and with an NTS NAK.
    pub answered: u64,
    pub naks: u64,
    rng: ChaCha20Rng,
}

thread_local! {
    static MADE: Cell<u8> = const { Cell::new(1) };
}

pub type SharedKeyServer = Rc<RefCell<KeyServer>>;

pub fn no_keys(fault: KeyExchangeFault) -> KeyExchangeError {
    KeyExchangeError { fault, text: format!("{fault:?}") }
}

/// The next servers are like the first ones: for a world that is built twice.
pub fn servers_as_before() {
    MADE.set(1);
}

impl KeyServer {
    pub fn new() -> SharedKeyServer {
        // Each test is a thread: its servers differ from each other, and are the same in every run.
        let number = MADE.with(|made| made.replace(made.get() + 1));
        let mut rng = ChaCha20Rng::from_seed([number; 32]);
        Rc::new(RefCell::new(Self {
            ring: KeyRing::generate(1_768_000_000, 2, &mut rng),
            algorithm: Algorithm::AesSivCmac256,
            validity: VALIDITY,
            certificate_key: [number; 32],
            server: None,
            port: None,
            fails: None,
            wrong_keys: false,
            gives_alternative: false,
            cookies: 8,
            padding: None,
            only_at: None,
            delay_s: 0.05,
            answered: 0,
            naks: 0,
            rng,
        }))
    }

    /// All cookies given out so far are void.
    pub fn lose_keys(&mut self) {
        self.ring = KeyRing::generate(1_769_000_000, 2, &mut self.rng);
    }

    pub fn rotate(&mut self) {
        self.ring.rotate(1_769_000_000, &mut self.rng);
    }

    fn keys(&mut self) -> Keys {
        let len = self.algorithm.key_len();
        let mut bytes = [0; 128];
        self.rng.fill_bytes(&mut bytes);
        Keys::new(self.algorithm, &bytes[..len], &bytes[64..64 + len]).unwrap()
    }

    pub fn exchange(
        &mut self,
        asked: &KeyExchange,
        _truth: Cooked,
    ) -> Result<KeyExchanged, KeyExchangeError> {
        if let Some(fault) = self.fails {
            return Err(no_keys(fault));
        }
        if self.only_at.is_some_and(|address| address != asked.remote.ip()) {
            return Err(no_keys(KeyExchangeFault::Unreachable));
        }
        let dated = match asked.dates {
            CertificateDates::At { unix_s } => self.validity.contains(unix_s),
            CertificateDates::Deferred { floor_unix_s } => self.validity.not_after_s >= floor_unix_s,
        };
        if !dated {
            return Err(no_keys(KeyExchangeFault::CertificateDate));
        }
        let sealed = self.keys();
        let mut cookies: Vec<Vec<u8>> = self.padding.iter().cloned().collect();
        for _ in 0..self.cookies {
            cookies.push(self.ring.seal_cookie(&sealed, &mut self.rng).unwrap().as_bytes().to_vec());
        }
        let keys = if self.wrong_keys { self.keys() } else { sealed.clone() };
        Ok(KeyExchanged {
            keys,
            alternative: self.gives_alternative.then_some(sealed),
            cookies,
            server: self.server.clone(),
            port: self.port,
            validity: self.validity,
            certificate_key: self.certificate_key,
        })
    }

    /// What the server for time answers to a request.
    pub fn answer(&mut self, request: &[u8], reply: &Header) -> Vec<u8> {
        let packet = Packet::parse(request).unwrap();
        let mut buffer = vec![0; request.len()];
        let len = match packet::open_request(&packet, &self.ring) {
            Ok(opened) => {
                self.answered += 1;
                packet::write_reply(&mut buffer, reply, &opened, &self.ring, &mut self.rng).unwrap()
            }
            Err(Reject::Nak { unique_identifier, .. }) => {
                self.naks += 1;
                packet::write_nak(&mut buffer, reply, &unique_identifier).unwrap()
            }
            Err(Reject::NotNts) => return reply.write().to_vec(),
            Err(Reject::Malformed) => return Vec::new(),
        };
        buffer.truncate(len);
        buffer
    }
}

/// A source with NTS by name.
pub fn secured(name: &str) -> SourceConfig {
    let mut source = named(name);
    source.options.authentication = Authentication::Nts(NtsOptions::default());
    source
}

/// A server for time that shares the ring of a server for key exchange.
pub fn keyed(last: u8, keys: &SharedKeyServer) -> Server {
    let keys = Rc::clone(keys);
    Server::new(last).sealed(move |request, reply| keys.borrow_mut().answer(request, reply))
}

/// Seconds since 1970 at the start of most worlds.
pub fn start_unix_s() -> i64 {
    START.unix_seconds() as i64
}

/// A world with so many sources `ke1.example`, … at 192.0.2.1, …, and their servers.
pub fn secured_world(servers: u8, error_s: f64) -> (World, Vec<SharedKeyServer>) {
    secured_with(servers, |_| {}, initial(), error_s)
}

/// The same with another configuration.
pub fn secured_with(
    servers: u8,
    change: impl FnOnce(&mut EngineConfig),
    initial: Initial,
    error_s: f64,
) -> (World, Vec<SharedKeyServer>) {
    let name = |last: u8| format!("ke{last}.example");
    let keys: Vec<SharedKeyServer> = (1..=servers).map(|_| KeyServer::new()).collect();
    let mut config = config((1..=servers).map(|last| secured(&name(last))).collect());
    change(&mut config);
    let answering = (1..).zip(&keys).map(|(last, keys)| keyed(last, keys)).collect();
    let mut world = World::with(config, initial, error_s, 10.0, answering);
    for (last, keys) in (1..).zip(&keys) {
        world.key_servers.insert(name(last), Rc::clone(keys));
        world.dns.insert(name(last), Ok(vec![[192, 0, 2, last].into()]));
    }
    (world, keys)
}

/// How it stands with NTS at a source.
pub fn nts_of(world: &World, number: usize) -> NtsReport {
    world.report().sources[number].authentication.clone().unwrap().nts.unwrap()
}

/// The fields of NTS in a packet: unique identifier, cookie, number of placeholders, authenticator.
pub fn nts_fields(bytes: &[u8]) -> (Vec<u8>, Vec<u8>, usize, Vec<u8>) {
    let packet = Packet::parse(bytes).unwrap();
    let all = |wanted| -> Vec<Vec<u8>> {
        packet.fields().filter(|field| field.field_type == wanted).map(|field| field.value.to_vec()).collect()
    };
    let one = |wanted| {
        let found = all(wanted);
        assert_eq!(found.len(), 1, "{wanted:?} in {bytes:?}");
        found.into_iter().next().unwrap()
    };
    (
        one(FieldType::UNIQUE_IDENTIFIER),
        one(FieldType::NTS_COOKIE),
        all(FieldType::NTS_COOKIE_PLACEHOLDER).len(),
        one(FieldType::NTS_AUTHENTICATOR),
    )
}

/// Every request so far is one with NTS, of a length that passes everywhere.
pub fn assert_all_secured(world: &World) {
    for (_, request) in &world.sent {
        nts_fields(request.payload());
        assert!(request.payload().len() <= 1024);
        assert_eq!(Header::parse(request.payload()).unwrap().version, 4);
    }
}
