//! Data, options and models that cannot be used, and what is said of them.

use crate::support::{data, run, tiny_bert, tiny_llama};
use logattn_accuracy::evaluation::{EvaluationOptions, Model};
use logattn_accuracy::tasks::{Task, TaskData};
use std::fs;

/// The error of a file with these contents.
fn refused(task: Task, contents: impl AsRef<[u8]>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data");
    fs::write(&file, contents).unwrap();
    let error = TaskData::load(task, &file, &[]).unwrap_err().to_string();
    assert!(error.contains(&file.display().to_string()), "{error}");
    error
}

fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
}

/// A file of one question.
fn squad(from: &str, to: &str) -> String {
    let good = r#"{"data": [{"paragraphs": [{"context": "Ünder the boat.", "qas": [
        {"id": "q7", "question": "what?", "answers": [{"text": "boat", "answer_start": 10}]}]}]}]}"#;
    assert!(good.contains(from), "{from}");
    good.replace(from, to)
}

#[test]
fn questions() {
    let place = "data[0].paragraphs[0].qas[0]";
    for (from, to, parts) in [
        // Characters are counted, not bytes.
        (
            "10}",
            "11}",
            &[
                place,
                "`q7`",
                "answer_start is 11, where the context has no `boat`",
                "legal: 10",
            ][..],
        ),
        ("10}", "99}", &["answer_start is 99"]),
        (
            "\"boat\"",
            "\"ship\"",
            &["answer_start is 10", "no `ship`", "that the context has"],
        ),
        ("\"boat\"", "\" \"", &[place, "answers[].text is empty"]),
        ("\"what?\"", "\"\"", &[place, "question is empty"]),
        (
            "Ünder the boat.",
            " ",
            &["data[0].paragraphs[0]", "context is empty"],
        ),
        (
            "{\"text\": \"boat\", \"answer_start\": 10}",
            "",
            &[place, "answers is empty", "is_impossible"],
        ),
        (
            "10}",
            "-1}",
            &["qas[0].answers[0].answer_start", "-1", "line 2"],
        ),
        (
            "10}",
            "\"ten\"}",
            &["qas[0].answers[0].answer_start", "expected usize"],
        ),
        (
            "\"question\"",
            "\"asked\"",
            &[place, "missing field `question`"],
        ),
        (
            "[{\"paragraphs\"",
            "[{\"sections\"",
            &["data[0]", "missing field `paragraphs`"],
        ),
        (
            "10}]}]}]}]}",
            "10}]}]}]}]} x",
            &["SQuAD", "trailing characters"],
        ),
        ("10}]}]}]}]}", "10", &["SQuAD", "EOF"]),
    ] {
        assert_says(&refused(Task::QuestionAnswering, squad(from, to)), parts);
    }
    let empty = refused(Task::QuestionAnswering, r#"{"data": []}"#);
    assert_says(&empty, &["holds no questions with answers"]);
    assert_says(&refused(Task::QuestionAnswering, ""), &["SQuAD", "EOF"]);
}

#[test]
fn unanswerable_questions_are_left_out_and_counted() {
    let impossible = r#""id": "q7", "is_impossible": true"#;
    let none = refused(Task::QuestionAnswering, squad(r#""id": "q7""#, impossible));
    assert_says(&none, &["holds no questions with answers"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data");
    let more =
        r#"[{"id": "q6", "question": "x", "is_impossible": true, "answers": []}, {"id": "q7""#;
    fs::write(&file, squad("[\n        {\"id\": \"q7\"", more)).unwrap();
    let TaskData::Questions(found) = TaskData::load(Task::QuestionAnswering, &file, &[]).unwrap()
    else {
        panic!("questions");
    };
    assert_eq!((found.unanswerable, found.questions.len()), (1, 1));
    assert_eq!(found.questions[0].id, "q7");
}

#[test]
fn sentences() {
    let task = Task::Classification;
    for (contents, parts) in [
        ("", &["line 1", "header", "`sentence` and `label`"][..]),
        (
            "text\tlabel\nx\t1\n",
            &["line 1", "`text | label`", "`sentence` and `label`"],
        ),
        ("sentence\tlabel\n", &["holds no sentences"]),
        (
            "sentence\tlabel\nx\t1\ny\tgood\n",
            &["line 3", "label is `good`", "an integer from 0"],
        ),
        ("sentence\tlabel\nx\t-1\n", &["line 2", "label is `-1`"]),
        ("sentence\tlabel\n \t1\n", &["line 2", "sentence is empty"]),
        ("sentence\tlabel\nx\t1\nx y\n", &["line: 3", "1 field"]),
    ] {
        assert_says(&refused(task, contents), parts);
    }
    assert_says(
        &refused(task, b"sentence\tlabel\n\xff\t1\n"),
        &["invalid utf-8", "line 2"],
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("three.tsv");
    fs::write(&file, "sentence\tlabel\nwater\t1\na boat\t2\n").unwrap();
    let error = run(task, &file, &tiny_bert(true), &EvaluationOptions::default());
    assert_says(
        &error.unwrap_err().to_string(),
        &["three.tsv: line 3: label is 2; legal: 0 to 1, the classes of the model"],
    );
}

#[test]
fn pairs() {
    for (contents, parts) in [
        ("", &["holds no pairs"][..]),
        ("sentence1,sentence2,Score\n", &["holds no pairs"]),
        (
            "a,b,1\na,b,much\n",
            &["line 2", "score is `much`", "a finite number"],
        ),
        ("a,b,NaN\n", &["line 1", "score is `NaN`"]),
        ("a,b,inf\n", &["line 1", "score is `inf`"]),
        (
            "a,b\n",
            &["line 1", "2 fields", "sentence1,sentence2,score"],
        ),
        ("a, b, c,1\n", &["line 1", "4 fields"]),
        ("a,,1\n", &["line 1", "sentence2 is empty"]),
        // A header is the first line only.
        (
            "a,b,1\nsentence1,sentence2,score\n",
            &["line 2", "score is `score`"],
        ),
    ] {
        assert_says(&refused(Task::Similarity, contents), parts);
    }
}

#[test]
fn prose() {
    assert_says(&refused(Task::Perplexity, " \n\n"), &["holds no words"]);
    assert_says(&refused(Task::Perplexity, b"\xff"), &["text in UTF-8"]);
    let every_line = ["e".to_string()];
    let error = TaskData::load(Task::Perplexity, &data("prose.txt"), &every_line).err();
    // Two lines have no e.
    assert!(error.is_none());
    let absent = TaskData::load(Task::Perplexity, &data("absent.txt"), &[]).unwrap_err();
    assert_says(&absent.to_string(), &["absent.txt", "cannot read"]);
}

/// The error of a run.
fn fails(task: Task, file: &str, model: &Model, options: &EvaluationOptions) -> String {
    run(task, &data(file), model, options)
        .unwrap_err()
        .to_string()
}

#[test]
fn models_of_the_wrong_kind() {
    let usual = EvaluationOptions::default();
    let (bert, llama) = (tiny_bert(false), tiny_llama());
    for (task, file) in [
        (Task::QuestionAnswering, "questions.json"),
        (Task::Classification, "sentences.tsv"),
    ] {
        assert_says(
            &fails(task, file, &bert, &usual),
            &["tiny_bert", "no such head", task.name(), "an adapter"],
        );
        assert_says(
            &fails(task, file, &llama, &usual),
            &["tiny_llama", "a decoder", task.name(), "`perplexity`"],
        );
    }
    assert_says(
        &fails(Task::Perplexity, "prose.txt", &bert, &usual),
        &["an encoder", "a decoder (llama)", "`similarity`"],
    );
    let Model::Decoder(path, _) = llama else {
        panic!("a decoder");
    };
    let adapted = Model::load(&path, Some(&data("adapter.safetensors"))).unwrap_err();
    assert_says(&adapted.to_string(), &["adapter", "none", "is a decoder"]);
    let absent = Model::load(&data("absent.gguf"), None).unwrap_err();
    assert_says(&absent.to_string(), &["absent.gguf", "cannot read"]);
}

#[test]
fn options_out_of_range() {
    let usual = EvaluationOptions::default;
    let bert = tiny_bert(true);
    let with = |max_tokens| EvaluationOptions {
        max_tokens: Some(max_tokens),
        ..usual()
    };
    let sentences = "sentences.tsv";
    for max_tokens in [0, 25] {
        assert_says(
            &fails(Task::Classification, sentences, &bert, &with(max_tokens)),
            &["the limit of tokens", &max_tokens.to_string(), "1 to 24"],
        );
    }
    assert_says(
        &fails(Task::Classification, sentences, &bert, &with(2)),
        &["sentences.tsv: line 2:", "3 to 24"],
    );
    assert_says(
        &fails(Task::QuestionAnswering, "questions.json", &bert, &with(5)),
        &["questions.json: question `boat-0`:", "the question"],
    );
    for window in [1, 65] {
        let options = EvaluationOptions {
            window: Some(window),
            ..usual()
        };
        assert_says(
            &fails(Task::Perplexity, "prose.txt", &tiny_llama(), &options),
            &["the window", &window.to_string(), "2 to 64"],
        );
    }
    let none = EvaluationOptions {
        limit: Some(0),
        ..usual()
    };
    assert_says(
        &fails(Task::Similarity, "pairs.csv", &bert, &none),
        &["the limit of items is 0", "at least 1"],
    );
    let no_batch = EvaluationOptions {
        tokens_per_batch: 0,
        ..usual()
    };
    assert_says(
        &fails(Task::Similarity, "pairs.csv", &bert, &no_batch),
        &["tokens of a batch is 0"],
    );
}
