//! Rates in fixed point, so that a clock model adds up to the last unit however often its rate changes.

/// Fraction bits of a rate.
const RATE_BITS: u32 = 62;

/// Spans are cut off here (2⁶² s): everything below fits the arithmetic.
const LONGEST: i128 = 1 << 94;

/// A rate of at most ±0.5 in units of 2⁻⁶². NaN is no rate at all.
pub(crate) fn rate(value: f64) -> i128 {
    (value.clamp(-0.5, 0.5) * (1_i128 << RATE_BITS) as f64).round() as i128
}

/// For a clock that runs `rate` fast against another, how much slower the other runs against it: 1 − 1/(1 +
/// rate).
pub(crate) fn inverse(rate: i128) -> i128 {
    // Never zero, as the rate is at least −½.
    (rate << RATE_BITS) / ((1 << RATE_BITS) + rate)
}

/// A span in units of 2⁻³² s, within the range that the other functions can take.
pub(crate) fn limit(span: i128) -> i128 {
    span.clamp(-LONGEST, LONGEST)
}

/// `span` (2⁻³² s) times `rate`, in units of 2⁻⁶⁴ s.
pub(crate) fn scale(span: i128, rate: i128) -> i128 {
    match span.checked_mul(rate) {
        Some(product) => product >> (RATE_BITS - 32),
        // Centuries at once: the last bits are beyond any clock.
        None => (span >> 40).saturating_mul(rate) << (40 + 32 - RATE_BITS),
    }
}

/// From units of 2⁻⁶⁴ s to the nearest of 2⁻³² s.
pub(crate) fn round(value: i128) -> i128 {
    value.saturating_add(1 << 31) >> 32
}
