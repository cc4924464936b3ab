//! The library's only error type.

use std::path::PathBuf;

/// Result of this library.
pub type Result<T> = std::result::Result<T, Error>;

/// What can be wrong with a capture or its file. Every message names the file, the tensor, what
/// was found and what is legal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is absent or cannot be read.
    #[error("{}: cannot read: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is truncated or no safetensors file at all.
    #[error("{file}: truncated or not a safetensors file: {reason}")]
    NotSafetensors {
        /// The file.
        file: String,
        /// What the parser said.
        reason: String,
    },
    /// A tensor that is needed is absent.
    #[error("{file}: tensor `{tensor}` is missing; found {found}; legal: {legal}")]
    MissingTensor {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// The names of the file's tensors.
        found: String,
        /// What a file must have.
        legal: &'static str,
    },
    /// A tensor's element type is none that can be read.
    #[error("{file}: tensor `{tensor}` has type {found}; legal: {legal}")]
    Type {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// Its element type.
        found: String,
        /// The types that can be read.
        legal: &'static str,
    },
    /// A scale stands beside a tensor that is not int8.
    #[error("{file}: tensor `{tensor}_scale` is there, but `{tensor}` has type {found}; legal: I8")]
    NeedlessScale {
        /// The file.
        file: String,
        /// The scaled tensor.
        tensor: String,
        /// Its element type.
        found: String,
    },
    /// A tensor has the wrong number of dimensions.
    #[error("{file}: tensor `{tensor}` has shape {found:?}; legal: {legal}")]
    Rank {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The meaning of its dimensions.
        legal: &'static str,
    },
    /// A tensor has a dimension of size 0.
    #[error("{file}: tensor `{tensor}` has shape {found:?}; legal: every dimension at least 1")]
    Empty {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
    },
    /// The shapes of two tensors disagree.
    #[error("{file}: tensor `{tensor}` has shape {found:?}; legal: {legal:?} ({reason})")]
    Shape {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape it must have.
        legal: Vec<usize>,
        /// Where that shape comes from.
        reason: &'static str,
    },
    /// The heads do not share the KV heads evenly.
    #[error(
        "{file}: tensor `{tensor}` has shape {found:?}; legal: a number of heads that is a multiple of the {kv_heads} of `v`"
    )]
    Groups {
        /// The file.
        file: String,
        /// The tensor.
        tensor: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// Number of heads of `v`.
        kv_heads: usize,
    },
    /// A value is NaN or infinite.
    #[error("{file}: tensor `{tensor}` holds {found} at {index:?}; legal: finite values")]
    NotFinite {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// Where in the tensor.
        index: Vec<usize>,
        /// The value.
        found: f32,
    },
    /// A scale is not a positive number.
    #[error(
        "{file}: tensor `{tensor}` holds {found} at [{index}]; legal: above 0, at most {legal:e}"
    )]
    Scale {
        /// The file.
        file: String,
        /// The scale tensor.
        tensor: String,
        /// Where in the tensor.
        index: usize,
        /// The value.
        found: f32,
        /// The largest legal value.
        legal: f32,
    },
    /// A probability is negative or over 1.
    #[error("{file}: tensor `probabilities` holds {found} at {index:?}; legal: 0 to 1")]
    Probability {
        /// The file.
        file: String,
        /// Head, row and key.
        index: [usize; 3],
        /// The value.
        found: f32,
    },
    /// The probabilities of a row sum to more than 1.
    #[error(
        "{file}: tensor `probabilities`, head {head}, row {row} sums to {found}; legal: at most {legal}"
    )]
    RowSum {
        /// The file.
        file: String,
        /// Head of the row.
        head: usize,
        /// The row.
        row: usize,
        /// Its sum.
        found: f64,
        /// The largest legal sum.
        legal: f64,
    },
    /// The mask leaves no key.
    #[error("{file}: tensor `mask` masks all {found} keys; legal: at least one nonzero")]
    AllMasked {
        /// The file.
        file: String,
        /// Number of keys.
        found: usize,
    },
    /// The mask of a causal capture leaves a key out.
    #[error(
        "{file}: tensor `mask` masks key {key} of a causal capture; legal: all keys valid (padding in causal captures is not supported)"
    )]
    CausalMask {
        /// The file.
        file: String,
        /// The first masked key.
        key: usize,
    },
    /// A row of a causal capture has a probability for a key that it does not see.
    #[error(
        "{file}: tensor `probabilities`, head {}, row {} holds {found} at key {}; legal: 0, as the causal row sees the keys 0 to {} only",
        index[0], index[1], index[2], length - 1
    )]
    CausalProbability {
        /// The file.
        file: String,
        /// Head, row and key.
        index: [usize; 3],
        /// The value.
        found: f32,
        /// Number of keys that the row sees.
        length: usize,
    },
    /// The metadata contradicts the tensors.
    #[error("{file}: metadata `{key}` is {found}; legal: {legal}")]
    Metadata {
        /// The file.
        file: String,
        /// The metadata's key.
        key: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        legal: String,
    },
    /// A head was asked for that the capture does not have.
    #[error("{file}: head {found} was asked for; legal: 0 to {}", heads - 1)]
    NoSuchHead {
        /// The file.
        file: String,
        /// The head asked for.
        found: usize,
        /// Number of heads of the capture.
        heads: usize,
    },
    /// The file cannot be written. Nothing was left behind.
    #[error("{}: cannot write: {source}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
