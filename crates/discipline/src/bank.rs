//! A bank of filters that is told nothing: wander, noise and base delays are learned from the samples.
//!
//! # The model
//! θ = true − raw walks by its frequency f, and f walks at random with the *wander* W (per √s). An exchange gives two legs,
//!
//! ```text
//! z_f = t2 − t1 =  θ + d_f + e_f        z_b = t4 − t3 = −θ + d_b + e_b
//! ```
//!
//! with base delays d and queueing times e ≥ 0 of an unknown law. The state (θ, f, d_f, d_b and a drift of f) is Gaussian; a leg is taken in with the exact first
//! two moments under its one-sided law (assumed-density filtering), so a fast reply pulls hard and a late one hardly at all, as it should be.
//!
//! # The bank
//! W and the law are not known, so one filter runs for each pair of 24 paces (16 wanders, and 8 with a drift) and seven laws. Each weighs by how well it predicted, with
//! a memory of some hundred samples, and the answer is the weighted mean. Each law learns its own parameters from what its filters
//! make of the samples. A filter that has lost is replaced by the best with the same law; a law that has lost keeps its filters, so that it can
//! come back when the path changes.
//!
//! `docs/estimation.md` has the mathematics, the sources and what was tried and lost.

mod change;
mod erfcx;
mod exchange;
pub mod joint;
mod mixture;
mod noise;
mod pace;
mod route;
mod state;

use truechimer_time::Raw;

use crate::estimate::{Estimate, Estimator, Oscillator, Sample, Statistics};
use change::Learned;
use exchange::{Exchange, LANES, Leg, NOTHING};
use joint::Witness;
use mixture::{LogSum, Mixture};
use noise::Noise;
use pace::{MEMBERS, Pace};
use route::Rivals;
use state::{Direction, State};

/// A filter this much less likely than the best with the same law, in nats, has lost: it rests…
const LOST: f64 = 20.0;
/// …for so many samples, or fewer at the start…
const REST: u64 = 16;
const REST_SHARE: u64 = 8;
/// …and comes back as a copy of the best, so much behind, in nats.
const HANDICAP: f64 = 16.0;
/// A law is never counted less likely than the best by more than this, so that it can come back.
const WORST: f64 = 30.0;

/// Evidence is forgotten over 200 exchanges of 64 s, but no fewer than 200 and no more than 4000 exchanges.
const MEMORY: (f64, f64, f64) = (200.0 * 64.0, 200.0, 4000.0);

/// A sample so much less likely than usual, in nats, is left out…
const SURPRISE: f64 = 14.0;
/// …after so many samples…
const SETTLED: u64 = 20;

/// …but at most so many in a row: then it is the world that has changed.
const MOST_HELD: u32 = 24;
/// Before so many nothing is impossible…
const STARTED: u64 = 4;
/// …and after so many impossible ones in a row nothing that the bank believes is true any more.
const MOST_IMPOSSIBLE: u32 = 8;
/// One sigma that a frequency then has at least.
const SHAKEN_FREQUENCY_SD: f64 = 10e-6;

/// One sigma of the stamps as a share of their stated precision.
const STAMP_SIGMA: f64 = 0.1;

/// Samples after which the base delay has been learned.
const LEARNED: u64 = 20;

/// No offset or delay is larger: 30 000 years, in seconds.
const MOST_S: f64 = 1e12;

/// No frequency is known better at the start.
const LEAST_FREQUENCY_SD: f64 = 1e-12;

/// One filter.
#[derive(Clone, Copy, Debug)]
struct Member {
    state: State,
    /// Logarithm of the weight, relative to the best of the bank.
    weight: f64,
    /// For how many samples it still rests.
    rest: u64,
}

/// All filters with one law.
#[derive(Clone, Debug)]
struct Class {
    members: [Member; MEMBERS],
    forward: Noise,
    backward: Noise,
    /// Sum of the weights in what was counted of the sample at hand.
    counted: f64,
}

impl Class {
    fn new(members: [Member; MEMBERS], law: Noise) -> Self {
        Self { members, forward: law.clone(), backward: law, counted: 0.0 }
    }

    /// Those that do not rest.
    fn awake(&self) -> impl Iterator<Item = (usize, &Member)> {
        self.members.iter().enumerate().filter(|(_, member)| member.rest == 0)
    }
}

/// The bank.
#[derive(Clone, Debug, Default)]
pub struct BankEstimator {
    classes: Vec<Class>,
    /// Where the filters were before the sample at hand.
    saved: Vec<[Member; MEMBERS]>,
    rivals: Rivals,
    /// What had been learned some time ago and some time before that: no rival is older than the latter.
    past: [Vec<Learned>; 2],
    at: Option<Raw>,
    one_way: bool,
    /// Of the last sample, seconds.
    precision: f64,
    /// The shortest round trip since the start, seconds.
    shortest: f64,
    samples: u64,
    /// How often the base delays have had to be learned anew: the first time included.
    lives: u64,
    held: u64,
    held_in_a_row: u32,
    impossible_in_a_row: u32,
    /// Mean of the logarithm of the density of recent samples.
    typical: f64,
}

impl BankEstimator {
    /// Nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the bank up from the first sample.
    fn start(&mut self, sample: &Sample, oscillator: &Oscillator) {
        self.at = Some(sample.at);
        self.precision = sample.precision;
        self.shortest = sample.delay().max(0.0);
        let weights: [f64; MEMBERS] = std::array::from_fn(|j| Pace::of(j).ln_prior(oscillator.wander));
        let best = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let state = prior(sample, oscillator);
        let mut paces = (0..).map(Pace::of);
        let members = weights.map(|weight| {
            let state = paces.next().map_or(state, |pace| state.adapted(pace));
            Member { state, weight: weight - best, rest: 0 }
        });
        // The lists keep their room: a source that starts anew allocates nothing.
        self.classes.clear();
        if sample.reference_error.is_some() {
            let laws = noise::reference(sample.precision.max(1e-7)).into_iter();
            self.classes.extend(laws.map(|law| Class::new(members, law)));
        } else {
            let scale = (sample.delay() / 8.0).max(sample.precision).clamp(1e-8, 1.0);
            let laws = noise::competitors(scale).into_iter();
            self.classes.extend(laws.map(|law| Class::new(members, law)));
        }
        self.lives += 1;
        self.rivals.clear();
        self.saved.clear();
        self.saved.extend(self.classes.iter().map(|class| class.members));
        self.remember();
        self.remember();
        self.samples = 1;
        self.held_in_a_row = 0;
        self.impossible_in_a_row = 0;
        self.typical = 0.0;
    }

    /// Runs every filter over the sample and gives the logarithm of the sample's density.
    fn filter(&mut self, sample: &Sample, oscillator: &Oscillator, dt: f64) -> f64 {
        let forget = 1.0 - 1.0 / (MEMORY.0 / dt.max(1e-3)).clamp(MEMORY.1, MEMORY.2);
        let typical = self.typical;
        let mut prior_sum = 0.0;
        let mut posterior = LogSum::default();
        let mut by = NOTHING;
        for (class, saved) in self.classes.iter_mut().zip(&mut self.saved) {
            *saved = class.members;
            let Class { members, forward, backward, counted } = class;
            *counted = 0.0;
            let mut awake = members.iter_mut().enumerate().filter(|(_, member)| member.rest == 0);
            loop {
                let mut group: [_; LANES] = std::array::from_fn(|_| awake.next());
                if group.iter().flatten().next().is_none() {
                    break;
                }
                for (j, member) in group.iter_mut().flatten() {
                    member.state.pass(dt, Pace::of(*j));
                    prior_sum += member.weight.exp();
                }
                let exchange = exchange(sample, forward, backward);
                let mut states =
                    group.each_mut().map(|one| one.as_mut().map(|(_, member)| &mut member.state));
                let ln_zs = exchange.take(&mut states, &mut by);
                let mut shares = [0.0; LANES];
                for ((one, ln_z), share) in group.iter_mut().zip(ln_zs).zip(&mut shares) {
                    let Some((j, member)) = one else { continue };
                    if !member.state.is_sound() {
                        member.state = prior(sample, oscillator);
                    }
                    posterior.add(member.weight + ln_z);
                    let penalty = (1.0 - forget) * Pace::of(*j).penalty();
                    member.weight = forget * member.weight + ln_z - penalty;
                    // Weights are compared within the class only; the typical density keeps the numbers small.
                    *share = (member.weight - typical).clamp(-300.0, 300.0).exp();
                    *counted += *share;
                }
                let [by_forward, by_backward] = &by;
                forward.count(shares, by_forward);
                backward.count(shares, by_backward);
            }
        }
        posterior.value() - prior_sum.ln()
    }

    /// After a sample was taken: weights, learning, and filters that have lost.
    fn settle(&mut self) {
        let best = self.members().map(|(_, member)| member.weight).fold(f64::NEG_INFINITY, f64::max);
        let rest = (self.samples / REST_SHARE).min(REST);
        for class in &mut self.classes {
            class.forward.learn(self.samples, class.counted);
            class.backward.learn(self.samples, class.counted);
            class.members.iter_mut().for_each(|member| member.weight -= best);
            let leader = class.awake().max_by(|(_, a), (_, b)| a.weight.total_cmp(&b.weight));
            let Some((_, &leader)) = leader else { continue };
            let lift = (-WORST - leader.weight).max(0.0);
            for (j, member) in class.members.iter_mut().enumerate() {
                let lost = member.rest == 0 && member.weight < leader.weight - LOST;
                let rests = if lost { rest } else { member.rest.saturating_sub(1) };
                if rests > 0 {
                    (member.rest, member.weight) = (rests, leader.weight - LOST);
                } else if lost || member.rest > 0 {
                    let state = leader.state.adapted(Pace::of(j));
                    *member = Member { state, weight: leader.weight - HANDICAP, rest: 0 };
                }
                member.weight += lift;
            }
        }
    }

    /// Those that do not rest.
    fn members(&self) -> impl Iterator<Item = (usize, &Member)> {
        self.classes.iter().flat_map(Class::awake)
    }
}

impl Estimator for BankEstimator {
    fn update(&mut self, sample: &Sample, oscillator: &Oscillator) {
        if !is_sound(sample) || self.at.is_some_and(|at| sample.at < at) {
            return;
        }
        let one_way = sample.reference_error.is_some();
        let dt = match self.at {
            Some(at) if self.one_way == one_way => (sample.at - at).seconds(),
            _ => {
                self.one_way = one_way;
                self.start(sample, oscillator);
                return;
            }
        };
        self.at = Some(sample.at);
        self.precision = sample.precision;
        self.shortest = self.shortest.min(sample.delay().max(0.0));
        let density = self.filter(sample, oscillator, dt);
        if sample.reference_error.is_none() && self.challenge(sample, dt, density) {
            // The winner has the sample in it.
            self.lives += 1;
            self.samples += 1;
            self.held_in_a_row = 0;
            return;
        }
        let impossible = self.samples > STARTED && density < self.typical - SURPRISE;
        self.impossible_in_a_row = if impossible { self.impossible_in_a_row + 1 } else { 0 };
        if self.impossible_in_a_row >= MOST_IMPOSSIBLE {
            let frequency_sd = oscillator.frequency_sd.max(SHAKEN_FREQUENCY_SD);
            self.start(sample, &Oscillator { frequency_sd, ..*oscillator });
            return;
        }
        let surprising = (impossible && self.samples > SETTLED) || self.rivals.suspicion() > route::SUSPICION;
        if surprising && self.held_in_a_row < MOST_HELD {
            self.hold(dt);
            return;
        }
        self.held_in_a_row = 0;
        self.samples += 1;
        self.settle();
        self.renew_rivals();
        self.typical += (density - self.typical) / (self.samples as f64).min(100.0);
    }

    fn estimate(&self, at: Raw) -> Option<Estimate> {
        let dt = (at - self.at?).seconds().max(0.0);
        let mut mixture = Mixture::default();
        for (j, member) in self.members() {
            let weight = member.weight.exp();
            if weight > 1e-9 {
                let mut state = member.state;
                state.pass(dt, Pace::of(j));
                mixture.add(weight, state.moments());
            }
        }
        let mut estimate = mixture.estimate()?;
        // A coarse clock's errors are the same again and again, and do not average out.
        estimate.offset_variance += (STAMP_SIGMA * self.precision).powi(2);
        Some(estimate)
    }

    fn statistics(&self) -> Statistics {
        let mut statistics = Statistics { samples: self.samples, held: self.held, ..Statistics::default() };
        let mut weights = 0.0;
        let mut octaves = 0.0;
        if self.at.is_none() {
            return statistics;
        }
        for class in &self.classes {
            let weight: f64 = class.awake().map(|(_, member)| member.weight.exp()).sum();
            let noise = if self.one_way {
                class.forward.deviation()
            } else {
                class.forward.deviation().hypot(class.backward.deviation()) / 2.0
            };
            statistics.jitter += weight * noise;
            for (j, member) in class.awake() {
                let own = member.weight.exp();
                weights += own;
                octaves += own * Pace::of(j).wander.log2();
                statistics.base_delay += own * (member.state.mean[2] + member.state.mean[3]);
            }
        }
        if weights > 0.0 {
            statistics.jitter /= weights;
            // Until the base delay has been learned, its prior would pass for a path half as long.
            let learned = statistics.base_delay / weights;
            statistics.base_delay = if self.samples < LEARNED { self.shortest } else { learned };
            statistics.wander = (octaves / weights).exp2();
        }
        statistics.offset_sd =
            self.at.and_then(|at| self.estimate(at)).map_or(0.0, |estimate| estimate.offset_variance.sqrt());
        statistics
    }

    fn left_out(&self) -> u32 {
        self.held_in_a_row
    }

    fn witness(&self) -> Option<Witness<'_>> {
        let best = |class: &Class| class.members.iter().map(|m| m.weight).fold(f64::NEG_INFINITY, f64::max);
        let class = self.classes.iter().max_by(|a, b| best(a).total_cmp(&best(b)))?;
        let member = class.members.iter().max_by(|a, b| a.weight.total_cmp(&b.weight))?;
        let state = &member.state;
        let p = &state.covariance;
        let delays = joint::Delays {
            mean: [state.mean[2], state.mean[3]],
            covariance: [[p[2][2], p[2][3]], [p[3][2], p[3][3]]],
            asymmetry_sd: joint::ASYMMETRY * self.shortest / 2.0,
        };
        let taken = self.held_in_a_row == 0;
        Some(Witness { laws: (&class.forward, &class.backward), delays, taken, lives: self.lives })
    }

    fn reset(&mut self) {
        self.at = None;
        self.samples = 0;
        self.held = 0;
        self.classes.clear();
    }
}

/// The exchange by laws of both directions.
fn exchange<'a>(sample: &Sample, forward: &'a Noise, backward: &'a Noise) -> Exchange<'a> {
    let forward = Leg { measured: sample.forward, direction: Direction::Forward, law: forward };
    let backward = Leg { measured: sample.backward, direction: Direction::Backward, law: backward };
    let two_way = sample.reference_error.is_none();
    Exchange { legs: [Some(forward), two_way.then_some(backward)], stamps: stamp_variance(sample) }
}

/// Variance that the stamps of a leg certainly have, s². Their stated precision is a bound; what they really do is learned with the rest.
fn stamp_variance(sample: &Sample) -> f64 {
    (STAMP_SIGMA * sample.precision).powi(2)
}

/// Whether the numbers of a sample are some that can be.
fn is_sound(sample: &Sample) -> bool {
    let Sample { forward, backward, precision, reference_error, .. } = *sample;
    let possible = |value: f64| value.abs() <= MOST_S;
    possible(forward)
        && possible(backward)
        && (0.0..=MOST_S).contains(&precision)
        && reference_error.is_none_or(|error| error > 0.0 && error <= MOST_S)
}

/// What is believed after seeing nothing but the first sample.
fn prior(sample: &Sample, oscillator: &Oscillator) -> State {
    let mut covariance = [[0.0; state::N]; state::N];
    let known = oscillator.frequency.is_finite() && (0.0..=1.0).contains(&oscillator.frequency_sd);
    let Oscillator { frequency, frequency_sd, .. } = if known { *oscillator } else { Oscillator::default() };
    covariance[1][1] = frequency_sd.max(LEAST_FREQUENCY_SD).powi(2);
    let mut mean = [sample.offset(), frequency, 0.0, 0.0, 0.0];
    if let Some(error) = sample.reference_error {
        covariance[0][0] = error * error;
    } else {
        // The base delay is anything up to the round trip, and the same both ways until something says otherwise.
        let delay = sample.delay().max(4.0 * sample.precision).max(1e-8);
        covariance[0][0] = delay * delay / 4.0;
        let base = delay / 4.0;
        mean[2] = base;
        mean[3] = base;
        for row in covariance.iter_mut().skip(2).take(2) {
            *row = [0.0, 0.0, base * base, base * base, 0.0];
        }
    }
    State { mean, covariance }
}

#[cfg(test)]
mod tests;
