//! Captured heads as the unit of a configuration gets them.

use crate::Error;
use logattn_captures::{Capture, HeadRows, unit_head};
use logattn_golden::{
    AttentionError, Configuration, Input as InputKind, UnitAttention, UnitCodes, attend_unit,
    quantize_values, unit_codes,
};
use ndarray::{Array2, Axis, s};

/// As in a configuration's TOML.
pub fn input_name(input: InputKind) -> &'static str {
    match input {
        InputKind::Probabilities => "probabilities",
        InputKind::Scores => "scores",
        InputKind::Qkv => "qkv",
    }
}

/// A capture that fits a configuration.
pub struct Input<'a> {
    /// The capture.
    pub capture: &'a Capture,
    configuration: &'a Configuration,
    /// Keys of a head: all up to the last that is not masked. What is masked before it has a
    /// probability of 0; with scores nothing is.
    pub keys: usize,
    /// The rows that are played: those whose token is not masked.
    pub rows: Vec<usize>,
    /// Keys of each of them: `keys`, or with a causal capture those up to its own token.
    pub lengths: Vec<usize>,
}

/// One head, in the unit's number formats.
pub struct InputHead {
    /// File and head, for messages.
    name: String,
    /// Every played row over every key of it: probabilities, scores, or queries and keys.
    pub rows: HeadRows,
    /// Keys of each row.
    pub lengths: Vec<usize>,
    /// [keys, D] in `value_bits`.
    pub values: Array2<i8>,
    /// The real number that 1 of `values` stands for.
    pub scale: f64,
    /// Bits of a query's element that its power-of-two scale leaves of 8; absent with
    /// probabilities.
    pub effective_bits: Option<f64>,
}

impl InputHead {
    /// What the unit of `c` makes of it.
    ///
    /// # Errors
    /// [`Error::Attention`], for scores that do not fit `score_bits` for one.
    pub fn attend(&self, c: &Configuration) -> Result<UnitAttention, Error> {
        attend_unit(c, self.rows.input(), &self.lengths, self.values.view())
            .map_err(|source| self.refused(source))
    }

    /// The codes of its keys.
    ///
    /// # Errors
    /// As [`InputHead::attend`].
    pub fn codes(&self, c: &Configuration) -> Result<UnitCodes, Error> {
        unit_codes(c, self.rows.input(), &self.lengths).map_err(|source| self.refused(source))
    }

    /// The error for a head that the golden model refuses.
    pub fn refused(&self, source: AttentionError) -> Error {
        Error::Attention {
            file: self.name.clone(),
            source,
        }
    }
}

impl<'a> Input<'a> {
    /// Checks that `capture` fits `configuration`.
    ///
    /// # Errors
    /// Another head dimension, more keys than `max_keys`, no row; with scores no queries and keys,
    /// or a mask that scores cannot express.
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
        let last = capture.mask().iter().rposition(|valid| *valid);
        let keys = last.map_or(0, |last| last + 1);
        if keys > configuration.max_keys {
            return Err(Error::TooManyKeys {
                file,
                of: "tensor `v`",
                found: keys,
                legal: configuration.max_keys,
                configuration: configuration.name.clone(),
            });
        }
        let rows = match configuration.input {
            InputKind::Probabilities => capture.valid_rows(),
            InputKind::Scores | InputKind::Qkv => {
                check_scores(capture, configuration, keys)?;
                match capture.causal() {
                    true => (0..capture.rows()).collect(),
                    false => (0..keys).collect(),
                }
            }
        };
        if rows.is_empty() {
            return Err(Error::NoRows { file });
        }
        let length = |row: &usize| capture.row_length(*row).min(keys);
        Ok(Input {
            capture,
            configuration,
            keys,
            lengths: rows.iter().map(length).collect(),
            rows,
        })
    }

    /// One head, counted over all layers.
    ///
    /// # Errors
    /// There is no such head, or its numbers have no form that the unit takes.
    pub fn head(&self, index: usize) -> Result<InputHead, Error> {
        self.head_of(self.configuration, index)
    }

    /// One head as another unit gets it, of the same head dimension and of no fewer keys, which
    /// takes scores only if the configuration of this input does.
    ///
    /// # Errors
    /// As [`Input::head`].
    pub fn head_of(&self, c: &Configuration, index: usize) -> Result<InputHead, Error> {
        let head = self.capture.head(index)?;
        let file = self.capture.name();
        let captured =
            unit_head(self.capture, c, index, usize::MAX).map_err(|source| Error::Captured {
                file: file.to_string(),
                source: Box::new(source),
            })?;
        let name = format!("{file}, {}", head.name());
        let refused = |source| Error::Attention {
            file: name.clone(),
            source,
        };
        let (values, scale) = match c.value_bits {
            i8::BITS => (captured.values, f64::from(captured.value_scale)),
            fewer => {
                let quantized = quantize_values(&head.value().view(), fewer).map_err(refused)?;
                (quantized.integers, quantized.scale)
            }
        };
        Ok(InputHead {
            effective_bits: captured.effective_bits,
            rows: self.cut(captured.rows),
            lengths: self.lengths.clone(),
            values: values.slice(s![..self.keys, ..]).to_owned(),
            scale,
            name,
        })
    }

    /// [rows, keys]: the float attention values of one head.
    ///
    /// # Errors
    /// There is no such head.
    pub fn probabilities(&self, index: usize) -> Result<Array2<f32>, Error> {
        Ok(self.part(&self.capture.head(index)?.probabilities()))
    }

    /// [rows, D]: float attention of one head.
    ///
    /// # Errors
    /// There is no such head.
    pub fn float_output(&self, index: usize) -> Result<Array2<f64>, Error> {
        let output = self.capture.head(index)?.output();
        Ok(output.select(Axis(0), &self.rows).mapv(f64::from))
    }

    /// The played rows and keys of a captured head.
    fn cut(&self, rows: HeadRows) -> HeadRows {
        match rows {
            HeadRows::Probabilities(all) => HeadRows::Probabilities(self.part(&all)),
            HeadRows::Scores(all) => HeadRows::Scores(self.part(&all)),
            HeadRows::Qkv {
                query,
                key,
                score_shift,
            } => HeadRows::Qkv {
                query: query.select(Axis(0), &self.rows),
                key: key.slice(s![..self.keys, ..]).to_owned(),
                score_shift,
            },
        }
    }

    /// The played rows and keys of [rows, keys].
    fn part<T: Clone>(&self, all: &Array2<T>) -> Array2<T> {
        let rows = all.select(Axis(0), &self.rows);
        rows.slice(s![.., ..self.keys]).to_owned()
    }
}

/// That scores of `capture` say the same as its probabilities: there are queries and keys, and a
/// row of each, and what is masked is what stands at or beyond `keys`.
fn check_scores(capture: &Capture, c: &Configuration, keys: usize) -> Result<(), Error> {
    let file = capture.name().to_string();
    let input = input_name(c.input);
    if !capture.has_scores() {
        return Err(Error::NoScores {
            file,
            input,
            configuration: c.name.clone(),
        });
    }
    if let Some(key) = capture.mask()[..keys].iter().position(|valid| !valid) {
        let last = keys - 1;
        return Err(Error::MaskedKey {
            file,
            key,
            last,
            input,
        });
    }
    if !capture.causal() && capture.rows() != capture.tokens() {
        return Err(Error::Rows {
            file,
            found: capture.rows(),
            legal: capture.tokens(),
            input,
        });
    }
    Ok(())
}
