//! Servers that speak NTS: key exchange without TLS, and cookies of a key ring that rotates.
//!
//! What TLS does in the world is said here in plain words: whether the server can be reached, whose certificate it shows,
//! and when that is valid. The packets are real.

use std::sync::Arc;

use truechimer_engine::{
    CertificateDates, KeyExchange, KeyExchangeError, KeyExchangeFault, KeyExchanged, Validity,
};
use truechimer_nts::aead::Algorithm;
use truechimer_nts::packet::{self, Reject};
use truechimer_nts::{KeyRing, Keys};
use truechimer_time::{Cooked, NtpDuration};
use truechimer_wire::{Header, Packet};

use crate::link::Window;
use crate::random::Random;

/// What a server's NTS is like.
#[derive(Clone, Debug, PartialEq)]
pub struct NtsServer {
    /// What its certificate is for.
    pub name: &'static str,
    /// When that is valid, seconds from the start.
    pub valid: Window,
    /// The key ring rotates so often, seconds…
    pub rotate_s: f64,
    /// …and keeps so many old keys.
    pub keep: usize,
    /// All cookies become void at these times, seconds from the start.
    pub loses_keys_s: Vec<f64>,
    /// Times in which key exchange fails.
    pub failures: Vec<(Window, KeyExchangeFault)>,
}

impl NtsServer {
    /// A good one, with a certificate that is valid from 30 days before the start for 90 days.
    pub fn new(name: &'static str) -> Self {
        const DAY_S: f64 = 86_400.0;
        Self {
            name,
            valid: Window { from_s: -30.0 * DAY_S, until_s: 60.0 * DAY_S },
            rotate_s: DAY_S,
            keep: 2,
            loses_keys_s: Vec::new(),
            failures: Vec::new(),
        }
    }
}

/// A server for key exchange at work.
#[derive(Clone, Debug)]
pub(crate) struct KeyServer {
    config: NtsServer,
    start: Cooked,
    ring: KeyRing,
    random: Random,
    rotations: u64,
    lost: usize,
}

impl KeyServer {
    pub(crate) fn new(config: NtsServer, start: Cooked, mut random: Random) -> Self {
        let ring = KeyRing::generate(0, config.keep, random.stream());
        Self { config, start, ring, random, rotations: 0, lost: 0 }
    }

    /// The ring as it is now, if it has changed since the last look.
    pub(crate) fn advance(&mut self, elapsed_s: f64) -> bool {
        let due = (elapsed_s / self.config.rotate_s).max(0.0) as u64;
        let lost = self.config.loses_keys_s.iter().filter(|&&at_s| at_s <= elapsed_s).count();
        let changed = due > self.rotations || lost > self.lost;
        for _ in self.rotations..due {
            self.ring.rotate(0, self.random.stream());
        }
        if lost > self.lost {
            self.ring = KeyRing::generate(0, self.config.keep, self.random.stream());
        }
        (self.rotations, self.lost) = (due, lost);
        changed
    }

    pub(crate) fn ring(&self) -> Arc<KeyRing> {
        Arc::new(self.ring.clone())
    }

    /// What comes of a key exchange that ends now.
    pub(crate) fn exchange(
        &mut self,
        asked: &KeyExchange,
        elapsed_s: f64,
    ) -> Result<KeyExchanged, KeyExchangeError> {
        self.advance(elapsed_s);
        let failure = self.config.failures.iter().find(|(window, _)| window.contains(elapsed_s));
        if let Some(&(_, fault)) = failure {
            return Err(failed(fault));
        }
        if asked.name != self.config.name {
            return Err(failed(KeyExchangeFault::Certificate));
        }
        let validity = self.validity();
        let dated = match asked.dates {
            CertificateDates::At { unix_s } => validity.contains(unix_s),
            CertificateDates::Deferred { floor_unix_s } => validity.not_after_s >= floor_unix_s,
        };
        if !dated {
            return Err(failed(KeyExchangeFault::CertificateDate));
        }
        let keys = self.keys().ok_or_else(|| failed(KeyExchangeFault::Answer))?;
        let cookies = (0..8).filter_map(|_| self.ring.seal_cookie(&keys, self.random.stream()));
        let cookies = cookies.map(|cookie| cookie.as_bytes().to_vec()).collect();
        let certificate_key = self.certificate_key();
        Ok(KeyExchanged {
            keys,
            alternative: None,
            cookies,
            server: None,
            port: None,
            validity,
            certificate_key,
        })
    }

    /// Each name has a key of its own.
    fn certificate_key(&self) -> [u8; 32] {
        let mut key = [0; 32];
        key.iter_mut().zip(self.config.name.bytes()).for_each(|(to, from)| *to = from);
        key
    }

    fn keys(&mut self) -> Option<Keys> {
        let (mut c2s, mut s2c) = ([0; 16], [0; 16]);
        self.random.fill(&mut c2s);
        self.random.fill(&mut s2c);
        Keys::new(Algorithm::Aes128GcmSiv, &c2s, &s2c).ok()
    }

    fn validity(&self) -> Validity {
        let unix_s = |at_s: f64| (self.start + NtpDuration::from_seconds(at_s)).unix_seconds() as i64;
        Validity {
            not_before_s: unix_s(self.config.valid.from_s),
            not_after_s: unix_s(self.config.valid.until_s),
        }
    }

    /// The reply to a request, sealed if the request was; nothing to one that breaks the rules.
    pub(crate) fn seal(&mut self, request: &[u8], reply: &Header, elapsed_s: f64) -> Option<Vec<u8>> {
        self.advance(elapsed_s);
        let packet = Packet::parse(request).ok()?;
        let mut bytes = vec![0; request.len()];
        let len = match packet::open_request(&packet, &self.ring) {
            Ok(opened) => {
                packet::write_reply(&mut bytes, reply, &opened, &self.ring, self.random.stream()).ok()?
            }
            Err(Reject::Nak { unique_identifier, .. }) => {
                packet::write_nak(&mut bytes, reply, &unique_identifier).ok()?
            }
            Err(Reject::NotNts) => return Some(reply.write().to_vec()),
            Err(Reject::Malformed) => return None,
        };
        bytes.truncate(len);
        Some(bytes)
    }
}

/// A failed key exchange.
pub(crate) fn failed(fault: KeyExchangeFault) -> KeyExchangeError {
    KeyExchangeError { fault, text: format!("{fault:?}") }
}
