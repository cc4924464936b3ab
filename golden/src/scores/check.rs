//! Checks of the data that comes with scores.

use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;

use super::format::{MOST_SCORE_SHIFT, ScoreFormat, in_range};
use super::kernel::extremes;
use crate::error::{AttentionError, expect_size};

pub(super) fn check_score_shift(score_shift: u32) -> Result<(), AttentionError> {
    in_range("score_shift", score_shift, 0..=MOST_SCORE_SHIFT)
}

/// The first key whose score does not fit.
pub(super) fn find_score(format: &ScoreFormat, scores: &[i32], score_shift: u32) -> Option<usize> {
    let unused = i32::BITS - format.parameters().score_bits;
    let (least, most) = (i32::MIN >> unused, i32::MAX >> unused);
    // The shift keeps the order.
    let found = extremes(scores);
    if scores.is_empty() || (found.0 >> score_shift >= least && found.1 >> score_shift <= most) {
        return None;
    }
    scores
        .iter()
        .position(|score| !(least..=most).contains(&(score >> score_shift)))
}

/// The error for a score that does not fit.
pub(super) fn out_of_range(
    format: &ScoreFormat,
    score: i32,
    score_shift: u32,
    (row, key): (usize, usize),
) -> AttentionError {
    let score_bits = format.parameters().score_bits;
    AttentionError::Parameter {
        what: "score",
        value: format!("{score} of row {row}, key {key}"),
        legal: format!(
            "such that {score_bits} signed bits (score_bits) hold it shifted right by \
             {score_shift}"
        ),
    }
}

/// Checks the scores of all heads, [heads, rows, keys], up to each row's length.
///
/// Returns the head that is at fault with the error.
pub(super) fn check_scores(
    format: &ScoreFormat,
    scores: &[i32],
    (heads, rows, keys): (usize, usize, usize),
    score_shifts: &[u32],
    lengths: &[usize],
) -> Result<(), (usize, AttentionError)> {
    for (head, score_shift) in score_shifts.iter().enumerate() {
        check_score_shift(*score_shift).map_err(|error| (head, error))?;
    }
    let row_of = |index: usize| &scores[index * keys..][..lengths[index % rows]];
    let wrong = |index: usize| find_score(format, row_of(index), score_shifts[index / rows]);
    let first = (0..heads * rows)
        .into_par_iter()
        .find_map_first(|index| wrong(index).map(|key| (index, key)));
    match first {
        None => Ok(()),
        Some((index, key)) => {
            let (head, row) = (index / rows, index % rows);
            let score = row_of(index)[key];
            Err((
                head,
                out_of_range(format, score, score_shifts[head], (row, key)),
            ))
        }
    }
}

/// Checks the number of keys and the rows' lengths.
pub(super) fn check_lengths(
    format: &ScoreFormat,
    (rows, keys): (usize, usize),
    lengths: &[usize],
) -> Result<(), AttentionError> {
    let most = format.parameters().max_keys;
    if keys > most {
        return Err(AttentionError::Shape {
            what: "keys of scores",
            found: keys,
            legal: format!("at most max_keys = {most}"),
        });
    }
    expect_size("number of lengths", lengths.len(), rows, "rows of scores")?;
    match lengths.iter().find(|length| **length > keys) {
        None => Ok(()),
        Some(length) => Err(AttentionError::Shape {
            what: "length of a row",
            found: *length,
            legal: format!("at most {keys} (keys of scores)"),
        }),
    }
}

/// Checks the shape of values [heads, keys, D].
pub(super) fn check_value_sizes(
    values: ArrayView3<i8>,
    (heads, keys): (usize, usize),
) -> Result<(), AttentionError> {
    let (value_heads, value_keys, elements) = values.dim();
    expect_size("heads of values", value_heads, heads, "heads of scores")?;
    expect_size("keys of values", value_keys, keys, "keys of scores")?;
    if elements > 0 {
        return Ok(());
    }
    Err(AttentionError::Shape {
        what: "elements of a value",
        found: 0,
        legal: "at least 1".to_owned(),
    })
}

/// Checks that values [heads, keys, D] have no more than `value_bits`.
///
/// Returns the head that is at fault with the error.
pub(super) fn check_values(
    values: ArrayView3<i8>,
    value_bits: u32,
) -> Result<(), (usize, AttentionError)> {
    if value_bits == i8::BITS {
        return Ok(());
    }
    let most = (1_i8 << (value_bits - 1)) - 1;
    let legal = -most - 1..=most;
    match values
        .indexed_iter()
        .find(|(_, value)| !legal.contains(*value))
    {
        None => Ok(()),
        Some(((head, key, element), value)) => Err((
            head,
            AttentionError::Value {
                key,
                element,
                value: *value,
                value_bits,
            },
        )),
    }
}

/// A contiguous copy of scores only where they are not contiguous.
pub(super) fn contiguous(scores: ArrayView3<'_, i32>) -> ndarray::CowArray<'_, i32, ndarray::Ix3> {
    if scores.is_standard_layout() {
        return scores.into();
    }
    let copy: Array3<i32> = scores.as_standard_layout().into_owned();
    copy.into()
}
