//! Every file of every named configuration is clean in Verilator, Icarus Verilog and yosys.

use logattn_golden::{Configuration, NAMES, TWIN_NAMES};
use logattn_hdl::unit::{Export, export};
use logattn_testbenches::unit::sources;
use logattn_testbenches::verilator::iverilog_lint;
use std::path::{Path, PathBuf};
use std::process::Command;

fn exports() -> impl Iterator<Item = Export> {
    NAMES
        .iter()
        .chain(&TWIN_NAMES)
        .map(|name| export(&Configuration::named(name).expect("known")).expect("exports"))
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

/// `check -assert` and no latch, by `scripts/synthesis_check`.
#[test]
fn yosys_finds_no_problem_and_no_latch() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/synthesis_check");
    for unit in exports() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for file in &unit.files {
            std::fs::write(PathBuf::from(directory.path()).join(&file.name), &file.text)
                .expect("writes");
        }
        let output = Command::new(&script)
            .arg(directory.path())
            .args(["--top", &unit.top])
            .output();
        let output = output.expect("the script starts");
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        if output.status.code() == Some(2) && !crate::common::tools_required() {
            return eprintln!("skipped: {said}");
        }
        assert!(output.status.success(), "{}: {said}", unit.top);
    }
}
