//! One layer of the decoder.

use super::LlamaConfig;
use super::weights::{Layout, Part};
use crate::Result;
use crate::checkpoint::Weights;
use crate::projected::{Projected, split_heads};
use candle_core::{Device, Tensor};
use candle_nn::ops::{rms_norm, silu};
use candle_nn::rotary_emb::{rope, rope_i};
use candle_nn::{Linear, Module};

/// One layer: attention and feed-forward, each with a normalization before it and a residual.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    pub(super) attention_output: Linear,
    gate: Linear,
    up: Linear,
    down: Linear,
    attention_norm: Tensor,
    feed_forward_norm: Tensor,
}

impl LlamaConfig {
    /// Root mean square layer normalization (Zhang and Sennrich, 2019, equation 4).
    pub(super) fn normalized(&self, hidden: &Tensor, weight: &Tensor) -> Result<Tensor> {
        Ok(rms_norm(hidden, weight, self.rms_norm_eps as f32)?)
    }
}

/// Rotary position embedding (Su et al., "RoFormer", 2021, equation 34) of the first tokens.
pub(super) struct Rotation {
    /// [tokens, D / 2] each.
    cosines: Tensor,
    sines: Tensor,
    layout: Layout,
}

impl Rotation {
    pub(super) fn new(config: &LlamaConfig, layout: Layout, tokens: usize) -> Result<Self> {
        let pairs = config.head_dimension / 2;
        let angle = |position: usize, pair: usize| {
            let exponent = -2.0 * pair as f64 / config.head_dimension as f64;
            position as f64 * config.rope_base.powf(exponent)
        };
        let table = |part: fn(f64) -> f64| {
            let values: Vec<f32> = (0..tokens)
                .flat_map(|position| (0..pairs).map(move |pair| (position, pair)))
                .map(|(position, pair)| part(angle(position, pair)) as f32)
                .collect();
            Tensor::from_vec(values, (tokens, pairs), &Device::Cpu)
        };
        Ok(Rotation {
            cosines: table(f64::cos)?,
            sines: table(f64::sin)?,
            layout,
        })
    }

    /// Turns queries or keys, [texts, heads, tokens, D], contiguous.
    fn apply(&self, heads: &Tensor) -> Result<Tensor> {
        Ok(match self.layout {
            Layout::Gguf => rope_i(heads, &self.cosines, &self.sines)?,
            Layout::HuggingFace => rope(heads, &self.cosines, &self.sines)?,
        })
    }
}

impl Layer {
    /// Takes a layer out of a checkpoint.
    pub(super) fn take(
        weights: &mut Weights,
        index: usize,
        layout: Layout,
        config: &LlamaConfig,
    ) -> Result<Self> {
        let hidden = config.hidden_size;
        let wide = config.intermediate_size;
        let all = config.num_attention_heads * config.head_dimension;
        let all_kv = config.num_key_value_heads * config.head_dimension;
        let mut linear = |part, outputs, inputs| -> Result<Linear> {
            let weight = layout.take(weights, index, part, &[outputs, inputs])?;
            Ok(Linear::new(weight, None))
        };
        Ok(Layer {
            query: linear(Part::Query, all, hidden)?,
            key: linear(Part::Key, all_kv, hidden)?,
            value: linear(Part::Value, all_kv, hidden)?,
            attention_output: linear(Part::AttentionOutput, hidden, all)?,
            gate: linear(Part::Gate, wide, hidden)?,
            up: linear(Part::Up, wide, hidden)?,
            down: linear(Part::Down, hidden, wide)?,
            attention_norm: layout.take(weights, index, Part::AttentionNorm, &[hidden])?,
            feed_forward_norm: layout.take(weights, index, Part::FeedForwardNorm, &[hidden])?,
        })
    }

    /// Queries, keys and values of hidden states, [texts, tokens, hidden size].
    pub(super) fn project(
        &self,
        hidden: &Tensor,
        config: &LlamaConfig,
        rotation: &Rotation,
    ) -> Result<Projected> {
        let input = config.normalized(hidden, &self.attention_norm)?;
        let heads = |linear: &Linear, count| split_heads(&linear.forward(&input)?, count);
        Ok(Projected {
            q: rotation.apply(&heads(&self.query, config.num_attention_heads)?)?,
            k: rotation.apply(&heads(&self.key, config.num_key_value_heads)?)?,
            v: heads(&self.value, config.num_key_value_heads)?,
        })
    }

    /// What follows the attention: from the layer's input, [texts, tokens, hidden size], and the
    /// attention's context, [texts, tokens, heads * D], to the layer's output.
    pub(super) fn finish(
        &self,
        hidden: &Tensor,
        context: &Tensor,
        config: &LlamaConfig,
    ) -> Result<Tensor> {
        let attended = (self.attention_output.forward(context)? + hidden)?;
        self.feed_forward(&attended, config)
    }

    /// SwiGLU (Shazeer, "GLU Variants Improve Transformer", 2020, equation 6).
    fn feed_forward(&self, hidden: &Tensor, config: &LlamaConfig) -> Result<Tensor> {
        let input = config.normalized(hidden, &self.feed_forward_norm)?;
        let gated = (silu(&self.gate.forward(&input)?)? * self.up.forward(&input)?)?;
        Ok((self.down.forward(&gated)? + hidden)?)
    }
}
