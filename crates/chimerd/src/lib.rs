//! The Truechimer daemon: the adapter between the deterministic engine and the machine.
//!
//! ```text
//!            ┌──────────────────────────── Daemon::turn ────────────────────────────┐
//!  poll(2) ──┤ exchanges   replies and transmit timestamps → engine.handle_…        │
//!            │ resolver    answers                         → engine.handle_resolved │
//!            │ listeners   requests                        → engine.handle_request ─┼─> reply
//!            │ control     operators' requests             → engine.handle_command  │
//!            │ deadline                                    → engine.handle_timeout  │
//!            └─ engine.poll_output → send, steer the clock, resolve, journal ───────┘
//! ```
//!
//! One thread (unless `serve.workers` wants more for answering), one `poll(2)`, one reading of the clocks a turn. The client's sockets come before the server's, and
//! every socket gets a bounded share of a turn, so that no flood on one starves another. Nothing here decides
//! anything about time: that is the engine's.
//!
//! | module | what it is |
//! |---|---|
//! | [`program`] | the program around the daemon: arguments, configuration, privileges, exit status |
//! | [`args`] | the command line |
//! | `daemon` | [`Daemon`]: the loop, its start, housekeeping, and operators' requests |
//! | `exchanges` | the client's sockets, one for each request under way |
//! | `foreign` | configurations of other programs, from the disk |
//! | `listeners` | the server's sockets |
//! | `workers` | threads that answer requests, where `serve.workers` wants several |
//! | `logs` | files in the formats of chronyd and ntpd |
//! | `nts` | key exchange as a client and as a server, certificates, keys of cookies |
//! | `control` | the control sockets and their clients |
//! | `roles` | where work runs that is not the loop's |
//! | `service` | what the service manager is told |
//! | `signing` | replies to domain members, signed by Samba |
//! | `clocks` | clock readings, timestamps, clock commands |
//! | `state` | what is remembered between runs |
//! | [`journal`] | lines for humans |
//!
//! Several daemons can live in one process, each on a thread and a (virtual) clock of its own:
//!
//! ```no_run
//! use std::sync::atomic::AtomicBool;
//! use truechimer_config::{Config, Paths, Roles};
//! use truechimer_sys::clock::ObserveOnly;
//!
//! let config = Config { paths: Paths::NONE, roles: Roles::Inline, ..Config::default() };
//! let options = chimerd::DaemonOptions::new(config, Box::new(ObserveOnly::new()), false);
//! let mut daemon = chimerd::Daemon::new(options)?;
//! daemon.run(&AtomicBool::new(false))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod args;
mod chronyc;
mod clocks;
mod control;
mod daemon;
mod exchanges;
mod foreign;
pub mod journal;
mod listeners;
mod logs;
mod ntpq;
mod nts;
pub mod program;
mod roles;
mod service;
mod signing;
mod state;
mod workers;

pub use daemon::{ClockMaker, Daemon, DaemonOptions, Observer, Reload, RunError, StartError};
pub use foreign::Disk;
pub use journal::Journal;
pub use nts::inspect as inspect_nts_files;
pub use service::ServiceManager;
