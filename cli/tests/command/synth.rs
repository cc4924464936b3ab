//! `logattn synth`: the tools end to end, and every kind of bad input.

use crate::support::{Place, SMALL, assert_contains};
use logattn_synthesis::Synthesis;
use std::fs;
use std::path::Path;

/// A library with a flip-flop, a NAND, an inverter, and no times: enough to be read.
const LIBERTY: &str = r#"library (tiny) {
  capacitive_load_unit (1, pf);
  cell (INV) { area : 2; pin (A) { direction : input; capacitance : 0.002; }
    pin (Y) { direction : output; function : "A'"; } }
  cell (NAND2) { area : 3; pin (A) { direction : input; } pin (B) { direction : input; }
    pin (Y) { direction : output; function : "(A B)'"; } }
  cell (DFF) { area : 12; ff (IQ, IQN) { next_state : "D"; clocked_on : "C"; }
    pin (D) { direction : input; } pin (C) { direction : input; clock : true; }
    pin (Q) { direction : output; function : "IQ"; } }
}
"#;

/// The error of `logattn synth` for `nano` with more arguments.
fn refused(place: &Place, arguments: &[&str]) -> String {
    let all = [&["synth", "--config", "nano"], arguments].concat();
    let error = place.refuses(&all);
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

#[test]
fn targets_and_options_out_of_range() {
    let place = Place::new();
    let error = refused(&place, &["--target", "ecp5"]);
    assert_contains(
        &error,
        &[
            "--target",
            "\"ecp5\"",
            "ice40-hx8k",
            "ecp5-85k",
            "gowin-gw1n9",
            "xcup",
            "asic",
        ],
    );
    let error = refused(&place, &["--target", "ice40-hx8k", "--seeds", "100"]);
    assert_contains(&error, &["--seeds", "100", "0 to 99"]);
    let error = refused(&place, &["--target", "ecp5-25k", "--dsps", "29"]);
    assert_contains(&error, &["--dsps", "29", "0 to 28", "LFE5U-25F"]);
    let error = refused(&place, &["--target", "asic", "--no-dsp"]);
    assert_contains(&error, &["--no-dsp", "asic"]);
    let error = refused(&place, &["--target", "asic", "--dsps", "3"]);
    assert_contains(&error, &["--dsps", "asic"]);
}

#[test]
fn a_file_that_cannot_be_written_is_told_at_once() {
    let place = Place::new();
    let error = refused(
        &place,
        &["--target", "xcup", "--json", "absent/result.json"],
    );
    assert_contains(&error, &["absent/result.json", "cannot write"]);
}

#[test]
fn a_tool_that_is_missing_is_named_with_its_install_line() {
    let place = Place::new();
    let run = place
        .logattn(&["synth", "--config", "nano", "--target", "ice40-hx8k"])
        .env("LOGATTN_PYTHON", "/nonexistent/python")
        .assert()
        .code(2)
        .stdout("");
    let error = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert_contains(
        &error,
        &[
            "/nonexistent/python",
            "pyosys",
            "scripts/setup",
            "pip install pyosys==0.70",
        ],
    );
    assert_eq!(place.files(), [""; 0]);
}

#[test]
fn a_liberty_file_that_is_not_enough() {
    let place = Place::new();
    let refused_library = |text: &str| {
        place.write("bad.lib", text);
        let error = refused(&place, &["--target", "asic:bad.lib"]);
        assert_contains(&error, &["bad.lib"]);
        error
    };
    assert_contains(&refused_library("no library"), &["no Liberty file"]);
    assert_contains(
        &refused_library(&LIBERTY.replace("ff (", "latch (")),
        &["flip-flop"],
    );
    assert_contains(
        &refused_library(&LIBERTY.replace("(A B)'", "A B")),
        &["two-input NAND"],
    );
    let error = refused(&place, &["--target", "asic:absent.lib"]);
    assert_contains(&error, &["absent.lib", "cannot read"]);
}

/// Whether `logattn synth` finds its tools for a target. Without them a test says that it is
/// skipped, or fails if `LOGATTN_REQUIRE_TOOLS` is 1.
fn have_tools(place: &Place, target: &str) -> bool {
    let run = place
        .logattn(&[
            "synth",
            "--config",
            "nano",
            "--target",
            target,
            "--seeds",
            "0",
            "--no-modules",
        ])
        .output()
        .expect("the command starts");
    let error = String::from_utf8_lossy(&run.stderr).into_owned();
    if run.status.success() || !error.contains("install") {
        return true;
    }
    let required = std::env::var_os("LOGATTN_REQUIRE_TOOLS").is_some_and(|value| value == "1");
    assert!(!required, "{error}");
    eprintln!("skipped: {error}");
    false
}

/// The result of a run that must succeed, and what it printed.
fn synthesized(place: &Place, arguments: &[&str]) -> (Synthesis, String) {
    let all = [&["synth", "--json", "result.json"], arguments].concat();
    let printed = place.prints(&all);
    let json = fs::read(place.path("result.json")).expect("the result is there");
    (serde_json::from_slice(&json).expect("a result"), printed)
}

#[test]
fn nano_on_ice40_end_to_end() {
    let place = Place::new();
    if !have_tools(&place, "ice40-hx8k") {
        return;
    }
    let arguments = ["--config", "nano", "--target", "ice40-hx8k", "--seeds", "1"];
    let (synthesis, printed) = synthesized(&place, &arguments);
    assert_contains(
        &printed,
        &[
            "iCE40 HX8K",
            "Fmax",
            "shift_accumulator",
            "pyosys",
            "critical path",
        ],
    );
    // The value memory, 512 words of 128 bits, takes 16 block RAMs of 4 Kbit, the queue 2.
    assert_eq!(synthesis.area.block_ram, 18);
    let placement = synthesis.placement.expect("nano was placed");
    assert_eq!(placement.seeds.len(), 1);
    assert!(placement.speed.median_mhz > 20.0);
    let cells = &placement
        .utilization
        .iter()
        .find(|r| r.name == "ICESTORM_LC");
    let cells = cells.expect("logic cells are counted").used;
    assert!(cells >= synthesis.fit[0].used, "{cells}");
    let path = &placement.critical_path;
    let period = 1e3 / placement.speed.median_mhz;
    assert!((path.total_ns() - period).abs() < 0.1, "{period}: {path:?}");
    assert!(Path::new(&synthesis.folder).join("unit/unit.v").is_file());
}

#[test]
fn nano_is_counted_on_the_other_targets() {
    let place = Place::new();
    for target in ["ecp5-25k", "gowin-gw1n9", "xc7"] {
        if !have_tools(&place, target) {
            return;
        }
        let arguments = [
            "--config",
            "nano",
            "--target",
            target,
            "--seeds",
            "0",
            "--no-modules",
        ];
        let (synthesis, printed) = synthesized(&place, &arguments);
        assert_contains(&printed, &["LUT", "no Fmax"]);
        let area = synthesis.area;
        // Every register of the unit is a flip-flop on every target, give or take what is merged.
        assert!((1_900..2_100).contains(&area.ff), "{target}: {area:?}");
        assert!((1_000..5_000).contains(&area.lut), "{target}: {area:?}");
        assert_eq!(area.dsp, 0);
        assert!(area.block_ram > 0);
    }
}

#[test]
fn nano_in_standard_cells() {
    let place = Place::new();
    if !have_tools(&place, "asic") {
        return;
    }
    let (synthesis, printed) = synthesized(&place, &["--config", "nano", "--target", "asic"]);
    assert_contains(
        &printed,
        &["kGE", "osu018_stdcells", "before layout", "OpenSTA"],
    );
    let bits: Vec<u64> = synthesis.memories.iter().map(|m| m.bits()).collect();
    assert!(bits.contains(&(512 * 128)), "{bits:?}");
    // Flip-flops alone are 96 um2 each.
    assert!(synthesis.area.cell_area > 96.0 * synthesis.area.ff as f64);
    let timing = synthesis.static_timing.expect("OpenSTA timed it");
    let path = timing.critical_path.total_ns();
    assert!((path - timing.period_ns).abs() < 1e-3, "{path}");
    let modules = synthesis.modules.expect("modules were counted");
    let unit = &modules.modules[0];
    let parts: f64 = modules.parts.values().map(|part| part.cell_area).sum();
    assert!((unit.with_children.cell_area - parts).abs() < 1.0);
}

#[test]
fn a_unit_that_is_too_large_says_by_how_much() {
    let place = Place::new();
    if !have_tools(&place, "ice40-hx8k") {
        return;
    }
    let config = place.write("large.toml", large());
    let config = config.to_str().expect("a path that is text");
    let arguments = [
        "synth",
        "--config",
        config,
        "--target",
        "ice40-hx8k",
        "--no-modules",
    ];
    let error = place.refuses(&arguments);
    assert_contains(
        &error,
        &[
            "does not fit iCE40 HX8K",
            "of 32 block RAM",
            "max_keys",
            "--seeds 0",
        ],
    );
}

/// A small unit whose values do not fit the block RAMs of an HX8K: 8,192 keys of 32 bits are 256 Kbit, twice what there is.
fn large() -> String {
    let parts = [
        ("\"small\"", "\"large\""),
        ("max_keys = 8", "max_keys = 8192"),
        ("keys_per_beat = 2", "keys_per_beat = 1"),
        ("value_banks = 2", "value_banks = 1"),
        ("\"reciprocal\"\noutput_bits = 8", "\"none\""),
    ];
    parts.iter().fold(SMALL.to_string(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}
