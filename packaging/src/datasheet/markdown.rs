//! Small pieces of Markdown.

use std::fmt;

/// A table.
pub(super) struct Table {
    columns: usize,
    lines: Vec<String>,
}

impl Table {
    /// A table with a heading; a name that begins with `>` is that of a column of numbers.
    pub fn new(heading: &[&str]) -> Self {
        let names = heading.iter().map(|name| name.trim_start_matches('>'));
        let rules = heading.iter().map(|name| match name.starts_with('>') {
            true => "---:".to_string(),
            false => "---".to_string(),
        });
        Table {
            columns: heading.len(),
            lines: vec![line(names.map(String::from)), line(rules)],
        }
    }

    /// Adds a row.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let cells = cells
            .into_iter()
            .map(|cell| cell.into().replace('|', "\\|"));
        self.lines.push(line(cells.take(self.columns)));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.lines.join("\n"))
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.collect();
    format!("| {} |", cells.join(" | "))
}

/// A number with a comma between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The anchor of a heading, as GitHub makes it.
pub(super) fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter_map(|character| match character {
        ' ' => Some('-'),
        '-' | '_' => Some(character),
        _ if character.is_alphanumeric() => Some(character.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_anchors() {
        let mut table = Table::new(&["name", ">LUT"]);
        table.row(["a|b", "1"]);
        assert_eq!(
            table.to_string(),
            "| name | LUT |\n| --- | ---: |\n| a\\|b | 1 |\n"
        );
        assert_eq!(anchor("Latency and throughput"), "latency-and-throughput");
        assert_eq!(anchor("Port `s_axis_attn`"), "port-s_axis_attn");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(123), "123");
    }
}
