//! Bad checkpoints, adapters and texts: one clear error each.

use crate::tiny;
use logattn_accuracy::{Adapter, Batch, Bert, BertConfig, Error, Result, TextEncoder};
use std::path::Path;

/// The message of an error, checked to say everything in `parts`.
pub fn says<T>(result: Result<T>, parts: &[&str]) -> Error {
    let Err(error) = result else {
        panic!("no error, though it should say {parts:?}");
    };
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "`{message}` does not say `{part}`");
    }
    error
}

fn config() -> BertConfig {
    BertConfig::load(&tiny::folder().join("config.json")).unwrap()
}

/// Loading a copy of the checkpoint after `spoil` was done to its folder.
fn spoiled(spoil: impl FnOnce(&Path), parts: &[&str]) -> Error {
    let copy = tiny::copy();
    spoil(copy.path());
    says(Bert::load(copy.path()), parts)
}

fn spoiled_config(from: &str, to: &str, parts: &[&str]) -> Error {
    let parts = [parts, &["config.json: "]].concat();
    spoiled(
        |folder| tiny::replace(&folder.join("config.json"), from, to),
        &parts,
    )
}

#[test]
fn missing_files() {
    for file in ["config.json", "model.safetensors"] {
        let remove = |folder: &Path| std::fs::remove_file(folder.join(file)).unwrap();
        assert!(matches!(
            spoiled(remove, &[file, "cannot read"]),
            Error::Read { .. }
        ));
    }
    let copy = tiny::copy();
    std::fs::remove_file(copy.path().join("tokenizer.json")).unwrap();
    says(
        TextEncoder::load(copy.path(), &config()),
        &["tokenizer.json: cannot read"],
    );
    says(
        Adapter::load(&copy.path().join("absent")),
        &["absent: cannot read"],
    );
}

#[test]
fn malformed_files() {
    for (file, what) in [
        ("config.json", "configuration of a model"),
        ("model.safetensors", "safetensors file"),
    ] {
        let spoil = |folder: &Path| std::fs::write(folder.join(file), "{ not this").unwrap();
        let error = spoiled(spoil, &[file, what]);
        assert!(matches!(error, Error::Parse { .. }));
    }
    let cut = |folder: &Path| {
        let file = folder.join("model.safetensors");
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    };
    spoiled(cut, &["model.safetensors: not a valid safetensors file"]);
    let copy = tiny::copy();
    std::fs::write(copy.path().join("tokenizer.json"), "{}").unwrap();
    says(
        TextEncoder::load(copy.path(), &config()),
        &["tokenizer.json: not a valid tokenizer"],
    );
}

#[test]
fn other_architectures() {
    let error = spoiled_config("\"bert\"", "\"t5\"", &["`t5`", "supported: bert, roberta"]);
    assert!(matches!(error, Error::Architecture { .. }));
    spoiled_config("model_type", "kind", &["model type ``", "supported: bert"]);
}

#[test]
fn illegal_configurations() {
    let cases = [
        (
            "\"num_attention_heads\": 3",
            "\"num_attention_heads\": 5",
            "`num_attention_heads` is 5",
            "divisor of `hidden_size`, 12",
        ),
        (
            "\"num_hidden_layers\": 2",
            "\"num_hidden_layers\": 0",
            "`num_hidden_layers` is 0",
            "1 to",
        ),
        (
            "\"layer_norm_eps\": 1e-12",
            "\"layer_norm_eps\": -1",
            "`layer_norm_eps` is -1",
            "0 to 1",
        ),
        ("\"gelu\"", "\"relu\"", "`hidden_act` is `relu`", "`gelu`"),
        (
            "\"pad_token_id\"",
            "\"position_embedding_type\": \"relative_key\", \"pad_token_id\"",
            "`relative_key`",
            "`absolute`",
        ),
    ];
    for (from, to, found, legal) in cases {
        let error = spoiled_config(from, to, &[found, legal]);
        assert!(matches!(error, Error::Config { .. }));
    }
    let error = spoiled_config(
        "\"pad_token_id\": 0",
        "\"pad_token_id\": 22",
        &["is 22", "0 to 21"],
    );
    assert!(matches!(error, Error::Config { .. }));
    spoiled_config("\"hidden_size\": 12,", "", &["missing field `hidden_size`"]);
}

/// Changes a tensor of a file of the folder.
fn change(file: &str, tensor: &str, edit: impl FnOnce(&mut tiny::Array)) -> impl FnOnce(&Path) {
    move |folder| {
        tiny::edit(&folder.join(file), |tensors| {
            edit(tensors.get_mut(tensor).unwrap())
        });
    }
}

const QUERY: &str = "encoder.layer.1.attention.self.query.weight";

#[test]
fn bad_weights() {
    let remove = |folder: &Path| {
        tiny::edit(&folder.join("model.safetensors"), |t| drop(t.remove(QUERY)));
    };
    let error = spoiled(remove, &[QUERY, "is missing"]);
    assert!(matches!(error, Error::MissingTensor { .. }));

    let reshape = change("model.safetensors", QUERY, |t| t.shape = vec![6, 24]);
    let error = spoiled(reshape, &[QUERY, "has shape [6, 24]", "legal: [12, 12]"]);
    assert!(matches!(error, Error::Shape { .. }));

    let poison = change("model.safetensors", QUERY, |t| {
        t.bytes[20..24].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    let error = spoiled(poison, &[QUERY, "NaN at element 5", "finite"]);
    assert!(matches!(error, Error::NotFinite { .. }));

    let retype = change("model.safetensors", QUERY, |t| {
        t.dtype = safetensors::Dtype::F64;
        t.shape = vec![72];
    });
    let error = spoiled(retype, &[QUERY, "has type F64", "F32, F16 or BF16"]);
    assert!(matches!(error, Error::Type { .. }));
}

/// Applying a copy of the adapter after its tensors were changed.
fn spoiled_adapter(spoil: impl FnOnce(&Path), parts: &[&str]) -> Error {
    let copy = tiny::copy();
    spoil(copy.path());
    let model = Bert::load(copy.path()).unwrap();
    let adapter = Adapter::load(&copy.path().join("adapter.safetensors")).unwrap();
    says(
        model.adapt(adapter),
        &[parts, &["adapter.safetensors: "]].concat(),
    )
}

#[test]
fn bad_adapters() {
    const FILE: &str = "adapter.safetensors";
    let shape =
        |tensor: &'static str, shape: Vec<usize>| change(FILE, tensor, move |t| t.shape = shape);
    spoiled_adapter(
        shape("layers.1.f2.a", vec![20, 3]),
        &["`layers.1.f2.a` has shape [20, 3]", "[rank, 20]"],
    );
    spoiled_adapter(
        shape("layers.0.q.b", vec![3, 12]),
        &["`layers.0.q.b` has shape [3, 12]", "legal: [12, 3]"],
    );
    spoiled_adapter(
        shape("head.weight", vec![12, 2]),
        &["`head.weight` has shape [12, 2]", "[outputs, 12]"],
    );
    spoiled_adapter(
        shape("ln.bias", vec![3, 4]),
        &["`ln.bias` has shape [3, 4]", "legal: [12]"],
    );
    let remove = |folder: &Path| {
        tiny::edit(&folder.join(FILE), |t| {
            drop(t.remove("layers.0.ln1.weight"))
        });
    };
    spoiled_adapter(remove, &["`layers.0.ln1.weight` is missing"]);
    let more = |folder: &Path| {
        tiny::edit(&folder.join(FILE), |t| {
            let extra = t["ln.bias"].clone();
            t.insert("layers.2.ln1.bias".into(), extra);
        });
    };
    let error = spoiled_adapter(more, &["`layers.2.ln1.bias` is no part", "i below 2"]);
    assert!(matches!(error, Error::UnknownTensor { .. }));
}

#[test]
fn tokenizers_of_other_models() {
    let copy = tiny::copy();
    let file = copy.path().join("tokenizer.json");
    tiny::replace(&file, "\"##ly\": 21", "\"##ly\": 21, \"more\": 22");
    let parts = ["tokenizer.json: 23 tokens", "vocabulary, 22"];
    let error = says(TextEncoder::load(copy.path(), &config()), &parts);
    assert!(matches!(error, Error::Vocabulary { .. }));
}

#[test]
fn bad_texts() {
    let encoder = TextEncoder::load(&tiny::folder(), &config()).unwrap();
    says(encoder.encode(None, " \n", 24), &["the text is empty"]);
    says(
        encoder.encode(Some(""), "boat", 24),
        &["the question is empty"],
    );
    for limit in [0, 25] {
        let parts = [&format!("{limit} tokens"), "1 to 24"];
        says(encoder.encode(None, "boat", limit), &parts);
    }
    // [CLS] and [SEP] of control characters, which the tokenizer drops.
    says(
        encoder.encode(None, "\u{1}\u{2}", 24),
        &["the text is empty"],
    );
    // The question has 11 tokens and there are 3 special ones, so that 15 leave room for one.
    let question = "What lifts the boat, the water and the lock?";
    for limit in [1, 2, 3, 13, 14] {
        let parts = [&format!("the limit has {limit} tokens"), "15 to 24"];
        says(encoder.encode(Some(question), "A lock.", limit), &parts);
    }
    assert!(encoder.encode(Some(question), "A lock.", 15).is_ok());
    says(encoder.encode(None, "A lock.", 2), &["3 to 24"]);
}

#[test]
fn long_texts_are_cut_and_counted() {
    let encoder = TextEncoder::load(&tiny::folder(), &config()).unwrap();
    let text = encoder
        .encode(Some("What rises?"), "The boat and the water.", 9)
        .unwrap();
    // [CLS] what rises ? [SEP] the boat and [SEP]
    assert_eq!(text.ids, [2, 4, 15, 17, 3, 6, 7, 13, 3]);
    assert_eq!(text.cut, 3);
    let spans = [
        None,
        None,
        None,
        None,
        None,
        Some((0, 3)),
        Some((4, 8)),
        Some((9, 12)),
        None,
    ];
    assert_eq!(text.spans, spans);
    let text = encoder.encode(None, "Boat boat boat", 4).unwrap();
    assert_eq!((text.ids, text.cut), (vec![2, 7, 7, 3], 1));
}

#[test]
fn ids_and_lengths_that_the_model_cannot_read() {
    let config = config();
    let batch = |ids: &[u32], types: &[u32]| Batch::new(&config, &[(ids, types)]);
    says(batch(&[2, 22], &[0, 0]), &["token id 22", "0 to 21"]);
    says(batch(&[2, 3], &[0, 2]), &["segment 2", "0 to 1"]);
    says(batch(&[], &[]), &["0 tokens", "1 to 24"]);
    says(batch(&[2; 25], &[0; 25]), &["25 tokens", "1 to 24"]);
    says(
        batch(&[2, 3], &[0]),
        &["2 tokens", "1, as many as it has segments"],
    );
    says(Batch::new(&config, &[]), &["the batch"]);
}
