//! One estimate from the samples of all sources that are believed.
//!
//! They all watch one oscillator, and delays are one-sided: of the forward legs of several sources the fastest bounds θ from above, whosever it
//! is, and of the backward legs the fastest from below. An estimate made of one source's samples alone has lost that, and a mean of such estimates
//! cannot bring it back. So here is one state of offset, frequency and drift with the base delays of every source beside it, once for each of
//! the banks' paces. A leg is taken in by the law that its source's own bank has learned and finds likeliest.
//!
//! What only a source's own bank can know stays there: the laws, which samples to leave out, moves of the route ([`Witness`]).
//!
//! No two paths are equally unequal, so sources with exact clocks differ. How unequal a path is cannot be known (only by how much it is more so
//! than another), but it must not pass for noise, nor for a move of the clock: each source's base delays start `ASYMMETRY` apart from each other, give or take.
//! What all have in common is pinned down where an estimate is asked for: the prior means of the asymmetries are right on the whole.

mod state;

use truechimer_time::Raw;

use super::exchange::{Exchange, LANES};
use super::mixture::Mixture;
use super::noise::{Explanation, Noise};
use super::pace::{MEMBERS, Pace};
use super::{HANDICAP, LOST, MEMORY, REST, REST_SHARE, exchange};
use crate::estimate::{Estimate, Oscillator, Sample};
pub(super) use state::Delays;
use state::{Anchor, SOURCES, State};

/// One sigma of half the difference of a source's base delays, as a share of half the shortest round trip. In a steady state only the proportion between sources matters.
pub(super) const ASYMMETRY: f64 = 0.05;

/// What a source's bank makes of its last sample.
#[derive(Clone, Copy, Debug)]
pub struct Witness<'a> {
    /// The likeliest laws of both legs.
    pub(super) laws: (&'a Noise, &'a Noise),
    /// What it knows of its base delays.
    pub(super) delays: Delays,
    /// The sample was taken in, and not held back.
    pub(super) taken: bool,
    /// How often the base delays have had to be learned anew: the first time included.
    pub(super) lives: u64,
}

/// A source's place in the state. It becomes void when another source needs the place or the estimator begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    place: usize,
    serial: u64,
}

/// One filter.
#[derive(Clone, Copy, Debug)]
struct Member {
    state: State,
    weight: f64,
    /// For how many samples it still rests, having lost.
    rest: u64,
}

/// Who has a place.
#[derive(Clone, Copy, Debug)]
struct Place {
    serial: u64,
    lives: u64,
    heard: Raw,
}

/// The filters of all paces.
#[derive(Clone, Debug)]
pub struct JointEstimator {
    members: Vec<Member>,
    places: [Option<Place>; SOURCES],
    anchors: [Anchor; SOURCES],
    at: Option<Raw>,
    serial: u64,
    samples: u64,
}

impl Default for JointEstimator {
    fn default() -> Self {
        Self::new()
    }
}

impl JointEstimator {
    /// Nothing is known. All memory that it will need is taken now.
    pub fn new() -> Self {
        let members = Vec::with_capacity(MEMBERS);
        Self {
            members,
            places: [None; SOURCES],
            anchors: [Anchor::NONE; SOURCES],
            at: None,
            serial: 0,
            samples: 0,
        }
    }

    /// Forgets everything: all seats are void.
    pub fn reset(&mut self) {
        self.members.clear();
        self.places = [None; SOURCES];
        self.anchors = [Anchor::NONE; SOURCES];
        self.at = None;
        self.samples = 0;
    }

    /// Begins anew, with an estimate that the sources have made in another way.
    pub fn restart(&mut self, at: Raw, estimate: &Estimate, oscillator: &Oscillator) {
        self.reset();
        self.at = Some(at);
        self.members.extend((0..MEMBERS).map(Pace::of).map(|pace| Member {
            state: State::new(estimate, pace),
            weight: pace.ln_prior(oscillator.wander),
            rest: 0,
        }));
        self.settle();
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        self.at.is_some()
    }

    /// Whether a source with this seat has had its say.
    pub fn knows(&self, seat: Seat) -> bool {
        self.places
            .get(seat.place)
            .is_some_and(|place| place.is_some_and(|place| place.serial == seat.serial))
    }

    /// Takes in a sample that its source's own bank has seen just before. Samples come in the order of `at`; one that does not is ignored,
    /// as everything is before [`Self::restart`].
    pub fn update(&mut self, seat: &mut Option<Seat>, sample: &Sample, witness: &Witness<'_>) {
        let Some(at) = self.at.filter(|&at| sample.at >= at) else { return };
        let dt = (sample.at - at).seconds();
        self.at = Some(sample.at);
        for (j, member) in awake(&mut self.members) {
            member.state.pass(dt, Pace::of(j));
        }
        if !witness.taken {
            return;
        }
        let place = self.place(seat, sample.at, witness);
        let forget = 1.0 - 1.0 / (MEMORY.0 / dt.max(1e-3)).clamp(MEMORY.1, MEMORY.2);
        let (forward, backward) = witness.laws;
        self.take(place, &exchange(sample, forward, backward), forget);
        self.settle();
    }

    /// Those that do not rest take the legs in.
    fn take(&mut self, place: usize, exchange: &Exchange<'_>, forget: f64) {
        let mut by = Explanation::<LANES>::NONE;
        let mut awake = awake(&mut self.members);
        loop {
            let mut group: [_; LANES] = std::array::from_fn(|_| awake.next());
            if group.iter().flatten().next().is_none() {
                break;
            }
            let mut ln_zs = [0.0; LANES];
            for leg in exchange.legs.iter().flatten() {
                let predict = |(_, member): &(usize, &mut Member)| member.state.predict(place, leg.direction);
                let predictions = group.each_ref().map(|one| one.as_ref().map(predict));
                let residuals =
                    predictions.each_ref().map(|p| p.as_ref().map_or(0.0, |p| leg.measured - p.value));
                let variances = predictions.each_ref().map(|p| p.as_ref().map_or(0.0, |p| p.variance));
                let evidences = leg.law.explain(residuals, variances, exchange.stamps, &mut by);
                let all = group.iter_mut().flatten().zip(predictions.iter().flatten()).zip(evidences);
                for ((((_, member), prediction), evidence), ln_z) in all.zip(&mut ln_zs) {
                    member.state.take(prediction, &evidence);
                    *ln_z += evidence.ln_z;
                }
            }
            for ((j, member), ln_z) in group.iter_mut().flatten().zip(ln_zs) {
                member.weight = forget * member.weight + ln_z - (1.0 - forget) * Pace::of(*j).penalty();
            }
        }
    }

    /// The estimate carried forward to `at`; `None` before the first [`Self::restart`].
    pub fn estimate(&self, at: Raw) -> Option<Estimate> {
        let dt = (at - self.at?).seconds().max(0.0);
        let mut mixture = Mixture::default();
        for (j, member) in self.members.iter().enumerate().filter(|(_, member)| member.rest == 0) {
            let weight = member.weight.exp();
            if weight > 1e-9 {
                let mut state = member.state;
                state.pass(dt, Pace::of(j));
                mixture.add(weight, state.anchored(&self.anchors));
            }
        }
        mixture.estimate()
    }

    /// One sigma of the offset as far as the asymmetry of the paths is not known, seconds.
    pub fn asymmetry_sd(&self) -> f64 {
        let best = self.members.iter().max_by(|a, b| a.weight.total_cmp(&b.weight));
        best.map_or(0.0, |best| best.state.offset_variance().max(0.0).sqrt())
    }

    /// The place of a source in the state; a new one if need be, of the source that has been silent for longest if there is no other.
    fn place(&mut self, seat: &mut Option<Seat>, at: Raw, witness: &Witness<'_>) -> usize {
        let known = seat.filter(|&seat| self.knows(seat));
        let index = known.map_or_else(|| self.free_place(), |seat| seat.place);
        if known.is_none() {
            self.serial += 1;
        }
        let serial = known.map_or(self.serial, |seat| seat.serial);
        *seat = Some(Seat { place: index, serial });
        let anew = self
            .places
            .get(index)
            .copied()
            .flatten()
            .is_none_or(|place| place.serial != serial || place.lives != witness.lives);
        if anew {
            self.members.iter_mut().for_each(|member| member.state.open(index, &witness.delays));
            if let Some(anchor) = self.anchors.get_mut(index) {
                *anchor = witness.delays.anchor();
            }
        }
        if let Some(place) = self.places.get_mut(index) {
            *place = Some(Place { serial, lives: witness.lives, heard: at });
        }
        index
    }

    fn free_place(&self) -> usize {
        let heard = |place: &Option<Place>| place.map(|place| place.heard);
        let oldest = self.places.iter().enumerate().min_by_key(|(_, place)| heard(place));
        oldest.map_or(0, |(index, _)| index)
    }

    fn settle(&mut self) {
        self.samples += 1;
        let rest = (self.samples / REST_SHARE).min(REST);
        let sound = awake(&mut self.members).filter(|(_, member)| member.state.is_sound());
        let all = sound.max_by(|(_, a), (_, b)| a.weight.total_cmp(&b.weight));
        let Some((best, weight)) = all.map(|(j, leader)| (j, leader.weight)) else {
            // Nobody is left whom the others could follow.
            self.reset();
            return;
        };
        for j in 0..self.members.len() {
            let Some(member) = self.members.get_mut(j) else { return };
            member.weight -= weight;
            let unsound = !member.state.is_sound();
            let lost = member.rest == 0 && (member.weight < -LOST || unsound);
            let rests = if lost { rest } else { member.rest.saturating_sub(1) };
            if rests > 0 {
                (member.rest, member.weight) = (rests, -LOST);
            } else if lost || member.rest > 0 {
                (member.rest, member.weight) = (0, -HANDICAP);
                if let Ok([leader, member]) = self.members.get_disjoint_mut([best, j]) {
                    member.state.clone_from(&leader.state);
                    member.state.adapt(Pace::of(j));
                }
            }
        }
    }
}

/// Those that do not rest, with their paces' numbers.
fn awake(members: &mut [Member]) -> impl Iterator<Item = (usize, &mut Member)> {
    members.iter_mut().enumerate().filter(|(_, member)| member.rest == 0)
}

#[cfg(test)]
mod tests;
