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

//! # A reply, from the socket to the clock
//! 1. [`Engine::handle_datagram`] looks at the clocks (a jump that we did not order is interference), finds the
//!    association by the [`Token`] of the socket, and lets `association` run the named [checks](check). A packet that
//!    fails one changes nothing but that check's counter.
//! 2. An accepted reply becomes a sample on the raw time scale, which corrections of the clock do not disturb. The
//!    association's estimator and its guaranteed interval take it in, and its poll process decides when to ask next.
//! 3. `system` runs a round of selection over all associations. If a majority agrees, it remembers the estimate and
//!    the bound, asks the gates whether to step, slew or refuse, and queues [`Output::Clock`] commands.
//! 4. What the clock really did comes back by [`Engine::handle_clock_result`]; only then is it believed. The kernel and
//!    the clients are told the new state.
//!
//! # The parts
//! | module | what it is |
//! |---|---|
//! | `association` | one source: the exchange under way, checks, poll process, estimator |
//! | `authentication` | what proves a request and a reply: symmetric keys, NTS |
//! | `nts` | the keys and cookies of one association, and the process that gets them |
//! | `sources` | the set of them: names, pools, replacement |
//! | `system` | rounds of selection, steering, the bound, what is told |
//! | `local_clock` | raw and cooked time, and the watch over other hands on the clock |
//! | `local` | the local reference, for islands |
//! | [`server`] | replies to clients |
//! | `outbox` | what waits to be polled, bounded; events limited by kind |
//! | `reporting` | fills [`report`]s |
//!
//! # What the adapter must do
//! - Carry out outputs in their order, and report each [`Output::Clock`] back before asking for the next output.
//! - Give each [`Output::Send`] a fresh socket on a random port (RFC 9109), connected to the server, until
//!   [`Output::Close`]. Hand in kernel transmit timestamps before the replies that arrived after them.
//! - Read the clocks anew after a step; a reading from before it that comes within a second is recognised.

#![forbid(unsafe_code)]

mod association;
mod authentication;
pub mod check;
mod command;
pub mod config;
mod engine;
pub mod event;
pub mod io;
mod local;
mod local_clock;
mod manual;
mod nts;
mod outbox;
pub mod report;
mod reporting;
mod rng;
pub mod server;
mod sources;
mod system;

pub use authentication::KeyTable;
pub use check::Check;
pub use command::{Command, CommandError, SourceChange, Which};
pub use engine::{Engine, Initial, Verdict};
pub use event::Event;
pub use io::{
    CertificateDates, Datagram, KeyExchange, KeyExchangeError, KeyExchangeFault, KeyExchanged, Output,
    QueryId, ResolveError, Token, Transmit, Validity,
};
pub use manual::{MOST_TYPED, TypedOutcome, TypedTime};
pub use sources::EstimatorFactory;
