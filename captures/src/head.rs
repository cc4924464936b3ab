//! One head of a capture.

use crate::{Capture, Int8Matrix};
use ndarray::{Array2, ArrayViewMut1, Axis};

/// One (query) head of a [`Capture`]. Values are converted when they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    capture: &'a Capture,
    index: usize,
}

impl<'a> Head<'a> {
    /// `index` must be below the capture's number of heads.
    pub(crate) fn new(capture: &'a Capture, index: usize) -> Self {
        Head { capture, index }
    }

    /// Number of the head, counted over all layers.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The head's layer, from 0.
    pub fn layer(&self) -> usize {
        self.index / self.capture.heads_per_layer()
    }

    /// The head's number in its layer, from 0.
    pub fn head_in_layer(&self) -> usize {
        self.index % self.capture.heads_per_layer()
    }

    /// The KV head whose keys and values it reads, counted over all layers. Heads of one KV head
    /// follow one another.
    pub fn kv_head(&self) -> usize {
        self.index / (self.capture.heads() / self.capture.kv_heads())
    }

    /// A name for tables, for example `layer 2 head 11`; both count from 0.
    pub fn name(&self) -> String {
        format!("layer {} head {}", self.layer(), self.head_in_layer())
    }

    /// Which keys are valid, `[tokens]`.
    pub fn mask(&self) -> &'a [bool] {
        &self.capture.mask
    }

    /// Queries, [rows, D], if the capture has them.
    pub fn query(&self) -> Option<Array2<f32>> {
        self.capture.q.as_ref().map(|q| q.head(self.index))
    }

    /// Keys of its KV head, [tokens, D], if the capture has them.
    pub fn key(&self) -> Option<Array2<f32>> {
        self.capture.k.as_ref().map(|k| k.head(self.kv_head()))
    }

    /// Values of its KV head, [tokens, D].
    pub fn value(&self) -> Array2<f32> {
        self.capture.v.head(self.kv_head())
    }

    /// Queries in int8, [rows, D]: as stored, or quantized symmetrically by the head's maximum.
    pub fn query_int8(&self) -> Option<Int8Matrix> {
        self.capture.q.as_ref().map(|q| q.head_int8(self.index))
    }

    /// Keys of its KV head in int8, [tokens, D]: as stored, or quantized symmetrically by the KV
    /// head's maximum.
    pub fn key_int8(&self) -> Option<Int8Matrix> {
        self.capture.k.as_ref().map(|k| k.head_int8(self.kv_head()))
    }

    /// Values of its KV head in int8, [tokens, D]: as stored, or quantized symmetrically by the KV
    /// head's maximum.
    pub fn value_int8(&self) -> Int8Matrix {
        self.capture.v.head_int8(self.kv_head())
    }

    /// Attention values, [rows, tokens]; masked keys, and of a causal capture those beyond the
    /// row's length, are exactly 0. Those of the file if it has them, else the softmax over the
    /// other keys of q·k / sqrt(D), computed in double precision. The stored numbers are used: of
    /// an int8 capture the sums q·k are exact.
    pub fn probabilities(&self) -> Array2<f32> {
        let mask = self.mask();
        if let Some(given) = &self.capture.probabilities {
            let mut probabilities = given.index_axis(Axis(0), self.index).to_owned();
            for mut row in probabilities.outer_iter_mut() {
                row.iter_mut()
                    .zip(mask)
                    .filter(|(_, valid)| !**valid)
                    .for_each(|(p, _)| *p = 0.0);
            }
            return probabilities;
        }
        let (Some(q), Some(k)) = (&self.capture.q, &self.capture.k) else {
            // The checks admit no capture without q, k and probabilities.
            return Array2::zeros((self.capture.rows(), self.capture.tokens()));
        };
        let (q, q_factor) = q.head_raw(self.index);
        let (k, k_factor) = k.head_raw(self.kv_head());
        let factor = q_factor * k_factor / (self.capture.head_dimension() as f64).sqrt();
        let mut logits = q.dot(&k.t()) * factor;
        for (index, row) in logits.outer_iter_mut().enumerate() {
            softmax(row, &mask[..self.capture.row_length(index)]);
        }
        logits.mapv(|p| p as f32)
    }

    /// Float attention output, [rows, D]: `probabilities()` times `value()`, in double precision.
    pub fn output(&self) -> Array2<f32> {
        let probabilities = self.probabilities().mapv(f64::from);
        let (v, factor) = self.capture.v.head_raw(self.kv_head());
        (probabilities.dot(&v) * factor).mapv(|x| x as f32)
    }
}

/// Softmax of a row in place over the valid keys of those that it sees; the others and those
/// beyond the end of `mask` become 0.
fn softmax(row: ArrayViewMut1<f64>, mask: &[bool]) {
    let (mut row, mut beyond) = row.split_at(Axis(0), mask.len());
    beyond.fill(0.0);
    let maximum = row
        .iter()
        .zip(mask)
        .filter(|(_, valid)| **valid)
        .fold(f64::NEG_INFINITY, |m, (x, _)| m.max(*x));
    let mut sum = 0.0;
    for (x, &valid) in row.iter_mut().zip(mask) {
        *x = if valid { (*x - maximum).exp() } else { 0.0 };
        sum += *x;
    }
    row /= sum;
}
