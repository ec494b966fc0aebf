//! Servers that speak NTS: key exchange without TLS, and replies with the code of our own server.

use std::cell::RefCell;
use std::rc::Rc;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use truechimer_engine::config::{Authentication, NtsOptions, SourceConfig};
use truechimer_engine::{
    CertificateDates, KeyExchange, KeyExchangeError, KeyExchangeFault, KeyExchanged, Validity,
};
use truechimer_nts::aead::Algorithm;
use truechimer_nts::packet::{self, Reject};
use truechimer_nts::{KeyRing, Keys};
use truechimer_time::Cooked;
use truechimer_wire::{Header, Packet};

use super::{START, Server, named};

/// A year around the start of most worlds.
pub const VALIDITY: Validity = Validity { not_before_s: 1_752_000_000, not_after_s: 1_784_000_000 };

/// A server for key exchange and what its server for time shares with it.
pub struct KeyServer {
    pub ring: KeyRing,
    pub algorithm: Algorithm,
    pub validity: Validity,
    /// Where clients are sent on to.
    pub server: Option<String>,
    pub port: Option<u16>,
    /// Every exchange fails like this.
    pub fails: Option<KeyExchangeFault>,
    /// The keys that clients get are not those in the cookies; the alternative ones are, if it gives any.
    pub wrong_keys: bool,
    pub gives_alternative: bool,
    pub cookies: usize,
    pub delay_s: f64,
    /// Requests answered with the time, and with an NTS NAK.
    pub answered: u64,
    pub naks: u64,
    rng: ChaCha20Rng,
}

pub type SharedKeyServer = Rc<RefCell<KeyServer>>;

pub fn no_keys(fault: KeyExchangeFault) -> KeyExchangeError {
    KeyExchangeError { fault, text: format!("{fault:?}") }
}

impl KeyServer {
    pub fn new() -> SharedKeyServer {
        let mut rng = ChaCha20Rng::from_seed([9; 32]);
        Rc::new(RefCell::new(Self {
            ring: KeyRing::generate(1_768_000_000, 2, &mut rng),
            algorithm: Algorithm::AesSivCmac256,
            validity: VALIDITY,
            server: None,
            port: None,
            fails: None,
            wrong_keys: false,
            gives_alternative: false,
            cookies: 8,
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
        let dated = match asked.dates {
            CertificateDates::At { unix_s } => self.validity.contains(unix_s),
            CertificateDates::Deferred { floor_unix_s } => self.validity.not_after_s >= floor_unix_s,
        };
        if !dated {
            return Err(no_keys(KeyExchangeFault::CertificateDate));
        }
        let sealed = self.keys();
        let mut cookies = Vec::new();
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
