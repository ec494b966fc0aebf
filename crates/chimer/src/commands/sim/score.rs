//! `chimer sim score`: every world over several seeds, against chrony's figures and the goals.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use truechimer_sim::WorldSpec;
use truechimer_sim::score::{Row, Scoreboard, run_all};

use crate::cli::OutputArgs;
use crate::human;
use crate::outcome::{Failure, Outcome, Style, terminal_width, to_json};
use crate::plot::{COLUMNS, draw};
use crate::table::{Edge, Narrow, Paint, Table, Tone};

#[cfg(test)]
mod tests;

/// Seeds when nothing is said.
const SEEDS: u64 = 3;

/// Arguments.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Every honest world is run with several seeds, and the medians are held against those of chronyd in the same worlds. \
A ratio below 1 is better than chrony.

Columns:
  RMS        RMS time error of the clock; Max is the largest
  Freq       RMS frequency error, slews included
  Sent       requests
  Settled    from when on the error stayed under 1 ms
  Bound      median of the reported error bound
  of chrony  time (with its goal), frequency, requests and bound as ratios to chrony's;
             where chrony was not measured, = marks the ratio to the best known time error
  Verdict    what misses its goal: time, freq, sent, bound, max, settle; VIOLATED is an
             error that exceeded the bound

Exit status:
  0  every row meets its goal, and no error exceeded its bound
  1  some row does not; it says which and why
  2  there is no such world

Examples:
  chimer sim score                                      all worlds, three seeds
  chimer sim score --seeds 7                            as the published table
  chimer sim score --world 'lan w1e-9 p6' --seed 4
  chimer sim score --world 'outage p6' --plot outage.svg
  chimer sim score --json | jq '.worlds[] | {world, ratio_time}'")]
pub struct ScoreArgs {
    /// How many seeds [default: 3, or 1 if --seed is given]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub seeds: Option<u64>,
    /// The first seed; others follow it [default: 1]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(..=u64::MAX - 1000))]
    pub seed: Option<u64>,
    /// Only this world; can be given several times
    #[arg(long, value_name = "NAME")]
    pub world: Vec<String>,
    /// Draw the true error and the bound over time as SVG: of one world, and of its first seed
    #[arg(long, value_name = "FILE.svg", requires = "world")]
    pub plot: Option<PathBuf>,
    /// How many runs at once [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
    /// No progress
    #[arg(long, short)]
    pub quiet: bool,
    /// How to answer.
    #[command(flatten)]
    pub output: OutputArgs,
}

impl ScoreArgs {
    fn seeds(&self) -> Vec<u64> {
        let first = self.seed.unwrap_or(1);
        let count = self.seeds.unwrap_or(if self.seed.is_some() { 1 } else { SEEDS });
        (first..).take(count as usize).collect()
    }

    fn worlds(&self) -> Result<Vec<&'static WorldSpec>, Failure> {
        if self.world.is_empty() {
            return Ok(truechimer_sim::worlds().iter().collect());
        }
        self.world.iter().map(|name| super::find(name)).collect()
    }

    fn threads(&self) -> usize {
        match self.threads {
            Some(threads) => usize::from(threads),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// Runs and judges.
///
/// # Errors
/// There is no world of that name.
pub fn score(args: &ScoreArgs, style: Style) -> Result<Outcome, Failure> {
    let (worlds, seeds) = (args.worlds()?, args.seeds());
    if let Some(path) = &args.plot {
        plot(path, &worlds, &seeds)?;
    }
    let progress = Progress::new(args.quiet, worlds.len() * seeds.len());
    let outcomes = run_all(&worlds, &seeds, args.threads(), |done, run| {
        progress.tell(done, &run.world, run.seed);
    });
    progress.finish();
    let board = Scoreboard::new(&worlds, &seeds, &outcomes);
    let text = if style.json { to_json(&board)? } else { render(&board, style.paint) };
    Ok(Outcome::judged(text, board.met))
}

/// Draws the first run of the one world.
fn plot(path: &Path, worlds: &[&'static WorldSpec], seeds: &[u64]) -> Result<(), Failure> {
    let ([world], Some(&seed)) = (worlds, seeds.first()) else {
        return Err(Failure::usage("--plot draws one world").hint("give --world once"));
    };
    let (run, trace) = truechimer_sim::worlds::run_traced(world, seed, COLUMNS, |_| {});
    super::write_plot(path, &draw(&run, world.about, &trace))
}

/// How far it is, on standard error: a bar on a terminal, otherwise a line a run.
struct Progress {
    bar: ProgressBar,
    quiet: bool,
    runs: usize,
    began: Instant,
}

impl Progress {
    fn new(quiet: bool, runs: usize) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(runs as u64), target);
        if let Ok(style) =
            ProgressStyle::with_template("{bar:40} {pos} of {len} runs, {eta} left; {wide_msg}")
        {
            bar.set_style(style);
        }
        bar.tick();
        Self { bar, quiet, runs, began: Instant::now() }
    }

    fn tell(&self, done: usize, world: &str, seed: u64) {
        self.bar.set_message(format!("{world}, seed {seed}"));
        self.bar.set_position(done as u64);
        if self.bar.is_hidden() && !self.quiet {
            let seconds = self.began.elapsed().as_secs_f64();
            eprintln!("{seconds:6.1} s  {done:3} of {}: {world}, seed {seed}", self.runs);
        }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn render(board: &Scoreboard, paint: Paint) -> String {
    let columns = [
        ("World", Edge::Left),
        ("RMS", Edge::Right),
        ("Max", Edge::Right),
        ("Freq", Edge::Right),
        ("Sent", Edge::Right),
        ("Settled", Edge::Right),
        ("Bound", Edge::Right),
        ("of chrony: time", Edge::Right),
        ("goal", Edge::Right),
        ("freq", Edge::Right),
        ("sent", Edge::Right),
        ("bound", Edge::Right),
        ("Verdict", Edge::Left),
    ];
    let mut table = Table::new(&columns);
    for row in &board.worlds {
        table.row(if row.met { Tone::Good } else { Tone::Bad }, cells(row));
    }
    let means = [Narrow::Drop("Settled"), Narrow::Drop("Max"), Narrow::Drop("Freq"), Narrow::Drop("Sent")];
    let mut text = table.fit(terminal_width(), &means).render(paint);
    if let Some(mean) = board.geometric_mean {
        let number = board.geometric_mean_worlds;
        let goal = board.goal_geometric_mean.map_or_else(String::new, |goal| format!("; goal {goal}"));
        let over = human::count(number as u64, "world");
        text.push_str(&format!("\nGeometric mean of the time ratios: {mean:.3} over {over}{goal}\n"));
    }
    for row in board.worlds.iter().filter(|row| row.limit_time_s.is_some()) {
        if let Some(raw) = row.ratio_time_raw {
            text.push_str(&format!(
                "{}: chrony's error is scaled to these oscillators; the median is {raw:.2} of it as measured with others\n",
                row.world
            ));
        }
    }
    text.push_str(&format!("\n{}\n", verdict(board)));
    for row in board.worlds.iter().filter(|row| !row.met) {
        let world = paint.paint(Tone::Bad, &row.world);
        for miss in &row.misses {
            text.push_str(&format!("  {world}: {}\n", miss.text));
        }
    }
    text
}

fn verdict(board: &Scoreboard) -> String {
    let missed = board.worlds.iter().filter(|row| !row.met).count();
    let all = board.worlds.len();
    let seeds = match board.seeds.as_slice() {
        [one] => format!("seed {one}"),
        [first, .., last] => format!("seeds {first} to {last}"),
        [] => "no seed".into(),
    };
    match missed {
        0 if board.met => format!("Every goal is met ({}, {seeds}).", human::count(all as u64, "world")),
        0 => format!("Every world meets its goals, but the geometric mean does not ({seeds})."),
        _ => format!("{missed} of {} miss a goal ({seeds}):", human::count(all as u64, "world")),
    }
}

fn cells(row: &Row) -> Vec<String> {
    let nothing = || "-".to_owned();
    let ratio = |value: Option<f64>| value.map_or_else(nothing, |value| format!("{value:.2}"));
    let time = match (row.ratio_time, row.ratio_reached) {
        (None, Some(reached)) => format!("={reached:.2}"),
        (chrony, _) => ratio(chrony),
    };
    vec![
        row.world.clone(),
        human::span(row.rms_time_s),
        human::span(row.max_time_s),
        frequency(row.rms_frequency),
        format!("{:.0}", row.packets),
        row.settle_s.map_or_else(|| "never".into(), human::span),
        row.median_bound_s.map_or_else(nothing, human::span),
        time,
        ratio(row.goal_ratio_time),
        ratio(row.ratio_freq),
        ratio(row.ratio_packets),
        ratio(row.ratio_bound),
        short_verdict(row),
    ]
}

fn frequency(rate: f64) -> String {
    format!("{:.1} ppb", rate * 1e9)
}

/// What is missed, in a word each.
fn short_verdict(row: &Row) -> String {
    if row.met {
        return "met".into();
    }
    let word = |field: &str| match field {
        "ratio_time" | "ratio_reached" => "time",
        "ratio_freq" => "freq",
        "ratio_packets" => "sent",
        "ratio_bound" => "bound",
        "bound_violations" => "VIOLATED",
        "broken" => "broken",
        "worst_time_s" => "max",
        _ => "settle",
    };
    let words: Vec<&str> = row.misses.iter().map(|miss| word(miss.field)).collect();
    words.join(" ")
}
