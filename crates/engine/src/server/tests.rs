use std::net::{Ipv4Addr, SocketAddr};

use proptest::prelude::*;
use truechimer_time::{Mono, NtpDuration, NtpShort, NtpTimestamp, StampSource};
use truechimer_wire::PacketWriter;

use super::*;
use crate::config::{AccessRule, ClockConfig, EngineConfig, SelectionConfig};
use crate::{Command, Engine, Initial};

/// 2030-01-01, in era 0.
const NOON: Cooked = Cooked::from_unix_nanos(1_893_456_000_000_000_000);
const SEED: [u8; 32] = [5; 32];
const TRANSMIT: NtpTimestamp = NtpTimestamp::from_bits(0x0123_4567_89ab_cdef);

fn everybody() -> ServeConfig {
    let any = |network: &str| AccessRule { network: network.parse().unwrap(), prefix_len: 0, allow: true };
    ServeConfig { access: vec![any("0.0.0.0"), any("::")], ..ServeConfig::default() }
}

fn served() -> Served {
    Served {
        leap: Leap::None,
        stratum: 3,
        precision: -25,
        reference_id: ReferenceId([192, 0, 2, 1]),
        reference_time: NOON - NtpDuration::from_seconds(64.0),
        root_delay_s: 0.010,
        root_dispersion_s: 0.002,
        as_of: NOON - NtpDuration::from_seconds(64.0),
        dispersion_rate: 15e-6,
    }
}

fn now() -> Now {
    Now { mono: Mono::from_nanos(1_000_000_000_000), cooked: NOON }
}

fn after(seconds: f64) -> Now {
    Now { mono: now().mono.after(seconds), cooked: NOON + NtpDuration::from_seconds(seconds) }
}

fn stamp(at: Cooked) -> Stamp {
    Stamp { at, source: StampSource::Kernel, error: 1e-6 }
}

/// A request of this version and mode; poll 6 to see it come back.
fn request(version: u8, mode: Mode) -> Vec<u8> {
    let mut header = Header::request(version, TRANSMIT);
    header.mode = mode;
    header.poll = 6;
    header.write().to_vec()
}

/// What `ask` sends from and to.
const CLIENT: &str = "192.0.2.7:40000";
const SERVER: &str = "192.0.2.1";

struct Exchange {
    responder: Responder,
    served: Served,
    client: SocketAddr,
    local: Option<IpAddr>,
    now: Now,
}

impl Exchange {
    fn new() -> Self {
        Self {
            responder: Responder::new(&everybody(), &KeyTable::default(), SEED),
            served: served(),
            client: CLIENT.parse().unwrap(),
            local: Some(SERVER.parse().unwrap()),
            now: now(),
        }
    }

    fn from(client: &str, local: Option<&str>) -> Self {
        let local = local.map(|address| address.parse().unwrap());
        Self { client: client.parse().unwrap(), local, ..Self::new() }
    }

    /// The reply, or the reason of the drop. A drop must leave the buffer alone, and the counters must tell.
    fn ask(&mut self, request: &[u8]) -> Result<Header, &'static str> {
        let before = self.responder.report();
        let mut buffer = [0xee; 2048];
        buffer[..request.len()].copy_from_slice(request);
        let verdict = self.responder.handle(
            &mut buffer,
            request.len(),
            self.client,
            self.local,
            stamp(self.now.cooked),
            &self.served,
            self.now,
        );
        let report = self.responder.report();
        assert_eq!(report.received, before.received + 1);
        match verdict {
            Verdict::Reply(len) => {
                assert_eq!(len, 48);
                assert_eq!((report.answered, &report.dropped), (before.answered + 1, &before.dropped));
                let transmit = self.now.cooked + NtpDuration::from_nanos(5_000);
                self.responder.stamp(&mut buffer[..len], transmit);
                let header = Packet::parse(&buffer[..len]).unwrap().header();
                assert_eq!(header.transmit_timestamp, transmit.timestamp());
                Ok(header)
            }
            Verdict::Sign => unreachable!("nobody signs"),
            Verdict::Drop(reason) => {
                assert_eq!(&buffer[..request.len()], request);
                let count = before.dropped.get(reason).copied().unwrap_or(0);
                assert_eq!((report.answered, report.dropped[reason]), (before.answered, count + 1));
                Err(reason)
            }
        }
    }
}

#[test]
fn a_reply_tells_what_is_served() {
    let reply = Exchange::new().ask(&request(4, Mode::Client)).unwrap();
    assert_eq!((reply.leap, reply.stratum, reply.precision), (Leap::None, 3, -25));
    assert_eq!((reply.version, reply.mode, reply.poll), (4, Mode::Server, 6));
    assert_eq!(reply.reference_id, ReferenceId([192, 0, 2, 1]));
    assert_eq!(reply.reference_timestamp, served().reference_time.timestamp());
    assert_eq!(reply.origin_timestamp, TRANSMIT);
    assert_eq!(reply.receive_timestamp, NOON.timestamp());
}

#[test]
fn na_48_server_to_v3_client_and_mode1_answered() {
    for version in 1..=4 {
        let reply = Exchange::new().ask(&request(version, Mode::Client)).unwrap();
        assert_eq!((reply.version, reply.mode), (version, Mode::Server));
        let reply = Exchange::new().ask(&request(version, Mode::SymmetricActive)).unwrap();
        assert_eq!((reply.version, reply.mode), (version, Mode::SymmetricPassive));
    }
}

#[test]
fn a_client_of_ntpv1_has_no_mode_and_no_port_123() {
    let reply = Exchange::new().ask(&request(1, Mode::Reserved)).unwrap();
    assert_eq!((reply.version, reply.mode), (1, Mode::Server));
    let mut server = Exchange::from("192.0.2.7:123", Some(SERVER));
    assert_eq!(server.ask(&request(1, Mode::Reserved)), Err("mode"));
    assert_eq!(Exchange::new().ask(&request(2, Mode::Reserved)), Err("mode"));
}

#[test]
fn na_24_server_never_answers_server() {
    for mode in [Mode::SymmetricPassive, Mode::Server, Mode::Broadcast, Mode::Control, Mode::Private] {
        for version in 1..=4 {
            for client in [CLIENT, "192.0.2.7:123"] {
                let mut exchange = Exchange::from(client, Some(SERVER));
                assert_eq!(exchange.ask(&request(version, mode)), Err("mode"), "{mode:?}");
            }
        }
    }
}

#[test]
fn at_17_reflection_loop_ends_at_once() {
    for version in 1..=4 {
        for mode in [Mode::Reserved, Mode::SymmetricActive, Mode::Client] {
            for port in [123, 40000] {
                let mut exchange = Exchange::from(&format!("192.0.2.7:{port}"), Some(SERVER));
                if let Ok(reply) = exchange.ask(&request(version, mode)) {
                    let bounced = exchange.ask(&reply.write());
                    assert_eq!(bounced, Err("mode"), "version {version} {mode:?} from port {port}");
                }
            }
        }
    }
}

#[test]
fn other_versions_are_not_answered() {
    for version in [0, 5, 6, 7] {
        assert_eq!(Exchange::new().ask(&request(version, Mode::Client)), Err("version"));
    }
}

#[test]
fn short_requests_are_not_answered() {
    let request = request(4, Mode::Client);
    for len in 0..48 {
        assert_eq!(Exchange::new().ask(&request[..len]), Err("length"), "{len}");
    }
    // An adapter that says more came than there is room for.
    let verdict = Responder::new(&everybody(), &KeyTable::default(), SEED).handle(
        &mut [0x23; 64],
        65,
        CLIENT.parse().unwrap(),
        None,
        stamp(NOON),
        &served(),
        now(),
    );
    assert_eq!(verdict, Verdict::Drop("length"));
}

#[test]
fn na_49_unknown_extension_ignored() {
    let mut buffer = [0; 256];
    let mut writer = PacketWriter::new(&mut buffer, &Header::request(4, TRANSMIT)).unwrap();
    writer.field(truechimer_wire::FieldType(0xf123), &[1; 40]).unwrap();
    writer.field(truechimer_wire::FieldType::NTS_COOKIE, &[2; 100]).unwrap();
    let len = writer.finish().unwrap();
    let reply = Exchange::new().ask(&buffer[..len]).unwrap();
    assert_eq!(reply.origin_timestamp, TRANSMIT);
}

#[test]
fn malformed_requests_are_not_answered() {
    let mut bytes = request(4, Mode::Client);
    bytes.push(0);
    assert_eq!(Exchange::new().ask(&bytes), Err("trailing"));
    bytes.extend([0; 31]);
    assert_eq!(Exchange::new().ask(&bytes), Err("field_length"));
    let mut bytes = request(4, Mode::Client);
    bytes.extend([0xf0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].repeat(40));
    assert_eq!(Exchange::new().ask(&bytes), Err("too_many_fields"));
}

#[test]
fn a_request_with_a_mac_is_not_answered_without_one() {
    for version in 1..=4 {
        for len in [4, 20, 24] {
            let mut bytes = request(version, Mode::Client);
            bytes.extend(vec![0; len]);
            assert_eq!(Exchange::new().ask(&bytes), Err("unknown_key"), "version {version}, {len} bytes");
        }
    }
}

#[test]
fn access_is_by_address_and_denied_by_default() {
    let mut exchange = Exchange::new();
    exchange
        .responder
        .handle_config(&ServeConfig { access: Vec::new(), ..everybody() }, &KeyTable::default());
    assert_eq!(exchange.ask(&request(4, Mode::Client)), Err("denied"));
    let allow = AccessRule { network: "192.0.2.0".parse().unwrap(), prefix_len: 24, allow: true };
    exchange
        .responder
        .handle_config(&ServeConfig { access: vec![allow], ..everybody() }, &KeyTable::default());
    assert!(exchange.ask(&request(4, Mode::Client)).is_ok());
    exchange.client = "192.0.3.7:40000".parse().unwrap();
    assert_eq!(exchange.ask(&request(4, Mode::Client)), Err("denied"));
    exchange.client = "[::ffff:192.0.2.7]:40000".parse().unwrap();
    assert!(exchange.ask(&request(4, Mode::Client)).is_ok(), "AT-15: the same client");
}

#[test]
fn na_29_loopback_spoof_from_wire_dropped() {
    let outside = [Some("192.0.2.1"), Some("2001:db8::1"), Some("::ffff:192.0.2.1"), None];
    for client in ["127.0.0.1:40000", "127.9.9.9:123", "[::1]:40000", "[::ffff:127.0.0.1]:40000"] {
        for local in outside {
            let mut exchange = Exchange::from(client, local);
            assert_eq!(exchange.ask(&request(4, Mode::Client)), Err("loopback_spoof"), "{client} {local:?}");
        }
    }
    for (client, local) in [
        ("127.0.0.1:40000", "127.0.0.1"),
        ("[::1]:40000", "::1"),
        ("[::ffff:127.0.0.1]:1", "::ffff:127.0.0.2"),
    ] {
        assert!(
            Exchange::from(client, Some(local)).ask(&request(4, Mode::Client)).is_ok(),
            "{client} {local}"
        );
    }
}

#[test]
fn sources_that_are_no_host_are_not_answered() {
    for client in
        ["192.0.2.7:0", "0.0.0.0:40000", "[::]:40000", "224.0.1.1:40000", "255.255.255.255:1", "[ff02::1]:1"]
    {
        assert_eq!(
            Exchange::from(client, Some(SERVER)).ask(&request(4, Mode::Client)),
            Err("source_address")
        );
    }
    for local in ["224.0.1.1", "255.255.255.255", "ff05::101"] {
        assert_eq!(Exchange::from(CLIENT, Some(local)).ask(&request(4, Mode::Client)), Err("not_unicast"));
    }
}

#[test]
fn unsynchronised_is_said_in_full() {
    for (leap, stratum) in
        [(Leap::Unsynchronised, 16), (Leap::Unsynchronised, 2), (Leap::None, 16), (Leap::Insert, 255)]
    {
        let mut exchange = Exchange::new();
        exchange.served = Served { leap, stratum, ..served() };
        let reply = exchange.ask(&request(4, Mode::Client)).unwrap();
        assert_eq!((reply.leap, reply.stratum), (Leap::Unsynchronised, 16));
        assert_eq!(reply.kiss_code(), None);
    }
}

#[test]
fn na_40_root_dispersion_grows_between_updates() {
    let mut exchange = Exchange::new();
    let mut last = NtpShort::from_bits(0);
    for seconds in [0.0, 10.0, 1000.0, 100_000.0] {
        exchange.now = after(seconds);
        let told = exchange.ask(&request(4, Mode::Client)).unwrap().root_dispersion;
        let truth = 0.002 + 15e-6 * (64.0 + seconds);
        assert!(told > last);
        assert!(told.seconds() >= truth && told.seconds() < truth + 2.0 / 65_536.0, "{told:?}");
        last = told;
    }
}

#[test]
fn a_bound_is_never_rounded_down() {
    let mut exchange = Exchange::new();
    for tiny in [1e-12, 1.0 / 65_536.0 + 1e-12] {
        exchange.served =
            Served { root_delay_s: tiny, root_dispersion_s: tiny, dispersion_rate: 0.0, ..served() };
        let reply = exchange.ask(&request(4, Mode::Client)).unwrap();
        assert!(reply.root_delay.seconds() >= tiny && reply.root_dispersion.seconds() >= tiny);
    }
    for huge in [65_536.0, f64::INFINITY, f64::NAN] {
        exchange.served = Served { root_delay_s: huge, root_dispersion_s: huge, ..served() };
        let reply = exchange.ask(&request(4, Mode::Client)).unwrap();
        assert_eq!((reply.root_delay, reply.root_dispersion), (NtpShort::MAX, NtpShort::MAX));
    }
}

#[test]
fn na_50_loops_bounded_on_any_precision() {
    for precision in i8::MIN..=i8::MAX {
        let mut exchange = Exchange::new();
        exchange.served.precision = precision;
        let mut bytes = request(4, Mode::Client);
        (bytes[2], bytes[3]) = (precision as u8, precision as u8);
        let reply = exchange.ask(&bytes).unwrap();
        assert_eq!((reply.poll, reply.precision), (precision, precision));
    }
}

#[test]
fn at_30_era_rollover_2036_02_07_in_the_middle_of_an_exchange() {
    let rollover = Cooked::from_bits(1 << 64);
    for nanos in [-1_000_000_000, -1, 0, 1, 1_000_000_000] {
        let mut exchange = Exchange::new();
        exchange.now.cooked = rollover + NtpDuration::from_nanos(nanos);
        exchange.served.as_of = rollover - NtpDuration::from_seconds(10.0);
        let reply = exchange.ask(&request(4, Mode::Client)).unwrap();
        assert!(!reply.receive_timestamp.is_zero(), "zero would mean unknown");
        let received = Cooked::unfold(reply.receive_timestamp, NOON);
        assert!((received - exchange.now.cooked).abs() <= NtpDuration::from_bits(1));
        assert!(reply.root_dispersion.seconds() < 0.0025);
    }
}

#[test]
fn requests_queued_over_a_step_are_not_answered() {
    let mut exchange = Exchange::new();
    exchange.responder.handle_step(now());
    assert_eq!(exchange.ask(&request(4, Mode::Client)), Err("clock_stepped"));
    exchange.now = after(0.9);
    assert_eq!(exchange.ask(&request(4, Mode::Client)), Err("clock_stepped"));
    exchange.now = after(1.1);
    assert!(exchange.ask(&request(4, Mode::Client)).is_ok());
}

#[test]
fn an_unstamped_reply_still_leaves_after_it_came() {
    let mut buffer: [u8; 48] = request(4, Mode::Client).try_into().unwrap();
    let late = NOON + NtpDuration::from_seconds(0.001);
    let mut responder = Responder::new(&everybody(), &KeyTable::default(), SEED);
    let client = CLIENT.parse().unwrap();
    assert_eq!(
        responder.handle(&mut buffer, 48, client, None, stamp(late), &served(), now()),
        Verdict::Reply(48)
    );
    assert_eq!(Header::parse(&buffer).unwrap().transmit_timestamp, late.timestamp());
    responder.stamp(&mut buffer[..10], NOON); // too short: nothing to stamp, nothing happens
}

mod clients;
mod mac;
mod nts;
mod signing;
mod worker;

/// No sources; everybody is served.
fn config() -> EngineConfig {
    EngineConfig {
        sources: Vec::new(),
        serve: Some(everybody()),
        clock: ClockConfig::default(),
        selection: SelectionConfig::default(),
        local: None,
        keys: KeyTable::default(),
        nts: crate::config::NtsConfig::default(),
        era_floor: Cooked::UNIX_EPOCH,
    }
}

fn engine() -> Engine {
    Engine::new(config(), Initial::default(), [7; 32], now())
}

fn ask_engine(engine: &mut Engine, now: Now) -> Verdict {
    let mut buffer = request(4, Mode::Client);
    engine.handle_request(&mut buffer, 48, CLIENT.parse().unwrap(), None, stamp(now.cooked), now)
}

#[test]
fn a_batch_is_answered_like_one_request_after_the_other() {
    let mut engine = engine();
    let client = CLIENT.parse().unwrap();
    let (mut alone, mut together) = (request(4, Mode::Client), request(4, Mode::Client));
    let answer = engine.handle_request(&mut alone, 48, client, None, stamp(now().cooked), now());
    let mut serving = engine.serve(now()).unwrap();
    assert_eq!(serving.handle_request(&mut together, 48, client, None, stamp(now().cooked)), answer);
    assert_eq!(alone, together);
    // A step by somebody else between two batches is noticed by the second.
    let jumped = Now { mono: now().mono.after(0.001), cooked: after(3600.0).cooked };
    let mut serving = engine.serve(jumped).unwrap();
    let mut late = request(4, Mode::Client);
    let verdict = serving.handle_request(&mut late, 48, client, None, stamp(jumped.cooked));
    assert_eq!(verdict, Verdict::Drop("clock_stepped"));
    engine.shutdown(jumped);
    assert!(engine.serve(jumped).is_none());
    let mut no_server =
        Engine::new(EngineConfig { serve: None, ..config() }, Initial::default(), [7; 32], now());
    assert!(no_server.serve(now()).is_none());
}

#[test]
fn counters_outlive_a_reload() {
    let mut engine = engine();
    assert_eq!(ask_engine(&mut engine, now()), Verdict::Reply(48));
    let mut other = EngineConfig { serve: Some(everybody()), ..config() };
    other.serve.as_mut().unwrap().access.clear();
    engine.handle_command(Command::Reload(Box::new(other)), now()).unwrap();
    assert_eq!(ask_engine(&mut engine, now()), Verdict::Drop("denied"));
    let report = engine.report(now()).server.unwrap();
    assert_eq!((report.received, report.answered), (2, 1));
}

#[test]
fn a_foreign_step_silences_the_server_too() {
    let mut engine = engine();
    assert_eq!(ask_engine(&mut engine, now()), Verdict::Reply(48));
    // An hour by the system clock in a millisecond of the monotonic one.
    let jumped = Now { mono: now().mono.after(0.001), cooked: after(3600.0).cooked };
    assert_eq!(ask_engine(&mut engine, jumped), Verdict::Drop("clock_stepped"));
}

/// Any bytes, but mostly such as get past the first checks.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![any::<u8>(), (1..=4_u8, 0..4_u8).prop_map(|(version, mode)| version << 3 | mode)];
    let tail = proptest::collection::vec(prop_oneof![3 => Just(0_u8), 1 => any::<u8>()], 0..200);
    let field = (any::<u16>(), 4..30_usize, any::<u8>()).prop_map(|(kind, words, fill)| {
        let mut bytes = vec![fill; words * 4];
        bytes[..2].copy_from_slice(&kind.to_be_bytes());
        bytes[2..4].copy_from_slice(&(words as u16 * 4).to_be_bytes());
        bytes
    });
    let fields =
        proptest::collection::vec(field, 0..6).prop_map(|fields| [vec![0; 47], fields.concat()].concat());
    (first, prop_oneof![tail, fields]).prop_map(|(first, rest)| [vec![first], rest].concat())
}

proptest! {
    #[test]
    fn na_25_reply_never_longer_than_request(bytes in datagram(), port in any::<u16>()) {
        let mut buffer = [0xee; 1024];
        buffer[..bytes.len()].copy_from_slice(&bytes);
        let client = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 7), port));
        let verdict = Responder::new(&everybody(), &KeyTable::default(), SEED)
            .handle(&mut buffer, bytes.len(), client, None, stamp(NOON), &served(), now());
        match verdict {
            Verdict::Reply(len) => {
                prop_assert!(len <= bytes.len());
                prop_assert!(buffer[len..bytes.len()] == bytes[len..]);
            }
            Verdict::Drop(_) => prop_assert_eq!(&buffer[..bytes.len()], &bytes[..]),
            Verdict::Sign => prop_assert!(false, "nobody signs"),
        }
        prop_assert!(buffer[bytes.len()..].iter().all(|&byte| byte == 0xee));
    }

    /// NA-31: what a reply holds depends on the request and on what is served, never on what was in memory.
    #[test]
    fn na_31_no_uninitialised_bytes_out(bytes in datagram(), dirt in any::<[u8; 2]>()) {
        let replies = dirt.map(|dirt| {
            let mut buffer = [dirt; 1024];
            buffer[..bytes.len()].copy_from_slice(&bytes);
            let client = CLIENT.parse().unwrap();
            let verdict = Responder::new(&everybody(), &KeyTable::default(), SEED)
                .handle(&mut buffer, bytes.len(), client, None, stamp(NOON), &served(), now());
            match verdict {
                Verdict::Reply(len) => Some(buffer[..len].to_vec()),
                Verdict::Drop(_) | Verdict::Sign => None,
            }
        });
        prop_assert_eq!(&replies[0], &replies[1]);
        if let Some(reply) = &replies[0] {
            let request = Header::parse(&bytes).unwrap();
            let reply = Header::parse(reply).unwrap();
            prop_assert_eq!(reply.origin_timestamp, request.transmit_timestamp);
            prop_assert_eq!(reply.reference_id, served().reference_id);
        }
    }
}
