//! How good the estimates are, apart from servo, selection and polling: the oscillator and the paths of a named world,
//! polls at the pace of chrony's there, and what is believed of θ against the truth.
//!
//! ```sh
//! cargo run --release -p truechimer-sim --example open_loop -- --seeds 7
//! cargo run --release -p truechimer-sim --example open_loop -- --seeds 7 --told
//! cargo run --release -p truechimer-sim --example open_loop -- --world 'lan w1e-9 p6' --seed 3
//! ```
//!
//! Prints medians over the seeds: the RMS of the offset's error, its ratio to chrony's (whose clock was steered) or to
//! the best known, the RMS of the frequency's error, the largest error, and RMS(error/σ). `--told`: not the estimator that
//! ships, but one that is told the wander, the laws of the delays and the base delays, and has all sources in one state.
//! `--world` runs the worlds whose name contains this. Liars are left out: finding them is not the estimator's work.

#![allow(clippy::indexing_slicing)] // What is indexed was made a line before.

mod field;
mod told;

use std::process::ExitCode;

use field::{Exchange, Field};
use told::Told;
use truechimer_discipline::bank::BankEstimator;
use truechimer_discipline::bank::joint::{JointEstimator, Seat};
use truechimer_discipline::combine::combine;
use truechimer_discipline::estimate::{Estimate, Estimator, Oscillator};
use truechimer_discipline::select::{Candidate, Verdict};
use truechimer_sim::scenario::Scenario;
use truechimer_sim::{WorldSpec, worlds};
use truechimer_time::Raw;

/// The error is looked at every so many seconds.
const LOOK_EVERY_S: usize = 4;

/// What one run amounts to.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    offset: f64,
    frequency: f64,
    largest: f64,
    honesty: f64,
}

/// Who believes.
enum Believer {
    /// A bank for each source, its seat, and what is made of them together.
    Banks(Vec<(BankEstimator, Option<Seat>)>, Box<JointEstimator>),
    Told(Told),
}

struct Options {
    seeds: Vec<u64>,
    world: String,
    told: bool,
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("options: --seeds N, --seed S, --world NAME, --told");
        return ExitCode::from(2);
    };
    println!("{:18} {:>9} {:>6} {:>9} {:>9} {:>6}", "world", "rms s", "ratio", "freq", "max s", "e/σ");
    let mut logs = Vec::new();
    for spec in worlds().iter().filter(|spec| spec.name.contains(&options.world)) {
        let scenario = (spec.scenario)();
        if !is_suitable(&scenario) || options.told && Told::new(&scenario).is_none() {
            continue;
        }
        let runs: Vec<Figures> =
            options.seeds.iter().map(|&seed| run(spec, &scenario, seed, options.told)).collect();
        let middle = |pick: fn(&Figures) -> f64| {
            let mut values: Vec<f64> = runs.iter().map(pick).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
        };
        let offset = middle(|run| run.offset);
        let ratio = spec.chrony_rms_time().or(spec.reached_s).map(|other| offset / other);
        logs.extend(ratio.map(f64::ln));
        println!(
            "{:18} {offset:>9.3e} {:>6.3} {:>9.2e} {:>9.2e} {:>6.2}",
            spec.name,
            ratio.unwrap_or(f64::NAN),
            middle(|run| run.frequency),
            middle(|run| run.largest),
            middle(|run| run.honesty)
        );
    }
    println!("geometric mean of the ratios: {:.4}", (logs.iter().sum::<f64>() / logs.len() as f64).exp());
    ExitCode::SUCCESS
}

fn options() -> Option<Options> {
    let mut options = Options { seeds: vec![1], world: String::new(), told: false };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seeds" => options.seeds = (1..=arguments.next()?.parse().ok()?).collect(),
            "--seed" => options.seeds = vec![arguments.next()?.parse().ok()?],
            "--world" => options.world = arguments.next()?,
            "--told" => options.told = true,
            _ => return None,
        }
    }
    Some(options)
}

/// One machine that runs all the time, in steps of a second, and is not one of thousands of hours.
fn is_suitable(scenario: &Scenario) -> bool {
    scenario.hosts.len() == 1 && scenario.step_s == 1.0 && scenario.length_s < 1e6
}

fn run(spec: &WorldSpec, scenario: &Scenario, seed: u64, told: bool) -> Figures {
    let pace_s = spec
        .chrony
        .and_then(|chrony| chrony.packets)
        .map(f64::from)
        .map(|packets| (scenario.length_s * scenario.hosts[0].paths.len() as f64 / packets).max(64.0));
    let mut field = Field::new(scenario, pace_s.unwrap_or(64.0), seed);
    let mut believer = match Told::new(scenario).filter(|_| told) {
        Some(told) => Believer::Told(told),
        None => Believer::Banks(vec![(BankEstimator::new(), None); field.sources()], Box::default()),
    };
    let later = scenario.length_s / 5.0..scenario.length_s;
    let window = scenario.time_window.map_or(later, |window| window.from_s..window.until_s);
    let (mut figures, mut count, mut looked) = (Figures::default(), 0.0, 0);
    let mut belief: Option<(f64, Estimate)> = None;
    loop {
        let exchange = field.next();
        let until = exchange.map_or(scenario.length_s, |exchange| exchange.at_s) as usize;
        for second in (looked..until).step_by(LOOK_EVERY_S) {
            looked = second + LOOK_EVERY_S;
            let t = second as f64;
            let Some((at, estimate)) = belief.filter(|_| window.contains(&t)) else { continue };
            let dt = t - at;
            let error = estimate.offset + estimate.frequency * dt - field.theta(t);
            let rate = estimate.frequency - field.rate(second);
            let slope = 2.0 * estimate.covariance + dt * estimate.frequency_variance;
            count += 1.0;
            figures.offset += error * error;
            figures.frequency += rate * rate;
            figures.honesty += error * error / (estimate.offset_variance + dt * slope);
            figures.largest = figures.largest.max(error.abs());
        }
        let Some(exchange) = exchange else { break };
        belief = believer.take(&exchange).map(|estimate| (exchange.at_s, estimate));
    }
    let root = |sum: f64| (sum / count).sqrt();
    Figures {
        offset: root(figures.offset),
        frequency: root(figures.frequency),
        honesty: root(figures.honesty),
        ..figures
    }
}

impl Believer {
    fn take(&mut self, exchange: &Exchange) -> Option<Estimate> {
        match self {
            Self::Told(told) => Some(told.take(exchange)),
            Self::Banks(banks, joint) => {
                let (at, alone) = (exchange.sample.at, banks.len() == 1);
                let (bank, seat) = banks.get_mut(exchange.source)?;
                bank.update(&exchange.sample, &Oscillator::default());
                if !alone && joint.has_begun() {
                    joint.update(seat, &exchange.sample, &bank.witness()?);
                    return joint.estimate(at);
                }
                let estimate = together(banks, at)?;
                joint.restart(at, &estimate, &Oscillator::default());
                Some(estimate)
            }
        }
    }
}

/// What the engine makes of the sources' own estimates.
fn together(banks: &[(BankEstimator, Option<Seat>)], at: Raw) -> Option<Estimate> {
    if let [(bank, _)] = banks {
        return bank.estimate(at);
    }
    let candidate = |estimate| Candidate {
        interval: [-1.0, 1.0],
        estimate,
        distance: 0.0,
        stratum: 1,
        jitter: 0.0,
        incumbent: false,
        prefer: false,
        trust: false,
        require: false,
        noselect: false,
    };
    let candidates: Vec<Candidate> =
        banks.iter().filter_map(|(bank, _)| bank.estimate(at)).map(candidate).collect();
    combine(&candidates, &vec![Verdict::Survivor; candidates.len()])
}
