//! The golden model in place of the attention: every integer is that of the hardware.

use super::AttentionInput;
use super::exp::softmax;
use super::heads::{Counted, Head, attend_heads};
use super::weights::{Scratch, products};
use crate::{Error, Result};
use logattn_captures::Int8Matrix;
use logattn_golden::scores::power_of_two_query;
use logattn_golden::{
    Accumulate, AttentionError, Configuration, Input, Normalize, RowBuffers, UnitRow, UnitRows,
    UnitValues, quantize_values,
};
use ndarray::{Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2};

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
            (Normalize::None, Accumulate::Shift) => c.max_shift.unwrap_or(0),
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
            let quantized = Int8Matrix::quantize(v);
            (quantized.values, quantized.scale)
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

    fn attend_head(
        &self,
        head: &Head,
        buffers: &mut Buffers,
        output: ArrayViewMut2<f32>,
    ) -> Result<usize> {
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
    mut output: ArrayViewMut2<f32>,
    fails: impl Fn(AttentionError) -> Error,
) -> Result<usize> {
    let (values, scale) = unit.values(head.v).map_err(&fails)?;
    let mut pruned = 0;
    for rows in head.blocks() {
        let operands = (head.q, head.k);
        let weights = &mut buffers.weights;
        let mut logits = products(operands, head, &rows, head.scale(), weights)?;
        for (row, mut logits) in rows.zip(logits.rows_mut()) {
            let seen = head.seen(row);
            let logits = logits.as_slice_mut().unwrap_or_default();
            softmax(&mut logits[..seen]);
            let row_result = unit
                .rows
                .probabilities(&logits[..seen], &values, &mut buffers.rows)
                .map_err(&fails)?;
            pruned += seen - row_result.survivors;
            store(row_result, scale, output.row_mut(row));
        }
    }
    Ok(pruned)
}

/// A head of a unit whose input is scores, or queries and keys: both are the same arithmetic.
fn from_scores(
    unit: &UnitSettings,
    head: &Head,
    buffers: &mut Buffers,
    mut output: ArrayViewMut2<f32>,
    fails: impl Fn(AttentionError) -> Error,
) -> Result<usize> {
    let (values, scale) = unit.values(head.v).map_err(&fails)?;
    let key = Int8Matrix::quantize(head.k);
    let query = power_of_two_query(head.q, key.scale.into(), unit.fraction_bits).map_err(&fails)?;
    // Products of int8 numbers summed over D <= 512 elements stay below 2^24, so single precision
    // has each of them, and every sum of some, exactly.
    let widened = |integers: &Array2<i8>| integers.mapv(f32::from);
    let (q, k) = (widened(&query.integers), widened(&key.values));
    let mut pruned = 0;
    for rows in head.blocks() {
        let operands = (q.view(), k.view());
        let sums = products(operands, head, &rows, 1.0, &mut buffers.weights)?;
        for (row, sums) in rows.zip(sums.rows()) {
            let seen = head.seen(row);
            buffers.scores.clear();
            let sums = sums.to_slice().unwrap_or_default();
            buffers
                .scores
                .extend(sums[..seen].iter().map(|sum| *sum as i32));
            let row_result = unit
                .rows
                .scores(
                    &buffers.scores,
                    query.score_shift,
                    &values,
                    &mut buffers.rows,
                )
                .map_err(&fails)?;
            pruned += seen - row_result.survivors;
            store(row_result, scale, output.row_mut(row));
        }
    }
    Ok(pruned)
}

/// What leaves the unit, as real numbers.
fn store(row: UnitRow, scale: f32, output: ArrayViewMut1<f32>) {
    match row.outputs {
        Some(outputs) => {
            for (place, output) in output.into_iter().zip(outputs) {
                *place = *output as f32 * scale;
            }
        }
        None => {
            for (place, sum) in output.into_iter().zip(row.accumulators) {
                *place = *sum as f32 * scale;
            }
        }
    }
}
