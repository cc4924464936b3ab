//! A page as Markdown, with its plots in files beside it.

use super::document::{Block, Span, Table, Text};
use super::plots::Plot;
use std::fmt::Write;

/// The whole page.
pub fn render(title: &str, blocks: &[Block]) -> String {
    let mut page = format!("# {}\n", escaped(title));
    for block in blocks {
        page.push('\n');
        page += &block_text(block);
    }
    page
}

fn block_text(block: &Block) -> String {
    match block {
        Block::Section(heading) => format!("## {}\n", escaped(heading)),
        Block::Paragraph(text) => format!("{}\n", line(text)),
        Block::List(items) => items
            .iter()
            .map(|item| format!("- {}\n", line(item)))
            .collect(),
        Block::Command(command) => {
            let fence = fence(command, 3);
            format!("{fence}sh\n{command}\n{fence}\n")
        }
        Block::Table {
            summary: None,
            table,
        } => table_text(table),
        Block::Table {
            summary: Some(summary),
            table,
        } => format!(
            "<details><summary>{}</summary>\n\n{}\n</details>\n",
            super::escape(summary),
            table_text(table)
        ),
        Block::Figure(plot) => figure(plot),
    }
}

fn figure(plot: &Plot) -> String {
    format!(
        "![{}]({})\n\n{}\n",
        escaped(&plot.title),
        plot.file(),
        escaped(&plot.caption)
    )
}

fn table_text(table: &Table) -> String {
    let mut text = String::new();
    let headings = table.columns.iter().map(|column| escaped(&column.heading));
    push_row(&mut text, headings);
    let rules = table
        .columns
        .iter()
        .map(|column| if column.number { "--:" } else { "---" }.to_string());
    push_row(&mut text, rules);
    for row in &table.rows {
        push_row(&mut text, row.iter().map(cell));
    }
    text
}

fn push_row(text: &mut String, cells: impl Iterator<Item = String>) {
    for cell in cells {
        // Writing to a string does not fail.
        let _ = write!(text, "| {cell} ");
    }
    text.push_str("|\n");
}

/// A line in a cell: a bar ends a cell even inside of code.
fn cell(text: &Text) -> String {
    let code_bars = |span: &Span| match span {
        Span::Code(code) => Span::Code(code.replace('|', "\\|")),
        other => other.clone(),
    };
    line(&Text(text.0.iter().map(code_bars).collect()))
}

fn line(text: &Text) -> String {
    text.0
        .iter()
        .map(|span| match span {
            Span::Plain(text) => escaped(text),
            Span::Strong(text) => format!("**{}**", escaped(text)),
            Span::Code(code) => inline_code(code),
        })
        .collect()
}

fn inline_code(code: &str) -> String {
    let fence = fence(code, 1);
    let room = if code.starts_with('`') || code.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{room}{}{room}{fence}", code.replace('\n', " "))
}

/// Backticks, at least so many, one more than stand together in the text.
fn fence(text: &str, least: usize) -> String {
    let (mut longest, mut run) = (0, 0);
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat(least.max(longest + 1))
}

/// Text in which Markdown sees no marks.
fn escaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '|' => {
                plain.push('\\');
                plain.push(character);
            }
            '\n' | '\r' => plain.push(' '),
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_the_text_are_not_marks_of_markdown() {
        let text = Text::default().plain("a_b | *c*").code("x|y").code("`q");
        assert_eq!(line(&text), "a\\_b \\| \\*c\\*`x|y``` `q ``");
        assert_eq!(cell(&Text::default().code("x|y")), "`x\\|y`");
    }

    #[test]
    fn blocks() {
        let mut table = Table::new(&["name", ">bytes"]);
        table.row(["K", "12"]);
        let blocks = [
            Block::Section("Traffic".into()),
            Block::List(vec!["one".into(), "two".into()]),
            Block::Command("logattn".into()),
            Block::table(table.clone()),
            Block::long_table("all", table),
        ];
        let table = "| name | bytes |\n| --- | --: |\n| K | 12 |\n";
        let expected = format!(
            "# T\n\n## Traffic\n\n- one\n- two\n\n```sh\nlogattn\n```\n\n{table}\n\
             <details><summary>all</summary>\n\n{table}\n</details>\n"
        );
        assert_eq!(render("T", &blocks), expected);
    }
}
