//! What each command does: from its arguments to an [`Outcome`](crate::outcome::Outcome).

pub mod check;
pub mod clients;
pub mod command;
pub mod completions;
pub mod import;
pub mod keygen;
pub mod lease;
pub mod man;
pub mod query;
pub mod report;
pub mod sim;
pub mod wait;

#[cfg(test)]
mod tests;
