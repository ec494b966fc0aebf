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

/// How a table that is too wide for the terminal becomes narrower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Narrow {
    /// The column with this title goes.
    Drop(&'static str),
    /// The column with this title is reduced to its first character, its title too.
    First(&'static str),
}

/// Rows under headings.
#[derive(Debug)]
pub struct Table {
    columns: Vec<(&'static str, Edge)>,
    rows: Vec<Row>,
    left_out: Vec<&'static str>,
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
        Self { columns: columns.to_vec(), rows: Vec::new(), left_out: Vec::new() }
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

    /// The same table, made narrower by these means, in this order, until it fits into `width` columns; as it is if that
    /// is `None`. What is left out is named below the table.
    pub fn fit(mut self, width: Option<usize>, means: &[Narrow]) -> Self {
        for means in means {
            // Two spaces stand between columns.
            let total = self.widths().iter().map(|width| width + 2).sum::<usize>().saturating_sub(2);
            if width.is_none_or(|width| total <= width) {
                break;
            }
            let (Narrow::Drop(title) | Narrow::First(title)) = *means;
            let Some(column) = self.columns.iter().position(|(known, _)| *known == title) else { continue };
            match means {
                Narrow::Drop(_) => self.drop_column(column),
                Narrow::First(_) => self.keep_first(column),
            }
        }
        self
    }

    fn drop_column(&mut self, column: usize) {
        let (title, _) = self.columns.remove(column);
        self.left_out.push(title);
        for row in self.rows.iter_mut().filter(|row| row.cells.len() > column) {
            row.cells.remove(column);
        }
    }

    fn keep_first(&mut self, column: usize) {
        let first = |text: &str| text.char_indices().nth(1).map_or(text.len(), |(end, _)| end);
        if let Some((title, _)) = self.columns.get_mut(column) {
            *title = title.get(..first(title)).unwrap_or(title);
        }
        for cell in self.rows.iter_mut().filter_map(|row| row.cells.get_mut(column)) {
            cell.truncate(first(cell));
        }
    }

    fn headings(&self) -> Vec<String> {
        self.columns.iter().map(|(title, _)| (*title).to_owned()).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let headings = self.headings();
        (0..self.columns.len())
            .map(|column| {
                let cells = self.rows.iter().map(|row| &row.cells).chain([&headings]);
                cells
                    .filter_map(|cells| cells.get(column))
                    .map(|cell| cell.chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect()
    }

    /// The lines of the table, each with its newline and without spaces at its end.
    pub fn render(&self, paint: Paint) -> String {
        let (headings, widths) = (self.headings(), self.widths());
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
        if !self.left_out.is_empty() {
            text.push_str(&format!("Left out, as the terminal is narrow: {}\n", self.left_out.join(", ")));
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
