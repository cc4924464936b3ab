//! `profile`.

use crate::support::{Place, SMALL, assert_contains, small_capture};
use serde_json::Value;
use std::fs;

const FILES: [&str; 4] = ["profile.csv", "profile.html", "profile.json", "profile.md"];

/// A place with a configuration and a capture of two heads.
fn place() -> Place {
    let place = Place::new();
    place.write("small.toml", SMALL);
    place.write("heads.safetensors", small_capture());
    place
}

const COMMAND: [&str; 7] = [
    "profile",
    "--config",
    "small.toml",
    "--input",
    "heads.safetensors",
    "--out",
    "out/report",
];

#[test]
fn a_report_is_whole_and_can_be_made_again() {
    let place = place();
    let text = place.prints(&COMMAND);
    assert_contains(
        &text,
        &[
            "pruned",
            "int8 twin",
            "load once",
            "out/report/profile.html",
        ],
    );
    let first = place.files();
    for name in FILES {
        assert!(first.contains(&format!("out/report/{name}")), "{first:?}");
    }
    let markdown = fs::read_to_string(place.path("out/report/profile.md")).unwrap();
    let html = fs::read_to_string(place.path("out/report/profile.html")).unwrap();
    let plots: Vec<&String> = first.iter().filter(|name| name.ends_with(".svg")).collect();
    assert!(plots.len() >= 9, "{plots:?}");
    assert_eq!(html.matches("<svg ").count(), plots.len());
    for plot in plots {
        let name = plot.rsplit('/').next().unwrap();
        assert!(markdown.contains(&format!("]({name})")), "{name}");
    }
    assert!(markdown.contains(&format!("logattn {}", COMMAND.join(" "))));
    // Rows of 3, 1, 2 and 1 survivors of four keys.
    let json = fs::read(place.path("out/report/profile.json")).unwrap();
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["total"]["survivors"], 7);
    assert_eq!(json["total"]["elements"], 16);
    assert!(markdown.contains("7 of 16 attention values"), "{markdown}");
    place.prints(&COMMAND);
    assert_eq!(place.files(), first);
    let again = fs::read_to_string(place.path("out/report/profile.md")).unwrap();
    assert_eq!(again, markdown);
}

#[test]
fn files_of_others_are_kept() {
    let place = place();
    place.prints(&COMMAND);
    place.write("out/report/notes.txt", "mine");
    assert_contains(&place.refuses(&COMMAND), &["notes.txt", "--force"]);
    let forced: Vec<&str> = COMMAND.into_iter().chain(["--force"]).collect();
    place.prints(&forced);
    assert_eq!(
        fs::read_to_string(place.path("out/report/notes.txt")).unwrap(),
        "mine"
    );
}

#[test]
fn bad_input_writes_nothing() {
    let place = place();
    let refused = |index: usize, value: &'static str| {
        let mut command = COMMAND;
        command[index] = value;
        place.refuses(&command)
    };
    assert_contains(&refused(4, "none.safetensors"), &["none.safetensors"]);
    assert_contains(&refused(2, "huge"), &["huge"]);
    assert_contains(
        &refused(6, "heads.safetensors"),
        &["heads.safetensors", "not a directory"],
    );
    let phase: Vec<&str> = COMMAND.into_iter().chain(["--phase", "decode"]).collect();
    assert_contains(&place.refuses(&phase), &["causal"]);
}
