//! A picture of a run as SVG: the clock's true error within the corridor of its error bound, over time.
//!
//! The vertical axis is linear around zero and logarithmic outside, so that microseconds of error and milliseconds
//! of bound are seen together, with their signs. SVG is written by hand: it is a few dozen lines of text.

mod axis;
mod svg;

use truechimer_sim::Outcome as Run;
use truechimer_sim::check::Invariant;
use truechimer_sim::trace::{Column, Trace};

use crate::human::{self, span};
use axis::{Symlog, TimeAxis};
use svg::Svg;

#[cfg(test)]
mod tests;

/// How many columns of a run's course are worth keeping: the plot is about as many pixels wide on a good screen.
pub const COLUMNS: usize = 1600;

/// The picture, in SVG's units.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 540.0;
/// The area of the curves: left, top, right, bottom.
const AREA: [f64; 4] = [92.0, 92.0, 936.0, 484.0];

const INK: &str = "#1c2733";
const FAINT: &str = "#5d6b7a";
const GRID: &str = "#e3e7eb";
const CORRIDOR: &str = "#d7e9dc";
/// The bound at its largest within a column, where it grows between samples.
const PALE: f64 = 0.6;
const CORRIDOR_EDGE: &str = "#4c9a6a";
const ERROR: &str = "#1d56b0";
const ALARM: &str = "#c62828";

/// Draws a run. `about` says what its world is.
pub fn draw(run: &Run, about: &str, trace: &Trace) -> String {
    let [left, top, right, bottom] = AREA;
    let y = Symlog::new(scale(run, trace), [top, bottom]);
    let x = TimeAxis::new(trace.length_s(), [left, right]);
    let mut svg = Svg::new(WIDTH, HEIGHT, &format!("{}, seed {}", run.world, run.seed));
    heading(&mut svg, run, about);
    svg.open_clip(AREA);
    corridor(&mut svg, trace, &x, &y);
    svg.close();
    axes(&mut svg, &x, &y);
    svg.open_clip(AREA);
    error(&mut svg, trace, &x, &y);
    svg.close();
    for violation in run.violations.iter().filter(|violation| violation.invariant == Invariant::I1) {
        let at = x.place(violation.at_s);
        svg.line([at, top], [at, bottom], ALARM, 1.0, Some("4 3"));
    }
    legend(&mut svg, run);
    svg.finish()
}

/// The largest value worth showing, and the one below which the axis is linear, seconds.
///
/// The first errors and bounds are of milliseconds to seconds and soon gone: they run out of the picture.
fn scale(run: &Run, trace: &Trace) -> [f64; 2] {
    let settled = trace.columns().iter().skip(trace.columns().len() / 20);
    let largest = |column: &Column| {
        let error = column.error_high_s.max(-column.error_low_s);
        column.bound_s.map_or(error, |[_, bound]| bound.max(error))
    };
    let most = 1.3 * settled.map(largest).fold(1e-12, f64::max);
    let linear = if run.rms_time_s > 0.0 { run.rms_time_s } else { most / 100.0 };
    [most, 10_f64.powf(linear.log10().floor()).min(most / 10.0)]
}

fn heading(svg: &mut Svg, run: &Run, about: &str) {
    let [left, ..] = AREA;
    svg.text([left, 30.0], 17.0, INK, "start", Some("600"), &format!("{}: {about}", run.world));
    let figures = format!(
        "seed {}, {}; error {} RMS, {} at most; median bound {}; {}",
        run.seed,
        span(run.length_s),
        span(run.rms_time_s),
        span(run.max_time_s),
        run.median_bound_s.map_or_else(|| "unknown".into(), span),
        human::count(run.bound_violations, "violation")
    );
    svg.text([left, 51.0], 13.0, FAINT, "start", None, &figures);
}

/// What the curves are.
fn legend(svg: &mut Svg, run: &Run) {
    let [left, top, ..] = AREA;
    let y = top - 18.0;
    svg.line([left, y], [left + 22.0, y], ERROR, 2.5, None);
    svg.text([left + 29.0, y + 4.0], 12.5, INK, "start", None, "true error of the clock (+ is ahead)");
    let next = left + 290.0;
    svg.rect([next, y - 6.0], [22.0, 12.0], CORRIDOR, CORRIDOR_EDGE);
    svg.text([next + 29.0, y + 4.0], 12.5, INK, "start", None, "± error bound, as reported");
    let next = next + 215.0;
    svg.band([next, y - 6.0], [22.0, 12.0], CORRIDOR, PALE);
    svg.text([next + 29.0, y + 4.0], 12.5, INK, "start", None, "at its largest between");
    if run.bound_violations > 0 {
        let next = next + 185.0;
        svg.line([next, y], [next + 22.0, y], ALARM, 1.5, Some("4 3"));
        svg.text([next + 29.0, y + 4.0], 12.5, ALARM, "start", None, "error beyond the bound");
    }
}

fn axes(svg: &mut Svg, x: &TimeAxis, y: &Symlog) {
    let [left, top, right, bottom] = AREA;
    for tick in y.ticks() {
        let at = y.place(tick);
        svg.line([left, at], [right, at], if tick == 0.0 { FAINT } else { GRID }, 1.0, None);
        svg.text([left - 9.0, at + 4.0], 12.0, FAINT, "end", None, &label(tick));
    }
    for (tick, label) in x.ticks() {
        let at = x.place(tick);
        svg.line([at, top], [at, bottom], GRID, 1.0, None);
        svg.text([at, bottom + 19.0], 12.0, FAINT, "middle", None, &label);
    }
    svg.frame(AREA, FAINT);
    let middle = (left + right) / 2.0;
    svg.text(
        [middle, bottom + 42.0],
        13.0,
        INK,
        "middle",
        None,
        &format!("time since the start, {}", x.unit()),
    );
    let linear = format!(
        "error and bound (linear within {}, logarithmic outside)",
        label(y.linear()).replace('+', "±")
    );
    svg.upright([22.0, (top + bottom) / 2.0], 13.0, INK, &linear);
}

/// A power of ten: `+10 µs`.
fn label(tick: f64) -> String {
    human::signed_span(tick).replace(".00 ", " ").replace(".0 ", " ")
}

/// The bound on both sides of zero: what the error must not leave.
fn corridor(svg: &mut Svg, trace: &Trace, x: &TimeAxis, y: &Symlog) {
    let width = trace.length_s() / trace.columns().len().max(1) as f64;
    let places: Vec<(f64, Option<[f64; 2]>)> = (0..)
        .zip(trace.columns())
        .map(|(n, column)| (x.place((f64::from(n) + 0.5) * width), column.bound_s))
        .collect();
    for piece in places.split(|(_, bound)| bound.is_none()) {
        let edge = |sign: f64, which: fn([f64; 2]) -> f64| {
            let bounds = piece.iter().filter_map(|&(at, bound)| Some((at, bound?)));
            bounds.map(|(at, bound)| [at, y.place(sign * which(bound))]).collect::<Vec<_>>()
        };
        let (least, greatest) = (|[low, _]: [f64; 2]| low, |[_, high]: [f64; 2]| high);
        svg.area(&edge(1.0, greatest), &edge(-1.0, greatest), CORRIDOR, PALE);
        svg.area(&edge(1.0, least), &edge(-1.0, least), CORRIDOR, 1.0);
        for sign in [1.0, -1.0] {
            svg.curve(&edge(sign, least), CORRIDOR_EDGE, 1.0);
        }
    }
}

/// The error: all that it was within each column, so that no excursion is too short to be seen.
fn error(svg: &mut Svg, trace: &Trace, x: &TimeAxis, y: &Symlog) {
    let width = trace.length_s() / trace.columns().len().max(1) as f64;
    let edge = |which: fn(&Column) -> f64| {
        let places = (0..).zip(trace.columns());
        let place = |(n, column)| [x.place((f64::from(n) + 0.5) * width), y.place(which(column))];
        places.map(place).collect::<Vec<[f64; 2]>>()
    };
    let (high, low) = (edge(|column| column.error_high_s), edge(|column| column.error_low_s));
    svg.area(&high, &low, ERROR, 0.85);
    svg.curve(&high, ERROR, 0.7);
    svg.curve(&low, ERROR, 0.7);
}
