//! `logattn sweep`: grids on the demo capture and on a static mask, shards, interruption.

use crate::support::{Place, assert_contains};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// One layer of the demo, 12 heads; 24 values cannot be lanes of 32 elements.
const GRID: &str = r#"
config = "edge"
input = "demo"
layers = [0, 1]
energy = ["aladdin_40nm"]
[grid]
lanes = [32, 24]
keys_per_beat = [4, 8]
"#;

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("the points can be read");
    let parsed = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"));
    parsed.collect()
}

#[test]
fn a_grid_on_the_demo_makes_tables_and_a_plot() {
    let place = Place::new();
    place.write("grid.toml", GRID);
    let printed = place.prints(&["sweep", "--grid", "grid.toml", "--out", "out"]);
    assert_contains(
        &printed,
        &[
            "4 points: lanes (2) x keys_per_beat (2); input demo",
            "4 points, 2 of which could not be studied",
            "lanes 32, keys_per_beat 8",
        ],
    );
    let expected = [
        "grid.toml",
        "out/pareto.svg",
        "out/points.jsonl",
        "out/sweep.csv",
        "out/sweep.md",
    ];
    assert_eq!(place.files(), expected);
    let points = lines(&place.path("out/points.jsonl"));
    let of = |index: u64| {
        points
            .iter()
            .find(|point| point["index"] == index)
            .expect("is there")
    };
    assert_contains(
        of(2)["invalid"].as_str().expect("says why"),
        &["lanes = 24"],
    );
    // The numbers are those of `simulate` on the same configuration and layer.
    let simulate = [
        "simulate", "--config", "edge", "--input", "demo", "--layers", "0..1",
    ];
    place.prints(&[&simulate[..], &["--json", "edge.json"]].concat());
    let text = fs::read_to_string(place.path("edge.json")).expect("the result is there");
    let study: Value = serde_json::from_str(&text).expect("it is JSON");
    let results = &of(1)["results"];
    for name in [
        "cycles",
        "bound_cycles",
        "int8_twin_cycles",
        "survivors",
        "pruned_share",
    ] {
        assert_eq!(results[name], study["total"][name], "{name}");
    }
    let skip = &study["traffic"]["strategies"][2];
    assert_eq!(results["bytes_skip"], skip["traffic"]["burst_bytes"]);
    assert!(
        results["output_error"]
            .as_f64()
            .is_some_and(|error| error > 0.05 && error < 0.5)
    );
    assert!(results["energy_aladdin_40nm_skip_low"].as_f64() > Some(0.0));
    assert!(results.get("energy_horowitz_45nm_skip_low").is_none());
    // Again: nothing is run.
    let again = place.prints(&["sweep", "--grid", "grid.toml", "--out", "out"]);
    assert_contains(&again, &["4 points are there already"]);
    assert_eq!(lines(&place.path("out/points.jsonl")), points);
    // Another input, version of the grid or option is another sweep.
    place.write("grid.toml", GRID.replace("[0, 1]", "[1, 2]"));
    let refused = place.refuses(&["sweep", "--grid", "grid.toml", "--out", "out"]);
    assert_contains(
        &refused,
        &[
            "out/points.jsonl, line 1: a point of another sweep",
            "--force",
        ],
    );
}

#[test]
fn shards_and_a_whole_run_say_the_same() {
    let place = Place::new();
    place.write("grid.toml", GRID);
    let sweep = ["sweep", "--grid", "grid.toml", "--out"];
    place.prints(&[&sweep[..], &["whole"]].concat());
    let first = place.prints(&[&sweep[..], &["parts", "--shard", "2/2"]].concat());
    assert_contains(&first, &["cat parts/points-*.jsonl > parts/points.jsonl"]);
    place.prints(&[&sweep[..], &["parts", "--shard", "1/2"]].concat());
    let read = |name: &str| fs::read_to_string(place.path(name)).expect("is there");
    let merged = read("parts/points-1-of-2.jsonl") + &read("parts/points-2-of-2.jsonl");
    place.write("parts/points.jsonl", merged);
    let printed = place.prints(&[&sweep[..], &["parts"]].concat());
    assert_contains(&printed, &["4 points are there already"]);
    assert_eq!(read("parts/sweep.csv"), read("whole/sweep.csv"));
    assert_eq!(read("parts/pareto.svg"), read("whole/pareto.svg"));
}

/// `kill -9` in the middle: every line that was complete stays as it is, and the sweep goes on.
#[test]
fn a_killed_sweep_loses_the_points_in_hand_alone() {
    let place = Place::new();
    let edges: Vec<String> = (0..24)
        .map(|step| format!("[{}, 725, 1449, 2897, 5793, 11586, 23171]", 305 + step))
        .collect();
    let grid = GRID.replace(
        "lanes = [32, 24]",
        &format!("thresholds = [{}]", edges.join(", ")),
    );
    place.write("grid.toml", grid);
    let points = place.path("out/points.jsonl");
    let mut child = Command::new(env!("CARGO_BIN_EXE_logattn"))
        .args(["sweep", "--grid", "grid.toml", "--out", "out"])
        .current_dir(place.path("."))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command starts");
    let complete = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
    while complete(&fs::read(&points).unwrap_or_default()) < 3 {
        let ended = child.try_wait().expect("the process can be asked");
        assert!(ended.is_none(), "it ended before it was killed");
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let before = fs::read(&points).expect("the points are there");
    let kept = complete(&before);
    assert!((3..48).contains(&kept), "{kept} of 48 points were done");
    let printed = place.prints(&["sweep", "--grid", "grid.toml", "--out", "out"]);
    assert_contains(&printed, &[&format!("{kept} points are there already")]);
    let after = fs::read(&points).expect("the points are there");
    let whole = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |last| last + 1);
    assert!(after.starts_with(&before[..whole]));
    let indices: Vec<u64> = lines(&points)
        .iter()
        .filter_map(|p| p["index"].as_u64())
        .collect();
    assert_eq!(indices.len(), 48);
    assert_eq!(
        indices.into_iter().collect::<BTreeSet<_>>(),
        (0..48).collect()
    );
}

#[test]
fn a_static_mask_sweeps_without_accuracy() {
    let place = Place::new();
    // [1, 1, 4, 8]: every row keeps two keys.
    let mut header =
        "{'descr': '|b1', 'fortran_order': False, 'shape': (1, 1, 4, 8), }".to_string();
    while !(11 + header.len()).is_multiple_of(64) {
        header.push(' ');
    }
    let data = [1, 0, 0, 0, 0, 1, 0, 0].repeat(4);
    let length = [header.len() as u8 + 1, 0];
    let file = [
        &b"\x93NUMPY\x01\x00"[..],
        &length,
        header.as_bytes(),
        b"\n",
        &data,
    ]
    .concat();
    place.write("mask.npy", file);
    place.write(
        "grid.toml",
        "config = \"edge\"\ninput = \"mask.npy\"\n[grid]\nkeys_per_beat = [2, 4]",
    );
    place.prints(&["sweep", "--grid", "grid.toml", "--out", "out"]);
    let points = lines(&place.path("out/points.jsonl"));
    assert_eq!(points.len(), 2);
    for point in &points {
        assert_eq!(point["results"]["survivors"], 8);
        assert_eq!(point["results"]["pruned_share"], 0.75);
        assert!(point["results"]["output_error"].is_null());
    }
}

#[test]
fn bad_sweeps_are_refused() {
    let place = Place::new();
    let grid = |text: &str| place.write("grid.toml", text);
    let refuses = |more: &[&str]| {
        let sweep = ["sweep", "--grid", "grid.toml", "--out", "out"];
        place.refuses(&[&sweep[..], more].concat())
    };
    for (from, to, parts) in [
        (
            "lanes =",
            "lane =",
            &["grid.toml: grid.lane: no field", "legal: input, "][..],
        ),
        (
            "\"edge\"",
            "\"egde\"",
            &["no configuration is named \"egde\""],
        ),
        (
            "\"demo\"",
            "\"absent.safetensors\"",
            &["absent.safetensors", "cannot read"],
        ),
        (
            "aladdin_40nm",
            "absent.toml",
            &["absent.toml", "cannot read"],
        ),
        (
            "lanes = [32, 24]",
            "lanes = []",
            &["grid.lanes = []", "at least one value"],
        ),
    ] {
        grid(&GRID.replace(from, to));
        assert_contains(&refuses(&[]), parts);
    }
    grid(&GRID[..GRID.find("[grid]").expect("it has one")]);
    assert_contains(&refuses(&[]), &["the grid is empty"]);
    grid(GRID);
    assert_contains(
        &refuses(&["--plot", "cycles,speed"]),
        &["--plot: speed; legal: two of these", "twin_over_cycles"],
    );
    assert_contains(
        &refuses(&["--shard", "3/2"]),
        &["legal: I/N with 1 <= I <= N"],
    );
    let absent = place.refuses(&["sweep", "--grid", "absent.toml", "--out", "out"]);
    assert_contains(&absent, &["absent.toml: cannot read"]);
    // What cannot be studied is told with its reason, and kept.
    grid(&GRID.replace("[32, 24]", "[24, 5]"));
    let run = place.logattn(&["sweep", "--grid", "grid.toml", "--out", "out"]);
    let run = { run }.assert().code(2);
    let text = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert_contains(
        &text,
        &["none of the 4 points can be studied", "lanes = 24"],
    );
}
