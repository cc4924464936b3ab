//! The cocotb bench: one for all configurations, which reads the manifest of the vectors.

use crate::PackagedFile;

const FILES: [(&str, &str); 9] = [
    (
        "lint/verible.rules",
        include_str!("../templates/lint/verible.rules"),
    ),
    (
        "synthesis/yowasp.py",
        include_str!("../templates/synthesis/yowasp.py"),
    ),
    ("tb/Makefile", include_str!("../templates/tb/Makefile")),
    ("tb/README.md", include_str!("../templates/tb/README.md")),
    (
        "tb/core_bench.py",
        include_str!("../templates/tb/core_bench.py"),
    ),
    (
        "tb/golden_vectors.py",
        include_str!("../templates/tb/golden_vectors.py"),
    ),
    (
        "tb/requirements.txt",
        include_str!("../templates/tb/requirements.txt"),
    ),
    ("tb/run.py", include_str!("../templates/tb/run.py")),
    (
        "tb/test_attention_core.py",
        include_str!("../templates/tb/test_attention_core.py"),
    ),
];

/// The files of `tb/`, and what other tools need that is the same for every configuration.
pub fn testbench() -> Vec<PackagedFile> {
    let file = |(path, text)| PackagedFile::new(path, text);
    FILES.map(file).into()
}
