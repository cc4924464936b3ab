//! Attention by weights that are made of the probabilities of a row.

use super::AttentionInput;
use super::exp::softmax;
use super::heads::{Counted, Head, attend_heads, visit_heads};
use super::int8::Int8;
use super::panels::{Matrix, Panels};
use crate::Result;
use ndarray::{Array2, ArrayView2};
use std::ops::Range;

/// What a thread keeps from one head to the next.
#[derive(Default)]
pub(crate) struct Scratch {
    /// Of some rows.
    weights: Vec<f32>,
    /// Keys of the head, transposed.
    keys: Panels,
    /// Values of the head.
    values: Panels,
}

/// Weights of some of a head's rows.
pub(crate) struct Block<'a> {
    /// The rows.
    pub rows: Range<usize>,
    /// Keys that the last of them sees.
    pub keys: usize,
    /// [rows, keys].
    pub weights: &'a mut [f32],
}

impl Block<'_> {
    /// The number of each row and its weights of all keys of the block.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = (usize, &mut [f32])> {
        self.rows
            .clone()
            .zip(self.weights.chunks_exact_mut(self.keys))
    }
}

impl Scratch {
    /// Takes the keys of the next head, [keys, D].
    pub fn set_keys(&mut self, keys: ArrayView2<f32>) {
        self.keys.set_transposed(keys);
    }

    /// `factor` q·k of some of the rows and the keys that the last of them sees.
    ///
    /// # Arguments
    /// - `q`: queries of all rows, [rows, D], contiguous.
    /// - `head`: the head whose keys were set.
    pub fn products(
        &mut self,
        q: &[f32],
        head: &Head,
        rows: Range<usize>,
        factor: f32,
    ) -> Block<'_> {
        let d = head.q.ncols();
        let keys = head.seen(rows.end - 1);
        if self.weights.len() < rows.len() * keys {
            self.weights.resize(rows.len() * keys, 0.0);
        }
        let weights = &mut self.weights[..rows.len() * keys];
        let left = Matrix {
            elements: &q[rows.start * d..],
            stride: d,
            rows: rows.len(),
        };
        self.keys.multiply(&left, (d, keys), factor, weights, keys);
        Block {
            rows,
            keys,
            weights,
        }
    }

    /// Calls `each` with every row's probabilities over the keys that it sees, and then `block`
    /// with the values and each block of rows, in which the keys that a row does not see are 0.
    fn for_each_block(
        &mut self,
        head: &Head,
        mut each: impl FnMut(&mut [f32]),
        mut block: impl FnMut(&Panels, Block),
    ) {
        self.set_keys(head.k);
        self.values.set(head.v);
        // Contiguous, as tensors are.
        let q = head.q.to_slice().unwrap_or_default();
        let values = std::mem::take(&mut self.values);
        for rows in head.blocks() {
            let mut products = self.products(q, head, rows, head.scale());
            for (row, weights) in products.rows_mut() {
                let (seen, beyond) = weights.split_at_mut(head.seen(row));
                softmax(seen);
                each(seen);
                beyond.fill(0.0);
            }
            block(&values, products);
        }
        self.values = values;
    }
}

/// Attention of one head: `weigh` turns each row's probabilities into weights and returns how
/// many it pruned.
fn attend_head(
    head: &Head,
    scratch: &mut Scratch,
    output: &mut [f32],
    weigh: impl Fn(&mut [f32]) -> usize,
) -> usize {
    let d = head.v.ncols();
    let mut pruned = 0;
    scratch.for_each_block(
        head,
        |row| pruned += weigh(row),
        |values, block| {
            let left = Matrix {
                elements: block.weights,
                stride: block.keys,
                rows: block.rows.len(),
            };
            let place = &mut output[block.rows.start * d..];
            values.multiply(&left, (block.keys, d), 1.0, place, d);
        },
    );
    pruned
}

/// Attention of a layer: softmax(Q·Kᵀ / sqrt(D)) in single precision, of whose rows `weigh` makes
/// the weights of the values. `weigh` returns how many it pruned.
///
/// # Errors
/// Tensors of other types or shapes than [`AttentionInput`] says.
pub(crate) fn attend_weighted(
    input: AttentionInput,
    weigh: impl Fn(&mut [f32]) -> usize + Sync,
) -> Result<Counted> {
    attend_heads(input, |head, scratch, output| {
        Ok(attend_head(&head, scratch, output, &weigh))
    })
}

/// The same with queries, keys and values in int8 (see
/// [`logattn_captures::Int8Matrix::quantize`]), each with one scale a text and head.
///
/// # Errors
/// As [`attend_weighted`].
pub(crate) fn attend_int8(input: AttentionInput) -> Result<Counted> {
    attend_heads(input, |head, scratch, output| {
        let [q, k, v] = [head.q, head.k, head.v].map(|matrix| {
            let int8 = Int8::quantize(matrix);
            Int8::widened(&int8.integers, int8.scale)
        });
        let head = Head {
            q: q.view(),
            k: k.view(),
            v: v.view(),
            ..head
        };
        Ok(attend_head(&head, scratch, output, |_| 0))
    })
}

/// All attention values of at least `least` of a layer, over the valid queries and the keys that
/// each sees, head by head.
///
/// # Errors
/// As [`attend_weighted`].
pub(crate) fn collect_values(input: AttentionInput, least: f32) -> Result<Vec<f32>> {
    let keep = |values: &mut Vec<f32>, row: &[f32]| {
        values.extend(row.iter().filter(|p| **p >= least));
    };
    Ok(fold_values(input, Vec::new, keep)?.concat())
}

/// What `add` makes of the attention values of each head of each text of a layer, row by row, over
/// the valid queries and the keys that each sees; text by text, head by head.
///
/// # Errors
/// As [`attend_weighted`].
pub(crate) fn fold_values<T: Send>(
    input: AttentionInput,
    start: impl Fn() -> T + Sync,
    add: impl Fn(&mut T, &[f32]) + Sync,
) -> Result<Vec<T>> {
    visit_heads(input, |head, scratch: &mut Scratch| {
        let mut folded = start();
        scratch.for_each_block(&head, |row: &mut [f32]| add(&mut folded, row), |_, _| {});
        Ok(folded)
    })
}

/// Attention values of one query head of one text, [rows, keys] without padding, 0 for keys that
/// a row does not see: softmax(Q·Kᵀ / sqrt(D)) as the attentions compute it.
///
/// # Errors
/// [`crate::Error::Tensor`]: tensors of other types or shapes than [`AttentionInput`] says, or no
/// such text or head.
pub fn attention_values(input: AttentionInput, text: usize, head: usize) -> Result<Array2<f32>> {
    let (_, heads, ..) = input.q.dims4()?;
    let (Some(lengths), true) = (input.lengths.get(text..=text), head < heads) else {
        let message = format!("no head {head} of text {text}");
        return Err(candle_core::Error::Msg(message).into());
    };
    let kv_head = head / (heads / input.k.dim(1)?.max(1)).max(1);
    let one = |tensor: &candle_core::Tensor, head: usize| {
        tensor.narrow(0, text, 1)?.narrow(1, head, 1)?.contiguous()
    };
    let (q, k, v) = (
        one(input.q, head)?,
        one(input.k, kv_head)?,
        one(input.v, kv_head)?,
    );
    let single = AttentionInput {
        q: &q,
        k: &k,
        v: &v,
        lengths,
        ..input
    };
    let found = visit_heads(single, |head, scratch: &mut Scratch| {
        let mut values = Array2::zeros((head.q.nrows(), head.k.nrows()));
        let fill = |_: &Panels, mut block: Block| {
            for (row, weights) in block.rows_mut() {
                for (value, weight) in values.row_mut(row).iter_mut().zip(weights) {
                    *value = *weight;
                }
            }
        };
        scratch.for_each_block(&head, |_| {}, fill);
        Ok(values)
    })?;
    Ok(found.into_iter().next().unwrap_or_default())
}
