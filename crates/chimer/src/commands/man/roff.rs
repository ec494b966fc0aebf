//! The little of roff that the pages need.

/// Text as roff: nothing in it is a request or an escape.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, line) in text.lines().enumerate() {
        if index > 0 {
            escaped.push('\n');
        }
        if line.starts_with(['.', '\'']) {
            escaped.push_str("\\&");
        }
        for c in line.chars() {
            match c {
                '\\' => escaped.push_str("\\e"),
                '-' => escaped.push_str("\\-"),
                c => escaped.push(c),
            }
        }
    }
    escaped
}

/// Help text of the command line: a block under a line like `Examples:` becomes a section of lines as they are, other
/// blocks become notes.
pub(super) fn help_sections(help: &str) -> String {
    let mut sections = String::new();
    let mut notes = String::new();
    for block in help.split("\n\n") {
        match block.split_once('\n') {
            Some((heading, body)) if heading.ends_with(':') => {
                let heading = heading.trim_end_matches(':').to_uppercase();
                sections.push_str(&format!(".SH {}\n.nf\n{}\n.fi\n", escape(&heading), escape(body)));
            }
            _ => notes.push_str(&format!(".PP\n{}\n", escape(block))),
        }
    }
    if notes.is_empty() { sections } else { format!(".SH NOTES\n{notes}{sections}") }
}
