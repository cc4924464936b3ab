//! The score input against a naive model in 128-bit integers, written from the specification and
//! grouping keys into beats of any width.

use logattn_golden::Attention;
use logattn_golden::scores::{
    Exp2, RowStatistics, ScoreFormat, ScoreNormalize, ScoreParameters, ScoreWeights,
    attend_score_heads, attend_scores, causal_lengths, score_codes, scores,
};
use ndarray::{Array2, ArrayView2, Axis, arr2, stack};
use proptest::prelude::*;

/// 2^-d with F + G fraction bits.
fn naive_term(p: &ScoreParameters, d: i128) -> i128 {
    let one = 1_i128 << p.fraction_bits;
    // -d = -octaves + r, by steps of one octave.
    let (mut octaves, mut r) = (0_u32, -d);
    while r < 0 {
        (octaves, r) = (octaves + 1, r + one);
    }
    let mantissa = match p.exp2 {
        Exp2::Mitchell => (one + r) * (1 << p.guard_bits),
        Exp2::Table => {
            let exact = 2_f64.powf(r as f64 / one as f64);
            (exact * (one << p.guard_bits) as f64 + 0.5).floor() as i128
        }
    };
    mantissa / 2_i128.pow(octaves)
}

/// log2 of a sum with F + G fraction bits: its leading one, and the F bits below it.
fn naive_offset(p: &ScoreParameters, sum: i128) -> i128 {
    let point = p.fraction_bits + p.guard_bits;
    let mut octaves = 0_u32;
    while sum >> (point + octaves + 1) != 0 {
        octaves += 1;
    }
    let below = sum - (1 << (point + octaves));
    let fraction = (below << p.fraction_bits) >> (point + octaves);
    i128::from(octaves) * (1 << p.fraction_bits) + fraction
}

/// The row's statistics, beat by beat: first the maximum, then the sum.
fn naive_statistics(
    p: &ScoreParameters,
    row: &[i32],
    shift: u32,
    keys_per_beat: usize,
) -> Option<RowStatistics> {
    let logits: Vec<i128> = row.iter().map(|s| i128::from(*s) >> shift).collect();
    let mut best: Option<(i128, usize)> = None;
    for (beat, logits) in logits.chunks(keys_per_beat).enumerate() {
        for (lane, y) in logits.iter().enumerate() {
            if best.is_none_or(|(m, _)| *y > m) {
                best = Some((*y, beat * keys_per_beat + lane));
            }
        }
    }
    let (m, largest_key) = best?;
    let most = (1_i128 << p.distance_bits) - 1;
    let beats = logits.chunks(keys_per_beat).rev();
    let sum: i128 = beats
        .map(|beat| -> i128 { beat.iter().map(|y| naive_term(p, (m - y).min(most))).sum() })
        .sum();
    Some(RowStatistics {
        maximum: m as i32,
        largest_key,
        sum: sum as u64,
        offset: naive_offset(p, sum) as u32,
    })
}

/// Codes by the moving thresholds themselves; distances are not cut down.
fn naive_codes(p: &ScoreParameters, row: &[i32], shift: u32, row_of: RowStatistics) -> Vec<usize> {
    let log_sum = i128::from(row_of.maximum) + i128::from(row_of.offset);
    row.iter()
        .map(|score| {
            let above = (i128::from(*score) >> shift) - log_sum;
            let thresholds = p.thresholds.iter();
            thresholds.filter(|t| above >= i128::from(**t)).count()
        })
        .collect()
}

/// Nearest integer to a / 2^bits, the one farther from zero of two.
fn round_half_away(a: i128, bits: u32) -> i128 {
    let quotient = a.abs() / (1 << bits);
    let up = 2 * (a.abs() - (quotient << bits)) >= 1 << bits;
    a.signum() * (quotient + i128::from(up))
}

/// Accumulator, normalizer and output of one element of a row.
fn naive_element(
    w: &ScoreWeights,
    codes: &[usize],
    largest_key: usize,
    values: &[i128],
) -> (i128, i128, Option<i128>) {
    let weight = |code: usize| match code {
        0 => 0,
        code => 1_i128 << (w.max_shift - w.shifts[code - 1]),
    };
    match w.normalize {
        ScoreNormalize::Complement { output_bits } => {
            let own = values[largest_key];
            let mut sum = own << w.max_shift;
            for (key, code) in codes.iter().enumerate() {
                if key != largest_key {
                    sum += (values[key] - own) * weight(*code);
                }
            }
            let output = round_half_away(sum << (output_bits - w.value_bits), w.max_shift);
            let half = 1_i128 << (output_bits - 1);
            (sum, 1 << w.max_shift, Some(output.clamp(-half, half - 1)))
        }
        normalize => {
            let sum = codes.iter().zip(values).map(|(c, v)| weight(*c) * v).sum();
            let normalizer: i128 = codes.iter().map(|code| weight(*code)).sum();
            let output = match normalize {
                ScoreNormalize::Reciprocal { output_bits } if normalizer > 0 => {
                    let scaled: i128 = sum << (output_bits - w.value_bits);
                    let doubled = 2 * scaled.abs() + normalizer;
                    Some(scaled.signum() * (doubled / (2 * normalizer)))
                }
                ScoreNormalize::Reciprocal { .. } => Some(0),
                _ => None,
            };
            (sum, normalizer, output)
        }
    }
}

/// Everything about one case.
#[derive(Debug, Clone)]
struct Case {
    format: ScoreFormat,
    weights: ScoreWeights,
    shift: u32,
    scores: Array2<i32>,
    lengths: Vec<usize>,
    values: Array2<i8>,
    keys_per_beat: usize,
}

fn check(case: &Case, attention: &Attention) {
    let p = case.format.parameters();
    let (w, shift) = (&case.weights, case.shift);
    let codes = score_codes(&case.format, case.scores.view(), shift, &case.lengths).unwrap();
    for (row, length) in case.lengths.iter().enumerate() {
        let scores = &case.scores.row(row).to_vec()[..*length];
        let naive = naive_statistics(p, scores, shift, case.keys_per_beat);
        assert_eq!(case.format.row_statistics(scores, shift).unwrap(), naive);
        let Some(naive) = naive else {
            assert_eq!(
                (attention.normalizers[row], attention.survivors[row]),
                (0, 0)
            );
            assert!(attention.accumulators.row(row).iter().all(|sum| *sum == 0));
            if let Some(outputs) = &attention.outputs {
                assert!(outputs.row(row).iter().all(|output| *output == 0));
            }
            continue;
        };
        assert!(naive.sum < 1 << case.format.sum_bits());
        assert!(naive.offset < 1 << case.format.offset_bits());
        let expected = naive_codes(p, scores, shift, naive);
        let found: Vec<usize> = codes
            .row(row)
            .iter()
            .map(|code| usize::from(*code))
            .collect();
        assert_eq!(&found[..*length], expected);
        assert!(found[*length..].iter().all(|code| *code == 0));
        let survivors = expected.iter().filter(|code| **code != 0).count();
        assert_eq!(attention.survivors[row], survivors);
        check_elements(case, attention, row, &expected, naive.largest_key);
    }
    assert_eq!(attention.outputs.is_some(), w.output_bits().is_some());
}

fn check_elements(
    case: &Case,
    attention: &Attention,
    row: usize,
    codes: &[usize],
    largest_key: usize,
) {
    let half = 1_i128 << (case.weights.accumulator_bits(&case.format) - 1);
    for (d, column) in case.values.columns().into_iter().enumerate() {
        let column: Vec<i128> = column.iter().map(|value| i128::from(*value)).collect();
        let (sum, normalizer, output) = naive_element(&case.weights, codes, largest_key, &column);
        assert_eq!(i128::from(attention.accumulators[[row, d]]), sum);
        assert_eq!(i128::from(attention.normalizers[row]), normalizer);
        assert!((-half..half).contains(&sum), "{sum} overflows");
        if let (Some(outputs), Some(output)) = (&attention.outputs, output) {
            assert_eq!(i128::from(outputs[[row, d]]), output);
        }
    }
}

/// Any legal parameters.
fn parameters() -> impl Strategy<Value = ScoreParameters> {
    let widths = (0_u32..=8, 1_u32..=32, 1_u32..=5, 0_u32..=16, any::<bool>());
    let thresholds = (0..3_usize, prop::collection::vec(any::<u32>(), 15));
    (widths, thresholds, 2_usize..=150).prop_map(
        |(
            (fraction_bits, score_bits, octave_bits, guard_bits, table),
            (size, numbers),
            max_keys,
        )| {
            let distance_bits = fraction_bits + octave_bits;
            let most = (1 << distance_bits) - 1;
            let mut thresholds: Vec<i32> = numbers[..[3, 7, 15][size]]
                .iter()
                .map(|n| -((n % most) as i32))
                .collect();
            thresholds.sort_unstable();
            ScoreParameters {
                max_keys,
                fraction_bits,
                score_bits: score_bits.max(fraction_bits + 1),
                distance_bits,
                guard_bits,
                exp2: if table { Exp2::Table } else { Exp2::Mitchell },
                thresholds,
            }
        },
    )
}

/// Legal weights for so many thresholds, with outputs of each kind.
fn weights(thresholds: usize) -> impl Strategy<Value = ScoreWeights> {
    let numbers = prop::collection::vec(any::<u32>(), 15);
    (2_u32..=8, 1_u32..=15, 0_u32..=8, 0..3, numbers).prop_map(
        move |(value_bits, max_shift, extra, normalize, numbers)| {
            let mut shifts: Vec<u32> = numbers[..thresholds]
                .iter()
                .map(|n| n % (max_shift + 1))
                .collect();
            shifts.sort_unstable_by(|a, b| b.cmp(a));
            let output_bits = value_bits + extra;
            let normalize = match normalize {
                0 => ScoreNormalize::None,
                1 => ScoreNormalize::Reciprocal { output_bits },
                _ => ScoreNormalize::Complement { output_bits },
            };
            ScoreWeights {
                value_bits,
                max_shift,
                shifts,
                normalize,
            }
        },
    )
}

/// Any legal data: scores spread over as much of the range as `spread` says, often equal.
fn case() -> impl Strategy<Value = Case> {
    parameters()
        .prop_flat_map(|p| {
            let weights = weights(p.thresholds.len());
            let seed = prop::collection::vec(any::<u32>(), 1..64);
            (
                Just(p),
                weights,
                0_u32..=31,
                0_u32..=32,
                0_usize..5,
                seed,
                1_usize..70,
            )
        })
        .prop_map(|(p, weights, shift, spread, rows, seed, keys_per_beat)| {
            let mut state = seed
                .iter()
                .fold(1_u64, |a, b| a.rotate_left(7) ^ u64::from(*b));
            let mut next = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 32) as i32
            };
            let keys = 1 + next() as u32 as usize % p.max_keys;
            let unused = 32 - (p.score_bits.min(32 - shift) + shift).min(32);
            // Legal at any width; a narrow spread around one point makes many ties.
            let narrow = unused.max(32 - spread.clamp(1, 32));
            let center = (next() >> unused) & !(u32::MAX.checked_shr(narrow).unwrap_or(0) as i32);
            let scores = Array2::from_shape_simple_fn((rows, keys), || {
                let legal = i32::MIN >> unused..=i32::MAX >> unused;
                let score = (next() >> narrow).saturating_add(center);
                score.clamp(*legal.start(), *legal.end())
            });
            let lengths = (0..rows)
                .map(|_| next() as u32 as usize % (keys + 1))
                .collect();
            let dimension = 1 + next() as u32 as usize % 40;
            let values = Array2::from_shape_simple_fn((keys, dimension), || {
                (next() >> (32 - weights.value_bits)) as i8
            });
            let format = ScoreFormat::new(p).unwrap();
            Case {
                format,
                weights,
                shift,
                scores,
                lengths,
                values,
                keys_per_beat,
            }
        })
}

fn attend(case: &Case) -> Attention {
    attend_scores(
        &case.format,
        &case.weights,
        case.scores.view(),
        case.shift,
        &case.lengths,
        case.values.view(),
    )
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn equals_the_naive_model_in_beats_of_any_width(case in case()) {
        check(&case, &attend(&case));
    }

    #[test]
    fn a_transposed_view_changes_nothing(case in case()) {
        let columns = case.scores.t().as_standard_layout().to_owned();
        let values = case.values.t().as_standard_layout().to_owned();
        let again = attend_scores(
            &case.format,
            &case.weights,
            columns.t(),
            case.shift,
            &case.lengths,
            values.t(),
        )
        .unwrap();
        prop_assert_eq!(again, attend(&case));
    }

    #[test]
    fn what_stands_beyond_a_length_is_not_read(case in case()) {
        let mut other = case.clone();
        for (mut row, length) in other.scores.rows_mut().into_iter().zip(&case.lengths) {
            row.iter_mut().skip(*length).for_each(|score| *score = i32::MAX);
        }
        prop_assert_eq!(attend(&other), attend(&case));
    }

    /// A beat's keys that are too far below the running maximum never survive.
    #[test]
    fn early_pruned_keys_have_code_0(case in case()) {
        let lengths = vec![case.scores.ncols(); case.scores.nrows()];
        let codes = score_codes(&case.format, case.scores.view(), case.shift, &lengths).unwrap();
        let lowest = i64::from(case.format.parameters().thresholds[0]);
        for (scores, codes) in case.scores.rows().into_iter().zip(codes.rows()) {
            let mut running = i64::MIN;
            let mut pruned = 0;
            let scores = scores.to_vec();
            let logits: Vec<i64> = scores.iter().map(|s| i64::from(s >> case.shift)).collect();
            let codes = codes.to_vec();
            let beats = logits.chunks(case.keys_per_beat).zip(codes.chunks(case.keys_per_beat));
            for (logits, codes) in beats {
                running = logits.iter().fold(running, |m, y| m.max(*y));
                for (y, code) in logits.iter().zip(codes) {
                    if y - running < lowest {
                        prop_assert_eq!(*code, 0);
                        prop_assert!(case.format.never_survives((running - y) as u32));
                        pruned += 1;
                    }
                }
            }
            let found = case.format.early_pruned(&scores, case.shift, case.keys_per_beat);
            prop_assert_eq!(found.unwrap(), pruned);
        }
    }

    #[test]
    fn scores_are_the_dot_products(
        (rows, keys, elements) in (0_usize..40, 0_usize..80, 0_usize..70),
        numbers in prop::collection::vec(any::<i8>(), 1..97),
    ) {
        let mut numbers = numbers.iter().cycle();
        let mut matrix = |rows| Array2::from_shape_simple_fn((rows, elements), || *numbers.next().unwrap());
        let (q, k) = (matrix(rows), matrix(keys));
        let expected = q.mapv(i64::from).dot(&k.mapv(i64::from).t());
        let found = scores(q.view(), k.view()).unwrap();
        prop_assert_eq!(found.mapv(i64::from), expected.clone());
        let (q, k) = (q.t().as_standard_layout().to_owned(), k.t().as_standard_layout().to_owned());
        prop_assert_eq!(scores(q.t(), k.t()).unwrap().mapv(i64::from), expected);
    }
}

#[test]
fn the_largest_dot_products_fit() {
    let q = Array2::from_elem((1, 65536), -128_i8);
    let found = scores(q.view(), q.view()).unwrap();
    assert_eq!(found[[0, 0]], 1 << 30);
}

#[test]
fn causal_rows_see_their_own_key_and_no_padding() {
    assert_eq!(causal_lengths(0, 5, 3), [1, 2, 3, 3, 3]);
    assert_eq!(causal_lengths(4, 2, 10), [5, 6]);
    assert_eq!(causal_lengths(usize::MAX, 2, 10), [10, 10]);
    assert!(causal_lengths(0, 0, 10).is_empty());
}

fn default_format(max_keys: usize, exp2: Exp2) -> ScoreFormat {
    // Edges 7.5, 6.5, ..., 1.5 octaves with 4 fraction bits.
    let thresholds = vec![-120, -104, -88, -72, -56, -40, -24];
    let mut parameters = ScoreParameters::new(max_keys, 4, thresholds);
    parameters.exp2 = exp2;
    ScoreFormat::new(parameters).unwrap()
}

fn weights_of(normalize: ScoreNormalize) -> ScoreWeights {
    ScoreWeights {
        value_bits: 8,
        max_shift: 7,
        shifts: vec![7, 6, 5, 4, 3, 2, 1],
        normalize,
    }
}

/// Worked by hand.
#[test]
fn known_terms_and_offsets() {
    let format = default_format(512, Exp2::Mitchell);
    // F + G = 14 fraction bits. 2^-(1/16) = 2^-1 (1 + 15/16); 2^-15.9375 keeps a single bit of
    // (17/16) 2^-16.
    assert_eq!(
        [0, 1, 16, 24].map(|d| format.term(d)),
        [16384, 15872, 8192, 6144]
    );
    assert_eq!([224, 225, 255, 9999].map(|d| format.term(d)), [1, 0, 0, 0]);
    let table = default_format(512, Exp2::Table);
    // 2^-0.5 2^15 = 23170.475 halved, and 2^(15/16) 2^14 = 31379.2 halved.
    assert_eq!([0, 8, 1].map(|d| table.term(d)), [16384, 11585, 15689]);
    // Sums 1, 1.5, 2, 3, just below 4, 512.
    let sums = [1.0, 1.5, 2.0, 3.0, 3.999, 512.0].map(|sum| (sum * 16384.0) as u64);
    assert_eq!(sums.map(|sum| format.offset(sum)), [0, 8, 16, 24, 31, 144]);
    assert_eq!((format.sum_bits(), format.offset_bits()), (24, 8));
    assert_eq!([0, 16383].map(|sum| format.offset(sum)), [0, 0]);
}

#[test]
fn complement_saturates_where_the_others_weigh_more_than_1() {
    let format = default_format(16, Exp2::Mitchell);
    let weights = weights_of(ScoreNormalize::Complement { output_bits: 8 });
    // Three equal keys: L is 1.5 octaves above (Mitchell), each weighs 1/2, so the others weigh 1
    // and the first nothing. With a fourth there are 2 octaves: 1/4 each.
    let values = arr2(&[[-128, 127, 5], [127, -128, 7], [126, -128, 8], [0, 0, 100]]);
    let scores = arr2(&[[0; 4], [0; 4]]);
    let attention = |lengths: &[usize], scores: &Array2<i32>| {
        attend_scores(&format, &weights, scores.view(), 0, lengths, values.view()).unwrap()
    };
    let even = attention(&[3, 4], &scores);
    // Means of the second and third: 126.5, -128, 7.5; halves go away from zero.
    assert_eq!(even.outputs.unwrap().row(0).to_vec(), [127, -128, 8]);
    // Quarters: 31.25, -32.25, 30.
    let quarters = even.accumulators.row(1).mapv(|sum| sum as f64 / 128.0);
    assert_eq!(quarters.to_vec(), [31.25, -32.25, 30.0]);
    assert_eq!(even.normalizers, [128, 128]);
    // Distances of 1/2 octave: the sum 1 + 3 * 0.75 = 3.25 gives an offset of 1.625 octaves, so
    // all weigh 1/4 (2.125 octaves below) and the first as much.
    let near = arr2(&[[8, 0, 0, 0], [-1, 0, -1, -1]]);
    let near = attention(&[4, 4], &near);
    assert_eq!(near.survivors, [4, 4]);
    // The second row: key 1 is the largest. 1 + 3 * 0.96875: the offset is 1.9375 - 1/16 rounded
    // off at most, the others weigh 1/4 each (2 octaves or less below).
    let expected = (127.0 - 128.0 + 126.0 + 0.0) / 4.0;
    assert_eq!(near.accumulators[[1, 0]] as f64 / 128.0, expected);
}

#[test]
fn heads_are_independent_and_have_their_own_shift() {
    let format = default_format(64, Exp2::Mitchell);
    let weights = weights_of(ScoreNormalize::Reciprocal { output_bits: 10 });
    let head = |seed: i32| {
        let scores = Array2::from_shape_fn((20, 40), |(i, j)| {
            (seed * (i as i32 * 71 + j as i32 * 37)) % 1000 - 500
        });
        let values =
            Array2::from_shape_fn((40, 32), |(i, j)| (seed * (i * 32 + j) as i32 % 251) as i8);
        (scores, values)
    };
    let heads = [head(3), head(5), head(7)];
    let lengths = causal_lengths(10, 20, 25);
    let views: Vec<ArrayView2<i32>> = heads.iter().map(|head| head.0.view()).collect();
    let values: Vec<ArrayView2<i8>> = heads.iter().map(|head| head.1.view()).collect();
    let all = attend_score_heads(
        &format,
        &weights,
        stack(Axis(0), &views).unwrap().view(),
        &[0, 3, 31],
        &lengths,
        stack(Axis(0), &values).unwrap().view(),
    )
    .unwrap();
    for (head, shift) in [0, 3, 31].into_iter().enumerate() {
        let one = attend_scores(
            &format,
            &weights,
            views[head],
            shift,
            &lengths,
            values[head],
        );
        assert_eq!(all.head(head), Some(one.unwrap()));
    }
}

/// The most keys of the largest terms, and the most negative sums.
#[test]
fn the_largest_sums_do_not_overflow() {
    for (guard_bits, fraction_bits, exp2) in [
        (16, 8, Exp2::Mitchell),
        (0, 8, Exp2::Table),
        (16, 0, Exp2::Table),
    ] {
        let format = ScoreFormat::new(ScoreParameters {
            max_keys: 16384,
            fraction_bits,
            score_bits: 32,
            distance_bits: fraction_bits + 4,
            guard_bits,
            exp2,
            // 14 octaves is what 16384 equal keys are below their sum.
            thresholds: vec![-14 << fraction_bits, -1, 0],
        })
        .unwrap();
        for (value, other) in [(-128, 127), (127, -128)] {
            let weights = ScoreWeights {
                value_bits: 8,
                max_shift: 9,
                shifts: vec![0; 3],
                normalize: ScoreNormalize::Complement { output_bits: 16 },
            };
            let mut values = Array2::from_elem((16384, 2), other);
            values.row_mut(0).fill(value);
            let case = Case {
                format: format.clone(),
                weights,
                shift: 0,
                scores: Array2::from_elem((2, 16384), i32::MIN),
                lengths: vec![16384, 16383],
                values,
                keys_per_beat: 64,
            };
            let attention = attend(&case);
            assert_eq!(attention.survivors, [16384, 16383]);
            check(&case, &attention);
        }
    }
}
