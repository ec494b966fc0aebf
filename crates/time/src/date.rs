//! Readings of clocks: which clock it was is part of the type.

use std::fmt;
use std::ops::{Add, Sub};

use crate::duration::{NtpDuration, SECOND};
use crate::wire::NtpTimestamp;

/// Seconds from the NTP prime epoch (1900-01-01) to the Unix epoch (1970-01-01), RFC 5905 §6.
const UNIX_EPOCH: i128 = 2_208_988_800;

macro_rules! reading {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i128);

        impl $name {
            /// From units of 2⁻³² s since 1900-01-01.
            pub const fn from_bits(bits: i128) -> Self {
                Self(bits)
            }

            /// Units of 2⁻³² s since 1900-01-01.
            pub const fn bits(self) -> i128 {
                self.0
            }
        }

        impl Add<NtpDuration> for $name {
            type Output = Self;
            fn add(self, span: NtpDuration) -> Self {
                Self(self.0.saturating_add(span.bits()))
            }
        }

        impl Sub<NtpDuration> for $name {
            type Output = Self;
            fn sub(self, span: NtpDuration) -> Self {
                Self(self.0.saturating_sub(span.bits()))
            }
        }

        impl Sub for $name {
            type Output = NtpDuration;
            fn sub(self, earlier: Self) -> NtpDuration {
                NtpDuration::from_bits(self.0.saturating_sub(earlier.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let unix = self.0.saturating_sub(UNIX_EPOCH * SECOND);
                let nanos = (unix.rem_euclid(SECOND) * 1_000_000_000) >> 32;
                write!(f, concat!(stringify!($name), "({}.{:09})"), unix.div_euclid(SECOND), nanos)
            }
        }
    };
}

reading! {
    /// A reading of the disciplined system clock (or of a server's), with its era, in units of 2⁻³² s since
    /// 1900-01-01. It may be wrong; correcting it is what the project is for.
    Cooked
}

reading! {
    /// A reading of the free-running local oscillator: what the system clock would show had nobody ever
    /// steered it. It starts equal to [`Cooked`] and never jumps. Estimators work on this scale, so a
    /// correction of the clock does not disturb them.
    Raw
}

impl Cooked {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(UNIX_EPOCH * SECOND);

    /// From nanoseconds since 1970.
    pub const fn from_unix_nanos(nanos: i128) -> Self {
        Self(NtpDuration::from_nanos(nanos).bits().saturating_add(UNIX_EPOCH * SECOND))
    }

    /// Nanoseconds since 1970, rounded to the nearest.
    pub const fn unix_nanos(self) -> i128 {
        NtpDuration::from_bits(self.0.saturating_sub(UNIX_EPOCH * SECOND)).nanos()
    }

    /// Seconds since 1970 as a float, for people and reports only: it has a resolution of about 0.2 µs today.
    pub fn unix_seconds(self) -> f64 {
        (self - Self::UNIX_EPOCH).seconds()
    }

    /// The 64 bits that a packet carries: the era is lost.
    pub const fn timestamp(self) -> NtpTimestamp {
        NtpTimestamp::from_bits(self.0 as u64)
    }

    /// The reading whose packet bits are `timestamp` and that lies within 2³² s (136 years) from `floor` on.
    ///
    /// The floor is a time that is certainly past, such as the day this program was built: the local clock
    /// cannot serve, as it may be wrong by decades (an unset battery clock) when the first reply arrives.
    pub const fn unfold(timestamp: NtpTimestamp, floor: Self) -> Self {
        let ahead = timestamp.bits().wrapping_sub(floor.0 as u64);
        Self(floor.0.saturating_add(ahead as i128))
    }
}

impl Raw {
    /// The raw scale starts where the system clock stands at that moment.
    pub const fn starting_at(cooked: Cooked) -> Self {
        Self(cooked.0)
    }
}

/// The monotonic clock in nanoseconds from an arbitrary start: deadlines are set on it, nothing is measured
/// with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(u64);

impl Mono {
    /// From nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// `seconds` later; negative and NaN count as zero.
    pub fn after(self, seconds: f64) -> Self {
        Self(self.0.saturating_add((seconds.max(0.0) * 1e9) as u64))
    }

    /// Seconds since `earlier`, zero if that is in the future.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / 1e9
    }
}

/// The clocks as they were read once for one turn of the event loop.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For deadlines.
    pub mono: Mono,
    /// The system clock.
    pub cooked: Cooked,
}

/// Who took a timestamp of a packet, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StampSource {
    /// This program, reading the clock near the system call.
    User,
    /// The kernel, in its network stack.
    Kernel,
    /// The network card.
    Hardware,
}

/// When a packet passed this machine.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// By the system clock.
    pub at: Cooked,
    /// Who took it.
    pub source: StampSource,
    /// How wrong the stamp may be against the moment the packet passed, in seconds, apart from the clock's
    /// own error: the time between the event and the reading.
    pub error: f64,
}

#[cfg(test)]
mod tests;
