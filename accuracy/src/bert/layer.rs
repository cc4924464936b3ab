//! One layer of an encoder.

use super::BertConfig;
use crate::Result;
use crate::checkpoint::Weights;
use crate::fused::{linear as applied, linear_gelu};
use crate::projected::{Projected, split_heads};
use candle_core::Tensor;
use candle_nn::{LayerNorm, Linear, Module};

/// One layer: attention, feed-forward, each with a residual and a layer normalization after it.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) query: Linear,
    pub(crate) key: Linear,
    pub(crate) value: Linear,
    pub(crate) attention_output: Linear,
    pub(crate) attention_norm: LayerNorm,
    pub(crate) intermediate: Linear,
    pub(crate) output: Linear,
    pub(crate) output_norm: LayerNorm,
}

impl Layer {
    /// Takes a layer out of a checkpoint.
    pub(super) fn take(weights: &mut Weights, index: usize, config: &BertConfig) -> Result<Self> {
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let mut named = |name: &str, inputs, outputs| {
            let name = format!("encoder.layer.{index}.{name}");
            linear(weights, &name, inputs, outputs)
        };
        let query = named("attention.self.query", hidden, hidden)?;
        let key = named("attention.self.key", hidden, hidden)?;
        let value = named("attention.self.value", hidden, hidden)?;
        let attention_output = named("attention.output.dense", hidden, hidden)?;
        let intermediate = named("intermediate.dense", hidden, wide)?;
        let output = named("output.dense", wide, hidden)?;
        let mut named = |name: &str| {
            let name = format!("encoder.layer.{index}.{name}.LayerNorm");
            norm(weights, &name, config)
        };
        Ok(Layer {
            query,
            key,
            value,
            attention_output,
            attention_norm: named("attention.output")?,
            intermediate,
            output,
            output_norm: named("output")?,
        })
    }

    /// Queries, keys and values of hidden states, [batch, tokens, hidden size].
    pub(super) fn project(&self, hidden: &Tensor, config: &BertConfig) -> Result<Projected> {
        let heads = |linear: &Linear| {
            let projected = applied(linear, hidden)?;
            split_heads(&projected, config.num_attention_heads)
        };
        Ok(Projected {
            q: heads(&self.query)?,
            k: heads(&self.key)?,
            v: heads(&self.value)?,
        })
    }

    /// What follows the attention: from the layer's input and the attention's context, each
    /// [batch, tokens, hidden size], to the layer's output.
    pub(super) fn finish(&self, hidden: &Tensor, context: &Tensor) -> Result<Tensor> {
        let attended = (applied(&self.attention_output, context)? + hidden)?;
        let attended = self.attention_norm.forward(&attended)?;
        let wide = linear_gelu(&self.intermediate, &attended)?;
        let output = (applied(&self.output, &wide)? + &attended)?;
        Ok(self.output_norm.forward(&output)?)
    }
}

/// Takes a linear layer with a bias out of a checkpoint.
pub(super) fn linear(
    weights: &mut Weights,
    name: &str,
    inputs: usize,
    outputs: usize,
) -> Result<Linear> {
    let weight = weights.take(&format!("{name}.weight"), &[outputs, inputs])?;
    let bias = weights.take(&format!("{name}.bias"), &[outputs])?;
    Ok(Linear::new(weight, Some(bias)))
}

/// Takes a layer normalization out of a checkpoint.
pub(super) fn norm(weights: &mut Weights, name: &str, config: &BertConfig) -> Result<LayerNorm> {
    // Checkpoints that were converted from the first release (bert-base-uncased is one) have these.
    let old = weights.contains(&format!("{name}.gamma"));
    let (weight, bias) = if old {
        ("gamma", "beta")
    } else {
        ("weight", "bias")
    };
    let weight = weights.take(&format!("{name}.{weight}"), &[config.hidden_size])?;
    let bias = weights.take(&format!("{name}.{bias}"), &[config.hidden_size])?;
    Ok(LayerNorm::new(weight, bias, config.layer_norm_eps))
}
