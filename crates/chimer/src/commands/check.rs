//! `chimer check`: reads a configuration as the daemon would, and says what is wrong or unwise about it.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
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

Exit status:
  0  the file can be used (there may be warnings)
  1  with --strict: there are warnings
  2  the file cannot be used

Examples:
  chimer check
  chimer check --strict new.toml && sudo mv new.toml /etc/truechimer/chimer.toml
  chimer check --json - < new.toml | jq '.findings[].rule'")]
pub struct CheckArgs {
    /// The file; - is standard input
    #[arg(value_name = "FILE", default_value = crate::cli::DEFAULT_CONFIG)]
    pub file: PathBuf,
    /// Warnings are failures
    #[arg(long)]
    pub strict: bool,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Checked<'a> {
    file: String,
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
    let findings = match read(&args.file) {
        Ok(bytes) => findings(&bytes, &name),
        Err(error) => vec![truechimer_config::unreadable(&name, &error)],
    };
    report(&findings, &name, args.strict, Style::of_stdout(args.output.json))
}

/// What is wrong with the file or, if nothing is, the advice about it.
fn findings(bytes: &[u8], name: &str) -> Vec<Diagnostic> {
    match truechimer_config::parse_bytes(bytes, name) {
        Ok(mut parsed) => match with_keys(&mut parsed) {
            Ok(mut findings) => {
                let faults = chimerd::inspect_nts_files(&parsed.config, jiff::Timestamp::now().as_second());
                findings.extend(faults.iter().map(|fault| parsed.file_fault(fault)));
                findings
            }
            Err(errors) => errors,
        },
        Err(errors) => errors,
    }
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
    parsed.take_folders(&chimerd::Disk);
    lint(parsed)
}

fn report(findings: &[Diagnostic], name: &str, strict: bool, style: Style) -> Result<Outcome, Failure> {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let status = match (errors, warnings) {
        (1.., _) => USAGE,
        (0, 1..) if strict => FAILED,
        _ => OK,
    };
    if style.json {
        let checked = Checked { file: name.into(), usable: errors == 0, errors, warnings, findings };
        return Ok(Outcome { text: to_json(&checked)?, remarks: String::new(), status });
    }
    let mut text = String::new();
    for finding in findings {
        text.push_str(&human::clean_coloured(&finding.render(style.paint.0)));
        text.push_str("\n\n");
    }
    let name = human::clean(name);
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
