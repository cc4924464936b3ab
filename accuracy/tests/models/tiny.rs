//! The tiny random checkpoint (see tests/data/make_tiny_bert.py) and spoiled copies of it.

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The checkpoint's folder.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny_bert")
}

/// A copy of the folder that a test may spoil.
pub fn copy() -> TempDir {
    let copy = TempDir::new().unwrap();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

/// Replaces text in a file, which must be there.
pub fn replace(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from} is not in {}", file.display());
    std::fs::write(file, text.replacen(from, to, 1)).unwrap();
}

/// What the tiny model must compute, by name: shape and values.
pub struct Expected(BTreeMap<String, Array>);

/// A tensor of a file, raw.
#[derive(Clone)]
pub struct Array {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

impl Expected {
    pub fn load() -> Self {
        Expected(tensors(&folder().join("expected.safetensors")))
    }

    pub fn floats(&self, name: &str) -> Vec<f32> {
        let (chunks, _) = self.0[name].bytes.as_chunks::<4>();
        chunks.iter().map(|&b| f32::from_le_bytes(b)).collect()
    }

    pub fn ids(&self, name: &str) -> Vec<u32> {
        let (chunks, _) = self.0[name].bytes.as_chunks::<8>();
        let ids = chunks.iter().map(|&b| i64::from_le_bytes(b));
        ids.map(|id| u32::try_from(id).unwrap()).collect()
    }
}

/// All tensors of a file.
pub fn tensors(file: &Path) -> BTreeMap<String, Array> {
    let bytes = std::fs::read(file).unwrap();
    let parsed = SafeTensors::deserialize(&bytes).unwrap();
    let own = |(name, view): (&str, TensorView)| {
        let array = Array {
            dtype: view.dtype(),
            shape: view.shape().into(),
            bytes: view.data().into(),
        };
        (name.to_owned(), array)
    };
    parsed.iter().map(own).collect()
}

/// Changes the tensors of a file.
pub fn edit(file: &Path, change: impl FnOnce(&mut BTreeMap<String, Array>)) {
    let mut all = tensors(file);
    change(&mut all);
    let views = all.iter().map(|(name, array)| {
        let view = TensorView::new(array.dtype, array.shape.clone(), &array.bytes);
        (name.as_str(), view.unwrap())
    });
    std::fs::write(file, serialize(views, None).unwrap()).unwrap();
}

/// Asserts that two lists of numbers agree.
pub fn assert_close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    for (index, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= tolerance, "{f} is not {e} at {index}");
    }
}
