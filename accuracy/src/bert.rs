//! The BERT encoder (Devlin et al., 2019), from a Hugging Face checkpoint folder.

use crate::checkpoint::{Weights, read_json, require_model_type};
use crate::{Attention, AttentionInput, Error, ModelShape, Result};
use candle_core::{D, Device, IndexOp, Tensor};
use candle_nn::{LayerNorm, Linear, Module};
use serde::Deserialize;
use std::path::Path;

/// Model types that can be run.
const SUPPORTED: &str = "bert";

/// Sizes of a BERT model: what is needed of config.json. Its other fields are of use for training
/// only.
#[derive(Clone, Debug, Deserialize)]
pub struct BertConfig {
    /// Number of word embeddings.
    pub vocab_size: usize,
    /// Width of the residual stream; a multiple of the number of heads.
    pub hidden_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Heads of each layer.
    pub num_attention_heads: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Most tokens of a text.
    pub max_position_embeddings: usize,
    /// Number of segment embeddings: 2 for question and passage.
    pub type_vocab_size: usize,
    /// Added to the variance in layer normalization.
    pub layer_norm_eps: f64,
    /// Activation of the feed-forward layer: `gelu`.
    pub hidden_act: String,
    /// How positions are told: `absolute`.
    #[serde(default = "absolute")]
    pub position_embedding_type: String,
    /// Token id of padding.
    #[serde(default)]
    pub pad_token_id: u32,
}

fn absolute() -> String {
    "absolute".into()
}

impl BertConfig {
    /// Reads and checks a config.json.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Parse`], [`Error::Architecture`], [`Error::Config`].
    pub fn load(file: &Path) -> Result<Self> {
        require_model_type(file, "bert", SUPPORTED)?;
        let config: BertConfig = read_json(file, "configuration of a model")?;
        config.check(file)?;
        Ok(config)
    }

    /// Head dimension D.
    pub fn head_dimension(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    fn check(&self, file: &Path) -> Result<()> {
        let wrong = |field, found: String, legal: &str| {
            Err(Error::Config {
                file: file.into(),
                field,
                found,
                legal: legal.into(),
            })
        };
        for (field, size) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ] {
            // The upper limit keeps products of two sizes in range.
            if !(1..=1 << 24).contains(&size) {
                return wrong(field, size.to_string(), "1 to 16777216");
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let legal = format!("a divisor of `hidden_size`, {}", self.hidden_size);
            return wrong(
                "num_attention_heads",
                self.num_attention_heads.to_string(),
                &legal,
            );
        }
        if !(self.layer_norm_eps >= 0.0 && self.layer_norm_eps < 1.0) {
            return wrong("layer_norm_eps", self.layer_norm_eps.to_string(), "0 to 1");
        }
        if self.hidden_act != "gelu" {
            return wrong("hidden_act", format!("`{}`", self.hidden_act), "`gelu`");
        }
        if self.position_embedding_type != "absolute" {
            let found = format!("`{}`", self.position_embedding_type);
            return wrong("position_embedding_type", found, "`absolute`");
        }
        Ok(())
    }
}

/// Texts of one forward pass, as token ids, padded to the longest.
#[derive(Clone, Debug)]
pub struct Batch {
    ids: Tensor,
    types: Tensor,
    lengths: Vec<usize>,
}

impl Batch {
    /// A batch of texts, each its token ids and their segments (0 or 1), both of one length.
    ///
    /// # Errors
    /// A text has no tokens, more tokens than the model can read, or ids beyond its vocabulary.
    pub fn new(config: &BertConfig, texts: &[(&[u32], &[u32])]) -> Result<Self> {
        let lengths: Vec<usize> = texts.iter().map(|(ids, _)| ids.len()).collect();
        let wrong = |what, found, legal| Err(Error::Tokens { what, found, legal });
        let Some(&longest) = lengths.iter().max() else {
            return wrong("the batch", 0, "at least one text".into());
        };
        for (ids, types) in texts {
            if !(1..=config.max_position_embeddings).contains(&ids.len()) {
                let legal = format!("1 to {}", config.max_position_embeddings);
                return wrong("the text", ids.len(), legal);
            }
            if types.len() != ids.len() {
                let legal = format!("{}, as many as it has segments", types.len());
                return wrong("the text", ids.len(), legal);
            }
            check_ids("token id", ids, config.vocab_size)?;
            check_ids("segment", types, config.type_vocab_size)?;
        }
        let padded = |rows: Vec<&[u32]>, padding: u32| {
            let values: Vec<u32> = rows
                .iter()
                .flat_map(|row| {
                    let missing = longest - row.len();
                    row.iter()
                        .copied()
                        .chain(std::iter::repeat_n(padding, missing))
                })
                .collect();
            Tensor::from_vec(values, (rows.len(), longest), &Device::Cpu)
        };
        Ok(Batch {
            ids: padded(
                texts.iter().map(|text| text.0).collect(),
                config.pad_token_id,
            )?,
            types: padded(texts.iter().map(|text| text.1).collect(), 0)?,
            lengths,
        })
    }

    /// Number of tokens of each text.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }
}

pub(crate) fn check_ids(what: &'static str, ids: &[u32], vocabulary: usize) -> Result<()> {
    match ids.iter().find(|&&id| id as usize >= vocabulary) {
        Some(&found) => Err(Error::TokenId {
            what,
            found,
            vocabulary,
        }),
        None => Ok(()),
    }
}

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

/// A BERT encoder, without a head until an adapter brings one.
#[derive(Clone, Debug)]
pub struct Bert {
    config: BertConfig,
    words: Tensor,
    positions: Tensor,
    segments: Tensor,
    pub(crate) embedding_norm: LayerNorm,
    pub(crate) layers: Vec<Layer>,
    pub(crate) head: Option<Linear>,
}

impl Bert {
    /// Reads config.json and model.safetensors of a checkpoint folder. The pooler is not read.
    ///
    /// # Errors
    /// A file is missing or malformed, the architecture is another, or weights are missing, of
    /// the wrong shape, or not finite.
    pub fn load(folder: &Path) -> Result<Self> {
        let config = BertConfig::load(&folder.join("config.json"))?;
        let mut weights = Weights::load(&folder.join("model.safetensors"))?
            .with_prefix("bert.", "embeddings.word_embeddings.weight");
        let hidden = config.hidden_size;
        let mut table = |name: &str, rows| {
            weights.take(
                &format!("embeddings.{name}_embeddings.weight"),
                &[rows, hidden],
            )
        };
        let words = table("word", config.vocab_size)?;
        let positions = table("position", config.max_position_embeddings)?;
        let segments = table("token_type", config.type_vocab_size)?;
        let embedding_norm = norm(&mut weights, "embeddings.LayerNorm", &config)?;
        let layers = (0..config.num_hidden_layers)
            .map(|index| Layer::take(&mut weights, index, &config))
            .collect::<Result<_>>()?;
        Ok(Bert {
            config,
            words,
            positions,
            segments,
            embedding_norm,
            layers,
            head: None,
        })
    }

    /// The model's sizes.
    pub fn config(&self) -> &BertConfig {
        &self.config
    }

    /// Runs the encoder: the last hidden states, [batch, tokens, hidden size]. Those of padding
    /// mean nothing.
    ///
    /// # Errors
    /// What `attention` fails at.
    pub fn encode(&self, batch: &Batch, attention: &mut dyn Attention) -> Result<Tensor> {
        let (texts, tokens) = batch.ids.dims2()?;
        let lookup = |table: &Tensor, ids: &Tensor| -> Result<Tensor> {
            let rows = table.index_select(&ids.flatten_all()?, 0)?;
            Ok(rows.reshape((texts, tokens, self.config.hidden_size))?)
        };
        let embedded = (lookup(&self.words, &batch.ids)? + lookup(&self.segments, &batch.types)?)?;
        let embedded = embedded.broadcast_add(&self.positions.i(..tokens)?)?;
        let mut hidden = self.embedding_norm.forward(&embedded)?;
        for (index, layer) in self.layers.iter().enumerate() {
            hidden = layer.forward(&hidden, index, &self.config, &batch.lengths, attention)?;
        }
        Ok(hidden)
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

    /// As [`Bert::encode`] with each of several attentions; what does not depend on them is
    /// computed once.
    ///
    /// # Errors
    /// What an attention fails at.
    pub fn encode_each(
        &self,
        batch: &Batch,
        attentions: &mut [&mut dyn Attention],
    ) -> Result<Vec<Tensor>> {
        let passes = attentions.iter_mut();
        passes
            .map(|attention| self.encode(batch, *attention))
            .collect()
    }

    /// Start and end logits of an answer, each [batch, tokens]; `None` if the model has no head
    /// for question answering.
    ///
    /// # Errors
    /// `hidden` is not [batch, tokens, hidden size].
    pub fn span_logits(&self, hidden: &Tensor) -> Result<Option<(Tensor, Tensor)>> {
        let Some(logits) = self.head(hidden)? else {
            return Ok(None);
        };
        match logits.dim(D::Minus1)? {
            2 => Ok(Some((logits.i((.., .., 0))?, logits.i((.., .., 1))?))),
            _ => Ok(None),
        }
    }

    /// Logits of the classes of a text, [batch, classes]; `None` if the model has no head for
    /// classification.
    ///
    /// # Errors
    /// `hidden` is not [batch, tokens, hidden size].
    pub fn class_logits(&self, hidden: &Tensor) -> Result<Option<Tensor>> {
        self.head(&hidden.i((.., 0))?)
    }

    /// Embeddings of texts for similarity, [batch, hidden size]: the mean of the hidden states of
    /// the valid tokens, of length 1 (Reimers and Gurevych, "Sentence-BERT", 2019, section 3).
    ///
    /// # Errors
    /// `hidden` is not [batch, tokens, hidden size] or `lengths` not of its texts.
    pub fn embeddings(&self, hidden: &Tensor, lengths: &[usize]) -> Result<Tensor> {
        let means: Vec<Tensor> = lengths
            .iter()
            .enumerate()
            .map(|(text, length)| hidden.i((text, ..*length))?.mean(0))
            .collect::<candle_core::Result<_>>()?;
        let means = Tensor::stack(&means, 0)?;
        let norms = means.sqr()?.sum_keepdim(1)?.sqrt()?;
        Ok(means.broadcast_div(&norms)?)
    }

    /// The adapter's head on hidden states: [..., hidden size] to [..., outputs]; `None` without
    /// an adapter.
    ///
    /// # Errors
    /// `hidden` has another last dimension.
    pub fn head(&self, hidden: &Tensor) -> Result<Option<Tensor>> {
        Ok(self.head.as_ref().map(|h| h.forward(hidden)).transpose()?)
    }
}

impl Layer {
    fn take(weights: &mut Weights, index: usize, config: &BertConfig) -> Result<Self> {
        let hidden = config.hidden_size;
        let wide = config.intermediate_size;
        let mut linear = |name: &str, inputs, outputs| {
            linear(
                weights,
                &format!("encoder.layer.{index}.{name}"),
                inputs,
                outputs,
            )
        };
        let query = linear("attention.self.query", hidden, hidden)?;
        let key = linear("attention.self.key", hidden, hidden)?;
        let value = linear("attention.self.value", hidden, hidden)?;
        let attention_output = linear("attention.output.dense", hidden, hidden)?;
        let intermediate = linear("intermediate.dense", hidden, wide)?;
        let output = linear("output.dense", wide, hidden)?;
        let mut norm = |name: &str| {
            norm(
                weights,
                &format!("encoder.layer.{index}.{name}.LayerNorm"),
                config,
            )
        };
        Ok(Layer {
            query,
            key,
            value,
            attention_output,
            attention_norm: norm("attention.output")?,
            intermediate,
            output,
            output_norm: norm("output")?,
        })
    }

    fn forward(
        &self,
        hidden: &Tensor,
        index: usize,
        config: &BertConfig,
        lengths: &[usize],
        attention: &mut dyn Attention,
    ) -> Result<Tensor> {
        let (texts, tokens, _) = hidden.dims3()?;
        let heads = |projected: Tensor| -> Result<Tensor> {
            let (count, dimension) = (config.num_attention_heads, config.head_dimension());
            let split = projected.reshape((texts, tokens, count, dimension))?;
            Ok(split.transpose(1, 2)?.contiguous()?)
        };
        let context = attention.attend(AttentionInput {
            layer: index,
            q: &heads(self.query.forward(hidden)?)?,
            k: &heads(self.key.forward(hidden)?)?,
            v: &heads(self.value.forward(hidden)?)?,
            lengths,
            causal: false,
        })?;
        let context = context.transpose(1, 2)?.flatten_from(D::Minus2)?;
        let attended = (self.attention_output.forward(&context)? + hidden)?;
        let attended = self.attention_norm.forward(&attended)?;
        let wide = self.intermediate.forward(&attended)?.gelu_erf()?;
        let output = (self.output.forward(&wide)? + &attended)?;
        Ok(self.output_norm.forward(&output)?)
    }
}

fn linear(weights: &mut Weights, name: &str, inputs: usize, outputs: usize) -> Result<Linear> {
    let weight = weights.take(&format!("{name}.weight"), &[outputs, inputs])?;
    let bias = weights.take(&format!("{name}.bias"), &[outputs])?;
    Ok(Linear::new(weight, Some(bias)))
}

fn norm(weights: &mut Weights, name: &str, config: &BertConfig) -> Result<LayerNorm> {
    let weight = weights.take(&format!("{name}.weight"), &[config.hidden_size])?;
    let bias = weights.take(&format!("{name}.bias"), &[config.hidden_size])?;
    Ok(LayerNorm::new(weight, bias, config.layer_norm_eps))
}
