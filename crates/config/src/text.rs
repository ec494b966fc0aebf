//! Words for messages.

/// In backticks, on one line, harmless to a terminal and of bearable length.
pub(crate) fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text.chars().take(LONGEST).flat_map(escape).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

fn escape(c: char) -> Vec<char> {
    // Quotes stay as they are; what moves the cursor or turns the direction of the line does not.
    if matches!(c, '"' | '\'' | '\\') { vec![c] } else { c.escape_debug().collect() }
}

/// The nearest of the words, if it is near enough to have been meant.
pub(crate) fn nearest<'w>(text: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    if text.len() > 40 {
        return None;
    }
    let plain = text.to_lowercase().replace('-', "_");
    let rated = words.into_iter().map(|word| {
        let distance = strsim::damerau_levenshtein(&plain, word);
        // Among equals, the one that begins alike is likelier: `pol` is `poll` rather than `pool`.
        (distance, strsim::jaro_winkler(&plain, word), word)
    });
    let (distance, _, word) = rated.min_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)))?;
    // Less than half of the letters may be wrong, so that `min` does not become `max`.
    (distance * 2 < word.chars().count().max(plain.chars().count())).then_some(word)
}

#[cfg(test)]
mod tests;
