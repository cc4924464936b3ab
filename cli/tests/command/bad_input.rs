//! Configurations and captures that are refused: exit status 2, one error that names file and
//! field, nothing written.

use crate::support::{
    Place, SMALL, Tensor, assert_contains, probabilities, safetensors, score_capture,
    small_capture, small_with, values, with_mask,
};

/// The error that `simulate` gives for a file with these bytes; `cosim` gives the same.
fn refused_capture(bytes: &[u8]) -> String {
    let place = Place::new();
    place.write("small.toml", SMALL);
    place.write("bad.safetensors", bytes);
    let simulate = [
        "simulate",
        "--config",
        "small.toml",
        "--input",
        "bad.safetensors",
        "--json",
        "result.json",
    ];
    let error = place.refuses(&simulate);
    assert_eq!(
        place.refuses(&[
            "cosim",
            "--config",
            "small.toml",
            "--input",
            "bad.safetensors"
        ]),
        error
    );
    assert_contains(&error, &["bad.safetensors"]);
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

fn refused_tensors(tensors: &[Tensor]) -> String {
    refused_capture(&safetensors(tensors))
}

/// The error for the small configuration with some text replaced.
fn refused_configuration(from: &str, to: &str) -> String {
    refused_text(&replaced(SMALL, &[(from, to)]))
}

/// A text with some parts of it replaced, which must be there.
fn replaced(text: &str, parts: &[(&str, &str)]) -> String {
    parts.iter().fold(text.to_string(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

/// The error for a configuration.
fn refused_text(text: &str) -> String {
    let place = Place::new();
    place.write("bad.toml", text);
    let error = place.refuses(&["generate", "--config", "bad.toml", "--out", "out"]);
    assert_contains(&error, &["bad.toml"]);
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

/// A good `v`, and `probabilities` with one number replaced.
fn with_probability(index: usize, probability: f32) -> String {
    let mut all = probabilities();
    all[index] = probability;
    refused_tensors(&[
        ("v", &[2, 4, 4], values()),
        ("probabilities", &[2, 2, 4], all),
    ])
}

#[test]
fn missing_tensors() {
    let error = refused_tensors(&[("probabilities", &[2, 2, 4], probabilities())]);
    assert_contains(&error, &["`v` is missing"]);
    let error = refused_tensors(&[("v", &[2, 4, 4], values())]);
    assert_contains(&error, &["`q` is missing", "found `v`"]);
    let error = refused_tensors(&[("v", &[2, 4, 4], values()), ("q", &[2, 4, 4], values())]);
    assert_contains(&error, &["`k` is missing"]);
}

#[test]
fn wrong_tensors() {
    let error = refused_tensors(&[
        ("v", &[8, 4], values()),
        ("probabilities", &[2, 2, 4], probabilities()),
    ]);
    assert_contains(&error, &["`v`", "[8, 4]", "[KV heads, tokens, D]"]);
}

#[test]
fn shapes_that_disagree() {
    let error = refused_tensors(&[
        ("v", &[2, 4, 4], values()),
        ("probabilities", &[2, 4, 2], probabilities()),
    ]);
    assert_contains(&error, &["`probabilities`", "[2, 4, 2]", "[2, 4, 4]"]);
}

#[test]
fn nan_and_infinity() {
    for wrong in [f32::NAN, f32::INFINITY] {
        let mut v = values();
        v[5] = wrong;
        let error = refused_tensors(&[
            ("v", &[2, 4, 4], v),
            ("probabilities", &[2, 2, 4], probabilities()),
        ]);
        assert_contains(&error, &["`v`", "[0, 1, 1]", "finite"]);
    }
    assert_contains(
        &with_probability(4, f32::NAN),
        &["`probabilities`", "NaN", "[0, 1, 0]"],
    );
}

#[test]
fn probabilities_out_of_range() {
    assert_contains(
        &with_probability(3, 1.5),
        &["`probabilities`", "1.5", "[0, 0, 3]", "0 to 1"],
    );
    assert_contains(
        &with_probability(3, -0.1),
        &["`probabilities`", "-0.1", "[0, 0, 3]"],
    );
}

#[test]
fn truncated_file() {
    let whole = small_capture();
    for length in [0, 7, 40, whole.len() - 1] {
        assert_contains(
            &refused_capture(&whole[..length]),
            &["truncated or not a safetensors file"],
        );
    }
}

#[test]
fn absent_file() {
    let error = Place::new().refuses(&[
        "simulate",
        "--config",
        "edge",
        "--input",
        "absent.safetensors",
    ]);
    assert_contains(
        &error,
        &["absent.safetensors", "cannot read", "No such file"],
    );
}

#[test]
fn too_many_keys() {
    let error = refused_tensors(&[
        ("v", &[1, 9, 4], vec![0.5; 36]),
        ("probabilities", &[1, 1, 9], vec![0.1; 9]),
    ]);
    assert_contains(
        &error,
        &["`v`", "N = 9", "at most 8", "max_keys", "\"small\""],
    );
}

#[test]
fn another_head_dimension() {
    let place = Place::new();
    for command in [
        &[
            "simulate",
            "--config",
            "base",
            "--input",
            "demo",
            "--json",
            "result.json",
        ][..],
        &["cosim", "--config", "base", "--input", "demo"],
        &["demo", "--config", "base"],
    ] {
        assert_contains(
            &place.refuses(command),
            &["demo.safetensors", "`v`", "D = 32", "64", "head_dimension"],
        );
    }
}

#[test]
fn thresholds_that_fall() {
    let error = refused_configuration("[8192, 16384, 32768]", "[8192, 8191, 32768]");
    assert_contains(&error, &["thresholds[1] = 8191", "non-decreasing"]);
}

#[test]
fn values_out_of_range() {
    assert_contains(
        &refused_configuration("max_keys = 8\n", "max_keys = 1\n"),
        &["max_keys = 1", "2..=16384"],
    );
}

#[test]
fn unknown_and_missing_fields() {
    let error = refused_configuration("\nlanes = 4\n", "\nlanes = 4\nlains = 4\n");
    // The text begins with an empty line, `lanes` is its tenth.
    assert_contains(&error, &["line 11", "`lains`", "expected", "`lanes`"]);
    let error = refused_configuration("\nlanes = 4\n", "\n");
    assert_contains(&error, &["bad.toml: missing field `lanes`"]);
    assert_contains(
        &refused_configuration("query_block = 1", "query_block = \"one\""),
        &["line 11", "query_block = \"one\"", "invalid type"],
    );
    let error = refused_configuration("\nlanes = 4\n", "\nlanes = 4\nlanes = 2\n");
    assert_contains(&error, &["line 11", "duplicate key", "lanes = 2"]);
}

#[test]
fn unknown_names_list_the_known() {
    let error = Place::new().refuses(&["generate", "--config", "huge", "--out", "out"]);
    assert_contains(
        &error,
        &["\"huge\"", "nano, edge, base, server, paper", "nano_int8"],
    );
    let error = Place::new().refuses(&["configs", "absent.toml"]);
    assert_contains(&error, &["absent.toml", "cannot read"]);
}

#[test]
fn arguments_out_of_range() {
    let place = Place::new();
    for (arguments, parts) in [
        (
            &["cosim", "--config", "edge", "--rows", "0"][..],
            ["--rows", "1..=65535"],
        ),
        (
            &["cosim", "--config", "edge", "--heads", "0"],
            ["--heads", "1..=65536"],
        ),
        (
            &["cosim", "--config", "edge", "--random=some"],
            ["--random", "all-pruned"],
        ),
        (
            &["cosim", "--config", "edge", "--stalls", "often"],
            ["--stalls", "none"],
        ),
        (
            &["cosim", "--config", "edge", "--random", "--input", "demo"],
            ["--random", "--input"],
        ),
    ] {
        assert_contains(&place.refuses(arguments), &parts);
    }
}

/// The error for a capture that a unit with scores must refuse, the same by both commands.
fn refused_by(configuration: &str, bytes: &[u8]) -> String {
    let place = Place::new();
    place.write("scores.toml", configuration);
    place.write("bad.safetensors", bytes);
    let [simulate, cosim] = ["simulate", "cosim"].map(|command| {
        let arguments = [command, "--config", "scores.toml"];
        place.refuses(&[&arguments[..], &["--input", "bad.safetensors"]].concat())
    });
    assert_eq!(simulate, cosim);
    assert_contains(&cosim, &["bad.safetensors"]);
    assert_eq!(cosim.lines().count(), 1, "{cosim}");
    cosim
}

#[test]
fn captures_without_scores() {
    for (configuration, name) in [(small_with("scores"), "scores"), (small_with("qkv"), "qkv")] {
        let input = format!("input = \"{name}\"");
        let error = refused_by(&configuration, &small_capture());
        assert_contains(&error, &["`q` and `k` are missing", &input]);
        let masked = with_mask(&score_capture(), &[1, 0, 1, 1]);
        let error = refused_by(&configuration, &masked);
        assert_contains(&error, &["`mask`", "key 1", "last valid key 3", &input]);
        let too_wide = configuration.replace("score_bits = 8", "score_bits = 4");
        // By hand: key 3 has -9 octaves, -127 of 127 steps; the query 73 steps of 2^-10.
        assert_contains(
            &refused_by(&too_wide, &score_capture()),
            &[
                "layer 0 head 0",
                "row 0, key 3",
                "4 signed bits (score_bits)",
            ],
        );
    }
    let other_rows = safetensors(&[
        ("q", &[2, 4, 4], values()),
        ("k", &[2, 4, 4], values()),
        ("v", &[2, 4, 4], values()),
        ("probabilities", &[2, 2, 4], probabilities()),
    ]);
    let error = refused_by(&small_with("scores"), &other_rows);
    assert_contains(
        &error,
        &["`probabilities` has 2 rows", "4, one for each query"],
    );
}

#[test]
fn score_fields_out_of_range() {
    let thresholds = "[-12, -8, -4]";
    for (from, to, parts) in [
        (
            "score_bits = 8",
            "score_bits = 2",
            ["score_bits = 2", "3..=32"],
        ),
        (
            "fraction_bits = 2",
            "fraction_bits = 9",
            ["fraction_bits = 9", "0..=8"],
        ),
        (
            "distance_bits = 6",
            "distance_bits = 8",
            ["distance_bits = 8", "3..=7"],
        ),
        (
            "guard_bits = 4",
            "guard_bits = 17",
            ["guard_bits = 17", "0..=16"],
        ),
        (
            thresholds,
            "[-63, -8, -4]",
            ["score_thresholds = -63", "-62..=0"],
        ),
        (
            thresholds,
            "[-12, -8, 1]",
            ["score_thresholds = 1", "-62..=0"],
        ),
        (
            thresholds,
            "[-12, -8]",
            ["score_thresholds = [-12, -8]", "3 integers"],
        ),
        (
            thresholds,
            "[-8, -12, -4]",
            ["score_thresholds = [-8, -12, -4]", "non-decreasing"],
        ),
        (
            "exp2 = \"mitchell\"",
            "exp2 = \"exact\"",
            ["exp2 = \"exact\"", "`mitchell` or `table`"],
        ),
        (
            "keys_per_beat = 2",
            "keys_per_beat = 1\nprobability_bits = 16",
            [
                "probability_bits = 16",
                "absent without input = \"probabilities\"",
            ],
        ),
        (
            "max_shift = 3",
            "max_shift = 3\nthresholds = [1, 2, 3]",
            [
                "thresholds = [1, 2, 3]",
                "absent without input = \"probabilities\"",
            ],
        ),
    ] {
        for base in [&small_with("scores"), &small_with("qkv")] {
            assert_contains(&refused_text(&replaced(base, &[(from, to)])), &parts);
        }
    }
}

#[test]
fn sums_of_powers_over_32_bits() {
    let wide = [
        ("max_keys = 8", "max_keys = 16384"),
        ("guard_bits = 4", "guard_bits = 16"),
    ];
    // 2 + 16 fraction bits, and 15 for a sum of up to 16,384.
    assert_contains(
        &refused_text(&replaced(&small_with("scores"), &wide)),
        &["guard_bits = 16", "here 33 bits", "at most 32 bits"],
    );
}

#[test]
fn modes_that_do_not_go_with_each_other() {
    let complement = ("normalize = \"reciprocal\"", "normalize = \"complement\"");
    let parts = [
        "normalize = \"complement\"",
        "input = \"scores\" or \"qkv\"",
        "query_block = 1",
    ];
    assert_contains(&refused_text(&replaced(SMALL, &[complement])), &parts);
    let block = ("query_block = 1", "query_block = 2");
    assert_contains(
        &refused_text(&replaced(&small_with("scores"), &[complement, block])),
        &parts,
    );
    let multiply = [
        ("accumulate = \"shift\"", "accumulate = \"multiply\""),
        ("code_bits = 2\n", ""),
        ("max_shift = 3\n", ""),
        ("shifts = [3, 2, 1]\n", ""),
    ];
    assert_contains(
        &refused_text(&replaced(&small_with("scores"), &multiply)),
        &[
            "accumulate = \"multiply\"",
            "\"shift\", \"sorted\" or \"bucket\"",
        ],
    );
    assert_contains(
        &refused_configuration("max_shift = 3", "max_shift = 3\nfraction_bits = 2"),
        &[
            "fraction_bits = 2",
            "absent",
            "input = \"scores\" or \"qkv\"",
        ],
    );
}

#[test]
fn missing_score_fields() {
    let small = small_with("scores");
    for field in [
        "fraction_bits",
        "score_bits",
        "distance_bits",
        "guard_bits",
        "exp2",
    ] {
        let without = small.lines().filter(|line| !line.starts_with(field));
        let without: Vec<&str> = without.collect();
        assert_contains(
            &refused_text(&without.join("\n")),
            &[field, "input = \"scores\" or \"qkv\""],
        );
    }
    let without = replaced(
        &small_with("scores"),
        &[("score_thresholds = [-12, -8, -4]", "")],
    );
    assert_contains(
        &refused_text(&without),
        &["score_thresholds = []", "3 integers"],
    );
}
