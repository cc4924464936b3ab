//! Checkpoints that were saved by `transformers`, and what it computes with them (see
//! tests/data/make_with_transformers.py).

use crate::tiny::{self, Expected, assert_close};
use candle_core::{IndexOp, Tensor};
use logattn_accuracy::decoder::predict;
use logattn_accuracy::{Batch, Bert, EncodedText, FloatAttention, Llama, TextEncoder};
use std::path::{Path, PathBuf};

/// Single precision against double, over two layers of values up to about 3.
const TOLERANCE: f32 = 2e-5;
const QUESTION: &str = "What lifts the boat at the café?";
const PASSAGE: &str = "The lock at the Café Zoë lifts the boat: its keeper opens a gate, the water \
    rises, and the boat leaves by the other gate. A lower lock then lifts the water's next boat.";
const SHORT: &str = "The keeper's boat rises.";
/// Tokens of a window and those that neighbors share.
const WINDOW: usize = 30;
const STRIDE: usize = 7;
const ENCODERS: [&str; 4] = [
    "bert_qa",
    "bert_classifier",
    "roberta_qa",
    "roberta_classifier",
];

/// The folder of a checkpoint.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/transformers")
        .join(name)
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// A batch of the pair and, padded, of the text alone.
fn batch(model: &Bert, expected: &Expected) -> Batch {
    let texts = ["pair", "single"].map(|name| {
        let list = |part: &str| expected.ids(&format!("{name}.{part}"));
        (list("ids"), list("types"))
    });
    let texts = texts.each_ref().map(|(ids, types)| (&ids[..], &types[..]));
    Batch::new(model.config(), &texts).unwrap()
}

/// That a folder's model computes what is expected of it.
fn assert_computes(folder: &Path, expected: &Expected) {
    let model = Bert::load(folder).unwrap();
    let batch = batch(&model, expected);
    let hidden = model.encode(&batch, &mut FloatAttention).unwrap();
    let span = model.span_logits(&hidden).unwrap();
    let classes = model.class_logits(&hidden).unwrap();
    assert!(span.is_some() != classes.is_some());
    for (index, name) in ["pair", "single"].into_iter().enumerate() {
        let length = batch.lengths()[index];
        let check = |found: &Tensor, part: &str| {
            let wanted = expected.floats(&format!("{name}.{part}"));
            assert_close(&floats(found), &wanted, TOLERANCE);
        };
        check(&hidden.i((index, ..length)).unwrap(), "hidden");
        if let Some((start, end)) = &span {
            check(&start.i((index, ..length)).unwrap(), "start");
            check(&end.i((index, ..length)).unwrap(), "end");
        }
        if let Some(classes) = &classes {
            check(&classes.i(index).unwrap(), "logits");
        }
    }
}

#[test]
fn encoders_and_their_heads_compute_what_transformers_does() {
    for name in ENCODERS {
        assert_computes(&folder(name), &Expected::of(&folder(name)));
    }
}

#[test]
fn a_classifier_gives_as_many_logits_as_it_has_classes() {
    for (name, outputs) in [("bert_classifier", 3), ("roberta_classifier", 1)] {
        let model = Bert::load(&folder(name)).unwrap();
        let batch = batch(&model, &Expected::of(&folder(name)));
        let hidden = model.encode(&batch, &mut FloatAttention).unwrap();
        let logits = model.class_logits(&hidden).unwrap().unwrap();
        assert_eq!(logits.dims(), [2, outputs]);
    }
}

/// That a text has the tokens, segments and spans that are expected.
fn assert_text(found: &EncodedText, expected: &Expected, name: &str) {
    assert_eq!(found.ids, expected.ids(&format!("{name}.ids")), "{name}");
    assert_eq!(
        found.types,
        expected.ids(&format!("{name}.types")),
        "{name}"
    );
    let spans: Vec<[i64; 2]> = found
        .spans
        .iter()
        .map(|span| span.map_or([-1, -1], |(start, end)| [start as i64, end as i64]))
        .collect();
    let wanted = expected.integers(&format!("{name}.spans"));
    assert_eq!(spans.as_flattened(), wanted, "{name}");
}

#[test]
fn tokens_and_windows_are_those_of_transformers() {
    for name in ["bert_qa", "roberta_qa"] {
        let expected = Expected::of(&folder(name));
        let model = Bert::load(&folder(name)).unwrap();
        let encoder = TextEncoder::load(&folder(name), model.config()).unwrap();
        let longest = model.config().max_tokens();
        assert_eq!(longest, 40);
        let pair = encoder.encode(Some(QUESTION), SHORT, longest).unwrap();
        assert_text(&pair, &expected, "pair");
        let single = encoder.encode(None, SHORT, longest).unwrap();
        assert_text(&single, &expected, "single");

        let windows = encoder.windows(QUESTION, PASSAGE, WINDOW, STRIDE).unwrap();
        for (index, window) in windows.iter().enumerate() {
            assert_text(window, &expected, &format!("window.{index}"));
        }
        assert!(!expected.contains(&format!("window.{}.ids", windows.len())));
        // What is cut is counted, and the first window is what is left.
        let cut = encoder.encode(Some(QUESTION), PASSAGE, WINDOW).unwrap();
        assert_text(&cut, &expected, "window.0");
        let others = windows[1..].iter();
        let tokens = others.map(|w| w.spans.iter().flatten().count() - STRIDE);
        assert_eq!(cut.cut, tokens.sum::<usize>());
    }
}

#[test]
fn decoders_compute_what_transformers_does() {
    for name in ["llama_tied", "llama_grouped"] {
        let expected = Expected::of(&folder(name));
        let model = Llama::load_folder(&folder(name)).unwrap();
        let ids = expected.ids("ids");
        let hidden = model.hidden_states(&[&ids], &mut FloatAttention).unwrap();
        assert_close(&floats(&hidden), &expected.floats("hidden"), TOLERANCE);
        let logits = model.logits(&hidden).unwrap();
        assert_close(
            &floats(&logits),
            &expected.floats("logits"),
            4.0 * TOLERANCE,
        );
        let prediction = predict(&model, &ids, &mut FloatAttention).unwrap();
        let loss = f64::from(expected.floats("loss")[0]);
        assert!((prediction.perplexity().ln() - loss).abs() < 1e-5 * loss);
    }
}

/// A copy of a checkpoint in one file whose tensors have other names.
fn renamed(name: &str, rename: impl Fn(&str) -> String) -> tempfile::TempDir {
    let copy = tiny::copy_of(&folder(name));
    tiny::edit(&copy.path().join("model.safetensors"), |tensors| {
        let all = std::mem::take(tensors);
        tensors.extend(all.into_iter().map(|(name, array)| (rename(&name), array)));
    });
    copy
}

#[test]
fn encoders_without_a_head_have_no_prefix() {
    let strip = |name: &str| name.trim_start_matches("roberta.").to_owned();
    let copy = renamed("roberta_classifier", strip);
    assert_computes(copy.path(), &Expected::of(copy.path()));
}

#[test]
fn norms_of_old_checkpoints_have_other_names() {
    let old = |name: &str| match name.rsplit_once("LayerNorm.") {
        Some((before, "weight")) => format!("{before}LayerNorm.gamma"),
        Some((before, _)) => format!("{before}LayerNorm.beta"),
        None => name.to_owned(),
    };
    let copy = renamed("bert_classifier", old);
    assert_computes(copy.path(), &Expected::of(copy.path()));
}
