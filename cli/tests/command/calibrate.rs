//! `calibrate`.

use crate::support::{Place, assert_contains, classification, strings};
use logattn_golden::Configuration;
use serde_json::Value;
use std::fs;

const SENTENCES: &str = "sentence\tlabel\nslowly the boat rises .\t1\n\
    the keeper opens the gates\t0\nwhat lifts the boat ?\t1\n";

fn arguments(command: &str, place: &Place, more: &[&str]) -> Vec<String> {
    classification(command, place, SENTENCES, more)
}

fn calibrates(place: &Place, more: &[&str]) -> String {
    place.prints(&strings(&arguments("calibrate", place, more)))
}

#[test]
fn registers_of_each_head_prune_as_much_as_was_asked_for() {
    let place = Place::new();
    let printed = calibrates(
        &place,
        &[
            "--config",
            "edge",
            "--sparsity",
            "0.5",
            "--shifts",
            "8/6/5/4/3/2/1",
            "--held-out",
            "sentences.tsv",
            "--out",
            "unit.toml",
        ],
    );
    assert_contains(
        &printed,
        &[
            "as given",
            "2^-7.75",
            "of the model",
            "of each head",
            "held out",
            "unit.registers.toml",
        ],
    );
    let text = fs::read_to_string(place.path("unit.toml")).expect("the configuration is there");
    let unit = Configuration::from_toml(&text, "unit.toml").expect("a configuration");
    assert_eq!(unit.head_dimension, 32);
    let registers = fs::read_to_string(place.path("unit.registers.toml")).expect("the registers");
    // Two layers of three heads.
    assert_eq!(registers.matches("[[registers]]").count(), 6);

    // What was calibrated can be used, and prunes as much where float attention comes first.
    let float_first = [
        "--attention",
        "float",
        "--attention",
        "golden:unit.registers.toml",
        "--json",
        "r.json",
    ];
    place.prints(&strings(&arguments("accuracy", &place, &float_first)));
    let json = fs::read(place.path("r.json")).expect("the results are there");
    let json: Value = serde_json::from_slice(&json).expect("they are JSON");
    let values = &json["attentions"][1]["attention_values"];
    let shares = [
        &values["pruned_share"],
        &values["layers"][0]["pruned_share"],
    ];
    let shares = shares.map(|share| share.as_f64().expect("a number"));
    assert!(shares[0] > 0.35 && shares[1] > 0.2, "{shares:?}");
}

#[test]
fn one_set_of_registers_is_a_configuration_alone() {
    let place = Place::new();
    let given = [
        "--config",
        "edge_scores",
        "--sparsity",
        "0.3",
        "--per",
        "model",
        "--out",
        "unit.toml",
    ];
    calibrates(&place, &given);
    let mut files = place.files();
    files.sort();
    assert_eq!(files, ["sentences.tsv", "unit.toml"]);
    let layers = [
        "--config",
        "edge",
        "--sparsity",
        "0.3",
        "--per",
        "layer",
        "--out",
        "l.toml",
    ];
    calibrates(&place, &layers);
    let registers = fs::read_to_string(place.path("l.registers.toml")).expect("the registers");
    assert_eq!(registers.matches("[[registers]]").count(), 2);
    assert!(!registers.contains("head"));
}

#[test]
fn bad_input_is_named_and_nothing_is_written() {
    let cases: [(&[&str], &[&str]); 6] = [
        (
            &["--config", "edge", "--sparsity", "1"],
            &["--sparsity", "below 1"],
        ),
        (
            &["--config", "edge", "--sparsity", "0.999"],
            &["sparsity: 0.999", "at most"],
        ),
        (
            &["--config", "paper", "--sparsity", "0.5"],
            &["`paper`: accumulate: bucket", "shift"],
        ),
        (
            &["--config", "edge", "--sparsity", "0.5", "--shifts", "7/6"],
            &["7 non-increasing"],
        ),
        (
            &["--config", "edge", "--sparsity", "0.5", "--shifts", "a"],
            &["--shifts", "legal"],
        ),
        (
            &["--config", "edge", "--sparsity", "0.5", "--window", "8"],
            &["--window", "perplexity"],
        ),
    ];
    for (given, parts) in cases {
        let place = Place::new();
        let all = [given, &["--out", "unit.toml"]].concat();
        let said = place.refuses(&strings(&arguments("calibrate", &place, &all)));
        assert_contains(&said, parts);
        assert_eq!(place.files(), ["sentences.tsv"]);
    }
}
