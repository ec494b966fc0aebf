//! How restless a filter takes the oscillator to be: the walks of its frequency and of its drift.
//!
//! Most oscillators are told well by a random walk of the frequency. One that follows the temperature of a room, or a thermostat, changes
//! its rate in the same direction for a while; filters with a *drift* g = df/dt know that. The drift walks, too, and is forgotten after a while:
//! dg = −g/τ dt + V dB.

/// How many wanders compete.
const WANDERS: usize = 16;

/// The smallest of them, per √s; each further one is twice as large, up to 4.6e-7.
const LEAST_WANDER: f64 = 1.41e-11;

/// The wanders of filters with a drift: one good oscillator, one not so good. Where the frequency walks faster, nobody sees a drift.
const DRIFTING_WANDERS: [f64; 2] = [5.6e-11, 9e-10];

/// Their walks of the drift, per s and √s: a day's cycle of 1e-6 has a drift of 7e-11 per s.
const DRIFTS: [f64; 4] = [3e-13, 1e-12, 3e-12, 1e-11];

/// Time in which a drift is forgotten, seconds.
pub(super) const RELAXATION_S: f64 = 5e3;

/// A drift must explain the samples better than none by this, in nats: noise can look like one.
const DRIFT_PENALTY: f64 = 3.0;

/// How many filters there are to one law.
pub(super) const MEMBERS: usize = WANDERS + DRIFTING_WANDERS.len() * DRIFTS.len();

/// The prior on an oscillator's wander, when a figure was handed on: nats per doubling squared.
const PRIOR_PER_OCTAVE: f64 = 0.25;

/// What one filter assumes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// Random walk of the frequency, per √s.
    pub(super) wander: f64,
    /// Random walk of its drift, per s and √s.
    pub(super) drift: f64,
}

impl Pace {
    /// The j-th filter's, below [`MEMBERS`].
    pub(super) fn of(j: usize) -> Self {
        if j < WANDERS {
            return Self { wander: LEAST_WANDER * (1_u64 << j) as f64, drift: 0.0 };
        }
        let (w, v) = ((j - WANDERS) / DRIFTS.len(), (j - WANDERS) % DRIFTS.len());
        let pick = |of: &[f64], i: usize| of.get(i).copied().unwrap_or_default();
        Self { wander: pick(&DRIFTING_WANDERS, w), drift: pick(&DRIFTS, v) }
    }

    /// By how much it must be better than others to be believed as much, nats.
    pub(super) fn penalty(self) -> f64 {
        if self.drift > 0.0 { DRIFT_PENALTY } else { 0.0 }
    }

    /// Logarithm of how likely it is of an oscillator with a known wander, but for a constant.
    pub(super) fn ln_prior(self, known: f64) -> f64 {
        let octaves = (self.wander / known).log2();
        // A figure beyond the bank's range says that the nearest end is the likeliest.
        let most = WANDERS as f64;
        let octaves = if octaves.is_nan() { 0.0 } else { octaves.clamp(-most, most) };
        -0.5 * PRIOR_PER_OCTAVE * octaves * octaves - self.penalty()
    }
}
