//! What computes the attention, as a command line names it.

mod counts;

pub use counts::{Counts, HeadCounts};

use crate::{Attention, AttentionInput, Error, FloatAttention, Result};
use candle_core::Tensor;

/// The sizes of a model that its attention depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelShape {
    /// Number of layers.
    pub layers: usize,
    /// Query heads of each layer.
    pub heads: usize,
    /// KV heads of each layer; the query heads are a multiple of them.
    pub kv_heads: usize,
    /// Head dimension D.
    pub head_dimension: usize,
}

/// An attention, as a command line names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Specification {
    text: String,
}

impl Specification {
    /// Reads a specification.
    ///
    /// # Errors
    /// [`Error::Specification`]: there is no such attention.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "float" => Ok(Specification { text: text.into() }),
            _ => Err(Error::Specification {
                text: text.into(),
                field: "attention".into(),
                found: text.into(),
                legal: "float".into(),
            }),
        }
    }

    /// The attention for a model of these sizes.
    ///
    /// # Errors
    /// Files that it names cannot be read or do not fit the model.
    pub fn prepare(&self, shape: &ModelShape) -> Result<Prepared> {
        Ok(Prepared {
            text: self.text.clone(),
            shape: *shape,
        })
    }
}

/// An attention, ready for forward passes in any number of threads.
#[derive(Clone, Debug)]
pub struct Prepared {
    text: String,
    shape: ModelShape,
}

impl Prepared {
    /// The specification's text.
    pub fn name(&self) -> &str {
        &self.text
    }

    /// The attention of one forward pass, or several after each other, which counts what it
    /// prunes.
    pub fn start(&self) -> CountingAttention<'_> {
        CountingAttention {
            _prepared: self,
            counts: Counts::new(&self.shape),
        }
    }
}

/// The attention of some forward passes.
#[derive(Debug)]
pub struct CountingAttention<'a> {
    _prepared: &'a Prepared,
    counts: Counts,
}

impl CountingAttention<'_> {
    /// What was pruned so far.
    pub fn into_counts(self) -> Counts {
        self.counts
    }
}

impl Attention for CountingAttention<'_> {
    fn attend(&mut self, input: AttentionInput) -> Result<Tensor> {
        FloatAttention.attend(input)
    }
}
