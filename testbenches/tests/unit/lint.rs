//! Every file of every named configuration is clean in Verilator, Icarus Verilog and yosys.

use crate::common::all_names;
use logattn_golden::Configuration;
use logattn_hdl::unit::{Export, export};
use logattn_testbenches::unit::sources;
use logattn_testbenches::verilator::iverilog_lint;
use std::path::Path;
use std::process::Command;

fn exports() -> impl Iterator<Item = Export> {
    all_names().map(|name| export(&Configuration::named(name).expect("known")).expect("exports"))
}

#[test]
fn verilator_warns_of_nothing() {
    let Some(verilator) = crate::common::verilator() else {
        return;
    };
    for unit in exports() {
        let found = verilator.lint(&sources(&unit), &unit.top).expect("runs");
        assert_eq!(found, None, "{}", unit.top);
    }
}

#[test]
fn icarus_warns_of_nothing() {
    for unit in exports() {
        match iverilog_lint(&sources(&unit), &unit.top) {
            Ok(found) => assert_eq!(found, None, "{}", unit.top),
            Err(error) if crate::common::tools_required() => panic!("{error}"),
            Err(error) => return eprintln!("skipped: {error}"),
        }
    }
}

/// What `scripts/synthesis_check` says of a unit; `None`, said so, where it cannot run.
fn synthesis_check(unit: &Export, options: &[&str]) -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/synthesis_check");
    let directory = tempfile::tempdir().expect("a temporary directory");
    for file in &unit.files {
        std::fs::write(directory.path().join(&file.name), &file.text).expect("writes");
    }
    let mut command = Command::new(&script);
    command.arg(directory.path()).args(["--top", &unit.top]);
    let output = command.args(options).output().expect("the script starts");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(2) && !crate::common::tools_required() {
        eprintln!("skipped: {said}");
        return None;
    }
    assert!(output.status.success(), "{}: {said}", unit.top);
    Some(said.into_owned())
}

/// `check -assert` and no latch.
#[test]
fn yosys_finds_no_problem_and_no_latch() {
    for unit in exports() {
        synthesis_check(&unit, &[]);
    }
}

/// The value memory and the selector's queue, or the sorter's lists, are block RAM, and so are the buffers of scores and
/// distances and the keys (a memory for each key of a beat) where there are some; nothing is left
/// to registers.
#[test]
fn memories_are_block_ram() {
    for (name, family, memories) in [
        ("nano", "ice40", 2),
        ("edge", "ecp5", 2),
        ("nano_scores", "ice40", 4),
        ("edge_scores", "ecp5", 4),
        ("edge_qkv", "ecp5", 6),
        ("nano_sorted", "ice40", 8),
        ("edge_sorted", "ecp5", 8),
    ] {
        let unit = export(&Configuration::named(name).expect("known")).expect("exports");
        let Some(said) = synthesis_check(&unit, &["--memories", family]) else {
            return;
        };
        assert!(
            said.contains(&format!("{memories} memories"))
                && said.contains(" 0 memories left to registers"),
            "{name}: {said}"
        );
    }
}
