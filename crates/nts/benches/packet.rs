//! What NTS costs the server for a packet: `cargo bench -p truechimer-nts`.

#![allow(clippy::expect_used, clippy::indexing_slicing)]

use criterion::{Criterion, criterion_group, criterion_main};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use truechimer_nts::aead::{Aead, Algorithm};
use truechimer_nts::packet::{MAX_REQUEST_LEN, open_request, write_reply, write_request};
use truechimer_nts::{KeyRing, Keys};
use truechimer_time::NtpTimestamp;
use truechimer_wire::{Header, Mode, Packet};

/// A client that has all its cookies, as nearly all have nearly always: one cookie each way.
fn packets(criterion: &mut Criterion) {
    for algorithm in [Algorithm::AesSivCmac256, Algorithm::Aes128GcmSiv] {
        let mut random = ChaCha20Rng::from_seed([1; 32]);
        let ring = KeyRing::generate(0, 2, &mut random);
        let len = algorithm.key_len();
        let keys = Keys::new(algorithm, &vec![1; len], &vec![2; len]).expect("the length is that of a key");
        let cookie = ring.seal_cookie(&keys, &mut random).expect("a ring seals");
        let c2s = Aead::new(keys.c2s());
        let header = Header::request(4, NtpTimestamp::from_bits(0x0123_4567_89ab_cdef));
        let mut request = [0; MAX_REQUEST_LEN];
        let len = write_request(&mut request, &header, &[3; 32], &cookie, 0, &c2s, &mut random)
            .expect("there is room");
        let request = &request[..len];
        let mut reply = [0; MAX_REQUEST_LEN];
        let mut group = criterion.benchmark_group(algorithm.name());
        group.bench_function("parse", |bencher| bencher.iter(|| Packet::parse(request).is_ok()));
        group.bench_function("open_request", |bencher| {
            let packet = Packet::parse(request).expect("a request is a packet");
            bencher.iter(|| open_request(&packet, &ring));
        });
        group.bench_function("write_reply", |bencher| {
            let packet = Packet::parse(request).expect("a request is a packet");
            let opened = open_request(&packet, &ring).expect("the cookie is ours");
            let header = Header { mode: Mode::Server, stratum: 1, ..header };
            bencher.iter(|| write_reply(&mut reply, &header, &opened, &ring, &mut random));
        });
        group.bench_function("open_request + write_reply", |bencher| {
            let packet = Packet::parse(request).expect("a request is a packet");
            let header = Header { mode: Mode::Server, stratum: 1, ..header };
            bencher.iter(|| {
                let opened = open_request(&packet, &ring).expect("the cookie is ours");
                write_reply(&mut reply, &header, &opened, &ring, &mut random)
            });
        });
        group.finish();
    }
}

criterion_group!(benches, packets);
criterion_main!(benches);
