//! Heads of a capture as a unit takes them.

use crate::stimulus::Head;
use logattn_captures::{Capture, Error, Head as CapturedHead};
use logattn_golden::scores::{ScaledQuery, power_of_two_query, scores};
use logattn_golden::{AttentionError, Configuration, Input, probabilities_to_fixed};
use ndarray::{Array2, ArrayView2, s};
use thiserror::Error;

/// Why a capture's head cannot be played.
#[derive(Debug, Error)]
pub enum CapturedError {
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
/// keys. Masked keys have probability 0; scores have no mask but the row's length, which is left
/// at all keys.
///
/// A unit wider than the capture's heads gets the values of as many neighboring heads side by
/// side, all under the attention of head `index`: real numbers in every lane, though no head of
/// the model. Queries and keys are zero in the elements that the head does not have, so that the
/// scores are its own.
///
/// # Errors
/// No such head; widths that do not go together; no queries and keys where scores are needed.
pub fn captured_head(
    capture: &Capture,
    c: &Configuration,
    index: usize,
    rows: usize,
) -> Result<Head, CapturedError> {
    let (found, width) = (c.head_dimension, capture.head_dimension());
    if !found.is_multiple_of(width) {
        return Err(CapturedError::HeadDimension {
            found,
            capture: width,
        });
    }
    let head = capture.head(index)?;
    let values = values_beside(capture, index, found / width)?;
    let golden = |source| CapturedError::Golden {
        head: head.name(),
        source,
    };
    match c.input {
        Input::Probabilities => {
            let probabilities = head.probabilities();
            let rows = rows.min(probabilities.nrows());
            let first = probabilities.slice(s![..rows, ..]);
            let fixed = probabilities_to_fixed::<_, u32, _>(&first, c.probability_bits);
            let fixed = fixed.map_err(golden)?;
            Ok(Head::whole(c, fixed.view(), values.view()))
        }
        Input::Scores => {
            let (query, key) = query_and_key(c, head, rows)?;
            let products = scores(query.integers.view(), key.view()).map_err(golden)?;
            let scores = products.mapv(|product| product >> query.score_shift);
            Ok(Head::whole_scores(c, scores.view(), values.view()))
        }
        Input::Qkv => {
            let (query, key) = query_and_key(c, head, rows)?;
            let (wide, shift) = (widened(query.integers.view(), found), query.score_shift);
            let key = widened(key.view(), found);
            let (query, key) = (wide.view(), key.view());
            Ok(Head::whole_qkv(c, query, key, shift, values.view()))
        }
    }
}

/// [keys, D]: values of `neighbors` heads from `index` on, side by side.
fn values_beside(
    capture: &Capture,
    index: usize,
    neighbors: usize,
) -> Result<Array2<i8>, CapturedError> {
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
    head: CapturedHead,
    rows: usize,
) -> Result<(ScaledQuery, Array2<i8>), CapturedError> {
    let (Some(query), Some(key)) = (head.query(), head.key_int8()) else {
        return Err(CapturedError::NoScores { head: head.name() });
    };
    let fraction_bits = c.fraction_bits.unwrap_or(0);
    let mut query =
        power_of_two_query(query.view(), key.scale.into(), fraction_bits).map_err(|source| {
            CapturedError::Golden {
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
