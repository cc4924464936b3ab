//! Attention from scores: all rows of all heads in parallel.

use ndarray::{Array2, ArrayView2, ArrayView3, Axis};
use rayon::prelude::*;

use super::check::{check_lengths, check_scores, check_value_sizes, check_values, contiguous};
use super::format::ScoreFormat;
use super::model::{Model, ROWS_PER_TASK, Rows};
use super::weights::ScoreWeights;
use crate::attention::{Attention, HeadsAttention};
use crate::error::{AttentionError, expect_size};

/// Codes alone: [rows, keys], 0 at and beyond a row's length.
///
/// # Arguments
/// As for [`attend_scores`].
///
/// # Errors
/// As [`attend_scores`].
pub fn score_codes(
    format: &ScoreFormat,
    scores: ArrayView2<i32>,
    score_shift: u32,
    lengths: &[usize],
) -> Result<Array2<u8>, AttentionError> {
    let (rows, keys) = scores.dim();
    check_lengths(format, (rows, keys), lengths)?;
    let scores = contiguous(scores.insert_axis(Axis(0)));
    let scores = scores.as_slice().unwrap_or_default();
    check_scores(format, scores, (1, rows, keys), &[score_shift], lengths)
        .map_err(|(_, error)| error)?;
    let mut codes = Array2::zeros((rows, keys));
    if keys == 0 {
        return Ok(codes);
    }
    codes
        .as_slice_mut()
        .unwrap_or_default()
        .par_chunks_mut(keys)
        .zip(scores.par_chunks(keys))
        .zip(lengths)
        .with_min_len(ROWS_PER_TASK)
        .for_each_init(
            || vec![0; keys],
            |closeness, ((codes, scores), length)| {
                let scores = &scores[..*length];
                if let Some(row) = format.statistics(scores, score_shift, closeness) {
                    format.encode(&closeness[..*length], row.offset, &mut codes[..*length]);
                }
            },
        );
    Ok(codes)
}

/// Attention of one head's rows over its values, straight from scores.
///
/// # Arguments
/// - `format`: from scores to codes.
/// - `weights`: from codes to outputs.
/// - `scores`: [rows, keys], S = q·k; keys at most `max_keys`.
/// - `score_shift`: f - F, where one unit of S is 2^-f octaves; 0..=31.
/// - `lengths`: keys of each row; what stands at or beyond is not read. A row of length 0 comes
///   to 0 everywhere.
/// - `values`: [keys, D], each in `value_bits` signed bits, D at least 1.
///
/// In the result, normalizers of [`crate::scores::ScoreNormalize::Complement`] are 2^max_shift, and survivors
/// are keys whose code is not 0.
///
/// # Errors
/// [`AttentionError::Parameter`] for parameters out of range and for a score that does not fit
/// `score_bits` (with its row and key), [`AttentionError::Shape`] for sizes that disagree,
/// [`AttentionError::Value`] for a value that does not fit.
pub fn attend_scores(
    format: &ScoreFormat,
    weights: &ScoreWeights,
    scores: ArrayView2<i32>,
    score_shift: u32,
    lengths: &[usize],
    values: ArrayView2<i8>,
) -> Result<Attention, AttentionError> {
    let scores = scores.insert_axis(Axis(0));
    let values = values.insert_axis(Axis(0));
    let heads = attend_score_heads(format, weights, scores, &[score_shift], lengths, values);
    let heads = heads.map_err(|error| match error {
        AttentionError::Head { error, .. } => *error,
        error => error,
    })?;
    let outputs = heads.outputs;
    Ok(Attention {
        accumulators: heads.accumulators.index_axis_move(Axis(0), 0),
        normalizers: heads.normalizers.into_iter().collect(),
        outputs: outputs.map(|outputs| outputs.index_axis_move(Axis(0), 0)),
        survivors: heads.survivors.into_iter().collect(),
    })
}

/// Attention of many heads, all rows of all heads in parallel.
///
/// # Arguments
/// - `format`, `weights`: as for [`attend_scores`], the same for all heads.
/// - `scores`: [heads, rows, keys].
/// - `score_shifts`: one a head.
/// - `lengths`: keys of each row, the same for every head.
/// - `values`: [heads, keys, D].
///
/// # Errors
/// As [`attend_scores`], within [`AttentionError::Head`] where one head is at fault.
pub fn attend_score_heads(
    format: &ScoreFormat,
    weights: &ScoreWeights,
    scores: ArrayView3<i32>,
    score_shifts: &[u32],
    lengths: &[usize],
    values: ArrayView3<i8>,
) -> Result<HeadsAttention, AttentionError> {
    weights.validate(format)?;
    let (heads, rows, keys) = scores.dim();
    check_lengths(format, (rows, keys), lengths)?;
    expect_size(
        "number of score shifts",
        score_shifts.len(),
        heads,
        "heads of scores",
    )?;
    check_value_sizes(values, (heads, keys))?;
    let scores = contiguous(scores);
    let scores = scores.as_slice().unwrap_or_default();
    check_scores(format, scores, (heads, rows, keys), score_shifts, lengths)
        .and_then(|()| check_values(values, weights.value_bits))
        .map_err(|(head, error)| AttentionError::Head {
            head,
            error: Box::new(error),
        })?;
    let rows = Rows {
        scores,
        shape: (heads, rows, keys),
        score_shifts,
        lengths,
    };
    Ok(Model::new(format, weights).attend(rows, values))
}
