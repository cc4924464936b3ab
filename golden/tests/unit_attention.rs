//! What a unit makes of a head: the three inputs against plain loops over the definition.

use logattn_golden::{
    Accumulate, AttentionError, Configuration, HeadInput, Input, SORTED_NAMES, attend_unit,
    score_codes,
};
use ndarray::{Array2, array};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn random(rows: usize, columns: usize, most: i32, seed: u64) -> Array2<i32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array2::from_shape_fn((rows, columns), |_| rng.random_range(-most..=most))
}

fn int8(rows: usize, columns: usize, seed: u64) -> Array2<i8> {
    random(rows, columns, 127, seed).mapv(|value| value as i8)
}

#[test]
fn qkv_is_the_shifted_product_as_scores() {
    let c = Configuration::named("base").unwrap();
    let (query, key, value) = (int8(5, 64, 1), int8(40, 64, 2), int8(40, 64, 3));
    let lengths = [40, 1, 0, 17, 39];
    let shift = 9;
    let product = |row: usize, key_index: usize| -> i32 {
        (0..64)
            .map(|d| i32::from(query[[row, d]]) * i32::from(key[[key_index, d]]))
            .sum()
    };
    let scores = Array2::from_shape_fn((5, 40), |(row, key)| {
        product(row, key).div_euclid(1 << shift)
    });
    let input = HeadInput::Qkv {
        query: query.view(),
        key: key.view(),
        score_shift: shift,
    };
    let whole = attend_unit(&c, input, &lengths, value.view()).unwrap();
    let c = c.with_input(Input::Scores).unwrap();
    let input = HeadInput::Scores(scores.view());
    let from_scores = attend_unit(&c, input, &lengths, value.view()).unwrap();
    assert_eq!(whole, from_scores);
    for (row, largest) in whole.largest.iter().enumerate() {
        let length = lengths[row];
        let expected = (0..length).max_by_key(|key| (scores[[row, *key]], std::cmp::Reverse(*key)));
        assert_eq!(*largest, expected, "row {row}");
    }
}

/// Sorting is a matter of order: the sums are those of `accumulate = "shift"`.
#[test]
fn sorted_units_give_the_same_bits() {
    for name in SORTED_NAMES {
        let sorted = Configuration::named(name).unwrap();
        let shift = Configuration::named(name.trim_end_matches("_sorted")).unwrap();
        assert_eq!(sorted.accumulate, Accumulate::Sorted);
        assert_eq!(sorted.accumulator_bits(), shift.accumulator_bits());
        assert_eq!(sorted.normalizer_bits(), shift.normalizer_bits());
        let [sorted, shift] = [sorted, shift].map(|c| c.with_input(Input::Scores).unwrap());
        let scores = random(6, 50, 200, 14);
        let value = int8(50, sorted.head_dimension, 15);
        let of = |c| {
            let input = HeadInput::Scores(scores.view());
            attend_unit(c, input, &[50, 3, 0, 50, 20, 49], value.view()).unwrap()
        };
        assert_eq!(of(&sorted), of(&shift), "{name}");
    }
}

#[test]
fn any_levels_can_follow_scores() {
    let c = Configuration::named("paper_scores").unwrap();
    let scores = random(6, 50, 200, 4);
    let lengths = [50, 3, 0, 50, 20, 49];
    let value = int8(50, 32, 5);
    let result = attend_unit(&c, HeadInput::Scores(scores.view()), &lengths, value.view()).unwrap();
    let format = c.score_format().unwrap();
    let codes = score_codes(&format, scores.view(), 0, &lengths).unwrap();
    assert_eq!(result.codes, codes);
    let level = |code: u8| match code {
        0 => 0,
        code => i64::from(c.levels[usize::from(code) - 1]),
    };
    for row in 0..6 {
        let weights: Vec<i64> = codes.row(row).iter().map(|code| level(*code)).collect();
        let normalizer: i64 = weights.iter().sum();
        assert_eq!(result.attention.normalizers[row], normalizer as u64);
        for d in 0..32 {
            let sum: i64 = (0..50)
                .map(|key| weights[key] * i64::from(value[[key, d]]))
                .sum();
            assert_eq!(result.attention.accumulators[[row, d]], sum);
        }
    }
    assert!(codes.iter().any(|code| *code == 0) && codes.iter().any(|code| *code > 3));
}

#[test]
fn an_input_of_another_kind_is_refused() {
    let c = Configuration::named("nano").unwrap();
    assert_eq!(c.accumulate, Accumulate::Shift);
    let scores = array![[1, 2, 3]];
    let value = Array2::zeros((3, 32));
    let error = attend_unit(&c, HeadInput::Scores(scores.view()), &[3], value.view()).unwrap_err();
    assert!(
        matches!(error, AttentionError::Parameter { what: "input", .. }),
        "{error}"
    );
}

#[test]
fn a_product_that_does_not_fit_is_refused() {
    let c = Configuration::named("base").unwrap();
    let query = Array2::from_elem((1, 64), 127);
    let key = Array2::from_elem((2, 64), -128);
    let input = |score_shift| HeadInput::Qkv {
        query: query.view(),
        key: key.view(),
        score_shift,
    };
    let value = Array2::zeros((2, 64));
    // 127 * 128 * 64 = 1,040,384; 12 signed bits hold it from a shift of 9 on.
    attend_unit(&c, input(9), &[2], value.view()).unwrap();
    let error = attend_unit(&c, input(8), &[2], value.view())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("score_bits") && error.contains("-1040384"),
        "{error}"
    );
}
