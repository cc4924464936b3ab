//! `demo`.

use crate::support::{Place, assert_contains, have_verilator};
use serde_json::Value;
use std::fs;

fn report(place: &Place) -> Value {
    serde_json::from_slice(&fs::read(place.path("out/demo/demo.json")).unwrap()).unwrap()
}

/// What a run prints where there is no Verilator.
fn without_verilator(place: &Place, arguments: &[&str]) -> String {
    let mut command = place.logattn(arguments);
    let run = command.env("LOGATTN_VERILATOR", "/nonexistent").assert();
    String::from_utf8(run.success().get_output().stdout.clone()).unwrap()
}

#[test]
fn without_verilator_it_says_so_and_shows_the_rest() {
    let place = Place::new();
    let text = without_verilator(&place, &["demo"]);
    assert_contains(
        &text,
        &[
            "co-simulation: skipped: Verilator not found",
            "scripts/setup",
            "Accuracy",
            "once a head",
        ],
    );
    let json = report(&place);
    assert_eq!(json["cosimulation"]["result"], "skipped");
    let (total, elements) = (&json["study"]["total"], 72 * 245 * 245);
    assert_eq!(total["memory"]["elements"], elements);
    assert_eq!(total["memory"]["fp16_bits"], 16 * elements);
    assert_eq!(total["memory"]["dense_bits"], 3 * elements);
    // A bit a key and 3 a survivor.
    let survivors = total["survivors"].as_u64().unwrap();
    assert_eq!(total["memory"]["survivor_bits"], elements + 3 * survivors);
    assert_eq!(total["memory"]["load_once_bytes"], 72 * 245 * 32);
    assert_eq!(total["memory"]["survivor_bytes"], 32 * survivors);
    let sum: u64 = json["study"]["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["cycles"].as_u64().unwrap())
        .sum();
    assert_eq!(total["cycles"], sum);
}

#[test]
fn the_chain_from_queries_is_that_of_another_program() {
    let place = Place::new();
    let text = without_verilator(&place, &["demo"]);
    assert_contains(&text, &["from Q, K, V: configuration edge_qkv", "2^-8.5"]);
    assert!(
        place
            .path("out/demo/qkv/rtl/edge_qkv_attention_unit.v")
            .is_file()
    );
    let json = report(&place);
    let chain = &json["chain"];
    // Of a program in numpy that follows the definition from the capture's integers on.
    assert_eq!(chain["total"]["differing_codes"], 64_179);
    let near = |found: &Value, expected: f64| {
        let found = found.as_f64().unwrap();
        assert!(
            (found - expected).abs() < 6e-4,
            "{found}, expected {expected}"
        );
    };
    near(&chain["query_effective_bits"]["mean"], 7.5141);
    near(&chain["query_effective_bits"]["lowest"], 7.0137);
    let layers = chain["layers"].as_array().unwrap();
    let expected = [
        ("reciprocal", [0.293, 0.162, 0.156, 0.218, 0.238, 0.484]),
        ("complement", [0.582, 0.150, 0.133, 0.156, 0.151, 0.650]),
    ];
    for (way, errors) in expected {
        for (layer, error) in layers.iter().zip(errors) {
            near(&layer["accuracy"][way]["relative_error"], error);
        }
    }
    near(
        &layers[0]["overfull_rows"]
            .as_u64()
            .map(|rows| rows as f64 / 2940.0)
            .into(),
        0.6721,
    );
    // Ceil(245 / 2) beats a row.
    assert_eq!(chain["total"]["bound_cycles"], 72 * 245 * 123);
    assert_eq!(json["chain_hardware"]["cosimulation"]["result"], "skipped");
    // What one demonstration wrote, the next one may replace.
    place.prints(&["generate", "--config", "nano", "--out", "out/demo"]);
    assert!(!place.path("out/demo/qkv").exists());
}

#[test]
fn other_inputs_can_be_what_it_is_about() {
    // Survivors by a program in numpy, with 10 guard bits and with 9.
    let configurations = [("edge_scores", true, 649_154), ("nano_qkv", false, 649_359)];
    for (name, hardware, survivors) in configurations {
        let place = Place::new();
        without_verilator(&place, &["demo", "--config", name]);
        let json = report(&place);
        assert_eq!(json["configuration"], name);
        assert_eq!(json["chain_hardware"].is_object(), hardware);
        assert_eq!(place.path("out/demo/qkv").exists(), hardware);
        assert_eq!(json["study"]["total"]["survivors"], survivors);
    }
    let place = Place::new();
    let text = without_verilator(&place, &["demo", "--config", "nano_int8"]);
    assert_contains(&text, &["no such unit", "multiply"]);
    assert_eq!(report(&place)["chain"], Value::Null);
}

#[test]
fn the_pictures_are_whole() {
    let place = Place::new();
    without_verilator(&place, &["demo", "--config", "nano"]);
    let png = fs::read(place.path("out/demo/demo.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.ends_with(b"IEND\xaeB`\x82"));
    let svg = fs::read_to_string(place.path("out/demo/demo.svg")).unwrap();
    assert_contains(
        &svg,
        &[
            "configuration nano",
            "clock cycles a row",
            "layer",
            "head",
            "int8 twin",
            "</svg>",
        ],
    );
    assert!(place.path("out/demo/rtl/nano_attention_unit.v").is_file());
}

#[test]
fn a_sample_is_co_simulated_and_the_demo_can_be_repeated() {
    if !have_verilator() {
        return;
    }
    let place = Place::new();
    assert_contains(&place.prints(&["demo"]), &["EQUAL", "6 of 72 heads"]);
    let first = report(&place);
    // Rows of D = 32 in output beats of 4, six heads of 245 rows, played twice.
    assert_eq!(first["cosimulation"]["beats"], 2 * 6 * 245 * 8);
    // The same by the unit that takes Q and K, 16 rows.
    let chained = &first["chain_hardware"]["cosimulation"];
    assert_eq!(chained["beats"], 2 * 6 * 16 * 8);
    place.prints(&["demo"]);
    assert_eq!(report(&place)["study"], first["study"]);
    assert_eq!(report(&place)["chain"], first["chain"]);
}
