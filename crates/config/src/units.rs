//! Numbers with units: durations and rates, read and written.

/// Why a number with a unit cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UnitError {
    /// There is nothing, or it does not begin with a number.
    NoNumber,
    /// The number is written in a way that is not understood.
    BadNumber(String),
    /// The number stands alone.
    NoUnit(String),
    /// The unit does not exist; with the nearest that does.
    UnknownUnit(String),
}

/// Units of time and what they are in seconds, each with the name that is written.
pub(crate) const DURATION_UNITS: &[(&str, f64)] = &[
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6), // U+00B5, the micro sign
    ("μs", 1e-6), // U+03BC, the letter
    ("ms", 1e-3),
    ("s", 1.0),
    ("min", 60.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
];

/// Units of rate in seconds a second.
pub(crate) const RATE_UNITS: &[(&str, f64)] = &[("ppb", 1e-9), ("ppm", 1e-6)];

/// Reads `-1.5ms`: a sign, decimal digits with or without a fraction, a unit, in the unit's base.
pub(crate) fn parse(text: &str, units: &[(&str, f64)]) -> Result<f64, UnitError> {
    let text = text.trim();
    let end =
        text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-' | '_' | ',')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if number.is_empty() {
        return Err(UnitError::NoNumber);
    }
    let Some(value) = parse_number(number) else {
        return Err(UnitError::BadNumber(number.into()));
    };
    let unit = unit.trim_start();
    if unit.is_empty() {
        return Err(UnitError::NoUnit(number.into()));
    }
    match units.iter().find(|(name, _)| *name == unit) {
        // Dividing by a whole number keeps "128ms" exactly what 0.128 is; multiplying by 0.001 would not.
        Some((_, scale)) if *scale < 1.0 => Ok(value / (1.0 / scale).round()),
        Some((_, scale)) => Ok(value * scale),
        None => Err(UnitError::UnknownUnit(unit.into())),
    }
}

fn parse_number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| (1..=20).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if plain(whole) && plain(fraction) { text.parse().ok() } else { None }
}

/// Writes seconds so that [`parse`] reads them back: the largest unit that leaves a short number.
pub(crate) fn write_duration(seconds: f64) -> String {
    let size = seconds.abs();
    let (unit, scale) = match size {
        _ if size == 0.0 => ("s", 1.0),
        _ if size < 1e-6 => ("ns", 1e-9),
        _ if size < 1e-3 => ("us", 1e-6),
        _ if size < 1.0 => ("ms", 1e-3),
        _ if size >= 86_400.0 && (size / 86_400.0).fract() == 0.0 => ("d", 86_400.0),
        _ => ("s", 1.0),
    };
    format!("{}{unit}", tidy(seconds / scale))
}

/// Writes a rate so that [`parse`] reads it back.
pub(crate) fn write_rate(rate: f64) -> String {
    if rate != 0.0 && rate.abs() < 1e-6 {
        format!("{}ppb", tidy(rate * 1e9))
    } else {
        format!("{}ppm", tidy(rate * 1e6))
    }
}

/// Without the noise that a conversion leaves behind the ninth decimal.
fn tidy(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

#[cfg(test)]
mod tests;
