//! Causal captures and heads that share keys and values. Expected values are worked out by hand.

use crate::builder::FileBuilder;
use logattn_captures::{Capture, Error};
use ndarray::{Array2, array};
use std::f32::consts::LN_2;

/// Two layers of 4 heads that share 2 KV heads; 3 tokens, D = 1, so a logit is the query times
/// the key. Query of head h: h ln 2. KV head n has the keys n, n + 1, n + 2 and the values
/// 50 n, 50 n + 10, 50 n + 20. The softmax of head h is that of 0, h ln 2, 2 h ln 2 over the
/// keys that a row sees: 1, 2^h, 4^h over their sum.
fn grouped(rows: usize) -> FileBuilder {
    let query: Vec<f32> = (0..8_u8)
        .flat_map(|h| vec![f32::from(h) * LN_2; rows])
        .collect();
    let three = |n: u8, step: u8, first: u8| [0, 1, 2].map(|j| f32::from(n * first + j * step));
    let key: Vec<f32> = (0..4).flat_map(|n| three(n, 1, 1)).collect();
    let value: Vec<f32> = (0..4).flat_map(|n| three(n, 10, 50)).collect();
    FileBuilder::new()
        .f32("q", &[8, rows, 1], &query)
        .f32("k", &[4, 3, 1], &key)
        .f32("v", &[4, 3, 1], &value)
        .metadata("layers", "2")
}

fn causal(rows: usize) -> FileBuilder {
    grouped(rows).metadata("causal", "true")
}

/// A causal capture that gives probabilities: 1 head, 2 rows over 3 keys.
fn causal_probabilities(values: &[f32; 6]) -> FileBuilder {
    FileBuilder::new()
        .f32("probabilities", &[1, 2, 3], values)
        .f32("v", &[1, 3, 1], &[10.0, 20.0, 40.0])
        .metadata("causal", "true")
}

/// Checks that a file gives an error that says everything in `parts`.
fn error_of(file: &FileBuilder, parts: &[&str]) -> Error {
    let error = file.capture().expect_err("the file is bad");
    let message = error.to_string();
    for part in parts.iter().chain(&["test.safetensors: "]) {
        assert!(message.contains(part), "`{message}` does not say `{part}`");
    }
    error
}

fn assert_close(found: &Array2<f32>, expected: &Array2<f32>) {
    assert_eq!(found.dim(), expected.dim());
    let close = |(f, e): (&f32, &f32)| (f - e).abs() <= 1e-6 * e.abs().max(1.0);
    assert!(
        found.iter().zip(expected).all(close),
        "{found} is not {expected}"
    );
}

#[test]
fn heads_of_a_group_share_keys_and_values() {
    let capture = grouped(3).capture().unwrap();
    assert_eq!((capture.heads(), capture.heads_per_layer()), (8, 4));
    assert_eq!((capture.kv_heads(), capture.kv_heads_per_layer()), (4, 2));
    assert!(!capture.causal());
    assert_eq!([0, 1, 2].map(|row| capture.row_length(row)), [3; 3]);
    let shared: Vec<_> = capture.iter().map(|head| head.kv_head()).collect();
    assert_eq!(shared, [0, 0, 1, 1, 2, 2, 3, 3]);
    let head = capture.head(5).unwrap();
    assert_eq!((head.layer(), head.head_in_layer()), (1, 1));
    assert_eq!(head.key().unwrap(), array![[2.0], [3.0], [4.0]]);
    assert_eq!(head.value(), array![[100.0], [110.0], [120.0]]);
    let head = capture.head(2).unwrap();
    let row = [1.0, 4.0, 16.0].map(|x| x / 21.0);
    assert_close(&head.probabilities(), &array![row, row, row]);
    // 50 + (4 * 10 + 16 * 20) / 21
    let output = 50.0 + 360.0 / 21.0;
    assert_close(&head.output(), &array![[output], [output], [output]]);
}

#[test]
fn a_causal_row_sees_the_keys_up_to_its_own() {
    let capture = causal(3).capture().unwrap();
    assert!(capture.causal());
    assert_eq!([0, 1, 2].map(|row| capture.row_length(row)), [1, 2, 3]);
    assert_eq!(capture.valid_rows(), [0, 1, 2]);
    let head = capture.head(3).unwrap();
    let expected = array![
        [1.0, 0.0, 0.0],
        [1.0 / 9.0, 8.0 / 9.0, 0.0],
        [1.0 / 73.0, 8.0 / 73.0, 64.0 / 73.0],
    ];
    let probabilities = head.probabilities();
    assert_close(&probabilities, &expected);
    for unseen in [[0, 1], [0, 2], [1, 2]] {
        assert_eq!(probabilities[unseen].to_bits(), 0);
    }
    let output = array![[50.0], [50.0 + 80.0 / 9.0], [50.0 + 1360.0 / 73.0]];
    assert_close(&head.output(), &output);
}

#[test]
fn fewer_rows_are_the_last_ones() {
    let all = causal(3).capture().unwrap();
    let last = causal(2).capture().unwrap();
    assert_eq!((last.rows(), last.tokens()), (2, 3));
    assert_eq!([0, 1].map(|row| last.row_length(row)), [2, 3]);
    assert_eq!(last.valid_rows(), [0, 1]);
    for (all, last) in all.iter().zip(last.iter()) {
        assert_eq!(last.query().unwrap().dim(), (2, 1));
        let all = all.probabilities();
        assert_eq!(last.probabilities(), all.slice(ndarray::s![1.., ..]));
    }
    let single = causal(1).capture().unwrap();
    assert_eq!((single.rows(), single.row_length(0)), (1, 3));
}

#[test]
fn given_causal_probabilities_are_used() {
    let file = causal_probabilities(&[0.5, 0.5, 0.0, 0.25, 0.5, 0.25]);
    let capture = file.capture().unwrap();
    assert_eq!((capture.rows(), capture.row_length(0)), (2, 2));
    let output = capture.head(0).unwrap().output();
    assert_eq!(output, array![[15.0], [22.5]]);
}

#[test]
fn scales_are_one_for_each_kv_head() {
    let float = causal(2).capture().unwrap();
    let capture = float.quantized();
    for head in 0..8 {
        let (head, float) = (capture.head(head).unwrap(), float.head(head).unwrap());
        let largest = 50.0 * head.kv_head() as f32 + 20.0;
        assert_eq!(head.value_int8().scale, largest / 127.0);
        assert_eq!(head.value_int8().values[[2, 0]], 127);
        assert_eq!(head.value_int8(), float.value_int8());
        assert_eq!(head.key_int8(), float.key_int8());
    }
    let shapes = |name| {
        let bytes = capture.to_bytes();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        file.tensor(name).unwrap().shape().to_vec()
    };
    assert_eq!(shapes("q_scale"), [8]);
    assert_eq!(shapes("k_scale"), [4]);
    assert_eq!(shapes("v"), [4, 3, 1]);
}

#[test]
fn grouped_and_causal_captures_read_back_the_same() {
    let float = causal(2)
        .metadata("kv_heads_per_layer", "2")
        .capture()
        .unwrap();
    let probabilities = causal_probabilities(&[0.5, 0.5, 0.0, 0.25, 0.5, 0.25]);
    let uncausal = grouped(3).metadata("causal", "false").capture().unwrap();
    assert!(!uncausal.causal());
    for capture in [
        &float,
        &float.quantized(),
        &probabilities.capture().unwrap(),
        &uncausal,
    ] {
        let back = Capture::from_bytes(capture.name(), &capture.to_bytes()).unwrap();
        assert_eq!(&back, capture);
    }
    assert_eq!(float.metadata().kv_heads_per_layer, Some(2));
}

#[test]
fn fewer_rows_are_for_causal_captures_only() {
    let error = error_of(
        &grouped(2),
        &["`q` has shape [8, 2, 1]", "legal: [8, 3, 1]", "causal"],
    );
    assert!(matches!(error, Error::Shape { .. }));
    error_of(
        &causal(4),
        &["`q` has shape [8, 4, 1]", "legal: [8, 3, 1]", "at most"],
    );
    error_of(&causal(0), &["`q` has shape [8, 0, 1]", "at least 1"]);
    let more = causal_probabilities(&[0.1; 6]).f32("probabilities", &[1, 4, 3], &[0.1; 12]);
    error_of(&more, &["has shape [1, 4, 3]", "legal: [1, 3, 3]"]);
    // Rows of both kinds are those of the same tokens.
    let both = causal(2).f32("probabilities", &[8, 1, 3], &[0.1; 24]);
    error_of(
        &both,
        &["has shape [8, 1, 3]", "legal: [8, 2, 3]", "rows of `q`"],
    );
}

#[test]
fn padding_in_causal_captures_is_refused() {
    let all = causal(3).u8("mask", &[3], &[1; 3]).capture().unwrap();
    assert_eq!(all.mask(), [true; 3]);
    let error = error_of(
        &causal(3).u8("mask", &[3], &[1, 0, 1]),
        &["`mask` masks key 1 of a causal", "all keys valid"],
    );
    assert!(matches!(error, Error::CausalMask { key: 1, .. }));
}

#[test]
fn probabilities_of_keys_that_a_row_does_not_see() {
    let error = error_of(
        &causal_probabilities(&[0.5, 0.25, 0.125, 0.25, 0.5, 0.25]),
        &[
            "head 0, row 0 holds 0.125 at key 2",
            "legal: 0",
            "keys 0 to 1",
        ],
    );
    assert!(matches!(error, Error::CausalProbability { .. }));
    let values = [0.25, 0.5, 0.0, 0.25, 0.5, 0.25].repeat(8);
    let good = causal(2).f32("probabilities", &[8, 2, 3], &values);
    good.capture().unwrap();
    let mut spoiled = values;
    spoiled[6 * 6 + 2] = 0.1;
    let file = causal(2).f32("probabilities", &[8, 2, 3], &spoiled);
    error_of(&file, &["head 6, row 0 holds 0.1 at key 2"]);
}

#[test]
fn metadata_of_groups_that_contradicts_the_tensors() {
    let cases = [
        (
            grouped(3).metadata("kv_heads_per_layer", "4"),
            "`kv_heads_per_layer` is 4",
            "legal: 2 (4 KV heads in 2 layers)",
        ),
        (
            grouped(3).metadata("layers", "8"),
            "`layers` is 8",
            "divisor of the number of KV heads, 4",
        ),
        (
            grouped(3).metadata("causal", "yes"),
            "`causal` is `yes`",
            "`true` or `false`",
        ),
        (
            grouped(3).metadata("kv_heads_per_layer", "two"),
            "`kv_heads_per_layer` is `two`",
            "whole number",
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
fn layers_follow_from_either_number_of_heads() {
    let tensors = |key: &str, value: &str| {
        let query = FileBuilder::new().f32("q", &[8, 1, 1], &[1.0; 8]);
        let file = query.f32("k", &[4, 1, 1], &[1.0; 4]);
        file.f32("v", &[4, 1, 1], &[1.0; 4]).metadata(key, value)
    };
    for (key, value) in [("heads_per_layer", "4"), ("kv_heads_per_layer", "2")] {
        let capture = tensors(key, value).capture().unwrap();
        assert_eq!((capture.layers(), capture.kv_heads_per_layer()), (2, 2));
    }
    for (key, value, legal) in [
        (
            "heads_per_layer",
            "3",
            "a divisor of the number of heads, 8",
        ),
        ("heads_per_layer", "1", "its part of 4 KV heads"),
        ("kv_heads_per_layer", "0", "number of KV heads, 4"),
    ] {
        error_of(
            &tensors(key, value),
            &[&format!("`{key}` is {value}"), legal],
        );
    }
}
