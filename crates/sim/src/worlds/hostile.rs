//! Worlds in which somebody means harm or something breaks: each is a row of the threat list, by its id.
//!
//! The invariants are checked in them as in all others. What else must come of each is said by the tests of the
//! same names.

#![allow(clippy::indexing_slicing)] // each scenario has the hosts, paths and servers that it was just given

use truechimer_engine::config::{SourceOptions, StepPolicy};
use truechimer_time::{Cooked, Frequency, PollExponent, StampSource};

use super::{WorldSpec, nts};
use crate::attack::{Attack, AttackKind, Trigger};
use crate::goal::Goal;
use crate::link::{DelayLaw, DelayRamp, LinkConfig, RouteChange, Window};
use crate::oscillator::{FrequencyJump, FrequencyRamp};
use crate::scenario::{Fault, FaultKind, Scenario, Stamps};
use crate::server::Mood;

const INET1: DelayLaw = DelayLaw::exponential(10e-3, 1e-3);
const ALWAYS: Window = Window { from_s: 0.0, until_s: f64::INFINITY };

const fn hostile(name: &'static str, about: &'static str, scenario: fn() -> Scenario) -> WorldSpec {
    WorldSpec { name, about, chrony: None, reached_s: None, goal: Goal::USUAL, scenario }
}

/// In the order of their ids.
pub(super) static HOSTILE: &[WorldSpec] = &[
    hostile(
        "na_15_nts_nak_spoof",
        "refusals of NTS forged blindly, and by one who sees the requests",
        nts::nak_storm,
    ),
    hostile("at_01_offpath_blind_spoof", "a million replies forged blindly", blind_spoof),
    hostile("at_03_kod_spoof_storm", "kiss codes forged blindly", kiss_storm),
    hostile("at_03_kod_from_real_server_at_rate", "a server that says RATE for an hour", kiss_from_server),
    hostile("at_03_kod_priming_pump", "a server made to say RATE every other hour", kiss_pump),
    hostile("at_06_stale_replay", "genuine replies to earlier requests", stale_replay),
    hostile("at_06_nts_replay", "genuine replies with NTS to earlier requests, or twice", nts::replay),
    hostile("at_07_duplicate_and_reorder", "packets twice and out of order", duplicate_and_reorder),
    hostile("at_08_onpath_constant_delay", "the way down held up by 100 ms", constant_delay),
    hostile("at_08_onpath_spikes", "every fifth packet held up by 80 ms", spikes),
    hostile("at_09_onpath_slow_ramp", "a delay that creeps up to 100 ms", slow_ramp),
    hostile("at_11_falseticker_minority", "one liar among four", falseticker_minority),
    hostile("at_11_coalition_at_half", "two liars of one story among four", coalition_at_half),
    hostile("at_11_majority_liars", "three liars of different stories among five", majority_liars),
    hostile("at_19_nts_cookie_exhaustion", "replies lost until no cookie is left", nts::exhaustion),
    hostile(
        "at_20_nts_stripping_downgrade",
        "the fields of NTS removed and key exchange blocked",
        nts::stripping,
    ),
    hostile("at_20_nts_forged_refusals", "nothing but forged refusals for two hours", nts::forged_refusals),
    hostile("at_21_nts_unlinkability", "a laptop that goes from network to network", nts::roaming),
    hostile("at_22_key_rotation_boundary", "a server whose keys rotate and are lost", nts::rotation),
    hostile(
        "at_26_tls_wrong_clock_1970",
        "certificates that the clock takes for future ones",
        nts::clock_1970,
    ),
    hostile("at_26_tls_wrong_clock_2099", "certificates that the clock takes for expired", nts::clock_2099),
    hostile(
        "at_26_stolen_certificates",
        "a clock in 1970 and certificates that have expired",
        nts::stolen_certificates,
    ),
    hostile(
        "at_27_cert_expired_while_running",
        "a certificate that expires, and keys that are lost",
        nts::expiry,
    ),
    hostile("at_30_unset_clock_era_1", "a client in 1970 while its server crosses into era 1", unset_clock),
    hostile("at_33_vm_suspend_resume", "a machine that sleeps for an hour", suspend),
    hostile("at_33_live_migration", "a machine that wakes on another one's clock", migration),
    hostile("at_33_clock_jump_by_other_process", "another program steps the clock", foreign_step),
    hostile("at_33_two_daemons_fighting", "another program steers the clock", fighting),
    hostile(
        "at_34_kernel_sta_unsync_lifecycle",
        "start, an outage of three days, recovery and exit",
        lifecycle,
    ),
    hostile("at_35_frequency_step", "the oscillator jumps by 200 ppm", frequency_step),
    hostile("at_35_temperature_ramp", "the oscillator drifts by 20 ppm in two hours", temperature_ramp),
    hostile("at_47_scheduling_delay_kernel_stamps", "replies handled half a second late", lag_kernel),
    hostile("at_47_scheduling_delay_user_stamps", "the same without kernel stamps", lag_user),
];

/// A client of one honest server, polling every 64 s.
fn plain(length_s: f64) -> Scenario {
    several(1, length_s)
}

/// A client of so many servers.
fn several(servers: usize, length_s: f64) -> Scenario {
    let poll = PollExponent::DEFAULT_MIN;
    let options = SourceOptions { min_poll: poll, max_poll: poll, ..SourceOptions::default() };
    Scenario::client(length_s, vec![LinkConfig::symmetric(INET1); servers], &options)
}

fn attacked(kinds: &[AttackKind], trigger: Trigger, length_s: f64) -> Scenario {
    let mut scenario = plain(length_s);
    let attack = |&kind| Attack { kind, window: ALWAYS, trigger, victim: 0 };
    scenario.attacks = kinds.iter().map(attack).collect();
    scenario
}

/// 3 200 after each of 312 requests.
fn blind_spoof() -> Scenario {
    let trigger = Trigger::EachRequest { count: 3200, over_s: 0.02 };
    attacked(&[AttackKind::BlindSpoof], trigger, 20_000.0)
}

fn kiss_storm() -> Scenario {
    let kinds = [*b"RATE", *b"DENY", *b"RSTR", *b"NTSN"].map(AttackKind::Kiss);
    attacked(&kinds, Trigger::EachRequest { count: 20, over_s: 0.02 }, 20_000.0)
}

fn kiss_from_server() -> Scenario {
    let mut scenario = plain(40_000.0);
    let hour = Window { from_s: 5000.0, until_s: 8600.0 };
    scenario.servers[0].moods = vec![(hour, Mood::Kiss(*b"RATE"))];
    scenario
}

fn kiss_pump() -> Scenario {
    let mut scenario = plain(60_000.0);
    let hours = (0..5).map(|n| 5000.0 + 7200.0 * f64::from(n));
    scenario.servers[0].moods =
        hours.map(|from_s| (Window { from_s, until_s: from_s + 3600.0 }, Mood::Kiss(*b"RATE"))).collect();
    scenario
}

fn stale_replay() -> Scenario {
    let kinds = [AttackKind::Replay, AttackKind::ZeroOrigin, AttackKind::Reflect, AttackKind::Garbage];
    attacked(&kinds, Trigger::EachRequest { count: 20, over_s: 0.02 }, 20_000.0)
}

fn duplicate_and_reorder() -> Scenario {
    let mut scenario = attacked(&[AttackKind::Duplicate], Trigger::Every(1.0), 20_000.0);
    let link = &mut scenario.hosts[0].paths[0].link;
    (link.duplicate, link.straggle, link.straggle_s) = (0.3, 0.1, 2.5);
    scenario
}

fn constant_delay() -> Scenario {
    let mut scenario = plain(40_000.0);
    let change = RouteChange { at_s: 10_000.0, up_s: 0.0, down_s: 0.1 };
    scenario.hosts[0].paths[0].link.changes = vec![change];
    scenario
}

fn spikes() -> Scenario {
    let mut scenario = plain(40_000.0);
    let path = &mut scenario.hosts[0].paths[0];
    (path.link.straggle, path.link.straggle_s) = (0.2, 0.08);
    path.options.max_delay_ratio = Some(2.0);
    scenario
}

fn slow_ramp() -> Scenario {
    let mut scenario = plain(60_000.0);
    let window = Window { from_s: 10_000.0, until_s: 30_000.0 };
    scenario.hosts[0].paths[0].link.ramp = Some(DelayRamp { window, up_rate: 0.0, down_rate: 5e-6 });
    scenario
}

fn liars(lies_s: &[f64], honest: usize) -> Scenario {
    let mut scenario = several(lies_s.len() + honest, 20_000.0);
    for (server, &lie) in scenario.servers.iter_mut().zip(lies_s) {
        server.offset_s = lie;
    }
    scenario
}

fn falseticker_minority() -> Scenario {
    liars(&[0.08], 3)
}

/// Half the answers are lies of one story: who is asked first decides what a client sees first, and no rule can
/// tell these two halves apart, so I1 is exempt while the first answers come in.
fn coalition_at_half() -> Scenario {
    let mut scenario = liars(&[1.0, 1.0], 2);
    scenario.exempt = vec![Window { from_s: 0.0, until_s: 300.0 }];
    scenario
}

fn majority_liars() -> Scenario {
    liars(&[1.0, -1.0, 3.0], 2)
}

/// 2036-02-07T05:00:00Z: an hour and a half before the turn of the era; the client's clock was never set.
fn unset_clock() -> Scenario {
    let mut scenario = plain(20_000.0);
    scenario.start = Cooked::from_unix_nanos(2_085_973_200_000_000_000);
    let since_1970 = scenario.start - Cooked::UNIX_EPOCH;
    scenario.hosts[0].offset_s = 60.0 - since_1970.seconds();
    scenario
}

fn befallen(kind: FaultKind, exempt: Window) -> Scenario {
    let mut scenario = plain(40_000.0);
    scenario.faults = vec![Fault { at_s: 20_000.0, host: 0, kind }];
    scenario.exempt = vec![exempt];
    scenario
}

/// The engine cannot know before its next turn, which is at most a poll interval after waking.
const WAKING: Window = Window { from_s: 20_000.0, until_s: 23_670.0 };

fn suspend() -> Scenario {
    befallen(FaultKind::Suspend { for_s: 3600.0, clock_error_s: 0.0 }, WAKING)
}

fn migration() -> Scenario {
    befallen(FaultKind::Suspend { for_s: 3600.0, clock_error_s: -0.4 }, WAKING)
}

fn foreign_step() -> Scenario {
    let mut scenario = befallen(FaultKind::ForeignStep(0.7), Window { from_s: 20_000.0, until_s: 20_070.0 });
    scenario.hosts[0].clock.step = StepPolicy { above_s: Some(0.128), first: None };
    scenario
}

/// No bound can hold against somebody who moves the clock after every look at it.
fn fighting() -> Scenario {
    let mut scenario = plain(40_000.0);
    let fault = |n: u32, kind| Fault { at_s: 10_000.0 + 243.0 * f64::from(n), host: 0, kind };
    let pull = |n| fault(n, FaultKind::ForeignStep(0.02));
    let push = |n| fault(n, FaultKind::ForeignFrequency(Frequency::from_ppm(50.0)));
    scenario.faults = (0..40).map(|n| if n % 2 == 0 { pull(n) } else { push(n) }).collect();
    scenario.exempt = vec![Window { from_s: 10_000.0, until_s: 20_000.0 }];
    scenario
}

fn lifecycle() -> Scenario {
    let mut scenario = plain(300_000.0);
    scenario.hosts[0].paths[0].link.outages = vec![Window { from_s: 10_000.0, until_s: 270_000.0 }];
    scenario.faults = vec![Fault { at_s: 290_000.0, host: 0, kind: FaultKind::Shutdown }];
    scenario
}

/// No oscillator does that, so the bound may be wrong until two polls have shown it.
fn frequency_step() -> Scenario {
    let mut scenario = plain(40_000.0);
    scenario.hosts[0].oscillator.jumps = vec![FrequencyJump { at_s: 20_000.0, by: 200e-6 }];
    scenario.exempt = vec![Window { from_s: 20_000.0, until_s: 20_200.0 }];
    scenario
}

fn temperature_ramp() -> Scenario {
    let mut scenario = plain(60_000.0);
    scenario.hosts[0].oscillator.ramps =
        vec![FrequencyRamp { from_s: 20_000.0, until_s: 27_200.0, by: 20e-6 }];
    scenario
}

fn lag_kernel() -> Scenario {
    let mut scenario = plain(40_000.0);
    scenario.hosts[0].stamps.lag_s = 0.5;
    scenario
}

fn lag_user() -> Scenario {
    let mut scenario = plain(40_000.0);
    scenario.hosts[0].stamps =
        Stamps { source: StampSource::User, lag_s: 0.5, stated_error_s: 0.5, ..Stamps::default() };
    scenario
}
