//! How the attention values of a model are distributed, layer by layer and head by head.
//!
//! The histograms and the sparsity against a threshold of Ji et al., "On the Distribution,
//! Sparsity, and Inference-time Quantization of Attention Values in Transformers", Findings of
//! ACL 2021, arXiv 2106.01335, sections 3 and 4.

mod histogram;

pub use histogram::{BINS, BINS_PER_OCTAVE, Bin, Histogram, OCTAVES};

use crate::attention::fold_values;
use crate::{Attention, AttentionInput, FloatAttention, ModelShape, Result};
use candle_core::Tensor;

/// An attention that computes what [`FloatAttention`] does and counts the attention values of
/// every head on the way: those of valid queries and the keys that each sees.
#[derive(Clone, Debug)]
pub struct Histograms {
    shape: ModelShape,
    /// Layer by layer.
    heads: Vec<Histogram>,
}

impl Histograms {
    /// Nothing counted so far.
    pub fn new(shape: &ModelShape) -> Self {
        Histograms {
            shape: *shape,
            heads: vec![Histogram::default(); shape.layers * shape.heads],
        }
    }

    /// The sizes of the model.
    pub fn shape(&self) -> &ModelShape {
        &self.shape
    }

    /// All heads, layer by layer.
    pub fn heads(&self) -> &[Histogram] {
        &self.heads
    }

    /// The heads of each layer.
    pub fn layers(&self) -> impl Iterator<Item = &[Histogram]> {
        // A model without heads has no layers to show either.
        self.heads.chunks(self.shape.heads.max(1))
    }

    /// All heads together.
    pub fn total(&self) -> Histogram {
        self.heads.iter().sum()
    }
}

impl Attention for Histograms {
    /// # Errors
    /// As [`FloatAttention`]; a layer or a number of heads that the model does not have.
    fn attend(&mut self, input: AttentionInput) -> Result<Tensor> {
        let found = fold_values(input, Histogram::default, Histogram::count)?;
        let first = input.layer * self.shape.heads;
        let texts = input.lengths.len();
        let layer = self.heads.get_mut(first..first + self.shape.heads);
        let layer = layer.filter(|layer| layer.len() * texts == found.len());
        let Some(layer) = layer else {
            let (heads, number) = (found.len() / texts.max(1), input.layer);
            let text = format!("layer {number} of {heads} heads in {:?}", self.shape);
            return Err(candle_core::Error::Msg(text).into());
        };
        for (index, histogram) in found.iter().enumerate() {
            layer[index % self.shape.heads] += histogram;
        }
        FloatAttention.attend(input)
    }
}
