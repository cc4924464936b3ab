//! The attention model on data that has been checked, rows in parallel.

use ndarray::{Array, Array2, ArrayView2, ArrayView3, Dimension, StrideShape};
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
pub(crate) struct Model<P> {
    head_dimension: usize,
    probability_bits: u32,
    thresholds: Vec<P>,
    weights: Weights,
    /// Fraction bits that outputs have more than values; none without outputs.
    fraction_bits: Option<u32>,
}

/// Buffers of one thread: no row allocates.
struct Scratch {
    codes: Vec<u8>,
    survivors: Vec<u64>,
}

/// Fewest rows worth handing to another thread.
const ROWS_PER_TASK: usize = 64;

/// Fewest blocks of values worth handing to another thread.
const BLOCKS_PER_TASK: usize = 4096;

impl<P: Probability> Model<P> {
    pub fn new(configuration: &Configuration) -> Result<Self, AttentionError> {
        configuration.validate()?;
        let weights = match configuration.accumulate {
            Accumulate::Multiply => Weights::Multiply,
            Accumulate::Bucket => Weights::Bucket(by_code(&configuration.levels, |level| level)),
            Accumulate::Shift | Accumulate::Sorted => {
                let most = configuration.max_shift.unwrap_or(0);
                let left = by_code(&configuration.shifts, |shift| most - shift);
                Weights::Shift(Box::new(shift_table(left)))
            }
        };
        Ok(Self {
            head_dimension: configuration.head_dimension,
            probability_bits: configuration.probability_bits,
            thresholds: reachable(&configuration.thresholds),
            weights,
            fraction_bits: configuration
                .output_bits
                .map(|output_bits| output_bits - configuration.value_bits),
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
        let dimension = self.head_dimension;
        let probabilities = probabilities.as_standard_layout();
        let blocks = dimension.div_ceil(BLOCK);
        let rows = Rows {
            probabilities: probabilities.as_slice().unwrap_or_default(),
            shape: (heads, rows, keys),
            lengths,
            values: &padded(values, blocks),
            blocks,
        };
        match dimension {
            32 => self.attend_arrays::<32>(rows),
            64 => self.attend_arrays::<64>(rows),
            _ => self.attend_slices(rows, dimension),
        }
    }

    /// Rows whose size is known beforehand: their results are written to memory once, where the
    /// slices of [`Self::attend_slices`] are zeroed first.
    fn attend_arrays<const D: usize>(&self, rows: Rows<P>) -> HeadsAttention {
        let mut totals = Totals::new(&rows);
        let (mut accumulators, mut outputs) = (Vec::new(), Vec::new());
        let attended = totals.par_iter_mut().map_init(
            || Scratch::new(rows.keys()),
            |scratch, (index, total)| {
                let (mut sums, mut outputs) = ([0_i64; D], [0_i32; D]);
                self.row(rows, index, scratch, total, &mut sums, &mut outputs);
                (sums, outputs)
            },
        );
        match self.fraction_bits {
            Some(_) => attended.unzip_into_vecs(&mut accumulators, &mut outputs),
            None => attended
                .map(|(sums, _)| sums)
                .collect_into_vec(&mut accumulators),
        }
        let outputs = outputs.into_flattened();
        self.heads_attention(rows, totals, accumulators.into_flattened(), outputs)
    }

    /// Rows of any size.
    fn attend_slices(&self, rows: Rows<P>, dimension: usize) -> HeadsAttention {
        let mut totals = Totals::new(&rows);
        let elements = totals.normalizers.len() * dimension;
        let (mut accumulators, mut outputs) = (vec![0; elements], vec![0; elements]);
        totals
            .par_iter_mut()
            .zip(accumulators.par_chunks_mut(dimension))
            .zip(outputs.par_chunks_mut(dimension))
            .for_each_init(
                || Scratch::new(rows.keys()),
                |scratch, (((index, total), sums), outputs)| {
                    self.row(rows, index, scratch, total, sums, outputs);
                },
            );
        self.heads_attention(rows, totals, accumulators, outputs)
    }

    /// One row; the outputs are set only if there are any.
    #[inline(always)]
    fn row(
        &self,
        rows: Rows<P>,
        index: usize,
        scratch: &mut Scratch,
        (normalizer, survivors): (&mut u64, &mut usize),
        sums: &mut [i64],
        outputs: &mut [i32],
    ) {
        let (probabilities, values) = rows.row(index);
        let codes = &mut scratch.codes[..probabilities.len()];
        self.encode(probabilities, codes);
        (*normalizer, *survivors) = self.accumulate(codes, &mut scratch.survivors, values, sums);
        self.divide(sums, *normalizer, outputs);
    }

    /// The row's outputs, those of an empty row 0; returns whether there are any.
    #[inline(always)]
    pub fn divide(&self, sums: &[i64], normalizer: u64, outputs: &mut [i32]) -> bool {
        match (self.fraction_bits, normalizer) {
            (Some(_), 0) => outputs.fill(0),
            (Some(fraction_bits), _) => divide(sums, normalizer, fraction_bits, outputs),
            (None, _) => return false,
        }
        true
    }

    fn heads_attention(
        &self,
        rows: Rows<P>,
        totals: Totals,
        accumulators: Vec<i64>,
        outputs: Vec<i32>,
    ) -> HeadsAttention {
        let (heads, rows, _) = rows.shape;
        let dimension = self.head_dimension;
        let normalizes = self.fraction_bits.is_some();
        HeadsAttention {
            accumulators: shaped((heads, rows, dimension), accumulators),
            normalizers: shaped((heads, rows), totals.normalizers),
            outputs: normalizes.then(|| shaped((heads, rows, dimension), outputs)),
            survivors: shaped((heads, rows), totals.survivors),
        }
    }

    /// Codes of a row's probabilities.
    pub fn encode(&self, probabilities: &[P], codes: &mut [u8]) {
        match self.weights {
            Weights::Multiply => {
                linear_codes(probabilities, self.probability_bits, codes);
            }
            _ => threshold_codes(probabilities, &self.thresholds, codes),
        }
    }

    /// One row: fills the sums, returns the normalizer and the number of values added.
    pub fn accumulate(
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
}

/// The data of all rows.
#[derive(Clone, Copy)]
struct Rows<'a, P> {
    /// [heads, rows, keys], contiguous.
    probabilities: &'a [P],
    /// Heads, rows and keys.
    shape: (usize, usize, usize),
    lengths: &'a [usize],
    /// [heads, keys, blocks].
    values: &'a [ValueBlock],
    blocks: usize,
}

impl<'a, P> Rows<'a, P> {
    fn keys(&self) -> usize {
        self.shape.2
    }

    /// A row's probabilities, as many as it is long, and its head's values.
    #[inline(always)]
    fn row(&self, index: usize) -> (&'a [P], Values<'a>) {
        let (_, rows, keys) = self.shape;
        let (head, row) = (index / rows, index % rows);
        let values = Values {
            elements: &self.values[head * keys * self.blocks..][..keys * self.blocks],
            blocks: self.blocks,
        };
        let probabilities = &self.probabilities[index * keys..][..self.lengths[row]];
        (probabilities, values)
    }
}

/// What there is one of for each row of all heads.
struct Totals {
    normalizers: Vec<u64>,
    survivors: Vec<usize>,
}

impl Totals {
    fn new<P>(rows: &Rows<P>) -> Self {
        let (heads, rows, _) = rows.shape;
        Self {
            normalizers: vec![0; heads * rows],
            survivors: vec![0; heads * rows],
        }
    }

    /// Each row's index, normalizer and number of survivors.
    fn par_iter_mut(
        &mut self,
    ) -> impl IndexedParallelIterator<Item = (usize, (&mut u64, &mut usize))> {
        self.normalizers
            .par_iter_mut()
            .zip(&mut self.survivors)
            .enumerate()
            .with_min_len(ROWS_PER_TASK)
    }
}

impl Scratch {
    fn new(keys: usize) -> Self {
        Self {
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
pub(crate) fn padded(values: ArrayView3<i8>, blocks: usize) -> Vec<ValueBlock> {
    let (heads, keys, dimension) = values.dim();
    let values = values.as_standard_layout();
    let elements = values.as_slice().unwrap_or_default();
    if dimension % BLOCK == 0 {
        let blocks = elements
            .as_chunks()
            .0
            .par_iter()
            .with_min_len(BLOCKS_PER_TASK);
        return blocks.map(|block| ValueBlock(*block)).collect();
    }
    let mut padded = vec![ValueBlock([0; BLOCK]); heads * keys * blocks];
    for (padded, row) in padded.chunks_mut(blocks).zip(elements.chunks(dimension)) {
        for (block, elements) in padded.iter_mut().zip(row.chunks(BLOCK)) {
            block.0[..elements.len()].copy_from_slice(elements);
        }
    }
    padded
}

/// An array of as many elements as it takes.
fn shaped<T: Clone + Default, D: Dimension, S: Into<StrideShape<D>>>(
    shape: S,
    elements: Vec<T>,
) -> Array<T, D> {
    Array::from_shape_vec(shape, elements).unwrap_or_default()
}

/// The elements of an array that was made here, hence contiguous.
fn slice_of_mut<T, D: Dimension>(array: &mut Array<T, D>) -> &mut [T] {
    array.as_slice_mut().unwrap_or_default()
}
