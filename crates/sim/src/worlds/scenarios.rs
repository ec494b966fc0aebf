//! How the named worlds are made.

#![allow(clippy::indexing_slicing)] // each scenario has the hosts, paths and servers that it was just given

use truechimer_discipline::estimate::Oscillator;
use truechimer_engine::config::SourceOptions;
use truechimer_time::{Cooked, PollExponent};

use crate::link::{DelayLaw, LinkConfig, RouteChange, Shape, Window};
use crate::oscillator::{OscillatorConfig, Sine};
use crate::scenario::{Fault, FaultKind, Found, HostConfig, Path, Peer, ReferenceClock, Scenario, Stamps};
use crate::server::ServerConfig;

const DAY_S: f64 = 86_400.0;
const LAN: DelayLaw = DelayLaw::exponential(50e-6, 10e-6);
const INET1: DelayLaw = DelayLaw::exponential(10e-3, 1e-3);
const INET10: DelayLaw = DelayLaw::exponential(50e-3, 10e-3);

/// Polls of 64 s, always.
fn p6() -> SourceOptions {
    let poll = PollExponent::DEFAULT_MIN;
    SourceOptions { min_poll: poll, max_poll: poll, ..SourceOptions::default() }
}

/// Polls as a user gets them who says nothing.
fn default_poll() -> SourceOptions {
    SourceOptions::default()
}

/// One client, one server, one law.
fn pair(law: DelayLaw, wander: f64, length_s: f64, options: &SourceOptions) -> Scenario {
    client(vec![LinkConfig::symmetric(law)], wander, length_s, options)
}

fn client(links: Vec<LinkConfig>, wander: f64, length_s: f64, options: &SourceOptions) -> Scenario {
    let mut scenario = Scenario::client(length_s, links, options);
    for host in &mut scenario.hosts {
        host.oscillator.wander = wander;
    }
    scenario
}

pub(super) fn lan_10() -> Scenario {
    pair(LAN, 1e-10, 100_000.0, &p6())
}

pub(super) fn lan_9() -> Scenario {
    pair(LAN, 1e-9, 100_000.0, &p6())
}

pub(super) fn lan_8() -> Scenario {
    pair(LAN, 1e-8, 100_000.0, &p6())
}

pub(super) fn lan_default() -> Scenario {
    pair(LAN, 1e-9, 400_000.0, &default_poll())
}

pub(super) fn inet1_9() -> Scenario {
    pair(INET1, 1e-9, 200_000.0, &p6())
}

pub(super) fn inet1_8() -> Scenario {
    pair(INET1, 1e-8, 200_000.0, &p6())
}

pub(super) fn inet1_default() -> Scenario {
    pair(INET1, 1e-9, 400_000.0, &default_poll())
}

pub(super) fn inet10() -> Scenario {
    pair(INET10, 1e-9, 200_000.0, &p6())
}

pub(super) fn asymjit() -> Scenario {
    let link = LinkConfig::asymmetric(INET1, DelayLaw::exponential(10e-3, 50e-6));
    client(vec![link], 1e-9, 200_000.0, &p6())
}

pub(super) fn false3() -> Scenario {
    let near = DelayLaw::exponential(2e-3, 1e-3);
    let links = [INET1, INET1, near].map(LinkConfig::symmetric).to_vec();
    let mut scenario = client(links, 1e-9, 100_000.0, &p6());
    scenario.servers[2].offset_s = 50e-3;
    scenario
}

pub(super) fn temperature() -> Scenario {
    let mut scenario = pair(LAN, 1e-10, 250_000.0, &p6());
    scenario.hosts[0].oscillator.sines =
        vec![Sine { amplitude: 1e-6, period_s: 86_400.0 }, Sine { amplitude: 5e-8, period_s: 3600.0 }];
    scenario
}

/// How well the frequency is known in `inet1 w1e-9 p6` by somebody who is told the wander, the law of the delays and their base:
/// `cargo run --release -p truechimer-sim --example open_loop -- --told --seeds 7 --world 'inet1 w1e-9 p6'`.
const TOLD_FREQUENCY_SD: f64 = 3.9e-8;

pub(super) fn outage() -> Scenario {
    let outage = Window { from_s: 50_000.0, until_s: 57_200.0 };
    let link = LinkConfig { outages: vec![outage], ..LinkConfig::symmetric(INET1) };
    let mut scenario = client(vec![link], 1e-9, 70_000.0, &p6());
    scenario.deaf_from_s = Some(outage.from_s);
    scenario.deaf_frequency_sd = TOLD_FREQUENCY_SD;
    scenario.time_window = Some(Window { from_s: outage.until_s - 1200.0, until_s: outage.until_s });
    scenario
}

pub(super) fn start() -> Scenario {
    let mut scenario = pair(DelayLaw::exponential(1e-3, 100e-6), 1e-9, 20_000.0, &default_poll());
    scenario.hosts[0].offset_s = 0.5;
    scenario.hosts[0].oscillator.frequency = 1e-4;
    scenario
}

fn pps(wander: f64) -> Scenario {
    let mut scenario = client(Vec::new(), wander, 40_000.0, &default_poll());
    // Ten sigma: what an operator would promise of such a clock.
    scenario.hosts[0].reference = Some(ReferenceClock { interval_s: 1.0, noise_s: 1e-6, max_error_s: 10e-6 });
    scenario
}

pub(super) fn pps_10() -> Scenario {
    pps(1e-10)
}

pub(super) fn pps_9() -> Scenario {
    pps(1e-9)
}

pub(super) fn pps_8() -> Scenario {
    pps(1e-8)
}

pub(super) fn pareto() -> Scenario {
    pair(DelayLaw { shape: Shape::Pareto(1.5), ..INET1 }, 1e-9, 200_000.0, &p6())
}

pub(super) fn gamma() -> Scenario {
    let law = DelayLaw { base_s: 10e-3, scale_s: 0.3e-3, shape: Shape::Gamma(3.0) };
    pair(law, 1e-9, 200_000.0, &p6())
}

pub(super) fn noisy_stamps() -> Scenario {
    let mut scenario = lan_9();
    let noise_s = 5e-6;
    // Seven sigma are stated: one stamp in 4e11 is worse.
    let stated_error_s = 7.0 * noise_s;
    scenario.hosts[0].stamps = Stamps { noise_s, stated_error_s, ..Stamps::default() };
    scenario.servers[0] = ServerConfig {
        stamp_noise_s: noise_s,
        root_dispersion_s: stated_error_s,
        // Long enough that noise does not let a reply leave before its request came.
        turnaround_s: 0.0,
        ..ServerConfig::default()
    };
    scenario
}

fn route(up_s: f64, down_s: f64) -> Scenario {
    let length_s = 200_000.0;
    let change = RouteChange { at_s: length_s / 2.0, up_s, down_s };
    let link = LinkConfig { changes: vec![change], ..LinkConfig::symmetric(INET1) };
    client(vec![link], 1e-9, length_s, &p6())
}

pub(super) fn route_forward() -> Scenario {
    route(2e-3, 0.0)
}

pub(super) fn route_both() -> Scenario {
    route(2e-3, 2e-3)
}

pub(super) fn route_return() -> Scenario {
    route(0.0, -1e-3)
}

pub(super) fn congested() -> Scenario {
    let shape = Shape::Congested { probability: 0.7, wait_s: 200e-6 };
    pair(DelayLaw { shape, ..LAN }, 1e-9, 100_000.0, &p6())
}

/// Somebody uploads: the queue before the way up is filled most of the time, the way down is free.
pub(super) fn one_way_bursts() -> Scenario {
    let shape = Shape::Congested { probability: 0.7, wait_s: 200e-6 };
    let link = LinkConfig::asymmetric(DelayLaw { shape, ..LAN }, LAN);
    client(vec![link], 1e-9, 100_000.0, &p6())
}

/// The link is down for two hours of each day, and the operator wants as few packets as can be.
pub(super) fn long_poll() -> Scenario {
    let poll = PollExponent::DEFAULT_MAX;
    let options = SourceOptions { min_poll: poll, max_poll: poll, ..SourceOptions::default() };
    let day = |n: f64| Window { from_s: n * DAY_S + 50_000.0, until_s: n * DAY_S + 57_200.0 };
    let outages = vec![day(0.0), day(1.0), day(2.0), day(3.0)];
    client(vec![LinkConfig { outages, ..LinkConfig::symmetric(INET1) }], 1e-9, 4.0 * DAY_S, &options)
}

/// The machine starts with the frequency of the day before, and the daemon is started anew every five thousand seconds.
pub(super) fn reboot() -> Scenario {
    let mut scenario = start();
    let wander = 1e-9;
    let sd = wander * DAY_S.sqrt();
    let host = &mut scenario.hosts[0];
    // The clock is fast: what is to be added falls.
    let frequency = -host.oscillator.frequency + sd;
    host.known = Some(Oscillator { frequency, frequency_sd: sd, wander, ..Oscillator::default() });
    let restart = |n: u32| Fault { at_s: 5000.0 * f64::from(n), host: 0, kind: FaultKind::Restart };
    scenario.faults = (1..4).map(restart).collect();
    scenario
}

/// A cable that is loose now and then.
pub(super) fn pps_dropout() -> Scenario {
    let mut scenario = pps_9();
    scenario.hosts[0].reference_outages =
        vec![Window { from_s: 10_000.0, until_s: 10_600.0 }, Window { from_s: 20_000.0, until_s: 23_600.0 }];
    scenario
}

pub(super) fn loss() -> Scenario {
    let link = LinkConfig { loss: 0.3, ..LinkConfig::symmetric(INET1) };
    client(vec![link], 1e-9, 200_000.0, &p6())
}

pub(super) fn four_servers() -> Scenario {
    let laws = [INET1, DelayLaw::exponential(5e-3, 0.5e-3), DelayLaw::exponential(20e-3, 2e-3), INET10];
    client(laws.map(LinkConfig::symmetric).to_vec(), 1e-9, 100_000.0, &p6())
}

/// By how much of the base delay the ways up of the four are longer, and those down shorter.
const UNEQUAL: [f64; 4] = [0.013, -0.006, 0.004, -0.011];

pub(super) fn four_unequal() -> Scenario {
    let mut scenario = four_servers();
    for (path, share) in scenario.hosts[0].paths.iter_mut().zip(UNEQUAL) {
        path.link.up.base_s *= 1.0 + share;
        path.link.down.base_s *= 1.0 - share;
    }
    scenario
}

pub(super) fn pool() -> Scenario {
    let laws = [INET1; 6].map(LinkConfig::symmetric).to_vec();
    let mut scenario = client(laws, 1e-9, 100_000.0, &default_poll());
    for path in &mut scenario.hosts[0].paths {
        path.found = Found::Pool { name: "pool.example", size: 4 };
    }
    scenario
}

/// The server's own source is a LAN away; it serves the client over the Internet.
pub(super) fn chain() -> Scenario {
    let mut scenario = pair(INET1, 1e-9, 100_000.0, &p6());
    scenario.hosts[0].paths[0].peer = Peer::Host(1);
    let upstream = Path {
        peer: Peer::Server(0),
        found: Found::Address,
        link: LinkConfig::symmetric(LAN),
        options: p6(),
    };
    let server = HostConfig {
        paths: vec![upstream],
        offset_s: -0.3,
        oscillator: OscillatorConfig { frequency: -3e-5, ..OscillatorConfig::default() },
        ..HostConfig::default()
    };
    scenario.hosts.push(server);
    scenario
}

/// 2036-02-06 to 2038-01-20, in steps of 64 s.
pub(super) fn eras() -> Scenario {
    let mut scenario = pair(LAN, 1e-10, 61_707_200.0, &default_poll());
    scenario.start = Cooked::from_unix_nanos(2_085_922_800_000_000_000);
    scenario.step_s = 64.0;
    scenario
}
