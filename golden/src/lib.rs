//! Number formats, quantizers and the bit-exact attention model of logattn.
//!
//! ```
//! use logattn_golden::{Configuration, attend, probabilities_to_fixed};
//! use ndarray::arr2;
//!
//! let mut nano = Configuration::named("nano")?;
//! (nano.head_dimension, nano.lanes) = (2, 2);
//! let probabilities = arr2(&[[0.5_f32, 0.25, 0.001]]);
//! let fixed = probabilities_to_fixed::<_, u16, _>(&probabilities.view(), nano.probability_bits)?;
//! let values = arr2(&[[10, -20], [30, 40], [99, 99]]);
//! let attention = attend(&nano, fixed.view(), &[3], values.view())?;
//! // Weights 2^6 and 2^5; the third key is pruned.
//! assert_eq!(attention.survivors, [2]);
//! assert_eq!(attention.normalizers, [96]);
//! assert_eq!(attention.accumulators, arr2(&[[640 + 960, -1280 + 1280]]));
//! # Ok::<(), logattn_golden::AttentionError>(())
//! ```

pub mod attention;
pub mod config;
mod error;
pub mod format;
mod kernel;
pub mod microarchitecture;
mod model;
pub mod packed;
pub mod quantizer;
pub mod reciprocal;
pub mod scores;
mod unit;
mod unit_rows;
mod validate;
mod variants;

pub use attention::{Attention, HeadsAttention, attend, attend_heads, codes, divide_rounded};
pub use config::{
    Accumulate, Configuration, Input, NAMES, Normalize, SORTED_NAMES, TWIN_NAMES, VARIANT_NAMES,
};
pub use error::{AttentionError, ConfigurationError};
pub use format::{Probability, Quantized, probabilities_to_fixed, quantize_values};
pub use packed::{DenseCodes, SurvivorCodes};
pub use quantizer::{Thresholds, linear_code, paper_levels};
pub use reciprocal::{Reciprocal, ReciprocalFormat};
pub use scores::{
    Exp2, ScoreFormat, ScoreParameters, attend_score_heads, attend_scores, score_codes,
};
pub use unit::{HeadInput, UnitAttention, UnitCodes, attend_unit, unit_codes};
pub use unit_rows::{RowBuffers, UnitRow, UnitRows, UnitValues};
