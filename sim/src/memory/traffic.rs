//! What moves between external memory and the unit.

use super::dram::OpenPages;
use super::survivor_map::runs;
use super::{DramOptions, GroupShape, SurvivorMap};
use serde::Serialize;
use std::ops::{AddAssign, Range};

/// How K and V come to the unit; [`super`] compares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Every query block reads K and V of all keys, up to the longest of its rows.
    DenseRefetch,
    /// K and V of the group's new keys are read once and kept on chip, which must have the room.
    LoadOnce,
    /// Every query block reads V of the union of its survivors, in whole bursts, and K (if it
    /// passes the unit) of all keys: a key's score is needed before it can be pruned.
    Skip,
}

impl Strategy {
    /// All of them, the baselines first.
    pub const ALL: [Strategy; 3] = [Strategy::DenseRefetch, Strategy::LoadOnce, Strategy::Skip];

    /// The name as it stands in documents.
    pub fn name(self) -> &'static str {
        match self {
            Strategy::DenseRefetch => "dense_refetch",
            Strategy::LoadOnce => "load_once",
            Strategy::Skip => "skip",
        }
    }
}

/// Traffic between external memory and unit, over some groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Bytes of queries asked for: read once, in order, under every strategy.
    pub query_bytes: u64,
    /// Bytes of K asked for.
    pub key_bytes: u64,
    /// Bytes of V asked for.
    pub value_bytes: u64,
    /// Bytes of outputs written: once, in order, under every strategy.
    pub output_bytes: u64,
    /// Bytes of scores or probabilities that come in, all elements, padding aside. They are made by
    /// the unit's neighbor, not kept in external memory: part of no other figure here. Where they
    /// *are* kept outside, they can outweigh everything else.
    pub attention_bytes: u64,
    /// Bursts of K.
    pub key_bursts: u64,
    /// Bursts of V.
    pub value_bursts: u64,
    /// Bursts of queries, K, V and outputs.
    pub bursts: u64,
    /// Bytes that move: `bursts` times the bytes of a burst.
    pub burst_bytes: u64,
    /// Pages that had to be opened for queries, K, V and outputs: accesses to another page of a
    /// bank than the one before in that bank. Every group starts with closed banks.
    pub row_activations: u64,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.query_bytes += other.query_bytes;
        self.key_bytes += other.key_bytes;
        self.value_bytes += other.value_bytes;
        self.output_bytes += other.output_bytes;
        self.attention_bytes += other.attention_bytes;
        self.key_bursts += other.key_bursts;
        self.value_bursts += other.value_bursts;
        self.bursts += other.bursts;
        self.burst_bytes += other.burst_bytes;
        self.row_activations += other.row_activations;
    }
}

/// Traffic of one group.
///
/// K, V, queries and outputs lie in regions of their own, in this order, each from the start of a
/// page on; inside, vector follows vector. A query block reads its queries, K, V and writes its
/// outputs; inside a block no burst is fetched twice, between blocks nothing is kept but what
/// [`Strategy::LoadOnce`] keeps and the bursts that consecutive queries or outputs share. Prefill
/// is one group a KV head; in decode each step of a KV head is a group of its own (between two of
/// its steps all other layers pass, so its pages do not stay open).
///
/// # Arguments
/// - `query_block`: rows that share each read (B); 0 counts as 1.
/// - `dram`: valid options.
pub fn traffic(
    shape: &GroupShape,
    map: &SurvivorMap,
    strategy: Strategy,
    query_block: usize,
    dram: &DramOptions,
) -> Traffic {
    let mut reader = Reader::new(shape, map, dram);
    reader.load(strategy);
    for rows in map.blocks(query_block) {
        reader.block(strategy, rows);
    }
    reader.finish()
}

/// What K and V of a query block, and its queries and outputs, take to move.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Transfer {
    /// Bytes of K and V, whole bursts.
    pub fetched: u64,
    /// Bytes of queries and outputs.
    pub streamed: u64,
}

/// Plays the accesses of a group.
pub(super) struct Reader<'a> {
    shape: &'a GroupShape,
    map: &'a SurvivorMap,
    dram: &'a DramOptions,
    pages: OpenPages,
    keys: Region,
    values: Region,
    queries: Region,
    outputs: Region,
    /// Union of the block in hand.
    union: Vec<u64>,
    total: Traffic,
}

/// A range of addresses with vectors of equal size, one after the other.
#[derive(Clone, Copy)]
struct Region {
    start: u64,
    vector_bytes: u64,
}

impl Region {
    fn bytes(self, vectors: Range<usize>) -> Range<u64> {
        let at = |vector: usize| self.start + vector as u64 * self.vector_bytes;
        at(vectors.start)..at(vectors.end)
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(shape: &'a GroupShape, map: &'a SurvivorMap, dram: &'a DramOptions) -> Self {
        let page = u64::from(dram.page_bytes).max(1);
        let mut next = 0_u64;
        let mut region = |vectors: usize, vector_bytes: usize| {
            let region = Region {
                start: next.next_multiple_of(page),
                vector_bytes: vector_bytes as u64,
            };
            next = region.bytes(0..vectors).end;
            region
        };
        Reader {
            keys: region(map.keys(), shape.key_bytes()),
            values: region(map.keys(), shape.value_bytes()),
            queries: region(map.rows(), shape.query_bytes()),
            outputs: region(map.rows(), shape.output_row_bytes),
            shape,
            map,
            dram,
            pages: OpenPages::new(dram),
            union: Vec::new(),
            total: Traffic::default(),
        }
    }

    /// What comes in before the first block: nothing unless it is kept. Gives the bytes that move.
    pub(super) fn load(&mut self, strategy: Strategy) -> u64 {
        if strategy != Strategy::LoadOnce {
            return 0;
        }
        let keys = self.map.keys();
        let new = keys - self.shape.new_keys.min(keys)..keys;
        self.read_keys(new.clone()) + self.read_values(std::iter::once(new))
    }

    /// One query block; gives what moves for it.
    pub(super) fn block(&mut self, strategy: Strategy, rows: Range<usize>) -> Transfer {
        let queries = self.queries.bytes(rows.clone());
        let outputs = self.outputs.bytes(rows.clone());
        let longest = self.map.longest(rows.clone());
        self.pages.access(queries.clone());
        let fetched = match strategy {
            Strategy::LoadOnce => 0,
            Strategy::DenseRefetch => {
                self.read_keys(0..longest) + self.read_values(std::iter::once(0..longest))
            }
            Strategy::Skip => {
                let mut union = std::mem::take(&mut self.union);
                self.map.union(rows, &mut union);
                let fetched = self.read_keys(0..longest) + self.read_values(runs(&union));
                self.union = union;
                fetched
            }
        };
        self.pages.access(outputs.clone());
        let streamed = (queries.end - queries.start) + (outputs.end - outputs.start);
        Transfer { fetched, streamed }
    }

    fn read_keys(&mut self, keys: Range<usize>) -> u64 {
        self.total.key_bytes += self.keys.vector_bytes * keys.len() as u64;
        let bursts = self.read(self.keys, std::iter::once(keys));
        self.total.key_bursts += bursts;
        bursts * u64::from(self.dram.burst_bytes)
    }

    fn read_values(&mut self, runs: impl Iterator<Item = Range<usize>>) -> u64 {
        let bytes = self.values.vector_bytes;
        let mut asked = 0;
        let runs = runs.inspect(|run| asked += bytes * run.len() as u64);
        let bursts = self.read(self.values, runs);
        self.total.value_bytes += asked;
        self.total.value_bursts += bursts;
        bursts * u64::from(self.dram.burst_bytes)
    }

    /// Reads runs of ascending vectors; gives the bursts, each counted once.
    fn read(&mut self, region: Region, runs: impl Iterator<Item = Range<usize>>) -> u64 {
        let burst = u64::from(self.dram.burst_bytes).max(1);
        let (mut count, mut next) = (0, 0);
        for run in runs {
            let bytes = region.bytes(run);
            if bytes.is_empty() {
                continue;
            }
            let first = (bytes.start / burst).max(next);
            next = bytes.end.div_ceil(burst);
            count += next - first;
            self.pages.access(first * burst..next * burst);
        }
        count
    }

    pub(super) fn finish(self) -> Traffic {
        let (rows, shape) = (self.map.rows() as u64, self.shape);
        let query_bytes = rows * shape.query_bytes() as u64;
        let output_bytes = rows * shape.output_row_bytes as u64;
        let streams = self.dram.bursts(query_bytes) + self.dram.bursts(output_bytes);
        let bursts = self.total.key_bursts + self.total.value_bursts + streams;
        let attention_bits = self.map.elements() * u64::from(shape.attention_bits);
        Traffic {
            query_bytes,
            output_bytes,
            attention_bytes: attention_bits.div_ceil(8),
            bursts,
            burst_bytes: bursts * u64::from(self.dram.burst_bytes),
            row_activations: self.pages.activations,
            ..self.total
        }
    }
}

/// Bytes that move ([`Traffic::burst_bytes`]) under each strategy for one query block size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BlockTraffic {
    /// Rows that share each read (B).
    pub query_block: usize,
    /// Bytes with [`Strategy::DenseRefetch`].
    pub dense_refetch_bytes: u64,
    /// Bytes with [`Strategy::LoadOnce`]; the same for every B.
    pub load_once_bytes: u64,
    /// Bytes with [`Strategy::Skip`].
    pub skip_bytes: u64,
}

impl AddAssign for BlockTraffic {
    /// Adds the bytes of another group for the same B, which the sum keeps.
    fn add_assign(&mut self, other: Self) {
        self.query_block = self.query_block.max(other.query_block);
        self.dense_refetch_bytes += other.dense_refetch_bytes;
        self.load_once_bytes += other.load_once_bytes;
        self.skip_bytes += other.skip_bytes;
    }
}

/// [`traffic`] of one group for B = 1, 2, 4, ... and, last, all rows; nothing without rows.
///
/// Groups with equally many rows have the same list of B, so that they add up entry by entry.
pub fn by_query_block(
    shape: &GroupShape,
    map: &SurvivorMap,
    dram: &DramOptions,
) -> Vec<BlockTraffic> {
    let rows = map.rows();
    let powers = std::iter::successors(Some(1_usize), |b| b.checked_mul(2));
    let sizes = powers
        .take_while(|b| *b < rows)
        .chain((rows > 0).then_some(rows));
    let bytes =
        |strategy, query_block| traffic(shape, map, strategy, query_block, dram).burst_bytes;
    let load_once_bytes = bytes(Strategy::LoadOnce, rows);
    sizes
        .map(|query_block| BlockTraffic {
            query_block,
            dense_refetch_bytes: bytes(Strategy::DenseRefetch, query_block),
            load_once_bytes,
            skip_bytes: bytes(Strategy::Skip, query_block),
        })
        .collect()
}
