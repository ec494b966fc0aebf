//! What must not come into a report: keys and passwords of another program's file.

/// Words after which the rest of a line is a secret.
const BEFORE_SECRETS: &[&str] = &["authentication-key", "key-string", "password", "secret", "pw"];

/// The line with what may be a secret in it covered by as many bytes of `*`, so that places in it stay what they are.
pub(super) fn covered(line: &str) -> String {
    let Some((before, secret)) = parts(line) else { return line.to_owned() };
    let cover = |c: char| if c.is_whitespace() { c.to_string() } else { "*".repeat(c.len_utf8()) };
    before.chars().map(String::from).chain(secret.chars().map(cover)).collect()
}

/// The line without what may be a secret in it.
pub(super) fn hidden(line: &str) -> String {
    parts(line).map_or_else(|| line.to_owned(), |(before, _)| format!("{before}***"))
}

/// A line before what may be a secret in it, and that.
///
/// A line that begins with a number is one of a key file, which somebody includes or imports by mistake: no directive of
/// any dialect does.
fn parts(line: &str) -> Option<(&str, &str)> {
    let mut words = words(line);
    let number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    let from = match words.next() {
        Some((_, word)) if number(word) => words.next(),
        Some((_, word)) if word.starts_with(['#', '!', ';', '%']) => None,
        Some((_, first)) => {
            let named = |word: &str| BEFORE_SECRETS.iter().any(|name| name.eq_ignore_ascii_case(word));
            let found = named(first) || words.any(|(_, word)| named(word));
            match words.next().filter(|_| found) {
                // The number of the key.
                Some((_, word)) if number(word) => words.next(),
                next => next,
            }
        }
        None => None,
    };
    line.split_at_checked(from?.0)
}

/// Words with the places where they begin.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let word = rest.trim_start();
        let start = line.len() - word.len();
        let (word, after) = word.split_at(word.find(char::is_whitespace).unwrap_or(word.len()));
        rest = after;
        (!word.is_empty()).then_some((start, word))
    })
}

#[cfg(test)]
mod tests;
