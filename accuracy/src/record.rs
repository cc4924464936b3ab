//! A capture of the attention of every head of a model on one text.

use crate::attention::LayerRecord;
use crate::decoder::{Prediction, prediction};
use crate::{Bert, EncodedText, Error, FloatAttention, Llama, RecordingAttention};
use crate::{Result, question};
use candle_core::{IndexOp, Tensor};
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
    let metadata = Metadata {
        layers: Some(config.num_hidden_layers),
        heads_per_layer: Some(config.num_attention_heads),
        ..metadata
    };
    let capture = capture(&attention.into_layers(), text.ids.len(), metadata)?;
    Ok(Recording { capture, answer })
}

/// What [`record_decoder`] gives.
#[derive(Clone, Debug)]
pub struct DecoderRecording {
    /// Queries, keys and values of all heads, layer by layer, in single precision; causal.
    pub capture: Capture,
    /// How well the model predicted the text.
    pub prediction: Prediction,
}

/// Runs a decoder on a text, its token ids, with float attention and records every head: all keys
/// and values, and the last `queries` queries. `metadata` tells where model and text come from;
/// the numbers of layers, heads and KV heads and that the capture is causal are filled in.
///
/// # Errors
/// `queries` is 0 or more than the tokens; what the forward pass fails at; values that are not
/// finite.
pub fn record_decoder(
    model: &Llama,
    ids: &[u32],
    queries: usize,
    metadata: Metadata,
) -> Result<DecoderRecording> {
    if !(1..=ids.len()).contains(&queries) {
        return Err(Error::Queries {
            found: queries,
            legal: ids.len(),
        });
    }
    let config = model.config();
    let mut attention = RecordingAttention::new(FloatAttention);
    let hidden = model.hidden_states(&[ids], &mut attention)?;
    let metadata = Metadata {
        layers: Some(config.num_hidden_layers),
        heads_per_layer: Some(config.num_attention_heads),
        kv_heads_per_layer: Some(config.num_key_value_heads),
        causal: true,
        ..metadata
    };
    Ok(DecoderRecording {
        capture: capture(&attention.into_layers(), queries, metadata)?,
        prediction: prediction(model, &hidden.i(0)?, ids)?,
    })
}

/// A capture of what was recorded of one text, with the last `queries` queries.
fn capture(layers: &[LayerRecord], queries: usize, metadata: Metadata) -> Result<Capture> {
    let stack = |part: fn(&LayerRecord) -> &Tensor| -> Result<Tensor> {
        let parts: Vec<&Tensor> = layers.iter().map(part).collect();
        // Each layer is [1, heads, tokens, D].
        Ok(Tensor::cat(&parts, 1)?.squeeze(0)?)
    };
    let stored = |tensor: Tensor| -> Result<Option<Stored>> {
        let shape = tensor.dims3()?;
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        Ok(Array3::from_shape_vec(shape, values)
            .ok()
            .map(Stored::Float))
    };
    let q = stack(|layer| &layer.q)?;
    let first = q.dim(1)?.saturating_sub(queries);
    let tensors = Tensors {
        q: stored(q.i((.., first..))?)?,
        k: stored(stack(|layer| &layer.k)?)?,
        v: stored(stack(|layer| &layer.v)?)?,
        probabilities: None,
        mask: None,
    };
    Ok(Capture::new("the recorded attention", tensors, metadata)?)
}
