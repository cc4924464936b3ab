//! What a page says, before it is Markdown or HTML.

use super::plots::Plot;
use std::fmt;

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    /// As it reads.
    Plain(String),
    /// Names of files, fields and configurations.
    Code(String),
    /// Stressed.
    Strong(String),
}

/// A line or a paragraph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub Vec<Span>);

impl Text {
    /// `text` as it reads.
    pub fn plain(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Plain(text.into()));
        self
    }

    /// A name.
    pub fn code(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Code(text.into()));
        self
    }

    /// Stressed.
    pub fn strong(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Strong(text.into()));
        self
    }
}

impl fmt::Display for Text {
    /// Without marks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|span| match span {
            Span::Plain(text) | Span::Code(text) | Span::Strong(text) => f.write_str(text),
        })
    }
}

impl<T: Into<String>> From<T> for Text {
    fn from(text: T) -> Self {
        Text::default().plain(text)
    }
}

/// A table; every row has as many cells as there are columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Headings, with units.
    pub columns: Vec<Column>,
    /// Cells.
    pub rows: Vec<Vec<Text>>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub heading: String,
    /// Numbers, aligned to the right.
    pub number: bool,
}

impl Table {
    /// A table with these headings; a leading `>` aligns a column to the right.
    pub fn new(headings: &[&str]) -> Self {
        let column = |heading: &&str| Column {
            heading: heading.trim_start_matches('>').into(),
            number: heading.starts_with('>'),
        };
        Table {
            columns: headings.iter().map(column).collect(),
            rows: Vec::new(),
        }
    }

    /// Appends a row.
    pub fn row<T: Into<Text>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }
}

/// A part of a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// Heading of a section.
    Section(String),
    /// A paragraph.
    Paragraph(Text),
    /// A list of lines.
    List(Vec<Text>),
    /// A command for a shell.
    Command(String),
    /// A table; with a `summary` it is long, and shown when asked for.
    Table {
        /// What the reader opens.
        summary: Option<String>,
        /// The table.
        table: Table,
    },
    /// A plot.
    Figure(Plot),
}

impl Block {
    /// A table that is always shown.
    pub fn table(table: Table) -> Self {
        Block::Table {
            summary: None,
            table,
        }
    }

    /// A table that is shown when asked for.
    pub fn long_table(summary: impl Into<String>, table: Table) -> Self {
        Block::Table {
            summary: Some(summary.into()),
            table,
        }
    }

    /// A paragraph.
    pub fn paragraph(text: impl Into<Text>) -> Self {
        Block::Paragraph(text.into())
    }
}
