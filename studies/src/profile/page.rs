//! The page as a whole.

use super::document::{Block, Table, Text};
use super::plots::Plot;
use super::sections;
use super::words;
use super::{html, markdown};
use crate::Error;
use crate::study::Study;

/// A study as a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Its title.
    pub title: String,
    /// What stands below.
    pub blocks: Vec<Block>,
}

impl Page {
    /// The page of a study.
    ///
    /// # Arguments
    /// - `command`: the command that makes it again.
    ///
    /// # Errors
    /// [`Error::Plot`] if the drawing library refuses a plot.
    pub fn of(study: &Study, command: &str) -> Result<Self, Error> {
        let mut blocks = opening(study, command);
        blocks.extend(sections::cycles(study)?);
        blocks.extend(sections::sparsity(study)?);
        blocks.extend(sections::traffic(study)?);
        blocks.extend(sections::roofline(study)?);
        blocks.extend(sections::energy(study)?);
        blocks.extend(sections::encodings(study)?);
        blocks.extend(sections::terms(study));
        let source = study.model.as_deref().unwrap_or(&study.input);
        let title = format!(
            "Attention profile: configuration {}, {} of {source}",
            study.configuration,
            study.phase.name()
        );
        Ok(Page { title, blocks })
    }

    /// As Markdown; the plots are files beside it.
    pub fn markdown(&self) -> String {
        markdown::render(&self.title, &self.blocks)
    }

    /// As one HTML file that needs no other, and no script.
    pub fn html(&self) -> String {
        html::render(&self.title, &self.blocks)
    }

    /// The findings, a line each.
    pub fn summary(&self) -> impl Iterator<Item = String> {
        let lists = self.blocks.iter().find_map(|block| match block {
            Block::List(items) => Some(items),
            _ => None,
        });
        lists.into_iter().flatten().map(Text::to_string)
    }

    /// The plots, in order.
    pub fn plots(&self) -> impl Iterator<Item = &Plot> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Figure(plot) => Some(plot),
            _ => None,
        })
    }
}

fn opening(study: &Study, command: &str) -> Vec<Block> {
    let shape = &study.shape;
    let mut made = Table::new(&["", ""]);
    let mut row = |name: &str, value: Text| made.row([Text::from(name), value]);
    row(
        "program",
        Text::default().plain("logattn ").plain(&study.logattn),
    );
    row("configuration", Text::default().code(&study.configuration));
    row(
        "its SHA-256 (first 16 bytes)",
        Text::default().code(&study.configuration_sha256),
    );
    row("input", Text::default().code(&study.input));
    row("model", study.model.as_deref().unwrap_or("not said").into());
    row("unit takes", Text::default().code(&study.input_kind));
    row("phase", words::phase(study).into());
    row("layers", shape.layers.to_string().into());
    let heads = format!(
        "{} query, {} key and value",
        shape.heads_per_layer, shape.kv_heads_per_layer
    );
    row("heads of a layer", heads.into());
    let causal = if shape.causal { ", causal" } else { "" };
    let rows = format!(
        "{} rows a head over up to {} keys{causal}",
        shape.rows_per_head, shape.keys
    );
    row("rows", rows.into());
    let unit = format!(
        "{} keys a beat, {} of D = {} lanes, query block B = {}, {}-bit values, {}-bit codes",
        shape.keys_per_beat,
        shape.lanes,
        shape.head_dimension,
        shape.query_block,
        shape.value_bits,
        shape.code_bits
    );
    row("unit", unit.into());
    vec![
        Block::table(made),
        Block::paragraph("Made by"),
        Block::Command(command.into()),
        Block::Section("Summary".into()),
        Block::List(words::summary(study)),
    ]
}
