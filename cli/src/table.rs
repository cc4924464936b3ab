//! Tables of text.

use logattn_sim::Counters;
use logattn_studies::timing::described;
pub use logattn_studies::{grouped, percent};
use std::fmt;

/// A table with columns as wide as they need to be.
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column headings; `\n` breaks a heading, a leading `>` aligns its column
    /// to the right.
    pub fn new(header: &[&str]) -> Self {
        Table {
            header: header.iter().map(|title| (*title).to_string()).collect(),
            rows: Vec::new(),
        }
    }

    /// Appends a row of as many cells as there are columns; without any it is an empty line.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The headings as rows of the table, the last line of each in the last row.
    fn heading_rows(&self) -> Vec<Vec<String>> {
        let lines: Vec<Vec<&str>> = self
            .header
            .iter()
            .map(|title| title.trim_start_matches('>').split('\n').collect())
            .collect();
        let height = lines.iter().map(Vec::len).max().unwrap_or(0);
        (0..height)
            .map(|row| {
                let cell = |title: &Vec<&str>| match (row + title.len()).checked_sub(height) {
                    Some(line) => title[line].to_string(),
                    None => String::new(),
                };
                lines.iter().map(cell).collect()
            })
            .collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headings = self.heading_rows();
        let width = |column: usize| {
            let cells = headings
                .iter()
                .chain(&self.rows)
                .filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        for row in headings.iter().chain([&rule]).chain(&self.rows) {
            let mut line = String::new();
            for ((cell, width), title) in row.iter().zip(&widths).zip(&self.header) {
                let padded = if title.starts_with('>') {
                    format!("{cell:>width$}  ")
                } else {
                    format!("{cell:<width$}  ")
                };
                line += &padded;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A unit's counters as a table.
pub fn counters(counters: &Counters) -> Table {
    let mut table = Table::new(&["counter", ">value", "meaning"]);
    for (name, value, meaning) in described(counters) {
        table.row([name.to_string(), grouped(value), meaning.to_string()]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["name", ">bits\nstored"]);
        table.row(["a".into(), "3".into()]);
        table.row(["longer".into(), "16".into()]);
        let expected =
            "          bits\nname    stored\n------  ------\na            3\nlonger      16\n";
        assert_eq!(table.to_string(), expected);
    }
}
