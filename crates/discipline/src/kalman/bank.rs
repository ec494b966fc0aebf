//! The bank: one filter for each pair of a wander and a law of noise.

use super::member::{Innovation, Member};
use super::noise::{LAWS, Reading};

/// Number of wanders in the bank, each twice the one before: 10⁻¹¹ to 6.5·10⁻⁷ per √s.
const WANDERS: usize = 17;
const LEAST_WANDER: f64 = 1e-11;

/// Probability in 64 s that the wander becomes twice or half what it was.
const WANDER_CHANGES: f64 = 1e-3;

/// Share of the probability that is spread evenly at each sample, so that what was improbable for long can
/// come back.
const LEAK: f64 = 1e-5;

/// Power of the classes' probabilities from sample to sample: what was learned 300 samples ago counts 1/e.
const CLASS_MEMORY: f64 = 1.0 - 1.0 / 300.0;

/// A member below this probability is not worth mixing.
const NEGLIGIBLE: f64 = 1e-14;

/// One value for each member of the bank: by law, then by wander.
type Table<T> = [[T; WANDERS]; LAWS];

/// What a law makes of a sample, for each law.
pub(super) type Readings = [Reading; LAWS];

/// The filters, with their probabilities; these sum to one.
#[derive(Clone, Debug)]
pub(super) struct Bank {
    members: Box<Table<Member>>,
}

/// The bank as one Gaussian.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mixture {
    pub(super) state: Member,
    /// Mean of W².
    pub(super) wander_squared: f64,
    /// Geometric mean of W.
    pub(super) wander: f64,
}

/// What the bank expected of a sample.
#[derive(Clone, Debug)]
pub(super) struct Expectation {
    innovations: Table<Innovation>,
    /// Logarithm of how much less likely the sample is than one that lies where it was expected.
    pub(super) surprise: f64,
}

impl Bank {
    /// No filter has any probability yet.
    pub(super) fn new() -> Self {
        Self { members: Box::new([[Member::default(); WANDERS]; LAWS]) }
    }

    /// All filters start alike; wanders within a factor of ten of the `usual` one are the likely ones.
    pub(super) fn start(&mut self, first: Member, usual: f64) {
        let mut total = 0.0;
        for row in self.members.iter_mut() {
            for (member, wander) in row.iter_mut().zip(wanders()) {
                let factors = (wander / usual).ln() / std::f64::consts::LN_10;
                *member = Member { weight: (-0.5 * factors * factors).exp(), ..first };
                total += member.weight;
            }
        }
        self.scale_weights(1.0 / total);
    }

    /// All filters, with no regard to what they stand for.
    pub(super) fn members(&mut self) -> impl Iterator<Item = &mut Member> {
        self.members.iter_mut().flatten()
    }

    /// Mean over the laws, by their probability.
    pub(super) fn likely_noise(&self, readings: &Readings) -> f64 {
        let rows = self.members.iter().zip(readings);
        rows.map(|(row, reading)| row.iter().map(|member| member.weight).sum::<f64>() * reading.noise).sum()
    }

    /// Brings all members to the time of the sample: mixes neighbours, then predicts.
    pub(super) fn predict(&mut self, dt: f64) {
        let change = (WANDER_CHANGES * dt / 64.0).clamp(1e-6, 1e-2);
        let even = LEAK / (WANDERS * LAWS) as f64;
        for row in self.members.iter_mut() {
            mix(row, change);
            for (member, wander) in row.iter_mut().zip(wanders()) {
                member.weight = member.weight * (1.0 - LEAK) + even;
                member.predict(dt, wander * wander);
            }
        }
    }

    /// Compares a measured offset with what each filter expects.
    pub(super) fn expect(&self, measured: f64, readings: &Readings) -> Expectation {
        let mut innovations = [[Innovation::default(); WANDERS]; LAWS];
        let (mut most, mut sum, mut ideal) = (f64::NEG_INFINITY, 0.0, 0.0);
        for ((row, out), reading) in self.members.iter().zip(&mut innovations).zip(readings) {
            for (member, out) in row.iter().zip(out) {
                *out = member.innovation(measured, reading.excess, reading.noise);
                // Sums of exponentials relative to the largest term so far.
                let log = out.log_likelihood + member.weight.ln();
                let rescale = if log > most { (most - log).exp() } else { 1.0 };
                most = most.max(log);
                sum = sum * rescale + (log - most).exp();
                ideal += member.weight / out.variance.sqrt();
            }
        }
        Expectation { innovations, surprise: ideal.ln() - most - sum.ln() }
    }

    /// Takes the sample into every member and weighs them by how well they expected it.
    pub(super) fn correct(&mut self, readings: &Readings, expected: &Expectation) {
        let best = expected
            .innovations
            .iter()
            .flatten()
            .fold(f64::NEG_INFINITY, |best, innovation| best.max(innovation.log_likelihood));
        let mut total = 0.0;
        for ((row, innovations), reading) in self.members.iter_mut().zip(&expected.innovations).zip(readings)
        {
            for (member, innovation) in row.iter_mut().zip(innovations) {
                member.correct(innovation, reading.excess);
                member.weight *= (innovation.log_likelihood - best).exp();
                total += member.weight;
            }
        }
        let mut flattened = 0.0;
        for row in self.members.iter_mut() {
            let class: f64 = row.iter().map(|member| member.weight).sum::<f64>() / total;
            let share = if class > 0.0 { class.powf(CLASS_MEMORY - 1.0) / total } else { 0.0 };
            for member in row.iter_mut() {
                member.weight *= share;
                flattened += member.weight;
            }
        }
        self.scale_weights(1.0 / flattened);
    }

    fn scale_weights(&mut self, factor: f64) {
        for member in self.members.iter_mut().flatten() {
            member.weight *= factor;
        }
    }

    /// The bank as one Gaussian: the distances between the filters are part of its variance.
    pub(super) fn mixture(&self) -> Mixture {
        let mut state = Member { weight: 1.0, ..Member::default() };
        let (mut wander_squared, mut log_wander) = (0.0, 0.0);
        for row in self.members.iter() {
            for (member, wander) in row.iter().zip(wanders()) {
                state.add_mean(member, member.weight);
                wander_squared += member.weight * wander * wander;
                log_wander += member.weight * wander.ln();
            }
        }
        for member in self.members.iter().flatten() {
            state.add_covariance(member, member.weight);
        }
        Mixture { state, wander_squared, wander: log_wander.exp() }
    }
}

/// The wanders of a row of the bank.
fn wanders() -> impl Iterator<Item = f64> {
    std::iter::successors(Some(LEAST_WANDER), |wander| Some(wander * 2.0)).take(WANDERS)
}

/// Lets probability pass between neighbours of a row, and with it their states. The row's total stays the
/// same.
fn mix(row: &mut [Member; WANDERS], change: f64) {
    let before = *row;
    for (index, member) in row.iter_mut().enumerate() {
        let neighbours = [index.checked_sub(1), Some(index + 1)];
        let neighbours = neighbours.map(|other| other.and_then(|other| before.get(other)));
        let [below, above] = neighbours.map(|other| other.map_or(0.0, |other| other.weight * change));
        let leaving = change * neighbours.iter().flatten().count() as f64;
        let own = member.weight * (1.0 - leaving);
        let total = own + below + above;
        if total < NEGLIGIBLE || (below + above) < 1e-9 * total {
            member.weight = total;
            continue;
        }
        let parts = [(Some(&*member), own), (neighbours[0], below), (neighbours[1], above)];
        let mut mixed = Member { weight: total, ..Member::default() };
        let parts = parts.map(|(part, weight)| part.map(|part| (*part, weight / total)));
        for (part, share) in parts.iter().flatten() {
            mixed.add_mean(part, *share);
        }
        for (part, share) in parts.iter().flatten() {
            mixed.add_covariance(part, *share);
        }
        *member = mixed;
    }
}
