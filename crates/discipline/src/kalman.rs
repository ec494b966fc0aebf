//! A bank of Kalman filters that learns what it is not told.
//!
//! # Model
//! State: θ, dθ/dt and the path's asymmetry α, on the raw scale. The frequency is a random walk of W per √s
//! (the wander), so in dt seconds the covariance of (θ, dθ/dt) grows by W²·[[dt³/3, dt²/2], [dt²/2, dt]]. An
//! exchange measures θ + α·e with a variance that depends on e, the excess of its round trip over the path's
//! base delay (`kalman::path`): if both queues are exponential and equal, then, given e, the error is uniform in
//! ±e/2, so its variance is e²/12 and α is 0. A path with noise in one direction only has α = ±½ and a
//! variance that depends little on e. Neither W nor the law of the noise is known.
//!
//! # Bank
//! There is one filter for each pair of a wander and a noise law (`kalman::noise`) in the `kalman::bank`; each sample's
//! likelihood makes the filters that expected it more probable. Before each sample, filters of neighbouring
//! wander mix (interacting multiple models: Blom and Bar-Shalom, IEEE Trans. Automatic Control 33, 1988), so
//! none loses the track while another leads. The estimate is the mean of the mixture, its variance includes
//! the spread of the members.
//!
//! # What does not fit
//! A sample that no member finds likely changes nothing (held), unless several in a row say the same: then
//! the clock has jumped, and θ starts anew. A change of the base delay is a change of route; θ is
//! continuous, so the offset that comes with it is the new route's asymmetry.

mod bank;
mod member;
mod noise;
mod path;
mod route;

use truechimer_time::Raw;

use crate::estimate::{Estimate, Estimator, Oscillator, Sample, Statistics};
use bank::{Bank, Mixture};
use member::Member;
use noise::{CLASSES, LEAST_STAMP_ERROR, ReferenceNoise, stamp_error};
use path::{Change, Path};
use route::{History, Route, Witness};

/// A sample is held when its density is below that of an ideal one by this factor, as a natural logarithm (6
/// σ).
const HOLD: f64 = 18.0;

/// So many held samples in a row are believed if they agree among each other; so many whatever they say.
const HELD_AGREEING: u32 = 4;
const HELD_LONGEST: u32 = 8;

/// Offsets beyond this (30 000 years) and delays beyond a day are garbage.
const LARGEST_OFFSET: f64 = 1e12;
const LARGEST_DELAY: f64 = 86_400.0;

/// The longest time between samples that is predicted, seconds (30 years).
const LONGEST_GAP: f64 = 1e9;

/// The filter bank.
#[derive(Clone, Debug)]
pub struct KalmanEstimator {
    bank: Bank,
    track: Option<Track>,
    statistics: Statistics,
}

/// What there is since the first sample.
#[derive(Clone, Copy, Debug)]
struct Track {
    at: Raw,
    /// The bank after the last sample.
    mixture: Mixture,
    path: Path,
    route: Route,
    history: History,
    witness: Option<Witness>,
    reference: ReferenceNoise,
    held: Held,
}

/// Samples that were held since the last that was taken.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    count: u32,
    /// How many of the latest agree with each other.
    agreeing: u32,
    value: f64,
    since: f64,
}

impl Default for KalmanEstimator {
    fn default() -> Self {
        Self::new()
    }
}

impl KalmanEstimator {
    /// Nothing is known.
    pub fn new() -> Self {
        Self { bank: Bank::new(), track: None, statistics: Statistics::default() }
    }

    fn start(&mut self, sample: &Sample, oscillator: &Oscillator) {
        let (offset, delay) = (sample.offset(), sample.delay().max(0.0));
        let offset_sd = match sample.reference_error {
            Some(error) => error,
            None => delay / 2.0 + stamp_error(sample),
        };
        let sound = |value: f64, otherwise: f64| if value.is_finite() { value } else { otherwise };
        let first = Member::start(
            offset,
            offset_sd.max(LEAST_STAMP_ERROR),
            sound(oscillator.frequency, 0.0).clamp(-0.1, 0.1),
            sound(oscillator.frequency_sd, 1e-4).clamp(1e-12, 0.1),
        );
        let usual = sound(oscillator.wander, 1e-9).clamp(1e-13, 1e-5);
        self.bank.start(first, usual);
        self.track = Some(Track {
            at: sample.at,
            mixture: Mixture { state: first, wander_squared: usual * usual, wander: usual },
            path: Path::new(sample.delay()),
            route: Route::default(),
            history: History::new(first, usual * usual),
            witness: None,
            reference: ReferenceNoise::default(),
            held: Held::default(),
        });
    }

    /// Takes the round trip in and judges the route. Returns the variance by which the offset is in doubt
    /// meanwhile.
    fn handle_path(&mut self, track: &mut Track, sample: &Sample, dt: f64) -> f64 {
        let change = track.path.update(sample.delay());
        track.history.pass(dt);
        if let Some(witness) = &mut track.witness {
            witness.age += dt;
        }
        match change {
            Change::Same => track.witness = None,
            Change::Lower(by) => {
                track.witness = None;
                for member in self.bank.members() {
                    member.oo += by * by / 12.0;
                }
            }
            Change::Doubtful | Change::Other(_) => {
                let witness = track.witness.get_or_insert_with(|| track.history.witness());
                witness.add(sample.offset() - track.route.offset(&track.path));
            }
        }
        let Change::Other(by) = change else { return track.path.doubt() };
        let Some(witness) = track.witness.take() else { return 0.0 };
        let noise = track.path.scale().powi(2) / 2.0;
        let state = track.route.change(&track.path, &witness, by, noise);
        for member in self.bank.members() {
            *member = Member { weight: member.weight, ..state };
        }
        0.0
    }

    fn step(&mut self, track: &mut Track, sample: &Sample, dt: f64) {
        self.bank.predict(dt);
        let mut doubt = 0.0;
        if sample.reference_error.is_none() {
            doubt = self.handle_path(track, sample, dt);
        } else {
            track.reference.update(sample.offset(), dt);
        }
        let measured = sample.offset() - track.route.offset(&track.path);
        let readings = CLASSES.map(|class| class.read(&track.path, &track.reference, sample, doubt));
        let expected = self.bank.expect(measured, &readings);
        track.held.since += dt;
        if expected.surprise <= HOLD {
            self.bank.correct(&readings, &expected);
            track.held = Held::default();
        } else {
            let noise = readings.iter().fold(0.0, |most: f64, reading| most.max(reading.noise));
            let innovation = measured - self.bank.mixture().state.offset;
            if track.held.believe(innovation, noise) {
                let frequency_sd = (innovation / track.held.since.max(1e-3)).abs().min(1e-4);
                for member in self.bank.members() {
                    member.reopen(measured, noise, frequency_sd);
                }
                track.held = Held::default();
            } else {
                self.statistics.held += 1;
            }
        }
        let noise = self.bank.likely_noise(&readings).sqrt();
        // Shown to people only: a mean over the last few samples.
        self.statistics.jitter += (noise - self.statistics.jitter) / 8.0;
    }
}

impl Estimator for KalmanEstimator {
    fn update(&mut self, sample: &Sample, oscillator: &Oscillator) {
        if !is_usable(sample) {
            return;
        }
        match self.track {
            None => {
                self.start(sample, oscillator);
                self.statistics.jitter = stamp_error(sample);
            }
            Some(mut track) => {
                if sample.at < track.at {
                    return;
                }
                let dt = (sample.at - track.at).seconds().min(LONGEST_GAP);
                self.step(&mut track, sample, dt);
                track.at = sample.at;
                self.track = Some(track);
            }
        }
        let mixture = self.bank.mixture();
        self.statistics.samples += 1;
        self.statistics.wander = mixture.wander;
        self.statistics.offset_sd = mixture.state.oo.sqrt();
        if let Some(track) = &mut self.track {
            track.mixture = mixture;
            track.history.push(mixture.state, mixture.wander_squared);
            self.statistics.base_delay = track.path.base().max(0.0);
        }
    }

    fn estimate(&self, at: Raw) -> Option<Estimate> {
        let track = self.track.as_ref()?;
        let dt = (at - track.at).seconds().clamp(-LONGEST_GAP, LONGEST_GAP);
        let mut state = track.mixture.state;
        if dt >= 0.0 {
            state.predict(dt, track.mixture.wander_squared);
        } else {
            // The recent past, for what was measured just before the last sample.
            state.offset += state.frequency * dt;
        }
        Some(Estimate {
            offset: state.offset,
            frequency: state.frequency,
            offset_variance: state.oo,
            frequency_variance: state.ff,
            covariance: state.of,
        })
    }

    fn statistics(&self) -> Statistics {
        self.statistics
    }

    fn reset(&mut self) {
        self.track = None;
        self.statistics = Statistics::default();
    }
}

impl Held {
    /// Whether a sample that does not fit should be believed after all, as it is not alone. `innovation` is
    /// how far off it is.
    fn believe(&mut self, innovation: f64, noise: f64) -> bool {
        let noise = noise.sqrt();
        let alike = self.count > 0 && (innovation - self.value).abs() < 3.0 * noise + 0.1 * self.value.abs();
        if self.count == 0 {
            self.since = 0.0;
        }
        self.agreeing = if alike { self.agreeing + 1 } else { 1 };
        self.count += 1;
        self.value = innovation;
        self.agreeing >= HELD_AGREEING || self.count > HELD_LONGEST
    }
}

/// Whether every number of a sample is one that arithmetic survives.
fn is_usable(sample: &Sample) -> bool {
    let sound = |value: f64, most: f64| value.abs() <= most;
    sound(sample.forward, LARGEST_OFFSET)
        && sound(sample.backward, LARGEST_OFFSET)
        && sound(sample.delay(), LARGEST_DELAY)
        && sound(sample.precision, LARGEST_DELAY)
        && sample.reference_error.is_none_or(|error| sound(error, LARGEST_OFFSET) && error > 0.0)
}

#[cfg(test)]
mod tests;
