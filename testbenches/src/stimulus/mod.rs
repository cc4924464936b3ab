//! Heads as the beats of the streams, and what must come back.

mod beats;
mod head;

pub use beats::{Beats, packed};
pub use head::Head;
pub use logattn_captures::HeadRows;

use logattn_golden::config::QUERY_KEY_BITS;
use logattn_golden::{
    Accumulate, Attention, AttentionError, Configuration, Input, Normalize, UnitAttention,
    attend_unit,
};
use logattn_sim::{BlockRows, SimulationError, Workload};
use ndarray::{Array2, Axis, s};
use thiserror::Error;

/// Why heads could not be turned into a stimulus.
#[derive(Debug, Error)]
pub enum StimulusError {
    /// Head and configuration disagree.
    #[error("head {head}: {field} is {found}, expected {expected}")]
    Shape {
        /// Index of the head.
        head: usize,
        /// What disagrees.
        field: &'static str,
        /// Found value.
        found: usize,
        /// Legal value or range.
        expected: String,
    },
    /// A head is causal where it cannot be.
    #[error(
        "head {head}: causal is an input of the unit for all heads of a run alike, and only there with input = \"scores\" or \"qkv\""
    )]
    Causal {
        /// Index of the head.
        head: usize,
    },
    /// The golden model refuses a head.
    #[error("head {head}: {source}")]
    Golden {
        /// Index of the head.
        head: usize,
        /// What it refuses.
        source: AttentionError,
    },
    /// The simulator refuses the heads.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
}

/// What inputs that a unit samples once a block are driven to beside a beat of
/// [`Stimulus::attn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampled {
    /// `row_length`.
    pub row_length: u32,
    /// `score_shift`, which only units with `input = "qkv"` have.
    pub score_shift: u32,
}

impl Sampled {
    /// Something else, for the beats with which the unit does not sample.
    fn disturbed(self) -> Self {
        Sampled {
            row_length: !self.row_length,
            score_shift: !self.score_shift,
        }
    }
}

/// Everything that one run of the bench needs.
#[derive(Clone, Debug)]
pub struct Stimulus {
    /// The configuration the heads are for.
    pub configuration: Configuration,
    /// Beats of `s_axis_value`.
    pub value: Beats,
    /// Beats of `s_axis_attn`; with `input = "qkv"`, of `s_axis_query`.
    pub attn: Beats,
    /// Beats of `s_axis_key`; none without `input = "qkv"`.
    pub key: Beats,
    /// What goes with each beat of `attn`: the block's own with the one that counts (the first
    /// one of scores or probabilities, the last query), something else with the others.
    pub sampled: Vec<Sampled>,
    /// Beats of `m_axis_out`, by the golden model.
    pub out: Beats,
    /// The same heads for the simulator.
    pub workload: Workload,
    /// `head_blocks`: query blocks of each head.
    pub head_blocks: usize,
    /// `causal`: each row of a block has one key more than the row before it.
    pub causal: bool,
    /// Blocks whose row length is 0: a unit with scores reports each of them.
    pub empty_blocks: usize,
}

impl Stimulus {
    /// The beats of `heads`, one after the other, and what the golden model makes of them.
    ///
    /// # Errors
    /// Heads that do not fit the configuration or each other.
    pub fn new(configuration: &Configuration, heads: &[Head]) -> Result<Self, StimulusError> {
        let c = configuration;
        let (attn_bits, key_bits) = source_bits(c);
        let mut stimulus = Stimulus {
            configuration: c.clone(),
            value: Beats::new(c.lanes * c.value_bits as usize),
            attn: Beats::new(attn_bits),
            key: Beats::new(key_bits),
            sampled: Vec::new(),
            out: Beats::new(output_bits(c)),
            workload: Workload::new(c),
            head_blocks: heads.first().map_or(0, |head| head.lengths.len()),
            causal: heads.first().is_some_and(|head| head.causal),
            empty_blocks: 0,
        };
        for (index, head) in heads.iter().enumerate() {
            head.check(c, index)?;
            if head.causal != stimulus.causal {
                return Err(StimulusError::Causal { head: index });
            }
            stimulus.push(index, head)?;
        }
        Ok(stimulus)
    }

    /// What `s_axis_attn` is called in this unit: `attn` or `query`.
    pub fn attn_name(&self) -> &'static str {
        match self.configuration.input {
            Input::Probabilities | Input::Scores => "attn",
            Input::Qkv => "query",
        }
    }

    fn push(&mut self, index: usize, head: &Head) -> Result<(), StimulusError> {
        let c = self.configuration.clone();
        let lengths = head.row_lengths(&c);
        let result = attend_unit(&c, head.rows.input(), &lengths, head.values.view());
        let result = result.map_err(|source| StimulusError::Golden {
            head: index,
            source,
        })?;
        self.push_workload(head, &result)?;
        self.push_values(head);
        match &head.rows {
            HeadRows::Probabilities(probabilities) => {
                self.push_rows(head, probabilities, |p| u64::from(*p));
            }
            HeadRows::Scores(scores) => self.push_rows(head, scores, |y| *y as u64),
            HeadRows::Qkv {
                query,
                key,
                score_shift,
            } => {
                self.push_queries(head, query, *score_shift);
                push_vectors(&mut self.key, key, key.nrows());
            }
        }
        self.push_outputs(&result.attention);
        self.empty_blocks += head.lengths.iter().filter(|length| **length == 0).count();
        Ok(())
    }

    fn push_workload(&mut self, head: &Head, result: &UnitAttention) -> Result<(), StimulusError> {
        let c = &self.configuration;
        let blocks = (0..head.lengths.len()).map(|block| {
            let (first, coded) = (block * c.query_block, head.coded(c, block));
            let rows = (first..first + c.query_block).filter_map(|row| {
                let codes = result.codes.row(row).to_slice()?;
                Some(&codes[..coded])
            });
            BlockRows::new(head.lengths[block], rows.collect::<Vec<_>>())
                .with_causal(head.causal)
                .with_largest(result.largest.get(first).copied().flatten())
        });
        let blocks: Vec<_> = blocks.collect();
        self.workload.push_head(head.values.nrows(), blocks)?;
        Ok(())
    }

    fn push_values(&mut self, head: &Head) {
        let c = &self.configuration;
        let words = head.values.nrows() * c.passes();
        for (key, values) in head.values.outer_iter().enumerate() {
            for pass in 0..c.passes() {
                let lanes = values.slice(s![pass * c.lanes..(pass + 1) * c.lanes]);
                let last = key * c.passes() + pass + 1 == words;
                self.value
                    .push(last, lanes.iter().map(|v| (*v as u64, c.value_bits)));
            }
        }
    }

    fn push_rows<T>(&mut self, head: &Head, rows: &Array2<T>, bits: impl Fn(&T) -> u64) {
        let c = &self.configuration;
        for (block, rows) in rows.axis_chunks_iter(Axis(0), c.query_block).enumerate() {
            let sent = head.sent[block];
            let sampled = Sampled {
                row_length: head.lengths[block] as u32,
                score_shift: 0,
            };
            for first in (0..sent).step_by(c.keys_per_beat) {
                let end = first + c.keys_per_beat;
                let fields = (first..end.min(sent))
                    .flat_map(|key| rows.column(key).into_iter())
                    .map(|element| (bits(element), c.attention_bits()));
                self.attn.push(end >= sent, fields);
                self.sampled.push(if first == 0 {
                    sampled
                } else {
                    sampled.disturbed()
                });
            }
        }
    }

    fn push_queries(&mut self, head: &Head, query: &Array2<i8>, score_shift: u32) {
        let block_rows = self.configuration.query_block;
        push_vectors(&mut self.attn, query, block_rows);
        for length in &head.lengths {
            let sampled = Sampled {
                row_length: *length as u32,
                score_shift,
            };
            let others = std::iter::repeat_n(sampled.disturbed(), block_rows - 1);
            self.sampled.extend(others.chain([sampled]));
        }
    }

    /// The order of the output: pass by pass, in each pass row by row of the block.
    fn push_outputs(&mut self, result: &Attention) {
        let c = &self.configuration;
        let rows = result.normalizers.len();
        for block in (0..rows).step_by(c.query_block) {
            for pass in 0..c.passes() {
                for row in block..block + c.query_block {
                    for lane in (0..c.lanes).step_by(c.output_lanes) {
                        let first = pass * c.lanes + lane;
                        let last = first + c.output_lanes == c.head_dimension;
                        let elements = first..first + c.output_lanes;
                        match &result.outputs {
                            Some(outputs) => {
                                let bits = padded(c.output_bits.unwrap_or(c.value_bits));
                                self.out
                                    .push(last, elements.map(|d| (outputs[[row, d]] as u64, bits)));
                            }
                            None => {
                                let sums = elements.map(|d| {
                                    (
                                        result.accumulators[[row, d]] as u64,
                                        padded(c.accumulator_bits()),
                                    )
                                });
                                let normalizer =
                                    (result.normalizers[row], padded(c.normalizer_bits()));
                                self.out.push(last, sums.chain([normalizer]));
                            }
                        }
                    }
                }
            }
        }
    }

    /// Names and values of the configuration inputs, without those that are [`Sampled`].
    pub fn settings(&self) -> Vec<(&'static str, Vec<u32>)> {
        let c = &self.configuration;
        let bus = |values: &[u32], bits: u32| -> Vec<u32> {
            packed(
                &values
                    .iter()
                    .map(|v| (u64::from(*v), bits))
                    .collect::<Vec<_>>(),
            )
        };
        let mut settings = vec![("head_blocks", vec![self.head_blocks as u32])];
        match (c.distance_bits, c.accumulate) {
            (Some(distance_bits), _) => {
                let thresholds: Vec<u32> = c.score_thresholds.iter().map(|t| *t as u32).collect();
                settings.push(("thresholds", bus(&thresholds, distance_bits + 1)));
            }
            (None, Accumulate::Multiply) => {}
            (None, _) => settings.push(("thresholds", bus(&c.thresholds, c.probability_bits))),
        }
        if c.query_block > 1 && c.input != Input::Probabilities {
            settings.push(("causal", vec![u32::from(self.causal)]));
        }
        match c.accumulate {
            Accumulate::Shift | Accumulate::Sorted => {
                settings.push(("shifts", bus(&c.shifts, c.shift_bits())))
            }
            Accumulate::Bucket => {
                settings.push(("levels", bus(&c.levels, c.level_bits.unwrap_or(1))))
            }
            Accumulate::Multiply => {}
        }
        settings
    }

    /// Names of the error outputs, each with the number of pulses that the heads must cause.
    pub fn errors(&self) -> Vec<(&'static str, usize)> {
        let c = &self.configuration;
        let mut errors = Vec::new();
        if c.input != Input::Probabilities {
            errors.push(("error_row_length", self.empty_blocks));
        }
        // The golden model refuses scores that do not fit.
        if c.input == Input::Qkv && c.product_bits() > c.attention_bits() {
            errors.push(("error_score", 0));
        }
        errors
    }
}

/// A beat for each query or key, packets of `packet` of them.
fn push_vectors(beats: &mut Beats, vectors: &Array2<i8>, packet: usize) {
    for (index, vector) in vectors.outer_iter().enumerate() {
        let last = (index + 1).is_multiple_of(packet);
        beats.push(last, vector.iter().map(|v| (*v as u64, QUERY_KEY_BITS)));
    }
}

/// Bits of a beat of `s_axis_attn` or `s_axis_query`, and of `s_axis_key`.
fn source_bits(c: &Configuration) -> (usize, usize) {
    let vector = c.head_dimension * QUERY_KEY_BITS as usize;
    match c.input {
        Input::Probabilities | Input::Scores => {
            let elements = c.keys_per_beat * c.query_block;
            (elements * c.attention_bits() as usize, 0)
        }
        Input::Qkv => (vector, vector),
    }
}

/// Bits of a field of the output stream.
fn padded(bits: u32) -> u32 {
    bits.next_multiple_of(8)
}

/// Bits of a beat of the output stream.
fn output_bits(c: &Configuration) -> usize {
    let fields = match c.normalize {
        Normalize::None => {
            c.output_lanes as u32 * padded(c.accumulator_bits()) + padded(c.normalizer_bits())
        }
        Normalize::Reciprocal | Normalize::Complement => {
            c.output_lanes as u32 * padded(c.output_bits.unwrap_or(c.value_bits))
        }
    };
    fields as usize
}
