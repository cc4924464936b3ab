//! The estimate against synthesized units on which nothing was fitted, and its speed of response to
//! the structure.

use logattn_estimate::{Options, Target, estimate, features};
use logattn_golden::Configuration;
use serde_json::Value;

const MEASURED: &str = include_str!("../calibration/measured.json");

fn target(run: &str) -> Target {
    match run.split('-').next().unwrap_or_default() {
        "ice40" => Target::Ice40Hx8k,
        // The largest part, which has a DSP for each product of these units.
        "ecp5" => Target::Ecp585k,
        "gowin" => Target::GowinGw1n9,
        "xc7" => Target::Xc7,
        "xcup" => Target::Xcup,
        "asic" => Target::Asic,
        other => panic!("no family {other}"),
    }
}

/// What `scripts/calibrate_estimate` counted, for the units of one use.
fn rows(used: &str) -> Vec<(Configuration, String, Value)> {
    let measured: Value = serde_json::from_str(MEASURED).expect("JSON");
    let rows = measured["rows"].as_array().expect("rows").iter();
    let rows = rows.filter(|row| row["use"] == used);
    rows.map(|row| {
        let text = &measured["units"][row["unit"].as_str().expect("a name")];
        let text = text.as_str().expect("TOML");
        let configuration = Configuration::from_toml(text, "measured.json").expect("valid");
        (
            configuration,
            row["run"].as_str().expect("a run").into(),
            row["counts"].clone(),
        )
    })
    .collect()
}

#[test]
fn other_units_are_within_15_percent() {
    let rows = rows("check");
    assert!(rows.len() >= 20, "{}", rows.len());
    let mut wrong = Vec::new();
    for (configuration, run, counts) in rows {
        let dsp = !run.ends_with("-soft");
        let total = estimate(&configuration, target(&run), Options { dsp })
            .expect("estimates")
            .total;
        let estimates = [
            ("lut", total.lut),
            ("ff", total.ff),
            ("kilo_gates", total.kilo_gates),
        ];
        for (name, estimate) in estimates {
            let Some(counted) = counts[name].as_f64() else {
                continue;
            };
            let error = estimate / counted - 1.0;
            println!(
                "{:20} {run:10} {name:10} {:+.1} %",
                configuration.name,
                100.0 * error
            );
            if error.abs() > 0.15 {
                wrong.push(format!(
                    "{} {run} {name}: {:+.1} %",
                    configuration.name,
                    100.0 * error
                ));
            }
        }
    }
    let advice = "if the RTL has changed, run scripts/calibrate_estimate";
    assert!(wrong.is_empty(), "{advice}: {wrong:#?}");
}

#[test]
fn block_rams_and_dsps_follow_from_geometry() {
    for (configuration, run, counts) in [rows("check"), rows("fit")].concat() {
        let dsp = !run.ends_with("-soft");
        let total = estimate(&configuration, target(&run), Options { dsp })
            .expect("estimates")
            .total;
        for (name, estimate) in [("block_ram", total.block_ram), ("dsp", total.dsp)] {
            let counted = counts[name].as_f64().unwrap_or(0.0);
            assert_eq!(estimate, counted, "{} {run} {name}", configuration.name);
        }
    }
}

#[test]
fn modules_add_up_to_the_total() {
    let edge = Configuration::named("edge").expect("known");
    let estimate = estimate(&edge, Target::Ecp525k, Options::default()).expect("estimates");
    let sum: f64 = estimate.modules.iter().map(|module| module.area.lut).sum();
    assert!((sum - estimate.total.lut).abs() < 1e-6);
    let lanes = estimate
        .modules
        .iter()
        .find(|module| module.module == "shift_lane");
    assert_eq!(lanes.expect("has lanes").instances, 32);
}

#[test]
fn products_without_a_dsp_take_look_up_tables() {
    // 256 products of 8 x 8 bits, and 156 DSPs on the part.
    let base = Configuration::named("base").expect("known");
    let area = |dsp| estimate(&base, Target::Ecp585k, Options { dsp }).expect("estimates");
    let (with, without) = (area(true), area(false));
    assert!(
        with.total.dsp > 0.0 && with.total.dsp <= 156.0,
        "{}",
        with.total.dsp
    );
    assert_eq!(without.total.dsp, 0.0);
    assert!(without.total.lut > with.total.lut + 100.0 * 60.0);
}

#[test]
fn a_lane_more_is_a_lane_more() {
    let nano = Configuration::named("nano").expect("known");
    let twice = Configuration {
        lanes: 32,
        ..nano.clone()
    };
    let count = |configuration| {
        let modules = features(configuration, Target::Ice40Hx8k.family(), true).expect("valid");
        let lanes = modules.iter().filter(|(name, ..)| name == "shift_lane");
        lanes
            .map(|(_, count, features)| *count as f64 * features.flops)
            .sum::<f64>()
    };
    assert_eq!(2.0 * count(&nano), count(&twice));
}
