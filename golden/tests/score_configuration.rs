//! Configurations with score and qkv input: TOML, variants, every refusal.

mod toml_text;

use logattn_golden::{
    Accumulate, Configuration, Exp2, Input, NAMES, Normalize, TWIN_NAMES, VARIANT_NAMES,
};
use toml_text::{refusal, with, without};

const SCORES: &str = r#"
name = "unit"
input = "scores"
head_dimension = 32
max_keys = 256
value_bits = 8
keys_per_beat = 4
lanes = 16
query_block = 1
accumulate = "shift"
normalize = "complement"
output_bits = 8
output_lanes = 2
max_shift = 7
shifts = [7, 6, 5, 4, 3, 2, 1]
fraction_bits = 4
score_bits = 12
distance_bits = 8
guard_bits = 9
exp2 = "mitchell"
score_thresholds = [-120, -104, -88, -72, -56, -40, -24]
"#;

#[test]
fn a_score_configuration_round_trips_and_says_nothing_of_probabilities() {
    let configuration = Configuration::from_toml(SCORES, "unit.toml").unwrap();
    assert_eq!(configuration.exp2, Some(Exp2::Mitchell));
    let text = configuration.to_toml().unwrap();
    assert!(!text.contains("probability_bits") && !text.contains("\nthresholds"));
    assert_eq!(
        Configuration::from_toml(&text, "again.toml").unwrap(),
        configuration
    );
}

#[test]
fn every_variant_is_valid_and_round_trips() {
    for name in VARIANT_NAMES {
        let variant = Configuration::named(name).unwrap();
        assert_eq!(variant.name, name);
        let text = variant.to_toml().unwrap();
        let again = Configuration::from_toml(&text, "again.toml").unwrap();
        assert_eq!(again, variant);
    }
}

/// Each named configuration exists with each of the three inputs, under one name or another.
#[test]
fn every_named_configuration_has_all_three_inputs() {
    for name in NAMES {
        let named = Configuration::named(name).unwrap();
        for input in [Input::Probabilities, Input::Scores, Input::Qkv] {
            let variant = named.with_input(input).unwrap();
            assert_eq!(variant.input, input);
            let expected = Configuration::named(&variant.name).unwrap();
            assert_eq!(expected, variant, "{name}");
        }
    }
    assert_eq!(VARIANT_NAMES.len(), 2 * NAMES.len());
}

/// 305 / 2^16 is 2^-7.747: 124 sixteenths of an octave. The others lie midway between powers of
/// two, which are whole sixteenths.
#[test]
fn thresholds_keep_their_meaning_on_the_other_scale() {
    let scores = Configuration::named("edge_scores").unwrap();
    assert_eq!(
        scores.score_thresholds,
        [-124, -104, -88, -72, -56, -40, -24]
    );
    let paper = Configuration::named("paper_qkv").unwrap();
    let published = (0..7).map(|i| 1e-3_f64 * 1000_f64.powf(f64::from(i) / 7.0));
    for (threshold, edge) in paper.score_thresholds.iter().zip(published) {
        assert!((f64::from(*threshold) / 16.0 - edge.log2()).abs() < 0.04);
    }
    let back = Configuration::named("base_probabilities").unwrap();
    // ceil(2^16 2^-8.5), then as in the other named configurations.
    assert_eq!(back.thresholds, [182, 725, 1449, 2897, 5793, 11586, 23171]);
    assert_eq!(back.normalize, Normalize::Reciprocal);
}

#[test]
fn the_twin_takes_probabilities() {
    let base = Configuration::named("base").unwrap();
    let twin = base.int8_twin();
    twin.validate().unwrap();
    assert_eq!(twin.input, Input::Probabilities);
    assert_eq!(twin.accumulate, Accumulate::Multiply);
    assert_eq!(twin.normalize, Normalize::Reciprocal);
    assert_eq!(
        (twin.lanes, twin.keys_per_beat),
        (base.lanes, base.keys_per_beat)
    );
    for name in TWIN_NAMES {
        let twin = Configuration::named(name).unwrap();
        assert!(twin.with_input(Input::Scores).is_err(), "{name}");
    }
}

/// The widest rows leave fewer guard bits than the default.
#[test]
fn the_longest_rows_have_scores_too() {
    let mut edge = Configuration::named("edge").unwrap();
    edge.max_keys = 16384;
    let scores = edge.with_input(Input::Scores).unwrap();
    // 4 fraction bits and 15 for 16,384 keys leave 13 of 32.
    assert_eq!(scores.guard_bits, Some(13));
}

#[test]
fn complement_sums_take_one_bit_more() {
    let complement = Configuration::from_toml(SCORES, "unit.toml").unwrap();
    // Values of 8 bits, their differences of 9, shifted by up to 7, over 2^8 keys.
    assert_eq!(complement.accumulator_bits(), 9 + 7 + 8);
}

#[test]
fn every_wrong_field_is_named_with_its_value_and_range() {
    let reciprocal = with(SCORES, "normalize = \"reciprocal\"");
    for (text, expected) in [
        (
            with(SCORES, "fraction_bits = 9"),
            vec!["fraction_bits", "9", "0..=8"],
        ),
        (
            with(SCORES, "score_bits = 4"),
            vec!["score_bits", "4", "5..=32"],
        ),
        (
            with(SCORES, "score_bits = 33"),
            vec!["score_bits", "33", "5..=32"],
        ),
        (
            with(SCORES, "distance_bits = 10"),
            vec!["distance_bits", "10", "5..=9"],
        ),
        (
            with(SCORES, "guard_bits = 17"),
            vec!["guard_bits", "17", "0..=16"],
        ),
        (
            with(&with(SCORES, "guard_bits = 16"), "max_keys = 16384"),
            vec!["guard_bits", "16", "35 bits", "32 bits"],
        ),
        (
            with(SCORES, "score_thresholds = [-120]"),
            vec!["score_thresholds", "[-120]", "7 integers"],
        ),
        (
            with(
                SCORES,
                "score_thresholds = [-255, -104, -88, -72, -56, -40, -24]",
            ),
            vec!["score_thresholds", "-255", "-254..=0"],
        ),
        (
            with(
                SCORES,
                "score_thresholds = [-120, -104, -88, -72, -56, -40, 1]",
            ),
            vec!["score_thresholds", "1", "-254..=0"],
        ),
        (
            with(
                SCORES,
                "score_thresholds = [-104, -120, -88, -72, -56, -40, -24]",
            ),
            vec!["score_thresholds", "-120", "non-decreasing"],
        ),
        (
            with(SCORES, "probability_bits = 16"),
            vec!["probability_bits", "16", "absent"],
        ),
        (
            with(SCORES, "thresholds = [1, 2, 3, 4, 5, 6, 7]"),
            vec!["thresholds", "absent"],
        ),
        (
            with(&reciprocal, "accumulate = \"multiply\""),
            vec!["max_shift", "absent"],
        ),
        (
            with(&with(SCORES, "query_block = 2"), "lanes = 32"),
            vec!["normalize", "complement", "query_block = 1"],
        ),
        (
            with(SCORES, "input = \"probabilities\""),
            vec!["normalize", "complement", "input"],
        ),
        (
            with(&reciprocal, "input = \"probabilities\""),
            vec!["thresholds", "7 integers"],
        ),
        (
            without(SCORES, "output_bits"),
            vec!["output_bits", "absent", "complement"],
        ),
        (
            with(SCORES, "exp2 = \"exact\""),
            vec!["exact", "mitchell", "table"],
        ),
        // 3 keys of 4 bits are no whole bytes.
        (
            with(&with(SCORES, "score_bits = 5"), "keys_per_beat = 4"),
            vec!["keys_per_beat", "20", "multiple of 8"],
        ),
    ] {
        let message = refusal(&text);
        assert!(message.contains("unit.toml"), "{message}");
        for part in expected {
            assert!(message.contains(part), "no {part:?} in {message}");
        }
    }
    for field in [
        "fraction_bits",
        "score_bits",
        "distance_bits",
        "guard_bits",
        "exp2",
    ] {
        let message = refusal(&without(SCORES, field));
        assert!(
            message.contains(&format!("{field} = (absent): must be")),
            "{message}"
        );
        assert!(!message.contains("4294967295"), "{message}");
    }
    let twin = with(
        &without(&without(&reciprocal, "max_shift"), "shifts"),
        "accumulate = \"multiply\"",
    );
    let message = refusal(&twin);
    assert!(
        message.contains("accumulate") && message.contains("multiply"),
        "{message}"
    );
}

#[test]
fn score_fields_are_refused_with_probabilities() {
    let nano = Configuration::named("nano").unwrap().to_toml().unwrap();
    for line in [
        "fraction_bits = 4",
        "score_bits = 12",
        "distance_bits = 8",
        "guard_bits = 9",
        "exp2 = \"table\"",
        "score_thresholds = [-1, 0, 0]",
    ] {
        let message = refusal(&with(&nano, line));
        let field = line.split(' ').next().unwrap_or_default();
        assert!(
            message.contains(field) && message.contains("absent"),
            "{message}"
        );
    }
}
