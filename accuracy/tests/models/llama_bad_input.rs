//! Bad GGUF files, Llama checkpoints and token ids: one clear error each.

use crate::tiny::{self, Gguf};
use candle_core::quantized::gguf_file::Value;
use logattn_accuracy::record::record_decoder;
use logattn_accuracy::{Decoder, Error, FloatAttention, LlamaConfig};
use logattn_captures::Metadata;
use std::path::Path;

/// The message of an error, checked to be one line that says everything in `parts`.
fn says<T>(result: Result<T, Error>, parts: &[&str]) -> Error {
    let Err(error) = result else {
        panic!("no error, though it should say {parts:?}");
    };
    let message = error.to_string();
    assert_eq!(message.lines().count(), 1, "{message}");
    for part in parts {
        assert!(message.contains(part), "`{message}` does not say `{part}`");
    }
    error
}

/// Loading a copy of the folder after `spoil` was done to it.
fn spoiled(name: &str, spoil: impl FnOnce(&Path), parts: &[&str]) -> Error {
    let copy = tiny::copy_of(&tiny::llama_folder());
    spoil(copy.path());
    says(Decoder::load(&copy.path().join(name)), parts)
}

/// Loading the GGUF file after a change of its metadata and tensors.
fn spoiled_gguf(change: impl FnOnce(&mut Gguf), parts: &[&str]) -> Error {
    let change = |folder: &Path| tiny::edit_gguf(&folder.join("tiny.gguf"), change);
    spoiled("tiny.gguf", change, &[parts, &["tiny.gguf: "]].concat())
}

fn set(key: &'static str, value: Value) -> impl FnOnce(&mut Gguf) {
    move |(metadata, _)| drop(metadata.insert(key.into(), value))
}

fn remove(key: &'static str) -> impl FnOnce(&mut Gguf) {
    move |(metadata, _)| drop(metadata.remove(key).unwrap())
}

fn text(value: &str) -> Value {
    Value::String(value.into())
}

#[test]
fn the_file_that_the_others_spoil_is_good() {
    let copy = tiny::copy_of(&tiny::llama_folder());
    let file = copy.path().join("tiny.gguf");
    tiny::edit_gguf(&file, |_| ());
    Decoder::load(&file).unwrap();
    // Some files name the type of their absent scaling.
    tiny::edit_gguf(&file, set("llama.rope.scaling.type", text("none")));
    Decoder::load(&file).unwrap();
}

#[test]
fn missing_and_foreign_files() {
    let error = says(
        Decoder::load(Path::new("absent.gguf")),
        &["absent.gguf: cannot read"],
    );
    assert!(matches!(error, Error::Read { .. }));
    for bytes in [&b""[..], b"GGUF", b"hello, this is no model", &[0xff; 100]] {
        let write = |folder: &Path| std::fs::write(folder.join("tiny.gguf"), bytes).unwrap();
        let error = spoiled("tiny.gguf", write, &["not a valid GGUF file"]);
        assert!(matches!(error, Error::Parse { .. }));
    }
    for file in ["config.json", "model.safetensors", "tokenizer.json"] {
        let remove = |folder: &Path| std::fs::remove_file(folder.join(file)).unwrap();
        spoiled("", remove, &[file, "cannot read"]);
    }
}

#[test]
fn truncated_gguf_files() {
    let bytes = std::fs::read(tiny::gguf()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cut.gguf");
    // The header, finely; then the data; padding at the end is none.
    let cuts = (0..14_000)
        .step_by(331)
        .chain((14_000..bytes.len()).step_by(5_003));
    for length in cuts.chain([bytes.len() - 1]) {
        std::fs::write(&file, &bytes[..length]).unwrap();
        let error = says(Decoder::load(&file), &["cut.gguf: not a valid GGUF file"]);
        assert!(matches!(error, Error::Parse { .. }), "{length}");
    }
}

#[test]
fn an_alignment_of_0() {
    for zero in [Value::U32(0), Value::U8(0), Value::I16(0)] {
        // The writer does not align by it, so it is put into a file that is aligned by 32.
        let error = spoiled_gguf(
            set("general.alignment", zero),
            &["`general.alignment` is 0"],
        );
        assert!(matches!(error, Error::Parse { .. }));
    }
}

#[test]
fn other_architectures_and_tokenizers() {
    let cases = [
        (
            "general.architecture",
            "gpt2",
            "architecture `gpt2`; supported: llama",
        ),
        (
            "tokenizer.ggml.model",
            "llama",
            "tokenizer `llama`; supported: gpt2",
        ),
        (
            "tokenizer.ggml.pre",
            "qwen2",
            "`qwen2`; supported: smollm, gpt-2",
        ),
    ];
    for (key, value, expected) in cases {
        let error = spoiled_gguf(set(key, text(value)), &[expected]);
        assert!(matches!(error, Error::Architecture { .. }));
    }
    spoiled_gguf(
        remove("general.architecture"),
        &["architecture ``; supported: llama"],
    );
    let other = |folder: &Path| {
        tiny::replace(&folder.join("config.json"), "\"llama\"", "\"mistral\"");
    };
    let error = spoiled(
        "",
        other,
        &["config.json: model type `mistral`; supported: llama"],
    );
    assert!(matches!(error, Error::Architecture { .. }));
}

#[test]
fn metadata_that_is_missing_or_malformed() {
    for key in [
        "llama.block_count",
        "llama.attention.head_count",
        "llama.attention.layer_norm_rms_epsilon",
        "tokenizer.ggml.tokens",
        "tokenizer.ggml.merges",
        "tokenizer.ggml.bos_token_id",
    ] {
        let error = spoiled_gguf(remove(key), &[&format!("metadata `{key}` is missing")]);
        assert!(matches!(error, Error::Parse { .. }));
    }
    let numbers = || Value::Array(vec![Value::U32(1), Value::U32(2)]);
    let cases = [
        ("llama.block_count", text("two"), "a whole number"),
        ("llama.embedding_length", Value::I32(-32), "a whole number"),
        ("llama.attention.head_count_kv", numbers(), "a whole number"),
        ("llama.rope.freq_base", Value::U32(500), "a real number"),
        ("general.architecture", Value::U32(1), "a text"),
        ("tokenizer.ggml.tokens", numbers(), "an array of texts"),
        (
            "tokenizer.ggml.token_type",
            text("3"),
            "an array of whole numbers",
        ),
        (
            "tokenizer.ggml.add_bos_token",
            Value::U32(1),
            "true or false",
        ),
    ];
    for (key, value, legal) in cases {
        let parts = [&format!("`{key}` is "), "legal: ", legal];
        let error = spoiled_gguf(set(key, value), &parts);
        assert!(matches!(error, Error::Config { .. }));
    }
    // A merge of tokens that are none.
    let merges = Value::Array(vec![text("no such")]);
    let error = spoiled_gguf(
        set("tokenizer.ggml.merges", merges),
        &["not a valid tokenizer"],
    );
    assert!(matches!(error, Error::Parse { .. }));
}

#[test]
fn illegal_sizes() {
    let cases = [
        ("llama.block_count", Value::U32(0), "1 to 16777216"),
        ("llama.attention.head_count", Value::U32(0), "1 to 16777216"),
        (
            "llama.attention.head_count_kv",
            Value::U32(3),
            "a divisor of the number of heads, 4",
        ),
        (
            "llama.attention.key_length",
            Value::U32(7),
            "an even number",
        ),
        (
            "llama.rope.dimension_count",
            Value::U32(4),
            "the head dimension, 8",
        ),
        (
            "llama.attention.layer_norm_rms_epsilon",
            Value::F32(f32::NAN),
            "0 to 1",
        ),
        ("llama.rope.freq_base", Value::F32(0.0), "at least 1"),
        ("llama.rope.scaling.type", text("yarn"), "`none`"),
    ];
    for (key, value, legal) in cases {
        let error = spoiled_gguf(set(key, value), &["legal: ", legal]);
        assert!(matches!(error, Error::Config { .. }));
    }
}

const QUERY: &str = "blk.1.attn_q.weight";

#[test]
fn bad_weights() {
    let error = spoiled_gguf(
        |(_, tensors)| drop(tensors.remove(QUERY)),
        &[QUERY, "is missing"],
    );
    assert!(matches!(error, Error::MissingTensor { .. }));
    let put = |name: &'static str, value: f32, shape: &'static [usize]| {
        move |(_, tensors): &mut Gguf| {
            tensors.insert(name.into(), tiny::constant(value, shape));
        }
    };
    let error = spoiled_gguf(
        put(QUERY, 0.5, &[16, 64]),
        &[QUERY, "has shape [16, 64]", "legal: [32, 32]"],
    );
    assert!(matches!(error, Error::Shape { .. }));
    spoiled_gguf(
        put("token_embd.weight", 0.5, &[269, 16]),
        &["has shape [269, 16]", "legal: [269, 32]"],
    );
    spoiled_gguf(
        put("token_embd.weight", 0.5, &[269]),
        &["has shape [269]", "legal: [vocabulary, width]"],
    );
    for value in [f32::NAN, f32::INFINITY] {
        let error = spoiled_gguf(
            put(QUERY, value, &[32, 32]),
            &[QUERY, "at element 0", "finite"],
        );
        assert!(matches!(error, Error::NotFinite { .. }));
    }
    // Biases and scaled frequencies make another model.
    for name in ["blk.0.attn_q.bias", "rope_freqs.weight"] {
        let error = spoiled_gguf(
            put(name, 0.5, &[4]),
            &[
                &format!("`{name}` is no part of this model"),
                "blk.{i}",
                "i below 2",
            ],
        );
        assert!(matches!(error, Error::UnknownTensor { .. }));
    }
    let bias = |folder: &Path| {
        tiny::edit(&folder.join("model.safetensors"), |tensors| {
            let extra = tensors["model.norm.weight"].clone();
            tensors.insert("model.layers.0.self_attn.q_proj.bias".into(), extra);
        });
    };
    spoiled(
        "",
        bias,
        &["q_proj.bias` is no part", "lm_head.weight", "i below 2"],
    );
}

#[test]
fn derived_and_repeated_weights_are_no_others() {
    let copy = tiny::copy_of(&tiny::llama_folder());
    tiny::edit(&copy.path().join("model.safetensors"), |tensors| {
        let extra = tensors["model.norm.weight"].clone();
        tensors.insert("model.layers.0.self_attn.rotary_emb.inv_freq".into(), extra);
    });
    Decoder::load(copy.path()).unwrap();
    let (from, to) = (
        "\"tie_word_embeddings\": false",
        "\"tie_word_embeddings\": true",
    );
    tiny::replace(&copy.path().join("config.json"), from, to);
    assert!(Decoder::load(copy.path()).unwrap().model.config().tied);
}

#[test]
fn illegal_configurations() {
    let cases = [
        ("\"silu\"", "\"gelu\"", "`hidden_act` is `gelu`"),
        (
            "\"attention_bias\": false",
            "\"attention_bias\": true",
            "`attention_bias` is true",
        ),
        (
            "\"head_dim\": 6",
            "\"head_dim\": 7",
            "`head_dim` is 7; legal: an even number",
        ),
        (
            "\"num_key_value_heads\": 2",
            "\"num_key_value_heads\": 3",
            "divisor of the number of heads, 4",
        ),
        (
            "\"num_attention_heads\": 4",
            "\"num_attention_heads\": 0",
            "`num_attention_heads` is 0",
        ),
        (
            "\"rope_scaling\": null",
            "\"rope_scaling\": {\"type\": \"linear\"}",
            "`rope_scaling` is `linear`",
        ),
        (
            "\"rope_theta\": 1000.0",
            "\"rope_theta\": -1",
            "`rope_theta` is -1",
        ),
        (
            "\"rms_norm_eps\": 1e-05",
            "\"rms_norm_eps\": 2",
            "`rms_norm_eps` is 2",
        ),
    ];
    for (from, to, expected) in cases {
        let replace = |folder: &Path| tiny::replace(&folder.join("config.json"), from, to);
        let error = spoiled("", replace, &["config.json: ", expected, "legal: "]);
        assert!(matches!(error, Error::Config { .. }));
    }
    // Newer checkpoints write it so.
    let copy = tiny::copy_of(&tiny::llama_folder());
    let file = copy.path().join("config.json");
    let newer = "\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 1000.0}";
    tiny::replace(&file, "\"rope_theta\": 1000.0", newer);
    assert_eq!(LlamaConfig::load(&file).unwrap().rope_base, 1000.0);
}

#[test]
fn tokenizers_of_other_models() {
    let change = |(_, tensors): &mut Gguf| {
        tensors.insert("token_embd.weight".into(), tiny::constant(0.5, &[100, 32]));
    };
    let error = spoiled_gguf(change, &["269 tokens", "vocabulary, 100"]);
    assert!(matches!(error, Error::Vocabulary { .. }));
}

#[test]
fn ids_texts_and_queries_that_the_model_cannot_read() {
    let decoder = Decoder::load(&tiny::gguf()).unwrap();
    let run = |texts: &[&[u32]]| decoder.model.hidden_states(texts, &mut FloatAttention);
    says(run(&[]), &["the batch", "at least one text"]);
    says(run(&[&[]]), &["the text has 0 tokens", "1 to 64"]);
    says(run(&[&[1; 65]]), &["the text has 65 tokens", "1 to 64"]);
    says(run(&[&[1], &[269]]), &["token id 269", "0 to 268"]);
    assert!(run(&[&[1; 64]]).is_ok());
    for queries in [0, 4] {
        let recorded = record_decoder(&decoder.model, &[1, 2, 3], queries, Metadata::default());
        says(recorded, &[&format!("{queries} queries"), "1 to 3"]);
    }
    let error = says(decoder.tokenizer.encode(""), &["the text is empty"]);
    assert!(matches!(error, Error::EmptyText { .. }));
}
