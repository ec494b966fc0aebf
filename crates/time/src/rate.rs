//! Rates and poll intervals.

use std::fmt;

/// A dimensionless rate in seconds a second. Positive means that the clock in question must be (or is) made
/// faster. 1e-6 is one part per million.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Frequency(f64);

impl Frequency {
    /// No correction.
    pub const ZERO: Self = Self(0.0);

    /// From seconds a second.
    pub const fn new(rate: f64) -> Self {
        Self(rate)
    }

    /// From parts per million.
    pub const fn from_ppm(ppm: f64) -> Self {
        Self(ppm * 1e-6)
    }

    /// Seconds a second.
    pub const fn rate(self) -> f64 {
        self.0
    }

    /// Parts per million.
    pub const fn ppm(self) -> f64 {
        self.0 * 1e6
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+.3} ppm", self.ppm())
    }
}

/// A poll interval as the power of two of a second, RFC 5905 §7.3. Legal values reach from −7 (7.8 ms) to 17
/// (36 hours).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PollExponent(i8);

impl PollExponent {
    /// 7.8 ms.
    pub const MIN: Self = Self(-7);
    /// 36 hours (RFC 5905 MAXPOLL).
    pub const MAX: Self = Self(17);
    /// 64 s, the usual shortest interval (chrony's and ntpd's default).
    pub const DEFAULT_MIN: Self = Self(6);
    /// 1024 s, the usual longest interval.
    pub const DEFAULT_MAX: Self = Self(10);

    /// The exponent, if it is legal.
    pub const fn new(exponent: i8) -> Option<Self> {
        if exponent < Self::MIN.0 || exponent > Self::MAX.0 { None } else { Some(Self(exponent)) }
    }

    /// The nearest legal exponent.
    pub const fn saturating(exponent: i8) -> Self {
        if exponent < Self::MIN.0 {
            Self::MIN
        } else if exponent > Self::MAX.0 {
            Self::MAX
        } else {
            Self(exponent)
        }
    }

    /// The exponent as a packet carries it.
    pub const fn exponent(self) -> i8 {
        self.0
    }

    /// The interval in seconds.
    pub fn seconds(self) -> f64 {
        f64::from(self.0).exp2()
    }
}

#[cfg(test)]
mod tests;
