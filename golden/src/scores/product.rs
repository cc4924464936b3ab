//! Scores from int8 queries and keys.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;

use super::kernel::{KEYS, KeyPairs, Pair, dot_products};
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
    let pairs = elements.div_ceil(2);
    if keys == 0 || pairs == 0 {
        return Ok(scores);
    }
    let blocks = key_blocks(key, pairs);
    scores
        .as_slice_mut()
        .unwrap_or_default()
        .par_chunks_mut(keys)
        .enumerate()
        .with_min_len(ROWS_PER_TASK)
        .for_each_init(
            || vec![[0; 2]; pairs],
            |row_pairs, (row, scores)| {
                for (i, element) in query.row(row).iter().enumerate() {
                    row_pairs[i / 2][i % 2] = i16::from(*element);
                }
                for (scores, block) in scores.chunks_mut(KEYS).zip(blocks.chunks_exact(pairs)) {
                    let mut products = [0; KEYS];
                    dot_products(row_pairs, block, &mut products);
                    scores.copy_from_slice(&products[..scores.len()]);
                }
            },
        );
    Ok(scores)
}

/// [blocks of keys, pairs]: the keys, padded with zeros to whole blocks and pairs.
fn key_blocks(key: ArrayView2<i8>, pairs: usize) -> Vec<KeyPairs> {
    let zero: Pair = [0; 2];
    let mut blocks = vec![[zero; KEYS]; key.nrows().div_ceil(KEYS) * pairs];
    for (block, keys) in blocks
        .chunks_exact_mut(pairs)
        .zip(key.axis_chunks_iter(ndarray::Axis(0), KEYS))
    {
        for ((place, element), value) in keys.indexed_iter() {
            block[element / 2][place][element % 2] = i16::from(*value);
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
