//! The hardware's way to the output: one reciprocal a row, one multiplication an element.
//!
//! [`crate::attention::divide_rounded`] defines the output by an exact division. A unit instead
//! computes, once a row, the reciprocal of the normalizer n and multiplies each accumulator by
//! it. Both give the same integer for every accumulator and normalizer a row can have:
//!
//! - n is shifted left by lz so that bit NB - 1 (NB = `normalizer_bits`) is set: d = n 2^lz.
//! - R = floor(2^s / d) + 1 = (2^s + e) / d with 0 < e <= d.
//! - x = 2 |acc| 2^f + n with f = `output_bits - value_bits`. Rounding half away from zero, the
//!   output's magnitude is floor(x / (2n)).
//! - floor(x R / 2^(s + 1 - lz)) = floor(x / (2n) + x e / (2n 2^s)).
//!
//! Write x = 2n (q + 1) - t with 1 <= t <= 2n. The floor is q iff x e < 2^s t. A row's mean is
//! bounded by its values, |acc| <= n 2^(value_bits - 1), so x <= n (2^output_bits + 1).
//! - If q < 2^(output_bits - 1), then x <= n 2^output_bits - t, and x e < 2^output_bits n d
//!   <= 2^s is enough (t >= 1).
//! - If q = 2^(output_bits - 1), then t >= n, and (2^output_bits + 1) d < 2^s is enough.
//!
//! So s is the least integer with 2^output_bits n d <= 2^s for every n. As n < 2^(NB - lz),
//! n d = n^2 2^lz < 2^(2 NB - lz), which gives s = 2 NB + `output_bits`. Normalizers that are
//! sums of shifted ones end at the power of two 2^(NB - 1), hence lz >= 1 for all others and
//! s = 2 NB + `output_bits` - 1. One bit less fails, which a test shows.

use crate::config::{Configuration, Normalize};

/// Widths, in bits, of a unit's reciprocal normalizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReciprocalFormat {
    /// NB: bits of the normalizer n and of d, the same shifted to have its top bit set.
    pub normalizer_bits: u32,
    /// Bits of a signed output element.
    pub output_bits: u32,
    /// f: fraction bits that the output has more than a value.
    pub fraction_bits: u32,
    /// s: R is about 2^s / d.
    pub scale_bits: u32,
    /// Bits of R, unsigned.
    pub reciprocal_bits: u32,
    /// Bits of x = 2 |acc| 2^f + n, unsigned.
    pub numerator_bits: u32,
    /// Bits of the product x R, unsigned; at most 128.
    pub product_bits: u32,
}

/// A row's normalizer as the multiplications need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reciprocal {
    /// R = floor(2^s / d) + 1.
    pub factor: u128,
    /// lz: zero bits above the normalizer's top bit, 0..normalizer_bits.
    pub leading_zeros: u32,
}

impl ReciprocalFormat {
    /// The widths for a valid configuration; `None` unless it normalizes by reciprocal.
    pub fn of(configuration: &Configuration) -> Option<Self> {
        if configuration.normalize != Normalize::Reciprocal {
            return None;
        }
        Some(Self::new(
            configuration.normalizer_bits(),
            configuration.value_bits,
            configuration.output_bits?,
            configuration.accumulate.shifts(),
        ))
    }

    /// `power_of_two_most`: the largest normalizer is 2^(normalizer_bits - 1) itself.
    fn new(
        normalizer_bits: u32,
        value_bits: u32,
        output_bits: u32,
        power_of_two_most: bool,
    ) -> Self {
        let saved = u32::from(power_of_two_most);
        let scale_bits = 2 * normalizer_bits + output_bits - saved;
        // d >= 2^(NB - 1), and the 1 that is added may carry into one more bit.
        let reciprocal_bits = scale_bits - normalizer_bits + 2;
        let numerator_bits = normalizer_bits + output_bits + 1 - saved;
        Self {
            normalizer_bits,
            output_bits,
            fraction_bits: output_bits - value_bits,
            scale_bits,
            reciprocal_bits,
            numerator_bits,
            product_bits: reciprocal_bits + numerator_bits,
        }
    }

    /// The reciprocal of a row's normalizer, computed once a row.
    ///
    /// An empty row (`normalizer` 0) gives factor 0, hence outputs of 0.
    pub fn reciprocal(&self, normalizer: u64) -> Reciprocal {
        if normalizer == 0 {
            return Reciprocal {
                factor: 0,
                leading_zeros: 0,
            };
        }
        let leading_zeros = self.normalizer_bits - (u64::BITS - normalizer.leading_zeros());
        let divisor = u128::from(normalizer) << leading_zeros;
        Reciprocal {
            factor: (1_u128 << self.scale_bits) / divisor + 1,
            leading_zeros,
        }
    }

    /// x = 2 |acc| 2^f + n.
    pub fn numerator(&self, accumulator: i64, normalizer: u64) -> u128 {
        (u128::from(accumulator.unsigned_abs()) << (self.fraction_bits + 1))
            + u128::from(normalizer)
    }

    /// How far the product is shifted right: s + 1 - lz.
    pub fn product_shift(&self, leading_zeros: u32) -> u32 {
        self.scale_bits + 1 - leading_zeros
    }

    /// An output element: acc 2^f / n, rounded half away from zero.
    pub fn output(&self, accumulator: i64, normalizer: u64) -> i32 {
        let Reciprocal {
            factor,
            leading_zeros,
        } = self.reciprocal(normalizer);
        let product = self.numerator(accumulator, normalizer) * factor;
        let magnitude = (product >> self.product_shift(leading_zeros)) as i32;
        if accumulator < 0 {
            -magnitude
        } else {
            magnitude
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{NAMES, TWIN_NAMES};
    use proptest::prelude::*;

    /// Round half away from zero of acc 2^f / n, in the schoolbook way: the nearer of the two
    /// neighboring integers.
    fn nearest(accumulator: i64, normalizer: u64, fraction_bits: u32) -> i128 {
        let dividend = i128::from(accumulator.unsigned_abs()) << fraction_bits;
        let divisor = i128::from(normalizer);
        let (below, rest) = (dividend / divisor, dividend % divisor);
        let magnitude = if rest >= divisor - rest {
            below + 1
        } else {
            below
        };
        i128::from(accumulator.signum()) * magnitude
    }

    fn largest_normalizer(format: &ReciprocalFormat, power_of_two_most: bool) -> u64 {
        if power_of_two_most {
            1 << (format.normalizer_bits - 1)
        } else {
            (1 << format.normalizer_bits) - 1
        }
    }

    /// The first accumulator and normalizer that a format gets wrong, of all a row can have.
    fn first_mismatch(
        format: &ReciprocalFormat,
        value_bits: u32,
        power_of_two_most: bool,
    ) -> Option<(i64, u64)> {
        (1..=largest_normalizer(format, power_of_two_most)).find_map(|normalizer| {
            let most = (normalizer as i64) << (value_bits - 1);
            (-most..=most)
                .find(|accumulator| {
                    let expected = nearest(*accumulator, normalizer, format.fraction_bits);
                    i128::from(format.output(*accumulator, normalizer)) != expected
                })
                .map(|accumulator| (accumulator, normalizer))
        })
    }

    #[test]
    fn exact_for_every_input_of_small_formats() {
        for power_of_two_most in [false, true] {
            for normalizer_bits in 3..=8 {
                for (value_bits, output_bits) in [(2, 2), (2, 4), (2, 7), (3, 3), (4, 5), (4, 8)] {
                    let format = ReciprocalFormat::new(
                        normalizer_bits,
                        value_bits,
                        output_bits,
                        power_of_two_most,
                    );
                    let mismatch = first_mismatch(&format, value_bits, power_of_two_most);
                    assert_eq!(mismatch, None, "{format:?}");
                }
            }
        }
    }

    #[test]
    fn one_scale_bit_less_fails() {
        for power_of_two_most in [false, true] {
            let mut format = ReciprocalFormat::new(7, 4, 4, power_of_two_most);
            format.scale_bits -= 1;
            assert!(first_mismatch(&format, 4, power_of_two_most).is_some());
        }
    }

    #[test]
    fn widths_hold_the_largest_operands() {
        let names = NAMES.iter().chain(&TWIN_NAMES);
        for configuration in names.map(|name| Configuration::named(name).unwrap()) {
            let Some(format) = ReciprocalFormat::of(&configuration) else {
                continue;
            };
            let most = largest_normalizer(&format, configuration.accumulate.shifts()) as i64;
            let largest_sum = -(most << (configuration.value_bits - 1));
            let numerator = format.numerator(largest_sum, most as u64);
            assert_eq!(numerator >> (format.numerator_bits - 1), 1, "{format:?}");
            let factor = format.reciprocal(1).factor;
            assert_eq!(factor >> (format.reciprocal_bits - 1), 1, "{format:?}");
            assert!(format.product_bits <= 128);
        }
    }

    #[test]
    fn widest_legal_format_fits_128_bits() {
        let format = ReciprocalFormat::new(46, 2, 16, false);
        assert!(format.product_bits <= 128, "{format:?}");
    }

    #[test]
    fn empty_row_is_zero() {
        assert_eq!(ReciprocalFormat::new(17, 8, 8, true).output(0, 0), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn equals_the_exact_quotient(
            power_of_two_most: bool,
            normalizer_bits in 3_u32..=46,
            value_bits in 2_u32..=8,
            extra in 0_u32..=14,
            n: u64,
            quotient: i64,
            near_half: bool,
            offset in -2_i64..=2,
        ) {
            let output_bits = (value_bits + extra).min(16);
            let format =
                ReciprocalFormat::new(normalizer_bits, value_bits, output_bits, power_of_two_most);
            let most = largest_normalizer(&format, power_of_two_most);
            // Normalizers of every magnitude, not just the widest.
            let normalizer = ((n >> (n % u64::from(u64::BITS))) % most).max(1);
            let bound = (normalizer as i64) << (value_bits - 1);
            // Accumulators next to the ties, where a wrong scale shows first, and any others.
            let accumulator = if near_half {
                let steps = 1_i128 << (output_bits - 1);
                let odd = 2 * (i128::from(quotient) % steps) + 1;
                let tie = (odd * i128::from(normalizer)) >> (format.fraction_bits + 1);
                (tie as i64 + offset).clamp(-bound, bound)
            } else {
                quotient % (bound + 1)
            };
            let expected = nearest(accumulator, normalizer, format.fraction_bits);
            prop_assert_eq!(i128::from(format.output(accumulator, normalizer)), expected);
        }
    }
}
