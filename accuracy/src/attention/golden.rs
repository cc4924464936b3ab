//! The golden model in place of the attention: every integer is that of the hardware.

use super::AttentionInput;
use super::exp::softmax;
use super::heads::{Counted, Head, attend_heads};
use super::int8::{Int8, to_integers};
use super::weights::Scratch;
use crate::{Error, Result};
use logattn_golden::scores::power_of_two_query;
use logattn_golden::{
    Accumulate, AttentionError, Configuration, Input, Normalize, RowBuffers, UnitRow, UnitRows,
    UnitValues, quantize_values,
};
use ndarray::ArrayView2;

/// Bits of the captures' int8 values.
const INT8_BITS: u32 = 8;

/// Bits of the int8 twin's probabilities, whose weights are 2^-8 each.
const LINEAR_BITS: u32 = logattn_golden::config::LINEAR_CODE_BITS;

/// The units that compute a model's attention.
pub(crate) struct GoldenAttention {
    /// What errors call the attention.
    name: String,
    units: Vec<UnitSettings>,
    /// The unit of each head, layer by layer.
    of_heads: Vec<usize>,
    heads_per_layer: usize,
}

/// One unit, ready.
pub(crate) struct UnitSettings {
    rows: UnitRows,
    input: Input,
    max_keys: usize,
    value_bits: u32,
    fraction_bits: u32,
    /// What 1 of an output, or of an accumulator, is of 1 of a value.
    output_unit: f32,
}

/// Buffers of one thread.
#[derive(Default)]
struct Buffers {
    weights: Scratch,
    scores: Vec<i32>,
    rows: RowBuffers,
}

impl UnitSettings {
    /// The unit of a configuration.
    ///
    /// # Errors
    /// The configuration is not valid.
    pub fn new(c: &Configuration) -> std::result::Result<Self, AttentionError> {
        let bits = match (c.normalize, c.accumulate) {
            (Normalize::None, Accumulate::Shift | Accumulate::Sorted) => c.max_shift.unwrap_or(0),
            (Normalize::None, Accumulate::Bucket) => c.level_bits.unwrap_or(0),
            (Normalize::None, Accumulate::Multiply) => LINEAR_BITS,
            _ => c.output_bits.unwrap_or(c.value_bits) - c.value_bits,
        };
        Ok(UnitSettings {
            rows: UnitRows::new(c)?,
            input: c.input,
            max_keys: c.max_keys,
            value_bits: c.value_bits,
            fraction_bits: c.fraction_bits.unwrap_or(0),
            output_unit: 0.5_f32.powi(bits as i32),
        })
    }

    /// Values in the unit's integers, and what 1 of its outputs stands for.
    fn values(&self, v: ArrayView2<f32>) -> std::result::Result<(UnitValues, f32), AttentionError> {
        let (integers, scale) = if self.value_bits == INT8_BITS {
            let quantized = Int8::quantize(v);
            (quantized.integers, quantized.scale)
        } else {
            let quantized = quantize_values(&v, self.value_bits)?;
            (quantized.integers, quantized.scale as f32)
        };
        Ok((self.rows.values(integers.view())?, scale * self.output_unit))
    }
}

impl GoldenAttention {
    /// # Arguments
    /// - `name`: the specification.
    /// - `units`: the units there are.
    /// - `of_heads`: the unit of each head, layer by layer.
    /// - `heads_per_layer`: query heads of a layer.
    pub fn new(
        name: String,
        units: Vec<UnitSettings>,
        of_heads: Vec<usize>,
        heads_per_layer: usize,
    ) -> Self {
        GoldenAttention {
            name,
            units,
            of_heads,
            heads_per_layer,
        }
    }

    /// Attention of a layer.
    ///
    /// # Errors
    /// [`Error::Specification`]: a text has more tokens than `max_keys`. [`Error::Golden`]: what
    /// the model computes does not fit the unit.
    pub fn attend(&self, input: AttentionInput) -> Result<Counted> {
        let tokens = input.lengths.iter().copied().max().unwrap_or(0);
        let most = self.units.iter().map(|unit| unit.max_keys).min();
        if let Some(most) = most.filter(|most| tokens > *most) {
            return Err(Error::Specification {
                text: self.name.clone(),
                field: "max_keys".into(),
                found: most.to_string(),
                legal: format!(
                    "at least {tokens}, the tokens of a text: add `,max_keys={tokens}` to the \
                     specification"
                ),
            });
        }
        attend_heads(input, |head, buffers, output| {
            self.attend_head(&head, buffers, output)
        })
    }

    fn attend_head(&self, head: &Head, buffers: &mut Buffers, output: &mut [f32]) -> Result<usize> {
        let number = head.layer * self.heads_per_layer + head.index;
        let unit = self.of_heads.get(number).and_then(|u| self.units.get(*u));
        let Some(unit) = unit else {
            let text = format!("no unit for layer {} head {}", head.layer, head.index);
            return Err(candle_core::Error::Msg(text).into());
        };
        let fails = |source: AttentionError| Error::Golden {
            attention: self.name.clone(),
            layer: head.layer,
            head: head.index,
            source: source.into(),
        };
        match unit.input {
            Input::Probabilities => from_probabilities(unit, head, buffers, output, fails),
            Input::Scores | Input::Qkv => from_scores(unit, head, buffers, output, fails),
        }
    }
}

/// A head of a unit whose input is probabilities.
fn from_probabilities(
    unit: &UnitSettings,
    head: &Head,
    buffers: &mut Buffers,
    output: &mut [f32],
    fails: impl Fn(AttentionError) -> Error,
) -> Result<usize> {
    let (values, scale) = unit.values(head.v).map_err(&fails)?;
    let d = head.v.ncols();
    let mut pruned = 0;
    buffers.weights.set_keys(head.k);
    let q = head.q.to_slice().unwrap_or_default();
    for rows in head.blocks() {
        let mut logits = buffers.weights.products(q, head, rows, head.scale());
        for (row, logits) in logits.rows_mut() {
            let seen = &mut logits[..head.seen(row)];
            softmax(seen);
            let attended = unit.rows.probabilities(seen, &values, &mut buffers.rows);
            let attended = attended.map_err(&fails)?;
            pruned += seen.len() - attended.survivors;
            store(attended, scale, &mut output[row * d..][..d]);
        }
    }
    Ok(pruned)
}

/// A head of a unit whose input is scores, or queries and keys: both are the same arithmetic.
fn from_scores(
    unit: &UnitSettings,
    head: &Head,
    buffers: &mut Buffers,
    output: &mut [f32],
    fails: impl Fn(AttentionError) -> Error,
) -> Result<usize> {
    let (values, scale) = unit.values(head.v).map_err(&fails)?;
    let key = Int8::quantize(head.k);
    let query = power_of_two_query(head.q, key.scale.into(), unit.fraction_bits).map_err(&fails)?;
    // Products of int8 numbers summed over D <= 512 elements stay below 2^24, so single precision
    // has each of them, and every sum of some, exactly.
    let q = Int8::widened(&query.integers, 1.0);
    let k = Int8::widened(&key.integers, 1.0);
    let d = head.v.ncols();
    let mut pruned = 0;
    buffers.weights.set_keys(k.view());
    buffers.scores.resize(head.k.nrows(), 0);
    let q = q.as_slice().unwrap_or_default();
    for rows in head.blocks() {
        let mut sums = buffers.weights.products(q, head, rows, 1.0);
        for (row, sums) in sums.rows_mut() {
            let seen = &sums[..head.seen(row)];
            let (scores, shift) = (&mut buffers.scores[..seen.len()], query.score_shift);
            to_integers(seen, scores);
            let attended = unit.rows.scores(scores, shift, &values, &mut buffers.rows);
            let attended = attended.map_err(&fails)?;
            pruned += seen.len() - attended.survivors;
            store(attended, scale, &mut output[row * d..][..d]);
        }
    }
    Ok(pruned)
}

/// What leaves the unit, as real numbers.
fn store(row: UnitRow, scale: f32, output: &mut [f32]) {
    match row.outputs {
        Some(outputs) => {
            for (place, output) in output.iter_mut().zip(outputs) {
                *place = *output as f32 * scale;
            }
        }
        None => {
            for (place, sum) in output.iter_mut().zip(row.accumulators) {
                *place = *sum as f32 * scale;
            }
        }
    }
}
