//! Attention from scores on data that has been checked, rows in parallel.

use ndarray::{Array, Array2, Array3, ArrayView3};
use rayon::prelude::*;

use super::format::ScoreFormat;
use super::weights::{ScoreNormalize, ScoreWeights, complement_output};
use crate::attention::HeadsAttention;
use crate::kernel::{
    BLOCK, CODES, ShiftTable, Survivors, Values, divide, shift_accumulate, shift_table,
};

/// Fewest rows worth handing to another thread.
pub(super) const ROWS_PER_TASK: usize = 16;

/// Scores of all heads.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    /// [heads, rows, keys], contiguous.
    pub scores: &'a [i32],
    /// Heads, rows of each, keys of each.
    pub shape: (usize, usize, usize),
    /// One a head.
    pub score_shifts: &'a [u32],
    /// Keys of each row, the same for every head.
    pub lengths: &'a [usize],
}

/// Checked parameters in the form that the inner loops use.
pub(super) struct Model<'a> {
    format: &'a ScoreFormat,
    weights: &'a ScoreWeights,
    left: Box<ShiftTable>,
}

/// Buffers of one thread: no row allocates.
struct Scratch {
    closeness: Vec<u16>,
    codes: Vec<u8>,
    survivors: Vec<u64>,
}

impl<'a> Model<'a> {
    pub fn new(format: &'a ScoreFormat, weights: &'a ScoreWeights) -> Self {
        let mut left = [0; CODES];
        for (left, shift) in left[1..].iter_mut().zip(&weights.shifts) {
            *left = weights.max_shift - shift;
        }
        Self {
            format,
            weights,
            left: Box::new(shift_table(left)),
        }
    }

    /// All rows over `values` [heads, keys, D].
    pub fn attend(&self, rows: Rows, values: ArrayView3<i8>) -> HeadsAttention {
        let (heads, rows_per_head, keys) = rows.shape;
        let dimension = values.dim().2;
        let blocks = dimension.div_ceil(BLOCK);
        let padded = crate::model::padded(values, blocks);
        let mut accumulators = Array::zeros((heads, rows_per_head, dimension));
        let mut totals = vec![(0_u64, 0_usize); heads * rows_per_head];
        accumulators
            .as_slice_mut()
            .unwrap_or_default()
            .par_chunks_mut(dimension)
            .zip(&mut totals)
            .enumerate()
            .with_min_len(ROWS_PER_TASK)
            .for_each_init(
                || Scratch::new(keys),
                |scratch, (index, (sums, total))| {
                    let head = index / rows_per_head;
                    let values = Values {
                        elements: &padded[head * keys * blocks..][..keys * blocks],
                        blocks,
                    };
                    let length = rows.lengths[index % rows_per_head];
                    let scores = &rows.scores[index * keys..][..length];
                    *total = self.row(scores, rows.score_shifts[head], values, scratch, sums);
                },
            );
        let shape = (heads, rows_per_head);
        let outputs = self.outputs(&accumulators, &totals);
        let of = |head, row| totals[head * rows_per_head + row];
        HeadsAttention {
            accumulators,
            normalizers: Array2::from_shape_fn(shape, |(head, row)| of(head, row).0),
            outputs,
            survivors: Array2::from_shape_fn(shape, |(head, row)| of(head, row).1),
        }
    }

    /// One row: fills the sums, returns the normalizer and the number of survivors.
    fn row(
        &self,
        scores: &[i32],
        score_shift: u32,
        values: Values,
        scratch: &mut Scratch,
        sums: &mut [i64],
    ) -> (u64, usize) {
        let buffer = &mut scratch.closeness;
        let Some(row) = self.format.statistics(scores, score_shift, buffer) else {
            return (0, 0);
        };
        let codes = &mut scratch.codes[..scores.len()];
        self.format
            .encode(&buffer[..scores.len()], row.offset, codes);
        let survivors = Survivors::of(codes, &mut scratch.survivors);
        let normalizer = shift_accumulate(survivors, &self.left, values, sums);
        if !matches!(self.weights.normalize, ScoreNormalize::Complement { .. }) {
            return (normalizer, survivors.count());
        }
        let largest = values.row(row.largest_key);
        let one = self.weights.add_left_over(normalizer, largest, sums);
        (one, survivors.count())
    }

    fn outputs(&self, accumulators: &Array3<i64>, totals: &[(u64, usize)]) -> Option<Array3<i32>> {
        let fraction_bits = self.weights.output_bits()? - self.weights.value_bits;
        let (.., dimension) = accumulators.dim();
        let mut outputs = Array::zeros(accumulators.raw_dim());
        outputs
            .as_slice_mut()
            .unwrap_or_default()
            .par_chunks_mut(dimension)
            .zip(accumulators.as_slice()?.par_chunks(dimension))
            .zip(totals)
            .with_min_len(ROWS_PER_TASK)
            .for_each(|((outputs, sums), (normalizer, _))| {
                if let ScoreNormalize::Complement { .. } = self.weights.normalize {
                    for (output, sum) in outputs.iter_mut().zip(sums) {
                        *output = complement_output(*sum, self.weights);
                    }
                } else if *normalizer != 0 {
                    divide(sums, *normalizer, fraction_bits, outputs);
                }
            });
        Some(outputs)
    }
}

impl Scratch {
    fn new(keys: usize) -> Self {
        Self {
            closeness: vec![0; keys],
            codes: vec![0; keys],
            survivors: vec![0; keys.div_ceil(u64::BITS as usize)],
        }
    }
}
