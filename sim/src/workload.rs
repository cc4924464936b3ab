//! What is simulated: heads of query blocks, reduced to what their timing depends on.

use logattn_golden::config::{Accumulate, Configuration};
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
        found: usize,
        /// Value of the configuration.
        expected: usize,
    },
}

/// One head: how many of the workload's blocks and beats are its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadShape {
    /// Words on `s_axis_value`.
    pub value_words: usize,
    /// Query blocks.
    pub blocks: usize,
}

/// The cost of one query block and the bound it is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockCost {
    /// Beats on `s_axis_attn`: ceil(N / W).
    pub beats: u64,
    /// Keys visited, counted once a pass: the union of the rows' survivors times D / lanes.
    pub visits: u64,
}

impl BlockCost {
    /// The steady-state bound in cycles: max(ceil(N / W), visits), and 1 at least;
    /// visits are the survivors times D / lanes.
    pub fn bound(&self) -> u64 {
        self.beats.max(self.visits).max(1)
    }
}

/// A beat that has keys to visit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visits {
    /// Index of the beat in its block.
    pub beat: u16,
    /// Keys to visit, at least 1.
    pub keys: u8,
}

/// One query block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// Beats on `s_axis_attn`.
    pub beats: usize,
    /// End of the block in [`Workload::visits`].
    pub end: usize,
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
    pub(crate) heads: Vec<HeadShape>,
    pub(crate) blocks: Vec<Block>,
    /// The beats with keys to visit, block after block.
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
            heads: Vec::new(),
            blocks: Vec::new(),
            visits: Vec::new(),
            keys: 0,
            survivors: 0,
        }
    }

    /// Appends a head of `keys` keys: its query blocks, each as the row length and the rows' codes
    /// (0 = pruned) of all keys that are sent. Keys beyond the length must have code 0. A block
    /// may have fewer rows than `query_block`; the missing ones are rows of zeros.
    ///
    /// # Errors
    /// `keys` out of range, a row of no or too many keys, rows of a block that differ in length,
    /// another number of blocks than the first head.
    pub fn push_head<'a, B, R>(&mut self, keys: usize, blocks: B) -> Result<(), SimulationError>
    where
        B: IntoIterator<Item = (usize, R)>,
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
        for (block, (length, rows)) in blocks.into_iter().enumerate() {
            let rows = rows.as_ref();
            let sent = rows.first().map_or(0, |row| row.len());
            let illegal = sent == 0 || sent > keys;
            if let Some(row) = rows.iter().position(|row| illegal || row.len() != sent) {
                let (row, found) = (block * self.query_block + row, rows[row].len());
                return Err(SimulationError::RowLength {
                    head,
                    row,
                    found,
                    keys,
                });
            }
            self.push_block(length.min(sent), rows);
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
            value_words: keys * self.passes,
            blocks,
        });
        Ok(())
    }

    fn push_block(&mut self, length: usize, rows: &[&[u8]]) {
        let width = self.keys_per_beat;
        let sent = rows.first().map_or(0, |row| row.len());
        self.keys += (length * self.query_block) as u64;
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
                self.visits_of(first..end, length, rows)
            };
            if keys > 0 {
                self.visits.push(Visits {
                    beat: beat as u16,
                    keys,
                });
            }
        }
        self.blocks.push(Block {
            beats: sent.div_ceil(width),
            end: self.visits.len(),
        });
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
            let visits: u64 = self.visits[start..block.end]
                .iter()
                .map(|v| u64::from(v.keys))
                .sum();
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
                    found,
                    expected,
                });
            }
        }
        Ok(())
    }
}
