//! The one configuration type: golden model, Verilog, simulator and documentation are all made
//! from it.
//!
//! ```
//! use logattn_golden::Configuration;
//!
//! let base = Configuration::named("base")?;
//! assert_eq!(base.head_dimension, 64);
//! let again = Configuration::from_toml(&base.to_toml()?, "base.toml")?;
//! assert_eq!(again, base);
//! # Ok::<(), logattn_golden::ConfigurationError>(())
//! ```

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::ConfigurationError;
use crate::scores::{Exp2, ScoreFormat, ScoreParameters};

/// What the unit receives for each key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// Softmax probabilities in unsigned fixed point.
    Probabilities,
    /// Scores as base-2 logits in signed fixed point: no softmax is computed anywhere.
    Scores,
    /// Queries and keys in int8: the unit computes the scores itself.
    Qkv,
}

/// How a survivor's value enters the sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Accumulate {
    /// Shifted left by `max_shift - shift[code]` and added: levels are powers of two.
    Shift,
    /// The same sums as `shift`, with the survivors of a row sorted by level: the sum is doubled
    /// on the way from one level to the next. One row a block.
    Sorted,
    /// Added to its code's own accumulator; the row's end combines them with the level constants.
    Bucket,
    /// The int8 twin: an 8-bit linear probability times the value, nothing pruned.
    Multiply,
}

impl Accumulate {
    /// Whether levels are powers of two, given by `shifts`.
    pub fn shifts(self) -> bool {
        matches!(self, Accumulate::Shift | Accumulate::Sorted)
    }
}

/// What leaves the unit for each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalize {
    /// The exact accumulators and the normalizer.
    None,
    /// The accumulators divided by the normalizer, rounded to `output_bits`.
    Reciprocal,
    /// The row's largest key takes the weight that the others leave, so that the denominator is
    /// 2^max_shift: neither normalizer nor division. Where scores are known
    /// (`input = "scores"` or `"qkv"`), with `accumulate = "shift"` or `"sorted"` and one row a
    /// block.
    Complement,
}

/// Everything that is chosen when a unit is generated.
///
/// A field that the chosen modes do not read must be absent from the TOML text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Prefix of every generated module's name: `[a-z][a-z0-9_]{0,31}`.
    pub name: String,
    /// What a beat of the attention stream carries.
    pub input: Input,
    /// Bits of a stored code, 2..=4, default 3: `2^code_bits - 1` levels and 0 for pruned.
    /// Absent with `accumulate = "multiply"`, which keeps 8-bit probabilities.
    #[serde(default = "default_code_bits")]
    pub code_bits: u32,
    /// Elements D of a value vector, 1..=512.
    pub head_dimension: usize,
    /// Most keys N of a row, 2..=16384; sums over a row must fit 32 bits (bucket mode: 48).
    pub max_keys: usize,
    /// Bits of a signed value element, 2..=8.
    pub value_bits: u32,
    /// Fraction bits of a probability, 12..=24, default 16; 1.0 saturates to all ones. Only with
    /// `input = "probabilities"`.
    #[serde(default = "default_probability_bits")]
    pub probability_bits: u32,
    /// Keys W of one row in a beat of the attention stream: a power of two, 1..=64, at most
    /// `max_keys`; `query_block * keys_per_beat * probability_bits` (`score_bits` with
    /// `input = "scores"`) must be whole bytes. With `input = "qkv"` so many keys are multiplied
    /// with each query of a block in a cycle.
    pub keys_per_beat: usize,
    /// Value elements accumulated in a cycle: `head_dimension` divided by a power of two;
    /// `lanes * value_bits` must be whole bytes.
    pub lanes: usize,
    /// Rows B that share each read of a value, 1, 2, 4 or 8; over 1 only with
    /// `lanes = head_dimension` and without `accumulate = "sorted"`.
    pub query_block: usize,
    /// How a survivor's value enters the sum.
    pub accumulate: Accumulate,
    /// What leaves the unit for each row.
    pub normalize: Normalize,
    /// Bits of a signed output element, `value_bits`..=16; only, and required, with
    /// `normalize = "reciprocal"` or `"complement"`. Outputs carry `output_bits - value_bits` fraction bits more
    /// than values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bits: Option<u32>,
    /// Output elements in a beat of the output stream; divides `lanes`.
    pub output_lanes: usize,
    /// Copies of the value memory (and of the key memory), 1 or 2, default 1; with 2 the next
    /// head's values (and keys) load while this head's are in use.
    #[serde(default = "default_value_banks")]
    pub value_banks: usize,
    /// Registers on the unit's paths, 1 to 3, default 1. 2 is for clock rates that block RAMs and
    /// adders in one cycle do not reach: what [`crate::microarchitecture`] lists has a register
    /// more, the results and the cycles a row are the same, the latency is not. 3 is for 150 MHz
    /// on an ECP5: more registers in units of every input, queues with reserved places, and a cycle
    /// between two heads in which no key and no value is read.
    #[serde(
        default = "default_pipeline_depth",
        skip_serializing_if = "is_default_pipeline_depth"
    )]
    pub pipeline_depth: u32,
    /// Largest shift, 1..=15; only, and required, with `accumulate = "shift"` or `"sorted"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_shift: Option<u32>,
    /// Values for the unit's input `thresholds`: a probability (an integer of `probability_bits`
    /// bits) has at least code i iff it is >= `thresholds[i - 1]`. `2^code_bits - 1` integers of
    /// 1..2^probability_bits, non-decreasing; the least is 1, so that a probability of 0 is
    /// always pruned. Absent with `accumulate = "multiply"` and without
    /// `input = "probabilities"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<u32>,
    /// Values for the unit's input `shifts`: code i weighs `2^-shifts[i - 1]`. `2^code_bits - 1` integers
    /// of 0..=max_shift, non-increasing. Only with `accumulate = "shift"` or `"sorted"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shifts: Vec<u32>,
    /// Values for the unit's input `levels`: code i weighs `levels[i - 1] * 2^-level_bits`.
    /// `2^code_bits - 1` integers of 1..2^level_bits, non-decreasing. Only with
    /// `accumulate = "bucket"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<u32>,
    /// Fraction bits of a level, 1..=16; only, and required, with `accumulate = "bucket"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level_bits: Option<u32>,
    /// F: fraction bits of a score, 0..=8. This and the fields below: only, and required, with
    /// `input = "scores"` or `"qkv"`; [`crate::scores`] says what each means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraction_bits: Option<u32>,
    /// Bits of a signed score, its F fraction bits included: F + 1..=32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_bits: Option<u32>,
    /// Bits of a key's distance from the row's largest score: F + 1..=F + 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance_bits: Option<u32>,
    /// G: fraction bits that powers of two have more than scores, 0..=16; the sum of a row's
    /// powers must fit 32 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard_bits: Option<u32>,
    /// How 2^-distance is computed: `mitchell` or `table`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp2: Option<Exp2>,
    /// Values for the unit's input `thresholds`: a key has at least code i iff its score, less
    /// the logarithm of the row's sum, is >= `score_thresholds[i - 1]`. `2^code_bits - 1` integers
    /// with F fraction bits above -(2^distance_bits - 1), at most 0, non-decreasing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub score_thresholds: Vec<i32>,
}

pub(crate) const DEFAULT_CODE_BITS: u32 = 3;

fn default_code_bits() -> u32 {
    DEFAULT_CODE_BITS
}

pub(crate) const DEFAULT_PROBABILITY_BITS: u32 = 16;

fn default_probability_bits() -> u32 {
    DEFAULT_PROBABILITY_BITS
}

fn default_value_banks() -> usize {
    1
}

fn default_pipeline_depth() -> u32 {
    1
}

// By reference, as serde hands it over.
fn is_default_pipeline_depth(depth: &u32) -> bool {
    *depth == default_pipeline_depth()
}

/// Bits of the int8 twin's linear probabilities.
pub const LINEAR_CODE_BITS: u32 = 8;

/// Bits of a signed element of queries and keys.
pub const QUERY_KEY_BITS: u32 = 8;

/// Longest legal `name`, in characters.
pub(crate) const NAME_LENGTH: usize = 32;

/// Names of the embedded configurations.
pub const NAMES: [&str; 5] = ["nano", "edge", "base", "server", "paper"];

/// Names of the embedded configurations with another input: see [`Configuration::with_input`].
pub const VARIANT_NAMES: [&str; 10] = [
    "nano_scores",
    "nano_qkv",
    "edge_scores",
    "edge_qkv",
    "base_probabilities",
    "base_scores",
    "server_scores",
    "server_qkv",
    "paper_scores",
    "paper_qkv",
];

/// Names of embedded configurations with `accumulate = "sorted"`: see [`Configuration::sorted`].
pub const SORTED_NAMES: [&str; 2] = ["nano_sorted", "edge_sorted"];

pub(crate) const SORTED_SUFFIX: &str = "_sorted";

/// Names of the int8 twins of the embedded `shift` configurations.
pub const TWIN_NAMES: [&str; 4] = ["nano_int8", "edge_int8", "base_int8", "server_int8"];

pub(crate) const TWIN_SUFFIX: &str = "_int8";

const EMBEDDED: [&str; 5] = [
    include_str!("../configurations/nano.toml"),
    include_str!("../configurations/edge.toml"),
    include_str!("../configurations/base.toml"),
    include_str!("../configurations/server.toml"),
    include_str!("../configurations/paper.toml"),
];

impl Configuration {
    /// Reads and validates a configuration.
    ///
    /// # Arguments
    /// - `text`: TOML with the fields of [`Configuration`].
    /// - `source_name`: the file's name, for the messages.
    ///
    /// # Errors
    /// [`ConfigurationError::Parse`] for text that is not TOML, an unknown or missing field or a
    /// wrong type; [`ConfigurationError::Invalid`] for a value outside its legal range.
    pub fn from_toml(text: &str, source_name: &str) -> Result<Self, ConfigurationError> {
        let configuration: Self =
            toml::from_str(text).map_err(|error| ConfigurationError::Parse {
                origin: source_name.to_owned(),
                error: Box::new(error),
            })?;
        configuration.check(source_name, &GivenFields::of(text))?;
        Ok(configuration)
    }

    /// The first half of the SHA-256 of the configuration's TOML, in hexadecimal: what generated
    /// files and results name it by.
    ///
    /// # Errors
    /// As [`Configuration::to_toml`].
    pub fn sha256(&self) -> Result<String, ConfigurationError> {
        let digest = Sha256::digest(self.to_toml()?.as_bytes());
        let half = digest.iter().take(16);
        Ok(half.map(|byte| format!("{byte:02x}")).collect())
    }

    /// The configuration as TOML text that [`Configuration::from_toml`] reads back equal.
    ///
    /// # Errors
    /// [`ConfigurationError::Invalid`] if the configuration is not valid.
    pub fn to_toml(&self) -> Result<String, ConfigurationError> {
        self.validate()?;
        let unwritable = |error: toml::ser::Error| ConfigurationError::Unwritable {
            origin: self.name.clone(),
            error: Box::new(error),
        };
        let text = toml::to_string(self).map_err(unwritable)?;
        let unread = |line: &str| {
            (line.starts_with("code_bits") && self.accumulate == Accumulate::Multiply)
                || (line.starts_with("probability_bits") && self.input != Input::Probabilities)
        };
        Ok(text
            .lines()
            .filter(|line| !unread(line))
            .flat_map(|line| [line, "\n"])
            .collect())
    }

    /// Checks every field against its legal range and against the other fields.
    ///
    /// # Errors
    /// [`ConfigurationError::Invalid`] for the first offending field, with its value and range.
    pub fn validate(&self) -> Result<(), ConfigurationError> {
        self.check(&self.name, &GivenFields::default())
    }

    /// One of the embedded configurations ([`NAMES`]), one of them with another input
    /// ([`VARIANT_NAMES`]), with sorted accumulation ([`SORTED_NAMES`]) or an int8 twin
    /// ([`TWIN_NAMES`]).
    ///
    /// # Errors
    /// [`ConfigurationError::UnknownName`], which lists the known names.
    pub fn named(name: &str) -> Result<Self, ConfigurationError> {
        if TWIN_NAMES.contains(&name) {
            let original = name.trim_end_matches(TWIN_SUFFIX);
            return Ok(Self::named(original)?.int8_twin());
        }
        if SORTED_NAMES.contains(&name) {
            let original = name.trim_end_matches(SORTED_SUFFIX);
            return Self::named(original)?.sorted();
        }
        if VARIANT_NAMES.contains(&name) {
            for input in [Input::Probabilities, Input::Scores, Input::Qkv] {
                if let Some(original) = name.strip_suffix(input.suffix()) {
                    return Self::named(original)?.with_input(input);
                }
            }
        }
        match NAMES.iter().position(|known| *known == name) {
            Some(index) => Self::from_toml(EMBEDDED[index], &format!("{name}.toml")),
            None => Err(ConfigurationError::UnknownName {
                name: name.to_owned(),
            }),
        }
    }
}

/// Fields that the text itself sets, which their defaults make invisible after parsing.
#[derive(Default)]
pub(crate) struct GivenFields {
    pub code_bits: bool,
    pub probability_bits: bool,
}

impl GivenFields {
    fn of(text: &str) -> Self {
        let table: toml::Table = text.parse().unwrap_or_default();
        Self {
            code_bits: table.contains_key("code_bits"),
            probability_bits: table.contains_key("probability_bits"),
        }
    }
}

/// `ceil(log2 n)`, 0 for n <= 1.
pub(crate) fn ceil_log2(n: usize) -> u32 {
    usize::BITS - n.saturating_sub(1).leading_zeros()
}

/// Sizes and widths that follow from the fields. All are meant for a validated configuration.
impl Configuration {
    /// Codes other than 0: `2^code_bits - 1`, the number of thresholds and of levels.
    pub fn levels_count(&self) -> usize {
        (1 << self.code_bits) - 1
    }

    /// Times a row is accumulated, each time for other `lanes` of its elements: D / lanes.
    pub fn passes(&self) -> usize {
        self.head_dimension / self.lanes
    }

    /// Beats of the attention stream that a row (or block of rows) of `keys` keys takes; an empty
    /// row still takes one.
    pub fn beats(&self, keys: usize) -> usize {
        keys.div_ceil(self.keys_per_beat).max(1)
    }

    /// Bits of a key's index: ceil(log2 N).
    pub fn key_bits(&self) -> u32 {
        ceil_log2(self.max_keys)
    }

    /// Bits of a row's length, which is 0..=N: ceil(log2(N + 1)).
    pub fn length_bits(&self) -> u32 {
        ceil_log2(self.max_keys + 1)
    }

    /// Bits that hold 0..=max_shift; 0 where there are no shifts.
    pub fn shift_bits(&self) -> u32 {
        u32::BITS - self.max_shift.unwrap_or(0).leading_zeros()
    }

    /// Bits of one code's signed accumulator in bucket mode: a code may be that of every key.
    pub fn bucket_bits(&self) -> u32 {
        self.value_bits + self.key_bits()
    }

    /// Bits of one code's survivor counter in bucket mode, 0..=N.
    pub fn count_bits(&self) -> u32 {
        self.key_bits() + 1
    }

    /// Bits of an element's signed sum over a row, enough for N keys of the largest weight and
    /// the most negative value; with `normalize = "complement"` differences of values are summed,
    /// which take one more.
    pub fn accumulator_bits(&self) -> u32 {
        let difference = u32::from(self.normalize == Normalize::Complement);
        self.value_bits + difference + self.weight_bits() + self.key_bits()
    }

    /// Bits of a row's unsigned normalizer.
    pub fn normalizer_bits(&self) -> u32 {
        // A shifted one reaches 2^max_shift itself, a level or linear code stays below its power.
        let reaches = u32::from(self.accumulate.shifts());
        self.weight_bits() + self.key_bits() + reaches
    }

    /// The power of two that bounds a weight: `max_shift`, `level_bits` or 8.
    fn weight_bits(&self) -> u32 {
        match self.accumulate {
            Accumulate::Shift | Accumulate::Sorted => self.max_shift.unwrap_or(0),
            Accumulate::Bucket => self.level_bits.unwrap_or(0),
            Accumulate::Multiply => LINEAR_CODE_BITS,
        }
    }

    /// Beats of the output stream for a block of `query_block` rows.
    pub fn output_beats(&self) -> usize {
        self.query_block * self.head_dimension / self.output_lanes
    }

    /// Words of one bank of the value memory, each `lanes * value_bits` wide: N * passes.
    pub fn value_words(&self) -> usize {
        self.max_keys * self.passes()
    }

    /// The parameters of the score input, if the configuration has it.
    pub fn score_parameters(&self) -> Option<ScoreParameters> {
        Some(ScoreParameters {
            max_keys: self.max_keys,
            fraction_bits: self.fraction_bits?,
            score_bits: self.score_bits?,
            distance_bits: self.distance_bits?,
            guard_bits: self.guard_bits?,
            exp2: self.exp2?,
            thresholds: self.score_thresholds.clone(),
        })
    }

    /// The score input, if the configuration has it.
    pub fn score_format(&self) -> Option<ScoreFormat> {
        ScoreFormat::new(self.score_parameters()?).ok()
    }

    /// Bits of the signed product of a query and a key, each D elements of
    /// [`QUERY_KEY_BITS`].
    pub fn product_bits(&self) -> u32 {
        2 * QUERY_KEY_BITS + ceil_log2(self.head_dimension)
    }

    /// Bits of one element of a beat of the attention stream.
    pub fn attention_bits(&self) -> u32 {
        match self.input {
            Input::Probabilities => self.probability_bits,
            Input::Scores | Input::Qkv => self.score_bits.unwrap_or(0),
        }
    }

    /// Bits a stored attention value takes: `code_bits`, 8 for the int8 twin.
    pub fn stored_code_bits(&self) -> u32 {
        match self.accumulate {
            Accumulate::Multiply => LINEAR_CODE_BITS,
            _ => self.code_bits,
        }
    }
}
