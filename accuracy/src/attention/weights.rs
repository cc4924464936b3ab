//! Attention by weights that are made of the probabilities of a row.

use super::AttentionInput;
use super::exp::softmax;
use super::heads::{Counted, Head, attend_heads, visit_heads};
use crate::Result;
use logattn_captures::Int8Matrix;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};
use std::ops::Range;

/// Weights of some rows, kept from one head to the next.
#[derive(Default)]
pub(crate) struct Scratch {
    weights: Vec<f32>,
}

impl Scratch {
    /// Room for [rows, keys]; what it holds means nothing.
    pub fn matrix(&mut self, rows: usize, keys: usize) -> Result<ArrayViewMut2<'_, f32>> {
        if self.weights.len() < rows * keys {
            self.weights.resize(rows * keys, 0.0);
        }
        ArrayViewMut2::from_shape((rows, keys), &mut self.weights[..rows * keys])
            .map_err(|error| candle_core::Error::Msg(error.to_string()).into())
    }
}

/// `factor` q·k of some of the rows and the keys that the last of them sees.
pub(crate) fn products<'a>(
    (q, k): (ArrayView2<f32>, ArrayView2<f32>),
    head: &Head,
    rows: &Range<usize>,
    factor: f32,
    scratch: &'a mut Scratch,
) -> Result<ArrayViewMut2<'a, f32>> {
    let keys = head.seen(rows.end - 1);
    let mut products = scratch.matrix(rows.len(), keys)?;
    let (q, k) = (q.slice(s![rows.clone(), ..]), k.slice(s![..keys, ..]));
    general_mat_mul(factor, &q, &k.t(), 0.0, &mut products);
    Ok(products)
}

/// Calls `each` with every row's probabilities over the keys that it sees, and the weights of
/// each block of rows, 0 beyond, with the block.
fn for_each_block(
    head: &Head,
    scratch: &mut Scratch,
    mut each: impl FnMut(&mut [f32]),
    mut block: impl FnMut(Range<usize>, ArrayView2<f32>),
) -> Result<()> {
    for rows in head.blocks() {
        let operands = (head.q, head.k);
        let mut weights = products(operands, head, &rows, head.scale(), scratch)?;
        for (row, mut weights) in rows.clone().zip(weights.rows_mut()) {
            // Rows of a matrix that was made here lie one after the other.
            let weights = weights.as_slice_mut().unwrap_or_default();
            let (seen, beyond) = weights.split_at_mut(head.seen(row));
            softmax(seen);
            each(seen);
            beyond.fill(0.0);
        }
        block(rows, weights.view());
    }
    Ok(())
}

/// Attention of one head: `weigh` turns each row's probabilities into weights and returns how
/// many it pruned.
fn attend_head(
    head: &Head,
    scratch: &mut Scratch,
    mut output: ArrayViewMut2<f32>,
    weigh: impl Fn(&mut [f32]) -> usize,
) -> Result<usize> {
    let mut pruned = 0;
    for_each_block(
        head,
        scratch,
        |row| pruned += weigh(row),
        |rows, weights| {
            let v = head.v.slice(s![..weights.ncols(), ..]);
            let mut output = output.slice_mut(s![rows, ..]);
            general_mat_mul(1.0, &weights, &v, 0.0, &mut output);
        },
    )?;
    Ok(pruned)
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
        attend_head(&head, scratch, output, &weigh)
    })
}

/// The same with queries, keys and values in int8 (see [`Int8Matrix::quantize`]), each with one
/// scale a text and head.
///
/// # Errors
/// As [`attend_weighted`].
pub(crate) fn attend_int8(input: AttentionInput) -> Result<Counted> {
    attend_heads(input, |head, scratch, output| {
        let [q, k, v] = [head.q, head.k, head.v].map(|m| Int8Matrix::quantize(m).dequantize());
        let head = Head {
            q: q.view(),
            k: k.view(),
            v: v.view(),
            ..head
        };
        attend_head(&head, scratch, output, |_| 0)
    })
}

/// All attention values of at least `least` of a layer, over the valid queries and the keys that
/// each sees, in no order that means anything.
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
    visit_heads(input, |head, scratch| {
        let mut folded = start();
        for_each_block(&head, scratch, |row| add(&mut folded, row), |_, _| {})?;
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
    let (texts, heads, ..) = input.q.dims4()?;
    let lengths = input.lengths.get(text..=text);
    let (Some(lengths), true) = (lengths, head < heads && text < texts) else {
        let message = format!("no head {head} of text {text}");
        return Err(candle_core::Error::Msg(message).into());
    };
    let group = heads / input.k.dim(1)?.max(1);
    let one = |tensor: &candle_core::Tensor, head: usize| {
        tensor.narrow(0, text, 1)?.narrow(1, head, 1)?.contiguous()
    };
    let kv_head = head / group.max(1);
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
    let found = visit_heads(single, |head, scratch| {
        let mut values = Array2::zeros((head.q.nrows(), head.k.nrows()));
        for_each_block(
            &head,
            scratch,
            |_| {},
            |rows, weights| {
                values
                    .slice_mut(s![rows, ..weights.ncols()])
                    .assign(&weights);
            },
        )?;
        Ok(values)
    })?;
    Ok(found.into_iter().next().unwrap_or_default())
}
