//! A checked capture and what can be asked of it.

use crate::{Error, Head, Result, Stored, check};
use ndarray::Array3;
use std::path::Path;

/// The tensors of a capture before they are checked (see the crate's table of shapes).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors {
    /// Queries, [heads, rows, D]; logits are q·k / sqrt(D). As many rows as tokens; of a causal
    /// capture it may be the last rows alone.
    pub q: Option<Stored>,
    /// Keys, [KV heads, tokens, D].
    pub k: Option<Stored>,
    /// Values, [KV heads, tokens, D]. Always needed. The number of heads is a multiple of the
    /// number of KV heads.
    pub v: Option<Stored>,
    /// Attention values, [heads, rows, tokens]. If they are there, they are used as they are and
    /// not computed from `q` and `k`.
    pub probabilities: Option<Array3<f32>>,
    /// Which keys are valid, `[tokens]`. Absent: all. A causal capture can mask none.
    pub mask: Option<Vec<bool>>,
}

/// Where a capture comes from. All of it is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Number of layers; heads are ordered by layer. Default: 1, or heads / `heads_per_layer`.
    pub layers: Option<usize>,
    /// Heads of one layer. Default: heads / `layers`.
    pub heads_per_layer: Option<usize>,
    /// KV heads of one layer, each shared by heads / KV heads heads that follow one another.
    /// Default: KV heads / `layers`.
    pub kv_heads_per_layer: Option<usize>,
    /// Whether a row sees no key after its own token. The rows are those of the last tokens: row
    /// i of R over N tokens sees the keys 0 ..= N - R + i. Default: no.
    pub causal: bool,
    /// Name of the model.
    pub model: Option<String>,
    /// The text that the model read.
    pub text: Option<String>,
    /// Source and license of the text.
    pub text_source: Option<String>,
}

/// Attention of every head of a model on one text, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    pub(crate) name: String,
    pub(crate) q: Option<Stored>,
    pub(crate) k: Option<Stored>,
    pub(crate) v: Stored,
    pub(crate) probabilities: Option<Array3<f32>>,
    pub(crate) mask: Vec<bool>,
    pub(crate) has_mask: bool,
    pub(crate) layers: usize,
    pub(crate) metadata: Metadata,
}

impl Capture {
    /// Checks `tensors` and makes a capture of them. `name` is what errors call it.
    ///
    /// # Errors
    /// Any of [`Error`] but those of reading and writing.
    pub fn new(name: &str, tensors: Tensors, metadata: Metadata) -> Result<Self> {
        check::capture(name, tensors, metadata, check::ROW_SUM_SLACK)
    }

    /// Reads a safetensors file.
    ///
    /// # Errors
    /// The file cannot be read, is no safetensors file, or holds tensors that are missing, of the
    /// wrong type or shape, or have illegal values.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| Error::Read {
            file: path.to_path_buf(),
            source,
        })?;
        Self::from_bytes(&path.display().to_string(), &bytes)
    }

    /// The capture of the demo: one question and passage, read by all-MiniLM-L6-v2 with the
    /// question-answering adapter; 6 layers of 12 heads, D = 32, int8. `data/README.md` says how
    /// it was made.
    pub fn demo() -> Self {
        Self::from_bytes(
            "demo.safetensors",
            include_bytes!("../data/demo.safetensors"),
        )
        .expect("the embedded capture is part of the program and loads")
    }

    /// The same capture with q, k and v in int8, a scale for each head (k and v: KV head).
    pub fn quantized(&self) -> Self {
        Capture {
            q: self.q.as_ref().map(Stored::quantized),
            k: self.k.as_ref().map(Stored::quantized),
            v: self.v.quantized(),
            ..self.clone()
        }
    }

    /// What errors call this capture: its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of (query) heads, all layers together.
    pub fn heads(&self) -> usize {
        let of_queries = self.q.as_ref().map(|q| q.shape()[0]);
        let of_probabilities = self.probabilities.as_ref().map(|p| p.dim().0);
        // The checks admit no capture without both.
        of_queries.or(of_probabilities).unwrap_or(self.kv_heads())
    }

    /// Number of KV heads (those of keys and values), all layers together; `heads()` is a multiple
    /// of it.
    pub fn kv_heads(&self) -> usize {
        self.v.shape()[0]
    }

    /// Number of keys of a row, masked ones included.
    pub fn tokens(&self) -> usize {
        self.v.shape()[1]
    }

    /// Number of rows of a head: those of the probabilities if the file gives them, else those of
    /// the queries. `tokens()`, but for given probabilities and causal captures.
    pub fn rows(&self) -> usize {
        let of_probabilities = self.probabilities.as_ref().map(|p| p.dim().1);
        let of_queries = self.q.as_ref().map(|q| q.shape()[1]);
        of_probabilities.or(of_queries).unwrap_or(self.tokens())
    }

    /// Whether a row sees no key after its own token (see [`Metadata::causal`]).
    pub fn causal(&self) -> bool {
        self.metadata.causal
    }

    /// Number of keys that a row sees, masked ones included: the keys 0 .. `row_length(row)`. All
    /// `tokens()`, but in a causal capture, whose last row alone sees all. `row` is below
    /// `rows()`.
    pub fn row_length(&self, row: usize) -> usize {
        match self.causal() {
            true => (self.tokens() - self.rows() + row + 1).min(self.tokens()),
            false => self.tokens(),
        }
    }

    /// Head dimension D.
    pub fn head_dimension(&self) -> usize {
        self.v.shape()[2]
    }

    /// Number of layers; 1 if the file does not say.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Number of (query) heads of one layer.
    pub fn heads_per_layer(&self) -> usize {
        self.heads() / self.layers
    }

    /// Number of KV heads of one layer.
    pub fn kv_heads_per_layer(&self) -> usize {
        self.kv_heads() / self.layers
    }

    /// Which keys are valid, `[tokens]`.
    pub fn mask(&self) -> &[bool] {
        &self.mask
    }

    /// Rows worth looking at: those whose own token is not masked. Where the file gives
    /// probabilities, rows need not be the keys' tokens, and it is all rows; so it is of a causal
    /// capture, which masks none.
    pub fn valid_rows(&self) -> Vec<usize> {
        let every = self.probabilities.is_some() || self.causal();
        (0..self.rows())
            .filter(|&row| every || self.mask[row])
            .collect()
    }

    /// Whether q and k are there, so that scores can be computed.
    pub fn has_scores(&self) -> bool {
        self.q.is_some() && self.k.is_some()
    }

    /// Where the capture comes from, as the file says.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// One (query) head, counted over all layers.
    ///
    /// # Errors
    /// [`Error::NoSuchHead`].
    pub fn head(&self, index: usize) -> Result<Head<'_>> {
        if index >= self.heads() {
            return Err(Error::NoSuchHead {
                file: self.name.clone(),
                found: index,
                heads: self.heads(),
            });
        }
        Ok(Head::new(self, index))
    }

    /// All heads in order: layer by layer.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Head<'_>> {
        (0..self.heads()).map(|index| Head::new(self, index))
    }
}
