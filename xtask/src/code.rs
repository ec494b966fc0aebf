//! What of a Rust file is code: the text without its comments and the contents of its literals.

/// Blanks out comments (nested ones too), strings of every kind and characters; what stays keeps its line.
pub(crate) fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = code.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
        let skipped = skipped_len(rest, word);
        let (gone, after) = rest.split_at(if skipped > 0 { skipped } else { first.len_utf8() });
        if skipped > 0 {
            code.push(' ');
            code.extend(gone.chars().filter(|c| *c == '\n'));
        } else {
            code.push_str(gone);
        }
        rest = after;
    }
    code
}

/// How many bytes at the start of `rest` are no code; `word` says that they follow a letter or digit.
fn skipped_len(rest: &str, word: bool) -> usize {
    match rest.as_bytes() {
        [b'/', b'/', ..] => rest.find('\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment_len(rest),
        [b'"', ..] => string_len(rest, 1),
        [b'b' | b'c', b'"', ..] if !word => string_len(rest, 2),
        [b'r', ..] if !word => raw_string_len(rest, 1),
        [b'b' | b'c', b'r', ..] if !word => raw_string_len(rest, 2),
        [b'\'', ..] => character_len(rest),
        _ => 0,
    }
}

fn block_comment_len(rest: &str) -> usize {
    let mut depth = 0_u32;
    let mut at = 0;
    while let Some(tail) = rest.get(at..).filter(|tail| !tail.is_empty()) {
        let step = if tail.starts_with("/*") {
            depth += 1;
            2
        } else if tail.starts_with("*/") {
            depth -= 1;
            2
        } else {
            tail.chars().next().map_or(1, char::len_utf8)
        };
        at += step;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn string_len(rest: &str, opening: usize) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(opening) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#`; a raw identifier (`r#type`) is code.
fn raw_string_len(rest: &str, prefix: usize) -> usize {
    let tail = rest.get(prefix..).unwrap_or_default();
    let hashes = tail.len() - tail.trim_start_matches('#').len();
    let Some(inside) = tail.get(hashes..).and_then(|tail| tail.strip_prefix('"')) else { return 0 };
    let end = format!("\"{}", "#".repeat(hashes));
    let opening = prefix + hashes + 1;
    inside.find(&end).map_or(rest.len(), |at| opening + at + end.len())
}

/// A character literal; a lifetime is code.
fn character_len(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some(_)) => chars.find(|(_, c)| *c == '\'').map_or(rest.len(), |(at, _)| at + 1),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::code_only;

    #[test]
    fn literals_and_comments_are_no_code() {
        for text in [
            "\"secret\"",
            "\"a \\\" secret\"",
            "b\"secret\"",
            "r#\"a \" secret\"#",
            "br##\"a \"# secret\"##",
            "// secret",
            "/* a /* b */ secret */",
            "\"two\nlines secret\"",
        ] {
            assert!(!code_only(text).contains("secret"), "{text}");
        }
    }

    #[test]
    fn what_looks_like_a_literal_stays() {
        for text in [
            "fn f<'a>(secret: &'a str) {}",
            "'\"' secret '\"'",
            "'\\'' secret",
            "r#secret",
            "r\"\\\" secret",
            "\"\\\\\" secret",
            "\"// no comment\" secret",
            "for secret",
            "/* over */ secret",
        ] {
            assert!(code_only(text).contains("secret"), "{text}");
        }
    }

    #[test]
    fn lines_are_kept() {
        let text = "a\n\"b\nc\"\n/* d\n*/ e // f\ng";
        assert_eq!(code_only(text).lines().count(), text.lines().count());
        assert_eq!(code_only(text).lines().nth(4).map(str::trim), Some("e"));
    }
}
