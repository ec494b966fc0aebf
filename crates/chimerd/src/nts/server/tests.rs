//! The server against real clients, both in one loop.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream as StdStream};
use std::time::{Duration, Instant};

use truechimer_nts::negotiate::ClientOffer;
use truechimer_nts_ke::authority::Authority;
use truechimer_nts_ke::{DatePolicy, ExchangeAnswer, ExchangeRequest, KeError, NetworkFault, Validity};
use truechimer_sys::clock::read_mono;

use super::*;
use crate::nts::client::{KeClient, Trust};

const YEAR: Validity = Validity { not_before_s: 1_790_000_000, not_after_s: 1_820_000_000 };
const NOW_S: i64 = 1_800_000_000;

fn random() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([3; 32])
}

pub(crate) fn setup() -> Setup {
    Setup {
        limits: KeyExchangeLimits { timeout_s: 1.0, ..KeyExchangeLimits::default() },
        access: vec![AccessRule { network: [127, 0, 0, 0].into(), prefix_len: 8, allow: true }],
        ntp_server: None,
        ntp_port: None,
    }
}

/// A server on a loopback port, and what its clients need.
pub(crate) struct Bench {
    server: KeServer,
    client: KeClient,
    address: SocketAddr,
    authority: Authority,
    ring: Arc<KeyRing>,
    poll: PollSet,
    /// Queries so far.
    queries: u64,
}

impl Bench {
    pub(crate) fn new(setup: &Setup, steps: usize) -> Self {
        let authority = Authority::new("root", YEAR).unwrap();
        let listener = TcpListener::open("127.0.0.1:0".parse().unwrap(), None).unwrap();
        let address = listener.local();
        let mut server = KeServer::new(setup, steps);
        server.configure(setup, vec![listener]);
        let ring = Arc::new(KeyRing::generate(0, 2, &mut random()));
        server.set_ring(Arc::clone(&ring));
        let trust = Trust { system: false, texts: vec![("ca".into(), authority.root().into())] };
        let client = KeClient::new(trust);
        let mut bench = Self { server, client, address, authority, ring, poll: PollSet::new(), queries: 0 };
        bench.identify("time.example");
        bench
    }

    /// Who vouches for the server, as PEM.
    pub(crate) fn root(&self) -> &str {
        self.authority.root()
    }

    pub(crate) fn opens(&self, cookie: &[u8]) -> bool {
        self.ring.open_cookie(cookie).is_ok()
    }

    fn identify(&mut self, name: &str) {
        let files = self.authority.certify(&[name], YEAR).unwrap();
        self.server.set_identity(ServerTls::from_pem(files.chain.as_bytes(), files.key.as_bytes()).unwrap());
    }

    fn ask(&mut self, name: &str, addresses: &[&str]) -> u64 {
        self.queries += 1;
        let request = ExchangeRequest { server: name.into(), ..request(self.queries, self, addresses) };
        self.client.begin(request, read_mono().unwrap());
        self.queries
    }

    /// One turn of the loop, of a hundredth of a second at most.
    pub(crate) fn turn(&mut self) {
        self.poll.clear();
        let now = read_mono().unwrap();
        self.server.register(&mut self.poll, now);
        self.client.register(&mut self.poll);
        self.poll.wait(Some(Duration::from_millis(10))).unwrap();
        let now = read_mono().unwrap();
        self.server.handle_ready(&self.poll, now);
        self.client.handle_ready(&self.poll, now);
    }

    fn turns_until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "waited for {what}: {:?}",
                self.server.counters()
            );
            self.turn();
        }
    }

    fn answer(&mut self) -> ExchangeAnswer {
        let mut answer = None;
        self.turns_until("an answer", |bench| {
            answer = bench.client.poll_answer();
            answer.is_some()
        });
        answer.unwrap()
    }

    /// A client that does nothing but connect.
    fn connect(&self) -> StdStream {
        let stream = StdStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream
    }

    fn exchange(&mut self) {
        let query = self.ask("time.example", &["127.0.0.1"]);
        let answer = self.answer();
        assert_eq!(answer.query, query);
        let exchanged = answer.result.unwrap();
        let keys = self.ring.open_cookie(&exchanged.cookies[0]).unwrap();
        assert_eq!((keys, exchanged.cookies.len()), (exchanged.keys, 8));
    }
}

/// An exchange with the server of the bench.
pub(crate) fn request(query: u64, bench: &Bench, addresses: &[&str]) -> ExchangeRequest {
    ExchangeRequest {
        query,
        server: "time.example".into(),
        port: bench.address.port(),
        addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        bind: None,
        date: DatePolicy::At(NOW_S),
        offer: ClientOffer::default(),
    }
}

/// Whether the server has closed it, perhaps after an alert: at the end or with a reset.
fn is_closed(stream: &mut StdStream) -> bool {
    match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn clients_get_keys_and_cookies_that_open_with_the_ring() {
    // Once as in a process of its own, once as in the daemon's loop, where one connection is worked on a turn.
    for steps in [usize::MAX, 1] {
        let mut bench = Bench::new(&setup(), steps);
        bench.exchange();
        for _ in 0..10 {
            bench.ask("time.example", &["127.0.0.1"]);
        }
        for _ in 0..10 {
            let answer = bench.answer();
            assert_eq!(answer.peer, Some("127.0.0.1".parse().unwrap()));
            let exchanged = answer.result.unwrap();
            assert_eq!((exchanged.server, exchanged.port, exchanged.validity), (None, None, YEAR));
        }
        bench.turns_until("the end of all connections", |bench| bench.server.counters().open == 0);
        let expected = Counters { accepted: 11, exchanged: 11, ..Counters::default() };
        assert_eq!(bench.server.counters(), expected);
    }
}

#[test]
fn clients_are_sent_to_other_servers_and_new_settings_hold_at_once() {
    let mut bench = Bench::new(&setup(), usize::MAX);
    let listener = TcpListener::open("127.0.0.1:0".parse().unwrap(), None).unwrap();
    bench.address = listener.local();
    let elsewhere = Setup { ntp_server: Some("other.example".into()), ntp_port: Some(124), ..setup() };
    bench.server.configure(&elsewhere, vec![listener]);
    bench.ask("time.example", &["127.0.0.1"]);
    let exchanged = bench.answer().result.unwrap();
    assert_eq!((exchanged.server.as_deref(), exchanged.port), (Some("other.example"), Some(124)));
    // Another certificate, in the middle of an exchange that goes on with the old one.
    let query = bench.ask("time.example", &["127.0.0.1"]);
    bench.turns_until("the connection", |bench| bench.server.counters().accepted == 2);
    bench.identify("new.example");
    let answer = bench.answer();
    assert_eq!((answer.query, answer.result.is_ok()), (query, true));
    bench.ask("time.example", &["127.0.0.1"]);
    assert!(matches!(bench.answer().result, Err(KeError::Certificate(_))));
    bench.ask("new.example", &["127.0.0.1"]);
    assert!(bench.answer().result.is_ok());
}

#[test]
fn addresses_are_tried_in_turn_and_the_last_failure_is_told() {
    let mut bench = Bench::new(&setup(), usize::MAX);
    // Nothing listens at the first, and the second is nobody's.
    bench.ask("time.example", &["127.9.9.9", "2001:db8::1", "127.0.0.1"]);
    let answer = bench.answer();
    assert_eq!(answer.peer, Some("127.0.0.1".parse().unwrap()));
    assert!(answer.result.is_ok());
    bench.ask("time.example", &["127.9.9.9"]);
    assert_eq!(bench.answer().result, Err(KeError::Network(NetworkFault::Refused)));
    bench.ask("time.example", &[]);
    assert_eq!(bench.answer().result, Err(KeError::Network(NetworkFault::NotFound)));
    bench.ask("not a name", &["127.0.0.1"]);
    assert_eq!(bench.answer().result, Err(KeError::ServerName));
    // A name that is wrong is wrong at every address.
    bench.ask("wrong.example", &["127.0.0.1", "127.0.0.1"]);
    assert!(matches!(bench.answer().result, Err(KeError::Certificate(_))));
    assert!(bench.server.counters().accepted <= 2, "{:?}", bench.server.counters());
}

#[test]
fn a_client_that_trusts_nobody_says_so_and_asks_nobody() {
    let mut bench = Bench::new(&setup(), usize::MAX);
    let nobody = Trust { system: false, texts: vec![("/etc/ca.pem".into(), b"garbage".to_vec())] };
    bench.client.set_trust(nobody);
    bench.ask("time.example", &["127.0.0.1"]);
    assert_eq!(bench.answer().result, Err(KeError::Network(NetworkFault::Unavailable)));
    let complaints = bench.client.take_complaints();
    assert!(complaints[0].starts_with("/etc/ca.pem: "), "{complaints:?}");
    assert!(complaints[1].contains("no certificate is trusted"), "{complaints:?}");
    assert_eq!(bench.server.counters().accepted, 0);
}

#[test]
fn at_24_slow_clients_are_closed_in_time_whatever_they_send() {
    let mut bench = Bench::new(&setup(), usize::MAX);
    let mut silent = bench.connect();
    let mut slow = bench.connect();
    let start = Instant::now();
    // A handshake record that never ends, a byte at a time.
    let mut hello = vec![0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
    hello.resize(400, 0);
    let mut bytes = hello.chunks(1);
    bench.turns_until("the first close", |bench| {
        if let Some(byte) = bytes.next() {
            let _ = slow.write_all(byte);
        }
        bench.server.counters().timed_out == 2
    });
    let took = start.elapsed();
    assert!((0.8..2.0).contains(&took.as_secs_f64()), "{took:?}");
    assert!(is_closed(&mut silent) && is_closed(&mut slow));
    bench.exchange();
    assert_eq!(bench.server.counters().open, 1);
}

#[test]
fn at_24_garbage_and_half_open_connections_cost_nothing_for_long() {
    let mut bench = Bench::new(&setup(), usize::MAX);
    let mut garbage = bench.connect();
    garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut flood = bench.connect();
    flood.write_all(&[0x16; 60_000]).unwrap();
    let mut half = bench.connect();
    half.shutdown(std::net::Shutdown::Write).unwrap();
    drop(bench.connect());
    bench.turns_until("all to be over", |bench| {
        let counters = bench.server.counters();
        counters.accepted == 4 && counters.open == 0
    });
    assert!(is_closed(&mut garbage) && is_closed(&mut flood) && is_closed(&mut half));
    let counters = bench.server.counters();
    assert_eq!(counters.faults.iter().sum::<u64>(), 4, "{counters:?}");
    bench.exchange();
}

#[test]
fn at_24_a_crowd_makes_room_oldest_first_and_not_before_a_second() {
    let limits = KeyExchangeLimits { max_connections: 4, timeout_s: 60.0, ..KeyExchangeLimits::default() };
    let mut bench = Bench::new(&Setup { limits, ..setup() }, usize::MAX);
    let mut crowd: Vec<_> = (0..4).map(|_| bench.connect()).collect();
    bench.turns_until("the crowd", |bench| bench.server.counters().open == 4);
    let start = Instant::now();
    bench.exchange();
    let took = start.elapsed();
    assert!((0.5..3.0).contains(&took.as_secs_f64()), "{took:?}");
    assert_eq!(bench.server.counters().crowded_out, 1);
    assert!(is_closed(&mut crowd[0]));
    crowd.remove(0);
    // Whoever holds on to connections keeps nobody out for long.
    for _ in 0..3 {
        crowd.push(bench.connect());
        bench.exchange();
        assert!(bench.server.counters().open <= 4);
    }
}

#[test]
fn at_24_a_caller_has_no_more_than_its_share() {
    let limits = KeyExchangeLimits {
        max_per_address: 3,
        max_rate: 2.0,
        timeout_s: 60.0,
        ..KeyExchangeLimits::default()
    };
    let mut bench = Bench::new(&Setup { limits, ..setup() }, usize::MAX);
    let mut crowd: Vec<_> = (0..6).map(|_| bench.connect()).collect();
    bench.turns_until("the crowd", |bench| bench.server.counters().too_many == 3);
    assert_eq!(bench.server.counters().open, 3);
    assert!(crowd.iter_mut().skip(3).all(is_closed));
    crowd.clear();
    bench.turns_until("their end", |bench| bench.server.counters().open == 0);
    // Ten may come at once, of which three have.
    for _ in 0..7 {
        bench.exchange();
    }
    bench.ask("time.example", &["127.0.0.1"]);
    assert!(bench.answer().result.is_err());
    assert_eq!(bench.server.counters().too_fast, 1);
    // Others are not concerned: 127.0.0.2 is another address.
    let bind = Some("127.0.0.2".parse().unwrap());
    let request = ExchangeRequest { bind, ..request(99, &bench, &["127.0.0.1"]) };
    bench.client.begin(request, read_mono().unwrap());
    assert!(bench.answer().result.is_ok());
}

#[test]
fn who_is_not_served_time_gets_no_keys() {
    let nobody = Setup { access: Vec::new(), ..setup() };
    let mut bench = Bench::new(&nobody, usize::MAX);
    bench.ask("time.example", &["127.0.0.1"]);
    assert!(bench.answer().result.is_err());
    assert_eq!(bench.server.counters().denied, 1);
}

#[test]
fn without_a_certificate_or_keys_clients_wait() {
    let listener = TcpListener::open("127.0.0.1:0".parse().unwrap(), None).unwrap();
    let mut bench = Bench::new(&setup(), usize::MAX);
    bench.address = listener.local();
    bench.server = KeServer::new(&setup(), usize::MAX);
    bench.server.configure(&setup(), vec![listener]);
    bench.identify("time.example");
    bench.ask("time.example", &["127.0.0.1"]);
    for _ in 0..20 {
        bench.turn();
    }
    assert_eq!(bench.server.counters().accepted, 0);
    let ring = Arc::clone(&bench.ring);
    bench.server.set_ring(ring);
    assert!(bench.answer().result.is_ok(), "who waited is served");
}
