//! Runs the named worlds and prints how well the clock was kept, against chrony's figures.
//!
//! ```sh
//! cargo run --release -p truechimer-sim --example worlds -- --seeds 20
//! cargo run --release -p truechimer-sim --example worlds -- --world 'lan w1e-9 p6' --seed 7
//! ```
//!
//! `--seeds N` runs seeds 1 to N (1), `--seed S` one seed, `--world NAME` one world, `--except NAME` all but one,
//! `--hostile` the worlds of attackers and faults instead of the honest ones,
//! `--threads N` so many at once (as many as there are processors), `--json` prints one outcome a line.
//! The exit status is 1 if an invariant was broken.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use truechimer_sim::{Outcome, WorldSpec, find, hostile_worlds, run, worlds};

struct Options {
    seeds: Vec<u64>,
    worlds: Vec<&'static WorldSpec>,
    threads: usize,
    json: bool,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let began = Instant::now();
    let outcomes = run_all(&options);
    let simulated: f64 = outcomes.iter().map(|outcome| outcome.length_s).sum();
    let took = began.elapsed().as_secs_f64();
    if options.json {
        for outcome in &outcomes {
            println!("{}", serde_json::to_string(outcome).unwrap_or_default());
        }
    } else {
        print_table(&options, &outcomes);
    }
    eprintln!(
        "{} runs, {simulated:.0} s simulated in {took:.1} s: {:.0} times faster than real time on {} threads",
        outcomes.len(),
        simulated / took,
        options.threads
    );
    let broken: Vec<&Outcome> = outcomes.iter().filter(|outcome| !outcome.is_clean()).collect();
    for violation in broken.iter().flat_map(|outcome| outcome.violations.iter().take(2)) {
        eprintln!("{violation}");
    }
    if broken.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("{} of {} runs broke an invariant", broken.len(), outcomes.len());
    ExitCode::FAILURE
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut options = Options { seeds: vec![1], worlds: worlds().iter().collect(), threads, json: false };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("{text} is not a number"));
        match argument.as_str() {
            "--seeds" => options.seeds = (1..=number(value()?)?).collect(),
            "--seed" => options.seeds = vec![number(value()?)?],
            "--threads" => options.threads = number(value()?)?.clamp(1, 64) as usize,
            "--hostile" => options.worlds = hostile_worlds().iter().collect(),
            "--json" => options.json = true,
            "--world" => {
                let name = value()?;
                options.worlds = vec![find(&name).ok_or_else(|| unknown(&name))?];
            }
            "--except" => {
                let name = value()?;
                find(&name).ok_or_else(|| unknown(&name))?;
                options.worlds.retain(|world| world.name != name);
            }
            _ => return Err(format!("unknown option {argument}; see the top of examples/worlds.rs")),
        }
    }
    Ok(options)
}

fn unknown(name: &str) -> String {
    let names: Vec<&str> = worlds().iter().chain(hostile_worlds()).map(|world| world.name).collect();
    format!("there is no world '{name}'; there are: {}", names.join(", "))
}

/// All runs, spread over the threads; the outcomes in the order of the worlds and seeds.
fn run_all(options: &Options) -> Vec<Outcome> {
    let jobs: Vec<(&WorldSpec, u64)> = options
        .worlds
        .iter()
        .flat_map(|&world| options.seeds.iter().map(move |&seed| (world, seed)))
        .collect();
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Outcome)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(|| {
                while let Some((number, &(world, seed))) = take(&next, &jobs) {
                    let outcome = run(world, seed);
                    let verdict = if outcome.is_clean() { "" } else { "  BROKEN" };
                    eprintln!("{:3} of {}: {} seed {seed}{verdict}", number + 1, jobs.len(), world.name);
                    if let Ok(mut results) = results.lock() {
                        results.push((number, outcome));
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|&(number, _)| number);
    results.into_iter().map(|(_, outcome)| outcome).collect()
}

fn take<'a, T>(next: &AtomicUsize, jobs: &'a [T]) -> Option<(usize, &'a T)> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    Some((number, jobs.get(number)?))
}

fn print_table(options: &Options, outcomes: &[Outcome]) {
    println!(
        "{:18} {:>9} {:>9} {:>9} {:>7} {:>8} {:>9} {:>6} {:>6} {:>6} {:>6} {:>6}",
        "world (medians)",
        "rms s",
        "max s",
        "freq",
        "packets",
        "settle s",
        "bound s",
        "time",
        "freq",
        "packs",
        "bound",
        "broken"
    );
    let mut logs = Vec::new();
    for world in &options.worlds {
        let of_world: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.world == world.name).collect();
        let middle =
            |pick: fn(&Outcome) -> Option<f64>| median(of_world.iter().filter_map(|o| pick(o)).collect());
        let time = middle(|o| o.ratio_time);
        logs.extend(time.map(f64::ln));
        let broken = of_world.iter().filter(|outcome| !outcome.is_clean()).count();
        println!(
            "{:18} {:>9} {:>9} {:>9} {:>7} {:>8} {:>9} {:>6} {:>6} {:>6} {:>6} {:>3}/{}",
            world.name,
            power(middle(|o| Some(o.rms_time_s))),
            power(middle(|o| Some(o.max_time_s))),
            power(middle(|o| Some(o.rms_frequency))),
            middle(|o| Some(o.packets as f64)).map_or("-".into(), |n| format!("{n:.0}")),
            middle(|o| o.settle_s).map_or("never".into(), |s| format!("{s:.0}")),
            power(middle(|o| o.median_bound_s)),
            ratio(time.or_else(|| Some(middle(|o| Some(o.rms_time_s))? / world.reached_s?))),
            ratio(middle(|o| o.ratio_freq)),
            ratio(middle(|o| o.ratio_packets)),
            ratio(middle(|o| o.ratio_bound)),
            broken,
            of_world.len()
        );
    }
    if !logs.is_empty() {
        let mean = (logs.iter().sum::<f64>() / logs.len() as f64).exp();
        println!("geometric mean of the time ratios to chrony: {mean:.3} over {} worlds", logs.len());
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn power(value: Option<f64>) -> String {
    value.map_or("-".into(), |value| format!("{value:.2e}"))
}

fn ratio(value: Option<f64>) -> String {
    value.map_or("-".into(), |value| format!("{value:.2}"))
}
