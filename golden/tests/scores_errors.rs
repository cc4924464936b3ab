//! Everything that the score input refuses, each with its value and the legal range.

use logattn_golden::AttentionError;
use logattn_golden::scores::{
    Exp2, ScoreFormat, ScoreNormalize, ScoreParameters, ScoreWeights, attend_score_heads,
    attend_scores, power_of_two_query, score_codes, score_thresholds, scores,
};
use ndarray::{Array2, Array3, arr2};

const THRESHOLDS: [i32; 3] = [-80, -40, -24];

fn parameters() -> ScoreParameters {
    ScoreParameters::new(8, 4, THRESHOLDS.to_vec())
}

fn weights() -> ScoreWeights {
    ScoreWeights {
        value_bits: 4,
        max_shift: 4,
        shifts: vec![4, 2, 1],
        normalize: ScoreNormalize::Reciprocal { output_bits: 4 },
    }
}

/// Makes legal parameters illegal.
type Change<T> = fn(&mut T);

fn check<T>(result: Result<T, AttentionError>, expected: &str) {
    match result {
        Ok(_) => panic!("accepted, expected {expected:?}"),
        Err(error) => assert!(error.to_string().contains(expected), "{error}"),
    }
}

#[test]
fn the_defaults_are_legal() {
    let p = parameters();
    assert_eq!((p.score_bits, p.distance_bits, p.guard_bits), (16, 8, 4));
    assert_eq!(p.exp2, Exp2::Mitchell);
    weights().validate(&ScoreFormat::new(p).unwrap()).unwrap();
}

#[test]
fn parameters_out_of_range_are_named() {
    let cases: Vec<(Change<ScoreParameters>, &str)> = vec![
        (|p| p.max_keys = 1, "max_keys = 1: must be 2..=16384"),
        (|p| p.max_keys = 16385, "max_keys = 16385"),
        (|p| p.fraction_bits = 9, "fraction_bits = 9: must be 0..=8"),
        // F over the score's width.
        (|p| p.score_bits = 4, "score_bits = 4: must be 5..=32"),
        (|p| p.score_bits = 33, "score_bits = 33: must be 5..=32"),
        (|p| p.distance_bits = 4, "distance_bits = 4: must be 5..=9"),
        (
            |p| p.distance_bits = 10,
            "distance_bits = 10: must be 5..=9",
        ),
        (|p| p.guard_bits = 17, "guard_bits = 17: must be 0..=16"),
        (|p| p.thresholds[2] = 1, "threshold = 1: must be -254..=0"),
        (
            |p| p.thresholds[0] = -255,
            "threshold = -255: must be -254..=0",
        ),
        (|p| p.thresholds[0] = i32::MIN, "threshold = -2147483648"),
        (
            |p| p.thresholds[0] = -30,
            "thresholds = [-30, -40, -24]: must be 3, 7 or 15 non-dec",
        ),
        (
            |p| p.thresholds.truncate(2),
            "thresholds = [-80, -40]: must be 3, 7 or 15",
        ),
        (
            |p| p.thresholds.clear(),
            "thresholds = []: must be 3, 7 or 15",
        ),
    ];
    for (change, expected) in cases {
        let mut p = parameters();
        change(&mut p);
        check(ScoreFormat::new(p), expected);
    }
    // The ends of the ranges.
    for (least, most) in [(-254, 0), (0, 0)] {
        let mut p = parameters();
        p.thresholds = vec![least, most, most];
        ScoreFormat::new(p).unwrap();
    }
    let mut extreme = ScoreParameters::new(16384, u32::MAX, vec![]);
    assert_eq!(extreme.score_bits, u32::MAX);
    extreme.max_keys = usize::MAX;
    check(ScoreFormat::new(extreme), "max_keys");
    let many = ScoreParameters::new(usize::MAX, 4, THRESHOLDS.to_vec());
    check(ScoreFormat::new(many), "max_keys");
}

#[test]
fn weights_out_of_range_are_named() {
    let cases: Vec<(Change<ScoreWeights>, &str)> = vec![
        (|w| w.value_bits = 1, "value_bits = 1: must be 2..=8"),
        (|w| w.value_bits = 9, "value_bits = 9: must be 2..=8"),
        (|w| w.max_shift = 0, "max_shift = 0: must be 1..=15"),
        (|w| w.max_shift = 16, "max_shift = 16: must be 1..=15"),
        (
            |w| w.max_shift = 3,
            "shifts = [4, 2, 1]: must be non-increasing integers of 0..=3",
        ),
        (
            |w| w.shifts = vec![1, 2, 4],
            "shifts = [1, 2, 4]: must be non-increasing",
        ),
        (
            |w| w.shifts = vec![1, 0],
            "shifts is 2: must be 3 (one a threshold)",
        ),
        (
            |w| w.normalize = ScoreNormalize::Complement { output_bits: 3 },
            "output_bits = 3: must be 4..=16",
        ),
        (
            |w| w.normalize = ScoreNormalize::Reciprocal { output_bits: 17 },
            "output_bits = 17: must be 4..=16",
        ),
    ];
    let format = ScoreFormat::new(parameters()).unwrap();
    let (score, value) = (Array2::zeros((1, 1)), Array2::zeros((1, 1)));
    for (change, expected) in cases {
        let mut w = weights();
        change(&mut w);
        check(w.validate(&format), expected);
        let attention = attend_scores(&format, &w, score.view(), 0, &[1], value.view());
        check(attention, expected);
    }
    // 8 + 15 + 10 bits of 1024 keys are one too many.
    let mut p = parameters();
    p.max_keys = 1024;
    let wide = ScoreWeights {
        value_bits: 8,
        max_shift: 15,
        normalize: ScoreNormalize::None,
        ..weights()
    };
    check(
        wide.validate(&ScoreFormat::new(p).unwrap()),
        "accumulator_bits = 33: must be 0..=32",
    );
}

#[test]
fn data_that_does_not_fit_is_refused() {
    let mut p = parameters();
    p.score_bits = 8;
    let format = ScoreFormat::new(p).unwrap();
    let attend = |scores: Array2<i32>, shift, lengths: &[usize], values: Array2<i8>| {
        attend_scores(
            &format,
            &weights(),
            scores.view(),
            shift,
            lengths,
            values.view(),
        )
    };
    let ones = |rows, columns| Array2::ones((rows, columns));
    let values = |keys, elements| Array2::<i8>::ones((keys, elements));

    check(
        attend(ones(2, 9), 0, &[1, 1], values(9, 2)),
        "keys of scores is 9: must be at most max_keys = 8",
    );
    check(
        attend(ones(2, 3), 0, &[1], values(3, 2)),
        "number of lengths is 1: must be 2 (rows of scores)",
    );
    check(
        attend(ones(2, 3), 0, &[1, 4], values(3, 2)),
        "length of a row is 4: must be at most 3",
    );
    check(
        attend(ones(2, 3), 0, &[1, 3], values(4, 2)),
        "keys of values is 4: must be 3",
    );
    check(
        attend(ones(2, 3), 0, &[1, 3], values(3, 0)),
        "elements of a value is 0: must be at least 1",
    );
    check(
        attend(ones(2, 3), 32, &[1, 3], values(3, 2)),
        "score_shift = 32: must be 0..=31",
    );
    check(
        attend(ones(2, 3), 0, &[1, 3], Array2::from_elem((3, 2), 8)),
        "value 8 of key 0, element 0: must fit 4 signed bits",
    );

    // 8 bits after the shift: -1024..1024 before it. Rounding down lets -1024 in but not -1025.
    for (score, key) in [(1024, 2), (-1025, 1), (i32::MAX, 2), (i32::MIN, 0)] {
        let mut large = ones(2, 3);
        large[[1, key]] = score;
        let expected = format!("score = {score} of row 1, key {key}: must be such that 8 signed");
        check(attend(large.clone(), 3, &[3, 3], values(3, 2)), &expected);
        check(score_codes(&format, large.view(), 3, &[3, 3]), &expected);
        let row = large.row(1).to_vec();
        let expected = format!("score = {score} of row 0, key {key}");
        check(format.row_statistics(&row, 3), &expected);
        check(format.early_pruned(&row, 3, 2), &expected);
        // Not where it is masked.
        attend(large, 3, &[3, key], values(3, 2)).unwrap();
    }
    let fits = arr2(&[[1023, -1024, 0], [0, 0, 0]]);
    attend(fits.clone(), 3, &[3, 3], values(3, 2)).unwrap();
    check(
        format.early_pruned(&[0], 0, 0),
        "keys_per_beat = 0: must be at least 1",
    );
    check(format.row_statistics(&[0; 9], 0), "keys of scores is 9");

    let heads = |scores: Array3<i32>, shifts: &[u32], values: Array3<i8>| {
        attend_score_heads(
            &format,
            &weights(),
            scores.view(),
            shifts,
            &[3, 3],
            values.view(),
        )
    };
    let mut large = Array3::zeros((2, 2, 3));
    large[[1, 0, 2]] = 128;
    let zeros = Array3::zeros((2, 3, 2));
    check(
        heads(large.clone(), &[0, 0], zeros.clone()),
        "head 1: score = 128 of row 0, key 2",
    );
    check(
        heads(large.clone(), &[0, 99], zeros.clone()),
        "head 1: score_shift = 99",
    );
    check(
        heads(large.clone(), &[0], zeros.clone()),
        "number of score shifts is 1: must be 2 (heads of scores)",
    );
    check(
        heads(large.clone(), &[0, 1], Array3::zeros((3, 3, 2))),
        "heads of values is 3: must be 2",
    );
    let mut wide = zeros;
    wide[[1, 2, 1]] = -9;
    check(
        heads(large, &[0, 1], wide),
        "head 1: value -9 of key 2, element 1",
    );
}

/// Nothing to do is no error.
#[test]
fn empty_data_is_legal() {
    let format = ScoreFormat::new(parameters()).unwrap();
    let attend = |scores: Array2<i32>, lengths: &[usize], values: Array2<i8>| {
        attend_scores(
            &format,
            &weights(),
            scores.view(),
            0,
            lengths,
            values.view(),
        )
        .unwrap()
    };
    let no_keys = attend(Array2::zeros((2, 0)), &[0, 0], Array2::zeros((0, 3)));
    assert_eq!(no_keys.outputs, Some(Array2::zeros((2, 3))));
    assert_eq!(
        (no_keys.normalizers, no_keys.survivors),
        (vec![0; 2], vec![0; 2])
    );
    let no_rows = attend(Array2::zeros((0, 2)), &[], Array2::zeros((2, 3)));
    assert_eq!(no_rows.accumulators.dim(), (0, 3));
    let codes = score_codes(&format, Array2::zeros((2, 0)).view(), 0, &[0, 0]).unwrap();
    assert_eq!(codes.dim(), (2, 0));
    assert_eq!(format.row_statistics(&[], 0).unwrap(), None);
    assert_eq!(format.early_pruned(&[], 0, 4).unwrap(), 0);
    let none = Array2::<i8>::zeros((2, 0));
    assert_eq!(
        scores(none.view(), none.view()).unwrap(),
        Array2::zeros((2, 2))
    );
}

#[test]
fn dot_products_need_matching_sizes() {
    let matrix = |elements| Array2::<i8>::zeros((1, elements));
    check(
        scores(matrix(3).view(), matrix(4).view()),
        "elements of a key is 4: must be 3 (elements of a query)",
    );
    check(
        scores(matrix(65537).view(), matrix(65537).view()),
        "elements of a query is 65537: must be at most 65536",
    );
}

#[test]
fn scales_that_do_not_fit_are_refused() {
    let q = arr2(&[[1.0, -0.5], [0.25, 2.0]]);
    for key_scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        check(
            power_of_two_query(q.view(), key_scale, 4),
            &format!("key_scale = {key_scale:?}: must be positive and finite"),
        );
    }
    check(
        power_of_two_query(q.view(), 1.0, 9),
        "fraction_bits = 9: must be 0..=8",
    );
    // 2.04 octaves per unit of a key fit 5 fraction bits, 100 times as much none.
    assert_eq!(power_of_two_query(q.view(), 1.0, 5).unwrap().scale_bits, 5);
    check(
        power_of_two_query(q.view(), 100.0, 0),
        "scale_bits = -1: must be at least fraction_bits = 0",
    );
    check(
        power_of_two_query(arr2(&[[f64::MAX]]).view(), f64::MAX, 4),
        "scale_bits = ",
    );
    for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let q = arr2(&[[1.0, 2.0], [3.0, wrong]]);
        let expected = format!("value {wrong} at [1, 1]: must be finite");
        check(power_of_two_query(q.view(), 1.0, 4), &expected);
    }
}

#[test]
fn thresholds_out_of_range_are_named() {
    check(
        score_thresholds(&[3, 2, 1], 7.0, 9),
        "fraction_bits = 9: must be 0..=8",
    );
    check(
        score_thresholds(&[1, 2, 3], 7.0, 4),
        "shifts = [1, 2, 3]: must be 3, 7 or 15",
    );
    check(
        score_thresholds(&[16, 2, 1], 17.0, 4),
        "shifts = [16, 2, 1]",
    );
    check(
        score_thresholds(&[2, 1], 7.0, 4),
        "shifts = [2, 1]: must be 3, 7 or 15",
    );
    check(score_thresholds(&[], 7.0, 4), "shifts = []");
    check(
        score_thresholds(&[3, 2, 1], 2.4, 4),
        "lowest = 2.4: must be 2.5..=32 (from the next edge down)",
    );
    check(score_thresholds(&[3, 2, 1], 32.1, 4), "lowest = 32.1");
    check(score_thresholds(&[3, 2, 1], f64::NAN, 4), "lowest = NaN");
}
