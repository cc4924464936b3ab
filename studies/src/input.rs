//! Captured heads as the unit of a configuration gets them.

use crate::configuration::input_name;
use crate::error::Error;
use logattn_captures::{Capture, Head as CapturedHead};
use logattn_golden::scores::power_of_two_query;
use logattn_golden::{
    Configuration, Input as InputKind, UnitAttention, attend_unit, quantize_values,
};
use logattn_testbenches::{Head, HeadRows, captured_head};
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
    /// probability of 0; with scores nothing is.
    pub keys: usize,
    /// The rows that are played: those whose token is not masked.
    pub rows: Vec<usize>,
}

/// One head, in the unit's number formats.
pub struct InputHead {
    /// File and head, for messages.
    name: String,
    /// Every played row over every key of it: probabilities, scores, or queries and keys.
    rows: HeadRows,
    /// [keys, D] in `value_bits`.
    values: Array2<i8>,
    /// The real number that 1 of `values` stands for.
    pub scale: f64,
    /// Bits of a query's element that its power-of-two scale leaves of 8; absent with
    /// probabilities.
    pub effective_bits: Option<f64>,
}

impl InputHead {
    /// What the unit of `c` makes of it, all keys of every row.
    ///
    /// # Errors
    /// [`Error::Attention`], for scores that do not fit `score_bits` for one.
    pub fn attend(&self, c: &Configuration) -> Result<UnitAttention, Error> {
        let lengths = vec![self.rows.keys(); self.rows.rows()];
        attend_unit(c, self.rows.input(), &lengths, self.values.view())
            .map_err(|source| self.refused(source))
    }

    /// Its first rows for the bench.
    pub fn played(&self, c: &Configuration, rows: usize) -> Head {
        let values = self.values.view();
        match &self.rows {
            HeadRows::Probabilities(all) => Head::whole(c, all.slice(s![..rows, ..]), values),
            HeadRows::Scores(all) => Head::whole_scores(c, all.slice(s![..rows, ..]), values),
            HeadRows::Qkv {
                query,
                key,
                score_shift,
            } => {
                let query = query.slice(s![..rows, ..]);
                Head::whole_qkv(c, query, key.view(), *score_shift, values)
            }
        }
    }

    /// The error for a head that the golden model refuses.
    pub fn refused(&self, source: logattn_golden::AttentionError) -> Error {
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
                found: keys,
                legal: configuration.max_keys,
                configuration: configuration.name.clone(),
            });
        }
        let rows = match configuration.input {
            InputKind::Probabilities => capture.valid_rows(),
            InputKind::Scores | InputKind::Qkv => {
                check_scores(capture, configuration, keys)?;
                (0..keys).collect()
            }
        };
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
        let captured = captured_head(self.capture, c, index, usize::MAX).map_err(|source| {
            Error::Captured {
                file: file.to_string(),
                source: Box::new(source),
            }
        })?;
        let name = format!("{file}, {}", head.name());
        let refused = |source| Error::Attention {
            file: name.clone(),
            source,
        };
        let (values, scale) = match c.value_bits {
            i8::BITS => (captured.values, f64::from(head.value_int8().scale)),
            fewer => {
                let quantized = quantize_values(&head.value().view(), fewer).map_err(refused)?;
                (quantized.integers, quantized.scale)
            }
        };
        Ok(InputHead {
            effective_bits: effective_bits(c, &head).transpose().map_err(refused)?,
            rows: self.cut(captured.rows),
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
    if capture.rows() != capture.tokens() {
        return Err(Error::Rows {
            file,
            found: capture.rows(),
            legal: capture.tokens(),
            input,
        });
    }
    Ok(())
}

/// What the scale of a head's queries leaves, where the unit of `c` reads them.
fn effective_bits(
    c: &Configuration,
    head: &CapturedHead,
) -> Option<Result<f64, logattn_golden::AttentionError>> {
    let (query, key) = (head.query()?, head.key_int8()?);
    let scaled = power_of_two_query(query.view(), key.scale.into(), c.fraction_bits?);
    Some(scaled.map(|scaled| scaled.effective_bits()))
}
