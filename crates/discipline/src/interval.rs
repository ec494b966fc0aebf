//! What must be true of θ, by one source: an interval, not an estimate.
//!
//! A request cannot arrive before it was sent. So when it left, θ was at most `forward` = t2 − t1, and when
//! the reply came, at least −`backward` = t3 − t4, whatever the delays were and however unequal; give or
//! take the errors of the stamps and the server's own distance from true time (root delay / 2 + root
//! dispersion, its own promise for that moment). Such an interval holds for its moment for ever; as time
//! passes its ends drift apart only by what is not known of the oscillator's rate. Successive intervals are
//! intersected.
//!
//! What is assumed, and nothing else:
//! * the server tells the truth about its distance (selection deals with those that do not);
//! * an unknown oscillator is wrong by at most [`WORST_RATE`];
//! * one whose frequency has been measured stays within [`ErrorInterval::set_oscillator`]'s allowance, unless samples
//!   contradict that: then it counts as unknown until a dozen have agreed again.

use truechimer_time::Raw;

use crate::estimate::{Oscillator, Sample};

/// The rate error that no oscillator exceeds, seconds a second: the range of the kernel's frequency
/// correction.
pub const WORST_RATE: f64 = 500e-6;

/// A frequency less certain than this is not used: the prior of an unknown oscillator is a guess, not a
/// measurement.
const MEASURED_SD: f64 = 50e-6;

/// Sigmas of the frequency, its wander since then included.
const SIGMAS: f64 = 6.0;

/// The rate is proven by what two samples say by themselves. The earlier one is left for a later one when that proves the
/// rate to within this…
const PROVEN: f64 = 1e-6;
/// …or is this old, seconds: what an oscillator did so long ago says nothing of now.
const PROOF_S: f64 = 43_200.0;

/// Change of rate that is always allowed for, per √s, whatever has been learned: what an oscillator does in hours
/// does not show in the minutes before.
const LEAST_WALK: f64 = 3e-8;

/// Up to this rate: the tolerance of RFC 5905 (PHI), and more than a crystal does between cold and warm.
const TOLERANCE: f64 = 15e-6;

/// After a contradiction, the oscillator counts as unknown until so many samples in a row have agreed with what is
/// said of it: an estimator may first have to learn that it is no spike.
const DOUBTFUL_SAMPLES: u8 = 12;

/// What is known of dθ/dt, as a guarantee: it is `frequency`, give or take the largest of three things, as no one of them says
/// that the others are true too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    frequency: f64,
    /// The promise.
    allowance: f64,
    /// The statistics: one sigma of the frequency, and its wander.
    frequency_sd: f64,
    wander: f64,
    /// The caution.
    least_walk: f64,
}

impl Drift {
    /// Nothing but [`WORST_RATE`].
    pub const UNKNOWN: Self =
        Self { frequency: 0.0, allowance: WORST_RATE, frequency_sd: 0.0, wander: 0.0, least_walk: 0.0 };

    /// From the statistics of an oscillator. One with `frequency_sd` above 50 ppm counts as unknown.
    pub fn of(oscillator: &Oscillator) -> Self {
        let Oscillator { frequency, frequency_sd, wander, allowance } = *oscillator;
        if !(frequency.is_finite() && (0.0..=MEASURED_SD).contains(&frequency_sd)) {
            return Self::UNKNOWN;
        }
        Self {
            frequency,
            allowance: allowance.max(0.0),
            frequency_sd,
            wander: if wander.is_finite() { wander.max(0.0) } else { 0.0 },
            least_walk: LEAST_WALK,
        }
    }

    /// The same, but with room for all these rates.
    fn covering(self, [least, greatest]: [f64; 2]) -> Self {
        let room = (greatest - self.frequency).max(self.frequency - least);
        let allowance = self.allowance.max(room);
        if allowance < WORST_RATE { Self { allowance, ..self } } else { Self::UNKNOWN }
    }

    /// The one that says more.
    pub fn narrower(self, other: Self) -> Self {
        if other.rate(0.0) < self.rate(0.0) { other } else { self }
    }

    /// By how much the rate may differ from `frequency` within `dt` seconds.
    fn rate(&self, dt: f64) -> f64 {
        let statistics = SIGMAS * self.frequency_sd.hypot(self.wander * dt.sqrt());
        let caution = (self.least_walk * dt.sqrt()).min(TOLERANCE);
        self.allowance.max(statistics).max(caution)
    }

    /// By how much θ changes in `dt` ≥ 0 seconds: at least, at most.
    pub fn over(&self, dt: f64) -> [f64; 2] {
        let rate = self.rate(dt);
        [(self.frequency - rate) * dt, (self.frequency + rate) * dt]
    }
}

/// The interval at the moment of the last sample.
#[derive(Clone, Copy, Debug)]
struct Known {
    at: Raw,
    lo: f64,
    hi: f64,
    /// Path and root delay of the sample that it rests on most recently.
    root_delay: f64,
}

/// The guaranteed interval of θ by one source, which moves with time and shrinks with every sample.
#[derive(Clone, Debug)]
pub struct ErrorInterval {
    drift: Drift,
    known: Option<Known>,
    restarts: u64,
    /// Samples that are still to agree before the oscillator is believed again.
    doubt: u8,
    /// Another source's sample contradicted what is said of the oscillator since this one's last.
    suspected: bool,
    /// What samples said by themselves: two earlier ones, the older first, and the last.
    proof: Option<[Known; 3]>,
}

impl Default for ErrorInterval {
    fn default() -> Self {
        Self::new()
    }
}

impl ErrorInterval {
    /// Nothing is known.
    pub const fn new() -> Self {
        Self { drift: Drift::UNKNOWN, known: None, restarts: 0, doubt: 0, suspected: false, proof: None }
    }

    /// Tells what is known of the oscillator now. It applies from the last sample on, so call it after the
    /// sample's [`ErrorInterval::update`], with a frequency that was measured (an [`Oscillator`] with
    /// `frequency_sd` above 50 ppm counts as unknown).
    ///
    /// Until then the rate may be wrong by [`WORST_RATE`] either way. Afterwards, over dt seconds, it may be
    /// wrong by the largest of its allowance, six sigmas (wander included), and 3e-8·√dt up to 15 ppm. The bare 15 ppm +
    /// 3 σ of the RFC would allow as much after a day, but also between two polls, where it would be most of
    /// the bound.
    pub fn set_oscillator(&mut self, oscillator: &Oscillator) {
        self.set_drift(self.bear_out(oscillator));
    }

    /// The same, where others have borne out what is said of the oscillator.
    pub fn set_drift(&mut self, drift: Drift) {
        self.drift = drift;
    }

    /// What is guaranteed of an oscillator of which these statistics were gathered, as far as this source proves it:
    /// no less is allowed for than the mean rate over the last while can have been by what the samples say by themselves.
    ///
    /// An estimator that has seen a handful of delays can be sure and wrong by many sigmas, and one on whose path somebody
    /// stretches the delays little by little (AT-09) is led to a wrong rate for good. The proof assumes no law of delays.
    /// It takes two samples; before, nothing is borne out, whatever a frequency file says.
    pub fn bear_out(&self, oscillator: &Oscillator) -> Drift {
        match self.proof {
            Some([older, _, last]) if last.at > older.at => {
                Drift::of(oscillator).covering(last.mean_rate_since(&older))
            }
            // One sample says nothing of the rate: a frequency file may be of another machine.
            _ => Drift::UNKNOWN,
        }
    }

    /// Takes one sample in. One that contradicts what was known replaces it: either this sample or the
    /// earlier ones lied, and only this one can be asked again. A sample that is out of order, or no number,
    /// is ignored.
    pub fn update(&mut self, sample: &Sample) {
        let Some(fresh) = Known::by(sample, &self.drift()) else { return };
        let Some(known) = self.known else {
            self.known = Some(fresh);
            self.proof = Some([fresh; 3]);
            return;
        };
        if fresh.at < known.at {
            return;
        }
        let meets = |drift: Drift| {
            let [lo, hi] = known.at(fresh.at, &drift);
            let (lo, hi) = (lo.max(fresh.lo), hi.min(fresh.hi));
            (lo <= hi).then_some(Known { lo, hi, ..fresh })
        };
        let believed = meets(self.drift());
        self.suspected = false;
        if believed.is_none() {
            self.restarts = self.restarts.saturating_add(1);
        }
        if meets(self.drift).is_some() {
            self.doubt = self.doubt.saturating_sub(1);
        } else {
            self.doubt = DOUBTFUL_SAMPLES;
            self.proof = None;
        }
        self.prove(fresh);
        self.known = Some(believed.unwrap_or(fresh));
    }

    /// Takes what a sample says by itself into the proof of the rate.
    fn prove(&mut self, last: Known) {
        let [older, younger, _] = self.proof.unwrap_or([last; 3]);
        let [least, greatest] = last.mean_rate_since(&younger);
        let old = (last.at - younger.at).seconds() > PROOF_S;
        // A NaN, where there is no span yet, is not narrow.
        let narrow = (greatest - least) / 2.0 <= PROVEN;
        self.proof = Some(if narrow || old { [younger, last, last] } else { [older, younger, last] });
    }

    /// What is guaranteed of the oscillator, as far as this source's samples bear it out.
    pub fn drift(&self) -> Drift {
        if self.is_doubtful() { Drift::UNKNOWN } else { self.drift }
    }

    /// Whether a sample lately contradicted what is said of the oscillator: it may run at another rate now, and until
    /// that is measured nothing is known of it.
    pub const fn is_doubtful(&self) -> bool {
        self.doubt > 0 || self.suspected
    }

    /// Whether it was the last sample that contradicted what is said of the oscillator.
    pub const fn is_contradicted(&self) -> bool {
        self.doubt == DOUBTFUL_SAMPLES
    }

    /// Another source's sample contradicts what is said of the oscillator. Until this source's next sample has shown whether
    /// it runs as it did, nothing is known of it since the last one.
    pub const fn suspect(&mut self) {
        self.suspected = true;
    }

    /// Least and greatest possible θ at a moment, the server's distance included. `None` before the first
    /// sample. A moment before the last sample gets that sample's interval, widened by the same allowance.
    pub fn at(&self, at: Raw) -> Option<[f64; 2]> {
        self.known.map(|known| known.at(at, &self.drift()))
    }

    /// The root delay to tell others (RFC 5905 §11.2: that of the server and the round trip to it), seconds.
    pub fn root_delay(&self) -> f64 {
        self.known.map_or(0.0, |known| known.root_delay)
    }

    /// The root dispersion to tell others at a moment, seconds: what, with half the root delay, makes up
    /// half the width of the interval. A clock that is not set to the middle must add its distance from it.
    /// Zero before the first sample.
    pub fn root_dispersion(&self, at: Raw) -> f64 {
        self.at(at).map_or(0.0, |[lo, hi]| ((hi - lo) / 2.0 - self.root_delay() / 2.0).max(0.0))
    }

    /// How often a sample contradicted what was known before.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Forgets the path, not the oscillator.
    pub fn reset(&mut self) {
        self.known = None;
        self.doubt = 0;
        self.suspected = false;
        self.proof = None;
    }
}

impl Known {
    /// What a sample says by itself.
    fn by(sample: &Sample, drift: &Drift) -> Option<Self> {
        // Exchanged ends are put right below, which must not hide an infinity.
        if !(sample.forward.is_finite() && sample.backward.is_finite()) {
            return None;
        }
        let distance = sample.root_delay.max(0.0) / 2.0 + sample.root_dispersion.max(0.0);
        let (lo, hi, delay) = match sample.reference_error {
            Some(error) => (sample.offset() - error, sample.offset() + error, 0.0),
            None => {
                // The forward leg is a fact of the moment when the request left.
                let spent = (sample.at - sample.sent).seconds().max(0.0);
                let [_, up] = drift.over(spent);
                let (lo, hi) = (-sample.backward, sample.forward + up);
                // Coarse clocks can make a round trip negative; the stamps' errors then cover it.
                (lo.min(hi), hi.max(lo), sample.delay().max(0.0))
            }
        };
        let slack = distance + sample.precision.max(0.0);
        let known = Self {
            at: sample.at,
            lo: lo - slack,
            hi: hi + slack,
            root_delay: sample.root_delay.max(0.0) + delay,
        };
        // A NaN anywhere fails this too.
        (known.lo <= known.hi && known.lo.is_finite() && known.hi.is_finite()).then_some(known)
    }

    /// Least and greatest mean rate since an earlier sample.
    fn mean_rate_since(&self, earlier: &Self) -> [f64; 2] {
        let span = (self.at - earlier.at).seconds();
        [(self.lo - earlier.hi) / span, (self.hi - earlier.lo) / span]
    }

    fn at(&self, at: Raw, drift: &Drift) -> [f64; 2] {
        let dt = (at - self.at).seconds();
        if dt >= 0.0 {
            let [down, up] = drift.over(dt);
            [self.lo + down, self.hi + up]
        } else {
            let [down, up] = drift.over(-dt);
            [self.lo - up, self.hi - down]
        }
    }
}

#[cfg(test)]
mod tests;
