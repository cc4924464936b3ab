//! From text to token ids, with the tokenizer of a checkpoint.

use crate::{BertConfig, Error, Result};
use std::path::Path;
use tokenizers::processors::PostProcessorWrapper;
use tokenizers::processors::sequence::Sequence;
use tokenizers::{Encoding, PostProcessor, Tokenizer, TruncationDirection};

/// A text as the model reads it: of BERT `[CLS] text [SEP]`, or `[CLS] question [SEP] passage
/// [SEP]`; of RoBERTa `<s> text </s>`, or `<s> question </s></s> passage </s>`.
#[derive(Clone, Debug)]
pub struct EncodedText {
    /// Token ids.
    pub ids: Vec<u32>,
    /// Segment of each token: 0 for the first text, 1 for the second; of RoBERTa 0 for both.
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
    /// Without its post-processor, so that texts are cut before special tokens surround them.
    tokenizer: Tokenizer,
    /// Puts the special tokens around texts.
    special: PostProcessorWrapper,
    longest: usize,
}

/// A passage and the question before it, if there is one, before special tokens surround them.
struct Split {
    question: Option<Encoding>,
    passage: Encoding,
    /// Most tokens of the passage that the model can read at once.
    room: usize,
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
        let nothing = || PostProcessorWrapper::Sequence(Sequence::new(Vec::new()));
        let special = tokenizer.get_post_processor().cloned();
        tokenizer.with_post_processor(None::<PostProcessorWrapper>);
        Ok(TextEncoder {
            tokenizer,
            special: special.unwrap_or_else(nothing),
            longest: config.max_tokens(),
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
        let mut split = self.split(question, passage, max_tokens)?;
        let cut = split.passage.len().saturating_sub(split.room);
        let direction = TruncationDirection::Right;
        split.passage.truncate(split.room, 0, direction);
        split.passage.take_overflowing();
        let encoding = self.surrounded(split.question, split.passage)?;
        Ok(text(&encoding, question.is_some(), cut))
    }

    /// Encodes a question with each of the windows of a passage: parts that fit into `max_tokens`
    /// tokens, special ones included, and cover it, neighbors sharing `stride` tokens (Devlin et
    /// al., 2019; `doc_stride` of Hugging Face, usually 128). Spans are bytes of the whole
    /// passage; nothing is cut. A passage that fits is one window.
    ///
    /// # Errors
    /// As [`TextEncoder::encode`]; `stride` is as large as a window, so that the next one would
    /// not go on.
    pub fn windows(
        &self,
        question: &str,
        passage: &str,
        max_tokens: usize,
        stride: usize,
    ) -> Result<Vec<EncodedText>> {
        let Split {
            question,
            mut passage,
            room,
        } = self.split(Some(question), passage, max_tokens)?;
        if passage.len() > room && stride >= room {
            let legal = format!(
                "0 to {} (a window has {room} tokens of the passage)",
                room - 1
            );
            return Err(Error::Tokens {
                what: "the stride",
                found: stride,
                legal,
            });
        }
        passage.truncate(room, stride, TruncationDirection::Right);
        let mut first = self.surrounded(question, passage)?;
        let others = first.take_overflowing();
        let windows = std::iter::once(first).chain(others);
        Ok(windows.map(|window| text(&window, true, 0)).collect())
    }

    /// Tokenizes and finds out how much of the passage fits into `max_tokens`.
    fn split(&self, question: Option<&str>, passage: &str, max_tokens: usize) -> Result<Split> {
        let limit = |legal| Error::Tokens {
            what: "the limit",
            found: max_tokens,
            legal,
        };
        let longest = self.longest;
        if !(1..=longest).contains(&max_tokens) {
            return Err(limit(format!("1 to {longest} (what the model can read)")));
        }
        for (what, text) in [("the question", question), ("the text", Some(passage))] {
            if text.is_some_and(|text| text.trim().is_empty()) {
                return Err(Error::EmptyText { what });
            }
        }
        let question = question.map(|text| self.tokenize(text)).transpose()?;
        let mut passage = self.tokenize(passage)?;
        if passage.is_empty() {
            return Err(Error::EmptyText { what: "the text" });
        }
        // What processors go by, of parts after the first one as well.
        passage.set_type_ids(vec![u32::from(question.is_some()); passage.len()]);
        let special = self.special.added_tokens(question.is_some());
        let around = special + question.as_ref().map_or(0, Encoding::len);
        if max_tokens <= around {
            return Err(limit(format!(
                "{} to {longest} (the question and the special tokens need {around})",
                around + 1
            )));
        }
        Ok(Split {
            question,
            passage,
            room: max_tokens - around,
        })
    }

    fn tokenize(&self, text: &str) -> Result<Encoding> {
        let encoding = self.tokenizer.encode(text, false);
        encoding.map_err(|error| tokenize_error(&*error))
    }

    /// Puts special tokens around the texts.
    fn surrounded(&self, question: Option<Encoding>, passage: Encoding) -> Result<Encoding> {
        let (first, second) = match question {
            Some(question) => (question, Some(passage)),
            None => (passage, None),
        };
        let encoding = self.special.process(first, second, true);
        encoding.map_err(|error| tokenize_error(&*error))
    }
}

/// A text of an encoding whose second sequence, `after_question`, or only one is the passage.
fn text(encoding: &Encoding, after_question: bool, cut: usize) -> EncodedText {
    let passage = Some(usize::from(after_question));
    let sequences = encoding.get_sequence_ids().into_iter();
    let spans = sequences
        .zip(encoding.get_offsets())
        .map(|(sequence, span)| (sequence == passage).then_some(*span));
    EncodedText {
        ids: encoding.get_ids().to_vec(),
        types: encoding.get_type_ids().to_vec(),
        spans: spans.collect(),
        cut,
    }
}

fn tokenize_error(error: &(dyn std::error::Error + Send + Sync)) -> Error {
    Error::Tokenize {
        what: "the text",
        reason: error.to_string(),
    }
}
