//! Requests with NTS.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use truechimer_nts::aead::{Aead, Algorithm};
use truechimer_nts::packet::{MAX_PLAINTEXT_LEN, is_nak, open_reply, write_request};
use truechimer_nts::{Cookie, Keys};
use truechimer_wire::mac::{KeyAlgorithm, MAX_DIGEST_LEN, SymmetricKey};

use super::*;

/// A client after a key exchange.
struct Client {
    random: ChaCha20Rng,
    ring: KeyRing,
    keys: Keys,
}

struct Asked {
    packet: Vec<u8>,
    identifier: [u8; 32],
}

impl Client {
    fn new(algorithm: Algorithm) -> Self {
        let mut random = ChaCha20Rng::from_seed([1; 32]);
        let ring = KeyRing::generate(0, 2, &mut random);
        let mut key = || {
            let mut key = vec![0; algorithm.key_len()];
            random.fill_bytes(&mut key);
            key
        };
        let keys = Keys::new(algorithm, &key(), &key()).unwrap();
        Self { random, ring, keys }
    }

    fn cookie(&mut self) -> Cookie {
        self.ring.seal_cookie(&self.keys, &mut self.random).unwrap()
    }

    fn ask_with(&mut self, cookie: &Cookie, placeholders: usize) -> Asked {
        let mut identifier = [0; 32];
        self.random.fill_bytes(&mut identifier);
        let header = Header::request(4, NtpTimestamp::from_bits(self.random.next_u64()));
        let c2s = Aead::new(self.keys.c2s());
        let mut buffer = [0; 1280];
        let len =
            write_request(&mut buffer, &header, &identifier, cookie, placeholders, &c2s, &mut self.random);
        Asked { packet: buffer[..len.unwrap()].to_vec(), identifier }
    }

    fn ask(&mut self, placeholders: usize) -> Asked {
        let cookie = self.cookie();
        self.ask_with(&cookie, placeholders)
    }

    /// How many cookies a reply brings; it must be sealed and for that request.
    fn open(&self, asked: &Asked, reply: &[u8]) -> Option<usize> {
        let mut scratch = [0; MAX_PLAINTEXT_LEN];
        let s2c = Aead::new(self.keys.s2c());
        let packet = Packet::parse(reply).unwrap();
        Some(open_reply(&packet, &asked.identifier, &s2c, &mut scratch).ok()?.cookies().count())
    }

    fn responder(&self) -> Responder {
        let mut responder = Responder::new(&everybody(), &KeyTable::default(), SEED);
        responder.handle_key_ring(Some(Arc::new(self.ring.clone())), [3; 32]);
        responder
    }
}

fn handle(responder: &mut Responder, request: &[u8], now: Now) -> Result<(Vec<u8>, usize), &'static str> {
    let mut buffer = vec![0xee; 1400];
    buffer[..request.len()].copy_from_slice(request);
    let client = CLIENT.parse().unwrap();
    match responder.handle(&mut buffer, request.len(), client, None, stamp(now.cooked), &served(), now) {
        Verdict::Reply(len) => {
            assert!(len <= request.len(), "{len} bytes for {}", request.len());
            assert!(buffer[request.len()..].iter().all(|byte| *byte == 0xee), "nothing behind the request");
            Ok((buffer, len))
        }
        Verdict::Sign => unreachable!("nobody signs"),
        Verdict::Drop(reason) => {
            assert_eq!(&buffer[..request.len()], request);
            Err(reason)
        }
    }
}

fn ask(responder: &mut Responder, request: &[u8]) -> Result<Vec<u8>, &'static str> {
    let (mut reply, len) = handle(responder, request, now())?;
    reply.truncate(len);
    responder.stamp(&mut reply, LEFT);
    Ok(reply)
}

/// When replies leave.
const LEFT: Cooked = Cooked::from_unix_nanos(1_893_456_000_000_005_000);

#[test]
fn the_seal_covers_the_time_at_which_the_reply_leaves() {
    for algorithm in Algorithm::ALL {
        let mut client = Client::new(algorithm);
        let mut responder = client.responder();
        for placeholders in 0..4 {
            let asked = client.ask(placeholders);
            let reply = ask(&mut responder, &asked.packet).unwrap();
            assert_eq!(reply.len(), asked.packet.len());
            assert_eq!(client.open(&asked, &reply), Some(1 + placeholders));
            let header = Header::parse(&reply).unwrap();
            assert_eq!(header.transmit_timestamp, LEFT.timestamp());
            assert_eq!((header.stratum, header.mode), (3, Mode::Server));
        }
        assert_eq!((responder.report().nts, responder.report().answered), (4, 4));
    }
}

#[test]
fn a_batch_is_sealed_in_any_order() {
    let mut client = Client::new(Algorithm::Aes128GcmSiv);
    let mut responder = client.responder();
    let mut waiting = Vec::new();
    for number in 0..super::super::nts::SLOTS {
        let asked = client.ask(number % 8);
        waiting.push((handle(&mut responder, &asked.packet, now()).unwrap(), asked));
    }
    for ((reply, len), asked) in waiting.iter_mut().rev() {
        responder.stamp(&mut reply[..*len], LEFT);
        assert!(client.open(asked, &reply[..*len]).is_some());
        // Once only: it is another packet now.
        let sealed = reply.clone();
        responder.stamp(&mut reply[..*len], LEFT);
        assert_eq!(sealed, *reply);
    }
}

#[test]
fn a_reply_whose_seal_was_waited_for_too_long_is_worth_nothing() {
    let mut client = Client::new(Algorithm::AesSivCmac256);
    let mut responder = client.responder();
    let first = client.ask(0);
    let (mut reply, len) = handle(&mut responder, &first.packet, now()).unwrap();
    for _ in 0..super::super::nts::SLOTS {
        let asked = client.ask(0);
        handle(&mut responder, &asked.packet, now()).unwrap();
    }
    responder.stamp(&mut reply[..len], LEFT);
    assert!(Packet::parse(&reply[..len]).is_ok_and(|packet| packet.header().transmit_timestamp.bits() == 1));
    let mut scratch = [0; MAX_PLAINTEXT_LEN];
    let packet = Packet::parse(&reply[..len]).unwrap();
    assert!(open_reply(&packet, &first.identifier, &Aead::new(client.keys.s2c()), &mut scratch).is_err());
}

#[test]
fn na_03_nts_packet_when_nts_is_off() {
    let mut client = Client::new(Algorithm::AesSivCmac256);
    let asked = client.ask(7);
    let mut plain = Responder::new(&everybody(), &KeyTable::default(), SEED);
    // The fields are like any others that nobody knows: the reply has none.
    assert_eq!(ask(&mut plain, &asked.packet).unwrap().len(), 48);
    let mut responder = client.responder();
    responder.handle_key_ring(None, [0; 32]);
    assert_eq!(ask(&mut responder, &asked.packet).unwrap().len(), 48);
    assert_eq!((responder.report().nts, responder.report().nts_naks), (0, 0));
    // And a request without NTS is answered as always where NTS is on.
    let mut responder = client.responder();
    assert_eq!(ask(&mut responder, &request(4, Mode::Client)).unwrap().len(), 48);
    assert_eq!(ask(&mut responder, &request(3, Mode::Client)).unwrap().len(), 48);
}

/// RFC 8915 §5.3: a server that has NTS repeats it in every reply.
#[test]
fn a_unique_identifier_comes_back_without_nts_too() {
    let key = SymmetricKey::new(KeyAlgorithm::Sha1, b"between the two of us").unwrap();
    let client = Client::new(Algorithm::AesSivCmac256);
    let mut responder = Responder::new(&everybody(), &[(9, key.clone())].into_iter().collect(), SEED);
    responder.handle_key_ring(Some(Arc::new(client.ring.clone())), [3; 32]);
    let field = |len: u8| [&[1, 4, 0, len + 4][..], &vec![len; usize::from(len)]].concat();
    let with = |mode, fields: &[&[u8]]| [&request(4, mode)[..], &fields.concat()].concat();
    let unknown = [&[0xf3, 0x23, 0, 28][..], &[1; 24]].concat();
    for len in [32, 36, 64] {
        let (identifier, padded) = (field(len), with(Mode::Client, &[&unknown, &field(len), &unknown]));
        for asked in [with(Mode::Client, &[&identifier]), padded] {
            let reply = ask(&mut responder, &asked).unwrap();
            assert_eq!(reply[48..], identifier, "{len} bytes");
            let header = Packet::parse(&reply).unwrap().header();
            assert_eq!((header.transmit_timestamp, header.stratum), (LEFT.timestamp(), 3));
        }
        let mut asked = with(Mode::Client, &[&identifier]);
        let mut digest = [0; MAX_DIGEST_LEN];
        let digest_len = key.digest(&asked, &mut digest);
        asked.extend([&9_u32.to_be_bytes()[..], &digest[..digest_len]].concat());
        let reply = ask(&mut responder, &asked).unwrap();
        let packet = Packet::parse(&reply).unwrap();
        assert_eq!(reply[48..packet.covered().len()], identifier);
        assert!(key.verify(packet.covered(), packet.mac().unwrap().digest));
        assert_eq!(packet.header().transmit_timestamp, LEFT.timestamp());
    }
    // What cannot be one is a field like any other that nobody knows, and so it is for those who are no clients.
    let twice = [field(32), field(32)].concat();
    for fields in [field(24), field(28), field(68), twice] {
        assert_eq!(ask(&mut responder, &with(Mode::Client, &[&fields])).unwrap().len(), 48);
    }
    assert_eq!(ask(&mut responder, &with(Mode::SymmetricActive, &[&field(32)])).unwrap().len(), 48);
    let mut plain = Responder::new(&everybody(), &KeyTable::default(), SEED);
    assert_eq!(ask(&mut plain, &with(Mode::Client, &[&field(32)])).unwrap().len(), 48);
    assert_eq!((responder.report().nts, responder.report().authenticated), (0, 3));
}

/// The unique identifier comes back, and nothing else.
fn assert_nak(asked: &Asked, reply: &[u8]) {
    let packet = Packet::parse(reply).unwrap();
    assert!(is_nak(&packet, &asked.identifier));
    assert_eq!(reply.len(), 48 + 36);
    assert_eq!(packet.fields().count(), 1);
    assert_eq!(packet.header().origin_timestamp, Header::parse(&asked.packet).unwrap().transmit_timestamp);
}

#[test]
fn at_22_nts_cookie_forgery() {
    let mut client = Client::new(Algorithm::AesSivCmac256);
    let mut responder = client.responder();
    let good = client.cookie();
    for at in 0..good.as_bytes().len() {
        let mut forged = good.as_bytes().to_vec();
        forged[at] ^= 1;
        let asked = client.ask_with(&Cookie::new(&forged).unwrap(), 3);
        let reply = ask(&mut responder, &asked.packet).unwrap();
        assert_nak(&asked, &reply);
    }
    // A good cookie in a request that was not sealed with its keys.
    let mut thief = Client::new(Algorithm::AesSivCmac256);
    thief.random = ChaCha20Rng::from_seed([77; 32]);
    let mut key = [0; 64];
    thief.random.fill_bytes(&mut key);
    thief.keys = Keys::new(Algorithm::AesSivCmac256, &key[..32], &key[32..]).unwrap();
    let asked = thief.ask_with(&good, 0);
    assert_nak(&asked, &ask(&mut responder, &asked.packet).unwrap());
    // A good request that was changed on the way.
    let asked = client.ask(0);
    for at in 1..48 {
        let mut changed = Asked { packet: asked.packet.clone(), identifier: asked.identifier };
        changed.packet[at] ^= 1;
        assert_nak(&changed, &ask(&mut responder, &changed.packet).unwrap());
    }
    assert_eq!(responder.report().nts, 0);
}

#[test]
fn at_22_key_rotation_boundary_and_stolen_old_key() {
    let mut client = Client::new(Algorithm::Aes128GcmSiv);
    let mut responder = client.responder();
    let old = client.cookie();
    // The ring keeps two old keys: the cookie is good for exactly two rotations.
    for rotations in 0..4 {
        let asked = client.ask_with(&old, 0);
        let reply = ask(&mut responder, &asked.packet).unwrap();
        assert_eq!(client.open(&asked, &reply).is_some(), rotations <= 2, "after {rotations} rotations");
        if rotations > 2 {
            assert_nak(&asked, &reply);
        }
        client.ring.rotate(rotations, &mut client.random);
        responder.handle_key_ring(Some(Arc::new(client.ring.clone())), [5; 32]);
    }
    // Who stole the ring of then can make cookies that are good no longer than that either.
    let asked = client.ask(0);
    assert!(client.open(&asked, &ask(&mut responder, &asked.packet).unwrap()).is_some());
}

#[test]
fn refusals_are_limited() {
    let mut client = Client::new(Algorithm::AesSivCmac256);
    let mut responder = client.responder();
    client.ring = KeyRing::generate(0, 2, &mut client.random);
    let asked = client.ask(0);
    let mut refused = 0;
    for moment in 0..4000 {
        let now = after(f64::from(moment) * 0.5e-3);
        match handle(&mut responder, &asked.packet, now) {
            Ok(_) => refused += 1,
            Err(reason) => assert_eq!(reason, "nts_nak_rate"),
        }
    }
    // A thousand at once and a thousand a second for two seconds.
    assert!((2990..=3010).contains(&refused), "{refused}");
    assert_eq!(responder.report().nts_naks, refused);
}

#[test]
fn at_23_nts_nonce_repeat_restore_from_snapshot() {
    for algorithm in Algorithm::ALL {
        let mut client = Client::new(algorithm);
        let asked = client.ask(2);
        // Two machines made from one snapshot, with the same state of their random numbers.
        let (mut one, mut other) = (client.responder(), client.responder());
        let replies = [&mut one, &mut other].map(|responder| ask(responder, &asked.packet).unwrap());
        assert_eq!(replies[0], replies[1], "all that shows is that they are equal");
        // The next replies leave at different times: with the same nonce, the seals have nothing in common.
        let reply = |responder: &mut Responder, left| {
            let (mut reply, len) = handle(responder, &asked.packet, now()).unwrap();
            reply.truncate(len);
            responder.stamp(&mut reply, left);
            assert_eq!(client.open(&asked, &reply), Some(3));
            reply
        };
        let one = reply(&mut one, LEFT);
        let other = reply(&mut other, LEFT + NtpDuration::from_nanos(1000));
        let sealed_at = 48 + 36 + 8;
        let nonce = sealed_at..sealed_at + algorithm.nonce_len();
        assert_eq!(one[nonce.clone()], other[nonce.clone()], "the nonces do repeat");
        let same = one[nonce.end..].iter().zip(&other[nonce.end..]).filter(|(a, b)| a == b).count();
        assert!(same < 24, "{same} of {} bytes are equal", one.len() - nonce.end);
    }
}

#[test]
fn requests_that_break_the_rules_of_nts_are_dropped() {
    let mut client = Client::new(Algorithm::AesSivCmac256);
    let mut responder = client.responder();
    let good = client.ask(0).packet;
    // No seal; a seal and no cookie; two cookies.
    let unsealed = &good[..48 + 36 + 100];
    let cookieless = [&good[..48 + 36], &good[48 + 36 + 100..]].concat();
    let twice = [&good[..48 + 36 + 100], &good[48 + 36..]].concat();
    for packet in [unsealed, &cookieless, &twice] {
        assert_eq!(ask(&mut responder, packet), Err("nts_format"));
    }
    let mut active = good;
    active[0] = 0x21;
    assert_eq!(ask(&mut responder, &active), Err("nts_format"), "symmetric active");
}

proptest! {
    /// Whatever is done to a request: no panic, no longer reply, and no seal for it.
    #[test]
    fn spoilt_requests_get_no_seal(
        flips in proptest::collection::vec((0_usize..224, 1_u8..), 1..4),
        cut in 48_usize..=224,
        placeholders in 0_usize..8,
    ) {
        let mut client = Client::new(Algorithm::AesSivCmac256);
        let mut responder = client.responder();
        let asked = client.ask(placeholders);
        let mut packet = asked.packet.clone();
        flips.iter().for_each(|(at, bits)| packet[*at] ^= bits);
        packet.truncate(cut);
        prop_assume!(!asked.packet.starts_with(&packet) || packet.len() < asked.packet.len());
        if let Ok(reply) = ask(&mut responder, &packet) {
            prop_assert!(reply.len() <= packet.len());
            let sealed = Packet::parse(&reply).is_ok_and(|reply| reply.fields().count() > 1);
            prop_assert!(!sealed, "{packet:?}");
        }
    }
}

/// Were it the same for two, they could seal two messages alike.
#[test]
fn responders_for_workers_have_the_keys_and_randomness_of_their_own() {
    let mut client = Client::new(Algorithm::AesSivCmac256);
    let mut engine = engine();
    let version = engine.responder_version();
    engine.handle_key_ring(Some(Arc::new(client.ring.clone())));
    assert_ne!(engine.responder_version(), version);
    let asked = client.ask(0);
    let [first, second] = [(); 2].map(|()| {
        let mut responder = engine.new_responder().unwrap();
        let mut buffer = asked.packet.clone();
        let len = buffer.len();
        let client = CLIENT.parse().unwrap();
        let verdict = responder.handle(&mut buffer, len, client, None, stamp(now().cooked), &served(), now());
        assert_eq!(verdict, Verdict::Reply(len));
        responder.stamp(&mut buffer, now().cooked);
        buffer
    });
    assert_eq!([&first, &second].map(|reply| client.open(&asked, reply)), [Some(1), Some(1)]);
    assert_ne!(first, second);
}

fn limited(client: &Client) -> Responder {
    let mut responder = client.responder();
    let limit = crate::config::RateLimit { leak: u32::MAX, ..crate::config::RateLimit::default() };
    let config = ServeConfig { rate_limit: Some(limit), ..everybody() };
    responder.handle_config(&config, &KeyTable::default());
    responder
}

/// AT-18: whoever floods in the name of a client with NTS does not get it limited.
#[test]
fn at18_a_client_with_nts_is_not_limited_by_those_without() {
    let mut client = Client::new(Algorithm::AesSivCmac256);
    let mut responder = limited(&client);
    let answered = (0..1000).filter(|_| ask(&mut responder, &request(4, Mode::Client)).is_ok()).count();
    assert_eq!(answered, 8);
    for _ in 0..8 {
        let asked = client.ask(0);
        assert!(ask(&mut responder, &asked.packet).is_ok());
    }
    let asked = client.ask(0);
    assert_eq!(ask(&mut responder, &asked.packet), Err("rate_limited"), "its own requests limit it");
}

/// AT-18: cookies are good from any address, so a client with NTS of its own must not be able to use up what belongs to
/// another one, in whose name it asks.
#[test]
fn at18_a_client_with_nts_cannot_get_another_one_limited() {
    let mut victim = Client::new(Algorithm::AesSivCmac256);
    let mut attacker = Client::new(Algorithm::AesSivCmac256);
    let key = [0x5a; 32];
    attacker.keys = Keys::new(Algorithm::AesSivCmac256, &key, &key).unwrap();
    let mut responder = limited(&victim);
    let all_asked = |responder: &mut Responder, client: &mut Client, requests: u32| -> u32 {
        (0..requests).map(|_| u32::from(ask(responder, &client.ask(0).packet).is_ok())).sum()
    };
    assert_eq!(all_asked(&mut responder, &mut attacker, 100), 8);
    assert_eq!(all_asked(&mut responder, &mut victim, 8), 8);
}

#[test]
fn a_kiss_for_a_client_with_nts_is_sealed() {
    let mut client = Client::new(Algorithm::AesSivCmac256);
    let mut responder = client.responder();
    let limit = crate::config::RateLimit { burst: 1, leak: u32::MAX, kiss: Some(1), ..Default::default() };
    let config = ServeConfig { rate_limit: Some(limit), ..everybody() };
    responder.handle_config(&config, &KeyTable::default());
    ask(&mut responder, &client.ask(0).packet).unwrap();
    let asked = client.ask(0);
    let kiss = ask(&mut responder, &asked.packet).unwrap();
    assert_eq!(client.open(&asked, &kiss), Some(1));
    assert_eq!(Header::parse(&kiss).unwrap().kiss_code(), Some(truechimer_wire::KissCode::Rate));
}
