//! all-MiniLM-L6-v2 with the question-answering adapter on the text of the demo capture. Skipped,
//! saying so, where the model is absent.

use logattn_accuracy::record::record;
use logattn_accuracy::{Adapter, Bert, TextEncoder};
use logattn_captures::{Capture, Metadata};
use std::path::{Path, PathBuf};

/// Most tokens of question and passage, as in the adapter's evaluation.
const MAX_TOKENS: usize = 384;

/// A file or folder, if it is there.
pub fn present(path: PathBuf) -> Option<PathBuf> {
    let there = path.exists();
    if !there {
        eprintln!("skipped: {} is absent", path.display());
    }
    there.then_some(path)
}

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folder of the models: that of the environment variable LOGATTN_MODELS, or where
/// scripts/fetch-models puts them.
pub fn models_folder() -> PathBuf {
    std::env::var_os("LOGATTN_MODELS").map_or_else(|| root().join(".tools/models"), PathBuf::from)
}

/// MiniLM with the adapter, and its tokenizer.
fn adapted_minilm() -> Option<(Bert, TextEncoder)> {
    let folder = present(models_folder().join("all-MiniLM-L6-v2"))?;
    let adapter = root().join("accuracy/adapters/qa.safetensors");
    let model = Bert::load(&folder).unwrap();
    let model = model.adapt(Adapter::load(&adapter).unwrap()).unwrap();
    let encoder = TextEncoder::load(&folder, model.config()).unwrap();
    Some((model, encoder))
}

#[test]
fn the_demo_capture_is_of_this_model_and_its_int8_hardly_changes_the_attention() {
    let Some((model, encoder)) = adapted_minilm() else {
        return;
    };
    let demo = Capture::demo();
    let (question, passage) = demo
        .metadata()
        .text
        .as_ref()
        .unwrap()
        .split_once('\n')
        .unwrap();
    let text = encoder.encode(Some(question), passage, MAX_TOKENS).unwrap();
    let recording = record(&model, &text, Metadata::default()).unwrap();
    let (start, end) = recording.answer.unwrap();
    assert_eq!(&passage[start..end], "Leonardo da Vinci");
    let heads = demo.iter().zip(recording.capture.iter());
    let means = heads.map(|(int8, float)| {
        let difference = int8.probabilities() - float.probabilities();
        difference.mapv(|d| f64::from(d.abs())).mean().unwrap()
    });
    // A mean attention value is 1 / 245 = 4e-3; int8 shall move it by less than 3 %.
    let mean = means.sum::<f64>() / 72.0;
    assert!(mean < 1.2e-4, "{mean}");
}
