//! Transformer forward passes with the attention captured or swapped
//!
//! A [`Bert`], which may be a RoBERTa, is read from an ordinary Hugging Face checkpoint folder; an
//! [`Adapter`] adapts it to a task that its checkpoint has no head for. A [`Decoder`], which is a
//! [`Llama`] and its tokenizer, is read from such a folder or a GGUF file. All run with any
//! [`Attention`]: [`FloatAttention`] computes what the model was trained with,
//! [`RecordingAttention`] keeps the queries, keys and values of every head for a capture.
//! [`tasks`] are what a model is measured on, [`evaluation`] says how well it does them with each of
//! several attentions, [`analysis`] how attention values are distributed, [`calibration`] finds
//! thresholds and shifts for a model.

pub mod adapter;
pub mod analysis;
pub mod attention;
pub mod bert;
pub mod calibration;
pub mod checkpoint;
pub mod decoder;
mod error;
pub mod evaluation;
mod fused;
pub mod gguf;
pub mod llama;
mod projected;
pub mod quantizers;
pub mod question;
pub mod record;
pub mod registers;
pub mod specification;
pub mod tasks;
pub mod text;

pub use adapter::Adapter;
pub use attention::{
    Attention, AttentionInput, FloatAttention, RecordingAttention, attention_values,
};
pub use bert::{Batch, Bert, BertConfig, EncoderFamily};
pub use decoder::{Decoder, DecoderTokenizer};
pub use error::{Error, Result};
pub use llama::{Llama, LlamaConfig};
pub use registers::Registers;
pub use specification::{CountingAttention, Counts, ModelShape, Prepared, Specification};
pub use text::{EncodedText, TextEncoder};
