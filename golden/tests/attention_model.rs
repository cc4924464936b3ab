//! The attention model against a naive one in 128-bit integers, written from the specification.

use logattn_golden::{
    Accumulate, Attention, Configuration, Normalize, attend, attend_heads, codes, divide_rounded,
};
use ndarray::{Array2, Array3, ArrayView2, Axis, arr2, stack};
use proptest::prelude::*;

/// Code of a probability.
fn naive_code(c: &Configuration, probability: u32) -> i128 {
    if c.accumulate == Accumulate::Multiply {
        let half = 1_u64 << (c.probability_bits - 9);
        let rounded = (u64::from(probability) + half) >> (c.probability_bits - 8);
        return i128::from(rounded.min(255));
    }
    c.thresholds
        .iter()
        .map(|t| i128::from(probability >= *t))
        .sum()
}

/// Weight of a code.
fn naive_weight(c: &Configuration, code: i128) -> i128 {
    match (c.accumulate, code) {
        (_, 0) => 0,
        (Accumulate::Multiply, code) => code,
        (Accumulate::Bucket, code) => i128::from(c.levels[code as usize - 1]),
        (Accumulate::Shift | Accumulate::Sorted, code) => {
            2_i128.pow(c.max_shift.unwrap() - c.shifts[code as usize - 1])
        }
    }
}

/// acc 2^f / n: the integer nearest to it, the one farther from zero of two.
fn naive_output(c: &Configuration, accumulator: i128, normalizer: i128) -> i128 {
    if normalizer == 0 {
        return 0;
    }
    let dividend = accumulator.abs() << (c.output_bits.unwrap() - c.value_bits);
    let below = dividend / normalizer;
    let up = 2 * (dividend - below * normalizer) >= normalizer;
    accumulator.signum() * (below + i128::from(up))
}

fn check(
    c: &Configuration,
    probabilities: ArrayView2<u32>,
    lengths: &[usize],
    values: ArrayView2<i8>,
    attention: &Attention,
) {
    for (row, length) in lengths.iter().enumerate() {
        let weights: Vec<i128> = (0..*length)
            .map(|key| naive_weight(c, naive_code(c, probabilities[[row, key]])))
            .collect();
        let normalizer: i128 = weights.iter().sum();
        assert_eq!(i128::from(attention.normalizers[row]), normalizer);
        assert!(normalizer < 1 << c.normalizer_bits());
        let visited = match c.accumulate {
            Accumulate::Multiply => *length,
            _ => weights.iter().filter(|weight| **weight != 0).count(),
        };
        assert_eq!(attention.survivors[row], visited);
        for d in 0..c.head_dimension {
            let terms = weights.iter().enumerate();
            let sum: i128 = terms.map(|(key, w)| w * i128::from(values[[key, d]])).sum();
            assert_eq!(i128::from(attention.accumulators[[row, d]]), sum);
            let half = 1_i128 << (c.accumulator_bits() - 1);
            assert!(
                (-half..half).contains(&sum),
                "{sum} overflows its accumulator"
            );
            if let Some(outputs) = &attention.outputs {
                let output = naive_output(c, sum, normalizer);
                assert_eq!(i128::from(outputs[[row, d]]), output);
                let half = 1_i128 << (c.output_bits.unwrap() - 1);
                assert!(
                    (-half..half).contains(&output),
                    "{output} overflows its output"
                );
            }
        }
    }
}

/// Any legal mode and widths, with keys and dimensions small enough for the naive model.
fn configuration() -> impl Strategy<Value = Configuration> {
    let widths = (
        2_u32..=4,
        2_u32..=8,
        12_u32..=24,
        0_u32..=14,
        1_u32..=15,
        1_u32..=16,
    );
    let sizes = (1_usize..=70, 2_usize..=140);
    let numbers = prop::collection::vec(any::<u32>(), 30);
    (widths, sizes, 0..3, any::<bool>(), numbers).prop_map(
        |(
            (code_bits, value_bits, probability_bits, extra, max_shift, level_bits),
            sizes,
            mode,
            reciprocal,
            numbers,
        )| {
            let mut c = Configuration::named("nano").unwrap().int8_twin();
            let (dimension, max_keys) = sizes;
            // A multiple of 8 lanes carries whole bytes at any width.
            c.head_dimension = dimension.next_multiple_of(8);
            (c.lanes, c.output_lanes) = (c.head_dimension, c.head_dimension);
            c.max_keys = max_keys.max(8);
            c.keys_per_beat = 8;
            (c.value_bits, c.probability_bits) = (value_bits, probability_bits);
            if reciprocal {
                c.normalize = Normalize::Reciprocal;
                c.output_bits = Some((value_bits + extra).min(16));
            }
            if mode == 0 {
                return c;
            }
            c.code_bits = code_bits;
            let count = c.levels_count();
            let within = |from: u32, most: u32, numbers: &[u32]| {
                let mut sorted: Vec<u32> = numbers[..count]
                    .iter()
                    .map(|n| from + n % (most - from + 1))
                    .collect();
                sorted.sort_unstable();
                sorted
            };
            // Small thresholds too, so that most keys survive in some cases.
            let most = ((1 << probability_bits) - 1) >> (numbers[29] % 10);
            c.thresholds = within(1, most, &numbers);
            if mode == 1 {
                c.accumulate = Accumulate::Shift;
                c.max_shift = Some(max_shift);
                c.shifts = within(0, max_shift, &numbers[15..]);
                c.shifts.reverse();
            } else {
                c.accumulate = Accumulate::Bucket;
                c.level_bits = Some(level_bits);
                c.levels = within(1, (1 << level_bits) - 1, &numbers[15..]);
            }
            c
        },
    )
}

/// Probabilities near a row's thresholds and anywhere, values of all widths, rows of all lengths.
fn data(
    c: &Configuration,
    rows: usize,
    keys: usize,
    seed: &[u32],
) -> (Array2<u32>, Vec<usize>, Array2<i8>) {
    let mut source = seed.iter().cycle().zip(1_u32..).map(|(seed, i)| {
        let mixed = (seed ^ i).wrapping_mul(0x9e37_79b1);
        mixed ^ (mixed >> 15)
    });
    let mut next = || source.next().unwrap_or_default();
    let most = (1 << c.probability_bits) - 1;
    let probabilities = Array2::from_shape_simple_fn((rows, keys), || {
        let n = next();
        match (n % 4, c.thresholds.len()) {
            (0, count @ 1..) => {
                let threshold = c.thresholds[next() as usize % count];
                (threshold + next() % 3).saturating_sub(1).min(most)
            }
            (1, _) => (n >> 2) & most,
            (2, _) => (n & most) >> (next() % c.probability_bits),
            _ => [0, most][n as usize / 4 % 2],
        }
    });
    let lengths = (0..rows).map(|_| next() as usize % (keys + 1)).collect();
    let shift = 8 - c.value_bits;
    let values =
        Array2::from_shape_simple_fn((keys, c.head_dimension), || ((next() >> 3) as i8) >> shift);
    (probabilities, lengths, values)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn equals_the_naive_model(
        c in configuration(),
        rows in 0_usize..5,
        keys in 0_usize..=140,
        seed in prop::collection::vec(any::<u32>(), 1..64),
    ) {
        c.validate().unwrap();
        let (probabilities, lengths, values) = data(&c, rows, keys.min(c.max_keys), &seed);
        let attention = attend(&c, probabilities.view(), &lengths, values.view()).unwrap();
        check(&c, probabilities.view(), &lengths, values.view(), &attention);
        let found = codes(&c, probabilities.view(), &lengths).unwrap();
        for ((row, key), code) in found.indexed_iter() {
            let survives = key < lengths[row];
            let expected = if survives { naive_code(&c, probabilities[[row, key]]) } else { 0 };
            prop_assert_eq!(i128::from(*code), expected);
        }
    }

    #[test]
    fn a_transposed_view_and_16_bit_integers_change_nothing(
        c in configuration(),
        seed in prop::collection::vec(any::<u32>(), 1..64),
    ) {
        let (probabilities, lengths, values) = data(&c, 4, c.max_keys, &seed);
        let attention = attend(&c, probabilities.view(), &lengths, values.view()).unwrap();
        let column_major = probabilities.t().as_standard_layout().to_owned();
        let columns = values.t().as_standard_layout().to_owned();
        let again = attend(&c, column_major.t(), &lengths, columns.t()).unwrap();
        prop_assert_eq!(&again, &attention);
        let found = codes(&c, column_major.t(), &lengths).unwrap();
        prop_assert_eq!(found, codes(&c, probabilities.view(), &lengths).unwrap());
        // In 16 bits, as far as they go: thresholds above are then never reached.
        let narrow = probabilities.mapv(|p| p.min(65535) as u16);
        let wide = narrow.mapv(u32::from);
        prop_assert_eq!(
            attend(&c, narrow.view(), &lengths, values.view()).unwrap(),
            attend(&c, wide.view(), &lengths, values.view()).unwrap()
        );
    }

    #[test]
    fn division_is_the_nearest(
        accumulator in -(1_i64 << 47)..1 << 47,
        normalizer in 1_u64..1 << 46,
        fraction_bits in 0_u32..=14,
    ) {
        // Bounded as in a row: a mean of 8-bit values.
        let most = (normalizer as i64) << 7;
        let accumulator = accumulator.clamp(-most, most);
        let output = i128::from(divide_rounded(accumulator, normalizer, fraction_bits));
        let error = (output * i128::from(normalizer) - (i128::from(accumulator) << fraction_bits)).abs();
        prop_assert!(2 * error <= i128::from(normalizer));
        let tie = 2 * error == i128::from(normalizer);
        prop_assert!(!tie || output.abs() * i128::from(normalizer) > (i128::from(accumulator) << fraction_bits).abs());
    }
}

/// The largest sums that the widths are made for, at the most keys.
#[test]
fn largest_sums_do_not_overflow() {
    for name in ["nano", "paper", "nano_int8"] {
        let mut c = Configuration::named(name).unwrap();
        c.max_keys = 16384;
        if let Some(max_shift) = &mut c.max_shift {
            *max_shift = 10;
            c.shifts = vec![10, 9, 8, 7, 6, 5, 0];
        }
        if c.accumulate == Accumulate::Bucket {
            c.levels[6] = 65535;
        }
        c.validate().unwrap();
        let probabilities = Array2::from_elem((2, c.max_keys), 65535_u32);
        for value in [-128, 127] {
            let values = Array2::from_elem((c.max_keys, c.head_dimension), value);
            let lengths = [c.max_keys, c.max_keys - 1];
            let attention = attend(&c, probabilities.view(), &lengths, values.view()).unwrap();
            check(
                &c,
                probabilities.view(),
                &lengths,
                values.view(),
                &attention,
            );
        }
    }
}

#[test]
fn heads_are_independent() {
    let c = Configuration::named("edge").unwrap();
    let heads: Vec<_> = (1..=3).map(|seed| data(&c, 20, 40, &[seed])).collect();
    let lengths = &heads[0].1;
    let probabilities: Vec<_> = heads.iter().map(|head| head.0.view()).collect();
    let values: Vec<_> = heads.iter().map(|head| head.2.view()).collect();
    let all = attend_heads(
        &c,
        stack(Axis(0), &probabilities).unwrap().view(),
        lengths,
        stack(Axis(0), &values).unwrap().view(),
    )
    .unwrap();
    for (head, (probabilities, values)) in probabilities.iter().zip(&values).enumerate() {
        let one = attend(&c, *probabilities, lengths, *values).unwrap();
        assert_eq!(all.head(head), Some(one));
    }
    assert_eq!(all.head(3), None);
}

#[test]
fn empty_rows_come_to_zero() {
    let c = Configuration::named("edge").unwrap();
    let probabilities = arr2(&[[65535_u16, 0], [304, 304]]);
    let values = Array2::from_elem((2, 32), 100);
    let attention = attend(&c, probabilities.view(), &[0, 2], values.view()).unwrap();
    assert_eq!(attention.normalizers, [0, 0]);
    assert_eq!(attention.survivors, [0, 0]);
    assert_eq!(attention.outputs, Some(Array2::zeros((2, 32))));
}

#[test]
fn data_that_does_not_fit_is_refused() {
    let nano = Configuration::named("nano").unwrap();
    let mut narrow = nano.clone();
    narrow.value_bits = 4;
    let mut invalid = nano.clone();
    invalid.lanes = 5;
    let rows = |keys| Array2::from_elem((2, keys), 1_u32);
    let values = |keys, dimension| Array2::from_elem((keys, dimension), 8_i8);
    let mut large = rows(3);
    large[[1, 2]] = 65536;
    let cases = [
        (
            &nano,
            rows(257),
            vec![1, 1],
            values(257, 32),
            "keys of probabilities is 257: must be at most max_keys = 256",
        ),
        (
            &nano,
            rows(3),
            vec![1],
            values(3, 32),
            "number of lengths is 1: must be 2 (rows of probabilities)",
        ),
        (
            &nano,
            rows(3),
            vec![1, 4],
            values(3, 32),
            "length of a row is 4: must be at most 3",
        ),
        (
            &nano,
            rows(3),
            vec![1, 3],
            values(4, 32),
            "keys of values is 4: must be 3",
        ),
        (
            &nano,
            rows(3),
            vec![1, 3],
            values(3, 33),
            "elements of a value is 33: must be 32 (head_dimension)",
        ),
        (
            &nano,
            large.clone(),
            vec![1, 3],
            values(3, 32),
            "probability 65536 of row 1, key 2: must be below 2^16",
        ),
        (
            &narrow,
            rows(3),
            vec![1, 3],
            values(3, 32),
            "value 8 of key 0, element 0: must fit 4 signed bits",
        ),
        (
            &invalid,
            rows(3),
            vec![1, 3],
            values(3, 32),
            "nano: lanes = 5",
        ),
    ];
    for (c, probabilities, lengths, values, expected) in cases {
        let error = attend(c, probabilities.view(), &lengths, values.view()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    // What stands beyond a row's length is not read.
    attend(&nano, large.view(), &[1, 2], values(3, 32).view()).unwrap();

    let probabilities = stack(Axis(0), &[rows(3).view(), large.view()]).unwrap();
    let heads = Array3::zeros((2, 3, 32));
    let error = attend_heads(&nano, probabilities.view(), &[3, 3], heads.view()).unwrap_err();
    assert!(
        error.to_string().starts_with("head 1: probability 65536"),
        "{error}"
    );
    let heads = Array3::zeros((3, 3, 32));
    let error = attend_heads(&nano, probabilities.view(), &[3, 3], heads.view()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("heads of values is 3: must be 2"),
        "{error}"
    );
}
