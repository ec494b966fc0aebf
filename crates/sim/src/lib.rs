//! A seeded world that runs the engine that ships.

#![forbid(unsafe_code)]

pub mod link;
pub mod oscillator;
pub mod random;
pub mod server;
pub mod stats;
