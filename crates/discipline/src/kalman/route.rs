//! Changes of route: what a new base delay says about the offset.
//!
//! A longer or shorter route shifts the measured offset by half of what one way became longer than the
//! other. True time knows nothing of it: θ goes on as before, and that tells the shift. Usually one way
//! changed, or both did alike, so the shift is one of three values, and the offsets measured meanwhile only
//! have to say which.

use super::member::Member;
use super::path::Path;

/// How many samples back a state is taken from: a shorter route drags the filter for some samples before it
/// is noticed.
const HISTORY: usize = 12;

/// A state after an earlier sample.
#[derive(Clone, Copy, Debug)]
struct Past {
    state: Member,
    /// Square of the wander learned by then.
    w2: f64,
    /// Seconds since.
    age: f64,
}

/// The states after the latest samples, newest first.
#[derive(Clone, Copy, Debug)]
pub(super) struct History([Past; HISTORY]);

impl History {
    pub(super) fn new(first: Member, w2: f64) -> Self {
        Self([Past { state: first, w2, age: 0.0 }; HISTORY])
    }

    pub(super) fn pass(&mut self, dt: f64) {
        for past in &mut self.0 {
            past.age += dt;
        }
    }

    pub(super) fn push(&mut self, state: Member, w2: f64) {
        self.0.rotate_right(1);
        let [newest, ..] = &mut self.0;
        *newest = Past { state, w2, age: 0.0 };
    }

    /// For samples that may have come by another route.
    pub(super) fn witness(&self) -> Witness {
        let [.., Past { state, w2, age }] = self.0;
        Witness { before: state, w2, age, count: 0, sum: 0.0, ages: 0.0 }
    }
}

/// The state some time before the first doubtful sample, and how the doubtful ones differ from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Witness {
    before: Member,
    w2: f64,
    /// Seconds since then.
    pub(super) age: f64,
    count: u32,
    sum: f64,
    /// Sum of the samples' ages.
    ages: f64,
}

impl Witness {
    /// A doubtful sample measured this offset now.
    pub(super) fn add(&mut self, measured: f64) {
        self.sum += measured - (self.before.offset + self.before.frequency * self.age);
        self.ages += self.age;
        self.count += 1;
    }
}

/// What the routes taken since the first have shifted the offset by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Route {
    /// Shift of the routes before.
    earlier: f64,
    /// Share of the last change of the base that shows up in the offset: −½, 0, ½.
    share: f64,
    /// Base before the last change.
    base: f64,
}

impl Route {
    /// What to take off a measured offset. It follows the estimate of the base, which gets better with time.
    pub(super) fn offset(&self, path: &Path) -> f64 {
        let shift = self.earlier + self.share * (path.true_base() - self.base);
        let most = path.base().max(0.0) / 2.0;
        shift.clamp(-most, most)
    }

    /// The base is longer by `by` seconds than before. Decides what that does to the offset, and gives the
    /// state to go on from: that before the change, carried on. `noise` is the variance of a sample.
    pub(super) fn change(&mut self, path: &Path, witness: &Witness, by: f64, noise: f64) -> Member {
        let count = f64::from(witness.count.max(1));
        let shift = witness.sum / count;
        let mut state = witness.before;
        // How far the clock may have gone elsewhere by itself in the meantime.
        state.predict(witness.ages / count, witness.w2);
        let doubt = (state.oo + noise / count).sqrt();
        let mut state = witness.before;
        state.predict(witness.age, witness.w2);
        state.forget_asymmetry();

        // That both ways changed alike needs the least explanation.
        let mut best = (0.0, shift.abs() - 1.5 * doubt);
        for share in [-0.5, 0.5] {
            let off = (shift - share * by).abs();
            if off < best.1 {
                best = (share, off);
            }
        }
        let base = path.true_base() - by;
        self.earlier += self.share * (base - self.base);
        (self.share, self.base) = (best.0, base);
        state
    }
}
