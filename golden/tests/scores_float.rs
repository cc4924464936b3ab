//! The score input against a softmax and a quantizer in double precision, and how far from an
//! edge the two can disagree.

use std::f64::consts::LOG2_E;
use std::sync::LazyLock;

use logattn_golden::scores::{
    Exp2, ScoreFormat, ScoreParameters, power_of_two_query, score_codes, score_thresholds, scores,
};
use ndarray::{Array2, arr2};
use proptest::prelude::*;

const SHIFTS: [u32; 7] = [7, 6, 5, 4, 3, 2, 1];

/// Edges in octaves below 1 for [`SHIFTS`], lowest first.
fn edges(lowest: f64) -> [f64; 7] {
    [lowest, 6.5, 5.5, 4.5, 3.5, 2.5, 1.5]
}

/// log2 of the softmax of logits that are in octaves.
fn log2_softmax(logits: &[f64]) -> Vec<f64> {
    let most = logits.iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x));
    let sum: f64 = logits.iter().map(|x| (x - most).exp2()).sum();
    logits.iter().map(|x| x - most - sum.log2()).collect()
}

/// The largest of log2(1 + x) - x within an octave, by search.
static MITCHELL_ERROR: LazyLock<f64> = LazyLock::new(|| {
    (0..=1_000_000)
        .map(|i| f64::from(i) / 1e6)
        .map(|x| (1.0 + x).log2() - x)
        .fold(0.0, f64::max)
});

/// The bound as the documentation states it, without that of cut-down distances: how far z can be
/// below and above log2 p, in octaves.
fn stated_bound(p: &ScoreParameters, keys: usize, score_shift: u32) -> (f64, f64) {
    let step = 2_f64.powi(-(p.fraction_bits as i32));
    let unit = 2_f64.powi(-((p.fraction_bits + p.guard_bits) as i32));
    let rounded_off = step - step * 2_f64.powi(-(score_shift as i32));
    let truncated = (1.0 + (keys - 1) as f64 * unit).log2();
    let mu = *MITCHELL_ERROR;
    let (most, least) = match p.exp2 {
        Exp2::Mitchell => (mu, 0.0),
        Exp2::Table => ((1.0 + unit / 2.0).log2(), -(1.0 - unit / 2.0).log2()),
    };
    (
        rounded_off + most,
        rounded_off + truncated + least + mu + step,
    )
}

/// Rows of every kind: a few keys near each other, one far above, most of them far below.
fn row() -> impl Strategy<Value = Vec<f64>> {
    let group = (-14.0_f64..0.0, 0.0_f64..6.0, 1_usize..80);
    prop::collection::vec(group, 1..6).prop_perturb(|groups, mut random| {
        let mut row = Vec::new();
        for (center, spread, keys) in groups {
            row.extend((0..keys).map(|_| center + spread * random.random_range(-0.5..0.5)));
        }
        row
    })
}

fn format(fraction_bits: u32, guard_bits: Option<u32>, exp2: Exp2, lowest: f64) -> ScoreFormat {
    let thresholds = score_thresholds(&SHIFTS, lowest, fraction_bits).unwrap();
    let mut parameters = ScoreParameters::new(512, fraction_bits, thresholds);
    parameters.exp2 = exp2;
    parameters.guard_bits = guard_bits.unwrap_or(parameters.guard_bits);
    ScoreFormat::new(parameters).unwrap()
}

/// Integer scores of logits in octaves, with `fraction_bits`.
fn integers(logits: &[f64], fraction_bits: u32) -> Array2<i32> {
    let one = 2_f64.powi(fraction_bits as i32);
    let row: Vec<i32> = logits.iter().map(|x| (x * one).round() as i32).collect();
    Array2::from_shape_vec((1, row.len()), row).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]
    #[test]
    fn codes_differ_only_within_the_bound_of_an_edge(
        logits in row(),
        (fraction_bits, shift, guard_bits) in (0_u32..=8, 0_u32..=8, prop::option::of(2_u32..=12)),
        (table, lowest) in (any::<bool>(), 7.0_f64..9.0),
    ) {
        let exp2 = if table { Exp2::Table } else { Exp2::Mitchell };
        let format = format(fraction_bits, guard_bits, exp2, lowest);
        let scores = integers(&logits, fraction_bits + shift);
        let keys = logits.len();
        let scale = 2_f64.powi(-((fraction_bits + shift) as i32));
        let exact: Vec<f64> = scores.iter().map(|s| f64::from(*s) * scale).collect();
        let meant = log2_softmax(&exact);

        let (mut below, above) = stated_bound(format.parameters(), keys, shift);
        // Of distances over 16 octaves, which no row here has but by rounding.
        below += 512.0 * 2_f64.powi(-15) * LOG2_E;
        let bound = format.error_bound(keys, shift);
        prop_assert!(bound.below <= below && (bound.above - above).abs() < 1e-9);

        let statistics = format.row_statistics(scores.as_slice().unwrap(), shift).unwrap().unwrap();
        let step = 2_f64.powi(-(fraction_bits as i32));
        let codes = score_codes(&format, scores.view(), shift, &[keys]).unwrap();
        for (key, meant) in meant.iter().enumerate() {
            let y = i64::from(scores[[0, key]] >> shift);
            let z = (y - statistics.log_sum()) as f64 * step;
            prop_assert!(z - meant <= bound.above + 1e-9, "{} over {}", z, meant);
            prop_assert!(z - meant >= -bound.below - 1e-9, "{} under {}", z, meant);
            for (i, edge) in edges(lowest).into_iter().enumerate() {
                let rounded = if i == 0 || fraction_bits == 0 { step / 2.0 } else { 0.0 };
                let survives = usize::from(codes[[0, key]]) > i;
                if survives && *meant < -edge {
                    prop_assert!(-edge - meant <= bound.above + rounded + 1e-9);
                } else if !survives && *meant >= -edge {
                    prop_assert!(meant + edge <= bound.below + rounded + 1e-9);
                }
            }
        }
    }
}

/// Rows of one key and several equal ones come near the bound: it cannot be much tighter.
#[test]
fn the_bound_is_nearly_reached() {
    let (mut below, mut above) = (0.0_f64, 0.0_f64);
    let format = format(4, None, Exp2::Mitchell, 7.5);
    let shift = 6;
    for distance in 0..=1024 {
        for (others, offset) in (1..60).flat_map(|n| [(n, 0), (n, 63)]) {
            // Offset: what the shift rounds off, for the first key and for the others.
            let mut scores = vec![-distance; others + 1];
            scores[0] = offset;
            let exact: Vec<f64> = scores.iter().map(|s| f64::from(*s) / 1024.0).collect();
            let statistics = format.row_statistics(&scores, shift).unwrap().unwrap();
            for (score, meant) in scores.iter().zip(log2_softmax(&exact)) {
                let z = (i64::from(score >> shift) - statistics.log_sum()) as f64 / 16.0;
                below = below.max(meant - z);
                above = above.max(z - meant);
            }
        }
    }
    let bound = format.error_bound(60, shift);
    assert!(below <= bound.below && above <= bound.above);
    assert!(below > 0.7 * bound.below, "{below} of {}", bound.below);
    assert!(above > 0.7 * bound.above, "{above} of {}", bound.above);
}

/// The figures of the documentation.
#[test]
fn the_documented_bound() {
    let bound = format(4, None, Exp2::Mitchell, 7.5).error_bound(512, 60);
    assert!((bound.below - 0.1486).abs() < 5e-5, "{}", bound.below);
    assert!((bound.above - 0.2554).abs() < 5e-5, "{}", bound.above);
}

#[test]
fn default_guard_bits_keep_truncation_below_a_step() {
    for fraction_bits in 0..=8 {
        for max_keys in [2, 3, 100, 128, 129, 512, 5000, 16384] {
            let thresholds = score_thresholds(&SHIFTS, 7.5, fraction_bits).unwrap();
            let p = ScoreParameters::new(max_keys, fraction_bits, thresholds);
            ScoreFormat::new(p.clone()).unwrap();
            let unit = 2_f64.powi(-((p.fraction_bits + p.guard_bits) as i32));
            let truncated = (1.0 + (max_keys - 1) as f64 * unit).log2();
            assert!(truncated < 2_f64.powi(-(fraction_bits as i32)));
        }
    }
}

/// Logits in octaves by the formula of attention.
fn float_logits(q: &Array2<f64>, k: &Array2<i8>, key_scale: f64) -> Array2<f64> {
    let k = k.mapv(|k| f64::from(k) * key_scale);
    q.dot(&k.t()) * (LOG2_E / (q.ncols() as f64).sqrt())
}

proptest! {
    #[test]
    fn scaled_queries_make_base_2_logits(
        numbers in prop::collection::vec(-1.0_f64..1.0, 24),
        keys in prop::collection::vec(any::<i8>(), 24),
        (magnitude, key_scale) in (-12_i32..=3, 1e-3_f64..1e-1),
    ) {
        let q = Array2::from_shape_vec((3, 8), numbers).unwrap() * 2_f64.powi(magnitude);
        let k = Array2::from_shape_vec((3, 8), keys).unwrap();
        let scaled = power_of_two_query(q.view(), key_scale, 0).unwrap();
        let most = scaled.integers.iter().map(|q| q.unsigned_abs()).max().unwrap();
        // The largest element takes over half of the range, or f could be one more.
        prop_assert!((64..=127).contains(&most));
        let share = f64::from(most) / 127.0;
        prop_assert!((scaled.used_range - share).abs() <= 0.5 / 127.0 + 1e-12);
        prop_assert!((scaled.effective_bits() - 8.0 - scaled.used_range.log2()).abs() < 1e-12);
        prop_assert_eq!(scaled.scale_bits, scaled.score_shift);
        let one = 2_f64.powi(-(scaled.scale_bits as i32));
        let found = scores(scaled.integers.view(), k.view()).unwrap();
        let expected = float_logits(&q, &k, key_scale);
        // Each element is off by half a unit at most.
        for ((row, key), logit) in expected.indexed_iter() {
            let slack: f64 = k.row(key).iter().map(|k| f64::from(*k).abs() * 0.5).sum();
            let error = f64::from(found[[row, key]]) * one - logit;
            prop_assert!(error.abs() <= slack * one * (1.0 + 1e-9));
        }
    }
}

#[test]
fn known_scales() {
    // D = 4, log2(e) / 2 of each query times the key scale, which takes the factor out again.
    let key_scale = 2.0 / LOG2_E;
    let scale = |q: [f64; 4], fraction_bits| {
        power_of_two_query(arr2(&[q]).view(), key_scale, fraction_bits)
    };
    let exact = scale([1.0, -0.5, 0.25, 0.0], 4).unwrap();
    assert_eq!(exact.integers, arr2(&[[64, -32, 16, 0]]));
    assert_eq!((exact.scale_bits, exact.score_shift), (6, 2));
    assert!((exact.used_range - 64.0 / 127.0).abs() < 1e-12);
    // 127.49 2^-6 still rounds to 127; what rounds to 128 needs one bit less. Halves of -0.5 go
    // away from zero.
    let most = scale([127.49 / 64.0, 0.0, -0.5 / 64.0, 0.0], 4).unwrap();
    assert_eq!((most.scale_bits, most.integers[[0, 0]]), (6, 127));
    let over = scale([127.51 / 64.0, 0.0, 0.0, 0.0], 4).unwrap();
    assert_eq!((over.scale_bits, over.integers[[0, 0]]), (5, 64));
    // The least f there is, and one less.
    assert_eq!(scale([4.0, 0.0, 0.0, 0.0], 4).unwrap().score_shift, 0);
    let error = scale([8.0, 0.0, 0.0, 0.0], 4).unwrap_err().to_string();
    assert!(
        error.starts_with("scale_bits = 3: must be at least fraction_bits = 4"),
        "{error}"
    );
    assert_eq!(scale([8.0, 0.0, 0.0, 0.0], 3).unwrap().score_shift, 0);
    // Queries of (nearly) nothing.
    for q in [0.0, 1e-300] {
        let none = scale([q; 4], 4).unwrap();
        assert_eq!((none.integers.sum(), none.score_shift), (0, 31));
        assert_eq!(none.effective_bits(), 0.0);
    }
    let single = power_of_two_query(arr2(&[[1.0_f32]]).view(), 1.0 / LOG2_E, 4).unwrap();
    assert_eq!(single.integers, arr2(&[[64]]));
    let empty = power_of_two_query(Array2::<f32>::zeros((0, 4)).view(), 1.0, 4).unwrap();
    assert_eq!(empty.integers.dim(), (0, 4));
}

#[test]
fn known_thresholds() {
    let found = |lowest, fraction_bits| score_thresholds(&SHIFTS, lowest, fraction_bits).unwrap();
    assert_eq!(found(7.5, 4), [-120, -104, -88, -72, -56, -40, -24]);
    assert_eq!(found(8.5, 1), [-17, -13, -11, -9, -7, -5, -3]);
    // 7.75 octaves are 31 quarters or 15.5 halves, which go down; so do the halves of F = 0.
    assert_eq!(found(7.75, 2)[0], -31);
    assert_eq!(found(7.75, 1)[0], -16);
    assert_eq!(found(7.5, 0), [-8, -7, -6, -5, -4, -3, -2]);
    let gaps = score_thresholds(&[8, 5, 0], 8.1, 4).unwrap();
    assert_eq!(gaps, [-130, -104, -40]);
}
