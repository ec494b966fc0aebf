//! The table of directives as Markdown, for `docs/chrony.md`.

use super::directives::{DIRECTIVES, Directive, LIMIT_OPTIONS, LOCAL_OPTIONS, SOURCE_OPTIONS};
use super::syntax::shown;

/// The tables of directives and options. `docs/chrony.md` contains them, and a test keeps it so.
pub fn markdown() -> String {
    let mut out = String::new();
    let tables = [
        ("Directives", DIRECTIVES),
        ("Options of `server`, `pool` and `peer`", SOURCE_OPTIONS),
        ("Options of `local`", LOCAL_OPTIONS),
        ("Options of `ratelimit`, `ntsratelimit` and `cmdratelimit`", LIMIT_OPTIONS),
    ];
    for (title, table) in tables {
        out += &format!("### {title}\n\n| chrony.conf | honoured | how |\n|---|---|---|\n");
        out.extend(table.iter().map(row));
        out.push('\n');
    }
    out
}

fn row(entry: &Directive) -> String {
    let (word, how) = entry.capability.words();
    let arguments = shown(entry.arguments);
    let space = if arguments.is_empty() { "" } else { " " };
    format!("| `{}{space}{arguments}` | {word} | {how} |\n", entry.name)
}
