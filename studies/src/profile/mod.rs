//! One report of a study: words, tables and plots, as Markdown and as an HTML page of its own.
//!
//! [`Page::of`] makes it of a [`crate::Study`], without reading or writing a file. The plots are
//! SVG; in Markdown they stand in files beside the text ([`Page::plots`]), in HTML in the page.

mod canvas;
mod document;
mod frame;
mod html;
mod lollipops;
mod markdown;
mod page;
mod plots;
mod scale;
mod sections;
mod theme;
mod words;

pub use document::{Block, Column, Span, Table, Text};
pub use page::Page;
pub use plots::{PLOT_NAMES, Plot};
pub use words::traffic_findings;

/// Text without a meaning in XML and HTML.
fn escape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '"' => plain.push_str("&quot;"),
            other => plain.push(other),
        }
    }
    plain
}
