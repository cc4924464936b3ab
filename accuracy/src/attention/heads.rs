//! All heads of all texts of a layer in parallel, on views into the tensors.

use super::AttentionInput;
use crate::Result;
use crate::specification::HeadCounts;
use candle_core::{CpuStorage, Device, Layout, Storage, Tensor};
use ndarray::ArrayView2;
use rayon::prelude::*;
use std::ops::Range;

/// Rows whose weights are held at a time: few enough for them to stay in the cache, enough for
/// the products to be made in large blocks.
const ROWS: usize = 64;

/// One query head of one text, its padding left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    /// The layer, from 0.
    pub layer: usize,
    /// The query head in its layer, from 0.
    pub index: usize,
    /// Queries, [rows, D].
    pub q: ArrayView2<'a, f32>,
    /// Keys, [rows, D].
    pub k: ArrayView2<'a, f32>,
    /// Values, [rows, D].
    pub v: ArrayView2<'a, f32>,
    /// Whether a row sees only its own key and those before it.
    pub causal: bool,
}

impl Head<'_> {
    /// Number of keys that a row sees: the first ones.
    pub fn seen(&self, row: usize) -> usize {
        match self.causal {
            true => row + 1,
            false => self.k.nrows(),
        }
    }

    /// Number of attention values: the keys that each row sees.
    pub fn values(&self) -> usize {
        let rows = self.q.nrows();
        match self.causal {
            true => rows * (rows + 1) / 2,
            false => rows * rows,
        }
    }

    /// The rows in the blocks that are worked on at a time.
    pub fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let rows = self.q.nrows();
        (0..rows)
            .step_by(ROWS)
            .map(move |first| first..rows.min(first + ROWS))
    }

    /// 1 / sqrt(D).
    pub fn scale(&self) -> f32 {
        1.0 / (self.q.ncols() as f32).sqrt()
    }
}

/// Attention of a layer.
pub(crate) struct Counted {
    /// [batch, heads, tokens, D]; 0 for queries of padding.
    pub output: Tensor,
    /// Of each head of the layer, all texts together.
    pub counts: Vec<HeadCounts>,
}

/// Sizes of a layer's tensors.
#[derive(Clone, Copy)]
struct Sizes {
    texts: usize,
    heads: usize,
    kv_heads: usize,
    tokens: usize,
    dimension: usize,
}

impl Sizes {
    fn of(input: &AttentionInput) -> Result<Self> {
        let (texts, heads, tokens, dimension) = input.q.dims4()?;
        let kv_heads = input.k.dim(1)?;
        let kv_shape = (texts, kv_heads, tokens, dimension);
        let fits = input.k.dims4()? == kv_shape
            && input.v.dims4()? == kv_shape
            && heads.is_multiple_of(kv_heads.max(1))
            && input.lengths.len() == texts
            && input.lengths.iter().all(|l| (1..=tokens).contains(l));
        if !fits {
            let (q, k, v) = (input.q.shape(), input.k.shape(), input.v.shape());
            let lengths = input.lengths;
            let text = format!("attention of {q:?}, {k:?} and {v:?} with lengths {lengths:?}");
            return Err(candle_core::Error::Msg(text).into());
        }
        Ok(Sizes {
            texts,
            heads,
            kv_heads,
            tokens,
            dimension,
        })
    }
}

/// Calls `attend` for every head of every text with a buffer `S` of its thread and the head's
/// part of the output, [rows, D], contiguous and all 0; it returns how many attention values it
/// pruned.
///
/// # Errors
/// Tensors of other types or shapes than [`AttentionInput`] says; what `attend` fails at.
pub(crate) fn attend_heads<S: Default + Send>(
    input: AttentionInput,
    attend: impl Fn(Head, &mut S, &mut [f32]) -> Result<usize> + Sync,
) -> Result<Counted> {
    let sizes = Sizes::of(&input)?;
    let mut output = vec![0.0_f32; sizes.texts * sizes.heads * sizes.tokens * sizes.dimension];
    let part = (sizes.tokens * sizes.dimension).max(1);
    let places = output.par_chunks_mut(part);
    let each = each_head(input, sizes, places, |head, state: &mut S, place| {
        let valid = head.q.len();
        Ok(HeadCounts {
            values: head.values() as u64,
            pruned: attend(head, state, &mut place[..valid])? as u64,
        })
    })?;
    let mut counts = vec![HeadCounts::default(); sizes.heads];
    for (index, head) in each.into_iter().enumerate() {
        counts[index % sizes.heads] += head;
    }
    let shape = (sizes.texts, sizes.heads, sizes.tokens, sizes.dimension);
    Ok(Counted {
        output: Tensor::from_vec(output, shape, &Device::Cpu)?,
        counts,
    })
}

/// Calls `visit` for every head of every text with a buffer `S` of its thread: what it returns,
/// text by text, head by head.
///
/// # Errors
/// As [`attend_heads`].
pub(crate) fn visit_heads<S: Default + Send, R: Send>(
    input: AttentionInput,
    visit: impl Fn(Head, &mut S) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let sizes = Sizes::of(&input)?;
    let places = rayon::iter::repeat_n((), sizes.texts * sizes.heads);
    each_head(input, sizes, places, |head, state, ()| visit(head, state))
}

/// Calls `visit` for every head with its place.
fn each_head<S: Default + Send, P: Send, R: Send>(
    input: AttentionInput,
    sizes: Sizes,
    places: impl IndexedParallelIterator<Item = P>,
    visit: impl Fn(Head, &mut S, P) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let (q_storage, q_layout) = input.q.storage_and_layout();
    let (k_storage, k_layout) = input.k.storage_and_layout();
    let (v_storage, v_layout) = input.v.storage_and_layout();
    let q = floats(&q_storage, q_layout)?;
    let k = floats(&k_storage, k_layout)?;
    let v = floats(&v_storage, v_layout)?;
    let part = sizes.tokens * sizes.dimension;
    places
        .enumerate()
        .map_init(S::default, |state, (number, place)| {
            let (text, index) = (number / sizes.heads, number % sizes.heads);
            let kv_head = index / (sizes.heads / sizes.kv_heads);
            let kv_number = text * sizes.kv_heads + kv_head;
            let shape = (input.lengths[text], sizes.dimension);
            let head = Head {
                layer: input.layer,
                index,
                q: rows_of(q, number * part, shape)?,
                k: rows_of(k, kv_number * part, shape)?,
                v: rows_of(v, kv_number * part, shape)?,
                causal: input.causal,
            };
            visit(head, state, place)
        })
        .collect()
}

/// A matrix within a tensor's elements, from `first` on.
fn rows_of(elements: &[f32], first: usize, shape: (usize, usize)) -> Result<ArrayView2<'_, f32>> {
    let elements = &elements[first..][..shape.0 * shape.1];
    ArrayView2::from_shape(shape, elements)
        .map_err(|error| candle_core::Error::Msg(error.to_string()).into())
}

/// The elements of a contiguous tensor.
fn floats<'a>(storage: &'a Storage, layout: &Layout) -> Result<&'a [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (Storage::Cpu(CpuStorage::F32(elements)), Some((first, end))) => Ok(&elements[first..end]),
        _ => {
            let text = "attention needs contiguous tensors in single precision on the CPU";
            Err(candle_core::Error::Msg(text.into()).into())
        }
    }
}
