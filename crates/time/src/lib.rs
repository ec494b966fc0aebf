//! The units of the field.
//!
//! NTP has several kinds of time and mixing them up is the classic source of bugs, so each is a type:
//!
//! | type | what it is | source |
//! |---|---|---|
//! | [`NtpTimestamp`] | 64 bits as they stand in a packet: seconds and fraction since 1900, modulo 2³² s | RFC 5905 §6 |
//! | [`NtpShort`] | 32 bits: root delay and root dispersion in a packet | RFC 5905 §6 |
//! | [`NtpDuration`] | a signed interval, in units of 2⁻³² s | |
//! | [`Cooked`] | a reading of the *disciplined* system clock, with its era | RFC 5905 §6 (date format) |
//! | [`Raw`] | a reading of the *free-running* oscillator, on the same scale | |
//! | [`Mono`] | the monotonic clock that deadlines are set on | |
//! | [`Frequency`] | a dimensionless rate, seconds a second | |
//! | [`PollExponent`] | a poll interval as a power of two of a second | RFC 5905 §7.3 |
//!
//! The crate reads no clock: values come in from `sys` in production and from the simulator in tests.

#![forbid(unsafe_code)]

mod date;
mod duration;
mod leap;
mod rate;
mod wire;

pub use date::{Cooked, Mono, Now, Raw, Stamp, StampSource};
pub use duration::NtpDuration;
pub use leap::Leap;
pub use rate::{Frequency, PollExponent};
pub use wire::{NtpShort, NtpTimestamp};
