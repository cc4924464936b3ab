//! SmolLM2-135M-Instruct on real text. Skipped, saying so, where the model is absent.

use crate::minilm::{models_folder, present, root};
use logattn_accuracy::decoder::predict;
use logattn_accuracy::record::record_decoder;
use logattn_accuracy::{Decoder, FloatAttention};
use logattn_captures::Metadata;

fn smollm2() -> Option<Decoder> {
    let file = present(models_folder().join("SmolLM2-135M-Instruct.Q4_1.gguf"))?;
    Some(Decoder::load(&file).unwrap())
}

/// Perplexity of the first 512 tokens of the prose, as tests/data/smollm2_in_numpy.py finds it: in
/// float64, with another reader of the file, another tokenizer and another forward pass.
const PERPLEXITY: f64 = 27.5974;

fn prose() -> String {
    std::fs::read_to_string(root().join("accuracy/data/prose.txt")).unwrap()
}

#[test]
fn perplexity_is_that_of_an_independent_implementation() {
    let Some(Decoder { model, tokenizer }) = smollm2() else {
        return;
    };
    let text = tokenizer.encode(&prose()).unwrap().start(512).unwrap();
    let prediction = predict(&model, &text.ids, &mut FloatAttention).unwrap();
    assert_eq!(prediction.tokens, 511);
    // Single precision over 30 layers moves the logarithm by some 1e-6.
    let ratio = prediction.perplexity() / PERPLEXITY;
    assert!((ratio - 1.0).abs() < 1e-4, "{}", prediction.perplexity());
}

#[test]
fn the_text_to_capture_is_long_enough_and_int8_hardly_changes_its_attention() {
    let Some(Decoder { model, tokenizer }) = smollm2() else {
        return;
    };
    let text = tokenizer.encode(&prose()).unwrap();
    assert!(text.ids.len() >= 700, "{}", text.ids.len());
    // The tokenizer of GPT-2 splits off single digits here; words keep the space before them.
    let numbers = tokenizer.encode("in 1985, it").unwrap();
    assert_eq!(numbers.ends, [2, 3, 4, 5, 6, 7, 8, 11]);

    let recording = record_decoder(&model, &text.ids[..64], 64, Metadata::default()).unwrap();
    let float = recording.capture;
    assert_eq!((float.layers(), float.heads_per_layer()), (30, 9));
    assert_eq!(
        (float.kv_heads_per_layer(), float.head_dimension()),
        (3, 64)
    );
    let int8 = float.quantized();
    let heads = int8.iter().zip(float.iter());
    let largest = heads.map(|(int8, float)| {
        let difference = int8.probabilities() - float.probabilities();
        difference.mapv(|d| f64::from(d.abs())).sum() / 64.0
    });
    // Summed over a row, int8 moves less than a tenth of the attention in any head.
    let largest = largest.fold(0.0, f64::max);
    assert!(largest < 0.1, "{largest}");
}
