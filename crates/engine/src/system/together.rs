//! One estimate from the samples of all survivors, instead of a mean of their estimates.
//!
//! It refines what selection and combination have found and never replaces them: it has to lie within the bound of the majority and near the combination, or it
//! begins anew from there.

use truechimer_discipline::bank::joint::JointEstimator;
use truechimer_discipline::estimate::{Estimate, Oscillator};
use truechimer_discipline::select::Verdict;
use truechimer_time::Raw;

use crate::association::Association;
use crate::sources::Sources;

/// Farther from the combination than so many sigmas is not believed.
const FARTHEST: f64 = 6.0;

/// The joint estimator, and who takes part.
#[derive(Debug)]
pub(crate) struct Together {
    joint: JointEstimator,
}

impl Together {
    pub(crate) fn new() -> Self {
        Self { joint: JointEstimator::new() }
    }

    /// The raw scale is not what it was.
    pub(crate) fn forget(&mut self) {
        self.joint.reset();
    }

    /// After a round: the survivors' new samples are taken in, and what they say together is told, if it makes sense beside what is `combined`
    /// of their own estimates. With one survivor that is all there is.
    pub(crate) fn refine(
        &mut self,
        sources: &mut Sources,
        at: Raw,
        combined: Estimate,
        bound: [f64; 2],
        oscillator: &Oscillator,
    ) -> Estimate {
        let has_lied = |member: &Association| {
            member.verdict == Some(Verdict::Falseticker)
                && member.seat.is_some_and(|seat| self.joint.knows(seat))
        };
        if sources.members().any(has_lied) {
            self.joint.reset();
        }
        let preferred = sources.members().any(|member| survives(member) && member.options.prefer);
        let counts = |member: &Association| survives(member) && (member.options.prefer || !preferred);
        let began = self.joint.has_begun();
        if !began && sources.members().filter(|member| counts(member)).count() > 1 {
            self.joint.restart(at, &combined, oscillator);
        }
        for member in sources.members_mut() {
            let Some(sample) = member.sample.take() else { continue };
            // What the joint estimator begins with has this sample in it.
            if began
                && counts(member)
                && let Some(witness) = member.estimator.witness()
            {
                self.joint.update(&mut member.seat, &sample, &witness);
            }
        }
        let Some(estimate) = self.joint.estimate(at) else { return combined };
        if self.is_sensible(&estimate, &combined, bound) {
            return estimate;
        }
        self.joint.reset();
        combined
    }

    fn is_sensible(&self, estimate: &Estimate, combined: &Estimate, [lo, hi]: [f64; 2]) -> bool {
        let sd = combined.offset_variance.max(0.0).sqrt().hypot(self.joint.asymmetry_sd());
        estimate.frequency.is_finite()
            && (lo..=hi).contains(&estimate.offset)
            && (estimate.offset - combined.offset).abs() <= FARTHEST * sd
    }
}

fn survives(member: &Association) -> bool {
    matches!(member.verdict, Some(Verdict::SystemPeer | Verdict::Survivor))
}
