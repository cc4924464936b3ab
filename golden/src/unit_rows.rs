//! A unit's rows one at a time, for callers that run many heads in buffers and threads of their
//! own: what [`crate::attend_unit`] computes, without arrays for whole heads.
//!
//! ```
//! use logattn_golden::{Configuration, RowBuffers, UnitRows};
//! use ndarray::arr2;
//!
//! let mut edge = Configuration::named("edge")?;
//! (edge.head_dimension, edge.lanes, edge.output_lanes) = (2, 2, 2);
//! let unit = UnitRows::new(&edge)?;
//! let values = unit.values(arr2(&[[10, -20], [30, 40], [99, 99]]).view())?;
//! let mut buffers = RowBuffers::default();
//! let row = unit.probabilities(&[0.5, 0.25, 0.001], &values, &mut buffers)?;
//! // Weights 2^6 and 2^5; the third key is pruned.
//! assert_eq!((row.normalizer, row.survivors), (96, 2));
//! assert_eq!(row.accumulators, [640 + 960, -1280 + 1280]);
//! assert_eq!(row.outputs, Some(&[17, 0][..]));
//! # Ok::<(), logattn_golden::AttentionError>(())
//! ```

use ndarray::{ArrayView2, Axis};

use crate::attention::check_values;
use crate::config::{Configuration, Input, Normalize};
use crate::error::{AttentionError, expect_size};
use crate::format::Probability;
use crate::kernel::{BLOCK, ValueBlock, Values, to_fixed};
use crate::model::{Model, padded};
use crate::scores::{RowStatistics, ScoreFormat, ScoreWeights, complement_output};
use crate::unit::score_weights;

/// A checked configuration in the form that the inner loops use.
pub struct UnitRows {
    max_keys: usize,
    head_dimension: usize,
    value_bits: u32,
    probability_bits: u32,
    encoder: Encoder,
}

/// From a row's input to its sums.
enum Encoder {
    /// Probabilities of up to 16 bits.
    Narrow(Model<u16>),
    /// Wider probabilities.
    Wide(Model<u32>),
    /// Scores.
    Scores {
        format: ScoreFormat,
        /// From codes on.
        model: Model<u16>,
        /// Of a unit that normalizes by complement.
        complement: Option<ScoreWeights>,
    },
}

/// Values of one head, checked, in the form that the inner loops use.
#[derive(Clone)]
pub struct UnitValues {
    keys: usize,
    dimension: usize,
    /// [keys, blocks].
    elements: Vec<ValueBlock>,
}

/// Buffers that rows share.
#[derive(Clone, Debug, Default)]
pub struct RowBuffers {
    narrow: Vec<u16>,
    wide: Vec<u32>,
    codes: Vec<u8>,
    survivors: Vec<u64>,
    sums: Vec<i64>,
    outputs: Vec<i32>,
}

/// What a row comes to; the fields are those of [`crate::Attention`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitRow<'a> {
    /// \[D\].
    pub accumulators: &'a [i64],
    /// Sum of the weights; with `normalize = "complement"` 2^max_shift.
    pub normalizer: u64,
    /// \[D\], where the configuration normalizes.
    pub outputs: Option<&'a [i32]>,
    /// Keys whose value was added: the survivors, or all keys for `multiply`.
    pub survivors: usize,
    /// \[keys\].
    pub codes: &'a [u8],
}

impl UnitRows {
    /// The unit of a configuration.
    ///
    /// # Errors
    /// [`AttentionError::Configuration`] if it is not valid.
    pub fn new(configuration: &Configuration) -> Result<Self, AttentionError> {
        let c = configuration;
        c.validate()?;
        let encoder = match (c.input, c.score_format()) {
            (Input::Scores | Input::Qkv, Some(format)) => Encoder::Scores {
                format,
                model: Model::new(c)?,
                complement: (c.normalize == Normalize::Complement).then(|| score_weights(c)),
            },
            _ if c.probability_bits <= u16::BITS => Encoder::Narrow(Model::new(c)?),
            _ => Encoder::Wide(Model::new(c)?),
        };
        Ok(Self {
            max_keys: c.max_keys,
            head_dimension: c.head_dimension,
            value_bits: c.value_bits,
            probability_bits: c.probability_bits,
            encoder,
        })
    }

    /// Prepares one head's values, [keys, D], each in `value_bits` signed bits.
    ///
    /// # Errors
    /// [`AttentionError::Shape`] for more than `max_keys` keys or another D,
    /// [`AttentionError::Value`] for a value that does not fit.
    pub fn values(&self, values: ArrayView2<i8>) -> Result<UnitValues, AttentionError> {
        let (keys, dimension) = values.dim();
        if keys > self.max_keys {
            return Err(AttentionError::Shape {
                what: "keys of values",
                found: keys,
                legal: format!("at most max_keys = {}", self.max_keys),
            });
        }
        expect_size(
            "elements of a value",
            dimension,
            self.head_dimension,
            "head_dimension",
        )?;
        check_values(self.value_bits, &values)?;
        let elements = padded(values.insert_axis(Axis(0)), dimension.div_ceil(BLOCK));
        Ok(UnitValues {
            keys,
            dimension,
            elements,
        })
    }

    /// A row of `input = "probabilities"`.
    ///
    /// # Arguments
    /// - `probabilities`: of the row's keys, the first of `values`, each 0..=1; they are brought
    ///   to fixed point as [`crate::probabilities_to_fixed`] does.
    /// - `values`: from [`UnitRows::values`].
    ///
    /// # Errors
    /// [`AttentionError::Probability`] for a number that is none, [`AttentionError::Shape`] for
    /// more keys than values, [`AttentionError::Parameter`] for a unit with another input.
    pub fn probabilities<'a>(
        &self,
        probabilities: &[f32],
        values: &UnitValues,
        buffers: &'a mut RowBuffers,
    ) -> Result<UnitRow<'a>, AttentionError> {
        let keys = probabilities.len();
        self.check_keys(keys, values)?;
        buffers.reserve(keys, self.head_dimension);
        let bits = self.probability_bits;
        let codes = &mut buffers.codes[..keys];
        match &self.encoder {
            Encoder::Narrow(model) => {
                let fixed = checked_fixed(probabilities, bits, &mut buffers.narrow)?;
                model.encode(fixed, codes);
                Ok(finish(model, keys, values, buffers))
            }
            Encoder::Wide(model) => {
                let fixed = checked_fixed(probabilities, bits, &mut buffers.wide)?;
                model.encode(fixed, codes);
                Ok(finish(model, keys, values, buffers))
            }
            Encoder::Scores { .. } => Err(another_input("scores")),
        }
    }

    /// A row of `input = "scores"` or `"qkv"`.
    ///
    /// # Arguments
    /// - `scores`: S = q·k of the row's keys, the first of `values`.
    /// - `score_shift`: f - F, where one unit of S is 2^-f octaves; 0..=31.
    /// - `values`: from [`UnitRows::values`].
    ///
    /// # Errors
    /// [`AttentionError::Parameter`] for a score that does not fit `score_bits`, a shift out of
    /// range or a unit with another input, [`AttentionError::Shape`] for more keys than values.
    pub fn scores<'a>(
        &self,
        scores: &[i32],
        score_shift: u32,
        values: &UnitValues,
        buffers: &'a mut RowBuffers,
    ) -> Result<UnitRow<'a>, AttentionError> {
        let Encoder::Scores {
            format,
            model,
            complement,
        } = &self.encoder
        else {
            return Err(another_input("probabilities"));
        };
        let keys = scores.len();
        self.check_keys(keys, values)?;
        format.check_row(scores, score_shift)?;
        buffers.reserve(keys, self.head_dimension);
        let closeness = &mut buffers.narrow[..keys];
        let statistics = format.statistics(scores, score_shift, closeness);
        if let Some(row) = statistics {
            format.encode(closeness, row.offset, &mut buffers.codes[..keys]);
        }
        match (complement, statistics) {
            (Some(weights), Some(row)) => Ok(complete(model, weights, row, keys, values, buffers)),
            _ => Ok(finish(model, keys, values, buffers)),
        }
    }

    fn check_keys(&self, keys: usize, values: &UnitValues) -> Result<(), AttentionError> {
        if keys <= values.keys && values.dimension == self.head_dimension {
            return Ok(());
        }
        Err(AttentionError::Shape {
            what: "keys of a row",
            found: keys,
            legal: format!("at most {} (keys of values)", values.keys),
        })
    }
}

/// The row whose codes are in the buffers.
fn finish<'a, P: Probability>(
    model: &Model<P>,
    keys: usize,
    values: &UnitValues,
    buffers: &'a mut RowBuffers,
) -> UnitRow<'a> {
    let (normalizer, survivors) = sum(model, keys, values, buffers);
    let normalizes = model.divide(&buffers.sums, normalizer, &mut buffers.outputs);
    UnitRow {
        accumulators: &buffers.sums,
        normalizer,
        outputs: normalizes.then_some(&buffers.outputs),
        survivors,
        codes: &buffers.codes[..keys],
    }
}

/// The same of a unit that gives the largest key what the others leave.
fn complete<'a, P: Probability>(
    model: &Model<P>,
    weights: &ScoreWeights,
    row: RowStatistics,
    keys: usize,
    values: &UnitValues,
    buffers: &'a mut RowBuffers,
) -> UnitRow<'a> {
    let (normalizer, survivors) = sum(model, keys, values, buffers);
    let largest = values.view().row(row.largest_key);
    let one = weights.add_left_over(normalizer, largest, &mut buffers.sums);
    for (output, sum) in buffers.outputs.iter_mut().zip(&buffers.sums) {
        *output = complement_output(*sum, weights);
    }
    UnitRow {
        accumulators: &buffers.sums,
        normalizer: one,
        outputs: Some(&buffers.outputs),
        survivors,
        codes: &buffers.codes[..keys],
    }
}

/// Fills the sums; returns the normalizer and the number of values added.
fn sum<P: Probability>(
    model: &Model<P>,
    keys: usize,
    values: &UnitValues,
    buffers: &mut RowBuffers,
) -> (u64, usize) {
    model.accumulate(
        &buffers.codes[..keys],
        &mut buffers.survivors,
        values.view(),
        &mut buffers.sums,
    )
}

/// Probabilities in fixed point, in the buffer.
fn checked_fixed<'a, P: Probability>(
    probabilities: &[f32],
    probability_bits: u32,
    buffer: &'a mut [P],
) -> Result<&'a [P], AttentionError> {
    let fixed = &mut buffer[..probabilities.len()];
    if to_fixed(probabilities, probability_bits, fixed) {
        return Ok(fixed);
    }
    let wrong = |p: &f32| !(0.0..=1.0).contains(p);
    let key = probabilities.iter().position(wrong).unwrap_or_default();
    Err(AttentionError::Probability {
        index: vec![key],
        value: probabilities[key].into(),
    })
}

fn another_input(legal: &str) -> AttentionError {
    AttentionError::parameter("input", "of another kind", format!("{legal:?}"))
}

impl UnitValues {
    fn view(&self) -> Values<'_> {
        Values {
            elements: &self.elements,
            blocks: self.dimension.div_ceil(BLOCK),
        }
    }
}

impl RowBuffers {
    /// Makes room for a row.
    fn reserve(&mut self, keys: usize, dimension: usize) {
        if self.codes.len() < keys {
            self.narrow.resize(keys, 0);
            self.wide.resize(keys, 0);
            self.codes.resize(keys, 0);
            self.survivors.resize(keys.div_ceil(u64::BITS as usize), 0);
        }
        if self.sums.len() != dimension {
            self.sums.resize(dimension, 0);
            self.outputs.resize(dimension, 0);
        }
    }
}
