//! The Llama decoder (Touvron et al., "LLaMA", 2023, section 2.2), with grouped queries (Ainslie
//! et al., "GQA", 2023), from a GGUF file or a Hugging Face checkpoint folder.

mod config;
mod weights;

pub use config::LlamaConfig;

use crate::bert::check_ids;
use crate::checkpoint::Weights;
use crate::gguf::GgufMetadata;
use crate::{Attention, AttentionInput, Error, ModelShape, Result};
use candle_core::{D, Device, Tensor};
use candle_nn::ops::{rms_norm, silu};
use candle_nn::rotary_emb::{rope, rope_i};
use candle_nn::{Linear, Module};
use std::path::Path;
use weights::{Layout, Part};

/// One layer: attention and feed-forward, each with a normalization before it and a residual.
#[derive(Clone, Debug)]
struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attention_output: Linear,
    gate: Linear,
    up: Linear,
    down: Linear,
    attention_norm: Tensor,
    feed_forward_norm: Tensor,
}

/// A Llama decoder.
#[derive(Clone, Debug)]
pub struct Llama {
    config: LlamaConfig,
    layout: Layout,
    embeddings: Tensor,
    layers: Vec<Layer>,
    norm: Tensor,
    output: Linear,
}

impl Llama {
    /// Reads config.json and model.safetensors of a checkpoint folder.
    ///
    /// # Errors
    /// A file is missing or malformed, the architecture is another, or weights are missing,
    /// unknown, of the wrong shape, or not finite.
    pub fn load_folder(folder: &Path) -> Result<Self> {
        let config = LlamaConfig::load(&folder.join("config.json"))?;
        let mut weights = Weights::load(&folder.join("model.safetensors"))?;
        let shape = [config.vocab_size, config.hidden_size];
        let embeddings = weights.take(Layout::HuggingFace.embeddings(), &shape)?;
        Self::new(config, Layout::HuggingFace, embeddings, weights)
    }

    /// Takes the model out of a GGUF file (see [`crate::gguf::load`]).
    ///
    /// # Errors
    /// The architecture is another, metadata is missing or has illegal values, or weights are
    /// missing, unknown or of the wrong shape.
    pub fn from_gguf(metadata: &GgufMetadata, mut weights: Weights) -> Result<Self> {
        // Another architecture has other tensors: that is to be said first.
        config::require_architecture(metadata)?;
        let name = Layout::Gguf.embeddings();
        let embeddings = weights.take_any(name)?;
        let &[rows, width] = embeddings.dims() else {
            return Err(weights.wrong_shape(name, &embeddings, "[vocabulary, width]".into()));
        };
        let tied = !weights.contains(Layout::Gguf.output());
        let config = LlamaConfig::from_gguf(metadata, rows, tied)?;
        if width != config.hidden_size {
            let legal = format!("[{rows}, {}]", config.hidden_size);
            return Err(weights.wrong_shape(name, &embeddings, legal));
        }
        Self::new(config, Layout::Gguf, embeddings, weights)
    }

    fn new(
        config: LlamaConfig,
        layout: Layout,
        embeddings: Tensor,
        mut weights: Weights,
    ) -> Result<Self> {
        let layers = (0..config.num_hidden_layers)
            .map(|index| Layer::take(&mut weights, index, layout, &config))
            .collect::<Result<_>>()?;
        let norm = weights.take(layout.norm(), &[config.hidden_size])?;
        let output = match config.tied {
            true => embeddings.clone(),
            false => weights.take(layout.output(), embeddings.dims())?,
        };
        layout.nothing_left(&weights, &config)?;
        Ok(Llama {
            config,
            layout,
            embeddings,
            layers,
            norm,
            output: Linear::new(output, None),
        })
    }

    /// The model's sizes.
    pub fn config(&self) -> &LlamaConfig {
        &self.config
    }

    /// Runs the decoder on texts, each its token ids: the last hidden states, normalized, [texts,
    /// tokens of the longest, hidden size]. Those of padding, after a shorter text, mean nothing.
    ///
    /// # Errors
    /// No text; a text without tokens, with more than the model can read, or with ids beyond its
    /// vocabulary; what `attention` fails at.
    pub fn hidden_states(&self, texts: &[&[u32]], attention: &mut dyn Attention) -> Result<Tensor> {
        let lengths = self.checked_lengths(texts)?;
        let tokens = lengths.iter().copied().max().unwrap_or(0);
        let ids: Vec<u32> = texts
            .iter()
            .flat_map(|ids| {
                let padding = std::iter::repeat_n(0, tokens - ids.len());
                ids.iter().copied().chain(padding)
            })
            .collect();
        let ids = Tensor::from_vec(ids, texts.len() * tokens, &Device::Cpu)?;
        let embedded = self.embeddings.index_select(&ids, 0)?;
        let mut hidden = embedded.reshape((texts.len(), tokens, self.config.hidden_size))?;
        let rotation = Rotation::new(&self.config, self.layout, tokens)?;
        for (index, layer) in self.layers.iter().enumerate() {
            hidden = layer.attend(&hidden, index, &self.config, &rotation, &lengths, attention)?;
            hidden = layer.feed_forward(&hidden, &self.config)?;
        }
        self.config.normalized(&hidden, &self.norm)
    }

    /// What the attention depends on.
    pub fn shape(&self) -> ModelShape {
        ModelShape {
            layers: self.config.num_hidden_layers,
            heads: self.config.num_attention_heads,
            kv_heads: self.config.num_key_value_heads,
            head_dimension: self.config.head_dimension,
        }
    }

    /// As [`Llama::hidden_states`] with each of several attentions; what does not depend on them
    /// is computed once.
    ///
    /// # Errors
    /// As [`Llama::hidden_states`].
    pub fn hidden_states_each(
        &self,
        texts: &[&[u32]],
        attentions: &mut [&mut dyn Attention],
    ) -> Result<Vec<Tensor>> {
        let passes = attentions.iter_mut();
        passes
            .map(|attention| self.hidden_states(texts, *attention))
            .collect()
    }

    /// Logits of the token after each: hidden states [..., hidden size] to [..., vocabulary].
    ///
    /// # Errors
    /// `hidden` has another last dimension.
    pub fn logits(&self, hidden: &Tensor) -> Result<Tensor> {
        Ok(self.output.forward(hidden)?)
    }

    fn checked_lengths(&self, texts: &[&[u32]]) -> Result<Vec<usize>> {
        let wrong = |what, found, legal| Err(Error::Tokens { what, found, legal });
        if texts.is_empty() {
            return wrong("the batch", 0, "at least one text".into());
        }
        let most = self.config.max_position_embeddings;
        for ids in texts {
            if !(1..=most).contains(&ids.len()) {
                return wrong("the text", ids.len(), format!("1 to {most}"));
            }
            check_ids("token id", ids, self.config.vocab_size)?;
        }
        Ok(texts.iter().map(|ids| ids.len()).collect())
    }
}

impl LlamaConfig {
    /// Root mean square layer normalization (Zhang and Sennrich, 2019, equation 4).
    fn normalized(&self, hidden: &Tensor, weight: &Tensor) -> Result<Tensor> {
        Ok(rms_norm(hidden, weight, self.rms_norm_eps as f32)?)
    }
}

/// Rotary position embedding (Su et al., "RoFormer", 2021, equation 34) of the first tokens.
struct Rotation {
    /// [tokens, D / 2] each.
    cosines: Tensor,
    sines: Tensor,
    layout: Layout,
}

impl Rotation {
    fn new(config: &LlamaConfig, layout: Layout, tokens: usize) -> Result<Self> {
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
    fn take(
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

    fn attend(
        &self,
        hidden: &Tensor,
        index: usize,
        config: &LlamaConfig,
        rotation: &Rotation,
        lengths: &[usize],
        attention: &mut dyn Attention,
    ) -> Result<Tensor> {
        let (texts, tokens, _) = hidden.dims3()?;
        let input = config.normalized(hidden, &self.attention_norm)?;
        let heads = |linear: &Linear, count| -> Result<Tensor> {
            let projected = linear.forward(&input)?;
            let split = projected.reshape((texts, tokens, count, config.head_dimension))?;
            Ok(split.transpose(1, 2)?.contiguous()?)
        };
        let context = attention.attend(AttentionInput {
            layer: index,
            q: &rotation.apply(&heads(&self.query, config.num_attention_heads)?)?,
            k: &rotation.apply(&heads(&self.key, config.num_key_value_heads)?)?,
            v: &heads(&self.value, config.num_key_value_heads)?,
            lengths,
            causal: true,
        })?;
        let context = context.transpose(1, 2)?.flatten_from(D::Minus2)?;
        Ok((self.attention_output.forward(&context)? + hidden)?)
    }

    /// SwiGLU (Shazeer, "GLU Variants Improve Transformer", 2020, equation 6).
    fn feed_forward(&self, hidden: &Tensor, config: &LlamaConfig) -> Result<Tensor> {
        let input = config.normalized(hidden, &self.feed_forward_norm)?;
        let gated = (silu(&self.gate.forward(&input)?)? * self.up.forward(&input)?)?;
        Ok((self.down.forward(&gated)? + hidden)?)
    }
}
