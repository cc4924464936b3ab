//! How far attention in few bits is from float attention.

use logattn_golden::{Accumulate, Attention, Configuration};
use ndarray::{Array2, ArrayView1, ArrayView2};
use serde::Serialize;
use std::ops::AddAssign;

/// Differences between outputs and float attention, summed up over rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Difference {
    /// Sum of the squared differences.
    difference: f64,
    /// Sum of the squared float outputs.
    reference: f64,
    /// Sum over the rows of the cosine between a row and its float row.
    cosine: f64,
    rows: usize,
}

/// What is told of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// |output - float| / |float|, Euclidean norms over all rows and elements.
    pub relative_error: f64,
    /// Cosine of the angle between a row's output and its float output, mean over the rows.
    pub cosine: f64,
}

impl Difference {
    /// Between `output` and `float`, both [rows, D].
    pub fn between(output: ArrayView2<f64>, float: ArrayView2<f64>) -> Self {
        let mut all = Difference::default();
        for (output, float) in output.outer_iter().zip(float.outer_iter()) {
            all += Difference {
                difference: (&output - &float).mapv(|x| x * x).sum(),
                reference: float.dot(&float),
                cosine: cosine(output, float),
                rows: 1,
            };
        }
        all
    }

    /// The figures.
    pub fn accuracy(&self) -> Accuracy {
        Accuracy {
            relative_error: (self.difference / self.reference.max(f64::MIN_POSITIVE)).sqrt(),
            cosine: self.cosine / self.rows.max(1) as f64,
        }
    }
}

impl AddAssign for Difference {
    fn add_assign(&mut self, other: Self) {
        self.difference += other.difference;
        self.reference += other.reference;
        self.cosine += other.cosine;
        self.rows += other.rows;
    }
}

/// 0 if one of the two has no direction.
fn cosine(a: ArrayView1<f64>, b: ArrayView1<f64>) -> f64 {
    let lengths = (a.dot(&a) * b.dot(&b)).sqrt();
    if lengths > 0.0 {
        a.dot(&b) / lengths
    } else {
        0.0
    }
}

/// The renormalized outputs, [rows, D], as real numbers: what leaves the unit, or where that is
/// sums and normalizer, their quotient.
///
/// `scale` is the real number that 1 of the values stands for.
pub fn renormalized(c: &Configuration, attention: &Attention, scale: f64) -> Array2<f64> {
    if let Some(outputs) = &attention.outputs {
        let fraction_bits = c.output_bits.unwrap_or(c.value_bits) - c.value_bits;
        let step = scale / f64::from(1_u32 << fraction_bits);
        return outputs.mapv(|output| f64::from(output) * step);
    }
    let mut quotients = attention.accumulators.mapv(|sum| sum as f64 * scale);
    for (mut row, normalizer) in quotients.outer_iter_mut().zip(&attention.normalizers) {
        // A row without survivors has sums of 0.
        row /= (*normalizer).max(1) as f64;
    }
    quotients
}

/// The outputs, [rows, D], with the levels taken as probabilities as they are, although those of
/// a row do not add up to 1.
pub fn as_they_are(c: &Configuration, attention: &Attention, scale: f64) -> Array2<f64> {
    let one_bits = match c.accumulate {
        Accumulate::Shift | Accumulate::Sorted => c.max_shift.unwrap_or(0),
        Accumulate::Bucket => c.level_bits.unwrap_or(0),
        Accumulate::Multiply => logattn_golden::config::LINEAR_CODE_BITS,
    };
    let step = scale / f64::from(1_u32 << one_bits);
    attention.accumulators.mapv(|sum| sum as f64 * step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn error_and_cosine_of_known_rows() {
        let float = arr2(&[[3.0, 4.0], [0.0, 5.0]]);
        // The first row is right but for its length, the second a quarter turn off.
        let output = arr2(&[[6.0, 8.0], [5.0, 0.0]]);
        let accuracy = Difference::between(output.view(), float.view()).accuracy();
        // Squared differences 25 and 50 of squared lengths 25 and 25.
        assert!((accuracy.relative_error - 1.5_f64.sqrt()).abs() < 1e-12);
        assert!((accuracy.cosine - 0.5).abs() < 1e-12);
        let same = Difference::between(float.view(), float.view()).accuracy();
        assert_eq!(
            same,
            Accuracy {
                relative_error: 0.0,
                cosine: 1.0
            }
        );
    }

    #[test]
    fn outputs_as_real_numbers() {
        let c = Configuration::named("nano").unwrap();
        let attention = Attention {
            accumulators: arr2(&[[640, -1280], [0, 0]]),
            normalizers: vec![64, 0],
            outputs: None,
            survivors: vec![1, 0],
        };
        // Sums over the normalizer, times the scale; shifts count from 2^7.
        assert_eq!(
            renormalized(&c, &attention, 0.5),
            arr2(&[[5.0, -10.0], [0.0, 0.0]])
        );
        assert_eq!(
            as_they_are(&c, &attention, 0.5),
            arr2(&[[2.5, -5.0], [0.0, 0.0]])
        );
    }
}
