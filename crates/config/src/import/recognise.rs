//! Whose file it is.

use super::{Dialect, chrony};

/// The dialect of a file, by its name and then by its first words.
pub(super) fn dialect(name: &str, text: &str) -> Option<Dialect> {
    let base = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    if base.starts_with("chrony") || base.ends_with(".sources") {
        return Some(Dialect::Chrony);
    }
    by_words(text)
}

/// The first words of the lines that say something.
fn words(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let first = words.next().filter(|word| !word.starts_with(['#', '!', ';', '%']))?;
        Some((first, words.next()))
    })
}

/// By directives that only one program has.
fn by_words(text: &str) -> Option<Dialect> {
    const SHARED: &[&str] = &["server", "pool", "peer", "driftfile", "broadcast"];
    for (word, second) in words(text).take(1000) {
        if second == Some("=") || word.starts_with('[') {
            continue;
        }
        if chrony::find(word).is_some() && !SHARED.contains(&word.to_ascii_lowercase().as_str()) {
            return Some(Dialect::Chrony);
        }
    }
    None
}
