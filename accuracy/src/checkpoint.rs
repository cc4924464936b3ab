//! Files of a checkpoint: weights with their checks, JSON.

use crate::{Error, Result};
use candle_core::{Device, Tensor};
use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Reads a file whole.
///
/// # Errors
/// [`Error::Read`].
pub fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).map_err(|source| Error::Read {
        file: file.into(),
        source,
    })
}

/// Reads a JSON file; `what` is what it should be, for the error.
///
/// # Errors
/// [`Error::Read`], [`Error::Parse`].
pub fn read_json<T: DeserializeOwned>(file: &Path, what: &'static str) -> Result<T> {
    serde_json::from_slice(&read(file)?).map_err(|error| Error::Parse {
        file: file.into(),
        what,
        reason: error.to_string(),
    })
}

/// The weights of a checkpoint folder in one file.
const ONE_FILE: &str = "model.safetensors";
/// Where the weights stand if they are in several files, the shards.
const SHARD_INDEX: &str = "model.safetensors.index.json";
/// What a checkpoint folder may have in place of them.
const OTHER_FORMATS: [&str; 4] = [
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "tf_model.h5",
    "flax_model.msgpack",
];

/// Which file of a checkpoint has which tensor.
#[derive(Deserialize)]
struct ShardIndex {
    weight_map: BTreeMap<String, String>,
}

/// The field that tells one kind of config.json from the others.
#[derive(Deserialize)]
struct ModelType {
    model_type: Option<String>,
}

/// The model type that a config.json names; empty if it names none.
///
/// # Errors
/// [`Error::Read`], [`Error::Parse`].
pub fn model_type(config: &Path) -> Result<String> {
    let ModelType { model_type } = read_json(config, "configuration of a model")?;
    Ok(model_type.unwrap_or_default())
}

/// That a config.json is of one of these model types.
///
/// # Errors
/// [`Error::Read`], [`Error::Parse`], [`Error::Architecture`].
pub(crate) fn require_model_type(
    config: &Path,
    wanted: &[&str],
    supported: &'static str,
) -> Result<()> {
    let found = model_type(config)?;
    if wanted.contains(&found.as_str()) {
        return Ok(());
    }
    Err(Error::Architecture {
        file: config.into(),
        what: "model type",
        found,
        supported,
    })
}

/// The floating-point tensors of a checkpoint's file, in single precision and finite. Tensors of
/// other types (position ids, for one) are left out.
#[derive(Debug)]
pub struct Weights {
    file: PathBuf,
    prefix: String,
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Tensors that were read from `file`, all of single precision and finite.
    pub(crate) fn new(file: &Path, tensors: BTreeMap<String, Tensor>) -> Self {
        Weights {
            file: file.into(),
            prefix: String::new(),
            tensors,
        }
    }

    /// Reads all tensors of a checkpoint folder: those of model.safetensors, or of the shards that
    /// model.safetensors.index.json names.
    ///
    /// # Errors
    /// [`Error::Architecture`]: the weights are there in another format only. [`Error::Read`],
    /// [`Error::Parse`], [`Error::Type`], [`Error::NotFinite`].
    pub fn load_folder(folder: &Path) -> Result<Self> {
        let (whole, index) = (folder.join(ONE_FILE), folder.join(SHARD_INDEX));
        if whole.exists() {
            return Self::load(&whole);
        }
        if index.exists() {
            return Self::load_shards(folder, &index);
        }
        let other = OTHER_FORMATS
            .into_iter()
            .find(|name| folder.join(name).exists());
        match other {
            Some(found) => Err(Error::Architecture {
                file: folder.into(),
                what: "format of the weights",
                found: found.into(),
                supported: "model.safetensors, or model.safetensors.index.json with its shards",
            }),
            None => Self::load(&whole),
        }
    }

    fn load_shards(folder: &Path, index: &Path) -> Result<Self> {
        let ShardIndex { weight_map } = read_json(index, "index of shards")?;
        let shards: BTreeSet<&String> = weight_map.values().collect();
        let mut tensors = BTreeMap::new();
        for shard in shards {
            tensors.extend(Self::load(&folder.join(shard))?.tensors);
        }
        Ok(Weights::new(index, tensors))
    }

    /// Reads all tensors of a safetensors file.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Parse`], [`Error::Type`], [`Error::NotFinite`].
    pub fn load(file: &Path) -> Result<Self> {
        let parse = |error: safetensors::SafeTensorError| Error::Parse {
            file: file.into(),
            what: "safetensors file",
            reason: error.to_string(),
        };
        let bytes = read(file)?;
        let mut tensors = BTreeMap::new();
        for (name, view) in SafeTensors::deserialize(&bytes).map_err(parse)?.iter() {
            if let Some(tensor) = finite_tensor(file, name, &view)? {
                tensors.insert(name.to_owned(), tensor);
            }
        }
        Ok(Weights::new(file, tensors))
    }

    /// The file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Lets all names start with `prefix` if `probe` does: checkpoints of a model with a head on
    /// top prefix the names of the encoder.
    pub fn with_prefix(mut self, prefix: &str, probe: &str) -> Self {
        if self.tensors.contains_key(&format!("{prefix}{probe}")) {
            self.prefix = prefix.into();
        }
        self
    }

    /// Takes names as they are from now on.
    pub(crate) fn drop_prefix(&mut self) {
        self.prefix.clear();
    }

    /// Takes a tensor out, which must have this shape.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::Shape`].
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let tensor = self.take_any(name)?;
        if tensor.dims() != shape {
            return Err(self.wrong_shape(name, &tensor, format!("{shape:?}")));
        }
        Ok(tensor)
    }

    /// Takes a tensor out, whatever its shape.
    ///
    /// # Errors
    /// [`Error::MissingTensor`].
    pub fn take_any(&mut self, name: &str) -> Result<Tensor> {
        let name = format!("{}{name}", self.prefix);
        self.tensors
            .remove(&name)
            .ok_or_else(|| Error::MissingTensor {
                file: self.file.clone(),
                tensor: name,
            })
    }

    /// Whether a tensor is there and was not taken.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(&format!("{}{name}", self.prefix))
    }

    /// The names that were not taken.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The error of a tensor whose shape is not the `legal` one.
    pub fn wrong_shape(&self, name: &str, tensor: &Tensor, legal: String) -> Error {
        Error::Shape {
            file: self.file.clone(),
            tensor: format!("{}{name}", self.prefix),
            found: tensor.dims().into(),
            legal,
        }
    }
}

/// A tensor in single precision, or `None` if it holds integers.
fn finite_tensor(file: &Path, name: &str, view: &TensorView) -> Result<Option<Tensor>> {
    let values = match view.dtype() {
        Dtype::F32 => elements(view, f32::from_le_bytes),
        Dtype::F16 => elements(view, |b| f16::from_le_bytes(b).to_f32()),
        Dtype::BF16 => elements(view, |b| bf16::from_le_bytes(b).to_f32()),
        Dtype::BOOL | Dtype::U8 | Dtype::I32 | Dtype::I64 => return Ok(None),
        other => {
            return Err(Error::Type {
                file: file.into(),
                tensor: name.into(),
                found: other.to_string(),
            });
        }
    };
    check_finite(file, name, &values)?;
    Ok(Some(Tensor::from_vec(values, view.shape(), &Device::Cpu)?))
}

/// That no value of a tensor is NaN or infinite.
pub(crate) fn check_finite(file: &Path, name: &str, values: &[f32]) -> Result<()> {
    match values.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(Error::NotFinite {
            file: file.into(),
            tensor: name.into(),
            index,
            found: values[index],
        }),
        None => Ok(()),
    }
}

/// All elements of a tensor whose type is `N` bytes wide.
fn elements<const N: usize>(view: &TensorView, decode: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    let (chunks, _) = view.data().as_chunks::<N>();
    chunks.iter().map(|&bytes| decode(bytes)).collect()
}
