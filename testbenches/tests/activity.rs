//! The command `activity`.

use logattn_golden::Configuration;
use logattn_hdl::unit::export;
use logattn_testbenches::verilator::Verilator;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Writes `nano` and its Verilog; gives the configuration and the files.
fn nano(directory: &Path) -> (PathBuf, Vec<PathBuf>) {
    let c = Configuration::named("nano").unwrap();
    let config = directory.join("nano.toml");
    std::fs::write(&config, c.to_toml().unwrap()).unwrap();
    let files = export(&c).unwrap().files.into_iter();
    let files = files.map(|file| {
        let path = directory.join(&file.name);
        std::fs::write(&path, file.text).unwrap();
        path
    });
    (config, files.collect())
}

fn activity(config: &Path, netlist: &[PathBuf], options: &[&str], saif: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_activity"));
    command.arg("--config").arg(config).args(options);
    command
        .arg("--saif")
        .arg(saif)
        .arg("--netlist")
        .args(netlist);
    command.output().unwrap()
}

/// How often the net `name` changed, by a SAIF file's text.
fn changes(saif: &str, name: &str) -> u64 {
    let line = saif
        .lines()
        .find(|line| line.contains(&format!("({name} (")));
    let (_, count) = line.unwrap().split_once("(TC ").unwrap();
    count.split(')').next().unwrap().parse().unwrap()
}

#[test]
fn every_change_is_counted() {
    if let Err(error) = Verilator::find() {
        let required = std::env::var_os("LOGATTN_REQUIRE_TOOLS").is_some_and(|value| value == "1");
        assert!(!required, "{error}");
        return eprintln!("skipped: {error}");
    }
    let directory = tempfile::tempdir().unwrap();
    let (config, files) = nano(directory.path());
    let saif = directory.path().join("nano.saif");
    let output = activity(&config, &files, &["--heads", "5", "--rows", "7"], &saif);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let counters: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(counters["rows"], 7);
    assert_eq!(counters["keys"], 7 * 245);
    let saif = std::fs::read_to_string(&saif).unwrap();
    let clock = changes(&saif, "clk");
    assert!(clock >= 2 * counters["cycles"].as_u64().unwrap(), "{clock}");
    // Each row flips the counter's lowest bit. Verilator also counts a first value of 1 as a change,
    // and then the reset is another.
    let rows = changes(&saif, "count_rows\\[0\\]");
    assert!((7..=9).contains(&rows), "{rows}");
}

#[test]
fn wrong_use_is_refused_with_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let (config, files) = nano(directory.path());
    let absent = directory.path().join("absent.v");
    let saif = directory.path().join("nano.saif");
    let cases = [
        (
            &config,
            &files,
            ["--heads", "72"],
            "--heads 72: the capture has heads 0 to 71",
        ),
        (&config, &files, ["--rows", "0"], "--rows 0: at least 1"),
        (
            &config,
            &vec![absent.clone()],
            ["--rows", "1"],
            "absent.v: cannot be read",
        ),
        (&absent, &files, ["--rows", "1"], "absent.v: cannot be read"),
    ];
    for (config, netlist, options, expected) in cases {
        let output = activity(config, netlist, &options, &saif);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains(expected) && said.lines().count() == 1,
            "{said}"
        );
        assert!(!saif.exists());
    }
}
