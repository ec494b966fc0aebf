//! Moves of the route, as hypotheses that must beat the bank.
//!
//! In the bank, base delays do not change: a process noise on them would take away the very knowledge that makes one-sided noise informative. When a
//! route does change, the bank explains it by queues or by the clock, and is wrong by up to half the change. So every few exchanges some
//! *rivals* split off the best filter, each with one thing forgotten: the forward base delay, the backward one, both alike, the offset
//! itself (somebody moved the server's clock), or the rate (the machine was carried into the cold). A rival sees the same samples; when it has predicted them better than the bank by a
//! margin, the bank takes over its state.
//!
//! The margins say how much must be shown: a change of both legs alike, or of the clock, keeps the symmetry that nobody can verify and needs
//! less than one that gives it up.

use super::exchange::{Exchange, LANES, NOTHING};
use super::pace::Pace;
use super::state::State;

/// Rivals split off every so many exchanges…
const EVERY: u64 = 4;
/// …and have so many exchanges to prove themselves.
pub(super) const LIFE: u64 = 24;
/// Before so many exchanges the bank is still finding its feet.
pub(super) const SETTLED: u64 = 60;
/// Fewer exchanges prove nothing.
const YOUNGEST: u64 = 3;

/// One sigma of what is forgotten: delays and offsets in seconds, and rates.
const FORGOTTEN_S: f64 = 10e-3;
const FORGOTTEN_RATE: f64 = 50e-6;

/// Margins, nats: of a hypothesis that keeps the symmetry, of one that gives it up, and of the latter over the former.
const SYMMETRIC: f64 = 16.0;
const ASYMMETRIC: f64 = 30.0;
const OVER_SYMMETRIC: f64 = 6.0;
/// While a rival leads by this, in nats, the best filter may be wrong already, and no new ones split off it.
pub(super) const SUSPICION: f64 = 6.0;
/// With an asymmetric rival closer than this, in nats, a symmetric one waits for more exchanges.
const CLOSE: f64 = 4.0;
const PATIENCE: u64 = 20;
/// Clocks of servers move less often than routes, nats.
const CLOCK_MOVES: f64 = -6.0;
/// Any two samples lie on a line, so a rate explains whatever has just begun: so many exchanges must go as it says.
const LINE: u64 = 3;

/// Whether rivals split off at this exchange.
pub(super) fn is_turn(exchange: u64) -> bool {
    exchange.is_multiple_of(EVERY)
}

/// What a rival has forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Forward,
    Backward,
    Both,
    Clock,
    Rate,
}

const CHANGES: [Change; 5] = [Change::Forward, Change::Backward, Change::Both, Change::Clock, Change::Rate];

/// How many rivals there are at most: none split off while an old one is under suspicion.
const RIVALS: usize = CHANGES.len() * ((LIFE / EVERY) as usize + 2);

/// One hypothesis.
#[derive(Clone, Copy, Debug)]
struct Rival {
    state: State,
    change: Change,
    pace: Pace,
    class: usize,
    age: u64,
    /// For how many exchanges it has been under suspicion of being right.
    leading: u64,
    /// How much better than the bank it predicted, nats.
    lead: f64,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Rivals {
    rivals: Vec<Rival>,
}

impl Rivals {
    /// None any more, but room for all.
    pub(super) fn clear(&mut self) {
        self.rivals.clear();
        self.rivals.reserve(RIVALS);
    }

    /// Every rival takes the exchange that the bank gave `density` (logarithm), by the laws of its class.
    pub(super) fn take<'a>(
        &mut self,
        dt: f64,
        density: f64,
        exchange: impl Fn(usize) -> Option<Exchange<'a>>,
    ) {
        let mut by = NOTHING;
        for alike in self.rivals.chunk_by_mut(|a, b| a.class == b.class) {
            let Some(exchange) = alike.first().and_then(|rival| exchange(rival.class)) else { continue };
            for group in alike.chunks_mut(LANES) {
                group.iter_mut().for_each(|rival| rival.state.pass(dt, rival.pace));
                let mut states = group.iter_mut().map(|rival| &mut rival.state);
                let ln_z = exchange.take(&mut std::array::from_fn(|_| states.next()), &mut by);
                for (rival, ln_z) in group.iter_mut().zip(ln_z) {
                    rival.lead += ln_z - density;
                    rival.age += 1;
                    rival.leading = if rival.lead > SUSPICION { rival.leading + 1 } else { 0 };
                }
            }
        }
        self.rivals.retain(|rival| rival.age <= LIFE || (1..=LIFE).contains(&rival.leading));
    }

    /// By how much the best of them leads, nats.
    pub(super) fn suspicion(&self) -> f64 {
        self.rivals.iter().map(|rival| rival.lead).fold(0.0, f64::max)
    }

    /// New rivals of the best filter, unless one is under suspicion of being right.
    pub(super) fn split(&mut self, best: &State, pace: Pace, class: usize) {
        if self.suspicion() > SUSPICION {
            return;
        }
        for change in CHANGES {
            if self.rivals.len() < RIVALS {
                let state = change.forget(best);
                let lead = if change == Change::Clock { CLOCK_MOVES } else { 0.0 };
                self.rivals.push(Rival { state, change, pace, class, age: 0, leading: 0, lead });
            }
        }
    }

    /// The state of a rival that has won, if any. All others are then gone.
    pub(super) fn winner(&mut self) -> Option<State> {
        let best = |symmetric: bool| {
            self.rivals
                .iter()
                .filter(|rival| rival.age >= YOUNGEST && rival.change.is_symmetric() == symmetric)
                .filter(|rival| rival.change != Change::Rate || rival.leading >= LINE)
                .max_by(|a, b| a.lead.total_cmp(&b.lead))
        };
        let (symmetric, asymmetric) = (best(true), best(false));
        let lead = |rival: Option<&Rival>| rival.map_or(f64::NEG_INFINITY, |rival| rival.lead);
        let over = lead(asymmetric) - lead(symmetric);
        let won = if lead(asymmetric) > ASYMMETRIC && over > OVER_SYMMETRIC {
            asymmetric
        } else if lead(symmetric) > SYMMETRIC
            && (over < -CLOSE || symmetric.is_some_and(|rival| rival.leading >= PATIENCE))
        {
            symmetric
        } else {
            None
        };
        let state = won.map(|rival| rival.state);
        if state.is_some() {
            self.rivals.clear();
        }
        state
    }
}

impl Change {
    fn is_symmetric(self) -> bool {
        matches!(self, Self::Both | Self::Clock | Self::Rate)
    }

    /// The state with what this change touches forgotten.
    fn forget(self, state: &State) -> State {
        let mut state = *state;
        let open = if self == Self::Rate { FORGOTTEN_RATE } else { FORGOTTEN_S }.powi(2);
        let cells: &[(usize, usize)] = match self {
            Self::Forward => &[(2, 2)],
            Self::Backward => &[(3, 3)],
            Self::Both => &[(2, 2), (2, 3), (3, 2), (3, 3)],
            Self::Clock => &[(0, 0)],
            Self::Rate => &[(1, 1)],
        };
        #[allow(clippy::indexing_slicing)] // Both are constants below N.
        for &(i, j) in cells {
            state.covariance[i][j] += open;
        }
        state
    }
}
