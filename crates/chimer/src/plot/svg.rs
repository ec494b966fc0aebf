//! The few elements of SVG that a plot needs.

use std::fmt::Write;

/// A document in the making.
pub(super) struct Svg {
    text: String,
    clips: usize,
}

type Place = [f64; 2];

impl Svg {
    /// Of this size, with a title for those who cannot see it.
    pub(super) fn new(width: f64, height: f64, title: &str) -> Self {
        let title = escape(title);
        let text = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="Inter, 'DejaVu Sans', 'Helvetica Neue', Arial, sans-serif" role="img">
<title>{title}</title>
<rect width="{width}" height="{height}" fill="#ffffff"/>
"##
        );
        Self { text, clips: 0 }
    }

    pub(super) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }

    fn add(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }

    pub(super) fn line(&mut self, from: Place, to: Place, colour: &str, width: f64, dashes: Option<&str>) {
        let ([x1, y1], [x2, y2]) = (from.map(round), to.map(round));
        let dashes = dashes.map(|dashes| format!(r#" stroke-dasharray="{dashes}""#)).unwrap_or_default();
        self.add(format_args!(
            r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" stroke-width="{width}"{dashes}/>"#
        ));
    }

    pub(super) fn rect(&mut self, [x, y]: Place, [width, height]: Place, fill: &str, edge: &str) {
        self.add(format_args!(
            r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}" stroke="{edge}"/>"#
        ));
    }

    /// Like [`rect`](Self::rect), without an edge and half transparent.
    pub(super) fn band(&mut self, [x, y]: Place, [width, height]: Place, fill: &str, opacity: f64) {
        self.add(format_args!(
            r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}" fill-opacity="{opacity}"/>"#
        ));
    }

    /// The outline of an area.
    pub(super) fn frame(&mut self, [left, top, right, bottom]: [f64; 4], colour: &str) {
        self.rect([left, top], [right - left, bottom - top], "none", colour);
    }

    /// `anchor` is `start`, `middle` or `end`.
    pub(super) fn text(
        &mut self,
        at: Place,
        size: f64,
        colour: &str,
        anchor: &str,
        weight: Option<&str>,
        words: &str,
    ) {
        let ([x, y], words) = (at.map(round), escape(words));
        let weight = weight.map(|weight| format!(r#" font-weight="{weight}""#)).unwrap_or_default();
        self.add(format_args!(
            r#"<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="{anchor}"{weight}>{words}</text>"#
        ));
    }

    /// Text from the bottom to the top, around this place.
    pub(super) fn upright(&mut self, at: Place, size: f64, colour: &str, words: &str) {
        let ([x, y], words) = (at.map(round), escape(words));
        self.add(format_args!(
            r#"<text transform="translate({x} {y}) rotate(-90)" font-size="{size}" fill="{colour}" text-anchor="middle">{words}</text>"#
        ));
    }

    /// What follows is only seen in this area, until [`close`](Self::close).
    pub(super) fn open_clip(&mut self, [left, top, right, bottom]: [f64; 4]) {
        self.clips += 1;
        let (id, width, height) = (self.clips, right - left, bottom - top);
        self.add(format_args!(
            r##"<clipPath id="area{id}"><rect x="{left}" y="{top}" width="{width}" height="{height}"/></clipPath>
<g clip-path="url(#area{id})">"##
        ));
    }

    pub(super) fn close(&mut self) {
        self.add(format_args!("</g>"));
    }

    /// A line through all places.
    pub(super) fn curve(&mut self, places: &[Place], colour: &str, width: f64) {
        if places.is_empty() {
            return;
        }
        let path = path(places.iter());
        self.add(format_args!(
            r#"<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"/>"#
        ));
    }

    /// All between two curves of the same horizontal places.
    pub(super) fn area(&mut self, above: &[Place], below: &[Place], colour: &str, opacity: f64) {
        if above.is_empty() {
            return;
        }
        let path = path(above.iter().chain(below.iter().rev()));
        self.add(format_args!(r#"<path d="{path}Z" fill="{colour}" fill-opacity="{opacity}"/>"#));
    }
}

fn path<'a>(places: impl Iterator<Item = &'a Place>) -> String {
    let mut path = String::new();
    for (number, place) in places.enumerate() {
        let [x, y] = place.map(round);
        let letter = if number == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{letter}{x} {y}");
    }
    path
}

/// A tenth of a pixel is fine enough, and a number that is none stands in the corner rather than breaking the file.
fn round(value: f64) -> f64 {
    if value.is_finite() { (value * 10.0).round() / 10.0 } else { 0.0 }
}

/// Text that can stand between tags. Control characters, which XML does not have, are replaced.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests;
