//! The table of keys of a world: ranges, defaults and meanings are written here and nowhere else. The manual is made of
//! it.

use truechimer_config::format::{KEYS, Key, Kind, Schema, Section};

/// The format.
pub static WORLD: Schema = Schema {
    sections: SECTIONS,
    keys: &[OWN, DELAY, UP, DOWN, KEYS],
    // A simulated machine has no files, and so no keys.
    without: &[
        ("clock", "frequency_file"),
        ("clock", "chrony_drift_file"),
        ("clock", "log_above"),
        ("clock", "manual"),
        ("selection", "authentication"),
    ],
    foreign: &[
        ("duration", "`length` in [world]"),
        ("latency", "`delay = { base = \"10ms\" }` in [[server]]"),
        ("base", "`delay = { base = \"10ms\" }` in [[server]]"),
        ("jitter", "`delay = { base = \"10ms\", jitter = \"1ms\" }` in [[server]]"),
        ("lie", "`wrong`, by how much the server's clock is ahead"),
        ("drift", "`frequency` in [oscillator]"),
        ("skew", "`frequency` in [oscillator]"),
        ("minpoll", "`poll = { min = 6, max = 10 }` in [[server]]"),
        ("maxpoll", "`poll = { min = 6, max = 10 }` in [[server]]"),
        ("source", "[[server]]"),
        ("pps", "[reference]"),
    ],
};

static SECTIONS: &[Section] = &[
    Section { name: "world", repeated: false, about: "The run as a whole." },
    Section {
        name: "oscillator",
        repeated: false,
        about: "The machine's oscillator and the state of its clock at the start. Positive means fast.",
    },
    Section {
        name: "stamps",
        repeated: false,
        about: "How well the machine stamps its packets. Without this section stamps are exact.",
    },
    Section {
        name: "server",
        repeated: true,
        about: "A server that knows the true time, unless it is told to be wrong, and the way to it. The machine uses \
                each of them as a source.",
    },
    Section {
        name: "reference",
        repeated: false,
        about: "A reference clock in the machine itself, such as PPS: one-way samples.",
    },
    Section {
        name: "clock",
        repeated: false,
        about: "As in the daemon's configuration: how the clock is corrected.",
    },
    Section {
        name: "selection",
        repeated: false,
        about: "As in the daemon's configuration: which sources are believed.",
    },
];

/// Names of delay laws.
pub(super) const LAWS: &[&str] = &["exponential", "pareto", "gamma", "congested"];

const DAY: f64 = 86_400.0;
/// A day in such a world takes a second or less to simulate.
const LONGEST: f64 = 1000.0 * DAY;

const fn key(
    section: &'static str,
    name: &'static str,
    kind: Kind,
    default: &'static str,
    example: &'static str,
    about: &'static str,
) -> Key {
    Key { section, name, kind, default, about, example }
}

const fn seconds(min: f64, max: f64) -> Kind {
    Kind::Duration { min, max, or: None }
}

const fn rate(most: f64) -> Kind {
    Kind::Rate { min: -most, max: most }
}

const fn integer(min: i64, max: i64) -> Kind {
    Kind::Integer { min, max, or: None }
}

/// A moment of the run.
const MOMENT: Kind = seconds(0.0, LONGEST);
const WINDOWS: Kind = Kind::Table("a list of tables of `from` and `until`");

#[rustfmt::skip] // one key an entry: name and kind, default, example, meaning
static OWN: &[Key] = &[
    key("world", "length", seconds(600.0, LONGEST), "", r#""2d""#,
        "How long the world runs. Figures count from a fifth of it on."),
    key("world", "seed", integer(0, i64::MAX), "`1`", "7",
        "The seed of all that is random; `--seed` on the command line goes before it."),

    key("oscillator", "offset", seconds(-1e6, 1e6), r#"`"10ms"`"#, r#""-0.5s""#,
        "By how much the clock is ahead of the truth at the start."),
    key("oscillator", "frequency", rate(400e-6), r#"`"10ppm"`"#, r#""-25ppm""#,
        "The constant part of the oscillator's frequency error."),
    key("oscillator", "wander", Kind::Number { min: 0.0, max: 1e-6 }, "`1e-9`", "1e-10",
        "The random walk of the frequency, per √s: 1e-10 is an excellent oscillator, 1e-9 a good and 1e-8 a poor one."),
    key("oscillator", "noise", Kind::Rate { min: 0.0, max: 1e-6 }, r#"`"0ppm"`"#, r#""2ppb""#,
        "White noise of the mean frequency of a second, one sigma."),
    key("oscillator", "sines", Kind::Table("a list of tables of `amplitude` and `period`"), "", r#"[{ amplitude = "1ppm", period = "1d" }]"#,
        "Periodic parts, such as the temperature of days."),
    key("oscillator", "sines.amplitude", rate(100e-6), "", r#""1ppm""#,
        "Half of the way from the least to the greatest frequency."),
    key("oscillator", "sines.period", seconds(10.0, LONGEST), "", r#""1d""#,
        "The time from one to the next."),
    key("oscillator", "jumps", Kind::Table("a list of tables of `at` and `by`"), "", r#"[{ at = "12h", by = "0.5ppm" }]"#,
        "Sudden changes that stay."),
    key("oscillator", "jumps.at", MOMENT, "", r#""12h""#, "When."),
    key("oscillator", "jumps.by", rate(200e-6), "", r#""0.5ppm""#, "By how much."),
    key("oscillator", "ramps", Kind::Table("a list of tables of `from`, `until` and `by`"), "", r#"[{ from = "6h", until = "7h", by = "2ppm" }]"#,
        "Slow changes that stay, such as a machine that warms up."),
    key("oscillator", "ramps.from", MOMENT, "", r#""6h""#, "When it begins."),
    key("oscillator", "ramps.until", MOMENT, "", r#""7h""#, "When it ends."),
    key("oscillator", "ramps.by", rate(200e-6), "", r#""2ppm""#, "By how much in all."),

    key("stamps", "noise", seconds(0.0, 0.01), r#"`"0s"`"#, r#""5us""#,
        "One sigma of the noise on each stamp."),
    key("stamps", "error", seconds(0.0, 0.1), "seven times the noise", r#""35us""#,
        "The error that is stated with each stamp. If noise exceeds it, the bound can be wrong."),
    key("stamps", "by", Kind::Word(&["kernel", "user"]), r#"`"kernel"`"#, r#""user""#,
        "Who stamps. The user's stamp of a reply is taken when it is handled, after `lag`."),
    key("stamps", "lag", seconds(0.0, 1.0), r#"`"0s"`"#, r#""50us""#,
        "The time between the arrival of a reply and its handling."),

    key("server", "delay", Kind::Table("a table of `base`, `jitter` and `law`"), "", r#"{ base = "10ms", jitter = "1ms" }"#,
        "How long packets take each way, drawn anew for each: base + jitter · variate."),
    key("server", "up", Kind::Table("a table of `base`, `jitter` and `law`"), "", r#"{ base = "12ms", jitter = "3ms" }"#,
        "The way to the server, if it differs; `down` is needed too, and `delay` left out."),
    key("server", "down", Kind::Table("a table of `base`, `jitter` and `law`"), "", r#"{ base = "10ms", jitter = "50us" }"#,
        "The way back."),
    key("server", "loss", Kind::Number { min: 0.0, max: 1.0 }, "`0`", "0.3",
        "The share of packets that is lost, each way."),
    key("server", "duplicate", Kind::Number { min: 0.0, max: 1.0 }, "`0`", "0.01",
        "The share of packets that arrives twice."),
    key("server", "outages", WINDOWS, "", r#"[{ from = "12h", until = "14h" }]"#,
        "When nothing passes on the way to this server."),
    key("server", "outages.from", MOMENT, "", r#""12h""#, "Begin."),
    key("server", "outages.until", MOMENT, "", r#""14h""#, "End."),
    key("server", "routes", Kind::Table("a list of tables of `at`, `up` and `down`"), "", r#"[{ at = "1d", up = "2ms" }]"#,
        "Changes of the route that stay."),
    key("server", "routes.at", MOMENT, "", r#""1d""#, "When."),
    key("server", "routes.up", seconds(-1.0, 1.0), r#"`"0s"`"#, r#""2ms""#,
        "How much longer packets to the server take from then on; shorter, if negative."),
    key("server", "routes.down", seconds(-1.0, 1.0), r#"`"0s"`"#, r#""-1ms""#,
        "The same of packets from it."),
    key("server", "wrong", seconds(-1e6, 1e6), r#"`"0s"`"#, r#""50ms""#,
        "By how much the server's clock is ahead, which it does not tell."),
    key("server", "creep", Kind::Table("a table of `from`, `until` and `rate`"), "", r#"{ from = "6h", until = "1d", rate = "1ppm" }"#,
        "The server becomes more and more wrong, and stays so."),
    key("server", "creep.from", MOMENT, "", r#""6h""#, "When it begins."),
    key("server", "creep.until", MOMENT, "", r#""1d""#, "When it ends."),
    key("server", "creep.rate", rate(1e-3), "", r#""1ppm""#, "How fast."),
    key("server", "silent", WINDOWS, "", r#"[{ from = "1h", until = "2h" }]"#,
        "When the server does not answer."),
    key("server", "silent.from", MOMENT, "", r#""1h""#, "Begin."),
    key("server", "silent.until", MOMENT, "", r#""2h""#, "End."),
    key("server", "stratum", integer(1, 15), "`1`", "2",
        "What it tells of itself."),
    key("server", "root_delay", seconds(0.0, 10.0), r#"`"0s"`"#, r#""20ms""#,
        "What it tells of itself."),
    key("server", "root_dispersion", seconds(0.0, 10.0), "15 µs and seven times `stamp_noise`", r#""1ms""#,
        "What it tells of itself: the largest error of its clock. If `wrong` is more than that, it is a liar."),
    key("server", "stamp_noise", seconds(0.0, 0.01), r#"`"0s"`"#, r#""5us""#,
        "One sigma of the noise on each of its stamps."),
    key("server", "poll", Kind::Table("a table of `min` and `max`"), "", "{ min = 6, max = 6 }",
        "How often it is asked, as in the daemon's configuration: powers of two, in seconds."),
    key("server", "poll.min", integer(-7, 17), "`6` (64 s), or `max` if that is smaller", "4",
        "Exponent of the shortest interval."),
    key("server", "poll.max", integer(-7, 17), "`10` (1024 s), or `min` if that is larger", "12",
        "Exponent of the longest interval."),
    key("server", "iburst", Kind::Boolean, "`true`", "false",
        "Ask four times in quick succession at the start."),
    key("server", "burst", Kind::Boolean, "`false`", "true",
        "Ask several times at every poll."),
    key("server", "prefer", Kind::Boolean, "`false`", "true",
        "Use this source, as long as it is right, rather than those without the mark."),
    key("server", "trust", Kind::Boolean, "`false`", "true",
        "Sources without this mark cannot outvote this one."),
    key("server", "require", Kind::Boolean, "`false`", "true",
        "Unless this source (or another one so marked) is usable, the clock is left alone."),
    key("server", "noselect", Kind::Boolean, "`false`", "true",
        "Measure the source, but never use it."),
    key("server", "max_delay", seconds(1e-6, 1000.0), r#"`"3s"`"#, r#""100ms""#,
        "Replies that took longer are dropped."),
    key("server", "max_delay_ratio", Kind::Number { min: 1.0, max: 1000.0 }, "no limit", "3.5",
        "Replies that took longer than the quickest by this factor are dropped."),

    key("reference", "interval", seconds(0.1, 3600.0), r#"`"1s"`"#, r#""16s""#,
        "The time between samples."),
    key("reference", "noise", seconds(0.0, 0.1), r#"`"1us"`"#, r#""100ns""#,
        "One sigma of a sample's error."),
    key("reference", "max_error", seconds(1e-9, 1.0), "ten times the noise, and a nanosecond", r#""10us""#,
        "The largest error that the operator promises. If noise exceeds it, the bound can be wrong."),
];

/// The same keys for each of the tables that describe a delay.
macro_rules! delay {
    ($table:literal) => {
        &[
            key("server", concat!($table, ".base"), seconds(0.0, 2.0), "", r#""10ms""#, "The shortest delay."),
            key(
                "server",
                concat!($table, ".jitter"),
                seconds(0.0, 1.0),
                r#"`"0s"`"#,
                r#""1ms""#,
                "What the variate is multiplied with.",
            ),
            key(
                "server",
                concat!($table, ".law"),
                Kind::Word(LAWS),
                r#"`"exponential"`"#,
                r#""pareto""#,
                "The law of the variate: unit exponential, Pareto (at least 1), Gamma, or exponential with a queue \
                 that is filled now and then.",
            ),
            key(
                "server",
                concat!($table, ".shape"),
                Kind::Number { min: 1.0, max: 100.0 },
                "`1.5` for Pareto, `3` for Gamma",
                "2",
                "The tail index of Pareto (the smaller, the heavier the tail), or the shape of Gamma.",
            ),
            key(
                "server",
                concat!($table, ".queue"),
                Kind::Number { min: 0.0, max: 1.0 },
                "`0.5`",
                "0.7",
                "`congested` only: the share of packets that find the queue filled.",
            ),
            key(
                "server",
                concat!($table, ".wait"),
                seconds(0.0, 1.0),
                "ten times the jitter",
                r#""200us""#,
                "`congested` only: these wait so much longer, times a Gamma(3) variate.",
            ),
        ]
    };
}

static DELAY: &[Key] = delay!("delay");
static UP: &[Key] = delay!("up");
static DOWN: &[Key] = delay!("down");

/// The keys that are not the daemon's.
#[cfg(test)]
pub(super) fn own() -> impl Iterator<Item = &'static Key> {
    OWN.iter()
}
