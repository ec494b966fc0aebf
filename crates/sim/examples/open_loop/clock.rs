//! What a clock shows that follows the estimates: at once, or as the servo steers it.

use truechimer_discipline::estimate::Estimate;
use truechimer_discipline::servo::{Plan, Servo};

/// The engine's limits for the servo: the usual ones.
const MOST: f64 = 500e-6;

/// A clock, by what it adds to the raw time.
pub(crate) struct Clock {
    servo: Option<Servo>,
    /// Since when it does what it does, seconds.
    at_s: f64,
    /// What it added then.
    offset: f64,
    plan: Plan,
    estimate: Option<Estimate>,
}

impl Clock {
    pub(crate) fn new(steered: bool) -> Self {
        let servo = steered.then(|| Servo::new(MOST, MOST));
        let plan = Servo::new(MOST, MOST).plan(0.0, 0.0, 0.0, 0.0, 0.0);
        Self { servo, at_s: 0.0, offset: 0.0, plan, estimate: None }
    }

    /// What it adds at a moment, and its rate just before.
    pub(crate) fn at(&self, t_s: f64) -> (f64, f64) {
        let dt = t_s - self.at_s;
        let slewed = dt.clamp(0.0, self.plan.duration_s);
        let (base, slewing) = (self.plan.base.rate(), self.plan.slewing.rate());
        let rate = if dt <= self.plan.duration_s { slewing } else { base };
        (self.offset + slewing * slewed + base * (dt - slewed), rate)
    }

    /// Variance of the estimate that it follows.
    pub(crate) fn variance(&self, t_s: f64) -> f64 {
        let dt = t_s - self.at_s;
        self.estimate.map_or(f64::NAN, |estimate| {
            estimate.offset_variance + dt * (2.0 * estimate.covariance + dt * estimate.frequency_variance)
        })
    }

    /// There is a new estimate, and another one is expected in so many seconds.
    pub(crate) fn corrected(self, at_s: f64, estimate: &Estimate, interval_s: f64) -> Self {
        let (mut offset, _) = self.at(at_s);
        let sd = |variance: f64| variance.max(0.0).sqrt();
        let wanted = estimate.offset - offset;
        // The first correction is a step.
        let correction = if self.servo.is_some() && self.estimate.is_some() { wanted } else { 0.0 };
        offset += wanted - correction;
        let plan = self.servo.unwrap_or_else(|| Servo::new(MOST, MOST)).plan(
            correction,
            sd(estimate.offset_variance),
            estimate.frequency,
            sd(estimate.frequency_variance),
            interval_s,
        );
        Self { servo: self.servo, at_s, offset, plan, estimate: Some(*estimate) }
    }
}
