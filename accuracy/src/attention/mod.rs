//! The attention of a transformer layer behind a trait, so that it can be replaced.

mod exp;
mod golden;
mod heads;
mod int8;
mod panels;
mod weights;

pub(crate) use exp::{exp, renormalize, softmax};
pub(crate) use golden::{GoldenAttention, UnitSettings};
pub(crate) use heads::Counted;
pub use weights::attention_values;
pub(crate) use weights::{attend_int8, attend_weighted, collect_values, fold_values};

use crate::Result;
use candle_core::{Device, Tensor};
use candle_nn::ops::softmax_last_dim;

/// What the attention of one layer gets.
#[derive(Clone, Copy, Debug)]
pub struct AttentionInput<'a> {
    /// The layer, from 0.
    pub layer: usize,
    /// Queries, [batch, heads, tokens, D], contiguous; logits are q·k / sqrt(D).
    pub q: &'a Tensor,
    /// Keys, [batch, KV heads, tokens, D], contiguous. Head h reads those of KV head h / (heads /
    /// KV heads); the number of heads is a multiple of that of KV heads.
    pub k: &'a Tensor,
    /// Values, [batch, KV heads, tokens, D], contiguous.
    pub v: &'a Tensor,
    /// Number of valid tokens of each text of the batch, at least 1; those after them are padding.
    pub lengths: &'a [usize],
    /// Whether a token sees only itself and those before it.
    pub causal: bool,
}

/// Attention of all heads of a layer.
pub trait Attention {
    /// Each query's mean of the valid values, weighted by attention: [batch, heads, tokens, D].
    /// What is returned for queries of padding does not matter, as long as it is finite.
    ///
    /// # Errors
    /// What the implementation may fail at.
    fn attend(&mut self, input: AttentionInput) -> Result<Tensor>;
}

/// Softmax attention in single precision: softmax(Q·Kᵀ / sqrt(D))·V, as the model was trained
/// (Vaswani et al., "Attention Is All You Need", 2017, equation 1).
#[derive(Clone, Copy, Debug, Default)]
pub struct FloatAttention;

impl Attention for FloatAttention {
    fn attend(&mut self, input: AttentionInput) -> Result<Tensor> {
        let (texts, heads, tokens, dimension) = input.q.dims4()?;
        let kv_heads = input.k.dim(1)?;
        // The queries of all heads of a KV head are rows of one product, so that no key or value
        // is copied.
        let rows = heads / kv_heads * tokens;
        let scale = 1.0 / (dimension as f64).sqrt();
        let q = input.q.reshape((texts, kv_heads, rows, dimension))?;
        let logits = (q.matmul(&input.k.t()?)? * scale)?;
        let mut logits = logits.reshape((texts, heads, tokens, tokens))?;
        let mask = match input.causal {
            // Padding stands after the text, where no token of the text sees it.
            true => causal_mask(tokens)?,
            false => padding_mask(input.lengths, tokens)?,
        };
        if let Some(mask) = mask {
            logits = logits.broadcast_add(&mask)?;
        }
        let attention = softmax_last_dim(&logits)?.reshape((texts, kv_heads, rows, tokens))?;
        let output = attention.matmul(input.v)?;
        Ok(output.reshape((texts, heads, tokens, dimension))?)
    }
}

/// 0 for keys up to the row's own and minus infinity after it, [1, 1, tokens, tokens]; `None` for
/// a single token.
fn causal_mask(tokens: usize) -> Result<Option<Tensor>> {
    if tokens == 1 {
        return Ok(None);
    }
    let seen = |row: usize, key: usize| if key <= row { 0.0 } else { f32::NEG_INFINITY };
    let values: Vec<f32> = (0..tokens)
        .flat_map(|row| (0..tokens).map(move |key| seen(row, key)))
        .collect();
    let shape = (1, 1, tokens, tokens);
    Ok(Some(Tensor::from_vec(values, shape, &Device::Cpu)?))
}

/// 0 for valid keys and minus infinity for padding, [batch, 1, 1, tokens]; `None` if there is no
/// padding.
fn padding_mask(lengths: &[usize], tokens: usize) -> Result<Option<Tensor>> {
    if lengths.iter().all(|&length| length == tokens) {
        return Ok(None);
    }
    let values: Vec<f32> = lengths
        .iter()
        .flat_map(|&length| {
            (0..tokens).map(move |key| if key < length { 0.0 } else { f32::NEG_INFINITY })
        })
        .collect();
    let shape = (lengths.len(), 1, 1, tokens);
    Ok(Some(Tensor::from_vec(values, shape, &Device::Cpu)?))
}

/// Queries, keys and values of one layer, each [batch, (KV) heads, tokens, D].
#[derive(Clone, Debug)]
pub struct LayerRecord {
    /// Queries.
    pub q: Tensor,
    /// Keys.
    pub k: Tensor,
    /// Values.
    pub v: Tensor,
}

/// Keeps what another attention gets.
#[derive(Clone, Debug, Default)]
pub struct RecordingAttention<A> {
    inner: A,
    layers: Vec<LayerRecord>,
}

impl<A: Attention> RecordingAttention<A> {
    /// Records what `inner` gets.
    pub fn new(inner: A) -> Self {
        RecordingAttention {
            inner,
            layers: Vec::new(),
        }
    }

    /// What was recorded, in the order of the calls: one record a layer and forward pass.
    pub fn into_layers(self) -> Vec<LayerRecord> {
        self.layers
    }
}

impl<A: Attention> Attention for RecordingAttention<A> {
    fn attend(&mut self, input: AttentionInput) -> Result<Tensor> {
        // Tensors are shared, not copied.
        self.layers.push(LayerRecord {
            q: input.q.clone(),
            k: input.k.clone(),
            v: input.v.clone(),
        });
        self.inner.attend(input)
    }
}
