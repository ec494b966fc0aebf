//! The configurations that other programs' packages ship, and the examples of their manuals, are imported with no line
//! lost from the report and none taken for wrong.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use libtest_mimic::Arguments;
use truechimer_config::import::{Dialect, Imported, NoFiles, Verdict, import};
use truechimer_tests::layer::{Need, fetched, trial};
use truechimer_tests::process;

/// Files of a package, and the program that they are for.
struct Samples {
    package: &'static str,
    dialect: Dialect,
    files: &'static [&'static str],
    manual: &'static str,
    /// At least so many examples are in the manual.
    examples: usize,
}

const SAMPLES: &[Samples] = &[
    Samples {
        package: "chrony",
        dialect: Dialect::Chrony,
        files: &[
            "usr/share/chrony/chrony.conf",
            "usr/share/doc/chrony/examples/chrony.conf.example1",
            "usr/share/doc/chrony/examples/chrony.conf.example2",
            "usr/share/doc/chrony/examples/chrony.conf.example3",
        ],
        manual: "usr/share/man/man5/chrony.conf.5.gz",
        examples: 100,
    },
    Samples {
        package: "ntpsec",
        dialect: Dialect::Ntp,
        files: &["etc/ntpsec/ntp.conf"],
        manual: "usr/share/man/man5/ntp.conf.5.gz",
        examples: 2,
    },
    Samples {
        package: "openntpd",
        dialect: Dialect::Openntpd,
        files: &["etc/openntpd/ntpd.conf"],
        manual: "usr/share/man/man5/ntpd.conf.5.gz",
        examples: 10,
    },
    Samples {
        package: "timesyncd",
        dialect: Dialect::Timesyncd,
        files: &["etc/systemd/timesyncd.conf"],
        manual: "usr/share/man/man5/timesyncd.conf.5.gz",
        examples: 0,
    },
];

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for samples in SAMPLES {
        let needs = [Need::fetched(samples.package)];
        let name = |what: &str| format!("o8_{}_{what}", samples.package);
        trials.push(trial(name("files_as_shipped"), &needs, || as_shipped(samples)));
        trials.push(trial(name("files_with_every_setting"), &needs, || with_every_setting(samples)));
        trials.push(trial(name("examples_of_the_manual"), &needs, || of_the_manual(samples)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn path(samples: &Samples, file: &str) -> PathBuf {
    fetched().join(samples.package).join(file)
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Imports; every line must be there, none wrong, and our own parser must take what comes of it.
fn checked(samples: &Samples, text: &str, name: &str) -> Result<Imported, String> {
    let imported = import(text, name, samples.dialect, &NoFiles);
    if imported.lines.len() != text.split_inclusive('\n').count() {
        return Err(format!("{name}: lines are missing from the report"));
    }
    if let Some(line) = imported.lines.iter().find(|line| line.verdict == Verdict::Wrong) {
        return Err(format!(
            "{name}:{}: {:?} is taken for wrong: {}",
            line.line,
            line.text,
            line.how.join("; ")
        ));
    }
    if let Some(line) = imported.lines.iter().find(|line| line.verdict > Verdict::Kept && line.how.is_empty())
    {
        return Err(format!("{name}:{}: {:?}: nothing is said", line.line, line.text));
    }
    let first = |found: Vec<truechimer_config::Diagnostic>| {
        found.first().map(ToString::to_string).unwrap_or_default()
    };
    truechimer_config::parse(&imported.toml, name).map_err(|found| format!("{name}: {}", first(found)))?;
    Ok(imported)
}

fn as_shipped(samples: &Samples) -> Result<(), String> {
    for file in samples.files {
        let text = read(&path(samples, file))?;
        let imported = checked(samples, &text, file)?;
        if Dialect::recognise(file, &text) != Some(samples.dialect) {
            return Err(format!("{file}: nobody knows whose it is"));
        }
        println!("{file}: {} lines, worst: {}", imported.lines.len(), imported.worst());
    }
    Ok(())
}

/// The files with the settings that stand in comments in force: `#key` and `! key`, one at a time.
fn with_every_setting(samples: &Samples) -> Result<(), String> {
    let mut settings = 0;
    for file in samples.files {
        for (index, line) in read(&path(samples, file))?.lines().enumerate() {
            let Some(setting) = setting(samples.dialect, line) else { continue };
            let text = match samples.dialect {
                Dialect::Timesyncd => format!("[Time]\n{setting}\n"),
                _ => format!("{setting}\n"),
            };
            checked(samples, &text, &format!("{file} line {}", index + 1))?;
            settings += 1;
        }
    }
    println!("{settings} settings in comments");
    if settings == 0 { Err("no setting was found in a comment".into()) } else { Ok(()) }
}

/// A setting that a comment holds, if it is one and no sentence.
fn setting(dialect: Dialect, line: &str) -> Option<&str> {
    let rest = match dialect {
        Dialect::Chrony => line.strip_prefix("! ").or_else(|| line.strip_prefix('#'))?,
        _ => line.strip_prefix('#')?,
    };
    let first = rest.split([' ', '=']).next().filter(|word| !word.is_empty())?;
    let sentence = rest.ends_with(['.', ',', ':']) || (dialect != Dialect::Chrony && rest.starts_with(' '));
    let tried = if dialect == Dialect::Openntpd { rest } else { first };
    let known = import(&format!("{tried}\n"), "", dialect, &NoFiles);
    let is_directive = !known.lines.iter().any(|line| line.how.iter().any(|how| is_unknown(how)));
    (!sentence && is_directive && (dialect != Dialect::Timesyncd || rest.contains('='))).then_some(rest)
}

fn is_unknown(how: &str) -> bool {
    how.contains("has no directive") || how.contains("has no line")
}

/// Examples of the manual: the lines that stand as they are in its source, those that begin with a directive.
fn of_the_manual(samples: &Samples) -> Result<(), String> {
    let page = process::run(Command::new("zcat").arg(path(samples, samples.manual)))?;
    let (mut inside, mut examples) = (false, 0);
    for line in page.lines() {
        let literal = line.strip_prefix(".Dl ");
        match line.split(' ').next() {
            Some(".nf" | ".Bd") => inside = true,
            Some(".fi" | ".Ed") => inside = false,
            _ if (!inside || line.starts_with('.')) && literal.is_none() => {}
            _ => {
                let text =
                    literal.unwrap_or(line).replace("\\-", "-").replace("\\(aq", "'").replace("\\&", "");
                let text = text.replace("\\e", "\\").replace("\\fI", "").replace("\\fR", "");
                let imported = import(&text, "", samples.dialect, &NoFiles);
                let how = imported.lines.iter().flat_map(|line| &line.how);
                let absent = |how: &str| how.starts_with("cannot read") || how.starts_with("cannot look for");
                let mut unreadable = how.filter(|how| is_unknown(how) || absent(how));
                if unreadable.next().is_some() || text.trim().is_empty() {
                    continue; // what another program says, or a file that is not there
                }
                checked(samples, &text, &format!("{}: {text}", samples.manual))?;
                examples += 1;
            }
        }
    }
    println!("{examples} examples");
    if examples < samples.examples { Err(format!("there are only {examples} examples")) } else { Ok(()) }
}
