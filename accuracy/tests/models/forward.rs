//! The forward pass against an independent float64 implementation.

use crate::tiny::{self, Expected, assert_close};
use candle_core::{IndexOp, Tensor};
use logattn_accuracy::record::record;
use logattn_accuracy::{Adapter, Batch, Bert, FloatAttention, TextEncoder};
use logattn_captures::Metadata;

/// Single precision against double, over two layers of values around 1.
const TOLERANCE: f32 = 2e-5;

/// Runs both texts in one batch, so that the second is padded.
fn hidden_states(model: &Bert, expected: &Expected) -> Tensor {
    let texts = [0, 1].map(|i| {
        let list = |name: &str| expected.ids(&format!("{i}.{name}"));
        (list("ids"), list("types"))
    });
    let texts = texts.each_ref().map(|(ids, types)| (&ids[..], &types[..]));
    let batch = Batch::new(model.config(), &texts).unwrap();
    assert_eq!(batch.lengths(), [14, 7]);
    model.encode(&batch, &mut FloatAttention).unwrap()
}

/// The valid part of one text of a batch, row by row.
fn valid(states: &Tensor, text: usize, length: usize) -> Vec<f32> {
    let rows = states.i((text, ..length)).unwrap();
    rows.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn hidden_states_are_those_of_the_float64_script() {
    let expected = Expected::load();
    let model = Bert::load(&tiny::folder()).unwrap();
    let hidden = hidden_states(&model, &expected);
    for (text, length) in [(0, 14), (1, 7)] {
        let wanted = expected.floats(&format!("{text}.hidden"));
        assert_close(&valid(&hidden, text, length), &wanted, TOLERANCE);
    }
    assert!(model.head(&hidden).unwrap().is_none());
}

#[test]
fn adapted_hidden_states_and_logits_are_those_of_the_float64_script() {
    let expected = Expected::load();
    let adapter = Adapter::load(&tiny::folder().join("adapter.safetensors")).unwrap();
    let model = Bert::load(&tiny::folder()).unwrap().adapt(adapter).unwrap();
    let hidden = hidden_states(&model, &expected);
    let logits = model.head(&hidden).unwrap().unwrap();
    for (text, length) in [(0, 14), (1, 7)] {
        let wanted = expected.floats(&format!("{text}.adapted"));
        assert_close(&valid(&hidden, text, length), &wanted, TOLERANCE);
        let wanted = expected.floats(&format!("{text}.logits"));
        assert_close(&valid(&logits, text, length), &wanted, TOLERANCE);
    }
}

#[test]
fn embeddings_are_the_direction_of_the_mean_of_the_valid_tokens() {
    let expected = Expected::load();
    let model = Bert::load(&tiny::folder()).unwrap();
    let hidden = hidden_states(&model, &expected);
    let found = model.embeddings(&hidden, &[14, 7]).unwrap();
    assert_eq!(found.dims(), [2, 12]);
    for text in 0..2 {
        // By hand from what the script computed.
        let rows = expected.floats(&format!("{text}.hidden"));
        let sum = |column| {
            let column = rows.iter().skip(column).step_by(12);
            column.map(|&x| f64::from(x)).sum::<f64>()
        };
        let sums: Vec<f64> = (0..12).map(sum).collect();
        let norm = sums.iter().map(|x| x * x).sum::<f64>().sqrt();
        let wanted: Vec<f32> = sums.iter().map(|x| (x / norm) as f32).collect();
        let found = found.i(text).unwrap().to_vec1::<f32>().unwrap();
        assert_close(&found, &wanted, TOLERANCE);
    }
    for lengths in [[0, 7], [15, 7]] {
        let error = model.embeddings(&hidden, &lengths).unwrap_err();
        assert!(error.to_string().contains("legal: 1 to 14"), "{error}");
    }
    assert!(model.embeddings(&hidden, &[14]).is_err());
}

#[test]
fn checkpoints_with_a_head_on_top_prefix_their_names() {
    let copy = tiny::copy();
    tiny::edit(&copy.path().join("model.safetensors"), |tensors| {
        let all = std::mem::take(tensors);
        tensors.extend(all.into_iter().map(|(name, t)| (format!("bert.{name}"), t)));
    });
    let expected = Expected::load();
    let hidden = hidden_states(&Bert::load(copy.path()).unwrap(), &expected);
    assert_close(
        &valid(&hidden, 1, 7),
        &expected.floats("1.hidden"),
        TOLERANCE,
    );
}

#[test]
fn recorded_heads_give_the_attention_of_the_float64_script() {
    let expected = Expected::load();
    let model = Bert::load(&tiny::folder()).unwrap();
    let encoder = TextEncoder::load(&tiny::folder(), model.config()).unwrap();
    let question = Some("What lifts the boat?");
    let text = encoder
        .encode(question, "A lock lifts the boat.", 24)
        .unwrap();
    assert_eq!(text.ids, expected.ids("0.ids"));
    assert_eq!(text.types, expected.ids("0.types"));
    assert_eq!(text.cut, 0);

    let capture = record(&model, &text, Metadata::default()).unwrap().capture;
    assert_eq!((capture.layers(), capture.heads_per_layer()), (2, 3));
    assert_eq!((capture.tokens(), capture.head_dimension()), (14, 4));
    for head in capture.iter() {
        let part = |name: &str, size: usize| {
            let all = expected.floats(&format!("0.{name}"));
            all[head.index() * size..][..size].to_vec()
        };
        for (name, found) in [
            ("q", head.query().unwrap()),
            ("k", head.key().unwrap()),
            ("v", head.value()),
            ("probabilities", head.probabilities()),
        ] {
            let wanted = part(name, found.len());
            assert_close(&found.into_raw_vec_and_offset().0, &wanted, TOLERANCE);
        }
    }
}
