//! `chimer sim`: the engine that ships, in a simulated world that knows the truth.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use truechimer_sim::worlds::run_traced;
use truechimer_sim::{Outcome as Run, WorldSpec};

use crate::cli::OutputArgs;
use crate::human;
use crate::outcome::{Failure, Outcome, Style, to_json};
use crate::plot::{COLUMNS, draw};
use crate::table::{Edge, Facts, Paint, Table, Tone};

pub mod run;
pub mod score;
#[cfg(test)]
mod tests;

/// Arguments.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
A world is simulated oscillators, clocks, networks, servers and attackers. The daemon's own engine runs in it, many \
thousand times faster than time, and its errors and bounds are compared with the truth. The same seed gives the same \
run.

Examples:
  chimer sim list
  chimer sim world 'lan w1e-9 p6' --seed 7
  chimer sim score
  chimer sim run my-network.toml --plot my-network.svg")]
pub struct SimArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: SimCommand,
}

/// What to do with worlds.
#[derive(Clone, Debug, Subcommand)]
pub enum SimCommand {
    /// Name the worlds
    List(ListArgs),
    /// Run one
    #[command(after_help = "\
Exit status:
  0  the invariants held: above all, the true error never exceeded the reported bound
  1  one was broken; it says when, and how to repeat it
  2  there is no such world

Example:
  chimer sim world 'false3 p6' --seed 7 --json | jq .rms_time_s
  chimer sim world 'lan w1e-9 p6' --plot lan.svg")]
    World(WorldArgs),
    /// Run all over several seeds, against chrony's figures
    Score(score::ScoreArgs),
    /// Run a world of your own
    Run(run::RunArgs),
}

/// `chimer sim list`.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `chimer sim world`.
#[derive(Args, Clone, Debug)]
pub struct WorldArgs {
    /// Name of the world, as in: chimer sim list
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Seed of all that is random in it
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
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

impl SimArgs {
    /// How to answer.
    pub fn output(&self) -> OutputArgs {
        match &self.command {
            SimCommand::List(args) => args.output,
            SimCommand::World(args) => args.output,
            SimCommand::Score(args) => args.output,
            SimCommand::Run(args) => args.output,
        }
    }
}

/// Lists or runs.
///
/// # Errors
/// There is no world of that name.
pub fn sim(args: &SimArgs) -> Result<Outcome, Failure> {
    let style = Style::of_stdout(args.output().json);
    match &args.command {
        SimCommand::List(_) => list(style),
        SimCommand::World(args) => world(args, style),
        SimCommand::Score(args) => score::score(args, style),
        SimCommand::Run(args) => run::run(args, style),
    }
}

fn all_worlds() -> impl Iterator<Item = &'static WorldSpec> {
    truechimer_sim::worlds().iter().chain(truechimer_sim::hostile_worlds())
}

fn find(name: &str) -> Result<&'static WorldSpec, Failure> {
    truechimer_sim::find(name).ok_or_else(|| {
        let name = human::clean(name);
        Failure::usage(format!("there is no world {name:?}")).hint("chimer sim list names them")
    })
}

fn list(style: Style) -> Result<Outcome, Failure> {
    if style.json {
        let worlds: Vec<_> =
            all_worlds().map(|world| json!({ "name": world.name, "about": world.about })).collect();
        return to_json(&json!({ "worlds": worlds })).map(Outcome::ok);
    }
    let mut table = Table::new(&[("World", Edge::Left), ("What it is", Edge::Left)]);
    for world in all_worlds() {
        table.row(Tone::Plain, vec![world.name.into(), world.about.into()]);
    }
    Ok(Outcome::ok(table.render(style.paint)))
}

fn world(args: &WorldArgs, style: Style) -> Result<Outcome, Failure> {
    let spec = find(&args.name)?;
    let length_s = (spec.scenario)().length_s;
    let progress = progress_bar(args.quiet, length_s);
    let (run, trace) =
        run_traced(spec, args.seed, COLUMNS, |elapsed_s| progress.set_position(elapsed_s as u64));
    progress.finish_and_clear();
    if let Some(path) = &args.plot {
        write_plot(path, &draw(&run, spec.about, &trace))?;
    }
    let text = if style.json { to_json(&run)? } else { render(&run, spec.about, style.paint) };
    Ok(Outcome::judged(text, run.is_clean()))
}

fn write_plot(path: &Path, picture: &str) -> Result<(), Failure> {
    std::fs::write(path, picture)
        .map_err(|error| Failure::new("io", format!("cannot write {}: {error}", path.display())))
}

/// It is on standard error, and nowhere if that is no terminal.
fn progress_bar(quiet: bool, length_s: f64) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length_s as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent} % of the world's time") {
        bar.set_style(style);
    }
    bar.tick();
    bar
}

fn render(run: &Run, about: &str, paint: Paint) -> String {
    let against_chrony =
        |ratio: Option<f64>| ratio.map_or_else(String::new, |ratio| format!(" ({ratio:.2} of chrony's)"));
    let mut facts = Facts::default();
    facts.add("World", format!("{}: {about}", run.world));
    facts.add("Length", format!("{}, seed {}", human::span(run.length_s), run.seed));
    facts.add("Time error", format!("{} RMS{}", human::span(run.rms_time_s), against_chrony(run.ratio_time)));
    facts.add("Largest", human::span(run.max_time_s));
    let frequency = human::ppm(run.rms_frequency * 1e6);
    let frequency = frequency.trim_start_matches('+');
    facts.add("Frequency error", format!("{frequency} RMS{}", against_chrony(run.ratio_freq)));
    if let Some(bound) = run.median_bound_s {
        facts.add("Median bound", format!("{}{}", human::span(bound), against_chrony(run.ratio_bound)));
    }
    if let Some(settled) = run.settle_s {
        facts.add("Settled", format!("under 1 ms after {}", human::span(settled)));
    }
    facts.add("Requests", format!("{}{}", run.packets, against_chrony(run.ratio_packets)));
    facts.add("Steps", run.steps.to_string());
    if run.is_clean() {
        facts.toned("Invariants", Tone::Good, "all held");
    } else {
        let broken: u64 = run.invariants.values().map(|tally| tally.broken).sum();
        facts.toned("Invariants", Tone::Bad, format!("broken {broken} times"));
    }
    for violation in &run.violations {
        facts.toned("", Tone::Bad, violation.to_string());
    }
    facts.render(0, paint)
}
