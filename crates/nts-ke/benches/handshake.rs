//! What one key exchange costs the server, everything of TLS included and the client's share left out:
//! `cargo bench -p truechimer-nts-ke`.
#![allow(clippy::expect_used)]

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use truechimer_nts::KeyRing;
use truechimer_nts_ke::authority::{Authority, server_params};
use truechimer_nts_ke::testing::{Manners, Peer, RAW_CLIENT_NOW_S, Raw, Server};
use truechimer_nts_ke::{ServerTls, Validity};

const SPAN: Validity =
    Validity { not_before_s: RAW_CLIENT_NOW_S - 86_400, not_after_s: RAW_CLIENT_NOW_S + 86_400 };

const X25519: u16 = 29;
const P256: u16 = 23;
const X25519_ML_KEM_768: u16 = 0x11ec;

/// NTPv4 with AES-SIV-CMAC-256.
const REQUEST: &[u8] = &[0x80, 1, 0, 2, 0, 0, 0x80, 4, 0, 2, 0, 15, 0x80, 0, 0, 0];

struct World {
    root: String,
    tls: ServerTls,
    ring: KeyRing,
}

impl World {
    /// A server below an intermediate authority, as public ones are, with a key of this kind.
    fn new(kind: &'static rcgen::SignatureAlgorithm) -> Self {
        let root = Authority::new("root", SPAN).expect("a root");
        let middle = root.intermediate("middle", SPAN).expect("an authority");
        let key = rcgen::KeyPair::generate_for(kind).expect("a key");
        let params = server_params(&["ntp.example"], SPAN).expect("parameters");
        let chain = middle.certify_key(&params, &key).expect("a certificate");
        let tls = ServerTls::from_pem(chain.as_bytes(), key.serialize_pem().as_bytes()).expect("an identity");
        let ring = KeyRing::generate(0, 2, &mut ChaCha20Rng::from_seed([1; 32]));
        Self { root: root.root().to_owned(), tls, ring }
    }

    /// The server's time for one exchange.
    fn exchange(&self, group: u16) -> Duration {
        let manners = Manners {
            protocols: vec![b"ntske/1".to_vec()],
            says: REQUEST.to_vec(),
            groups: vec![group],
            ..Manners::default()
        };
        let mut client = Raw::client(&self.root, "ntp.example", manners).expect("a client");
        let mut spent = Duration::ZERO;
        let hello = client.pull();
        let begin = Instant::now();
        let mut server =
            Server::new(&self.tls, &self.ring, ChaCha20Rng::from_seed([2; 32])).expect("a session");
        server.push(&hello);
        let flight = server.pull();
        spent += begin.elapsed();
        client.push(&flight);
        let request = client.pull();
        let begin = Instant::now();
        server.push(&request);
        let answer = server.pull();
        let outcome = server.session.outcome();
        drop(server);
        spent += begin.elapsed();
        client.push(&answer);
        assert!(outcome.is_some_and(|outcome| outcome.is_ok()) && client.is_closed, "{:?}", client.complaint);
        spent
    }
}

fn server(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("server");
    for (name, kind, kx) in [
        ("ECDSA P-256, X25519", &rcgen::PKCS_ECDSA_P256_SHA256, X25519),
        ("Ed25519, X25519", &rcgen::PKCS_ED25519, X25519),
        ("ECDSA P-256, P-256", &rcgen::PKCS_ECDSA_P256_SHA256, P256),
        ("ECDSA P-256, X25519 with ML-KEM-768", &rcgen::PKCS_ECDSA_P256_SHA256, X25519_ML_KEM_768),
        ("ECDSA P-384, X25519", &rcgen::PKCS_ECDSA_P384_SHA384, X25519),
        ("RSA 2048, X25519", &rcgen::PKCS_RSA_SHA256, X25519),
    ] {
        let world = World::new(kind);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| world.exchange(kx)).sum());
        });
    }
}

criterion_group!(benches, server);
criterion_main!(benches);
