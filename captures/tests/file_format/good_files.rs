//! Good files: every type and kind that can be read, and what is computed from them. The files
//! are made with the safetensors crate, not with the code under test; expected values are worked
//! out by hand.

use crate::builder::FileBuilder;
use half::{bf16, f16};
use logattn_captures::{Capture, Metadata, Stored, Tensors};
use ndarray::{Array3, array};
use std::f32::consts::LN_2;

/// One head, three tokens, D = 4. Every query has 2 in the first place, so that the logits
/// q·k / sqrt(4) are the first elements of the keys: ln 1, ln 2, ln 5.
fn query() -> Vec<f32> {
    [2.0, 0.0, 0.0, 0.0].repeat(3)
}

fn key() -> Vec<f32> {
    [1.0_f32, 2.0, 5.0]
        .iter()
        .flat_map(|x| [x.ln(), 7.0, -7.0, 1.0])
        .collect()
}

fn value() -> Vec<f32> {
    vec![8.0, 0.0, 1.0, 0.5, 0.0, 8.0, 1.0, 0.5, 0.0, 0.0, 1.0, 0.5]
}

fn float_file() -> FileBuilder {
    FileBuilder::new()
        .f32("q", &[1, 3, 4], &query())
        .f32("k", &[1, 3, 4], &key())
        .f32("v", &[1, 3, 4], &value())
}

fn assert_close(found: impl IntoIterator<Item = f32>, expected: &[f32], tolerance: f32) {
    let found: Vec<f32> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= tolerance, "{found:?} is not {expected:?}");
    }
}

#[test]
fn float_file_gives_softmax_and_output() {
    let capture = float_file().capture().unwrap();
    assert_eq!(capture.heads(), 1);
    assert_eq!(capture.tokens(), 3);
    assert_eq!(capture.rows(), 3);
    assert_eq!(capture.head_dimension(), 4);
    assert_eq!((capture.layers(), capture.heads_per_layer()), (1, 1));
    assert!(capture.has_scores());
    let head = capture.head(0).unwrap();
    for row in head.probabilities().rows() {
        assert_close(row.to_vec(), &[0.125, 0.25, 0.625], 1e-7);
    }
    assert_close(head.output().row(1).to_vec(), &[1.0, 2.0, 1.0, 0.5], 1e-6);
    assert_eq!(head.value().into_raw_vec_and_offset().0, value());
    assert_eq!(head.query().unwrap().into_raw_vec_and_offset().0, query());
    assert_eq!(head.key().unwrap().into_raw_vec_and_offset().0, key());
}

#[test]
fn masked_keys_are_exactly_zero_in_every_mask_type() {
    let masks = [
        float_file().u8("mask", &[3], &[7, 1, 0]),
        float_file().bool("mask", &[3], &[true, true, false]),
        float_file().i64("mask", &[3], &[256, -1, 0]),
    ];
    for file in masks {
        let capture = file.capture().unwrap();
        assert_eq!(capture.mask(), [true, true, false]);
        assert_eq!(capture.valid_rows(), [0, 1]);
        let probabilities = capture.head(0).unwrap().probabilities();
        assert_close(
            probabilities.row(0).to_vec(),
            &[1.0 / 3.0, 2.0 / 3.0, 0.0],
            1e-7,
        );
        assert_eq!(probabilities[[2, 2]].to_bits(), 0);
    }
}

#[test]
fn half_precision_files_are_read() {
    let halves = |v: &[f32]| v.iter().map(|&x| f16::from_f32(x)).collect::<Vec<_>>();
    let brains = |v: &[f32]| v.iter().map(|&x| bf16::from_f32(x)).collect::<Vec<_>>();
    let shape = [1, 3, 4];
    let capture = FileBuilder::new()
        .f16("q", &shape, &halves(&query()))
        .bf16("k", &shape, &brains(&key()))
        .f16("v", &shape, &halves(&value()))
        .capture()
        .unwrap();
    let head = capture.head(0).unwrap();
    assert_eq!(head.value().into_raw_vec_and_offset().0, value());
    // bf16 has 8 significant bits: ln 5 is off by up to 2^-8.
    assert_close(
        head.probabilities().row(0).to_vec(),
        &[0.125, 0.25, 0.625],
        2e-3,
    );
}

/// Logits q·k * 1 * ln 2 / sqrt(4): 0, ln 2, 2 ln 2 in head 0; the scale of head 1 is twice that.
fn int8_file() -> FileBuilder {
    FileBuilder::new()
        .i8("q", &[2, 3, 4], &[2, 0, 0, 0].repeat(6))
        .i8(
            "k",
            &[2, 3, 4],
            &[[0, 9, 9, 9], [1, 9, 9, 9], [2, 9, 9, 9]]
                .concat()
                .repeat(2),
        )
        .i8("v", &[2, 3, 4], &[-128, 127, 1, 0].repeat(6))
        .f32("q_scale", &[], &[1.0])
        .f32("k_scale", &[2], &[LN_2, 2.0 * LN_2])
        .f32("v_scale", &[1], &[0.5])
}

#[test]
fn int8_file_is_dequantized_with_the_scale_of_its_head() {
    let capture = int8_file().capture().unwrap();
    let rows = [
        [1.0, 2.0, 4.0].map(|x| x / 7.0),
        [1.0, 4.0, 16.0].map(|x| x / 21.0),
    ];
    for (head, expected) in capture.iter().zip(rows) {
        assert_close(head.probabilities().row(2).to_vec(), &expected, 1e-6);
        let value = head.value_int8();
        assert_eq!(value.scale, 0.5);
        assert_eq!(value.values.row(0).to_vec(), [-128, 127, 1, 0]);
        assert_eq!(head.value().row(0).to_vec(), [-64.0, 63.5, 0.5, 0.0]);
        assert_eq!(head.query_int8().unwrap().values[[0, 0]], 2);
    }
    let scale = |head: usize| capture.head(head).unwrap().key_int8().unwrap().scale;
    assert_eq!([scale(0), scale(1)], [LN_2, 2.0 * LN_2]);
}

#[test]
fn probability_files_need_no_query_or_key() {
    let capture = FileBuilder::new()
        .f32(
            "probabilities",
            &[1, 2, 3],
            &[0.5, 0.25, 0.25, 1.0, 0.0, 0.0],
        )
        .f32("v", &[1, 3, 4], &value())
        .u8("mask", &[3], &[1, 0, 1])
        .capture()
        .unwrap();
    assert!(!capture.has_scores());
    assert_eq!((capture.rows(), capture.tokens()), (2, 3));
    assert_eq!(capture.valid_rows(), [0, 1]);
    let head = capture.head(0).unwrap();
    assert!(head.query().is_none() && head.key().is_none());
    let expected = array![[0.5, 0.0, 0.25], [1.0, 0.0, 0.0]];
    assert_eq!(head.probabilities(), expected);
    assert_eq!(head.output().row(0).to_vec(), [4.0, 0.0, 0.75, 0.375]);
}

#[test]
fn given_probabilities_go_before_computed_ones() {
    let capture = float_file()
        .f32("probabilities", &[1, 1, 3], &[0.5, 0.5, 0.0])
        .capture()
        .unwrap();
    assert!(capture.has_scores());
    assert_eq!(capture.rows(), 1);
    assert_eq!(
        capture.head(0).unwrap().probabilities(),
        array![[0.5, 0.5, 0.0]]
    );
}

#[test]
fn probabilities_of_narrow_types_may_sum_over_one_by_their_rounding() {
    // 1 - 2^-10 is 1 in bf16, so these rows of exact probabilities sum to 1.002 as stored.
    let row = [1.0, 0.001, 0.001].map(bf16::from_f32);
    let file = |builder: FileBuilder| builder.f32("v", &[1, 3, 4], &value()).capture();
    assert!(file(FileBuilder::new().bf16("probabilities", &[1, 1, 3], &row)).is_ok());
    let row = row.map(|x| f16::from_f32(x.to_f32()));
    assert!(file(FileBuilder::new().f16("probabilities", &[1, 1, 3], &row)).is_err());
}

#[test]
fn metadata_names_layers_and_heads() {
    let file = || {
        FileBuilder::new()
            .f32("q", &[6, 1, 1], &[1.0; 6])
            .f32("k", &[6, 1, 1], &[1.0; 6])
            .f32("v", &[6, 1, 1], &[1.0; 6])
    };
    let given = [
        file().metadata("layers", "2"),
        file().metadata("heads_per_layer", "3"),
        file()
            .metadata("layers", "2")
            .metadata("heads_per_layer", "3"),
    ];
    for file in given {
        let capture = file.metadata("model", "m").capture().unwrap();
        assert_eq!((capture.layers(), capture.heads_per_layer()), (2, 3));
        let head = capture.head(5).unwrap();
        assert_eq!(
            (head.index(), head.layer(), head.head_in_layer()),
            (5, 1, 2)
        );
        assert_eq!(head.name(), "layer 1 head 2");
        assert_eq!(capture.metadata().model.as_deref(), Some("m"));
    }
}

#[test]
fn extreme_logits_do_not_overflow() {
    let capture = FileBuilder::new()
        .f32("q", &[1, 2, 1], &[3e38, -3e38])
        .f32("k", &[1, 2, 1], &[3e38, -3e38])
        .f32("v", &[1, 2, 1], &[1.0, 2.0])
        .capture()
        .unwrap();
    let probabilities = capture.head(0).unwrap().probabilities();
    assert_eq!(probabilities, array![[1.0, 0.0], [0.0, 1.0]]);
}

#[test]
fn saved_captures_read_back_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = Metadata {
        layers: Some(1),
        heads_per_layer: Some(1),
        model: Some("a model".into()),
        text: Some("line\n\"quoted\" µ".into()),
        text_source: Some("own text".into()),
        ..Metadata::default()
    };
    let stored = |values: Vec<f32>| {
        Some(Stored::Float(
            Array3::from_shape_vec((1, 3, 4), values).unwrap(),
        ))
    };
    let tensors = Tensors {
        q: stored(query()),
        k: stored(key()),
        v: stored(value()),
        probabilities: Some(array![[[0.25, 0.5, 0.125]]]),
        mask: Some(vec![true, false, true]),
    };
    let float = Capture::new("x", tensors, metadata).unwrap();
    for capture in [&float, &float.quantized(), &int8_file().capture().unwrap()] {
        let path = folder.path().join("x.safetensors");
        capture.save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes, capture.to_bytes());
        // The independent reader accepts it, too.
        safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let back = Capture::from_bytes(capture.name(), &bytes).unwrap();
        assert_eq!(&back, capture);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[cfg(unix)]
#[test]
fn saved_files_are_as_readable_as_others() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (folder.path().join("ours"), folder.path().join("other"));
    int8_file().capture().unwrap().save(&ours).unwrap();
    std::fs::write(&other, "").unwrap();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(ours), mode(other));
}

#[test]
fn the_demo_is_what_its_notes_say() {
    let demo = Capture::demo();
    assert_eq!((demo.layers(), demo.heads_per_layer()), (6, 12));
    assert_eq!(demo.head_dimension(), 32);
    assert!((200..=256).contains(&demo.tokens()), "{}", demo.tokens());
    assert!(demo.mask().iter().all(|&valid| valid));
    for head in [demo.head(0).unwrap(), demo.head(71).unwrap()] {
        for row in head.probabilities().rows() {
            let sum: f64 = row.iter().map(|&p| f64::from(p)).sum();
            assert!((sum - 1.0).abs() < 1e-5);
        }
    }
    let text = include_str!("../../data/demo.txt").trim();
    let stored = demo.metadata().text.as_deref().unwrap_or_default();
    assert!(stored.ends_with(text), "the capture is of another text");
}
