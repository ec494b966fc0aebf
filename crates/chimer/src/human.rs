//! Quantities as people read them: three significant digits and the unit that fits.

#[cfg(test)]
mod tests;

/// A span of seconds as `12.3 µs`; three significant digits from nanoseconds to days.
pub fn span(seconds: f64) -> String {
    const UNITS: [(f64, &str); 7] =
        [(1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h"), (86_400.0, "d")];
    /// Below this many of the next unit a unit is used; seconds are usual up to 1000.
    const LIMITS: [f64; 7] = [999.5e-9, 999.5e-6, 999.5e-3, 999.5, 7200.0, 172_800.0, f64::INFINITY];
    if !seconds.is_finite() {
        return "?".into();
    }
    if seconds == 0.0 {
        return "0 s".into();
    }
    let size = seconds.abs();
    let fitting = UNITS.iter().zip(LIMITS).find(|(_, limit)| size < *limit);
    let (scale, unit) = fitting.map_or((1.0, "s"), |(unit, _)| *unit);
    format!("{} {unit}", significant(seconds / scale))
}

/// A span with its sign always shown: `+12.3 µs`.
pub fn signed_span(seconds: f64) -> String {
    let text = span(seconds);
    if seconds > 0.0 { format!("+{text}") } else { text }
}

/// Parts per million with three decimals and a sign: `+12.345 ppm`.
pub fn ppm(value: f64) -> String {
    if value.is_finite() { format!("{value:+.3} ppm") } else { "?".into() }
}

/// How long ago, short: `34s`, `12m`, `5h`, `3d`.
pub fn age(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() => "?".into(),
        s if s < 120.0 => format!("{:.0}s", s.max(0.0)),
        s if s < 7200.0 => format!("{:.0}m", s / 60.0),
        s if s < 172_800.0 => format!("{:.0}h", s / 3600.0),
        s => format!("{:.0}d", s / 86_400.0),
    }
}

/// A poll exponent as the interval it means: `64 s`.
pub fn poll_interval(exponent: i8) -> String {
    span(f64::from(exponent).exp2())
}

/// `1 sample`, `4 samples`.
pub fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// Reads `10ms`, `1.5s`, `2min`: a positive decimal number and a unit, in seconds.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn parse_span(text: &str) -> Result<f64, String> {
    const UNITS: [(&str, f64); 9] = [
        ("ns", 1e-9),
        ("us", 1e-6),
        ("µs", 1e-6),
        ("ms", 1e-3),
        ("s", 1.0),
        ("m", 60.0),
        ("min", 60.0),
        ("h", 3600.0),
        ("d", 86_400.0),
    ];
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let scale = UNITS.iter().find(|(name, _)| *name == unit.trim_start()).map(|(_, scale)| scale);
    match (number.parse::<f64>(), scale) {
        (Ok(number), Some(scale)) => Ok(number * scale),
        (Ok(_), None) if unit.is_empty() => Err(format!("a unit is missing: try {number}s or {number}ms")),
        (Ok(_), None) => Err("the units are ns, us, ms, s, min, h and d".into()),
        (Err(_), _) => Err("expected a number and a unit, such as 10ms or 1.5s".into()),
    }
}

/// The same text without characters that could steer a terminal: what comes from elsewhere is shown through this.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if is_harmless(c) { c } else { '\u{fffd}' }).collect()
}

/// The same for a text of several lines.
pub fn clean_lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

/// The same for a text that is coloured already: only colour codes stay.
pub fn clean_coloured(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let mut cleaned = clean_lines(pieces.next().unwrap_or_default());
    for piece in pieces {
        let end = piece.find(|c: char| !c.is_ascii_digit() && c != ';');
        match end.and_then(|end| piece.split_at_checked(end)) {
            Some((code, rest)) if rest.starts_with('m') => {
                cleaned.extend(["\u{1b}[", code, &clean_lines(rest)]);
            }
            _ => cleaned.extend(["\u{fffd}[", &clean_lines(piece)]),
        }
    }
    cleaned
}

/// Neither a control character nor one that turns the direction of the text around it.
const fn is_harmless(c: char) -> bool {
    !matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Three significant digits: `1.23`, `12.3`, `123`.
fn significant(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        s if s >= 99.95 => 0,
        s if s >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}
