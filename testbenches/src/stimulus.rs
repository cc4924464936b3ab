//! Heads as the beats of the streams, and what must come back.

use logattn_golden::{Accumulate, AttentionError, Configuration, Normalize, attend, codes};
use logattn_sim::{SimulationError, Workload};
use ndarray::{Array2, ArrayView2, Axis, s};
use thiserror::Error;

/// One head to be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// [rows, keys] in fixed point with `probability_bits` fraction bits; a multiple of
    /// `query_block` rows.
    pub probabilities: Array2<u32>,
    /// [keys, D] in `value_bits` signed bits.
    pub values: Array2<i8>,
    /// Row length of each query block: keys at or beyond it are masked, whatever is sent.
    pub lengths: Vec<usize>,
    /// Keys that are sent for each query block, at least the row length and 1.
    pub sent: Vec<usize>,
}

impl Head {
    /// A head whose rows are all sent whole; rows of zeros fill the last query block up.
    pub fn whole(
        c: &Configuration,
        probabilities: ArrayView2<u32>,
        values: ArrayView2<i8>,
    ) -> Self {
        let (rows, keys) = probabilities.dim();
        let blocks = rows.div_ceil(c.query_block);
        let mut filled = Array2::zeros((blocks * c.query_block, keys));
        filled.slice_mut(s![..rows, ..]).assign(&probabilities);
        Head {
            probabilities: filled,
            values: values.to_owned(),
            lengths: vec![keys; blocks],
            sent: vec![keys; blocks],
        }
    }
}

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

/// The beats of one stream: equally many 32-bit words each, the lowest first.
#[derive(Clone, Debug, Default)]
pub struct Beats {
    /// Words of a beat.
    pub width: usize,
    words: Vec<u32>,
    /// Whether a beat is the last one of its packet.
    pub last: Vec<bool>,
}

impl Beats {
    fn new(bits: usize) -> Self {
        Beats {
            width: bits.div_ceil(32),
            ..Beats::default()
        }
    }

    /// Number of beats.
    pub fn len(&self) -> usize {
        self.last.len()
    }

    /// Whether there are no beats.
    pub fn is_empty(&self) -> bool {
        self.last.is_empty()
    }

    /// The words of a beat.
    #[inline]
    pub fn words(&self, beat: usize) -> &[u32] {
        &self.words[beat * self.width..(beat + 1) * self.width]
    }

    fn push(&mut self, last: bool, fields: impl IntoIterator<Item = (u64, u32)>) {
        let start = self.words.len();
        self.words.resize(start + self.width, 0);
        pack(&mut self.words[start..], fields);
        self.last.push(last);
    }
}

/// Packs (value, width) fields of at most 48 bits, the first one lowest.
fn pack(words: &mut [u32], fields: impl IntoIterator<Item = (u64, u32)>) {
    let mut at = 0;
    for (value, width) in fields {
        let value = value & ((1 << width) - 1);
        let shifted = u128::from(value) << (at % 32);
        for index in 0..3 {
            if let Some(word) = words.get_mut(at as usize / 32 + index) {
                *word |= (shifted >> (32 * index)) as u32;
            }
        }
        at += width;
    }
}

/// (value, width) fields of at most 48 bits as 32-bit words.
pub fn packed(fields: &[(u64, u32)]) -> Vec<u32> {
    let bits: u32 = fields.iter().map(|field| field.1).sum();
    let mut words = vec![0; bits.div_ceil(32) as usize];
    pack(&mut words, fields.iter().copied());
    words
}

/// Everything that one run of the bench needs.
#[derive(Clone, Debug)]
pub struct Stimulus {
    /// The configuration the heads are for.
    pub configuration: Configuration,
    /// Beats of `s_axis_value`.
    pub value: Beats,
    /// Beats of `s_axis_attn`.
    pub attn: Beats,
    /// `row_length` with each beat of `s_axis_attn`.
    pub row_lengths: Vec<u32>,
    /// Beats of `m_axis_out`, by the golden model.
    pub out: Beats,
    /// The same heads for the simulator.
    pub workload: Workload,
    /// `head_blocks`: query blocks of each head.
    pub head_blocks: usize,
}

impl Stimulus {
    /// The beats of `heads`, one after the other, and what the golden model makes of them.
    ///
    /// # Errors
    /// Heads that do not fit the configuration or each other.
    pub fn new(configuration: &Configuration, heads: &[Head]) -> Result<Self, StimulusError> {
        let c = configuration;
        let mut stimulus = Stimulus {
            configuration: c.clone(),
            value: Beats::new(c.lanes * c.value_bits as usize),
            attn: Beats::new(c.keys_per_beat * c.query_block * c.probability_bits as usize),
            row_lengths: Vec::new(),
            out: Beats::new(output_bits(c)),
            workload: Workload::new(c),
            head_blocks: heads.first().map_or(0, |head| head.lengths.len()),
        };
        for (index, head) in heads.iter().enumerate() {
            check(c, index, head)?;
            stimulus.push(index, head)?;
        }
        Ok(stimulus)
    }

    fn push(&mut self, index: usize, head: &Head) -> Result<(), StimulusError> {
        let c = self.configuration.clone();
        let lengths: Vec<usize> = head
            .lengths
            .iter()
            .flat_map(|length| std::iter::repeat_n(*length, c.query_block))
            .collect();
        let golden = |source| StimulusError::Golden {
            head: index,
            source,
        };
        let codes = codes(&c, head.probabilities.view(), &lengths).map_err(golden)?;
        let result =
            attend(&c, head.probabilities.view(), &lengths, head.values.view()).map_err(golden)?;
        let blocks: Vec<(usize, Vec<&[u8]>)> = (0..head.lengths.len())
            .map(|block| {
                let rows = (0..c.query_block).filter_map(|row| {
                    let codes = codes.row(block * c.query_block + row).to_slice()?;
                    Some(&codes[..head.sent[block]])
                });
                (head.lengths[block], rows.collect())
            })
            .collect();
        self.workload.push_head(head.values.nrows(), blocks)?;
        self.push_values(head);
        self.push_rows(head);
        self.push_outputs(&result);
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

    fn push_rows(&mut self, head: &Head) {
        let c = &self.configuration;
        for (block, rows) in head
            .probabilities
            .axis_chunks_iter(Axis(0), c.query_block)
            .enumerate()
        {
            let sent = head.sent[block];
            for first in (0..sent).step_by(c.keys_per_beat) {
                let end = first + c.keys_per_beat;
                let fields = (first..end.min(sent))
                    .flat_map(|key| rows.column(key).to_vec())
                    .map(|p| (u64::from(p), c.probability_bits));
                self.attn.push(end >= sent, fields);
                self.row_lengths.push(head.lengths[block] as u32);
            }
        }
    }

    /// The order of the output: pass by pass, in each pass row by row of the block.
    fn push_outputs(&mut self, result: &logattn_golden::Attention) {
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

    /// Names and values of the configuration inputs, `row_length` left out.
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
        if c.accumulate != Accumulate::Multiply {
            settings.push(("thresholds", bus(&c.thresholds, c.probability_bits)));
        }
        match c.accumulate {
            Accumulate::Shift => settings.push(("shifts", bus(&c.shifts, c.shift_bits()))),
            Accumulate::Bucket => {
                settings.push(("levels", bus(&c.levels, c.level_bits.unwrap_or(1))))
            }
            Accumulate::Multiply => {}
        }
        settings
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
        Normalize::Reciprocal => {
            c.output_lanes as u32 * padded(c.output_bits.unwrap_or(c.value_bits))
        }
    };
    fields as usize
}

fn check(c: &Configuration, head: usize, data: &Head) -> Result<(), StimulusError> {
    let (rows, keys) = data.probabilities.dim();
    let wrong = |field, found, expected: String| {
        Err(StimulusError::Shape {
            head,
            field,
            found,
            expected,
        })
    };
    if data.values.dim() != (keys, c.head_dimension) {
        let expected = format!(
            "{} (keys {keys} x head dimension {})",
            keys * c.head_dimension,
            c.head_dimension
        );
        return wrong("the number of values", data.values.len(), expected);
    }
    if rows == 0
        || rows != data.lengths.len() * c.query_block
        || rows != data.sent.len() * c.query_block
    {
        return wrong(
            "the number of rows",
            rows,
            format!(
                "{} (blocks x query_block)",
                data.lengths.len() * c.query_block
            ),
        );
    }
    for (length, sent) in data.lengths.iter().zip(&data.sent) {
        if *sent < (*length).max(1) || *sent > keys {
            return wrong(
                "the number of keys sent",
                *sent,
                format!("{}..={keys}", (*length).max(1)),
            );
        }
    }
    Ok(())
}
