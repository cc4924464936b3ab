//! Running the command, and small inputs for it.

use assert_cmd::Command;
use logattn_testbenches::verilator::Verilator;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::fs;
use std::path::{Path, PathBuf};

/// D = 4, at most 8 keys, 2 keys a beat, 2-bit codes: small enough to work out by hand.
pub const SMALL: &str = r#"
name = "small"
input = "probabilities"
code_bits = 2
head_dimension = 4
max_keys = 8
value_bits = 8
probability_bits = 16
keys_per_beat = 2
lanes = 4
query_block = 1
accumulate = "shift"
normalize = "reciprocal"
output_bits = 8
output_lanes = 4
value_banks = 2
max_shift = 3
thresholds = [8192, 16384, 32768]
shifts = [3, 2, 1]
"#;

/// [`SMALL`] with another input, `scores` or `qkv`: the same three thresholds, in quarters of an
/// octave.
pub fn small_with(input: &str) -> String {
    let score_fields = "fraction_bits = 2
score_bits = 8
distance_bits = 6
guard_bits = 4
exp2 = \"mitchell\"
score_thresholds = [-12, -8, -4]";
    SMALL
        .replace("\"small\"", &format!("\"small_{input}\""))
        .replace("\"probabilities\"", &format!("\"{input}\""))
        .replace("probability_bits = 16\n", "")
        .replace("thresholds = [8192, 16384, 32768]", score_fields)
}

/// A directory that a test works in.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Self {
        Place(tempfile::tempdir().expect("a temporary directory"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, contents).expect("the file can be written");
        path
    }

    /// The paths of all files, relative to the directory, in order.
    pub fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        collect(self.0.path(), self.0.path(), &mut files);
        files.sort();
        files
    }

    /// The command, run in this directory.
    pub fn logattn(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("logattn").expect("the command is built");
        command.current_dir(self.0.path()).args(arguments);
        command
    }

    /// What a run prints that must succeed.
    pub fn prints(&self, arguments: &[&str]) -> String {
        let run = self.logattn(arguments).assert().success();
        String::from_utf8(run.get_output().stdout.clone()).expect("the output is text")
    }

    /// The error of a run that must fail with status 2, print nothing else and write nothing.
    pub fn refuses(&self, arguments: &[&str]) -> String {
        let before = self.files();
        let run = self.logattn(arguments).assert().code(2).stdout("");
        assert_eq!(self.files(), before, "nothing may be written");
        let text = String::from_utf8(run.get_output().stderr.clone()).expect("the error is text");
        assert!(text.starts_with("error: "), "{text}");
        text
    }
}

fn collect(root: &Path, directory: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(directory).expect("the directory can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let relative = path.strip_prefix(root).expect("it is below the root");
            files.push(relative.to_string_lossy().into_owned());
        }
    }
}

/// That a text has all of these parts.
pub fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
}

/// A tensor of a test file: name, shape and F32 elements.
pub type Tensor<'a> = (&'a str, &'a [usize], Vec<f32>);

/// The bytes of a safetensors file.
pub fn safetensors(tensors: &[Tensor]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, values)| values.iter().flat_map(|x| x.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        (
            *name,
            TensorView::new(Dtype::F32, shape.to_vec(), bytes)
                .expect("as many elements as the shape says"),
        )
    });
    safetensors::serialize(views, None).expect("a legal file")
}

/// A file with a tensor `mask` added.
pub fn with_mask(file: &[u8], mask: &[u8]) -> Vec<u8> {
    let file = SafeTensors::deserialize(file).expect("a legal file");
    let mask = TensorView::new(Dtype::U8, vec![mask.len()], mask).expect("a byte a token");
    let tensors = file.iter().chain([("mask", mask)]);
    safetensors::serialize(tensors, None).expect("a legal file")
}

/// Two heads of two rows over four keys. With the lowest threshold of [`SMALL`], 1/8, the rows
/// have 3, 1, 2 and 1 survivors.
pub fn probabilities() -> Vec<f32> {
    let first = [[0.5, 0.25, 0.125, 0.1], [0.9, 0.05, 0.05, 0.0]];
    let second = [[0.24, 0.02, 0.0, 0.7], [0.1, 0.1, 0.05, 0.6]];
    [first, second].concat().concat()
}

/// `v` for [`probabilities`].
pub fn values() -> Vec<f32> {
    (0_u8..32).map(|i| f32::from(i) - 16.0).collect()
}

/// A good file for [`SMALL`].
pub fn small_capture() -> Vec<u8> {
    safetensors(&[
        ("v", &[2, 4, 4], values()),
        ("probabilities", &[2, 2, 4], probabilities()),
    ])
}

/// A head of four queries, keys and values of D = 4. With base-2 logits log2(e) / 2 q·k that come
/// to whole numbers, the first query sees keys at 0, -1, -2 and -9, the others see equal keys.
pub fn score_capture() -> Vec<u8> {
    let octave = 2.0 / std::f32::consts::LOG2_E;
    let mut q = vec![0.0; 16];
    q[0] = octave;
    let k = [0.0, -1.0, -2.0, -9.0].map(|first| [first, 0.0, 0.0, 0.0]);
    safetensors(&[
        ("q", &[1, 4, 4], q),
        ("k", &[1, 4, 4], k.concat()),
        ("v", &[1, 4, 4], values()[..16].to_vec()),
    ])
}

/// Whether Verilator can be had. Without it a test says that it is skipped, or fails if
/// `LOGATTN_REQUIRE_TOOLS` is 1.
pub fn have_verilator() -> bool {
    match Verilator::find() {
        Ok(_) => true,
        Err(error) => {
            let required =
                std::env::var_os("LOGATTN_REQUIRE_TOOLS").is_some_and(|value| value == "1");
            assert!(!required, "{error}");
            eprintln!("skipped: {error}");
            false
        }
    }
}

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../accuracy/tests");

/// A command on the tiny encoder with its adapter and on sentences, which are written into the
/// place, with more arguments.
pub fn classification(command: &str, place: &Place, sentences: &str, more: &[&str]) -> Vec<String> {
    let data = place.write("sentences.tsv", sentences);
    let [model, adapter] =
        ["", "/adapter.safetensors"].map(|name| format!("{TESTS}/data/tiny_bert{name}"));
    let data = data.to_str().expect("a path that is text");
    let fixed = [
        command,
        "--model",
        &model,
        "--adapter",
        &adapter,
        "--task",
        "classify",
        "--data",
        data,
    ];
    let all = fixed.iter().chain(more);
    all.map(|argument| argument.to_string()).collect()
}

/// The arguments as a command takes them.
pub fn strings(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}
