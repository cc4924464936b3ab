//! `accuracy`, with the tiny models and data of the library's tests.

use crate::support::{Place, assert_contains};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A file of the library's tests.
fn file(name: &str) -> String {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../accuracy/tests");
    let path = tests.join(name).canonicalize().expect("the file is there");
    path.to_str().expect("the path is text").into()
}

fn bert() -> String {
    file("data/tiny_bert")
}

fn llama() -> String {
    file("data/tiny_llama")
}

/// A file of data.
fn data(name: &str) -> String {
    file(&format!("tasks/data/{name}"))
}

/// The arguments of a task with float attention.
fn task(name: &str, model: &str, data: &str, more: &[&str]) -> Vec<String> {
    let given = ["accuracy", "--model", model, "--task", name, "--data", data];
    let given = given.iter().chain(&["--attention", "float"]).chain(more);
    given.map(|argument| argument.to_string()).collect()
}

fn prints(place: &Place, arguments: &[String]) -> String {
    place.prints(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn refuses(arguments: &[String]) -> String {
    Place::new().refuses(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn json(place: &Place, name: &str) -> Value {
    let text = fs::read(place.path(name)).expect("the results are there");
    serde_json::from_slice(&text).expect("they are JSON")
}

/// What programs in float64 expect (see make_outcomes.py beside the data).
fn expected() -> Value {
    let text = fs::read(data("outcomes.json")).expect("the file can be read");
    serde_json::from_slice(&text).expect("it is JSON")
}

fn assert_near(found: &Value, expected: &Value) {
    let (found, expected) = (found.as_f64(), expected.as_f64());
    let (Some(found), Some(expected)) = (found, expected) else {
        panic!("{found:?}, expected {expected:?}");
    };
    assert!(
        (found / expected - 1.0).abs() < 1e-5,
        "{found}, expected {expected}"
    );
}

#[test]
fn questions_with_two_attentions_as_json() {
    let place = Place::new();
    let adapter = file("data/tiny_bert/adapter.safetensors");
    let more = [
        "--adapter",
        &adapter,
        "--attention",
        "float",
        "--json",
        "qa.json",
    ];
    let printed = prints(&place, &task("qa", &bert(), &data("questions.json"), &more));
    assert_contains(
        &printed,
        &[
            "attention",
            "exact match",
            "F1",
            "loss",
            "16.67 %",
            "42.78 %",
        ],
    );
    assert_eq!(place.files(), ["qa.json"]);
    let json = json(&place, "qa.json");
    assert_eq!(json["task"], "qa");
    assert_eq!(
        (&json["items"], &json["item"]),
        (&6.into(), &"questions".into())
    );
    assert_eq!(json["model"]["name"], "tiny_bert");
    assert_eq!(json["model"]["weights"][0]["name"], "model.safetensors");
    assert_eq!(json["adapter"]["name"], "adapter.safetensors");
    assert_eq!(json["settings"]["max_tokens"], 24);
    assert_eq!(json["settings"]["stride"], 128);
    assert_eq!(json["settings"]["window"], Value::Null);
    let command = json["command"].as_str().expect("it is text");
    assert_contains(
        command,
        &["logattn accuracy --model ", "tiny_bert --task qa --data "],
    );
    let [first, second] = &json["attentions"].as_array().expect("an array")[..] else {
        panic!("two attentions");
    };
    assert_eq!(first["attention"], "float");
    for (index, metric) in ["exact_match", "f1"].iter().enumerate() {
        let (one, other) = (&first["scores"][index], &second["scores"][index]);
        assert_eq!(one["metric"], *metric);
        assert_near(&one["value"], &expected()[metric]);
        assert!(one["interval"][0].as_f64() <= one["value"].as_f64());
        assert!(one["interval"][1].as_f64() >= one["value"].as_f64());
        assert_eq!(one["loss_percent"], Value::Null);
        assert_eq!(other["loss_percent"], 0.0);
    }
    let layers = &first["attention_values"]["layers"];
    assert_eq!(layers.as_array().map(Vec::len), Some(2));
    assert_eq!(layers[0]["heads"].as_array().map(Vec::len), Some(3));
    // By sha256sum.
    assert_eq!(
        json["data"]["sha256"],
        "9d3c40c82c0d183debf19aaceefc8f630b6f78e90e838036aa7213769a7b7ee1"
    );
}

#[test]
fn sentences_are_cut_with_a_warning() {
    let place = Place::new();
    let adapter = file("data/tiny_bert/adapter.safetensors");
    let more = [
        "--adapter",
        &adapter,
        "--max-tokens",
        "6",
        "--json",
        "out.json",
    ];
    let given = task("classify", &bert(), &data("sentences.tsv"), &more);
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    let run = place.logattn(&given).assert().success();
    let warning = "5 texts were cut after 6 tokens";
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert_eq!(said, format!("warning: {warning}\n"));
    assert_eq!(json(&place, "out.json")["warnings"][0], warning);
}

#[test]
fn pairs_and_text() {
    let place = Place::new();
    let more = ["--json", "out.json"];
    let printed = prints(
        &place,
        &task("similarity", &bert(), &data("pairs.csv"), &more),
    );
    assert_contains(&printed, &["Spearman", "0.4058"]);
    let score = |json: &Value| json["attentions"][0]["scores"][0]["value"].clone();
    assert_near(&score(&json(&place, "out.json")), &expected()["spearman"]);

    let window = [
        "--attention",
        "float",
        "--window",
        "16",
        "--skip-lines-with",
        "<unk>",
        "--json",
        "out.json",
    ];
    let given = task("perplexity", &llama(), &data("prose.txt"), &window);
    assert_contains(
        &prints(&place, &given),
        &[
            "5 windows of prose.txt",
            "perplexity",
            "1982.",
            "0.00 to 0.00 %",
        ],
    );
    let whole = json(&place, "out.json");
    assert_near(&score(&whole), &expected()["skipped"]["perplexity"]);
    assert_eq!(
        (&whole["items"], &whole["item"]),
        (&5.into(), &"windows".into())
    );
    assert_eq!(whole["settings"]["skip_lines_with"], Value::from(["<unk>"]));
    assert_contains(
        whole["command"].as_str().unwrap_or_default(),
        &["--skip-lines-with '<unk>'"],
    );
    // The first windows alone, of a model in one file.
    let model = file("data/tiny_llama/tiny.gguf");
    let limited = ["--window", "16", "--limit", "2", "--json", "out.json"];
    prints(
        &place,
        &task("perplexity", &model, &data("prose.txt"), &limited),
    );
    let limited = json(&place, "out.json");
    assert_eq!(
        (&limited["items"], &limited["settings"]["limit"]),
        (&2.into(), &2.into())
    );
    assert_eq!(limited["model"]["weights"][0]["name"], "tiny.gguf");
    assert_eq!(limited["model"]["name"], "tiny.gguf");
}

#[test]
fn wrong_combinations_say_what_is_legal() {
    let (bert, llama) = (bert(), llama());
    let (questions, prose) = (data("questions.json"), data("prose.txt"));
    let adapter = file("data/tiny_bert/adapter.safetensors");
    for (name, model, data, more, parts) in [
        (
            "qa",
            &llama,
            &questions,
            &[][..],
            &["a decoder", "`qa`", "legal: an encoder"][..],
        ),
        (
            "perplexity",
            &bert,
            &prose,
            &[],
            &["an encoder", "`perplexity`", "legal: a decoder"],
        ),
        (
            "qa",
            &bert,
            &questions,
            &[],
            &["no such head", "`qa`", "an adapter"],
        ),
        (
            "perplexity",
            &llama,
            &prose,
            &["--adapter", &adapter],
            &["the adapter is", "adapter.safetensors", "is a decoder"],
        ),
        (
            "qa",
            &bert,
            &questions,
            &["--window", "9"],
            &["--window is 9", "--task perplexity"],
        ),
        (
            "similarity",
            &bert,
            &questions,
            &["--stride", "9"],
            &["--stride is 9", "--task qa"],
        ),
        (
            "classify",
            &bert,
            &questions,
            &["--skip-lines-with", "x"],
            &["--skip-lines-with is `x`", "--task perplexity"],
        ),
        (
            "perplexity",
            &llama,
            &prose,
            &["--skip-lines-with", ""],
            &["--skip-lines-with is empty"],
        ),
        (
            "perplexity",
            &llama,
            &prose,
            &["--max-tokens", "9"],
            &["--max-tokens is 9", "--window"],
        ),
        (
            "perplexity",
            &llama,
            &prose,
            &["--window", "99"],
            &["the window is 99", "2 to 64"],
        ),
        (
            "qa",
            &bert,
            &questions,
            &["--attention", "flaot"],
            &["`flaot`", "legal: ", "float"],
        ),
        (
            "classify",
            &bert,
            &questions,
            &[],
            &["questions.json: line 1: header is", "`label`"],
        ),
        (
            "perplexity",
            &llama,
            &prose,
            &["--json", "absent/out.json"],
            &["absent/out.json: cannot write"],
        ),
    ] {
        assert_contains(&refuses(&task(name, model, data, more)), parts);
    }
    let absent = refuses(&task("qa", "absent", &questions, &[]));
    assert_contains(&absent, &["absent", "cannot read"]);
    let absent = refuses(&task("qa", &bert, "absent.json", &[]));
    assert_contains(&absent, &["absent.json: cannot read"]);
    for given in [
        task("translate", &bert, &questions, &[]),
        task("qa", &bert, &questions, &["--limit", "0"]),
    ] {
        assert_contains(&refuses(&given), &["--help"]);
    }
}
