//! `chimer sim run`: a world of the user's own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use truechimer_engine::Event;
use truechimer_sim::trace::Trace;
use truechimer_sim::worlds::run_scenario;
use truechimer_sim::{Happening, Outcome as Run};

use crate::cli::OutputArgs;
use crate::human;
use crate::outcome::{Failure, Outcome, Style, USAGE, terminal_width, to_json};
use crate::plot::{COLUMNS, draw};
use crate::world_file::{self, WorldFile};

#[cfg(test)]
mod tests;

/// Happenings that are shown.
const SHOWN: usize = 20;

/// Arguments.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
A world file is TOML, with times and rates as in the daemon's configuration:

  [world]
  length = \"2d\"

  [oscillator]
  frequency = \"-25ppm\"
  wander = 1e-9                     # random walk, per √s

  [[server]]
  delay = { base = \"10ms\", jitter = \"1ms\" }
  outages = [{ from = \"12h\", until = \"14h\" }]

  [[server]]
  up = { base = \"5ms\", jitter = \"2ms\" }
  down = { base = \"5ms\", jitter = \"0.5ms\" }
  loss = 0.02

Without a majority of servers that tell the truth no bound can hold, and the run says so. All keys are described in \
docs/simulator.md.

Exit status:
  0  the invariants held: above all, the true error never exceeded the reported bound
  1  one was broken; it says when
  2  the file cannot be used; it says where and why

Examples:
  chimer sim run my-network.toml --plot my-network.svg
  chimer sim run my-network.toml --seed 7 --json | jq .run.rms_time_s
  chimer sim run - < my-network.toml")]
pub struct RunArgs {
    /// The world; - is standard input
    #[arg(value_name = "FILE.toml")]
    pub file: PathBuf,
    /// Seed of all that is random in it [default: the file's]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Draw the true error and the bound over time as SVG
    #[arg(long, value_name = "FILE.svg")]
    pub plot: Option<PathBuf>,
    /// No progress line
    #[arg(long, short)]
    pub quiet: bool,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What came of it, as JSON.
#[derive(Serialize)]
struct Told<'a> {
    file: String,
    /// The figures, as of `chimer sim world`.
    run: &'a Run,
    /// The first things that happened.
    happenings: Vec<ToldHappening>,
}

#[derive(Serialize)]
struct ToldHappening {
    at_s: f64,
    what: String,
}

/// Runs it.
///
/// # Errors
/// The file cannot be used, or the plot not be written.
pub fn run(args: &RunArgs, style: Style) -> Result<Outcome, Failure> {
    let name =
        if args.file == Path::new("-") { "standard input".into() } else { args.file.display().to_string() };
    let WorldFile { scenario, seed } = match read(&args.file, &name) {
        Ok(world) => world,
        Err(findings) => return refuse(&findings, &name, style),
    };
    let seed = args.seed.unwrap_or(seed);
    let title =
        args.file.file_stem().map_or_else(|| name.clone(), |stem| stem.to_string_lossy().into_owned());
    let progress = super::progress_bar(args.quiet, scenario.length_s);
    let repeat = format!("chimer sim run {name} --seed {seed}");
    let (run, trace): (Run, Trace) = run_scenario(&title, scenario, seed, repeat, COLUMNS, |elapsed_s| {
        progress.set_position(elapsed_s as u64)
    });
    progress.finish_and_clear();
    if let Some(path) = &args.plot {
        super::write_plot(path, &draw(&run, "the clock's error and its bound", &trace))?;
    }
    let text = if style.json {
        let happenings = run.happenings.iter().map(ToldHappening::new).collect();
        to_json(&Told { file: name, run: &run, happenings })?
    } else {
        let mut text = super::render(&run, "a world of your own", style.paint);
        text.push_str(&story(&run));
        if let Some(report) = &run.report {
            text.push_str(&format!(
                "\nSources at the end\n{}",
                crate::render::sources(report, style.paint, terminal_width())
            ));
        }
        text
    };
    Ok(Outcome::judged(text, run.is_clean()))
}

fn read(file: &Path, name: &str) -> Result<WorldFile, Vec<truechimer_config::Diagnostic>> {
    let bytes = crate::commands::check::read(file);
    let help = "chimer sim run --help shows what is in such a file";
    let bytes = bytes.map_err(|error| vec![truechimer_config::unreadable(name, &error).help(help)])?;
    world_file::parse(&bytes, name)
}

/// The findings, and the exit status of a file that cannot be used.
fn refuse(findings: &[truechimer_config::Diagnostic], name: &str, style: Style) -> Result<Outcome, Failure> {
    if style.json {
        let text = to_json(&serde_json::json!({ "file": name, "usable": false, "findings": findings }))?;
        return Ok(Outcome { text, remarks: String::new(), status: USAGE });
    }
    let mut text = String::new();
    for finding in findings {
        text.push_str(&human::clean_coloured(&finding.render(style.paint.0)));
        text.push_str("\n\n");
    }
    let errors = human::count(findings.len() as u64, "error");
    text.push_str(&format!("{}: cannot be run: {errors}.\n", human::clean(name)));
    Ok(Outcome { text, remarks: String::new(), status: USAGE })
}

impl ToldHappening {
    fn new(happening: &Happening) -> Self {
        let (_, what) = chimerd::journal::describe(&happening.event);
        Self { at_s: happening.at_s, what }
    }
}

/// What happened, in the words of the daemon's journal. A source that becomes the system peer again is no news.
fn story(run: &Run) -> String {
    let mut text = String::from("\nWhat happened\n");
    let mut selected = BTreeSet::new();
    let news = run.happenings.iter().filter(|happening| match &happening.event {
        Event::Selected { source } => selected.insert(source),
        _ => true,
    });
    for happening in news.take(SHOWN).map(ToldHappening::new) {
        text.push_str(&format!("  {:>9}  {}\n", human::span(happening.at_s), human::clean(&happening.what)));
    }
    if run.events.is_empty() {
        text.push_str("  nothing worth a line in the journal\n");
    } else {
        text.push_str(&format!("  in all: {}\n", counts(run)));
    }
    text
}

/// `Falseticker 1, Selected 12`.
fn counts(run: &Run) -> String {
    let counts: Vec<String> = run.events.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    counts.join(", ")
}
