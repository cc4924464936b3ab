//! The published quantizers on single values.

use crate::expected::Expected;
use logattn_accuracy::quantizers::{Quantizer, Ranked, Steps, Uniform};

fn check(steps: &Steps, values: &[f32], levels: &[f64], what: &str) {
    let mut quantized = values.to_vec();
    let zeros = steps.apply(&mut quantized);
    assert_eq!(zeros, levels.iter().filter(|level| **level == 0.0).count());
    for ((value, found), expected) in values.iter().zip(quantized).zip(levels) {
        // Levels are given with 8 digits.
        let near = (f64::from(found) - expected).abs() <= 1.2e-7 * expected;
        assert!(near, "{what}: {value:e} gives {found}, not {expected}");
    }
}

#[test]
fn fixed_quantizers_are_the_published_formulas() {
    let expected = Expected::load();
    let mut cases = 0;
    for case in &expected.quantizers {
        let Some(Quantizer::Uniform(uniform)) = Quantizer::named(&case.name) else {
            panic!("{} is unknown", case.name);
        };
        let steps = uniform.steps(case.bits, case.clamp);
        let values = [&expected.common_values[..], &case.near_edges].concat();
        let what = format!(
            "{} with {} bits, clamp {}",
            case.name, case.bits, case.clamp
        );
        check(&steps, &values, &case.levels, &what);
        cases += 1;
    }
    // 7 methods, 3 of which can be clamped, with 2 to 16 bits.
    assert_eq!(cases, 10 * 15);
}

#[test]
fn the_papers_3_bits_have_the_edges_and_levels_of_its_code() {
    let steps = Uniform::LogPrunedMiddle.steps(3, false);
    let edges = [
        0.001, 0.00268270, 0.00719686, 0.01930698, 0.05179475, 0.13894955, 0.37275937,
    ];
    let levels = [
        0.00163789, 0.00439397, 0.01178769, 0.03162278, 0.08483429, 0.22758459, 0.61054023,
    ];
    let check = |found: &[f32], expected: [f64; 7]| {
        assert_eq!(found.len(), 7);
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-5 * expected);
        }
    };
    check(steps.edges(), edges);
    check(steps.levels(), levels);
    assert_eq!(
        Quantizer::named("paper"),
        Quantizer::named("log-pruned-middle")
    );
}

#[test]
fn what_overshoots_at_1_does_not_when_clamped() {
    // 10^0.625, by hand: -10 + 8.5 * 1.25 decades.
    let mut one = [1.0];
    Uniform::LogMiddle.steps(3, false).apply(&mut one);
    assert!((one[0] - 4.216_965).abs() < 1e-5);
    for quantizer in Quantizer::ALL.into_iter().filter(|q| q.overshoots()) {
        let Quantizer::Uniform(uniform) = quantizer else {
            panic!("{quantizer:?}");
        };
        for bits in 2..=16 {
            let of_one = |clamp| {
                let mut values = [1.0, 1.0_f32.next_down()];
                uniform.steps(bits, clamp).apply(&mut values);
                values
            };
            assert!(
                of_one(false)[0] > 1.0,
                "{} with {bits} bits",
                quantizer.name()
            );
            let [one, below] = of_one(true);
            assert_eq!(one, below, "{} with {bits} bits", quantizer.name());
        }
    }
}

#[test]
fn ranked_quantizers_are_the_published_formulas() {
    let expected = Expected::load();
    for case in &expected.ranked.cases {
        let Some(Quantizer::Ranked(ranked)) = Quantizer::named(&case.name) else {
            panic!("{} is unknown", case.name);
        };
        let steps = ranked.steps(expected.ranked.values.clone(), case.bits);
        let what = format!("{} with {} bits", case.name, case.bits);
        check(&steps, &expected.ranked.values, &case.levels, &what);
    }
}

#[test]
fn few_values_make_few_bins() {
    for ranked in [Ranked::LinearPruned, Ranked::LogPrunedMean, Ranked::LogMean] {
        let mut none = [0.0, 5e-4];
        ranked.steps(Vec::new(), 3).apply(&mut none);
        assert_eq!(none, [0.0; 2], "{ranked:?}");
        let mut one = [0.25, 0.5, 1.0];
        ranked.steps(vec![0.5], 3).apply(&mut one);
        assert_eq!(one, [0.0, 0.5, 0.5], "{ranked:?}");
    }
    let steps = Ranked::Binarization.steps(vec![0.5, 1e-3, 9e-4, 1.0], 3);
    let mut values = [9e-4, 1e-3, 1.0];
    assert_eq!(steps.apply(&mut values), 1);
    assert_eq!(values, [0.0, 1.0 / 3.0, 1.0 / 3.0]);
}

#[test]
fn halves_of_a_hundred_values_are_as_counted_by_hand() {
    // 50, 25, 12, 6, 3 and 1 values, none, and the 3 left over.
    let values: Vec<f32> = (1..=100).map(|i| i as f32 / 128.0).collect();
    let steps = Ranked::LogPrunedMean.steps(values, 3);
    let ranks: Vec<f32> = steps.edges().iter().map(|edge| edge * 128.0).collect();
    assert_eq!(ranks, [1.0, 51.0, 76.0, 88.0, 94.0, 97.0, 98.0]);
    let means: Vec<f32> = steps.levels().iter().map(|level| level * 128.0).collect();
    assert_eq!(means, [25.5, 63.0, 81.5, 90.5, 95.0, 97.0, 99.0]);
}
