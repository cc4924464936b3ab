//! Tensors as a file stores them, float or int8 with a scale.

use ndarray::{Array1, Array2, Array3, ArrayView2, Axis};

/// Largest scale whose every int8 multiple is finite.
pub(crate) const LARGEST_SCALE: f32 = f32::MAX / 128.0;

/// One of `q` [heads, rows, D], `k`, `v` [KV heads, tokens, D].
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    /// Floating-point values.
    Float(Array3<f32>),
    /// Integers; value = integer * the head's scale.
    Int8 {
        /// The integers, in the tensor's shape.
        values: Array3<i8>,
        /// Scale of each (KV) head.
        scales: Array1<f32>,
    },
}

/// One head of a tensor in int8: value = integer * scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Int8Matrix {
    /// The integers, [tokens, D].
    pub values: Array2<i8>,
    /// What one integer step is worth.
    pub scale: f32,
}

impl Int8Matrix {
    /// Symmetric quantization of a matrix: scale = max|x| / 127, rounded half away from zero. A
    /// matrix of zeros gets scale 1.
    pub fn quantize(matrix: ArrayView2<f32>) -> Self {
        let largest = matrix.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
        // A subnormal maximum would make a scale of 0.
        let scale = match largest / 127.0 {
            0.0 => 1.0,
            scale => scale.min(LARGEST_SCALE),
        };
        let values = matrix.mapv(|x| (x / scale).round().clamp(-127.0, 127.0) as i8);
        Int8Matrix { values, scale }
    }

    /// The values as float, [tokens, D].
    pub fn dequantize(&self) -> Array2<f32> {
        self.values.mapv(|x| f32::from(x) * self.scale)
    }
}

impl Stored {
    /// Shape: (KV) heads, tokens (of `q`: rows), head dimension.
    pub fn shape(&self) -> [usize; 3] {
        let (heads, tokens, dimension) = match self {
            Stored::Float(values) => values.dim(),
            Stored::Int8 { values, .. } => values.dim(),
        };
        [heads, tokens, dimension]
    }

    /// The same tensor in int8 (see [`Int8Matrix::quantize`]); one that is int8 stays as it is.
    pub fn quantized(&self) -> Stored {
        let Stored::Float(floats) = self else {
            return self.clone();
        };
        let mut values = Array3::zeros(floats.dim());
        let mut scales = Array1::ones(floats.len_of(Axis(0)));
        for (head, matrix) in floats.outer_iter().enumerate() {
            let quantized = Int8Matrix::quantize(matrix);
            scales[head] = quantized.scale;
            values
                .index_axis_mut(Axis(0), head)
                .assign(&quantized.values);
        }
        Stored::Int8 { values, scales }
    }

    /// One head as float, [tokens, D].
    pub(crate) fn head(&self, head: usize) -> Array2<f32> {
        match self {
            Stored::Float(values) => values.index_axis(Axis(0), head).to_owned(),
            Stored::Int8 { .. } => self.head_int8(head).dequantize(),
        }
    }

    /// One head as int8, quantized if it is stored as float, [tokens, D].
    pub(crate) fn head_int8(&self, head: usize) -> Int8Matrix {
        match self {
            Stored::Float(values) => Int8Matrix::quantize(values.index_axis(Axis(0), head)),
            Stored::Int8 { values, scales } => Int8Matrix {
                values: values.index_axis(Axis(0), head).to_owned(),
                scale: scales[head],
            },
        }
    }

    /// One head's raw numbers in double precision and the factor that makes values of them. Sums
    /// of products of int8 numbers are exact in that form.
    pub(crate) fn head_raw(&self, head: usize) -> (Array2<f64>, f64) {
        match self {
            Stored::Float(values) => (values.index_axis(Axis(0), head).mapv(f64::from), 1.0),
            Stored::Int8 { values, scales } => (
                values.index_axis(Axis(0), head).mapv(f64::from),
                f64::from(scales[head]),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn quantization_is_symmetric_and_rounds_half_away_from_zero() {
        // Scale 127 / 127 = 1, so the halves are exact.
        let matrix = array![[127.0, -127.0, 0.5], [-0.5, 1.5, 0.49]];
        let quantized = Int8Matrix::quantize(matrix.view());
        assert_eq!(quantized.scale, 1.0);
        assert_eq!(quantized.values, array![[127, -127, 1], [-1, 2, 0]]);
    }

    #[test]
    fn zeros_and_subnormal_values_quantize_to_zero() {
        for value in [0.0, f32::from_bits(1)] {
            let quantized = Int8Matrix::quantize(array![[value, 0.0]].view());
            assert_eq!(quantized.scale, 1.0);
            assert_eq!(quantized.values, array![[0, 0]]);
        }
    }

    #[test]
    fn the_largest_values_quantize_to_finite_ones() {
        let quantized = Int8Matrix::quantize(array![[f32::MAX, -f32::MAX]].view());
        assert_eq!(quantized.values, array![[127, -127]]);
        assert!(quantized.dequantize().iter().all(|x| x.is_finite()));
    }

    #[test]
    fn quantization_is_by_head() {
        let floats = Stored::Float(array![[[254.0, -2.0]], [[12.7, 6.35]]]);
        let Stored::Int8 { values, scales } = floats.quantized() else {
            panic!("not int8");
        };
        assert_eq!(values.index_axis(Axis(0), 0), array![[127, -1]]);
        assert_eq!(values.index_axis(Axis(0), 1)[[0, 0]], 127);
        assert_eq!(scales[0], 2.0);
        assert!((scales[1] - 0.1).abs() < 1e-7);
    }
}
