//! The BERT and RoBERTa encoders (Devlin et al., 2019; Liu et al., 2019), from a Hugging Face
//! checkpoint folder.

mod batch;
mod config;
mod heads;
mod layer;

pub use batch::Batch;
pub(crate) use batch::check_ids;
pub use config::{BertConfig, EncoderFamily};
pub(crate) use heads::{Heads, outputs};
pub(crate) use layer::Layer;

use crate::checkpoint::Weights;
use crate::projected::Projected;
use crate::{Attention, ModelShape, Result};
use candle_core::{IndexOp, Tensor};
use candle_nn::{LayerNorm, Module};
use layer::norm;
use std::path::Path;

/// A BERT or RoBERTa encoder, with the heads that its checkpoint or an adapter has.
#[derive(Clone, Debug)]
pub struct Bert {
    config: BertConfig,
    words: Tensor,
    positions: Tensor,
    segments: Tensor,
    pub(crate) embedding_norm: LayerNorm,
    pub(crate) layers: Vec<Layer>,
    pub(crate) heads: Heads,
}

/// A batch as far as no attention was computed: the input of the first layer and of its attention.
struct Start {
    hidden: Tensor,
    projected: Option<Projected>,
}

impl Bert {
    /// Reads config.json and the weights of a checkpoint folder (see [`Weights::load_folder`]).
    /// Heads other than those for question answering and classification are not read.
    ///
    /// # Errors
    /// A file is missing or malformed, the architecture is another, or weights are missing, of
    /// the wrong shape, or not finite.
    pub fn load(folder: &Path) -> Result<Self> {
        let config = BertConfig::load(&folder.join("config.json"))?;
        let mut weights = Weights::load_folder(folder)?
            .with_prefix(config.prefix(), "embeddings.word_embeddings.weight");
        let hidden = config.hidden_size;
        let mut table = |name: &str, rows| {
            let name = format!("embeddings.{name}_embeddings.weight");
            weights.take(&name, &[rows, hidden])
        };
        let words = table("word", config.vocab_size)?;
        let positions = table("position", config.max_position_embeddings)?;
        let segments = table("token_type", config.type_vocab_size)?;
        let embedding_norm = norm(&mut weights, "embeddings.LayerNorm", &config)?;
        let layers = (0..config.num_hidden_layers)
            .map(|index| Layer::take(&mut weights, index, &config))
            .collect::<Result<_>>()?;
        let heads = Heads::take(&mut weights, &config)?;
        Ok(Bert {
            config,
            words,
            positions,
            segments,
            embedding_norm,
            layers,
            heads,
        })
    }

    /// The model's sizes.
    pub fn config(&self) -> &BertConfig {
        &self.config
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
            kv_heads: self.config.num_attention_heads,
            head_dimension: self.config.head_dimension(),
        }
    }

    /// Runs the encoder: the last hidden states, [batch, tokens, hidden size]. Those of padding
    /// mean nothing.
    ///
    /// # Errors
    /// What `attention` fails at.
    pub fn encode(&self, batch: &Batch, attention: &mut dyn Attention) -> Result<Tensor> {
        self.finish(&self.start(batch)?, &batch.lengths, attention)
    }

    /// As [`Bert::encode`] with each of several attentions. What does not depend on them, up to
    /// the first layer's queries, keys and values, is computed once.
    ///
    /// # Errors
    /// What an attention fails at.
    pub fn encode_each(
        &self,
        batch: &Batch,
        attentions: &mut [&mut dyn Attention],
    ) -> Result<Vec<Tensor>> {
        let start = self.start(batch)?;
        let passes = attentions.iter_mut();
        passes
            .map(|attention| self.finish(&start, &batch.lengths, *attention))
            .collect()
    }

    fn start(&self, batch: &Batch) -> Result<Start> {
        let (texts, tokens) = batch.ids.dims2()?;
        let lookup = |table: &Tensor, ids: &Tensor| -> Result<Tensor> {
            let rows = table.index_select(&ids.flatten_all()?, 0)?;
            Ok(rows.reshape((texts, tokens, self.config.hidden_size))?)
        };
        let embedded = (lookup(&self.words, &batch.ids)? + lookup(&self.segments, &batch.types)?)?;
        let first = self.config.first_position();
        let embedded = embedded.broadcast_add(&self.positions.i(first..first + tokens)?)?;
        let hidden = self.embedding_norm.forward(&embedded)?;
        let layer = self.layers.first();
        let projected = layer
            .map(|layer| layer.project(&hidden, &self.config))
            .transpose()?;
        Ok(Start { hidden, projected })
    }

    fn finish(
        &self,
        start: &Start,
        lengths: &[usize],
        attention: &mut dyn Attention,
    ) -> Result<Tensor> {
        let mut hidden = start.hidden.clone();
        let mut ready = start.projected.clone();
        for (index, layer) in self.layers.iter().enumerate() {
            let projected = match ready.take() {
                Some(projected) => projected,
                None => layer.project(&hidden, &self.config)?,
            };
            let context = projected.attend(index, lengths, false, attention)?;
            hidden = layer.finish(&hidden, &context)?;
        }
        Ok(hidden)
    }
}
