use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use truechimer_time::NtpTimestamp;
use truechimer_wire::{Header, Mode};

use super::*;
use crate::aead::{Aead, Algorithm};
use crate::jar::{CookieJar, JAR_CAPACITY};
use crate::{KeyRing, Keys, cookie_len};

/// A client and a server after a key exchange.
struct Pair {
    random: ChaCha20Rng,
    ring: KeyRing,
    keys: Keys,
    jar: CookieJar,
}

impl Pair {
    fn new(algorithm: Algorithm) -> Self {
        let mut random = ChaCha20Rng::from_seed([1; 32]);
        let ring = KeyRing::generate(0, 2, &mut random);
        let mut key = || {
            let mut key = vec![0; algorithm.key_len()];
            random.fill_bytes(&mut key);
            key
        };
        let keys = Keys::new(algorithm, &key(), &key()).unwrap();
        let mut jar = CookieJar::new();
        while jar.push(ring.seal_cookie(&keys, &mut random).unwrap().as_bytes()) {}
        Self { random, ring, keys, jar }
    }

    fn request(&mut self, placeholders: usize) -> (Vec<u8>, [u8; 32]) {
        let mut identifier = [0; 32];
        self.random.fill_bytes(&mut identifier);
        let cookie = self.jar.pop().unwrap();
        let header = Header::request(4, NtpTimestamp::from_bits(self.random.next_u64()));
        let mut buffer = [0xee; MAX_REQUEST_LEN];
        let c2s = Aead::new(self.keys.c2s());
        let len =
            write_request(&mut buffer, &header, &identifier, &cookie, placeholders, &c2s, &mut self.random);
        (buffer[..len.unwrap()].to_vec(), identifier)
    }

    fn answer(&mut self, request: &[u8]) -> Result<Vec<u8>, Reject> {
        let packet = Packet::parse(request).unwrap();
        let header = reply_header(&packet.header());
        let request = open_request(&packet, &self.ring)?;
        let mut buffer = vec![0xee; packet.bytes().len()];
        let len = write_reply(&mut buffer, &header, &request, &self.ring, &mut self.random).unwrap();
        Ok(buffer[..len].to_vec())
    }
}

fn reply_header(request: &Header) -> Header {
    Header { mode: Mode::Server, stratum: 1, origin_timestamp: request.transmit_timestamp, ..*request }
}

#[test]
fn a_request_is_answered_and_the_jar_is_full_again() {
    for algorithm in Algorithm::ALL {
        let mut pair = Pair::new(algorithm);
        for missing in 0..JAR_CAPACITY {
            let sent = placeholders(JAR_CAPACITY - 1 - missing, cookie_len(algorithm), algorithm);
            // Eight cookies of 160 bytes do not fit into one request.
            assert!(sent == missing || (algorithm == Algorithm::AesSivCmac512 && sent == 4));
            let (request, identifier) = pair.request(sent);
            assert!(request.len() <= MAX_REQUEST_LEN);
            let reply = pair.answer(&request).unwrap();
            assert_eq!(reply.len(), request.len());
            let s2c = Aead::new(pair.keys.s2c());
            let mut scratch = [0; MAX_PLAINTEXT_LEN];
            let packet = Packet::parse(&reply).unwrap();
            let opened = open_reply(&packet, &identifier, &s2c, &mut scratch).unwrap();
            assert_eq!(opened.cookies().count(), 1 + sent);
            pair.jar.clear();
            opened.cookies().for_each(|cookie| {
                assert!(pair.jar.push(cookie));
            });
        }
    }
}
