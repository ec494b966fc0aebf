//! How filters with the same laws take one exchange in: several at once, since most of the time of one alone is waiting for its own results.

#![allow(clippy::indexing_slicing)] // Every index is below LANES.

use super::noise::{Explanation, Noise};
use super::state::{Direction, State};

/// So many at once.
pub(super) const LANES: usize = 8;

/// What is said of a leg by the parts of its law, for each of the filters.
pub(super) type Explanations = [Explanation<LANES>; 2];

/// Nothing is said yet.
pub(super) const NOTHING: Explanations = [Explanation::NONE; 2];

/// One leg.
#[derive(Clone, Copy)]
pub(super) struct Leg<'a> {
    pub(super) measured: f64,
    pub(super) direction: Direction,
    pub(super) law: &'a Noise,
}

/// One exchange, or the only leg of a one-way reference.
#[derive(Clone, Copy)]
pub(super) struct Exchange<'a> {
    pub(super) legs: [Option<Leg<'a>>; 2],
    /// Variance of a leg's stamps, s².
    pub(super) stamps: f64,
}

impl Exchange<'_> {
    /// The filters take it in; gives the logarithm of its density for each of them.
    pub(super) fn take(
        &self,
        states: &mut [Option<&mut State>; LANES],
        by: &mut Explanations,
    ) -> [f64; LANES] {
        let mut ln_z = [0.0; LANES];
        for (leg, by) in self.legs.iter().flatten().zip(by) {
            let predictions: [_; LANES] =
                std::array::from_fn(|m| states[m].as_deref().map(|state| state.predict(leg.direction)));
            // Where there is no filter the first one is counted again: the lanes stay alike.
            let of = |m: usize| predictions[m].as_ref().or(predictions[0].as_ref());
            let residual = std::array::from_fn(|m| of(m).map_or(0.0, |p| leg.measured - p.value));
            let variance = std::array::from_fn(|m| of(m).map_or(0.0, |p| p.variance));
            let evidence = leg.law.explain(residual, variance, self.stamps, by);
            for (m, (state, prediction)) in states.iter_mut().zip(&predictions).enumerate() {
                if let (Some(state), Some(prediction)) = (state, prediction) {
                    state.take(prediction, &evidence[m]);
                    ln_z[m] += evidence[m].ln_z;
                }
            }
        }
        ln_z
    }
}
