//! The dates of a certificate, read from its DER encoding (RFC 5280 §4.1.2.5).
//!
//! The verifier judges a chain at one instant and does not say over which span it would have judged the same; the
//! certificate-time policy needs that span. This walks exactly as far into a certificate as its dates stand and looks at
//! nothing else. It decides nothing by itself: what it reads is used to choose the instant at which the real verifier
//! looks, and is given out only for chains that this one has verified.

use std::fmt;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const EXPLICIT_VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

const DAY_S: i64 = 86_400;

/// 0001-01-01 and the end of 9999-12-31.
const FIRST_SHOWN_S: i64 = -62_135_596_800;
const LAST_SHOWN_S: i64 = 253_402_300_799;

/// A span of time in seconds since 1970 (UTC, without leap seconds, as certificates have it). Both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before_s: i64,
    /// The last second. A certificate without an end says 9999-12-31.
    pub not_after_s: i64,
}

impl Validity {
    /// Whether the instant, in seconds since 1970, lies inside.
    pub fn contains(&self, unix_s: i64) -> bool {
        (self.not_before_s..=self.not_after_s).contains(&unix_s)
    }

    /// What both have in common, if that is not nothing.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        let both = Self {
            not_before_s: self.not_before_s.max(other.not_before_s),
            not_after_s: self.not_after_s.min(other.not_after_s),
        };
        (both.not_before_s <= both.not_after_s).then_some(both)
    }

    /// Reads the dates of one certificate. Nothing if it is not one, or its dates are upside down.
    pub(crate) fn of_certificate(der: &[u8]) -> Option<Self> {
        let (tag, certificate, _) = element(der)?;
        let (inner_tag, signed, _) = element(certificate)?;
        if tag != SEQUENCE || inner_tag != SEQUENCE {
            return None;
        }
        let rest = match element(signed)? {
            (EXPLICIT_VERSION, _, rest) => rest,
            _ => signed,
        };
        let rest = skip(rest, INTEGER)?; // serial number
        let rest = skip(rest, SEQUENCE)?; // signature algorithm
        let rest = skip(rest, SEQUENCE)?; // issuer
        let (tag, dates, _) = element(rest)?;
        if tag != SEQUENCE {
            return None;
        }
        let (tag, first, rest) = element(dates)?;
        let not_before_s = time(tag, first)?;
        let (tag, last, _) = element(rest)?;
        let not_after_s = time(tag, last)?;
        (not_before_s <= not_after_s).then_some(Self { not_before_s, not_after_s })
    }
}

/// Takes one element off the front: its tag, its contents, and what follows it. Only what a certificate uses: tags of one
/// byte and definite lengths below 16 MiB.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |len, &byte| (len << 8) | usize::from(byte)), rest)
        }
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(len)?;
    Some((tag, contents, rest))
}

fn skip(der: &[u8], expected: u8) -> Option<&[u8]> {
    let (tag, _, rest) = element(der)?;
    (tag == expected).then_some(rest)
}

/// `YYMMDDHHMMSSZ` of this century or the last, or `YYYYMMDDHHMMSSZ`, in seconds since 1970.
fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = two_digits(text)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (century, rest) = two_digits(text)?;
            let (year, rest) = two_digits(rest)?;
            (century * 100 + year, rest)
        }
        _ => return None,
    };
    let (month, rest) = two_digits(rest)?;
    let (day, rest) = two_digits(rest)?;
    let (hour, rest) = two_digits(rest)?;
    let (minute, rest) = two_digits(rest)?;
    let (second, rest) = two_digits(rest)?;
    let legal = (1..=12).contains(&month)
        && (1..=days_of_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && rest == b"Z";
    legal.then(|| {
        let days = days_before(year, month) + day - 1;
        days * DAY_S + hour * 3600 + minute * 60 + second
    })
}

fn two_digits(text: &[u8]) -> Option<(i64, &[u8])> {
    let (&[tens, ones], rest) = text.split_first_chunk()?;
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| (i64::from(tens - b'0') * 10 + i64::from(ones - b'0'), rest))
}

fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first of the month.
fn days_before(year: i64, month: i64) -> i64 {
    let years = year - 1;
    // From 0001-01-01; 719 162 days later is 1970-01-01.
    let days = years * 365 + years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400) - 719_162;
    days + (1..month).map(|earlier| days_of_month(year, earlier)).sum::<i64>()
}

/// Shows an instant in seconds since 1970 as its date: `2031-05-09`.
pub struct Date(pub i64);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = self.0.clamp(FIRST_SHOWN_S, LAST_SHOWN_S).div_euclid(DAY_S);
        // 400 years have 146 097 days: by the mean the year is found, or its neighbour.
        let guess = 1970 + (day * 400).div_euclid(146_097);
        let year = if days_before(guess + 1, 1) <= day {
            guess + 1
        } else if days_before(guess, 1) <= day {
            guess
        } else {
            guess - 1
        };
        let month = (1..=12).rev().find(|&month| days_before(year, month) <= day).unwrap_or(1);
        write!(f, "{year:04}-{month:02}-{:02}", day - days_before(year, month) + 1)
    }
}

#[cfg(test)]
mod tests;
