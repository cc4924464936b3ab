//! What stands on top of an encoder: heads for question answering and classification, and
//! embeddings of texts.

use super::layer::linear;
use super::{Bert, BertConfig, EncoderFamily};
use crate::checkpoint::Weights;
use crate::{Error, Result};
use candle_core::{D, Device, IndexOp, Tensor};
use candle_nn::{Linear, Module};

/// Starts and ends of an answer.
const SPAN: &str = "qa_outputs";

/// The heads of a checkpoint, and that of an adapter.
#[derive(Clone, Debug)]
pub(crate) struct Heads {
    /// The adapter's: goes before the others.
    pub(crate) adapter: Option<Linear>,
    /// From hidden states to the logits of start and end.
    span: Option<Linear>,
    classes: Option<Classifier>,
}

/// From the hidden states of the first token to the logits of the classes: output(tanh(dense(x))).
#[derive(Clone, Debug)]
struct Classifier {
    dense: Linear,
    output: Linear,
}

impl Heads {
    /// Takes the heads that a checkpoint has out of it. Names of `weights` start with the
    /// encoder's prefix.
    pub(super) fn take(weights: &mut Weights, config: &BertConfig) -> Result<Self> {
        let hidden = config.hidden_size;
        // Of BERT the first layer of the classifier is the encoder's, trained before there were
        // classes.
        let pooler = match config.family {
            EncoderFamily::Bert if weights.contains("pooler.dense.weight") => {
                Some(linear(weights, "pooler.dense", hidden, hidden)?)
            }
            _ => None,
        };
        weights.drop_prefix();
        let span = match weights.contains(&format!("{SPAN}.weight")) {
            true => Some(linear(weights, SPAN, hidden, 2)?),
            false => None,
        };
        // A `classifier` alone classifies tokens.
        let classes = match (config.family, pooler) {
            (EncoderFamily::Bert, Some(dense)) if weights.contains("classifier.weight") => {
                let output = outputs(weights, "classifier", hidden)?;
                Some(Classifier { dense, output })
            }
            (EncoderFamily::Roberta, _) if weights.contains("classifier.dense.weight") => {
                Some(Classifier {
                    dense: linear(weights, "classifier.dense", hidden, hidden)?,
                    output: outputs(weights, "classifier.out_proj", hidden)?,
                })
            }
            _ => None,
        };
        Ok(Heads {
            adapter: None,
            span,
            classes,
        })
    }
}

/// Takes a linear layer out of a checkpoint that has as many outputs as there are classes.
pub(crate) fn outputs(weights: &mut Weights, name: &str, inputs: usize) -> Result<Linear> {
    let name_of_weight = format!("{name}.weight");
    let weight = weights.take_any(&name_of_weight)?;
    let outputs = match weight.dims() {
        &[outputs, width] if outputs > 0 && width == inputs => outputs,
        _ => {
            let legal = format!("[outputs, {inputs}]");
            return Err(weights.wrong_shape(&name_of_weight, &weight, legal));
        }
    };
    let bias = weights.take(&format!("{name}.bias"), &[outputs])?;
    Ok(Linear::new(weight, Some(bias)))
}

impl Bert {
    /// Start and end logits of an answer, each [batch, tokens]: from the adapter's head, or else
    /// the checkpoint's (`qa_outputs`). `None` if the model has no head for question answering.
    ///
    /// # Errors
    /// `hidden` is not [batch, tokens, hidden size].
    pub fn span_logits(&self, hidden: &Tensor) -> Result<Option<(Tensor, Tensor)>> {
        let Some(head) = self.heads.adapter.as_ref().or(self.heads.span.as_ref()) else {
            return Ok(None);
        };
        let logits = head.forward(hidden)?;
        match logits.dim(D::Minus1)? {
            2 => Ok(Some((logits.i((.., .., 0))?, logits.i((.., .., 1))?))),
            _ => Ok(None),
        }
    }

    /// Logits of the classes of a text, [batch, classes]: from the adapter's head, or else the
    /// checkpoint's (`classifier`). A head of one output is a regression. `None` if the model has
    /// no head for classification.
    ///
    /// # Errors
    /// `hidden` is not [batch, tokens, hidden size].
    pub fn class_logits(&self, hidden: &Tensor) -> Result<Option<Tensor>> {
        let first = hidden.i((.., 0))?.contiguous()?;
        match (&self.heads.adapter, &self.heads.classes) {
            (Some(head), _) => Ok(Some(head.forward(&first)?)),
            (None, Some(Classifier { dense, output })) => {
                let pooled = dense.forward(&first)?.tanh()?;
                Ok(Some(output.forward(&pooled)?))
            }
            (None, None) => Ok(None),
        }
    }

    /// Embeddings of texts for similarity, [batch, hidden size]: the mean of the hidden states of
    /// the valid tokens, of length 1 (Reimers and Gurevych, "Sentence-BERT", 2019, section 3).
    ///
    /// # Errors
    /// `hidden` is not [batch, tokens, hidden size] or `lengths` not of its texts.
    pub fn embeddings(&self, hidden: &Tensor, lengths: &[usize]) -> Result<Tensor> {
        let (_, tokens, _) = hidden.dims3()?;
        if let Some(&found) = lengths.iter().find(|n| !(1..=tokens).contains(*n)) {
            return Err(Error::Tokens {
                what: "the text",
                found,
                legal: format!("1 to {tokens}, those of the batch"),
            });
        }
        let valid: Vec<f32> = lengths
            .iter()
            .flat_map(|&length| (0..tokens).map(move |token| f32::from(token < length)))
            .collect();
        let valid = Tensor::from_vec(valid, (lengths.len(), 1, tokens), &Device::Cpu)?;
        // Sum and mean have the same direction.
        let sums = valid.matmul(hidden)?.squeeze(1)?;
        let norms = sums.sqr()?.sum_keepdim(1)?.sqrt()?;
        Ok(sums.broadcast_div(&norms)?)
    }

    /// The adapter's head on hidden states: [..., hidden size] to [..., outputs]; `None` without
    /// an adapter.
    ///
    /// # Errors
    /// `hidden` has another last dimension.
    pub fn head(&self, hidden: &Tensor) -> Result<Option<Tensor>> {
        let head = self.heads.adapter.as_ref();
        Ok(head.map(|h| h.forward(hidden)).transpose()?)
    }
}
