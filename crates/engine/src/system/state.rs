//! What the last agreement of the sources says, and for how long it can be believed.

use truechimer_discipline::estimate::Estimate;
use truechimer_discipline::interval::Drift;
use truechimer_time::{Cooked, Leap, Raw};
use truechimer_wire::ReferenceId;

use crate::association::{Association, Origin};
use crate::local_clock::LocalClock;

/// An agreement and what follows from it.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// The moment that `estimate` and `bound` are for.
    pub(crate) at: Raw,
    pub(crate) estimate: Estimate,
    /// Least and greatest θ that a majority guarantees.
    pub(crate) bound: [f64; 2],
    /// What is believed of the oscillator since.
    pub(crate) drift: Drift,
    /// Sources contradict it, or each other: they lie, or the oscillator is not what it was.
    pub(crate) doubtful: bool,
    /// Wander of the oscillator, per √s.
    pub(crate) wander: f64,
    pub(crate) peer: Peer,
    pub(crate) agreeing: usize,
    pub(crate) leap: Leap,
    /// When, by the clock as it stood.
    pub(crate) updated: Cooked,
}

/// The system peer, as others are told of it.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) name: String,
    /// What this machine's is when it follows it; 16 is too many.
    pub(crate) next_stratum: u8,
    pub(crate) reference_id: ReferenceId,
    pub(crate) root_delay_s: f64,
}

impl Peer {
    pub(crate) fn of(member: &Association) -> Self {
        let reference_id = match (member.origin, member.last) {
            (Origin::Network(_), Some(last)) if member.options.copy => last.reference_id,
            (Origin::Network(remote), _) => ReferenceId::from_address(remote.ip()),
            (Origin::Reference { id, .. }, _) => id,
        };
        let stratum = member.last.map_or(16, |last| last.stratum);
        Self {
            name: member.name.clone(),
            next_stratum: if member.options.copy { stratum } else { stratum.saturating_add(1) },
            reference_id,
            root_delay_s: member.interval.root_delay(),
        }
    }
}

impl State {
    /// Least and greatest θ at a moment if the oscillator is what it is believed to be: the guarantee grows weaker
    /// between updates (NA-40).
    pub(crate) fn bound_at(&self, at: Raw) -> [f64; 2] {
        self.bound_with(self.drift, at)
    }

    fn bound_with(&self, drift: Drift, at: Raw) -> [f64; 2] {
        let since = (at - self.at).seconds();
        let [down, up] = drift.over(since.abs());
        let [lo, hi] = self.bound;
        if since >= 0.0 { [lo + down, hi + up] } else { [lo - up, hi - down] }
    }

    /// The largest error that the clock can have at a moment, seconds, if it then is `corrected_s` ahead of the
    /// raw scale.
    pub(crate) fn error_bound(&self, at: Raw, corrected_s: f64) -> f64 {
        let [lo, hi] = self.bound_with(self.guaranteed(), at);
        (hi - corrected_s).abs().max((lo - corrected_s).abs())
    }

    /// By how much that can grow in a second at the clock's present rate, slew included.
    pub(crate) fn growth(&self, clock: &LocalClock) -> f64 {
        let [down, up] = self.guaranteed().over(1.0);
        let rate = clock.frequency().rate();
        (up - rate).abs().max((down - rate).abs())
    }

    fn guaranteed(&self) -> Drift {
        if self.doubtful { Drift::UNKNOWN } else { self.drift }
    }

    /// The estimate carried forward.
    pub(crate) fn estimate_at(&self, at: Raw) -> Estimate {
        let dt = (at - self.at).seconds().max(0.0);
        let e = self.estimate;
        let wander = self.wander * self.wander;
        Estimate {
            offset: e.offset + e.frequency * dt,
            frequency: e.frequency,
            offset_variance: e.offset_variance
                + dt * (2.0 * e.covariance + dt * e.frequency_variance)
                + wander * dt.powi(3) / 3.0,
            frequency_variance: e.frequency_variance + wander * dt,
            covariance: e.covariance + dt * e.frequency_variance + wander * dt * dt / 2.0,
        }
    }
}
