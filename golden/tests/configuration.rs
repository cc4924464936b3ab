//! The configuration type: named ones, TOML, derived widths and every refusal.

mod toml_text;

use logattn_golden::{Configuration, ConfigurationError, NAMES, SORTED_NAMES, TWIN_NAMES};
use toml_text::{refusal, with, without};

const SHIFT: &str = r#"
name = "unit"
input = "probabilities"
head_dimension = 32
max_keys = 256
value_bits = 8
keys_per_beat = 4
lanes = 16
query_block = 1
accumulate = "shift"
normalize = "none"
output_lanes = 2
max_shift = 7
thresholds = [305, 725, 1449, 2897, 5793, 11586, 23171]
shifts = [7, 6, 5, 4, 3, 2, 1]
"#;

const BUCKET: &str = r#"
name = "unit"
input = "probabilities"
code_bits = 2
head_dimension = 32
max_keys = 256
value_bits = 8
keys_per_beat = 4
lanes = 32
query_block = 2
accumulate = "bucket"
normalize = "reciprocal"
output_bits = 8
output_lanes = 4
thresholds = [66, 656, 6554]
levels = [207, 2072, 20724]
level_bits = 16
"#;

const MULTIPLY: &str = r#"
name = "unit"
input = "probabilities"
head_dimension = 32
max_keys = 256
value_bits = 8
keys_per_beat = 4
lanes = 32
query_block = 1
accumulate = "multiply"
normalize = "none"
output_lanes = 4
"#;

#[test]
fn every_named_configuration_is_valid_and_round_trips() {
    for name in NAMES.iter().chain(&TWIN_NAMES).chain(&SORTED_NAMES) {
        let configuration = Configuration::named(name).unwrap();
        assert_eq!(configuration.name, *name);
        let text = configuration.to_toml().unwrap();
        assert_eq!(
            Configuration::from_toml(&text, "again.toml").unwrap(),
            configuration
        );
    }
}

#[test]
fn unknown_name_lists_the_known() {
    for name in ["giant", "paper_int8", "_int8", ""] {
        let message = Configuration::named(name).unwrap_err().to_string();
        assert!(message.contains(&format!("{name:?}")), "{message}");
        assert!(message.contains("nano, edge, base, server, paper, nano_int8"));
    }
}

#[test]
fn defaults() {
    let configuration = Configuration::from_toml(SHIFT, "unit.toml").unwrap();
    assert_eq!(configuration.code_bits, 3);
    assert_eq!(configuration.probability_bits, 16);
    assert_eq!(configuration.value_banks, 1);
    assert_eq!(configuration.output_bits, None);
}

#[test]
fn twin_keeps_the_shape_and_drops_the_levels() {
    let bucket = Configuration::from_toml(BUCKET, "unit.toml").unwrap();
    let twin = bucket.int8_twin();
    twin.validate().unwrap();
    let expected = with(
        &MULTIPLY.replace("\"none\"", "\"reciprocal\""),
        "query_block = 2",
    );
    let expected = with(&with(&expected, "output_bits = 8"), "name = \"unit_int8\"");
    assert_eq!(
        twin,
        Configuration::from_toml(&expected, "twin.toml").unwrap()
    );
    assert_eq!(twin.int8_twin(), twin);
}

#[test]
fn twin_of_a_long_name_is_valid() {
    let long = with(SHIFT, &format!("name = \"{}\"", "a".repeat(32)));
    let twin = Configuration::from_toml(&long, "unit.toml")
        .unwrap()
        .int8_twin();
    assert_eq!(twin.name, "a".repeat(27) + "_int8");
    twin.validate().unwrap();
}

/// Sizes of the named configurations, worked out by hand from the definitions.
#[test]
fn derived_sizes() {
    // name: passes, key_bits, length_bits, shift_bits, accumulator_bits, normalizer_bits,
    // output_beats, value_words, stored_code_bits
    let expected = [
        ("nano", [2, 8, 9, 3, 23, 16, 16, 512, 3]),
        ("edge", [1, 9, 10, 3, 24, 17, 8, 512, 3]),
        // One bit more for the differences of complement normalization.
        ("base", [1, 9, 10, 3, 25, 17, 8, 512, 3]),
        ("server", [1, 10, 11, 3, 25, 18, 8, 1024, 3]),
        ("paper", [1, 9, 10, 0, 33, 25, 8, 512, 3]),
        ("nano_int8", [2, 8, 9, 0, 24, 16, 16, 512, 8]),
        ("server_int8", [1, 10, 11, 0, 26, 18, 8, 1024, 8]),
    ];
    for (name, sizes) in expected {
        let c = Configuration::named(name).unwrap();
        let found = [
            c.passes(),
            c.key_bits() as usize,
            c.length_bits() as usize,
            c.shift_bits() as usize,
            c.accumulator_bits() as usize,
            c.normalizer_bits() as usize,
            c.output_beats(),
            c.value_words(),
            c.stored_code_bits() as usize,
        ];
        assert_eq!(found, sizes, "{name}");
    }
    let paper = Configuration::named("paper").unwrap();
    assert_eq!((paper.bucket_bits(), paper.count_bits()), (17, 10));
    assert_eq!(paper.levels_count(), 7);
    assert_eq!(
        [0, 1, 8, 9, 512].map(|keys| paper.beats(keys)),
        [1, 1, 1, 2, 64]
    );
}

#[test]
fn sizes_of_key_counts_that_are_no_powers_of_two() {
    // keys: bits of an index, bits of a length
    for (keys, index, length) in [(4, 2, 3), (5, 3, 3), (7, 3, 3), (8, 3, 4), (9, 4, 4)] {
        let text = with(SHIFT, &format!("max_keys = {keys}"));
        let c = Configuration::from_toml(&text, "unit.toml").unwrap();
        assert_eq!((c.key_bits(), c.length_bits()), (index, length), "{keys}");
    }
}

/// Each line makes the text illegal; the message must hold the field with its value, and the
/// legal range.
#[test]
fn illegal_fields_are_named_with_value_and_range() {
    let cases = [
        (
            SHIFT,
            "name = \"Unit\"",
            "name = \"Unit\"",
            "[a-z][a-z0-9_]{0,31}",
        ),
        (SHIFT, "name = \"\"", "name = \"\"", "[a-z][a-z0-9_]{0,31}"),
        (
            SHIFT,
            "name = \"1a\"",
            "name = \"1a\"",
            "[a-z][a-z0-9_]{0,31}",
        ),
        (SHIFT, "code_bits = 1", "code_bits = 1", "2..=4"),
        (SHIFT, "code_bits = 5", "code_bits = 5", "2..=4"),
        (
            MULTIPLY,
            "code_bits = 3",
            "code_bits = 3",
            "absent with accumulate = \"multiply\"",
        ),
        (SHIFT, "head_dimension = 0", "head_dimension = 0", "1..=512"),
        (
            SHIFT,
            "head_dimension = 513",
            "head_dimension = 513",
            "1..=512",
        ),
        (SHIFT, "max_keys = 1", "max_keys = 1", "2..=16384"),
        (SHIFT, "max_keys = 16385", "max_keys = 16385", "2..=16384"),
        (SHIFT, "value_bits = 1", "value_bits = 1", "2..=8"),
        (SHIFT, "value_bits = 9", "value_bits = 9", "2..=8"),
        (
            SHIFT,
            "probability_bits = 11",
            "probability_bits = 11",
            "12..=24",
        ),
        (
            SHIFT,
            "probability_bits = 25",
            "probability_bits = 25",
            "12..=24",
        ),
        (SHIFT, "keys_per_beat = 0", "keys_per_beat = 0", "1..=64"),
        (SHIFT, "keys_per_beat = 65", "keys_per_beat = 65", "1..=64"),
        (
            SHIFT,
            "keys_per_beat = 3",
            "keys_per_beat = 3",
            "a power of two",
        ),
        (
            SHIFT,
            "head_dimension = 48",
            "lanes = 16",
            "head_dimension = 48 divided by a power",
        ),
        (
            SHIFT,
            "max_keys = 3",
            "keys_per_beat = 4",
            "at most max_keys = 3",
        ),
        (
            SHIFT,
            "lanes = 0",
            "lanes = 0",
            "head_dimension = 32 divided by a power of two",
        ),
        (
            SHIFT,
            "lanes = 12",
            "lanes = 12",
            "head_dimension = 32 divided by a power of two",
        ),
        (SHIFT, "query_block = 3", "query_block = 3", "1, 2, 4 or 8"),
        (
            SHIFT,
            "query_block = 2",
            "query_block = 2",
            "1 unless lanes = head_dimension",
        ),
        (
            SHIFT,
            "output_bits = 8",
            "output_bits = 8",
            "absent without normalize = \"reciprocal\"",
        ),
        (BUCKET, "output_bits = 7", "output_bits = 7", "8..=16"),
        (BUCKET, "output_bits = 17", "output_bits = 17", "8..=16"),
        (
            SHIFT,
            "output_lanes = 0",
            "output_lanes = 0",
            "a divisor of lanes = 16",
        ),
        (
            SHIFT,
            "output_lanes = 32",
            "output_lanes = 32",
            "a divisor of lanes = 16",
        ),
        (SHIFT, "value_banks = 3", "value_banks = 3", "1..=2"),
        (SHIFT, "pipeline_depth = 0", "pipeline_depth = 0", "1..=3"),
        (SHIFT, "pipeline_depth = 4", "pipeline_depth = 4", "1..=3"),
        (SHIFT, "max_shift = 0", "max_shift = 0", "1..=15"),
        (SHIFT, "max_shift = 16", "max_shift = 16", "1..=15"),
        (
            BUCKET,
            "max_shift = 7",
            "max_shift = 7",
            "absent without accumulate = \"shift\" or \"sorted\"",
        ),
        (
            SHIFT,
            "level_bits = 8",
            "level_bits = 8",
            "absent without accumulate = \"bucket\"",
        ),
        (BUCKET, "level_bits = 0", "level_bits = 0", "1..=16"),
        (BUCKET, "level_bits = 17", "level_bits = 17", "1..=16"),
        (
            BUCKET,
            "thresholds = [1, 2]",
            "thresholds = [1, 2]",
            "3 integers of 1..=65535",
        ),
        (
            BUCKET,
            "thresholds = [0, 1, 2]",
            "thresholds[0] = 0",
            "1..=65535",
        ),
        (
            BUCKET,
            "thresholds = [1, 2, 65536]",
            "thresholds[2] = 65536",
            "1..=65535",
        ),
        (
            BUCKET,
            "thresholds = [1, 3, 2]",
            "thresholds[2] = 2",
            "non-decreasing",
        ),
        (
            MULTIPLY,
            "thresholds = [1]",
            "thresholds = [1]",
            "absent without accumulate =",
        ),
        (SHIFT, "shifts = [1]", "shifts = [1]", "7 integers of 0..=7"),
        (
            SHIFT,
            "shifts = [8, 6, 5, 4, 3, 2, 1]",
            "shifts[0] = 8",
            "0..=7",
        ),
        (
            SHIFT,
            "shifts = [6, 7, 5, 4, 3, 2, 1]",
            "shifts[1] = 7",
            "non-increasing",
        ),
        (
            BUCKET,
            "shifts = [3, 2, 1]",
            "shifts = [3, 2, 1]",
            "absent without accumulate = \"shift\" or \"sorted\"",
        ),
        (
            BUCKET,
            "levels = [1, 2, 65536]",
            "levels[2] = 65536",
            "1..=65535",
        ),
        (
            BUCKET,
            "levels = [1, 3, 2]",
            "levels[2] = 2",
            "non-decreasing",
        ),
        (BUCKET, "levels = [0, 3, 2]", "levels[0] = 0", "1..=65535"),
        (
            SHIFT,
            "levels = [1]",
            "levels = [1]",
            "absent without accumulate = \"bucket\"",
        ),
    ];
    for (text, line, found, legal) in cases {
        let message = refusal(&with(text, line));
        assert!(message.starts_with("unit.toml: "), "{message}");
        assert!(
            message.contains(&format!("{found}: must be")),
            "{line}: {message}"
        );
        assert!(message.contains(legal), "{line}: {message}");
    }
}

#[test]
fn required_knobs_of_a_mode() {
    let cases = [
        (
            SHIFT,
            "max_shift",
            "max_shift = (absent): must be 1..=15 with accumulate = \"shift\" or \"sorted\"",
        ),
        (SHIFT, "shifts", "shifts = []: must be 7 integers of 0..=7"),
        (
            SHIFT,
            "thresholds",
            "thresholds = []: must be 7 integers of 1..=65535",
        ),
        (
            BUCKET,
            "level_bits",
            "level_bits = (absent): must be 1..=16 with accumulate = \"bucket\"",
        ),
        (
            BUCKET,
            "levels",
            "levels = []: must be 3 integers of 1..=65535",
        ),
        (
            BUCKET,
            "output_bits",
            "output_bits = (absent): must be 8..=16 with normalize =",
        ),
    ];
    for (text, field, expected) in cases {
        let message = refusal(&without(text, field));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn streams_carry_whole_bytes() {
    let text = with(&with(SHIFT, "probability_bits = 15"), "keys_per_beat = 1");
    let message = refusal(&text);
    assert!(
        message.contains("keys_per_beat = 1: must be such that"),
        "{message}"
    );
    assert!(
        message.contains("(here 15) is a multiple of 8"),
        "{message}"
    );
    let text = with(&with(SHIFT, "value_bits = 7"), "lanes = 4");
    let message = refusal(&text);
    assert!(
        message.contains("lanes = 4: must be such that"),
        "{message}"
    );
    assert!(
        message.contains("(here 28) is a multiple of 8"),
        "{message}"
    );
}

#[test]
fn accumulators_have_a_widest() {
    let widest = with(&with(SHIFT, "max_shift = 10"), "max_keys = 16384");
    Configuration::from_toml(&widest, "unit.toml").unwrap();
    let message = refusal(&with(&widest, "max_shift = 11"));
    assert!(message.contains("max_keys = 16384"), "{message}");
    assert!(message.contains("(33 bits"), "{message}");
    assert!(message.contains("at most 32 bits"), "{message}");
    let bucket = with(BUCKET, "max_keys = 16384");
    Configuration::from_toml(&bucket, "unit.toml").unwrap();
}

/// Each row has an order of its own, so that a block cannot share its reads of values.
#[test]
fn sorted_rows_share_no_reads() {
    let sorted = with(SHIFT, "accumulate = \"sorted\"");
    let one = Configuration::from_toml(&sorted, "one.toml").unwrap();
    let named = Configuration::from_toml(SHIFT, "one.toml").unwrap();
    assert_eq!(
        Configuration {
            name: one.name.clone(),
            ..named.sorted().unwrap()
        },
        one
    );
    let message = refusal(&with(&with(&sorted, "lanes = 32"), "query_block = 2"));
    let expected = "query_block = 2: must be 1 with accumulate = \"sorted\"";
    assert!(message.contains(expected), "{message}");
    let bucket = Configuration::from_toml(BUCKET, "bucket.toml").unwrap();
    assert!(bucket.sorted().is_err());
}

#[test]
fn text_that_does_not_parse_is_located() {
    let cases = [
        (with(SHIFT, "threshold = 1"), "unknown field `threshold`"),
        (
            with(SHIFT, "input = \"logits\""),
            "unknown variant `logits`",
        ),
        (
            with(SHIFT, "accumulate = \"sort\""),
            "unknown variant `sort`",
        ),
        (with(SHIFT, "max_keys = -1"), "max_keys = -1"),
        (with(SHIFT, "max_keys = 2.5"), "max_keys = 2.5"),
        (without(SHIFT, "lanes"), "missing field `lanes`"),
        (with(SHIFT, "lanes = = 1"), "lanes = = 1"),
    ];
    for (text, expected) in cases {
        let message = refusal(&text);
        assert!(message.starts_with("unit.toml: "), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn invalid_configurations_have_no_text() {
    let mut configuration = Configuration::named("nano").unwrap();
    configuration.lanes = 0;
    let error = configuration.to_toml().unwrap_err();
    assert!(matches!(error, ConfigurationError::Invalid { ref field, .. } if field == "lanes"));
    assert!(error.to_string().starts_with("nano: "));
}
