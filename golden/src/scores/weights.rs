//! How codes weigh values, and what becomes of a row's sum.

use serde::{Deserialize, Serialize};

use super::format::{ScoreFormat, in_range};
use crate::config::ceil_log2;
use crate::error::{AttentionError, expect_size};

/// Widest accumulator, in bits.
const MAX_ACCUMULATOR_BITS: u32 = 32;

/// What becomes of a row's sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScoreNormalize {
    /// The exact accumulators and the normalizer.
    None,
    /// The accumulators divided by the normalizer: [`crate::divide_rounded`].
    Reciprocal {
        /// Bits of a signed output element, `value_bits`..=16.
        output_bits: u32,
    },
    /// The row's largest key takes the weight that the others leave:
    ///
    /// acc = (V* << max_shift) + the sum over the other survivors of
    /// (V - V*) << (max_shift - shift),
    ///
    /// where V* is the value of the lowest key whose y is m, itself pruned or not. The
    /// denominator is 2^max_shift: there is no normalizer and no division. Outputs are
    /// [`complement_output`].
    Complement {
        /// Bits of a signed output element, `value_bits`..=16.
        output_bits: u32,
    },
}

/// How codes weigh values: by shifts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreWeights {
    /// Bits of a signed value element, 2..=8.
    pub value_bits: u32,
    /// Largest shift, 1..=15.
    pub max_shift: u32,
    /// Code i weighs `2^-shifts[i - 1]`: as many as there are thresholds, 0..=max_shift,
    /// non-increasing.
    pub shifts: Vec<u32>,
    /// What becomes of a row's sum.
    pub normalize: ScoreNormalize,
}

impl ScoreWeights {
    /// Checks every field against its range and against the format.
    ///
    /// # Errors
    /// [`AttentionError::Parameter`] or [`AttentionError::Shape`] for the first that is wrong.
    pub fn validate(&self, format: &ScoreFormat) -> Result<(), AttentionError> {
        in_range("value_bits", self.value_bits, 2..=8)?;
        in_range("max_shift", self.max_shift, 1..=15)?;
        let thresholds = format.parameters().thresholds.len();
        expect_size("shifts", self.shifts.len(), thresholds, "one a threshold")?;
        let falling = self.shifts.windows(2).all(|pair| pair[0] >= pair[1]);
        if !falling || self.shifts.iter().any(|shift| *shift > self.max_shift) {
            let legal = format!("non-increasing integers of 0..={}", self.max_shift);
            return Err(AttentionError::parameter("shifts", &self.shifts, legal));
        }
        if let Some(output_bits) = self.output_bits() {
            in_range("output_bits", output_bits, self.value_bits..=16)?;
        }
        let bits = self.accumulator_bits(format);
        in_range("accumulator_bits", bits, 0..=MAX_ACCUMULATOR_BITS)
    }

    /// Bits of an element's signed sum over a row of `max_keys` keys, whatever the codes: one
    /// more for [`ScoreNormalize::Complement`], whose V - V* takes one more than a value.
    pub fn accumulator_bits(&self, format: &ScoreFormat) -> u32 {
        let difference = matches!(self.normalize, ScoreNormalize::Complement { .. });
        let keys = ceil_log2(format.parameters().max_keys);
        self.value_bits + u32::from(difference) + self.max_shift + keys
    }

    /// Adds the weight that the survivors leave to the largest key's value, V*; returns the
    /// denominator.
    ///
    /// This is the definition with its terms collected: V* counts 2^max_shift times, less the
    /// weight of each survivor, itself included if it is one.
    pub(crate) fn add_left_over<'a>(
        &self,
        normalizer: u64,
        largest: impl Iterator<Item = &'a i8>,
        sums: &mut [i64],
    ) -> u64 {
        let one = 1 << self.max_shift;
        let left_over = one - normalizer as i64;
        for (sum, value) in sums.iter_mut().zip(largest) {
            *sum += left_over * i64::from(*value);
        }
        one as u64
    }

    /// Bits of an output element, if there are outputs.
    pub fn output_bits(&self) -> Option<u32> {
        match self.normalize {
            ScoreNormalize::None => None,
            ScoreNormalize::Reciprocal { output_bits }
            | ScoreNormalize::Complement { output_bits } => Some(output_bits),
        }
    }
}

/// The output for one element of a row that is normalized by complement:
/// acc 2^(output_bits - value_bits) / 2^max_shift, rounded half away from zero, saturated to
/// `output_bits` signed bits.
///
/// The levels of the other survivors are rounded logarithms of their probabilities, so they may
/// sum up to more than 1. The largest key's weight is negative then, and the mean can leave the
/// range of the values, hence the saturation.
///
/// Meant for valid [`ScoreWeights`]: |acc| < 2^31.
pub fn complement_output(accumulator: i64, weights: &ScoreWeights) -> i32 {
    let output_bits = weights.output_bits().unwrap_or(weights.value_bits);
    let scaled = accumulator.unsigned_abs() << (output_bits - weights.value_bits);
    let rounded = (scaled + (1 << (weights.max_shift - 1))) >> weights.max_shift;
    let most = (1_i64 << (output_bits - 1)) - 1;
    let output = rounded as i64 * accumulator.signum();
    output.clamp(-most - 1, most) as i32
}
