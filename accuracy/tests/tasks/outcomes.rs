//! Tiny models on the files beside this one, against programs in float64 (data/make_outcomes.py).

use crate::support::{assert_near, data, float, json, numbers, run, tiny_bert, tiny_llama};
use logattn_accuracy::evaluation::{Evaluated, EvaluationOptions, Model, Outcome, evaluate};
use logattn_accuracy::tasks::{Task, TaskData};
use serde_json::Value;
use std::sync::Mutex;

/// Two windows of 16 fit into a batch of 32 tokens.
fn options() -> EvaluationOptions {
    EvaluationOptions {
        window: Some(16),
        tokens_per_batch: 32,
        ..EvaluationOptions::default()
    }
}

fn outcomes(evaluated: &Evaluated) -> &[Outcome] {
    &evaluated.evaluations[0].outcomes
}

fn value(evaluated: &Evaluated, score: usize) -> f64 {
    evaluated.evaluations[0].scores[score].value
}

fn expected(outcomes: &Value, field: &str) -> f64 {
    outcomes[field].as_f64().unwrap()
}

fn answer_texts(evaluated: &Evaluated) -> Vec<&str> {
    let texts = outcomes(evaluated).iter().map(|outcome| match outcome {
        Outcome::Answer { text, .. } => text.as_str(),
        other => panic!("{other:?}"),
    });
    texts.collect()
}

#[test]
fn answers() {
    let all = json("outcomes.json");
    let file = data("questions.json");
    let found = run(Task::QuestionAnswering, &file, &tiny_bert(true), &options()).unwrap();
    assert_eq!((found.max_tokens, found.cut), (24, 0));
    assert_eq!(Value::from(answer_texts(&found)), all["answers"]);
    assert_near(value(&found, 0), expected(&all, "exact_match"), 1e-9);
    assert_near(value(&found, 1), expected(&all, "f1"), 1e-9);
}

#[test]
fn answers_of_long_passages() {
    let options = EvaluationOptions {
        max_tokens: Some(14),
        stride: 2,
        ..options()
    };
    let file = data("questions.json");
    let found = run(Task::QuestionAnswering, &file, &tiny_bert(true), &options).unwrap();
    assert_eq!((found.max_tokens, found.cut), (14, 0));
    let expected = &json("outcomes.json")["answers_in_windows"];
    assert_eq!(Value::from(answer_texts(&found)), *expected);
}

#[test]
fn classes() {
    let all = json("outcomes.json");
    let file = data("sentences.tsv");
    let found = run(Task::Classification, &file, &tiny_bert(true), &options()).unwrap();
    let classes = outcomes(&found).iter().map(|outcome| match outcome {
        Outcome::Class { found, .. } => *found as f64,
        other => panic!("{other:?}"),
    });
    assert_eq!(classes.collect::<Vec<_>>(), numbers(&all["classes"]));
    assert_near(value(&found, 0), expected(&all, "accuracy"), 1e-9);
}

#[test]
fn similarities() {
    let all = json("outcomes.json");
    let file = data("pairs.csv");
    let found = run(Task::Similarity, &file, &tiny_bert(false), &options()).unwrap();
    let cosines = outcomes(&found).iter().map(|outcome| match outcome {
        Outcome::Similarity { cosine, .. } => *cosine,
        other => panic!("{other:?}"),
    });
    for (cosine, expected) in cosines.zip(numbers(&all["cosines"])) {
        assert_near(cosine, expected, 1e-6);
    }
    assert_near(value(&found, 0), expected(&all, "spearman"), 1e-9);
}

#[test]
fn predictions() {
    let all = json("outcomes.json");
    let model = tiny_llama();
    for (skip, key) in [(vec![], "whole"), (vec!["<unk>".to_string()], "skipped")] {
        let text = TaskData::load(Task::Perplexity, &data("prose.txt"), &skip).unwrap();
        let found = evaluate(&text, &model, &[float(&model)], &options(), &|_, _| ()).unwrap();
        let logs = numbers(&all[key]["negative_logs"]);
        assert_eq!(outcomes(&found).len(), logs.len());
        for (outcome, expected) in outcomes(&found).iter().zip(&logs) {
            let Outcome::Prediction(prediction) = outcome else {
                panic!("{outcome:?}");
            };
            assert_eq!(prediction.tokens, 15);
            assert_near(prediction.negative_log, *expected, 1e-3);
        }
        let perplexity = expected(&all[key], "perplexity");
        assert_near(value(&found, 0) / perplexity, 1.0, 1e-5);
    }
}

/// Every task, its file and its model.
fn all_tasks() -> [(Task, &'static str, Model); 4] {
    [
        (Task::QuestionAnswering, "questions.json", tiny_bert(true)),
        (Task::Classification, "sentences.tsv", tiny_bert(true)),
        (Task::Similarity, "pairs.csv", tiny_bert(false)),
        (Task::Perplexity, "prose.txt", tiny_llama()),
    ]
}

#[test]
fn threads_and_batches_change_nothing() {
    for (task, file, model) in all_tasks() {
        let result = |threads, tokens_per_batch| {
            let options = EvaluationOptions {
                tokens_per_batch,
                ..options()
            };
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let run = || run(task, &data(file), &model, &options).unwrap();
            pool.unwrap().install(run).evaluations.remove(0)
        };
        let alone = result(1, 40);
        let together = result(4, 40);
        assert_eq!(alone.outcomes, together.outcomes, "{task:?}");
        assert_eq!(alone.scores, together.scores, "{task:?}");
        assert_eq!(alone.counts, together.counts, "{task:?}");
        // Another batch is another order of additions.
        for tokens in [1, 1000] {
            let other = result(2, tokens);
            assert_eq!(alone.outcomes.len(), other.outcomes.len());
            for (a, b) in alone.scores.iter().zip(&other.scores) {
                assert_near(b.value / a.value, 1.0, 1e-6);
            }
        }
    }
}

#[test]
fn the_limit_takes_the_first_items_and_several_attentions_share_a_run() {
    for (task, file, model) in all_tasks() {
        let whole = run(task, &data(file), &model, &options()).unwrap();
        let limited = EvaluationOptions {
            limit: Some(3),
            ..options()
        };
        let items = TaskData::load(task, &data(file), &[]).unwrap();
        let attentions = [float(&model), float(&model)];
        let calls = Mutex::new(Vec::new());
        let progress = |done, all| calls.lock().unwrap().push((done, all));
        let first = evaluate(&items, &model, &attentions, &limited, &progress).unwrap();
        let [one, other] = &first.evaluations[..] else {
            panic!("two evaluations");
        };
        assert_eq!(one.name, "float");
        assert_eq!(one.outcomes, other.outcomes);
        assert_eq!(one.outcomes.len(), 3);
        for (one, other) in one.scores.iter().zip(&other.scores) {
            assert_eq!(one.loss, None);
            assert_eq!(one.value, other.value);
        }
        // Exact but for what another batch does to the last bits.
        for (a, b) in one.outcomes.iter().zip(outcomes(&whole)) {
            assert_eq!(format!("{a:.3?}"), format!("{b:.3?}"));
        }
        let texts = if task == Task::Similarity { 6 } else { 3 };
        let calls = calls.into_inner().unwrap();
        assert_eq!(calls[0], (0, texts));
        assert!(calls.contains(&(texts, texts)), "{calls:?}");
    }
}

#[test]
fn long_texts_are_cut_and_counted() {
    let file = data("sentences.tsv");
    let options = EvaluationOptions {
        max_tokens: Some(6),
        ..options()
    };
    let found = run(Task::Classification, &file, &tiny_bert(true), &options).unwrap();
    // Of the seven sentences, `what ?` and `a boat` have less than five tokens.
    assert_eq!((found.max_tokens, found.cut), (6, 5));
}
