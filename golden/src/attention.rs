//! The bit-exact attention model.
//!
//! Everything here is integer arithmetic: the RTL must agree on every bit. The order in which
//! keys are added does not matter, because no sum is rounded or can overflow.

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis};

use crate::config::Configuration;
use crate::error::{AttentionError, expect_size};
use crate::format::Probability;
use crate::model::Model;

/// What one head's rows come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attention {
    /// [rows, D]: sums of the weighted values, each in `accumulator_bits`. A weight is
    /// `2^(max_shift - shift)`, the level integer or the linear code.
    pub accumulators: Array2<i64>,
    /// Sum of the weights of each row, each in `normalizer_bits`.
    pub normalizers: Vec<u64>,
    /// [rows, D]: [`divide_rounded`] of the two, where the configuration normalizes.
    pub outputs: Option<Array2<i32>>,
    /// Keys of each row whose value was added: the survivors, or all keys of the row for
    /// `multiply`.
    pub survivors: Vec<usize>,
}

/// What many heads' rows come to; the fields are those of [`Attention`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadsAttention {
    /// [heads, rows, D].
    pub accumulators: Array3<i64>,
    /// [heads, rows].
    pub normalizers: Array2<u64>,
    /// [heads, rows, D], where the configuration normalizes.
    pub outputs: Option<Array3<i32>>,
    /// [heads, rows].
    pub survivors: Array2<usize>,
}

impl HeadsAttention {
    /// A copy of one head's part; `None` if there are not as many heads.
    pub fn head(&self, head: usize) -> Option<Attention> {
        if head >= self.normalizers.nrows() {
            return None;
        }
        let outputs = self.outputs.as_ref();
        Some(Attention {
            accumulators: self.accumulators.index_axis(Axis(0), head).to_owned(),
            normalizers: self.normalizers.row(head).to_vec(),
            outputs: outputs.map(|outputs| outputs.index_axis(Axis(0), head).to_owned()),
            survivors: self.survivors.row(head).to_vec(),
        })
    }
}

/// The output for one element: acc 2^fraction_bits / normalizer, rounded half away from zero, in
/// exact integers; 0 for an empty row (normalizer 0).
///
/// With `fraction_bits = output_bits - value_bits` it always fits `output_bits` signed bits: the
/// quotient acc / normalizer is a mean of values with non-negative weights, so it lies within
/// -2^(value_bits - 1) and 2^(value_bits - 1) - 1. Both ends times 2^fraction_bits are integers
/// of the output's range, and rounding does not leave an interval that has integer ends.
///
/// Meant for the widths of a valid configuration: |acc| < 2^47, normalizer < 2^47 and
/// `fraction_bits` at most 14.
pub fn divide_rounded(accumulator: i64, normalizer: u64, fraction_bits: u32) -> i32 {
    if normalizer == 0 {
        return 0;
    }
    let doubled = (accumulator.unsigned_abs() << (fraction_bits + 1)) + normalizer;
    let magnitude = (doubled / (2 * normalizer)) as i32;
    if accumulator < 0 {
        -magnitude
    } else {
        magnitude
    }
}

/// Codes alone: [rows, keys], 0 at and beyond a row's length.
///
/// # Arguments
/// - `configuration`: any valid one. `multiply` gives 8-bit linear codes.
/// - `probabilities`: [rows, keys] in fixed point, each below 2^probability_bits.
/// - `lengths`: keys of each row; what stands at or beyond is not read.
///
/// # Errors
/// As [`attend`].
pub fn codes<P: Probability>(
    configuration: &Configuration,
    probabilities: ArrayView2<P>,
    lengths: &[usize],
) -> Result<Array2<u8>, AttentionError> {
    let model = Model::<P>::new(configuration)?;
    check_probabilities(configuration, &probabilities, lengths)?;
    Ok(model.codes(probabilities, lengths))
}

/// Attention of one head's rows over its values, rows in parallel.
///
/// # Arguments
/// - `configuration`: any valid one; its thresholds, shifts and levels are used.
/// - `probabilities`: [rows, keys] in fixed point, each below 2^probability_bits; keys at most
///   `max_keys`.
/// - `lengths`: keys of each row; keys at or beyond it are never survivors and never counted.
/// - `values`: [keys, D], each in `value_bits` signed bits.
///
/// # Errors
/// [`AttentionError::Configuration`], [`AttentionError::Shape`] for sizes that disagree,
/// [`AttentionError::FixedProbability`] and [`AttentionError::Value`] for numbers too large.
pub fn attend<P: Probability>(
    configuration: &Configuration,
    probabilities: ArrayView2<P>,
    lengths: &[usize],
    values: ArrayView2<i8>,
) -> Result<Attention, AttentionError> {
    let model = Model::new(configuration)?;
    check_probabilities(configuration, &probabilities, lengths)?;
    check_head_values(configuration, &values, probabilities.ncols())?;
    let heads = model.attend(
        probabilities.insert_axis(Axis(0)),
        lengths,
        values.insert_axis(Axis(0)),
    );
    Ok(Attention {
        accumulators: heads.accumulators.index_axis_move(Axis(0), 0),
        normalizers: heads.normalizers.into_iter().collect(),
        outputs: heads
            .outputs
            .map(|outputs| outputs.index_axis_move(Axis(0), 0)),
        survivors: heads.survivors.into_iter().collect(),
    })
}

/// Attention of many heads, all rows of all heads in parallel.
///
/// # Arguments
/// - `configuration`: as for [`attend`].
/// - `probabilities`: [heads, rows, keys].
/// - `lengths`: keys of each row, the same for every head.
/// - `values`: [heads, keys, D].
///
/// # Errors
/// As [`attend`], within [`AttentionError::Head`] where one head is at fault.
pub fn attend_heads<P: Probability>(
    configuration: &Configuration,
    probabilities: ArrayView3<P>,
    lengths: &[usize],
    values: ArrayView3<i8>,
) -> Result<HeadsAttention, AttentionError> {
    let model = Model::new(configuration)?;
    let (heads, rows, keys) = probabilities.dim();
    expect_size(
        "heads of values",
        values.len_of(Axis(0)),
        heads,
        "heads of probabilities",
    )?;
    // Also where there is no head at all, so that the sizes always agree below.
    check_lengths(configuration, (rows, keys), lengths)?;
    for (head, (probabilities, values)) in probabilities
        .outer_iter()
        .zip(values.outer_iter())
        .enumerate()
    {
        check_probabilities(configuration, &probabilities, lengths)
            .and_then(|()| check_head_values(configuration, &values, keys))
            .map_err(|error| AttentionError::Head {
                head,
                error: Box::new(error),
            })?;
    }
    Ok(model.attend(probabilities, lengths, values))
}

fn check_lengths(
    configuration: &Configuration,
    (rows, keys): (usize, usize),
    lengths: &[usize],
) -> Result<(), AttentionError> {
    if keys > configuration.max_keys {
        return Err(AttentionError::Shape {
            what: "keys of probabilities",
            found: keys,
            legal: format!("at most max_keys = {}", configuration.max_keys),
        });
    }
    expect_size(
        "number of lengths",
        lengths.len(),
        rows,
        "rows of probabilities",
    )?;
    match lengths.iter().find(|length| **length > keys) {
        None => Ok(()),
        Some(length) => Err(AttentionError::Shape {
            what: "length of a row",
            found: *length,
            legal: format!("at most {keys} (keys of probabilities)"),
        }),
    }
}

fn check_probabilities<P: Probability>(
    configuration: &Configuration,
    probabilities: &ArrayView2<P>,
    lengths: &[usize],
) -> Result<(), AttentionError> {
    check_lengths(configuration, probabilities.dim(), lengths)?;
    let probability_bits = configuration.probability_bits;
    if P::BITS <= probability_bits {
        return Ok(());
    }
    let too_large = |probability: &P| (*probability).into() >> probability_bits != 0;
    for (row, (probabilities, length)) in probabilities.outer_iter().zip(lengths).enumerate() {
        if let Some(key) = probabilities.iter().take(*length).position(too_large) {
            return Err(AttentionError::FixedProbability {
                row,
                key,
                value: probabilities[key].into(),
                probability_bits,
            });
        }
    }
    Ok(())
}

fn check_head_values(
    configuration: &Configuration,
    values: &ArrayView2<i8>,
    keys: usize,
) -> Result<(), AttentionError> {
    expect_size(
        "keys of values",
        values.nrows(),
        keys,
        "keys of probabilities",
    )?;
    let dimension = configuration.head_dimension;
    expect_size(
        "elements of a value",
        values.ncols(),
        dimension,
        "head_dimension",
    )?;
    check_values(configuration.value_bits, values)
}

/// Checks that values [keys, D] have no more than `value_bits`.
pub(crate) fn check_values(value_bits: u32, values: &ArrayView2<i8>) -> Result<(), AttentionError> {
    if value_bits == i8::BITS {
        return Ok(());
    }
    let most = (1_i8 << (value_bits - 1)) - 1;
    let legal = -most - 1..=most;
    match values
        .indexed_iter()
        .find(|(_, value)| !legal.contains(*value))
    {
        None => Ok(()),
        Some(((key, element), value)) => Err(AttentionError::Value {
            key,
            element,
            value: *value,
            value_bits,
        }),
    }
}
