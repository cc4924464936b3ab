//! Codes of the score input against those of a softmax in floating point.

use logattn_golden::Configuration;
use ndarray::{Array2, ArrayView2};
use serde::Serialize;

/// Codes by a quantizer of real numbers: a probability has at least code i iff it is at least
/// 2^(t / 2^F), t being score threshold i. All of them are 0 without score thresholds.
///
/// # Arguments
/// - `probabilities`: [rows, keys].
pub fn float_codes(c: &Configuration, probabilities: ArrayView2<f32>) -> Array2<u8> {
    let one = f64::from(1_u32 << c.fraction_bits.unwrap_or(0));
    let edge = |threshold: &i32| (f64::from(*threshold) / one).exp2();
    let edges: Vec<f64> = c.score_thresholds.iter().map(edge).collect();
    probabilities.mapv(|p| edges.iter().filter(|edge| f64::from(p) >= **edge).count() as u8)
}

/// Keys whose code is another than that of the float softmax; absent for a unit that takes
/// probabilities, which has none of its own.
///
/// # Arguments
/// - `probabilities`: the float softmax, [rows, keys].
/// - `codes`: the unit's, [rows, keys].
pub fn differing_codes(
    c: &Configuration,
    probabilities: ArrayView2<f32>,
    codes: ArrayView2<u8>,
) -> Option<u64> {
    c.fraction_bits?;
    let expected = float_codes(c, probabilities);
    let pairs = codes.iter().zip(&expected);
    Some(pairs.filter(|(code, expected)| code != expected).count() as u64)
}

/// What power-of-two scales of queries leave of their 8 bits, over some heads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Precision {
    /// Effective bits of a query's element in the head with the fewest.
    pub lowest: f64,
    /// Mean over the heads.
    pub mean: f64,
}

impl Precision {
    /// Of the effective bits of each head; absent without heads.
    pub fn of(bits: &[f64]) -> Option<Self> {
        let lowest = bits.iter().copied().reduce(f64::min)?;
        Some(Precision {
            lowest,
            mean: bits.iter().sum::<f64>() / bits.len() as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn codes_change_at_powers_of_two() {
        // Edges at 2^-7.75 (as near to log2(305 / 65536) as sixteenths come), 2^-6.5, 2^-5.5, ...
        let c = Configuration::named("edge_qkv").unwrap();
        let probabilities = arr2(&[[0.0, 0.004, 0.0047, 0.353, 0.354, 1.0]]);
        let codes = arr2(&[[0, 0, 1, 6, 7, 7]]);
        assert_eq!(float_codes(&c, probabilities.view()), codes);
        let own = arr2(&[[0, 1, 1, 6, 6, 7]]);
        let count = |c: &Configuration| differing_codes(c, probabilities.view(), own.view());
        assert_eq!(count(&c), Some(2));
        assert_eq!(count(&Configuration::named("edge").unwrap()), None);
    }

    #[test]
    fn precision_of_some_heads() {
        let precision = Precision {
            lowest: 7.0,
            mean: 7.5,
        };
        assert_eq!(Precision::of(&[7.5, 7.0, 8.0]), Some(precision));
        assert_eq!(Precision::of(&[]), None);
    }
}
