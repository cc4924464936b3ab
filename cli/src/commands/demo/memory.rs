//! Bits that attention takes to store, bytes of values that have to be moved.

use logattn_golden::{Accumulate, AttentionError, Configuration, DenseCodes, SurvivorCodes};
use ndarray::{ArrayView2, Axis};
use serde::Serialize;
use std::ops::AddAssign;

/// Bytes of an external memory's burst, of which no part can be left out.
pub const BURST_BYTES: usize = 64;

const FP16_BITS: u64 = 16;

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
    ///
    /// # Errors
    /// Codes that are none of the configuration's.
    pub fn of(c: &Configuration, codes: ArrayView2<u8>) -> Result<Self, AttentionError> {
        let (rows, keys) = codes.dim();
        let elements = (rows * keys) as u64;
        let value_bytes = (c.head_dimension * c.value_bits as usize / 8) as u64;
        let head_bytes = keys as u64 * value_bytes;
        let mut memory = Memory {
            elements,
            fp16_bits: elements * FP16_BITS,
            dense_bits: DenseCodes::pack(codes, c.stored_code_bits())?.size_bits() as u64,
            survivor_bits: SurvivorCodes::pack(codes, c.stored_code_bits())?.size_bits() as u64,
            load_once_bytes: head_bytes,
            ..Memory::default()
        };
        // The int8 twin reads what it has no code for as well.
        let reads_all = c.accumulate == Accumulate::Multiply;
        for block in codes.axis_chunks_iter(Axis(0), c.query_block) {
            let columns = block.axis_iter(Axis(1)).enumerate();
            let read = columns
                .filter(|(_, codes)| reads_all || codes.iter().any(|code| *code != 0))
                .map(|(key, _)| key);
            let read: Vec<usize> = read.collect();
            memory.refetch_bytes += head_bytes;
            memory.survivor_bytes += read.len() as u64 * value_bytes;
            memory.survivor_burst_bytes +=
                (bursts(&read, value_bytes as usize) * BURST_BYTES) as u64;
        }
        Ok(memory)
    }
}

/// Bursts that hold the values of these keys, which are ascending; values lie one after the other.
fn bursts(keys: &[usize], value_bytes: usize) -> usize {
    let mut count = 0;
    let mut next = 0;
    for key in keys {
        let first = (key * value_bytes / BURST_BYTES).max(next);
        let end = ((key + 1) * value_bytes).div_ceil(BURST_BYTES);
        count += end.saturating_sub(first);
        next = next.max(end);
    }
    count
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
    fn bursts_are_counted_once() {
        // Two values of 32 bytes share a burst.
        assert_eq!(bursts(&[0, 1, 2], 32), 2);
        assert_eq!(bursts(&[1, 3, 5], 32), 3);
        // Values of 96 bytes straddle: 0..96 takes bursts 0 and 1, 96..192 takes 1 and 2.
        assert_eq!(bursts(&[0, 1], 96), 3);
        assert_eq!(bursts(&[], 32), 0);
    }

    #[test]
    fn memory_of_a_small_head() {
        // D = 32, 8-bit values: 32 bytes a key. One query a block.
        let c = Configuration::named("edge").unwrap();
        let codes = arr2(&[[1, 0, 0, 7], [0, 0, 0, 2], [3, 4, 0, 0]]);
        let memory = Memory::of(&c, codes.view()).unwrap();
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
        let memory = Memory::of(&c, codes.view()).unwrap();
        assert_eq!(memory.survivor_bytes, (2 + 2) * 32);
        assert_eq!(memory.refetch_bytes, 2 * 4 * 32);
    }
}
