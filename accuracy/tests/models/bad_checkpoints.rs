//! Bad checkpoints of the kinds that `transformers` saves: heads, shards, other formats, RoBERTa.

use crate::bad_input::says;
use crate::tiny;
use crate::transformers::folder;
use logattn_accuracy::{Batch, Bert, Error, Llama, TextEncoder};
use std::path::Path;

/// Loading a copy of a checkpoint after `spoil` was done to its folder.
fn spoiled(name: &str, spoil: impl FnOnce(&Path), parts: &[&str]) -> Error {
    let copy = tiny::copy_of(&folder(name));
    spoil(copy.path());
    says(Bert::load(copy.path()), parts)
}

/// Changes the shape of a tensor.
fn reshape(file: &str, tensor: &str, shape: Vec<usize>) -> impl FnOnce(&Path) {
    move |folder| {
        tiny::edit(&folder.join(file), |tensors| {
            tensors.get_mut(tensor).unwrap().shape = shape;
        });
    }
}

#[test]
fn heads_of_another_shape() {
    const FILE: &str = "model.safetensors";
    for (name, tensor, shape, legal) in [
        ("bert_qa", "qa_outputs.weight", [4, 8], "[2, 16]"),
        (
            "bert_classifier",
            "classifier.weight",
            [6, 8],
            "[outputs, 16]",
        ),
        (
            "bert_classifier",
            "bert.pooler.dense.weight",
            [8, 32],
            "[16, 16]",
        ),
        (
            "roberta_classifier",
            "classifier.dense.weight",
            [8, 32],
            "[16, 16]",
        ),
        (
            "roberta_classifier",
            "classifier.out_proj.weight",
            [2, 8],
            "[outputs, 16]",
        ),
    ] {
        let found = format!("{FILE}: tensor `{tensor}` has shape {shape:?}; legal: {legal}");
        let error = spoiled(name, reshape(FILE, tensor, shape.into()), &[&found]);
        assert!(matches!(error, Error::Shape { .. }));
    }
    let remove = |folder: &Path| {
        tiny::edit(&folder.join(FILE), |t| drop(t.remove("qa_outputs.bias")));
    };
    spoiled("bert_qa", remove, &["tensor `qa_outputs.bias` is missing"]);
}

#[test]
fn weights_in_other_formats() {
    for other in ["pytorch_model.bin", "tf_model.h5"] {
        let rename = |folder: &Path| {
            std::fs::rename(folder.join("model.safetensors"), folder.join(other)).unwrap();
        };
        let parts = [
            &format!("format of the weights `{other}`"),
            "supported: model.safetensors",
        ];
        let error = spoiled("bert_qa", rename, &parts);
        assert!(matches!(error, Error::Architecture { .. }));
    }
}

#[test]
fn spoiled_shards() {
    const INDEX: &str = "model.safetensors.index.json";
    const SHARD: &str = "model-00002-of-00002.safetensors";
    let remove = |folder: &Path| std::fs::remove_file(folder.join(SHARD)).unwrap();
    let error = spoiled("roberta_qa", remove, &[SHARD, "cannot read"]);
    assert!(matches!(error, Error::Read { .. }));

    let empty = |folder: &Path| std::fs::write(folder.join(INDEX), "{}").unwrap();
    let error = spoiled(
        "roberta_qa",
        empty,
        &[INDEX, "index of shards", "weight_map"],
    );
    assert!(matches!(error, Error::Parse { .. }));

    let forget = |folder: &Path| {
        tiny::edit(&folder.join(SHARD), |t| drop(t.remove("qa_outputs.bias")));
    };
    spoiled(
        "roberta_qa",
        forget,
        &[INDEX, "`qa_outputs.bias` is missing"],
    );

    let poison = |folder: &Path| {
        tiny::edit(&folder.join(SHARD), |tensors| {
            let bias = tensors.get_mut("qa_outputs.bias").unwrap();
            bias.bytes[4..8].copy_from_slice(&f32::INFINITY.to_le_bytes());
        });
    };
    let parts = [SHARD, "`qa_outputs.bias` holds inf at element 1"];
    let error = spoiled("roberta_qa", poison, &parts);
    assert!(matches!(error, Error::NotFinite { .. }));

    let copy = tiny::copy_of(&folder("llama_grouped"));
    std::fs::remove_file(copy.path().join(SHARD)).unwrap();
    says(Llama::load_folder(copy.path()), &[SHARD, "cannot read"]);
}

#[test]
fn texts_that_are_too_long_for_roberta() {
    // 42 position embeddings, of which the first two are of padding and before it.
    let model = Bert::load(&folder("roberta_qa")).unwrap();
    let batch = |length: usize| Batch::new(model.config(), &[(&vec![5; length], &vec![0; length])]);
    assert!(batch(40).is_ok());
    says(batch(41), &["the text has 41 tokens", "1 to 40"]);
    says(
        Batch::new(model.config(), &[(&[5, 6], &[0, 1])]),
        &["segment 1", "0 to 0"],
    );
    let encoder = TextEncoder::load(&folder("roberta_qa"), model.config()).unwrap();
    says(encoder.encode(None, "boat", 41), &["41 tokens", "1 to 40"]);
    let positions = |folder: &Path| {
        let config = folder.join("config.json");
        tiny::replace(&config, "embeddings\": 42", "embeddings\": 2");
    };
    let parts = ["`max_position_embeddings` is 2", "at least 3"];
    spoiled("roberta_qa", positions, &parts);
}

#[test]
fn decoders_are_no_encoders() {
    let error = says(
        Bert::load(&folder("llama_tied")),
        &[
            "config.json: model type `llama`",
            "supported: bert, roberta",
        ],
    );
    assert!(matches!(error, Error::Architecture { .. }));
    let parts = ["model type `roberta`", "supported: llama"];
    says(Llama::load_folder(&folder("roberta_qa")), &parts);
}

#[test]
fn tokenizers_of_other_models() {
    let copy = tiny::copy_of(&folder("roberta_qa"));
    let model = Bert::load(copy.path()).unwrap();
    let file = copy.path().join("tokenizer.json");
    tiny::replace(&file, "\"The\": 71", "\"The\": 71, \"more\": 72");
    says(
        TextEncoder::load(copy.path(), model.config()),
        &["tokenizer.json: 73 tokens", "vocabulary, 72"],
    );
}
