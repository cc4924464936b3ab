//! Files of the tests, and models.

use logattn_accuracy::evaluation::{Evaluated, EvaluationOptions, Model, evaluate};
use logattn_accuracy::tasks::{Task, TaskData};
use logattn_accuracy::{Prepared, Result, Specification};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A file of this test.
pub fn data(name: &str) -> PathBuf {
    crate_root().join("tests/tasks/data").join(name)
}

/// A JSON file of this test.
pub fn json(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(data(name)).unwrap()).unwrap()
}

/// The numbers of a JSON array.
pub fn numbers(array: &Value) -> Vec<f64> {
    let numbers = array.as_array().unwrap().iter();
    numbers.map(|x| x.as_f64().unwrap()).collect()
}

fn crate_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The tiny encoder, with or without its adapter.
pub fn tiny_bert(adapted: bool) -> Model {
    let folder = crate_root().join("tests/data/tiny_bert");
    let adapter = folder.join("adapter.safetensors");
    Model::load(&folder, adapted.then_some(adapter.as_path())).unwrap()
}

/// The tiny decoder.
pub fn tiny_llama() -> Model {
    Model::load(&crate_root().join("tests/data/tiny_llama"), None).unwrap()
}

/// A file or folder, if it is there.
pub fn present(path: PathBuf) -> Option<PathBuf> {
    let there = path.exists();
    if !there {
        eprintln!("skipped: {} is absent", path.display());
    }
    there.then_some(path)
}

/// A file of the data and adapters that are no part of the repository.
pub fn shared(name: &str) -> Option<PathBuf> {
    present(crate_root().join("../../shared").join(name))
}

/// The folder of the models: that of the environment variable LOGATTN_MODELS, or where
/// scripts/fetch-models puts them.
pub fn models_folder() -> PathBuf {
    std::env::var_os("LOGATTN_MODELS")
        .map_or_else(|| crate_root().join("../.tools/models"), PathBuf::from)
}

/// Float attention for a model.
pub fn float(model: &Model) -> Prepared {
    let float = Specification::parse("float").unwrap();
    float.prepare(&model.shape()).unwrap()
}

/// Does a task of this test's data with float attention, alone.
pub fn run(
    task: Task,
    file: &Path,
    model: &Model,
    options: &EvaluationOptions,
) -> Result<Evaluated> {
    let data = TaskData::load(task, file, &[])?;
    evaluate(&data, model, &[float(model)], options, &|_, _| ())
}

/// Asserts that two numbers agree.
pub fn assert_near(found: f64, expected: f64, tolerance: f64) {
    let difference = (found - expected).abs();
    assert!(difference <= tolerance, "{found}, expected {expected}");
}
