//! Number formats: probabilities in unsigned fixed point, values as scaled signed integers.

use ndarray::{Array, ArrayView, Dimension};
use rayon::prelude::*;
use std::ops::AddAssign;

use crate::error::AttentionError;
use crate::kernel::to_fixed;

mod sealed {
    pub trait Sealed {}
    impl Sealed for u16 {}
    impl Sealed for u32 {}
}

/// An integer that holds a probability in fixed point: `u16` (up to 16 fraction bits, half the
/// memory) or `u32`.
pub trait Probability:
    sealed::Sealed
    + Copy
    + Default
    + Ord
    + Send
    + Sync
    + AddAssign
    + From<bool>
    + Into<u32>
    + TryFrom<u32>
    + 'static
{
    /// Bits of the integer.
    const BITS: u32;

    /// The low bits of `bits`.
    fn truncated(bits: u32) -> Self;
}

impl Probability for u16 {
    const BITS: u32 = 16;

    fn truncated(bits: u32) -> Self {
        bits as u16
    }
}

impl Probability for u32 {
    const BITS: u32 = 32;

    fn truncated(bits: u32) -> Self {
        bits
    }
}

/// Elements worth handing to another thread.
const ELEMENTS_PER_TASK: usize = 1 << 15;

/// Legal `probability_bits`, as in a configuration.
const PROBABILITY_BITS: std::ops::RangeInclusive<u32> = 12..=24;

/// One probability in fixed point: p 2^probability_bits rounded to the nearest integer, halves
/// up, saturated to all ones (which stands for 1.0).
///
/// `probability` must be in 0..=1 and `probability_bits` in 12..=24;
/// [`probabilities_to_fixed`] checks both.
#[inline(always)]
pub fn probability_to_fixed(probability: f64, probability_bits: u32) -> u32 {
    let one = 1_u32 << probability_bits;
    // Exact: a power of two scales, and adding 1/2 could round up what lies just below a half.
    let scaled = probability * f64::from(one);
    let below = scaled.floor();
    let rounded = below + f64::from(u8::from(scaled - below >= 0.5));
    nearest_integer(rounded.min(f64::from(one - 1))) as u32
}

/// The nearest integer to a number of 0..2^51.
///
/// Adding 2^52 leaves the integer in the low bits of the mantissa. A cast would saturate, for
/// which there is no vector instruction.
#[inline(always)]
pub(crate) fn nearest_integer(number: f64) -> i64 {
    const TWO_TO_52: f64 = (1_u64 << 52) as f64;
    (number + TWO_TO_52).to_bits() as i64 - TWO_TO_52.to_bits() as i64
}

/// Probabilities in fixed point, element by element as [`probability_to_fixed`].
///
/// # Arguments
/// - `probabilities`: any shape, each 0..=1.
/// - `probability_bits`: 12..=24, at most 16 for `P = u16`.
///
/// # Errors
/// [`AttentionError::Probability`] with the position of the first NaN, infinity, negative number
/// or number over 1; [`AttentionError::Parameter`] for `probability_bits` out of range.
pub fn probabilities_to_fixed<F, P, D>(
    probabilities: &ArrayView<F, D>,
    probability_bits: u32,
) -> Result<Array<P, D>, AttentionError>
where
    F: Copy + Into<f64> + Sync,
    P: Probability,
    D: Dimension,
{
    if !PROBABILITY_BITS.contains(&probability_bits) || probability_bits > P::BITS {
        let legal = format!("12..={}", P::BITS.min(*PROBABILITY_BITS.end()));
        return Err(AttentionError::parameter(
            "probability_bits",
            probability_bits,
            legal,
        ));
    }
    let contiguous = probabilities.as_standard_layout();
    let floats = contiguous.as_slice().unwrap_or_default();
    let mut fixed = Array::from_elem(probabilities.raw_dim(), P::default());
    let legal = fixed
        .as_slice_mut()
        .unwrap_or_default()
        .par_chunks_mut(ELEMENTS_PER_TASK)
        .zip(floats.par_chunks(ELEMENTS_PER_TASK))
        .map(|(fixed, floats)| to_fixed(floats, probability_bits, fixed))
        .reduce(|| true, |a, b| a & b);
    if legal {
        return Ok(fixed);
    }
    let (index, value) = first_where(probabilities, |p| !(0.0..=1.0).contains(&p));
    Err(AttentionError::Probability { index, value })
}

/// The first element, in index order, that `wrong` holds for, with its position.
fn first_where<F, D>(array: &ArrayView<F, D>, wrong: impl Fn(f64) -> bool) -> (Vec<usize>, f64)
where
    F: Copy + Into<f64>,
    D: Dimension,
{
    array
        .view()
        .into_dyn()
        .indexed_iter()
        .map(|(index, value)| (index.as_array_view().to_vec(), (*value).into()))
        .find(|(_, value)| wrong(*value))
        .unwrap_or_default()
}

/// Signed integers and the real number that 1 of them stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantized<D: Dimension> {
    /// The integers, each of `value_bits` signed bits.
    pub integers: Array<i8, D>,
    /// The real value of the integer 1.
    pub scale: f64,
}

/// Values as symmetric signed integers: the largest magnitude becomes `2^(value_bits - 1) - 1`.
///
/// Rounds to the nearest, halves away from zero. The most negative integer is not used. An array
/// of zeros (or an empty one) has scale 1.
///
/// # Errors
/// [`AttentionError::NotFinite`] with the position of the first NaN or infinity;
/// [`AttentionError::Parameter`] for `value_bits` outside 2..=8.
pub fn quantize_values<F, D>(
    values: &ArrayView<F, D>,
    value_bits: u32,
) -> Result<Quantized<D>, AttentionError>
where
    F: Copy + Into<f64>,
    D: Dimension,
{
    if !(2..=8).contains(&value_bits) {
        return Err(AttentionError::parameter("value_bits", value_bits, "2..=8"));
    }
    if values.iter().any(|value| !(*value).into().is_finite()) {
        let (index, value) = first_where(values, |v| !v.is_finite());
        return Err(AttentionError::NotFinite { index, value });
    }
    let largest = values
        .iter()
        .map(|value| (*value).into().abs())
        .fold(0.0, f64::max);
    let most = f64::from((1 << (value_bits - 1)) - 1);
    // A subnormal scale would lose the precision that the quotients below need.
    let scale = if largest / most >= f64::MIN_POSITIVE {
        largest / most
    } else {
        1.0
    };
    let integers = values.map(|value| ((*value).into() / scale).round().clamp(-most, most) as i8);
    Ok(Quantized { integers, scale })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, arr1, arr2};
    use proptest::prelude::*;

    fn fixed(probabilities: &[f64], bits: u32) -> Result<Vec<u32>, AttentionError> {
        probabilities_to_fixed::<_, u32, _>(&arr1(probabilities).view(), bits)
            .map(|array| array.to_vec())
    }

    #[test]
    fn known_probabilities() {
        let half_step = 0.5 / 65536.0;
        assert_eq!(
            fixed(
                &[
                    0.0,
                    1.0,
                    0.5,
                    half_step,
                    half_step.next_down(),
                    1.5 * half_step
                ],
                16
            )
            .unwrap(),
            [0, 65535, 32768, 1, 0, 1]
        );
        // 1 - 2^-17 is a tie between 65535 and 65536: up, then saturated.
        assert_eq!(fixed(&[1.0 - half_step], 16).unwrap(), [65535]);
        assert_eq!(fixed(&[1.0, 0.25], 12).unwrap(), [4095, 1024]);
        assert_eq!(fixed(&[1.0, 1e-3], 24).unwrap(), [16_777_215, 16_777]);
    }

    #[test]
    fn probabilities_outside_the_unit_interval_are_refused() {
        for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e-9, 1.0000001] {
            let array = arr2(&[[0.5, 0.5], [0.25, wrong]]);
            let error = probabilities_to_fixed::<_, u16, _>(&array.view(), 16).unwrap_err();
            let message = error.to_string();
            assert!(message.contains("[1, 1]"), "{message}");
            assert!(message.contains("must be 0..=1"), "{message}");
        }
    }

    #[test]
    fn widths_are_checked() {
        let one = arr1(&[1.0_f32]);
        for bits in [11, 25] {
            assert!(probabilities_to_fixed::<_, u32, _>(&one.view(), bits).is_err());
            assert!(quantize_values(&one.view(), bits).is_err());
        }
        let error = probabilities_to_fixed::<_, u16, _>(&one.view(), 17).unwrap_err();
        assert_eq!(error.to_string(), "probability_bits = 17: must be 12..=16");
    }

    #[test]
    fn known_values() {
        let quantized = quantize_values(&arr1(&[-2.0_f32, 1.0, 0.0, 2.0]).view(), 8).unwrap();
        assert_eq!(quantized.integers.to_vec(), [-127, 64, 0, 127]);
        assert_eq!(quantized.scale, 2.0 / 127.0);
        let zeros = quantize_values(&arr1(&[0.0_f32; 3]).view(), 8).unwrap();
        assert_eq!((zeros.integers.to_vec(), zeros.scale), (vec![0; 3], 1.0));
        let error = quantize_values(&arr1(&[0.0, f64::NAN]).view(), 8).unwrap_err();
        assert_eq!(error.to_string(), "value NaN at [1]: must be finite");
    }

    proptest! {
        #[test]
        fn fixed_point_is_the_nearest(p in 0.0_f64..=1.0, bits in 12_u32..=24) {
            let code = f64::from(fixed(&[p], bits).unwrap()[0]);
            let scaled = p * f64::from(1_u32 << bits);
            let most = f64::from((1_u32 << bits) - 1);
            prop_assert!((code - scaled).abs() <= 0.5 || (code == most && scaled > most));
        }

        #[test]
        fn values_are_within_half_a_step(
            values in prop::collection::vec(-1e3_f32..1e3, 1..50),
            bits in 2_u32..=8,
        ) {
            let values = Array1::from(values);
            let Quantized { integers, scale } = quantize_values(&values.view(), bits).unwrap();
            for (integer, value) in integers.iter().zip(&values) {
                let error = f64::from(*integer) * scale - f64::from(*value);
                prop_assert!(error.abs() <= scale * 0.500001);
            }
        }
    }
}
