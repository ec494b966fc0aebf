//! Durations and rates.

use toml::de::DeValue;

use super::{Item, Reader, Table};
use crate::diagnostic::Diagnostic;
use crate::reference::Kind;
use crate::rules::{self, Rule};
use crate::text::quote;
use crate::units::{self, UnitError};

/// A kind of quantity.
struct Measure {
    rule: &'static Rule,
    units: &'static [(&'static str, f64)],
    /// The unit that is suggested.
    base: &'static str,
}

const TIME: Measure = Measure { rule: &rules::BAD_DURATION, units: units::DURATION_UNITS, base: "s" };
const RATE: Measure = Measure { rule: &rules::BAD_RATE, units: units::RATE_UNITS, base: "ppm" };

impl Reader {
    /// A duration in seconds; `Some(None)` stands for the word that the key knows instead.
    pub(crate) fn duration_or_word(&mut self, item: &Item<'_>) -> Option<Option<f64>> {
        let Kind::Duration { min, max, or } = item.key.kind else { return None };
        if let (DeValue::String(text), Some(word)) = (item.value, or)
            && text == word
        {
            return Some(None);
        }
        self.quantity(item, &TIME, min, max).map(Some)
    }

    /// A duration in seconds.
    pub fn duration(&mut self, table: &Table<'_>, name: &str) -> Option<f64> {
        let item = table.item(name)?;
        self.duration_or_word(&item).flatten()
    }

    /// A rate in seconds a second.
    pub fn rate(&mut self, table: &Table<'_>, name: &str) -> Option<f64> {
        let item = table.item(name)?;
        let Kind::Rate { min, max } = item.key.kind else { return None };
        self.quantity(&item, &RATE, min, max)
    }

    /// A number with a unit, in the base of the units.
    fn quantity(&mut self, item: &Item<'_>, measure: &Measure, min: f64, max: f64) -> Option<f64> {
        let Measure { rule, units, base } = *measure;
        let text = match item.value {
            DeValue::String(text) => text,
            DeValue::Integer(_) | DeValue::Float(_) => {
                let digits = self.written(&item.span).unwrap_or("1").to_owned();
                let message = format!("{} has no unit", item.name());
                let diagnostic = self.at(rule, &item.span, message).label("a bare number");
                self.push(diagnostic.help(format!("write it as a string with a unit: \"{digits}{base}\"")));
                return None;
            }
            _ => {
                self.wrong_type(item, None);
                return None;
            }
        };
        match units::parse(text, units) {
            Ok(value) if (min..=max).contains(&value) => Some(value),
            Ok(_) => {
                self.out_of_range(item);
                None
            }
            Err(error) => {
                let diagnostic = self.bad_quantity(item, measure, &error);
                self.push(diagnostic);
                None
            }
        }
    }

    fn bad_quantity(&self, item: &Item<'_>, measure: &Measure, error: &UnitError) -> Diagnostic {
        let Measure { rule, units, base } = *measure;
        let names: Vec<_> = units.iter().map(|(name, _)| *name).filter(|name| name.is_ascii()).collect();
        let (message, help) = match error {
            UnitError::NoNumber => (
                format!("{} must be {}", item.name(), item.key.kind.describe()),
                format!("write a number and one of the units {}, as \"1{base}\"", names.join(", ")),
            ),
            UnitError::BadNumber(number) => (
                format!("{} is not a number", quote(number)),
                format!("write decimal digits, with a fraction if need be: \"1.5{base}\""),
            ),
            UnitError::NoUnit(number) => {
                (format!("{} has no unit", item.name()), format!("write \"{number}{base}\" or another unit"))
            }
            UnitError::UnknownUnit(unit) => {
                (format!("there is no unit {}", quote(unit)), format!("the units are {}", names.join(", ")))
            }
        };
        self.at(rule, &item.span, message).label(format!("in {}", item.name())).help(help)
    }
}
