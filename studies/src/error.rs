//! Why a study cannot be made.

use logattn_captures::UnitHeadError;
use logattn_golden::{AttentionError, ConfigurationError};
use logattn_sim::SimulationError;
use thiserror::Error;

/// Bad input of a study.
#[derive(Debug, Error)]
pub enum Error {
    /// A configuration is not valid.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// A capture cannot be used.
    #[error(transparent)]
    Capture(#[from] logattn_captures::Error),
    /// A capture was made for another head dimension.
    #[error(
        "{file}: tensor `v` has head dimension D = {found}; legal: {legal} (head_dimension of \
         configuration \"{configuration}\")"
    )]
    HeadDimension {
        /// The file.
        file: String,
        /// D of the capture.
        found: usize,
        /// D of the configuration.
        legal: usize,
        /// Name of the configuration.
        configuration: String,
    },
    /// A capture has longer rows than the unit.
    #[error(
        "{file}: {of} has N = {found} keys; legal: at most {legal} (max_keys of \
         configuration \"{configuration}\")"
    )]
    TooManyKeys {
        /// The file.
        file: String,
        /// What has them.
        of: &'static str,
        /// Keys of the capture.
        found: usize,
        /// `max_keys`.
        legal: usize,
        /// Name of the configuration.
        configuration: String,
    },
    /// The mask leaves a capture no row.
    #[error("{file}: tensor `mask` leaves no row to attend from")]
    NoRows {
        /// The file.
        file: String,
    },
    /// A unit with scores cannot be fed from probabilities alone.
    #[error(
        "{file}: tensors `q` and `k` are missing; legal: both for a unit with input = \"{input}\" \
         (configuration \"{configuration}\")"
    )]
    NoScores {
        /// The file.
        file: String,
        /// The input of the configuration.
        input: &'static str,
        /// Name of the configuration.
        configuration: String,
    },
    /// A mask that scores cannot express.
    #[error(
        "{file}: tensor `mask` masks key {key} before the last valid key {last}; legal with \
         input = \"{input}\": masked keys at the end alone (a row is cut there; only a probability \
         can be 0)"
    )]
    MaskedKey {
        /// The file.
        file: String,
        /// The first masked key.
        key: usize,
        /// The last valid key.
        last: usize,
        /// The input of the configuration.
        input: &'static str,
    },
    /// Probabilities of other rows than those of the queries.
    #[error(
        "{file}: tensor `probabilities` has {found} rows; legal with input = \"{input}\": {legal}, \
         one for each query of `q`"
    )]
    Rows {
        /// The file.
        file: String,
        /// Rows of the probabilities.
        found: usize,
        /// Queries.
        legal: usize,
        /// The input of the configuration.
        input: &'static str,
    },
    /// A captured head has no form that the unit takes.
    #[error("{file}: {source}")]
    Captured {
        /// The file.
        file: String,
        /// The head and what is wrong with it.
        source: Box<UnitHeadError>,
    },
    /// The golden model refuses a head.
    #[error("{file}: {source}")]
    Attention {
        /// The file and the head.
        file: String,
        /// What it refuses.
        source: AttentionError,
    },
    /// The heads make no workload.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// An option of the external memory is out of range.
    #[error(transparent)]
    Memory(#[from] logattn_sim::memory::MemoryError),
    /// An energy table cannot be used.
    #[error(transparent)]
    Energy(#[from] logattn_sim::energy::EnergyError),
    /// A table cannot be made.
    #[error("cannot write CSV: {0}")]
    Csv(#[from] csv::Error),
    /// A table cannot be made.
    #[error("cannot write CSV: {0}")]
    Write(#[from] std::io::Error),
    /// Decoding needs rows that see no later keys.
    #[error(
        "{file}: phase `decode` needs causal rows; legal: a capture with metadata `causal` = \"true\" \
         (a decoder's attention), a square mask that keeps no key beyond its row's own, or phase \
         `prefill`"
    )]
    NotCausal {
        /// The file.
        file: String,
    },
    /// A mask says what is kept, and nothing of scores.
    #[error(
        "{file}: a static mask cannot be played on a unit with input = \"{input}\" (configuration \
         \"{configuration}\"); legal: input = \"probabilities\""
    )]
    MaskInput {
        /// The file.
        file: String,
        /// The input of the configuration.
        input: &'static str,
        /// Name of the configuration.
        configuration: String,
    },
    /// A static mask cannot be used.
    #[error(transparent)]
    Mask(#[from] crate::mask::MaskError),
    /// An option is out of range.
    #[error("{field} = {found}; legal: {legal}")]
    Option {
        /// The option.
        field: &'static str,
        /// What it is.
        found: String,
        /// What it may be.
        legal: String,
    },
    /// A file would not fit into this machine's memory.
    #[error(
        "{file}: needs about {need} of memory, {available} are available; split \
         the file into shards of fewer layers each, whose results add up, or capture fewer rows \
         (capture --queries)"
    )]
    TooLarge {
        /// The file.
        file: String,
        /// What it takes.
        need: String,
        /// What there is.
        available: String,
    },
    /// A plot could not be drawn.
    #[error("plot {plot}: cannot draw: {reason}")]
    Plot {
        /// Its name.
        plot: &'static str,
        /// What the drawing library says.
        reason: String,
    },
}
