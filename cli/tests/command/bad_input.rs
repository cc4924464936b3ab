//! Configurations and captures that are refused: exit status 2, one error that names file and
//! field, nothing written.

use crate::support::{
    Place, SMALL, Tensor, assert_contains, probabilities, safetensors, small_capture, values,
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
    let place = Place::new();
    assert!(SMALL.contains(from));
    place.write("bad.toml", SMALL.replace(from, to));
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
    assert_contains(&error, &["`v`", "[8, 4]", "[heads, tokens, D]"]);
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
