//! `chimer check`: reads a configuration as the daemon would, and says what is wrong or unwise about it.

use std::io::Read;
use std::path::{Path, PathBuf};

use chimerd::Disk;
use clap::Args;
use serde::Serialize;
use truechimer_config::import::{Dialect, import};
use truechimer_config::keys::parse_keys;
use truechimer_config::{Diagnostic, MAX_BYTES, Parsed, Severity, lint};
use truechimer_sys::files;

use crate::cli::OutputArgs;
use crate::human;
use crate::outcome::{FAILED, Failure, OK, Outcome, Style, USAGE, to_json};

#[cfg(test)]
mod tests;

/// Arguments.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Nothing is started or changed, and no daemon is needed. The key file and the folders of \
sources, if they are named, are looked at too. Each finding has the identifier of its rule: C... makes the \
file unusable, L... is advice, with the document that gives it.
A file of another program (chrony.conf, ntp.conf, ntpd.conf, timesyncd.conf, ntp.toml) is known by its name and checked as it would be run or imported; what of it \
cannot be done here is a warning at its line.

Exit status:
  0  the file can be used (there may be warnings)
  1  with --strict: there are warnings
  2  the file cannot be used

Examples:
  chimer check
  chimer check --strict new.toml && sudo mv new.toml /etc/truechimer/chimer.toml
  chimer check --json - < new.toml | jq '.findings[].rule'
  chimer check /etc/chrony/chrony.conf")]
pub struct CheckArgs {
    /// The file; - is standard input
    #[arg(value_name = "FILE", default_value = crate::cli::DEFAULT_CONFIG)]
    pub file: PathBuf,
    /// Warnings are failures
    #[arg(long)]
    pub strict: bool,
    /// Whose file it is, if not ours [default: seen by its name]
    #[arg(long, value_name = "DIALECT", value_parser = crate::commands::import::dialects())]
    pub dialect: Option<String>,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Checked<'a> {
    file: String,
    /// Whose it is, if it is not ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    dialect: Option<Dialect>,
    /// Whether the daemon would start with it.
    usable: bool,
    errors: usize,
    warnings: usize,
    findings: &'a [Diagnostic],
}

/// Checks.
///
/// # Errors
/// None in practice: see [`to_json`].
pub fn check(args: &CheckArgs) -> Result<Outcome, Failure> {
    let name = match args.file.to_str() {
        Some("-") => "standard input".into(),
        _ => args.file.display().to_string(),
    };
    // By its name only, as the daemon does: what a file of ours says may look like anything while it is being written.
    let dialect = match &args.dialect {
        Some(word) => Dialect::from_name(word),
        None => Dialect::recognise(&name, ""),
    };
    let findings = match (read(&args.file), dialect) {
        (Ok(bytes), Some(dialect)) => foreign_findings(&bytes, &name, dialect),
        (Ok(bytes), None) => findings(&bytes, &name),
        (Err(error), _) => vec![truechimer_config::unreadable(&name, &error)],
    };
    let subject = Subject { name: &name, dialect };
    report(&findings, &subject, args.strict, Style::of_stdout(args.output.json))
}

/// What was checked.
struct Subject<'a> {
    name: &'a str,
    dialect: Option<Dialect>,
}

/// What is wrong with the file or, if nothing is, the advice about it.
fn findings(bytes: &[u8], name: &str) -> Vec<Diagnostic> {
    truechimer_config::parse_bytes(bytes, name).map_or_else(|errors| errors, advice)
}

/// The advice about a file and about those that it names, in the order of the file.
fn advice(mut parsed: Parsed) -> Vec<Diagnostic> {
    match with_keys(&mut parsed) {
        Ok(mut findings) => {
            let faults = chimerd::inspect_nts_files(&parsed.config, jiff::Timestamp::now().as_second());
            findings.extend(faults.iter().map(|fault| parsed.file_fault(fault)));
            findings.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
            findings
        }
        Err(errors) => errors,
    }
}

/// The same of another program's file: it is imported in memory.
fn foreign_findings(bytes: &[u8], name: &str, dialect: Dialect) -> Vec<Diagnostic> {
    if bytes.len() > MAX_BYTES {
        return truechimer_config::parse_bytes(bytes, name).err().unwrap_or_default();
    }
    let imported = import(&String::from_utf8_lossy(bytes), name, dialect, &Disk);
    let mut parsed = match imported.parsed(name) {
        Ok(parsed) => parsed,
        Err(errors) => return errors,
    };
    // Packages name a key file that is not always there.
    if parsed.config.paths.keys.as_ref().is_some_and(|path| !path.exists()) && !parsed.config.needs_keys() {
        parsed.config.paths.keys = None;
    }
    imported.merge(advice(parsed), name)
}

/// The advice, with that about the key file if there is one and whoever asks may read it.
fn with_keys(parsed: &mut Parsed) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let Some(path) = parsed.config.paths.keys.clone() else { return Ok(with_folders(parsed)) };
    match files::read_secret(&path, MAX_BYTES) {
        Ok((bytes, exposed)) => {
            let file = parse_keys(&bytes, &path.display().to_string(), exposed)?;
            parsed.take_keys(file)?;
            Ok(with_folders(parsed))
        }
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            let mut findings = with_folders(parsed);
            findings.push(parsed.keys_unchecked(&error));
            Ok(findings)
        }
        Err(error) => Err(vec![parsed.keys_unreadable(&error)]),
    }
}

/// The advice, with that about the files of `daemon.source_dirs`.
fn with_folders(parsed: &mut Parsed) -> Vec<Diagnostic> {
    parsed.take_folders(&Disk);
    lint(parsed)
}

fn report(
    findings: &[Diagnostic],
    subject: &Subject<'_>,
    strict: bool,
    style: Style,
) -> Result<Outcome, Failure> {
    let Subject { name, dialect } = *subject;
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let status = match (errors, warnings) {
        (1.., _) => USAGE,
        (0, 1..) if strict => FAILED,
        _ => OK,
    };
    if style.json {
        let checked = Checked { file: name.into(), dialect, usable: errors == 0, errors, warnings, findings };
        return Ok(Outcome { text: to_json(&checked)?, remarks: String::new(), status });
    }
    let mut text = String::new();
    for finding in findings {
        text.push_str(&human::clean_coloured(&finding.render(style.paint.0)));
        text.push_str("\n\n");
    }
    let name = match dialect {
        Some(dialect) => format!("{} ({dialect})", human::clean(name)),
        None => human::clean(name),
    };
    text.push_str(&match (errors, warnings) {
        (0, 0) => format!("{name}: good.\n"),
        (0, _) => format!("{name}: usable, with {}.\n", human::count(warnings as u64, "warning")),
        _ => format!("{name}: cannot be used: {}.\n", human::count(errors as u64, "error")),
    });
    Ok(Outcome { text, remarks: String::new(), status })
}

/// The file's bytes, at most one more than a configuration may have.
pub(crate) fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let source: Box<dyn Read> = if file == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(file)?)
    };
    let mut bytes = Vec::new();
    source.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
