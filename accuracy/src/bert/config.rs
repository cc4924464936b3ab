//! Sizes of an encoder, from config.json.

use crate::checkpoint::{read_json, require_model_type};
use crate::{Error, Result};
use serde::Deserialize;
use std::path::Path;

/// Model types that can be run.
const SUPPORTED: &str = "bert, roberta";

/// Which of the two encoders a checkpoint is of. They differ in how positions are counted, in the
/// names of their weights, and in their heads.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum EncoderFamily {
    /// Devlin et al., "BERT", 2019.
    Bert,
    /// Liu et al., "RoBERTa", 2019.
    Roberta,
}

/// Sizes of a BERT or RoBERTa model: what is needed of config.json. Its other fields are of use
/// for training only.
#[derive(Clone, Debug, Deserialize)]
pub struct BertConfig {
    /// BERT or RoBERTa.
    #[serde(rename = "model_type")]
    pub family: EncoderFamily,
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
    /// Number of position embeddings; [`BertConfig::max_tokens`] of them can be used.
    pub max_position_embeddings: usize,
    /// Number of segment embeddings: 2 for question and passage, usually 1 of RoBERTa.
    pub type_vocab_size: usize,
    /// Added to the variance in layer normalization.
    pub layer_norm_eps: f64,
    /// Activation of the feed-forward layer: `gelu`.
    pub hidden_act: String,
    /// How positions are told: `absolute`.
    #[serde(default = "absolute")]
    pub position_embedding_type: String,
    /// Token id of padding; where a checkpoint does not say, see [`BertConfig::padding`].
    pub pad_token_id: Option<u32>,
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
        require_model_type(file, &["bert", "roberta"], SUPPORTED)?;
        let config: BertConfig = read_json(file, "configuration of a model")?;
        config.check(file)?;
        Ok(config)
    }

    /// Head dimension D.
    pub fn head_dimension(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// Token id of padding: 0 of BERT and 1 of RoBERTa unless the checkpoint says otherwise.
    pub fn padding(&self) -> u32 {
        self.pad_token_id.unwrap_or(match self.family {
            EncoderFamily::Bert => 0,
            EncoderFamily::Roberta => 1,
        })
    }

    /// Most tokens of a text.
    pub fn max_tokens(&self) -> usize {
        self.max_position_embeddings
            .saturating_sub(self.first_position())
    }

    /// The position embedding of a text's first token. RoBERTa's positions start after that of
    /// padding.
    pub(super) fn first_position(&self) -> usize {
        match self.family {
            EncoderFamily::Bert => 0,
            EncoderFamily::Roberta => self.padding() as usize + 1,
        }
    }

    /// What the names of the encoder's weights start with if there is a head on top.
    pub(super) fn prefix(&self) -> &'static str {
        match self.family {
            EncoderFamily::Bert => "bert.",
            EncoderFamily::Roberta => "roberta.",
        }
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
        for (field, size) in self.sizes() {
            // The upper limit keeps products of two sizes in range.
            if !(1..=1 << 24).contains(&size) {
                return wrong(field, size.to_string(), "1 to 16777216");
            }
        }
        let (hidden, heads) = (self.hidden_size, self.num_attention_heads);
        if !hidden.is_multiple_of(heads) {
            let legal = format!("a divisor of `hidden_size`, {hidden}");
            return wrong("num_attention_heads", heads.to_string(), &legal);
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
        if self.padding() as usize >= self.vocab_size {
            let legal = format!("0 to {}, a token of the vocabulary", self.vocab_size - 1);
            return wrong("pad_token_id", self.padding().to_string(), &legal);
        }
        if self.max_tokens() == 0 {
            let found = self.max_position_embeddings.to_string();
            let first = self.first_position();
            let legal = format!(
                "at least {}, as positions start at {first}, after `pad_token_id`",
                first + 1
            );
            return wrong("max_position_embeddings", found, &legal);
        }
        Ok(())
    }

    /// The fields that count something.
    fn sizes(&self) -> [(&'static str, usize); 7] {
        [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ]
    }
}
