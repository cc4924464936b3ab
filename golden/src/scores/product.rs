//! Scores from int8 queries and keys.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::kernel::{KEYS, KeyElements, dot_products};
use crate::error::{AttentionError, expect_size};

/// Elements of a query at most, so that any dot product fits 32 bits.
const MOST_ELEMENTS: usize = 1 << 16;

/// Fewest rows worth handing to another thread.
const ROWS_PER_TASK: usize = 16;

/// q·k of every query and key, exact.
///
/// # Arguments
/// - `query`: [rows, D], D at most 65536.
/// - `key`: [keys, D].
///
/// Returns [rows, keys].
///
/// # Errors
/// [`AttentionError::Shape`] if the two differ in D or D is too large.
pub fn scores(query: ArrayView2<i8>, key: ArrayView2<i8>) -> Result<Array2<i32>, AttentionError> {
    let (rows, elements) = query.dim();
    if elements > MOST_ELEMENTS {
        return Err(AttentionError::Shape {
            what: "elements of a query",
            found: elements,
            legal: format!("at most {MOST_ELEMENTS}"),
        });
    }
    expect_size(
        "elements of a key",
        key.ncols(),
        elements,
        "elements of a query",
    )?;
    let keys = key.nrows();
    let mut scores = Array2::zeros((rows, keys));
    if keys == 0 || elements == 0 {
        return Ok(scores);
    }
    let blocks = key_blocks(key);
    scores
        .as_slice_mut()
        .unwrap_or_default()
        .par_chunks_mut(keys)
        .enumerate()
        .with_min_len(ROWS_PER_TASK)
        .for_each_init(
            || vec![0; elements],
            |widened, (row, scores)| {
                for (widened, element) in widened.iter_mut().zip(query.row(row)) {
                    *widened = i16::from(*element);
                }
                for (scores, block) in scores.chunks_mut(KEYS).zip(blocks.chunks(elements)) {
                    let products = dot_products(widened, block);
                    scores.copy_from_slice(&products[..scores.len()]);
                }
            },
        );
    Ok(scores)
}

/// [blocks of keys, D]: the keys, padded with zeros to whole blocks.
fn key_blocks(key: ArrayView2<i8>) -> Vec<KeyElements> {
    let (keys, elements) = key.dim();
    let mut blocks = vec![[0; KEYS]; keys.div_ceil(KEYS) * elements];
    for (block, keys) in blocks
        .chunks_exact_mut(elements)
        .zip(key.axis_chunks_iter(Axis(0), KEYS))
    {
        for ((place, element), value) in keys.indexed_iter() {
            block[element][place] = i16::from(*value);
        }
    }
    blocks
}

/// Lengths of rows under a causal mask: row i is the query of position `first` + i and sees the
/// keys up to and including its own, but none of the padding at or beyond `keys`.
pub fn causal_lengths(first: usize, rows: usize, keys: usize) -> Vec<usize> {
    (0..rows)
        .map(|row| keys.min(first.saturating_add(row).saturating_add(1)))
        .collect()
}
