//! Step and panic gates: which correction may be made at all, and how.

/// Steps are taken only for corrections above `above_s`, and only among the first `first` clock updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepPolicy {
    /// Threshold in seconds; `None` never steps.
    pub above_s: Option<f64>,
    /// How many of the first updates may step; `None` for always.
    pub first: Option<u32>,
}

/// Corrections larger than these are refused (RFC 5905 §11.3 PANICT). Each way has its own limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PanicLimits {
    /// One correction forward while running, seconds; `None` for no limit.
    pub forward_s: Option<f64>,
    /// One correction backward while running, seconds, as a positive number.
    pub backward_s: Option<f64>,
    /// The first correction after the start, either way, seconds; `None` for no limit.
    pub start_s: Option<f64>,
    /// All steps since the state was first written, either way, seconds; it survives restarts.
    pub accumulated_s: Option<f64>,
}

/// How a correction is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gate {
    /// Gradually.
    Slew,
    /// At once.
    Step,
    /// Not at all.
    Refuse {
        /// Which limit forbids it: `forward`, `backward`, `start`, `accumulated`, as in the configuration,
        /// or `finite` for a correction that is no number.
        limit: &'static str,
        /// The limit in seconds.
        limit_s: f64,
    },
}

/// The gates with what they must remember. Only the sum of the steps outlives a restart.
#[derive(Clone, Copy, Debug)]
pub struct Gates {
    policy: StepPolicy,
    limits: PanicLimits,
    updates: u64,
    stepped_total_s: f64,
}

impl Gates {
    /// `stepped_total_s` is the sum of the sizes of all steps of earlier runs, from the state file. One that
    /// is no number, or negative, counts as zero.
    pub fn new(policy: StepPolicy, limits: PanicLimits, stepped_total_s: f64) -> Self {
        let stepped_total_s = if stepped_total_s.is_finite() { stepped_total_s.max(0.0) } else { 0.0 };
        Self { policy, limits, updates: 0, stepped_total_s }
    }

    /// Other limits from now on; what was counted stays counted.
    pub fn reconfigure(&mut self, policy: StepPolicy, limits: PanicLimits) {
        self.policy = policy;
        self.limits = limits;
    }

    /// What may be done about a correction of so many seconds (positive: the clock is slow). Changes nothing.
    pub fn judge(&self, correction_s: f64) -> Gate {
        if !correction_s.is_finite() {
            return Gate::Refuse { limit: "finite", limit_s: f64::MAX };
        }
        let size = correction_s.abs();
        let (limit, limit_s) = match self.updates {
            0 => ("start", self.limits.start_s),
            _ if correction_s > 0.0 => ("forward", self.limits.forward_s),
            _ => ("backward", self.limits.backward_s),
        };
        if let Some(limit_s) = limit_s.filter(|limit_s| size > *limit_s) {
            return Gate::Refuse { limit, limit_s };
        }
        let early = self.policy.first.is_none_or(|first| self.updates < u64::from(first));
        if !early || self.policy.above_s.is_none_or(|above_s| size <= above_s) {
            return Gate::Slew;
        }
        match self.limits.accumulated_s {
            Some(limit_s) if self.stepped_total_s + size > limit_s => {
                Gate::Refuse { limit: "accumulated", limit_s }
            }
            _ => Gate::Step,
        }
    }

    /// The same where somebody wants a step whatever the policy says: [`Gate::Step`] or a refusal.
    pub fn judge_step(&self, correction_s: f64) -> Gate {
        let policy = StepPolicy { above_s: Some(-1.0), first: None };
        Self { policy, ..*self }.judge(correction_s)
    }

    /// A clock update was made, by slew or step.
    pub fn updated(&mut self) {
        self.updates = self.updates.saturating_add(1);
    }

    /// The clock really jumped by so many seconds.
    pub fn stepped(&mut self, by_s: f64) {
        if by_s.is_finite() {
            self.stepped_total_s += by_s.abs();
        }
    }

    /// Sum of the sizes of all steps, this run's and earlier ones', seconds: to be kept in the state file.
    pub fn stepped_total_s(&self) -> f64 {
        self.stepped_total_s
    }

    /// Clock updates since the start.
    pub fn updates(&self) -> u64 {
        self.updates
    }
}

#[cfg(test)]
mod tests;
