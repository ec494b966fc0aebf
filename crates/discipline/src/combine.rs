//! One estimate from all survivors (RFC 5905 §11.2.3, with information in place of root distance as the
//! weight).

use crate::estimate::Estimate;
use crate::select::{Candidate, Verdict};

/// Least variance of an offset that is believed, s²: (1 ns)². Weight is not for sale to a source that claims
/// perfection.
const LEAST_OFFSET_VARIANCE: f64 = 1e-18;

/// The same for a frequency: (10⁻¹³)².
const LEAST_FREQUENCY_VARIANCE: f64 = 1e-26;

/// A sum of weighted values that knows how many sources really count in it.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    weights: f64,
    squares: f64,
    sum: f64,
    count: usize,
}

impl Mean {
    fn add(&mut self, value: f64, variance: f64) {
        let weight = 1.0 / variance;
        self.weights += weight;
        self.squares += weight * weight;
        self.sum += weight * value;
        self.count += 1;
    }

    fn value(&self) -> f64 {
        self.sum / self.weights
    }

    /// Number of equally good sources that would make this mean, at least 1.
    fn effective(&self) -> f64 {
        self.weights * self.weights / self.squares
    }
}

/// Combines the survivors' estimates; where some survivors are preferred, only those. `None` without a
/// survivor.
///
/// * Weights are inverse variances. When the estimates differ by more than these explain (unequal paths),
///   the excess is a variance that all sources have in common, after DerSimonian and Laird (Controlled
///   Clinical Trials 7, 1986): the weights become more equal and the result less certain.
/// * All sources watch one oscillator, so a good part of their errors is the same, and n of them are not √n
///   times as good as one. In a steady Kalman filter the variance of the offset goes with the measurement's
///   as R^¾ and that of the frequency as R^¼; n sources amount to R/n.
pub fn combine(candidates: &[Candidate], verdicts: &[Verdict]) -> Option<Estimate> {
    let survives = |verdict: Verdict| matches!(verdict, Verdict::SystemPeer | Verdict::Survivor);
    let survivors = || {
        let preferred = candidates.iter().zip(verdicts).any(|(c, v)| survives(*v) && c.prefer);
        let chosen =
            candidates.iter().zip(verdicts).filter(move |(c, v)| survives(**v) && (c.prefer || !preferred));
        chosen.map(|(candidate, _)| candidate.estimate).filter(is_sound)
    };
    let between = disagreement(survivors());

    let mut offset = Mean::default();
    let mut frequency = Mean::default();
    let mut correlation = 0.0;
    for estimate in survivors() {
        let offset_variance = estimate.offset_variance.max(LEAST_OFFSET_VARIANCE);
        let frequency_variance = estimate.frequency_variance.max(LEAST_FREQUENCY_VARIANCE);
        let own = estimate.covariance / (offset_variance * frequency_variance).sqrt();
        correlation += own.clamp(-1.0, 1.0) / (offset_variance + between);
        offset.add(estimate.offset, offset_variance + between);
        frequency.add(estimate.frequency, frequency_variance);
    }
    if offset.count == 0 {
        return None;
    }
    let offset_variance = offset.effective().powf(0.25) / offset.weights;
    let frequency_variance = frequency.effective().powf(0.75) / frequency.weights;
    Some(Estimate {
        offset: offset.value(),
        frequency: frequency.value(),
        offset_variance,
        frequency_variance,
        covariance: correlation / offset.weights * (offset_variance * frequency_variance).sqrt(),
    })
}

/// Variance between the sources' offsets that their own variances do not explain, s².
fn disagreement(estimates: impl Iterator<Item = Estimate> + Clone) -> f64 {
    let mut mean = Mean::default();
    for estimate in estimates.clone() {
        mean.add(estimate.offset, estimate.offset_variance.max(LEAST_OFFSET_VARIANCE));
    }
    let denominator = mean.weights - mean.squares / mean.weights;
    if mean.count < 2 || denominator <= 0.0 {
        return 0.0;
    }
    let middle = mean.value();
    let chi_squared: f64 = estimates
        .map(|estimate| {
            (estimate.offset - middle).powi(2) / estimate.offset_variance.max(LEAST_OFFSET_VARIANCE)
        })
        .sum();
    ((chi_squared - (mean.count - 1) as f64) / denominator).max(0.0)
}

fn is_sound(estimate: &Estimate) -> bool {
    let Estimate { offset, frequency, offset_variance, frequency_variance, covariance } = *estimate;
    [offset, frequency, offset_variance, frequency_variance, covariance].iter().all(|x| x.is_finite())
}

#[cfg(test)]
mod tests;
