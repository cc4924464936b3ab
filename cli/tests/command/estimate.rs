//! `estimate`.

use crate::support::{Place, SMALL, assert_contains};
use serde_json::Value;
use std::fs;

const TARGETS: [&str; 7] = [
    "ice40-hx8k",
    "ecp5-25k",
    "ecp5-85k",
    "gowin-gw1n9",
    "xcup",
    "xc7",
    "asic",
];

#[test]
fn all_targets_are_a_line_each() {
    let text = Place::new().prints(&["estimate", "--config", "nano"]);
    for target in TARGETS {
        assert_eq!(
            text.lines()
                .filter(|line| line.starts_with(&format!("{target} ")))
                .count(),
            1
        );
    }
    assert_contains(
        &text,
        &[
            "kGE",
            "calibrated with pyosys",
            "held-out error",
            "before placement",
        ],
    );
}

#[test]
fn one_target_is_told_module_by_module() {
    let text = Place::new().prints(&["estimate", "--config", "nano", "--target", "ice40-hx8k"]);
    assert_contains(
        &text,
        &[
            "shift_lane",
            "survivor_selector",
            "of 7,680",
            "iCE40 HX8K: fits",
        ],
    );
    let twin = [
        "estimate",
        "--config",
        "base_int8",
        "--target",
        "ice40-hx8k",
    ];
    let text = Place::new().prints(&twin);
    assert_contains(&text, &["does not fit: too few LUT"]);
}

#[test]
fn json_holds_every_module() {
    let place = Place::new();
    place.write("small.toml", SMALL);
    place.prints(&["estimate", "--config", "small.toml", "--json", "area.json"]);
    let json: Value = serde_json::from_slice(&fs::read(place.path("area.json")).unwrap()).unwrap();
    assert_eq!(json["configuration"], "small");
    let estimates = json["estimates"].as_array().unwrap();
    let names: Vec<&str> = estimates
        .iter()
        .map(|one| one["target"].as_str().unwrap())
        .collect();
    assert_eq!(names, TARGETS);
    for estimate in estimates {
        let modules = estimate["modules"].as_array().unwrap();
        let sum: f64 = modules
            .iter()
            .map(|module| module["area"]["ff"].as_f64().unwrap())
            .sum();
        let total = estimate["total"]["ff"].as_f64().unwrap();
        assert!((sum - total).abs() < 1e-6 && total > 100.0, "{sum} {total}");
    }
}

#[test]
fn bad_input_is_refused() {
    let place = Place::new();
    let refused = |arguments: &[&str]| {
        let command = ["estimate", "--json", "area.json"];
        let error = place.refuses(&[&command, arguments].concat());
        assert_eq!(error.lines().count(), 1, "{error}");
        error
    };
    let error = refused(&["--config", "nano", "--target", "ecp5"]);
    assert_contains(&error, &["--target", "\"ecp5\"", "ecp5-25k", "or all"]);
    let error = refused(&["--config", "nano", "--target", "asic", "--no-dsp"]);
    assert_contains(&error, &["--no-dsp", "asic", "no DSPs"]);
    place.write(
        "bad.toml",
        SMALL.replace("lanes = 4\nquery", "lanes = 3\nquery"),
    );
    let error = refused(&["--config", "bad.toml"]);
    assert_contains(&error, &["bad.toml", "lanes", "3"]);
    let error = refused(&["--config", "nona"]);
    assert_contains(&error, &["nona", "nano"]);
}
