//! `simulate` on whole models: a decoder's capture, masks, options; its counters against the RTL.

use crate::support::{Place, assert_contains, have_verilator};
use logattn_captures::{Capture, Metadata, Stored, Tensors, unit_head};
use logattn_golden::Configuration;
use logattn_sim::{Counters, Ports, simulate};
use logattn_studies::{Phase, Source, StudyOptions, study};
use logattn_testbenches::unit::verilated_unit;
use logattn_testbenches::verilator::{PowerUp, Verilator, default_cache_directory};
use logattn_testbenches::{Head, HeadRows, Stimulus, captured_head, run};
use ndarray::{Array2, Array3, Axis, concatenate, s};
use serde_json::Value;
use std::fs;

/// Two layers of four query heads and two KV heads, causal, D = 32: numbers that look alike in no
/// two places.
fn decoder(tokens: usize) -> Capture {
    let number = |a: usize, b: usize, c: usize, scale: f32| {
        let mixed = (a * 7919 + b * 104_729 + c * 1_299_709 + 17) % 1009;
        (mixed as f32 / 1009.0 - 0.5) * scale
    };
    let tensor = |heads: usize, salt: usize, scale: f32| {
        let shape = (heads, tokens, 32);
        let values = Array3::from_shape_fn(shape, |(h, t, d)| number(h + salt, t, d, scale));
        Some(Stored::Float(values))
    };
    let tensors = Tensors {
        q: tensor(8, 1, 8.0),
        k: tensor(4, 50, 8.0),
        v: tensor(4, 90, 2.0),
        ..Tensors::default()
    };
    let metadata = Metadata {
        layers: Some(2),
        causal: true,
        ..Metadata::default()
    };
    Capture::new("decoder", tensors, metadata).expect("legal")
}

/// Some rows of the two query heads of a KV head, one head after the other, as the bench plays
/// them.
fn group(capture: &Capture, c: &Configuration, kv_head: usize, rows: &[usize]) -> Head {
    let heads = [2 * kv_head, 2 * kv_head + 1];
    let units = heads.map(|head| unit_head(capture, c, head, usize::MAX).expect("fits"));
    let lengths: Vec<usize> = rows.iter().map(|row| capture.row_length(*row)).collect();
    let keys = lengths.iter().copied().max().expect("rows");
    let rows = match units.each_ref().map(|unit| &unit.rows) {
        [HeadRows::Probabilities(a), HeadRows::Probabilities(b)] => {
            HeadRows::Probabilities(stacked([a, b], rows, keys))
        }
        [HeadRows::Scores(a), HeadRows::Scores(b)] => HeadRows::Scores(stacked([a, b], rows, keys)),
        [
            HeadRows::Qkv {
                query: a,
                key,
                score_shift,
            },
            HeadRows::Qkv {
                query: b,
                score_shift: other,
                ..
            },
        ] => {
            assert_eq!(score_shift, other, "the fixture's queries are of one size");
            HeadRows::Qkv {
                query: stacked([a, b], rows, c.head_dimension),
                key: key.slice(s![..keys, ..]).to_owned(),
                score_shift: *score_shift,
            }
        }
        _ => unreachable!("heads of one unit"),
    };
    let lengths = [&lengths[..], &lengths[..]].concat();
    Head {
        rows,
        values: units[0].values.slice(s![..keys, ..]).to_owned(),
        sent: lengths.clone(),
        lengths,
        causal: false,
    }
}

/// The same rows of two heads, one after the other, cut at `keys`.
fn stacked<T: Clone>(heads: [&Array2<T>; 2], rows: &[usize], keys: usize) -> Array2<T> {
    let parts = heads.map(|head| head.select(Axis(0), rows));
    let views = parts.each_ref().map(|part| part.slice(s![.., ..keys]));
    concatenate(Axis(0), &views).expect("as wide")
}

/// What the Verilated unit counts on runs one after the other, each from reset.
fn counted(c: &Configuration, runs: &[Vec<Head>]) -> Counters {
    let verilator = Verilator::find().expect("found before");
    let cache = default_cache_directory();
    let built = verilated_unit(&verilator, c, false, PowerUp::Random(3), &cache);
    let mut unit = built.expect("the unit");
    let play = |heads: &Vec<Head>| {
        let stimulus = Stimulus::new(c, heads).expect("fits");
        // Every bit, every cycle and every counter of the unit is compared here.
        run(&mut unit, &stimulus, &Ports::free())
            .expect("equal")
            .counters
    };
    runs.iter().map(play).sum()
}

#[test]
fn a_study_counts_what_the_hardware_counts() {
    if !have_verilator() {
        return;
    }
    let tokens = 40;
    let capture = decoder(tokens);
    let all: Vec<usize> = (0..tokens).collect();
    for name in ["nano", "nano_scores", "nano_qkv"] {
        let c = Configuration::named(name).expect("named");
        let source = Source::Capture(Box::new(capture.clone()));
        let studied = |phase| {
            let options = StudyOptions {
                phase,
                layers: Some(1..2),
                ..StudyOptions::new().expect("embedded tables")
            };
            study(&c, &source, &options, &|_, _| ()).expect("fits")
        };
        // KV heads 2 and 3 are the second layer's.
        let prefill = vec![vec![
            group(&capture, &c, 2, &all),
            group(&capture, &c, 3, &all),
        ]];
        assert_eq!(
            studied(Phase::Prefill).counters,
            counted(&c, &prefill),
            "{name}"
        );
        let step = |row: usize| {
            [2, 3]
                .map(|kv_head| group(&capture, &c, kv_head, &[row]))
                .to_vec()
        };
        let decode: Vec<Vec<Head>> = (0..tokens).map(step).collect();
        assert_eq!(
            studied(Phase::Decode).counters,
            counted(&c, &decode),
            "{name}"
        );
    }
}

#[test]
fn a_study_of_queries_and_keys_counts_what_the_bench_plays() {
    let capture = Capture::demo();
    let source = Source::Capture(Box::new(capture.clone()));
    let c = Configuration::named("edge_qkv").expect("named");
    let options = StudyOptions {
        layers: Some(3..4),
        ..StudyOptions::new().expect("embedded tables")
    };
    let found = study(&c, &source, &options, &|_, _| ()).expect("fits");
    let heads = (36..48).map(|head| captured_head(&capture, &c, head, usize::MAX).expect("fits"));
    let stimulus = Stimulus::new(&c, &heads.collect::<Vec<Head>>()).expect("fits");
    let run = simulate(&c, &stimulus.workload, &Ports::free()).expect("simulates");
    assert_eq!(found.counters, run.counters);
    assert_eq!(Some(&(found.total.cycles - 1)), run.transfers.last());
}

#[test]
fn a_decoder_is_studied_in_both_phases() {
    let place = Place::new();
    fs::write(place.path("decoder.safetensors"), decoder(24).to_bytes()).unwrap();
    for phase in ["prefill", "decode"] {
        let text = place.prints(&[
            "simulate",
            "--config",
            "nano_qkv",
            "--input",
            "decoder.safetensors",
            "--phase",
            phase,
            "--burst-bytes",
            "32",
            "--energy",
            "aladdin_40nm",
            "--json",
            "r.json",
        ]);
        assert_contains(
            &text,
            &[
                phase,
                "2 layers of 4 query heads and 2 KV heads, 24 rows of at most 24 keys",
                "aladdin_40nm",
            ],
        );
        let json: Value = serde_json::from_slice(&fs::read(place.path("r.json")).unwrap()).unwrap();
        assert_eq!(json["total"]["elements"], 8 * 24 * 25 / 2);
        assert_eq!(json["traffic"]["dram"]["burst_bytes"], 32);
        assert_eq!(json["energy"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn the_bench_plays_causal_heads() {
    if !have_verilator() {
        return;
    }
    let place = Place::new();
    fs::write(place.path("decoder.safetensors"), decoder(24).to_bytes()).unwrap();
    // 2 of 8 heads of 24 rows with 1 to 24 keys.
    let arguments = [
        "cosim",
        "--input",
        "decoder.safetensors",
        "--heads",
        "2",
        "--stalls",
        "random",
    ];
    for name in ["nano", "nano_scores", "nano_qkv"] {
        let text = place.prints(&[&arguments[..], &["--config", name]].concat());
        let keys = text
            .lines()
            .find(|line| line.starts_with("keys"))
            .expect("counted");
        assert_eq!(
            keys.split_whitespace().nth(1),
            Some("600"),
            "{name}: {text}"
        );
    }
}

#[test]
fn wrong_options_are_refused() {
    let place = Place::new();
    fs::write(place.path("decoder.safetensors"), decoder(8).to_bytes()).unwrap();
    let refused = |more: &[&str]| {
        let input = match more.contains(&"--input") {
            true => &[][..],
            false => &["--input", "decoder.safetensors"][..],
        };
        place.refuses(&[&["simulate", "--config", "nano"][..], input, more].concat())
    };
    for (options, expected) in [
        (
            &["--phase", "decode", "--input", "demo"][..],
            "needs causal rows",
        ),
        (
            &["--layers", "1..3"],
            "layers = 1..3; legal: FIRST..END within 0..2",
        ),
        (&["--layers", "one"], "FIRST..END"),
        (&["--phase", "decode", "--decode-from", "8"], "legal: 0..=7"),
        (&["--burst-bytes", "48"], "a power of two, 8..=4096"),
        (&["--bytes-per-cycle", "0"], "bytes_per_cycle = 0"),
        (&["--bytes-per-cycle", "1e-300"], "1/1024 to 65536"),
        (
            &["--energy", "aladdin_40nm", "--energy", "aladdin_40nm"],
            "two tables of the name",
        ),
        (&["--json", "a", "--csv", "a"], "legal: different files"),
        (&["--energy", "nothing.toml"], "nothing.toml: cannot read"),
        (&["--phase", "train"], "prefill"),
    ] {
        let error = refused(options);
        assert!(error.contains(expected), "{options:?}: {error}");
    }
    let table = "name = \"mine\"\n[[entry]]\noperation = \"add\"\npicojoules = 1.0\nbits = 8\nscaling = \"linear\"\nnode_nm = 7\nsource = \"guess\"\n";
    place.write("mine.toml", table);
    let error = refused(&["--energy", "mine.toml"]);
    assert!(
        error.contains("mine.toml") && error.contains("compare"),
        "{error}"
    );
    assert!(place.files().iter().all(|file| !file.ends_with(".json")));
}
