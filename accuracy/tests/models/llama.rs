//! The decoder against an independent float64 implementation, which made its own tokens, too.

use crate::tiny::{self, Expected, assert_close};
use candle_core::{Device, IndexOp, Tensor};
use logattn_accuracy::decoder::predict;
use logattn_accuracy::record::record_decoder;
use logattn_accuracy::{Attention, AttentionInput, Decoder, Error, FloatAttention};
use logattn_captures::Metadata;

/// Single precision against double, over two layers of values up to about 5.
const TOLERANCE: f32 = 3e-5;
/// The same of attention: queries and keys are up to about 9, logits some tens.
const ATTENTION_TOLERANCE: f32 = 1e-4;

/// The GGUF file and the checkpoint folder, with the name of what they must compute.
fn decoders() -> [(&'static str, Decoder); 2] {
    [("gguf", tiny::gguf()), ("folder", tiny::llama_folder())]
        .map(|(name, path)| (name, Decoder::load(&path).unwrap()))
}

fn expected() -> Expected {
    Expected::of(&tiny::llama_folder())
}

fn texts() -> [String; 2] {
    let bytes = std::fs::read(tiny::llama_folder().join("texts.json")).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn sizes_are_read() {
    let [(_, gguf), (_, folder)] = decoders();
    let (gguf, folder) = (gguf.model.config(), folder.model.config());
    for config in [gguf, folder] {
        assert_eq!((config.num_hidden_layers, config.hidden_size), (2, 32));
        assert_eq!(config.num_attention_heads, 4);
        assert_eq!(config.num_key_value_heads, 2);
        assert_eq!(config.max_position_embeddings, 64);
        assert!((config.rms_norm_eps - 1e-5).abs() < 1e-12);
    }
    assert_eq!((gguf.head_dimension, folder.head_dimension), (8, 6));
    assert_eq!((gguf.rope_base, folder.rope_base), (500.0, 1000.0));
    assert_eq!((gguf.tied, folder.tied), (true, false));
}

#[test]
fn tokens_are_those_of_the_script() {
    for (name, decoder) in decoders() {
        for (index, text) in texts().iter().enumerate() {
            let encoded = decoder.tokenizer.encode(text).unwrap();
            assert_eq!(
                encoded.ids,
                expected().ids(&format!("{index}.ids")),
                "{name}"
            );
            assert_eq!(encoded.ends[0], 0);
            assert!(encoded.ends.is_sorted());
            assert_eq!(encoded.ends.last(), Some(&text.len()));
        }
        let start = decoder
            .tokenizer
            .encode("The the")
            .unwrap()
            .start(3)
            .unwrap();
        // <|start|> T he
        assert_eq!(start.ends, [0, 1, 3]);
    }
}

#[test]
fn hidden_states_and_logits_are_those_of_the_float64_script() {
    let expected = expected();
    let ids = [0, 1].map(|i| expected.ids(&format!("{i}.ids")));
    let batch = ids.each_ref().map(Vec::as_slice);
    for (name, decoder) in decoders() {
        // In one batch, so that the second is padded.
        let model = &decoder.model;
        let hidden = model.hidden_states(&batch, &mut FloatAttention).unwrap();
        for (index, ids) in ids.iter().enumerate() {
            let own = hidden.i((index, ..ids.len())).unwrap();
            let wanted = |part: &str| expected.floats(&format!("{name}.{index}.{part}"));
            assert_close(&floats(&own), &wanted("hidden"), TOLERANCE);
            let last = own.i(ids.len() - 3..).unwrap();
            let logits = floats(&model.logits(&last).unwrap());
            assert_close(&logits, &wanted("logits"), 4.0 * TOLERANCE);
            let prediction = predict(model, ids, &mut FloatAttention).unwrap();
            assert_eq!(prediction.tokens, ids.len() - 1);
            let wanted = f64::from(wanted("negative_log")[0]);
            assert!((prediction.negative_log - wanted).abs() < 1e-5 * wanted);
            let mean = wanted / (ids.len() - 1) as f64;
            assert!((prediction.perplexity().ln() - mean).abs() < 1e-5 * mean);
        }
    }
}

#[test]
fn recorded_heads_give_the_attention_of_the_float64_script() {
    let expected = expected();
    let ids = expected.ids("1.ids");
    for (name, decoder) in decoders() {
        let model = &decoder.model;
        let tokens = ids.len();
        let all = record_decoder(model, &ids, tokens, Metadata::default()).unwrap();
        let capture = all.capture;
        assert_eq!((capture.layers(), capture.heads_per_layer()), (2, 4));
        assert_eq!((capture.kv_heads_per_layer(), capture.rows()), (2, tokens));
        assert!(capture.causal());
        for head in capture.iter() {
            let part = |part: &str, index: usize, size: usize| {
                let all = expected.floats(&format!("{name}.1.{part}"));
                all[index * size..][..size].to_vec()
            };
            for (kind, index, found) in [
                ("v", head.kv_head(), head.value()),
                ("probabilities", head.index(), head.probabilities()),
                ("context", head.index(), head.output()),
            ] {
                let wanted = part(kind, index, found.len());
                assert_close(
                    &found.into_raw_vec_and_offset().0,
                    &wanted,
                    ATTENTION_TOLERANCE,
                );
            }
        }
        let last = record_decoder(model, &ids, 5, Metadata::default()).unwrap();
        assert_eq!(last.prediction, all.prediction);
        assert_eq!((last.capture.rows(), last.capture.tokens()), (5, tokens));
        for (all, last) in capture.iter().zip(last.capture.iter()) {
            let rows = ndarray::s![tokens - 5.., ..];
            assert_eq!(last.query().unwrap(), all.query().unwrap().slice(rows));
            assert_eq!(last.key(), all.key());
            assert_eq!(last.value(), all.value());
        }
    }
}

#[test]
fn a_later_token_changes_nothing_before_it() {
    let ids = expected().ids("0.ids");
    for (_, decoder) in decoders() {
        let hidden = |ids: &[u32]| {
            let states = decoder.model.hidden_states(&[ids], &mut FloatAttention);
            states.unwrap().i(0).unwrap()
        };
        let mut changed = ids.clone();
        changed[20] += 1;
        let (before, after) = (hidden(&ids), hidden(&changed));
        let first = |states: &Tensor| floats(&states.i(..20).unwrap());
        assert_eq!(first(&before), first(&after));
        for token in 20..ids.len() {
            let row = |states: &Tensor| floats(&states.i(token).unwrap());
            assert_ne!(row(&before), row(&after), "token {token}");
        }
        // What stands after a text does not matter either, be it there or not.
        let short = hidden(&ids[..20]);
        assert_close(&floats(&short), &first(&before), 1e-5);
    }
}

#[test]
fn heads_of_a_group_read_the_same_keys_and_values() {
    let random = |heads| Tensor::randn(0.0_f32, 1.0, (2, heads, 5, 4), &Device::Cpu).unwrap();
    let (q, k, v) = (random(6), random(2), random(2));
    let own = Tensor::new(&[0_u32, 0, 0, 1, 1, 1], &Device::Cpu).unwrap();
    let repeated = |tensor: &Tensor| tensor.index_select(&own, 1).unwrap();
    for (causal, lengths) in [(false, [5, 3]), (true, [5, 5])] {
        let attend = |k: &Tensor, v: &Tensor| {
            let input = AttentionInput {
                layer: 0,
                q: &q,
                k,
                v,
                lengths: &lengths,
                causal,
            };
            floats(&FloatAttention.attend(input).unwrap())
        };
        let shared = attend(&k, &v);
        assert_close(&shared, &attend(&repeated(&k), &repeated(&v)), 1e-6);
        assert!(shared.iter().all(|x| x.is_finite()));
    }
}

#[test]
fn texts_that_are_too_short_say_how_long_they_are() {
    let [(_, decoder), _] = decoders();
    let encoded = decoder.tokenizer.encode(&texts()[1]).unwrap();
    assert_eq!(encoded.clone().start(17).unwrap(), encoded);
    for tokens in [0, 18, 512] {
        let error = encoded.clone().start(tokens).unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, Error::Tokens { found: 17, .. }));
        assert!(message.contains("the text has 17 tokens"), "{message}");
    }
}
