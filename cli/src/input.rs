//! Captured heads as the unit of a configuration gets them.

use crate::error::Error;
use logattn_captures::Capture;
use logattn_golden::{Configuration, Quantized, probabilities_to_fixed, quantize_values};
use ndarray::{Array2, Axis, s};

/// Name that stands for the embedded capture.
pub const DEMO: &str = "demo";

/// The capture in a file, or the embedded one for `demo`.
///
/// # Errors
/// The file cannot be read or is no legal capture.
pub fn load(given: &str) -> Result<Capture, Error> {
    match given {
        DEMO => Ok(Capture::demo()),
        file => Ok(Capture::load(file)?),
    }
}

/// A capture that fits a configuration.
pub struct Input<'a> {
    /// The capture.
    pub capture: &'a Capture,
    configuration: &'a Configuration,
    /// Keys of every row: all up to the last that is not masked. What is masked before it has a
    /// probability of 0.
    pub keys: usize,
    /// The rows that are played: those whose token is not masked.
    pub rows: Vec<usize>,
}

/// One head, in the unit's number formats.
pub struct InputHead {
    /// [rows, keys] in fixed point of `probability_bits`.
    pub probabilities: Array2<u32>,
    /// [keys, D] in `value_bits`, and the real number that 1 stands for.
    pub values: Array2<i8>,
    /// The real number that 1 of `values` stands for.
    pub scale: f64,
}

impl<'a> Input<'a> {
    /// Checks that `capture` fits `configuration`.
    ///
    /// # Errors
    /// Another head dimension, more keys than `max_keys`, no row.
    pub fn new(capture: &'a Capture, configuration: &'a Configuration) -> Result<Self, Error> {
        let file = capture.name().to_string();
        if capture.head_dimension() != configuration.head_dimension {
            return Err(Error::HeadDimension {
                file,
                found: capture.head_dimension(),
                legal: configuration.head_dimension,
                configuration: configuration.name.clone(),
            });
        }
        let keys = capture
            .mask()
            .iter()
            .rposition(|valid| *valid)
            .map_or(0, |last| last + 1);
        if keys > configuration.max_keys {
            return Err(Error::TooManyKeys {
                file,
                found: keys,
                legal: configuration.max_keys,
                configuration: configuration.name.clone(),
            });
        }
        let rows = capture.valid_rows();
        if rows.is_empty() {
            return Err(Error::NoRows { file });
        }
        Ok(Input {
            capture,
            configuration,
            keys,
            rows,
        })
    }

    /// One head, counted over all layers.
    ///
    /// # Errors
    /// There is no such head, or its numbers have no form that the unit takes.
    pub fn head(&self, index: usize) -> Result<InputHead, Error> {
        let head = self.capture.head(index)?;
        let file = format!("{}, {}", self.capture.name(), head.name());
        let refused = |source| Error::Attention { file, source };
        let probabilities = head.probabilities().select(Axis(0), &self.rows);
        let probabilities = probabilities.slice(s![.., ..self.keys]);
        let bits = self.configuration.probability_bits;
        let fixed = probabilities_to_fixed::<f32, u32, _>(&probabilities, bits);
        let stored = head.value_int8();
        let values = match self.configuration.value_bits {
            i8::BITS => Ok(Quantized {
                integers: stored.values,
                scale: f64::from(stored.scale),
            }),
            fewer => quantize_values(&head.value().view(), fewer),
        };
        let (probabilities, values) = fixed.and_then(|p| Ok((p, values?))).map_err(refused)?;
        let integers = values.integers.slice(s![..self.keys, ..]).to_owned();
        Ok(InputHead {
            probabilities,
            values: integers,
            scale: values.scale,
        })
    }

    /// Row lengths for the golden model: all keys of every row.
    pub fn lengths(&self) -> Vec<usize> {
        vec![self.keys; self.rows.len()]
    }
}
