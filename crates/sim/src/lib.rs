//! A seeded world that runs the engine that ships.
//!
//! Everything that a time daemon meets is simulated here: oscillators that wander, kernels' clocks, networks that
//! delay and lose, servers that lie, attackers, machines that sleep. The [`Engine`](truechimer_engine::Engine) is
//! the compiled one of `chimerd`, called as `chimerd` calls it; it cannot tell the difference. The world knows the
//! truth, so it can say at every second how wrong a clock is and whether the engine's bound is honest.
//!
//! ```no_run
//! let world = truechimer_sim::find("lan w1e-9 p6").expect("a known world");
//! let outcome = truechimer_sim::run(world, 1);
//! println!("RMS {} s, {} violations", outcome.rms_time_s, outcome.violations.len());
//! ```
//!
//! - A [`scenario::Scenario`] is a world as data; [`worlds()`] are the named ones.
//! - A [`world::World`] is a scenario with a seed, in motion. The same seed gives the same run, bit for bit, on the
//!   same machine; every part draws from a random stream of its own.
//! - [`check`] holds the checkers of the invariants I1 to I8. A violation names its time and the command that
//!   repeats it.
//! - [`stats`] and [`outcome`] are the figures of a run, [`trace`] its course; [`score`] holds many runs against the
//!   [`goal`]s.

#![forbid(unsafe_code)]

pub mod attack;
pub mod check;
pub mod goal;
mod host;
pub mod link;
pub mod nts;
pub mod oscillator;
pub mod outcome;
pub mod random;
pub mod scenario;
pub mod score;
pub mod server;
pub mod stats;
pub mod trace;
pub mod world;
pub mod worlds;

pub use host::Happening;
pub use outcome::Outcome;
pub use worlds::{WorldSpec, find, hostile_worlds, repeat, run, worlds};
