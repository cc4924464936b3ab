//! Errors and survivors of every head with every setting.

use super::Candidates;
use super::row::Scratch;
use crate::attention::softmax;
use crate::{Attention, AttentionInput, Error, FloatAttention, ModelShape, Result};
use candle_core::{IndexOp, Tensor};
use logattn_golden::{Configuration, Normalize};
use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

/// Rows of a head and text that are measured at most, evenly spaced.
const ROWS: usize = 64;

/// How weights become an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighing {
    /// Their sum is not looked at.
    AsTheyAre,
    /// Divided by their sum.
    Renormalized,
    /// The row's largest key takes what the others leave of 1.
    Complement,
}

impl Weighing {
    /// What a configuration does.
    pub fn of(configuration: &Configuration) -> Self {
        match configuration.normalize {
            Normalize::None => Weighing::AsTheyAre,
            Normalize::Reciprocal => Weighing::Renormalized,
            Normalize::Complement => Weighing::Complement,
        }
    }
}

/// One head with every setting.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HeadTable {
    /// Squared error of what the head adds to the layer's attention output; one a setting.
    pub errors: Vec<f64>,
    /// Keys that survive; one a setting.
    pub survivors: Vec<u64>,
    /// Keys seen.
    pub keys: u64,
}

/// An attention that computes what [`FloatAttention`] does and measures every setting on the way.
#[derive(Clone, Debug)]
pub struct Tables {
    pub(super) candidates: Candidates,
    pub(super) shape: ModelShape,
    weighing: Weighing,
    /// [D, D] of each head, layer by layer: W Wᵀ of the head's part of the output projection.
    squares: Vec<Array2<f64>>,
    /// [heads * D, hidden size] of each layer.
    projections: Vec<Array2<f32>>,
    pub(super) heads: Vec<HeadTable>,
    /// Sum of the squared lengths of each layer's attention output.
    pub(super) lengths: Vec<f64>,
}

impl Tables {
    /// Nothing measured so far.
    ///
    /// # Arguments
    /// - `projections`: of each layer, the weight of the linear layer after the attention,
    ///   [hidden size, heads * D].
    ///
    /// # Errors
    /// [`Error::Calibration`]: a projection has another shape.
    pub fn new(
        candidates: Candidates,
        shape: ModelShape,
        weighing: Weighing,
        projections: &[&Tensor],
    ) -> Result<Self> {
        let width = shape.heads * shape.head_dimension;
        let mut transposed = Vec::new();
        let mut squares = Vec::new();
        for projection in projections {
            let (hidden, inputs) = projection.dims2()?;
            if inputs != width || projections.len() != shape.layers {
                return Err(Error::Calibration {
                    what: "output projections".into(),
                    found: format!("{} of [{hidden}, {inputs}]", projections.len()),
                    legal: format!("{} of [hidden size, {width}]", shape.layers),
                });
            }
            let weight = matrix(&projection.t()?.contiguous()?, width, hidden)?;
            for head in weight.axis_chunks_iter(Axis(0), shape.head_dimension) {
                let head = head.mapv(f64::from);
                squares.push(head.dot(&head.t()));
            }
            transposed.push(weight);
        }
        let heads = shape.layers * shape.heads;
        let empty = HeadTable {
            errors: vec![0.0; candidates.len()],
            survivors: vec![0; candidates.len()],
            keys: 0,
        };
        Ok(Tables {
            candidates,
            shape,
            weighing,
            squares,
            projections: transposed,
            heads: vec![empty; heads],
            lengths: vec![0.0; shape.layers],
        })
    }

    /// Measures the heads of one text, its first `length` tokens.
    fn measure(&mut self, input: &AttentionInput, text: usize, length: usize) -> Result<()> {
        let dimension = self.shape.head_dimension;
        let group = self.shape.heads / self.shape.kv_heads;
        let part = |tensor: &Tensor, head: usize| -> Result<Array2<f32>> {
            matrix(&tensor.i((text, head, ..length))?, length, dimension)
        };
        let rows = measured_rows(length);
        let first = input.layer * self.shape.heads;
        let measured: Vec<(HeadTable, Array2<f32>)> = (0..self.shape.heads)
            .into_par_iter()
            .map(|head| {
                let q = part(input.q, head)?;
                let k = part(input.k, head / group)?;
                let v = part(input.v, head / group)?;
                let square = &self.squares[first + head];
                let logits = q.dot(&k.t()) / (dimension as f32).sqrt();
                Ok(self.head(logits, v.view(), square, &rows, input.causal))
            })
            .collect::<Result<_>>()?;
        let mut outputs = Array2::zeros((rows.len(), self.shape.heads * dimension));
        for (index, (table, exact)) in measured.into_iter().enumerate() {
            let columns = index * dimension..(index + 1) * dimension;
            outputs.slice_mut(s![.., columns]).assign(&exact);
            self.heads[first + index].add(&table);
        }
        let projected = outputs.dot(&self.projections[input.layer]);
        let squares = projected.iter().map(|x| f64::from(*x) * f64::from(*x));
        self.lengths[input.layer] += squares.sum::<f64>();
        Ok(())
    }

    /// One head's table and its float outputs, [measured rows, D].
    fn head(
        &self,
        mut logits: Array2<f32>,
        values: ArrayView2<f32>,
        square: &Array2<f64>,
        rows: &[usize],
        causal: bool,
    ) -> (HeadTable, Array2<f32>) {
        let (lowest, settings) = (self.candidates.lowest.len(), self.candidates.len());
        let dimension = values.ncols();
        let mut table = HeadTable {
            errors: vec![0.0; settings],
            survivors: vec![0; settings],
            keys: 0,
        };
        let mut outputs = Array2::zeros((rows.len(), dimension));
        let mut scratch = Scratch::new(lowest, dimension);
        for (row, mut output) in rows.iter().zip(outputs.rows_mut()) {
            let seen = if causal { row + 1 } else { values.nrows() };
            let mut logits = logits.row_mut(*row);
            let probabilities = &mut logits.as_slice_mut().unwrap_or_default()[..seen];
            softmax(probabilities);
            let exact = scratch.start(probabilities, values);
            output.assign(&ArrayView2::from_shape((1, dimension), exact).map_or_else(
                |_| ndarray::Array1::zeros(dimension),
                |exact| exact.row(0).mapv(|x| x as f32),
            ));
            table.keys += seen as u64;
            for (set, shifts) in self.candidates.shifts.iter().enumerate() {
                let candidates = &self.candidates;
                scratch.measure(probabilities, values, shifts, candidates, self.weighing);
                let weighted = scratch.differences.dot(square) * &scratch.differences;
                for (index, error) in weighted.sum_axis(Axis(1)).iter().enumerate() {
                    table.errors[set * lowest + index] += error;
                    table.survivors[set * lowest + index] += scratch.survivors[index];
                }
            }
        }
        (table, outputs)
    }
}

impl HeadTable {
    fn add(&mut self, other: &HeadTable) {
        for (error, other) in self.errors.iter_mut().zip(&other.errors) {
            *error += other;
        }
        for (survivors, other) in self.survivors.iter_mut().zip(&other.survivors) {
            *survivors += other;
        }
        self.keys += other.keys;
    }
}

impl Attention for Tables {
    fn attend(&mut self, input: AttentionInput) -> Result<Tensor> {
        for (text, length) in input.lengths.iter().enumerate() {
            self.measure(&input, text, *length)?;
        }
        FloatAttention.attend(input)
    }
}

/// The rows that are measured: all, or [`ROWS`] evenly spaced ones up to the last.
fn measured_rows(length: usize) -> Vec<usize> {
    let count = length.min(ROWS);
    (1..=count).map(|row| row * length / count - 1).collect()
}

/// A tensor's elements as a matrix.
fn matrix(tensor: &Tensor, rows: usize, columns: usize) -> Result<Array2<f32>> {
    let elements = tensor.flatten_all()?.to_vec1::<f32>()?;
    Array2::from_shape_vec((rows, columns), elements).map_err(|error| Error::Calibration {
        what: "tensor".into(),
        found: format!("{:?} ({error})", tensor.dims()),
        legal: format!("[{rows}, {columns}]"),
    })
}
