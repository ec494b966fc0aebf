//! `chimer import`: turns another program's configuration into ours, and says what became of every line.

use std::path::PathBuf;

use chimerd::Disk;
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Serialize;
use truechimer_config::import::{Dialect, Imported, LineReport, Verdict, import as take_over};
use truechimer_config::{MAX_BYTES, rules};
use truechimer_sys::files;

use crate::cli::OutputArgs;
use crate::commands::check;
use crate::human;
use crate::outcome::{FAILED, Failure, OK, Outcome, Style, USAGE, to_json};
use crate::table::{Edge, Paint, Table, Tone};

#[cfg(test)]
mod tests;

/// A line of the report is not longer.
const WIDEST_LINE: usize = 60;

/// Arguments.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
The new configuration goes to standard output, the report to standard error: what became of every line that says something.
  kept        it holds as it is
  changed     it holds in another way
  ignored     nothing that is needed here: no harm is done
  not yet     we cannot do that yet; what happens instead is said
  impossible  there is not going to be such a thing; what to do is said
  wrong       the program that it is for would not accept it either
Files that the file includes are read as well. No daemon is needed, and nothing is started or changed.

Exit status:
  0  every line is kept, changed or ignored
  1  something is lost: not yet, or impossible
  2  the file cannot be read, nobody knows whose it is, or a line is wrong

Examples:
  chimer import /etc/chrony/chrony.conf
  chimer import /etc/ntp.conf --output chimer.toml
  chimer import - --dialect cisco < running-config
  chimer import --json /etc/chrony.conf | jq '.lines[] | select(.verdict == \"not-yet\")'")]
pub struct ImportArgs {
    /// The file; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Whose file it is [default: seen by its name and what it says]
    #[arg(long, value_name = "DIALECT", value_parser = dialects())]
    pub dialect: Option<String>,
    /// Write the new configuration into this file
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How to answer.
    #[command(flatten)]
    pub style: OutputArgs,
}

/// Names of dialects.
pub(crate) fn dialects() -> PossibleValuesParser {
    PossibleValuesParser::new(Dialect::ALL.iter().map(|dialect| dialect.name()))
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Told<'a> {
    file: &'a str,
    dialect: Dialect,
    /// Whether no line is wrong.
    usable: bool,
    lines: &'a [LineReport],
    /// Where the configuration was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<String>,
    toml: &'a str,
}

/// Imports.
///
/// # Errors
/// The file cannot be read, nobody knows whose it is, or the new one cannot be written.
pub fn import(args: &ImportArgs) -> Result<Outcome, Failure> {
    let name = match args.file.to_str() {
        Some("-") => "standard input".into(),
        _ => args.file.display().to_string(),
    };
    let failure = |message: String| Failure { status: USAGE, ..Failure::new("unreadable", message) };
    let bytes = check::read(&args.file)
        .map_err(|error| failure(format!("cannot read {}: {error}", human::clean(&name))))?;
    if bytes.len() > MAX_BYTES {
        return Err(failure(format!("{} is too large for a configuration", human::clean(&name))));
    }
    let text = String::from_utf8_lossy(&bytes);
    let dialect = match &args.dialect {
        Some(word) => Dialect::from_name(word),
        None => Dialect::recognise(&name, &text),
    };
    let names: Vec<_> = Dialect::ALL.iter().map(|dialect| dialect.name()).collect();
    let dialect = dialect.ok_or_else(|| {
        Failure::usage(format!("nothing tells whose configuration {} is", human::clean(&name)))
            .hint(format!("say it: --dialect {}", names.join("|")))
    })?;
    let imported = take_over(&text, &name, dialect, &Disk);
    let usable = imported.worst() != Verdict::Wrong;
    if let Some(path) = args.output.as_ref().filter(|_| usable) {
        let shown = human::clean(&path.display().to_string());
        files::write_atomic(path, imported.toml.as_bytes(), 0o644)
            .map_err(|error| Failure::new("io", format!("cannot write {shown}: {error}")))?;
    }
    report(args, &name, &imported, Style::of_stdout(args.style.json))
}

fn report(args: &ImportArgs, name: &str, imported: &Imported, style: Style) -> Result<Outcome, Failure> {
    let status = match imported.worst() {
        Verdict::Wrong => USAGE,
        verdict if verdict.is_loss() => FAILED,
        _ => OK,
    };
    let usable = status != USAGE;
    let written = args.output.as_ref().filter(|_| usable).map(|path| path.display().to_string());
    if style.json {
        let Imported { dialect, lines, toml, .. } = imported;
        let told = Told { file: name, dialect: *dialect, usable, lines, written, toml };
        return Ok(Outcome { text: to_json(&told)?, remarks: String::new(), status });
    }
    let text = if usable && written.is_none() { imported.toml.clone() } else { String::new() };
    Ok(Outcome { text, remarks: remarks(name, imported, written.as_deref()), status })
}

/// The report for people.
fn remarks(name: &str, imported: &Imported, written: Option<&str>) -> String {
    let lines: Vec<_> = imported.lines.iter().filter(|line| !line.is_blank()).collect();
    let mut table = Table::new(&[("Line", Edge::Right), ("Verdict", Edge::Left), ("Text", Edge::Left)]);
    let mut file = None;
    for line in &lines {
        let tone = match line.verdict {
            Verdict::Kept => Tone::Good,
            Verdict::Ignored | Verdict::Changed => Tone::Plain,
            Verdict::NotYet | Verdict::Impossible => Tone::Odd,
            Verdict::Wrong => Tone::Bad,
        };
        let place = match file {
            None if line.file == name => line.line.to_string(),
            Some(file) if file == line.file => line.line.to_string(),
            _ => format!("{}:{}", line.file, line.line),
        };
        file = Some(line.file.as_str());
        table.row(tone, vec![place, line.verdict.to_string(), short(line.text.trim())]);
        for how in &line.how {
            table.note(how);
        }
        for danger in &line.dangers {
            table.note(&format!("danger: {danger}"));
        }
    }
    let mut text = table.render(Paint(false));
    let verdicts = [
        Verdict::Kept,
        Verdict::Changed,
        Verdict::Ignored,
        Verdict::NotYet,
        Verdict::Impossible,
        Verdict::Wrong,
    ];
    let count = |verdict| lines.iter().filter(|line| line.verdict == verdict).count();
    let counted =
        verdicts.into_iter().map(|verdict| (count(verdict), verdict)).filter(|(count, _)| *count > 0);
    let counted: Vec<_> = counted.map(|(count, verdict)| format!("{count} {verdict}")).collect();
    let name = human::clean(name);
    text += &format!("{name} ({}): {}.\n", imported.dialect, counted.join(", "));
    let no_source = |found: &truechimer_config::Diagnostic| found.rule == rules::NO_SOURCE.id;
    if imported.parsed(&name).is_ok_and(|parsed| parsed.warnings.iter().any(no_source)) {
        text += "There is no source in it: the clock would never be corrected.\n";
    }
    if count(Verdict::Wrong) > 0 {
        text += "Nothing was written: correct the lines that are wrong.\n";
    } else if let Some(path) = written {
        text += &format!("Written: {}\n", human::clean(path));
    }
    text
}

fn short(text: &str) -> String {
    if text.chars().count() <= WIDEST_LINE {
        return text.to_owned();
    }
    text.chars().take(WIDEST_LINE - 1).chain(['…']).collect()
}
