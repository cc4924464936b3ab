//! MiniLM on real questions and sentences. Skipped, saying so, where model or data are absent.

use crate::support::{models_folder, present, run, shared};
use logattn_accuracy::evaluation::{EvaluationOptions, Model};
use logattn_accuracy::tasks::Task;
use std::path::Path;

fn score(task: Task, adapter: &str, data: &str, limit: usize) -> Option<f64> {
    let folder = present(models_folder().join("all-MiniLM-L6-v2"))?;
    let adapter = Path::new(env!("CARGO_MANIFEST_DIR")).join(adapter);
    let data = shared(data)?;
    let model = Model::load(&folder, Some(&adapter)).unwrap();
    let options = EvaluationOptions {
        limit: Some(limit),
        ..EvaluationOptions::default()
    };
    let found = run(task, &data, &model, &options).unwrap();
    let evaluation = &found.evaluations[0];
    assert_eq!(evaluation.outcomes.len(), limit);
    for score in &evaluation.scores {
        let interval = score.interval.unwrap();
        assert!(interval.low <= score.value && score.value <= interval.high);
        eprintln!("{}: {:.2} {interval:?}", score.metric.name(), score.value);
    }
    Some(evaluation.scores[0].value)
}

#[test]
fn minilm_answers_questions() {
    let task = Task::QuestionAnswering;
    let (adapter, data) = ("adapters/qa.safetensors", "data/xquad.en.json");
    // 56.55 % of all 1,190 are right.
    if let Some(exact) = score(task, adapter, data, 20) {
        assert!(exact >= 35.0, "{exact}");
    }
}

#[test]
fn minilm_classifies_sentences() {
    let task = Task::Classification;
    let (adapter, data) = ("adapters/sst2.safetensors", "data/sst2-dev.tsv");
    // 89.79 % of all 872 are right.
    if let Some(accuracy) = score(task, adapter, data, 40) {
        assert!(accuracy >= 80.0, "{accuracy}");
    }
}
