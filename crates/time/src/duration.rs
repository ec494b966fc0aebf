//! Signed intervals.

use std::fmt;
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// A signed interval in units of 2⁻³² s (0.23 ns), the resolution of an NTP timestamp (RFC 5905 §6).
///
/// The range is that of an `i128`, so the difference of any two readings is exact; arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NtpDuration(i128);

/// One second in units of 2⁻³² s.
pub(crate) const SECOND: i128 = 1 << 32;
const NANOS: i128 = 1_000_000_000;

impl NtpDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From units of 2⁻³² s.
    pub const fn from_bits(bits: i128) -> Self {
        Self(bits)
    }

    /// In units of 2⁻³² s.
    pub const fn bits(self) -> i128 {
        self.0
    }

    /// From seconds. NaN becomes zero and infinities saturate at about ±10²⁸ s.
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds * SECOND as f64).round() as i128)
    }

    /// Seconds as a float: 53 bits of precision, so exact to 2⁻³² s below 24 days.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / SECOND as f64
    }

    /// From nanoseconds, rounded to the nearest unit.
    pub const fn from_nanos(nanos: i128) -> Self {
        // Every reading of a clock passes here, and a division of 128 bits takes longer than the reading.
        let short = nanos as i64;
        if short as i128 != nanos {
            return Self(rescale(nanos, NANOS, SECOND));
        }
        let part = (((short.rem_euclid(NANOS as i64) as u64) << 32) + NANOS as u64 / 2) / NANOS as u64;
        Self(short.div_euclid(NANOS as i64) as i128 * SECOND + part as i128)
    }

    /// Nanoseconds, rounded to the nearest.
    pub const fn nanos(self) -> i128 {
        rescale(self.0, SECOND, NANOS)
    }

    /// The distance from zero.
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }
}

/// `value` in `from`ths of a second as `to`ths, rounded to the nearest, saturating.
const fn rescale(value: i128, from: i128, to: i128) -> i128 {
    let part = (value.rem_euclid(from) * to + from / 2) / from;
    match value.div_euclid(from).checked_mul(to) {
        Some(whole) => whole.saturating_add(part),
        None if value < 0 => i128::MIN,
        None => i128::MAX,
    }
}

impl Add for NtpDuration {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for NtpDuration {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for NtpDuration {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for NtpDuration {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Neg for NtpDuration {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl Mul<i32> for NtpDuration {
    type Output = Self;
    fn mul(self, factor: i32) -> Self {
        Self(self.0.saturating_mul(i128::from(factor)))
    }
}

/// Division rounds towards zero; a divisor of zero gives zero, as there is no interval to give.
impl Div<i32> for NtpDuration {
    type Output = Self;
    fn div(self, divisor: i32) -> Self {
        Self(self.0.checked_div(i128::from(divisor)).unwrap_or(0))
    }
}

/// Seconds with nine decimals.
impl fmt::Display for NtpDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.9} s", self.seconds())
    }
}

#[cfg(test)]
mod tests;
