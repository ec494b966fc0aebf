//! The types of fields that chrony's protocol is made of, all in network byte order, and the macro that makes messages of
//! them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes that are read from the front. What is beyond the end is an error.
#[derive(Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    /// The next bytes.
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}

/// A part of a message whose length never changes.
pub(super) trait Field: Sized {
    /// Length, bytes.
    const LEN: usize;
    /// Appends it.
    fn write(&self, out: &mut Vec<u8>);
    /// Takes it from the front; `None` if the bytes end before it does, or mean nothing.
    fn read(from: &mut Reader<'_>) -> Option<Self>;
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Field for $type {
            const LEN: usize = size_of::<$type>();
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
            fn read(from: &mut Reader<'_>) -> Option<Self> {
                from.take().map(<$type>::from_be_bytes)
            }
        }
    )*};
}

integers!(u8, i8, u16, i16, u32, i32, u64);

/// Nothing.
impl Field for () {
    const LEN: usize = 0;
    fn write(&self, _: &mut Vec<u8>) {}
    fn read(_: &mut Reader<'_>) -> Option<Self> {
        Some(())
    }
}

impl<T: Field, const N: usize> Field for [T; N] {
    const LEN: usize = N * T::LEN;
    fn write(&self, out: &mut Vec<u8>) {
        for item in self {
            item.write(out);
        }
    }
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let items: Option<Vec<T>> = (0..N).map(|_| T::read(from)).collect();
        items?.try_into().ok()
    }
}

/// Largest magnitude of the coefficient, which has 25 bits with its sign.
const COEFFICIENT_MAX: f64 = ((1 << 24) - 1) as f64;
const COEFFICIENT_BITS: i32 = 25;
const EXPONENT_MIN: i32 = -64;
const EXPONENT_MAX: i32 = 63;

/// Numbers are coefficient · 2^(exponent − 25), with a signed exponent in the upper seven bits and a signed coefficient
/// without hidden bit in the lower 25: eight digits from 2⁻⁶⁴ to 2⁶³. What is no number is zero, what is too large the largest.
impl Field for f64 {
    const LEN: usize = 4;

    fn write(&self, out: &mut Vec<u8>) {
        encode(*self).write(out);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        u32::read(from).map(decode)
    }
}

fn encode(value: f64) -> u32 {
    let magnitude = value.abs();
    if magnitude.is_nan() || magnitude == 0.0 {
        return 0;
    }
    let normal = magnitude.clamp(f64::MIN_POSITIVE, f64::MAX);
    // The leading bit of the coefficient is its 24th, or a lower one where the exponent cannot be.
    let exponent = (normal.log2().floor() as i32 + 2).max(EXPONENT_MIN);
    let coefficient = (normal * f64::from(COEFFICIENT_BITS - exponent).exp2()).round();
    if coefficient == 0.0 {
        return 0;
    }
    let negative = value < 0.0;
    let largest = if negative { COEFFICIENT_MAX + 1.0 } else { COEFFICIENT_MAX };
    let (coefficient, exponent) = if coefficient > largest {
        ((coefficient / 2.0).round(), exponent + 1)
    } else {
        (coefficient, exponent)
    };
    let (coefficient, exponent) =
        if exponent > EXPONENT_MAX { (largest, EXPONENT_MAX) } else { (coefficient, exponent) };
    let signed = if negative { -(coefficient as i32) } else { coefficient as i32 };
    (exponent << COEFFICIENT_BITS) as u32 | (signed as u32 & ((1 << COEFFICIENT_BITS) - 1))
}

fn decode(bits: u32) -> f64 {
    let exponent = bits as i32 >> COEFFICIENT_BITS;
    let coefficient = ((bits << 7) as i32) >> 7;
    f64::from(coefficient) * f64::from(exponent - COEFFICIENT_BITS).exp2()
}

/// A time since 1970, nanoseconds; negative before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamp {
    /// Whole seconds.
    pub seconds: i64,
    /// The rest.
    pub nanos: u32,
}

impl Timestamp {
    /// From seconds since 1970.
    pub fn from_unix_seconds(seconds: f64) -> Self {
        let whole = seconds.floor();
        Self { seconds: whole as i64, nanos: ((seconds - whole) * 1e9).clamp(0.0, 999_999_999.0) as u32 }
    }
}

/// Upper half of the seconds as it was sent by programs with 32 bits for the time.
const NO_UPPER_HALF: u32 = 0x7fff_ffff;

impl Field for Timestamp {
    const LEN: usize = 12;

    fn write(&self, out: &mut Vec<u8>) {
        self.seconds.cast_unsigned().write(out);
        self.nanos.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let (upper, lower, nanos) = (u32::read(from)?, u32::read(from)?, u32::read(from)?);
        let upper = if upper == NO_UPPER_HALF { 0 } else { upper };
        let seconds = (u64::from(upper) << 32 | u64::from(lower)).cast_signed();
        Some(Self { seconds, nanos: nanos.min(999_999_999) })
    }
}

/// Who is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Address {
    /// Nobody, or everybody.
    #[default]
    Unspecified,
    /// An address.
    Ip(IpAddr),
    /// The number of a source whose address is not known yet.
    Id(u32),
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        Self::Ip(address)
    }
}

impl Address {
    /// The address, if it is one.
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(address),
            Self::Unspecified | Self::Id(_) => None,
        }
    }
}

/// Sixteen bytes for the address, the family as a number of its own, and two bytes that say nothing.
impl Field for Address {
    const LEN: usize = 20;

    fn write(&self, out: &mut Vec<u8>) {
        let mut bytes = [0; 16];
        let mut front = |part: [u8; 4]| bytes[..4].copy_from_slice(&part);
        let family: u16 = match self {
            Self::Unspecified => 0,
            Self::Ip(IpAddr::V4(address)) => {
                front(address.octets());
                1
            }
            Self::Ip(IpAddr::V6(address)) => {
                bytes = address.octets();
                2
            }
            Self::Id(id) => {
                front(id.to_be_bytes());
                3
            }
        };
        out.extend_from_slice(&bytes);
        family.write(out);
        0_u16.write(out);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let bytes: [u8; 16] = from.take()?;
        let family = u16::read(from)?;
        u16::read(from)?;
        let [a, b, c, d, ..] = bytes;
        Some(match family {
            1 => Self::Ip(IpAddr::V4(Ipv4Addr::new(a, b, c, d))),
            2 => Self::Ip(IpAddr::V6(Ipv6Addr::from(bytes))),
            3 => Self::Id(u32::from_be_bytes([a, b, c, d])),
            _ => Self::Unspecified,
        })
    }
}

/// Text of at most 255 bytes, padded with zeros to 256.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The text, cut off if it is too long.
    pub fn new(text: &str) -> Self {
        let end = (0..=Self::LEN - 1).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        Self(text.get(..end.min(text.len())).unwrap_or(text).to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Field for Name {
    const LEN: usize = 256;

    fn write(&self, out: &mut Vec<u8>) {
        let end = out.len() + Self::LEN;
        out.extend_from_slice(self.0.as_bytes());
        out.resize(end, 0);
    }

    /// Text that nothing ends, or that is not text, means nothing.
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let bytes: [u8; Self::LEN] = from.take()?;
        let end = bytes.iter().position(|&byte| byte == 0)?;
        std::str::from_utf8(bytes.get(..end)?).ok().map(|text| Self(text.to_owned()))
    }
}

/// Makes a struct and says that it is written field after field.
macro_rules! message {
    ($(#[$about:meta])* pub struct $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl Field for $name {
            const LEN: usize = 0 $(+ <$type as Field>::LEN)*;
            fn write(&self, out: &mut Vec<u8>) {
                $(self.$field.write(out);)*
            }
            fn read(from: &mut Reader<'_>) -> Option<Self> {
                Some(Self { $($field: Field::read(from)?,)* })
            }
        }
    };
}

pub(super) use message;
