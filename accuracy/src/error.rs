//! The library's only error type.

use std::path::PathBuf;

/// Result of this library.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with a model, its text, or its run. Every message names the file, what was
/// found and what is legal.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is absent or cannot be read.
    #[error("{}: cannot read: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file's content is not what its name says.
    #[error("{}: not a valid {what}: {reason}", file.display())]
    Parse {
        /// The file.
        file: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What the parser said.
        reason: String,
    },
    /// The checkpoint is of a model, or its tokenizer of a kind, that is not supported.
    #[error("{}: {what} `{found}`; supported: {supported}", file.display())]
    Architecture {
        /// The checkpoint's config.json or GGUF file.
        file: PathBuf,
        /// Model type, tokenizer or the like.
        what: &'static str,
        /// Which one the file has.
        found: String,
        /// Those that can be run.
        supported: &'static str,
    },
    /// A field of the checkpoint's configuration has an illegal value.
    #[error("{}: `{field}` is {found}; legal: {legal}", file.display())]
    Config {
        /// The checkpoint's config.json or GGUF file.
        file: PathBuf,
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        legal: String,
    },
    /// A weight is absent.
    #[error("{}: tensor `{tensor}` is missing", file.display())]
    MissingTensor {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// An adapter or a checkpoint has a tensor that is no part of the model.
    #[error("{}: tensor `{tensor}` is no part of this model; legal: {legal}", file.display())]
    UnknownTensor {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// The names that the file may have.
        legal: String,
    },
    /// A weight has an element type that cannot be read.
    #[error("{}: tensor `{tensor}` has type {found}; legal: F32, F16 or BF16", file.display())]
    Type {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its element type.
        found: String,
    },
    /// A weight has the wrong shape.
    #[error("{}: tensor `{tensor}` has shape {found:?}; legal: {legal}", file.display())]
    Shape {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that the model needs.
        legal: String,
    },
    /// A weight is NaN or infinite.
    #[error("{}: tensor `{tensor}` holds {found} at element {index}; legal: finite values", file.display())]
    NotFinite {
        /// The file.
        file: PathBuf,
        /// The tensor.
        tensor: String,
        /// Where in the tensor, counted in row-major order.
        index: usize,
        /// The value.
        found: f32,
    },
    /// The tokenizer knows more tokens than the model.
    #[error("{}: {found} tokens; legal: at most the model's vocabulary, {legal}", file.display())]
    Vocabulary {
        /// The checkpoint's tokenizer.json or GGUF file.
        file: PathBuf,
        /// The tokenizer's number of tokens.
        found: usize,
        /// The model's number of word embeddings.
        legal: usize,
    },
    /// A text cannot be split into tokens.
    #[error("cannot tokenize {what}: {reason}")]
    Tokenize {
        /// The text's role.
        what: &'static str,
        /// What the tokenizer said.
        reason: String,
    },
    /// A text has no tokens.
    #[error("{what} is empty; legal: at least one word")]
    EmptyText {
        /// The text's role.
        what: &'static str,
    },
    /// More tokens than the model or the caller allows.
    #[error("{what} has {found} tokens; legal: {legal}")]
    Tokens {
        /// What has the tokens.
        what: &'static str,
        /// How many.
        found: usize,
        /// How many it may have.
        legal: String,
    },
    /// More queries than the text has tokens, or none.
    #[error("{found} queries were asked for; legal: 1 to {legal}, the number of tokens")]
    Queries {
        /// Number of queries.
        found: usize,
        /// Number of tokens.
        legal: usize,
    },
    /// A token id or segment that the model has no embedding for.
    #[error("{what} {found}; legal: 0 to {}", vocabulary - 1)]
    TokenId {
        /// Token id or segment.
        what: &'static str,
        /// Its value.
        found: u32,
        /// Number of the model's embeddings for it.
        vocabulary: usize,
    },
    /// An attention that a command line names does not exist or has an illegal value.
    #[error("attention `{text}`: {field} is `{found}`; legal: {legal}")]
    Specification {
        /// The specification.
        text: String,
        /// Its part.
        field: String,
        /// That part's value.
        found: String,
        /// What it may be.
        legal: String,
    },
    /// A record of a data set has an illegal value.
    #[error("{}: {field} is {found}; legal: {legal}", file.display())]
    Record {
        /// The file.
        file: PathBuf,
        /// Its line, or the path in its JSON, and the field.
        field: String,
        /// Its value.
        found: String,
        /// What it may be.
        legal: String,
    },
    /// A data set is empty.
    #[error("{}: holds no {what}; legal: at least one", file.display())]
    NoItems {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// A model cannot read a record of a data set.
    #[error("{}: {place}: {source}", file.display())]
    Item {
        /// The file.
        file: PathBuf,
        /// The record.
        place: String,
        /// Why not.
        source: Box<Error>,
    },
    /// A model is of a kind, or lacks a head, that a task needs.
    #[error("{}: {found} cannot do the task `{task}`; legal: {legal}", model.display())]
    Task {
        /// The model's file or folder.
        model: PathBuf,
        /// What it is.
        found: String,
        /// The task.
        task: &'static str,
        /// What the task needs.
        legal: String,
    },
    /// An option of an evaluation has an illegal value.
    #[error("{option} is {found}; legal: {legal}")]
    Option {
        /// The option.
        option: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        legal: String,
    },
    /// A model with another attention gave NaN or infinities.
    #[error("attention `{attention}`: {what} of the model are not finite")]
    NotFiniteOutput {
        /// The specification.
        attention: String,
        /// Logits, embeddings or the like.
        what: &'static str,
    },
    /// A calibration is asked for that cannot be.
    #[error("{what}: {found}; legal: {legal}")]
    Calibration {
        /// What is wrong.
        what: String,
        /// What it is.
        found: String,
        /// What it may be.
        legal: String,
    },
    /// What a model computes does not fit the unit of the golden model.
    #[error("attention `{attention}`, layer {layer} head {head}: {source}")]
    Golden {
        /// The specification.
        attention: String,
        /// The layer, from 0.
        layer: usize,
        /// The query head in its layer, from 0.
        head: usize,
        /// What the golden model says.
        source: Box<logattn_golden::AttentionError>,
    },
    /// A file of registers has an illegal entry.
    #[error("{}: registers[{entry}]: `{field}` is {found}; legal: {legal}", file.display())]
    Registers {
        /// The file.
        file: PathBuf,
        /// The table, from 0.
        entry: usize,
        /// The field.
        field: String,
        /// Its value.
        found: String,
        /// What it may be.
        legal: String,
    },
    /// A file of registers does not have every head of the model once.
    #[error("{}: layer {layer} head {head} has {found} registers; legal: one", file.display())]
    RegistersOf {
        /// The file.
        file: PathBuf,
        /// The layer, from 0.
        layer: usize,
        /// The query head in its layer, from 0.
        head: usize,
        /// How many entries are for the head.
        found: usize,
    },
    /// A file cannot be written.
    #[error("{}: cannot write: {source}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Integers that the golden model does not take.
    #[error(transparent)]
    Arithmetic(#[from] logattn_golden::AttentionError),
    /// A configuration is malformed or not valid.
    #[error(transparent)]
    Configuration(#[from] logattn_golden::ConfigurationError),
    /// An error of the tensor library: a defect of this program or memory that ran out.
    #[error("tensor computation failed: {0}")]
    Tensor(#[from] candle_core::Error),
    /// What was recorded is no legal capture, or could not be written.
    #[error(transparent)]
    Capture(#[from] logattn_captures::Error),
}
