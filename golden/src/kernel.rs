//! Inner loops of the attention model, each compiled for several vector extensions.
//!
//! Plain loops over fixed-size blocks of [`BLOCK`] elements, so that the sums of a block stay in
//! vector registers while the survivors go by. Bounds on widths that a valid configuration keeps
//! make every sum fit: 32 bits for shifted and multiplied sums and for one code's bucket.

use multiversion::multiversion;

use crate::format::{Probability, nearest_integer, probability_to_fixed};
use crate::quantizer::linear_code;

/// Value elements summed at a time.
pub(crate) const BLOCK: usize = 32;

/// Codes at most, 0 included; also what makes indexing by a code free of checks.
pub(crate) const CODES: usize = 16;

/// Keys in a word of the survivors' bitmap.
const WORD: usize = u64::BITS as usize;

/// Elements of a value. Aligned, so that a vector load does not straddle two cache lines.
#[derive(Clone, Copy)]
#[repr(align(32))]
pub(crate) struct ValueBlock(pub [i8; BLOCK]);

/// A 32-bit integer for each element of a block, aligned like the widest vector.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(crate) struct WideBlock(pub [i32; BLOCK]);

impl WideBlock {
    const ZERO: Self = Self([0; BLOCK]);

    /// The first elements, as many as there is room for.
    #[inline(always)]
    fn store(&self, sums: &mut [i64]) {
        let mut wide = [0; BLOCK];
        for (wide, sum) in wide.iter_mut().zip(self.0) {
            *wide = i64::from(sum);
        }
        sums.copy_from_slice(&wide[..sums.len()]);
    }
}

/// A 16-bit integer for each element of a block, aligned like the widest vector.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct NarrowBlock([i16; BLOCK]);

impl NarrowBlock {
    const ZERO: Self = Self([0; BLOCK]);

    /// The first elements, as many as there is room for, shifted left.
    #[inline(always)]
    fn store(&self, left: u32, sums: &mut [i64]) {
        let mut wide = [0; BLOCK];
        for (wide, sum) in wide.iter_mut().zip(self.0) {
            *wide = i64::from(sum) << left;
        }
        sums.copy_from_slice(&wide[..sums.len()]);
    }
}

/// What each code shifts a value by. Repeated for every element of a block: a vector is loaded in
/// less time than one number is spread over a vector.
pub(crate) struct ShiftTable {
    /// Left shift of each code.
    left: [WideBlock; CODES],
    /// Left shift that codes other than 0 have in common: that of code 1, the smallest.
    common: u32,
    /// 2 to what each code's shift exceeds the common one by.
    weights: [NarrowBlock; CODES],
}

/// The table for the left shift of each code, which rises with the codes in use.
pub(crate) fn shift_table(left: [u32; CODES]) -> ShiftTable {
    let common = left[1];
    ShiftTable {
        left: left.map(|shift| WideBlock([shift as i32; BLOCK])),
        common,
        weights: left.map(|shift| NarrowBlock([1 << shift.saturating_sub(common); BLOCK])),
    }
}

/// Values of one head, each padded with zeros to whole blocks.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    /// [keys, blocks], contiguous.
    pub elements: &'a [ValueBlock],
    /// Blocks a value.
    pub blocks: usize,
}

impl<'a> Values<'a> {
    #[inline(always)]
    fn block(self, key: usize, index: usize) -> &'a [i8; BLOCK] {
        &self.elements[key * self.blocks + index].0
    }

    /// All elements of a key's value, with the zeros after them.
    pub fn row(self, key: usize) -> impl Iterator<Item = &'a i8> {
        let blocks = &self.elements[key * self.blocks..][..self.blocks];
        blocks.iter().flat_map(|block| &block.0)
    }
}

/// The keys of a row whose code is not 0.
#[derive(Clone, Copy)]
pub(crate) struct Survivors<'a> {
    codes: &'a [u8],
    /// Bit i of word w: whether key 64 w + i survives.
    bitmap: &'a [u64],
    count: usize,
}

impl<'a> Survivors<'a> {
    /// The survivors of a row, marked in `bitmap`, which has room for a bit a code.
    pub fn of(codes: &'a [u8], bitmap: &'a mut [u64]) -> Self {
        let bitmap = &mut bitmap[..codes.len().div_ceil(WORD)];
        let count = mark_survivors(codes, bitmap);
        Self {
            codes,
            bitmap,
            count,
        }
    }

    /// How many there are.
    pub fn count(self) -> usize {
        self.count
    }

    /// Calls `each` with the key and the code of every survivor, in order.
    #[inline(always)]
    fn for_each(self, mut each: impl FnMut(usize, usize)) {
        for (index, word) in self.bitmap.iter().enumerate() {
            let mut word = *word;
            while word != 0 {
                let key = index * WORD + word.trailing_zeros() as usize;
                word &= word - 1;
                each(key, usize::from(self.codes[key]) % CODES);
            }
        }
    }
}

/// Sets each bit of `bitmap` to whether the code is not 0; returns how many are not.
#[multiversion(targets = "simd")]
fn mark_survivors(codes: &[u8], bitmap: &mut [u64]) -> usize {
    let mut count = 0;
    let (chunks, rest) = codes.as_chunks::<WORD>();
    let mut mark = |word: &mut u64, codes: &[u8]| {
        let mut marked = 0;
        for (bit, code) in codes.iter().enumerate() {
            marked |= u64::from(*code != 0) << bit;
        }
        *word = marked;
        count += marked.count_ones() as usize;
    };
    for (word, codes) in bitmap.iter_mut().zip(chunks) {
        mark(word, codes);
    }
    if let Some(word) = bitmap.get_mut(chunks.len()) {
        mark(word, rest);
    }
    count
}

/// Fixed point of each probability; returns whether all of them are 0..=1.
#[multiversion(targets = "simd")]
pub(crate) fn to_fixed<F: Copy + Into<f64>, P: Probability>(
    probabilities: &[F],
    probability_bits: u32,
    fixed: &mut [P],
) -> bool {
    // One flag for all keeps the loop free of branches; a NaN fails both comparisons.
    let mut legal = true;
    for (fixed, probability) in fixed.iter_mut().zip(probabilities) {
        let probability: f64 = (*probability).into();
        legal &= (0.0..=1.0).contains(&probability);
        *fixed = P::truncated(probability_to_fixed(probability, probability_bits));
    }
    legal
}

/// Code of each probability: how many thresholds it reaches. Thresholds are non-decreasing.
#[multiversion(targets = "simd")]
pub(crate) fn threshold_codes<P: Probability>(
    probabilities: &[P],
    thresholds: &[P],
    codes: &mut [u8],
) {
    const CHUNK: usize = 64;
    let (chunks, rest) = probabilities.as_chunks::<CHUNK>();
    let (code_chunks, code_rest) = codes.as_chunks_mut::<CHUNK>();
    let seven = <&[P; 7]>::try_from(thresholds);
    for (probabilities, codes) in chunks.iter().zip(code_chunks) {
        let mut reached = [P::default(); CHUNK];
        if let Ok(thresholds) = seven {
            for (reached, probability) in reached.iter_mut().zip(probabilities) {
                *reached = code_of_seven(*probability, thresholds);
            }
        } else {
            for threshold in thresholds {
                for (reached, probability) in reached.iter_mut().zip(probabilities) {
                    *reached += P::from(probability >= threshold);
                }
            }
        }
        for (code, reached) in codes.iter_mut().zip(reached) {
            *code = reached.into() as u8;
        }
    }
    for (code, probability) in code_rest.iter_mut().zip(rest) {
        *code = thresholds.iter().filter(|t| probability >= *t).count() as u8;
    }
}

/// How many of seven thresholds a probability reaches, by bisection: three comparisons and four
/// choices, all of which vectors have.
#[inline(always)]
fn code_of_seven<P: Probability>(probability: P, thresholds: &[P; 7]) -> P {
    let [t1, t2, t3, t4, t5, t6, t7] = *thresholds;
    let four = probability >= t4;
    let two = probability >= if four { t6 } else { t2 };
    let below = if two { t3 } else { t1 };
    let above = if two { t7 } else { t5 };
    let one = probability >= if four { above } else { below };
    let mut code = P::from(four);
    code += code;
    code += P::from(two);
    code += code;
    code += P::from(one);
    code
}

/// 8-bit linear code of each probability.
#[multiversion(targets = "simd")]
pub(crate) fn linear_codes<P: Probability>(
    probabilities: &[P],
    probability_bits: u32,
    codes: &mut [u8],
) {
    for (code, probability) in codes.iter_mut().zip(probabilities) {
        *code = linear_code((*probability).into(), probability_bits);
    }
}

/// Sum of `value << left[code]` over the survivors; returns the sum of `1 << left[code]`.
pub(crate) fn shift_accumulate(
    survivors: Survivors,
    table: &ShiftTable,
    values: Values,
    sums: &mut [i64],
) -> u64 {
    // The normalizer is at least the number of survivors.
    let normalizer = if survivors.count() as u64 <= MOST_NARROW {
        narrow_accumulate(survivors, table, values, sums)
    } else {
        u64::MAX
    };
    if normalizer <= MOST_NARROW {
        normalizer << table.common
    } else {
        wide_accumulate(survivors, table, values, sums)
    }
}

/// Largest normalizer at which 16 bits hold every sum of 8-bit values: from -128 to 127 times it.
/// The probabilities of a row come to about 1, so 7 levels of powers of two stay within it.
const MOST_NARROW: u64 = 256;

/// [`shift_accumulate`] in 16 bits: half the work. The shift that all codes have in common comes
/// last, and the normalizer returned is without it. The sums are right if that is at most
/// [`MOST_NARROW`].
#[multiversion(targets = "simd")]
fn narrow_accumulate(
    survivors: Survivors,
    table: &ShiftTable,
    values: Values,
    sums: &mut [i64],
) -> u64 {
    let mut normalizer = 0;
    for (index, sums) in sums.chunks_mut(BLOCK).enumerate() {
        let mut block = NarrowBlock::ZERO;
        normalizer = 0;
        survivors.for_each(|key, code| {
            let NarrowBlock(weights) = &table.weights[code];
            normalizer += u64::from(weights[0] as u16);
            let values = values.block(key, index);
            for ((sum, value), weight) in block.0.iter_mut().zip(values).zip(weights) {
                // Sums beyond 16 bits on the way come right in the end.
                *sum = sum.wrapping_add(i16::from(*value).wrapping_mul(*weight));
            }
        });
        block.store(table.common, sums);
    }
    normalizer
}

/// [`shift_accumulate`] in 32 bits, for any normalizer.
#[multiversion(targets = "simd")]
fn wide_accumulate(
    survivors: Survivors,
    table: &ShiftTable,
    values: Values,
    sums: &mut [i64],
) -> u64 {
    let mut normalizer = 0;
    for (index, sums) in sums.chunks_mut(BLOCK).enumerate() {
        let mut block = WideBlock::ZERO;
        normalizer = 0;
        survivors.for_each(|key, code| {
            let WideBlock(shifts) = &table.left[code];
            normalizer += 1 << shifts[0];
            let values = values.block(key, index);
            for ((sum, value), shift) in block.0.iter_mut().zip(values).zip(shifts) {
                // Never 32 or more; the wrapping shift lets vectors do without a check.
                *sum += i32::from(*value).wrapping_shl(*shift as u32);
            }
        });
        block.store(sums);
    }
    normalizer
}

/// Sum of each code's values over the survivors, then the sum of those times their levels;
/// returns the sum of the survivors' levels.
#[multiversion(targets = "simd")]
pub(crate) fn bucket_accumulate(
    survivors: Survivors,
    levels: &[u32; CODES],
    values: Values,
    sums: &mut [i64],
) -> u64 {
    let mut normalizer = 0;
    for (index, sums) in sums.chunks_mut(BLOCK).enumerate() {
        let mut buckets = [WideBlock::ZERO; CODES];
        normalizer = 0;
        survivors.for_each(|key, code| {
            normalizer += u64::from(levels[code]);
            // By copy: the compiler then adds vectors, not elements.
            let mut bucket = buckets[code];
            for (sum, value) in bucket.0.iter_mut().zip(values.block(key, index)) {
                *sum += i32::from(*value);
            }
            buckets[code] = bucket;
        });
        let mut total = [0_i64; BLOCK];
        for (bucket, level) in buckets.iter().zip(levels) {
            for (sum, bucket) in total.iter_mut().zip(bucket.0) {
                *sum += i64::from(*level) * i64::from(bucket);
            }
        }
        sums.copy_from_slice(&total[..sums.len()]);
    }
    normalizer
}

/// Sum of `code * value` over all keys; returns the sum of the codes.
#[multiversion(targets = "simd")]
pub(crate) fn multiply_accumulate(codes: &[u8], values: Values, sums: &mut [i64]) -> u64 {
    for (index, sums) in sums.chunks_mut(BLOCK).enumerate() {
        let mut block = WideBlock::ZERO;
        for (key, code) in codes.iter().enumerate() {
            for (sum, value) in block.0.iter_mut().zip(values.block(key, index)) {
                *sum += i32::from(*code) * i32::from(*value);
            }
        }
        block.store(sums);
    }
    codes.iter().map(|code| u64::from(*code)).sum()
}

/// `divide_rounded` of each sum by the same normalizer, which is not 0.
///
/// Sums and outputs are bounded as in a row: means of values of at most `output_bits` = 16 bits.
pub(crate) fn divide(sums: &[i64], normalizer: u64, fraction_bits: u32, outputs: &mut [i32]) {
    if normalizer < 1 << 24 {
        divide_narrow(sums, normalizer, fraction_bits, outputs);
    } else {
        divide_wide(sums, normalizer, fraction_bits, outputs);
    }
}

/// [`divide`] for normalizers below 2^24, hence sums of at most 2^39.
///
/// The quotient q = sum 2^f / n, |q| <= 2^15, is found in floating point with an error below
/// 2^-36 (two roundings of relative error 2^-53, each). It lies on a tie, or at least 1 / (2 n)
/// > 2^-25 off one. So q moved away from zero by 2^-30 is off every tie, on the side to which q
/// rounds, and the error can not bring it to the other.
#[multiversion(targets = "simd")]
fn divide_narrow(sums: &[i64], normalizer: u64, fraction_bits: u32, outputs: &mut [i32]) {
    const AWAY: f64 = 1.0 / (1_u64 << 30) as f64;
    // Added to it, an integer is what its mantissa exceeds that of the constant by, also a
    // negative one: there is no vector conversion between 64-bit integers and numbers.
    const INTEGER: f64 = 1.5 * (1_u64 << 52) as f64;
    let scale = f64::from(1_u32 << fraction_bits) / normalizer as f64;
    for (output, sum) in outputs.iter_mut().zip(sums) {
        let sum = f64::from_bits(INTEGER.to_bits().wrapping_add_signed(*sum)) - INTEGER;
        let quotient = sum * scale;
        *output = (quotient + AWAY.copysign(quotient) + INTEGER).to_bits() as i32;
    }
}

/// [`divide`] for any sums.
#[multiversion(targets = "simd")]
fn divide_wide(sums: &[i64], normalizer: u64, fraction_bits: u32, outputs: &mut [i32]) {
    let divisor = 2 * normalizer as i64;
    let inverse = (divisor as f64).recip();
    for (output, sum) in outputs.iter_mut().zip(sums) {
        let dividend = (sum.abs() << (fraction_bits + 1)) + normalizer as i64;
        // There is no vector division of integers. A quotient below 2^17 is estimated with an
        // error far below 1, so the estimate is off by one at most, which the remainder shows.
        let estimate = nearest_integer(dividend as f64 * inverse);
        let remainder = dividend - estimate * divisor;
        let magnitude = estimate - i64::from(remainder < 0) + i64::from(remainder >= divisor);
        *output = if *sum < 0 { -magnitude } else { magnitude } as i32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attention::divide_rounded;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]
        #[test]
        fn vector_division_is_exact(
            n: u64,
            normalizer_bits in 1_u32..=46,
            fraction_bits in 0_u32..=14,
            numbers in prop::collection::vec(any::<i64>(), 1..40),
        ) {
            let normalizer = (n % (1 << normalizer_bits)).max(1);
            // A row's mean is bounded by its values: here such that outputs have up to 16 bits.
            let most = ((normalizer as i64) << (15 - fraction_bits)).min(1 << 47);
            let sums: Vec<i64> = numbers
                .iter()
                .map(|number| match number % 4 {
                    0 => most,
                    1 => -most,
                    // Next to a tie.
                    2 => (number % most / normalizer as i64 * 2 + 1) * normalizer as i64 / 2 % most,
                    _ => number % most,
                })
                .collect();
            let mut outputs = vec![0; sums.len()];
            divide(&sums, normalizer, fraction_bits, &mut outputs);
            let expected: Vec<i32> = sums
                .iter()
                .map(|sum| divide_rounded(*sum, normalizer, fraction_bits))
                .collect();
            prop_assert_eq!(outputs, expected);
        }
    }

    #[test]
    fn division_of_small_sums_is_exact() {
        // All sums of 8-bit values, ties included, at which 16-bit accumulation is used.
        for normalizer in 1..=MOST_NARROW {
            let most = normalizer as i64 * 128;
            let sums: Vec<i64> = (-most..most).collect();
            for fraction_bits in [0, 1, 8] {
                let mut outputs = vec![0; sums.len()];
                divide(&sums, normalizer, fraction_bits, &mut outputs);
                for (sum, output) in sums.iter().zip(outputs) {
                    assert_eq!(output, divide_rounded(*sum, normalizer, fraction_bits));
                }
            }
        }
    }

    /// Compares a row's sums, normalizer and count with plain ones of 64 bits.
    fn check_shifts(codes: &[u8], left: [u32; CODES], values: &[i8], dimension: usize) {
        let blocks = dimension.div_ceil(BLOCK);
        let mut elements = vec![ValueBlock([0; BLOCK]); codes.len() * blocks];
        let mut expected = vec![0_i64; dimension];
        let mut normalizer = 0_u64;
        for (key, code) in codes.iter().enumerate().filter(|(_, code)| **code != 0) {
            let weight = 1_u64 << left[usize::from(*code)];
            normalizer += weight;
            for (element, sum) in expected.iter_mut().enumerate() {
                let value = values[(key * dimension + element) % values.len()];
                elements[key * blocks + element / BLOCK].0[element % BLOCK] = value;
                *sum += i64::from(value) * weight as i64;
            }
        }
        let elements = &elements;
        let mut bitmap = vec![0; codes.len().div_ceil(WORD)];
        let survivors = Survivors::of(codes, &mut bitmap);
        let mut sums = vec![7; dimension];
        let values = Values { elements, blocks };
        let found = shift_accumulate(survivors, &shift_table(left), values, &mut sums);
        assert_eq!(found, normalizer);
        assert_eq!(sums, expected);
        let count = codes.iter().filter(|code| **code != 0).count();
        assert_eq!(survivors.count(), count);
    }

    #[test]
    fn sums_at_the_edge_of_16_bits_are_exact() {
        let mut left = [0; CODES];
        left[1..8].copy_from_slice(&[3, 4, 5, 6, 7, 8, 11]);
        for survivors in 254..=258 {
            for value in [-128, 127] {
                check_shifts(&vec![1; survivors], left, &[value], 33);
                // One heavy key (2^8 less what is common) and some light ones.
                let mut codes = vec![1; survivors - 254];
                codes.push(7);
                check_shifts(&codes, left, &[value], 96);
            }
        }
        check_shifts(&[7; 9], [15; CODES], &[-128, 127, 1], 64);
    }

    proptest! {
        #[test]
        fn shifted_sums_are_exact(
            codes in prop::collection::vec(0_u8..16, 0..400),
            sparse: bool,
            steps in prop::collection::vec(0_u32..2, CODES),
            values in prop::collection::vec(any::<i8>(), 1..999),
            dimension in 1_usize..=130,
        ) {
            let kept = |(key, code): (usize, &u8)| if sparse && key % 7 != 0 { 0 } else { *code };
            let codes: Vec<u8> = codes.iter().enumerate().map(kept).collect();
            let mut left = [0; CODES];
            for code in 1..CODES {
                left[code] = (left[code - 1] + steps[code]).min(15);
            }
            check_shifts(&codes, left, &values, dimension);
        }

        #[test]
        fn codes_count_thresholds(
            mut thresholds in prop::collection::vec(1_u16..99, 0..=15),
            probabilities in prop::collection::vec(0_u16..100, 0..200),
        ) {
            // As many as 3 bits have in half of the cases.
            if thresholds.len() > 7 {
                thresholds.truncate(7);
            }
            thresholds.sort_unstable();
            let reached = |p: &u16| thresholds.iter().filter(|t| **t <= *p).count() as u8;
            let expected: Vec<u8> = probabilities.iter().map(reached).collect();
            let mut codes = vec![99; probabilities.len()];
            threshold_codes(&probabilities, &thresholds, &mut codes);
            prop_assert_eq!(&codes, &expected);
            let wide = |numbers: &[u16]| numbers.iter().map(|n| u32::from(*n)).collect::<Vec<_>>();
            threshold_codes(&wide(&probabilities), &wide(&thresholds), &mut codes);
            prop_assert_eq!(codes, expected);
        }
    }
}
