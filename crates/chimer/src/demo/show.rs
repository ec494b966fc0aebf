//! The same facts in three ways: a live picture on a terminal, line by line, and as JSON for machines.

use std::collections::VecDeque;
use std::io::{IsTerminal, Write};

use serde_json::json;
use truechimer_engine::report::{Report, SourceState};

use super::summary::{SourceLine, Summary};
use super::watch::{Facts, Happening, What};
use super::world::{CLIENT_ERROR_S, CLIENT_OSCILLATOR_PPM, LIE_S};
use crate::human::{count, ppm, signed_span, span};
use crate::table::{Paint, Tone};

/// Columns of the curves.
const CURVE_WIDTH: usize = 60;
/// A terminal with fewer columns …
const WIDTH: usize = 80;
/// … or lines than this cannot show a picture: it would wrap, and could not be drawn over.
const HEIGHT: usize = 20;
/// Happenings shown under a picture.
const RECENT: usize = 6;
/// The curves reach from this many seconds …
const CURVE_LOW_S: f64 = 1e-7;
/// … to this many, logarithmically.
const CURVE_HIGH_S: f64 = 1.0;

enum Way {
    Live { drawn_lines: usize },
    Plain,
    Json,
}

/// Writes to standard output; a reader that has gone away is no reason to fail.
pub(super) struct Show {
    way: Way,
    paint: Paint,
    errors: VecDeque<f64>,
    bounds: VecDeque<Option<f64>>,
    recent: VecDeque<Happening>,
}

impl Show {
    pub(super) fn new(plain: bool, json: bool) -> Self {
        let style = crate::outcome::Style::of_stdout(json);
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let small = crate::outcome::terminal_size().is_some_and(|size| size.0 < WIDTH || size.1 < HEIGHT);
        let way = match (json, plain || dumb || small || !std::io::stdout().is_terminal()) {
            (true, _) => Way::Json,
            (false, true) => Way::Plain,
            (false, false) => Way::Live { drawn_lines: 0 },
        };
        Self {
            way,
            paint: style.paint,
            errors: VecDeque::new(),
            bounds: VecDeque::new(),
            recent: VecDeque::new(),
        }
    }

    /// What is about to happen.
    pub(super) fn opening(&mut self, nts: bool) {
        if matches!(self.way, Way::Json) {
            return;
        }
        put(&opening_text(nts));
    }

    /// How it stands now.
    pub(super) fn picture(&mut self, facts: &Facts, report: Option<&Report>) {
        let sources = report.map(SourceLine::of).unwrap_or_default();
        match self.way {
            Way::Json => {
                for happening in &facts.happenings {
                    let text = sentence(&happening.what);
                    put(&format!("{}\n", json!({ "kind": "event", "time_s": happening.at_s, "text": text })));
                }
                put(&format!(
                    "{}\n",
                    json!({
                        "kind": "sample",
                        "time_s": facts.at_s,
                        "true_error_s": facts.true_error_s.abs(),
                        "bound_s": facts.bound_s,
                        "slew_ppm": facts.slew_ppm,
                        "sources": sources,
                    })
                ));
            }
            Way::Plain => {
                for happening in &facts.happenings {
                    put(&format!("{}\n", self.happening_line(happening)));
                }
                put(&format!("{}\n", plain_line(facts, &sources)));
            }
            Way::Live { drawn_lines } => {
                self.remember(facts);
                let lines = self.live_lines(facts, &sources);
                // Up to where the last picture began, and away with it.
                let up =
                    if drawn_lines > 0 { format!("\u{1b}[{drawn_lines}A\r\u{1b}[J") } else { String::new() };
                self.way = Way::Live { drawn_lines: lines.len() };
                put(&format!("{up}{}\n", lines.join("\n")));
            }
        }
    }

    fn remember(&mut self, facts: &Facts) {
        for happening in &facts.happenings {
            if let What::Began(error_s) = happening.what {
                self.errors.push_back(error_s.abs());
                self.bounds.push_back(None);
            }
        }
        self.errors.push_back(facts.true_error_s.abs());
        self.bounds.push_back(facts.bound_s);
        self.recent.extend(facts.happenings.iter().cloned());
        while self.errors.len() > CURVE_WIDTH {
            self.errors.pop_front();
            self.bounds.pop_front();
        }
        while self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    fn live_lines(&self, facts: &Facts, sources: &[SourceLine]) -> Vec<String> {
        let heading = |text: &str| self.paint.paint(Tone::Heading, text);
        let bound = facts.bound_s.map_or("none yet".into(), span);
        let bounds: String = self.bounds.iter().map(|b| b.map_or(' ', level)).collect();
        let errors: String = self.errors.iter().map(|e| level(*e)).collect();
        let mut lines = vec![
            heading(&format!("after {:.1} s", facts.at_s)),
            String::new(),
            format!("  bound      {bound:>9}  {}", self.paint.paint(Tone::Odd, &bounds)),
            format!(
                "  true error {:>9}  {}",
                span(facts.true_error_s.abs()),
                self.paint.paint(Tone::Good, &errors)
            ),
            format!(
                "                        from {} to {}, logarithmic",
                span(CURVE_LOW_S),
                span(CURVE_HIGH_S)
            ),
            String::new(),
            heading(&format!(
                "  {:<10} {:<13} {:>10} {:>10} {:>8}",
                "source", "state", "offset", "bound", "samples"
            )),
        ];
        for source in sources {
            let state = self.paint.paint(tone(source.state), &format!("{:<13}", state_words(source.state)));
            let offset = source.offset_s.map_or("-".into(), signed_span);
            let distance = source.root_distance_s.map_or("-".into(), span);
            lines.push(format!(
                "  {:<10} {state} {offset:>10} {distance:>10} {:>8}",
                source.name, source.samples
            ));
        }
        lines.push(String::new());
        let steps = count(facts.steps.len() as u64, "step");
        lines.push(format!("  {steps}, {}, now {}", count(facts.slews, "slew"), slew_words(facts.slew_ppm)));
        lines.extend(self.recent.iter().map(|happening| self.happening_line(happening)));
        lines
    }

    fn happening_line(&self, happening: &Happening) -> String {
        let tone = match happening.what {
            What::Falseticker(..) => Tone::Bad,
            What::Stepped(_) => Tone::Odd,
            _ => Tone::Plain,
        };
        let text = self.paint.paint(tone, &sentence(&happening.what));
        format!("  {:>5.1} s  {text}", happening.at_s)
    }

    /// How it ended.
    pub(super) fn summary(&mut self, summary: &Summary) {
        let failures = summary.failures();
        if matches!(self.way, Way::Json) {
            let mut value = serde_json::to_value(summary).unwrap_or_default();
            if let Some(object) = value.as_object_mut() {
                object.insert("kind".into(), "summary".into());
                object.insert("passed".into(), failures.is_empty().into());
                object.insert("failures".into(), failures.into());
            }
            put(&format!("{value}\n"));
            return;
        }
        put(&format!("\n{}\n", words(summary).join("\n")));
        if failures.is_empty() {
            put(&format!("{}\n", self.paint.paint(Tone::Good, "All as promised.")));
            return;
        }
        for failure in failures {
            put(&format!("{} {failure}.\n", self.paint.paint(Tone::Bad, "Not as promised:")));
        }
    }
}

/// What is about to happen, in lines that fit every terminal.
pub(super) fn opening_text(nts: bool) -> String {
    let authenticated = if nts {
        "Every request and reply is authenticated by NTS; who vouches for the servers is\n\
         an authority made for this demo.\n"
    } else {
        ""
    };
    format!(
        "Four servers on loopback ports: three honest ones and one that is {} ahead.\n\
         A client whose clock is {} behind and {CLIENT_OSCILLATOR_PPM:.0} ppm fast asks them over UDP.\n\
         {authenticated}\
         All are whole daemons on clocks of their own; this machine's is not touched.\n\n",
        span(LIE_S),
        span(CLIENT_ERROR_S.abs()),
    )
}

/// The summary in sentences.
fn words(summary: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    let bound = summary.bound_s.map_or("nothing".into(), span);
    lines.push(format!(
        "After {:.1} s the client's clock is {} from the truth; it guarantees {bound}.",
        summary.seconds,
        span(summary.true_error_s)
    ));
    if let Some(settled_s) = summary.settled_s {
        lines.push(format!("It came within a millisecond of the truth after {}.", span(settled_s)));
    }
    lines.push(format!(
        "Error and bound were compared {}; the error was above the bound {}.",
        count(summary.samples, "time"),
        count(summary.bound_violations, "time")
    ));
    let steps: Vec<String> = summary.steps.iter().map(|step| signed_span(*step)).collect();
    let steps =
        if steps.is_empty() { "not stepped".into() } else { format!("stepped by {}", steps.join(", ")) };
    lines.push(format!("The clock was {steps}, and slewed {}.", count(summary.slews, "time")));
    if let Some(found) = summary.frequency_ppm {
        let exact = ppm(summary.true_frequency_ppm);
        lines.push(format!("Its oscillator is corrected by {}; exact would be {exact}.", ppm(found)));
    }
    for source in &summary.sources {
        let offset =
            source.offset_s.map(|offset| format!(", {} off", signed_span(offset))).unwrap_or_default();
        let keys = source.key_exchanges.map(|times| format!(", {}", count(times, "key exchange")));
        let keys = keys.unwrap_or_default();
        lines.push(format!("  {:<10} {}{offset}{keys}", source.name, state_words(source.state)));
    }
    lines
}

fn plain_line(facts: &Facts, sources: &[SourceLine]) -> String {
    let bound = facts.bound_s.map_or("none yet".into(), span);
    let marks: Vec<String> =
        sources.iter().map(|source| format!("{} {}", mark(source.state), source.name)).collect();
    format!(
        "{:>7.1} s  true error {:>8}  bound {bound:>8}  {:<20}  {}",
        facts.at_s,
        span(facts.true_error_s.abs()),
        slew_words(facts.slew_ppm),
        marks.join("  ")
    )
}

/// A happening in words.
fn sentence(what: &What) -> String {
    match what {
        What::Began(error_s) => {
            let side = if *error_s < 0.0 { "behind" } else { "ahead of" };
            format!("the client's clock is {} {side} the truth and does not know it", span(error_s.abs()))
        }
        What::Stepped(by_s) => format!("the clock is stepped by {}", signed_span(*by_s)),
        What::FirstSlew(rate) => format!("the clock is slewed by {}", ppm(*rate)),
        What::Selected(source) => format!("{source} is selected"),
        What::Falseticker(source) => format!("{source} disagrees with the majority: a falseticker"),
        What::Synchronised => "the clock is synchronised".into(),
    }
}

fn slew_words(slew_ppm: f64) -> String {
    if slew_ppm == 0.0 { "steady".into() } else { format!("slewing {}", ppm(slew_ppm)) }
}

/// The mark that ntpq and chronyc users know.
fn mark(state: SourceState) -> char {
    match state {
        SourceState::SystemPeer => '*',
        SourceState::Survivor => '+',
        SourceState::Outlier => '-',
        SourceState::Falseticker => 'x',
        _ => '?',
    }
}

fn state_words(state: SourceState) -> &'static str {
    match state {
        SourceState::SystemPeer => "system peer",
        SourceState::Survivor => "survivor",
        SourceState::Outlier => "outlier",
        SourceState::Falseticker => "falseticker",
        SourceState::Rejected => "rejected",
        SourceState::NoSelect => "no select",
        SourceState::Unreachable => "no answer yet",
        SourceState::Offline => "offline",
        SourceState::Resolving => "resolving",
        SourceState::Stopped => "stopped",
    }
}

fn tone(state: SourceState) -> Tone {
    match state {
        SourceState::SystemPeer | SourceState::Survivor => Tone::Good,
        SourceState::Falseticker => Tone::Bad,
        _ => Tone::Plain,
    }
}

/// A size as one of eight bars, on the logarithmic scale of the curves.
fn level(seconds: f64) -> char {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let (low, high) = (CURVE_LOW_S.log10(), CURVE_HIGH_S.log10());
    let share = ((seconds.max(CURVE_LOW_S).log10() - low) / (high - low)).clamp(0.0, 1.0);
    // The share is at most 1, so the index is at most 7.
    BARS.get((share * 7.0).round() as usize).copied().unwrap_or('█')
}

/// To standard output.
fn put(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
