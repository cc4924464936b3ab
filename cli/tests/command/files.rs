//! `generate`: what it writes, and what it leaves alone.

use crate::support::{Place, SMALL, assert_contains, small_with};
use std::fs;

#[test]
fn generated_files_are_listed_and_stable() {
    let place = Place::new();
    let generate = ["generate", "--unit-only", "--config", "nano", "--out"];
    let text = place.prints(&[&generate[..], &["a"]].concat());
    assert_contains(
        &text,
        &[
            "rtl/nano_attention_unit.v",
            "top module nano_attention_unit",
            "sha256",
        ],
    );
    place.prints(&[&generate[..], &["b"]].concat());
    let files = place.files();
    let list = fs::read_to_string(place.path("a/files.f")).unwrap();
    for name in list.lines() {
        let module = name
            .strip_prefix("rtl/")
            .and_then(|name| name.strip_suffix(".v"))
            .unwrap();
        let verilog = fs::read_to_string(place.path("a").join(name)).unwrap();
        assert_contains(
            &verilog,
            &[
                "SPDX-License-Identifier: Apache-2.0",
                &format!("module {module}"),
            ],
        );
        assert_eq!(
            fs::read_to_string(place.path("b").join(name)).unwrap(),
            verilog
        );
    }
    // Both directories have the listed files, the list and the configuration, and nothing else.
    assert_eq!(files.len(), 2 * (list.lines().count() + 2));
    assert!(
        list.lines().last().unwrap().ends_with("attention_unit.v"),
        "children come first: {list}"
    );
}

/// The folder of a core: MANIFEST lists what is there, the core is the last of the Verilog files, and
/// all is the same a second time.
#[test]
fn a_core_comes_with_its_folder() {
    let place = Place::new();
    let text = place.prints(&["generate", "--config", "nano", "--out", "a"]);
    assert_contains(
        &text,
        &["top module nano_attention_core", "README.md", "rtl/"],
    );
    place.prints(&["generate", "--config", "nano", "--out", "b"]);
    let read = |name: &str| fs::read_to_string(place.path(name)).unwrap();
    let manifest = read("a/MANIFEST");
    let mut listed: Vec<String> = manifest.lines().map(|name| format!("a/{name}")).collect();
    listed.push("a/MANIFEST".into());
    listed.sort();
    let mut found: Vec<String> = place.files();
    found.retain(|name| name.starts_with("a/"));
    found.sort();
    assert_eq!(found, listed);
    for name in manifest.lines() {
        assert_eq!(
            read(&format!("a/{name}")),
            read(&format!("b/{name}")),
            "{name}"
        );
    }
    let list = read("a/files.f");
    assert_eq!(list.lines().last(), Some("rtl/nano_attention_core.v"));
}

#[test]
fn the_written_configuration_generates_the_same() {
    for (configuration, name, port) in [
        (SMALL.to_string(), "small", "s_axis_attn_tdata"),
        (small_with("scores"), "small_scores", "s_axis_attn_tdata"),
        (small_with("qkv"), "small_qkv", "s_axis_query_tdata"),
    ] {
        let place = Place::new();
        place.write("small.toml", configuration);
        place.prints(&["generate", "--config", "small.toml", "--out", "a"]);
        place.prints(&["generate", "--config", "a/configuration.toml", "--out", "b"]);
        let top = format!("rtl/{name}_attention_unit.v");
        let read = |folder: &str| fs::read_to_string(place.path(folder).join(&top)).unwrap();
        let [a, b] = ["a", "b"].map(read);
        assert_contains(&a, &[port]);
        assert_eq!(a, b);
    }
}

#[test]
fn an_earlier_generation_is_replaced_but_nothing_else() {
    let place = Place::new();
    place.prints(&["generate", "--config", "nano", "--out", "out"]);
    place.prints(&["generate", "--config", "edge", "--out", "out"]);
    assert!(
        place.files().iter().all(|file| !file.contains("nano")),
        "{:?}",
        place.files()
    );
    place.write("out/notes.txt", "mine");
    let error = place.refuses(&["generate", "--config", "nano", "--out", "out"]);
    assert_contains(&error, &["out", "notes.txt", "--force"]);
    place.prints(&["generate", "--config", "nano", "--out", "out", "--force"]);
    assert_eq!(
        fs::read_to_string(place.path("out/notes.txt")).unwrap(),
        "mine"
    );
    assert!(place.path("out/rtl/nano_attention_unit.v").is_file());
    assert!(!place.path("out/rtl/edge_attention_unit.v").exists());
}

#[test]
fn a_directory_of_another_kind_is_refused() {
    let place = Place::new();
    fs::create_dir(place.path("home")).unwrap();
    place.write("home/letter.txt", "dear");
    assert_contains(
        &place.refuses(&["generate", "--config", "nano", "--out", "home"]),
        &["home", "letter.txt"],
    );
    assert_contains(
        &place.refuses(&["demo", "--out", "home"]),
        &["home", "letter.txt"],
    );
}

#[test]
fn an_unwritable_place_is_told() {
    let place = Place::new();
    place.write("file", "");
    place.write("small.toml", SMALL);
    for arguments in [
        &["generate", "--config", "nano", "--out", "file"][..],
        &["generate", "--config", "nano", "--out", "file/below"],
        &["demo", "--out", "file/below"],
        &[
            "simulate",
            "--config",
            "edge",
            "--input",
            "demo",
            "--json",
            "file/result.json",
        ],
        &[
            "simulate",
            "--config",
            "edge",
            "--input",
            "demo",
            "--json",
            "nowhere/result.json",
        ],
        &["cosim", "--config", "edge", "--waves", "file/waves.vcd"],
    ] {
        assert_contains(
            &place.refuses(arguments),
            &["file", "cannot write"].map(|part| match arguments.last() {
                Some(last) if last.contains("nowhere") && part == "file" => "nowhere",
                _ => part,
            }),
        );
    }
}
