//! What is simulated: heads of query blocks, reduced to what their timing depends on.

use crate::levels::Shifts;
use logattn_golden::config::{Accumulate, Configuration, Normalize};
use thiserror::Error;

/// What is wrong with a workload or a run.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SimulationError {
    /// A head has no keys or more than the unit holds.
    #[error("head {head}: {keys} keys, legal: 1..={max_keys} (max_keys)")]
    Keys {
        /// Index of the head.
        head: usize,
        /// Keys found.
        keys: usize,
        /// Keys that the configuration allows.
        max_keys: usize,
    },
    /// A row has no codes, more than its head has keys, or another number than its block.
    #[error(
        "head {head}, row {row}: {found} codes, legal: 1..={keys} (keys of the head), the same in a block"
    )]
    RowLength {
        /// Index of the head.
        head: usize,
        /// Index of the row in its head.
        row: usize,
        /// Codes found.
        found: usize,
        /// Keys of the head.
        keys: usize,
    },
    /// The largest key of a row is not one that is sent.
    #[error("head {head}, row {row}: largest key {found}, legal: 0..{keys} (keys sent)")]
    LargestKey {
        /// Index of the head.
        head: usize,
        /// Index of the row in its head.
        row: usize,
        /// Key found.
        found: usize,
        /// Keys sent.
        keys: usize,
    },
    /// The heads of a run must have equally many query blocks: it is a register of the unit.
    #[error("head {head}: {blocks} query blocks, expected {expected} as in head 0")]
    Blocks {
        /// Index of the head.
        head: usize,
        /// Query blocks found.
        blocks: usize,
        /// Query blocks of the first head.
        expected: usize,
    },
    /// More query blocks in a head than the unit can count, or none.
    #[error("head {head}: {blocks} query blocks, legal: 1..=65535 (rows / query_block)")]
    BlockCount {
        /// Index of the head.
        head: usize,
        /// Query blocks found.
        blocks: usize,
    },
    /// The workload was built for another shape of unit.
    #[error("the workload was built for {field} = {found}, the configuration has {expected}")]
    Shape {
        /// Field of the configuration.
        field: &'static str,
        /// Value the workload was built for.
        found: String,
        /// Value of the configuration.
        expected: String,
    },
}

/// One head: how many of the workload's blocks and beats are its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadShape {
    /// Beats on `s_axis_key`, where the unit has it.
    pub keys: usize,
    /// Beats on `s_axis_value`.
    pub value_words: usize,
    /// Query blocks.
    pub blocks: usize,
}

/// One query block of a head, as [`Workload::push_head`] takes it.
///
/// `R` is anything that gives the rows' codes as `&[&[u8]]`: an array, a `Vec`, a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRows<R> {
    /// Row length of the block, the unit's `row_length`: keys at or beyond it are masked.
    pub length: usize,
    /// Each row has one key more than the row before; the first one has `length` keys.
    pub causal: bool,
    /// The rows' codes, 0 for pruned, [rows, keys]: of all keys that the packet of the block holds,
    /// masked ones included (`input = "qkv"`, where there is no packet: of all keys of the
    /// block's longest row, and of one key if that is empty). Masked keys have code 0. There may be
    /// fewer rows than `query_block`; the missing ones are rows without survivors.
    pub codes: R,
    /// With `normalize = "complement"` the row's largest key, which is visited whatever its code
    /// is; absent for a row of length 0. Not read otherwise.
    pub largest: Option<usize>,
}

impl<R> BlockRows<R> {
    /// Rows of `length` keys each, without a largest key.
    pub fn new(length: usize, codes: R) -> Self {
        BlockRows {
            length,
            causal: false,
            codes,
            largest: None,
        }
    }

    /// The same rows with or without the causal mask.
    pub fn with_causal(self, causal: bool) -> Self {
        BlockRows { causal, ..self }
    }

    /// The same rows with another largest key.
    pub fn with_largest(self, largest: Option<usize>) -> Self {
        BlockRows { largest, ..self }
    }

    /// Keys of the row with index `row`.
    fn row_length(&self, row: usize) -> usize {
        self.length + if self.causal { row } else { 0 }
    }
}

/// The cost of one query block and the bound it is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockCost {
    /// Beats of scores or probabilities: ceil(N / W).
    pub beats: u64,
    /// Keys visited, counted once a pass: the union of the rows' survivors times D / lanes. With
    /// `normalize = "complement"` the largest key of a row is visited at least.
    pub visits: u64,
}

impl BlockCost {
    /// The steady-state bound in cycles: max(ceil(N / W), visits), and 1 at least.
    pub fn bound(&self) -> u64 {
        self.beats.max(self.visits).max(1)
    }
}

/// A beat that has keys to visit; with `accumulate = "sorted"` an entry of one of the row's lists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visits {
    /// Index of the beat in its block; with `accumulate = "sorted"` of no use, and 0.
    pub beat: u16,
    /// Keys to visit, at least 1; 0 for the end of a sorted row.
    pub keys: u8,
    /// With `accumulate = "sorted"`, the cycles in front of the visits, each of which doubles the
    /// sum or begins the row.
    pub lead: u8,
    /// Values read, those for the bits of the largest key's weight included.
    pub reads: u8,
}

/// One query block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// Beats of scores or probabilities.
    pub beats: usize,
    /// End of the block in [`Workload::visits`].
    pub end: usize,
    /// Keys that are visited at the end of a row that has nothing in [`Workload::visits`]: its
    /// largest key, or none.
    pub alone: u8,
}

/// Heads of query blocks for one unit, reduced to the beats that have keys to visit.
#[derive(Clone, Debug)]
pub struct Workload {
    keys_per_beat: usize,
    query_block: usize,
    passes: usize,
    max_keys: usize,
    /// The int8 twin visits every key.
    visit_all: bool,
    /// The largest key of each row is visited first.
    complement: bool,
    pub(crate) heads: Vec<HeadShape>,
    pub(crate) blocks: Vec<Block>,
    /// The levels' shifts, with `accumulate = "sorted"`.
    sorted: Option<Shifts>,
    /// What has to be visited, block after block.
    pub(crate) visits: Vec<Visits>,
    /// Keys within rows, over all rows.
    pub(crate) keys: u64,
    /// Codes other than 0, over all rows.
    pub(crate) survivors: u64,
}

impl Workload {
    /// An empty workload for units with the shape of `configuration`.
    pub fn new(configuration: &Configuration) -> Self {
        Workload {
            keys_per_beat: configuration.keys_per_beat,
            query_block: configuration.query_block,
            passes: configuration.passes(),
            max_keys: configuration.max_keys,
            visit_all: configuration.accumulate == Accumulate::Multiply,
            complement: configuration.normalize == Normalize::Complement,
            sorted: Shifts::of(configuration),
            heads: Vec::new(),
            blocks: Vec::new(),
            visits: Vec::new(),
            keys: 0,
            survivors: 0,
        }
    }

    /// Appends a head of `keys` keys and its query blocks.
    ///
    /// # Errors
    /// `keys` out of range, a row of no or too many codes, rows of a block that differ in them,
    /// a largest key that is not there, another number of blocks than the first head.
    pub fn push_head<'a, B, R>(&mut self, keys: usize, blocks: B) -> Result<(), SimulationError>
    where
        B: IntoIterator<Item = BlockRows<R>>,
        R: AsRef<[&'a [u8]]>,
    {
        let head = self.heads.len();
        if keys == 0 || keys > self.max_keys {
            return Err(SimulationError::Keys {
                head,
                keys,
                max_keys: self.max_keys,
            });
        }
        let before = self.blocks.len();
        for (index, block) in blocks.into_iter().enumerate() {
            self.check_block(keys, index, &block)?;
            self.push_block(&block);
        }
        let blocks = self.blocks.len() - before;
        let expected = self.heads.first().map_or(blocks, |first| first.blocks);
        if blocks == 0 || blocks > usize::from(u16::MAX) {
            return Err(SimulationError::BlockCount { head, blocks });
        }
        if blocks != expected {
            return Err(SimulationError::Blocks {
                head,
                blocks,
                expected,
            });
        }
        self.heads.push(HeadShape {
            keys,
            value_words: keys * self.passes,
            blocks,
        });
        Ok(())
    }

    /// That a block's rows have equally many codes, as many as the head has keys at most.
    fn check_block<'a, R>(
        &self,
        keys: usize,
        index: usize,
        block: &BlockRows<R>,
    ) -> Result<(), SimulationError>
    where
        R: AsRef<[&'a [u8]]>,
    {
        let (head, first) = (self.heads.len(), index * self.query_block);
        let rows = block.codes.as_ref();
        let sent = rows.first().map_or(0, |row| row.len());
        let wrong = if sent == 0 || sent > keys {
            Some(0)
        } else {
            rows.iter().position(|row| row.len() != sent)
        };
        if let Some(row) = wrong {
            return Err(SimulationError::RowLength {
                head,
                row: first + row,
                found: rows.get(row).map_or(0, |row| row.len()),
                keys,
            });
        }
        match block.largest {
            Some(found) if self.complement && found >= sent => Err(SimulationError::LargestKey {
                head,
                row: first,
                found,
                keys: sent,
            }),
            _ => Ok(()),
        }
    }

    fn push_block<'a, R: AsRef<[&'a [u8]]>>(&mut self, block: &BlockRows<R>) {
        let (width, rows) = (self.keys_per_beat, block.codes.as_ref());
        let sent = rows.first().map_or(0, |row| row.len());
        let lengths = (0..self.query_block).map(|row| block.row_length(row).min(sent));
        self.keys += lengths.map(|length| length as u64).sum::<u64>();
        if let (Some(shifts), [row, ..]) = (&self.sorted, rows) {
            let largest = block.largest.filter(|_| self.complement);
            self.survivors += row.iter().filter(|code| **code != 0).count() as u64;
            shifts.sort(row, width, largest, &mut self.visits);
            self.blocks.push(Block {
                beats: sent.div_ceil(width),
                end: self.visits.len(),
                alone: 0,
            });
            return;
        }
        let start = self.visits.len();
        for (beat, first) in (0..sent).step_by(width).enumerate() {
            let end = (first + width).min(sent);
            let keys = if let ([row], false) = (rows, self.visit_all) {
                let kept = row[first..end]
                    .iter()
                    .map(|code| u8::from(*code != 0))
                    .sum::<u8>();
                self.survivors += u64::from(kept);
                kept
            } else {
                self.visits_of(first..end, block.length, rows)
            };
            if keys > 0 {
                self.visits.push(Visits {
                    beat: beat as u16,
                    keys,
                    lead: 0,
                    reads: keys,
                });
            }
        }
        let alone = match block.largest {
            Some(key) if self.complement => {
                let pruned = rows.first().is_none_or(|row| row[key] == 0);
                self.visit_first(start, key, pruned)
            }
            _ => 0,
        };
        self.blocks.push(Block {
            beats: sent.div_ceil(width),
            end: self.visits.len(),
            alone,
        });
    }

    /// The largest key of the row that starts at `start` moves from its own beat to the row's first
    /// beat that has another survivor; gives 1 if there is none, so that it is visited alone.
    fn visit_first(&mut self, start: usize, key: usize, pruned: bool) -> u8 {
        let own = (key / self.keys_per_beat) as u16;
        let row = &mut self.visits[start..];
        if let (false, Some(index)) = (pruned, row.iter().position(|v| v.beat == own)) {
            row[index].keys -= 1;
            if row[index].keys == 0 {
                self.visits.remove(start + index);
            }
        }
        match self.visits.get_mut(start) {
            Some(first) => {
                first.keys += 1;
                0
            }
            None => 1,
        }
    }

    /// Keys of a beat that at least one row of the block kept; all within the row for the twin.
    fn visits_of(&mut self, keys: std::ops::Range<usize>, length: usize, rows: &[&[u8]]) -> u8 {
        let mut visits = 0;
        for key in keys {
            let kept = rows.iter().filter(|row| row[key] != 0).count();
            self.survivors += kept as u64;
            visits += u8::from(kept > 0 || (self.visit_all && key < length));
        }
        visits
    }

    /// Heads so far.
    pub fn heads(&self) -> usize {
        self.heads.len()
    }

    /// Beats and visits of each query block, in order.
    pub fn costs(&self) -> impl Iterator<Item = BlockCost> + '_ {
        let starts = std::iter::once(0).chain(self.blocks.iter().map(|block| block.end));
        starts.zip(&self.blocks).map(|(start, block)| {
            let visits = self.visits[start..block.end].iter().map(|v| v.keys);
            let visits: u64 = visits.chain([block.alone]).map(u64::from).sum();
            BlockCost {
                beats: block.beats as u64,
                visits: visits * self.passes as u64,
            }
        })
    }

    /// That `configuration` has the shape this workload was built for.
    pub(crate) fn check(&self, configuration: &Configuration) -> Result<(), SimulationError> {
        let fields = [
            (
                "keys_per_beat",
                self.keys_per_beat,
                configuration.keys_per_beat,
            ),
            ("query_block", self.query_block, configuration.query_block),
            (
                "head_dimension / lanes",
                self.passes,
                configuration.passes(),
            ),
            ("max_keys", self.max_keys, configuration.max_keys),
        ];
        for (field, found, expected) in fields {
            if found != expected {
                return Err(SimulationError::Shape {
                    field,
                    found: found.to_string(),
                    expected: expected.to_string(),
                });
            }
        }
        let sorted = Shifts::of(configuration);
        if self.sorted != sorted {
            let name = |shifts: &Option<Shifts>| match shifts {
                Some(shifts) => format!("\"sorted\" with {shifts}"),
                None => "another".to_owned(),
            };
            return Err(SimulationError::Shape {
                field: "accumulate",
                found: name(&self.sorted),
                expected: name(&sorted),
            });
        }
        let complement = configuration.normalize == Normalize::Complement;
        if self.complement != complement {
            let name = |complement| if complement { "complement" } else { "another" };
            return Err(SimulationError::Shape {
                field: "normalize",
                found: name(self.complement).to_owned(),
                expected: name(complement).to_owned(),
            });
        }
        Ok(())
    }
}
