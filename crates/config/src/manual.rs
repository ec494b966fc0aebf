//! The manual out of the table of keys: Markdown for `docs/config.md`, roff for `chimer.toml(5)`.

use crate::reference::{CONFIGURATION, KEYS, Key, SECTIONS, Schema, Section};
use crate::rules::RULES;

/// The tables of keys and rules as Markdown. `docs/config.md` contains them, and a test keeps it so.
pub fn markdown() -> Markdown {
    Markdown { keys: keys_markdown(&CONFIGURATION), rules: rules_markdown() }
}

/// Generated parts of the manual.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Markdown {
    /// Every section with its keys.
    pub keys: String,
    /// Every rule.
    pub rules: String,
}

fn keys_of(section: &Section) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(|key| key.section == section.name)
}

/// The sections and keys of a format as Markdown.
pub fn keys_markdown(schema: &Schema) -> String {
    let mut out = String::new();
    for section in schema.sections {
        out += &format!("### `{}`\n\n{}\n\n", schema.heading(section.name), section.about);
        out += "| key | value | default | meaning |\n|---|---|---|---|\n";
        for key in schema.keys().filter(|key| key.section == section.name) {
            let kind = key.kind.describe();
            let default = if key.default.is_empty() { "—" } else { key.default };
            out += &format!("| `{}` | {kind} | {default} | {} |\n", key.name, key.about);
        }
        out.push('\n');
    }
    out
}

fn rules_markdown() -> String {
    let mut out = String::from("| rule | severity | what holds | source |\n|---|---|---|---|\n");
    for rule in RULES {
        let clause = rule.clause.unwrap_or("");
        out += &format!("| {} | {} | {} | {clause} |\n", rule.id, rule.severity, rule.title);
    }
    out
}

/// The manual page `chimer.toml(5)` in roff.
pub fn man_page() -> String {
    let mut out = format!(".TH chimer.toml 5 \"\" \"Truechimer {}\"\n", env!("CARGO_PKG_VERSION"));
    out += ".SH NAME\nchimer.toml \\- configuration of the time daemon chimerd\n";
    out += ".SH SYNOPSIS\n.I /etc/truechimer/chimer.toml\n";
    out += ".SH DESCRIPTION\n";
    for line in DESCRIPTION {
        out += &format!("{}\n.PP\n", roff(line));
    }
    out += ".SH EXAMPLE\n.nf\n";
    out += &roff_lines(EXAMPLE);
    out += ".fi\n";
    for section in SECTIONS {
        out += &format!(".SH {}\n{}\n", roff(&CONFIGURATION.heading(section.name)), roff(section.about));
        for key in keys_of(section) {
            let example = if key.example.is_empty() { String::new() } else { format!(" = {}", key.example) };
            out += &format!(".TP\n\\fB{}\\fR{}\n", roff_raw(key.name), roff_raw(&example));
            out += &format!("{}\n", roff(key.about));
            let default =
                if key.default.is_empty() { String::new() } else { format!(" Default: {}.", key.default) };
            out += &format!("Value: {}.{}\n", roff(&key.kind.describe()), roff(&default));
        }
    }
    out += ".SH FILES\n.TP\n.I /etc/truechimer/chimer.toml\nThe configuration.\n";
    out += ".TP\n.I /var/lib/truechimer\nState that outlives a restart.\n";
    out += ".TP\n.I /run/truechimer\nThe sockets that chimer(1) talks to.\n";
    out += ".SH SEE ALSO\n.BR chimerd (8),\n.BR chimer (1)\n";
    out
}

const DESCRIPTION: &[&str] = &[
    "The file is TOML (https://toml.io). A key that does not exist, a value out of its range or of the wrong type \
     and keys that contradict each other make the daemon refuse the file; `chimer check FILE` shows every fault \
     with its line and what to write instead, and gives advice about a file that is legal.",
    "A duration is a string of a number and a unit: `ns`, `us`, `ms`, `s`, `m` (or `min`), `h`, `d`. A rate is a \
     string of a number and `ppm` or `ppb`. A poll interval is the exponent of a power of two in seconds.",
    "Every key has a default but those that name a source or a listener.",
];

const EXAMPLE: &str = r#"[[source]]
pool = "2.pool.ntp.org"

[[source]]
server = "ntp.example.net"
poll = { min = 4, max = 8 }

[serve]
listen = ["0.0.0.0:123", "[::]:123"]
allow = ["192.0.2.0/24", "2001:db8::/32"]

[clock]
step = { above = "1s", first = 3 }
panic = "1000s"
"#;

/// Text with Markdown's backticks turned into bold.
fn roff(text: &str) -> String {
    let mut out = String::new();
    for (index, part) in text.split('`').enumerate() {
        let part = roff_raw(part);
        if index % 2 == 1 { out += &format!("\\fB{part}\\fR") } else { out += &part }
    }
    guard(out)
}

/// Text with roff's special characters escaped.
fn roff_raw(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('…', "...").replace('—', "\\(em")
}

fn roff_lines(text: &str) -> String {
    text.lines().map(|line| guard(roff_raw(line)) + "\n").collect()
}

/// A line that begins with a dot or an apostrophe is a request; `\&` makes it text.
fn guard(line: String) -> String {
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line }
}

#[cfg(test)]
mod tests;
