//! Studies of captures that are small enough to work out by hand, and of the embedded one.

use logattn_captures::{Capture, Metadata, Stored, Tensors};
use logattn_golden::{Accumulate, Configuration, Input};
use logattn_sim::memory::Strategy;
use logattn_studies::study::{document, fields};
use logattn_studies::{Phase, Source, Study, StudyOptions, csv, study};
use ndarray::Array3;
use serde_json::Value;
use std::collections::BTreeSet;

/// Two query heads on one KV head, causal, of four tokens; D = 32 (values do not matter here).
/// Head 0 looks at its own token alone, head 1 at all alike.
fn decoder() -> Source {
    let (tokens, dimension) = (4, 32);
    let probabilities = Array3::from_shape_fn((2, tokens, tokens), |(head, row, key)| {
        match (head, key <= row) {
            (0, _) => f32::from(u8::from(key == row)),
            (_, true) => 1.0 / (row + 1) as f32,
            (_, false) => 0.0,
        }
    });
    let tensors = Tensors {
        v: Some(Stored::Float(Array3::ones((1, tokens, dimension)))),
        probabilities: Some(probabilities),
        ..Tensors::default()
    };
    let metadata = Metadata {
        heads_per_layer: Some(2),
        causal: true,
        ..Metadata::default()
    };
    let capture = Capture::new("decoder", tensors, metadata).expect("legal");
    Source::Capture(Box::new(capture))
}

/// A unit of 4 keys a beat and all of D in parallel, one query a block.
fn unit() -> Configuration {
    Configuration {
        name: "unit".into(),
        lanes: 32,
        keys_per_beat: 4,
        ..Configuration::named("nano").expect("named")
    }
}

fn of(c: &Configuration, source: &Source, phase: Phase) -> Study {
    let options = StudyOptions {
        phase,
        ..StudyOptions::new().expect("embedded tables")
    };
    study(c, source, &options, &|_, _| ()).expect("fits")
}

#[test]
fn prefill_loads_values_once_for_all_heads_that_share_them() {
    let found = of(&unit(), &decoder(), Phase::Prefill);
    assert_eq!((found.runs, found.shape.kv_heads_per_layer), (1, 1));
    // Rows of 1, 2, 3 and 4 keys, twice; head 0 keeps one key a row, head 1 all.
    assert_eq!((found.total.rows, found.total.elements), (8, 20));
    assert_eq!(found.total.survivors, 4 + 10);
    assert_eq!(found.heads[0].survivors, 4);
    assert_eq!(found.heads[1].survivors, 10);
    // A row is a beat and as many visits as it has survivors.
    assert_eq!(found.total.bound_cycles, 4 + 10);
    assert_eq!(found.total.value_reads, 14);
    assert_eq!(found.counters.value_reads, 14);
    assert_eq!(found.counters.keys, 20);
    // The twin visits every key.
    assert!(found.total.int8_twin_cycles >= 20);
    let part = |strategy| {
        let all = &found.traffic.strategies;
        all.iter()
            .find(|part| part.strategy == strategy)
            .expect("there")
            .traffic
    };
    // 32 bytes a value.
    assert_eq!(part(Strategy::LoadOnce).value_bytes, 4 * 32);
    assert_eq!(part(Strategy::DenseRefetch).value_bytes, 20 * 32);
    assert_eq!(part(Strategy::Skip).value_bytes, 14 * 32);
    assert_eq!(found.traffic.winner, Strategy::LoadOnce);
    assert_eq!(found.encodings.fp16, 20 * 16);
    assert_eq!(found.encodings.survivor_bitmap, 20 + 3 * 14);
}

#[test]
fn decode_plays_one_row_of_each_head_a_step() {
    let found = of(&unit(), &decoder(), Phase::Decode);
    assert_eq!(found.runs, 4);
    assert_eq!((found.total.rows, found.total.elements), (8, 20));
    assert_eq!(found.total.bound_cycles, 4 + 10);
    let part = |strategy| {
        let all = &found.traffic.strategies;
        all.iter()
            .find(|part| part.strategy == strategy)
            .expect("there")
            .traffic
    };
    // Loading once serves both heads of a step; re-fetching reads all keys so far for each.
    assert_eq!(part(Strategy::LoadOnce).value_bytes, (1 + 2 + 3 + 4) * 32);
    assert_eq!(part(Strategy::DenseRefetch).value_bytes, 20 * 32);
    // With the cache on chip a step brings in its own value: a burst each, instead of 1, 1, 2, 2.
    let resident = found.traffic.resident_cache.expect("in decode");
    assert_eq!(resident.on_chip_bytes, 4 * 32);
    let loaded = part(Strategy::LoadOnce).burst_bytes;
    assert_eq!(loaded - resident.burst_bytes, 2 * 64);
    // Each step starts idle: the unit loads its values first.
    let prefill = of(&unit(), &decoder(), Phase::Prefill);
    assert!(found.total.cycles > prefill.total.cycles);

    let late = StudyOptions {
        phase: Phase::Decode,
        decode_from: 3,
        ..StudyOptions::new().expect("embedded tables")
    };
    let last = study(&unit(), &decoder(), &late, &|_, _| ()).expect("fits");
    assert_eq!((last.runs, last.total.elements), (1, 8));
    assert_eq!(last.total.survivors, 1 + 4);
}

#[test]
fn queries_that_share_a_block_share_its_reads() {
    let c = Configuration {
        query_block: 2,
        ..unit()
    };
    // In decode the two heads' queries are one block; its union is all keys.
    let found = of(&c, &decoder(), Phase::Decode);
    assert_eq!(found.total.value_reads, 1 + 2 + 3 + 4);
    // In prefill a block is two rows of one head.
    let found = of(&c, &decoder(), Phase::Prefill);
    assert_eq!(found.total.value_reads, (2 + 2) + (2 + 4));
    assert_eq!(found.total.survivors, 14);
}

#[test]
fn an_encoder_does_not_decode() {
    let demo = Source::Capture(Box::new(Capture::demo()));
    let edge = Configuration::named("edge").expect("named");
    let options = StudyOptions {
        phase: Phase::Decode,
        ..StudyOptions::new().expect("embedded tables")
    };
    let refused = study(&edge, &demo, &options, &|_, _| ()).unwrap_err();
    assert!(
        refused.to_string().contains("needs causal rows"),
        "{refused}"
    );
}

#[test]
fn options_out_of_range_are_refused() {
    let options = || StudyOptions::new().expect("embedded tables");
    let refused = |options: &StudyOptions| {
        let refused = study(&unit(), &decoder(), options, &|_, _| ());
        refused.expect_err("refused").to_string()
    };
    let mut decode = options();
    (decode.phase, decode.decode_from) = (Phase::Decode, 4);
    assert_eq!(
        refused(&decode),
        "decode-from = 4; legal: 0..=3 (rows of decoder)"
    );
    let mut layers = options();
    layers.layers = Some(0..2);
    assert!(refused(&layers).starts_with("layers = 0..2; legal: FIRST..END within 0..1"));
    let mut dram = options();
    dram.dram.burst_bytes = 48;
    assert!(refused(&dram).starts_with("burst_bytes = 48"));
}

#[test]
fn layers_of_a_study_are_those_of_the_whole() {
    let demo = Source::Capture(Box::new(Capture::demo()));
    let edge = Configuration::named("edge").expect("named");
    let all = of(&edge, &demo, Phase::Prefill);
    let options = StudyOptions {
        layers: Some(2..4),
        ..StudyOptions::new().expect("embedded tables")
    };
    let some = study(&edge, &demo, &options, &|_, _| ()).expect("fits");
    assert_eq!(some.layers, all.layers[2..4]);
    assert_eq!(some.groups, all.groups[24..48]);
    let sum: u64 = all.layers.iter().map(|layer| layer.cost.cycles).sum();
    assert_eq!(sum, all.total.cycles);
    let sum: u64 = all.groups.iter().map(|group| group.cost.cycles).sum();
    assert_eq!(sum, all.total.cycles);
    let counted: u64 = all.heads.iter().map(|head| head.survivors).sum();
    assert_eq!(counted, all.counters.survivors);
    let histogram = all.histogram.expect("of a capture");
    let values: u64 = histogram.counts.iter().sum();
    assert_eq!(values + histogram.zeros, all.total.elements);
}

/// Paths of all members of a JSON value, without indices.
fn paths(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(all) => all.iter().for_each(|one| paths(one, at, found)),
        Value::Object(all) => {
            for (name, member) in all {
                let path = match at {
                    "" => name.clone(),
                    _ => format!("{at}.{name}"),
                };
                paths(member, &path, found);
                found.insert(path);
            }
        }
        _ => {}
    }
}

/// Paths of the document without its descriptions.
fn undescribed(study: &Study, found: &mut BTreeSet<String>) {
    let mut document = document(study);
    document
        .as_object_mut()
        .expect("an object")
        .remove("fields");
    paths(&document, "", found);
}

#[test]
fn every_field_is_described_and_every_description_has_a_field() {
    let demo = Source::Capture(Box::new(Capture::demo()));
    let mut found = BTreeSet::new();
    for name in ["edge", "edge_qkv"] {
        let c = Configuration::named(name).expect("named");
        let options = StudyOptions {
            layers: Some(0..1),
            ..StudyOptions::new().expect("embedded tables")
        };
        let result = study(&c, &demo, &options, &|_, _| ()).expect("fits");
        undescribed(&result, &mut found);
    }
    undescribed(&of(&unit(), &decoder(), Phase::Decode), &mut found);
    let described: Vec<String> = fields().into_iter().map(|field| field.name).collect();
    let names: BTreeSet<String> = described.iter().cloned().collect();
    assert_eq!(names.len(), described.len(), "a field is described twice");
    assert_eq!(found, names);
}

#[test]
fn csv_has_a_line_for_everything() {
    let found = of(&unit(), &decoder(), Phase::Prefill);
    let text = csv(&found).expect("written");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1 + 1 + 1 + 1);
    assert!(lines[0].starts_with("scope,layer,kv_head,rows,elements,survivors,"));
    assert!(lines[1].starts_with("total,,,8,20,14,14,"));
    assert!(lines[3].starts_with("group,0,0,8,20,14,14,"));
    for column in lines[0].split(',').skip(3) {
        let name = format!("total.{column}");
        assert!(fields().iter().any(|field| field.name == name), "{column}");
    }
}

/// Bytes of V in 64-byte bursts that the survivors of each row of the demo's first layer take,
/// two keys of 32 bytes a burst, counted from the probabilities alone.
fn skipped_bytes(threshold: f32) -> u64 {
    let capture = Capture::demo();
    let heads = (0..12).map(|head| capture.head(head).expect("there").probabilities());
    let bursts = heads.map(|rows| {
        let row = |row: ndarray::ArrayView1<f32>| {
            let kept: BTreeSet<usize> = row
                .iter()
                .enumerate()
                .filter(|(_, p)| **p >= threshold)
                .map(|(key, _)| key / 2)
                .collect();
            kept.len() as u64
        };
        rows.outer_iter().map(row).sum::<u64>()
    });
    64 * bursts.sum::<u64>()
}

#[test]
fn skipping_moves_the_bursts_that_survivors_lie_in() {
    let demo = Source::Capture(Box::new(Capture::demo()));
    let edge = Configuration::named("edge").expect("named");
    let options = StudyOptions {
        layers: Some(0..1),
        ..StudyOptions::new().expect("embedded tables")
    };
    let found = study(&edge, &demo, &options, &|_, _| ()).expect("fits");
    let skip = found.traffic.strategies[2].traffic;
    // Probabilities are rounded to 2^-16 before they are compared with 305.
    let expected = skipped_bytes(304.5 / 65536.0);
    assert_eq!(skip.value_bursts * 64, expected);
}

#[test]
fn differing_codes_are_those_of_the_rows_that_are_played() {
    let tokens = 24;
    let number = |a: usize, b: usize, c: usize| {
        let mixed = (a * 7919 + b * 104_729 + c * 1_299_709 + 17) % 1009;
        (mixed as f32 / 1009.0 - 0.5) * 8.0
    };
    let of_rows = |rows: std::ops::Range<usize>| {
        let q = Array3::from_shape_fn((2, tokens, 32), |(h, t, d)| number(h, t, d));
        let kv = Array3::from_shape_fn((2, tokens, 32), |(h, t, d)| number(h + 5, t, d));
        let tensors = Tensors {
            q: Some(Stored::Float(q.slice(ndarray::s![.., rows, ..]).to_owned())),
            k: Some(Stored::Float(kv.clone())),
            v: Some(Stored::Float(kv)),
            ..Tensors::default()
        };
        let metadata = Metadata {
            causal: true,
            ..Metadata::default()
        };
        Source::Capture(Box::new(
            Capture::new("rows", tensors, metadata).expect("legal"),
        ))
    };
    let c = Configuration::named("nano_scores").expect("named");
    let options = |decode_from| StudyOptions {
        phase: Phase::Decode,
        decode_from,
        ..StudyOptions::new().expect("embedded tables")
    };
    // Whole: the scale of the queries is that of all rows, so that only rows of the cut file that
    // hold the largest query have the same; row 16 on, with the same scale.
    let late = study(&c, &of_rows(0..tokens), &options(16), &|_, _| ()).expect("fits");
    let cut = study(&c, &of_rows(16..tokens), &options(0), &|_, _| ()).expect("fits");
    assert_eq!(late.total, cut.total);
    assert_eq!(
        late.softmax_differing_codes(),
        cut.softmax_differing_codes()
    );
    let (_, share) = late.softmax_differing_codes().expect("scores");
    assert!(share < 0.2, "{share}");
}

#[test]
fn every_configuration_studies_the_demo() {
    let demo = Source::Capture(Box::new(Capture::demo()));
    for name in [
        "nano",
        "edge",
        "edge_scores",
        "edge_qkv",
        "paper",
        "nano_qkv",
    ] {
        let c = Configuration::named(name).expect("named");
        let options = StudyOptions {
            layers: Some(0..1),
            ..StudyOptions::new().expect("embedded tables")
        };
        let found = study(&c, &demo, &options, &|_, _| ()).expect("fits");
        assert_eq!(found.total.elements, 12 * 245 * 245, "{name}");
        assert_eq!(found.counters.survivors, found.total.survivors, "{name}");
        assert_eq!(
            found.counters.value_reads, found.total.value_reads,
            "{name}"
        );
        let keys = u64::from(c.input == Input::Qkv) * 245 * 32 * 12;
        let once = &found.traffic.strategies[1].traffic;
        assert_eq!(
            (once.key_bytes, once.value_bytes),
            (keys, 245 * 32 * 12),
            "{name}"
        );
        assert_ne!(c.accumulate, Accumulate::Multiply);
    }
}
