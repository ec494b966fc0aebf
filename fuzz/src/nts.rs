//! Network Time Security: packets, cookies, the key exchange's records, and the file of a key ring.

use std::convert::Infallible;

use truechimer_nts::aead::{Aead, Algorithm, TAG_LEN};
use truechimer_nts::negotiate::{ClientAgreement, ClientOffer, MAX_COOKIES, Request, Response, ServerPolicy};
use truechimer_nts::packet::{
    MAX_PLAINTEXT_LEN, Reject, is_nak, open_reply, open_request, write_nak, write_reply,
};
use truechimer_nts::rand_core::{TryCryptoRng, TryRng};
use truechimer_nts::record::{Record, RecordReader};
use truechimer_nts::ring::MAX_FILE_LEN;
use truechimer_nts::{Cookie, CookieJar, JAR_CAPACITY, KeyRing, Keys};
use truechimer_time::NtpTimestamp;
use truechimer_wire::{FieldType, Header, KissCode, Mode, Packet, PacketWriter};

use super::input::Input;

/// Room for a packet.
const ROOM: usize = 4096;
/// The client's unique identifier.
const IDENTIFIER: [u8; 32] = [0x1d; 32];

/// Random numbers that a run can repeat: good enough, as nobody guesses here.
pub(super) struct Counter(pub(super) u64);

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(1);
        Ok(self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn try_fill_bytes(&mut self, place: &mut [u8]) -> Result<(), Infallible> {
        for chunk in place.chunks_mut(8) {
            let bytes = self.try_next_u64()?.to_be_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}

/// A client and a server after a key exchange: always the same ones, so that seeds stay good.
struct Pair {
    random: Counter,
    ring: KeyRing,
    keys: Keys,
    cookie: Cookie,
}

impl Pair {
    fn new(algorithm: u8) -> Self {
        let algorithm = Algorithm::ALL[usize::from(algorithm) % Algorithm::ALL.len()];
        let mut random = Counter(1);
        let ring = KeyRing::generate(0, 2, &mut random);
        let len = algorithm.key_len();
        let keys = Keys::new(algorithm, &vec![0xc2; len], &vec![0x2c; len]).expect("keys have this length");
        let cookie = ring.seal_cookie(&keys, &mut random).expect("a ring seals");
        Self { random, ring, keys, cookie }
    }
}

/// A request, either as it is (first byte 0x80 or above) or made of fields and sealed with the client's key, then changed.
///
/// Only what was sealed is answered, with the time or with a NAK, never with more bytes than came, and the client can open it.
///
/// The input: algorithm (1 byte), then the datagram or: fields, sealed fields (each a list, see `field`), length of the nonce
/// (1), length of the padding (1), what stands behind (slice), changes (place 2, bits 1).
pub fn nts_request(data: &[u8]) {
    let mut input = Input::new(data);
    let options = input.u8();
    let mut pair = Pair::new(options & 0x7f);
    let client = Header::request(4, NtpTimestamp::from_bits(0x0123_4567_89ab_cdef));
    let mut buffer = [0xee; ROOM];
    let request = if options & 0x80 != 0 {
        input.bytes(ROOM).to_vec()
    } else {
        sealed(&mut input, &client, &pair, pair.keys.c2s()).unwrap_or_default()
    };
    let Ok(packet) = Packet::parse(&request) else { return };
    let header = Header { mode: Mode::Server, stratum: 1, ..packet.header() };
    match open_request(&packet, &pair.ring) {
        Ok(opened) => {
            assert!((1..=JAR_CAPACITY).contains(&opened.cookies_wanted()));
            assert_eq!(*opened.keys(), pair.keys);
            let len = write_reply(&mut buffer, &header, &opened, &pair.ring, &mut pair.random);
            let len = len.expect("there is room");
            assert!(len <= request.len(), "I4: the reply is longer");
            let Ok(identifier) = opened.unique_identifier().as_bytes().try_into() else { return };
            let reply = Packet::parse(&buffer[..len]).expect("a reply is a packet");
            let mut scratch = [0; MAX_PLAINTEXT_LEN];
            let reply = open_reply(&reply, identifier, &Aead::new(pair.keys.s2c()), &mut scratch);
            let mut cookies = 0;
            for cookie in reply.expect("the client opens the reply").cookies() {
                assert_eq!(pair.ring.open_cookie(cookie).as_ref(), Ok(&pair.keys));
                cookies += 1;
            }
            assert_eq!(cookies, opened.cookies_wanted());
        }
        Err(Reject::Nak { unique_identifier, .. }) => {
            let len = write_nak(&mut buffer, &header, &unique_identifier).expect("there is room");
            assert!(len <= request.len(), "I4: the NAK is longer");
            let nak = Packet::parse(&buffer[..len]).expect("a NAK is a packet");
            assert_eq!(nak.header().kiss_code(), Some(KissCode::NtsNak));
        }
        Err(Reject::NotNts | Reject::Malformed) => {}
    }
}

/// A reply, either as it is or sealed with the server's key and then changed: the input is that of [`nts_request`].
///
/// Whatever is in it, at most eight cookies come out and each fits into a jar.
pub fn nts_reply(data: &[u8]) {
    let mut input = Input::new(data);
    let options = input.u8();
    let pair = Pair::new(options & 0x7f);
    let client = Header::request(4, NtpTimestamp::from_bits(0x0123_4567_89ab_cdef));
    let server =
        Header { mode: Mode::Server, stratum: 1, origin_timestamp: client.transmit_timestamp, ..client };
    let reply = if options & 0x80 != 0 {
        input.bytes(ROOM).to_vec()
    } else {
        sealed(&mut input, &server, &pair, pair.keys.s2c()).unwrap_or_default()
    };
    let Ok(packet) = Packet::parse(&reply) else { return };
    let mut scratch = [0; MAX_PLAINTEXT_LEN];
    let opened = open_reply(&packet, &IDENTIFIER, &Aead::new(pair.keys.s2c()), &mut scratch);
    assert!(opened.is_err() || !is_nak(&packet, &IDENTIFIER), "a reply is not a NAK too");
    let Ok(opened) = opened else { return };
    let mut jar = CookieJar::new();
    opened.cookies().for_each(|cookie| assert!(jar.push(cookie), "a cookie that fits into no jar"));
}

/// A packet with a list of fields, another list sealed, and changes afterwards; nothing if it gets too long.
fn sealed(
    input: &mut Input<'_>,
    header: &Header,
    pair: &Pair,
    key: &truechimer_nts::aead::Key,
) -> Option<Vec<u8>> {
    let aead = Aead::new(key);
    let mut buffer = [0xee; ROOM];
    let mut writer = PacketWriter::new(&mut buffer, header).ok()?;
    for (field_type, value) in fields(input, pair) {
        writer.field(field_type, &value).ok()?;
    }
    let hidden: Vec<u8> = fields(input, pair)
        .iter()
        .flat_map(|(field_type, value)| {
            let len = (4 + value.len()).next_multiple_of(4);
            let mut field =
                [field_type.0.to_be_bytes().as_slice(), &(len as u16).to_be_bytes(), value].concat();
            field.resize(len, 0);
            field
        })
        .collect();
    let mut nonce = vec![0x5a; 1 + usize::from(input.u8()) % 40];
    if pair.keys.algorithm() == Algorithm::Aes128GcmSiv {
        nonce.resize(pair.keys.algorithm().nonce_len(), 0x5a);
    }
    let at = pair.keys.algorithm().plaintext_at();
    let mut message = vec![0; hidden.len() + TAG_LEN];
    message[at..at + hidden.len()].copy_from_slice(&hidden);
    aead.seal(&nonce, writer.written(), &mut message).expect("any nonce of this length is taken");
    let mut value = [(nonce.len() as u16).to_be_bytes(), (message.len() as u16).to_be_bytes()].concat();
    for part in [&nonce, &message] {
        value.extend_from_slice(part);
        value.resize(value.len().next_multiple_of(4), 0);
    }
    value.resize(value.len() + usize::from(input.u8() % 8) * 4, 0);
    writer.field(FieldType::NTS_AUTHENTICATOR, &value).ok()?;
    let len = writer.finish().ok()?;
    let mut packet = buffer[..len].to_vec();
    packet.extend_from_slice(input.slice());
    while !input.is_empty() {
        let place = usize::from(input.u16()) % packet.len();
        packet[place] ^= input.u8();
    }
    Some(packet)
}

/// A list of fields: how many (1 byte), then each: what it is (1), and what that needs.
fn fields(input: &mut Input<'_>, pair: &Pair) -> Vec<(FieldType, Vec<u8>)> {
    let cookie = pair.cookie.as_bytes();
    let count = input.u8() % 40;
    let field = |_| match input.u8() % 6 {
        0 => (FieldType::UNIQUE_IDENTIFIER, IDENTIFIER.to_vec()),
        1 => (FieldType::NTS_COOKIE, cookie.to_vec()),
        2 => (FieldType::NTS_COOKIE_PLACEHOLDER, vec![0; cookie.len()]),
        3 => (FieldType::UNIQUE_IDENTIFIER, input.slice().to_vec()),
        4 => (FieldType::NTS_COOKIE, input.slice().to_vec()),
        _ => (FieldType(input.u16()), input.slice().to_vec()),
    };
    (0..count).map(field).collect()
}

/// Any bytes are no cookie, unless they are one that the ring has sealed.
///
/// The input: algorithm (1 byte; with 0x80 the first bytes are made those of the current key), then the cookie.
pub fn nts_cookie(data: &[u8]) {
    let mut input = Input::new(data);
    let options = input.u8();
    let pair = Pair::new(options & 0x7f);
    let mut cookie = input.bytes(ROOM).to_vec();
    if options & 0x80 != 0 && cookie.len() >= 4 {
        cookie[..4].copy_from_slice(&pair.ring.current_id().to_be_bytes());
    }
    match pair.ring.open_cookie(&cookie) {
        Ok(keys) => assert!(keys == pair.keys && cookie == pair.cookie.as_bytes(), "a forged cookie"),
        Err(_) => assert_ne!(cookie, pair.cookie.as_bytes()),
    }
}

/// A message of the key exchange that comes in pieces: as a request that a server answers and the client then reads, and as a
/// response. However it is cut, it means the same, and no more is held than the limit.
///
/// The input: length of the pieces (1 byte), limit (2), then the stream.
pub fn ke_records(data: &[u8]) {
    let mut input = Input::new(data);
    let piece = usize::from(input.u8()).max(1);
    let limit = usize::from(input.u16());
    let stream = input.bytes(usize::MAX);
    let mut whole = RecordReader::new(limit);
    let taken = whole.push(stream);
    let mut pieces = RecordReader::new(limit);
    for piece in stream.chunks(piece) {
        if pieces.push(piece).is_err() {
            break;
        }
        assert!(pieces.held() <= limit);
    }
    assert!(whole.held() <= limit);
    assert_eq!(whole.is_complete(), pieces.is_complete(), "the cut changed the meaning");
    let Ok(records) = whole.records() else { return };
    assert_eq!(taken, Ok(whole.held()));
    assert!(records.clone().eq(pieces.records().expect("it is complete")));
    let mut again = Vec::new();
    records.clone().for_each(|record: Record<'_>| record.write(&mut again).expect("it was not too long"));
    assert_eq!(again, stream[..again.len()]);
    if let Ok(agreement) = ClientAgreement::parse(records.clone(), &ClientOffer::default()) {
        assert!((1..=MAX_COOKIES).contains(&agreement.cookies.len()));
        let mut jar = CookieJar::new();
        assert!(agreement.cookies.iter().all(|cookie| jar.push(cookie)));
        assert!(agreement.server.is_none_or(|server| server.bytes().all(|byte| byte.is_ascii_graphic())));
    }
    let policy = ServerPolicy::default();
    let response = match Request::parse(records) {
        Ok(request) => request.negotiate(&policy),
        Err(code) => Response::Refused(code),
    };
    let message = response.write(&policy, [[7; 96].as_slice()]).expect("it is not too long");
    let mut reader = RecordReader::new(1000);
    assert_eq!(reader.push(&message), Ok(message.len()));
    let offer = ClientOffer { algorithms: Algorithm::ALL.to_vec(), ..ClientOffer::default() };
    let agreement = ClientAgreement::parse(reader.records().expect("it is complete"), &offer);
    match response {
        Response::Agreed { exporter, .. } => {
            assert_eq!(agreement.map(|agreed| agreed.exporter), Ok(exporter))
        }
        _ => assert!(agreement.is_err()),
    }
}

/// Any bytes are a key ring or are refused; one that is taken is written as it was read, and seals and opens.
pub fn key_ring_file(data: &[u8]) {
    let keep = usize::from(data.first().copied().unwrap_or(0));
    let Ok(mut ring) = KeyRing::parse(data, keep) else { return };
    let text = ring.write();
    assert!(text.len() <= MAX_FILE_LEN);
    let again = KeyRing::parse(text.as_bytes(), keep).expect("what was written is read");
    assert_eq!(*again.write(), *text);
    let keys = Pair::new(0).keys;
    let mut random = Counter(1);
    let cookie = ring.seal_cookie(&keys, &mut random).expect("a ring seals");
    ring.rotate(1, &mut random);
    assert_eq!(ring.open_cookie(cookie.as_bytes()).as_ref(), Ok(&keys));
    assert!(KeyRing::parse(ring.write().as_bytes(), keep).is_ok());
}
