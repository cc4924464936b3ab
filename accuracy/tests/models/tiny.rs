//! The tiny random checkpoints (see tests/data/make_tiny_bert.py and make_tiny_llama.py) and
//! spoiled copies of them.

use candle_core::quantized::QTensor;
use candle_core::quantized::gguf_file::{self, Content, Value};
use candle_core::{DType, Device};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The folder of the BERT checkpoint.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny_bert")
}

/// The folder of the Llama checkpoint.
pub fn llama_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny_llama")
}

/// The GGUF file, which is of other weights.
pub fn gguf() -> PathBuf {
    llama_folder().join("tiny.gguf")
}

/// A copy of the BERT checkpoint's folder that a test may spoil.
pub fn copy() -> TempDir {
    copy_of(&folder())
}

/// A copy of a folder that a test may spoil.
pub fn copy_of(folder: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
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
        Self::of(&folder())
    }

    pub fn of(folder: &Path) -> Self {
        Expected(tensors(&folder.join("expected.safetensors")))
    }

    pub fn floats(&self, name: &str) -> Vec<f32> {
        let (chunks, _) = self.0[name].bytes.as_chunks::<4>();
        chunks.iter().map(|&b| f32::from_le_bytes(b)).collect()
    }

    pub fn ids(&self, name: &str) -> Vec<u32> {
        let ids = self.integers(name).into_iter();
        ids.map(|id| u32::try_from(id).unwrap()).collect()
    }

    pub fn integers(&self, name: &str) -> Vec<i64> {
        let (chunks, _) = self.0[name].bytes.as_chunks::<8>();
        chunks.iter().map(|&b| i64::from_le_bytes(b)).collect()
    }

    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
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

/// Metadata and tensors of a GGUF file.
pub type Gguf = (BTreeMap<String, Value>, BTreeMap<String, QTensor>);

/// Changes metadata and tensors of a GGUF file.
pub fn edit_gguf(file: &Path, change: impl FnOnce(&mut Gguf)) {
    let mut reader = std::fs::File::open(file).unwrap();
    let content = Content::read(&mut reader).unwrap();
    let tensors = content.tensor_infos.keys().map(|name| {
        let tensor = content.tensor(&mut reader, name, &Device::Cpu).unwrap();
        (name.clone(), tensor)
    });
    let mut all = (BTreeMap::new(), tensors.collect());
    all.0.extend(content.metadata.clone());
    change(&mut all);
    let metadata: Vec<_> = all
        .0
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    let tensors: Vec<_> = all.1.iter().map(|(name, t)| (name.as_str(), t)).collect();
    let mut writer = std::fs::File::create(file).unwrap();
    gguf_file::write(&mut writer, &metadata, &tensors).unwrap();
}

/// A tensor of one value, in single precision.
pub fn constant(value: f32, shape: &[usize]) -> QTensor {
    let tensor = candle_core::Tensor::full(value, shape, &Device::Cpu).unwrap();
    let tensor = tensor.to_dtype(DType::F32).unwrap();
    QTensor::quantize(&tensor, candle_core::quantized::GgmlDType::F32).unwrap()
}

/// Asserts that two lists of numbers agree.
pub fn assert_close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    for (index, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= tolerance, "{f} is not {e} at {index}");
    }
}
