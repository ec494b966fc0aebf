//! Worlds that nothing is tuned to, some of them made by chance: oscillators that change their ways, links that do, sources that come
//! and go. What is promised holds in all of them (rates change by less than `max_drift` between two samples), so the bound must hold too.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use truechimer_discipline::estimate::Oscillator;
use truechimer_engine::config::SourceOptions;
use truechimer_sim::Outcome;
use truechimer_sim::check::Invariant;
use truechimer_sim::link::{DelayLaw, LinkConfig, RouteChange, Shape, Window};
use truechimer_sim::oscillator::{FrequencyJump, FrequencyRamp, Sine};
use truechimer_sim::random::Random;
use truechimer_sim::scenario::{Fault, FaultKind, Scenario};
use truechimer_sim::worlds::run_scenario;
use truechimer_time::PollExponent;

const LAN: DelayLaw = DelayLaw::exponential(50e-6, 10e-6);
const INET: DelayLaw = DelayLaw::exponential(10e-3, 1e-3);

fn polls(min: i8, max: i8) -> SourceOptions {
    let poll = PollExponent::saturating;
    SourceOptions { min_poll: poll(min), max_poll: poll(max), ..SourceOptions::default() }
}

fn client(law: DelayLaw, length_s: f64, options: &SourceOptions) -> Scenario {
    Scenario::client(length_s, vec![LinkConfig::symmetric(law)], options)
}

/// Runs a world, in which no invariant may be broken.
fn run(scenario: Scenario, seed: u64) -> Outcome {
    let repeat = format!("this test, seed {seed}");
    let (outcome, _) = run_scenario("weather", scenario, seed, repeat, 1, |_| {});
    let text: Vec<String> = outcome.violations.iter().map(ToString::to_string).collect();
    assert!(outcome.is_clean(), "{}", text.join("\n"));
    assert!(outcome.invariants[&Invariant::I1].checked as f64 > 0.98 * outcome.length_s);
    outcome
}

/// A frequency file is no measurement: it may be of another machine.
#[test]
fn a_frequency_file_that_is_wrong_breaks_no_bound() {
    for iburst in [true, false] {
        for wrong in [-60e-6, 20e-6, 60e-6] {
            let mut scenario = client(LAN, 7200.0, &SourceOptions { iburst, ..SourceOptions::default() });
            let known = Oscillator { frequency: wrong - 1e-5, frequency_sd: 1e-9, ..Oscillator::default() };
            scenario.hosts[0].known = Some(known);
            run(scenario, 1);
        }
    }
}

/// An hour up and an hour down, in which the rate changes by a third of what is promised from one poll to the next, after hours in which
/// it was steady: estimators take the first samples of that for spikes.
#[test]
fn a_rate_that_begins_to_change_breaks_no_bound() {
    for law in [LAN, DelayLaw::exponential(10e-6, 2e-6), DelayLaw::exponential(200e-6, 50e-6), INET] {
        for seed in [1, 2] {
            let mut scenario = client(law, 60_000.0, &polls(6, 6));
            let ramp = |from_s: f64, by| FrequencyRamp { from_s, until_s: from_s + 3600.0, by };
            scenario.hosts[0].oscillator.ramps =
                vec![ramp(20_000.0, 20e-6), ramp(27_200.0, -20e-6), ramp(50_000.0, 20e-6)];
            run(scenario, seed);
        }
    }
}

/// Jumps that amount to a random walk of this wander.
fn walk(from_s: f64, until_s: f64, wander: f64, random: &mut Random) -> Vec<FrequencyJump> {
    const EVERY_S: f64 = 8.0;
    let count = ((until_s - from_s) / EVERY_S) as u32;
    let by = |n: u32| (from_s + EVERY_S * f64::from(n), wander * EVERY_S.sqrt() * random.normal());
    (0..count).map(by).map(|(at_s, by)| FrequencyJump { at_s, by }).collect()
}

/// After a day every filter but the calmest has lost: that must not make the bank slow to see that the oscillator is another one now.
#[test]
fn a_wander_that_becomes_two_hundred_times_as_large_is_learned() {
    let (day, end) = (86_400.0, 150_000.0);
    let rms = |restless_from_s: f64| {
        let mut scenario = client(LAN, end, &polls(6, 6));
        scenario.hosts[0].oscillator.wander = 1e-10;
        scenario.hosts[0].oscillator.jumps = walk(0.0, end, 2e-8, &mut Random::new(7, 1));
        scenario.hosts[0].oscillator.jumps.retain(|jump| jump.at_s >= restless_from_s);
        scenario.time_window = Some(Window { from_s: day + 3600.0, until_s: end });
        run(scenario, 1).rms_time_s
    };
    let (late, always) = (rms(day), rms(0.0));
    assert!(late < 1.1 * always, "{late} s, and {always} s where it was so from the start");
}

/// One of several laws, links, polls, oscillators, outages and mishaps.
fn by_chance(seed: u64) -> Scenario {
    let mut random = Random::new(seed, 99);
    let mut up_to = |most: f64| most * random.uniform();
    let length_s = 40_000.0;
    let sources = 1 + up_to(3.99) as usize;
    let link = |up_to: &mut dyn FnMut(f64) -> f64| {
        let law = |up_to: &mut dyn FnMut(f64) -> f64| {
            let shapes = [
                Shape::Exponential,
                Shape::Pareto(1.2),
                Shape::Gamma(3.0),
                Shape::Congested { probability: 0.7, wait_s: 2e-3 },
            ];
            let base_s = 10e-6 * up_to(7.0).exp();
            DelayLaw { base_s, scale_s: base_s * up_to(0.5), shape: shapes[up_to(3.99) as usize] }
        };
        let mut link = LinkConfig::asymmetric(law(up_to), law(up_to));
        link.loss = up_to(0.4);
        link.duplicate = up_to(0.2);
        let (at_s, change) = (up_to(length_s), link.up.base_s);
        link.changes = vec![RouteChange { at_s, up_s: up_to(3.0) * change, down_s: up_to(0.5) * change }];
        let from_s = up_to(length_s);
        link.outages = vec![Window { from_s, until_s: from_s + up_to(3000.0) }];
        link
    };
    let links = (0..sources).map(|_| link(&mut up_to)).collect();
    let mut scenario = Scenario::client(length_s, links, &polls(6, 6));
    let host = &mut scenario.hosts[0];
    for path in &mut host.paths {
        let least = 4 + up_to(6.99) as i8;
        path.options = polls(least, least);
    }
    host.oscillator.wander = 1e-11 * up_to(5.0).exp();
    host.oscillator.sines = vec![Sine { amplitude: up_to(1e-7), period_s: 1000.0 + up_to(80_000.0) }];
    host.oscillator.frequency = up_to(2e-4) - 1e-4;
    let at_s = 1000.0 + up_to(30_000.0);
    let kind = if up_to(1.0) < 0.5 { FaultKind::Restart } else { FaultKind::NetworkChange };
    scenario.faults = vec![Fault { at_s, host: 0, kind }];
    scenario
}

#[test]
fn worlds_by_chance_break_no_bound() {
    for seed in 1..=24 {
        let outcome = run(by_chance(seed), seed);
        assert!(outcome.rms_time_s.is_finite());
    }
}
