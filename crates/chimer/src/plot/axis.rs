//! From seconds to places in the picture, and where to put labels.

/// An axis that is linear around zero and logarithmic outside: sign(v) · ln(1 + |v| / linear).
pub(super) struct Symlog {
    most: f64,
    linear: f64,
    middle: f64,
    half: f64,
}

impl Symlog {
    /// From −most to +most, linear below `linear`, between two places (top and bottom).
    pub(super) fn new([most, linear]: [f64; 2], [top, bottom]: [f64; 2]) -> Self {
        Self { most, linear, middle: (top + bottom) / 2.0, half: (bottom - top) / 2.0 }
    }

    pub(super) const fn linear(&self) -> f64 {
        self.linear
    }

    /// Where a value stands; values far outside stand just outside.
    pub(super) fn place(&self, value: f64) -> f64 {
        let share = (value.abs() / self.linear).ln_1p() / (self.most / self.linear).ln_1p();
        self.middle - self.half * share.min(1.5).copysign(value)
    }

    /// Zero and powers of ten, as many as have room.
    pub(super) fn ticks(&self) -> Vec<f64> {
        const ROOM: f64 = 15.0;
        let mut ticks = vec![0.0];
        let mut last = self.middle;
        let first = self.linear.log10().round() as i32;
        for tick in (first..first + 20).map(|power| 10_f64.powi(power)).take_while(|tick| *tick <= self.most)
        {
            let place = self.place(tick);
            if last - place >= ROOM {
                ticks.extend([tick, -tick]);
                last = place;
            }
        }
        ticks
    }
}

/// An axis of time, in the unit that fits.
pub(super) struct TimeAxis {
    length_s: f64,
    left: f64,
    width: f64,
    unit: (&'static str, f64),
}

impl TimeAxis {
    pub(super) fn new(length_s: f64, [left, right]: [f64; 2]) -> Self {
        const UNITS: [(&str, f64); 4] =
            [("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0)];
        let fits = |unit: &&(&str, f64)| length_s >= 3.0 * unit.1;
        let unit = UNITS.iter().find(fits).copied().unwrap_or(("seconds", 1.0));
        Self { length_s: length_s.max(f64::MIN_POSITIVE), left, width: right - left, unit }
    }

    pub(super) const fn unit(&self) -> &'static str {
        self.unit.0
    }

    pub(super) fn place(&self, at_s: f64) -> f64 {
        self.left + self.width * at_s / self.length_s
    }

    /// Up to eleven round times, seconds, and what to write there in the axis's unit.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let length = self.length_s / self.unit.1;
        let decade = 10_f64.powf((length / 10.0).log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * decade);
        let step = steps.into_iter().find(|step| length / step <= 10.0).unwrap_or(10.0 * decade);
        let decimals = (-(step.log10() + 1e-9).floor()).clamp(0.0, 6.0) as usize;
        let count = (length / step * (1.0 + 1e-9)).floor() as u32;
        (0..=count)
            .map(|n| f64::from(n) * step)
            .map(|value| (value * self.unit.1, format!("{value:.decimals$}")))
            .collect()
    }
}

#[cfg(test)]
mod tests;
