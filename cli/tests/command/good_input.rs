//! `configs` and `simulate`, and what all commands share.

use crate::support::{
    Place, SMALL, assert_contains, safetensors, score_capture, small_capture, small_with, with_mask,
};
use serde_json::Value;
use std::fs;

#[test]
fn configs_lists_every_named_configuration() {
    let table = Place::new().prints(&["configs"]);
    for name in [
        "nano",
        "edge",
        "base",
        "server",
        "paper",
        "nano_scores",
        "edge_qkv",
        "base_probabilities",
        "paper_qkv",
        "nano_int8",
        "edge_int8",
        "base_int8",
        "server_int8",
    ] {
        assert!(
            table
                .lines()
                .any(|line| line.split_whitespace().next() == Some(name)),
            "{name}: {table}"
        );
    }
    assert_contains(
        &table,
        &[
            "ECP5-85K",
            "UltraScale+",
            "accumulator",
            "input",
            "qkv",
            "complement",
        ],
    );
}

#[test]
fn configs_tells_the_sizes_of_base() {
    let json: Value = serde_json::from_str(&Place::new().prints(&["configs", "--json"])).unwrap();
    let base = json
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["configuration"]["name"] == "base")
        .unwrap();
    // Differences of 8-bit values, shifts of up to 7, 2^9 keys; two banks of 512 values, and as many
    // keys, of 64 bytes.
    assert_eq!(base["accumulator_bits"], 8 + 1 + 7 + 9);
    assert_eq!(base["value_memory_kibit"], 512.0);
    assert_eq!(base["key_memory_kibit"], 512.0);
    assert_eq!(base["stored_code_bits"], 3);
}

#[test]
fn a_printed_configuration_can_be_used_as_a_file() {
    let place = Place::new();
    for name in ["edge", "edge_scores", "base", "nano_int8"] {
        let text = place.prints(&["configs", name]);
        place.write("mine.toml", &text);
        assert_eq!(place.prints(&["configs", "mine.toml"]), text);
    }
}

/// The result of `simulate` as JSON.
fn simulated(configuration: &str, capture: &[u8]) -> Value {
    let place = Place::new();
    place.write("small.toml", configuration);
    place.write("heads.safetensors", capture);
    let arguments = ["simulate", "--config", "small.toml", "--input"];
    let files = ["heads.safetensors", "--json", "r.json"];
    let text = place.prints(&[&arguments[..], &files].concat());
    let json: Value = serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap();
    assert_contains(
        &text,
        &[&format!("input {}", json["input_kind"].as_str().unwrap())],
    );
    json
}

#[test]
fn simulate_counts_scores_by_hand() {
    let complement = |text: String| text.replace("\"reciprocal\"", "\"complement\"");
    for (configuration, kind) in [
        (small_with("scores"), "scores"),
        (small_with("qkv"), "qkv"),
        (complement(small_with("scores")), "scores"),
        (complement(small_with("qkv")), "qkv"),
    ] {
        let json = simulated(&configuration, &score_capture());
        assert_eq!(json["input_kind"], kind);
        // Query 0 sees keys at 0, -1, -2 and -9 octaves: 4/7, 2/7 and 1/7 survive. The others see
        // four equal keys, 1/4 each, at an edge.
        assert_eq!(json["counters"]["survivors"], 3 + 4 + 4 + 4);
        assert_eq!(json["total"]["bound_cycles"], 3 + 4 + 4 + 4);
        assert_eq!(json["softmax_differing_codes"], 0);
        assert_eq!(json["softmax_differing_share"], 0.0);
        // 2^10 of the query's 9 / 127 octaves a step of a key: 72.6 of 127 steps.
        let bits = 8.0 + (9.0 / 127.0 * 1024.0 / 127.0_f64).log2();
        let found = json["query_effective_bits"]["lowest"].as_f64().unwrap();
        assert!((found - bits).abs() < 1e-6, "{found}");
        assert_eq!(json["query_effective_bits"]["mean"], found);
        // Without key 3: three equal keys, 1/3 each.
        let cut = simulated(&configuration, &with_mask(&score_capture(), &[1, 1, 1, 0]));
        assert_eq!(
            (&cut["shape"]["rows_per_head"], &cut["shape"]["keys"]),
            (&3.into(), &3.into())
        );
        assert_eq!(cut["counters"]["survivors"], 3 + 3 + 3);
    }
}

#[test]
fn simulate_counts_by_hand() {
    let place = Place::new();
    place.write("small.toml", SMALL);
    place.write("heads.safetensors", small_capture());
    let text = place.prints(&[
        "simulate",
        "--config",
        "small.toml",
        "--input",
        "heads.safetensors",
        "--json",
        "result.json",
        "--csv",
        "result.csv",
    ]);
    assert_contains(
        &text,
        &[
            "cycles",
            "bound",
            "int8 twin",
            "survivors",
            "stall_output",
            "bitmap and codes",
            "dense re-fetch",
            "External traffic: load once wins",
            "horowitz_45nm",
        ],
    );
    // A heading, everything, a layer, its two heads.
    let table = fs::read_to_string(place.path("result.csv")).unwrap();
    assert_eq!(table.lines().count(), 5);
    let json: Value =
        serde_json::from_slice(&fs::read(place.path("result.json")).unwrap()).unwrap();
    // Keys of at least 1/8, row by row.
    assert_eq!(json["counters"]["survivors"], 3 + 1 + 2 + 1);
    assert_eq!(json["counters"]["rows"], 4);
    assert_eq!(json["counters"]["keys"], 16);
    let total = &json["total"];
    assert_eq!(total["survivors"], 7);
    assert_eq!(total["pruned_share"], 9.0 / 16.0);
    // A row is 2 beats: max(2, 3), max(2, 1), max(2, 2), max(2, 1).
    assert_eq!(total["bound_cycles"], 3 + 2 + 2 + 2);
    assert!(total["int8_twin_cycles"].as_u64().unwrap() >= 16);
    let groups = json["groups"].as_array().unwrap().iter();
    let cycles: u64 = groups
        .map(|group| group["cost"]["cycles"].as_u64().unwrap())
        .sum();
    assert_eq!(total["cycles"], cycles);
}

#[test]
fn every_field_of_the_result_is_described() {
    let place = Place::new();
    place.prints(&[
        "simulate",
        "--config",
        "edge",
        "--input",
        "demo",
        "--json",
        "result.json",
    ]);
    let json: Value =
        serde_json::from_slice(&fs::read(place.path("result.json")).unwrap()).unwrap();
    let fields = json["fields"].as_object().unwrap();
    for name in json.as_object().unwrap().keys() {
        assert!(fields.contains_key(name) || name == "fields", "{name}");
    }
    let table = place.prints(&["simulate", "--fields"]);
    for (name, field) in fields {
        assert_contains(&table, &[name, field["meaning"].as_str().unwrap()]);
    }
    // The embedded capture: 6 layers of 12 heads, 245 tokens.
    assert_eq!(json["counters"]["keys"], 72 * 245 * 245);
    assert_eq!(
        json["total"]["int8_twin_cycles"].as_u64().unwrap() / (72 * 245 * 245),
        1
    );
    assert_eq!(json["input_kind"], "probabilities");
    assert_eq!(json["softmax_differing_codes"], Value::Null);
}

#[test]
fn padding_is_not_played() {
    let place = Place::new();
    place.write("small.toml", SMALL);
    // Of 6 tokens, 1, 4 and 5 are masked: the last two are cut off, 1 has a probability of 0.
    let queries = ("q", &[1, 6, 4][..], vec![0.0; 24]);
    let file = safetensors(&[
        queries.clone(),
        ("k", queries.1, queries.2),
        ("v", queries.1, vec![1.0; 24]),
    ]);
    place.write("heads.safetensors", with_mask(&file, &[1, 0, 1, 1, 0, 0]));
    place.prints(&[
        "simulate",
        "--config",
        "small.toml",
        "--input",
        "heads.safetensors",
        "--json",
        "r.json",
    ]);
    let json: Value = serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap();
    assert_eq!(
        (&json["shape"]["rows_per_head"], &json["shape"]["keys"]),
        (&3.into(), &4.into())
    );
    // Three valid keys of equal logits, a third each: above 1/4, all three survive in each row.
    assert_eq!(json["counters"]["survivors"], 9);
}

#[test]
fn every_command_has_help_with_an_example() {
    let place = Place::new();
    for command in [
        "configs",
        "generate",
        "cosim",
        "simulate",
        "profile",
        "sweep",
        "accuracy",
        "analyze",
        "calibrate",
        "demo",
    ] {
        assert_contains(
            &place.prints(&[command, "--help"]),
            &["Example", &format!("logattn {command}")],
        );
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let place = Place::new();
    let program = assert_cmd::cargo::cargo_bin("logattn");
    let script = format!(
        "'{}' configs --json | true; test \"${{PIPESTATUS[0]}}\" = 0",
        program.display()
    );
    // The reader is gone before or while the command writes; both must be quiet.
    for _ in 0..5 {
        let run = std::process::Command::new("bash")
            .args(["-c", &script])
            .output()
            .unwrap();
        assert!(run.status.success() && run.stderr.is_empty(), "{run:?}");
    }
    assert_eq!(place.files(), [""; 0]);
}
