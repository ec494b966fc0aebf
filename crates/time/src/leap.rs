//! Announced leap seconds.

/// The leap indicator, RFC 5905 §7.3 figure 9.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Leap {
    /// No leap second is announced.
    #[default]
    None = 0,
    /// The last minute of the month has 61 seconds.
    Insert = 1,
    /// The last minute of the month has 59 seconds.
    Delete = 2,
    /// The sender's clock is not synchronised.
    Unsynchronised = 3,
}

impl Leap {
    /// From the two bits of a packet; higher bits are ignored.
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::None,
            1 => Self::Insert,
            2 => Self::Delete,
            _ => Self::Unsynchronised,
        }
    }
}

#[cfg(test)]
mod tests;
