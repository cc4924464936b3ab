//! Stored attention: codes packed to their bits.
//!
//! Two forms. *Dense* keeps `code_bits` for every key. *Survivors* keeps one bit for every key
//! and `code_bits` for each survivor, which is smaller once more than one key in `code_bits` is
//! pruned. Both are read from the front, so no offsets of rows are kept.

use bitvec::field::BitField;
use bitvec::order::Lsb0;
use bitvec::slice::BitSlice;
use bitvec::vec::BitVec;
use ndarray::{Array2, ArrayView2};

use crate::error::AttentionError;

/// Bits as stored: the first in the lowest bit of the first byte.
pub type Bits = BitVec<u8, Lsb0>;

/// `code_bits` bits for every key, row after row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenseCodes {
    rows: usize,
    keys: usize,
    code_bits: u32,
    bits: Bits,
}

/// A bit for every key, row after row, and the codes of the survivors in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurvivorCodes {
    rows: usize,
    keys: usize,
    code_bits: u32,
    bitmap: Bits,
    codes: Bits,
}

/// Refuses codes that do not fit.
fn check(codes: &ArrayView2<u8>, code_bits: u32) -> Result<(), AttentionError> {
    if !(2..=8).contains(&code_bits) {
        return Err(AttentionError::parameter("code_bits", code_bits, "2..=8"));
    }
    let most = ((1_u32 << code_bits) - 1) as u8;
    match codes.iter().find(|code| **code > most) {
        None => Ok(()),
        Some(code) => Err(AttentionError::parameter(
            "code",
            *code,
            format!("0..={most} ({code_bits} bits)"),
        )),
    }
}

/// Codes one after the other.
fn pack(codes: impl Iterator<Item = u8>, code_bits: u32) -> Bits {
    let mut bits = Bits::new();
    for code in codes {
        let one = [code];
        bits.extend_from_bitslice(&BitSlice::<u8, Lsb0>::from_slice(&one)[..code_bits as usize]);
    }
    bits
}

fn unpack(bits: &Bits, code_bits: u32) -> impl Iterator<Item = u8> {
    bits.chunks_exact(code_bits as usize)
        .map(|code| code.load_le::<u8>())
}

impl DenseCodes {
    /// Packs `codes` [rows, keys].
    ///
    /// # Errors
    /// [`AttentionError::Parameter`] for `code_bits` outside 2..=8 or a code that needs more.
    pub fn pack(codes: ArrayView2<u8>, code_bits: u32) -> Result<Self, AttentionError> {
        check(&codes, code_bits)?;
        Ok(Self {
            rows: codes.nrows(),
            keys: codes.ncols(),
            code_bits,
            bits: pack(codes.iter().copied(), code_bits),
        })
    }

    /// The codes, [rows, keys].
    pub fn unpack(&self) -> Array2<u8> {
        let mut codes = unpack(&self.bits, self.code_bits);
        Array2::from_shape_simple_fn((self.rows, self.keys), || codes.next().unwrap_or(0))
    }

    /// Bits stored: rows * keys * code_bits.
    pub fn size_bits(&self) -> usize {
        self.bits.len()
    }

    /// The stored bits.
    pub fn bits(&self) -> &Bits {
        &self.bits
    }
}

impl SurvivorCodes {
    /// Packs `codes` [rows, keys].
    ///
    /// # Errors
    /// As [`DenseCodes::pack`].
    pub fn pack(codes: ArrayView2<u8>, code_bits: u32) -> Result<Self, AttentionError> {
        check(&codes, code_bits)?;
        let survivors = codes.iter().copied().filter(|code| *code != 0);
        Ok(Self {
            rows: codes.nrows(),
            keys: codes.ncols(),
            code_bits,
            bitmap: codes.iter().map(|code| *code != 0).collect(),
            codes: pack(survivors, code_bits),
        })
    }

    /// The codes, [rows, keys].
    pub fn unpack(&self) -> Array2<u8> {
        let mut survives = self.bitmap.iter().by_vals();
        let mut codes = unpack(&self.codes, self.code_bits);
        Array2::from_shape_simple_fn((self.rows, self.keys), || match survives.next() {
            Some(true) => codes.next().unwrap_or(0),
            _ => 0,
        })
    }

    /// Bits stored: rows * keys + survivors * code_bits.
    pub fn size_bits(&self) -> usize {
        self.bitmap.len() + self.codes.len()
    }

    /// One bit for every key: whether it survives.
    pub fn bitmap(&self) -> &Bits {
        &self.bitmap
    }

    /// Codes of the survivors, `code_bits` each.
    pub fn codes(&self) -> &Bits {
        &self.codes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;
    use proptest::prelude::*;

    #[test]
    fn known_bits() {
        let codes = arr2(&[[1, 0, 7], [0, 0, 5]]);
        let dense = DenseCodes::pack(codes.view(), 3).unwrap();
        // From the first, lowest bit first: 100 000 111 000 000 101.
        assert_eq!(dense.size_bits(), 18);
        assert_eq!(
            dense.bits().as_raw_slice(),
            [0b1100_0001, 0b1000_0001, 0b10]
        );
        let survivors = SurvivorCodes::pack(codes.view(), 3).unwrap();
        assert_eq!(survivors.size_bits(), 6 + 9);
        assert_eq!(survivors.bitmap().as_raw_slice(), [0b10_0101]);
        assert_eq!(survivors.codes().as_raw_slice(), [0b0111_1001, 0b1]);
    }

    #[test]
    fn codes_must_fit() {
        let codes = arr2(&[[1, 8]]);
        let error = DenseCodes::pack(codes.view(), 3).unwrap_err();
        assert_eq!(error.to_string(), "code = 8: must be 0..=7 (3 bits)");
        assert!(SurvivorCodes::pack(codes.view(), 9).is_err());
    }

    proptest! {
        #[test]
        fn both_forms_round_trip(
            code_bits in 2_u32..=8,
            rows in 0_usize..5,
            keys in 0_usize..70,
            seed in prop::collection::vec(any::<u8>(), 1..400),
        ) {
            let mask = ((1_u32 << code_bits) - 1) as u8;
            let mut source = seed.iter().cycle();
            let codes = Array2::from_shape_simple_fn((rows, keys), || {
                source.next().copied().unwrap_or(0) & mask
            });
            let dense = DenseCodes::pack(codes.view(), code_bits).unwrap();
            prop_assert_eq!(dense.unpack(), &codes);
            prop_assert_eq!(dense.size_bits(), rows * keys * code_bits as usize);
            let survivors = SurvivorCodes::pack(codes.view(), code_bits).unwrap();
            prop_assert_eq!(survivors.unpack(), &codes);
            let alive = codes.iter().filter(|code| **code != 0).count();
            prop_assert_eq!(survivors.size_bits(), rows * keys + alive * code_bits as usize);
        }
    }
}
