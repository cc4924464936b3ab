//! Tables of energies: the embedded ones, prices by width and capacity, what is refused.

use logattn_sim::energy::{EnergyError, EnergyTable, NAMES, OperationKind, Scaling};

fn horowitz() -> EnergyTable {
    EnergyTable::named("horowitz_45nm").expect("embedded")
}

fn aladdin() -> EnergyTable {
    EnergyTable::named("aladdin_40nm").expect("embedded")
}

fn once(table: &EnergyTable, kind: OperationKind, bits: u32) -> f64 {
    table.picojoules(kind, (bits, bits), 0)
}

fn near(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs(),
        "{found}, expected {expected}"
    );
}

/// A whole table with one energy for everything, at 32 bits; memory at 8 KB.
fn text(change: impl Fn(&str) -> Option<String>) -> String {
    let mut text = "name = \"own\"\n".to_owned();
    for kind in OperationKind::ALL {
        let name = kind.name();
        let capacity = if name.starts_with("sram") {
            "kilobytes = 8\n"
        } else {
            ""
        };
        let entry = format!(
            "[[entry]]\noperation = \"{name}\"\nbits = 32\n{capacity}picojoules = 1\n\
             scaling = \"linear\"\nnode_nm = 7\nsource = \"made up\"\n"
        );
        text.push_str(&change(&entry).unwrap_or(entry));
    }
    text
}

fn read(text: &str) -> Result<EnergyTable, EnergyError> {
    EnergyTable::from_toml(text, "own.toml")
}

/// The message for the whole table with `old` replaced by `new` in the entry of `operation`.
fn refused(operation: &str, old: &str, new: &str) -> String {
    let name = format!("\"{operation}\"");
    let text = text(|entry| entry.contains(&name).then(|| entry.replace(old, new)));
    read(&text).expect_err("refused").to_string()
}

#[test]
fn the_embedded_tables_have_the_published_figures() {
    for name in NAMES {
        let table = EnergyTable::named(name).expect("embedded");
        assert_eq!(table.name, name);
        assert_eq!(table.nodes_nm(), Some((40, 45)));
    }
    let (table, kind) = (horowitz(), OperationKind::Add);
    near(once(&table, kind, 8), 0.03);
    near(once(&table, kind, 32), 0.1);
    near(once(&table, OperationKind::Multiply, 8), 0.2);
    near(once(&table, OperationKind::Multiply, 32), 3.1);
    near(once(&table, OperationKind::DramLow, 64), 1300.0);
    near(once(&table, OperationKind::DramHigh, 64), 2600.0);
    let table = aladdin();
    near(once(&table, OperationKind::Add, 32), 0.21);
    near(once(&table, OperationKind::Multiply, 32), 12.68);
    near(once(&table, OperationKind::Shift, 32), 0.417);
    near(once(&table, OperationKind::Compare, 32), 0.02947);
    near(once(&table, OperationKind::Register, 1), 0.009);
}

#[test]
fn what_is_not_published_is_marked_as_an_assumption() {
    let assumed = |table: &EnergyTable| {
        let entries = table.entries.iter();
        let mut names: Vec<_> = entries
            .filter(|entry| entry.source.starts_with("assumption: "))
            .map(|entry| entry.operation.name())
            .collect();
        names.dedup();
        names
    };
    assert_eq!(
        assumed(&horowitz()),
        ["compare", "shift", "register", "sram_write"]
    );
    assert_eq!(assumed(&aladdin()), ["sram_write"]);
    // A shift costs twice an addition in both.
    for bits in [8, 15, 32] {
        let table = horowitz();
        near(
            once(&table, OperationKind::Shift, bits),
            2.0 * once(&table, OperationKind::Add, bits),
        );
    }
}

#[test]
fn energy_grows_with_the_width() {
    let table = aladdin();
    near(once(&table, OperationKind::Add, 8), 0.21 / 4.0);
    near(once(&table, OperationKind::Add, 64), 0.42);
    near(once(&table, OperationKind::Multiply, 8), 12.68 / 16.0);
    // Factors of 8 and 32 bits: a quarter of the partial products.
    near(
        table.picojoules(OperationKind::Multiply, (8, 32), 0),
        12.68 / 4.0,
    );
    // Between two widths a power law: at the geometric mean the geometric mean.
    let table = horowitz();
    near(
        once(&table, OperationKind::Add, 16),
        (0.03_f64 * 0.1).sqrt(),
    );
    near(
        table.picojoules(OperationKind::Multiply, (8, 32), 0),
        (0.2_f64 * 3.1).sqrt(),
    );
    // Beyond them by the nearest entry's scaling.
    near(once(&table, OperationKind::Add, 4), 0.015);
    near(once(&table, OperationKind::Add, 64), 0.2);
    near(once(&table, OperationKind::Multiply, 4), 0.05);
    near(once(&table, OperationKind::Multiply, 64), 12.4);
    assert_eq!(once(&table, OperationKind::Add, 0), 0.0);
}

#[test]
fn memory_costs_by_width_and_capacity() {
    let table = horowitz();
    let read = |bits, kilobytes: f64| {
        let capacity = (kilobytes * 8.0 * 1024.0) as u64;
        table.picojoules(OperationKind::SramRead, (bits, bits), capacity)
    };
    near(read(64, 8.0), 10.0);
    near(read(64, 32.0), 20.0);
    near(read(64, 1024.0), 100.0);
    near(read(512, 32.0), 160.0);
    near(read(64, 16.0), 200_f64.sqrt());
    // From 32 KB to 1 MB, five octaves, five times as much; so much an octave beyond, too.
    let octave = 5_f64.powf(0.2);
    near(read(64, 64.0), 20.0 * octave);
    near(read(64, 2048.0), 100.0 * octave);
    // Nothing is cheaper than the smallest memory.
    near(read(64, 0.5), 10.0);
}

#[test]
fn a_table_of_ones_own() {
    let table = read(&text(|_| None)).expect("legal");
    assert_eq!(table.entries.len(), OperationKind::ALL.len());
    assert_eq!(table.nodes_nm(), Some((7, 7)));
    near(once(&table, OperationKind::Shift, 16), 0.5);
    // One capacity holds for all.
    near(
        table.picojoules(OperationKind::SramRead, (32, 32), 1 << 40),
        1.0,
    );
    let flat = text(|entry| Some(entry.replace("linear", "none")));
    near(
        once(&read(&flat).expect("legal"), OperationKind::Add, 5),
        1.0,
    );
    let free = text(|entry| Some(entry.replace("= 1\n", "= 0\n")));
    let free = read(&free).expect("legal");
    assert_eq!(once(&free, OperationKind::Multiply, 5), 0.0);
    assert_eq!(free.entries[0].scaling, Scaling::Linear);
}

#[test]
fn missing_entries_are_named() {
    for kind in OperationKind::ALL {
        let name = format!("\"{}\"", kind.name());
        let text = text(|entry| entry.contains(&name).then(String::new));
        let expected = EnergyError::Missing {
            origin: "own.toml".to_owned(),
            operation: kind.name(),
        };
        assert_eq!(read(&text), Err(expected));
    }
    let message = read("name = \"own\"").expect_err("refused").to_string();
    assert_eq!(
        message,
        "own.toml: no entry with operation = \"compare\"; there must be one for each of compare, \
         shift, add, multiply, register, sram_read, sram_write, dram_low, dram_high"
    );
}

#[test]
fn values_outside_their_ranges_are_refused() {
    assert_eq!(
        refused("shift", "picojoules = 1", "picojoules = -0.5"),
        "own.toml: entry 2 (shift): picojoules = -0.5: must be a finite number, at least 0"
    );
    for value in ["nan", "inf", "-inf"] {
        let message = refused("add", "picojoules = 1", &format!("picojoules = {value}"));
        assert!(message.contains("(add): picojoules = "), "{message}");
    }
    for (field, old, new) in [
        ("bits", "bits = 32", "bits = 0"),
        ("bits", "bits = 32", "bits = 4097"),
        ("node_nm", "node_nm = 7", "node_nm = 0"),
        ("source", "\"made up\"", "\" \""),
        ("kilobytes", "bits = 32", "bits = 32\nkilobytes = 4"),
    ] {
        let message = refused("add", old, new);
        assert!(
            message.starts_with(&format!("own.toml: entry 3 (add): {field} = ")),
            "{message}"
        );
    }
    assert_eq!(
        refused("dram_low", "picojoules = 1", "picojoules = 1.5"),
        "own.toml: entry 9 (dram_high): picojoules = 2: must be at least that of dram_low, both \
         for 64 bits"
    );
    for new in ["", "kilobytes = 0", "kilobytes = -1", "kilobytes = nan"] {
        let message = refused("sram_read", "kilobytes = 8", new);
        assert!(message.contains("(sram_read): kilobytes = "), "{message}");
    }
}

#[test]
fn a_figure_is_given_once() {
    let twice = text(|entry| {
        let doubled = entry.contains("\"add\"") || entry.contains("\"sram_read\"");
        doubled.then(|| format!("{entry}{entry}"))
    });
    let message = read(&twice).expect_err("refused").to_string();
    assert_eq!(
        message,
        "own.toml: entry 4 (add): bits = 32: must be another width than in the operation's other \
         entries"
    );
    // The same capacity twice, be it for another width.
    let twice = text(|entry| {
        let other = entry.replace("bits = 32", "bits = 64");
        entry
            .contains("sram_read")
            .then(|| format!("{entry}{other}"))
    });
    let message = read(&twice).expect_err("refused").to_string();
    assert!(message.contains("kilobytes = 8"), "{message}");
}

#[test]
fn text_that_is_no_table_is_refused_with_its_place() {
    let cases = [
        (
            "picojoules = 1",
            "picojoule = 1",
            "unknown field `picojoule`",
        ),
        ("\"add\"", "\"divide\"", "unknown variant `divide`"),
        ("\"linear\"", "\"cubic\"", "unknown variant `cubic`"),
        ("picojoules = 1", "picojoules = \"1\"", "invalid type"),
        ("picojoules = 1\n", "", "missing field `picojoules`"),
        ("node_nm = 7", "node_nm = -7", "invalid value"),
        ("[[entry]]", "[[entry]", "TOML parse error"),
    ];
    for (old, new, expected) in cases {
        let message = refused("add", old, new);
        assert!(message.starts_with("own.toml: "), "{message}");
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("line "), "{message}");
    }
    let message = read("nme = \"own\"").expect_err("refused").to_string();
    assert!(message.contains("unknown field `nme`"), "{message}");
}

#[test]
fn unknown_names_list_the_known_ones() {
    let message = EnergyTable::named("tsmc7")
        .expect_err("unknown")
        .to_string();
    assert_eq!(
        message,
        "no energy table is named \"tsmc7\"; known: aladdin_40nm, horowitz_45nm"
    );
}
