//! `[clock]`.

use std::path::PathBuf;

use toml::de::DeValue;
use truechimer_engine::config::{ClockConfig, PanicLimits, StepPolicy};

use super::{path, set, word_of};
use crate::reader::{Item, Reader, Table};
use crate::reference::Kind;
use crate::rules;
use crate::text::{nearest, quote};

/// What `[clock]` says.
pub struct Clock {
    /// How the clock is steered.
    pub config: ClockConfig,
    /// Whether it is.
    pub control: bool,
    /// `None`: not said; `Some(None)`: none wanted.
    pub(crate) frequency_file: Option<Option<PathBuf>>,
    pub(crate) chrony_drift_file: Option<PathBuf>,
}

/// The section, with defaults where it says nothing or nothing legal.
pub fn read_clock(reader: &mut Reader, table: &Table<'_>) -> Clock {
    let mut config = ClockConfig::default();
    config.step = read_step(reader, table, config.step);
    config.panic = read_panic(reader, table, config.panic);
    set(&mut config.max_slew_rate, reader.rate(table, "max_slew"));
    set(&mut config.max_frequency, reader.rate(table, "max_frequency"));
    set(&mut config.max_drift, reader.rate(table, "max_drift"));
    set(&mut config.manual, reader.boolean(table, "manual"));
    set(&mut config.max_distance_s, reader.duration(table, "max_distance"));
    if let Some(item) = table.item("log_above") {
        set(&mut config.log_above_s, reader.duration_or_word(&item));
    }
    Clock {
        config,
        control: reader.boolean(table, "control").unwrap_or(true),
        frequency_file: path(reader, table, "frequency_file"),
        chrony_drift_file: path(reader, table, "chrony_drift_file").flatten(),
    }
}

fn read_step(reader: &mut Reader, table: &Table<'_>, default: StepPolicy) -> StepPolicy {
    let Some(item) = table.item("step") else { return default };
    match word_of(&item) {
        Some("never") => return StepPolicy { above_s: None, first: Some(0) },
        Some("always") => return StepPolicy { first: None, ..default },
        Some(text) => {
            let help = match nearest(text, ["never", "always"]) {
                Some(word) => format!("did you mean \"{word}\"?"),
                None => "write step = { above = \"1s\", first = 3 }, for instance".to_owned(),
            };
            let message = format!("`step` must be {}, not {}", item.key.kind.describe(), quote(text));
            let diagnostic = reader.at(&rules::BAD_WORD, &item.span, message).help(help);
            reader.push(diagnostic);
            return default;
        }
        None => {}
    }
    let Some(step) = reader.subtable(table, &item) else { return default };
    let above = reader.duration(&step, "above");
    let first = match reader.integer_or_word(&step, "first") {
        Some(Some(count)) => u32::try_from(count).ok(),
        Some(None) => None,
        None => default.first,
    };
    StepPolicy { above_s: above.or(default.above_s), first }
}

fn read_panic(reader: &mut Reader, table: &Table<'_>, default: PanicLimits) -> PanicLimits {
    let Some(item) = table.item("panic") else { return default };
    if !matches!(item.value, DeValue::Table(_)) {
        return match read_single_panic(reader, &item) {
            Some(Some(limit)) => PanicLimits { forward_s: Some(limit), backward_s: Some(limit), ..default },
            Some(None) => {
                PanicLimits { forward_s: None, backward_s: None, start_s: None, accumulated_s: None }
            }
            None => default,
        };
    }
    let Some(panic) = reader.subtable(table, &item) else { return default };
    let mut limit = |name: &str, default: Option<f64>| {
        let item = panic.item(name);
        item.and_then(|item| reader.duration_or_word(&item)).unwrap_or(default)
    };
    PanicLimits {
        forward_s: limit("forward", default.forward_s),
        backward_s: limit("backward", default.backward_s),
        start_s: limit("start", default.start_s),
        accumulated_s: limit("accumulated", default.accumulated_s),
    }
}

/// `panic = "1000s"` is judged like `panic.forward`, of which it is the short form.
fn read_single_panic(reader: &mut Reader, item: &Item<'_>) -> Option<Option<f64>> {
    let forward = reader.schema.find("clock", "panic.forward")?;
    match (item.value, forward.kind) {
        (DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_), Kind::Duration { .. }) => {
            reader.duration_or_word(&Item { key: forward, ..item.clone() })
        }
        _ => {
            reader.wrong_type(item, None);
            None
        }
    }
}
