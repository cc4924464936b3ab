//! `demo`.

use crate::support::{Place, assert_contains, have_verilator};
use serde_json::Value;
use std::fs;

fn report(place: &Place) -> Value {
    serde_json::from_slice(&fs::read(place.path("out/demo/demo.json")).unwrap()).unwrap()
}

#[test]
fn without_verilator_it_says_so_and_shows_the_rest() {
    let place = Place::new();
    let run = place
        .logattn(&["demo"])
        .env("LOGATTN_VERILATOR", "/nonexistent")
        .assert()
        .success();
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
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
fn the_pictures_are_whole() {
    let place = Place::new();
    place
        .logattn(&["demo", "--config", "nano"])
        .env("LOGATTN_VERILATOR", "/nonexistent")
        .assert()
        .success();
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
    place.prints(&["demo"]);
    assert_eq!(report(&place)["study"], first["study"]);
}
