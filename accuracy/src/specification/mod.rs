//! What computes the attention, as a command line names it.
//!
//! | specification | attention |
//! |---|---|
//! | `float` | as the model was trained |
//! | `int8` | queries, keys and values in int8, with one scale a text and head |
//! | `prune:T[,renormalize]` | probabilities below T (`0.001`, `1e-3`, `2^-8`) become 0 |
//! | `NAME[:bits=K][,renormalize][,clamp]` | a published quantizer: see [`crate::quantizers`] |
//! | `golden:CONFIG[,...]` | the bit-exact model of a unit |
//!
//! `renormalize` divides the weights of a row by their sum. `clamp` keeps a probability of 1 in
//! the last bin where the published formula takes it beyond. CONFIG is a name that is built in, a
//! configuration's TOML file or a file of registers (`.registers.toml`, see
//! [`crate::registers`]); the unit's head dimension, lanes and output lanes become those of the
//! model. What may follow:
//! - `input=scores`, `qkv` or `probabilities`: the same unit with another input,
//! - `FIELD=VALUE`: any field of the configuration; lists are written `7/6/5/4/3/2/1`.
//!   `output_bits` comes and goes with `normalize`,
//! - `lowest=E`: thresholds midway between the levels, the lowest at 2^-E,
//! - `registers=FILE`: registers of that file, with this configuration.

mod counts;
mod golden;
mod parse;

pub use counts::{Counts, HeadCounts};
pub use parse::{THRESHOLD, threshold};

use crate::attention::{
    Counted, GoldenAttention, attend_int8, attend_weighted, collect_values, renormalize,
};
use crate::quantizers::{Quantizer, Ranked, Steps};
use crate::{Attention, AttentionInput, Result};
use candle_core::Tensor;
use parse::Method;
use std::fmt;
use std::sync::Arc;

/// The sizes of a model that its attention depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelShape {
    /// Number of layers.
    pub layers: usize,
    /// Query heads of each layer.
    pub heads: usize,
    /// KV heads of each layer; the query heads are a multiple of them.
    pub kv_heads: usize,
    /// Head dimension D.
    pub head_dimension: usize,
}

/// An attention, as a command line names it.
#[derive(Clone, Debug, PartialEq)]
pub struct Specification {
    text: String,
    method: Method,
}

impl Specification {
    /// Reads a specification; files that it names are not read yet.
    ///
    /// # Errors
    /// [`crate::Error::Specification`]: there is no such attention, or an option is not legal.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        Ok(Specification {
            text: text.into(),
            method: Method::parse(text)?,
        })
    }

    /// The attention for a model of these sizes.
    ///
    /// # Errors
    /// Files that it names cannot be read, are malformed or do not fit the model; the
    /// configuration that it describes is not valid.
    pub fn prepare(&self, shape: &ModelShape) -> Result<Prepared> {
        let ready = match &self.method {
            Method::Float => Ready::Float,
            Method::Int8 => Ready::Int8,
            Method::Prune {
                threshold,
                renormalize,
            } => Ready::Prune {
                threshold: *threshold,
                renormalize: *renormalize,
            },
            Method::Quantizer {
                quantizer: Quantizer::Uniform(uniform),
                bits,
                clamp,
                renormalize,
            } => Ready::Steps {
                steps: uniform.steps(*bits, *clamp),
                renormalize: *renormalize,
            },
            Method::Quantizer {
                quantizer: Quantizer::Ranked(ranked),
                bits,
                renormalize,
                ..
            } => Ready::Ranked {
                ranked: *ranked,
                bits: *bits,
                renormalize: *renormalize,
            },
            Method::Golden(options) => Ready::Golden(options.prepare(&self.text, shape)?),
        };
        Ok(Prepared {
            text: self.text.clone(),
            shape: *shape,
            ready: Arc::new(ready),
        })
    }
}

/// An attention, ready for forward passes in any number of threads.
#[derive(Clone)]
pub struct Prepared {
    text: String,
    shape: ModelShape,
    ready: Arc<Ready>,
}

/// What is computed.
enum Ready {
    Float,
    Int8,
    Prune {
        threshold: f32,
        renormalize: bool,
    },
    Steps {
        steps: Steps,
        renormalize: bool,
    },
    Ranked {
        ranked: Ranked,
        bits: u32,
        renormalize: bool,
    },
    Golden(GoldenAttention),
}

impl Prepared {
    /// The specification's text.
    pub fn name(&self) -> &str {
        &self.text
    }

    /// The sizes of the model that it is for.
    pub fn shape(&self) -> &ModelShape {
        &self.shape
    }

    /// The attention of one forward pass, or several after each other, which counts what it
    /// prunes.
    pub fn start(&self) -> CountingAttention<'_> {
        CountingAttention {
            prepared: self,
            counts: Counts::new(&self.shape),
        }
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mut text = f.debug_struct("Prepared");
        text.field("text", &self.text).field("shape", &self.shape);
        text.finish_non_exhaustive()
    }
}

impl Ready {
    fn attend(&self, input: AttentionInput) -> Result<Counted> {
        match self {
            Ready::Float => attend_weighted(input, |_| 0),
            Ready::Int8 => attend_int8(input),
            Ready::Prune {
                threshold,
                renormalize,
            } => attend_weighted(input, |row| {
                let pruned = prune(row, *threshold);
                finish(row, *renormalize);
                pruned
            }),
            Ready::Steps { steps, renormalize } => attend_steps(input, steps, *renormalize),
            Ready::Ranked {
                ranked,
                bits,
                renormalize,
            } => {
                // All values first, hence all logits twice.
                let values = collect_values(input, ranked.least() as f32)?;
                attend_steps(input, &ranked.steps(values, *bits), *renormalize)
            }
            Ready::Golden(golden) => golden.attend(input),
        }
    }
}

fn attend_steps(input: AttentionInput, steps: &Steps, renormalize: bool) -> Result<Counted> {
    attend_weighted(input, |row| {
        let pruned = steps.apply(row);
        finish(row, renormalize);
        pruned
    })
}

/// Sets what is below the threshold to 0; returns how many are.
fn prune(row: &mut [f32], threshold: f32) -> usize {
    let mut pruned = 0;
    for probability in row {
        let survives = *probability >= threshold;
        *probability = if survives { *probability } else { 0.0 };
        pruned += usize::from(!survives);
    }
    pruned
}

fn finish(row: &mut [f32], wanted: bool) {
    if wanted {
        renormalize(row);
    }
}

/// The attention of some forward passes.
#[derive(Debug)]
pub struct CountingAttention<'a> {
    prepared: &'a Prepared,
    counts: Counts,
}

impl CountingAttention<'_> {
    /// What was pruned so far.
    pub fn into_counts(self) -> Counts {
        self.counts
    }
}

impl Attention for CountingAttention<'_> {
    fn attend(&mut self, input: AttentionInput) -> Result<Tensor> {
        let counted = self.prepared.ready.attend(input)?;
        for (head, counts) in counted.counts.into_iter().enumerate() {
            if let Some(sum) = self.counts.head_mut(input.layer, head) {
                *sum += counts;
            }
        }
        Ok(counted.output)
    }
}
