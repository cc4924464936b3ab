//! The attention model on data that has been checked, rows in parallel.

use std::borrow::Cow;

use ndarray::{Array, Array2, ArrayView2, ArrayView3, Axis, Dimension};
use rayon::prelude::*;

use crate::attention::HeadsAttention;
use crate::config::{Accumulate, Configuration};
use crate::error::AttentionError;
use crate::format::Probability;
use crate::kernel::{
    BLOCK, CODES, ShiftTable, Survivors, ValueBlock, Values, bucket_accumulate, divide,
    linear_codes, multiply_accumulate, shift_accumulate, shift_table, threshold_codes,
};
use crate::quantizer::reachable;

/// How a code weighs a value.
enum Weights {
    /// Left shift of each code.
    Shift(Box<ShiftTable>),
    /// Level of each code.
    Bucket([u32; CODES]),
    /// The code itself.
    Multiply,
}

/// A validated configuration in the form that the inner loops use.
pub(crate) struct Model<'a, P> {
    configuration: &'a Configuration,
    thresholds: Vec<P>,
    weights: Weights,
}

/// Buffers of one thread: no row allocates.
struct Scratch<P> {
    probabilities: Vec<P>,
    codes: Vec<u8>,
    survivors: Vec<u64>,
}

/// Fewest rows worth handing to another thread.
const ROWS_PER_TASK: usize = 16;

impl<'a, P: Probability> Model<'a, P> {
    pub fn new(configuration: &'a Configuration) -> Result<Self, AttentionError> {
        configuration.validate()?;
        let weights = match configuration.accumulate {
            Accumulate::Multiply => Weights::Multiply,
            Accumulate::Bucket => Weights::Bucket(by_code(&configuration.levels, |level| level)),
            Accumulate::Shift => {
                let most = configuration.max_shift.unwrap_or(0);
                let left = by_code(&configuration.shifts, |shift| most - shift);
                Weights::Shift(Box::new(shift_table(left)))
            }
        };
        Ok(Self {
            configuration,
            thresholds: reachable(&configuration.thresholds),
            weights,
        })
    }

    /// [rows, keys]: codes, 0 at and beyond a row's length.
    pub fn codes(&self, probabilities: ArrayView2<P>, lengths: &[usize]) -> Array2<u8> {
        let (_, keys) = probabilities.dim();
        let mut codes = Array2::zeros(probabilities.raw_dim());
        let mut scratch = vec![P::default(); keys];
        if keys == 0 {
            return codes;
        }
        for (row, codes) in slice_of_mut(&mut codes).chunks_mut(keys).enumerate() {
            let length = lengths[row];
            let probabilities = probabilities.row(row);
            let probabilities = contiguous(probabilities, &mut scratch);
            self.encode(&probabilities[..length], &mut codes[..length]);
        }
        codes
    }

    /// All rows of `probabilities` [heads, rows, keys] over `values` [heads, keys, D].
    pub fn attend(
        &self,
        probabilities: ArrayView3<P>,
        lengths: &[usize],
        values: ArrayView3<i8>,
    ) -> HeadsAttention {
        let (heads, rows, keys) = probabilities.dim();
        let dimension = self.configuration.head_dimension;
        let blocks = dimension.div_ceil(BLOCK);
        let padded = padded(values, blocks);
        let mut accumulators = Array::zeros((heads, rows, dimension));
        let mut totals = vec![(0_u64, 0_usize); heads * rows];
        slice_of_mut(&mut accumulators)
            .par_chunks_mut(dimension)
            .zip(&mut totals)
            .enumerate()
            .with_min_len(ROWS_PER_TASK)
            .for_each_init(
                || Scratch::new(keys),
                |scratch, (index, (sums, total))| {
                    let (head, row) = (index / rows, index % rows);
                    let values = Values {
                        elements: &padded[head * keys * blocks..][..keys * blocks],
                        blocks,
                    };
                    let probabilities = probabilities.index_axis(Axis(0), head);
                    let probabilities = probabilities.index_axis_move(Axis(0), row);
                    let probabilities = contiguous(probabilities, &mut scratch.probabilities);
                    let codes = &mut scratch.codes[..lengths[row]];
                    self.encode(&probabilities[..lengths[row]], codes);
                    *total = self.accumulate(codes, &mut scratch.survivors, values, sums);
                },
            );
        let normalizers = Array2::from_shape_fn((heads, rows), |(h, r)| totals[h * rows + r].0);
        let survivors = Array2::from_shape_fn((heads, rows), |(h, r)| totals[h * rows + r].1);
        let outputs = self.outputs(&accumulators, &totals);
        HeadsAttention {
            accumulators,
            normalizers,
            outputs,
            survivors,
        }
    }

    /// Codes of a row's probabilities.
    fn encode(&self, probabilities: &[P], codes: &mut [u8]) {
        match self.weights {
            Weights::Multiply => {
                linear_codes(probabilities, self.configuration.probability_bits, codes);
            }
            _ => threshold_codes(probabilities, &self.thresholds, codes),
        }
    }

    /// One row: fills the sums, returns the normalizer and the number of values added.
    fn accumulate(
        &self,
        codes: &[u8],
        bitmap: &mut [u64],
        values: Values,
        sums: &mut [i64],
    ) -> (u64, usize) {
        match &self.weights {
            Weights::Shift(left) => {
                let survivors = Survivors::of(codes, bitmap);
                let normalizer = shift_accumulate(survivors, left, values, sums);
                (normalizer, survivors.count())
            }
            Weights::Bucket(levels) => {
                let survivors = Survivors::of(codes, bitmap);
                let normalizer = bucket_accumulate(survivors, levels, values, sums);
                (normalizer, survivors.count())
            }
            Weights::Multiply => (multiply_accumulate(codes, values, sums), codes.len()),
        }
    }

    fn outputs<D: Dimension>(
        &self,
        accumulators: &Array<i64, D>,
        totals: &[(u64, usize)],
    ) -> Option<Array<i32, D>> {
        let fraction_bits = self.configuration.output_bits? - self.configuration.value_bits;
        let dimension = self.configuration.head_dimension;
        let accumulated = accumulators.as_slice().unwrap_or_default();
        let mut outputs = Array::zeros(accumulators.raw_dim());
        slice_of_mut(&mut outputs)
            .par_chunks_mut(dimension)
            .zip(accumulated.par_chunks(dimension))
            .zip(totals)
            .with_min_len(ROWS_PER_TASK)
            .for_each(|((outputs, sums), (normalizer, _))| {
                // The outputs of an empty row stay 0.
                if *normalizer != 0 {
                    divide(sums, *normalizer, fraction_bits, outputs);
                }
            });
        Some(outputs)
    }
}

impl<P: Probability> Scratch<P> {
    fn new(keys: usize) -> Self {
        Self {
            probabilities: vec![P::default(); keys],
            codes: vec![0; keys],
            survivors: vec![0; keys.div_ceil(u64::BITS as usize)],
        }
    }
}

/// A row's elements one after the other; only the rows of a transposed view need a copy.
fn contiguous<'a, P: Probability>(row: ndarray::ArrayView1<'a, P>, copy: &'a mut [P]) -> &'a [P] {
    match row.to_slice() {
        Some(row) => row,
        None => {
            for (copy, element) in copy.iter_mut().zip(row) {
                *copy = *element;
            }
            copy
        }
    }
}

/// A table indexed by code; code 0 weighs nothing and is never looked up.
fn by_code(levels: &[u32], weight: impl Fn(u32) -> u32) -> [u32; CODES] {
    let mut table = [0; CODES];
    for (entry, level) in table[1..].iter_mut().zip(levels) {
        *entry = weight(*level);
    }
    table
}

/// [heads, keys, blocks]: values with each row padded with zeros to whole blocks.
fn padded(values: ArrayView3<i8>, blocks: usize) -> Vec<ValueBlock> {
    let (heads, keys, _) = values.dim();
    let mut padded = vec![ValueBlock([0; BLOCK]); heads * keys * blocks];
    for (padded, row) in padded.chunks_exact_mut(blocks).zip(values.rows()) {
        let copied = row
            .to_slice()
            .map_or_else(|| Cow::from(row.to_vec()), Cow::from);
        for (block, elements) in padded.iter_mut().zip(copied.chunks(BLOCK)) {
            block.0[..elements.len()].copy_from_slice(elements);
        }
    }
    padded
}

/// The elements of an array that was made here, hence contiguous.
fn slice_of_mut<T, D: Dimension>(array: &mut Array<T, D>) -> &mut [T] {
    array.as_slice_mut().unwrap_or_default()
}
