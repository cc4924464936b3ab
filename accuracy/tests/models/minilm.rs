//! all-MiniLM-L6-v2 with the question-answering adapter on real questions. Skipped, saying so,
//! where model, adapter or questions are absent.

use logattn_accuracy::question::{answer, normalized_answer};
use logattn_accuracy::record::record;
use logattn_accuracy::{Adapter, Bert, FloatAttention, TextEncoder};
use logattn_captures::{Capture, Metadata};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Most tokens of question and passage, as in the adapter's evaluation.
const MAX_TOKENS: usize = 384;

#[derive(Deserialize)]
struct Squad {
    data: Vec<Article>,
}

#[derive(Deserialize)]
struct Article {
    paragraphs: Vec<Paragraph>,
}

#[derive(Deserialize)]
struct Paragraph {
    context: String,
    qas: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    question: String,
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    text: String,
}

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

/// MiniLM with the adapter, its tokenizer, and the repository's root.
fn adapted_minilm() -> Option<(Bert, TextEncoder, PathBuf)> {
    let root = root();
    let folder = present(models_folder().join("all-MiniLM-L6-v2"))?;
    let adapter = present(root.join("../shared/models/qa_lora.safetensors"))?;
    let model = Bert::load(&folder).unwrap();
    let model = model.adapt(Adapter::load(&adapter).unwrap()).unwrap();
    let encoder = TextEncoder::load(&folder, model.config()).unwrap();
    Some((model, encoder, root))
}

#[test]
fn the_demo_capture_is_of_this_model_and_its_int8_hardly_changes_the_attention() {
    let Some((model, encoder, _)) = adapted_minilm() else {
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

#[test]
fn answers_questions_about_as_well_as_the_float_model_is_known_to() {
    let Some((model, encoder, root)) = adapted_minilm() else {
        return;
    };
    let Some(questions) = present(root.join("../shared/data/xquad.en.json")) else {
        return;
    };
    let squad: Squad = serde_json::from_slice(&std::fs::read(questions).unwrap()).unwrap();
    let paragraphs = squad.data.iter().flat_map(|article| &article.paragraphs);
    let pairs: Vec<_> = paragraphs
        .flat_map(|p| p.qas.iter().map(move |q| (&p.context, q)))
        .collect();
    assert_eq!(pairs.len(), 1190);

    let (mut exact, mut asked) = (0, 0);
    for (context, question) in pairs.iter().step_by(59) {
        let text = encoder
            .encode(Some(&question.question), context, MAX_TOKENS)
            .unwrap();
        let (start, end) = answer(&model, &text, &mut FloatAttention).unwrap().unwrap();
        let found = normalized_answer(&context[start..end]);
        let right = |a: &Answer| normalized_answer(&a.text) == found;
        exact += usize::from(question.answers.iter().any(right));
        asked += 1;
    }
    // Over all 1,190 questions the float model answers 56.55 % exactly.
    eprintln!("{exact} of {asked} answers are exact");
    assert!(
        exact * 10 >= asked * 4,
        "{exact} of {asked} answers are exact"
    );
}
