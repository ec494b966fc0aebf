//! The NTS servers of a session: they share one key ring, and exchange keys as the input says.

use truechimer_engine::{KeyExchangeError, KeyExchangeFault, KeyExchanged, Validity};
use truechimer_nts::aead::Algorithm;
use truechimer_nts::packet::{Reject, open_request, write_nak, write_reply};
use truechimer_nts::{KeyRing, Keys};
use truechimer_wire::{Header, Packet};

use super::super::nts::Counter;
use super::START;

/// What the servers have.
pub(super) struct Secrets {
    random: Counter,
    ring: KeyRing,
}

impl Secrets {
    pub(super) fn new() -> Self {
        let mut random = Counter(7);
        Self { ring: KeyRing::generate(0, 2, &mut random), random }
    }

    /// The end of a key exchange. Of `what`, two bits say whether it is good and the certificate valid; the others where
    /// the client is sent, whether all earlier cookies are void, and how many there are.
    pub(super) fn exchange(&mut self, what: u8) -> Result<KeyExchanged, KeyExchangeError> {
        let failed = |fault| Err(KeyExchangeError { fault, text: "no".repeat(400) });
        let start_s = START.unix_seconds() as i64;
        let validity = match what >> 6 {
            0 => return failed(KeyExchangeFault::Unreachable),
            1 => return failed(KeyExchangeFault::CertificateDate),
            2 => Validity { not_before_s: start_s - 1_000_000, not_after_s: start_s + 1_000_000 },
            _ => Validity { not_before_s: start_s - 9_000_000, not_after_s: start_s - 5_000_000 },
        };
        if what & 4 != 0 {
            self.ring = KeyRing::generate(0, 2, &mut self.random);
        }
        let keys =
            Keys::new(Algorithm::Aes128GcmSiv, &[what; 16], &[!what; 16]).expect("keys of that length");
        let cookies = (0..what >> 3 & 7).filter_map(|_| self.ring.seal_cookie(&keys, &mut self.random));
        let cookies = cookies.map(|cookie| cookie.as_bytes().to_vec()).collect();
        Ok(KeyExchanged {
            keys,
            alternative: None,
            cookies,
            server: (what & 1 != 0).then(|| "pool.example".to_owned()),
            port: (what & 2 != 0).then_some(1123),
            validity,
            certificate_key: [what & 1; 32],
        })
    }

    /// The reply to a request, sealed if the request was.
    pub(super) fn seal(&mut self, request: &[u8], reply: &Header) -> Vec<u8> {
        let packet = Packet::parse(request).expect("a request is a packet");
        let mut bytes = vec![0; request.len()];
        let len = match open_request(&packet, &self.ring) {
            Ok(opened) => write_reply(&mut bytes, reply, &opened, &self.ring, &mut self.random),
            Err(Reject::Nak { unique_identifier, .. }) => write_nak(&mut bytes, reply, &unique_identifier),
            Err(Reject::NotNts | Reject::Malformed) => return reply.write().to_vec(),
        };
        bytes.truncate(len.expect("no reply is longer than its request"));
        bytes
    }
}
