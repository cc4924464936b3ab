//! What is studied, head by head.

use crate::input::{Input, input_name};
use crate::mask::StaticMask;
use crate::timing::HeadRowCodes;
use crate::{Error, memory};
use logattn_captures::Capture;
use logattn_golden::{Configuration, Input as InputKind};
use ndarray::Array2;
use std::ops::Range;
use std::path::Path;

/// Name that stands for the embedded capture.
pub const DEMO: &str = "demo";

/// The capture in a file, or the embedded one for `demo`.
///
/// # Errors
/// The file cannot be read, is no legal capture, or would not fit into memory.
pub fn load_capture(given: &str) -> Result<Capture, Error> {
    if given == DEMO {
        return Ok(Capture::demo());
    }
    memory::check_capture_file(Path::new(given))?;
    Ok(Capture::load(given)?)
}

/// Captured attention, or a static mask of the keys that are kept.
#[derive(Clone, Debug)]
pub enum Source {
    /// Attention of a model on a text; a unit's thresholds decide what is kept.
    Capture(Box<Capture>),
    /// What is kept, whatever the thresholds are.
    Mask(StaticMask),
}

impl Source {
    /// The embedded capture for `demo`, a mask from a `.npy` file, else a capture from a
    /// safetensors file.
    ///
    /// # Errors
    /// The file cannot be read or is not legal.
    pub fn load(given: &str) -> Result<Self, Error> {
        match given.ends_with(".npy") {
            true => Ok(Source::Mask(StaticMask::load(Path::new(given))?)),
            false => Ok(Source::Capture(Box::new(load_capture(given)?))),
        }
    }

    /// What errors and results call it: its file.
    pub fn name(&self) -> String {
        match self {
            Source::Capture(capture) => capture.name().to_string(),
            Source::Mask(mask) => mask.name(),
        }
    }

    /// Model that a capture was made from, if it says.
    pub fn model(&self) -> Option<String> {
        match self {
            Source::Capture(capture) => capture.metadata().model.clone(),
            Source::Mask(_) => None,
        }
    }
}

/// The heads of a source for one configuration.
pub struct Heads<'a> {
    kind: Kind<'a>,
    configuration: &'a Configuration,
    /// Layers that are studied, counted in the file.
    pub layers: Range<usize>,
    /// Query heads of a layer.
    pub heads_per_layer: usize,
    /// Key and value heads of a layer.
    pub kv_heads_per_layer: usize,
    /// Keys of a head.
    pub keys: usize,
    /// Keys of each row of a head.
    pub lengths: Vec<usize>,
    /// Whether rows see no later keys.
    pub causal: bool,
}

enum Kind<'a> {
    Capture(Input<'a>),
    Mask(&'a StaticMask),
}

/// One query head: what the unit keeps of it.
pub struct HeadPattern {
    /// [rows, keys], 0 for pruned and beyond a row's length.
    pub codes: Array2<u8>,
    /// With `normalize = "complement"`, the largest key of each row; else empty.
    pub largest: Vec<Option<usize>>,
    /// Float attention values, [rows, keys]; absent for a mask.
    pub probabilities: Option<Array2<f32>>,
    /// Bits of a query's element that its power-of-two scale leaves of 8; absent with
    /// probabilities and masks.
    pub effective_bits: Option<f64>,
}

impl HeadPattern {
    /// For timing.
    pub fn rows<'a>(&'a self, lengths: &'a [usize]) -> HeadRowCodes<'a> {
        HeadRowCodes {
            codes: self.codes.view(),
            lengths,
            largest: &self.largest,
        }
    }
}

impl<'a> Heads<'a> {
    /// Checks that `source` fits `configuration`.
    ///
    /// # Arguments
    /// - `layers`: which to study; all if absent.
    ///
    /// # Errors
    /// As [`Input::new`]; layers that are not there; a mask for a unit that takes no probabilities,
    /// or of more keys than the unit holds.
    pub fn new(
        source: &'a Source,
        configuration: &'a Configuration,
        layers: Option<Range<usize>>,
    ) -> Result<Self, Error> {
        let (all, heads) = match source {
            Source::Capture(capture) => {
                let input = Input::new(capture, configuration)?;
                let heads = Heads {
                    configuration,
                    layers: 0..0,
                    heads_per_layer: capture.heads_per_layer(),
                    kv_heads_per_layer: capture.kv_heads_per_layer(),
                    keys: input.keys,
                    lengths: input.lengths.clone(),
                    causal: capture.causal(),
                    kind: Kind::Capture(input),
                };
                (capture.layers(), heads)
            }
            Source::Mask(mask) => (mask.shape()[0], Heads::of_mask(mask, configuration)?),
        };
        let layers = layers.unwrap_or(0..all);
        if layers.is_empty() || layers.end > all {
            return Err(Error::Option {
                field: "layers",
                found: format!("{}..{}", layers.start, layers.end),
                legal: format!("FIRST..END within 0..{all} (layers of {})", source.name()),
            });
        }
        Ok(Heads { layers, ..heads })
    }

    fn of_mask(mask: &'a StaticMask, c: &'a Configuration) -> Result<Self, Error> {
        let [_, heads, rows, keys] = mask.shape();
        if c.input != InputKind::Probabilities {
            return Err(Error::MaskInput {
                file: mask.name(),
                input: input_name(c.input),
                configuration: c.name.clone(),
            });
        }
        if keys > c.max_keys {
            return Err(Error::TooManyKeys {
                file: mask.name(),
                of: "the mask",
                found: keys,
                legal: c.max_keys,
                configuration: c.name.clone(),
            });
        }
        let causal = is_causal(mask)?;
        let length = |row: usize| match causal {
            true => row + 1,
            false => keys,
        };
        Ok(Heads {
            kind: Kind::Mask(mask),
            configuration: c,
            layers: 0..0,
            heads_per_layer: heads,
            kv_heads_per_layer: heads,
            keys,
            lengths: (0..rows).map(length).collect(),
            causal,
        })
    }

    /// One query head of a layer that is counted in the file.
    ///
    /// # Errors
    /// Numbers that have no form that the unit takes.
    pub fn head(&self, layer: usize, head: usize) -> Result<HeadPattern, Error> {
        let c = self.configuration;
        match &self.kind {
            Kind::Mask(mask) => Ok(HeadPattern {
                codes: mask.codes(layer, head)?,
                largest: Vec::new(),
                probabilities: None,
                effective_bits: None,
            }),
            Kind::Capture(input) => {
                let index = layer * self.heads_per_layer + head;
                let own = input.head(index)?;
                let codes = own.codes(c)?;
                let probabilities = input.probabilities(index)?;
                Ok(HeadPattern {
                    effective_bits: own.effective_bits,
                    probabilities: Some(probabilities),
                    codes: codes.codes,
                    largest: codes.largest,
                })
            }
        }
    }

    /// Query heads that share a key and value head.
    pub fn heads_per_group(&self) -> usize {
        self.heads_per_layer / self.kv_heads_per_layer
    }
}

/// Whether no row of a mask keeps a key after its own: then rows are as long as under a causal
/// mask.
fn is_causal(mask: &StaticMask) -> Result<bool, Error> {
    let [layers, heads, rows, keys] = mask.shape();
    if rows != keys {
        return Ok(false);
    }
    let later = |index: usize| -> Result<bool, Error> {
        let codes = mask.codes(index / heads, index % heads)?;
        Ok(codes
            .indexed_iter()
            .any(|((row, key), code)| key > row && *code != 0))
    };
    for index in 0..layers * heads {
        if later(index)? {
            return Ok(false);
        }
    }
    Ok(true)
}
