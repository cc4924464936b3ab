//! What an attention matrix takes to store.

use super::SurvivorMap;
use super::survivor_map::ones;
use serde::Serialize;
use std::ops::AddAssign;

/// Widths of a gap field that run-length encoding is tried with: 1..=12 bits.
pub const RUN_LENGTH_FIELDS: usize = 12;

const FP16_BITS: u64 = 16;
const INT8_BITS: u64 = 8;

/// Bits that attention values take to store, over some rows: the elements within the rows'
/// lengths, without headers, row offsets or padding, which none of the encodings needs as long as
/// it is read from the front.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EncodingBits {
    /// Elements: keys within the rows' lengths.
    pub elements: u64,
    /// Bits in half precision.
    pub fp16: u64,
    /// Bits as 8-bit integers.
    pub int8: u64,
    /// Bits as a code for every element.
    pub dense: u64,
    /// Bits as a bitmap of the survivors and their codes.
    pub survivor_bitmap: u64,
    /// Bits of run-length encoding with the best width of the gap field.
    pub run_length: u64,
    /// That width, in bits; 0 without rows.
    pub run_length_field: u32,
    /// Bits of run-length encoding for each width of the gap field, 1 bit first.
    ///
    /// An entry is a gap, the pruned elements since the last entry, and a code. A gap over the
    /// field's largest value takes entries with that gap and code 0, each of which also stands for
    /// the pruned element that it names, as in EIE (Han et al., ISCA 2016, section III-B: 4 bits).
    /// Gaps run on from row to row; what is pruned after the last survivor takes nothing.
    pub run_length_by_field: [u64; RUN_LENGTH_FIELDS],
}

impl EncodingBits {
    /// Of the rows of a map.
    ///
    /// Keys that are kept though their code is 0
    /// ([`SurvivorMap::push_row_with_largest`]) are stored like survivors: the reader must learn
    /// of them.
    ///
    /// # Arguments
    /// - `code_bits`: bits of a stored code.
    pub fn of(map: &SurvivorMap, code_bits: u32) -> Self {
        let (elements, code_bits) = (map.elements(), u64::from(code_bits));
        let mut entries = [0_u64; RUN_LENGTH_FIELDS];
        let (mut row_start, mut next) = (0_usize, 0);
        for (length, row) in map.rows_with_lengths() {
            for key in ones(row) {
                let gap = (row_start + key - next) as u64;
                next = row_start + key + 1;
                for (index, entries) in entries.iter_mut().enumerate() {
                    *entries += 1 + (gap >> (index + 1));
                }
            }
            row_start += length;
        }
        let mut run_length_by_field = entries;
        for (index, bits) in run_length_by_field.iter_mut().enumerate() {
            *bits *= index as u64 + 1 + code_bits;
        }
        EncodingBits {
            elements,
            fp16: elements * FP16_BITS,
            int8: elements * INT8_BITS,
            dense: elements * code_bits,
            survivor_bitmap: elements + map.kept() * code_bits,
            run_length_by_field,
            ..EncodingBits::default()
        }
        .with_best_field()
    }

    fn with_best_field(mut self) -> Self {
        let fields = self.run_length_by_field.iter().zip(1_u32..);
        if let Some((bits, field)) = fields.min().filter(|_| self.elements > 0) {
            (self.run_length, self.run_length_field) = (*bits, field);
        }
        self
    }
}

impl AddAssign for EncodingBits {
    /// Adds the bits of other rows; one width of the gap field is best for all of them.
    fn add_assign(&mut self, other: Self) {
        self.elements += other.elements;
        self.fp16 += other.fp16;
        self.int8 += other.int8;
        self.dense += other.dense;
        self.survivor_bitmap += other.survivor_bitmap;
        let fields = self.run_length_by_field.iter_mut();
        for (sum, bits) in fields.zip(other.run_length_by_field) {
            *sum += bits;
        }
        *self = self.with_best_field();
    }
}
