//! What must hold in every run, honest or hostile. The checkers know the truth and the configuration, and nothing
//! of how the engine works.
//!
//! | | |
//! |---|---|
//! | I1 | the clock's true error is at most the bound that the engine reports |
//! | I2 | the clock steps only as the step policy and the panic limits allow |
//! | I3 | frequency and slew stay within their limits |
//! | I4 | to no address go more bytes out than came in from it |
//! | I5 | sockets, questions for names and keys, and associations stay under their caps |
//! | I6 | every turn of the loop ends, and its deadlines move on |
//! | I7 | what clients and the kernel are told of the clock is true |
//! | I8 | a packet that fails a check changes nothing but that check's counter |

mod corpus;
mod turn;
mod unchanged;

pub(crate) use corpus::Corpus;
pub(crate) use turn::{Cause, Truth, Watch};
pub(crate) use unchanged::Fingerprint;

use serde::Serialize;

use crate::link::Window;

/// A rule that holds in every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Invariant {
    /// True error ≤ reported bound.
    I1,
    /// Steps within their gates.
    I2,
    /// Frequency and slew within their limits.
    I3,
    /// Bytes out ≤ bytes in.
    I4,
    /// Tables under their caps.
    I5,
    /// No unbounded turn.
    I6,
    /// What is told is true.
    I7,
    /// A refused packet changes nothing.
    I8,
}

/// How many there are.
const INVARIANTS: usize = 8;
/// How many violations are described; the others are counted.
const DESCRIBED: usize = 12;

/// One invariant broken once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// When, seconds from the start of the run.
    pub at_s: f64,
    /// At which host.
    pub host: usize,
    /// What was found.
    pub what: String,
    /// The run's seed.
    pub seed: u64,
    /// The command that repeats the run.
    pub repeat: String,
}

/// How often an invariant was checked, and found broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Times checked.
    pub checked: u64,
    /// Times broken.
    pub broken: u64,
}

/// The book in which all checkers of a run write.
#[derive(Clone, Debug)]
pub struct Book {
    seed: u64,
    repeat: String,
    exempt: Vec<Window>,
    tallies: [Tally; INVARIANTS],
    violations: Vec<Violation>,
}

impl Book {
    /// For the run that `repeat` repeats. In the `exempt` times, the adversary exceeds the model of I1 and I7.
    pub fn new(seed: u64, repeat: String, exempt: Vec<Window>) -> Self {
        Self { seed, repeat, exempt, tallies: Default::default(), violations: Vec::new() }
    }

    /// One check. `what` is asked only if it does not hold.
    pub fn check(
        &mut self,
        invariant: Invariant,
        at_s: f64,
        host: usize,
        holds: bool,
        what: impl FnOnce() -> String,
    ) {
        let excused = matches!(invariant, Invariant::I1 | Invariant::I7)
            && self.exempt.iter().any(|window| window.contains(at_s));
        if excused {
            return;
        }
        let Some(tally) = self.tallies.get_mut(invariant as usize) else { return };
        tally.checked += 1;
        if holds {
            return;
        }
        tally.broken += 1;
        if self.violations.len() < DESCRIBED {
            self.violations.push(Violation {
                invariant,
                at_s,
                host,
                what: what(),
                seed: self.seed,
                repeat: self.repeat.clone(),
            });
        }
    }

    /// What was found.
    pub fn tally(&self, invariant: Invariant) -> Tally {
        self.tallies.get(invariant as usize).copied().unwrap_or_default()
    }

    /// The first violations.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; INVARIANTS] =
        [Self::I1, Self::I2, Self::I3, Self::I4, Self::I5, Self::I6, Self::I7, Self::I8];
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { invariant, at_s, host, what, seed, repeat } = self;
        write!(
            f,
            "{invariant:?} broken at {at_s:.3} s, host {host}, seed {seed}: {what}\n    repeat with: {repeat}"
        )
    }
}

#[cfg(test)]
mod tests;
