//! A client and a server after a key exchange, and packets that neither of them would make.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(dead_code)] // each test program uses some of it

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use truechimer_nts::aead::{Aead, Algorithm, TAG_LEN};
use truechimer_nts::packet::{
    MAX_PLAINTEXT_LEN, MAX_REQUEST_LEN, Reject, ReplyError, open_reply, open_request, write_reply,
    write_request,
};
use truechimer_nts::{Cookie, CookieJar, JAR_CAPACITY, KeyRing, Keys};
use truechimer_time::NtpTimestamp;
use truechimer_wire::{FieldType, Header, Mode, Packet, PacketWriter};

/// Longest packet that the tests make.
pub(crate) const MAX_PACKET_LEN: usize = 65_000;

/// Both sides of an association.
pub(crate) struct Pair {
    pub(crate) random: ChaCha20Rng,
    pub(crate) ring: KeyRing,
    pub(crate) keys: Keys,
    pub(crate) jar: CookieJar,
}

/// A request and what the client remembers of it.
pub(crate) struct Sent {
    pub(crate) bytes: Vec<u8>,
    pub(crate) identifier: [u8; 32],
}

impl Pair {
    pub(crate) fn new(algorithm: Algorithm, seed: u8) -> Self {
        let mut random = ChaCha20Rng::from_seed([seed; 32]);
        let ring = KeyRing::generate(0, 2, &mut random);
        let keys = keys(algorithm, &mut random);
        let mut pair = Self { random, ring, keys, jar: CookieJar::new() };
        pair.fill_jar();
        pair
    }

    /// As a key exchange does.
    pub(crate) fn fill_jar(&mut self) {
        while self.jar.len() < JAR_CAPACITY {
            let cookie = self.cookie();
            assert!(self.jar.push(cookie.as_bytes()));
        }
    }

    pub(crate) fn cookie(&mut self) -> Cookie {
        self.ring.seal_cookie(&self.keys, &mut self.random).unwrap()
    }

    pub(crate) fn c2s(&self) -> Aead {
        Aead::new(self.keys.c2s())
    }

    pub(crate) fn request(&mut self, placeholders: usize) -> Sent {
        let mut identifier = [0; 32];
        self.random.fill_bytes(&mut identifier);
        let cookie = self.jar.pop().unwrap();
        let header = Header::request(4, NtpTimestamp::from_bits(self.random.next_u64()));
        let mut buffer = [0xee; MAX_REQUEST_LEN];
        let c2s = self.c2s();
        let len =
            write_request(&mut buffer, &header, &identifier, &cookie, placeholders, &c2s, &mut self.random);
        Sent { bytes: buffer[..len.unwrap()].to_vec(), identifier }
    }

    /// The server's answer, in a buffer as long as the request.
    pub(crate) fn answer(&mut self, request: &[u8]) -> Result<Vec<u8>, Reject> {
        let packet = Packet::parse(request).unwrap();
        let header = reply_header(&packet.header());
        let request = open_request(&packet, &self.ring)?;
        let mut buffer = vec![0xee; packet.bytes().len()];
        let len = write_reply(&mut buffer, &header, &request, &self.ring, &mut self.random).unwrap();
        Ok(buffer[..len].to_vec())
    }

    /// The cookies that the client finds in a reply.
    pub(crate) fn open(&self, reply: &[u8], identifier: &[u8; 32]) -> Result<Vec<Vec<u8>>, ReplyError> {
        let mut scratch = [0; MAX_PLAINTEXT_LEN];
        let s2c = Aead::new(self.keys.s2c());
        let opened = open_reply(&Packet::parse(reply).unwrap(), identifier, &s2c, &mut scratch)?;
        Ok(opened.cookies().map(<[u8]>::to_vec).collect())
    }
}

pub(crate) fn keys(algorithm: Algorithm, random: &mut ChaCha20Rng) -> Keys {
    let mut key = || {
        let mut key = vec![0; algorithm.key_len()];
        random.fill_bytes(&mut key);
        key
    };
    Keys::new(algorithm, &key(), &key()).unwrap()
}

pub(crate) fn reply_header(request: &Header) -> Header {
    Header { mode: Mode::Server, stratum: 1, origin_timestamp: request.transmit_timestamp, ..*request }
}

pub(crate) fn client_header() -> Header {
    Header::request(4, NtpTimestamp::from_bits(0x0123_4567_89ab_cdef))
}

/// A packet of any fields.
pub(crate) fn packet(header: &Header, fields: &[(FieldType, &[u8])]) -> Vec<u8> {
    let mut buffer = vec![0xee; MAX_PACKET_LEN];
    let len = with_fields(&mut buffer, header, fields).finish().unwrap();
    buffer.truncate(len);
    buffer
}

fn with_fields<'b>(buffer: &'b mut [u8], header: &Header, fields: &[(FieldType, &[u8])]) -> PacketWriter<'b> {
    let mut writer = PacketWriter::new(buffer, header).unwrap();
    for (field_type, value) in fields {
        writer.field(*field_type, value).unwrap();
    }
    writer
}

/// A packet of any fields, then an authenticator over them that seals `plaintext`, then `padding` zeros in it.
pub(crate) fn sealed(
    header: &Header,
    fields: &[(FieldType, &[u8])],
    aead: &Aead,
    nonce: &[u8],
    plaintext: &[u8],
    padding: usize,
) -> Vec<u8> {
    let mut buffer = vec![0xee; MAX_PACKET_LEN];
    let covered = with_fields(&mut buffer, header, fields).written().to_vec();
    let at = aead.algorithm().plaintext_at();
    let mut message = vec![0xee; plaintext.len() + TAG_LEN];
    message[at..at + plaintext.len()].copy_from_slice(plaintext);
    aead.seal(nonce, &covered, &mut message).unwrap();
    let mut value = Vec::new();
    value.extend_from_slice(&(nonce.len() as u16).to_be_bytes());
    value.extend_from_slice(&(message.len() as u16).to_be_bytes());
    for part in [nonce, &message] {
        value.extend_from_slice(part);
        value.resize(value.len().next_multiple_of(4), 0);
    }
    value.resize(value.len() + padding, 0);
    let all: Vec<_> =
        fields.iter().copied().chain([(FieldType::NTS_AUTHENTICATOR, value.as_slice())]).collect();
    packet(header, &all)
}

/// A field as it stands in a packet.
pub(crate) fn field(field_type: FieldType, value: &[u8]) -> Vec<u8> {
    let len = 4 + value.len();
    [&field_type.0.to_be_bytes(), (len as u16).to_be_bytes().as_slice(), value].concat()
}
