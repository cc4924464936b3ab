//! Bad files: each gives one error that names file, tensor, what was found and what is legal.

use crate::builder::FileBuilder;
use logattn_captures::{Capture, Error, Metadata, Stored, Tensors};
use ndarray::{Array1, Array3};
use safetensors::Dtype;

const SHAPE: [usize; 3] = [2, 3, 4];

/// A legal file of 2 heads, 3 tokens, D = 4.
fn good() -> FileBuilder {
    ["q", "k", "v"]
        .iter()
        .fold(FileBuilder::new(), |file, name| {
            file.f32(name, &SHAPE, &[0.5; 24])
        })
}

fn good_int8() -> FileBuilder {
    ["q", "k", "v"]
        .iter()
        .fold(FileBuilder::new(), |file, name| {
            file.i8(name, &SHAPE, &[5; 24])
                .f32(&format!("{name}_scale"), &[2], &[0.1, 0.2])
        })
}

fn good_probabilities() -> FileBuilder {
    FileBuilder::new()
        .f32("probabilities", &[2, 2, 3], &[0.25; 12])
        .f32("v", &SHAPE, &[0.5; 24])
}

/// The error of a file, checked to name the file and everything in `parts`.
fn error_of(file: &FileBuilder, parts: &[&str]) -> Error {
    let error = file.capture().expect_err("the file is bad");
    let message = error.to_string();
    for part in parts.iter().chain(&["test.safetensors: "]) {
        assert!(message.contains(part), "`{message}` does not say `{part}`");
    }
    error
}

#[test]
fn the_files_that_the_others_spoil_are_good() {
    for file in [good(), good_int8(), good_probabilities()] {
        file.capture().unwrap();
    }
}

#[test]
fn missing_tensors() {
    for name in ["q", "k", "v"] {
        let error = error_of(&good().without(name), &[&format!("`{name}` is missing")]);
        assert!(matches!(error, Error::MissingTensor { .. }));
    }
    error_of(
        &good_probabilities().without("v"),
        &["`v` is missing", "found `probabilities`"],
    );
    let lone_query = good_probabilities().f32("q", &SHAPE, &[0.5; 24]);
    error_of(
        &lone_query,
        &["`k` is missing", "`q`, `v`, `probabilities`"],
    );
    let other = FileBuilder::new().f32("weight", &[1], &[1.0]);
    error_of(
        &other,
        &["found no tensor of a capture", "`q`, `k` and `v`"],
    );
    for name in ["q_scale", "k_scale", "v_scale"] {
        let file = good_int8().without(name);
        error_of(&file, &[&format!("`{name}` is missing"), "type I8"]);
    }
}

#[test]
fn wrong_types() {
    let parts = ["`q` has type F64", "F32, F16, BF16, or I8"];
    let error = error_of(&good().f64("q", &SHAPE, &[0.5; 24]), &parts);
    assert!(matches!(error, Error::Type { .. }));
    error_of(&good().i64("v", &SHAPE, &[1; 24]), &["`v` has type I64"]);
    error_of(
        &good().f32("mask", &[3], &[1.0; 3]),
        &["`mask` has type F32", "integer"],
    );
    let file = good_probabilities().u8("probabilities", &[2, 2, 3], &[0; 12]);
    error_of(&file, &["`probabilities` has type U8", "F32, F16 or BF16"]);
    let file = good_int8().f64("k_scale", &[2], &[1.0; 2]);
    error_of(&file, &["`k_scale` has type F64", "legal: F32"]);
}

#[test]
fn a_scale_beside_floats() {
    let file = good().f32("v_scale", &[2], &[1.0; 2]);
    let error = error_of(&file, &["`v_scale` is there", "`v` has type F32", "I8"]);
    assert!(matches!(error, Error::NeedlessScale { .. }));
}

#[test]
fn wrong_ranks() {
    let error = error_of(
        &good().f32("k", &[6, 4], &[0.5; 24]),
        &["`k` has shape [6, 4]", "[KV heads, tokens, D]"],
    );
    assert!(matches!(error, Error::Rank { .. }));
    error_of(
        &good().u8("mask", &[1, 3], &[1; 3]),
        &["`mask` has shape [1, 3]", "[tokens]"],
    );
    let file = good_probabilities().f32("probabilities", &[2, 6], &[0.1; 12]);
    error_of(
        &file,
        &["`probabilities` has shape [2, 6]", "[heads, rows, tokens]"],
    );
    let file = good_int8().f32("q_scale", &[2, 1], &[1.0; 2]);
    error_of(
        &file,
        &["`q_scale` has shape [2, 1]", "[heads], [1] or a scalar"],
    );
}

#[test]
fn shapes_that_disagree() {
    for name in ["q", "k"] {
        let parts = [&format!("`{name}` has shape [2, 2, 4]"), "[2, 3, 4]", "`v`"];
        let error = error_of(&good().f32(name, &[2, 2, 4], &[0.5; 16]), &parts);
        assert!(matches!(error, Error::Shape { .. }));
    }
    let file = good().u8("mask", &[4], &[1; 4]);
    error_of(&file, &["`mask` has shape [4]", "legal: [3]"]);
    let file = good_int8().f32("k_scale", &[3], &[1.0; 3]);
    error_of(&file, &["`k_scale` has shape [3]", "legal: [2]"]);
    let file = good_probabilities().f32("probabilities", &[2, 2, 4], &[0.1; 16]);
    error_of(
        &file,
        &["`probabilities` has shape [2, 2, 4]", "legal: [2, 2, 3]"],
    );
    let file = good_probabilities().f32("probabilities", &[1, 2, 3], &[0.1; 6]);
    error_of(
        &file,
        &[
            "`probabilities` has shape [1, 2, 3]",
            "multiple of the 2 of `v`",
        ],
    );
    let file = good().f32("probabilities", &[4, 2, 3], &[0.1; 24]);
    error_of(
        &file,
        &["`probabilities` has shape [4, 2, 3]", "legal: [2, 2, 3]"],
    );
    let file = good().f32("q", &[3, 3, 4], &[0.5; 36]);
    let parts = ["`q` has shape [3, 3, 4]", "multiple of the 2 of `v`"];
    assert!(matches!(error_of(&file, &parts), Error::Groups { .. }));
    let file = good().f32("q", &[4, 3, 2], &[0.5; 24]);
    error_of(&file, &["`q` has shape [4, 3, 2]", "legal: [4, 3, 4]"]);
}

#[test]
fn sizes_of_zero() {
    for shape in [[0, 3, 4], [2, 0, 4], [2, 3, 0]] {
        let error = error_of(&good().f32("v", &shape, &[]), &["`v`", "at least 1"]);
        assert!(matches!(error, Error::Empty { .. }));
    }
    let file = good_probabilities().f32("probabilities", &[2, 0, 3], &[]);
    error_of(
        &file,
        &["`probabilities` has shape [2, 0, 3]", "at least 1"],
    );
}

#[test]
fn values_that_are_not_finite() {
    for (value, text) in [
        (f32::NAN, "NaN"),
        (f32::INFINITY, "inf"),
        (f32::NEG_INFINITY, "-inf"),
    ] {
        let mut values = [0.5; 24];
        // Head 1, token 2, dimension 3.
        values[23] = value;
        for name in ["q", "k", "v"] {
            let place = format!("`{name}` holds {text} at [1, 2, 3]");
            let error = error_of(&good().f32(name, &SHAPE, &values), &[&place, "finite"]);
            assert!(matches!(error, Error::NotFinite { .. }));
        }
    }
    let mut values = [0.1; 12];
    values[7] = f32::NAN;
    let file = good_probabilities().f32("probabilities", &[2, 2, 3], &values);
    error_of(&file, &["`probabilities` holds NaN at [1, 0, 1]"]);
}

#[test]
fn scales_that_are_no_scales() {
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e37] {
        let file = good_int8().f32("v_scale", &[2], &[1.0, scale]);
        let error = error_of(
            &file,
            &[&format!("`v_scale` holds {scale} at [1]"), "above 0"],
        );
        assert!(matches!(error, Error::Scale { .. }));
    }
}

#[test]
fn probabilities_outside_of_0_to_1() {
    for value in [-0.01, 1.01] {
        let mut values = [0.0; 12];
        values[4] = value;
        let file = good_probabilities().f32("probabilities", &[2, 2, 3], &values);
        let error = error_of(&file, &[&format!("holds {value} at [0, 1, 1]"), "0 to 1"]);
        assert!(matches!(error, Error::Probability { .. }));
    }
}

#[test]
fn rows_that_sum_to_more_than_1() {
    let with_sum = |sum: f32| {
        let mut values = [0.25; 12];
        values[9..].copy_from_slice(&[0.5, 0.25, sum - 0.75]);
        good_probabilities().f32("probabilities", &[2, 2, 3], &values)
    };
    with_sum(1.0009).capture().unwrap();
    let error = error_of(
        &with_sum(1.002),
        &["head 1, row 1 sums to 1.00", "at most 1.001"],
    );
    assert!(matches!(error, Error::RowSum { .. }));
}

#[test]
fn a_mask_without_a_valid_key() {
    let error = error_of(
        &good().u8("mask", &[3], &[0; 3]),
        &["masks all 3 keys", "nonzero"],
    );
    assert!(matches!(error, Error::AllMasked { .. }));
}

#[test]
fn metadata_that_contradicts_the_tensors() {
    let cases = [
        (
            good().metadata("layers", "three"),
            "`layers` is `three`",
            "whole number",
        ),
        (
            good().metadata("layers", "0"),
            "`layers` is 0",
            "divisor of the number of heads, 2",
        ),
        (
            good().metadata("layers", "3"),
            "`layers` is 3",
            "divisor of the number of heads, 2",
        ),
        (
            good().metadata("heads_per_layer", "3"),
            "`heads_per_layer` is 3",
            "divisor",
        ),
        (
            good()
                .metadata("layers", "2")
                .metadata("heads_per_layer", "2"),
            "`heads_per_layer` is 2",
            "legal: 1 (2 heads in 2 layers)",
        ),
    ];
    for (file, found, legal) in cases {
        assert!(matches!(
            error_of(&file, &[found, legal]),
            Error::Metadata { .. }
        ));
    }
}

#[test]
fn truncated_and_foreign_files() {
    let bytes = good().bytes();
    for length in 0..bytes.len() {
        let error = Capture::from_bytes("cut.safetensors", &bytes[..length]).unwrap_err();
        assert!(
            matches!(error, Error::NotSafetensors { .. }),
            "{length}: {error}"
        );
        assert!(
            error
                .to_string()
                .starts_with("cut.safetensors: truncated or not")
        );
    }
    for foreign in [
        &b"hello, world, this is no tensor"[..],
        &[0xff; 100],
        &[0; 100],
    ] {
        let error = Capture::from_bytes("x", foreign).unwrap_err();
        assert!(matches!(error, Error::NotSafetensors { .. }), "{error}");
    }
    // A byte too many is as wrong as one too few.
    let longer = [&bytes[..], &[0]].concat();
    assert!(Capture::from_bytes("x", &longer).is_err());
}

#[test]
fn files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent.safetensors");
    for path in [absent.as_path(), folder.path()] {
        let error = Capture::load(path).unwrap_err();
        assert!(matches!(error, Error::Read { .. }));
        assert!(error.to_string().contains(&path.display().to_string()));
    }
}

#[test]
fn files_that_cannot_be_written_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let capture = good().capture().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    let taken = folder.path().join("taken");
    std::fs::create_dir(&taken).unwrap();
    // No such folder; a file where a folder is needed; a folder where the file goes.
    for path in [folder.path().join("no/x"), file.join("x"), taken.clone()] {
        let error = capture.save(&path).unwrap_err();
        assert!(matches!(error, Error::Write { .. }));
        assert!(error.to_string().contains(&path.display().to_string()));
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    assert_eq!(std::fs::read_dir(&taken).unwrap().count(), 0);
}

#[test]
fn heads_beyond_the_last() {
    let capture = good().capture().unwrap();
    let error = capture.head(2).unwrap_err();
    assert!(matches!(error, Error::NoSuchHead { .. }));
    assert!(
        error
            .to_string()
            .contains("head 2 was asked for; legal: 0 to 1"),
        "{error}"
    );
}

#[test]
fn captures_made_in_memory_pass_the_same_checks() {
    let floats = |value: f32| Some(Stored::Float(Array3::from_elem((2, 3, 4), value)));
    let make = |v, mask| {
        let tensors = Tensors {
            q: floats(0.5),
            k: floats(0.5),
            v,
            probabilities: None,
            mask,
        };
        Capture::new("memory", tensors, Metadata::default())
    };
    assert!(make(floats(0.5), None).is_ok());
    assert!(matches!(
        make(floats(f32::NAN), None),
        Err(Error::NotFinite { .. })
    ));
    assert!(matches!(make(None, None), Err(Error::MissingTensor { .. })));
    assert!(matches!(
        make(floats(0.5), Some(vec![true])),
        Err(Error::Shape { .. })
    ));
    let int8 = |scales| {
        Some(Stored::Int8 {
            values: Array3::zeros((2, 3, 4)),
            scales: Array1::from_elem(scales, 1.0),
        })
    };
    assert!(make(int8(2), None).is_ok());
    assert!(matches!(make(int8(1), None), Err(Error::Shape { .. })));
}

#[test]
fn eight_bit_floats_are_refused() {
    let file = good().tensor("v", Dtype::F8_E4M3, &SHAPE, vec![0; 24]);
    error_of(&file, &["`v` has type F8_E4M3"]);
}
