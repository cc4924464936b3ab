//! The C driver and the register header of every named configuration, by a C and a C++ compiler
//! with all warnings as errors; the Python modules by Python's own parser.

use logattn_golden::Configuration;
use logattn_golden::config::{NAMES, SORTED_NAMES, TWIN_NAMES, VARIANT_NAMES};
use logattn_packaging::{Contents, PackagedFile, registers, software};
use std::path::Path;
use std::process::{Command, Output};

/// The drivers of a configuration's folder, written into `folder`.
fn write(name: &str, folder: &Path) {
    let contents = Contents::new(&Configuration::named(name).unwrap()).unwrap();
    let files = registers(&contents).into_iter();
    let files = files.chain(software(&contents).unwrap());
    for PackagedFile { path, text } in files.filter(|file| file.path.starts_with("sw/")) {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// Runs a tool; `None`, with a note, if it is not there and need not be.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
    {
        Ok(output) => Some(output),
        Err(error) => {
            let required = std::env::var_os("LOGATTN_REQUIRE_TOOLS").is_some_and(|v| v == "1");
            assert!(!required, "{program}: {error}");
            eprintln!("skipped: {program}: {error}");
            None
        }
    }
}

fn accepts(name: &str, folder: &Path, program: &str, arguments: &[&str]) {
    if let Some(output) = run(folder, program, arguments) {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}, {program}: {said}");
    }
}

#[test]
fn compilers_take_every_configuration_without_a_warning() {
    let names = [&NAMES[..], &VARIANT_NAMES, &SORTED_NAMES, &TWIN_NAMES].concat();
    for name in names {
        let folder = tempfile::tempdir().unwrap();
        write(name, folder.path());
        let flags = ["-Wall", "-Wextra", "-Werror", "-fsyntax-only"];
        let c = [&["-std=c99", "-pedantic"], &flags[..], &["sw/logattn.c"]].concat();
        let cpp = ["-std=c++11", "-x", "c++"];
        let cpp = [&cpp[..], &flags, &["sw/logattn.c"]].concat();
        accepts(name, folder.path(), "cc", &c);
        accepts(name, folder.path(), "c++", &cpp);
        let registers = format!("sw/{name}_registers.py");
        let parse = "import ast, sys\nfor name in sys.argv[1:]: ast.parse(open(name).read())";
        let files = ["sw/logattn.py", "sw/test/driver_test.py", &registers];
        let arguments = [&["-c", parse], &files[..]].concat();
        accepts(name, folder.path(), "python3", &arguments);
    }
}
