//! Hostile worlds with NTS: each is a row of the threat list, by its id.

#![allow(clippy::indexing_slicing)] // each scenario has the hosts, paths and servers that it was just given

use truechimer_engine::KeyExchangeFault;
use truechimer_engine::config::{Authentication, NtsOptions, SourceOptions};
use truechimer_time::PollExponent;

use crate::attack::{Attack, AttackKind, Trigger};
use crate::link::{DelayLaw, LinkConfig, Window};
use crate::nts::NtsServer;
use crate::scenario::{Fault, FaultKind, Found, HostConfig, Path, Peer, Scenario};

const INET1: DelayLaw = DelayLaw::exponential(10e-3, 1e-3);
const ALWAYS: Window = Window { from_s: 0.0, until_s: f64::INFINITY };
const NAMES: [&str; 4] = ["ke1.example", "ke2.example", "ke3.example", "ke4.example"];
const DAY_S: f64 = 86_400.0;

/// A client of so many honest servers with NTS, polling every 64 s.
fn secured(servers: usize, length_s: f64) -> Scenario {
    let poll = PollExponent::DEFAULT_MIN;
    let authentication = Authentication::Nts(NtsOptions::default());
    let options =
        SourceOptions { min_poll: poll, max_poll: poll, authentication, ..SourceOptions::default() };
    let mut scenario = Scenario::client(length_s, vec![LinkConfig::symmetric(INET1); servers], &options);
    for (index, name) in (0..servers).zip(NAMES) {
        scenario.hosts[0].paths[index].found = Found::Name(name);
        scenario.servers[index].nts = Some(NtsServer::new(name));
    }
    scenario
}

fn nts(scenario: &mut Scenario, server: usize) -> &mut NtsServer {
    scenario.servers[server].nts.get_or_insert_with(|| NtsServer::new(NAMES[server]))
}

fn attacked(kinds: &[AttackKind], trigger: Trigger, window: Window, length_s: f64) -> Scenario {
    let mut scenario = secured(1, length_s);
    scenario.attacks = kinds.iter().map(|&kind| Attack { kind, window, trigger, victim: 0 }).collect();
    scenario
}

const SOON: Trigger = Trigger::EachRequest { count: 10, over_s: 0.02 };

pub(super) fn replay() -> Scenario {
    attacked(&[AttackKind::Replay, AttackKind::Duplicate, AttackKind::Reflect], SOON, ALWAYS, 20_000.0)
}

/// The same, by somebody who also knows all ports.
pub(super) fn nak_storm() -> Scenario {
    let blind = [AttackKind::BlindNak, AttackKind::Kiss(*b"NTSN"), AttackKind::Kiss(*b"DENY")];
    let mut scenario = attacked(&blind, SOON, ALWAYS, 20_000.0);
    // And somebody on the way, who is faster than the server.
    let trigger = Trigger::EachRequest { count: 1, over_s: 1e-3 };
    scenario.attacks.push(Attack { kind: AttackKind::SeenNak, window: ALWAYS, trigger, victim: 0 });
    scenario
}

/// For two hours nothing comes back from the server but forged refusals.
pub(super) fn forged_refusals() -> Scenario {
    let hours = Window { from_s: 5000.0, until_s: 12_200.0 };
    let trigger = Trigger::EachRequest { count: 1, over_s: 0.02 };
    let mut scenario = attacked(&[AttackKind::SeenNak], trigger, hours, 40_000.0);
    scenario.servers[0].moods = vec![(hours, crate::server::Mood::Silent)];
    nts(&mut scenario, 0).failures = vec![(hours, KeyExchangeFault::Connection)];
    scenario
}

/// For two hours all fields are removed on the way, and key exchange is blocked.
pub(super) fn stripping() -> Scenario {
    let hours = Window { from_s: 5000.0, until_s: 12_200.0 };
    let mut scenario = secured(1, 60_000.0);
    scenario.hosts[0].paths[0].link.strips = vec![hours];
    nts(&mut scenario, 0).failures = vec![(hours, KeyExchangeFault::Connection)];
    scenario
}

/// Nine of ten packets are lost for three hours, and the server's keys once.
pub(super) fn exhaustion() -> Scenario {
    let mut scenario = secured(2, 60_000.0);
    scenario.hosts[0].paths[0].link.loss = 0.6;
    scenario.hosts[0].paths[1].link.outages = vec![Window { from_s: 10_000.0, until_s: 20_000.0 }];
    nts(&mut scenario, 1).loses_keys_s = vec![30_000.0];
    scenario
}

/// A laptop: from network to network, asleep now and then, restarted.
pub(super) fn roaming() -> Scenario {
    let mut scenario = secured(3, 60_000.0);
    let fault = |at_s, kind| Fault { at_s, host: 0, kind };
    scenario.faults = (1..12)
        .map(|n| {
            let at_s = f64::from(n) * 5000.0;
            match n % 3 {
                0 => fault(at_s, FaultKind::Restart),
                1 => fault(at_s, FaultKind::NetworkChange),
                _ => fault(at_s, FaultKind::Suspend { for_s: 1000.0, clock_error_s: 0.0 }),
            }
        })
        .collect();
    scenario
}

/// Our own server: keys rotate every quarter of an hour and old ones are kept twice; at 30 000 s it loses all.
pub(super) fn rotation() -> Scenario {
    let mut scenario = secured(1, 60_000.0);
    scenario.servers[0].nts = None;
    scenario.hosts[0].paths[0].peer = Peer::Host(1);
    let mut serves = NtsServer::new(NAMES[0]);
    serves.rotate_s = 900.0;
    serves.loses_keys_s = vec![30_000.0];
    let upstream = Path {
        peer: Peer::Server(0),
        found: Found::Address,
        link: LinkConfig::symmetric(INET1),
        options: SourceOptions::default(),
    };
    let server = HostConfig { paths: vec![upstream], serves_nts: Some(serves), ..HostConfig::default() };
    scenario.hosts.push(server);
    scenario
}

/// By how much a clock is wrong that stands at this time, seconds since 1970.
fn wrong(scenario: &mut Scenario, unix_s: f64) {
    scenario.hosts[0].offset_s = unix_s - scenario.start.unix_seconds();
    let panic = &mut scenario.hosts[0].clock.panic;
    (panic.forward_s, panic.backward_s) = (None, None);
}

pub(super) fn clock_1970() -> Scenario {
    let mut scenario = secured(3, 20_000.0);
    wrong(&mut scenario, 0.0);
    scenario
}

pub(super) fn clock_2099() -> Scenario {
    let mut scenario = secured(3, 20_000.0);
    wrong(&mut scenario, 4_070_908_800.0);
    scenario
}

/// The clock stands in 1970, and somebody answers for all servers with certificates that have expired.
pub(super) fn stolen_certificates() -> Scenario {
    let mut scenario = clock_1970();
    for server in 0..3 {
        nts(&mut scenario, server).valid = Window { from_s: -150.0 * DAY_S, until_s: -100.0 * DAY_S };
        scenario.servers[server].offset_s = -50.0 * DAY_S;
    }
    scenario
}

/// The certificate expires, and two days later the server loses its keys.
pub(super) fn expiry() -> Scenario {
    let mut scenario = secured(1, 300_000.0);
    nts(&mut scenario, 0).valid.until_s = 50_000.0;
    nts(&mut scenario, 0).loses_keys_s = vec![200_000.0];
    scenario
}
