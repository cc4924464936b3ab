//! Drivers in C and Python, and their tests on the Verilated core.

use crate::templates::render;
use crate::vendor::{Stream, streams};
use crate::{Contents, PackagedFile, PackagingError};
use minijinja::{Value, context};

/// Files with values in them: path in the folder, template, how a line of comment starts.
const TEMPLATES: [(&str, &str, &str); 3] = [
    (
        "sw/logattn.h",
        include_str!("../templates/sw/logattn.h"),
        " * ",
    ),
    (
        "sw/test/model.cpp",
        include_str!("../templates/sw/test/model.cpp"),
        "// ",
    ),
    (
        "sw/test/Makefile",
        include_str!("../templates/sw/test/Makefile"),
        "# ",
    ),
];

/// Files that are the same for every core; what they need to know they read from generated ones.
const TEXTS: [(&str, &str); 7] = [
    ("sw/README.md", include_str!("../templates/sw/README.md")),
    ("sw/logattn.c", include_str!("../templates/sw/logattn.c")),
    ("sw/logattn.py", include_str!("../templates/sw/logattn.py")),
    (
        "sw/test/model.h",
        include_str!("../templates/sw/test/model.h"),
    ),
    (
        "sw/test/vectors.py",
        include_str!("../templates/sw/test/vectors.py"),
    ),
    (
        "sw/test/driver_test.c",
        include_str!("../templates/sw/test/driver_test.c"),
    ),
    (
        "sw/test/driver_test.py",
        include_str!("../templates/sw/test/driver_test.py"),
    ),
];

/// The drivers; they need the headers of [`registers`](crate::registers()), their tests the
/// Verilog and the vectors.
///
/// # Errors
/// A template cannot be filled: a defect of the generator.
pub fn software(contents: &Contents) -> Result<Vec<PackagedFile>, PackagingError> {
    let mut files = Vec::new();
    for (path, template, comment) in TEMPLATES {
        let text = render(template, &values(contents, comment))?;
        files.push(PackagedFile::new(path, text));
    }
    files.extend(TEXTS.map(|(path, text)| PackagedFile::new(path, text)));
    Ok(files)
}

fn values(contents: &Contents, comment: &str) -> Value {
    let (outputs, inputs): (Vec<Stream>, Vec<Stream>) = streams(&contents.export.ports)
        .into_iter()
        .partition(Stream::is_master);
    let value = |stream: &Stream| context! { name => &stream.name, bits => stream.bits };
    let inputs: Vec<Value> = inputs.iter().map(value).collect();
    context! {
        comment => contents.origin().replace('\n', &format!("\n{comment}")),
        name => &contents.configuration.name,
        top => &contents.export.top,
        inputs,
        output => outputs.first().map(value),
    }
}
