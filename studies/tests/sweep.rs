//! Sweeps with a made-up study: grids, the file of points, interruptions, shards, results.

use logattn_golden::Configuration;
use logattn_studies::StudyOptions;
use logattn_studies::sweep::{
    Axes, Finished, Grid, Metrics, Point, PointError, Shard, Store, Sweep, SweepError, file_name,
    pareto_svg, write_results,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

const GRID: &str = r#"
config = "edge"
input = "demo"
[grid]
lanes = [16, 32, 24]
keys_per_beat = [4, 8]
thresholds = [[305, 725, 1449, 2897, 5793, 11586, 23171], [182, 725, 1449, 2897, 5793, 11586, 23171]]
"#;

fn sweep(text: &str) -> Sweep {
    let grid = Grid::from_toml(text, "grid.toml").unwrap();
    let bases = grid
        .configs
        .iter()
        .map(|name| Configuration::named(name).unwrap());
    let bases = bases.collect();
    Sweep::new(grid, bases, StudyOptions::new().unwrap(), "input").unwrap()
}

/// Numbers that depend on the configuration alone. Three quarters of `edge`'s 32 lanes are no
/// legal number of lanes, so that points of 24 are never asked for.
fn made_up(c: &Configuration) -> Result<Metrics, PointError> {
    let cycles = 1000 * c.keys_per_beat / c.lanes;
    let error = f64::from(c.thresholds[0]) / c.lanes as f64;
    let metrics = json!({"cycles_per_row": cycles, "output_error": error, "rows": 7});
    Ok(metrics.as_object().cloned().unwrap())
}

fn run(sweep: &Sweep, path: &Path, shard: Option<Shard>) -> Result<Vec<Point>, SweepError> {
    let store = Store::open(path, &sweep.hash, sweep.grid.points(), false)?;
    sweep.run(&store, shard, 2, &made_up, &|_, _| {})?;
    Ok(store.points())
}

#[test]
fn the_last_field_is_the_fastest_and_the_order_that_of_the_file() {
    let sweep = sweep(GRID);
    assert_eq!(sweep.grid.points(), 12);
    let at = |point: usize| Value::Object(sweep.grid.fields(point));
    let low = json!([182, 725, 1449, 2897, 5793, 11586, 23171]);
    let high = json!([305, 725, 1449, 2897, 5793, 11586, 23171]);
    assert_eq!(
        at(0),
        json!({"lanes": 16, "keys_per_beat": 4, "thresholds": high})
    );
    assert_eq!(
        at(1),
        json!({"lanes": 16, "keys_per_beat": 4, "thresholds": low})
    );
    assert_eq!(
        at(2),
        json!({"lanes": 16, "keys_per_beat": 8, "thresholds": high})
    );
    assert_eq!(
        at(11),
        json!({"lanes": 24, "keys_per_beat": 8, "thresholds": low})
    );
    let c = sweep.grid.configuration(&sweep.bases, 3).unwrap();
    let edge = Configuration::named("edge").unwrap();
    let expected = Configuration {
        lanes: 16,
        keys_per_beat: 8,
        thresholds: vec![182, 725, 1449, 2897, 5793, 11586, 23171],
        ..edge
    };
    assert_eq!(c, expected);
    let refused = sweep.grid.configuration(&sweep.bases, 8).unwrap_err();
    assert!(
        refused.starts_with("edge: lanes = 24: must be "),
        "{refused}"
    );
}

#[test]
fn configurations_are_an_axis_and_fields_can_be_absent() {
    let sweep = sweep(
        "config = [\"edge\", \"nano\"]\ninput = \"demo\"\n[grid]\nnormalize = [\"reciprocal\", \
         \"none\"]\noutput_bits = [8, \"absent\"]",
    );
    let name = |point| {
        sweep
            .grid
            .configuration(&sweep.bases, point)
            .map(|c| (c.name, c.output_bits))
    };
    assert_eq!(sweep.grid.points(), 8);
    assert_eq!(name(0), Ok(("edge".to_string(), Some(8))));
    assert_eq!(name(3), Ok(("edge".to_string(), None)));
    assert_eq!(name(7), Ok(("nano".to_string(), None)));
    assert!(name(1).unwrap_err().contains("output_bits"));
}

#[test]
fn bad_grids_are_refused_with_what_is_legal() {
    let head = "config = \"edge\"\ninput = \"demo\"\n";
    let refusal = |rest: &str| {
        let text = format!("{head}{rest}");
        Grid::from_toml(&text, "grid.toml").unwrap_err().to_string()
    };
    for (rest, expected) in [
        (
            "[grid]\nlane = [16]",
            "grid.toml: grid.lane: no field of a configuration; legal: input, code_bits, ",
        ),
        (
            "",
            "grid.toml: the grid is empty; legal: a table [grid] with an array",
        ),
        ("[grid]", "grid.toml: the grid is empty"),
        (
            "[grid]\nlanes = []",
            "grid.toml: grid.lanes = []; legal: at least one value",
        ),
        (
            "[grid]\nlanes = 16",
            "grid.toml: grid.lanes = 16; legal: an array of integers, for example [4, 8]",
        ),
        (
            "[grid]\nlanes = [16, \"32\"]",
            "grid.toml: grid.lanes = \"32\"; legal: integers, for example [4, 8]",
        ),
        (
            "[grid]\nthresholds = [1, 2, 3]",
            "grid.toml: grid.thresholds = 1; legal: arrays of integers, for example [[1, 2, 3], \
             [2, 4, 8]]; or \"absent\"",
        ),
        (
            "[grid]\naccumulate = [\"sort\"]",
            "grid.toml: grid.accumulate = \"sort\"; legal: \"shift\", \"sorted\", \"bucket\", \"multiply\"",
        ),
        (
            "[grid]\nlanes = [\"absent\"]",
            "grid.toml: grid.lanes = \"absent\"; legal: integers",
        ),
        (
            "[grid]\nlanes = [16, 32, 16]",
            "grid.toml: grid.lanes = [.., 16, ..]; legal: every value once",
        ),
        (
            "phases = 1\n[grid]\nlanes = [16]",
            "grid.toml, line 3, `phases = 1`: unknown field `phases`, expected one of",
        ),
        (
            "phase = \"train\"\n[grid]\nlanes = [16]",
            "grid.toml, line 3, `phase = \"train\"`: unknown variant `train`",
        ),
        (
            "[dram]\nburst_bytes = 48\n[grid]\nlanes = [16]",
            "grid.toml: dram.burst_bytes = 48: must be a power of two, 8..=4096",
        ),
        ("[grid\n", "grid.toml, line 3, `[grid`: "),
    ] {
        let text = refusal(rest);
        assert!(text.starts_with(expected), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
    let numbers: Vec<String> = (1..=1001).map(|number| number.to_string()).collect();
    let numbers = numbers.join(", ");
    let text = refusal(&format!(
        "[grid]\nlanes = [{numbers}]\nmax_keys = [{numbers}]"
    ));
    let expected = "the grid has 1002001 points; legal: at most 1000000";
    assert!(text.contains(expected), "{text}");
    let text = Grid::from_toml("input = \"demo\"", "grid.toml")
        .unwrap_err()
        .to_string();
    assert!(text.contains("missing field `config`"), "{text}");
    let none = Grid::from_toml("config = []\ninput = \"demo\"", "grid.toml");
    let text = none.unwrap_err().to_string();
    assert_eq!(text, "grid.toml: config = []; legal: at least one value");
}

#[test]
fn an_interrupted_sweep_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let (whole, cut) = (directory.path().join("whole"), directory.path().join("cut"));
    let sweep = sweep(GRID);
    let expected = run(&sweep, &whole, None).unwrap();
    assert_eq!(expected.len(), 12);
    assert_eq!(
        expected
            .iter()
            .filter(|point| point.invalid.is_some())
            .count(),
        4
    );
    let bytes = fs::read(&whole).unwrap();
    // Wherever the file ends, what is complete stays and the rest is run again.
    for length in [0, 1, 57, bytes.len() / 2, bytes.len() - 1, bytes.len()] {
        fs::write(&cut, &bytes[..length]).unwrap();
        let complete = bytes[..length]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        let store = Store::open(&cut, &sweep.hash, 12, false).unwrap();
        let ends_whole = length == 0 || bytes[length - 1] == b'\n';
        assert_eq!(
            (store.kept, store.dropped),
            (complete, usize::from(!ends_whole))
        );
        let runs = AtomicUsize::new(0);
        let counted = |c: &Configuration| {
            runs.fetch_add(1, Ordering::Relaxed);
            made_up(c)
        };
        sweep.run(&store, None, 2, &counted, &|_, _| {}).unwrap();
        assert_eq!(store.points(), expected);
        assert!(runs.into_inner() <= 12 - complete);
        drop(store);
        let after = fs::read(&cut).unwrap();
        let kept = bytes[..length].iter().rposition(|byte| *byte == b'\n');
        let kept = &bytes[..kept.map_or(0, |last| last + 1)];
        assert!(after.starts_with(kept), "complete lines stay as they are");
        assert_eq!(after.iter().filter(|byte| **byte == b'\n').count(), 12);
    }
}

#[test]
fn shards_share_the_points_and_merge_by_concatenation() {
    let directory = tempfile::tempdir().unwrap();
    let sweep = sweep(GRID);
    let mut merged = Vec::new();
    let mut seen = BTreeSet::new();
    for number in 1..=5 {
        let shard = Shard::parse(&format!("{number}/5")).unwrap();
        let path = directory.path().join(file_name(Some(shard)));
        for point in run(&sweep, &path, Some(shard)).unwrap() {
            assert!(seen.insert(point.index), "{} is in two shards", point.index);
        }
        merged.extend(fs::read(&path).unwrap());
    }
    let path = directory.path().join(file_name(None));
    fs::write(&path, merged).unwrap();
    let store = Store::open(&path, &sweep.hash, 12, false).unwrap();
    assert_eq!(store.kept, 12);
    let never = |_: &Configuration| -> Result<Metrics, PointError> { unreachable!() };
    sweep.run(&store, None, 1, &never, &|_, _| {}).unwrap();
    let whole = run(&sweep, &directory.path().join("whole"), None).unwrap();
    assert_eq!(store.points(), whole);
    for wrong in ["", "3", "0/2", "3/2", "a/b", "1/0", "-1/2"] {
        assert!(Shard::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn points_of_other_sweeps_are_neither_mixed_in_nor_lost() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("points.jsonl");
    let (one, two) = (sweep(GRID), sweep(&GRID.replace("[4, 8]", "[4, 16]")));
    assert_ne!(one.hash, two.hash);
    run(&one, &path, None).unwrap();
    let before = fs::read(&path).unwrap();
    let text = run(&two, &path, None).unwrap_err().to_string();
    assert!(text.contains("line 1: a point of another sweep"), "{text}");
    assert!(text.contains("--force"), "{text}");
    assert_eq!(fs::read(&path).unwrap(), before);
    // A damaged line in the middle, as a concatenated shard that was cut leaves one.
    let lines: Vec<&[u8]> = before.split_inclusive(|byte| *byte == b'\n').collect();
    let damaged = [lines[0], &lines[1][..20], lines[2], lines[3]].concat();
    fs::write(&path, &damaged).unwrap();
    let text = run(&one, &path, None).unwrap_err().to_string();
    assert!(text.contains("line 2: no point of a sweep"), "{text}");
    assert_eq!(fs::read(&path).unwrap(), damaged);
    let store = Store::open(&path, &one.hash, 12, true).unwrap();
    assert_eq!((store.kept, store.dropped), (2, 1));
    drop(store);
    assert_eq!(
        fs::read(&path).unwrap(),
        [lines[0], lines[3]].concat().sorted_lines()
    );
    // Valid JSON that is no point.
    for line in [
        json!({"grid": one.hash, "index": 99, "fields": {}, "invalid": "x"}),
        json!({"grid": one.hash, "index": 0, "fields": {}}),
        json!({"grid": one.hash, "index": 0, "fields": {}, "invalid": "x", "results": {}}),
        json!([1, 2]),
    ] {
        fs::write(&path, format!("{line}\n")).unwrap();
        let text = run(&one, &path, None).unwrap_err().to_string();
        assert!(text.contains("line 1: no point of a sweep"), "{text}");
    }
}

/// Lines in the order of their points.
trait SortedLines {
    fn sorted_lines(self) -> Vec<u8>;
}

impl SortedLines for Vec<u8> {
    fn sorted_lines(self) -> Vec<u8> {
        let mut lines: Vec<&[u8]> = self.split_inclusive(|byte| *byte == b'\n').collect();
        lines.sort_by_key(|line| {
            let point: Value = serde_json::from_slice(line).unwrap();
            point["index"].as_u64()
        });
        lines.concat()
    }
}

#[test]
fn one_sweep_at_a_time_writes_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("points.jsonl");
    let store = Store::open(&path, "x", 1, false).unwrap();
    let text = Store::open(&path, "x", 1, false).unwrap_err().to_string();
    assert!(text.contains("another sweep is writing it"), "{text}");
    drop(store);
    assert!(Store::open(&path, "x", 1, false).is_ok());
}

#[test]
fn a_fatal_error_keeps_what_is_finished() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("points.jsonl");
    let sweep = sweep(GRID);
    let store = Store::open(&path, &sweep.hash, 12, false).unwrap();
    let failing = |c: &Configuration| match c.lanes {
        16 => made_up(c),
        _ => Err(PointError::Fatal(SweepError::Busy {
            path: "fatal".into(),
        })),
    };
    let error = sweep
        .run(&store, None, 1, &failing, &|_, _| {})
        .unwrap_err();
    assert!(error.to_string().starts_with("fatal: "), "{error}");
    drop(store);
    let store = Store::open(&path, &sweep.hash, 12, false).unwrap();
    assert_eq!(store.kept, 4);
}

#[test]
fn a_sweep_without_any_unit_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let sweep = sweep("config = \"edge\"\ninput = \"demo\"\n[grid]\nlanes = [24, 5]");
    let error = run(&sweep, &directory.path().join("points.jsonl"), None).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with(
            "grid.toml: none of the 2 points can be studied; the first: edge: lanes = 24"
        ),
        "{text}"
    );
}

#[test]
fn tables_and_plot() {
    let directory = tempfile::tempdir().unwrap();
    let sweep = sweep(GRID);
    let points = run(&sweep, &directory.path().join("points.jsonl"), None).unwrap();
    let axes = Axes::parse(None, &sweep.grid, &sweep.options, false).unwrap();
    let finished = Finished {
        sweep: &sweep,
        points: &points,
        axes: &axes,
        command: "logattn sweep ...",
    };
    assert_eq!(finished.invalid(), 4);
    // 1000 W / lanes cycles and threshold / lanes of error: most lanes, least keys, lower edge.
    let front: Vec<usize> = finished.front().iter().map(|point| point.index).collect();
    assert_eq!(front, [5]);
    assert_eq!(
        finished.label(&points[5]),
        "lanes 32, keys_per_beat 4, thresholds #2"
    );
    write_results(directory.path(), &finished).unwrap();
    let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap();
    let csv = read("sweep.csv");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 13);
    assert!(
        lines[0].starts_with("index,lanes,keys_per_beat,thresholds,invalid,rows,"),
        "{csv}"
    );
    assert!(
        lines[1].starts_with("0,16,4,\"[305,725,1449,2897,5793,11586,23171]\",,7,"),
        "{csv}"
    );
    assert!(lines[9].contains("lanes = 24"), "{csv}");
    let markdown = read("sweep.md");
    assert!(
        markdown.contains("8 of 12 points could be studied, 4 could not."),
        "{markdown}"
    );
    assert!(
        markdown.contains("| 5 | 32 | 4 | #2 | 125 | 5.688 |"),
        "{markdown}"
    );
    assert!(markdown.contains("| 4 | edge: lanes = 24"), "{markdown}");
    let svg = pareto_svg(&finished).unwrap();
    assert_eq!(read("pareto.svg"), svg);
    assert!(
        svg.contains("1  lanes 32, keys_per_beat 4, thresholds #2"),
        "{svg}"
    );
    // Eight points and the one of the front on top.
    assert_eq!(svg.matches("<circle").count(), 9);
}

#[test]
fn quantities_to_plot() {
    let sweep = sweep(GRID);
    let axes = |given| Axes::parse(Some(given), &sweep.grid, &sweep.options, false);
    let own = axes("lanes, pruned_share").unwrap();
    assert_eq!((own.x.name.as_str(), own.y.more_is_better), ("lanes", true));
    assert!(axes("energy_aladdin_40nm_skip_low,keys_per_beat").is_ok());
    for (wrong, found) in [
        ("cycles", "cycles"),
        ("cycles,x", "x"),
        ("thresholds,cycles", "thresholds"),
    ] {
        let text = axes(wrong).unwrap_err().to_string();
        assert!(
            text.starts_with(&format!("--plot: {found}; legal: two of these")),
            "{text}"
        );
        assert!(
            text.contains("output_error") && text.contains("lanes"),
            "{text}"
        );
    }
}
