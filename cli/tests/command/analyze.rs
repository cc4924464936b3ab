//! `analyze`.

use crate::support::{Place, assert_contains, classification, strings};
use serde_json::Value;
use std::fs;

/// Layers and heads of the tiny encoder.
const LAYERS: usize = 2;
const HEADS: usize = 3;
/// Bins of a histogram and edges between them: 24 octaves of 4, and all that is under them.
const BINS: usize = 97;
const EDGES: usize = 96;

const SENTENCES: &str = "sentence\tlabel\nslowly the boat rises .\t1\n\
    the keeper opens the gates\t0\nwater rises\t1\n";

/// The command on the tiny encoder and three sentences, with more arguments.
fn command(place: &Place, more: &[&str]) -> Vec<String> {
    classification(
        "analyze",
        place,
        SENTENCES,
        &[&["--out", "out"], more].concat(),
    )
}

/// The rows of a CSV file by their fields; none is quoted.
fn rows(place: &Place, name: &str) -> (String, Vec<Vec<String>>) {
    let text = fs::read_to_string(place.path(name)).expect("the file is there");
    let mut lines = text.lines().map(String::from);
    let header = lines.next().expect("a header");
    let width = header.split(',').count();
    let rows: Vec<Vec<String>> = lines
        .map(|line| line.split(',').map(String::from).collect())
        .collect();
    assert!(rows.iter().all(|row| row.len() == width), "{name}");
    (header, rows)
}

fn number(text: &str) -> f64 {
    text.parse().expect("a number")
}

#[test]
fn studies_are_whole_and_can_be_made_again() {
    let place = Place::new();
    let options = [
        "--thresholds",
        "2^-4,2^-2",
        "--bits",
        "2,3",
        "--quantizers",
        "paper,binarization",
    ];
    let command = command(&place, &options);
    let text = place.prints(&strings(&command));
    assert_contains(
        &text,
        &[
            "attention values",
            "most under 2^-8",
            "least under 2^-8",
            "bits.png",
        ],
    );
    let names = ["bits", "histogram", "sparsity", "threshold"];
    let mut expected: Vec<String> = names
        .iter()
        .flat_map(|name| ["csv", "png", "svg"].map(|end| format!("out/{name}.{end}")))
        .collect();
    expected.extend(["out/analysis.json".into(), "sentences.tsv".into()]);
    expected.sort();
    assert_eq!(place.files(), expected);

    let (header, bins) = rows(&place, "out/histogram.csv");
    assert_eq!(header, "layer,head,low,high,count,share");
    assert_eq!(bins.len(), LAYERS * HEADS * BINS);
    let json = fs::read(place.path("out/analysis.json")).unwrap();
    let json: Value = serde_json::from_slice(&json).unwrap();
    let counted: f64 = bins.iter().map(|row| number(&row[4])).sum();
    assert_eq!(json["analysis"]["values"], counted as u64);
    let float = &json["attentions"][0]["attention_values"];
    assert_eq!(float["values"], counted as u64);
    assert_eq!(json["attentions"].as_array().unwrap().len(), 1);

    let (_, shares) = rows(&place, "out/sparsity.csv");
    assert_eq!(shares.len(), (LAYERS * HEADS + LAYERS + 1) * EDGES);
    let whole = shares.iter().filter(|row| row[0].is_empty());
    assert_eq!(whole.clone().count(), EDGES);

    let (header, pruned) = rows(&place, "out/threshold.csv");
    assert_eq!(
        header,
        "attention,quantizer,bits,threshold,metric,score,low,high,loss_percent,pruned_share"
    );
    let attentions: Vec<&str> = pruned.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(attentions, ["float", "prune:2^-2", "prune:2^-4"]);
    assert_eq!(pruned[1][3], "0.25");
    assert_eq!(
        pruned[0][5],
        json["attentions"][0]["scores"][0]["value"].to_string()
    );
    let (_, quantized) = rows(&place, "out/bits.csv");
    let attentions: Vec<&str> = quantized.iter().map(|row| row[0].as_str()).collect();
    let expected = [
        "log-pruned-middle:bits=2",
        "log-pruned-middle:bits=3",
        "binarization",
    ];
    assert_eq!(attentions, [&["float"], &expected[..]].concat());

    let first = fs::read(place.path("out/threshold.svg")).unwrap();
    place.prints(&strings(&command));
    assert_eq!(fs::read(place.path("out/threshold.svg")).unwrap(), first);
}

#[test]
fn a_study_can_be_left_out() {
    let place = Place::new();
    let options = ["--thresholds", "none", "--bits", "none"];
    place.prints(&strings(&command(&place, &options)));
    let files = place.files();
    assert!(files.contains(&"out/histogram.svg".to_string()));
    assert!(
        !files
            .iter()
            .any(|name| name.contains("threshold") || name.contains("bits"))
    );
}

#[test]
fn bad_arguments_write_nothing() {
    let place = Place::new();
    for (options, parts) in [
        (
            &["--thresholds", "0"][..],
            &["'0'", "--thresholds", "above 0, at most 1"],
        ),
        (
            &["--thresholds", "2^-4,2^1"],
            &["2^1", "--thresholds", "above 0, at most 1"],
        ),
        (&["--bits", "1"], &["'1'", "--bits", "2 to 16"]),
        (&["--bits", "2,17"], &["17", "--bits", "2 to 16"]),
        (
            &["--quantizers", "best"],
            &["best", "--quantizers", "log-pruned-middle"],
        ),
        (
            &["--quantizers", "paper", "--bits", "none"],
            &["quantizers", "log-pruned", "--bits"],
        ),
        (
            &["--renormalize", "--thresholds", "none", "--bits", "none"],
            &["--renormalize", "--thresholds", "--bits"],
        ),
    ] {
        let error = place.refuses(&strings(&command(&place, options)));
        assert_contains(&error, parts);
    }

    fs::create_dir(place.path("out")).unwrap();
    place.write("out/notes.txt", "mine");
    let error = place.refuses(&strings(&command(&place, &[])));
    assert_contains(&error, &["notes.txt", "--force"]);
}
