//! Bits that attention takes to store, bytes of values that have to be moved.

use logattn_golden::{Accumulate, Configuration};
use logattn_sim::memory::{DramOptions, EncodingBits, GroupShape, Strategy, SurvivorMap, traffic};
use ndarray::ArrayView2;
use serde::Serialize;
use std::ops::AddAssign;

/// Bytes of an external memory's burst, of which no part can be left out.
pub const BURST_BYTES: u32 = 64;

/// Storage of attention values and traffic of values V, over some heads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Attention values: rows times keys.
    pub elements: u64,
    /// Bits of the attention values in half precision.
    pub fp16_bits: u64,
    /// Bits of the dense codes.
    pub dense_bits: u64,
    /// Bits of a bitmap of survivors and their codes.
    pub survivor_bits: u64,
    /// Bytes of V moved if each query block reads all keys anew.
    pub refetch_bytes: u64,
    /// Bytes of V moved if each head's V is read once and kept on chip.
    pub load_once_bytes: u64,
    /// Bytes of V moved if each query block reads only its survivors.
    pub survivor_bytes: u64,
    /// The same, where only whole bursts of [`BURST_BYTES`] can be read.
    pub survivor_burst_bytes: u64,
}

impl Memory {
    /// Of one head's codes, [rows, keys].
    pub fn of(c: &Configuration, codes: ArrayView2<u8>) -> Self {
        let keys = codes.ncols();
        let mut map = SurvivorMap::new(keys);
        // The int8 twin reads what it has no code for as well.
        let reads_all = c.accumulate == Accumulate::Multiply;
        for row in codes.outer_iter() {
            let row: Vec<u8> = row.iter().map(|code| code | u8::from(reads_all)).collect();
            map.push_row(&row, keys);
        }
        let encodings = EncodingBits::of(&map, c.stored_code_bits());
        let shape = GroupShape::of(c, keys);
        let dram = DramOptions {
            burst_bytes: BURST_BYTES,
            ..DramOptions::default()
        };
        let moved = |strategy| traffic(&shape, &map, strategy, c.query_block, &dram);
        let skip = moved(Strategy::Skip);
        Memory {
            elements: encodings.elements,
            fp16_bits: encodings.fp16,
            dense_bits: encodings.dense,
            survivor_bits: encodings.survivor_bitmap,
            refetch_bytes: moved(Strategy::DenseRefetch).value_bytes,
            load_once_bytes: moved(Strategy::LoadOnce).value_bytes,
            survivor_bytes: skip.value_bytes,
            survivor_burst_bytes: skip.value_bursts * u64::from(BURST_BYTES),
        }
    }
}

impl AddAssign for Memory {
    fn add_assign(&mut self, other: Self) {
        self.elements += other.elements;
        self.fp16_bits += other.fp16_bits;
        self.dense_bits += other.dense_bits;
        self.survivor_bits += other.survivor_bits;
        self.refetch_bytes += other.refetch_bytes;
        self.load_once_bytes += other.load_once_bytes;
        self.survivor_bytes += other.survivor_bytes;
        self.survivor_burst_bytes += other.survivor_burst_bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn memory_of_a_small_head() {
        // D = 32, 8-bit values: 32 bytes a key. One query a block.
        let c = Configuration::named("edge").unwrap();
        let codes = arr2(&[[1, 0, 0, 7], [0, 0, 0, 2], [3, 4, 0, 0]]);
        let memory = Memory::of(&c, codes.view());
        let expected = Memory {
            elements: 12,
            fp16_bits: 192,
            dense_bits: 36,
            survivor_bits: 12 + 5 * 3,
            refetch_bytes: 3 * 4 * 32,
            load_once_bytes: 4 * 32,
            survivor_bytes: 5 * 32,
            survivor_burst_bytes: (2 + 1 + 1) * 64,
        };
        assert_eq!(memory, expected);
    }

    #[test]
    fn a_query_block_reads_the_union_of_its_survivors() {
        let mut c = Configuration::named("edge").unwrap();
        c.query_block = 2;
        let codes = arr2(&[[1, 0, 0, 7], [0, 0, 0, 2], [3, 4, 0, 0]]);
        let memory = Memory::of(&c, codes.view());
        assert_eq!(memory.survivor_bytes, (2 + 2) * 32);
        assert_eq!(memory.refetch_bytes, 2 * 4 * 32);
    }
}
