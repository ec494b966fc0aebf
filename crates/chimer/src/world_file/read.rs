//! Section by section to the parts of a scenario.

use truechimer_config::format::{Reader, Root, Table, read_clock, read_options, read_selection};
use truechimer_config::rules;
use truechimer_sim::link::{DelayLaw, LinkConfig, RouteChange, Shape, Window};
use truechimer_sim::oscillator::{FrequencyJump, FrequencyRamp, OscillatorConfig, Sine};
use truechimer_sim::scenario::{Found, HostConfig, Path, Peer, ReferenceClock, Scenario, Stamps};
use truechimer_sim::server::{Creep, Mood, ServerConfig};
use truechimer_time::StampSource;

use super::WorldFile;

/// More servers than these tell nothing more.
const MOST_SERVERS: usize = 16;
/// More entries in a list than these are a mistake.
const MOST_ENTRIES: usize = 100;
/// What is promised of noise: one value in 4e11 is further out.
const SIGMAS: f64 = 7.0;
/// What an operator promises of a reference clock.
const REFERENCE_SIGMAS: f64 = 10.0;

/// The whole file. What it yields is only used if no fault was found.
pub(super) fn world(reader: &mut Reader, root: Root<'_>) -> WorldFile {
    let mut length_s = 0.0;
    let mut seed = 1;
    if let Some(table) = reader.section(root, "world") {
        reader.require(&table, "length");
        length_s = reader.duration(&table, "length").unwrap_or_default();
        seed = reader.integer(&table, "seed").unwrap_or(seed);
    } else {
        reader.fault_of_file(&rules::MISSING_KEY, "there is no [world]", "write [world] and length = \"1d\"");
    }
    let mut host = HostConfig::default();
    if let Some(table) = reader.section(root, "oscillator") {
        host.offset_s = reader.duration(&table, "offset").unwrap_or(host.offset_s);
        host.oscillator = oscillator(reader, &table);
    }
    if let Some(table) = reader.section(root, "stamps") {
        host.stamps = stamps(reader, &table);
    }
    if let Some(table) = reader.section(root, "clock") {
        let clock = read_clock(reader, &table);
        host.clock = clock.config;
        host.controls_clock = clock.control;
    }
    if let Some(table) = reader.section(root, "selection") {
        host.selection = read_selection(reader, &table);
    }
    host.reference = reader.section(root, "reference").map(|table| reference(reader, &table));
    let tables = reader.sections(root, "server", MOST_SERVERS);
    if tables.is_empty() && host.reference.is_none() {
        let help = "write [[server]] with delay = { base = \"10ms\", jitter = \"1ms\" }, or [reference]";
        reader.fault_of_file(&rules::MISSING_KEY, "nothing in this world knows the time", help);
    }
    let mut scenario = Scenario::client(length_s, Vec::new(), &Default::default());
    for (index, table) in tables.iter().enumerate() {
        scenario.servers.push(server(reader, table));
        host.paths.push(Path {
            peer: Peer::Server(index),
            found: Found::Address,
            link: link(reader, table),
            options: read_options(reader, table),
        });
    }
    scenario.hosts = vec![host];
    WorldFile { scenario, seed }
}

fn oscillator(reader: &mut Reader, table: &Table<'_>) -> OscillatorConfig {
    let mut config = OscillatorConfig::default();
    config.frequency = reader.rate(table, "frequency").unwrap_or(config.frequency);
    config.wander = reader.number(table, "wander").unwrap_or(config.wander);
    config.white = reader.rate(table, "noise").unwrap_or(config.white);
    for entry in reader.tables(table, "sines", MOST_ENTRIES) {
        if let (Some(amplitude), Some(period_s)) =
            (needed_rate(reader, &entry, "amplitude"), needed(reader, &entry, "period"))
        {
            config.sines.push(Sine { amplitude, period_s });
        }
    }
    for entry in reader.tables(table, "jumps", MOST_ENTRIES) {
        if let (Some(at_s), Some(by)) = (needed(reader, &entry, "at"), needed_rate(reader, &entry, "by")) {
            config.jumps.push(FrequencyJump { at_s, by });
        }
    }
    for entry in reader.tables(table, "ramps", MOST_ENTRIES) {
        let (window, by) = (window(reader, &entry), needed_rate(reader, &entry, "by"));
        if let (Some(Window { from_s, until_s }), Some(by)) = (window, by) {
            config.ramps.push(FrequencyRamp { from_s, until_s, by });
        }
    }
    config
}

fn stamps(reader: &mut Reader, table: &Table<'_>) -> Stamps {
    let default = Stamps::default();
    let noise_s = reader.duration(table, "noise").unwrap_or(default.noise_s);
    let stated = reader.duration(table, "error");
    Stamps {
        source: if reader.word(table, "by") == Some("user") {
            StampSource::User
        } else {
            StampSource::Kernel
        },
        noise_s,
        stated_error_s: stated.unwrap_or(default.stated_error_s.max(SIGMAS * noise_s)),
        lag_s: reader.duration(table, "lag").unwrap_or(default.lag_s),
    }
}

fn reference(reader: &mut Reader, table: &Table<'_>) -> ReferenceClock {
    let noise_s = reader.duration(table, "noise").unwrap_or(1e-6);
    ReferenceClock {
        interval_s: reader.duration(table, "interval").unwrap_or(1.0),
        noise_s,
        max_error_s: reader.duration(table, "max_error").unwrap_or(REFERENCE_SIGMAS * noise_s + 1e-9),
    }
}

fn server(reader: &mut Reader, table: &Table<'_>) -> ServerConfig {
    let mut config = ServerConfig::default();
    config.offset_s = reader.duration(table, "wrong").unwrap_or(config.offset_s);
    config.stratum = reader.integer(table, "stratum").unwrap_or(config.stratum);
    config.root_delay_s = reader.duration(table, "root_delay").unwrap_or(config.root_delay_s);
    config.stamp_noise_s = reader.duration(table, "stamp_noise").unwrap_or(config.stamp_noise_s);
    let dispersion_s = config.root_dispersion_s + SIGMAS * config.stamp_noise_s;
    config.root_dispersion_s = reader.duration(table, "root_dispersion").unwrap_or(dispersion_s);
    if let Some(entry) = reader.table(table, "creep") {
        let (window, rate) = (window(reader, &entry), needed_rate(reader, &entry, "rate"));
        config.creep = window.zip(rate).map(|(window, rate)| Creep { window, rate });
    }
    for entry in reader.tables(table, "silent", MOST_ENTRIES) {
        config.moods.extend(window(reader, &entry).map(|window| (window, Mood::Silent)));
    }
    config
}

fn link(reader: &mut Reader, table: &Table<'_>) -> LinkConfig {
    let mut config = delays(reader, table);
    config.loss = reader.number(table, "loss").unwrap_or(config.loss);
    config.duplicate = reader.number(table, "duplicate").unwrap_or(config.duplicate);
    for entry in reader.tables(table, "outages", MOST_ENTRIES) {
        config.outages.extend(window(reader, &entry));
    }
    for entry in reader.tables(table, "routes", MOST_ENTRIES) {
        if let Some(at_s) = needed(reader, &entry, "at") {
            let up_s = reader.duration(&entry, "up").unwrap_or_default();
            let down_s = reader.duration(&entry, "down").unwrap_or_default();
            config.changes.push(RouteChange { at_s, up_s, down_s });
        }
    }
    config
}

/// `delay`, or `up` and `down`.
fn delays(reader: &mut Reader, table: &Table<'_>) -> LinkConfig {
    let [both, up, down] = ["delay", "up", "down"].map(|name| table.has(name));
    let help = "write delay = { base = \"10ms\", jitter = \"1ms\" }, or up = { … } and down = { … }";
    match (both, up, down) {
        (true, false, false) | (false, true, true) => {}
        (true, ..) => {
            let extra = if up { "up" } else { "down" };
            let message = format!("`{extra}` contradicts `delay`, which is for both ways");
            reader.fault(&rules::CONTRADICTION, table, extra, message, help);
        }
        (false, false, false) => {
            let message = "[[server]] needs `delay`, how long packets take";
            reader.fault(&rules::MISSING_KEY, table, "delay", message, help);
        }
        (false, ..) => {
            let (there, other) = if up { ("up", "down") } else { ("down", "up") };
            let message = format!("[[server]] has `{there}` without `{other}`");
            reader.fault(&rules::MISSING_KEY, table, there, message, help);
        }
    }
    let law = |reader: &mut Reader, name: &str| {
        let law = reader.table(table, name).map(|entry| delay(reader, &entry));
        law.unwrap_or(DelayLaw::exponential(0.0, 0.0))
    };
    if both {
        LinkConfig::symmetric(law(reader, "delay"))
    } else {
        LinkConfig::asymmetric(law(reader, "up"), law(reader, "down"))
    }
}

fn delay(reader: &mut Reader, table: &Table<'_>) -> DelayLaw {
    let base_s = needed(reader, table, "base").unwrap_or_default();
    let scale_s = reader.duration(table, "jitter").unwrap_or_default();
    let law = reader.word(table, "law").unwrap_or("exponential");
    let number = reader.number(table, "shape");
    let probability = reader.number(table, "queue").unwrap_or(0.5);
    let wait_s = reader.duration(table, "wait").unwrap_or(10.0 * scale_s);
    let useless: &[&str] = match law {
        "pareto" | "gamma" => &["queue", "wait"],
        "congested" => &["shape"],
        _ => &["shape", "queue", "wait"],
    };
    for name in useless.iter().filter(|name| table.has(name)) {
        let message = format!("`{name}` means nothing with the law \"{law}\"");
        let help = if *name == "shape" {
            "`law` is \"pareto\" or \"gamma\" then"
        } else {
            "`law` is \"congested\" then"
        };
        reader.fault(&rules::CONTRADICTION, table, name, message, help);
    }
    let shape = match law {
        "pareto" => Shape::Pareto(number.unwrap_or(1.5)),
        "gamma" => Shape::Gamma(number.unwrap_or(3.0)),
        "congested" => Shape::Congested { probability, wait_s },
        _ => Shape::Exponential,
    };
    DelayLaw { base_s, scale_s, shape }
}

/// `from` and `until`, in this order.
fn window(reader: &mut Reader, table: &Table<'_>) -> Option<Window> {
    let (from_s, until_s) = (needed(reader, table, "from")?, needed(reader, table, "until")?);
    if from_s < until_s {
        return Some(Window { from_s, until_s });
    }
    let help = "both are counted from the start of the run";
    reader.fault(&rules::CONTRADICTION, table, "until", "`until` is not after `from`", help);
    None
}

/// A duration that must be there.
fn needed(reader: &mut Reader, table: &Table<'_>, name: &str) -> Option<f64> {
    reader.require(table, name);
    reader.duration(table, name)
}

/// A rate that must be there.
fn needed_rate(reader: &mut Reader, table: &Table<'_>, name: &str) -> Option<f64> {
    reader.require(table, name);
    reader.rate(table, name)
}
