//! A capture of the attention of every head of a model on one text.

use crate::attention::LayerRecord;
use crate::{Bert, EncodedText, FloatAttention, RecordingAttention};
use crate::{Result, question};
use candle_core::Tensor;
use logattn_captures::{Capture, Metadata, Stored, Tensors};
use ndarray::Array3;

/// What [`record`] gives.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Queries, keys and values of all heads, layer by layer, in single precision.
    pub capture: Capture,
    /// The answer of a model with a question-answering head, as bytes of the passage.
    pub answer: Option<(usize, usize)>,
}

/// Runs the model on a text with float attention and records every head. `metadata` tells where
/// model and text come from; the numbers of layers and heads are filled in.
///
/// # Errors
/// What the forward pass fails at; values that are not finite.
pub fn record(model: &Bert, text: &EncodedText, metadata: Metadata) -> Result<Recording> {
    let config = model.config();
    let mut attention = RecordingAttention::new(FloatAttention);
    let answer = question::answer(model, text, &mut attention)?;
    let layers = attention.into_layers();
    let stack = |part: fn(&LayerRecord) -> &Tensor| -> Result<Option<Stored>> {
        let mut values = Vec::new();
        for layer in &layers {
            values.extend(part(layer).flatten_all()?.to_vec1::<f32>()?);
        }
        let heads = config.num_hidden_layers * config.num_attention_heads;
        let shape = (heads, text.ids.len(), config.head_dimension());
        // Each layer is [1, heads, tokens, D] and row-major, so the layers just follow each other.
        Ok(Array3::from_shape_vec(shape, values)
            .ok()
            .map(Stored::Float))
    };
    let tensors = Tensors {
        q: stack(|layer| &layer.q)?,
        k: stack(|layer| &layer.k)?,
        v: stack(|layer| &layer.v)?,
        probabilities: None,
        mask: None,
    };
    let metadata = Metadata {
        layers: Some(config.num_hidden_layers),
        heads_per_layer: Some(config.num_attention_heads),
        ..metadata
    };
    let capture = Capture::new("the recorded attention", tensors, metadata)?;
    Ok(Recording { capture, answer })
}
