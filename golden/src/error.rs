//! The errors of this library: one for configurations, one for data.

use thiserror::Error;

use crate::config::{NAMES, SORTED_NAMES, TWIN_NAMES, VARIANT_NAMES};

/// Why a configuration was refused.
#[derive(Debug, Error)]
pub enum ConfigurationError {
    /// The text is not TOML, or a field is unknown, missing or of another type.
    #[error("{origin}: {error}")]
    Parse {
        /// File, or name of the configuration.
        origin: String,
        /// What the TOML reader says, with line and column.
        error: Box<toml::de::Error>,
    },
    /// A field's value is outside its legal range or does not go with another field.
    #[error("{origin}: {field} = {value}: must be {legal}")]
    Invalid {
        /// File, or name of the configuration.
        origin: String,
        /// The offending field, with an index where it is an element of a list.
        field: String,
        /// Its value as read.
        value: String,
        /// The legal range, and what it depends on.
        legal: String,
    },
    /// No embedded configuration has this name.
    #[error("no configuration is named {name:?}; known: {known}", known = known_names())]
    UnknownName {
        /// The name asked for.
        name: String,
    },
    /// The configuration has no TOML form.
    #[error("{origin}: {error}")]
    Unwritable {
        /// Name of the configuration.
        origin: String,
        /// What the TOML writer says.
        error: Box<toml::ser::Error>,
    },
}

fn known_names() -> String {
    [
        &NAMES[..],
        &TWIN_NAMES[..],
        &VARIANT_NAMES[..],
        &SORTED_NAMES[..],
    ]
    .concat()
    .join(", ")
}

/// Why data could not be quantized, packed or attended over.
#[derive(Debug, Error)]
pub enum AttentionError {
    /// The configuration itself is not valid.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// A probability is not a number, infinite, negative or over 1.
    #[error("probability {value} at {index:?}: must be 0..=1")]
    Probability {
        /// Position in the array.
        index: Vec<usize>,
        /// The value found.
        value: f64,
    },
    /// A probability in fixed point has more bits than the configuration says.
    #[error("probability {value} of row {row}, key {key}: must be below 2^{probability_bits}")]
    FixedProbability {
        /// Row of the probability.
        row: usize,
        /// Key of the probability.
        key: usize,
        /// The value found.
        value: u32,
        /// Bits that a probability may take.
        probability_bits: u32,
    },
    /// A value is not a number or infinite.
    #[error("value {value} at {index:?}: must be finite")]
    NotFinite {
        /// Position in the array.
        index: Vec<usize>,
        /// The value found.
        value: f64,
    },
    /// A value has more bits than the configuration says.
    #[error("value {value} of key {key}, element {element}: must fit {value_bits} signed bits")]
    Value {
        /// Key of the value.
        key: usize,
        /// Element of the value.
        element: usize,
        /// The value found.
        value: i8,
        /// Bits that a value may take.
        value_bits: u32,
    },
    /// An array or a number does not go with the configuration or the other arrays.
    #[error("{what} is {found}: must be {legal}")]
    Shape {
        /// What was measured.
        what: &'static str,
        /// Its size.
        found: usize,
        /// The legal size or range.
        legal: String,
    },
    /// Parameters of a quantizer or a number format are out of range.
    #[error("{what} = {value}: must be {legal}")]
    Parameter {
        /// The parameter.
        what: &'static str,
        /// Its value.
        value: String,
        /// The legal range.
        legal: String,
    },
    /// One of many heads was refused.
    #[error("head {head}: {error}")]
    Head {
        /// Index of the head.
        head: usize,
        /// What is wrong with it.
        error: Box<AttentionError>,
    },
}

impl AttentionError {
    pub(crate) fn parameter(
        what: &'static str,
        value: impl std::fmt::Debug,
        legal: impl Into<String>,
    ) -> Self {
        Self::Parameter {
            what,
            value: format!("{value:?}"),
            legal: legal.into(),
        }
    }
}

/// Refuses a size that is not the one expected.
pub(crate) fn expect_size(
    what: &'static str,
    found: usize,
    expected: usize,
    because: &str,
) -> Result<(), AttentionError> {
    if found == expected {
        return Ok(());
    }
    Err(AttentionError::Shape {
        what,
        found,
        legal: format!("{expected} ({because})"),
    })
}
