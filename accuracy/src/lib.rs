//! Transformer forward passes with the attention captured or swapped
//!
//! A [`Bert`] is read from an ordinary Hugging Face checkpoint folder and adapted to a task by an
//! [`Adapter`]; a [`Decoder`], which is a [`Llama`] and its tokenizer, from such a folder or a GGUF
//! file. Both run with any [`Attention`]: [`FloatAttention`] computes what the model was trained
//! with, [`RecordingAttention`] keeps the queries, keys and values of every head for a capture.
//! [`tasks`] are what a model is measured on, [`evaluation`] says how well it does them with each of
//! several attentions.

pub mod adapter;
pub mod attention;
pub mod bert;
pub mod checkpoint;
pub mod decoder;
mod error;
pub mod evaluation;
pub mod gguf;
pub mod llama;
pub mod question;
pub mod record;
pub mod specification;
pub mod tasks;
pub mod text;

pub use adapter::Adapter;
pub use attention::{Attention, AttentionInput, FloatAttention, RecordingAttention};
pub use bert::{Batch, Bert, BertConfig};
pub use decoder::{Decoder, DecoderTokenizer};
pub use error::{Error, Result};
pub use llama::{Llama, LlamaConfig};
pub use specification::{CountingAttention, Counts, ModelShape, Prepared, Specification};
pub use text::{EncodedText, TextEncoder};
