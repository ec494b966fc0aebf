//! The checker of one host: what its engine orders, turn by turn, and what it says of its clock (I1–I7).

use truechimer_discipline::clock::{ClockCommand, ClockResult, ClockStatus};
use truechimer_engine::config::EngineConfig;
use truechimer_engine::config::SourceKind;
use truechimer_engine::report::Report;
use truechimer_time::Leap;
use truechimer_wire::Header;

use super::{Book, Invariant};

/// Why the engine was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A measurement came in.
    Sample,
    /// Anything else.
    Other,
}

/// Clocks have a resolution: the kernel's is 2⁻¹⁶ ppm.
const RATE_RESOLUTION: f64 = 1e-6 / 65_536.0;
/// Outputs that one turn may have, at most: so many, and so many again for each association.
const OUTPUTS_PER_TURN: usize = 24;
/// Turns at one moment, at most: each must move the deadline on.
const TURNS_AT_ONCE: u32 = 64;

/// Watches one host.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    host: usize,
    config: EngineConfig,
    associations: usize,
    /// Turns caused by measurements that moved the clock: no fewer than the engine's own count of updates may be.
    corrections: u32,
    corrected: bool,
    steps: u32,
    stepped_total_s: f64,
    outputs: usize,
    idle_turns: u32,
}

impl Watch {
    pub(crate) fn new(host: usize, config: EngineConfig) -> Self {
        let members = |kind: &SourceKind| match kind {
            SourceKind::Pool { size, .. } => usize::from(*size),
            SourceKind::Server(_) | SourceKind::Reference { .. } => 1,
        };
        let associations = config.sources.iter().map(|source| members(&source.kind)).sum();
        Self {
            host,
            config,
            associations,
            corrections: 0,
            corrected: false,
            steps: 0,
            stepped_total_s: 0.0,
            outputs: 0,
            idle_turns: 0,
        }
    }

    /// A turn begins.
    pub(crate) fn begin(&mut self) {
        self.outputs = 0;
        self.corrected = false;
    }

    /// One more output in this turn. `false` if there are too many to go on.
    pub(crate) fn output(&mut self, book: &mut Book, at_s: f64) -> bool {
        self.outputs += 1;
        let holds = self.outputs <= OUTPUTS_PER_TURN * (1 + self.associations);
        let outputs = self.outputs;
        book.check(Invariant::I6, at_s, self.host, holds, || format!("{outputs} outputs in one turn"));
        holds
    }

    /// A command was carried out.
    pub(crate) fn clock(&mut self, book: &mut Book, at_s: f64, command: ClockCommand, result: ClockResult) {
        match result {
            ClockResult::FrequencySet { frequency, .. } => {
                self.corrected = true;
                let limit = self.config.clock.max_frequency + self.config.clock.max_slew_rate;
                let holds = frequency.rate().abs() <= limit + RATE_RESOLUTION;
                book.check(Invariant::I3, at_s, self.host, holds, || format!("rate {frequency}"));
            }
            ClockResult::Stepped { by, .. } => {
                self.corrected = true;
                self.step(book, at_s, by.seconds());
            }
            ClockResult::Failed(errno) => book.check(Invariant::I3, at_s, self.host, false, || {
                format!("the clock refused {command:?} with error {errno}")
            }),
            ClockResult::StatusSet | ClockResult::Observing => {}
        }
    }

    /// I2, from the configuration alone.
    fn step(&mut self, book: &mut Book, at_s: f64, by_s: f64) {
        let policy = self.config.clock.step;
        let panic = self.config.clock.panic;
        let host = self.host;
        let mut gate = |holds: bool, gate: &str| {
            book.check(Invariant::I2, at_s, host, holds, || format!("a step of {by_s} s, against {gate}"));
        };
        gate(policy.above_s.is_some_and(|above| by_s.abs() >= above), "step.above");
        gate(policy.first.is_none_or(|first| self.corrections < first && self.steps < first), "step.first");
        let limit = match self.corrections {
            0 => panic.start_s,
            _ if by_s > 0.0 => panic.forward_s,
            _ => panic.backward_s,
        };
        gate(limit.is_none_or(|limit| by_s.abs() <= limit), "panic");
        self.steps += 1;
        self.stepped_total_s += by_s.abs();
        gate(panic.accumulated_s.is_none_or(|limit| self.stepped_total_s <= limit), "panic.accumulated");
    }

    /// A turn has ended. `next_s` is the time until the engine's next deadline.
    pub(crate) fn end(&mut self, book: &mut Book, at_s: f64, cause: Cause, next_s: Option<f64>) -> bool {
        if self.corrected && cause == Cause::Sample {
            self.corrections += 1;
        }
        let due = next_s.is_some_and(|next| next <= 0.0);
        self.idle_turns = if due { self.idle_turns + 1 } else { 0 };
        let holds = self.idle_turns < TURNS_AT_ONCE;
        book.check(Invariant::I6, at_s, self.host, holds, || "a deadline that does not move on".to_owned());
        holds
    }

    /// Whether the clock was moved in this turn.
    pub(crate) const fn corrected(&self) -> bool {
        self.corrected
    }

    /// I3 and I5, from what is reported.
    pub(crate) fn report(&self, book: &mut Book, at_s: f64, report: &Report) {
        let clock = &self.config.clock;
        let (base, slew) = (report.system.frequency_ppm * 1e-6, report.system.slew_ppm * 1e-6);
        let holds = base.abs() <= clock.max_frequency + RATE_RESOLUTION
            && slew.abs() <= clock.max_slew_rate + 2.0 * RATE_RESOLUTION;
        book.check(Invariant::I3, at_s, self.host, holds, || format!("frequency {base}, slew {slew}"));
        let count = report.sources.len();
        book.check(Invariant::I5, at_s, self.host, count <= self.associations, || format!("{count} sources"));
    }

    /// I5: what is open. An association asks for its own name and for keys, each once at a time; the server for keys may have
    /// sent it on to a second name.
    pub(crate) fn tables(&self, book: &mut Book, at_s: f64, sockets: usize, names: usize, exchanges: usize) {
        let cap = self.associations;
        let holds = sockets <= 4 * cap && names <= 2 * cap && exchanges <= cap;
        book.check(Invariant::I5, at_s, self.host, holds, || {
            format!("{sockets} sockets, {names} names and {exchanges} key exchanges asked for by {cap} associations")
        });
    }

    /// I1, and what I7 says of the kernel's status.
    pub(crate) fn clock_error(
        &self,
        book: &mut Book,
        at_s: f64,
        error_s: f64,
        bound_s: Option<f64>,
        status: ClockStatus,
    ) {
        if let Some(bound) = bound_s {
            book.check(Invariant::I1, at_s, self.host, error_s.abs() <= bound, || {
                format!("true error {error_s:e} s, reported bound {bound:e} s")
            });
        }
        if status.synchronised {
            let told = status.max_error_s;
            book.check(Invariant::I7, at_s, self.host, error_s.abs() <= told, || {
                format!("true error {error_s:e} s, the kernel was told at most {told:e} s")
            });
        }
    }

    /// I4 and I7: a reply to a client, sent while the clock was wrong by `error_s`. `strata` are those that the
    /// host's sources have.
    pub(crate) fn reply(
        &self,
        book: &mut Book,
        at_s: f64,
        request_len: usize,
        reply: &[u8],
        told: Truth<'_>,
    ) {
        let holds = reply.len() <= request_len;
        book.check(Invariant::I4, at_s, self.host, holds, || {
            format!("{} bytes out for {request_len} bytes in", reply.len())
        });
        let Some(header) = Header::parse(reply) else {
            book.check(Invariant::I7, at_s, self.host, false, || "a reply that is no packet".to_owned());
            return;
        };
        if header.leap == Leap::Unsynchronised || header.stratum == 0 || header.stratum >= 16 {
            return;
        }
        let local = self.config.local.as_ref().is_some_and(|local| local.stratum == header.stratum);
        let expected = told.strata.iter().any(|&stratum| stratum + 1 == header.stratum);
        book.check(Invariant::I7, at_s, self.host, expected || local, || {
            format!("stratum {} told, of sources of strata {:?}", header.stratum, told.strata)
        });
        if !local {
            let distance = header.root_delay.seconds() / 2.0 + header.root_dispersion.seconds();
            let error = told.error_s;
            book.check(Invariant::I7, at_s, self.host, error.abs() <= distance, || {
                format!("true error {error:e} s, root distance told {distance:e} s")
            });
        }
        book.check(Invariant::I7, at_s, self.host, told.leap || header.leap == Leap::None, || {
            format!("leap {:?} told, announced by nobody", header.leap)
        });
    }
}

/// What is true of a host, to compare with what it tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Truth<'a> {
    /// How wrong its clock is, seconds.
    pub(crate) error_s: f64,
    /// Strata of its possible sources.
    pub(crate) strata: &'a [u8],
    /// Whether any source announces a leap second.
    pub(crate) leap: bool,
}

#[cfg(test)]
mod tests;
