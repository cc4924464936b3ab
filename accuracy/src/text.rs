//! From text to token ids, with the tokenizer of a checkpoint.

use crate::{BertConfig, Error, Result};
use std::path::Path;
use tokenizers::{Encoding, Tokenizer, TruncationDirection, TruncationParams, TruncationStrategy};

/// A text as the model reads it: `[CLS] text [SEP]`, or `[CLS] question [SEP] passage [SEP]`.
#[derive(Clone, Debug)]
pub struct EncodedText {
    /// Token ids.
    pub ids: Vec<u32>,
    /// Segment of each token: 0 for the first text, 1 for the second.
    pub types: Vec<u32>,
    /// For each token of the passage (or of the only text), the bytes of it that the token
    /// stands for; `None` for special tokens and tokens of the question.
    pub spans: Vec<Option<(usize, usize)>>,
    /// How many tokens were cut off the end.
    pub cut: usize,
}

/// Splits text into the tokens of a model.
#[derive(Clone, Debug)]
pub struct TextEncoder {
    tokenizer: Tokenizer,
    longest: usize,
}

impl TextEncoder {
    /// Reads tokenizer.json of a checkpoint folder. Truncation and padding that it asks for are
    /// not done: the first is up to the caller, the second up to [`crate::Batch`].
    ///
    /// # Errors
    /// The file cannot be read or parsed, or has more tokens than the model.
    pub fn load(folder: &Path, config: &BertConfig) -> Result<Self> {
        let file = folder.join("tokenizer.json");
        let bytes = crate::checkpoint::read(&file)?;
        let parse = |error: tokenizers::Error| Error::Parse {
            file: file.clone(),
            what: "tokenizer",
            reason: error.to_string(),
        };
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(parse)?;
        let found = tokenizer.get_vocab_size(true);
        if found > config.vocab_size {
            return Err(Error::Vocabulary {
                file,
                found,
                legal: config.vocab_size,
            });
        }
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(parse)?;
        Ok(TextEncoder {
            tokenizer,
            longest: config.max_position_embeddings,
        })
    }

    /// Encodes a passage alone or after a question. A passage that does not fit into
    /// `max_tokens` tokens, special ones included, is cut at its end.
    ///
    /// # Errors
    /// `max_tokens` is 0 or over what the model can read, the question leaves no room for the
    /// passage, or a text is empty.
    pub fn encode(
        &self,
        question: Option<&str>,
        passage: &str,
        max_tokens: usize,
    ) -> Result<EncodedText> {
        if !(1..=self.longest).contains(&max_tokens) {
            return Err(Error::Tokens {
                what: "the limit",
                found: max_tokens,
                legal: format!("1 to {} (what the model can read)", self.longest),
            });
        }
        for (what, text) in [("the question", question), ("the text", Some(passage))] {
            if text.is_some_and(|text| text.trim().is_empty()) {
                return Err(Error::EmptyText { what });
            }
        }
        let whole = encode(&self.tokenizer, question, passage)?;
        let in_passage = spans(&whole, question.is_some()).flatten().count();
        if in_passage == 0 {
            return Err(Error::EmptyText { what: "the text" });
        }
        let around = whole.len() - in_passage;
        if max_tokens <= around {
            return Err(Error::Tokens {
                what: "the limit",
                found: max_tokens,
                legal: format!(
                    "{} to {} (the question and the special tokens need {around})",
                    around + 1,
                    self.longest
                ),
            });
        }
        let cut = whole.len().saturating_sub(max_tokens);
        let encoding = if cut == 0 {
            whole
        } else {
            self.truncated(question, passage, max_tokens)?
        };
        Ok(EncodedText {
            ids: encoding.get_ids().to_vec(),
            types: encoding.get_type_ids().to_vec(),
            spans: spans(&encoding, question.is_some()).collect(),
            cut,
        })
    }

    fn truncated(
        &self,
        question: Option<&str>,
        passage: &str,
        max_tokens: usize,
    ) -> Result<Encoding> {
        let strategy = match question {
            Some(_) => TruncationStrategy::OnlySecond,
            None => TruncationStrategy::OnlyFirst,
        };
        let mut tokenizer = self.tokenizer.clone();
        let parameters = TruncationParams {
            direction: TruncationDirection::Right,
            max_length: max_tokens,
            strategy,
            stride: 0,
        };
        tokenizer
            .with_truncation(Some(parameters))
            .map_err(|error| tokenize_error(&*error))?;
        encode(&tokenizer, question, passage)
    }
}

fn encode(tokenizer: &Tokenizer, question: Option<&str>, passage: &str) -> Result<Encoding> {
    match question {
        Some(question) => tokenizer.encode((question, passage), true),
        None => tokenizer.encode(passage, true),
    }
    .map_err(|error| tokenize_error(&*error))
}

/// For each token, its bytes of the passage, which is the second text if there is a question.
fn spans(
    encoding: &Encoding,
    after_question: bool,
) -> impl Iterator<Item = Option<(usize, usize)>> {
    let passage = Some(usize::from(after_question));
    let sequences = encoding.get_sequence_ids().into_iter();
    sequences
        .zip(encoding.get_offsets())
        .map(move |(sequence, span)| (sequence == passage).then_some(*span))
}

fn tokenize_error(error: &(dyn std::error::Error + Send + Sync)) -> Error {
    Error::Tokenize {
        what: "the text",
        reason: error.to_string(),
    }
}
