//! Files of registers.

use logattn_accuracy::registers::HeadRegisters;
use logattn_accuracy::{ModelShape, Registers, Specification};
use logattn_golden::Configuration;
use std::path::PathBuf;
use tempfile::TempDir;

const SHAPE: ModelShape = ModelShape {
    layers: 2,
    heads: 2,
    kv_heads: 2,
    head_dimension: 32,
};

/// A folder with edge.toml and a file of registers of this text.
fn file(text: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let edge = Configuration::named("edge").unwrap().to_toml().unwrap();
    std::fs::write(folder.path().join("edge.toml"), edge).unwrap();
    let file = folder.path().join("my.registers.toml");
    std::fs::write(&file, text).unwrap();
    (folder, file)
}

/// What loading the text and preparing it for a model says.
fn error(text: &str) -> String {
    let (folder, file) = file(text);
    let specification = Specification::parse(&format!("golden:{}", file.display())).unwrap();
    let message = specification.prepare(&SHAPE).unwrap_err().to_string();
    message.replace(&format!("{}/", folder.path().display()), "")
}

const FIRST: &str = "configuration = \"edge.toml\"\n[[registers]]\nlayer = 0\n";

#[test]
fn registers_are_read_and_written() {
    let (_folder, file) = file(
        "configuration = \"edge.toml\"\n\
         [[registers]]\nlayer = 1\n\
         thresholds = [100, 725, 1449, 2897, 5793, 11586, 23171]\n\
         [[registers]]\nlayer = 0\nhead = 1\nshifts = [7, 6, 5, 4, 3, 2, 0]\n\
         [[registers]]\nlayer = 0\nhead = 0\n",
    );
    let registers = Registers::load(&file).unwrap();
    assert_eq!(registers.file(), file);
    assert_eq!(registers.entries().len(), 3);
    let edge = Configuration::named("edge").unwrap();
    assert_eq!(registers.configuration(), &edge);
    assert_eq!(registers.for_head(0, 0).unwrap(), edge);
    assert_eq!(registers.for_head(0, 1).unwrap().shifts[6], 0);
    for head in 0..2 {
        assert_eq!(registers.for_head(1, head).unwrap().thresholds[0], 100);
    }
    assert_eq!(registers.of_model(&SHAPE).unwrap().1, [2, 1, 0, 0]);

    registers.save().unwrap();
    assert_eq!(Registers::load(&file).unwrap(), registers);
    let entries = vec![HeadRegisters::default()];
    let other = file.with_file_name("other.registers.toml");
    let other = Registers::new(&other, "edge", edge, entries).unwrap();
    other.save().unwrap();
    assert_eq!(Registers::load(other.file()).unwrap(), other);
    // Nothing but the two files of registers and the configuration is left.
    assert_eq!(
        std::fs::read_dir(file.parent().unwrap()).unwrap().count(),
        3
    );
    let nowhere = other.file().join("x.registers.toml");
    let entries = other.entries().to_vec();
    let edge = other.configuration().clone();
    let message = Registers::new(&nowhere, "edge", edge, entries)
        .unwrap()
        .save();
    assert!(message.unwrap_err().to_string().contains("cannot write"));
}

#[test]
fn every_entry_is_checked() {
    let thresholds = format!("{FIRST}thresholds = [305, 725, 1449, 2897, 5793, 11586, 70000]\n");
    assert_eq!(
        error(&thresholds),
        "my.registers.toml: registers[0]: `thresholds[6]` is 70000; legal: 1..=65535"
    );
    let shifts = format!("{FIRST}shifts = [7, 6, 5, 4, 3, 2]\n");
    assert!(error(&shifts).contains("registers[0]: `shifts` is [7, 6, 5, 4, 3, 2]; legal: 7 int"));
    let levels = format!("{FIRST}[[registers]]\nlayer = 1\nlevels = [1, 2, 3, 4, 5, 6, 7]\n");
    assert!(
        error(&levels).contains("registers[1]: `levels` is"),
        "{}",
        error(&levels)
    );
    let scores = format!("{FIRST}score_thresholds = [-9, -8, -7, -6, -5, -4, -3]\n");
    assert!(error(&scores).contains("registers[0]: `score_thresholds` is"));
}

#[test]
fn every_head_has_registers_once() {
    assert_eq!(
        error(FIRST),
        "my.registers.toml: layer 1 head 0 has 0 registers; legal: one"
    );
    let twice = format!("{FIRST}[[registers]]\nlayer = 1\n[[registers]]\nlayer = 0\nhead = 1\n");
    assert_eq!(
        error(&twice),
        "my.registers.toml: layer 0 head 1 has 2 registers; legal: one"
    );
    let layer = format!("{FIRST}[[registers]]\nlayer = 2\n");
    assert!(error(&layer).contains("registers[1]: `layer` is 2; legal: 0 to 1 in this model"));
    let head = format!("{FIRST}[[registers]]\nlayer = 1\nhead = 2\n");
    assert!(error(&head).contains("registers[1]: `head` is 2; legal: 0 to 1 in this model"));
}

#[test]
fn malformed_files_are_named() {
    let message = error("configuration = \"edge.toml\"\n");
    assert!(
        message.starts_with("my.registers.toml: not a valid file of registers"),
        "{message}"
    );
    let message = error("configuration = \"edge.toml\"\nregisters = []\n");
    assert!(
        message.contains("`registers` is absent; legal: at least one table"),
        "{message}"
    );
    let message = error(&format!("{FIRST}threshold = [1]\n"));
    assert!(message.contains("unknown field `threshold`"), "{message}");
    let message = error("configuration = \"other.toml\"\n[[registers]]\nlayer = 0\n");
    assert!(message.starts_with("other.toml: cannot read"), "{message}");
    let message = error("configuration = \"egde\"\n[[registers]]\nlayer = 0\n");
    assert!(
        message.contains("no configuration is named \"egde\""),
        "{message}"
    );
}

#[test]
fn options_that_registers_would_undo_are_refused() {
    let refused = |text: &str| Specification::parse(text).unwrap_err().to_string();
    let message = refused("golden:edge,registers=a.registers.toml,lowest=8");
    assert!(message.contains("option is `lowest`"), "{message}");
    let message = refused("golden:a.registers.toml,shifts=7/6/5/4/3/2/1");
    assert!(
        message.contains("field is `shifts`; legal: absent"),
        "{message}"
    );
    let message = refused("golden:a.registers.toml,registers=b.registers.toml");
    assert!(message.contains("one file of registers"), "{message}");
}
