//! Heads of a capture in the number formats of a unit.

use crate::{Capture, Error, Head};
use logattn_golden::scores::{ScaledQuery, power_of_two_query, scores};
use logattn_golden::{AttentionError, Configuration, HeadInput, Input, probabilities_to_fixed};
use ndarray::{Array2, ArrayView2, s};
use thiserror::Error as ThisError;

/// The rows of a head, as a unit's input has them; a multiple of `query_block` rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadRows {
    /// [rows, keys] in fixed point with `probability_bits` fraction bits.
    Probabilities(Array2<u32>),
    /// [rows, keys]: y with F fraction bits, in `score_bits` signed bits.
    Scores(Array2<i32>),
    /// Queries and keys, of which the unit makes the scores.
    Qkv {
        /// [rows, D].
        query: Array2<i8>,
        /// [keys, D].
        key: Array2<i8>,
        /// f - F: how far products are shifted to the right, 0..=31.
        score_shift: u32,
    },
}

impl HeadRows {
    /// The same as the golden model takes it.
    pub fn input(&self) -> HeadInput<'_> {
        match self {
            HeadRows::Probabilities(probabilities) => {
                HeadInput::Probabilities(probabilities.view())
            }
            HeadRows::Scores(scores) => HeadInput::Scores(scores.view()),
            HeadRows::Qkv {
                query,
                key,
                score_shift,
            } => HeadInput::Qkv {
                query: query.view(),
                key: key.view(),
                score_shift: *score_shift,
            },
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        match self {
            HeadRows::Probabilities(probabilities) => probabilities.nrows(),
            HeadRows::Scores(scores) => scores.nrows(),
            HeadRows::Qkv { query, .. } => query.nrows(),
        }
    }

    /// Number of keys.
    pub fn keys(&self) -> usize {
        match self {
            HeadRows::Probabilities(probabilities) => probabilities.ncols(),
            HeadRows::Scores(scores) => scores.ncols(),
            HeadRows::Qkv { key, .. } => key.nrows(),
        }
    }
}

/// A captured head as the unit of a configuration takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitHead {
    /// What decides each key's weight, of every row over all keys. Masked keys have probability 0;
    /// scores have no mask but the row's length, which is not applied here.
    pub rows: HeadRows,
    /// [keys, D], int8.
    pub values: Array2<i8>,
    /// The real number that 1 of `values` stands for, in the elements that are the head's own.
    pub value_scale: f32,
    /// Bits of a query's element that its power-of-two scale leaves of 8; absent with
    /// probabilities.
    pub effective_bits: Option<f64>,
}

/// Why a capture's head has no form that a unit takes.
#[derive(Debug, ThisError)]
pub enum UnitHeadError {
    /// The capture has no such head.
    #[error(transparent)]
    Capture(#[from] Error),
    /// A probability is no probability, or queries have no scale.
    #[error("{head}: {source}")]
    Golden {
        /// Name of the head.
        head: String,
        /// What the golden model says.
        source: AttentionError,
    },
    /// The unit needs scores, for which the capture has no queries and keys.
    #[error("{head}: no queries and keys, which input = \"scores\" and \"qkv\" need")]
    NoScores {
        /// Name of the head.
        head: String,
    },
    /// The unit's head dimension is no multiple of the capture's.
    #[error(
        "head_dimension {found}: the capture's heads are {capture} wide, legal: a multiple of that"
    )]
    HeadDimension {
        /// `head_dimension` of the configuration.
        found: usize,
        /// D of the capture.
        capture: usize,
    },
}

/// Head `index` of `capture` for the unit of `c`, at most its first `rows` rows, all keys of each.
///
/// Scores are those of the head's queries with a scale that is a power of two and of its int8
/// keys; the scale is that of all rows.
///
/// A unit wider than the capture's heads gets the values of as many neighboring heads side by
/// side, all under the attention of head `index`: real numbers in every lane, though no head of
/// the model. Queries and keys are zero in the elements that the head does not have, so that the
/// scores are its own.
///
/// # Errors
/// No such head; widths that do not go together; no queries and keys where scores are needed.
pub fn unit_head(
    capture: &Capture,
    c: &Configuration,
    index: usize,
    rows: usize,
) -> Result<UnitHead, UnitHeadError> {
    let (found, width) = (c.head_dimension, capture.head_dimension());
    if !found.is_multiple_of(width) {
        return Err(UnitHeadError::HeadDimension {
            found,
            capture: width,
        });
    }
    let head = capture.head(index)?;
    let values = values_beside(capture, index, found / width)?;
    let value_scale = head.value_int8().scale;
    let golden = |source| UnitHeadError::Golden {
        head: head.name(),
        source,
    };
    let (rows, effective_bits) = match c.input {
        Input::Probabilities => {
            let probabilities = head.probabilities();
            let rows = rows.min(probabilities.nrows());
            let first = probabilities.slice(s![..rows, ..]);
            let fixed = probabilities_to_fixed::<_, u32, _>(&first, c.probability_bits);
            (HeadRows::Probabilities(fixed.map_err(golden)?), None)
        }
        Input::Scores => {
            let (query, key) = query_and_key(c, head, rows)?;
            let products = scores(query.integers.view(), key.view()).map_err(golden)?;
            let scores = products.mapv(|product| product >> query.score_shift);
            (HeadRows::Scores(scores), Some(query.effective_bits()))
        }
        Input::Qkv => {
            let (query, key) = query_and_key(c, head, rows)?;
            let effective_bits = query.effective_bits();
            let rows = HeadRows::Qkv {
                query: widened(query.integers.view(), found),
                key: widened(key.view(), found),
                score_shift: query.score_shift,
            };
            (rows, Some(effective_bits))
        }
    };
    Ok(UnitHead {
        rows,
        values,
        value_scale,
        effective_bits,
    })
}

/// [keys, D]: values of `neighbors` heads from `index` on, side by side.
fn values_beside(
    capture: &Capture,
    index: usize,
    neighbors: usize,
) -> Result<Array2<i8>, UnitHeadError> {
    let width = capture.head_dimension();
    let values: Result<Vec<Array2<i8>>, Error> = (0..neighbors)
        .map(|neighbor| {
            Ok(capture
                .head((index + neighbor) % capture.heads())?
                .value_int8()
                .values)
        })
        .collect();
    let values = values?;
    let shape = (capture.tokens(), neighbors * width);
    Ok(Array2::from_shape_fn(shape, |(key, d)| {
        values[d / width][[key, d % width]]
    }))
}

/// Queries of the first rows with their scale, and the int8 keys. The scale is that of all rows.
fn query_and_key(
    c: &Configuration,
    head: Head<'_>,
    rows: usize,
) -> Result<(ScaledQuery, Array2<i8>), UnitHeadError> {
    let (Some(query), Some(key)) = (head.query(), head.key_int8()) else {
        return Err(UnitHeadError::NoScores { head: head.name() });
    };
    let fraction_bits = c.fraction_bits.unwrap_or(0);
    let mut query =
        power_of_two_query(query.view(), key.scale.into(), fraction_bits).map_err(|source| {
            UnitHeadError::Golden {
                head: head.name(),
                source,
            }
        })?;
    let rows = rows.min(query.integers.nrows());
    query.integers = query.integers.slice(s![..rows, ..]).to_owned();
    Ok((query, key.values))
}

/// Vectors with zeros after them up to `dimension` elements.
fn widened(vectors: ArrayView2<i8>, dimension: usize) -> Array2<i8> {
    let (count, elements) = vectors.dim();
    let mut wide = Array2::zeros((count, dimension));
    wide.slice_mut(s![.., ..elements]).assign(&vectors);
    wide
}
