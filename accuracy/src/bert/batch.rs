//! Texts of one forward pass.

use super::BertConfig;
use crate::{Error, Result};
use candle_core::{Device, Tensor};

/// Texts of one forward pass, as token ids, padded to the longest.
#[derive(Clone, Debug)]
pub struct Batch {
    pub(super) ids: Tensor,
    pub(super) types: Tensor,
    pub(super) lengths: Vec<usize>,
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
            if !(1..=config.max_tokens()).contains(&ids.len()) {
                let legal = format!("1 to {}", config.max_tokens());
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
            ids: padded(texts.iter().map(|text| text.0).collect(), config.padding())?,
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
