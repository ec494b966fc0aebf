//! Columns that line up, and colour that says no more than the words beside it.

use crate::human::clean;

#[cfg(test)]
mod tests;

/// What a piece of text is, for its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Worth a look.
    Odd,
    /// Wrong.
    Bad,
    /// A heading.
    Heading,
}

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint(pub bool);

impl Paint {
    /// The text, safe to show, in its colour.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        let text = clean(text);
        let code = match tone {
            _ if !self.0 => return text,
            Tone::Plain => return text,
            Tone::Good => "32",
            Tone::Odd => "33",
            Tone::Bad => "31",
            Tone::Heading => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Which edge of a column the text stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under headings.
#[derive(Debug)]
pub struct Table {
    columns: Vec<(&'static str, Edge)>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    tone: Tone,
    cells: Vec<String>,
    notes: Vec<String>,
}

impl Table {
    /// A table with these columns.
    pub fn new(columns: &[(&'static str, Edge)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Another row; its first cell is in this tone. Cells that are missing are empty, cells too many are not shown.
    pub fn row(&mut self, tone: Tone, cells: Vec<String>) {
        // Cleaned before it is measured, so that what is shown is what was measured.
        let cells = cells.iter().map(|cell| clean(cell)).collect();
        self.rows.push(Row { tone, cells, notes: Vec::new() });
    }

    /// A line of its own under the last row, indented.
    pub fn note(&mut self, text: &str) {
        if let Some(row) = self.rows.last_mut() {
            row.notes.push(clean(text));
        }
    }

    /// The lines of the table, each with its newline and without spaces at its end.
    pub fn render(&self, paint: Paint) -> String {
        let headings: Vec<String> = self.columns.iter().map(|(title, _)| (*title).to_owned()).collect();
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| {
                let cells = self.rows.iter().map(|row| &row.cells).chain([&headings]);
                cells
                    .filter_map(|cells| cells.get(column))
                    .map(|cell| cell.chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        let heading = self.line(&headings, &widths, Paint(false), Tone::Plain);
        text.push_str(&paint.paint(Tone::Heading, &heading));
        text.push('\n');
        for row in &self.rows {
            text.push_str(&self.line(&row.cells, &widths, paint, row.tone));
            text.push('\n');
            for note in &row.notes {
                text.push_str("      ");
                text.push_str(note);
                text.push('\n');
            }
        }
        text
    }

    fn line(&self, cells: &[String], widths: &[usize], paint: Paint, tone: Tone) -> String {
        let mut line = String::new();
        for (index, ((_, edge), width)) in self.columns.iter().zip(widths).enumerate() {
            if index > 0 {
                line.push_str("  ");
            }
            let cell = cells.get(index).map_or("", String::as_str);
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            let shown = paint.paint(if index == 0 { tone } else { Tone::Plain }, cell);
            match edge {
                Edge::Left => line.extend([shown, padding]),
                Edge::Right => line.extend([padding, shown]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// `Name     value` lines, the values under each other.
#[derive(Debug, Default)]
pub struct Facts {
    lines: Vec<(&'static str, Tone, String)>,
}

impl Facts {
    /// Another line.
    pub fn add(&mut self, name: &'static str, value: impl Into<String>) {
        self.toned(name, Tone::Plain, value);
    }

    /// Another line whose value has a tone.
    pub fn toned(&mut self, name: &'static str, tone: Tone, value: impl Into<String>) {
        self.lines.push((name, tone, value.into()));
    }

    /// The lines, each indented by so many spaces and with its newline.
    pub fn render(&self, indent: usize, paint: Paint) -> String {
        let width = self.lines.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
        let line = |(name, tone, value): &(&'static str, Tone, String)| {
            format!("{:indent$}{name:width$}  {}\n", "", paint.paint(*tone, value))
        };
        self.lines.iter().map(line).collect()
    }
}
