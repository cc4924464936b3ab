//! Rows one at a time against whole heads, for every named configuration.

use logattn_golden::scores::scores;
use logattn_golden::{
    AttentionError, Configuration, HeadInput, Input, NAMES, RowBuffers, SORTED_NAMES, TWIN_NAMES,
    UnitRows, VARIANT_NAMES, attend_unit, probabilities_to_fixed,
};
use ndarray::{Array2, ArrayView2, s};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const KEYS: usize = 150;
const SHIFT: u32 = 5;

/// Lengths of rows; the empty one among others shows that no row leaves anything to the next.
const LENGTHS: [usize; 6] = [KEYS, 1, 0, 64, 97, KEYS];

fn int8(rows: usize, columns: usize, most: i8, seed: u64) -> Array2<i8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array2::from_shape_simple_fn((rows, columns), || rng.random_range(-most..=most))
}

/// A softmax of random scores over each row's keys.
fn probabilities(seed: u64) -> Array2<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut all = Array2::from_shape_simple_fn((LENGTHS.len(), KEYS), || {
        rng.random_range(-6.0_f32..4.0).exp()
    });
    for (mut row, length) in all.rows_mut().into_iter().zip(LENGTHS) {
        let sum: f32 = row.iter().take(length).sum();
        row /= sum.max(f32::MIN_POSITIVE);
        row.slice_mut(s![length..]).fill(0.0);
    }
    all
}

/// All rows of both ways.
fn compare(c: &Configuration, scale: u64) {
    let d = c.head_dimension;
    let (query, key) = (
        int8(LENGTHS.len(), d, 60, scale),
        int8(KEYS, d, 40, scale + 1),
    );
    let values = int8(
        KEYS,
        d,
        ((1_u32 << (c.value_bits - 1)) - 1) as i8,
        scale + 2,
    );
    let floats = probabilities(scale + 3);
    let fixed = probabilities_to_fixed::<_, u32, _>(&floats.view(), c.probability_bits).unwrap();
    let products = scores(query.view(), key.view()).unwrap();
    let shifted = products.mapv(|product| product >> SHIFT);
    let input = match c.input {
        Input::Probabilities => HeadInput::Probabilities(fixed.view()),
        Input::Scores => HeadInput::Scores(shifted.view()),
        Input::Qkv => HeadInput::Qkv {
            query: query.view(),
            key: key.view(),
            score_shift: SHIFT,
        },
    };
    let whole = attend_unit(c, input, &LENGTHS, values.view()).unwrap();

    let unit = UnitRows::new(c).unwrap();
    let prepared = unit.values(values.view()).unwrap();
    let mut buffers = RowBuffers::default();
    for (index, length) in LENGTHS.into_iter().enumerate() {
        let of = |all: ArrayView2<i32>| all.slice(s![index, ..length]).to_vec();
        let row = match c.input {
            Input::Probabilities => {
                let row = floats.slice(s![index, ..length]).to_vec();
                unit.probabilities(&row, &prepared, &mut buffers)
            }
            Input::Scores => unit.scores(&of(shifted.view()), 0, &prepared, &mut buffers),
            Input::Qkv => unit.scores(&of(products.view()), SHIFT, &prepared, &mut buffers),
        };
        let row = row.unwrap();
        let name = &c.name;
        let expected = &whole.attention;
        let sums = expected.accumulators.row(index).to_vec();
        assert_eq!(row.accumulators, sums, "{name} row {index}");
        let outputs = expected.outputs.as_ref().map(|all| all.row(index).to_vec());
        assert_eq!(
            row.outputs.map(<[i32]>::to_vec),
            outputs,
            "{name} row {index}"
        );
        assert_eq!(
            row.normalizer, expected.normalizers[index],
            "{name} row {index}"
        );
        assert_eq!(
            row.survivors, expected.survivors[index],
            "{name} row {index}"
        );
        let codes = whole.codes.slice(s![index, ..length]).to_vec();
        assert_eq!(row.codes, codes, "{name} row {index}");
    }
}

#[test]
fn every_named_configuration_gives_the_same_as_whole_heads() {
    let names = [
        &NAMES[..],
        &VARIANT_NAMES[..],
        &TWIN_NAMES[..],
        &SORTED_NAMES[..],
    ]
    .concat();
    for (seed, name) in names.into_iter().enumerate() {
        compare(&Configuration::named(name).unwrap(), 10 * seed as u64);
    }
}

#[test]
fn wide_probabilities_and_narrow_values_do_too() {
    let mut c = Configuration::named("edge").unwrap();
    (c.probability_bits, c.value_bits) = (24, 4);
    c.thresholds = c.thresholds.iter().map(|t| (t << 8) + 77).collect();
    compare(&c, 5);
    let mut c = Configuration::named("base").unwrap();
    (c.head_dimension, c.lanes, c.value_bits) = (72, 72, 5);
    compare(&c, 6);
}

#[test]
fn what_does_not_fit_is_refused() {
    let message = |error: AttentionError| error.to_string();
    let edge = UnitRows::new(&Configuration::named("edge").unwrap()).unwrap();
    let values = edge.values(int8(4, 32, 100, 1).view()).unwrap();
    let buffers = &mut RowBuffers::default();
    let error = edge.probabilities(&[0.5, f32::NAN], &values, buffers);
    assert_eq!(
        message(error.unwrap_err()),
        "probability NaN at [1]: must be 0..=1"
    );
    let error = edge.probabilities(&[0.1; 5], &values, buffers);
    let expected = "keys of a row is 5: must be at most 4 (keys of values)";
    assert_eq!(message(error.unwrap_err()), expected);
    let error = edge.scores(&[1], 0, &values, buffers);
    let expected = "input = \"of another kind\": must be \"probabilities\"";
    assert_eq!(message(error.unwrap_err()), expected);
    let Err(error) = edge.values(int8(513, 32, 1, 1).view()) else {
        panic!("too many keys");
    };
    let expected = "keys of values is 513: must be at most max_keys = 512";
    assert_eq!(message(error), expected);
    assert!(edge.values(int8(4, 31, 1, 1).view()).is_err());

    let base = UnitRows::new(&Configuration::named("base").unwrap()).unwrap();
    let values = base.values(int8(4, 64, 100, 1).view()).unwrap();
    assert!(base.probabilities(&[0.5], &values, buffers).is_err());
    assert!(base.scores(&[1], 32, &values, buffers).is_err());
    let error = base.scores(&[1, 2048 << 3], 3, &values, buffers);
    assert!(message(error.unwrap_err()).contains("16384 of row 0, key 1"));
}
