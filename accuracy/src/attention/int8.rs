//! int8 with one scale a matrix, in vectors.

use multiversion::multiversion;
use ndarray::{Array2, ArrayView2};

/// Elements looked at side by side.
const LANES: usize = 16;

/// Largest scale whose every int8 multiple is finite.
const LARGEST_SCALE: f32 = f32::MAX / 128.0;

/// A matrix in int8: value = integer * scale.
pub(crate) struct Int8 {
    /// The integers, in the matrix's shape.
    pub integers: Array2<i8>,
    /// What one integer step is worth.
    pub scale: f32,
}

impl Int8 {
    /// The same integers and scale as [`logattn_captures::Int8Matrix::quantize`] gives, which is
    /// for files and takes its time.
    pub fn quantize(matrix: ArrayView2<f32>) -> Self {
        let contiguous = matrix.as_standard_layout();
        let elements = contiguous.as_slice().unwrap_or_default();
        let scale = match largest(elements) / 127.0 {
            0.0 => 1.0,
            scale => scale.min(LARGEST_SCALE),
        };
        let mut integers = Array2::zeros(matrix.raw_dim());
        round(elements, scale, integers.as_slice_mut().unwrap_or_default());
        Int8 { integers, scale }
    }

    /// The integers times `factor`.
    pub fn widened(integers: &Array2<i8>, factor: f32) -> Array2<f32> {
        let mut widened = Array2::zeros(integers.raw_dim());
        let places = widened.as_slice_mut().unwrap_or_default();
        widen(integers.as_slice().unwrap_or_default(), factor, places);
        widened
    }
}

/// The largest magnitude.
#[multiversion(targets = "simd")]
fn largest(elements: &[f32]) -> f32 {
    let mut largest = [0.0_f32; LANES];
    let (chunks, rest) = elements.as_chunks::<LANES>();
    for chunk in chunks {
        for (largest, element) in largest.iter_mut().zip(chunk) {
            let magnitude = element.abs();
            *largest = if magnitude > *largest {
                magnitude
            } else {
                *largest
            };
        }
    }
    let rest = rest.iter().map(|element| element.abs());
    largest.into_iter().chain(rest).fold(0.0, f32::max)
}

/// Quotients rounded to the nearest integer, halves away from zero.
#[multiversion(targets = "simd")]
fn round(elements: &[f32], scale: f32, integers: &mut [i8]) {
    for (integer, element) in integers.iter_mut().zip(elements) {
        *integer = (element / scale).round().clamp(-127.0, 127.0) as i8;
    }
}

#[multiversion(targets = "simd")]
fn widen(integers: &[i8], factor: f32, widened: &mut [f32]) {
    for (widened, integer) in widened.iter_mut().zip(integers) {
        *widened = f32::from(*integer) * factor;
    }
}

/// Numbers that are integers, as such.
#[multiversion(targets = "simd")]
pub(crate) fn to_integers(numbers: &[f32], integers: &mut [i32]) {
    for (integer, number) in integers.iter_mut().zip(numbers) {
        *integer = *number as i32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use logattn_captures::Int8Matrix;
    use proptest::prelude::*;

    fn check(matrix: ArrayView2<f32>) {
        let expected = Int8Matrix::quantize(matrix);
        let found = Int8::quantize(matrix);
        assert_eq!(found.scale, expected.scale);
        assert_eq!(found.integers, expected.values);
        let widened = Int8::widened(&found.integers, found.scale);
        assert_eq!(widened, expected.dequantize());
    }

    #[test]
    fn extremes_are_those_of_captures() {
        for value in [0.0, -0.0, f32::from_bits(1), f32::MAX, -f32::MAX, 127.0] {
            check(ndarray::array![[value, 0.5], [-0.5, 1.5], [0.49, value / 2.0]].view());
        }
    }

    proptest! {
        #[test]
        fn integers_are_those_of_captures(
            values in prop::collection::vec(-9.0_f32..9.0, 1..70),
            halves: bool,
        ) {
            // With a scale of 1, halves are exact.
            let number = |v: &f32| if halves { (v * 4.0).round() / 2.0 } else { *v };
            let mut values: Vec<f32> = values.iter().map(number).collect();
            if halves {
                values.push(127.0);
            }
            check(ArrayView2::from_shape((1, values.len()), &values).unwrap());
        }
    }
}
