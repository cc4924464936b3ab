//! The cocotb bench: one for all configurations, which reads the manifest of the vectors.

use crate::PackagedFile;

const FILES: [(&str, &str); 6] = [
    ("Makefile", include_str!("../templates/tb/Makefile")),
    (
        "core_bench.py",
        include_str!("../templates/tb/core_bench.py"),
    ),
    (
        "golden_vectors.py",
        include_str!("../templates/tb/golden_vectors.py"),
    ),
    (
        "requirements.txt",
        include_str!("../templates/tb/requirements.txt"),
    ),
    ("run.py", include_str!("../templates/tb/run.py")),
    (
        "test_attention_core.py",
        include_str!("../templates/tb/test_attention_core.py"),
    ),
];

/// The files of `tb/`.
pub fn testbench() -> Vec<PackagedFile> {
    let file = |(name, text): (&str, &str)| PackagedFile::new(format!("tb/{name}"), text);
    FILES.into_iter().map(file).collect()
}
