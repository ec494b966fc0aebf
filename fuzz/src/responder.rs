//! A server and whoever talks to it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use truechimer_engine::Verdict;
use truechimer_engine::config::{AccessRule, KeyTable, RateLimit, ServeConfig};
use truechimer_engine::server::{Responder, Served};
use truechimer_time::{Cooked, Leap, Mono, Now, NtpDuration, Stamp, StampSource};
use truechimer_wire::mac::{KeyAlgorithm, SymmetricKey};
use truechimer_wire::signd::SIGNED_LEN;
use truechimer_wire::{HEADER_LEN, Header, KissCode, Mode, ReferenceId};

use super::input::Input;

/// Turns of one session, at most.
const MAX_TURNS: usize = 64;

/// A session: access rules and what is served, then datagrams with time between them.
///
/// The input: number of rules (1 byte, modulo 8), rules (address, prefix length, allow), what is served; then turns: what
/// happens (1 byte), time that passes (2 bytes, in 2^-8 s), source and destination, the datagram (slice).
pub fn responder_session(data: &[u8]) {
    let mut input = Input::new(data);
    let rules = input.u8() % 8;
    let access = (0..rules).map(|_| rule(&mut input)).collect();
    let mut responder = Responder::new(&ServeConfig { access, ..config(rules) }, &keys(), [9; 32]);
    let mut now = Now {
        mono: Mono::from_nanos(0),
        // Anywhere in the first eras, so that sessions cross from one to the next.
        cooked: Cooked::from_bits(i128::from(input.u64()) << 2),
    };
    let served = served(&mut input, now.cooked);
    let mut traffic: BTreeMap<IpAddr, (usize, usize)> = BTreeMap::new();
    for _ in 0..MAX_TURNS {
        if input.is_empty() {
            break;
        }
        let what = input.u8();
        let seconds = f64::from(input.u16()) / 256.0;
        now = Now { mono: now.mono.after(seconds), cooked: now.cooked + NtpDuration::from_seconds(seconds) };
        if what & 0xf0 == 0xf0 {
            responder.handle_step(now);
            continue;
        }
        let remote = SocketAddr::new(address(&mut input), input.u16());
        let local = (what & 1 == 0).then(|| address(&mut input));
        let request = input.slice();
        let (bytes_in, bytes_out) = traffic.entry(remote.ip()).or_default();
        *bytes_in += request.len();
        if let Some(reply) = ask(&mut responder, request, remote, local, &served, now) {
            *bytes_out += reply.len();
            let mut bounced = reply.clone();
            let again = responder.handle(&mut bounced, reply.len(), remote, local, stamp(now), &served, now);
            assert!(matches!(again, Verdict::Drop(_)), "a reply was answered");
        }
        assert!(bytes_out <= bytes_in, "I4: more goes out than came in");
    }
    let report = responder.report();
    assert_eq!(report.received, report.answered + report.dropped.values().sum::<u64>());
}

/// Few clients, so that they crowd each other out, and tight limits for some sessions.
fn config(rules: u8) -> ServeConfig {
    let limit = RateLimit { interval_ns: 1_000_000_000, burst: 2, leak: 2, kiss: Some(2) };
    ServeConfig {
        sign: rules & 1 == 1,
        clients: 8,
        rate_limit: (rules & 2 == 2).then_some(limit),
        ..ServeConfig::default()
    }
}

/// One request; the reply, if there is one, and what must be true of it.
fn ask(
    responder: &mut Responder,
    request: &[u8],
    remote: SocketAddr,
    local: Option<IpAddr>,
    served: &Served,
    now: Now,
) -> Option<Vec<u8>> {
    let mut buffer = [0xee; 512];
    buffer[..request.len()].copy_from_slice(request);
    let verdict = responder.handle(&mut buffer, request.len(), remote, local, stamp(now), served, now);
    let reply = match verdict {
        Verdict::Drop(_) => None,
        Verdict::Reply(len) => Some((len, len)),
        // As Samba would sign it: as long as the request.
        Verdict::Sign => Some((SIGNED_LEN, HEADER_LEN)),
    };
    if verdict == Verdict::Sign {
        responder.handle_signed(Ok(()));
    }
    match reply {
        None => {
            assert_eq!(&buffer[..request.len()], request);
            None
        }
        Some((len, own)) => {
            assert!(len <= request.len(), "NA-25");
            responder.stamp(&mut buffer[..own], now.cooked);
            let asked = Header::parse(request).expect("an answered request has a header");
            let reply = Header::parse(&buffer[..len]).expect("a reply has a header");
            assert_eq!(reply.version, asked.version);
            assert_eq!(reply.origin_timestamp, asked.transmit_timestamp);
            assert!(matches!(reply.mode, Mode::Server | Mode::SymmetricPassive));
            assert!(!reply.receive_timestamp.is_zero() && !reply.transmit_timestamp.is_zero());
            if reply.kiss_code() == Some(KissCode::Rate) {
                assert!(reply.leap == Leap::Unsynchronised && reply.reference_timestamp.is_zero());
                return Some(buffer[..len].to_vec());
            }
            assert_eq!(reply.leap == Leap::Unsynchronised, reply.stratum >= 16);
            assert!(reply.root_delay.seconds() >= served.root_delay_s.min(65_535.0));
            assert!(reply.root_dispersion.seconds() >= served.root_dispersion_s.min(65_535.0));
            Some(buffer[..len].to_vec())
        }
    }
}

/// Keys that a fuzzer can sign with when it guesses: their bytes are their identifiers.
fn keys() -> KeyTable {
    let key = |id: u8, algorithm: KeyAlgorithm| {
        let bytes = vec![id; algorithm.key_len().unwrap_or(8)];
        (u32::from(id), SymmetricKey::new(algorithm, &bytes).expect("a legal length"))
    };
    (1..).zip(KeyAlgorithm::ALL).map(|(id, algorithm)| key(id, algorithm)).collect()
}

fn stamp(now: Now) -> Stamp {
    Stamp { at: now.cooked, source: StampSource::Kernel, error: 1e-6 }
}

fn rule(input: &mut Input<'_>) -> AccessRule {
    AccessRule { network: address(input), prefix_len: input.u8(), allow: input.u8() & 1 == 1 }
}

/// A byte tells the family, 4 or 16 bytes follow.
fn address(input: &mut Input<'_>) -> IpAddr {
    if input.u8() & 1 == 0 {
        Ipv4Addr::from(input.u32()).into()
    } else {
        Ipv6Addr::from(u128::from_be_bytes(input.array())).into()
    }
}

fn served(input: &mut Input<'_>, now: Cooked) -> Served {
    Served {
        leap: Leap::from_bits(input.u8()),
        stratum: input.u8(),
        precision: input.u8() as i8,
        reference_id: ReferenceId(input.array()),
        reference_time: now,
        root_delay_s: f64::from(input.u32()) / 65_536.0,
        root_dispersion_s: f64::from(input.u32()) / 65_536.0,
        as_of: now,
        dispersion_rate: f64::from(input.u16()) * 1e-9,
    }
}
