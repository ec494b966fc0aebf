//! The two formats of time in a packet.

use crate::duration::NtpDuration;

/// The 64-bit timestamp of RFC 5905 §6: seconds since 1900 modulo 2³² and a 32-bit fraction. It has no era and
/// no order; [`Cooked::unfold`](crate::Cooked::unfold) gives it one. Zero means "unknown".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NtpTimestamp(u64);

impl NtpTimestamp {
    /// "Unknown or unsynchronised".
    pub const ZERO: Self = Self(0);

    /// From the 64 bits of a packet, already in host order.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64 bits of a packet.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether the value means "unknown".
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// The 32-bit unsigned short format of RFC 5905 §6: 16 bits of seconds, 16 bits of fraction. It carries root
/// delay and root dispersion, 0 s to just under 65 536 s in steps of 15.3 µs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NtpShort(u32);

impl NtpShort {
    /// The largest value.
    pub const MAX: Self = Self(u32::MAX);

    /// From the 32 bits of a packet, already in host order.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The 32 bits of a packet.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Seconds.
    pub fn seconds(self) -> f64 {
        f64::from(self.0) / 65_536.0
    }

    /// From seconds, rounded **up** so that a bound told to others stays a bound. Negative values become zero, large ones
    /// saturate, and NaN, of which nothing is known, is the largest value.
    pub fn from_seconds_up(seconds: f64) -> Self {
        if seconds.is_nan() { Self::MAX } else { Self((seconds * 65_536.0).ceil() as u32) }
    }

    /// The same span as an interval.
    pub const fn duration(self) -> NtpDuration {
        NtpDuration::from_bits((self.0 as i128) << 16)
    }
}

#[cfg(test)]
mod tests;
