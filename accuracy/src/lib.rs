//! Transformer forward passes with the attention captured or swapped
//!
//! A [`Bert`] is read from an ordinary Hugging Face checkpoint folder, adapted to a task by an
//! [`Adapter`], and run with any [`Attention`]: [`FloatAttention`] computes what the model was
//! trained with, [`RecordingAttention`] keeps the queries, keys and values of every head for a
//! capture.

pub mod adapter;
pub mod attention;
pub mod bert;
pub mod checkpoint;
mod error;
pub mod question;
pub mod record;
pub mod text;

pub use adapter::Adapter;
pub use attention::{Attention, AttentionInput, FloatAttention, RecordingAttention};
pub use bert::{Batch, Bert, BertConfig};
pub use error::{Error, Result};
pub use text::{EncodedText, TextEncoder};
