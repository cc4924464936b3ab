//! Sizes of a Llama model, from config.json or from the metadata of a GGUF file.

use crate::checkpoint::{read_json, require_model_type};
use crate::gguf::GgufMetadata;
use crate::{Error, Result};
use serde::Deserialize;
use std::path::Path;

/// Model types that can be run.
const SUPPORTED: &str = "llama";
/// Base of the rotary angles where a checkpoint does not say (Touvron et al., 2023).
const ROPE_BASE: f64 = 10_000.0;

const HEADS: &str = "llama.attention.head_count";
const KEY_LENGTH: &str = "llama.attention.key_length";
const EPS: &str = "llama.attention.layer_norm_rms_epsilon";

/// The fields of config.json that are checked, in the order of `LlamaConfig::check`.
const JSON_NAMES: [&str; 10] = [
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "intermediate_size",
    "max_position_embeddings",
    "rms_norm_eps",
    "rope_theta",
];

/// The same of a GGUF file.
const GGUF_NAMES: [&str; 10] = [
    "token_embd.weight",
    "llama.embedding_length",
    "llama.block_count",
    HEADS,
    "llama.attention.head_count_kv",
    KEY_LENGTH,
    "llama.feed_forward_length",
    "llama.context_length",
    EPS,
    "llama.rope.freq_base",
];

/// Sizes of a Llama model.
#[derive(Clone, Debug, PartialEq)]
pub struct LlamaConfig {
    /// Number of word embeddings.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// (Query) heads of each layer; a multiple of the KV heads.
    pub num_attention_heads: usize,
    /// KV heads of each layer.
    pub num_key_value_heads: usize,
    /// Head dimension D; even.
    pub head_dimension: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Most tokens of a text.
    pub max_position_embeddings: usize,
    /// Added to the mean square in RMS normalization.
    pub rms_norm_eps: f64,
    /// Base of the rotary angles: pair i of a head turns by position * base^(-2 i / D).
    pub rope_base: f64,
    /// Whether the output layer is the word embeddings.
    pub tied: bool,
}

/// What is needed of config.json. Its other fields are of use for training and generating only.
#[derive(Deserialize)]
struct ConfigJson {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    intermediate_size: usize,
    max_position_embeddings: usize,
    rms_norm_eps: f64,
    hidden_act: String,
    rope_theta: Option<f64>,
    rope_scaling: Option<Rope>,
    /// Where newer checkpoints hold both of the above.
    rope_parameters: Option<Rope>,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
}

/// How positions are scaled.
#[derive(Deserialize)]
struct Rope {
    #[serde(alias = "type")]
    rope_type: Option<String>,
    rope_theta: Option<f64>,
}

impl ConfigJson {
    /// That nothing is asked for that would give another model.
    fn check(&self, file: &Path) -> Result<()> {
        if self.hidden_act != "silu" {
            let found = format!("`{}`", self.hidden_act);
            return Err(wrong(file, "hidden_act", found, "`silu`"));
        }
        for (field, found) in [
            ("attention_bias", self.attention_bias),
            ("mlp_bias", self.mlp_bias),
        ] {
            if found {
                return Err(wrong(file, field, "true".into(), "false"));
            }
        }
        let ropes = [
            ("rope_scaling", &self.rope_scaling),
            ("rope_parameters", &self.rope_parameters),
        ];
        for (field, rope) in ropes {
            let Some(rope) = rope else { continue };
            let found = rope.rope_type.as_deref().unwrap_or("default");
            if found != "default" {
                return Err(wrong(file, field, format!("`{found}`"), "`default`"));
            }
        }
        Ok(())
    }
}

impl LlamaConfig {
    /// Reads and checks a config.json.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Parse`], [`Error::Architecture`], [`Error::Config`].
    pub fn load(file: &Path) -> Result<Self> {
        require_model_type(file, &["llama"], SUPPORTED)?;
        let json: ConfigJson = read_json(file, "configuration of a model")?;
        json.check(file)?;
        let ropes = [&json.rope_scaling, &json.rope_parameters];
        let base = ropes.into_iter().flatten().find_map(|rope| rope.rope_theta);
        let heads = json.num_attention_heads;
        let config = LlamaConfig {
            vocab_size: json.vocab_size,
            hidden_size: json.hidden_size,
            num_hidden_layers: json.num_hidden_layers,
            num_attention_heads: heads,
            num_key_value_heads: json.num_key_value_heads.unwrap_or(heads),
            head_dimension: json
                .head_dim
                .unwrap_or(json.hidden_size.checked_div(heads).unwrap_or(0)),
            intermediate_size: json.intermediate_size,
            max_position_embeddings: json.max_position_embeddings,
            rms_norm_eps: json.rms_norm_eps,
            rope_base: json.rope_theta.or(base).unwrap_or(ROPE_BASE),
            tied: json.tie_word_embeddings,
        };
        config.check(file, &JSON_NAMES)?;
        Ok(config)
    }

    /// Reads and checks the metadata of a GGUF file. `vocab_size` is the number of rows of its
    /// embeddings; `tied`: whether there is no other output layer.
    ///
    /// # Errors
    /// [`Error::Parse`], [`Error::Architecture`], [`Error::Config`].
    pub fn from_gguf(metadata: &GgufMetadata, vocab_size: usize, tied: bool) -> Result<Self> {
        let file = metadata.file();
        require_architecture(metadata)?;
        const SCALING: &str = "llama.rope.scaling.type";
        match metadata.text(SCALING)? {
            None | Some("none") => {}
            Some(found) => return Err(wrong(file, SCALING, format!("`{found}`"), "`none`")),
        }
        let hidden = metadata.needed_number("llama.embedding_length")?;
        let heads = metadata.needed_number(HEADS)?;
        let kv_heads = metadata.number("llama.attention.head_count_kv")?;
        let dimension = metadata
            .number(KEY_LENGTH)?
            .unwrap_or(hidden.checked_div(heads).unwrap_or(0));
        let eps = metadata.real(EPS)?;
        let config = LlamaConfig {
            vocab_size,
            hidden_size: hidden,
            num_hidden_layers: metadata.needed_number("llama.block_count")?,
            num_attention_heads: heads,
            num_key_value_heads: kv_heads.unwrap_or(heads),
            head_dimension: dimension,
            intermediate_size: metadata.needed_number("llama.feed_forward_length")?,
            max_position_embeddings: metadata.needed_number("llama.context_length")?,
            rms_norm_eps: eps.ok_or_else(|| metadata.missing(EPS))?,
            rope_base: metadata.real("llama.rope.freq_base")?.unwrap_or(ROPE_BASE),
            tied,
        };
        config.check(file, &GGUF_NAMES)?;
        for field in ["llama.attention.value_length", "llama.rope.dimension_count"] {
            match metadata.number(field)? {
                Some(found) if found != dimension => {
                    let legal = format!("the head dimension, {dimension}");
                    return Err(wrong(file, field, found.to_string(), &legal));
                }
                _ => {}
            }
        }
        Ok(config)
    }

    /// Checks ranges; `names` are those of the fields in the file, in the order below.
    fn check(&self, file: &Path, names: &[&'static str; 10]) -> Result<()> {
        let sizes = [
            self.vocab_size,
            self.hidden_size,
            self.num_hidden_layers,
            self.num_attention_heads,
            self.num_key_value_heads,
            self.head_dimension,
            self.intermediate_size,
            self.max_position_embeddings,
        ];
        for (name, size) in names.iter().zip(sizes) {
            // The upper limit keeps products of two sizes in range.
            if !(1..=1 << 24).contains(&size) {
                return Err(wrong(file, name, size.to_string(), "1 to 16777216"));
            }
        }
        let heads = self.num_attention_heads;
        if !heads.is_multiple_of(self.num_key_value_heads) {
            let legal = format!("a divisor of the number of heads, {heads}");
            let found = self.num_key_value_heads.to_string();
            return Err(wrong(file, names[4], found, &legal));
        }
        if !self.head_dimension.is_multiple_of(2) {
            let found = self.head_dimension.to_string();
            return Err(wrong(file, names[5], found, "an even number"));
        }
        if !(self.rms_norm_eps >= 0.0 && self.rms_norm_eps < 1.0) {
            return Err(wrong(
                file,
                names[8],
                self.rms_norm_eps.to_string(),
                "0 to 1",
            ));
        }
        if !(self.rope_base >= 1.0 && self.rope_base.is_finite()) {
            let found = self.rope_base.to_string();
            return Err(wrong(file, names[9], found, "a number of at least 1"));
        }
        Ok(())
    }
}

/// That a GGUF file is of a Llama model.
///
/// # Errors
/// [`Error::Architecture`], [`Error::Config`].
pub(super) fn require_architecture(metadata: &GgufMetadata) -> Result<()> {
    match metadata.text("general.architecture")? {
        Some("llama") => Ok(()),
        found => Err(Error::Architecture {
            file: metadata.file().into(),
            what: "architecture",
            found: found.unwrap_or_default().into(),
            supported: SUPPORTED,
        }),
    }
}

fn wrong(file: &Path, field: &'static str, found: String, legal: &str) -> Error {
    Error::Config {
        file: file.into(),
        field,
        found,
        legal: legal.into(),
    }
}
