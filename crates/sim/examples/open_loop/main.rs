//! How good the estimates are, apart from selection and polling: the oscillator and the paths of a named world, polls at the
//! pace of chrony's there, and what is believed of θ against the truth.
//!
//! ```sh
//! cargo run --release -p truechimer-sim --example open_loop -- --seeds 7
//! cargo run --release -p truechimer-sim --example open_loop -- --seeds 7 --told
//! cargo run --release -p truechimer-sim --example open_loop -- --seeds 7 --told --steered
//! cargo run --release -p truechimer-sim --example open_loop -- --world 'lan w1e-9 p6' --seed 3
//! ```
//!
//! Prints medians over the seeds: the RMS of the offset's error, its ratio to chrony's (whose clock was steered) or to
//! the best known, the RMS of the frequency's error and its ratio, the largest error, and RMS(error/σ). The world with an outage
//! is treated as `chimer sim score` does it: all runs as one, scaled by the limit there. At the end, geometric means of the ratios
//! to chrony.
//! `--told`: not the estimator that ships, but one that is told the wander, the laws of the delays and the base delays, and has
//! all sources in one state. `--steered`: a clock that the servo steers by the estimates, instead of the estimates themselves.
//! `--world` runs the worlds whose name contains this. Liars are left out: finding them is not the estimator's work.

#![allow(clippy::indexing_slicing)] // What is indexed was made a line before.

mod clock;
mod field;
mod told;

use std::process::ExitCode;

use clock::Clock;
use field::{Exchange, Field};
use told::Told;
use truechimer_discipline::bank::BankEstimator;
use truechimer_discipline::bank::joint::{JointEstimator, Seat};
use truechimer_discipline::combine::combine;
use truechimer_discipline::estimate::{Estimate, Estimator, Oscillator};
use truechimer_discipline::select::{Candidate, Verdict};
use truechimer_sim::link::Window;
use truechimer_sim::scenario::Scenario;
use truechimer_sim::stats::Holdover;
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
    /// The least that can be reached where nobody can be heard.
    limit: Option<f64>,
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
    steered: bool,
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("options: --seeds N, --seed S, --world NAME, --told, --steered");
        return ExitCode::from(2);
    };
    println!(
        "{:18} {:>9} {:>6} {:>9} {:>6} {:>9} {:>6}",
        "world", "rms s", "ratio", "freq", "ratio", "max s", "e/σ"
    );
    let (mut all, mut networks) = (Vec::new(), Vec::new());
    for spec in worlds().iter().filter(|spec| spec.name.contains(&options.world)) {
        let scenario = (spec.scenario)();
        if !is_suitable(&scenario) || options.told && Told::new(&scenario).is_none() {
            continue;
        }
        let runs: Vec<Figures> =
            options.seeds.iter().map(|&seed| run(spec, &scenario, seed, &options)).collect();
        let ratio = print(spec, &runs);
        if spec.chrony_rms_time().is_some() {
            all.push(ratio);
            if scenario.hosts[0].reference.is_none() && scenario.deaf_from_s.is_none() {
                networks.push(ratio);
            }
        }
    }
    let mean = |ratios: &[f64]| (ratios.iter().map(|r| r.ln()).sum::<f64>() / ratios.len() as f64).exp();
    println!("geometric mean of the {} ratios to chrony: {:.3}", all.len(), mean(&all));
    println!("without reference clocks and outage, {}: {:.3}", networks.len(), mean(&networks));
    ExitCode::SUCCESS
}

/// A line of the table; gives the ratio of the time error.
fn print(spec: &WorldSpec, runs: &[Figures]) -> f64 {
    let middle = |pick: fn(&Figures) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(pick).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let pooled = |pick: &dyn Fn(&Figures) -> f64| {
        (runs.iter().map(|run| pick(run).powi(2)).sum::<f64>() / runs.len() as f64).sqrt()
    };
    let limit = runs.iter().all(|run| run.limit.is_some());
    let limit = limit.then(|| pooled(&|run| run.limit.unwrap_or_default()));
    let offset = if limit.is_some() { pooled(&|run| run.offset) } else { middle(|run| run.offset) };
    let chrony = spec.chrony.and_then(|chrony| chrony.rms_time(limit));
    let ratio = offset / chrony.or(spec.reached_s).unwrap_or(f64::NAN);
    let frequency = middle(|run| run.frequency);
    let theirs = spec.chrony.and_then(|chrony| chrony.rms_frequency).unwrap_or(f64::NAN);
    println!(
        "{:18} {offset:>9.3e} {ratio:>6.3} {frequency:>9.2e} {:>6.2} {:>9.2e} {:>6.2}",
        spec.name,
        frequency / theirs,
        middle(|run| run.largest),
        middle(|run| run.honesty)
    );
    ratio
}

fn options() -> Option<Options> {
    let mut options = Options { seeds: vec![1], world: String::new(), told: false, steered: false };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seeds" => options.seeds = (1..=arguments.next()?.parse().ok()?).collect(),
            "--seed" => options.seeds = vec![arguments.next()?.parse().ok()?],
            "--world" => options.world = arguments.next()?,
            "--told" => options.told = true,
            "--steered" => options.steered = true,
            _ => return None,
        }
    }
    Some(options)
}

/// One machine that runs all the time, in steps of a second, and is not one of thousands of hours.
fn is_suitable(scenario: &Scenario) -> bool {
    scenario.hosts.len() == 1 && scenario.step_s == 1.0 && scenario.length_s < 1e6
}

fn run(spec: &WorldSpec, scenario: &Scenario, seed: u64, options: &Options) -> Figures {
    let pace_s = spec
        .chrony
        .and_then(|chrony| chrony.packets)
        .map(f64::from)
        .map(|packets| (scenario.length_s * scenario.hosts[0].paths.len() as f64 / packets).max(64.0));
    let shortest = scenario.hosts[0].paths.first().map_or(0, |path| path.options.min_poll.exponent());
    let pace_s = pace_s.unwrap_or(f64::from(shortest).exp2());
    let mut field = Field::new(scenario, pace_s, seed);
    let mut believer = match Told::new(scenario).filter(|_| options.told) {
        Some(told) => Believer::Told(told),
        None => Believer::Banks(vec![(BankEstimator::new(), None); field.sources()], Box::default()),
    };
    let later = Window { from_s: scenario.length_s / 5.0, until_s: scenario.length_s };
    let window = scenario.time_window.unwrap_or(later);
    let mut sums = Sums::default();
    let mut looked = 0;
    let mut clock: Option<Clock> = None;
    loop {
        let exchange = field.next();
        // What is believed at a second comes from replies until then.
        let until = exchange.map_or(scenario.length_s, |exchange| exchange.at_s.ceil()) as usize;
        for second in (looked..until).step_by(LOOK_EVERY_S) {
            looked = second + LOOK_EVERY_S;
            let t = second as f64;
            let Some(clock) = clock.as_ref().filter(|_| later.contains(t)) else { continue };
            let (offset, rate) = clock.at(t);
            let (error, rate) = (offset - field.theta(t), rate - field.rate(second));
            sums.add(error, rate, clock.variance(t), window.contains(t));
        }
        let Some(exchange) = exchange else { break };
        let Some(estimate) = believer.take(&exchange) else { continue };
        let next = clock.take().unwrap_or_else(|| Clock::new(options.steered));
        clock = Some(next.corrected(exchange.at_s, &estimate, field.interval_s(exchange.source)));
    }
    sums.figures(limit(scenario, &field, window))
}

/// As the scoreboard has it.
fn limit(scenario: &Scenario, field: &Field, window: Window) -> Option<f64> {
    let mut holdover = Holdover::new(scenario.deaf_from_s?, scenario.deaf_frequency_sd, window);
    for second in 0..scenario.length_s as usize {
        holdover.record(second as f64 + 1.0, field.rate(second), 1.0);
    }
    Some(holdover.rms_time())
}

/// What the errors add up to.
#[derive(Default)]
struct Sums {
    count: f64,
    offset: f64,
    honesty: f64,
    largest: f64,
    rates: f64,
    rate: f64,
}

impl Sums {
    fn add(&mut self, error: f64, rate: f64, variance: f64, counts: bool) {
        self.rates += 1.0;
        self.rate += rate * rate;
        if counts {
            self.count += 1.0;
            self.offset += error * error;
            self.honesty += error * error / variance;
            self.largest = self.largest.max(error.abs());
        }
    }

    fn figures(&self, limit: Option<f64>) -> Figures {
        let root = |sum: f64, count: f64| (sum / count).sqrt();
        Figures {
            offset: root(self.offset, self.count),
            frequency: root(self.rate, self.rates),
            largest: self.largest,
            honesty: root(self.honesty, self.count),
            limit,
        }
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
