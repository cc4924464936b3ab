//! A decoder with its tokenizer, and what it makes of a text.

use crate::checkpoint::read;
use crate::gguf::{self, GgufMetadata};
use crate::{Attention, Error, Llama, Result};
use candle_core::{D, IndexOp, Tensor};
use serde_json::{Map, Value, json};
use std::path::Path;
use tokenizers::Tokenizer;

/// Kinds of tokenizer and of its first split that a GGUF file may name.
const MODELS: &str = "gpt2";
const SPLITS: &str = "smollm, gpt-2";
/// Types of tokens, as a GGUF file numbers them, that a text can hold but is not split into.
const SPECIAL_TYPES: [i64; 2] = [3, 4];
/// Tokens whose logits are held at a time.
const LOGIT_ROWS: usize = 128;

/// A decoder and its tokenizer.
#[derive(Clone, Debug)]
pub struct Decoder {
    /// The model.
    pub model: Llama,
    /// Its tokenizer.
    pub tokenizer: DecoderTokenizer,
}

impl Decoder {
    /// Reads a GGUF file, or a checkpoint folder with config.json, model.safetensors and
    /// tokenizer.json.
    ///
    /// # Errors
    /// A file is missing or malformed, model or tokenizer are of a kind that is not supported, do
    /// not fit together, or have weights that are missing, unknown, of the wrong shape, or not
    /// finite.
    pub fn load(path: &Path) -> Result<Self> {
        let decoder = if path.is_dir() {
            Decoder {
                model: Llama::load_folder(path)?,
                tokenizer: DecoderTokenizer::load(&path.join("tokenizer.json"))?,
            }
        } else {
            let (metadata, weights) = gguf::load(path)?;
            Decoder {
                model: Llama::from_gguf(&metadata, weights)?,
                tokenizer: DecoderTokenizer::from_gguf(&metadata)?,
            }
        };
        let found = decoder.tokenizer.tokenizer.get_vocab_size(true);
        let legal = decoder.model.config().vocab_size;
        if found > legal {
            let file = match path.is_dir() {
                true => path.join("tokenizer.json"),
                false => path.into(),
            };
            return Err(Error::Vocabulary { file, found, legal });
        }
        Ok(decoder)
    }
}

/// Splits text into the tokens of a decoder.
#[derive(Clone, Debug)]
pub struct DecoderTokenizer {
    tokenizer: Tokenizer,
    /// The token that goes before every text, if the tokenizer does not put it there by itself.
    first: Option<u32>,
}

/// A text in tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenizedText {
    /// Token ids.
    pub ids: Vec<u32>,
    /// For each token, the byte of the text at which what was read so far ends.
    pub ends: Vec<usize>,
}

impl DecoderTokenizer {
    /// Reads a tokenizer.json. Truncation and padding that it asks for are not done.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Parse`].
    pub fn load(file: &Path) -> Result<Self> {
        Self::parse(file, &read(file)?, None)
    }

    /// Makes the tokenizer that a GGUF file describes: byte-level byte-pair encoding (Radford et
    /// al., "Language Models are Unsupervised Multitask Learners", 2019, section 2.2).
    ///
    /// # Errors
    /// [`Error::Architecture`]: a tokenizer of another kind. [`Error::Parse`], [`Error::Config`]:
    /// metadata that is missing or malformed.
    pub fn from_gguf(metadata: &GgufMetadata) -> Result<Self> {
        let file = metadata.file();
        let required = |what, found: Option<&str>, legal: bool, supported| match legal {
            true => Ok(()),
            false => Err(Error::Architecture {
                file: file.into(),
                what,
                found: found.unwrap_or_default().into(),
                supported,
            }),
        };
        let model = metadata.text("tokenizer.ggml.model")?;
        required("tokenizer", model, model == Some("gpt2"), MODELS)?;
        let split = metadata.text("tokenizer.ggml.pre")?;
        let digits_alone = split == Some("smollm");
        let known = digits_alone || split == Some("gpt-2");
        required("split of the tokenizer", split, known, SPLITS)?;

        let tokens = metadata.texts("tokenizer.ggml.tokens")?;
        let types = metadata.numbers("tokenizer.ggml.token_type")?;
        let merges = metadata.texts("tokenizer.ggml.merges")?;
        let json = tokenizer_json(&tokens, &types, &merges, digits_alone).to_string();
        let first = match metadata.flag("tokenizer.ggml.add_bos_token")? {
            true => Some(metadata.needed_number("tokenizer.ggml.bos_token_id")?),
            false => None,
        };
        let first = first.map(|id| u32::try_from(id).unwrap_or(u32::MAX));
        Self::parse(file, json.as_bytes(), first)
    }

    fn parse(file: &Path, json: &[u8], first: Option<u32>) -> Result<Self> {
        let wrong = |error: tokenizers::Error| Error::Parse {
            file: file.into(),
            what: "tokenizer",
            reason: error.to_string(),
        };
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(wrong)?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(wrong)?;
        Ok(DecoderTokenizer { tokenizer, first })
    }

    /// Splits a text.
    ///
    /// # Errors
    /// [`Error::Tokenize`]; [`Error::EmptyText`]: the text has no tokens.
    pub fn encode(&self, text: &str) -> Result<TokenizedText> {
        let what = "the text";
        let encoding = self.tokenizer.encode(text, true);
        let encoding = encoding.map_err(|error| Error::Tokenize {
            what,
            reason: error.to_string(),
        })?;
        if encoding.get_offsets().iter().all(|&(_, end)| end == 0) {
            return Err(Error::EmptyText { what });
        }
        let first = self.first.map(|id| (id, 0));
        let ids = encoding.get_ids().iter().copied();
        let ends = encoding.get_offsets().iter().map(|&(_, end)| end);
        let mut so_far = 0;
        let (ids, ends) = first
            .into_iter()
            .chain(ids.zip(ends))
            .map(|(id, end)| {
                // Special tokens stand for no byte of the text.
                so_far = so_far.max(end);
                (id, so_far)
            })
            .unzip();
        Ok(TokenizedText { ids, ends })
    }
}

impl TokenizedText {
    /// The first tokens of the text.
    ///
    /// # Errors
    /// [`Error::Tokens`]: `tokens` is 0, or the text has fewer.
    pub fn start(mut self, tokens: usize) -> Result<Self> {
        if !(1..=self.ids.len()).contains(&tokens) {
            return Err(Error::Tokens {
                what: "the text",
                found: self.ids.len(),
                legal: format!("at least {tokens}, as were asked for"),
            });
        }
        self.ids.truncate(tokens);
        self.ends.truncate(tokens);
        Ok(self)
    }
}

/// The tokenizer of a GGUF file in the form of a tokenizer.json.
fn tokenizer_json(tokens: &[&str], types: &[i64], merges: &[&str], digits_alone: bool) -> Value {
    let vocabulary: Map<String, Value> = tokens
        .iter()
        .enumerate()
        .map(|(id, token)| (String::from(*token), id.into()))
        .collect();
    let special = |kind: &i64| SPECIAL_TYPES.contains(kind);
    let added: Vec<Value> = (tokens.iter().zip(types).enumerate())
        .filter(|(_, (_, kind))| special(kind))
        .map(|(id, (token, _))| {
            json!({
                "id": id, "content": token, "special": true, "normalized": false,
                "single_word": false, "lstrip": false, "rstrip": false,
            })
        })
        .collect();
    let bytes = json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true,
    });
    let split = match digits_alone {
        true => json!({
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": true}, bytes],
        }),
        false => bytes.clone(),
    };
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": null,
        "pre_tokenizer": split,
        "post_processor": null,
        "decoder": bytes,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            "vocab": vocabulary, "merges": merges,
        },
    })
}

/// How well a decoder predicts tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Prediction {
    /// Number of tokens predicted.
    pub tokens: usize,
    /// Sum of -ln p over them, p the probability that the model gave to the token that came.
    pub negative_log: f64,
}

impl Prediction {
    /// Perplexity: exp of the mean of -ln p; NaN of no token.
    pub fn perplexity(&self) -> f64 {
        (self.negative_log / self.tokens as f64).exp()
    }
}

impl std::ops::AddAssign for Prediction {
    fn add_assign(&mut self, other: Self) {
        self.tokens += other.tokens;
        self.negative_log += other.negative_log;
    }
}

/// How well the model predicts each token of a text but the first.
///
/// # Errors
/// As [`Llama::hidden_states`].
pub fn predict(model: &Llama, ids: &[u32], attention: &mut dyn Attention) -> Result<Prediction> {
    let hidden = model.hidden_states(&[ids], attention)?;
    prediction(model, &hidden.i(0)?, ids)
}

/// The same of hidden states that are there, [tokens, hidden size].
pub(crate) fn prediction(model: &Llama, hidden: &Tensor, ids: &[u32]) -> Result<Prediction> {
    let mut all = Prediction::default();
    let following: Vec<u32> = ids.iter().copied().skip(1).collect();
    for (part, ids) in following.chunks(LOGIT_ROWS).enumerate() {
        let rows = hidden.narrow(0, part * LOGIT_ROWS, ids.len())?;
        let logits = model.logits(&rows)?;
        let largest = logits.max_keepdim(D::Minus1)?;
        let sums = logits.broadcast_sub(&largest)?.exp()?.sum(D::Minus1)?;
        let indices = Tensor::new(ids, logits.device())?.unsqueeze(1)?;
        let chosen = (logits.gather(&indices, 1)? - largest)?.squeeze(1)?;
        for (sum, chosen) in sums.to_vec1::<f32>()?.iter().zip(chosen.to_vec1::<f32>()?) {
            all.negative_log += f64::from(*sum).ln() - f64::from(chosen);
        }
        all.tokens += ids.len();
    }
    Ok(all)
}
