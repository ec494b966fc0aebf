//! The deterministic NTP machine.
//!
//! Inputs and the present time go in by the `handle_*` methods of [`Engine`], outputs and the next deadline come
//! out by [`Engine::poll_output`] and [`Engine::poll_timeout`]. The engine never reads a clock, opens a socket,
//! spawns, sleeps, logs or exits, so the same compiled code runs in `chimerd`, in the simulator and under fuzzers,
//! and the same inputs with the same seed always give the same outputs.
//!
//! ```text
//! loop {
//!     sleep until poll_timeout(), or a datagram, or a command
//!     handle_datagram / handle_timeout / handle_…(…, now)
//!     while let Some(output) = engine.poll_output() { carry it out; report back with handle_sent / handle_clock_result }
//! }
//! ```

#![forbid(unsafe_code)]

mod association;
pub mod check;
pub mod config;
mod engine;
pub mod event;
pub mod io;
mod local;
mod local_clock;
mod outbox;
pub mod report;
mod reporting;
mod rng;
pub mod server;
mod sources;
mod system;

pub use check::Check;
pub use engine::{CommandError, Engine, Initial, Verdict};
pub use event::Event;
pub use io::{Command, Datagram, Output, QueryId, ResolveError, Token, Transmit};
pub use sources::EstimatorFactory;
