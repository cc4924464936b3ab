//! What a unit makes of a head, whatever its input is: the one entry that everything which is
//! compared with hardware uses.

use ndarray::{Array2, ArrayView2, CowArray, Ix2};

use crate::attention::{Attention, attend, codes};
use crate::config::{Configuration, Input, Normalize};
use crate::error::AttentionError;
use crate::scores::{
    ScoreFormat, ScoreNormalize, ScoreWeights, attend_scores, score_codes, scores,
};

/// A head as the unit's input ports get it.
#[derive(Clone, Copy, Debug)]
pub enum HeadInput<'a> {
    /// [rows, keys] in fixed point, for `input = "probabilities"`.
    Probabilities(ArrayView2<'a, u32>),
    /// [rows, keys]: y, with F fraction bits, in `score_bits`; for `input = "scores"`.
    Scores(ArrayView2<'a, i32>),
    /// int8 queries and keys, for `input = "qkv"`.
    Qkv {
        /// [rows, D].
        query: ArrayView2<'a, i8>,
        /// [keys, D].
        key: ArrayView2<'a, i8>,
        /// f - F: how far products are shifted to the right, 0..=31.
        score_shift: u32,
    },
}

/// What a unit makes of a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitAttention {
    /// [rows, keys], 0 at and beyond a row's length.
    pub codes: Array2<u8>,
    /// What leaves the unit.
    pub attention: Attention,
    /// With `normalize = "complement"`, the key of each row that takes the weight the others
    /// leave; absent for a row of length 0. Empty otherwise.
    pub largest: Vec<Option<usize>>,
}

/// What a unit keeps of a head's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitCodes {
    /// [rows, keys], 0 at and beyond a row's length.
    pub codes: Array2<u8>,
    /// As [`UnitAttention::largest`].
    pub largest: Vec<Option<usize>>,
}

/// One head's rows over its values, as the unit of `configuration` computes them.
///
/// # Arguments
/// - `input`: of the kind that the configuration has.
/// - `lengths`: keys of each row; what stands at or beyond is not read.
/// - `values`: [keys, D], each in `value_bits` signed bits.
///
/// # Errors
/// As [`attend`] and [`attend_scores`]; [`AttentionError::Parameter`] for an input of another
/// kind, and for a product that does not fit `score_bits` once it is shifted.
pub fn attend_unit(
    configuration: &Configuration,
    input: HeadInput,
    lengths: &[usize],
    values: ArrayView2<i8>,
) -> Result<UnitAttention, AttentionError> {
    let c = configuration;
    let input = UnitInput::new(c, input)?;
    let UnitCodes { codes, largest } = input.codes(c, lengths)?;
    let attention = match &input {
        UnitInput::Probabilities(probabilities) => attend(c, *probabilities, lengths, values)?,
        UnitInput::Scores {
            format,
            scores,
            score_shift,
        } if c.accumulate.shifts() => {
            let (weights, scores) = (score_weights(c), scores.view());
            attend_scores(format, &weights, scores, *score_shift, lengths, values)?
        }
        UnitInput::Scores { .. } => attend_codes(c, &codes, lengths, values)?,
    };
    Ok(UnitAttention {
        codes,
        attention,
        largest,
    })
}

/// The codes of one head's keys, as [`attend_unit`] has them, without the sums.
///
/// # Errors
/// As [`attend_unit`].
pub fn unit_codes(
    configuration: &Configuration,
    input: HeadInput,
    lengths: &[usize],
) -> Result<UnitCodes, AttentionError> {
    UnitInput::new(configuration, input)?.codes(configuration, lengths)
}

/// A head's input, with the scores that the unit makes of queries and keys.
enum UnitInput<'a> {
    Probabilities(ArrayView2<'a, u32>),
    Scores {
        format: ScoreFormat,
        /// Of queries and keys: products that are not shifted yet.
        scores: CowArray<'a, i32, Ix2>,
        score_shift: u32,
    },
}

impl<'a> UnitInput<'a> {
    /// Checks that the input is of the configuration's kind.
    fn new(c: &Configuration, input: HeadInput<'a>) -> Result<Self, AttentionError> {
        c.validate()?;
        match (c.input, input, c.score_format()) {
            (Input::Probabilities, HeadInput::Probabilities(probabilities), _) => {
                Ok(UnitInput::Probabilities(probabilities))
            }
            (Input::Scores, HeadInput::Scores(scores), Some(format)) => Ok(UnitInput::Scores {
                format,
                scores: scores.into(),
                score_shift: 0,
            }),
            (
                Input::Qkv,
                HeadInput::Qkv {
                    query,
                    key,
                    score_shift,
                },
                Some(format),
            ) => Ok(UnitInput::Scores {
                format,
                scores: scores(query, key)?.into(),
                score_shift,
            }),
            (expected, ..) => {
                let legal = format!("that of the configuration, {expected:?}");
                Err(AttentionError::parameter("input", "of another kind", legal))
            }
        }
    }

    fn codes(&self, c: &Configuration, lengths: &[usize]) -> Result<UnitCodes, AttentionError> {
        match self {
            UnitInput::Probabilities(probabilities) => Ok(UnitCodes {
                codes: codes(c, *probabilities, lengths)?,
                largest: Vec::new(),
            }),
            UnitInput::Scores {
                format,
                scores,
                score_shift,
            } => {
                let complement = c.normalize == Normalize::Complement;
                let scores = scores.view();
                let largest =
                    complement.then(|| largest_keys(format, scores, *score_shift, lengths));
                Ok(UnitCodes {
                    codes: score_codes(format, scores, *score_shift, lengths)?,
                    largest: largest.transpose()?.unwrap_or_default(),
                })
            }
        }
    }
}

/// How the codes of a configuration with scores weigh values; without shifts it is of no use.
pub(crate) fn score_weights(c: &Configuration) -> ScoreWeights {
    let output_bits = c.output_bits.unwrap_or(c.value_bits);
    ScoreWeights {
        value_bits: c.value_bits,
        max_shift: c.max_shift.unwrap_or(0),
        shifts: c.shifts.clone(),
        normalize: match c.normalize {
            Normalize::None => ScoreNormalize::None,
            Normalize::Reciprocal => ScoreNormalize::Reciprocal { output_bits },
            Normalize::Complement => ScoreNormalize::Complement { output_bits },
        },
    }
}

/// Attention from codes: they are probabilities of a unit whose thresholds are 1, 2, 3, ...
fn attend_codes(
    c: &Configuration,
    codes: &Array2<u8>,
    lengths: &[usize],
    values: ArrayView2<i8>,
) -> Result<Attention, AttentionError> {
    let mut coded = c.with_input(Input::Probabilities)?;
    coded.thresholds = (1..=c.levels_count() as u32).collect();
    let codes = codes.mapv(u32::from);
    attend(&coded, codes.view(), lengths, values)
}

fn largest_keys(
    format: &ScoreFormat,
    scores: ArrayView2<i32>,
    score_shift: u32,
    lengths: &[usize],
) -> Result<Vec<Option<usize>>, AttentionError> {
    let rows = scores.outer_iter().zip(lengths);
    rows.map(|(row, length)| {
        let row: Vec<i32> = row.iter().take(*length).copied().collect();
        let statistics = format.row_statistics(&row, score_shift)?;
        Ok(statistics.map(|statistics| statistics.largest_key))
    })
    .collect()
}
