//! Heads of a capture as a unit takes them.

use crate::stimulus::Head;
use logattn_captures::{Capture, Error};
use logattn_golden::{Configuration, probabilities_to_fixed};
use ndarray::{Array2, s};
use thiserror::Error;

/// Why a capture's head cannot be played.
#[derive(Debug, Error)]
pub enum CapturedError {
    /// The capture has no such head.
    #[error(transparent)]
    Capture(#[from] Error),
    /// A probability is no probability.
    #[error("{head}: {source}")]
    Probability {
        /// Name of the head.
        head: String,
        /// What the golden model says.
        source: logattn_golden::AttentionError,
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

/// Head `index` of `capture` for the unit of `c`, at most its first `rows` rows.
///
/// A unit wider than the capture's heads gets the values of as many neighboring heads side by
/// side, all under the attention of head `index`: real numbers in every lane, though no head of
/// the model.
///
/// # Errors
/// No such head; widths that do not go together.
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
    let probabilities = head.probabilities();
    let rows = rows.min(probabilities.nrows());
    let fixed = probabilities_to_fixed::<_, u32, _>(
        &probabilities.slice(s![..rows, ..]),
        c.probability_bits,
    )
    .map_err(|source| CapturedError::Probability {
        head: head.name(),
        source,
    })?;
    let values: Result<Vec<Array2<i8>>, Error> = (0..found / width)
        .map(|neighbor| {
            Ok(capture
                .head((index + neighbor) % capture.heads())?
                .value_int8()
                .values)
        })
        .collect();
    let values = values?;
    let beside = Array2::from_shape_fn((capture.tokens(), found), |(key, d)| {
        values[d / width][[key, d % width]]
    });
    Ok(Head::whole(c, fixed.view(), beside.view()))
}
