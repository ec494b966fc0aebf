//! What the bank does when the world may have changed: rivals of its best filter, samples that are held back, and the way back to what had
//! been learned before.

use super::noise::Noise;
use super::pace::{MEMBERS, Pace};
use super::{BankEstimator, Member, exchange, route};
use crate::estimate::Sample;

/// What all filters with one law have learned, without what they believe.
#[derive(Clone, Debug)]
pub(super) struct Learned {
    weights: [f64; MEMBERS],
    forward: Noise,
    backward: Noise,
}

impl BankEstimator {
    /// Lets the rivals have the sample, and makes way for one that has won.
    pub(super) fn challenge(&mut self, sample: &Sample, dt: f64, density: f64) -> bool {
        let classes = &self.classes;
        self.rivals.take(dt, density, |class| {
            classes.get(class).map(|class| exchange(sample, &class.forward, &class.backward))
        });
        let Some(state) = self.rivals.winner() else { return false };
        // Since the route moved, the bank has learned to explain it by noise or wander: that is forgotten.
        let [_, before] = &self.past;
        for (class, before) in self.classes.iter_mut().zip(before) {
            class.forward.clone_from(&before.forward);
            class.backward.clone_from(&before.backward);
            for (j, (member, &weight)) in class.members.iter_mut().zip(&before.weights).enumerate() {
                *member = Member { state: state.adapted(Pace::of(j)), weight, rest: 0 };
            }
        }
        true
    }

    /// Keeps what has been learned until now, and what was kept before.
    pub(super) fn remember(&mut self) {
        self.past.swap(0, 1);
        let [recent, _] = &mut self.past;
        recent.clear();
        recent.extend(self.classes.iter().map(|class| Learned {
            weights: class.members.map(|member| member.weight),
            forward: class.forward.clone(),
            backward: class.backward.clone(),
        }));
    }

    pub(super) fn renew_rivals(&mut self) {
        if self.samples.is_multiple_of(route::LIFE) && self.held_in_a_row == 0 {
            self.remember();
        }
        // A sample that was held back may be the first of a new route, and the filters do not have it in them yet.
        let turn = if self.held_in_a_row > 0 { 0 } else { self.samples };
        if self.samples < route::SETTLED || !route::is_turn(turn) {
            return;
        }
        let mut best: Option<(usize, usize, &Member)> = None;
        for (index, class) in self.classes.iter().enumerate() {
            for (j, member) in class.awake() {
                if best.is_none_or(|(_, _, leader)| member.weight > leader.weight) {
                    best = Some((index, j, member));
                }
            }
        }
        if let Some((class, j, member)) = best {
            self.rivals.split(&member.state, Pace::of(j), class);
        }
    }

    /// Takes the sample at hand back: time passes, and that is all.
    pub(super) fn hold(&mut self, dt: f64) {
        self.held += 1;
        self.held_in_a_row += 1;
        for (class, saved) in self.classes.iter_mut().zip(&self.saved) {
            class.members = *saved;
            let awake = class.members.iter_mut().enumerate().filter(|(_, member)| member.rest == 0);
            awake.for_each(|(j, member)| member.state.pass(dt, Pace::of(j)));
            class.forward.discard();
            class.backward.discard();
        }
        self.renew_rivals();
    }
}
