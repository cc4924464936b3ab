//! The integer model against the published formulas in floating point.
//!
//! The formulas are evaluated as published (arXiv 2106.01335: uniform quantization on the
//! logarithmic scale with pruning, geometric middles), without the crate's thresholds.

use logattn_golden::{Configuration, Thresholds, attend, paper_levels, probabilities_to_fixed};
use ndarray::{Array1, Array2};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const LOWEST: f64 = 1e-3;

/// Bin of a probability, 0 if pruned, else 1 and up: floor of its place on the logarithmic scale.
fn paper_bin(probability: f64, code_bits: u32) -> u8 {
    if probability < LOWEST {
        return 0;
    }
    let bins = f64::from((1 << code_bits) - 1);
    let step = -LOWEST.log2() / bins;
    let place = ((probability.log2() - LOWEST.log2()) / step).floor();
    1 + place.min(bins - 1.0) as u8
}

/// The same evaluated in single precision.
fn paper_bin_f32(probability: f32, code_bits: u32) -> u8 {
    if probability < LOWEST as f32 {
        return 0;
    }
    let bins = ((1 << code_bits) - 1) as f32;
    let lowest = (LOWEST as f32).log2();
    let step = -lowest / bins;
    let place = ((probability.log2() - lowest) / step).floor();
    1 + place.clamp(0.0, bins - 1.0) as u8
}

/// The value that a bin stands for.
fn paper_level(bin: u8, code_bits: u32) -> f64 {
    if bin == 0 {
        return 0.0;
    }
    let step = -LOWEST.log2() / f64::from((1 << code_bits) - 1);
    (LOWEST.log2() + (f64::from(bin) - 0.5) * step).exp2()
}

/// Level of a probability among 2^-7..2^-1: the nearest in the logarithm, 0 below 2^-7.75.
fn power_of_two_level(probability: f64) -> f64 {
    if probability < (-7.75_f64).exp2() {
        return 0.0;
    }
    (probability.log2() + 0.5).floor().clamp(-7.0, -1.0).exp2()
}

#[test]
fn paper_codes_on_the_whole_16_bit_grid() {
    for code_bits in 2..=4 {
        let thresholds = Thresholds::paper(code_bits, 16).unwrap();
        for p in 0..1_u32 << 16 {
            let expected = paper_bin(f64::from(p) / 65536.0, code_bits);
            assert_eq!(thresholds.code(p), expected, "{p} of {code_bits} bits");
        }
    }
}

#[test]
fn paper_codes_next_to_each_24_bit_threshold() {
    for code_bits in 2..=4 {
        let thresholds = Thresholds::paper(code_bits, 24).unwrap();
        for edge in thresholds.as_slice() {
            for p in edge - 100..=edge + 100 {
                let expected = paper_bin(f64::from(p) / f64::from(1 << 24), code_bits);
                assert_eq!(thresholds.code(p), expected, "{p} of {code_bits} bits");
            }
        }
    }
}

#[test]
fn single_precision_differs_only_within_a_few_ulp_of_an_edge() {
    const MOST_ULP: i64 = 8;
    let edges = (0..7).map(|i| LOWEST * 1000_f64.powf(f64::from(i) / 7.0));
    let mut differing = 0;
    for edge in edges {
        let center = (edge as f32).to_bits();
        for ulp in -200_i64..=200 {
            let probability = f32::from_bits((i64::from(center) + ulp) as u32);
            let exact = paper_bin(f64::from(probability), 3);
            if paper_bin_f32(probability, 3) != exact {
                differing += 1;
                assert!(
                    ulp.abs() <= MOST_ULP,
                    "{probability} is {ulp} ulp from {edge}"
                );
            }
        }
    }
    // Were there none, the thresholds would not need to be the definition.
    assert!(differing > 0);
}

#[test]
fn power_of_two_codes_on_the_whole_16_bit_grid() {
    let c = Configuration::named("nano").unwrap();
    let thresholds = Thresholds::new(c.thresholds.clone(), 16).unwrap();
    for p in 0..1_u32 << 16 {
        let expected = power_of_two_level(f64::from(p) / 65536.0);
        let level = match thresholds.code(p) {
            0 => 0.0,
            code => 0.5_f64.powi(c.shifts[usize::from(code) - 1] as i32),
        };
        assert_eq!(level, expected, "{p}");
    }
}

/// Softmax of normal-like scores, and integer values.
fn rows(rows: usize, keys: usize, dimension: usize) -> (Array2<f64>, Array2<i8>) {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut probabilities = Array2::from_shape_simple_fn((rows, keys), || {
        let sum: f64 = (0..12).map(|_| random.random::<f64>()).sum();
        (2.0 * (sum - 6.0)).exp()
    });
    for mut row in probabilities.rows_mut() {
        let sum = row.sum();
        row /= sum;
    }
    let values = Array2::from_shape_simple_fn((keys, dimension), || random.next_u32() as i8);
    (probabilities, values)
}

#[test]
fn rounding_to_fixed_point_moves_codes_only_next_to_an_edge() {
    let (probabilities, _) = rows(200, 256, 1);
    let fixed = probabilities_to_fixed::<_, u16, _>(&probabilities.view(), 16).unwrap();
    let thresholds = Thresholds::paper(3, 16).unwrap();
    let edges: Vec<f64> = (0..7)
        .map(|i| LOWEST * 1000_f64.powf(f64::from(i) / 7.0))
        .collect();
    let mut differing = 0;
    for (p, fixed) in probabilities.iter().zip(&fixed) {
        if thresholds.code(u32::from(*fixed)) != paper_bin(*p, 3) {
            differing += 1;
            // Half a step of rounding, and up to one to the next integer threshold.
            let near = edges.iter().any(|edge| (p - edge).abs() <= 1.5 / 65536.0);
            assert!(near, "{p}");
        }
    }
    assert!(
        differing * 50 < probabilities.len(),
        "{differing} of {}",
        probabilities.len()
    );
}

/// Float64 attention with given levels: P.V, the sums of the levels, and their quotient.
fn float_attention(levels: &Array2<f64>, values: &Array2<i8>) -> (Array2<f64>, Array1<f64>) {
    (
        levels.dot(&values.mapv(f64::from)),
        levels.sum_axis(ndarray::Axis(1)),
    )
}

#[test]
fn power_of_two_attention_is_the_float_one_exactly() {
    let c = Configuration::named("edge").unwrap();
    let (probabilities, values) = rows(50, 300, 32);
    let fixed = probabilities_to_fixed::<_, u16, _>(&probabilities.view(), 16).unwrap();
    let attention = attend(&c, fixed.view(), &[300; 50], values.view()).unwrap();
    let levels = fixed.mapv(|p| power_of_two_level(f64::from(p) / 65536.0));
    let (sums, normalizers) = float_attention(&levels, &values);
    assert_eq!(attention.accumulators.mapv(|sum| sum as f64 / 128.0), sums);
    let outputs = attention.outputs.unwrap();
    for (row, normalizer) in normalizers.iter().enumerate() {
        assert_eq!(attention.normalizers[row] as f64 / 128.0, *normalizer);
        for (output, sum) in outputs.row(row).iter().zip(sums.row(row)) {
            assert!((f64::from(*output) - sum / normalizer).abs() <= 0.5 + 1e-9);
        }
    }
}

#[test]
fn paper_attention_is_the_float_one_within_the_rounding_of_its_levels() {
    let c = Configuration::named("paper").unwrap();
    assert_eq!(c.levels, paper_levels(3, 16).unwrap());
    let (probabilities, values) = rows(50, 300, 32);
    let fixed = probabilities_to_fixed::<_, u16, _>(&probabilities.view(), 16).unwrap();
    let attention = attend(&c, fixed.view(), &[300; 50], values.view()).unwrap();
    let bins = fixed.mapv(|p| paper_bin(f64::from(p) / 65536.0, 3));
    let (sums, normalizers) = float_attention(&bins.mapv(|bin| paper_level(bin, 3)), &values);
    for (row, normalizer) in normalizers.iter().enumerate() {
        // Each survivor's level is off by half a unit of 2^-16 at most.
        let survivors = bins.row(row).iter().filter(|bin| **bin != 0).count() as f64;
        assert_eq!(attention.survivors[row] as f64, survivors);
        let off = survivors * 0.5;
        assert!((attention.normalizers[row] as f64 - normalizer * 65536.0).abs() <= off);
        for (sum, float) in attention.accumulators.row(row).iter().zip(sums.row(row)) {
            assert!((*sum as f64 - float * 65536.0).abs() <= off * 128.0);
        }
    }
}
