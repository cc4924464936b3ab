//! The `capture` command on the tiny checkpoint.

use crate::tiny;
use logattn_captures::Capture;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Runs the command in a folder that holds `passage.txt`.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_capture"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("passage.txt"),
        "A lock lifts the boat.\n",
    )
    .unwrap();
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Arguments for the tiny model and a file `out`, with more of them.
fn tiny_arguments<'a>(model: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let usual = ["--model", model, "--text", "passage.txt", "--out", "out"];
    [&usual, more].concat()
}

#[test]
fn writes_a_capture() {
    let folder = folder();
    let model = tiny::folder();
    let model = model.to_str().unwrap();
    let adapter = format!("{model}/adapter.safetensors");
    let more = ["--adapter", &adapter, "--question", "What lifts the boat?"];
    let output = run(folder.path(), &tiny_arguments(model, &more));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert!(
        printed.contains("2 layers, 3 heads a layer, 14 tokens, D = 4"),
        "{printed}"
    );
    assert!(printed.contains("answer: "), "{printed}");
    let float = Capture::load(folder.path().join("out")).unwrap();
    assert_eq!((float.heads(), float.layers(), float.tokens()), (6, 2, 14));
    let metadata = float.metadata();
    assert_eq!(metadata.model.as_deref(), Some("tiny_bert + adapter"));
    let words = "What lifts the boat?\nA lock lifts the boat.";
    assert_eq!(metadata.text.as_deref(), Some(words));

    let more = [&more[..], &["--int8", "--text-source", "own"]].concat();
    let output = run(folder.path(), &tiny_arguments(model, &more));
    assert!(text(&output.stdout).contains("int8: attention values differ by"));
    let int8 = Capture::load(folder.path().join("out")).unwrap();
    assert_eq!(int8.metadata().text_source.as_deref(), Some("own"));
    for (a, b) in float.iter().zip(int8.iter()) {
        assert_eq!(a.value_int8(), b.value_int8());
        let step = b.value_int8().scale;
        let largest = (a.value() - b.value())
            .iter()
            .fold(0.0_f32, |m, d| m.max(d.abs()));
        assert!(largest <= 0.5001 * step, "{largest} is over half of {step}");
    }
}

#[test]
fn warns_of_a_text_that_is_cut() {
    let folder = folder();
    let model = tiny::folder();
    let arguments = tiny_arguments(model.to_str().unwrap(), &["--max-tokens", "5"]);
    let output = run(folder.path(), &arguments);
    assert!(output.status.success());
    let warning = "warning: the last 3 tokens of the text were cut";
    assert!(
        text(&output.stderr).contains(warning),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(
        Capture::load(folder.path().join("out")).unwrap().tokens(),
        5
    );
}

#[test]
fn writes_a_causal_capture_of_a_decoder() {
    let folder = folder();
    let copy = tiny::copy_of(&tiny::llama_folder());
    let checkpoint = copy.path().to_str().unwrap();
    let gguf = format!("{checkpoint}/tiny.gguf");
    for (model, name, dimension) in [(&gguf[..], "tiny", 8), (checkpoint, "", 6)] {
        let more = ["--tokens", "12", "--queries", "4", "--int8"];
        let output = run(folder.path(), &tiny_arguments(model, &more));
        assert!(output.status.success(), "{}", text(&output.stderr));
        let sizes = format!(
            "2 layers, 4 heads and 2 KV heads a layer, 12 tokens, 4 queries, D = {dimension}"
        );
        let printed = text(&output.stdout);
        for part in [
            &sizes[..],
            "perplexity: ",
            "int8: attention values differ by",
        ] {
            assert!(printed.contains(part), "`{printed}` does not say `{part}`");
        }
        let capture = Capture::load(folder.path().join("out")).unwrap();
        assert!(capture.causal());
        assert_eq!((capture.heads(), capture.kv_heads()), (8, 4));
        assert_eq!((capture.tokens(), capture.rows()), (12, 4));
        // <|start|> A Ġ l o c k Ġ l i f t
        let metadata = capture.metadata();
        assert_eq!(metadata.text.as_deref(), Some("A lock lift"));
        let found = metadata.model.as_deref().unwrap();
        assert!(found == name || copy.path().ends_with(found), "{found}");

        let bytes = std::fs::read(folder.path().join("out")).unwrap();
        run(folder.path(), &tiny_arguments(model, &more));
        assert_eq!(std::fs::read(folder.path().join("out")).unwrap(), bytes);
    }
}

#[test]
fn bad_arguments_of_a_decoder() {
    let folder = folder();
    let (llama, bert) = (tiny::gguf(), tiny::folder());
    let (llama, bert) = (llama.to_str().unwrap(), bert.to_str().unwrap());
    let cut = folder.path().join("cut.gguf");
    std::fs::write(&cut, &std::fs::read(llama).unwrap()[..9_999]).unwrap();
    let cases = [
        (llama, vec![], "the text has 21 tokens; legal: at least 512"),
        (llama, vec!["--tokens", "22"], "at least 22"),
        (llama, vec!["--tokens", "5", "--queries", "6"], "1 to 5"),
        (
            llama,
            vec!["--question", "What?"],
            "--question is no option for a llama model",
        ),
        (
            llama,
            vec!["--max-tokens", "5"],
            "--max-tokens is no option",
        ),
        (
            bert,
            vec!["--tokens", "5"],
            "--tokens is no option for a bert model",
        ),
        (bert, vec!["--queries", "5"], "--queries is no option"),
        ("none.gguf", vec![], "none.gguf: cannot read"),
        ("cut.gguf", vec![], "cut.gguf: not a valid GGUF file"),
        ("passage.txt", vec![], "passage.txt: not a valid GGUF file"),
    ];
    for (model, more, expected) in cases {
        let output = run(folder.path(), &tiny_arguments(model, &more));
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.starts_with("error: "), "{message}");
        assert!(
            message.contains(expected),
            "`{message}` does not say `{expected}`"
        );
        assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn errors_are_one_line_with_exit_code_2_and_leave_nothing() {
    let folder = folder();
    std::fs::write(folder.path().join("empty.txt"), " ").unwrap();
    std::fs::write(folder.path().join("binary.txt"), [0xff, 0xfe]).unwrap();
    let model = tiny::folder();
    let model = model.to_str().unwrap();
    let usual = ["--model", model, "--out", "out", "--text"];
    let with = |more: &[&'static str]| [&usual[..], more].concat();
    let cases = [
        (with(&["absent.txt"]), "absent.txt: cannot read the text"),
        (with(&["binary.txt"]), "binary.txt: cannot read the text"),
        (with(&["empty.txt"]), "the text is empty"),
        (with(&["passage.txt", "--max-tokens", "99"]), "1 to 24"),
        (
            with(&["passage.txt", "--question", ""]),
            "the question is empty",
        ),
        (
            with(&["passage.txt", "--adapter", "none"]),
            "none: cannot read",
        ),
        (
            with(&["passage.txt", "--adapter", "passage.txt"]),
            "not a valid safetensors file",
        ),
        (
            vec!["--model", "no", "--out", "out", "--text", "passage.txt"],
            "config.json: cannot read",
        ),
        (
            vec!["--model", model, "--out", "no/out", "--text", "passage.txt"],
            "no/out: cannot write",
        ),
    ];
    let before = std::fs::read_dir(folder.path()).unwrap().count();
    for (arguments, expected) in cases {
        let output = run(folder.path(), &arguments);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(
            message.starts_with("error: ") && message.contains(expected),
            "{message}"
        );
        assert_eq!(message.trim_end().lines().count(), 1, "{message}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), before);
    }
}

#[test]
fn help_has_an_example() {
    let folder = folder();
    let output = run(folder.path(), &["--help"]);
    assert!(output.status.success());
    assert!(text(&output.stdout).contains("Examples:"));
    assert_eq!(run(folder.path(), &["--mode", "x"]).status.code(), Some(2));
}
