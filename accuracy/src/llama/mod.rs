//! The Llama decoder (Touvron et al., "LLaMA", 2023, section 2.2), with grouped queries (Ainslie
//! et al., "GQA", 2023), from a GGUF file or a Hugging Face checkpoint folder.

mod config;
mod layer;
mod weights;

pub use config::LlamaConfig;

use crate::bert::check_ids;
use crate::checkpoint::Weights;
use crate::gguf::GgufMetadata;
use crate::projected::Projected;
use crate::{Attention, Error, ModelShape, Result};
use candle_core::{Device, Tensor};
use candle_nn::{Linear, Module};
use layer::{Layer, Rotation};
use std::path::Path;
use weights::Layout;

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

/// Texts as far as no attention was computed: the input of the first layer and of its attention.
struct Start {
    lengths: Vec<usize>,
    rotation: Rotation,
    hidden: Tensor,
    projected: Option<Projected>,
}

impl Llama {
    /// Reads config.json and the weights of a checkpoint folder (see [`Weights::load_folder`]).
    ///
    /// # Errors
    /// A file is missing or malformed, the architecture is another, or weights are missing,
    /// unknown, of the wrong shape, or not finite.
    pub fn load_folder(folder: &Path) -> Result<Self> {
        let config = LlamaConfig::load(&folder.join("config.json"))?;
        let mut weights = Weights::load_folder(folder)?;
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
        self.finish(&self.start(texts)?, attention)
    }

    /// Embeds texts and computes the first layer's queries, keys and values.
    fn start(&self, texts: &[&[u32]]) -> Result<Start> {
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
        let hidden = embedded.reshape((texts.len(), tokens, self.config.hidden_size))?;
        let rotation = Rotation::new(&self.config, self.layout, tokens)?;
        let layer = self.layers.first();
        let projected = layer
            .map(|layer| layer.project(&hidden, &self.config, &rotation))
            .transpose()?;
        Ok(Start {
            lengths,
            rotation,
            hidden,
            projected,
        })
    }

    fn finish(&self, start: &Start, attention: &mut dyn Attention) -> Result<Tensor> {
        let mut hidden = start.hidden.clone();
        let mut ready = start.projected.clone();
        for (index, layer) in self.layers.iter().enumerate() {
            let projected = match ready.take() {
                Some(projected) => projected,
                None => layer.project(&hidden, &self.config, &start.rotation)?,
            };
            let context = projected.attend(index, &start.lengths, true, attention)?;
            hidden = layer.finish(&hidden, &context, &self.config)?;
        }
        self.config.normalized(&hidden, &self.norm)
    }

    /// The weight of the linear layer after the attention of each layer, [hidden size, heads * D].
    pub fn attention_outputs(&self) -> Vec<&Tensor> {
        let layers = self.layers.iter();
        layers
            .map(|layer| layer.attention_output.weight())
            .collect()
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

    /// As [`Llama::hidden_states`] with each of several attentions. What does not depend on them,
    /// up to the first layer's queries, keys and values, is computed once.
    ///
    /// # Errors
    /// As [`Llama::hidden_states`].
    pub fn hidden_states_each(
        &self,
        texts: &[&[u32]],
        attentions: &mut [&mut dyn Attention],
    ) -> Result<Vec<Tensor>> {
        let start = self.start(texts)?;
        let passes = attentions.iter_mut();
        passes
            .map(|attention| self.finish(&start, *attention))
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
