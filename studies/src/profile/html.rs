//! A page as one HTML file that needs no other.

use super::document::{Block, Span, Table, Text};
use super::escape;

const STYLE: &str = include_str!("style.css");

/// The whole page, with plots and style in it and without scripts.
pub fn render(title: &str, blocks: &[Block]) -> String {
    let title = escape(title);
    let body: String = blocks.iter().map(block_text).collect();
    let sections = contents(blocks);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n{sections}{body}</main>\n</body>\n</html>\n"
    )
}

/// Links to the sections.
fn contents(blocks: &[Block]) -> String {
    let links: String = blocks
        .iter()
        .filter_map(|block| match block {
            Block::Section(heading) => Some(format!(
                "<a href=\"#{}\">{}</a>\n",
                anchor(heading),
                escape(heading)
            )),
            _ => None,
        })
        .collect();
    format!("<nav>\n{links}</nav>\n")
}

/// The name by which a heading is linked to.
fn anchor(heading: &str) -> String {
    let dashed = |c: char| if c.is_alphanumeric() { c } else { '-' };
    heading.to_lowercase().chars().map(dashed).collect()
}

fn block_text(block: &Block) -> String {
    match block {
        Block::Section(heading) => {
            format!("<h2 id=\"{}\">{}</h2>\n", anchor(heading), escape(heading))
        }
        Block::Paragraph(text) => format!("<p>{}</p>\n", line(text)),
        Block::List(items) => {
            let items: String = items
                .iter()
                .map(|item| format!("<li>{}</li>\n", line(item)))
                .collect();
            format!("<ul>\n{items}</ul>\n")
        }
        Block::Command(command) => format!("<pre><code>{}</code></pre>\n", escape(command)),
        Block::Table {
            summary: None,
            table,
        } => table_text(table),
        Block::Table {
            summary: Some(summary),
            table,
        } => format!(
            "<details><summary>{}</summary>\n{}</details>\n",
            escape(summary),
            table_text(table)
        ),
        Block::Figure(plot) => format!(
            "<figure>\n{}<figcaption>{}</figcaption>\n</figure>\n",
            plot.svg,
            escape(&plot.caption)
        ),
    }
}

fn table_text(table: &Table) -> String {
    let class = |column: usize| {
        let number = table.columns.get(column).is_some_and(|c| c.number);
        if number { " class=\"number\"" } else { "" }
    };
    let headings: String = table
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| format!("<th{}>{}</th>", class(index), escape(&column.heading)))
        .collect();
    let row = |cells: &Vec<Text>| {
        let cells: String = cells
            .iter()
            .enumerate()
            .map(|(index, cell)| format!("<td{}>{}</td>", class(index), line(cell)))
            .collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = table.rows.iter().map(row).collect();
    format!(
        "<div class=\"table\"><table>\n<thead><tr>{headings}</tr></thead>\n<tbody>\n{rows}</tbody>\n\
         </table></div>\n"
    )
}

fn line(text: &Text) -> String {
    text.0
        .iter()
        .map(|span| match span {
            Span::Plain(text) => escape(text),
            Span::Code(code) => format!("<code>{}</code>", escape(code)),
            Span::Strong(text) => format!("<strong>{}</strong>", escape(text)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_break_out() {
        let text = Text::default().plain("<script>").code("a\"&b").strong("!");
        let expected = "&lt;script&gt;<code>a&quot;&amp;b</code><strong>!</strong>";
        assert_eq!(line(&text), expected);
        let page = render("</title>", &[Block::Section("K & V".into())]);
        assert!(page.contains("<title>&lt;/title&gt;</title>"));
        assert!(page.contains("<a href=\"#k---v\">K &amp; V</a>"));
        assert!(page.contains("<h2 id=\"k---v\">K &amp; V</h2>"));
    }

    #[test]
    fn cells_are_aligned_as_their_column() {
        let mut table = Table::new(&["name", ">bytes"]);
        table.row(["K", "12"]);
        let expected = "<tr><td>K</td><td class=\"number\">12</td></tr>";
        assert!(table_text(&table).contains(expected));
    }
}
