use super::*;
use crate::Contents;
use logattn_golden::Configuration;
use logattn_golden::config::Input;
use logattn_golden::microarchitecture::code_latency;
use logattn_hdl::attention_core::{RegisterMap, export_core};
use std::process::Command;

fn contents(name: &str) -> Contents {
    let configuration = Configuration::named(name).unwrap();
    Contents {
        export: export_core(&configuration).unwrap(),
        map: RegisterMap::new(&configuration).unwrap(),
        configuration,
    }
}

fn file<'a>(files: &'a [PackagedFile], path: &str) -> &'a str {
    let found = files.iter().find(|file| file.path == path);
    &found.unwrap_or_else(|| panic!("no {path}")).text
}

/// Names and widths of the top's ports, from its Verilog text.
fn ports_of(verilog: &str) -> Vec<(String, u32)> {
    let declarations = verilog.lines().map(str::trim);
    let declarations =
        declarations.filter(|line| line.starts_with("input ") || line.starts_with("output "));
    let ports = declarations.map(|line| {
        let declaration = line
            .split("//")
            .next()
            .unwrap()
            .trim()
            .trim_end_matches(',');
        let name = declaration.split_whitespace().last().unwrap().to_string();
        let width = declaration.split_once('[').map_or(1, |(_, range)| {
            range.split_once(':').unwrap().0.parse::<u32>().unwrap() + 1
        });
        (name, width)
    });
    ports.collect()
}

/// Indices of the registers that the slave answers reads of, from its Verilog text: comparisons of
/// `read_word` with constants.
fn offsets_of(verilog: &str) -> Vec<u32> {
    let comparisons = verilog.match_indices("read_word ==");
    let offsets = comparisons.map(|(at, _)| {
        let rest = &verilog[at..];
        let constant = rest.split_once('\'').unwrap().1;
        let (base, digits) = constant.split_at(1);
        let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap();
        let radix = if base == "h" { 16 } else { 10 };
        4 * u32::from_str_radix(&digits[..end], radix).unwrap()
    });
    offsets.collect()
}

fn verilog<'a>(contents: &'a Contents, module: &str) -> &'a str {
    let name = format!("{}_{module}.v", contents.configuration.name);
    let found = contents.export.files.iter().find(|file| file.name == name);
    &found.unwrap().text
}

#[test]
fn every_port_and_register_of_the_verilog_is_in_the_tables() {
    for name in ["nano", "edge_qkv", "edge_scores", "paper", "nano_int8"] {
        let contents = contents(name);
        let ports = ports::ports(&contents.configuration);
        let rows: Vec<&str> = ports
            .lines()
            .filter(|line| line.starts_with("| `"))
            .collect();
        let found = ports_of(verilog(&contents, "attention_core"));
        assert_eq!(rows.len(), found.len(), "{name}");
        for (port, width) in found {
            let row = format!("| `{port}` | {width} |");
            assert!(
                rows.iter().any(|line| line.starts_with(&row)),
                "{name}: {row}"
            );
        }
        let registers = registers::registers(&contents.map);
        let offsets = offsets_of(verilog(&contents, "registers"));
        assert!(offsets.len() > 20, "{name}: {offsets:?}");
        let rows = registers.lines().filter(|line| line.starts_with("| 0x"));
        assert_eq!(rows.count(), offsets.len(), "{name}");
        for offset in offsets {
            let row = format!("| 0x{offset:03x} |");
            assert!(registers.contains(&row), "{name}: {row}");
        }
        let errors = registers::errors(&contents.configuration, &contents.map);
        assert!(
            !errors.contains("|  |"),
            "{name}: an error without recovery"
        );
    }
}

#[test]
fn misuse_tells_of_every_error_that_there_is_and_of_no_other() {
    let all = RegisterMap::new(&Configuration::named("edge_qkv").unwrap()).unwrap();
    let names = |map: &RegisterMap| -> Vec<String> {
        let fields = &map.register("ERRORS").unwrap().fields;
        fields.iter().map(|field| field.name.clone()).collect()
    };
    for name in ["nano", "edge_qkv", "edge_scores", "nano_int8"] {
        for block in [1, 2] {
            let mut c = Configuration::named(name).unwrap();
            c.query_block = block;
            let Ok(map) = RegisterMap::new(&c) else {
                continue;
            };
            let (there, text) = (names(&map), notes::misuse(&c, &map));
            for error in names(&all) {
                // That scores saturate is no misuse.
                let told = text.contains(&format!("`{error}`"));
                let expected = there.contains(&error) && error != "score_overflow";
                assert_eq!(told, expected, "{name}, {block} rows: {error}");
            }
        }
    }
}

#[test]
fn block_diagram_has_every_module_of_the_core() {
    for name in [
        "nano",
        "edge_qkv",
        "edge_scores",
        "paper",
        "server",
        "base",
        "nano_int8",
    ] {
        let contents = contents(name);
        let drawing = block_diagram::block_diagram(&contents.configuration);
        let shown: Vec<String> = drawing
            .split("font-weight=\"bold\"")
            .skip(1)
            .map(|text| {
                text.split_once('>')
                    .unwrap()
                    .1
                    .split_once('<')
                    .unwrap()
                    .0
                    .to_string()
            })
            .collect();
        let core = attention_core(&contents.configuration).unwrap();
        let unit = core
            .instances()
            .find(|(name, _)| *name == "u_attention_unit")
            .unwrap()
            .1
            .clone();
        let instances = core.instances().chain(unit.instances());
        for (_, module) in instances {
            let module = module.name();
            let known = shown.iter().any(|shown| shown == module);
            assert!(
                known || module.starts_with("stream_register"),
                "{name}: {module}"
            );
        }
        for shown in &shown {
            let prefixed = format!("{name}_{shown}.v");
            let exported = contents
                .export
                .files
                .iter()
                .any(|file| file.name == prefixed);
            assert!(
                exported || *shown == format!("{name}_attention_core"),
                "{name}: {shown}"
            );
        }
    }
}

#[test]
fn formulas_agree_with_the_simulator() {
    for name in ["nano", "edge", "edge_scores", "paper", "server"] {
        let c = Configuration::named(name).unwrap();
        for survivors in [1, c.max_keys / 8, c.max_keys / 3, c.max_keys] {
            let formula = performance::Bounds::of(&c, c.max_keys, survivors).cycles() as f64;
            let simulated = performance::simulated(&c, survivors).unwrap();
            let error = simulated / formula - 1.0;
            assert!(
                error.abs() < 0.01,
                "{name}: {survivors} survivors, {formula} and {simulated}"
            );
        }
    }
}

#[test]
fn measured_latencies_differ_as_the_codes_do() {
    for name in ["nano", "edge_scores", "edge_qkv"] {
        let contents = contents(name);
        let c = &contents.configuration;
        let core = attention_core(c).unwrap();
        let (_, measured) = waves::simulate(c, &contents.map, &core).unwrap();
        // A row's last code follows its first one a beat a cycle; the way from there is the same for all.
        let rest: Vec<usize> = measured
            .iter()
            .map(|latency| latency.cycles - code_latency(c, latency.keys) - c.beats(latency.keys))
            .collect();
        assert!(
            rest.iter().all(|cycles| *cycles == rest[0]),
            "{name}: {measured:?}"
        );
    }
}

/// The elements of a page, in order, by a strict reader: every one is closed, in the right order.
fn elements(text: &str) -> Vec<String> {
    let void = ["meta", "br", "hr", "img"];
    let (mut open, mut all) = (Vec::new(), Vec::new());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("a tag ends");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if tag.starts_with('!') {
            continue;
        }
        let name = tag
            .trim_start_matches('/')
            .split([' ', '/'])
            .next()
            .unwrap()
            .to_string();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closed in order");
            continue;
        }
        if name == "style" {
            rest = &rest[rest.find("</style>").unwrap()..];
        }
        if !tag.ends_with('/') && !void.contains(&name.as_str()) {
            open.push(name.clone());
        }
        all.push(name);
    }
    assert!(open.is_empty(), "{open:?} not closed");
    all
}

#[test]
fn page_is_well_formed_and_complete() {
    let files = datasheet(&contents("nano")).unwrap();
    let page = file(&files, "doc/datasheet.html");
    let markdown = file(&files, "doc/datasheet.md");
    let elements = elements(page);
    let count = |name: &str| elements.iter().filter(|element| *element == name).count();
    assert_eq!(count("h2"), markdown.matches("\n## ").count());
    assert_eq!(count("h3"), markdown.matches("\n### ").count());
    assert_eq!(count("svg"), markdown.matches("![").count());
    assert_eq!(
        count("table"),
        markdown.matches("| ---").count() - markdown.matches(" | ---").count()
    );
    // Nothing comes from elsewhere, and links within the page lead somewhere.
    assert!(!page.contains("src=") && !page.contains("href=\"http"));
    for link in page.split("href=\"#").skip(1) {
        let anchor = link.split('"').next().unwrap();
        assert!(page.contains(&format!("id=\"{anchor}\"")), "{anchor}");
    }
    for svg in files.iter().filter(|file| file.path.ends_with(".svg")) {
        self::elements(&svg.text);
        assert!(
            !svg.text.contains("NaN") && !svg.text.contains("inf"),
            "{}",
            svg.path
        );
    }
}

#[test]
fn numbers_are_those_of_the_configuration() {
    let scores = numbers::numbers(&Configuration::named("base").unwrap());
    for text in [
        "| 1 | -136 | -8.5 |",
        "2^-7",
        "distance from the largest score (d) | 8 |",
        "min(m - y, 255)",
    ] {
        assert!(scores.contains(text), "{text}");
    }
    let paper = numbers::numbers(&Configuration::named("paper").unwrap());
    assert!(paper.contains("| 7 | 24430 |") && paper.contains("| 40012 |"));
    let qkv = Configuration::named("edge_qkv").unwrap();
    assert_eq!(qkv.input, Input::Qkv);
    assert!(numbers::numbers(&qkv).contains("`SCORE_SHIFT`"));
}

/// Python of the project's environment with wavedrompy; none is a skipped test, unless tools are required.
fn python() -> Option<std::path::PathBuf> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap();
    let python = root.join(".tools/venv/bin/python");
    let runs = Command::new(&python)
        .args(["-c", "import wavedrom"])
        .output();
    if runs.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    let required = std::env::var_os("LOGATTN_REQUIRE_TOOLS").is_some_and(|value| value == "1");
    assert!(
        !required,
        "wavedrom is not in .tools/venv: run scripts/setup"
    );
    eprintln!("skipped: wavedrom is not in .tools/venv");
    None
}

#[test]
fn wavedrom_reads_the_sources() {
    let Some(python) = python() else {
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/render_waves.py");
    let folder = tempfile::tempdir().unwrap();
    for name in ["nano", "edge_qkv"] {
        let contents = contents(name);
        let core = attention_core(&contents.configuration).unwrap();
        let (waves, _) = waves::simulate(&contents.configuration, &contents.map, &core).unwrap();
        for wave in waves {
            let path = folder.path().join(format!("{name}_{}.json", wave.name));
            std::fs::write(path, wave.json).unwrap();
        }
    }
    let output = Command::new(python)
        .arg(script)
        .arg(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(told.lines().count(), 8, "{told}");
}
